/* log.h - one line an event on standard error: logfmt or JSON, with journald's priority prefix where
 * standard error is the journal (JOURNAL_STREAM is set).
 *
 *     LOG(LOG_INFO, "redis is back", LOG_TEXT("host", host), LOG_NUMBER("away_ms", ms));
 *
 * Thread: any; a line is one write(2). Never logs secrets: the caller does not pass them.
 */
#pragma once
#include "base/text.h"
#include <stddef.h>
#include <stdint.h>

enum log_format { LOG_LOGFMT, LOG_JSON };
enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log_field {
    const char *name;
    struct text text; /* at == NULL: number */
    int64_t number;
};

#define LOG_TEXT(name, string) ((struct log_field){(name), text_of(string), 0})
#define LOG_VIEW(name, view)   ((struct log_field){(name), (view), 0})
#define LOG_NUMBER(name, n)    ((struct log_field){(name), {NULL, 0}, (n)})

/* Before threads start. Default: logfmt, LOG_INFO. */
void log_setup(enum log_format format, enum log_level most);
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count);

#define LOG(level, message, ...)                                                \
    log_write((level), (message), (struct log_field[]){{0}, ##__VA_ARGS__} + 1, \
              sizeof((struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field) - 1)
