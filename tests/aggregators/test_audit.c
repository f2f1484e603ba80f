/* What the ledger says, derived anew, must be what stands, while events go on; and a number that is wrong is found. */
#include "aggregators/audit_walk.h"
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define FROM_US (INT64_C(1709000000) * SECOND)

struct world {
    struct core core;
    struct derivation derivation;
    struct event_list events;
    struct window_span spans[WINDOWS_MAX];
    struct histogram scratch;
};

/* folds: there is no window that asks when something happened, so what is there may be folded up to any instant. */
struct kind_of_world {
    int64_t entities_max;
    bool folds;
};

static void begin(struct world *w, struct random *r, int count, struct kind_of_world kind)
{
    *w = (struct world){0};
    core_init(&w->core, "Europe/Berlin", 1, 1);
    memset(&w->derivation, 0x55, sizeof w->derivation); /* what was there does not matter */
    struct config *c = w->core.config;
    static const char filter[] = "product = \"Basic\" or source = \"web\"";
    char why[200];
    c->kpis = must_zalloc(sizeof *c->kpis);
    c->kpi_count = 1;
    *c->kpis = (struct own_kpi_config){.name = must_strdup("own"), .filter_text = must_strdup(filter)};
    cr_assert(formula_parse(TEXT("revenue - refunds"), &c->kpis->formula, why, sizeof why));
    cr_assert(name_filter_parse(text_of(filter), &c->kpis->filter, why, sizeof why), "%s", why);
    c->kpis->sample = FORMULA_MEASURE_COUNT;
    c->limits.entities_max = kind.entities_max;
    for (unsigned i = 0; kind.folds && i < c->window_count; i++)
        if (c->windows[i].kind == WINDOW_ALL)
            c->windows[0] = c->windows[i];
    c->window_count = kind.folds ? 1 : c->window_count;
    derivation_init(&w->derivation, w->core.config, w->core.calendar, NULL, INSTANT_MIN);
    w->derivation.audit.rows_a_step = 2;
    histogram_init(&w->scratch);
    struct history_options o = {.from_us = FROM_US, .span_us = 40 * DAY, .count = count, .records = 30};
    make_history(&w->events, r, &o);
}

static void end(struct world *w)
{
    event_list_fini(&w->events);
    derivation_fini(&w->derivation);
    core_fini(&w->core);
}

/* All events, some time after the first one. */
static void take_all(struct world *w, int64_t after_us)
{
    struct derivation *d = &w->derivation;
    for (size_t i = 0; i < w->events.count; i++)
        derivation_apply(d, w->events.at[i]);
    derivation_advance(d, FROM_US + after_us);
    while (!derivation_work(d, 1000))
        ;
}

static void note(void *context, const struct audit_difference *d)
{
    struct audit_difference *last = context;
    *last = *d;
    fprintf(stderr, "%s %.*s %s %s: live %lld, derived %lld\n", dimension_name(d->dimension), (int)d->entity.len,
            d->entity.at, d->window, measure_name(d->measure), (long long)d->live, (long long)d->derived);
}

static void audit_some(struct world *w, unsigned budget, struct audit_difference *last)
{
    struct derivation *d = &w->derivation;
    if (!audit_walk(d, budget))
        return;
    for (unsigned i = 0; i < w->core.config->window_count; i++)
        w->spans[i] = window_span_at(&w->core.config->windows[i], w->core.calendar, d->now_us);
    audit_compare(d, w->spans, &w->scratch, budget, note, last);
}

static const struct kind_of_world usual = {.entities_max = 100000}, few = {.entities_max = 2},
                                  folding = {.entities_max = 100000, .folds = true};

static void fold_some(struct derivation *d, struct random *r, int64_t begin_us)
{
    for (uint32_t id = 0; id < d->entities.count; id++)
        if (random_chance(r, 20))
            entity_fold(&d->entities.at[id], begin_us + random_below(r, d->now_us - begin_us + 1));
}

/* Returns how many parts were given up. */
static int64_t find_nothing(uint64_t seed, struct kind_of_world kind)
{
    struct random r = {seed};
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)r.state);
    struct world w;
    struct audit_difference last;
    int64_t given_up = 0;
    begin(&w, &r, 3000, kind);
    struct derivation *d = &w.derivation;
    int64_t now_us = FROM_US;
    for (size_t i = 0; i < w.events.count; i++) {
        derivation_apply(d, w.events.at[i]);
        if (random_chance(&r, 10))
            derivation_advance(d, now_us += random_below(&r, DAY / 4));
        if (random_chance(&r, 30))
            derivation_work(d, (unsigned)random_below(&r, 300));
        if (kind.folds && random_chance(&r, 10))
            fold_some(d, &r, FROM_US);
        derivation_settle(d, UINT32_MAX);
        given_up += audit_is_stale(&d->audit, &d->entities) && d->audit.shadows_made > 0;
        audit_some(&w, (unsigned)random_below(&r, 60) + 1, &last);
    }
    cr_expect(d->audit.parts_done > AUDIT_PARTS, "%lld parts", (long long)d->audit.parts_done);
    cr_expect(d->audit.entities_done > 50);
    cr_expect(d->audit.differences == 0);
    cr_expect(d->audit.times_asked == 0, "%lld times quantiles were asked for", (long long)d->audit.times_asked);
    end(&w);
    return given_up;
}

