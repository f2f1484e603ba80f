#include "aggregators/shard.h"
#include "aggregators/audit_walk.h"
#include "aggregators/derivation.h"
#include "aggregators/horizon.h"
#include "aggregators/positions.h"
#include "aggregators/restoration.h"
#include "aggregators/series.h"
#include "aggregators/snapshot_fill.h"
#include "aggregators/working_time.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

struct shard {
    const struct config *config;
    const struct calendar *calendar;
    struct derivation derivation;
    struct positions positions;
    int64_t latest_us;
    struct accounts accounts;
    struct cut copied;                    /* of the round that runs */
    struct stored_counts stored_at_start; /* what is stored already */
    struct window_span spans[WINDOWS_MAX];
    int64_t horizon_us; /* of the cut at hand */
    struct working_time working_time;
    struct histogram scratch;
    int64_t *series_starts[SERIES_MAX]; /* of the cut at hand */
    uint32_t *order;                    /* ids of a cut, sorted */
    uint32_t order_room;
};

static struct shard *create(const struct config *config, const struct calendar *calendar, struct restoration *from,
                            int64_t now_us)
{
    struct shard *s = must_zalloc(sizeof *s);
    s->config = config;
    s->calendar = calendar;
    derivation_init(&s->derivation, config, calendar, from, now_us);
    histogram_init(&s->scratch);
    working_time_init(&s->working_time, config, calendar);
    positions_init(&s->positions);
    cut_init(&s->copied);
    s->latest_us = INSTANT_NONE;
    return s;
}

struct shard *shard_create(const struct config *config, const struct calendar *calendar)
{
    return create(config, calendar, NULL, INSTANT_MIN);
}

uint32_t shard_keeps(const struct config *config)
{
    return (config->credit == CREDIT_AT_CLOSE ? CUT_KEEPS_OWNERS : 0u) |
           (config_has_books(config) ? CUT_KEEPS_BOOKS : 0u);
}

struct shard *shard_restore(const struct config *config, const struct calendar *calendar, struct restoration *from,
                            int64_t now_us)
{
    REQUIRE(from->has_cut && (shard_keeps(config) & ~from->cut.keeps) == 0);
    struct stored_counts stored = stored_counts_of(&from->ledger);
    struct shard *s = create(config, calendar, from, now_us > from->cut.now_us ? now_us : from->cut.now_us);
    s->stored_at_start = stored;
    s->accounts = from->cut.accounts;
    s->latest_us = from->cut.latest_us;
    positions_restore(&s->positions, &from->cut);
    restoration_destroy(from);
    return s;
}

void shard_destroy(struct shard *s)
{
    if (s == NULL)
        return;
    derivation_fini(&s->derivation);
    positions_fini(&s->positions);
    free(s->order);
    cut_fini(&s->copied);
    for (unsigned i = 0; i < SERIES_MAX; i++)
        free(s->series_starts[i]);
    free(s);
}

enum outcome shard_apply(struct shard *s, const struct event *e)
{
    struct accounts *a = &s->accounts;
    positions_take(&s->positions, e);
    if (e->fate == EVENT_SLOT || e->fate == EVENT_END || e->fate == EVENT_BEHIND)
        return OUTCOME_NOTE;
    if (e->fate == EVENT_GAP) {
        a->gaps++;
        return OUTCOME_NOTE;
    }
    a->read++;
    if (e->fate == EVENT_DEAD_LETTER) {
        REQUIRE(e->reason < ERROR_COUNT);
        a->dead_lettered++;
        a->dead_lettered_by[e->reason]++;
        return OUTCOME_DEAD_LETTER;
    }
    if (e->fate == EVENT_FILTERED) {
        a->filtered++;
        return OUTCOME_FILTERED;
    }
    REQUIRE(e->fate == EVENT_APPLY && e->kind < KIND_COUNT);
    if (e->occurred_at_us > s->latest_us)
        s->latest_us = e->occurred_at_us;
    switch (derivation_apply(&s->derivation, e)) {
    case RECORD_CHANGED: a->applied++; return OUTCOME_APPLIED;
    case RECORD_REPEATED: a->duplicate++; return OUTCOME_DUPLICATE;
    case RECORD_OUTVOTED: break;
    }
    a->superseded++;
    return OUTCOME_SUPERSEDED;
}

