#include "aggregators/shard.h"
#include "aggregators/contribution.h"
#include "aggregators/entities.h"
#include "aggregators/ledger.h"
#include "aggregators/snapshot_fill.h"
#include "aggregators/timers.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

struct slot {
    char *topic;
    int32_t partition;
    int64_t offset;
    bool ended;
};

struct shard {
    const struct config *config;
    const struct calendar *calendar;
    struct valuation valuation;
    struct ledger ledger;
    struct entities entities;
    struct timers won; /* by deal slot: when its win counts in the cohort of its creation */
    struct slot *slots;
    uint32_t slot_count;
    int64_t now_us, latest_us;
    struct accounts accounts;
    int64_t records[KIND_COUNT], oddities[ODDITY_COUNT];
    struct window_span spans[WINDOWS_MAX];
    struct histogram scratch;
    uint32_t *order; /* ids of a cut, sorted */
    uint32_t order_room;
};

struct shard *shard_create(const struct config *config, const struct calendar *calendar)
{
    struct shard *s = must_zalloc(sizeof *s);
    s->config = config;
    s->calendar = calendar;
    valuation_init(&s->valuation, config, calendar);
    ledger_init(&s->ledger);
    intern_add(&s->ledger.names[DIMENSION_COMPANY], text_of(config->company));
    entities_init(&s->entities, config);
    timers_init(&s->won);
    histogram_init(&s->scratch);
    s->now_us = INSTANT_MIN;
    s->latest_us = INSTANT_NONE;
    return s;
}

void shard_destroy(struct shard *s)
{
    if (s == NULL)
        return;
    valuation_fini(&s->valuation);
    ledger_fini(&s->ledger);
    entities_fini(&s->entities);
    timers_fini(&s->won);
    for (uint32_t i = 0; i < s->slot_count; i++)
        free(s->slots[i].topic);
    free(s->slots);
    free(s->order);
    free(s);
}

static void count_oddities(struct shard *s, uint32_t oddities, int sign)
{
    for (; oddities != 0; oddities &= oddities - 1)
        s->oddities[__builtin_ctz(oddities)] += sign;
}

static bool same_contribution(const struct contribution *a, const struct contribution *b)
{
    return a->stream == b->stream && a->at_us == b->at_us && a->value == b->value &&
           memcmp(a->measures, b->measures, sizeof a->measures) == 0;
}

static bool holds(const struct contributions *list, const struct contribution *c)
{
    for (unsigned i = 0; i < list->count; i++)
        if (same_contribution(&list->at[i], c))
            return true;
    return false;
}

/* Adds (or takes back) all of `list` that `other` does not hold as well; other == NULL: all. */
static void add_all(struct shard *s, const struct dimensions *d, const struct contributions *list,
                    const struct contributions *other, int sign)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (other != NULL && holds(other, &list->at[i]))
            continue;
        unsigned refused = entities_add(&s->entities, d, &list->at[i], sign);
        s->oddities[ODDITY_ENTITY_LIMIT] += sign * (int)refused;
    }
}

/* What a record stood for before something changed. */
struct before {
    bool existed;
    struct dimensions dimensions;
    struct contributions contributions;
};

static void remember(struct shard *s, const struct record *r, const struct dimensions *parent, struct before *out)
{
    out->existed = record_exists(r);
    out->dimensions = dimensions_of(r, parent);
    contributions_of(&s->valuation, &s->ledger, r, (r->flags & RECORD_WON_COUNTED) != 0, &out->contributions);
}

/* What a record stands for now; sets its flag and its timer for the cohort. */
static void derive(struct shard *s, struct record *r, struct contributions *out)
{
    contributions_of(&s->valuation, &s->ledger, r, false, out);
    if (r->kind != KIND_DEAL)
        return;
    bool counted = out->won_counted_at_us <= s->now_us;
    if (counted)
        contributions_of(&s->valuation, &s->ledger, r, true, out);
    r->flags = (uint8_t)(counted ? r->flags | RECORD_WON_COUNTED : r->flags & ~RECORD_WON_COUNTED);
    timers_set(&s->won, r->slot, counted ? TIMERS_NEVER : out->won_counted_at_us);
}

static void restate_children(struct shard *s, const struct record *parent, const struct dimensions *old_dimensions,
                             const struct dimensions *new_dimensions);

