/* The offsets of a zone are asked of libc once a local day between 1970 and 2200, and each change is then
 * narrowed down to its second. No zone has had two changes within a day that cancel each other in that time. */
#include "base/calendar.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct transition {
    int64_t from_s; /* since the epoch; the offset holds from here on */
    int32_t offset_s;
};

struct calendar {
    char *zone;
    int week_start, fiscal_month;
    struct transition *transitions;
    size_t count;
};

static int32_t libc_offset_s(int64_t at_s)
{
    time_t t = (time_t)at_s;
    struct tm local;
    REQUIRE(localtime_r(&t, &local) != NULL);
    return (int32_t)local.tm_gmtoff;
}

static bool zone_exists(const char *zone)
{
    size_t len = strlen(zone);
    if (len == 0 || len > 64 || zone[0] == '/' || zone[0] == '.' || strstr(zone, "..") != NULL)
        return false;
    if (strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != len)
        return false;
    if (strcmp(zone, "UTC") == 0)
        return true; /* even where no tz database is installed */
    const char *folder = getenv("TZDIR");
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "/usr/share/zoneinfo", zone);
    if (length < 0 || (size_t)length >= sizeof path)
        return false;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    char magic[4] = {0};
    bool is_zone = fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
    fclose(file);
    return is_zone;
}

static void add_transition(struct calendar *c, int64_t from_s, int32_t offset_s)
{
    c->transitions = must_realloc(c->transitions, (c->count + 1) * sizeof *c->transitions);
    c->transitions[c->count++] = (struct transition){from_s, offset_s};
}

static void read_offsets(struct calendar *c)
{
    const int64_t day_s = 86400, end_s = INSTANT_END / SECOND + 2 * day_s;
    int64_t at_s = -2 * day_s;
    int32_t offset_s = libc_offset_s(at_s);
    add_transition(c, INT64_MIN / SECOND, offset_s);
    for (; at_s < end_s; at_s += day_s) {
        int32_t next_s = libc_offset_s(at_s + day_s);
        if (next_s == offset_s)
            continue;
        int64_t low = at_s, high = at_s + day_s; /* offset at low is the old one, at high it is not */
        while (high - low > 1) {
            int64_t middle = low + (high - low) / 2;
            if (libc_offset_s(middle) == offset_s)
                low = middle;
            else
                high = middle;
        }
        add_transition(c, high, next_s);
        offset_s = next_s;
    }
}

struct calendar *calendar_create(const char *zone, int week_start, int fiscal_month)
{
    REQUIRE(week_start >= 1 && week_start <= 7 && fiscal_month >= 1 && fiscal_month <= 12);
    if (!zone_exists(zone))
        return NULL;
    struct calendar *c = must_zalloc(sizeof *c);
    c->zone = must_strdup(zone);
    c->week_start = week_start;
    c->fiscal_month = fiscal_month;

    const char *before = getenv("TZ");
    char *kept = before != NULL ? must_strdup(before) : NULL;
    char name[80];
    snprintf(name, sizeof name, strcmp(zone, "UTC") == 0 ? "UTC0" : ":%s", zone);
    setenv("TZ", name, 1);
    tzset();
    read_offsets(c);
    if (kept != NULL)
        setenv("TZ", kept, 1);
    else
        unsetenv("TZ");
    tzset();
    free(kept);
    return c;
}

void calendar_destroy(struct calendar *c)
{
    if (c == NULL)
        return;
    free(c->zone);
    free(c->transitions);
    free(c);
}

const char *calendar_zone(const struct calendar *c)
{
    return c->zone;
}

static int64_t floor_divide(int64_t n, int64_t d)
{
    return n / d - (n % d < 0);
}

