/* bench_apply.c - from lines to snapshots without Kafka and Redis: what decoding, the ledger and what follows from it cost, and
 * whether one thread should do both or two with a ring between them.
 *
 * The lines of a simulated floor (`kpid simulate --out FOLDER`) are taken in the order of their time stamps; after each TICK of
 * them all that has changed is cut for both readers. First on one thread, by parts, in processor time; then as the daemon does it,
 * a thread that decodes and one that applies; in turns, medians. Usage: bench_apply FOLDER [TICK [ROUNDS]] */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/ring.h"
#include "bench/rounds.h"
#include "consumers/decode.h"
#include "daemon/writer_budget.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = KIND_FEEDBACK + 1, RING_BYTES = 1 << 23, ROUNDS_MAX = 50 };

/* Behind all that happened: nothing is in the future. */
#define NOW_US (INT64_C(1900000000) * SECOND)

static const char *const files[KINDS] = {"leads", "deals", "payments", "feedback"};

struct line {
    struct text text;
    int64_t at_ms;
    unsigned kind;
};

struct floor {
    char *bytes[KINDS];
    struct line *lines;
    size_t count;
};

static char *read_file(const char *folder, unsigned kind, size_t *out_len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.ndjson", folder, files[kind]);
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        fprintf(stderr, "bench_apply: %s: it cannot be read; kpid simulate --out %s makes it\n", path, folder);
        exit(EXIT_FAILURE);
    }
    *out_len = (size_t)ftell(f);
    rewind(f);
    char *bytes = must_alloc(*out_len + 1);
    REQUIRE(fread(bytes, 1, *out_len, f) == *out_len);
    bytes[*out_len] = '\0';
    fclose(f);
    return bytes;
}

static int64_t time_stamp(const char *line)
{
    static const char member[] = "\"kafka_timestamp\":";
    const char *at = strstr(line, member);
    return at != NULL ? strtoll(at + sizeof member - 1, NULL, 10) : 0;
}

static int compare(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return x->text.at < y->text.at ? -1 : x->text.at > y->text.at;
}

static void floor_init(struct floor *f, const char *folder)
{
    uint32_t room = 0;
    *f = (struct floor){0};
    for (unsigned k = 0; k < KINDS; k++) {
        size_t len;
        f->bytes[k] = read_file(folder, k, &len);
        for (char *at = f->bytes[k], *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
            *end = '\0';
            f->lines = must_grow(f->lines, &room, (uint32_t)f->count, sizeof *f->lines);
            f->lines[f->count++] = (struct line){{at, (size_t)(end - at)}, time_stamp(at), k};
        }
    }
    qsort(f->lines, f->count, sizeof *f->lines, compare);
}

static void floor_fini(struct floor *f)
{
    for (unsigned k = 0; k < KINDS; k++)
        free(f->bytes[k]);
    free(f->lines);
}

struct bench {
    const struct floor *floor;
    struct config *config;
    struct calendar *calendar;
    struct decoder *decoder;
    struct shard *shard;
    struct snapshot *snapshot;
    struct ring *ring;
    size_t tick;
};

static void begin(struct bench *b)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    b->decoder = decoder_create(b->config, b->calendar);
    b->shard = shard_create(b->config, b->calendar);
    for (unsigned k = 0; k < KINDS; k++) {
        event_note(memory, EVENT_SLOT, k, 0, text_of(files[k]));
        shard_apply(b->shard, (const struct event *)(const void *)memory);
    }
}

static void end(struct bench *b)
{
    REQUIRE(shard_accounts(b->shard)->read == (int64_t)b->floor->count);
    shard_destroy(b->shard);
    decoder_destroy(b->decoder);
}

static void cut(struct bench *b)
{
    shard_advance(b->shard, NOW_US);
    shard_cut(b->shard, READER_PUBLISHER, false, b->snapshot);
    shard_cut(b->shard, READER_ALERTS, false, b->snapshot);
}

static uint32_t decode_one(struct bench *b, size_t i, void *memory)
{
    const struct line *l = &b->floor->lines[i];
    return decode_line(b->decoder, l->kind, l->text, l->kind, (int64_t)i, memory);
}

struct times {
    double decode_ns, apply_ns, cut_ns; /* of processor time, an event */
    double all_ns, wall_ns;             /* of all threads, and by the clock */
};

static double an_event(const struct bench *b, int64_t us)
{
    return (double)us * 1000 / (double)b->floor->count;
}

