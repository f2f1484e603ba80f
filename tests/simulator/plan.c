#include "tests/simulator/plan.h"
#include "base/error.h"
#include "base/instant.h"
#include "tests/simulator/ending.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BEGIN_US (INT64_C(1709000400) * SECOND)

/* How often each kind of step is chosen, where it is chosen at all in this seed. */
static const unsigned char weights[STEP_KIND_COUNT] = {
    [STEP_SEND] = 12,       [STEP_READ] = 22,           [STEP_RUN] = 30,
    [STEP_NUDGE] = 3,       [STEP_TICK] = 14,           [STEP_WAIT] = 5,
    [STEP_LOOK] = 2,        [STEP_CRASH] = 3,           [STEP_START] = 6,
    [STEP_STOP] = 1,        [STEP_PAUSE] = 3,           [STEP_RESUME] = 4,
    [STEP_JUMP] = 2,        [STEP_REDIS_DOWN] = 1,      [STEP_REDIS_BACK] = 3,
    [STEP_REDIS_MOOD] = 2,  [STEP_REDIS_CUT] = 2,       [STEP_REDIS_LATE] = 3,
    [STEP_REDIS_FLUSH] = 1, [STEP_REDIS_REPLICATE] = 3, [STEP_REDIS_FAIL_OVER] = 1,
    [STEP_DISK] = 3,        [STEP_DISK_LOST] = 1,       [STEP_RECEIVER] = 3,
    [STEP_TRIM] = 3,
};

/* Faults that come and go together. Each is left out of every second seed, so that what one hides is seen in others. */
static const enum step_kind groups[][4] = {
    {STEP_CRASH, STEP_STOP, STEP_CRASH, STEP_CRASH},
    {STEP_PAUSE, STEP_RESUME, STEP_PAUSE, STEP_PAUSE},
    {STEP_JUMP, STEP_JUMP, STEP_JUMP, STEP_JUMP},
    {STEP_REDIS_DOWN, STEP_REDIS_BACK, STEP_REDIS_MOOD, STEP_REDIS_DOWN},
    {STEP_REDIS_CUT, STEP_REDIS_LATE, STEP_REDIS_CUT, STEP_REDIS_CUT},
    {STEP_REDIS_FLUSH, STEP_REDIS_REPLICATE, STEP_REDIS_FAIL_OVER, STEP_REDIS_FLUSH},
    {STEP_DISK, STEP_DISK, STEP_DISK, STEP_DISK},
    {STEP_DISK_LOST, STEP_DISK_LOST, STEP_DISK_LOST, STEP_DISK_LOST},
    {STEP_RECEIVER, STEP_RECEIVER, STEP_RECEIVER, STEP_RECEIVER},
    {STEP_NUDGE, STEP_NUDGE, STEP_NUDGE, STEP_NUDGE},
};

void plan_make(struct plan *p, uint64_t seed, enum planted planted)
{
    struct random r = {seed * UINT64_C(0x9E3779B97F4A7C15) + 1};
    bool chosen[STEP_KIND_COUNT];
    memset(p, 0, sizeof *p);
    p->seed = seed;
    p->planted = planted;
    p->instances = random_chance(&r, 50) ? 1 : 2 + (unsigned)random_below(&r, INSTANCES_MAX - 1);
    p->setting = (unsigned)random_below(&r, SETTINGS);
    p->events = 6 + (unsigned)random_below(&r, 26);
    p->link_fault_one_in = random_chance(&r, 40) ? INT64_C(1000000000) : 4 + random_below(&r, 30);
    p->checkpoint_every_us = (50 + random_below(&r, 1500)) * MILLISECOND;
    for (unsigned k = 0; k < STEP_KIND_COUNT; k++)
        chosen[k] = true;
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        bool out = random_chance(&r, 50);
        for (unsigned k = 0; k < 4 && out; k++)
            chosen[groups[g][k]] = false;
    }
    /* What a lost or lying disk forgets must still be in the log. */
    if (chosen[STEP_DISK] || chosen[STEP_DISK_LOST])
        chosen[STEP_TRIM] = false;
    unsigned total = 0;
    for (unsigned k = 0; k < STEP_KIND_COUNT; k++)
        total += chosen[k] ? weights[k] : 0;
    p->step_count = 60 + (unsigned)random_below(&r, 80);
    for (unsigned i = 0; i < p->step_count; i++) {
        unsigned at = (unsigned)random_below(&r, total), kind = 0;
        while (!chosen[kind] || at >= weights[kind])
            at -= chosen[kind] ? weights[kind] : 0, kind++;
        p->steps[i] = (struct step){(enum step_kind)kind, random_next(&r)};
    }
}

