#include "publishers/changes.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

struct changes {
    unsigned window_count;
    uint32_t room; /* entities */
    struct slot *slots;
    uint64_t *seen; /* as `slots` */
    uint64_t *abouts;
    uint32_t *members; /* by (dimension, window, KPI) */
    size_t tidied;     /* slots: where changes_tidy goes on */
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

static size_t slot_count(const struct changes *c)
{
    return (size_t)c->room * c->window_count;
}

static void destroy_fields_of(struct slot *s)
{
    field_hashes_destroy(s->fields);
    s->fields = NULL;
}

static void destroy_fields(struct changes *c)
{
    for (size_t i = 0; i < slot_count(c); i++)
        destroy_fields_of(&c->slots[i]);
}

void changes_destroy(struct changes *c)
{
    if (c == NULL)
        return;
    destroy_fields(c);
    free(c->slots);
    free(c->seen);
    free(c->abouts);
    free(c->members);
    free(c);
}

void changes_forget(struct changes *c)
{
    if (c->room > 0) {
        destroy_fields(c);
        memset(c->slots, 0, slot_count(c) * sizeof *c->slots);
        memset(c->seen, 0, slot_count(c) * sizeof *c->seen);
        memset(c->abouts, 0, c->room * sizeof *c->abouts);
    }
    memset(c->members, 0, board_count(c) * sizeof *c->members);
}

void changes_doubt(struct changes *c)
{
    destroy_fields(c);
    if (c->room > 0)
        memset(c->seen, 0, slot_count(c) * sizeof *c->seen);
    for (size_t i = 0; i < slot_count(c); i++)
        for (unsigned p = 0; p < PIECE_COUNT; p++)
            c->slots[i].pieces[p].given = 0;
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
    size_t count = slot_count(c), most = count / TIDYING_PUBLISHES + 1;
    for (size_t i = 0; i < most && count > 0; i++) {
        c->tidied = c->tidied < count ? c->tidied : 0;
        struct slot *s = &c->slots[c->tidied++];
        if (s->fields != NULL && !was_written_lately(s, seconds_of(as_of_us)))
            destroy_fields_of(s);
    }
}

static void reach(struct changes *c, uint32_t entity)
{
    if (entity < c->room)
        return;
    uint32_t room = c->room > 0 ? c->room : 64;
    while (room <= entity)
        room *= 2;
    size_t slots = (size_t)room * c->window_count, more = slots - slot_count(c);
    c->slots = must_realloc(c->slots, slots * sizeof *c->slots);
    memset(c->slots + slot_count(c), 0, more * sizeof *c->slots);
    c->seen = must_realloc(c->seen, slots * sizeof *c->seen);
    memset(c->seen + slot_count(c), 0, more * sizeof *c->seen);
    c->abouts = must_realloc(c->abouts, room * sizeof *c->abouts);
    memset(c->abouts + c->room, 0, (room - c->room) * sizeof *c->abouts);
    c->room = room;
}

struct slot *changes_slot(struct changes *c, uint32_t entity, unsigned window)
{
    REQUIRE(window < c->window_count);
    reach(c, entity);
    return &c->slots[(size_t)entity * c->window_count + window];
}

uint64_t *changes_seen(struct changes *c, uint32_t entity, unsigned window)
{
    REQUIRE(window < c->window_count);
    reach(c, entity);
    return &c->seen[(size_t)entity * c->window_count + window];
}

uint64_t *changes_about(struct changes *c, uint32_t entity)
{
    reach(c, entity);
    return &c->abouts[entity];
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
