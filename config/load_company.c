/* Options of a company: calendar, currencies, rates and stages. */
#include "base/error.h"
#include "base/instant.h"
#include "config/load.h"
#include "config/scalar.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const months[] = {"january", "february", "march",     "april",   "may",      "june",
                                     "july",    "august",   "september", "october", "november", "december"};

void load_fiscal_month(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    int64_t n;
    if (integer_parse(value->text, &n) == NULL) {
        if (n < 1 || n > 12) {
            report_add(l->report, value->mark, "'%s': '%s' is no month; write 1 to 12, or its name", o->name,
                       show(value->text).at);
            return;
        }
        l->config->fiscal_month = (int)n;
        return;
    }
    for (int m = 0; m < 12; m++) {
        if (text_equal(value->text, text_of(months[m]))) {
            l->config->fiscal_month = m + 1;
            return;
        }
    }
    report_unknown(l->report, value->mark, "month", value->text, "", months, 12);
}

/* The names of the tz database, for "did you mean"; they are only looked at when one is wrong. */
static void report_zone(struct loader *l, const struct node *value)
{
    FILE *file = fopen("/usr/share/zoneinfo/tzdata.zi", "r");
    char best[64] = "", line[256];
    unsigned best_distance = 4; /* three slips at most */
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char name[64];
        /* "Z Europe/Berlin ..." is a zone, "L Europe/Berlin Arctic/Longyearbyen" another name for one. */
        if (sscanf(line, "Z %63s", name) != 1 && sscanf(line, "L %*s %63s", name) != 1) {
            continue;
        }
        unsigned distance = text_distance(value->text, text_of(name));
        if (distance < best_distance) {
            best_distance = distance;
            snprintf(best, sizeof best, "%s", name);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    if (best[0] != '\0') {
        report_add(l->report, value->mark, "unknown time zone '%s'; did you mean '%s'?", show(value->text).at, best);
    } else {
        report_add(l->report, value->mark,
                   "unknown time zone '%s'; write an IANA name such as Europe/Berlin (and is tzdata installed?)",
                   show(value->text).at);
    }
}

void load_time_zone(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    if (!l->is_default) { /* UTC is there on every machine, and making a calendar takes a moment */
        struct calendar *c = calendar_create(value->text.at, 1, 1);
        if (c == NULL) {
            report_zone(l, value);
            return;
        }
        calendar_destroy(c);
    }
    set_text(&l->config->time_zone, value->text);
}

static bool load_code(struct loader *l, const struct node *value, currency_code *out)
{
    if (currency_parse(value->text, out) == OK) {
        return true;
    }
    report_add(l->report, value->mark, "'%s' is no currency; write three capital letters such as EUR",
               show(value->text).at);
    return false;
}

void load_base_currency(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (want_scalar(l, o->name, value)) {
        load_code(l, value, &l->config->base_currency);
    }
}

void load_currencies(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_map(l, o->name, value)) {
        return;
    }
    l->config->currencies = must_zalloc(value->count * sizeof l->config->currencies[0]);
    for (size_t i = 0; i < value->count; i++) {
        struct currency_config currency;
        int64_t decimals;
        bool good = load_code(l, value->keys[i], &currency.code);
        if (!want_scalar(l, value->keys[i]->text.at, value->items[i])) {
            continue;
        }
        if (integer_parse(value->items[i]->text, &decimals) != NULL || decimals < 0 || decimals > 6) {
            report_add(l->report, value->items[i]->mark, "'%s' are no decimals of a currency; write 0 to 6",
                       show(value->items[i]->text).at);
            continue;
        }
        currency.decimals = (int)decimals;
        if (good) {
            l->config->currencies[l->config->currency_count++] = currency;
        }
    }
}

struct placed_rate {
    struct rate_config rate;
    struct mark mark;
};

static int by_currency_and_day(const void *left, const void *right)
{
    const struct placed_rate *a = left, *b = right;
    if (a->rate.code != b->rate.code) {
        return a->rate.code < b->rate.code ? -1 : 1;
    }
    if (a->rate.day != b->rate.day) {
        return a->rate.day < b->rate.day ? -1 : 1;
    }
    return a->mark.line != b->mark.line ? (a->mark.line < b->mark.line ? -1 : 1)
                                        : (a->mark.column < b->mark.column ? -1 : 1);
}

/* The text of a member of a rate; NULL, and reported, where it has none. */
static const struct node *rate_member(struct loader *l, const struct node *item, const char *name)
{
    const struct node *value = node_find(item, name);
    if (value == NULL) {
        report_add(l->report, item->mark, "'%s' is missing; write it", name);
        return NULL;
    }
    return want_scalar(l, name, value) ? value : NULL;
}

