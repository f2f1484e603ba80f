#include "aggregators/cutting.h"
#include "aggregators/horizon.h"
#include "aggregators/series.h"
#include "aggregators/snapshot_fill.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

static void copy(void *context, uint32_t id);
static void copy_until_wanted(void *context);
static void take_back(void *context);

void cutting_init(struct cutting *cutting, struct derivation *derivation)
{
    const struct config *config = derivation->valuation.config;
    *cutting = (struct cutting){.config = config, .calendar = derivation->valuation.calendar, .derivation = derivation};
    derivation->entities.copy_first = copy;
    derivation->entities.take_back = take_back;
    derivation->entities.copy_context = cutting;
    cutting->before = must_alloc(sizeof *cutting->before);
    edge_sums_init(cutting->before);
    cutting->worker = worker_create("kpid-cut", copy_until_wanted, cutting);
    histogram_init(&cutting->scratch);
    working_time_init(&cutting->working_time, config, cutting->calendar);
}

void cutting_fini(struct cutting *cutting)
{
    worker_destroy(cutting->worker);
    edge_sums_fini(cutting->before);
    free(cutting->before);
    free(cutting->ids);
    for (unsigned i = 0; i < SERIES_MAX; i++)
        free(cutting->series_starts[i]);
}

uint64_t cutting_bytes(const struct cutting *cutting)
{
    return edge_sums_bytes(cutting->before) + cutting->id_room * sizeof *cutting->ids;
}

void cutting_find_spans(struct cutting *cutting)
{
    for (unsigned w = 0; w < cutting->config->window_count; w++)
        cutting->spans[w] =
            window_span_at(&cutting->config->windows[w], cutting->calendar, cutting->derivation->now_us);
}

static void find_edges(struct cutting *cutting)
{
    window_edges_of(cutting->spans, cutting->config->window_count, &cutting->edges);
    increment_spans_lay(&cutting->laid, cutting->config->windows, cutting->config->window_count, cutting->spans,
                        &cutting->edges, cutting->derivation->now_us);
}

static void cut_sums(struct cutting *cutting, struct entity *e, unsigned slot, struct sums *out)
{
    entity_cut_sums(e, slot, &cutting->edges, cutting->before, cutting->laid.from[slot], cutting->laid.to[slot], out);
}

static struct text entity_text(const struct cutting *cutting, uint32_t id)
{
    const struct entity *e = &cutting->derivation->entities.at[id];
    return intern_text(&cutting->seen.names[e->dimension], e->name);
}

static struct text word_or_none(const struct cutting *cutting, uint32_t number)
{
    return number != 0 ? intern_text(&cutting->seen.words, number - 1) : TEXT("");
}

