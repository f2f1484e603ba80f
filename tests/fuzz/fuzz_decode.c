/* fuzz_decode.c - any bytes as a message of the default topics, or as a line of replay.
 *
 * The first byte says which: its two lowest bits are the kind, the third makes it a line, the fourth takes the time
 * stamp away. What comes out must be a well-formed event, and the same one each time and either way. */
#include "tests/fuzz/decoded.h"
#include <stdlib.h>

static _Alignas(8) char first[EVENT_SIZE_MAX], second[EVENT_SIZE_MAX];

static uint32_t run(struct decoder *d, const uint8_t *data, size_t size, char *memory)
{
    struct text value = {(const char *)data + 1, size - 1};
    struct message m = {.value = value,
                        .kafka_ms = data[0] & 8 ? -1 : 1700000000000,
                        .parts = {.key = {(const char *)data + 1, size - 1 < 300 ? size - 1 : 300}}};
    unsigned kind = data[0] & 3;
    if (value.len == 0)
        m.parts.key = TEXT("key");
    return data[0] & 4 ? decode_line(d, kind, value, 0, 1, memory) : decode(d, kind, &m, 0, 1, memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct decoder_pair pair;
    if (pair.quick == NULL)
        pair = pair_create(config_default(), calendar_create("Europe/Berlin", 1, 1));
    if (size == 0)
        return 0;
    for (int again = 0; again < 2; again++) { /* the second time its members come in an order that is known */
        run(pair.quick, data, size, first);
        check_event((const struct event *)(const void *)first, (enum record_kind)(data[0] & 3));
        run(pair.other, data, size, second);
        check_pair(&pair, (const struct event *)(const void *)first, (const struct event *)(const void *)second);
    }
    return 0;
}
