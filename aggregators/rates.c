#include "aggregators/rates.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

void rates_fini(struct rates *rs)
{
    for (uint32_t i = 0; i < rs->count; i++) {
        free(rs->at[i].standing);
        free(rs->at[i].former);
        free(rs->at[i].claims);
    }
    free(rs->at);
}

/* Index of the currency, or of the place where it belongs. */
static uint32_t place_of(const struct rates *rs, currency_code code)
{
    uint32_t low = 0, high = rs->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rs->at[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct rated_currency *find(const struct rates *rs, currency_code code)
{
    uint32_t i = place_of(rs, code);
    return i < rs->count && rs->at[i].code == code ? &rs->at[i] : NULL;
}

static struct rated_currency *need(struct rates *rs, currency_code code)
{
    uint32_t i = place_of(rs, code);
    if (i < rs->count && rs->at[i].code == code)
        return &rs->at[i];
    if (rs->count == rs->room) {
        rs->room = rs->room > 0 ? rs->room * 2 : 8;
        rs->at = must_realloc(rs->at, rs->room * sizeof *rs->at);
    }
    memmove(rs->at + i + 1, rs->at + i, (rs->count - i) * sizeof *rs->at);
    rs->count++;
    rs->at[i] = (struct rated_currency){.code = code, .standing = must_zalloc(sizeof(struct rate_series))};
    return &rs->at[i];
}

static void mark_changed(struct rates *rs, struct rated_currency *c)
{
    rs->changed += !c->changed;
    c->changed = true;
}

/* The first claim that is not before (day, slot). */
static uint32_t claim_place(const struct rated_currency *c, int64_t day, uint32_t slot)
{
    uint32_t low = 0, high = c->claim_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct rate_claim *at = &c->claims[middle];
        if (at->day < day || (at->day == day && at->slot < slot))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void rates_claim(struct rates *rs, const struct record *r, int sign)
{
    if (!record_exists(r) || !record_has(r, RATE_CURRENCY) || !record_has(r, RATE_DAY) || !record_has(r, RATE_RATE))
        return;
    currency_code code = (currency_code)record_value(r, RATE_CURRENCY);
    if (code == rs->config->base_currency)
        return; /* it is 1 by definition */
    struct rated_currency *c = need(rs, code);
    int64_t day = record_value(r, RATE_DAY);
    uint32_t i = claim_place(c, day, r->slot);
    mark_changed(rs, c);
    if (sign < 0) {
        REQUIRE(i < c->claim_count && c->claims[i].slot == r->slot && c->claims[i].day == day);
        memmove(c->claims + i, c->claims + i + 1, (c->claim_count - i - 1) * sizeof *c->claims);
        c->claim_count--;
        return;
    }
    if (c->claim_count == c->claim_room) {
        c->claim_room = c->claim_room > 0 ? c->claim_room * 2 : 8;
        c->claims = must_realloc(c->claims, c->claim_room * sizeof *c->claims);
    }
    memmove(c->claims + i + 1, c->claims + i, (c->claim_count - i) * sizeof *c->claims);
    c->claim_count++;
    c->claims[i] = (struct rate_claim){day, r->slot};
}

/* Whether a's rate counts before b's, for the same day. */
static bool outvotes(const struct ledger *l, const struct record *a, const struct record *b)
{
    struct stamp of_a = record_stamp(a, RATE_RATE), of_b = record_stamp(b, RATE_RATE);
    int order = stamp_compare(&of_a, &of_b);
    if (order == 0)
        order = text_compare(intern_text(&l->keys[KIND_RATE], a->slot), intern_text(&l->keys[KIND_RATE], b->slot));
    return order > 0;
}

static struct rate_point claimed_point(const struct rated_currency *c, const struct ledger *l, uint32_t *i)
{
    int64_t day = c->claims[*i].day;
    const struct record *best = ledger_at(l, KIND_RATE, c->claims[*i].slot);
    while (++*i < c->claim_count && c->claims[*i].day == day) {
        const struct record *r = ledger_at(l, KIND_RATE, c->claims[*i].slot);
        if (outvotes(l, r, best))
            best = r;
    }
    return (struct rate_point){day, record_value(best, RATE_RATE)};
}

/* The configuration's and the records' rates of a currency in one series. */
static struct rate_series *merged(const struct rates *rs, const struct rated_currency *c, const struct ledger *l)
{
    const struct rate_config *row = rs->config->rates,
                             *end = rs->config->rate_count > 0 ? row + rs->config->rate_count : row;
    while (row < end && row->code < c->code)
        row++;
    const struct rate_config *last = row;
    while (last < end && last->code == c->code)
        last++;
    struct rate_series *s = must_alloc(sizeof *s + ((size_t)(last - row) + c->claim_count) * sizeof(struct rate_point));
    s->count = 0;
    for (uint32_t i = 0; row < last || i < c->claim_count;) {
        bool claimed = i < c->claim_count && (row == last || c->claims[i].day <= row->day);
        if (claimed) {
            if (row < last && row->day == c->claims[i].day)
                row++;
            s->at[s->count++] = claimed_point(c, l, &i);
        } else {
            s->at[s->count++] = (struct rate_point){row->day, row->nano};
            row++;
        }
    }
    return s;
}

static bool same_point(const struct rate_point *a, const struct rate_point *b)
{
    return a->day == b->day && a->nano == b->nano;
}

/* Where two series differ: from the first point that is not in both to the last one's end. */
static void compare_series(struct rated_currency *c, const struct calendar *calendar)
{
    const struct rate_series *a = c->former, *b = c->standing;
    uint32_t from = 0, tail = 0, shorter = a->count < b->count ? a->count : b->count;
    while (from < shorter && same_point(&a->at[from], &b->at[from]))
        from++;
    while (tail < shorter - from && same_point(&a->at[a->count - 1 - tail], &b->at[b->count - 1 - tail]))
        tail++;
    c->revised_from_us = c->revised_until_us = INT64_MAX;
    if (from == a->count && from == b->count)
        return;
    int64_t first = INT64_MAX;
    if (from < a->count)
        first = a->at[from].day;
    if (from < b->count && b->at[from].day < first)
        first = b->at[from].day;
    c->revised_from_us = calendar_instant(calendar, first, 0);
    if (tail > 0)
        c->revised_until_us = calendar_instant(calendar, b->at[b->count - tail].day, 0);
}

static void load_configured(struct rates *rs)
{
    struct ledger none = {0};
    for (size_t i = 0; i < rs->config->rate_count; i++)
        mark_changed(rs, need(rs, rs->config->rates[i].code));
    rates_revise(rs, &none);
    rates_settle(rs);
}

void rates_init(struct rates *rs, const struct config *config, const struct calendar *calendar)
{
    *rs = (struct rates){.config = config, .calendar = calendar};
    load_configured(rs);
}

bool rates_revise(struct rates *rs, const struct ledger *l)
{
    bool matters = false;
    for (uint32_t i = 0; i < rs->count && rs->changed > 0; i++) {
        struct rated_currency *c = &rs->at[i];
        if (!c->changed)
            continue;
        REQUIRE(c->former == NULL);
        c->changed = false;
        rs->changed--;
        c->former = c->standing;
        c->standing = merged(rs, c, l);
        compare_series(c, rs->calendar);
        matters = matters || (c->used && c->revised_from_us < c->revised_until_us);
    }
    return matters;
}

void rates_settle(struct rates *rs)
{
    for (uint32_t i = 0; i < rs->count; i++) {
        free(rs->at[i].former);
        rs->at[i].former = NULL;
    }
}

bool rates_differ(const struct rates *rs, currency_code code, int64_t at_us)
{
    const struct rated_currency *c = find(rs, code);
    return c != NULL && c->former != NULL && at_us >= c->revised_from_us && at_us < c->revised_until_us;
}

int64_t rates_nano(struct rates *rs, enum revision which, currency_code code, int64_t local_day, int64_t *out_age_days)
{
    struct rated_currency *c = need(rs, code);
    c->used = true;
    const struct rate_series *s = which == REVISION_FORMER && c->former != NULL ? c->former : c->standing;
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->at[middle].day <= local_day)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    *out_age_days = local_day - s->at[low - 1].day;
    return s->at[low - 1].nano;
}

uint64_t rates_bytes(const struct rates *rs)
{
    uint64_t bytes = rs->room * sizeof *rs->at;
    for (uint32_t i = 0; i < rs->count; i++)
        bytes += sizeof(struct rate_series) + rs->at[i].standing->count * sizeof(struct rate_point) +
                 rs->at[i].claim_room * sizeof(struct rate_claim);
    return bytes;
}
