/* The deterministic simulator: docs/reliability.md.
 *
 *     simulator                          20,000 seeds from 1 on
 *     SIMULATOR_SEEDS=N simulator        so many; SIMULATOR_FIRST=N: from that one on
 *     SIMULATOR_SEED=N simulator         this one, told step by step
 *     simulator --planted NAME           a planted fault: succeeds when a seed finds it
 */
#include "base/error.h"
#include "tests/simulator/plan.h"
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const planted_names[PLANTED_COUNT] = {
    [PLANTED_NONE] = "none",
    [PLANTED_OFFSET_FIRST] = "offset-first",
    [PLANTED_FENCE] = "fence-unchecked",
    [PLANTED_SENT_UNNOTED] = "sent-unnoted",
    [PLANTED_LATE_LOST] = "late-event-lost",
    [PLANTED_COPY_TWO_STEPS] = "copy-in-two-steps",
};

/* After so many a search ends. */
#define FAILURES_MAX 20

/* Made before the seed runs, since a handler of a signal may format nothing. */
static char last_words[80];
static size_t last_words_len;

static void tell_seed(int signal_number)
{
    (void)!write(STDERR_FILENO, last_words, last_words_len);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *given = getenv(name);
    return given != NULL ? strtoull(given, NULL, 10) : otherwise;
}

static void print_number(const char *before, int64_t n, const char *behind)
{
    char digits[32], grouped[48];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            grouped[at++] = ',';
        grouped[at++] = digits[i];
    }
    grouped[at] = '\0';
    printf("%s%s %s", before, grouped, behind);
}

static void print_counts(int64_t failures)
{
    const struct counts *c = &world.counts;
    print_number("", c->seeds, "seeds");
    print_number(", ", c->steps, "steps");
    print_number(", ", c->events, "events applied");
    print_number(", ", c->starts, "starts");
    print_number(", ", c->crashes, "crashes");
    print_number(", ", c->stops, "stops");
    print_number(", ", c->pauses, "pauses");
    print_number(", ", c->jumps, "clock jumps");
    print_number(", ", c->link_faults, "requests or answers lost");
    print_number(", ", c->late_arrivals, "late arrivals");
    print_number(", ", c->redis_faults, "faults of Redis");
    print_number(", ", c->disk_faults, "of disks");
    print_number(", ", c->receiver_faults, "of receivers");
    print_number(", ", c->checkpoints, "checkpoints");
    print_number(", ", c->restores, "restores");
    print_number(", ", c->claims, "claims");
    print_number(", ", c->writes, "writes");
    print_number(" (", c->refused, "refused by the fence)");
    print_number(", ", c->reads, "looks of readers");
    print_number(", ", c->notices, "notices");
    print_number(", ", failures, "failures\n");
}

static bool run_seed(uint64_t seed, enum planted planted)
{
    static struct plan plan;
    last_words_len =
        (size_t)snprintf(last_words, sizeof last_words, "simulator: a signal ended SIMULATOR_SEED=%" PRIu64 "\n", seed);
    plan_make(&plan, seed, planted);
    return plan_run(&plan);
}

/* What is left of it when nothing more can be left out, told step by step. */
static void tell(uint64_t seed, enum planted planted, bool shrunk)
{
    static struct plan plan;
    plan_make(&plan, seed, planted);
    if (shrunk) {
        unsigned steps = plan.step_count, events = plan.events, left = 0;
        plan_shrink(&plan);
        for (unsigned i = 0; i < plan.events; i++)
            left += !plan.left_out[i];
        printf("%u of %u steps and %u of %u events are left:\n", plan.step_count, steps, left, events);
    }
    process_verbose = true;
    bool fine = plan_run(&plan);
    process_verbose = false;
    printf("%s\n", fine ? "it holds" : world.failure);
}

/* How many seeds a planted fault takes, and how little of one is enough to see it. */
static int search_planted(uint64_t first, uint64_t count, enum planted planted)
{
    static struct plan plan;
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (run_seed(seed, planted))
            continue;
        printf("%s: found by seed %" PRIu64 ": %s\n", planted_names[planted], seed - first + 1, world.failure);
        plan_make(&plan, seed, planted);
        unsigned steps = plan.step_count, left = 0;
        plan_shrink(&plan);
        for (unsigned i = 0; i < plan.events; i++)
            left += !plan.left_out[i];
        bool fine = plan_run(&plan);
        printf("%u of %u steps and %u of %u events are enough: %s\n", plan.step_count, steps, left, plan.events,
               fine ? "not so" : world.failure);
        return fine ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    printf("%s: not found by %" PRIu64 " seeds\n", planted_names[planted], count);
    return EXIT_FAILURE;
}

/* One seed in so many is run twice: both must do the same. */
#define TWICE_EVERY 64

static bool holds(uint64_t seed)
{
    bool fine = run_seed(seed, PLANTED_NONE);
    uint64_t digest = world.digest;
    if (!fine || seed % TWICE_EVERY != 0)
        return fine;
    struct counts counts = world.counts;
    fine = run_seed(seed, PLANTED_NONE);
    world.counts = counts;
    if (world.digest != digest)
        world_fail("a second run does something else");
    return fine && world.digest == digest;
}

static int search(uint64_t first, uint64_t count)
{
    int64_t failures = 0;
    for (uint64_t seed = first; seed < first + count && failures < FAILURES_MAX; seed++) {
        if (holds(seed))
            continue;
        printf("SIMULATOR_SEED=%" PRIu64 ": %s\n", seed, world.failure);
        struct counts counts = world.counts;
        if (failures++ == 0)
            tell(seed, PLANTED_NONE, true);
        world.counts = counts;
        fflush(stdout);
    }
    print_counts(failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int simulate(enum planted planted)
{
    if (getenv("SIMULATOR_SEED") != NULL) {
        uint64_t seed = number_from("SIMULATOR_SEED", 1);
        bool fine = run_seed(seed, planted);
        tell(seed, planted, !fine);
        return fine ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    uint64_t first = number_from("SIMULATOR_FIRST", 1), count = number_from("SIMULATOR_SEEDS", 20000);
    return planted != PLANTED_NONE ? search_planted(first, count, planted) : search(first, count);
}

int main(int argc, char **argv)
{
    enum planted planted = PLANTED_NONE;
    if (argc == 3 && strcmp(argv[1], "--planted") == 0)
        while (planted < PLANTED_COUNT && strcmp(planted_names[planted], argv[2]) != 0)
            planted++;
    if (planted == PLANTED_COUNT || (argc != 1 && argc != 3)) {
        fprintf(stderr, "simulator [--planted offset-first|fence-unchecked|sent-unnoted|late-event-lost|"
                        "copy-in-two-steps]\n");
        return 64;
    }
    signal(SIGSEGV, tell_seed);
    signal(SIGABRT, tell_seed);
    json_set_alloc_funcs(malloc, free);
    json_object_seed(1);
    settings_init();
    int status = simulate(planted);
    settings_fini();
    return status;
}
