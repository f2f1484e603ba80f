#include "publishers/scribe.h"
#include "aggregators/series.h"
#include "base/error.h"
#include "publishers/keys.h"
#include <stdlib.h>
#include <string.h>

void scribe_init(struct scribe *s, const struct config *config, struct changes *changes, struct batch *batch)
{
    s->config = config;
    s->changes = changes;
    s->batch = batch;
    s->money_decimals = config_currency_decimals(config, config->base_currency);
    own_plan_init(&s->own, config);
    rendered_init(&s->rendered);
    arguments_init(&s->changed);
    arguments_init(&s->about);
    buffer_init(&s->series);
    s->series_stand = NULL;
    s->series_room = 0;
}

void scribe_fini(struct scribe *s)
{
    rendered_fini(&s->rendered);
    arguments_fini(&s->changed);
    arguments_fini(&s->about);
    buffer_fini(&s->series);
    free(s->series_stand);
}

static uint64_t hash_target(const struct snapshot_target *t)
{
    int128 numbers[] = {t->kpi,     t->numerator, t->denominator, t->elapsed_us,
                        t->left_us, t->whole_us,  t->day_us,      t->is_past};
    return text_hash((struct text){(const char *)numbers, sizeof numbers});
}

static uint64_t hash_own(const struct snapshot *snapshot, size_t entity, unsigned w)
{
    struct own_sums own[2];
    snapshot_own_sums(snapshot, entity, w, &own[0], &own[1]);
    return text_hash((struct text){(const char *)own, sizeof own});
}

/* A hash of all that a window's fields are made of, without adding them up; the same sums may have another one. */
static uint64_t hash_all(const struct scribe *s, const struct snapshot *snapshot, size_t entity, unsigned w)
{
    uint64_t hash = snapshot_sums_hash(snapshot, entity, w);
    hash = 31 * hash + snapshot_is_provisional(snapshot, w);
    if (s->config->kpi_count > 0)
        hash = 31 * hash + hash_own(snapshot, entity, w);
    for (size_t i = 0; i < snapshot_target_count(snapshot, entity); i++) {
        const struct snapshot_target *t = snapshot_target(snapshot, entity, i);
        if (t->window == w)
            hash = 31 * hash + hash_target(t);
    }
    return hash;
}

/* A hash of all that a piece's fields are made of, beside the configuration. Not of as_of: what grows by itself is not
 * published (kpi_ages). Nor of another entity: what compares entities is written apart (strengths.h). */
static void hash_given(const struct scribe *s, const struct snapshot *snapshot, size_t entity, unsigned w,
                       const struct sums *sums, const struct sums *previous, uint64_t *out_given)
{
    const uint64_t provisional = snapshot_is_provisional(snapshot, w);
    for (unsigned p = 0; p < PIECE_COUNT; p++) {
        int128 numbers[2 * MEASURE_COUNT];
        size_t count = 0;
        for (uint64_t rest = piece_measures((enum piece)p); rest != 0; rest &= rest - 1) {
            numbers[count++] = sums->at[__builtin_ctzll(rest)];
            numbers[count++] = previous->at[__builtin_ctzll(rest)];
        }
        out_given[p] = text_hash((struct text){(const char *)numbers, count * sizeof *numbers}) + provisional;
    }
    if (s->config->kpi_count > 0) {
        const size_t added = MEASURE_ADDED_COUNT * sizeof *sums->at; /* formulas know no others */
        out_given[PIECE_MIXED] += hash_own(snapshot, entity, w) +
                                  text_hash((struct text){(const char *)sums->at, added}) +
                                  3 * text_hash((struct text){(const char *)previous->at, added});
    }
    for (size_t i = 0; i < snapshot_target_count(snapshot, entity); i++) {
        const struct snapshot_target *t = snapshot_target(snapshot, entity, i);
        if (t->window != w)
            continue;
        enum piece p = t->kpi < KPI_COUNT ? piece_of((enum kpi)t->kpi) : PIECE_MIXED;
        out_given[p] = 31 * out_given[p] + hash_target(t);
    }
    for (unsigned p = 0; p < PIECE_COUNT; p++)
        out_given[p] += out_given[p] == 0;
}

