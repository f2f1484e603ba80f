/* The decoder and the floor must agree on every message: what is good is applied, and each piece of garbage becomes
 * a dead letter for the reason that the floor tells. */
#include "base/instant.h"
#include "config/config.h"
#include "consumers/decode.h"
#include "daemon/floor.h"
#include "daemon/floor_files.h"
#include "daemon/floor_random.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const char *fate_of(const struct event *e)
{
    return e->fate == EVENT_APPLY ? "applied" : e->fate == EVENT_FILTERED ? "filtered" : error_name(e->reason);
}

static unsigned input_of(const struct config *c, enum record_kind kind)
{
    for (unsigned i = 0; i < c->input_count; i++)
        if (c->inputs[i].kind == kind)
            return i;
    cr_fatal("no input of that kind");
}

Test(floor_decode, every_message_is_judged_as_it_was_meant)
{
    struct config *config = config_default();
    struct calendar *calendar = calendar_create(config->time_zone, 1, 1);
    struct decoder *decoder = decoder_create(config, calendar);
    struct floor_options o = {.seed = 7,
                              .records = 6000,
                              .managers = 9,
                              .teams = 3,
                              .start_us = INT64_C(1709251200) * SECOND,
                              .days = 100,
                              .zone = config->time_zone,
                              .base = config->base_currency,
                              .currencies = {config->base_currency,
                                             (currency_code)'K' << 16 | (currency_code)'W' << 8 | (currency_code)'D',
                                             (currency_code)'J' << 16 | (currency_code)'P' << 8 | (currency_code)'Y'},
                              .currency_count = 3,
                              .corrections_ppm = PPM(80),
                              .repeat_ppm = PPM(5),
                              .late_ppm = PPM(5),
                              .garbage_ppm = PPM(15)};
    struct floor *f = floor_create(&o);
    static _Alignas(8) char memory[EVENT_SIZE_MAX];
    uint64_t reasons[ERROR_COUNT] = {0};
    struct buffer line;
    buffer_init(&line);
    for (struct floor_message m; floor_next(f, &m);) {
        unsigned input = input_of(config, m.kind);
        const struct event *e = (const struct event *)(const void *)memory;
        struct message message = {.value = m.value, .kafka_ms = m.kafka_ms, .parts = {.key = m.key}};
        decode(decoder, input, &message, 0, 0, memory);
        cr_expect(e->reason == m.reason && (e->fate == EVENT_APPLY) == (m.reason == OK), "%s, not %s: %.200s",
                  fate_of(e), error_name(m.reason), m.value.at);
        if (m.event != NULL) {
            cr_expect(eq(i64, e->occurred_at_us, m.event->occurred_us));
            cr_expect(eq(int, __builtin_popcount(e->carried), m.event->value_count));
        }
        buffer_clear(&line);
        floor_files_line(&line, &m);
        decode_line(decoder, input, buffer_view(&line), 0, 0, memory);
        cr_expect(e->reason == m.reason && (e->fate == EVENT_APPLY) == (m.reason == OK), "line: %s, not %s: %.200s",
                  fate_of(e), error_name(m.reason), line.at);
        reasons[m.reason]++;
    }
    for (int e = 0; e < ERROR_COUNT; e++) /* these need a huge message, an input ordered by version, or a rate */
        if (e != BAD_SIZE && e != BAD_STAMP && e != BAD_TOMBSTONE && e != BAD_DAY && e != BAD_RATE)
            cr_expect(reasons[e] > 0, "no message for %s", error_name((enum error)e));
    buffer_fini(&line);
    floor_destroy(f);
    decoder_destroy(decoder);
    calendar_destroy(calendar);
    config_destroy(config);
}