Test(audit, finds_nothing_while_events_go_on)
{
    find_nothing(random_seed(31), usual);
    find_nothing(random_seed(35), folding);
    cr_expect(find_nothing(random_seed(36), few) > 0, "names have gone into (other) meanwhile");
}

Test(audit, finds_a_wrong_number_and_says_where)
{
    struct random r = {random_seed(32)};
    struct world w;
    begin(&w, &r, 500, usual);
    struct derivation *d = &w.derivation;
    take_all(&w, 20 * DAY);
    for (uint32_t victim = 0; victim < d->entities.count; victim += 3) {
        struct contribution wrong = {.at_us = d->now_us - HOUR, .stream = STREAM_PAYMENT, .measures = {0, 1}};
        entity_add(&d->entities.at[victim], &wrong, +1);
        int64_t before = d->audit.differences, until = d->audit.parts_done + AUDIT_PARTS;
        struct audit_difference last = {0};
        while (d->audit.parts_done < until)
            audit_some(&w, 1000, &last);
        cr_expect(d->audit.differences == before + 1, "entity %u: %lld", victim,
                  (long long)(d->audit.differences - before));
        cr_expect(last.measure == MEASURE_REVENUE && last.live == last.derived + 1 &&
                  last.dimension == d->entities.at[victim].dimension);
        entity_add(&d->entities.at[victim], &wrong, -1);
        /* The same in the sums of an own KPI. */
        entity_add_own(&d->entities.at[victim], 0, &wrong, +1);
        before = d->audit.differences;
        until = d->audit.parts_done + AUDIT_PARTS;
        while (d->audit.parts_done < until)
            audit_some(&w, 1000, &last);
        cr_expect(d->audit.differences == before + 1);
        cr_expect(last.measure == MEASURE_REVENUE && last.live == last.derived + 1);
        entity_add_own(&d->entities.at[victim], 0, &wrong, -1);
    }
    end(&w);
}

struct one_row {
    struct contribution c;
    bool any;
    int64_t skip;
};

static void take_row(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    struct one_row *row = context;
    if (measures[0] == 1 && row->skip-- == 0)
        *row = (struct one_row){
            {.at_us = at_us, .stream = STREAM_CYCLE, .value = value, .measures = {measures[0], measures[1]}}, true, -1};
}

/* All sums stand, and only quantiles are other ones: whichever row it is, also where rows were folded. */
static void find_a_wrong_value(uint64_t seed, struct kind_of_world kind)
{
    struct random r = {seed};
    struct world w;
    begin(&w, &r, 4000, kind);
    struct derivation *d = &w.derivation;
    take_all(&w, 40 * DAY);
    derivation_settle(d, UINT32_MAX);
    unsigned victims = 0;
    for (uint32_t id = 0; id < d->entities.count; id++) {
        struct entity *e = &d->entities.at[id];
        struct one_row was = {.skip = random_below(&r, 8)};
        if (!(e->streams & UINT64_C(1) << STREAM_CYCLE))
            continue;
        unsigned at = (unsigned)__builtin_popcountll(e->streams & ((UINT64_C(1) << STREAM_CYCLE) - 1));
        tree_visit(&e->trees[at], INT64_MIN, d->now_us, take_row, &was);
        if (!was.any)
            continue;
        struct contribution becomes = was.c;
        becomes.value = HISTOGRAM_BUCKETS - 1;
        entity_add(e, &was.c, -1);
        entity_add(e, &becomes, +1);
        int64_t before = d->audit.differences, until = d->audit.parts_done + AUDIT_PARTS;
        struct audit_difference last = {0};
        while (d->audit.parts_done < until) {
            if (kind.folds && d->audit.station > FACT_KINDS && random_chance(&r, 60))
                fold_some(d, &r, FROM_US);
            audit_some(&w, kind.folds ? 2 : 7, &last);
        }
        cr_expect(d->audit.differences == before + 1, "entity %u: %lld", id,
                  (long long)(d->audit.differences - before));
        cr_expect(last.measure == MEASURE_CYCLE_P50 || last.measure == MEASURE_CYCLE_P90);
        entity_add(e, &becomes, -1);
        entity_add(e, &was.c, +1);
        victims++;
    }
    cr_expect(victims > 3, "%u", victims);
    end(&w);
}

Test(audit, finds_a_wrong_value)
{
    find_a_wrong_value(random_seed(34), usual);
    find_a_wrong_value(random_seed(37), folding);
}

static void count_difference(void *context, const struct audit_difference *d)
{
    (void)d;
    ++*(int *)context;
}

/* The shard's audit goes on a little at each call, through all sixteen parts. */
Test(audit, of_a_shard_goes_round)
{
    struct random r = {random_seed(33)};
    struct world w;
    begin(&w, &r, 500, usual);
    for (size_t i = 0; i < w.events.count; i++)
        shard_apply(w.core.shard, w.events.at[i]);
    shard_advance(w.core.shard, FROM_US + 20 * DAY);
    while (!shard_work(w.core.shard, 1000))
        ;
    int differences = 0, calls = 0;
    for (int parts = 0; parts < (int)AUDIT_PARTS; calls++)
        parts += shard_audit(w.core.shard, 50, count_difference, &differences);
    struct audit_counts counts = shard_audited(w.core.shard);
    cr_expect(counts.parts == AUDIT_PARTS && counts.differences == 0 && differences == 0);
    cr_expect(counts.entities > 20 && calls > (int)AUDIT_PARTS);
    end(&w);
}
