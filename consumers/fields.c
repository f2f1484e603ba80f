/* fields.c - one small reader for each type of field.
 *
 * A JSON text is never taken for a number, a time in milliseconds or a bool, nor the other way round: who sends
 * "version": "7" may well compare "10" < "9" elsewhere. Decimals are the exception, because money is safest as a
 * text. What comes from outside the JSON (a header, a value table, a constant, the message's key) has no types, so
 * there the characters decide.
 */
#include "consumers/fields.h"
#include "config/scalar.h"
#include <string.h>

static bool is_whole(struct text t)
{
    size_t i = t.len > 0 && t.at[0] == '-';
    if (i == t.len)
        return false;
    for (; i < t.len; i++)
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
    return true;
}

/* Most whole numbers, in one pass: eighteen digits at most, which always fit. False: look closer. */
static bool short_whole_parse(struct text t, int64_t *out)
{
    int64_t n = 0;
    if (t.len == 0 || t.len > 18)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        unsigned digit = (unsigned)(unsigned char)t.at[i] - '0';
        if (digit > 9)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

/* A text that is_whole. */
static bool whole_to_integer(struct text t, int64_t *out)
{
    bool negative = t.at[0] == '-';
    int64_t n = 0;
    /* Towards the negative end, which is one longer. */
    for (size_t i = negative; i < t.len; i++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, t.at[i] - '0', &n))
            return false;
    if (!negative && n == INT64_MIN)
        return false;
    *out = negative ? n : -n;
    return true;
}

static bool is_number(const struct value *v)
{
    return v->type == VALUE_NUMBER || (v->type == VALUE_TEXT && v->outside);
}

static enum error judge_name(struct text t)
{
    if (text_is_name(t))
        return OK;
    return text_is_utf8(t) ? BAD_TEXT : BAD_UTF8;
}

enum error value_name(const struct value *v)
{
    return v->type == VALUE_TEXT ? judge_name(v->text) : BAD_TYPE;
}

enum error value_id(const struct value *v)
{
    if (v->type != VALUE_TEXT && !(v->type == VALUE_NUMBER && is_whole(v->text)))
        return BAD_TYPE;
    return judge_name(v->text);
}

bool field_is_id(const struct field *f)
{
    size_t len = strlen(f->name);
    return len > 3 && memcmp(f->name + len - 3, "_id", 3) == 0;
}

enum error value_integer(const struct value *v, int64_t *out)
{
    if (!is_number(v))
        return BAD_TYPE;
    if (short_whole_parse(v->text, out))
        return OK;
    if (!is_whole(v->text))
        return BAD_TYPE;
    return whole_to_integer(v->text, out) ? OK : BAD_NUMBER;
}

enum error value_bool(const struct value *v, bool *out)
{
    if (v->type != VALUE_BOOL && !(v->type == VALUE_TEXT && v->outside))
        return BAD_TYPE;
    if (text_equal(v->text, TEXT("true")))
        *out = true;
    else if (text_equal(v->text, TEXT("false")))
        *out = false;
    else
        return BAD_TYPE;
    return OK;
}

enum error value_time(const struct value *v, const struct calendar *calendar, int64_t *out_us)
{
    int64_t us, ms;
    if (is_number(v) && short_whole_parse(v->text, &ms)) {
        if (__builtin_mul_overflow(ms, MILLISECOND, &us))
            return BAD_TIME;
    } else if (is_number(v) && is_whole(v->text)) {
        if (!whole_to_integer(v->text, &ms) || __builtin_mul_overflow(ms, MILLISECOND, &us))
            return BAD_TIME;
    } else if (v->type == VALUE_NUMBER) {
        return BAD_TIME; /* 1.7e12 or 1700000000000.5: whole milliseconds only */
    } else if (v->type == VALUE_TEXT) {
        int64_t day;
        if (v->text.len != sizeof "2024-03-31" - 1)
            return instant_parse(v->text, out_us);
        if (date_parse(v->text, &day) != OK)
            return BAD_TIME;
        /* Far years are refused before the calendar sees them; a zone may move a day over either end. */
        if (day < INSTANT_MIN / DAY - 1 || day > INSTANT_END / DAY)
            return BAD_TIME;
        us = calendar_instant(calendar, day, 0);
    } else {
        return BAD_TYPE;
    }
    if (us < INSTANT_MIN || us >= INSTANT_END)
        return BAD_TIME;
    *out_us = us;
    return OK;
}

