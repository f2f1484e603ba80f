#include "daemon/options.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the explanations of --help begin. */
#define HELP_COLUMN 26
#define NAMES_MAX   64

void options_begin(struct options *o, const char *command, const char *usage, const char *about,
                   const struct option_row *rows, size_t count, int argc, char **argv)
{
    REQUIRE(count <= NAMES_MAX);
    *o = (struct options){.command = command,
                          .usage = usage,
                          .about = about,
                          .rows = rows,
                          .count = count,
                          .argc = argc,
                          .at = 1,
                          .argv = argv};
}

static void print_row(const char *name, const char *argument, const char *help)
{
    int width = printf("  --%s%s%s", name, argument != NULL ? " " : "", argument != NULL ? argument : "");
    if (width > HELP_COLUMN - 2) {
        printf("\n");
        width = 0;
    }
    while (*help != 0) {
        int len = (int)strcspn(help, "\n");
        printf("%*s%.*s\n", HELP_COLUMN - width, "", len, help);
        help += len + (help[len] == '\n');
        width = 0;
    }
}

static void print_help(const struct options *o)
{
    printf("Usage: kpid %s %s\n%s\n\nOptions:\n", o->command, o->usage, o->about);
    for (size_t i = 0; i < o->count; i++)
        print_row(o->rows[i].name, o->rows[i].argument, o->rows[i].help);
    print_row("help", NULL, "print this and end");
}

const char *options_nearest(const char *written, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    /* One slip in three letters is a slip; more is another word. */
    unsigned least = (unsigned)strlen(written) / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = text_distance(text_of(written), text_of(words[i]));
        if (distance <= least && distance < (unsigned)strlen(words[i])) {
            nearest = words[i];
            least = distance - (distance > 0);
        }
    }
    return nearest;
}

static int wrong_option(const struct options *o, const char *written)
{
    const char *names[NAMES_MAX];
    for (size_t i = 0; i < o->count; i++)
        names[i] = o->rows[i].name;
    const char *nearest = options_nearest(written, names, o->count);
    fprintf(stderr, "kpid %s: unknown option --%s", o->command, written);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean --%s?", nearest);
    fprintf(stderr, "\n'kpid %s --help' lists the options\n", o->command);
    return OPTIONS_WRONG;
}

static int long_option(struct options *o, char *written)
{
    size_t len = strcspn(written, "=");
    char *equals = written[len] == '=' ? written + len : NULL;
    if (len == 4 && strncmp(written, "help", len) == 0 && equals == NULL) {
        print_help(o);
        return OPTIONS_HELP;
    }
    for (size_t i = 0; i < o->count; i++) {
        const struct option_row *row = &o->rows[i];
        if (strlen(row->name) != len || strncmp(row->name, written, len) != 0)
            continue;
        o->name = row->name;
        o->value = equals != NULL ? equals + 1 : NULL;
        if (row->argument == NULL && equals != NULL) {
            options_complain(o, "takes no value");
            return OPTIONS_WRONG;
        }
        if (row->argument != NULL && equals == NULL) {
            if (o->at == o->argc) {
                fprintf(stderr, "kpid %s: --%s needs a value: %s\n", o->command, row->name, row->argument);
                return OPTIONS_WRONG;
            }
            o->value = o->argv[o->at++];
        }
        return (int)i;
    }
    if (equals != NULL)
        *equals = 0;
    return wrong_option(o, written);
}

int options_next(struct options *o)
{
    if (o->at >= o->argc)
        return OPTIONS_END;
    char *word = o->argv[o->at++];
    if (!o->only_arguments && strcmp(word, "--") == 0) {
        o->only_arguments = true;
        return options_next(o);
    }
    if (o->only_arguments || word[0] != '-' || word[1] == 0) {
        o->name = NULL;
        o->value = word;
        return OPTIONS_ARGUMENT;
    }
    if (word[1] == '-')
        return long_option(o, word + 2);
    if (strcmp(word, "-h") == 0) {
        print_help(o);
        return OPTIONS_HELP;
    }
    return wrong_option(o, word + 1);
}

bool options_number(const struct options *o, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    errno = 0;
    long long n = strtoll(o->value, &end, 10);
    if (end == o->value || *end != 0 || errno != 0 || n < min || n > max) {
        fprintf(stderr, "kpid %s: --%s: '%s' is no whole number from %lld to %lld\n", o->command, o->name, o->value,
                (long long)min, (long long)max);
        return false;
    }
    *out = n;
    return true;
}

void options_complain(const struct options *o, const char *problem)
{
    if (o->name == NULL)
        fprintf(stderr, "kpid %s: '%s': %s\n", o->command, o->value, problem);
    else if (o->value == NULL)
        fprintf(stderr, "kpid %s: --%s: %s\n", o->command, o->name, problem);
    else
        fprintf(stderr, "kpid %s: --%s '%s': %s\n", o->command, o->name, o->value, problem);
}

bool options_instant(const char *command, const char *option, const char *text, const struct calendar *c,
                     int64_t *out_us)
{
    struct text t = text_of(text);
    int64_t us, day;
    bool is_date = date_parse(t, &day) == OK;
    if (is_date)
        us = calendar_instant(c, day, 0);
    if (is_date ? us < INSTANT_MIN || us >= INSTANT_END : instant_parse(t, &us) != OK) {
        fprintf(stderr, "kpid %s: --%s '%s': neither RFC 3339 with a zone nor a date of 1970 to 2199\n", command,
                option, text);
        return false;
    }
    *out_us = us - us % MILLISECOND;
    return true;
}