/* Index of the transition that is in force. */
static size_t in_force(const struct calendar *c, int64_t at_s)
{
    size_t low = 0, high = c->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (c->transitions[middle].from_s <= at_s)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int calendar_offset_s(const struct calendar *c, int64_t us)
{
    return c->transitions[in_force(c, floor_divide(us, SECOND))].offset_s;
}

int64_t calendar_local_day(const struct calendar *c, int64_t us, int64_t *out_time_of_day_us)
{
    int64_t local = us + calendar_offset_s(c, us) * SECOND;
    int64_t day = floor_divide(local, DAY);
    if (out_time_of_day_us != NULL)
        *out_time_of_day_us = local - day * DAY;
    return day;
}

/* Walks the spans between transitions in time order: the first span that shows this local time is the first
 * instant; if a span begins past it, the time fell into the gap before that span, whose end is its start. */
int64_t calendar_instant(const struct calendar *c, int64_t local_day, int64_t time_of_day_us)
{
    int64_t local = local_day * DAY + time_of_day_us;
    size_t i = in_force(c, floor_divide(local - 2 * DAY, SECOND));
    for (;; i++) {
        int64_t us = local - c->transitions[i].offset_s * SECOND;
        bool last = i + 1 == c->count;
        int64_t from = i == 0 ? INT64_MIN : c->transitions[i].from_s * SECOND;
        if (us < from)
            return from;
        if (last || us < c->transitions[i + 1].from_s * SECOND)
            return us;
    }
}

/* Months since year 0. */
static int64_t month_number(int64_t day)
{
    struct civil date = civil_from_days(day);
    return (int64_t)date.year * 12 + date.month - 1;
}

static int64_t first_of_month(int64_t month)
{
    return days_from_civil(
        (struct civil){(int)floor_divide(month, 12), (int)(month - floor_divide(month, 12) * 12) + 1, 1});
}

static int months_of(enum period p)
{
    return p == PERIOD_MONTH ? 1 : p == PERIOD_QUARTER ? 3 : 12;
}

/* The first local day of the period that contains `day`, moved by shift periods. */
static int64_t period_first_day(const struct calendar *c, enum period p, int64_t day, int shift)
{
    if (p == PERIOD_DAY)
        return day + shift;
    if (p == PERIOD_WEEK) {
        int64_t weekday = ((day + 3) % 7 + 7) % 7 + 1; /* 1970-01-01 was a Thursday; 1 = Monday */
        return day - (weekday - c->week_start + 7) % 7 + 7 * (int64_t)shift;
    }
    int64_t month = month_number(day), months = months_of(p), since = month - (c->fiscal_month - 1);
    int64_t first = month - (since % months + months) % months;
    return first_of_month(first + months * shift);
}

/* The day that has begun: [its first instant, the next one's). Where clocks go back over midnight the local date returns
 * to the day before for a while, but a day that has begun does not end by that (St. John's, until 2011). */
static int64_t day_begun(const struct calendar *c, int64_t us, int64_t *out_time_of_day_us)
{
    int64_t day = calendar_local_day(c, us, out_time_of_day_us);
    return calendar_instant(c, day + 1, 0) <= us ? day + 1 : day;
}

int64_t calendar_period_day(const struct calendar *c, enum period p, int64_t local_day, int shift)
{
    return period_first_day(c, p, local_day, shift);
}

int64_t calendar_day_begun(const struct calendar *c, int64_t us)
{
    return day_begun(c, us, NULL);
}

int64_t calendar_periods_between(const struct calendar *c, enum period p, int64_t from_day, int64_t to_day)
{
    int64_t from = period_first_day(c, p, from_day, 0), to = period_first_day(c, p, to_day, 0);
    if (p == PERIOD_DAY || p == PERIOD_WEEK)
        return (to - from) / (p == PERIOD_DAY ? 1 : 7);
    return (month_number(to) - month_number(from)) / months_of(p);
}

int64_t calendar_period_start(const struct calendar *c, enum period p, int64_t us, int shift)
{
    return calendar_instant(c, period_first_day(c, p, day_begun(c, us, NULL), shift), 0);
}

int64_t calendar_same_place_before(const struct calendar *c, enum period p, int64_t us)
{
    int64_t time_of_day, day = day_begun(c, us, &time_of_day);
    if (p == PERIOD_DAY || p == PERIOD_WEEK)
        return calendar_instant(c, day - (p == PERIOD_DAY ? 1 : 7), time_of_day);
    int64_t month = month_number(day), before = month - months_of(p);
    int64_t day_of_month = day - first_of_month(month);
    if (day_of_month >= first_of_month(before + 1) - first_of_month(before))
        return calendar_instant(c, first_of_month(before + 1), 0);
    return calendar_instant(c, first_of_month(before) + day_of_month, time_of_day);
}

int64_t calendar_goes_back(const struct calendar *c, int64_t us)
{
    for (size_t i = in_force(c, floor_divide(us, SECOND)) + 1; i < c->count; i++)
        if (c->transitions[i].offset_s < c->transitions[i - 1].offset_s)
            return c->transitions[i].from_s * SECOND;
    return INT64_MAX;
}
