#include "base/instant.h"
#include "base/digits.h"
#include <string.h>

int64_t days_from_civil(struct civil c)
{
    int64_t y = c.month <= 2 ? c.year - 1 : c.year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (c.month + (c.month > 2 ? -3 : 9)) + 2) / 5 + c.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    return (struct civil){.year = (int)(year_of_era + era * 400 + (month <= 2)),
                          .month = month,
                          .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
}

int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Reads exactly `count` digits; -1 where they are none. */
static int number_at(struct text t, size_t at, size_t count)
{
    if (at + count > t.len)
        return -1;
    int n = 0;
    for (size_t i = at; i < at + count; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return -1;
        n = n * 10 + (t.at[i] - '0');
    }
    return n;
}

static bool char_at(struct text t, size_t at, char c)
{
    return at < t.len && t.at[at] == c;
}

/* "2024-03-31" at the start of t. */
static enum error civil_parse(struct text t, int64_t *out_days)
{
    struct civil c = {number_at(t, 0, 4), number_at(t, 5, 2), number_at(t, 8, 2)};
    if (!char_at(t, 4, '-') || !char_at(t, 7, '-') || c.year < 0 || c.month < 1 || c.month > 12 || c.day < 1 ||
        c.day > days_in_month(c.year, c.month))
        return BAD_TIME;
    *out_days = days_from_civil(c);
    return OK;
}

enum error date_parse(struct text t, int64_t *out_days)
{
    return t.len == 10 ? civil_parse(t, out_days) : BAD_TIME;
}

/* Eight bytes of which some must be digits and the others stand as in `pattern`, where digits are 0: as numbers, with each
 * pair's first byte holding ten times itself plus the next one. False: they are not so. `over` is 0x76 where a digit stands, which
 * takes 10 and more to 0x80, and 0x7F where another character does, which takes all but 0 there. */
static bool pairs_of(const char *at, uint64_t pattern, uint64_t over, uint64_t *out)
{
    uint64_t w = word_at(at) ^ pattern;
    if (((w + over) | w) & UINT64_C(0x8080808080808080))
        return false;
    *out = w * 10 + (w >> 8);
    return true;
}

static int pair(uint64_t pairs, int at)
{
    return (int)(pairs >> 8 * at & 0xFF);
}

/* days_from_civil for the years of instants, in which 2100 alone is no leap year. False: another year, or no such day. */
static inline bool near_days(unsigned year, unsigned month, unsigned day, int64_t *out_days)
{
    static const unsigned short before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    if (year - 1970 >= 230 || month - 1 >= 12)
        return false;
    bool leap = year % 4 == 0 && year != 2100;
    if (day - 1 >= before[month] - before[month - 1] + (unsigned)(leap && month == 2))
        return false;
    *out_days =
        (year - 1970) * 365 + (year - 1969) / 4 - (year > 2100) + before[month - 1] + (leap && month > 2) + day - 1;
    return true;
}

/* "2024-03-31T12:34:5", as nearly all times begin, in two steps of eight bytes. */
static inline __attribute__((always_inline)) bool minutes_parse(struct text t, int64_t *out_days, int *out_hour,
                                                                int *out_minute)
{
    uint64_t first, second;
    if (t.len < 16 || !pairs_of(t.at, UINT64_C(0x2D30302D30303030), UINT64_C(0x7F76767F76767676), &first) ||
        !pairs_of(t.at + 8, UINT64_C(0x30303A3030543030), UINT64_C(0x76767F76767F7676), &second))
        return false;
    *out_hour = pair(second, 3);
    *out_minute = pair(second, 6);
    return near_days((unsigned)(pair(first, 0) * 100 + pair(first, 2)), (unsigned)pair(first, 5),
                     (unsigned)pair(second, 0), out_days);
}

/* "2024-03-31T12:34:56Z" and "2024-03-31T12:34:56.789Z", as most programs write times; the last eight bytes of either
 * are a third step. */
static bool usual_parse(struct text t, int64_t *out_us)
{
    uint64_t end;
    int64_t days, us;
    int hour, minute, second, fraction_us = 0;
    if (t.len == 24 && pairs_of(t.at + 16, UINT64_C(0x5A3030302E30303A), UINT64_C(0x7F7676767F76767F), &end)) {
        second = pair(end, 1);
        fraction_us = (pair(end, 4) * 100 + pair(end, 6)) * 100;
    } else if (t.len == 20 && pairs_of(t.at + 12, UINT64_C(0x5A30303A30303A30), UINT64_C(0x7F76767F76767F76), &end)) {
        second = pair(end, 5);
    } else {
        return false;
    }
    if (!minutes_parse(t, &days, &hour, &minute) || hour > 23 || minute > 59 || second > 60)
        return false;
    us = days * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction_us;
    if (us >= INSTANT_END) /* by a leap second */
        return false;
    *out_us = us;
    return true;
}

/* Any other. */
__attribute__((noinline)) static enum error unusual_parse(struct text t, int64_t *out_us)
{
    int64_t days;
    int hour, minute, second = number_at(t, 17, 2);
    if (!minutes_parse(t, &days, &hour, &minute)) {
        bool separator = char_at(t, 10, 'T') || char_at(t, 10, 't') || char_at(t, 10, ' ');
        if (civil_parse(t, &days) != OK || !separator || !char_at(t, 13, ':'))
            return BAD_TIME;
        hour = number_at(t, 11, 2);
        minute = number_at(t, 14, 2);
    }
    if (!char_at(t, 16, ':') || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return BAD_TIME;
    size_t i = 19;
    int64_t fraction_us = 0;
    if (char_at(t, i, '.')) {
        int64_t unit = 100000;
        size_t from = ++i;
        for (; i < t.len && t.at[i] >= '0' && t.at[i] <= '9'; i++) {
            fraction_us += (t.at[i] - '0') * unit;
            unit /= 10;
        }
        if (i == from)
            return BAD_TIME;
    }
    int64_t offset_s = 0;
    if (char_at(t, i, 'Z') || char_at(t, i, 'z')) {
        i++;
    } else if (char_at(t, i, '+') || char_at(t, i, '-')) {
        int hours = number_at(t, i + 1, 2), minutes = number_at(t, i + 4, 2);
        if (!char_at(t, i + 3, ':') || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
            return BAD_TIME;
        offset_s = (hours * 60 + minutes) * 60;
        if (t.at[i] == '-')
            offset_s = -offset_s;
        i += 6;
    } else {
        return BAD_TIME;
    }
    if (i != t.len)
        return BAD_TIME;
    /* A leap second has no place on the Unix time line: 23:59:60 is the next second, and its fraction with it. */
    int64_t us = days * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction_us - offset_s * SECOND;
    if (us < INSTANT_MIN || us >= INSTANT_END)
        return BAD_TIME;
    *out_us = us;
    return OK;
}

enum error instant_parse(struct text t, int64_t *out_us)
{
    return usual_parse(t, out_us) ? OK : unusual_parse(t, out_us);
}

void instant_format(struct buffer *b, int64_t us, bool always_ms)
{
    int64_t days = us / DAY, rest = us % DAY;
    if (rest < 0) {
        rest += DAY;
        days--;
    }
    struct civil c = civil_from_days(days);
    buffer_format(b, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, (int)(rest / HOUR),
                  (int)(rest / MINUTE % 60), (int)(rest / SECOND % 60));
    int ms = (int)(rest / MILLISECOND % 1000);
    if (always_ms || ms != 0)
        buffer_format(b, ".%03d", ms);
    buffer_char(b, 'Z');
}
