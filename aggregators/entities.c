#include "aggregators/entities.h"
#include "base/error.h"
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* Additions that are gathered at a start, and at other times: some megabytes. */
enum { START_MOST = 1 << 16, BATCH_MOST = 1 << 14 };

void entities_init(struct entities *es, const struct config *config, struct intern *names)
{
    *es = (struct entities){.config = config, .names = names, .base_us = INT64_MIN};
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        es->dimensions[d].other = INTERN_NONE;
    own_plan_init(&es->own, config);
    if (es->own.pair_count > 0)
        es->passing = must_alloc(PASSING_KEPT * sizeof *es->passing);
    for (uint32_t i = 0; i < PASSING_KEPT && es->passing != NULL; i++)
        es->passing[i].tuple = TUPLE_NONE;
    for (unsigned r = 0; r < READER_COUNT; r++)
        es->changed[r].bit = (uint8_t)(1u << r * 2);
    timers_init(&es->wake);
}

_Static_assert(READER_COUNT * 2 <= 8, "two lists of each reader have a bit");

void entities_fini(struct entities *es)
{
    bulk_destroy(es->bulk); /* its thread may be about to add to them */
    bulk_destroy(es->batch);
    for (uint32_t i = 0; i < es->count; i++)
        entity_fini(&es->at[i]);
    free(es->at);
    free(es->passing);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        free(es->dimensions[d].id_of);
        kept_names_fini(&es->dimensions[d].kept);
    }
    for (unsigned r = 0; r < READER_COUNT; r++)
        free(es->changed[r].ids);
    timers_fini(&es->wake);
}

static void need_room(struct entities *es, uint32_t count)
{
    if (count <= es->room)
        return;
    REQUIRE(es->bulk == NULL && count < ENTITY_NONE / 2); /* what is added in bulk stays where it is */
    while (es->room < count)
        es->room = es->room > 0 ? es->room * 2 : 64;
    es->at = must_realloc(es->at, es->room * sizeof *es->at);
}

static uint32_t make_entity(struct entities *es, enum dimension d, uint32_t name)
{
    need_room(es, es->count + 1);
    entity_init(&es->at[es->count], d, name);
    es->at[es->count].base_us = es->base_us;
    return es->count++;
}

static uint32_t *place_of(struct entities *es, enum dimension d, uint32_t name)
{
    if (name >= es->dimensions[d].names) {
        uint32_t names = es->dimensions[d].names > 0 ? es->dimensions[d].names : 16;
        while (names <= name)
            names *= 2;
        es->dimensions[d].id_of = must_realloc(es->dimensions[d].id_of, names * sizeof(uint32_t));
        for (uint32_t i = es->dimensions[d].names; i < names; i++)
            es->dimensions[d].id_of[i] = ENTITY_NONE;
        es->dimensions[d].names = names;
    }
    return &es->dimensions[d].id_of[name];
}

static uint32_t need(struct entities *es, enum dimension d, uint32_t name)
{
    uint32_t *id = place_of(es, d, name);
    if (*id == ENTITY_NONE)
        *id = make_entity(es, d, name);
    return *id;
}

static void flush(struct entities *es, struct bulk *b)
{
    es->last.tuple = TUPLE_NONE; /* what counts from now on marks its entities anew */
    bulk_flush(b, es->at, es->count);
}

static void copy_first(struct entities *es, uint32_t id)
{
    if (es->at[id].changed_for & es->awaited)
        es->copy_first(es->copy_context, id);
}

void entities_take_back(struct entities *es)
{
    if (es->awaited != 0)
        es->take_back(es->copy_context);
}

/* From now on the name counts as one of the others. */
static void count_as_other(struct entities *es, enum dimension d, uint32_t name)
{
    if (es->dimensions[d].other == INTERN_NONE)
        es->dimensions[d].other = intern_add(&es->names[d], TEXT(OTHER_ENTITIES));
    entities_flush(es); /* what has been gathered counts for those that there were */
    uint32_t other = need(es, d, es->dimensions[d].other), *id = place_of(es, d, name), own = *id;
    *id = other;
    es->others++;
    if (own == ENTITY_NONE)
        return;
    REQUIRE(es->bulk == NULL);
    copy_first(es, other);
    copy_first(es, own);
    entity_absorb(&es->at[other], &es->at[own]);
    es->moves++;
    entities_mark_changed(es, own);
    entities_mark_changed(es, other);
}

/* Takes in the names of a dimension that have come since. */
static void look_at_names(struct entities *es, enum dimension d)
{
    while (es->dimensions[d].looked < es->names[d].count) {
        uint32_t name = es->dimensions[d].looked++;
        if (text_equal(intern_text(&es->names[d], name), TEXT(OTHER_ENTITIES)))
            continue; /* it has its entity, and nobody else's */
        uint32_t out =
            kept_names_take(&es->dimensions[d].kept, &es->names[d], name, (uint32_t)es->config->limits.entities_max);
        if (out != INTERN_NONE)
            count_as_other(es, d, out);
    }
}