void shard_advance(struct shard *s, int64_t now_us)
{
    if (now_us > s->derivation.now_us)
        derivation_advance(&s->derivation, now_us);
}

bool shard_has_work(const struct shard *s)
{
    return derivation_has_work(&s->derivation);
}

bool shard_work(struct shard *s, unsigned budget)
{
    return derivation_work(&s->derivation, budget);
}

int64_t shard_now_us(const struct shard *s)
{
    return s->derivation.now_us;
}

int64_t shard_next_change_us(const struct shard *s)
{
    return derivation_next_us(&s->derivation);
}

bool shard_has_changes(const struct shard *s, enum reader r)
{
    return s->derivation.entities.changed[r].count > 0;
}

static void find_spans(struct shard *s)
{
    for (unsigned w = 0; w < s->config->window_count; w++)
        s->spans[w] = window_span_at(&s->config->windows[w], s->calendar, s->derivation.now_us);
}

static struct text entity_text(const struct shard *s, uint32_t id)
{
    const struct entity *e = &s->derivation.entities.at[id];
    return intern_text(&s->derivation.ledger.names[e->dimension], e->name);
}

static int by_dimension_and_name(const void *a, const void *b, void *context)
{
    const struct shard *s = context;
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    int order = (int)s->derivation.entities.at[first].dimension - (int)s->derivation.entities.at[second].dimension;
    return order != 0 ? order : text_compare(entity_text(s, first), entity_text(s, second));
}

static struct text word_or_none(const struct shard *s, uint32_t number)
{
    return number != 0 ? intern_text(&s->derivation.ledger.words, number - 1) : TEXT("");
}

/* What the organisation says of a manager or team. True: it says in which team a manager is now. */
static bool fill_about(struct shard *s, const struct entity *e, struct snapshot *out)
{
    struct organisation *o = &s->derivation.valuation.organisation;
    const struct ledger *l = &s->derivation.ledger;
    struct snapshot_about about = {.active = true};
    if (!o->in_use || (e->dimension != DIMENSION_MANAGER && e->dimension != DIMENSION_TEAM))
        return false;
    bool of_manager = e->dimension == DIMENSION_MANAGER;
    const struct stint *now = of_manager ? organisation_manager(o, e->name) : organisation_team_name(o, e->name);
    if (now != NULL) {
        about.name = word_or_none(s, now->name);
        about.active = now->team != 0 && now->active;
        if (of_manager && now->team != 0)
            about.team = intern_text(&l->names[DIMENSION_TEAM], now->team - 1);
    }
    uint32_t lead = of_manager ? 0 : organisation_lead(o, e->name);
    if (lead != 0)
        about.lead = intern_text(&l->names[DIMENSION_MANAGER], lead - 1);
    snapshot_add_about(out, &about);
    return of_manager && now != NULL && now->team != 0;
}

#define QUARTER_HOUR (15 * MINUTE)

static int64_t quarter_begun(int64_t us)
{
    return us - (us % QUARTER_HOUR + QUARTER_HOUR) % QUARTER_HOUR;
}

/* The working calendar of an entity: a team's own, a manager's by the team that it is in now. */
static size_t calendar_of(struct shard *s, const struct entity *e)
{
    const struct ledger *l = &s->derivation.ledger;
    uint32_t team = e->dimension == DIMENSION_TEAM ? e->name + 1
                    : e->dimension == DIMENSION_MANAGER
                        ? organisation_team_now(&s->derivation.valuation.organisation, REVISION_STANDING, e->name)
                        : 0;
    return team != 0 ? config_team_calendar(s->config, intern_text(&l->names[DIMENSION_TEAM], team - 1)) : 0;
}

/* Targets of the window's period. What grows with working time moves by whole quarters of an hour, so that values do not
 * change at every instant. AMENDMENT 26. */
