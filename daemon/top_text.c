#include "daemon/top_text.h"
#include <inttypes.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

#define REPLACEMENT 0xFFFD

void top_text_setup(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
}

/* The next character; REPLACEMENT, one byte long, for what is not UTF-8. `t` must not be empty. */
static uint32_t next_character(struct text t, size_t *out_len)
{
    unsigned char first = (unsigned char)t.at[0];
    size_t len = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    *out_len = 1;
    if (len > t.len || !text_is_utf8((struct text){t.at, len}))
        return REPLACEMENT;
    *out_len = len;
    if (len == 1)
        return first;
    uint32_t c = first & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)t.at[i] & 0x3F);
    return c;
}

static bool speaks_to_terminal(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

void top_text_clean(struct buffer *out, struct text t)
{
    while (t.len > 0) {
        size_t len;
        uint32_t c = next_character(t, &len);
        if (c == REPLACEMENT || speaks_to_terminal(c))
            buffer_string(out, "\xEF\xBF\xBD");
        else
            buffer_add(out, t.at, len);
        t.at += len;
        t.len -= len;
    }
}

static int columns_of(uint32_t c)
{
    int n = wcwidth((wchar_t)c);
    return n < 0 ? 1 : n;
}

int top_text_width(struct text t)
{
    int width = 0;
    while (t.len > 0) {
        size_t len;
        width += columns_of(next_character(t, &len));
        t.at += len;
        t.len -= len;
    }
    return width;
}

void top_text_pad(struct buffer *out, struct text t, int width, bool right)
{
    int taken = top_text_width(t);
    if (taken > width) {
        /* Cut on the right, with room for the ellipsis. */
        int used = 0;
        while (t.len > 0) {
            size_t len;
            int columns = columns_of(next_character(t, &len));
            if (used + columns > width - 1)
                break;
            buffer_add(out, t.at, len);
            used += columns;
            t.at += len;
            t.len -= len;
        }
        if (width > 0) {
            buffer_string(out, "\xE2\x80\xA6");
            used++;
        }
        for (; used < width; used++)
            buffer_char(out, ' ');
        return;
    }
    for (int i = taken; right && i < width; i++)
        buffer_char(out, ' ');
    buffer_text(out, t);
    for (int i = taken; !right && i < width; i++)
        buffer_char(out, ' ');
}

enum top_unit top_unit_find(struct text word)
{
    static const char *const words[] = {"count", "money", "ratio", "seconds", "score", "nps", "instant"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        if (text_equal(word, text_of(words[i])))
            return (enum top_unit)i;
    }
    return TOP_QUANTITY;
}

/* A decimal taken apart: sign, digits before and after the point. False: it is none. */
struct decimal {
    bool negative;
    struct text whole, fraction;
};

static bool take_apart(struct text t, struct decimal *out)
{
    *out = (struct decimal){0};
    if (t.len > 0 && t.at[0] == '-') {
        out->negative = true;
        t.at++;
        t.len--;
    }
    size_t point = 0;
    while (point < t.len && t.at[point] != '.')
        point++;
    out->whole = (struct text){t.at, point};
    out->fraction = point < t.len ? (struct text){t.at + point + 1, t.len - point - 1} : (struct text){"", 0};
    for (size_t i = 0; i < t.len; i++) {
        if (i != point && (t.at[i] < '0' || t.at[i] > '9'))
            return false;
    }
    return out->whole.len > 0;
}

static void add_grouped(struct buffer *out, const struct decimal *d)
{
    if (d->negative)
        buffer_char(out, '-');
    for (size_t i = 0; i < d->whole.len; i++) {
        if (i > 0 && (d->whole.len - i) % 3 == 0)
            buffer_char(out, ',');
        buffer_char(out, d->whole.at[i]);
    }
}

void top_text_duration(struct buffer *out, int64_t seconds)
{
    if (seconds < 0) {
        buffer_char(out, '-');
        seconds = seconds == INT64_MIN ? INT64_MAX : -seconds;
    }
    if (seconds >= 86400)
        buffer_format(out, "%" PRId64 "d %02dh", seconds / 86400, (int)(seconds / 3600 % 24));
    else if (seconds >= 3600)
        buffer_format(out, "%dh %02dm", (int)(seconds / 3600), (int)(seconds / 60 % 60));
    else if (seconds >= 60)
        buffer_format(out, "%dm %02ds", (int)(seconds / 60), (int)(seconds % 60));
    else
        buffer_format(out, "%ds", (int)seconds);
}

/* "2026-03-05T12:00:00..." as contract and catalogue write instants. */
static bool is_instant(struct text t)
{
    return t.len >= 20 && t.at[4] == '-' && t.at[10] == 'T' && t.at[t.len - 1] == 'Z';
}

/* 0.631501 -> 63.2 %: the point moves by two, one digit stays; rounded half up on the next. */
static void add_percent(struct buffer *out, const struct decimal *d)
{
    int64_t thousandths = 0;
    for (size_t i = 0; i < d->whole.len && thousandths < INT64_MAX / 100000; i++)
        thousandths = thousandths * 10 + (d->whole.at[i] - '0');
    for (size_t i = 0; i < 3; i++)
        thousandths = thousandths * 10 + (i < d->fraction.len ? d->fraction.at[i] - '0' : 0);
    if (d->fraction.len > 3 && d->fraction.at[3] >= '5')
        thousandths++;
    buffer_format(out, "%s%" PRId64 ".%d %%", d->negative && thousandths != 0 ? "-" : "", thousandths / 10,
                  (int)(thousandths % 10));
}

void top_text_value(struct buffer *out, struct text value, enum top_unit unit)
{
    struct decimal d = {0};
    if (unit == TOP_INSTANT && is_instant(value)) {
        top_text_clean(out, (struct text){value.at, 10});
        buffer_char(out, ' ');
        top_text_clean(out, (struct text){value.at + 11, 5});
        return;
    }
    if (unit == TOP_INSTANT || !take_apart(value, &d)) {
        top_text_clean(out, value);
        return;
    }
    switch (unit) {
    case TOP_RATIO: add_percent(out, &d); break;
    case TOP_SECONDS: {
        int64_t seconds = 0;
        for (size_t i = 0; i < d.whole.len && seconds < INT64_MAX / 100; i++)
            seconds = seconds * 10 + (d.whole.at[i] - '0');
        top_text_duration(out, d.negative ? -seconds : seconds);
        break;
    }
    case TOP_COUNT:
    case TOP_MONEY:
    case TOP_SCORE:
    case TOP_NPS:
    case TOP_INSTANT:
    case TOP_QUANTITY:
        add_grouped(out, &d);
        if (d.fraction.len > 0) {
            buffer_char(out, '.');
            buffer_text(out, d.fraction);
        }
        break;
    }
}

/* Of two unsigned ones. */
static int compare_sizes(const struct decimal *a, const struct decimal *b)
{
    struct text x = a->whole, y = b->whole;
    for (; x.len > 1 && x.at[0] == '0'; x.at++, x.len--)
        ;
    for (; y.len > 1 && y.at[0] == '0'; y.at++, y.len--)
        ;
    if (x.len != y.len)
        return x.len < y.len ? -1 : 1;
    int order = memcmp(x.at, y.at, x.len);
    size_t most = a->fraction.len > b->fraction.len ? a->fraction.len : b->fraction.len;
    for (size_t i = 0; order == 0 && i < most; i++) {
        char c = i < a->fraction.len ? a->fraction.at[i] : '0';
        char e = i < b->fraction.len ? b->fraction.at[i] : '0';
        order = c - e;
    }
    return order;
}

int top_text_compare(struct text a, struct text b)
{
    static const struct decimal zero = {false, {"0", 1}, {"", 0}};
    struct decimal x, y;
    if (is_instant(a) && is_instant(b))
        return text_compare((struct text){a.at, 19}, (struct text){b.at, 19});
    if (!take_apart(a, &x))
        x = zero;
    if (!take_apart(b, &y))
        y = zero;
    bool x_zero = compare_sizes(&x, &zero) == 0, y_zero = compare_sizes(&y, &zero) == 0;
    x.negative = x.negative && !x_zero;
    y.negative = y.negative && !y_zero;
    if (x.negative != y.negative)
        return x.negative ? -1 : 1;
    return x.negative ? compare_sizes(&y, &x) : compare_sizes(&x, &y);
}
