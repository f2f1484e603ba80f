/* bench_decode.c - decoding alone, on one thread: deal events of some 300 bytes, from value to event, in processor
 * time.
 *
 * Prints one JSON line for plain members and one for the same fields behind JSON Pointers. The messages are made
 * beforehand and are all different, so that branches are not learnt by heart. Usage: bench_decode [MESSAGES] */
#include "base/clock.h"
#include "consumers/decode.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DISTINCT = 4096 };

static struct text messages[DISTINCT];

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void make_messages(const char *open, const char *close)
{
    static const char *const stages[] = {"new", "qualified", "proposal", "won", "lost"};
    static const char *const currencies[] = {"USD", "EUR", "GBP", "JPY"};
    uint64_t r = 88172645463325252;
    for (int i = 0; i < DISTINCT; i++) {
        struct buffer b;
        buffer_init(&b);
        buffer_format(
            &b,
            "%s{\"deal_id\":\"deal-%08" PRIu64 "\",\"event_id\":\"evt-%016" PRIx64
            "\",\"occurred_at\":\"2023-11-14T%02d:%02d:%02d.%03dZ\",\"stage\":\"%s\",\"amount\":\"%d.%02d\","
            "\"currency\":\"%s\",\"manager_id\":\"manager-%03d\",\"team_id\":\"team-%02d\",\"product\":\"GTX %d\","
            "\"region\":\"EMEA\",\"source\":\"web\",\"customer_id\":\"customer-%05d\","
            "\"created_at\":%" PRIu64 ",\"closed_at\":null}%s",
            open, next(&r) % 100000000, next(&r), (int)(next(&r) % 22), (int)(next(&r) % 60), (int)(next(&r) % 60),
            (int)(next(&r) % 1000), stages[next(&r) % 5], (int)(next(&r) % 100000), (int)(next(&r) % 100),
            currencies[next(&r) % 4], (int)(next(&r) % 500), (int)(next(&r) % 40), (int)(next(&r) % 9),
            (int)(next(&r) % 90000), 1690000000000 + next(&r) % 9000000000, close);
        free((char *)(uintptr_t)messages[i].at);
        messages[i] = buffer_view(&b);
    }
}

static void run(const char *name, const struct config *config, const struct calendar *calendar, int64_t count)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    struct decoder *d = decoder_create(config, calendar);
    int64_t bytes = 0, events = 0, start_us = clock_cpu_us();
    for (int64_t i = 0; i < count; i++) {
        struct message m = {.value = messages[i % DISTINCT], .kafka_ms = 1700000000000};
        bytes += (int64_t)m.value.len;
        decode(d, KIND_DEAL, &m, 0, i, memory);
        events += ((const struct event *)(const void *)memory)->fate == EVENT_APPLY;
    }
    int64_t took_us = clock_cpu_us() - start_us;
    REQUIRE(events == count);
    printf("{\"bench\":\"decode\",\"mapping\":\"%s\",\"events\":%" PRId64 ",\"bytes_an_event\":%" PRId64
           ",\"cpu_seconds\":%.3f,\"events_a_cpu_second\":%.0f,\"ns_an_event\":%.0f}\n",
           name, count, bytes / count, (double)took_us / 1e6, (double)count * 1e6 / (double)took_us,
           (double)took_us * 1000 / (double)count);
    decoder_destroy(d);
}

static void behind_pointer(struct field_source *s)
{
    if (s->kind != SOURCE_MEMBER)
        return;
    size_t size = strlen(s->name) + sizeof "/after/";
    char *pointer = must_alloc(size);
    snprintf(pointer, size, "/after/%s", s->name);
    free(s->name);
    s->name = pointer;
    s->kind = SOURCE_POINTER;
}

int main(int argc, char **argv)
{
    int64_t count = argc > 1 ? strtoll(argv[1], NULL, 10) : 1000000;
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("Europe/Berlin", 1, 1);
    make_messages("", "");
    run("members", config, calendar, count);
    struct input_config *in = &config->inputs[KIND_DEAL];
    behind_pointer(&in->key);
    behind_pointer(&in->event_id);
    behind_pointer(&in->version);
    behind_pointer(&in->occurred_at);
    behind_pointer(&in->deleted);
    for (unsigned i = 0; i < DEAL_FIELD_COUNT; i++)
        behind_pointer(&in->fields[i]);
    make_messages("{\"after\":", "}");
    run("pointers", config, calendar, count);
    calendar_destroy(calendar);
    config_destroy(config);
    return 0;
}
