#include "bench/deal_messages.h"
#include "base/error.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

void deal_messages_init(struct deal_messages *m, const char *open, const char *close)
{
    static const char *const stages[] = {"new", "qualified", "proposal", "won", "lost"};
    static const char *const currencies[] = {"USD", "EUR", "GBP", "JPY"};
    uint64_t r = 88172645463325252;
    m->bytes = 0;
    for (int i = 0; i < DEAL_MESSAGES; i++) {
        struct buffer b;
        buffer_init(&b);
        /* One draw a statement: the order in which C looks at arguments is the compiler's. */
        uint64_t deal = next(&r) % 100000000, event = next(&r);
        int hour = (int)(next(&r) % 22), minute = (int)(next(&r) % 60), second = (int)(next(&r) % 60);
        int ms = (int)(next(&r) % 1000);
        const char *stage = stages[next(&r) % 5];
        int units = (int)(next(&r) % 100000), cents = (int)(next(&r) % 100);
        const char *currency = currencies[next(&r) % 4];
        int manager = (int)(next(&r) % 500), team = (int)(next(&r) % 40), product = (int)(next(&r) % 9);
        int customer = (int)(next(&r) % 90000);
        uint64_t created_ms = 1690000000000 + next(&r) % 9000000000;
        buffer_format(&b,
                      "%s{\"deal_id\":\"deal-%08" PRIu64 "\",\"event_id\":\"evt-%016" PRIx64
                      "\",\"occurred_at\":\"2023-11-14T%02d:%02d:%02d.%03dZ\",\"stage\":\"%s\",\"amount\":\"%d.%02d\","
                      "\"currency\":\"%s\",\"manager_id\":\"manager-%03d\",\"team_id\":\"team-%02d\","
                      "\"product\":\"GTX %d\",\"region\":\"EMEA\",\"source\":\"web\",\"customer_id\":\"customer-%05d\","
                      "\"created_at\":%" PRIu64 ",\"closed_at\":null}%s",
                      open, deal, event, hour, minute, second, ms, stage, units, cents, currency, manager, team,
                      product, customer, created_ms, close);
        m->at[i] = buffer_view(&b); /* the buffer's memory is the message's from here on */
        m->bytes += (int64_t)b.len;
    }
}

void deal_messages_fini(struct deal_messages *m)
{
    for (int i = 0; i < DEAL_MESSAGES; i++)
        free((char *)(uintptr_t)m->at[i].at);
}

static void put_behind(struct field_source *s, const char *prefix)
{
    if (s->kind != SOURCE_MEMBER)
        return;
    size_t size = strlen(prefix) + strlen(s->name) + 1;
    char *pointer = must_alloc(size);
    snprintf(pointer, size, "%s%s", prefix, s->name);
    free(s->name);
    s->name = pointer;
    s->kind = SOURCE_POINTER;
}

void deal_input_behind(struct input_config *input, const char *prefix)
{
    put_behind(&input->key, prefix);
    put_behind(&input->event_id, prefix);
    put_behind(&input->version, prefix);
    put_behind(&input->occurred_at, prefix);
    put_behind(&input->deleted, prefix);
    for (unsigned i = 0; i < record_kind_info(input->kind)->field_count; i++)
        put_behind(&input->fields[i], prefix);
}
