#include "aggregators/audit_walk.h"
#include "base/error.h"

bool audit_walk(struct derivation *d, unsigned budget)
{
    struct audit *a = &d->audit;
    derivation_settle(d, UINT32_MAX);
    if (audit_is_stale(a, &d->entities))
        audit_give_up(a);
    if (!a->running && !audit_drop_some(a))
        return false;
    if (!a->running)
        audit_begin(a, &d->entities);
    for (; a->shadows_made < a->shadow_count; budget--) {
        if (budget == 0)
            return false;
        audit_make_shadow(a, &d->entities);
    }
    while (a->station <= FACT_KINDS) {
        if (a->at >= derivation_station_size(d, a->station)) {
            a->at = 0;
            a->station++;
            continue;
        }
        if (budget == 0)
            return false;
        budget--;
        struct contributions list;
        derivation_stands(d, a->station, a->at, &list);
        for (unsigned i = 0; i < list.count; i++) {
            const struct dimensions names = dimension_table_get(&d->ledger.tuples, list.at[i].names);
            audit_add(a, &d->entities, &names, &list.at[i], +1);
        }
        contributions_fini(&list);
        a->at++;
    }
    return true;
}

struct audit_comparison {
    struct derivation *d;
    uint32_t entity;
    audit_report *report;
    void *context;
};

static void compare(struct audit_comparison *c, const char *window, const struct sums *live, const struct sums *derived)
{
    const struct entity *e = &c->d->entities.at[c->entity];
    for (unsigned m = 0; m < MEASURE_COUNT; m++) {
        if (live->at[m] == derived->at[m])
            continue;
        c->d->audit.differences += !c->d->audit.differs;
        c->d->audit.differs = true;
        struct audit_difference difference = {(enum dimension)e->dimension,
                                              intern_text(&c->d->ledger.names[e->dimension], e->name),
                                              window,
                                              (enum measure)m,
                                              live->at[m],
                                              derived->at[m]};
        c->report(c->context, &difference);
    }
}

/* Told by the measure of the pair's stream. */
static void compare_own(struct audit_comparison *c, const char *window, const struct own_sums *live,
                        const struct own_sums *derived)
{
    const struct own_plan *own = &c->d->entities.own;
    for (unsigned pair = 0; pair < own->pair_count; pair++) {
        const struct stream_info *info = &stream_infos[own->pairs[pair].stream];
        for (unsigned m = 0; m < info->measures; m++) {
            struct sums ours = {{0}}, theirs = {{0}};
            ours.at[info->first + m] = live->at[pair][m];
            theirs.at[info->first + m] = derived->at[pair][m];
            if (ours.at[info->first + m] != theirs.at[info->first + m])
                compare(c, window, &ours, &theirs);
        }
    }
}

/* scratch NULL: all but the quantiles. */
static void compare_windows(struct audit_comparison *c, struct entity *shadow, const struct window_span *spans,
                            struct histogram *scratch)
{
    const struct config *config = c->d->entities.config;
    struct entity *live = &c->d->entities.at[c->entity];
    struct sums ours, theirs;
    for (unsigned w = 0; w < config->window_count; w++) {
        if (!config->dimension_windows[live->dimension][w] || config->windows[w].kind == WINDOW_NOW)
            continue;
        entity_sums(live, spans[w].from_us, spans[w].to_us, scratch, &ours);
        entity_sums(shadow, spans[w].from_us, spans[w].to_us, scratch, &theirs);
        compare(c, config->windows[w].name, &ours, &theirs);
        struct own_sums our_own, their_own;
        const struct own_plan *own = &c->d->entities.own;
        entity_own_sums(live, own, spans[w].from_us, spans[w].to_us, &our_own);
        entity_own_sums(shadow, own, spans[w].from_us, spans[w].to_us, &their_own);
        compare_own(c, config->windows[w].name, &our_own, &their_own);
    }
}

static void compare_levels(struct audit_comparison *c, struct entity *shadow)
{
    struct entity *live = &c->d->entities.at[c->entity];
    struct sums ours, theirs;
    entity_level(live, c->d->now_us, &ours);
    entity_level(shadow, c->d->now_us, &theirs);
    entity_expected(live, INT64_MIN, INT64_MAX, &ours);
    entity_expected(shadow, INT64_MIN, INT64_MAX, &theirs);
    compare(c, "now", &ours, &theirs);
}

/* Rows by which quantiles are made: of two entities that were folded alike they are the same. True: all have been compared. */
static bool compare_values(struct audit_comparison *c, struct entity *shadow, const struct window_span *spans,
                           struct histogram *scratch)
{
    struct audit *a = &c->d->audit;
    const struct entity *live = &c->d->entities.at[c->entity];
    if (shadow->base_us < live->base_us) {
        entity_fold(shadow, live->base_us);
        if (shadow->base_us < live->base_us)
            return false;
    }
    /* What was the same stays so when both fold it. What was not looked at yet may have gone to the base with it. */
    if (a->base_us != live->base_us && a->from_us < live->base_us)
        a->from_us = INT64_MIN;
    a->base_us = live->base_us;
    for (uint32_t rows = 0; a->valued < STREAM_VALUED;) {
        if (rows >= a->rows_a_step)
            return false;
        bool is_same = entity_same_values(live, shadow, a->valued, &a->from_us, a->rows_a_step, &rows);
        if (!is_same && !a->differs && !a->asked) { /* one that differs has been told */
            a->asked = true;
            a->times_asked++;
            compare_windows(c, shadow, spans, scratch);
        }
        if (a->from_us == INT64_MAX) {
            a->valued++;
            a->from_us = INT64_MIN;
        }
    }
    return true;
}

/* True: all of it has been compared. */
static bool compare_some(struct audit_comparison *c, const struct window_span *spans, struct histogram *scratch)
{
    struct audit *a = &c->d->audit;
    struct entity *shadow = audit_shadow(a, c->entity);
    if (!a->summed) {
        compare_windows(c, shadow, spans, NULL);
        compare_levels(c, shadow);
        a->summed = true;
        a->valued = 0;
        a->from_us = INT64_MIN;
    }
    return compare_values(c, shadow, spans, scratch);
}

bool audit_compare(struct derivation *d, const struct window_span *spans, struct histogram *scratch, unsigned budget,
                   audit_report *report, void *context)
{
    struct audit *a = &d->audit;
    REQUIRE(a->running && a->station > FACT_KINDS);
    for (; a->at < a->shadow_count; budget--) {
        if (budget == 0)
            return false;
        struct audit_comparison c = {d, a->at * AUDIT_PARTS + a->part, report, context};
        if (a->compared || compare_some(&c, spans, scratch))
            audit_end_shadow(a);
    }
    audit_end(a);
    return true;
}
