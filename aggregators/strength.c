/* Every fraction is kept as two lists of factors, which are multiplied only when one is written or compared: a size has
 * up to four factors of a hundred bits. */
#include "aggregators/strength.h"
#include "base/error.h"
#include "base/instant.h"
#include <string.h>

/* The denominators that all sizes have first: of the shrunk win rate and of the shrunk average check. */
#define SHARED 4

const char *lever_name(enum lever l)
{
    static const char *const names[] = {"win_rate", "average_check", "cycle_time", "deals"};
    REQUIRE(l < LEVER_COUNT);
    return names[l];
}

const char *strength_suffix(enum strength_part p)
{
    static const char *const suffixes[] = {"", ".shrunk", ".team", ".index", ".size"};
    REQUIRE(p < STRENGTH_PARTS);
    return suffixes[p];
}

struct lever_sums lever_sums_of(const struct sums *sums)
{
    const int128 *at = sums->at;
    return (struct lever_sums){
        .total = {at[MEASURE_WON], at[MEASURE_WON_AMOUNT], at[MEASURE_CYCLE_US], at[MEASURE_DEALS]},
        .count = {at[MEASURE_WON] + at[MEASURE_LOST], at[MEASURE_WON_WITH_AMOUNT], at[MEASURE_CYCLES], 0}};
}

void lever_sums_add(struct lever_sums *to, const struct lever_sums *more, int sign)
{
    for (unsigned l = 0; l < LEVER_COUNT; l++) {
        to->total[l] += sign * more->total[l];
        to->count[l] += sign * more->count[l];
    }
}

#define FACTORS(...) (const int128[]){__VA_ARGS__}, sizeof((const int128[]){__VA_ARGS__}) / sizeof(int128)

/* No value where something below is not above 0. */
static void set(struct quotient *q, const int128 *above, size_t above_count, const int128 *below, size_t below_count)
{
    q->below_count = 0;
    for (size_t i = 0; i < below_count; i++)
        if (below[i] <= 0)
            return;
    memcpy(q->above, above, above_count * sizeof *above);
    memcpy(q->below, below, below_count * sizeof *below);
    q->above_count = (unsigned)above_count;
    q->below_count = (unsigned)below_count;
}

/* Of the first three levers. shrunk = (total + k mean) / (count + k), which is credible / (pooled count (count + k)). */
struct rate {
    int128 total, count, pooled, pooled_count;
    int128 weight;   /* count + k */
    int128 credible; /* total pooled_count + k pooled: of the shrunk value what is above */
    int128 gap;      /* pooled count - total pooled_count: (mean - shrunk) pooled_count weight */
};

static struct rate rate_of(const struct lever_sums *own, const struct lever_sums *pooled, enum lever l, int64_t k)
{
    struct rate r = {own->total[l], own->count[l], pooled->total[l], pooled->count[l], own->count[l] + k, 0, 0};
    r.credible = r.total * r.pooled_count + k * r.pooled;
    r.gap = r.pooled * r.count - r.total * r.pooled_count;
    return r;
}

static void set_rate(struct quotient *parts, const struct rate *r, enum lever l)
{
    const int128 unit = l == LEVER_CYCLE_TIME ? SECOND : 1;
    set(&parts[STRENGTH_VALUE], FACTORS(r->total), FACTORS(r->count, unit));
    set(&parts[STRENGTH_TEAM], FACTORS(r->pooled), FACTORS(r->pooled_count, unit));
    set(&parts[STRENGTH_SHRUNK], FACTORS(r->credible), FACTORS(r->pooled_count, r->weight, unit));
    /* In books there may be an amount without a deal: one was taken back that is not in the window. */
    if (r->pooled_count <= 0 || r->credible == 0 || r->pooled == 0)
        return;
    /* shrunk / mean, and of times, which are better when they are short, mean / shrunk */
    int128 sign = (r->credible < 0) != (r->pooled < 0) ? -1 : 1;
    int128 credible = r->credible < 0 ? -r->credible : r->credible, pooled = r->pooled < 0 ? -r->pooled : r->pooled;
    if (l == LEVER_CYCLE_TIME)
        set(&parts[STRENGTH_INDEX], FACTORS(sign * pooled, r->weight), FACTORS(credible));
    else
        set(&parts[STRENGTH_INDEX], FACTORS(sign * credible), FACTORS(pooled, r->weight));
}

static void set_deals(struct quotient *parts, int128 own, int128 pooled, int64_t peers)
{
    set(&parts[STRENGTH_VALUE], FACTORS(own), FACTORS(1));
    set(&parts[STRENGTH_SHRUNK], FACTORS(own), FACTORS(1)); /* a count is no sample */
    set(&parts[STRENGTH_TEAM], FACTORS(pooled), FACTORS(peers));
    if (own != 0)
        set(&parts[STRENGTH_INDEX], FACTORS(own * peers), FACTORS(pooled));
}