static enum error read_decimal(const struct value *v, struct field_result *out)
{
    if (v->type != VALUE_NUMBER && v->type != VALUE_TEXT)
        return BAD_TYPE;
    return decimal_parse(v->text, &out->number, &out->rounded);
}

static enum error read_day(const struct value *v, struct field_result *out)
{
    if (v->type != VALUE_TEXT)
        return BAD_TYPE;
    if (date_parse(v->text, &out->number) != OK || out->number < INSTANT_MIN / DAY || out->number >= INSTANT_END / DAY)
        return BAD_DAY;
    return OK;
}

static enum error read_rate(const struct value *v, struct field_result *out)
{
    if (v->type != VALUE_NUMBER && v->type != VALUE_TEXT)
        return BAD_TYPE;
    return rate_parse(v->text, &out->number) == NULL ? OK : BAD_RATE;
}

static enum error read_flag(const struct value *v, struct field_result *out)
{
    bool on;
    enum error e = value_bool(v, &on);
    if (e == OK)
        out->number = on;
    return e;
}

static enum error read_choice(const struct field *f, const struct value *v, struct field_result *out)
{
    if (v->type != VALUE_TEXT)
        return BAD_TYPE;
    for (int i = 0; f->words[i] != NULL; i++) {
        if (text_equal(v->text, text_of(f->words[i]))) {
            out->number = i;
            return OK;
        }
    }
    return BAD_CHOICE;
}

void field_reader_init(struct field_reader *r, const struct config *config, const struct calendar *calendar)
{
    *r = (struct field_reader){.config = config, .calendar = calendar};
}

int field_reader_decimals(struct field_reader *r, currency_code code)
{
    const unsigned places = sizeof r->known / sizeof r->known[0];
    unsigned i = (code * 31u ^ code >> 8 ^ code >> 16) % places;
    if (r->known[i].code != code) { /* 0 is no code */
        r->known[i].code = code;
        r->known[i].decimals = config_currency_decimals(r->config, code);
    }
    return r->known[i].decimals;
}

static enum error read_currency(struct field_reader *r, const struct value *v, struct field_result *out)
{
    currency_code code;
    if (v->type != VALUE_TEXT)
        return BAD_TYPE;
    if (currency_parse(v->text, &code) != OK || field_reader_decimals(r, code) < 0)
        return BAD_CURRENCY;
    out->number = code;
    return OK;
}

enum error field_read(struct field_reader *r, const struct field *f, const struct value *v, struct field_result *out)
{
    struct field_result read = {.number = 0};
    enum error e = OK;
    switch (f->type) {
    case FIELD_TEXT: REQUIRE(f->type != FIELD_TEXT); break; /* a text has no number */
    case FIELD_TIME: e = value_time(v, r->calendar, &read.number); break;
    case FIELD_MONEY:
        e = read_decimal(v, &read);
        if (e == BAD_NUMBER)
            e = BAD_AMOUNT;
        break;
    case FIELD_POSITIVE:
        e = read_decimal(v, &read);
        if (e == OK && read.number < 0)
            e = BAD_NEGATIVE;
        break;
    case FIELD_SHARE:
        e = read_decimal(v, &read);
        if (e == OK && (read.number < 0 || read.number > MICRO))
            e = BAD_PROBABILITY;
        break;
    case FIELD_DECIMAL:
        e = read_decimal(v, &read);
        if (e == OK && read.number < 0)
            e = BAD_SCORE; /* whatever the scale: it begins at 0 */
        break;
    case FIELD_INTEGER:
        e = read_decimal(v, &read);
        if (e == OK && (read.number < MICRO || read.number % MICRO != 0))
            e = BAD_NUMBER;
        read.number /= MICRO;
        break;
    case FIELD_CURRENCY: e = read_currency(r, v, &read); break;
    case FIELD_CHOICE: e = read_choice(f, v, &read); break;
    case FIELD_DAY: e = read_day(v, &read); break;
    case FIELD_RATE: e = read_rate(v, &read); break;
    case FIELD_FLAG: e = read_flag(v, &read); break;
    }
    if (e == OK)
        *out = read;
    return e;
}