/* Of the KPIs of some pieces. */
static void write_boards(struct scribe *s, enum dimension d, unsigned w, struct text name, unsigned pieces,
                         uint64_t before, uint64_t after)
{
    uint64_t kpis = pieces_kpis(pieces);
    const struct board_config *boards = &s->config->publish.boards;
    if (!boards->dimension[d] || !boards->window[w])
        return;
    for (unsigned i = 0; i < KPI_COUNT; i++) {
        bool was = before >> i & 1, is = after >> i & 1;
        if (!boards->kpi[i] || !(kpis >> i & 1))
            continue;
        if (is && was && rendered_rank_stands(&s->rendered, (enum kpi)i))
            continue; /* its place was put in the transaction that wrote the field */
        if (is)
            batch_board_put(s->batch, d, w, (enum kpi)i, name, rendered_rank(&s->rendered, (enum kpi)i), was);
        else if (was)
            batch_board_drop(s->batch, d, w, (enum kpi)i, name);
    }
}

static void render_pieces(struct scribe *s, const struct snapshot *snapshot, size_t entity, unsigned w, unsigned pieces,
                          const struct sums *sums, const struct sums *previous)
{
    const struct window_spec *window = &s->config->windows[w];
    struct render_targets targets = {snapshot, entity, w, window->kind == WINDOW_TO_DATE,
                                     s->config->kpi_count > 0 ? &s->own : NULL};
    render_window(&s->rendered, pieces, window->kind == WINDOW_NOW ? KPI_NOW : KPI_SPAN, sums,
                  snapshot_has_previous(snapshot, w) ? previous : NULL, &targets, s->money_decimals);
}

static void add_as_of(struct arguments *fields, struct text as_of, int64_t seq)
{
    arguments_string(fields, "as_of");
    arguments_text(fields, as_of);
    arguments_string(fields, "seq");
    arguments_integer(fields, seq);
}

/* The rendered fields but those that stand, copied by runs. */
static struct arguments *choose_fields(struct scribe *s)
{
    const struct rendered *r = &s->rendered;
    arguments_clear(&s->changed);
    for (uint32_t i = 0, first; i < r->field_count; i++) {
        for (first = i; i < r->field_count && !r->list[i].stands; i++)
            ;
        if (first == i)
            continue;
        const struct rendered_field *last = &r->list[i - 1];
        arguments_copy(&s->changed, &r->fields, r->list[first].at, last->at + last->len, 2ul * (i - first));
    }
    return &s->changed;
}

/* True: it has a value. */
static bool write_window(struct scribe *s, const struct snapshot *snapshot, size_t entity, unsigned w,
                         struct text as_of, int64_t seq)
{
    enum dimension d = snapshot_entity_dimension(snapshot, entity);
    struct text name = snapshot_entity_name(snapshot, entity);
    struct slot *slot = changes_slot(s->changes, snapshot_entity_id(snapshot, entity), w);
    struct sums sums, previous;
    snapshot_sums(snapshot, entity, w, &sums, &previous);
    uint64_t given[PIECE_COUNT];
    hash_given(s, snapshot, entity, w, &sums, &previous, given);
    unsigned pieces = slot_outdated(slot, given);
    if (pieces == 0)
        return !slot_is_empty(slot);
    render_pieces(s, snapshot, entity, w, pieces, &sums, &previous);
    struct slot before = *slot, after = slot_after(slot, given, &s->rendered, pieces);
    *slot = after;
    if (!slot_differs(&before, &after))
        return !slot_is_empty(&after);
    enum slot_names names = slot_names(&before, &after);
    /* Some fields of a key are written alone only where all others stand there, under this very name. */
    bool may_be_part = names == NAMES_SAME && !batch_is_staged(s->batch);
    if (pieces != PIECES_ALL && !may_be_part) {
        pieces = PIECES_ALL;
        render_pieces(s, snapshot, entity, w, pieces, &sums, &previous);
    }
    uint32_t standing = may_be_part ? field_hashes_mark(slot->fields, &s->rendered) : 0;
    struct buffer key;
    buffer_init(&key);
    key_kpi(&key, d, s->config->windows[w].name, name);
    if (slot_is_empty(&after)) {
        batch_delete(s->batch, buffer_view(&key));
    } else {
        struct arguments *fields = standing > 0 ? choose_fields(s) : &s->rendered.fields;
        add_as_of(fields, as_of, seq);
        if (standing == 0 && pieces == PIECES_ALL)
            batch_hash(s->batch, buffer_view(&key), fields, slot_is_empty(&before), names == NAMES_LESS);
        else
            batch_hash_part(s->batch, buffer_view(&key), fields);
    }
    buffer_fini(&key);
    write_boards(s, d, w, name, pieces, before.values, after.values);
    int64_t when_us = snapshot_is_of_past(snapshot) ? SLOT_OF_PAST : snapshot_as_of_us(snapshot);
    slot_note_written(slot, &s->rendered, pieces, when_us);
    return !slot_is_empty(&after);
}

