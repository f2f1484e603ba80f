#include "tests/simulator/step.h"
#include "base/error.h"
#include "base/instant.h"
#include "tests/simulator/oracle.h"
#include "tests/simulator/world.h"

static int64_t draw(int64_t below)
{
    return random_below(&process_random, below);
}

static unsigned any_instance(void)
{
    return (unsigned)draw(world.instance_count);
}

static bool acts(unsigned i)
{
    return world.instances[i].alive && !world.instances[i].paused;
}

static void trim(void)
{
    for (unsigned i = 0; i < world.instance_count; i++)
        if (!disk_has_checkpoint(&world.disks[i]))
            return;
    unsigned partition = (unsigned)draw(world.kafka.partition_count);
    int64_t before = INT64_MAX;
    for (unsigned i = 0; i < world.instance_count; i++) {
        /* Neither what a restart reads again nor what a running consumer has not read yet. */
        int64_t from = world.disks[i].from[partition];
        before = from < before ? from : before;
        if (world.instances[i].alive && world.instances[i].next[partition] < before)
            before = world.instances[i].next[partition];
    }
    process_tell("%s loses what is before %lld", world.kafka.partitions[partition].topic, (long long)before);
    kafka_trim(&world.kafka, partition, before);
}

static void jump(unsigned i)
{
    int64_t us = (draw(600) - 300) * SECOND;
    if (draw(6) == 0)
        us = (draw(48) - 24) * HOUR;
    world.instances[i].process.skew_us = us;
    process_tell("the clock of kpid %u is %lld s off", i, (long long)(us / SECOND));
}

/* What must hold at every moment. */
void step_check(void)
{
    for (unsigned n = 0; n < world.instance_count; n++)
        instance_check(n);
    if (world.redis.stale_accepted > 0)
        world_fail("a write of one that does not hold the fence was accepted");
    if (world.redis.went_back > 0)
        world_fail("seq or as_of in Redis went back");
}

void step_take(const struct step *s)
{
    static const char *const names[] = {
#define X(symbol, text) text,
        STEP_TABLE(X)
#undef X
    };
    process_random.state = s->seed;
    process_tell("- %s", names[s->kind]);
    unsigned i = any_instance();
    struct instance *instance = &world.instances[i];
    struct counts *c = &world.counts;
    c->steps++;
    switch (s->kind) {
    case STEP_SEND:
        for (int64_t n = 1 + draw(4); n > 0; n--)
            kafka_send(&world.kafka);
        break;
    case STEP_READ:
        if (acts(i))
            instance_read(i, 1 + (unsigned)draw(draw(3) == 0 ? 60 : 12));
        break;
    case STEP_RUN:
        if (acts(i))
            process_run(&instance->process, 1 + (unsigned)draw(16));
        break;
    case STEP_NUDGE:
        if (acts(i))
            process_nudge(&instance->process);
        break;
    case STEP_TICK: process_true_us += draw(draw(3) == 0 ? 2000 : 200) * MILLISECOND; break;
    case STEP_WAIT: process_true_us += draw(draw(4) == 0 ? 3 * HOUR / SECOND : 12) * SECOND; break;
    case STEP_LOOK: c->reads += oracle_look(); break;
    case STEP_CRASH:
        if (instance->alive) {
            instance_crash(i);
            c->crashes++;
        }
        break;
    case STEP_START:
        if (!instance->alive)
            instance_start(i);
        break;
    case STEP_STOP:
        if (acts(i)) {
            instance_stop(i);
            c->stops++;
        }
        break;
    case STEP_PAUSE:
        if (acts(i)) {
            instance->paused = true;
            c->pauses++;
            process_true_us += draw(3) == 0 ? draw(20) * SECOND : 0; /* longer than a lease, at times at once */
        }
        break;
    case STEP_RESUME: instance->paused = false; break;
    case STEP_JUMP:
        jump(i);
        c->jumps++;
        break;
    case STEP_REDIS_DOWN:
        redis_model_cut(&world.redis);
        world.redis.down = true;
        c->redis_faults++;
        break;
    case STEP_REDIS_BACK:
        world.redis.down = false;
        world.redis.mood = MOOD_FINE;
        break;
    case STEP_REDIS_MOOD:
        world.redis.mood = (enum redis_mood)draw(MOOD_COUNT);
        c->redis_faults++;
        break;
    case STEP_REDIS_CUT:
        redis_model_cut(&world.redis);
        c->redis_faults++;
        break;
    case STEP_REDIS_LATE: c->late_arrivals += redis_model_late(&world.redis); break;
    case STEP_REDIS_FLUSH:
        redis_model_flush(&world.redis);
        world.data_lost = true;
        c->redis_faults++;
        break;
    case STEP_REDIS_REPLICATE: redis_model_replicate(&world.redis); break;
    case STEP_REDIS_FAIL_OVER:
        if (redis_model_fail_over(&world.redis)) {
            world.data_lost = true;
            c->redis_faults++;
        }
        break;
    case STEP_DISK: world.disks[i].mood = (enum disk_mood)draw(DISK_MOOD_COUNT); break;
    case STEP_DISK_LOST:
        if (!instance->alive && disk_has_checkpoint(&world.disks[i])) {
            bool damaged = draw(2) == 0;
            process_tell("the disk of kpid %u is %s", i, damaged ? "damaged" : "lost");
            world.disks[i].damaged = damaged;
            if (!damaged)
                disk_lose(&world.disks[i]);
            c->disk_faults++;
        }
        break;
    case STEP_RECEIVER:
        world.receivers[draw(RECEIVERS_MAX)].mood = (enum receiver_mood)draw(RECEIVER_MOOD_COUNT);
        break;
    case STEP_TRIM: trim(); break;
    case STEP_KIND_COUNT: REQUIRE(false);
    }
    step_check();
}