void entities_look(struct entities *es)
{
    for (unsigned d = DIMENSION_COMPANY + 1; d < DIMENSION_COUNT; d++)
        look_at_names(es, d);
}

bool entities_counts_for(const struct entities *es, enum dimension d, uint32_t name, uint32_t entity)
{
    return name == entity || (entity == es->dimensions[d].other &&
                              entities_find(es, d, name) == entities_find(es, d, es->dimensions[d].other));
}

uint32_t entities_need(struct entities *es, enum dimension d, uint32_t name)
{
    if (d != DIMENSION_COMPANY && es->dimensions[d].looked < es->names[d].count)
        look_at_names(es, d);
    return need(es, d, name);
}

void entities_mark_changed(struct entities *es, uint32_t id)
{
    struct entity *e = &es->at[id];
    for (unsigned r = 0; r < READER_COUNT; r++) {
        if (e->changed_for & es->changed[r].bit)
            continue;
        e->changed_for |= es->changed[r].bit;
        if (es->changed[r].count == es->changed[r].room) {
            es->changed[r].room = es->changed[r].room > 0 ? es->changed[r].room * 2 : 64;
            es->changed[r].ids = must_realloc(es->changed[r].ids, es->changed[r].room * sizeof(uint32_t));
        }
        es->changed[r].ids[es->changed[r].count++] = id;
    }
}

uint32_t entities_find(const struct entities *es, enum dimension d, uint32_t name)
{
    return name < es->dimensions[d].names ? es->dimensions[d].id_of[name] : ENTITY_NONE;
}

void entities_mark_named(struct entities *es, enum dimension d, uint32_t name)
{
    uint32_t id = entities_find(es, d, name);
    if (id != ENTITY_NONE)
        entities_mark_changed(es, id);
}

/* Why something was lost says nothing of what was not. */
static bool is_loss(const struct contribution *c)
{
    return c->stream == STREAM_LOST ||
           ((c->stream == STREAM_UNRATED || c->stream == STREAM_OLD_RATE) && c->measures[RATED_LOST] != 0);
}

uint32_t contribution_name(const struct dimensions *d, const struct contribution *c, enum dimension i)
{
    if (c->reach != REACH_ALL && (c->reach == REACH_TEAM) != (i == DIMENSION_TEAM))
        return 0;
    switch (i) {
    case DIMENSION_COMPANY: return 1;
    case DIMENSION_TEAM: return c->team;
    case DIMENSION_LOSS_REASON: return is_loss(c) ? d->of[i] : 0;
    case DIMENSION_MANAGER:
    case DIMENSION_PRODUCT:
    case DIMENSION_REGION:
    case DIMENSION_SOURCE:
    case DIMENSION_COMPETITOR: return d->of[i];
    case DIMENSION_COUNT: break;
    }
    require_failed("a dimension", __FILE__, __LINE__);
}

/* Which pairs have a filter that passes these names. */
static uint64_t pairs_of(const struct entities *es, const struct dimensions *d, bool with_loss)
{
    struct text names[DIMENSION_COUNT];
    for (unsigned i = 0; i < DIMENSION_COUNT; i++) {
        bool counts = d->of[i] != 0 && i != DIMENSION_COMPANY && (i != DIMENSION_LOSS_REASON || with_loss);
        names[i] = counts ? intern_text(&es->names[i], d->of[i] - 1) : TEXT("");
    }
    uint64_t pairs = 0;
    for (unsigned f = 0; f < es->own.filter_count; f++) {
        bool passes = name_filter_passes(es->own.filters[f], names);
        for (unsigned p = 0; p < es->own.pair_count && passes; p++)
            if (es->own.pairs[p].filter == f)
                pairs |= UINT64_C(1) << p;
    }
    return pairs;
}

static uint64_t passing(struct entities *es, const struct dimensions *d, uint64_t tuple, bool with_loss)
{
    struct passing *p = &es->passing[XXH3_64bits(&tuple, sizeof tuple) % PASSING_KEPT];
    if (p->tuple != tuple)
        *p = (struct passing){tuple, {UINT64_MAX, UINT64_MAX}}; /* there are fewer pairs than bits */
    if (p->pairs[with_loss] == UINT64_MAX)
        p->pairs[with_loss] = pairs_of(es, d, with_loss);
    return p->pairs[with_loss];
}

uint64_t entities_own_pairs(struct entities *es, const struct dimensions *d, const struct contribution *c)
{
    if (es->own.pair_count == 0)
        return 0;
    uint64_t of_stream = 0;
    for (uint64_t left = passing(es, d, c->names, is_loss(c)); left != 0; left &= left - 1)
        if (es->own.pairs[__builtin_ctzll(left)].stream == c->stream)
            of_stream |= left & -left;
    return of_stream;
}

