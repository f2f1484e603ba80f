/* bench_decode.c - decoding alone, on one thread: deal events of some 300 bytes, from value to event, beside yyjson's bare
 * read of the same bytes by the same reader (consumers/json.h), in processor time.
 *
 * The three take turns, a block of messages each, so that whatever else the machine does falls on all of them alike; what is
 * printed is the median of the rounds, and of each round's ratios. The messages are made beforehand and are all different,
 * so that branches are not learnt by heart.
 *
 * Usage: bench_decode [MESSAGES A ROUND [ROUNDS]]
 *        bench_decode members|pointers|read MESSAGES    one of them alone, for a profile */
#include "base/clock.h"
#include "bench/deal_messages.h"
#include "bench/rounds.h"
#include "consumers/decode.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4 * DEAL_MESSAGES, ROUNDS_MAX = 101 };

enum way { READ, MEMBERS, POINTERS, WAY_COUNT };

static const char *const way_names[] = {"read", "members", "pointers"};

struct bench {
    struct json_reader json;
    struct decoder *members, *pointers;
    struct deal_messages flat, wrapped;
};

/* A block of messages; its processor time. */
static int64_t run(struct bench *b, enum way way, int64_t count)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    struct decoder *d = way == POINTERS ? b->pointers : b->members;
    const struct deal_messages *messages = way == POINTERS ? &b->wrapped : &b->flat;
    int64_t good = 0, start_us = clock_cpu_us();
    if (way == READ) {
        for (int64_t i = 0; i < count; i++) {
            yyjson_val *root;
            good += json_read(&b->json, messages->at[i % DEAL_MESSAGES], &root) == OK;
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            struct message m = {.value = messages->at[i % DEAL_MESSAGES], .kafka_ms = 1700000000000};
            decode(d, KIND_DEAL, &m, 0, i, memory);
            good += ((const struct event *)(const void *)memory)->fate == EVENT_APPLY;
        }
    }
    int64_t took_us = clock_cpu_us() - start_us;
    REQUIRE(good == count);
    return took_us;
}

static void compare(struct bench *b, int64_t each, int rounds)
{
    static double took_us[WAY_COUNT][ROUNDS_MAX], ratio[WAY_COUNT][ROUNDS_MAX];
    for (int r = 0; r < rounds; r++) {
        int64_t sum[WAY_COUNT] = {0};
        for (int64_t done = 0; done < each; done += BLOCK)
            for (enum way w = 0; w < WAY_COUNT; w++)
                sum[w] += run(b, w, BLOCK);
        for (enum way w = 0; w < WAY_COUNT; w++) {
            took_us[w][r] = (double)sum[w];
            ratio[w][r] = (double)sum[w] / (double)sum[READ];
        }
    }
    int64_t count = (each + BLOCK - 1) / BLOCK * BLOCK;
    for (enum way w = 0; w < WAY_COUNT; w++) {
        double ns = median(took_us[w], rounds) * 1000 / (double)count;
        printf("%-9s %4.0f ns a message of %" PRId64 " bytes, %10.0f a second of processor time", way_names[w], ns,
               (w == POINTERS ? b->wrapped : b->flat).bytes / DEAL_MESSAGES, 1e9 / ns);
        if (w != READ)
            printf("; %.2f times the bare read", median(ratio[w], rounds));
        printf("\n");
    }
    double decisive = median(ratio[MEMBERS], rounds);
    printf("decode with mapping / bare yyjson read: %.2f, goal 1.50: %s (median of %d rounds)\n", decisive,
           decisive <= 1.5 ? "met" : "missed", rounds);
}

int main(int argc, char **argv)
{
    struct config *config = config_default(), *behind = config_default();
    struct calendar *calendar = calendar_create("Europe/Berlin", 1, 1);
    deal_input_behind(&behind->inputs[KIND_DEAL], "/after/");
    static struct bench b;
    deal_messages_init(&b.flat, "", "");
    deal_messages_init(&b.wrapped, "{\"after\":", "}");
    json_reader_init(&b.json, (size_t)config->kafka.message_size_max);
    b.members = decoder_create(config, calendar);
    b.pointers = decoder_create(behind, calendar);

    bool alone = false;
    for (enum way w = 0; argc == 3 && w < WAY_COUNT; w++) {
        if (strcmp(argv[1], way_names[w]) == 0) {
            alone = true;
            printf("%s: %.3f s\n", argv[1], (double)run(&b, w, strtoll(argv[2], NULL, 10)) / 1e6);
        }
    }
    if (!alone) {
        int64_t each = argc > 1 ? strtoll(argv[1], NULL, 10) : 200000,
                rounds = argc > 2 ? strtoll(argv[2], NULL, 10) : 9;
        REQUIRE(each > 0 && rounds > 0 && rounds <= ROUNDS_MAX);
        compare(&b, each, (int)rounds);
    }
    decoder_destroy(b.members);
    decoder_destroy(b.pointers);
    json_reader_fini(&b.json);
    deal_messages_fini(&b.flat);
    deal_messages_fini(&b.wrapped);
    calendar_destroy(calendar);
    config_destroy(config);
    config_destroy(behind);
    return 0;
}
