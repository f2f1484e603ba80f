/* fuzz_decode_mapped.c - any bytes as the value, key and header of a message whose input maps everything it can:
 * pointers, tables of values, constants, headers, the message's key, a filter, order by version, full events.
 *
 * The first byte: bit 0 chooses between an input ordered by version and one by occurred_at. The next two bytes are
 * the lengths of key and header, which come before the value. */
#include "config/defaults.h"
#include "tests/fuzz/decoded.h"
#include <stdlib.h>

static _Alignas(8) char first[EVENT_SIZE_MAX], second[EVENT_SIZE_MAX];

static void source(struct field_source *s, enum source_kind kind, const char *name)
{
    free(s->name);
    s->kind = kind;
    s->name = must_strdup(name);
}

static void translate(struct field_source *s, const char *from, const char *to)
{
    s->map = must_realloc(s->map, (s->map_count + 1) * sizeof *s->map);
    s->map[s->map_count++] = (struct value_map){must_strdup(from), must_strdup(to)};
}

static void map_all(struct input_config *in)
{
    source(&in->key, SOURCE_POINTER, "/after/id");
    source(&in->event_id, SOURCE_HEADER, "h");
    source(&in->version, SOURCE_POINTER, "/source/lsn");
    source(&in->occurred_at, SOURCE_POINTER, "/ts_ms");
    source(&in->deleted, SOURCE_MEMBER, "op");
    translate(&in->deleted, "d", "true");
    translate(&in->deleted, "u", "false");
    translate(&in->deleted, "c", "");
    source(&in->fields[FIELD_MANAGER], SOURCE_POINTER, "/after/owners/0");
    source(&in->fields[FIELD_TEAM], SOURCE_MESSAGE_KEY, "");
    source(&in->fields[FIELD_PRODUCT], SOURCE_MEMBER, "op");
    source(&in->fields[FIELD_REGION], SOURCE_HEADER, "h");
    source(&in->fields[FIELD_SOURCE], SOURCE_CONSTANT, "web");
    source(&in->fields[DEAL_AMOUNT], SOURCE_POINTER, "/after/a~1b~0");
    source(&in->fields[DEAL_STAGE], SOURCE_POINTER, "/after/stage");
    translate(&in->fields[DEAL_STAGE], "Closed Won", "won");
    translate(&in->fields[DEAL_STAGE], "7", "lost");
    source(&in->fields[DEAL_CLOSED_AT], SOURCE_HEADER, "h");
    in->fields[DEAL_LOSS_REASON].kind = SOURCE_NONE;
    in->events = EVENTS_FULL;
    free(in->filter.pointer);
    in->filter.pointer = must_strdup("/after/kind");
    in->filter.values = must_alloc(sizeof *in->filter.values);
    in->filter.values[0] = must_strdup("deal");
    in->filter.value_count = 1;
}

static bool header(const void *context, const char *name, struct text *out)
{
    if (name[0] != 'h')
        return false;
    *out = *(const struct text *)context;
    return true;
}

static struct config *make_config(void)
{
    struct config *c = config_default();
    map_all(&c->inputs[KIND_DEAL]);
    input_config_default(&c->inputs[c->input_count], KIND_DEAL);
    map_all(&c->inputs[c->input_count]);
    c->inputs[c->input_count++].order_by = ORDER_BY_VERSION;
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct decoder_pair pair;
    static unsigned inputs[2];
    if (pair.quick == NULL) {
        struct config *c = make_config();
        inputs[0] = KIND_DEAL;
        inputs[1] = c->input_count - 1;
        pair = pair_create(c, calendar_create("Asia/Kolkata", 1, 1));
    }
    if (size < 3 || (size_t)data[1] + data[2] + 3 > size)
        return 0;
    const char *at = (const char *)data + 3;
    struct text head = {at + data[1], data[2]};
    struct message m = {.value = {head.at + head.len, size - 3 - data[1] - data[2]},
                        .kafka_ms = 1700000000000,
                        .parts = {.key = {at, data[1]}, .header = header, .context = &head}};
    for (int again = 0; again < 2; again++) { /* the second time its members come in an order that is known */
        decode(pair.quick, inputs[data[0] & 1], &m, 0, 1, first);
        check_event((const struct event *)(const void *)first, KIND_DEAL);
        decode(pair.other, inputs[data[0] & 1], &m, 0, 1, second);
        check_pair(&pair, (const struct event *)(const void *)first, (const struct event *)(const void *)second);
    }
    return 0;
}