/* ---- one seed ---- */

static void begin(const struct plan *p)
{
    struct counts counts = world.counts;
    struct random r = {p->seed ^ UINT64_C(0x5eed)};
    memset(&world, 0, sizeof world);
    world.counts = counts;
    world.counts.seeds++;
    world.digest = 0;
    world.setting = settings_at(p->setting);
    world.planted = p->planted;
    world.instance_count = p->instances;
    world.link_fault_one_in = p->link_fault_one_in;
    world.checkpoint_every_us = p->checkpoint_every_us;
    process_now = NULL;
    process_true_us = BEGIN_US + random_below(&r, DAY / SECOND) * SECOND;
    process_random = r;
    process_begin_seed();
    kafka_init(&world.kafka, &r, process_true_us, p->events);
    unsigned kept = 0;
    for (unsigned i = 0; i < world.kafka.coming_count; i++) {
        if (p->left_out[i])
            free(world.kafka.coming[i]);
        else
            world.kafka.coming[kept++] = world.kafka.coming[i];
    }
    world.kafka.coming_count = kept;
    redis_model_init(&world.redis);
    redis_model_init(&world.oracle_redis);
    world.redis.fence_unchecked = p->planted == PLANTED_FENCE;
    for (unsigned i = 0; i < RECEIVERS_MAX; i++)
        receiver_init(&world.receivers[i]);
    for (unsigned i = 0; i < INSTANCES_MAX; i++) {
        disk_init(&world.disks[i]);
        world.instances[i].process.unlucky = true;
    }
}

static void end(void)
{
    for (unsigned i = 0; i < world.instance_count; i++)
        if (world.instances[i].alive)
            instance_crash(i);
    for (unsigned i = 0; i < INSTANCES_MAX; i++)
        disk_fini(&world.disks[i]);
    for (unsigned i = 0; i < RECEIVERS_MAX; i++) {
        world.counts.notices += world.receivers[i].count;
        receiver_fini(&world.receivers[i]);
    }
    world.counts.claims += world.redis.claims;
    world.counts.writes += world.redis.writes;
    world.counts.refused += world.redis.refused;
    redis_model_fini(&world.redis);
    redis_model_fini(&world.oracle_redis);
    kafka_fini(&world.kafka);
}

bool plan_run(const struct plan *p)
{
    begin(p);
    for (unsigned i = 0; i < p->step_count && world.failure[0] == '\0'; i++)
        step_take(&p->steps[i]);
    if (world.failure[0] == '\0') {
        process_random.state = p->seed;
        process_tell("- faults stop, and everything catches up");
        ending_stop_faults();
        ending_settle();
        if (world.failure[0] == '\0')
            ending_judge();
    }
    for (unsigned i = 0; i < RECEIVERS_MAX; i++)
        for (unsigned n = 0; n < world.receivers[i].count; n++)
            world_digest(text_of(world.receivers[i].keys[n]));
    end();
    return world.failure[0] == '\0';
}

/* ---- shrinking ---- */

static bool fails(const struct plan *p)
{
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        process_verbose = false;
        REQUIRE(freopen("/dev/null", "w", stderr) != NULL);
        alarm(20);
        _exit(plan_run(p) ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The steps [from, to) are left out for good if it fails without them as well. */
static bool leave_out(struct plan *p, unsigned from, unsigned to)
{
    struct plan *fewer = must_alloc(sizeof *fewer);
    *fewer = *p;
    memmove(&fewer->steps[from], &fewer->steps[to], (p->step_count - to) * sizeof *p->steps);
    fewer->step_count -= to - from;
    bool failing = fails(fewer);
    if (failing)
        *p = *fewer;
    free(fewer);
    return failing;
}

/* By halves, quarters and so on, until no single one can be left out: see tests/support/shrink.h. */
static void shrink_steps(struct plan *p)
{
    for (unsigned size = (p->step_count + 1) / 2; size > 0; size = size > 1 ? (size + 1) / 2 : 0) {
        bool again = true;
        while (again) {
            again = false;
            for (unsigned at = 0; at < p->step_count;) {
                unsigned to = at + size < p->step_count ? at + size : p->step_count;
                if (leave_out(p, at, to))
                    again = size == 1;
                else
                    at = to;
            }
        }
    }
}

static void shrink_events(struct plan *p)
{
    for (unsigned i = 0; i < p->events; i++) {
        if (p->left_out[i])
            continue;
        p->left_out[i] = true;
        if (!fails(p))
            p->left_out[i] = false;
    }
}

void plan_shrink(struct plan *p)
{
    shrink_steps(p);
    shrink_events(p);
    shrink_steps(p);
}
