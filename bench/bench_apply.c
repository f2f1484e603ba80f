/* bench_apply.c - what an event costs the core: decoding, then the ledger and all that is derived from it, on one thread,
 * in processor time, without Kafka and Redis.
 *
 * Usage: bench_apply FOLDER [TICK], the folder of `kpid simulate --out FOLDER`; its lines are taken in the order of their time
 * stamps, and after each TICK events (default 50000) all that has changed is cut. Prints JSON lines. */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "consumers/decode.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const files[] = {"leads", "deals", "payments", "feedback"};

struct line {
    struct text text;
    int64_t at_ms;
    unsigned kind;
};

static struct line *lines;
static size_t line_count, line_room;

static void read_file(const char *folder, unsigned kind)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.ndjson", folder, files[kind]);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "bench_apply: %s cannot be read\n", path);
        exit(EXIT_FAILURE);
    }
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; (len = getline(&line, &room, f)) > 0;) {
        if (line_count == line_room) {
            line_room = line_room > 0 ? line_room * 2 : 1024;
            lines = must_realloc(lines, line_room * sizeof *lines);
        }
        char *copy = must_alloc((size_t)len);
        memcpy(copy, line, (size_t)len);
        const char *at = strstr(line, "\"kafka_timestamp\":");
        lines[line_count++] = (struct line){{copy, (size_t)len}, at != NULL ? strtoll(at + 18, NULL, 10) : 0, kind};
    }
    free(line);
    fclose(f);
}

static int compare(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return x->at_ms != y->at_ms ? (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms)
                                : (x->text.at > y->text.at) - (x->text.at < y->text.at);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench_apply FOLDER [TICK]\n");
        return EXIT_FAILURE;
    }
    size_t tick = argc > 2 ? (size_t)strtoull(argv[2], NULL, 10) : 50000;
    for (unsigned k = 0; k < 4; k++)
        read_file(argv[1], k);
    qsort(lines, line_count, sizeof *lines, compare);
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("UTC", 1, 1);
    struct decoder *decoder = decoder_create(config, calendar);
    struct shard *shard = shard_create(config, calendar);
    struct snapshot *snapshot = snapshot_create();
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    for (unsigned k = 0; k < 4; k++) {
        event_note(memory, EVENT_SLOT, k, 0, text_of(files[k]));
        shard_apply(shard, (const struct event *)(const void *)memory);
    }
    char *events = must_alloc(256u << 20);
    size_t used = 0, first = 0;
    int64_t decode_us = 0, apply_us = 0, cut_us = 0, cuts = 0;
    for (size_t i = 0; i < line_count;) {
        int64_t begin_us = clock_cpu_us();
        used = 0;
        for (first = i; i < line_count && i - first < tick && used + EVENT_SIZE_MAX < 256u << 20; i++)
            used += decode_line(decoder, lines[i].kind, lines[i].text, lines[i].kind, (int64_t)i, events + used);
        int64_t decoded_us = clock_cpu_us();
        for (size_t at = 0; at < used;) {
            const struct event *some[SHARD_FETCH];
            unsigned n = 0;
            for (; n < SHARD_FETCH && at < used; at += some[n++]->size)
                some[n] = (const struct event *)(const void *)(events + at);
            shard_fetch(shard, some, n);
            for (unsigned e = 0; e < n; e++)
                shard_apply(shard, some[e]);
        }
        int64_t applied_us = clock_cpu_us();
        shard_advance(shard, 1900000000000000);
        shard_cut(shard, READER_PUBLISHER, false, snapshot);
        shard_cut(shard, READER_ALERTS, false, snapshot);
        decode_us += decoded_us - begin_us;
        apply_us += applied_us - decoded_us;
        cut_us += clock_cpu_us() - applied_us;
        cuts++;
    }
    const struct accounts *a = shard_accounts(shard);
    printf("{\"bench\":\"apply\",\"events\":%" PRId64 ",\"applied\":%" PRId64
           ",\"decode_ns\":%.0f,\"apply_ns\":%.0f,\"cut_ns\":%.0f,\"cuts\":%" PRId64 "}\n",
           a->read, a->applied, (double)decode_us * 1e3 / (double)line_count,
           (double)apply_us * 1e3 / (double)line_count, (double)cut_us * 1e3 / (double)line_count, cuts);
    return 0;
}
