/* world.h - everything of one seed: the log, Redis, the receivers, the disks, and the instances of kpid among them.
 *
 * Thread: one. There is one world at a time.
 */
#pragma once
#include "base/calendar.h"
#include "config/config.h"
#include "tests/simulator/disk.h"
#include "tests/simulator/instance.h"
#include "tests/simulator/kafka_model.h"
#include "tests/simulator/process.h"
#include "tests/simulator/receiver_model.h"
#include "tests/simulator/redis_model.h"

#define INSTANCES_MAX 3
/* The process that publishes what should stand. */
#define ORACLE_NUMBER 3
_Static_assert(ORACLE_NUMBER < REDIS_OWNERS_MAX && INSTANCES_MAX <= ORACLE_NUMBER, "each has its number");

/* Faults that are planted to see whether they are found. */
enum planted {
    PLANTED_NONE,
    PLANTED_OFFSET_FIRST,   /* the offset is stored before the state */
    PLANTED_FENCE,          /* the fence is not checked */
    PLANTED_SENT_UNNOTED,   /* an alert is sent before it is noted */
    PLANTED_LATE_LOST,      /* a late event is lost at the cut */
    PLANTED_COPY_TWO_STEPS, /* the offsets of a checkpoint are noted after its copies */
    PLANTED_COUNT
};

struct counts {
    int64_t seeds, steps, starts, crashes, stops, pauses, jumps, link_faults, redis_faults, late_arrivals, disk_faults,
        receiver_faults, checkpoints, restores, claims, writes, refused, notices, alerts, reads, events;
};

/* A configuration, and what hangs on it; the same for all seeds. */
struct setting {
    struct config *config;
    struct calendar *calendar;
};
#define SETTINGS 3
void settings_init(void);
void settings_fini(void);
const struct setting *settings_at(unsigned i);

struct world {
    const struct setting *setting;
    enum planted planted;
    struct kafka_model kafka;
    struct redis_model redis, oracle_redis;
    struct receiver_model receivers[RECEIVERS_MAX];
    struct disk disks[INSTANCES_MAX];
    struct instance instances[INSTANCES_MAX];
    unsigned instance_count;
    int64_t link_fault_one_in;
    int64_t checkpoint_every_us;
    bool data_lost; /* Redis has lost what it had acknowledged, and so perhaps what alerts knew */
    char failure[400];
    uint64_t digest;      /* of all that was sent, and when: two runs of a seed have the same */
    struct counts counts; /* of all seeds */
};

extern struct world world;

void world_digest(struct text bytes);
/* Notes why the seed fails; the first reason stands. */
void world_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
