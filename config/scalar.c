#include "config/scalar.h"
#include "base/money.h"
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Greatest first, for formatting. */
static const struct unit durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Digits at the start of *t, which it takes away; -1: none, or too many for any option. */
static int64_t take_digits(struct text *t)
{
    int64_t n = 0;
    size_t i = 0;
    for (; i < t->len && t->at[i] >= '0' && t->at[i] <= '9'; i++) {
        if (i == 15) {
            return -1;
        }
        n = n * 10 + (t->at[i] - '0');
    }
    *t = (struct text){t->at + i, t->len - i};
    return i > 0 ? n : -1;
}

static const char *with_unit(struct text t, const struct unit *units, size_t count, const char *wrong, int64_t *out)
{
    int64_t n = take_digits(&t);
    if (n < 0) {
        return wrong;
    }
    for (size_t u = 0; u < count; u++) {
        if (text_equal(t, text_of(units[u].name))) {
            if (n > INT64_MAX / units[u].factor) {
                return "is too large";
            }
            *out = n * units[u].factor;
            return NULL;
        }
    }
    return wrong;
}

const char *duration_parse(struct text t, int64_t *out_ms)
{
    return with_unit(t, durations, COUNT_OF(durations),
                     "is no duration; write a whole number and its unit: ms, s, m, h or d, such as 10s", out_ms);
}

const char *size_parse(struct text t, int64_t *out_bytes)
{
    return with_unit(t, sizes, COUNT_OF(sizes),
                     "is no size; write a whole number and its unit: B, KiB, MiB or GiB, such as 16MiB", out_bytes);
}

const char *integer_parse(struct text t, int64_t *out)
{
    bool minus = t.len > 0 && t.at[0] == '-';
    struct text rest = {t.at + minus, t.len - minus};
    int64_t n = take_digits(&rest);
    if (n < 0 || rest.len > 0) {
        return "is no whole number; write digits only";
    }
    *out = minus ? -n : n;
    return NULL;
}

const char *decimal_text_parse(struct text t, bool percent, int64_t *out_micro)
{
    static const char wrong[] = "is no decimal; write it such as 0.25";
    static const char wrong_ratio[] = "is no ratio; write a decimal such as 0.25, or 25%";
    static const char too_fine[] = "has more than six places; write fewer";
    bool is_percent = percent && t.len > 1 && t.at[t.len - 1] == '%';
    if (is_percent) {
        t.len--;
    }
    int64_t micro;
    bool rounded = false;
    /* An exponent reads badly in a configuration, and is a slip more often than meant. */
    if (memchr(t.at, 'e', t.len) != NULL || memchr(t.at, 'E', t.len) != NULL ||
        decimal_parse(t, &micro, &rounded) != OK) {
        return percent ? wrong_ratio : wrong;
    }
    if (rounded || (is_percent && micro % 100 != 0)) {
        return too_fine;
    }
    *out_micro = is_percent ? micro / 100 : micro;
    return NULL;
}

const char *rate_parse(struct text t, int64_t *out_nano)
{
    static const char wrong[] = "is no rate; write a decimal above 0 and below 1000000000, of at most nine places";
    int64_t units = take_digits(&t);
    if (units < 0 || units >= 1000000000) {
        return wrong;
    }
    int64_t nano = 0;
    if (t.len > 0) {
        struct text digits = {t.at + 1, t.len - 1};
        size_t places = digits.len;
        nano = t.at[0] == '.' && places <= 9 ? take_digits(&digits) : -1;
        if (nano < 0 || digits.len > 0) {
            return wrong;
        }
        nano *= power_of_ten(9 - (int)places);
    }
    nano += units * 1000000000;
    if (nano == 0) {
        return wrong;
    }
    *out_nano = nano;
    return NULL;
}

static void format_unit(struct buffer *b, int64_t n, const struct unit *units, size_t count)
{
    size_t u = 0;
    while (u + 1 < count && n % units[u].factor != 0) {
        u++;
    }
    buffer_integer(b, n / units[u].factor);
    buffer_string(b, units[u].name);
}

void duration_format(struct buffer *b, int64_t ms)
{
    if (ms == 0) {
        buffer_string(b, "0s");
    } else {
        format_unit(b, ms, durations, COUNT_OF(durations));
    }
}

void size_format(struct buffer *b, int64_t bytes)
{
    format_unit(b, bytes, sizes, COUNT_OF(sizes));
}