/* Replaces what the record stood for by what it stands for, and does the same for those that inherit from it. */
static void restate(struct shard *s, struct record *r, const struct before *old, const struct dimensions *parent)
{
    struct dimensions dimensions = dimensions_of(r, parent);
    struct contributions fresh;
    derive(s, r, &fresh);
    bool same = memcmp(&dimensions, &old->dimensions, sizeof dimensions) == 0;
    add_all(s, &old->dimensions, &old->contributions, same ? &fresh : NULL, -1);
    add_all(s, &dimensions, &fresh, same ? &old->contributions : NULL, +1);
    count_oddities(s, old->contributions.oddities, -1);
    count_oddities(s, fresh.oddities, +1);
    s->records[r->kind] += record_exists(r) - old->existed;
    if (!same)
        restate_children(s, r, &old->dimensions, &dimensions);
}

static void restate_child(struct shard *s, struct record *child, const struct dimensions *old_dimensions,
                          const struct dimensions *new_dimensions)
{
    struct before old;
    remember(s, child, old_dimensions, &old);
    struct dimensions dimensions = dimensions_of(child, new_dimensions);
    if (memcmp(&dimensions, &old.dimensions, sizeof dimensions) != 0)
        restate(s, child, &old, new_dimensions);
}

static void restate_children(struct shard *s, const struct record *parent, const struct dimensions *old_dimensions,
                             const struct dimensions *new_dimensions)
{
    static const enum record_kind kinds[] = {KIND_DEAL, KIND_PAYMENT, KIND_FEEDBACK};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if ((parent->kind == KIND_LEAD) != (kinds[i] == KIND_DEAL))
            continue;
        for (struct record *c = ledger_first_child(&s->ledger, parent, kinds[i]); c != NULL;
             c = ledger_next_child(&s->ledger, c))
            restate_child(s, c, old_dimensions, new_dimensions);
    }
}

/* What the record's parent hands down: nothing where there is none. */
static struct dimensions inherited(const struct shard *s, const struct record *r)
{
    struct dimensions none = {{0}};
    const struct record *parent = ledger_parent(&s->ledger, r);
    if (parent == NULL)
        return none;
    struct dimensions above = inherited(s, parent);
    return dimensions_of(parent, &above);
}

static enum record_change apply_to_record(struct shard *s, const struct event *e)
{
    struct record *r = ledger_need(&s->ledger, e->kind, event_key(e));
    struct dimensions parent = inherited(s, r);
    struct before old;
    remember(s, r, &parent, &old);
    enum record_change change = ledger_apply(&s->ledger, r, e);
    if (change != RECORD_CHANGED)
        return change;
    parent = inherited(s, r);
    restate(s, r, &old, &parent);
    return change;
}

static struct slot *need_slot(struct shard *s, uint32_t slot)
{
    while (slot >= s->slot_count) {
        s->slots = must_realloc(s->slots, (s->slot_count + 1) * sizeof *s->slots);
        s->slots[s->slot_count++] = (struct slot){.topic = must_strdup(""), .partition = -1, .offset = -1};
    }
    return &s->slots[slot];
}

static void announce_slot(struct slot *slot, const struct event *e)
{
    struct text topic = event_key(e);
    free(slot->topic);
    slot->topic = must_alloc(topic.len + 1);
    memcpy(slot->topic, topic.at, topic.len);
    slot->topic[topic.len] = '\0';
    slot->partition = (int32_t)e->offset;
    slot->ended = false;
}

enum outcome shard_apply(struct shard *s, const struct event *e)
{
    struct slot *slot = need_slot(s, e->slot);
    struct accounts *a = &s->accounts;
    if (e->fate == EVENT_SLOT) {
        announce_slot(slot, e);
        return OUTCOME_NOTE;
    }
    if (e->fate == EVENT_END) {
        slot->offset = e->offset;
        slot->ended = true;
        return OUTCOME_NOTE;
    }
    slot->offset = e->offset + 1;
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
    switch (apply_to_record(s, e)) {
    case RECORD_CHANGED: a->applied++; return OUTCOME_APPLIED;
    case RECORD_REPEATED: a->duplicate++; return OUTCOME_DUPLICATE;
    case RECORD_OUTVOTED: break;
    }
    a->superseded++;
    return OUTCOME_SUPERSEDED;
}

