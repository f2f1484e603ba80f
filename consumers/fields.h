/* fields.h - a value of a message to what a field holds: its type, its limits. CONTRACT 1.
 *
 * Thread: any, one a reader. Memory: results borrow the value's bytes; config and calendar are borrowed.
 */
#pragma once
#include "base/calendar.h"
#include "base/error.h"
#include "config/config.h"
#include "config/field.h"
#include "consumers/json.h"
#include <stdint.h>

struct field_result {
    int64_t number;  /* as field.h says; FIELD_INTEGER: the whole number itself */
    bool rounded;    /* had more than six decimals */
    int8_t decimals; /* FIELD_CURRENCY: field_reader_decimals */
};

/* What reading needs to know, and the currencies that came last, since a stream has few. */
struct field_reader {
    const struct config *config;
    const struct calendar *calendar;
    struct {
        currency_code code;
        int decimals;
    } known[16];
};

void field_reader_init(struct field_reader *r, const struct config *config, const struct calendar *calendar);
/* Digits after the point, -1 = unknown currency: config_currency_decimals, remembered. */
int field_reader_decimals(struct field_reader *r, currency_code code);

/* Any type but FIELD_TEXT. The value must be neither absent nor null. When it fails *out is anything. */
MUST_CHECK enum error field_read(struct field_reader *r, const struct field *f, const struct value *v,
                                 struct field_result *out);

/* FIELD_TEXT: whether v->text is a name; BAD_TYPE, BAD_TEXT, BAD_UTF8. What is seen at once to be one is not judged. */
MUST_CHECK enum error judge_name(const struct value *v);
static inline bool is_plain_name(const struct value *v)
{
    return v->plain && v->text.len - 1 < 256;
}
MUST_CHECK static inline enum error value_name(const struct value *v)
{
    return is_plain_name(v) ? OK : judge_name(v);
}
/* The same for an id, which many systems count: a whole JSON number is the text of its digits. */
MUST_CHECK enum error judge_id(const struct value *v);
MUST_CHECK static inline enum error value_id(const struct value *v)
{
    return is_plain_name(v) ? OK : judge_id(v);
}
/* Which of the two a FIELD_TEXT is: "manager_id" is an id, "region" a name. */
bool field_is_id(const struct field *f);
/* RFC 3339 with a zone, a date (its local midnight), or whole milliseconds since the epoch. BAD_TYPE, BAD_TIME. */
MUST_CHECK enum error judge_time(const struct value *v, const struct calendar *calendar, int64_t *out_us);
MUST_CHECK static inline enum error value_time(const struct value *v, const struct calendar *calendar, int64_t *out_us)
{
    if (v->type == VALUE_TEXT && !v->outside && v->text.len != sizeof "2024-03-31" - 1)
        return instant_parse(v->text, out_us);
    return judge_time(v, calendar, out_us);
}
/* A whole number of 64 bits. BAD_TYPE, BAD_NUMBER. */
MUST_CHECK enum error value_integer(const struct value *v, int64_t *out);
/* BAD_TYPE: neither true nor false. */
MUST_CHECK enum error value_bool(const struct value *v, bool *out);