static bool load_rate(struct loader *l, const struct node *item, struct placed_rate *out)
{
    static const char *const names[] = {"currency", "day", "rate"};
    if (!want_map(l, "rates", item)) {
        return false;
    }
    for (size_t i = 0; i < item->count; i++) {
        struct text key = item->keys[i]->text;
        if (!text_equal(key, text_of(names[0])) && !text_equal(key, text_of(names[1])) &&
            !text_equal(key, text_of(names[2]))) {
            report_unknown(l->report, item->keys[i]->mark, "key", key, " in rates", names, 3);
        }
    }
    const struct node *currency = rate_member(l, item, names[0]);
    const struct node *day = rate_member(l, item, names[1]);
    const struct node *rate = rate_member(l, item, names[2]);
    bool good = currency != NULL && day != NULL && rate != NULL;
    out->mark = item->mark;
    if (currency != NULL && load_code(l, currency, &out->rate.code)) {
        if (out->rate.code == l->config->base_currency) {
            report_add(l->report, currency->mark,
                       "%s is the base currency, whose rate is always 1; take this rate away", currency->text.at);
        } else if (config_currency_decimals(l->config, out->rate.code) < 0) {
            report_add(l->report, currency->mark,
                       "unknown currency '%s'; correct it, or give its decimals in 'currencies'", currency->text.at);
        }
    } else {
        good = false;
    }
    if (day != NULL && date_parse(day->text, &out->rate.day) != OK) {
        report_add(l->report, day->mark, "'day': '%s' is no date; write it such as 2024-01-31", show(day->text).at);
        good = false;
    }
    const char *wrong = rate != NULL ? rate_parse(rate->text, &out->rate.nano) : NULL;
    if (wrong != NULL) {
        report_add(l->report, rate->mark, "'rate': '%s' %s", show(rate->text).at, wrong);
        good = false;
    }
    return good;
}

void load_rates(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_list(l, o->name, value)) {
        return;
    }
    struct placed_rate *placed = must_alloc(value->count * sizeof placed[0]);
    size_t count = 0;
    for (size_t i = 0; i < value->count; i++) {
        if (load_rate(l, value->items[i], &placed[count])) {
            count++;
        }
    }
    qsort(placed, count, sizeof placed[0], by_currency_and_day);
    l->config->rates = must_zalloc(count * sizeof l->config->rates[0]);
    l->config->rate_count = count;
    for (size_t i = 0; i < count; i++) {
        l->config->rates[i] = placed[i].rate;
        if (i > 0 && placed[i].rate.code == placed[i - 1].rate.code && placed[i].rate.day == placed[i - 1].rate.day) {
            char code[4];
            currency_format(placed[i].rate.code, code);
            report_add(l->report, placed[i].mark, "%s has a rate for this day already, in line %u; keep one of them",
                       code, placed[i - 1].mark.line);
        }
    }
    free(placed);
}

/* A decimal from 0 to 1, or a percentage. */
static bool load_share(struct loader *l, const char *name, const struct node *value, int64_t *out_micro)
{
    int64_t micro = 0;
    const char *wrong = decimal_text_parse(value->text, true, &micro);
    if (wrong == NULL && (micro < 0 || micro > MICRO)) {
        wrong = "is no share of a whole; write 0 to 1, or 0% to 100%";
    }
    if (wrong != NULL) {
        report_add(l->report, value->mark, "'%s': '%s' %s", name, show(value->text).at, wrong);
        return false;
    }
    *out_micro = micro;
    return true;
}

void load_margin(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (want_scalar(l, o->name, value)) {
        load_share(l, o->name, value, &l->config->default_margin_micro);
    }
}

void load_stages(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_map(l, o->name, value)) {
        return;
    }
    l->config->stages = must_zalloc(value->count * sizeof l->config->stages[0]);
    for (size_t i = 0; i < value->count; i++) {
        const struct node *key = value->keys[i], *item = value->items[i];
        if (!text_is_name(key->text)) {
            report_add(l->report, key->mark, "a stage's name is 1 to 256 bytes without control characters; correct it");
        }
        if (text_equal(key->text, TEXT("won")) || text_equal(key->text, TEXT("lost"))) {
            report_add(l->report, key->mark,
                       "a deal in stage '%s' is closed and has no probability; take the line away", key->text.at);
        }
        if (!want_scalar(l, show(key->text).at, item)) {
            continue;
        }
        int64_t micro = 0;
        if (!load_share(l, show(key->text).at, item, &micro)) {
            continue;
        }
        struct stage_config *stage = &l->config->stages[l->config->stage_count++];
        set_text(&stage->name, key->text);
        stage->probability_micro = micro;
    }
}
