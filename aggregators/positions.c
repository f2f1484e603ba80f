#include "aggregators/positions.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

void positions_init(struct positions *p)
{
    *p = (struct positions){.is_whole = true};
    cut_init(&p->restored);
}

void positions_fini(struct positions *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        free(p->slots[i].at.topic);
    free(p->slots);
    cut_fini(&p->restored);
}

void positions_restore(struct positions *p, struct cut *from)
{
    p->restored = *from;
    *from = (struct cut){0};
    for (size_t i = 0; i < p->restored.position_count; i++)
        p->is_whole = p->is_whole && p->restored.positions[i].reached <= p->restored.positions[i].offset;
}

static struct position *need_slot(struct positions *p, uint32_t slot)
{
    while (slot >= p->count) {
        p->slots = must_realloc(p->slots, (p->count + 1) * sizeof *p->slots);
        p->slots[p->count++] =
            (struct position){.at = {.topic = must_strdup(""), .partition = -1, .offset = -1, .reached = -1}};
    }
    return &p->slots[slot];
}

/* As `from`, but for the topic's bytes. */
static void take_over(struct cut_position *to, const struct cut_position *from)
{
    char *topic = to->topic;
    *to = *from;
    to->topic = topic;
}

static void announce(struct positions *p, struct position *slot, const struct event *e)
{
    struct text topic = event_key(e);
    free(slot->at.topic);
    slot->at.topic = must_zalloc(topic.len + 1);
    memcpy(slot->at.topic, topic.at, topic.len);
    slot->at.partition = (int32_t)e->offset;
    slot->ended = false;
    struct cut_position *restored = cut_find(&p->restored, topic, slot->at.partition);
    if (restored != NULL) {
        take_over(&slot->at, restored);
        restored->partition = -1; /* it is announced */
    }
}

static bool has_become_whole(const struct positions *p)
{
    for (size_t i = 0; i < p->restored.position_count; i++) {
        const struct cut_position *at = &p->restored.positions[i];
        if (at->partition >= 0 && at->reached > at->offset)
            return false;
    }
    for (uint32_t i = 0; i < p->count; i++)
        if (p->slots[i].at.offset < p->slots[i].at.reached)
            return false;
    return true;
}

static void take_gap(const struct positions *p, struct position *slot, const struct event *e)
{
    struct cut_position *at = &slot->at;
    if (at->offset > e->offset) {
        if (at->offset > at->earlier)
            at->earlier = at->offset;
        /* That was in another log. What was restored may hold more of this one than has been read again: its end is
         * waited for. */
        at->reached = p->is_whole || e->offset < 0 ? -1 : INT64_MAX;
    }
    at->offset = e->offset;
    at->has_message = false;
    if (e->offset < 0)
        slot->ended = true; /* nothing more will come of it */
}

static void take_end(struct position *slot, const struct event *e)
{
    slot->at.offset = e->offset;
    slot->ended = true;
    slot->at.reached = -1; /* no more will come */
}

static void take_message(struct cut_position *at, const struct event *e)
{
    at->offset = e->offset + 1;
    at->has_message = true;
    at->message_offset = e->offset;
    at->kafka_ms = e->kafka_ms;
    at->hash = e->message_hash;
}

void positions_take(struct positions *p, const struct event *e)
{
    struct position *slot = need_slot(p, e->slot);
    switch (e->fate) {
    case EVENT_SLOT: announce(p, slot, e); return;
    case EVENT_END: take_end(slot, e); break;
    case EVENT_BEHIND: slot->ended = false; break;
    case EVENT_GAP: take_gap(p, slot, e); break;
    default: take_message(&slot->at, e); break;
    }
    if (!p->is_whole && slot->at.offset >= slot->at.reached)
        p->is_whole = has_become_whole(p);
}

bool positions_are_ended(const struct positions *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (!p->slots[i].ended)
            return false;
    return p->count > 0;
}

void positions_copy(struct positions *p, struct cut *out)
{
    REQUIRE(out->position_count == 0);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct cut_position *at = &p->slots[i].at;
        struct cut_position *copy = cut_add(out, text_of(at->topic), at->partition);
        take_over(copy, at);
        copy->reached = -1; /* positions_reached says it */
    }
    for (size_t i = 0; i < p->restored.position_count; i++) {
        const struct cut_position *at = &p->restored.positions[i];
        if (at->partition >= 0)
            take_over(cut_add(out, text_of(at->topic), at->partition), at);
    }
    p->copied = p->count;
}

void positions_reached(const struct positions *p, struct cut *cut)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const struct cut_position *at = &p->slots[i].at;
        struct cut_position *copy =
            i < p->copied ? &cut->positions[i] : cut_find(cut, text_of(at->topic), at->partition);
        int64_t reached = at->offset > at->reached ? at->offset : at->reached;
        if (copy == NULL) /* announced since: nothing of it lies before that */
            copy = cut_add(cut, text_of(at->topic), at->partition);
        if (at->offset < copy->offset)
            reached = INT64_MAX; /* a gap since: what is copied may hold some of another log */
        copy->reached = reached > copy->offset ? reached : copy->offset;
    }
}