bool scribe_window(struct scribe *s, const struct snapshot *snapshot, size_t entity, unsigned w, struct text as_of,
                   int64_t seq)
{
    uint32_t id = snapshot_entity_id(snapshot, entity);
    uint64_t hash = hash_all(s, snapshot, entity, w), seen = *changes_seen(s->changes, id, w);
    if (seen_of(hash, seen_has_value(seen)) == seen)
        return seen_has_value(seen);
    bool has_value = write_window(s, snapshot, entity, w, as_of, seq);
    *changes_seen(s->changes, id, w) = seen_of(hash, has_value);
    return has_value;
}

/* What readers are told of the entity itself; a hash of it. */
static uint64_t render_about(struct arguments *fields, struct text entity, const struct snapshot_about *about)
{
    arguments_clear(fields);
    arguments_string(fields, "name");
    arguments_text(fields, about->name.len > 0 ? about->name : entity);
    if (about->team.len > 0) {
        arguments_string(fields, "team");
        arguments_text(fields, about->team);
    }
    if (about->lead.len > 0) {
        arguments_string(fields, "lead");
        arguments_text(fields, about->lead);
    }
    arguments_string(fields, "active");
    arguments_string(fields, about->active ? "1" : "0");
    uint64_t hash = text_hash(buffer_view(&fields->bytes));
    return hash != 0 ? hash : 1;
}

void scribe_entity(struct scribe *s, const struct snapshot *snapshot, size_t entity, bool any)
{
    enum dimension d = snapshot_entity_dimension(snapshot, entity);
    struct text name = snapshot_entity_name(snapshot, entity);
    uint64_t *stands = changes_about(s->changes, snapshot_entity_id(snapshot, entity)), becomes = 0;
    if (any) {
        struct snapshot_about about = snapshot_entity_about(snapshot, entity);
        becomes = render_about(&s->about, name, &about);
    }
    if (any && becomes != *stands)
        batch_entity_list(s->batch, d, name, &s->about, *stands == 0);
    if (!any && *stands != 0)
        batch_entity_unlist(s->batch, d, name);
    *stands = becomes;
}

static size_t series_width(const struct scribe *s)
{
    return s->config->series_count * KPI_COUNT;
}

void scribe_forget(struct scribe *s)
{
    if (s->series_room > 0)
        memset(s->series_stand, 0, s->series_room * series_width(s) * sizeof *s->series_stand);
}

static uint64_t *series_stand(struct scribe *s, uint32_t entity)
{
    s->series_stand = must_grow(s->series_stand, &s->series_room, entity, series_width(s) * sizeof *s->series_stand);
    return &s->series_stand[entity * series_width(s)];
}

static void write_series(struct scribe *s, const struct snapshot *snapshot, size_t entity, unsigned series, enum kpi k,
                         uint64_t *stands)
{
    size_t at;
    uint64_t becomes = 0;
    buffer_clear(&s->series);
    if (snapshot_series(snapshot, entity, series, &at)) {
        series_format(&s->series, s->config, snapshot, entity, series, k);
        becomes = text_hash(buffer_view(&s->series));
        becomes += becomes == 0;
    }
    if (becomes == *stands)
        return;
    struct buffer key;
    buffer_init(&key);
    key_series(&key, snapshot_entity_dimension(snapshot, entity), snapshot_entity_name(snapshot, entity), k);
    if (becomes != 0)
        batch_text(s->batch, buffer_view(&key), buffer_view(&s->series), *stands == 0);
    else
        batch_delete(s->batch, buffer_view(&key));
    buffer_fini(&key);
    *stands = becomes;
}

void scribe_series(struct scribe *s, const struct snapshot *snapshot, size_t entity)
{
    enum dimension d = snapshot_entity_dimension(snapshot, entity);
    struct text name = snapshot_entity_name(snapshot, entity);
    for (unsigned i = 0; i < s->config->series_count; i++) {
        if (!series_names(&s->config->series[i], d, name))
            continue;
        uint64_t *stand = series_stand(s, snapshot_entity_id(snapshot, entity)) + (size_t)i * KPI_COUNT;
        for (unsigned k = 0; k < KPI_COUNT; k++)
            if (s->config->series[i].kpi[k])
                write_series(s, snapshot, entity, i, (enum kpi)k, &stand[k]);
    }
}