/* What the organisation says of a manager or team. True: it says in which team a manager is now. */
static bool fill_about(struct cutting *cutting, const struct entity *e, struct snapshot *out)
{
    const struct organisation *o = &cutting->derivation->valuation.organisation;
    const struct ledger *l = &cutting->seen;
    struct snapshot_about about = {.active = true};
    if (!o->in_use || (e->dimension != DIMENSION_MANAGER && e->dimension != DIMENSION_TEAM))
        return false;
    bool of_manager = e->dimension == DIMENSION_MANAGER;
    const struct stint *now = of_manager ? organisation_manager(o, e->name) : organisation_team_name(o, e->name);
    if (now != NULL) {
        about.name = word_or_none(cutting, now->name);
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
static size_t calendar_of(struct cutting *cutting, const struct entity *e)
{
    uint32_t team = 0;
    if (e->dimension == DIMENSION_TEAM) {
        team = e->name + 1;
    } else if (e->dimension == DIMENSION_MANAGER) {
        const struct organisation *o = &cutting->derivation->valuation.organisation;
        const struct stint *now = o->in_use ? organisation_manager(o, e->name) : NULL;
        team = now != NULL ? now->team : 0;
    }
    return team != 0
               ? config_team_calendar(cutting->config, intern_text(&cutting->seen.names[DIMENSION_TEAM], team - 1))
               : 0;
}

/* Targets of the window's period. What grows with working time moves by whole quarters of an hour, so that values do not
 * change at every instant. AMENDMENT 26. */
static void fill_window_targets(struct cutting *cutting, const struct entity *e, uint32_t word, unsigned window,
                                size_t calendar, struct snapshot *out)
{
    const struct window_spec *spec = &cutting->config->windows[window];
    const struct window_span *span = &cutting->spans[window];
    bool is_past = spec->kind == WINDOW_PAST;
    int64_t now_us = cutting->derivation->now_us, reached_us = quarter_begun(now_us);
    int64_t today = calendar_day_begun(cutting->calendar, now_us);
    struct target_period p = {.period = spec->period,
                              .first_day =
                                  calendar_period_day(cutting->calendar, spec->period, today, is_past ? -1 : 0),
                              .next_day = calendar_period_day(cutting->calendar, spec->period, today, is_past ? 0 : 1),
                              .end_us = is_past ? span->to_us : span->next_period_us};
    struct target_sum sums[KPI_ANY_COUNT];
    unsigned count = targets_of(&cutting->derivation->targets, &cutting->seen, (enum dimension)e->dimension, word, &p,
                                &cutting->config->calendars[calendar], sums, KPI_ANY_COUNT);
    for (unsigned i = 0; i < count; i++) {
        struct snapshot_target t = {.window = window,
                                    .kpi = sums[i].kpi,
                                    .numerator = sums[i].numerator,
                                    .denominator = sums[i].denominator,
                                    .day_us = working_calendar_day_us(&cutting->config->calendars[calendar]),
                                    .is_past = is_past};
        t.whole_us = working_time_us(&cutting->working_time, calendar, span->from_us, p.end_us);
        t.elapsed_us = t.whole_us;
        if (!is_past) {
            int64_t until_us = reached_us < p.end_us ? reached_us : p.end_us;
            t.elapsed_us = working_time_us(&cutting->working_time, calendar, span->from_us, until_us);
            int64_t from_us = reached_us > span->from_us ? reached_us : span->from_us;
            t.left_us = working_time_us(&cutting->working_time, calendar, from_us, p.end_us);
        }
        snapshot_add_target(out, &t);
    }
}

/* True: it has targets, so that its values change with each quarter of an hour. */
static bool fill_targets(struct cutting *cutting, const struct entity *e, struct snapshot *out)
{
    if (e->target_word == 0)
        return false;
    size_t calendar = calendar_of(cutting, e);
    for (unsigned w = 0; w < cutting->config->window_count; w++)
        if (cutting->config->dimension_windows[e->dimension][w] &&
            (cutting->config->windows[w].kind == WINDOW_TO_DATE || cutting->config->windows[w].kind == WINDOW_PAST))
            fill_window_targets(cutting, e, e->target_word - 1, w, calendar, out);
    return true;
}

static void fill_points(struct cutting *cutting, const struct entity *e, unsigned series, struct snapshot *out)
{
    const struct series_config *of = &cutting->config->series[series];
    uint64_t streams = series_streams(of);
    snapshot_add_series(out, series);
    for (int p = 0; p < of->points; p++) {
        int64_t from_us = cutting->series_starts[series][p];
        int64_t to_us = p + 1 < of->points ? cutting->series_starts[series][p + 1] : cutting->derivation->now_us + 1;
        struct sums sums;
        entity_sums_of(e, streams, from_us, to_us, &cutting->scratch, &sums);
        snapshot_add_point(out, &sums);
    }
}

/* The points of the entity's series. Returns when one changes by time alone, INT64_MAX: it has none. Whoever is in no
 * series pays for nothing of this. */
static int64_t fill_series(struct cutting *cutting, const struct entity *e, struct text name, struct snapshot *out)
{
    static const struct window_spec today = {.kind = WINDOW_TO_DATE, .period = PERIOD_DAY};
    static const bool has_it[] = {true};
    int64_t now_us = cutting->derivation->now_us, next_us = INT64_MAX;
    bool asked = false, begun = false;
    for (unsigned i = 0; i < cutting->config->series_count; i++) {
        const struct series_config *series = &cutting->config->series[i];
        if (!series_names(series, e->dimension, name))
            continue;
        begun = asked ? begun : entity_has_begun(e, now_us + 1);
        asked = true;
        int64_t start_us = begun ? series_next_start(series, cutting->calendar, now_us) : INT64_MAX;
        if (begun)
            fill_points(cutting, e, i, out);
        if (start_us < next_us)
            next_us = start_us;
    }
    if (!asked)
        return INT64_MAX;
    struct window_span span = window_span_at(&today, cutting->calendar, now_us);
    int64_t change_us = entity_next_change(e, &today, &span, has_it, 1, cutting->calendar, now_us, NULL);
    return change_us < next_us ? change_us : next_us;
}

static void find_starts(struct cutting *cutting, struct snapshot *out)
{
    for (unsigned i = 0; i < cutting->config->series_count; i++) {
        const struct series_config *series = &cutting->config->series[i];
        if (cutting->series_starts[i] == NULL)
            cutting->series_starts[i] = must_alloc((size_t)series->points * sizeof *cutting->series_starts[i]);
        series_starts(series, cutting->calendar, cutting->derivation->now_us, cutting->series_starts[i]);
        snapshot_add_starts(out, i, cutting->series_starts[i], (unsigned)series->points);
    }
}

/* What has come since its last cut, where that is known. */
static bool go_on(struct cutting *cutting, struct entity *e, const struct sums *level, struct snapshot *out,
                  int64_t *out_next_us)
{
    struct image *image;
    const struct increment *list;
    unsigned count;
    if (!entity_goes_on(e, &cutting->laid, cutting->kept_for) ||
        !increments_list(e->increments, &cutting->laid, level, &image, &list, &count))
        return false;
    snapshot_add_image(out, image, list, count);
    *out_next_us = increments_until_us(e->increments);
    return true;
}

/* What it costs to sum all windows of an entity, and to look at its values, where to go on is 1. */
enum { SUMMED_COST = 6, ROWS_A_UNIT = 256 };

/* All windows. Returns when one changes by time alone. */
static int64_t sum_windows(struct cutting *cutting, struct entity *e, const struct sums *level, struct snapshot *out)
{
    const struct config *c = cutting->config;
    const bool *has_window = c->dimension_windows[e->dimension];
    struct image *image = NULL;
    entity_edge_sums(e, &cutting->edges, cutting->derivation->now_us, cutting->kept_for, cutting->before);
    for (unsigned w = 0; w < c->window_count; w++) {
        if (!has_window[w])
            continue;
        struct sums current, previous = {{0}};
        if (c->windows[w].kind == WINDOW_NOW) {
            current = *level;
        } else {
            cut_sums(cutting, e, w * 2, &current);
            current.at[MEASURE_OPEN] =
                level->at[MEASURE_OPEN]; /* velocity is of what is open now and what was won in the window */
            if (c->windows[w].kind == WINDOW_TO_DATE) /* a forecast is of the whole period */
                entity_expected(e, cutting->spans[w].from_us, cutting->spans[w].next_period_us, &current);
        }
        if (cutting->spans[w].has_previous)
            cut_sums(cutting, e, w * 2 + 1, &previous);
        snapshot_add_sums(out, w, &current, &previous);
    }
    if (e->increments != NULL)
        image = snapshot_image(out);
    entity_end_cut(e);
    entity_fold(e, cutting->horizon_us);
    int64_t next_us = entity_next_change(e, c->windows, cutting->spans, has_window, c->window_count, cutting->calendar,
                                         cutting->derivation->now_us, &cutting->edges);
    if (image != NULL)
        increments_begin(e->increments, image, level, c->window_count, next_us);
    return next_us;
}

static void fill_own(struct cutting *cutting, struct entity *e, struct snapshot *out)
{
    const struct config *c = cutting->config;
    const struct own_plan *own = &cutting->derivation->entities.own;
    for (unsigned w = 0; w < c->window_count && own->pair_count > 0; w++) {
        if (!c->dimension_windows[e->dimension][w] || c->windows[w].kind == WINDOW_NOW)
            continue;
        struct own_sums now, before = {{{0}}};
        entity_own_sums(e, own, cutting->spans[w].from_us, cutting->spans[w].to_us, &now);
        if (cutting->spans[w].has_previous)
            entity_own_sums(e, own, cutting->spans[w].previous_from_us, cutting->spans[w].previous_to_us, &before);
        snapshot_add_own(out, w, own->pair_count, &now, &before);
    }
}

static void fill_entity(struct cutting *cutting, uint32_t id, struct snapshot *out)
{
    struct entity *e = &cutting->derivation->entities.at[id];
    snapshot_add_entity(out, e->dimension, entity_text(cutting, id), id);
    if (e->gone) {
        timers_set(&cutting->derivation->entities.wake, id, TIMERS_NEVER);
        return;
    }
    bool is_member = fill_about(cutting, e, out);
    bool has_targets = fill_targets(cutting, e, out);
    struct sums level;
    entity_level(e, cutting->derivation->now_us, &level);
    if (is_member || !entity_is_empty(e) || snapshot_target_count(out, snapshot_entity_count(out) - 1) > 0)
        snapshot_mark_standing(out);
    int64_t now_us = cutting->derivation->now_us, next_us;
    cutting->work++;
    if (!go_on(cutting, e, &level, out, &next_us)) {
        next_us = sum_windows(cutting, e, &level, out);
        cutting->work += SUMMED_COST - 1 + edge_sums_rows(cutting->before) / ROWS_A_UNIT;
    }
    fill_own(cutting, e, out);
    int64_t quarter_us = quarter_begun(now_us) + QUARTER_HOUR;
    if (has_targets && quarter_us < next_us)
        next_us = quarter_us;
    int64_t series_us = fill_series(cutting, e, entity_text(cutting, id), out);
    if (series_us < next_us)
        next_us = series_us;
    timers_set(&cutting->derivation->entities.wake, id, next_us);
}

/* Whether some record names the entity: whoever has a target only has no row. */
static bool is_named(const void *context, enum dimension d, struct text entity)
{
    const struct cutting *cutting = context;
    uint32_t name = intern_find(&cutting->derivation->ledger.names[d], entity);
    uint32_t id = name != INTERN_NONE ? entities_find(&cutting->derivation->entities, d, name) : ENTITY_NONE;
    return id != ENTITY_NONE && !entity_is_empty(&cutting->derivation->entities.at[id]);
}

static void count_odd_targets(struct cutting *cutting)
{
    int64_t *oddities = cutting->derivation->oddities;
    targets_count_odd(&cutting->derivation->targets, &cutting->derivation->ledger, is_named, cutting,
                      &oddities[ODDITY_TARGET_UNKNOWN], &oddities[ODDITY_TARGET_ENTITY]);
}

/* Its turn has come, or something is about to change it. */
static void copy(void *context, uint32_t id)
{
    struct cutting *cutting = context;
    struct entities *es = &cutting->derivation->entities;
    es->at[id].changed_for &= (uint8_t)~es->awaited;
    fill_entity(cutting, id, cutting->out);
}

/* Takes over the reader's list of changes, and leaves its own, which is done with; or makes one of everything. */
static void take_ids(struct cutting *cutting, enum reader r, bool everything)
{
    struct entities *es = &cutting->derivation->entities;
    uint32_t *ids = es->changed[r].ids, count = es->changed[r].count, room = es->changed[r].room;
    es->awaited = es->changed[r].bit;
    es->changed[r].ids = cutting->ids;
    es->changed[r].room = cutting->id_room;
    es->changed[r].count = 0;
    es->changed[r].bit ^= (uint8_t)(3u << r * 2);
    cutting->ids = ids;
    cutting->id_room = room;
    cutting->id_count = count;
    cutting->next = 0;
    if (!everything)
        return;
    for (uint32_t i = 0; i < count; i++)
        es->at[ids[i]].changed_for &= (uint8_t)~es->awaited;
    if (es->count > cutting->id_room) {
        cutting->id_room = es->count * 2;
        cutting->ids = must_realloc(cutting->ids, cutting->id_room * sizeof *cutting->ids);
    }
    cutting->id_count = 0;
    for (uint32_t id = 0; id < es->count; id++) {
        if (es->at[id].gone) /* that it has gone is a change, and no more */
            continue;
        es->at[id].changed_for |= es->awaited;
        cutting->ids[cutting->id_count++] = id;
    }
}

enum { TARGETS_OF = 1024 };

/* For as much as each had on average at most: a buffer that doubles would be copied for many milliseconds, by whoever comes to its
 * end. */
static void make_room(struct cutting *cutting)
{
    size_t bytes = cutting->everything_bytes * cutting->id_count,
           targets = cutting->everything_targets * cutting->id_count / TARGETS_OF;
    if (bytes > 0)
        snapshot_reserve(cutting->out, cutting->id_count, bytes + bytes / 8, targets + targets / 8);
}

static void note_room(struct cutting *cutting)
{
    if (cutting->id_count == 0)
        return;
    size_t bytes = snapshot_filled(cutting->out) / cutting->id_count + 1;
    size_t targets = snapshot_targets_filled(cutting->out) * TARGETS_OF / cutting->id_count + 1;
    cutting->everything_bytes = bytes > cutting->everything_bytes ? bytes : cutting->everything_bytes;
    cutting->everything_targets = targets > cutting->everything_targets ? targets : cutting->everything_targets;
}

void cutting_begin(struct cutting *cutting, enum reader r, bool everything, const struct accounts *accounts,
                   const struct positions *positions, struct snapshot *out)
{
    REQUIRE(cutting->out == NULL);
    bool has_previous[WINDOWS_MAX];
    cutting->out = out;
    cutting->seen = cutting->derivation->ledger;
    organisation_make_room(&cutting->derivation->valuation.organisation, cutting->seen.names[DIMENSION_MANAGER].count);
    cutting->reader = everything ? READER_COUNT : r;
    cutting_find_spans(cutting);
    find_edges(cutting);
    cutting->horizon_us = horizon_us(cutting->config, cutting->calendar, cutting->derivation->now_us);
    for (unsigned w = 0; w < cutting->config->window_count; w++)
        has_previous[w] = cutting->spans[w].has_previous;
    take_ids(cutting, r, everything);
    count_odd_targets(cutting);
    if (everything)
        make_room(cutting);
    snapshot_begin(out, cutting->derivation->now_us, everything, cutting->config->window_count, has_previous, accounts,
                   cutting->derivation->records, cutting->derivation->oddities);
    int64_t lock_us = cutting->derivation->valuation.books.lock_us;
    for (unsigned w = 0; w < cutting->config->window_count; w++)
        snapshot_set_provisional(out, w, lock_us != INT64_MIN && cutting->spans[w].to_us > lock_us);
    for (uint32_t i = 0; i < positions->count; i++) {
        const struct cut_position *at = &positions->slots[i].at;
        struct snapshot_position p = {text_of(at->topic), at->partition, at->offset, positions->slots[i].ended,
                                      at->earlier};
        snapshot_add_position(out, &p);
    }
    cutting->kept_for = snapshot_is_of_past(out) ? READER_COUNT : cutting->reader;
    find_starts(cutting, out);
}

/* True: none is left. */
static bool copy_some(struct cutting *cutting, unsigned budget)
{
    const struct entities *es = &cutting->derivation->entities;
    for (uint64_t until = cutting->work + budget; cutting->next < cutting->id_count; cutting->next++) {
        uint32_t id = cutting->ids[cutting->next];
        if (!(es->at[id].changed_for & es->awaited))
            continue;
        if (cutting->work >= until)
            return false;
        copy(cutting, id);
    }
    return true;
}

/* Entities that are copied between two looks at whether the writer waits. */
enum { COPIED_AT_ONCE = 32 };

static void copy_until_wanted(void *context)
{
    struct cutting *cutting = context;
    while (counter_get(&cutting->wanted_back) == 0 && !copy_some(cutting, COPIED_AT_ONCE)) {
    }
}

/* Something is about to be settled: what is left is copied before it changes, or in slices. */
static void take_back(void *context)
{
    struct cutting *cutting = context;
    counter_set(&cutting->wanted_back, 1);
    worker_wait(cutting->worker);
    counter_set(&cutting->wanted_back, 0);
}

void cutting_copy_rest(struct cutting *cutting)
{
    if (cutting->out == NULL)
        return;
    worker_wait(cutting->worker);
    REQUIRE(copy_some(cutting, UINT32_MAX));
}

uint32_t cutting_left(const struct cutting *cutting)
{
    return cutting->id_count - cutting->next;
}

bool cutting_step_aside(struct cutting *cutting, void (*tell)(void *whom), void *whom)
{
    REQUIRE(cutting->out != NULL);
    return worker_begin(cutting->worker, tell, whom);
}

bool cutting_is_aside(const struct cutting *cutting)
{
    return worker_is_busy(cutting->worker);
}

bool cutting_step(struct cutting *cutting, unsigned budget)
{
    REQUIRE(cutting->out != NULL);
    if (budget == UINT32_MAX)
        worker_wait(cutting->worker);
    if (!worker_look(cutting->worker) || !copy_some(cutting, budget))
        return false;
    if (cutting->reader == READER_COUNT)
        note_room(cutting);
    cutting->out = NULL;
    cutting->derivation->entities.awaited = 0;
    return true;
}
