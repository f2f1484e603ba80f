#include "publishers/changes.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/paged.h"
#include <stdlib.h>
#include <string.h>

struct changes {
    unsigned window_count;
    uint32_t entities;   /* that were asked about: the greatest number + 1 */
    struct paged slots;  /* by entity: struct slot[window_count] */
    struct paged seen;   /* by entity: uint64_t[window_count] */
    struct paged abouts; /* by entity: uint64_t */
    uint32_t *members;   /* by (dimension, window, KPI) */
    size_t tidied;       /* slots: where changes_tidy goes on */
};

static size_t board_count(const struct changes *c)
{
    return (size_t)DIMENSION_COUNT * c->window_count * KPI_COUNT;
}

struct changes *changes_create(unsigned window_count)
{
    struct changes *c = must_zalloc(sizeof *c);
    c->window_count = window_count;
    c->members = must_zalloc(board_count(c) * sizeof *c->members);
    return c;
}

static size_t slots_size(const struct changes *c)
{
    return c->window_count * sizeof(struct slot);
}

static size_t seen_size(const struct changes *c)
{
    return c->window_count * sizeof(uint64_t);
}

static struct slot *slots_of(const struct changes *c, uint32_t entity)
{
    return paged_at(&c->slots, entity, slots_size(c));
}

static uint64_t *seen_of_entity(const struct changes *c, uint32_t entity)
{
    return paged_at(&c->seen, entity, seen_size(c));
}

static void destroy_fields_of(struct slot *s)
{
    field_hashes_destroy(s->fields);
    s->fields = NULL;
}

static void destroy_fields(struct changes *c)
{
    for (uint32_t i = 0; i < c->entities; i++)
        for (unsigned w = 0; w < c->window_count; w++)
            destroy_fields_of(&slots_of(c, i)[w]);
}

void changes_destroy(struct changes *c)
{
    if (c == NULL)
        return;
    destroy_fields(c);
    paged_fini(&c->slots);
    paged_fini(&c->seen);
    paged_fini(&c->abouts);
    free(c->members);
    free(c);
}

void changes_forget(struct changes *c)
{
    destroy_fields(c);
    for (uint32_t i = 0; i < c->entities; i++) {
        memset(slots_of(c, i), 0, slots_size(c));
        memset(seen_of_entity(c, i), 0, seen_size(c));
        *changes_about(c, i) = 0;
    }
    memset(c->members, 0, board_count(c) * sizeof *c->members);
}

void changes_doubt(struct changes *c)
{
    destroy_fields(c);
    for (uint32_t i = 0; i < c->entities; i++) {
        memset(seen_of_entity(c, i), 0, seen_size(c));
        for (unsigned w = 0; w < c->window_count; w++)
            for (unsigned p = 0; p < PIECE_COUNT; p++)
                slots_of(c, i)[w].pieces[p].given = 0;
    }
}

/* Whether that was so short a time ago that its fields are worth being known. A clock that was set back says no. */
static bool was_written_lately(const struct slot *s, uint32_t now_s)
{
    return s->written_s != 0 && now_s - s->written_s <= FIELDS_KEPT_S;
}

static uint32_t seconds_of(int64_t us)
{
    return (uint32_t)(us / SECOND);
}

void changes_tidy(struct changes *c, int64_t as_of_us)
{
    size_t count = (size_t)c->entities * c->window_count, most = count / TIDYING_PUBLISHES + 1;
    for (size_t i = 0; i < most && count > 0; i++) {
        c->tidied = c->tidied < count ? c->tidied : 0;
        struct slot *s = &slots_of(c, (uint32_t)(c->tidied / c->window_count))[c->tidied % c->window_count];
        c->tidied++;
        if (s->fields != NULL && !was_written_lately(s, seconds_of(as_of_us)))
            destroy_fields_of(s);
    }
}

static void reach(struct changes *c, uint32_t entity)
{
    if (entity < c->entities)
        return;
    paged_need(&c->slots, entity, slots_size(c));
    paged_need(&c->seen, entity, seen_size(c));
    paged_need(&c->abouts, entity, sizeof(uint64_t));
    c->entities = entity + 1;
}

struct slot *changes_slot(struct changes *c, uint32_t entity, unsigned window)
{
    REQUIRE(window < c->window_count);
    reach(c, entity);
    return &slots_of(c, entity)[window];
}

uint64_t *changes_seen(struct changes *c, uint32_t entity, unsigned window)
{
    REQUIRE(window < c->window_count);
    reach(c, entity);
    return &seen_of_entity(c, entity)[window];
}