/* What the team's level would bring: closed x win rate x average check, with one of them at the team's; as many more
 * deals at that worth; or the same in less time. None where one of these is not known: then something below is 0. */
static void set_sizes(struct strengths *s, const struct rate *win, const struct rate *check, const struct rate *cycle,
                      int128 deals_gap, int64_t peers)
{
#define SHARED_BELOW win->pooled_count, win->weight, check->pooled_count, check->weight
    set(&s->at[LEVER_WIN_RATE][STRENGTH_SIZE], FACTORS(win->count, win->gap, check->credible), FACTORS(SHARED_BELOW));
    set(&s->at[LEVER_AVERAGE_CHECK][STRENGTH_SIZE], FACTORS(win->count, win->credible, check->gap),
        FACTORS(SHARED_BELOW));
    set(&s->at[LEVER_CYCLE_TIME][STRENGTH_SIZE], FACTORS(win->count, win->credible, check->credible, -cycle->gap),
        FACTORS(SHARED_BELOW, cycle->pooled, cycle->weight));
    set(&s->at[LEVER_DEALS][STRENGTH_SIZE], FACTORS(deals_gap, win->credible, check->credible),
        FACTORS(SHARED_BELOW, peers));
}

static int sign_of(const struct quotient *q)
{
    return wide_compare(q->above, q->above_count, (const int128[]){0}, 1);
}

/* Of two sizes, without the denominators that both have. */
static int compare(const struct quotient *a, const struct quotient *b)
{
    int128 first[WIDE_FACTORS], second[WIDE_FACTORS];
    unsigned first_count = a->above_count, second_count = b->above_count;
    memcpy(first, a->above, first_count * sizeof *first);
    memcpy(second, b->above, second_count * sizeof *second);
    for (unsigned i = SHARED; i < b->below_count; i++)
        first[first_count++] = b->below[i];
    for (unsigned i = SHARED; i < a->below_count; i++)
        second[second_count++] = a->below[i];
    return wide_compare(first, first_count, second, second_count);
}

static void find_extremes(struct strengths *s)
{
    s->weakest = s->strongest = LEVER_COUNT;
    for (unsigned l = 0; l < LEVER_COUNT; l++) {
        const struct quotient *size = &s->at[l][STRENGTH_SIZE];
        int sign = size->below_count > 0 ? sign_of(size) : 0;
        if (sign > 0 && (s->weakest == LEVER_COUNT || compare(size, &s->at[s->weakest][STRENGTH_SIZE]) > 0))
            s->weakest = (enum lever)l;
        if (sign < 0 && (s->strongest == LEVER_COUNT || compare(size, &s->at[s->strongest][STRENGTH_SIZE]) < 0))
            s->strongest = (enum lever)l;
    }
}

void strengths_of(const struct lever_sums *own, const struct lever_sums *pooled, int64_t peers, int64_t k,
                  struct strengths *out)
{
    REQUIRE(peers > 0 && k >= 0);
    memset(out, 0, sizeof *out);
    struct rate rates[LEVER_DEALS];
    for (unsigned l = 0; l < LEVER_DEALS; l++) {
        rates[l] = rate_of(own, pooled, (enum lever)l, k);
        set_rate(out->at[l], &rates[l], (enum lever)l);
    }
    int128 deals = own->total[LEVER_DEALS], all_deals = pooled->total[LEVER_DEALS];
    set_deals(out->at[LEVER_DEALS], deals, all_deals, peers);
    set_sizes(out, &rates[LEVER_WIN_RATE], &rates[LEVER_AVERAGE_CHECK], &rates[LEVER_CYCLE_TIME],
              all_deals - deals * peers, peers);
    find_extremes(out);
}

bool strength_exists(const struct strengths *s, enum lever l, enum strength_part p)
{
    return s->at[l][p].below_count > 0;
}

void strength_format(struct buffer *b, const struct strengths *s, enum lever l, enum strength_part p,
                     int money_decimals)
{
    const struct quotient *q = &s->at[l][p];
    REQUIRE(q->below_count > 0);
    int decimals = 0;
    bool in_minor_units = p == STRENGTH_SIZE || (p != STRENGTH_INDEX && l == LEVER_AVERAGE_CHECK);
    if (p == STRENGTH_INDEX || (l == LEVER_WIN_RATE && p != STRENGTH_SIZE))
        decimals = 6;
    else if (l == LEVER_DEALS && p == STRENGTH_TEAM)
        decimals = 2;
    int128 above[WIDE_FACTORS - 1], rounded;
    memcpy(above, q->above, q->above_count * sizeof *above);
    above[q->above_count] = power_of_ten(decimals);
    REQUIRE(wide_half_even(above, q->above_count + 1, q->below, q->below_count, &rounded));
    minor_format(b, rounded, in_minor_units ? money_decimals : decimals);
}
