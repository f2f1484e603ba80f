/* Between the writer and the real shard: how far it has read, slices of a few rows, so that many events come between the
 * first copy of a checkpoint and the last, and planted faults at the cut and at alerts. */
#include "aggregators/entity.h"
#include "aggregators/shard.h"
#include "alerts/alerts.h"
#include "base/error.h"
#include "daemon/writer_budget.h"
#include "tests/simulator/world.h"

struct instance *instance_here(void)
{
    return process_now != NULL && process_now->number < INSTANCES_MAX ? &world.instances[process_now->number] : NULL;
}

enum outcome __real_shard_apply(struct shard *s, const struct event *e);
enum outcome __wrap_shard_apply(struct shard *s, const struct event *e);

static void take_in(struct instance *i, const struct event *e)
{
    if (e->fate == EVENT_SLOT)
        return;
    unsigned partition = i->applied.slots[e->slot];
    const struct kafka_partition *p = &world.kafka.partitions[partition];
    i->applied.position[partition] = e->offset + (e->fate != EVENT_END);
    if (e->fate == EVENT_END)
        return;
    world.counts.events++;
    process_tell("takes in %s %d at %lld", p->topic, (int)p->number, (long long)e->offset);
}

enum outcome __wrap_shard_apply(struct shard *s, const struct event *e)
{
    struct instance *i = instance_here();
    if (i != NULL) {
        take_in(i, e);
        i->applied.late |= e->fate == EVENT_APPLY && e->occurred_at_us < shard_now_us(s);
    }
    return __real_shard_apply(s, e);
}

void __real_shard_cut_begin(struct shard *s, enum reader r, bool everything, struct snapshot *out);
void __wrap_shard_cut_begin(struct shard *s, enum reader r, bool everything, struct snapshot *out);
bool __real_shard_cut_step(struct shard *s, unsigned budget);
bool __wrap_shard_cut_step(struct shard *s, unsigned budget);

void __wrap_shard_cut_begin(struct shard *s, enum reader r, bool everything, struct snapshot *out)
{
    struct instance *i = instance_here();
    if (i != NULL && world.planted == PLANTED_LATE_LOST && r == READER_PUBLISHER && !everything && i->applied.late) {
        __real_shard_cut_begin(s, r, false, out); /* the marks of what has changed are gone with it */
        REQUIRE(__real_shard_cut_step(s, UINT32_MAX));
    }
    if (i != NULL)
        i->applied.late = false;
    __real_shard_cut_begin(s, r, everything, out);
}

/* Mostly few entities at a time, so that events come in between. */
bool __wrap_shard_cut_step(struct shard *s, unsigned budget)
{
    bool small = instance_here() != NULL && budget != UINT32_MAX && random_chance(&process_random, 50);
    return __real_shard_cut_step(s, small ? (unsigned)random_below(&process_random, 6) : budget);
}

/* Small cuts are made by a thread of their own as well, which others interrupt at any entity. */
uint32_t __real_shard_cut_left(const struct shard *s);
uint32_t __wrap_shard_cut_left(const struct shard *s);

uint32_t __wrap_shard_cut_left(const struct shard *s)
{
    uint32_t left = __real_shard_cut_left(s);
    bool aside = instance_here() != NULL && left > 0 && left < CUT_ASIDE_FROM && random_chance(&process_random, 40);
    return aside ? CUT_ASIDE_FROM : left;
}

void __real_entity_level(struct entity *e, int64_t as_of_us, struct sums *out);
void __wrap_entity_level(struct entity *e, int64_t as_of_us, struct sums *out);

void __wrap_entity_level(struct entity *e, int64_t as_of_us, struct sums *out)
{
    process_pause_perhaps(3);
    __real_entity_level(e, as_of_us, out);
}

bool __real_shard_settle(struct shard *s, uint32_t budget);
bool __wrap_shard_settle(struct shard *s, uint32_t budget);

bool __wrap_shard_settle(struct shard *s, uint32_t budget)
{
    bool small = instance_here() != NULL && random_chance(&process_random, 50);
    return __real_shard_settle(s, small ? (uint32_t)random_below(&process_random, 6) : budget);
}

bool __real_shard_copy_step(struct shard *s, unsigned budget, struct buffer *out);
bool __wrap_shard_copy_step(struct shard *s, unsigned budget, struct buffer *out);

bool __wrap_shard_copy_step(struct shard *s, unsigned budget, struct buffer *out)
{
    bool small = random_chance(&process_random, 80);
    return __real_shard_copy_step(s, small ? 1 + (unsigned)random_below(&process_random, 6) : budget, out);
}

/* A planted fault: alerts are sent before they are noted. */
bool __real_alerts_step(struct alerts *a, const struct snapshot *s, int64_t now_us);
bool __wrap_alerts_step(struct alerts *a, const struct snapshot *s, int64_t now_us);

bool __wrap_alerts_step(struct alerts *a, const struct snapshot *s, int64_t now_us)
{
    bool moved = __real_alerts_step(a, s, now_us);
    if (world.planted == PLANTED_SENT_UNNOTED)
        alerts_send_unnoted(a);
    return moved;
}
