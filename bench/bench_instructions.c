/* bench_instructions.c - a fixed corpus through the stations of an event, one function a station, to be counted by callgrind:
 * bench/instructions.py runs it, reads what each part_ function and all below it took, and compares. Instructions do not
 * depend on what else the machine does, so a gate of a few percent holds where times would not.
 *
 * Everything is a function of numbers in this file: no clock, no files, no randomness. What a part needs is made before it.
 * Prints the toolchain, and how many items each part had. Usage: bench_instructions */
#include "aggregators/shard.h"
#include "base/error.h"
#include "base/instant.h"
#include "bench/deal_messages.h"
#include "bench/sales_floor.h"
#include "consumers/decode.h"
#include "publishers/scribe.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEALS = 2000, TICKS = 40, EVENTS_A_TICK = 20 };

#define TICK_US (100 * MILLISECOND)
/* A part is found by its name. */
#define PART    __attribute__((noinline))

void part_decode_members(struct decoder *d, const struct deal_messages *m);
void part_decode_pointers(struct decoder *d, const struct deal_messages *m);
void part_past(struct shard *shard, const char *events, size_t bytes);
void part_apply(struct shard *shard, const char *events, size_t bytes);
void part_correct(struct shard *shard, const char *events, size_t bytes);
void part_cut(struct shard *shard, bool everything, struct snapshot *s);
void part_publish(struct scribe *s, const struct config *config, const struct snapshot *snapshot, struct commands *out);

static void count(const char *part, int64_t items)
{
    printf("{\"part\":\"%s\",\"items\":%" PRId64 "}\n", part, items);
}

static void decode_all(struct decoder *d, const struct deal_messages *m)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    for (int i = 0; i < DEAL_MESSAGES; i++) {
        struct message message = {.value = m->at[i], .kafka_ms = 1700000000000};
        decode(d, KIND_DEAL, &message, 0, i, memory);
    }
}

PART void part_decode_members(struct decoder *d, const struct deal_messages *m)
{
    decode_all(d, m);
}

PART void part_decode_pointers(struct decoder *d, const struct deal_messages *m)
{
    decode_all(d, m);
}

static void apply_all(struct shard *shard, const char *events, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        const struct event *e = (const struct event *)(const void *)(events + at);
        if (e->occurred_at_us >=
            shard_now_us(shard) + HOUR) /* time goes on as it does in a daemon, by an hour's steps */
            shard_advance(shard, e->occurred_at_us);
        shard_apply(shard, e);
        at += e->size;
    }
}

/* Nothing is derived before the end. */
PART void part_past(struct shard *shard, const char *events, size_t bytes)
{
    apply_all(shard, events, bytes);
    shard_advance(shard, FLOOR_UNTIL_US);
    shard_settle(shard, UINT32_MAX);
}

PART void part_apply(struct shard *shard, const char *events, size_t bytes)
{
    apply_all(shard, events, bytes);
    shard_advance(shard, FLOOR_UNTIL_US);
    shard_settle(shard, UINT32_MAX);
}

PART void part_correct(struct shard *shard, const char *events, size_t bytes)
{
    apply_all(shard, events, bytes);
    shard_settle(shard, UINT32_MAX);
}

PART void part_cut(struct shard *shard, bool everything, struct snapshot *s)
{
    shard_cut(shard, READER_PUBLISHER, everything, s);
}

PART void part_publish(struct scribe *s, const struct config *config, const struct snapshot *snapshot,
                       struct commands *out)
{
    batch_begin(s->batch, false);
    for (size_t i = 0; i < snapshot_entity_count(snapshot); i++) {
        bool any = false;
        for (unsigned w = 0; w < config->window_count; w++)
            any |= scribe_window(s, snapshot, i, w, TEXT("2026-01-01T00:00:00.000Z"), 1);
        scribe_entity(s, snapshot, i, any);
    }
    batch_emit(s->batch, out);
    batch_end(s->batch);
}

static void decode_parts(const struct config *config, const struct calendar *calendar)
{
    static struct deal_messages messages;
    struct config *behind = config_default();
    deal_input_behind(&behind->inputs[KIND_DEAL], "/after/");
    struct decoder *members = decoder_create(config, calendar), *pointers = decoder_create(behind, calendar);
    deal_messages_init(&messages, "", "");
    part_decode_members(members, &messages);
    deal_messages_fini(&messages);
    count("decode_members", DEAL_MESSAGES);
    deal_messages_init(&messages, "{\"after\":", "}");
    part_decode_pointers(pointers, &messages);
    deal_messages_fini(&messages);
    count("decode_pointers", DEAL_MESSAGES);
    decoder_destroy(members);
    decoder_destroy(pointers);
    config_destroy(behind);
}