static void fill_window_targets(struct shard *s, const struct entity *e, uint32_t word, unsigned window,
                                size_t calendar, struct snapshot *out)
{
    const struct window_spec *spec = &s->config->windows[window];
    const struct window_span *span = &s->spans[window];
    bool is_past = spec->kind == WINDOW_PAST;
    int64_t now_us = s->derivation.now_us, reached_us = quarter_begun(now_us);
    int64_t today = calendar_day_begun(s->calendar, now_us);
    struct target_period p = {.period = spec->period,
                              .first_day = calendar_period_day(s->calendar, spec->period, today, is_past ? -1 : 0),
                              .next_day = calendar_period_day(s->calendar, spec->period, today, is_past ? 0 : 1),
                              .end_us = is_past ? span->to_us : span->next_period_us};
    struct target_sum sums[KPI_ANY_COUNT];
    unsigned count = targets_of(&s->derivation.targets, &s->derivation.ledger, (enum dimension)e->dimension, word, &p,
                                &s->config->calendars[calendar], sums, KPI_ANY_COUNT);
    for (unsigned i = 0; i < count; i++) {
        struct snapshot_target t = {.window = window,
                                    .kpi = sums[i].kpi,
                                    .numerator = sums[i].numerator,
                                    .denominator = sums[i].denominator,
                                    .day_us = working_calendar_day_us(&s->config->calendars[calendar]),
                                    .is_past = is_past};
        t.whole_us = working_time_us(&s->working_time, calendar, span->from_us, p.end_us);
        t.elapsed_us = t.whole_us;
        if (!is_past) {
            int64_t until_us = reached_us < p.end_us ? reached_us : p.end_us;
            t.elapsed_us = working_time_us(&s->working_time, calendar, span->from_us, until_us);
            int64_t from_us = reached_us > span->from_us ? reached_us : span->from_us;
            t.left_us = working_time_us(&s->working_time, calendar, from_us, p.end_us);
        }
        snapshot_add_target(out, &t);
    }
}

/* True: it has targets, so that its values change with each quarter of an hour. */
static bool fill_targets(struct shard *s, const struct entity *e, struct snapshot *out)
{
    const struct targets *t = &s->derivation.targets;
    if (t->entity_room == 0)
        return false;
    const struct ledger *l = &s->derivation.ledger;
    uint32_t word = intern_find(&l->words, intern_text(&l->names[e->dimension], e->name));
    if (word == INTERN_NONE || !targets_name(t, word))
        return false;
    size_t calendar = calendar_of(s, e);
    for (unsigned w = 0; w < s->config->window_count; w++)
        if (s->config->dimension_windows[e->dimension][w] &&
            (s->config->windows[w].kind == WINDOW_TO_DATE || s->config->windows[w].kind == WINDOW_PAST))
            fill_window_targets(s, e, word, w, calendar, out);
    return true;
}

static void fill_points(struct shard *s, const struct entity *e, unsigned series, struct snapshot *out)
{
    const struct series_config *of = &s->config->series[series];
    uint64_t streams = series_streams(of);
    snapshot_add_series(out, series);
    for (int p = 0; p < of->points; p++) {
        int64_t from_us = s->series_starts[series][p];
        int64_t to_us = p + 1 < of->points ? s->series_starts[series][p + 1] : s->derivation.now_us + 1;
        struct sums sums;
        entity_sums_of(e, streams, from_us, to_us, &s->scratch, &sums);
        snapshot_add_point(out, &sums);
    }
}

/* Whether anything has happened by now. */
static bool has_begun(struct shard *s, const struct entity *e)
{
    static const struct sums nothing;
    struct sums sums;
    entity_sums(e, INT64_MIN, s->derivation.now_us + 1, &s->scratch, &sums);
    return memcmp(&sums, &nothing, sizeof sums) != 0;
}

/* The points of the entity's series. Returns when one changes by time alone, INT64_MAX: it has none. Whoever is in no
 * series pays for nothing of this. */
