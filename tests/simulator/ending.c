#include "tests/simulator/ending.h"
#include "base/instant.h"
#include "daemon/board.h"
#include "tests/simulator/oracle.h"
#include "tests/simulator/step.h"
#include "tests/simulator/world.h"

/* As the log has it: kafka_model.c. */
#define GRAIN (10 * MINUTE)

void ending_stop_faults(void)
{
    world.redis.down = false;
    world.redis.mood = MOOD_FINE;
    for (unsigned i = 0; i < RECEIVERS_MAX; i++)
        world.receivers[i].mood = RECEIVER_FINE;
    unsigned alive = 0;
    for (unsigned i = 0; i < world.instance_count; i++) {
        world.disks[i].mood = DISK_FINE;
        world.instances[i].paused = false;
        world.instances[i].process.unlucky = false;
        world.instances[i].process.skew_us = 0;
        alive += world.instances[i].alive;
    }
    for (unsigned i = 0; i < world.instance_count; i++) {
        if (!world.instances[i].alive && (alive == 0 || random_chance(&process_random, 50))) {
            instance_start(i);
            alive++;
        }
    }
    while (redis_model_late(&world.redis))
        world.counts.late_arrivals++;
    while (world.kafka.sent < world.kafka.coming_count && kafka_send(&world.kafka))
        ;
}

/* To an instant that nobody has spoken for yet, and at which nothing changes by time alone for a while. */
static void pass_all_clocks(void)
{
    int64_t latest_us = process_true_us, as_of_us;
    const struct redis_key *fence = redis_model_find(&world.redis, TEXT("kpid:{default}:fence"));
    if (instant_parse(redis_key_get(fence, TEXT("as_of")), &as_of_us) == OK && as_of_us > latest_us)
        latest_us = as_of_us;
    for (unsigned i = 0; i < world.instance_count; i++) {
        if (!world.instances[i].alive)
            continue;
        int64_t b[BOARD_COUNT];
        writer_board(world.instances[i].writer, b);
        latest_us = b[BOARD_AS_OF_US] > latest_us ? b[BOARD_AS_OF_US] : latest_us;
    }
    process_true_us = latest_us - latest_us % GRAIN + GRAIN + GRAIN / 4;
}

static void run_all(void)
{
    int64_t next_us = process_true_us + SECOND;
    for (unsigned i = 0; i < world.instance_count; i++) {
        struct instance *instance = &world.instances[i];
        if (!instance->alive)
            continue;
        instance_read(i, 1000);
        process_run(&instance->process, 40);
        step_check();
        int64_t at_us = process_next_us(&instance->process);
        next_us = at_us < next_us ? at_us : next_us;
    }
    process_true_us = next_us > process_true_us ? next_us : process_true_us + 1;
}

static unsigned publishing(void)
{
    unsigned current = 0;
    for (unsigned i = 0; i < world.instance_count; i++) {
        int64_t row[PUBLISH_COUNT];
        if (!world.instances[i].alive)
            continue;
        publish_thread_board(world.instances[i].publish, row);
        current += row[PUBLISH_STATE] == PUBLISHER_CURRENT;
    }
    return current;
}

static bool has_caught_up(int64_t since_us)
{
    for (unsigned i = 0; i < world.instance_count; i++) {
        for (unsigned p = 0; p < world.kafka.partition_count; p++)
            if (world.instances[i].alive && world.instances[i].applied.position[p] != world.kafka.partitions[p].end)
                return false;
        if (world.instances[i].alive && !instance_has_told(i))
            return false;
    }
    int64_t as_of_us;
    bool live;
    return publishing() == 1 && oracle_meta(&as_of_us, &live) && live && as_of_us >= since_us;
}

/* So long must it stand, so that alerts with `for` have been decided. */
#define QUIET_US   (8 * SECOND)
#define ROUNDS_MAX 3000

void ending_settle(void)
{
    pass_all_clocks();
    int64_t since_us = process_true_us, quiet_us = INT64_MAX;
    for (int round = 0; round < ROUNDS_MAX && world.failure[0] == '\0'; round++) {
        run_all();
        if (quiet_us == INT64_MAX && has_caught_up(since_us))
            quiet_us = process_true_us;
        if (quiet_us != INT64_MAX && process_true_us - quiet_us > QUIET_US && has_caught_up(since_us))
            return;
    }
    world_fail("it does not catch up");
}

void ending_judge(void)
{
    for (unsigned i = 0; i < world.instance_count; i++) {
        struct instance *instance = &world.instances[i];
        if (!instance->alive)
            continue;
        process_now = &instance->process;
        writer_audit_now(instance->writer);
        process_now = NULL;
        process_run(&instance->process, 20);
        step_check();
        /* That fault leaves the counters behind as well; the values have to tell of it. */
        if (world.planted != PLANTED_COPY_TWO_STEPS && !instance_has_read_all(i))
            world_fail("kpid %u has not counted each message once", i);
    }
    if (world.failure[0] == '\0')
        oracle_judge(!world.data_lost);
}