void shard_advance(struct shard *s, int64_t now_us)
{
    if (now_us <= s->now_us)
        return;
    s->now_us = now_us;
    while (timers_first(&s->won) <= now_us) {
        struct record *deal = ledger_at(&s->ledger, KIND_DEAL, s->won.heap[0].id);
        struct dimensions parent = inherited(s, deal);
        struct before old;
        remember(s, deal, &parent, &old);
        restate(s, deal, &old, &parent); /* takes the timer out */
    }
    entities_wake(&s->entities, now_us);
}

int64_t shard_now_us(const struct shard *s)
{
    return s->now_us;
}

int64_t shard_next_change_us(const struct shard *s)
{
    int64_t won = timers_first(&s->won), wake = timers_first(&s->entities.wake);
    return won < wake ? won : wake;
}

bool shard_has_changes(const struct shard *s, enum reader r)
{
    return s->entities.changed[r].count > 0;
}

static struct text entity_text(const struct shard *s, uint32_t id)
{
    const struct entity *e = &s->entities.at[id];
    return intern_text(&s->ledger.names[e->dimension], e->name);
}

static int by_dimension_and_name(const void *a, const void *b, void *context)
{
    const struct shard *s = context;
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    int order = (int)s->entities.at[first].dimension - (int)s->entities.at[second].dimension;
    return order != 0 ? order : text_compare(entity_text(s, first), entity_text(s, second));
}

static void fill_entity(struct shard *s, uint32_t id, struct snapshot *out)
{
    const struct config *c = s->config;
    struct entity *e = &s->entities.at[id];
    const bool *has_window = c->dimension_windows[e->dimension];
    snapshot_add_entity(out, e->dimension, entity_text(s, id), id);
    for (unsigned w = 0; w < c->window_count; w++) {
        if (!has_window[w])
            continue;
        struct sums current, previous = {{0}};
        if (c->windows[w].kind == WINDOW_NOW)
            entity_level(e, s->now_us, &current);
        else
            entity_sums(e, s->spans[w].from_us, s->spans[w].to_us, &s->scratch, &current);
        if (s->spans[w].has_previous)
            entity_sums(e, s->spans[w].previous_from_us, s->spans[w].previous_to_us, &s->scratch, &previous);
        snapshot_add_sums(out, w, &current, &previous);
    }
    timers_set(&s->entities.wake, id,
               entity_next_change(e, c->windows, s->spans, has_window, c->window_count, s->calendar, s->now_us));
}

void shard_cut(struct shard *s, enum reader r, bool everything, struct snapshot *out)
{
    bool has_previous[WINDOWS_MAX];
    for (unsigned w = 0; w < s->config->window_count; w++) {
        s->spans[w] = window_span_at(&s->config->windows[w], s->calendar, s->now_us);
        has_previous[w] = s->spans[w].has_previous;
    }
    uint32_t count = everything ? s->entities.count : s->entities.changed[r].count;
    if (count > s->order_room) {
        s->order_room = count * 2;
        s->order = must_realloc(s->order, s->order_room * sizeof *s->order);
    }
    for (uint32_t i = 0; i < count; i++)
        s->order[i] = everything ? i : s->entities.changed[r].ids[i];
    if (count > 1)
        qsort_r(s->order, count, sizeof *s->order, by_dimension_and_name, s);

    snapshot_begin(out, s->now_us, everything, s->config->window_count, has_previous, &s->accounts, s->records,
                   s->oddities);
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const struct slot *slot = &s->slots[i];
        struct snapshot_position p = {text_of(slot->topic), slot->partition, slot->offset, slot->ended};
        snapshot_add_position(out, &p);
    }
    for (uint32_t i = 0; i < count; i++)
        fill_entity(s, s->order[i], out);
    for (uint32_t i = 0; i < s->entities.changed[r].count; i++) {
        struct entity *e = &s->entities.at[s->entities.changed[r].ids[i]];
        e->changed_for = (uint8_t)(e->changed_for & ~(1u << r));
    }
    s->entities.changed[r].count = 0;
}

const struct accounts *shard_accounts(const struct shard *s)
{
    return &s->accounts;
}

int64_t shard_records(const struct shard *s, enum record_kind k)
{
    REQUIRE(k < KIND_COUNT);
    return s->records[k];
}

int64_t shard_oddities(const struct shard *s, enum oddity o)
{
    REQUIRE(o < ODDITY_COUNT);
    return s->oddities[o];
}

int64_t shard_latest_us(const struct shard *s)
{
    return s->latest_us;
}
