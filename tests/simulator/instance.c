#include "tests/simulator/instance.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/ring.h"
#include "daemon/board.h"
#include "daemon/checkpointer.h"
#include "daemon/recovery.h"
#include "tests/simulator/world.h"
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_BYTES ((size_t)256 * 1024)

/* The event as this consumer sends it. False: the ring is full. */
static bool push(struct instance *i, const struct event *e, unsigned partition, int64_t offset)
{
    struct event *place = ring_reserve(i->ring, e->size);
    if (place == NULL)
        return false;
    memcpy(place, e, e->size);
    place->slot = i->slot[partition];
    place->offset = offset;
    ring_commit(i->ring);
    return true;
}

static bool push_note(struct instance *i, enum event_fate fate, unsigned partition, int64_t offset, const char *topic)
{
    alignas(8) char memory[512];
    event_note(memory, fate, i->slot[partition], offset, text_of(topic));
    return push(i, (struct event *)(void *)memory, partition, offset);
}

/* Partitions are found in any order. */
static void announce(struct instance *i)
{
    unsigned count = world.kafka.partition_count, order[PARTITIONS_MAX];
    for (unsigned p = 0; p < count; p++)
        order[p] = p;
    for (unsigned p = count; p > 1; p--) {
        unsigned other = (unsigned)random_below(&process_random, p), kept = order[p - 1];
        order[p - 1] = order[other];
        order[other] = kept;
    }
    for (unsigned slot = 0; slot < count; slot++) {
        const struct kafka_partition *p = &world.kafka.partitions[order[slot]];
        i->slot[order[slot]] = slot;
        i->applied.slots[slot] = order[slot];
        i->told_end[order[slot]] = -1;
        REQUIRE(push_note(i, EVENT_SLOT, order[slot], p->number, p->topic));
    }
}

static bool read_one(struct instance *i, unsigned partition)
{
    const struct kafka_entry *e = kafka_read(&world.kafka, partition, i->next[partition]);
    int64_t end = world.kafka.partitions[partition].end;
    if (e != NULL) {
        if (!push(i, e->event, partition, e->offset))
            return false;
        i->next[partition] = e->offset + 1;
        return true;
    }
    if (i->told_end[partition] == end || !push_note(i, EVENT_END, partition, end, ""))
        return false;
    i->next[partition] = i->told_end[partition] = end;
    return true;
}

/* As recovery says; where it says nothing, from the beginning. */
static void begin_reading(struct instance *i, const struct recovery *from)
{
    for (unsigned p = 0; p < world.kafka.partition_count; p++) {
        const struct kafka_partition *k = &world.kafka.partitions[p];
        i->next[p] = 0;
        for (size_t n = 0; n < from->start_count; n++)
            if (strcmp(from->starts[n].topic, k->topic) == 0 && from->starts[n].partition == k->number)
                i->next[p] = from->starts[n].offset;
        i->applied.position[p] = i->next[p];
        if (i->next[p] < k->start && disk_has_checkpoint(&world.disks[i - world.instances]))
            world_fail("%s is to be read from before its start", k->topic);
    }
}

void instance_start(unsigned number)
{
    struct instance *i = &world.instances[number];
    const struct config *config = world.setting->config;
    int64_t skew_us = i->process.skew_us;
    bool unlucky = i->process.unlucky;
    REQUIRE(!i->alive);
    process_init(&i->process, number);
    i->process.skew_us = skew_us;
    i->process.unlucky = unlucky;
    i->alive = true;
    i->incarnation++;
    i->paused = false;
    i->latest_us = 0;
    process_tell("kpid %u starts", number);
    world.counts.starts++;

    process_now = &i->process;
    i->applied = (struct applied){0};
    struct recovery recovery;
    char folder[DISK_FOLDER_SIZE] = {(char)('0' + number), '\0'};
    if (recovery_run(config, world.setting->calendar, folder, false, &recovery) != 0)
        world_fail("kpid %u does not start", number);
    i->ring = ring_create(RING_BYTES);
    struct checkpointer_options often = {
        .every_ms = world.checkpoint_every_us / MILLISECOND, .store = recovery.store, .cleared = recovery.cleared};
    i->checkpointer = checkpointer_create(&often, recovery.shard, i->ring);
    i->writer = writer_create(config, recovery.shard, i->ring, i->checkpointer);
    i->alerts = alert_thread_create(config, writer_outlet(i->writer, READER_ALERTS));
    char name[8] = {'k', (char)('0' + number), '\0'};
    struct publisher_options options = {.instance = name, .reset_fence = false};
    i->publish = publish_thread_create(config, &options, writer_outlet(i->writer, READER_PUBLISHER), i->alerts);
    begin_reading(i, &recovery);
    recovery_fini(&recovery);
    announce(i);
    alert_thread_start(i->alerts, publish_thread_bell(i->publish));
    publish_thread_start(i->publish);
    process_now = NULL;
}