/* All on this thread: a tick's lines become events, and these are applied. */
static struct times on_one_thread(struct bench *b)
{
    static _Alignas(64) char memory[SHARD_FETCH][EVENT_SIZE_MAX];
    int64_t decode_us = 0, apply_us = 0, cut_us = 0, wall_us = clock_monotonic_us();
    struct buffer events;
    buffer_init(&events);
    begin(b);
    for (size_t i = 0; i < b->floor->count;) {
        size_t until = i + b->tick < b->floor->count ? i + b->tick : b->floor->count;
        int64_t from_us = clock_cpu_us();
        buffer_clear(&events);
        for (; i < until; i++) {
            uint32_t size = decode_one(b, i, memory[0]);
            buffer_add(&events, memory[0], size);
        }
        int64_t decoded_us = clock_cpu_us();
        for (size_t at = 0; at < events.len;) {
            const struct event *some[SHARD_FETCH];
            unsigned count = 0;
            for (; count < SHARD_FETCH && at < events.len; at += some[count++]->size)
                some[count] = (const struct event *)(const void *)(events.at + at);
            shard_fetch(b->shard, some, count);
            for (unsigned e = 0; e < count; e++)
                shard_apply(b->shard, some[e]);
        }
        int64_t applied_us = clock_cpu_us();
        cut(b);
        decode_us += decoded_us - from_us;
        apply_us += applied_us - decoded_us;
        cut_us += clock_cpu_us() - applied_us;
    }
    wall_us = clock_monotonic_us() - wall_us;
    end(b);
    buffer_fini(&events);
    return (struct times){an_event(b, decode_us), an_event(b, apply_us), an_event(b, cut_us),
                          an_event(b, decode_us + apply_us + cut_us), an_event(b, wall_us)};
}

static void *decode_all(void *context)
{
    struct bench *b = context;
    for (size_t i = 0; i < b->floor->count; i++) {
        void *room;
        while ((room = ring_reserve(b->ring, EVENT_SIZE_MAX)) == NULL)
            ring_wait_room(b->ring, EVENT_SIZE_MAX, 1000);
        decode_one(b, i, room);
        ring_commit(b->ring);
    }
    return NULL;
}

static int64_t all_threads_us(void)
{
    struct timespec t;
    REQUIRE(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return t.tv_sec * SECOND + t.tv_nsec / 1000;
}

/* As in the daemon. */
static struct times on_two_threads(struct bench *b)
{
    pthread_t thread;
    begin(b);
    b->ring = ring_create(RING_BYTES);
    int64_t all_us = all_threads_us(), wall_us = clock_monotonic_us();
    REQUIRE(pthread_create(&thread, NULL, decode_all, b) == 0);
    for (size_t taken = 0, cut_at = b->tick; taken < b->floor->count;) {
        const void *some[SHARD_FETCH];
        const struct event *events[SHARD_FETCH];
        unsigned count = ring_front_some(b->ring, some, SHARD_FETCH);
        if (count == 0) {
            ring_wait(b->ring, 1000);
            continue;
        }
        for (unsigned e = 0; e < count; e++)
            events[e] = some[e];
        shard_fetch(b->shard, events, count);
        for (unsigned e = 0; e < count; e++)
            shard_apply(b->shard, events[e]);
        ring_pop_some(b->ring);
        taken += count;
        if (taken >= cut_at || taken == b->floor->count) {
            cut(b);
            cut_at += b->tick;
        }
    }
    REQUIRE(pthread_join(thread, NULL) == 0);
    struct times t = {.all_ns = an_event(b, all_threads_us() - all_us),
                      .wall_ns = an_event(b, clock_monotonic_us() - wall_us)};
    ring_destroy(b->ring);
    end(b);
    return t;
}

int main(int argc, char **argv)
{
    static double decode[ROUNDS_MAX], apply[ROUNDS_MAX], cuts[ROUNDS_MAX], all[2][ROUNDS_MAX], wall[2][ROUNDS_MAX];
    int rounds = argc > 3 ? atoi(argv[3]) : 5;
    struct floor floor;
    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_apply FOLDER [TICK [ROUNDS]]\n");
        return EXIT_FAILURE;
    }
    floor_init(&floor, argv[1]);
    struct bench b = {.floor = &floor,
                      .config = config_default(),
                      .calendar = calendar_create("UTC", 1, 1),
                      .snapshot = snapshot_create(),
                      .tick = argc > 2 ? (size_t)strtoull(argv[2], NULL, 10) : 200000};
    REQUIRE(b.tick > 0);
    for (int i = 0; i < rounds; i++) {
        struct times one = on_one_thread(&b), two = on_two_threads(&b);
        decode[i] = one.decode_ns;
        apply[i] = one.apply_ns;
        cuts[i] = one.cut_ns;
        all[0][i] = one.all_ns;
        all[1][i] = two.all_ns;
        wall[0][i] = one.wall_ns;
        wall[1][i] = two.wall_ns;
    }
    printf("%zu events, a cut after each %zu, medians of %d rounds in turns, ns an event\n", floor.count, b.tick,
           rounds);
    printf("one thread   decode %5.0f  apply %5.0f  settle and cut %5.0f  in all %5.0f  by the clock %5.0f\n",
           median(decode, rounds), median(apply, rounds), median(cuts, rounds), median(all[0], rounds),
           median(wall[0], rounds));
    printf("two threads  in all %5.0f  by the clock %5.0f\n", median(all[1], rounds), median(wall[1], rounds));
    snapshot_destroy(b.snapshot);
    calendar_destroy(b.calendar);
    config_destroy(b.config);
    floor_fini(&floor);
    return 0;
}