static int64_t fill_series(struct shard *s, const struct entity *e, struct text name, struct snapshot *out)
{
    static const struct window_spec today = {.kind = WINDOW_TO_DATE, .period = PERIOD_DAY};
    static const bool has_it[] = {true};
    int64_t now_us = s->derivation.now_us, next_us = INT64_MAX;
    bool asked = false, begun = false;
    for (unsigned i = 0; i < s->config->series_count; i++) {
        const struct series_config *series = &s->config->series[i];
        if (!series_names(series, e->dimension, name))
            continue;
        begun = asked ? begun : has_begun(s, e);
        asked = true;
        int64_t start_us = begun ? series_next_start(series, s->calendar, now_us) : INT64_MAX;
        if (begun)
            fill_points(s, e, i, out);
        if (start_us < next_us)
            next_us = start_us;
    }
    if (!asked)
        return INT64_MAX;
    struct window_span span = window_span_at(&today, s->calendar, now_us);
    int64_t change_us = entity_next_change(e, &today, &span, has_it, 1, s->calendar, now_us);
    return change_us < next_us ? change_us : next_us;
}

static void find_starts(struct shard *s, struct snapshot *out)
{
    for (unsigned i = 0; i < s->config->series_count; i++) {
        const struct series_config *series = &s->config->series[i];
        if (s->series_starts[i] == NULL)
            s->series_starts[i] = must_alloc((size_t)series->points * sizeof *s->series_starts[i]);
        series_starts(series, s->calendar, s->derivation.now_us, s->series_starts[i]);
        snapshot_add_starts(out, i, s->series_starts[i], (unsigned)series->points);
    }
}

static void fill_entity(struct shard *s, uint32_t id, struct snapshot *out)
{
    const struct config *c = s->config;
    struct entity *e = &s->derivation.entities.at[id];
    const bool *has_window = c->dimension_windows[e->dimension];
    snapshot_add_entity(out, e->dimension, entity_text(s, id), id);
    if (e->gone) {
        timers_set(&s->derivation.entities.wake, id, TIMERS_NEVER);
        return;
    }
    entity_fold(e, s->horizon_us);
    bool is_member = fill_about(s, e, out);
    bool has_targets = fill_targets(s, e, out);
    struct sums level;
    entity_level(e, s->derivation.now_us, &level);
    if (is_member || !entity_is_empty(e) || snapshot_target_count(out, snapshot_entity_count(out) - 1) > 0)
        snapshot_mark_standing(out);
    for (unsigned w = 0; w < c->window_count; w++) {
        if (!has_window[w])
            continue;
        struct sums current, previous = {{0}};
        if (c->windows[w].kind == WINDOW_NOW) {
            current = level;
        } else {
            entity_sums(e, s->spans[w].from_us, s->spans[w].to_us, &s->scratch, &current);
            current.at[MEASURE_OPEN] =
                level.at[MEASURE_OPEN]; /* velocity is of what is open now and what was won in the window */
            if (c->windows[w].kind == WINDOW_TO_DATE) /* a forecast is of the whole period */
                entity_expected(e, s->spans[w].from_us, s->spans[w].next_period_us, &current);
        }
        if (s->spans[w].has_previous)
            entity_sums(e, s->spans[w].previous_from_us, s->spans[w].previous_to_us, &s->scratch, &previous);
        snapshot_add_sums(out, w, &current, &previous);
        const struct own_plan *own = &s->derivation.entities.own;
        if (own->pair_count > 0 && c->windows[w].kind != WINDOW_NOW) {
            struct own_sums now, before = {{{0}}};
            entity_own_sums(e, own, s->spans[w].from_us, s->spans[w].to_us, &now);
            if (s->spans[w].has_previous)
                entity_own_sums(e, own, s->spans[w].previous_from_us, s->spans[w].previous_to_us, &before);
            snapshot_add_own(out, w, own->pair_count, &now, &before);
        }
    }
    int64_t now_us = s->derivation.now_us,
            next_us = entity_next_change(e, c->windows, s->spans, has_window, c->window_count, s->calendar, now_us);
    int64_t quarter_us = quarter_begun(now_us) + QUARTER_HOUR;
    if (has_targets && quarter_us < next_us)
        next_us = quarter_us;
    int64_t series_us = fill_series(s, e, entity_text(s, id), out);
    if (series_us < next_us)
        next_us = series_us;
    timers_set(&s->derivation.entities.wake, id, next_us);
}