uint64_t *changes_about(struct changes *c, uint32_t entity)
{
    reach(c, entity);
    return paged_at(&c->abouts, entity, sizeof(uint64_t));
}

uint32_t *changes_members(struct changes *c, enum dimension d, unsigned window, enum kpi k)
{
    REQUIRE(window < c->window_count);
    return &c->members[((size_t)d * c->window_count + window) * KPI_COUNT + k];
}

bool slot_is_empty(const struct slot *s)
{
    uint64_t any = s->values | s->previous;
    for (unsigned p = 0; p < PIECE_COUNT; p++)
        any |= s->pieces[p].is.extras;
    return any == 0;
}

unsigned slot_outdated(const struct slot *s, const uint64_t *given)
{
    unsigned pieces = 0;
    for (unsigned p = 0; p < PIECE_COUNT; p++)
        pieces |= (unsigned)(s->pieces[p].given != given[p]) << p;
    return pieces;
}

struct slot slot_after(const struct slot *s, const uint64_t *given, const struct rendered *r, unsigned pieces)
{
    struct slot after = *s;
    uint64_t kpis = pieces_kpis(pieces);
    after.values = (s->values & ~kpis) | r->values;
    after.previous = (s->previous & ~kpis) | r->previous;
    for (unsigned p = 0; p < PIECE_COUNT; p++)
        if (pieces >> p & 1)
            after.pieces[p] = (struct slot_piece){given[p], r->pieces[p]};
    /* It is said of a key with any field; pieces without one cannot tell. */
    if (pieces == PIECES_ALL || r->fields.count > 0)
        after.provisional = r->provisional;
    return after;
}

bool slot_differs(const struct slot *before, const struct slot *after)
{
    bool differs = before->provisional != after->provisional || before->values != after->values ||
                   before->previous != after->previous;
    for (unsigned p = 0; p < PIECE_COUNT; p++)
        differs = differs || before->pieces[p].is.hash != after->pieces[p].is.hash;
    return differs;
}

void slot_note_written(struct slot *s, const struct rendered *r, unsigned pieces, int64_t as_of_us)
{
    uint32_t now_s = seconds_of(as_of_us);
    if (was_written_lately(s, now_s) && !slot_is_empty(s))
        s->fields = field_hashes_take(s->fields, r, pieces);
    else
        destroy_fields_of(s);
    s->written_s = now_s;
}

enum slot_names slot_names(const struct slot *before, const struct slot *after)
{
    bool less = (before->values & ~after->values) != 0 || (before->previous & ~after->previous) != 0 ||
                (before->provisional && !after->provisional);
    bool more = (after->values & ~before->values) != 0 || (after->previous & ~before->previous) != 0 ||
                (after->provisional && !before->provisional);
    for (unsigned p = 0; p < PIECE_COUNT; p++) {
        bool other = before->pieces[p].is.extras != after->pieces[p].is.extras;
        less = less || (other && before->pieces[p].is.extras != 0);
        more = more || other;
    }
    return less ? NAMES_LESS : more ? NAMES_MORE : NAMES_SAME;
}

/* 0 marks a free place, so no key may hash to it. */
static uint64_t key_hash(struct text key)
{
    uint64_t hash = text_hash(key);
    return hash != 0 ? hash : 1;
}

static size_t place_of(const struct key_set *s, uint64_t hash)
{
    size_t at = (size_t)hash & (s->room - 1);
    while (s->at[at] != 0 && s->at[at] != hash)
        at = (at + 1) & (s->room - 1);
    return at;
}

void key_set_add(struct key_set *s, struct text key)
{
    if ((s->count + 1) * 4 > s->room * 3) {
        struct key_set bigger = {.room = s->room > 0 ? s->room * 2 : 1024, .count = s->count};
        bigger.at = must_zalloc(bigger.room * sizeof *bigger.at);
        for (size_t i = 0; i < s->room; i++) {
            if (s->at[i] != 0)
                bigger.at[place_of(&bigger, s->at[i])] = s->at[i];
        }
        free(s->at);
        *s = bigger;
    }
    uint64_t hash = key_hash(key);
    size_t at = place_of(s, hash);
    s->count += s->at[at] == 0;
    s->at[at] = hash;
}

bool key_set_has(const struct key_set *s, struct text key)
{
    return s->room > 0 && s->at[place_of(s, key_hash(key))] != 0;
}

void key_set_fini(struct key_set *s)
{
    free(s->at);
    *s = (struct key_set){0};
}
