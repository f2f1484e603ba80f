#include "base/log.h"
#include "base/clock.h"
#include "base/instant.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longer values are cut: a line must stay one write, and a pipe takes 4,096 bytes in one piece. */
#define VALUE_MAX 1024

static enum log_format log_format = LOG_LOGFMT;
static enum log_level log_most = LOG_INFO;
static bool log_to_journal; /* the journal has its own time stamps and wants "<priority>" first */

static const struct {
    const char *name;
    int priority; /* syslog's */
} levels[] = {
    [LOG_ERROR] = {"error", 3}, [LOG_WARNING] = {"warning", 4}, [LOG_INFO] = {"info", 6}, [LOG_DEBUG] = {"debug", 7}};

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream to the journal; standard error may have been
 * redirected since. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat s;
    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &s) == 0 &&
           s.st_dev == device && s.st_ino == inode;
}

void log_setup(enum log_format format, enum log_level most)
{
    log_format = format;
    log_most = most;
    log_to_journal = stderr_is_journal();
}

static bool needs_quotes(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return true;
    }
    return t.len == 0;
}

static struct text shortened(struct text t)
{
    if (t.len > VALUE_MAX)
        t.len = VALUE_MAX;
    return t;
}

static void add_text(struct buffer *b, const char *name, struct text value)
{
    value = shortened(value);
    if (log_format == LOG_JSON) {
        buffer_json(b, text_of(name));
        buffer_char(b, ':');
        buffer_json(b, value);
        buffer_char(b, ',');
        return;
    }
    buffer_string(b, name);
    buffer_char(b, '=');
    if (needs_quotes(value))
        buffer_json(b, value);
    else
        buffer_text(b, value);
    buffer_char(b, ' ');
}

static void add_number(struct buffer *b, const char *name, int64_t n)
{
    if (log_format == LOG_JSON)
        buffer_json(b, text_of(name));
    else
        buffer_string(b, name);
    buffer_char(b, log_format == LOG_JSON ? ':' : '=');
    buffer_integer(b, n);
    buffer_char(b, log_format == LOG_JSON ? ',' : ' ');
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    if (level > log_most)
        return;
    struct buffer b;
    buffer_init(&b);
    if (log_to_journal)
        buffer_format(&b, "<%d>", levels[level].priority);
    if (log_format == LOG_JSON)
        buffer_char(&b, '{');
    if (!log_to_journal) {
        struct buffer now;
        buffer_init(&now);
        instant_format(&now, clock_now_us(), true);
        add_text(&b, "ts", buffer_view(&now));
        buffer_fini(&now);
    }
    add_text(&b, "level", text_of(levels[level].name));
    add_text(&b, "msg", text_of(message));
    for (size_t i = 0; i < count; i++) {
        if (fields[i].text.at == NULL)
            add_number(&b, fields[i].name, fields[i].number);
        else
            add_text(&b, fields[i].name, fields[i].text);
    }
    b.at[b.len - 1] = log_format == LOG_JSON ? '}' : '\n';
    if (log_format == LOG_JSON)
        buffer_char(&b, '\n');
    /* One call, so that lines of several threads do not mix. A log that cannot be written is not kpid's end. */
    ssize_t n;
    do
        n = write(STDERR_FILENO, b.at, b.len);
    while (n < 0 && errno == EINTR);
    buffer_fini(&b);
}