/* Whether some record names the entity: whoever has a target only has no row. */
static bool is_named(const void *context, enum dimension d, struct text entity)
{
    const struct shard *s = context;
    uint32_t name = intern_find(&s->derivation.ledger.names[d], entity);
    uint32_t id = name != INTERN_NONE ? entities_find(&s->derivation.entities, d, name) : ENTITY_NONE;
    return id != ENTITY_NONE && !entity_is_empty(&s->derivation.entities.at[id]);
}

static void count_odd_targets(struct shard *s)
{
    int64_t *oddities = s->derivation.oddities;
    targets_count_odd(&s->derivation.targets, &s->derivation.ledger, is_named, s, &oddities[ODDITY_TARGET_UNKNOWN],
                      &oddities[ODDITY_TARGET_ENTITY]);
}

void shard_cut(struct shard *s, enum reader r, bool everything, struct snapshot *out)
{
    REQUIRE(!shard_has_work(s));
    bool has_previous[WINDOWS_MAX];
    find_spans(s);
    s->horizon_us = horizon_us(s->config, s->calendar, s->derivation.now_us);
    for (unsigned w = 0; w < s->config->window_count; w++)
        has_previous[w] = s->spans[w].has_previous;
    uint32_t count = everything ? s->derivation.entities.count : s->derivation.entities.changed[r].count;
    if (count > s->order_room) {
        s->order_room = count * 2;
        s->order = must_realloc(s->order, s->order_room * sizeof *s->order);
    }
    uint32_t all = count;
    count = 0;
    for (uint32_t i = 0; i < all; i++) {
        uint32_t id = everything ? i : s->derivation.entities.changed[r].ids[i];
        if (!everything || !s->derivation.entities.at[id].gone) /* that it has gone is a change */
            s->order[count++] = id;
    }
    if (count > 1)
        qsort_r(s->order, count, sizeof *s->order, by_dimension_and_name, s);

    count_odd_targets(s);
    snapshot_begin(out, s->derivation.now_us, everything, s->config->window_count, has_previous, &s->accounts,
                   s->derivation.records, s->derivation.oddities);
    int64_t lock_us = s->derivation.valuation.books.lock_us;
    for (unsigned w = 0; w < s->config->window_count; w++)
        snapshot_set_provisional(out, w, lock_us != INT64_MIN && s->spans[w].to_us > lock_us);
    for (uint32_t i = 0; i < s->positions.count; i++) {
        const struct cut_position *at = &s->positions.slots[i].at;
        struct snapshot_position p = {text_of(at->topic), at->partition, at->offset, s->positions.slots[i].ended,
                                      at->earlier};
        snapshot_add_position(out, &p);
    }
    find_starts(s, out);
    for (uint32_t i = 0; i < count; i++)
        fill_entity(s, s->order[i], out);
    for (uint32_t i = 0; i < s->derivation.entities.changed[r].count; i++) {
        struct entity *e = &s->derivation.entities.at[s->derivation.entities.changed[r].ids[i]];
        e->changed_for = (uint8_t)(e->changed_for & ~(1u << r));
    }
    s->derivation.entities.changed[r].count = 0;
}

bool shard_audit(struct shard *s, unsigned budget, audit_report *report, void *context)
{
    if (!audit_walk(&s->derivation, budget))
        return false;
    find_spans(s);
    /* A comparison costs as much as some hundred looks at a record. */
    return audit_compare(&s->derivation, s->spans, &s->scratch, budget / 256 + 1, report, context);
}

struct audit_counts shard_audited(const struct shard *s)
{
    const struct audit *a = &s->derivation.audit;
    return (struct audit_counts){a->parts_done, a->entities_done, a->differences};
}

