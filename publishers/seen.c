#include "publishers/seen.h"
#include "base/error.h"
#include "publishers/meta.h"
#include <stdlib.h>
#include <string.h>

void seen_init(struct seen *s)
{
    memset(s, 0, sizeof *s);
    buffer_init(&s->offsets);
    buffer_init(&s->accounts);
}

static void drop_positions(struct seen *s)
{
    for (size_t i = 0; i < s->position_count; i++)
        free((void *)(uintptr_t)s->positions[i].topic.at);
    free(s->positions);
    s->positions = NULL;
    s->position_count = 0;
}

void seen_fini(struct seen *s)
{
    drop_positions(s);
    buffer_fini(&s->offsets);
    buffer_fini(&s->accounts);
}

/* Topics seldom change: their names are copied only when they do. */
static bool same_slots(const struct seen *s, const struct snapshot *snapshot)
{
    if (s->position_count != snapshot_position_count(snapshot))
        return false;
    for (size_t i = 0; i < s->position_count; i++) {
        struct snapshot_position p = snapshot_position(snapshot, i);
        if (p.partition != s->positions[i].partition || !text_equal(p.topic, s->positions[i].topic))
            return false;
    }
    return true;
}

void seen_take(struct seen *s, const struct snapshot *snapshot)
{
    s->any = true;
    s->live = snapshot_is_live(snapshot);
    s->as_of_us = snapshot_as_of_us(snapshot);
    if (!same_slots(s, snapshot)) {
        drop_positions(s);
        s->position_count = snapshot_position_count(snapshot);
        s->positions = must_alloc(s->position_count * sizeof *s->positions);
        for (size_t i = 0; i < s->position_count; i++) {
            s->positions[i] = snapshot_position(snapshot, i);
            struct text topic = s->positions[i].topic;
            char *copy = must_alloc(topic.len);
            memcpy(copy, topic.at, topic.len);
            s->positions[i].topic.at = copy;
        }
    }
    for (size_t i = 0; i < s->position_count; i++) {
        struct snapshot_position p = snapshot_position(snapshot, i);
        s->positions[i].offset = p.offset;
        s->positions[i].ended = p.ended;
        s->positions[i].earlier = p.earlier;
    }
    buffer_clear(&s->offsets);
    offsets_format(&s->offsets, s->positions, s->position_count);
    buffer_clear(&s->accounts);
    accounts_format(&s->accounts, snapshot_accounts(snapshot));
    s->gaps = snapshot_accounts(snapshot)->gaps;
}