static uint32_t need_changed(struct entities *es, enum dimension d, uint32_t name)
{
    uint32_t id = entities_need(es, d, name);
    entities_mark_changed(es, id);
    copy_first(es, id);
    return id;
}

/* What is gathered of one record names the same entities, but for the team and the reason of a loss. */
static uint32_t need_of_tuple(struct entities *es, const struct contribution *c, enum dimension d, uint32_t name)
{
    if (es->last.tuple != c->names) {
        es->last.tuple = c->names;
        for (unsigned i = 0; i < DIMENSION_COUNT; i++)
            es->last.ids[i] = ENTITY_NONE;
    }
    if (d == DIMENSION_TEAM)
        return need_changed(es, d, name);
    if (es->last.ids[d] == ENTITY_NONE)
        es->last.ids[d] = need_changed(es, d, name);
    return es->last.ids[d];
}

static void count(struct entities *es, const struct dimensions *names, const struct contribution *c,
                  struct bulk_counts *out)
{
    out->own = entities_own_pairs(es, names, c);
    out->id_count = 0;
    for (unsigned i = 0; i < DIMENSION_COUNT; i++) {
        uint32_t name = contribution_name(names, c, (enum dimension)i);
        if (name != 0)
            out->ids[out->id_count++] = need_of_tuple(es, c, (enum dimension)i, name - 1);
    }
}

void entities_gather(struct entities *es, uint32_t records)
{
    if (es->batch == NULL)
        es->batch = bulk_create(BATCH_MOST, false);
    bulk_limit(es->batch, records < BATCH_MOST / 4 ? records * 4 + 1 : BATCH_MOST);
}

void entities_add(struct entities *es, const struct dimensions *d, const struct contribution *c, int sign)
{
    if (es->bulk == NULL && es->batch == NULL)
        entities_gather(es, UINT32_MAX);
    struct bulk *b = es->bulk != NULL ? es->bulk : es->batch;
    if (bulk_is_full(b))
        flush(es, b);
    struct bulk_counts who;
    count(es, d, c, &who);
    bulk_gather(b, &who, c, sign);
}

void entities_flush(struct entities *es)
{
    if (es->batch != NULL)
        flush(es, es->batch);
}

bool entities_are_settled(const struct entities *es)
{
    for (unsigned d = DIMENSION_COMPANY + 1; d < DIMENSION_COUNT; d++)
        if (es->dimensions[d].looked < es->names[d].count)
            return false;
    return es->batch == NULL || bulk_is_empty(es->batch);
}

void entities_begin_bulk(struct entities *es, int64_t horizon_us)
{
    REQUIRE(es->bulk == NULL);
    es->base_us = horizon_us;
    for (uint32_t i = 0; i < es->count; i++) /* nothing has been added to them */
        es->at[i].base_us = horizon_us;
    /* Each name may have its entity yet to come, and there is the company. */
    uint32_t most = es->count + 1;
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        most += es->names[d].count;
    need_room(es, most);
    es->last.tuple = TUPLE_NONE;
    es->bulk = bulk_create(START_MOST, true);
}

void entities_end_bulk(struct entities *es)
{
    flush(es, es->bulk);
    bulk_destroy(es->bulk);
    es->bulk = NULL;
}

bool entities_wake(struct entities *es, int64_t now_us)
{
    enum { SOME = 16 };
    unsigned count = 0;
    for (; count < SOME && timers_first(&es->wake) <= now_us; count++)
        entities_mark_changed(es, timers_pop(&es->wake));
    return count > 0;
}

/* To free what one has kept takes as long as so many looks. */
enum { DROP_LOOKS = 16 };

void entities_drop_quiet(struct entities *es, int64_t now_us, uint32_t looks)
{
    REQUIRE(es->awaited == 0 && es->bulk == NULL);
    uint32_t took = 0;
    for (uint32_t looked = 0; looked < es->count && took < looks; looked++) {
        es->quiet = es->quiet + 1 < es->count ? es->quiet + 1 : 0;
        took += entity_drop_quiet(&es->at[es->quiet], now_us) ? DROP_LOOKS : 1;
    }
}

uint64_t entities_table_bytes(const struct entities *es)
{
    uint64_t bytes = (es->passing != NULL ? PASSING_KEPT * sizeof *es->passing : 0) + timers_bytes(&es->wake) +
                     (uint64_t)(es->room - es->count) * sizeof *es->at + bulk_bytes(es->batch);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        bytes += (uint64_t)es->dimensions[d].names * sizeof *es->dimensions[d].id_of +
                 (uint64_t)es->dimensions[d].kept.room * sizeof(uint32_t);
    for (unsigned r = 0; r < READER_COUNT; r++)
        bytes += (uint64_t)es->changed[r].room * sizeof *es->changed[r].ids;
    return bytes;
}