static void end(struct instance *i, unsigned number)
{
    redis_model_owner_died(&world.redis, number);
    if (i->store != NULL)
        disk_forget(i->store);
    i->store = NULL;
    process_kill(&i->process);
    i->alive = false;
    disk_crash(&world.disks[number]);
}

void instance_crash(unsigned number)
{
    process_tell("kpid %u is killed", number);
    end(&world.instances[number], number);
}

void instance_stop(unsigned number)
{
    struct instance *i = &world.instances[number];
    process_tell("kpid %u is told to stop", number);
    process_now = &i->process;
    writer_stop(i->writer, 3000);
    alert_thread_stop(i->alerts, 3000);
    publish_thread_stop(i->publish);
    if (i->process.broken == NULL) {
        publish_thread_destroy(i->publish);
        alert_thread_destroy(i->alerts);
        writer_destroy(i->writer);
        checkpointer_destroy(i->checkpointer);
        ring_destroy(i->ring);
    }
    process_now = NULL;
    end(i, number);
}

unsigned instance_read(unsigned number, unsigned most)
{
    struct instance *i = &world.instances[number];
    unsigned done = 0, fruitless = 0;
    process_now = &i->process;
    while (done < most && fruitless < 3 * world.kafka.partition_count) {
        unsigned partition = (unsigned)random_below(&process_random, world.kafka.partition_count);
        if (read_one(i, partition))
            done++;
        else
            fruitless++;
    }
    process_now = NULL;
    return done;
}

bool instance_has_read_all(unsigned number)
{
    const struct instance *i = &world.instances[number];
    int64_t b[BOARD_COUNT];
    writer_board(i->writer, b);
    return b[BOARD_READ] == (int64_t)world.kafka.count;
}

void instance_check(unsigned number)
{
    struct instance *i = &world.instances[number];
    if (!i->alive)
        return;
    if (i->process.broken != NULL) {
        world_fail("kpid %u: %s", number, i->process.broken);
        return;
    }
    int64_t b[BOARD_COUNT];
    writer_board(i->writer, b);
    if (b[BOARD_READ] !=
        b[BOARD_APPLIED] + b[BOARD_DUPLICATE] + b[BOARD_SUPERSEDED] + b[BOARD_DEAD_LETTERED] + b[BOARD_FILTERED])
        world_fail("kpid %u: read is not the sum of the outcomes", number);
    if (b[BOARD_AUDIT_DIFFERENCES] != 0)
        world_fail("kpid %u: the audit has found a difference", number);
    if (b[BOARD_AS_OF_US] < i->latest_us)
        world_fail("kpid %u: as_of has gone back", number);
    i->latest_us = b[BOARD_AS_OF_US];
}

bool instance_has_told(unsigned number)
{
    const struct instance *i = &world.instances[number];
    return counter_get(&alerts_counters(alert_thread_alerts(i->alerts))->unsent) == 0;
}

/* ---- in the place of base/process.c ---- */

void __wrap_process_identity_format(struct buffer *out);
bool __wrap_process_has_ended(struct text identity);

void __wrap_process_identity_format(struct buffer *out)
{
    if (instance_here() == NULL)
        buffer_string(out, "oracle");
    else
        buffer_format(out, "%u.%u", process_now->number, instance_here()->incarnation);
}

/* Of a process in another container nothing is known. */
bool __wrap_process_has_ended(struct text identity)
{
    unsigned number = 0, incarnation = 0;
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)identity.len, identity.at);
    if (sscanf(text, "%u.%u", &number, &incarnation) != 2 || number >= INSTANCES_MAX ||
        random_chance(&process_random, 25))
        return false;
    return !world.instances[number].alive || world.instances[number].incarnation != incarnation;
}
