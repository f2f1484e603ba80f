#include "base/error.h"
#include "daemon/options.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option_row rows[] = {
    {"config", "FILE", "the configuration"},
    {"strict", NULL, "no mercy"},
    {"limit", "N", "how many"},
};

/* What is said on standard error and output goes into a file. */
static FILE *captured;

static const char *said(void)
{
    static char text[4096];
    fflush(stdout);
    fflush(stderr);
    rewind(captured);
    text[fread(text, 1, sizeof text - 1, captured)] = 0;
    return text;
}

static char *words[16];

static void begin(struct options *o, const char *line)
{
    captured = tmpfile();
    REQUIRE(captured != NULL && dup2(fileno(captured), STDERR_FILENO) >= 0 &&
            dup2(fileno(captured), STDOUT_FILENO) >= 0);
    static char copy[256];
    snprintf(copy, sizeof copy, "%s", line);
    int count = 0;
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        words[count++] = word;
    options_begin(o, "try", "[OPTION]...", "Tries options.", rows, 3, count, words);
}

Test(options, values_stand_behind_or_within)
{
    struct options o;
    begin(&o, "try --config a.yaml --config=b=c.yaml --strict file - --limit=7 -- --strict");

    cr_expect(eq(int, options_next(&o), 0));
    cr_expect(eq(str, (char *)o.value, "a.yaml"));
    cr_expect(eq(int, options_next(&o), 0));
    cr_expect(eq(str, (char *)o.value, "b=c.yaml"));
    cr_expect(eq(int, options_next(&o), 1));
    cr_expect(eq(int, options_next(&o), OPTIONS_ARGUMENT));
    cr_expect(eq(str, (char *)o.value, "file"));
    cr_expect(eq(int, options_next(&o), OPTIONS_ARGUMENT));
    cr_expect(eq(str, (char *)o.value, "-"));
    cr_expect(eq(int, options_next(&o), 2));
    int64_t n = 0;
    cr_expect(options_number(&o, 1, 10, &n));
    cr_expect(eq(i64, n, 7));
    cr_expect(eq(int, options_next(&o), OPTIONS_ARGUMENT));
    cr_expect(eq(str, (char *)o.value, "--strict"));
    cr_expect(eq(int, options_next(&o), OPTIONS_END));
    cr_expect(eq(str, (char *)said(), ""));
}

Test(options, a_slip_is_answered_with_the_nearest)
{
    struct options o;
    begin(&o, "try --confg x");
    cr_expect(eq(int, options_next(&o), OPTIONS_WRONG));
    cr_expect(strstr(said(), "kpid try: unknown option --confg; did you mean --config?\n") != NULL, "%s", said());
}

/* A far word gets no suggestion: a wrong one misleads. */
Test(options, another_word_is_not)
{
    struct options o;
    begin(&o, "try --verbose");
    cr_expect(eq(int, options_next(&o), OPTIONS_WRONG));
    cr_expect(strstr(said(), "did you mean") == NULL, "%s", said());
}

Test(options, a_missing_value_is_told)
{
    struct options o;
    begin(&o, "try --config");
    cr_expect(eq(int, options_next(&o), OPTIONS_WRONG));
    cr_expect(eq(str, (char *)said(), "kpid try: --config needs a value: FILE\n"));
}

Test(options, a_flag_takes_no_value)
{
    struct options o;
    begin(&o, "try --strict=yes");
    cr_expect(eq(int, options_next(&o), OPTIONS_WRONG));
    cr_expect(eq(str, (char *)said(), "kpid try: --strict 'yes': takes no value\n"));
}

Test(options, numbers_have_limits)
{
    static const char *const bad[] = {"0", "11", "x", "5x", "", "99999999999999999999", "0x5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct options o = {.command = "try", .name = "limit", .value = bad[i]};
        int64_t n = -1;
        cr_expect(not(options_number(&o, 1, 10, &n)), "%s", bad[i]);
        cr_expect(eq(i64, n, -1));
    }
}

Test(options, help_lists_every_row)
{
    struct options o;
    begin(&o, "try --help");
    cr_expect(eq(int, options_next(&o), OPTIONS_HELP));
    for (int i = 0; i < 3; i++)
        cr_expect(strstr(said(), rows[i].help) != NULL, "%s", said());
    cr_expect(strstr(said(), "--config FILE") != NULL, "%s", said());
}
