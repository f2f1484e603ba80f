/* fields.c - one small reader for each type of field.
 *
 * A JSON text is never taken for a number, a time in milliseconds or a bool, nor the other way round: who sends
 * "version": "7" may well compare "10" < "9" elsewhere. Decimals are the exception, because money is safest as a
 * text. What comes from outside the JSON (a header, a value table, a constant, the message's key) has no types, so
 * there the characters decide.
 */
#include "consumers/fields.h"
#include "base/digits.h"
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
    if (t.len > 8 && t.len <= 16) {
        int64_t first, last;
        if (!digits_parse(t.at, 0, &first) || !digits_parse(t.at + t.len - 8, (unsigned)(16 - t.len), &last))
            return false;
        *out = first * power_of_ten((int)t.len - 8) + last;
        return true;
    }
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

static enum error judge_text(struct text t)
{
    if (text_is_name(t))
        return OK;
    return text_is_utf8(t) ? BAD_TEXT : BAD_UTF8;
}

enum error judge_name(const struct value *v)
{
    return v->type == VALUE_TEXT ? judge_text(v->text) : BAD_TYPE;
}

enum error judge_id(const struct value *v)
{
    if (v->type != VALUE_TEXT && !(v->type == VALUE_NUMBER && is_whole(v->text)))
        return BAD_TYPE;
    return judge_text(v->text);
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

enum error judge_time(const struct value *v, const struct calendar *calendar, int64_t *out_us)
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

/* Out of line, so that none of them has to keep what another one needs. */
#define READER __attribute__((noinline)) static enum error

READER read_decimal(const struct value *v, struct field_result *out)
{
    if (v->type != VALUE_NUMBER && v->type != VALUE_TEXT)
        return BAD_TYPE;
    return decimal_parse(v->text, &out->number, &out->rounded);
}

READER read_day(const struct value *v, struct field_result *out)
{
    if (v->type != VALUE_TEXT)
        return BAD_TYPE;
    if (date_parse(v->text, &out->number) != OK || out->number < INSTANT_MIN / DAY || out->number >= INSTANT_END / DAY)
        return BAD_DAY;
    return OK;
}

READER read_rate(const struct value *v, struct field_result *out)
{
    if (v->type != VALUE_NUMBER && v->type != VALUE_TEXT)
        return BAD_TYPE;
    return rate_parse(v->text, &out->number) == NULL ? OK : BAD_RATE;
}

READER read_flag(const struct value *v, struct field_result *out)
{
    bool on;
    enum error e = value_bool(v, &on);
    if (e == OK)
        out->number = on;
    return e;
}

READER read_choice(const struct field *f, const struct value *v, struct field_result *out)
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

READER read_currency(struct field_reader *r, const struct value *v, struct field_result *out)
{
    currency_code code;
    if (v->type != VALUE_TEXT)
        return BAD_TYPE;
    if (currency_parse(v->text, &code) != OK)
        return BAD_CURRENCY;
    int decimals = field_reader_decimals(r, code);
    if (decimals < 0)
        return BAD_CURRENCY;
    out->number = code;
    out->decimals = (int8_t)decimals;
    return OK;
}

enum error field_read(struct field_reader *r, const struct field *f, const struct value *v, struct field_result *out)
{
    enum error e;
    *out = (struct field_result){.number = 0};
    switch (f->type) {
    case FIELD_TIME: return value_time(v, r->calendar, &out->number);
    case FIELD_CURRENCY: return read_currency(r, v, out);
    case FIELD_CHOICE: return read_choice(f, v, out);
    case FIELD_DAY: return read_day(v, out);
    case FIELD_RATE: return read_rate(v, out);
    case FIELD_FLAG: return read_flag(v, out);
    case FIELD_MONEY: e = read_decimal(v, out); return e == BAD_NUMBER ? BAD_AMOUNT : e;
    case FIELD_POSITIVE: e = read_decimal(v, out); return e == OK && out->number < 0 ? BAD_NEGATIVE : e;
    case FIELD_SHARE:
        e = read_decimal(v, out);
        return e == OK && (out->number < 0 || out->number > MICRO) ? BAD_PROBABILITY : e;
    case FIELD_DECIMAL: /* a score, whatever its scale: it begins at 0 */
        e = read_decimal(v, out);
        return e == OK && out->number < 0 ? BAD_SCORE : e;
    case FIELD_INTEGER:
        e = read_decimal(v, out);
        if (e == OK && (out->number < MICRO || out->number % MICRO != 0))
            return BAD_NUMBER;
        out->number /= MICRO;
        return e;
    case FIELD_TEXT: break; /* has no number */
    }
    REQUIRE(f->type != FIELD_TEXT);
    return BAD_TYPE;
}
