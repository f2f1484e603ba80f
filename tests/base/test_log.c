#include "base/error.h"
#include "base/log.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Standard error goes into a file of its own for the test (each test is a process). */
static FILE *captured;

static void capture(void)
{
    captured = tmpfile();
    REQUIRE(captured != NULL);
    REQUIRE(dup2(fileno(captured), STDERR_FILENO) == STDERR_FILENO);
}

static const char *written(void)
{
    static char text[8192];
    fflush(stderr);
    rewind(captured);
    size_t len = fread(text, 1, sizeof text - 1, captured);
    text[len] = 0;
    return text;
}

/* The time differs from run to run: checked for its form and cut off. */
static const char *after_time(const char *line, const char *prefix, size_t time_len)
{
    cr_assert(strncmp(line, prefix, strlen(prefix)) == 0, "%s", line);
    return line + strlen(prefix) + time_len;
}

#define TIME_LEN 24 /* 2017-12-31T23:59:59.000Z */

Test(log, logfmt_quotes_what_needs_quotes)
{
    capture();
    log_setup(LOG_LOGFMT, LOG_INFO);
    LOG(LOG_WARNING, "redis is back", LOG_TEXT("host", "localhost"), LOG_NUMBER("away_ms", -12),
        LOG_TEXT("why", "a \"b\"\n"), LOG_TEXT("empty", ""));
    const char *line = after_time(written(), "ts=", TIME_LEN);
    cr_expect(
        eq(str, (char *)line,
           " level=warning msg=\"redis is back\" host=localhost away_ms=-12 why=\"a \\\"b\\\"\\n\" empty=\"\"\n"));
}

Test(log, json_is_one_object_a_line)
{
    capture();
    log_setup(LOG_JSON, LOG_INFO);
    LOG(LOG_ERROR, "a\tb", LOG_NUMBER("n", 3));
    LOG(LOG_INFO, "bare");
    const char *line = after_time(written(), "{\"ts\":\"", TIME_LEN);
    const char *second = strchr(line, '\n') + 1;
    cr_expect(strncmp(line, "\",\"level\":\"error\",\"msg\":\"a\\tb\",\"n\":3}\n", (size_t)(second - line)) == 0, "%s",
              line);
    second = after_time(second, "{\"ts\":\"", TIME_LEN);
    cr_expect(eq(str, (char *)second, "\",\"level\":\"info\",\"msg\":\"bare\"}\n"));
}

Test(log, what_is_below_the_level_is_not_written)
{
    capture();
    log_setup(LOG_LOGFMT, LOG_WARNING);
    LOG(LOG_INFO, "no");
    LOG(LOG_DEBUG, "no");
    cr_expect(eq(str, (char *)written(), ""));
}

/* journald has its own clock and reads the priority from the front of the line. */
Test(log, the_journal_gets_priorities_and_no_time)
{
    capture();
    struct stat s;
    REQUIRE(fstat(STDERR_FILENO, &s) == 0);
    char stream[64];
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)s.st_dev, (unsigned long long)s.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_setup(LOG_LOGFMT, LOG_DEBUG);
    LOG(LOG_ERROR, "e");
    LOG(LOG_DEBUG, "d");
    cr_expect(eq(str, (char *)written(), "<3>level=error msg=e\n<7>level=debug msg=d\n"));
}

/* Started by the journal, then redirected into a file: lines need their time again. */
Test(log, a_redirected_stream_is_not_the_journal)
{
    capture();
    setenv("JOURNAL_STREAM", "1:1", 1);
    log_setup(LOG_LOGFMT, LOG_INFO);
    LOG(LOG_INFO, "m");
    cr_expect(strncmp(written(), "ts=", 3) == 0);
}

/* A hostile value may be 10 MB long; the line stays one write. */
Test(log, long_values_are_cut)
{
    capture();
    log_setup(LOG_LOGFMT, LOG_INFO);
    static char value[100000];
    memset(value, 'x', sizeof value - 1);
    LOG(LOG_INFO, "m", LOG_TEXT("v", value));
    cr_expect(strlen(written()) < 1200);
}