void shard_explain(struct shard *s, enum dimension d, struct text entity, uint64_t streams,
                   void (*visit)(void *context, const struct explained *e), void *context)
{
    struct derivation *of = &s->derivation;
    uint32_t name = intern_find(&of->ledger.names[d], entity);
    if (name == INTERN_NONE)
        return;
    for (unsigned station = 0; station <= FACT_KINDS; station++) {
        for (uint32_t at = 0; at < derivation_station_size(of, station); at++) {
            struct contributions list;
            derivation_stands(of, station, at, &list);
            for (unsigned i = 0; i < list.count; i++) {
                const struct contribution *c = &list.at[i];
                const struct dimensions *names = dimension_table_get(&of->ledger.tuples, c->names);
                if (!(streams >> c->stream & 1) || contribution_name(names, c, d) == 0 ||
                    !entities_counts_for(&of->entities, d, contribution_name(names, c, d) - 1, name))
                    continue;
                const struct stream_info *stream = &stream_infos[c->stream];
                bool is_fact = station < FACT_KINDS;
                struct explained e = {is_fact ? record_kind_info((enum record_kind)station)->name : "customer",
                                      is_fact ? intern_text(&of->ledger.keys[station], at)
                                              : intern_text(&of->ledger.words, at),
                                      c->at_us,
                                      stream,
                                      c->measures,
                                      stream->valued ? histogram_midpoint_s((uint32_t)c->value) : 0};
                visit(context, &e);
            }
            contributions_fini(&list);
        }
    }
}

struct window_span shard_span(const struct shard *s, unsigned window)
{
    return window_span_at(&s->config->windows[window], s->calendar, s->derivation.now_us);
}

bool shard_is_whole(const struct shard *s)
{
    return s->positions.is_whole;
}

void shard_store_changes(struct shard *s)
{
    copying_use(&s->derivation.copying, &s->stored_at_start);
}

bool shard_has_unstored(const struct shard *s)
{
    return copying_has_changes(&s->derivation.copying, &s->derivation.ledger);
}

void shard_copy_begin(struct shard *s)
{
    cut_fini(&s->copied);
    s->copied = (struct cut){.keeps = shard_keeps(s->config),
                             .now_us = s->derivation.now_us,
                             .latest_us = s->latest_us,
                             .accounts = s->accounts};
    positions_copy(&s->positions, &s->copied);
    copying_begin(&s->derivation.copying);
}

bool shard_copy_step(struct shard *s, unsigned budget, struct buffer *out)
{
    struct derivation *d = &s->derivation;
    struct copied_from from = {&d->ledger, &d->valuation.books, &d->targets};
    if (!copying_step(&d->copying, &from, budget, out))
        return false;
    positions_reached(&s->positions, &s->copied);
    size_t begin = stored_begin(out, STORED_CUT, 0);
    cut_write(&s->copied, out);
    stored_end(out, begin);
    return true;
}

void shard_copy_end(struct shard *s, bool is_stored)
{
    copying_end(&s->derivation.copying, &s->derivation.ledger, is_stored);
}

const struct accounts *shard_accounts(const struct shard *s)
{
    return &s->accounts;
}

int64_t shard_records(const struct shard *s, enum record_kind k)
{
    REQUIRE(k < KIND_COUNT);
    return s->derivation.records[k];
}

int64_t shard_oddities(const struct shard *s, enum oddity o)
{
    REQUIRE(o < ODDITY_COUNT);
    return s->derivation.oddities[o];
}

int64_t shard_latest_us(const struct shard *s)
{
    return s->latest_us;
}

void shard_memory(const struct shard *s, struct memory_use *out)
{
    derivation_memory(&s->derivation, out);
    out->other += sizeof *s - sizeof s->derivation + s->order_room * sizeof *s->order;
    out->other += s->positions.count * sizeof *s->positions.slots;
}

uint32_t shard_position_count(const struct shard *s)
{
    return s->positions.count;
}

const struct cut_position *shard_position(const struct shard *s, uint32_t slot)
{
    REQUIRE(slot < s->positions.count);
    return &s->positions.slots[slot].at;
}