/* Everything that happens on the floor, beforehand. */
static void tell_floor(const struct sales_floor *f, struct buffer *out, int64_t *out_count)
{
    size_t count;
    struct floor_item *items = sales_floor_programme(f, &count);
    for (size_t i = 0; i < count; i++) {
        const struct event *e = sales_floor_event(f, &items[i]);
        buffer_add(out, e, e->size);
    }
    free(items);
    *out_count = (int64_t)count;
}

/* For each deal another amount and another manager, told long after it: what stands is taken back and added elsewhere. */
static void tell_corrections(const struct sales_floor *f, struct buffer *out)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    for (int64_t deal = 0; deal < f->deals; deal++) {
        struct event_builder b;
        char key[24], manager[24];
        snprintf(key, sizeof key, "D%07" PRId64, deal);
        snprintf(manager, sizeof manager, "manager-%" PRId64, deal * 7919 % f->managers);
        event_begin(&b, memory, KIND_DEAL, text_of(key));
        event_add_text(&b, FIELD_MANAGER, text_of(manager));
        event_add_number(&b, DEAL_AMOUNT, 1000000 + deal);
        event_finish(&b, FLOOR_UNTIL_US + deal, 0, false, TEXT(""));
        buffer_add(out, memory, b.event->size);
    }
}

/* Ticks of a tenth of a second, as in bench_cut: each changes some entities, which are cut and written. */
static void live_parts(const struct sales_floor *f, const struct config *config, struct shard *shard)
{
    struct keys keys;
    struct commands commands;
    struct scribe scribe;
    struct changes *changes = changes_create(config->window_count);
    keys_init(&keys, "default");
    commands_init(&commands);
    struct batch *batch = batch_create(config, &keys, changes);
    scribe_init(&scribe, config, changes, batch);
    struct snapshot *s = snapshot_create();
    int64_t entities = 0;
    for (int64_t tick = 0, number = 0, now_us = FLOOR_UNTIL_US; tick <= TICKS; tick++, now_us += TICK_US) {
        for (int i = 0; i < EVENTS_A_TICK; i++, number++)
            shard_apply(shard, sales_floor_live(f, number, now_us - number % TICK_US));
        shard_advance(shard, now_us);
        while (!shard_work(shard, UINT32_MAX))
            ;
        part_cut(shard, tick == 0, s);
        part_publish(&scribe, config, s, &commands);
        commands_clear(&commands);
        entities += (int64_t)snapshot_entity_count(s);
    }
    count("cut", entities);
    count("publish", entities);
    snapshot_destroy(s);
    scribe_fini(&scribe);
    batch_destroy(batch);
    commands_fini(&commands);
    keys_fini(&keys);
    changes_destroy(changes);
}

static void core_parts(const struct config *config, const struct calendar *calendar)
{
    struct sales_floor f = sales_floor_of(DEALS);
    struct shard *shard = shard_create(config, calendar), *past = shard_create(config, calendar);
    struct buffer events, corrections;
    int64_t told;
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    buffer_init(&events);
    buffer_init(&corrections);
    tell_floor(&f, &events, &told);
    tell_corrections(&f, &corrections);
    event_note(memory, EVENT_SLOT, 0, 0, TEXT("events"));
    shard_apply(past, (const struct event *)(const void *)memory);
    part_past(past, events.at, events.len);
    count("past", told);
    shard_destroy(past);
    shard_settle(shard, UINT32_MAX); /* begun, so that what follows is derived as it comes */
    sales_floor_open(shard);
    part_apply(shard, events.at, events.len);
    count("apply", told);
    part_correct(shard, corrections.at, corrections.len);
    count("correct", f.deals);
    buffer_fini(&events);
    buffer_fini(&corrections);
    live_parts(&f, config, shard);
    shard_destroy(shard);
}

int main(void)
{
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("UTC", 1, 1);
#ifdef __clang__
    printf("{\"toolchain\":\"clang-%d", __clang_major__);
#else
    printf("{\"toolchain\":\"gcc-%d", __GNUC__);
#endif
#ifdef __x86_64__
    printf(" x86_64\"}\n");
#elif defined __aarch64__
    printf(" aarch64\"}\n");
#else
    printf(" other\"}\n");
#endif
    decode_parts(config, calendar);
    core_parts(config, calendar);
    calendar_destroy(calendar);
    config_destroy(config);
    return 0;
}
