#include "tests/simulator/kafka_model.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include "tests/support/event_maker.h"
#include "tests/support/shrink.h"
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Business times are multiples of this, so that nothing changes by time alone in between. */
#define GRAIN (10 * MINUTE)

static const char *const managers[] = {"Anna", "Boris"};
static const char *const teams[] = {"North", "South"};
static const char *const customers[] = {"Acme", "Bolt"};
static const char *const stages[] = {"new", "offer", "won", "won", "lost"};

#define PICK(r, array) ((array)[random_below((r), (int64_t)(sizeof(array) / sizeof *(array)))])

struct draft {
    struct random *r;
    struct given fields[24];
    unsigned count;
    int often;
};

static void maybe(struct draft *d, struct given g)
{
    if (!random_chance(d->r, d->often))
        return;
    d->fields[d->count++] = random_chance(d->r, 6) ? CLEARED(g.field) : g;
    d->fields[d->count] = END;
}

/* The lead of a deal, the deal of a payment: cleared at times. */
static void link_to(struct draft *d, unsigned field, const char *key)
{
    if (!random_chance(d->r, d->often))
        return;
    d->fields[d->count++] = random_chance(d->r, 6) ? CLEARED(field) : NAME(field, key);
    d->fields[d->count] = END;
}

static int64_t any_time(struct random *r, int64_t around_us)
{
    int64_t span = random_chance(r, 50) ? 12 : 6 * 48; /* grains: an hour, or two days, to either side */
    return around_us - around_us % GRAIN + (random_below(r, span) - span / 2) * GRAIN;
}

static struct event *make_reference(struct random *r, int64_t occurred_us, int64_t around_us)
{
    struct draft d = {.r = r, .often = 90, .fields = {END}};
    char key[16];
    if (random_chance(r, 40)) {
        currency_code eur = 'E' << 16 | 'U' << 8 | 'R';
        snprintf(key, sizeof key, "R%d", (int)random_below(r, 2));
        maybe(&d, NUMBER(RATE_CURRENCY, eur));
        maybe(&d, NUMBER(RATE_DAY, any_time(r, around_us) / DAY));
        maybe(&d, NUMBER(RATE_RATE, 1 + random_below(r, INT64_C(4000000000))));
        return make_event(KIND_RATE, key, occurred_us, d.fields);
    }
    snprintf(key, sizeof key, "M%d", (int)random_below(r, 3));
    maybe(&d, NAME(MEMBER_MANAGER, PICK(r, managers)));
    maybe(&d, NAME(MEMBER_TEAM, PICK(r, teams)));
    maybe(&d, NUMBER(MEMBER_STARTS_AT, any_time(r, around_us)));
    return make_event(KIND_MEMBER, key, occurred_us, d.fields);
}

static struct event *make_fact(struct random *r, int64_t occurred_us, int64_t around_us)
{
    enum record_kind kind = random_chance(r, 55) ? KIND_DEAL : (enum record_kind)random_below(r, FACT_KINDS);
    struct draft d = {.r = r, .often = random_chance(r, 40) ? 85 : 35, .fields = {END}};
    char key[16], link[16];
    snprintf(key, sizeof key, "%c%d", "LDPF"[kind], (int)random_below(r, 4));
    snprintf(link, sizeof link, "%c%d", kind == KIND_DEAL ? 'L' : 'D', (int)random_below(r, 4));
    if (random_chance(r, 4))
        return make_deletion(kind, key, occurred_us);
    maybe(&d, NAME(FIELD_MANAGER, PICK(r, managers)));
    maybe(&d, NAME(FIELD_TEAM, PICK(r, teams)));
    maybe(&d, NAME(FIELD_CUSTOMER, PICK(r, customers)));
    switch (kind) {
    case KIND_LEAD:
        maybe(&d, NUMBER(LEAD_STATUS, random_below(r, 5)));
        maybe(&d, NUMBER(LEAD_COST, random_below(r, 1000) * MICRO));
        maybe(&d, NUMBER(LEAD_CREATED_AT, any_time(r, around_us)));
        maybe(&d, NUMBER(LEAD_FIRST_CONTACT_AT, any_time(r, around_us)));
        break;
    case KIND_DEAL:
        maybe(&d, NAME(DEAL_STAGE, PICK(r, stages)));
        maybe(&d, NUMBER(DEAL_AMOUNT, random_below(r, 100000) * MICRO / 100));
        if (random_chance(r, 20))
            maybe(&d, NUMBER(DEAL_CURRENCY, 'E' << 16 | 'U' << 8 | 'R'));
        link_to(&d, DEAL_LEAD, link);
        maybe(&d, NUMBER(DEAL_CREATED_AT, any_time(r, around_us)));
        maybe(&d, NUMBER(DEAL_CLOSED_AT, any_time(r, around_us)));
        break;
    case KIND_PAYMENT:
        link_to(&d, PAYMENT_DEAL, link);
        maybe(&d, NUMBER(PAYMENT_KIND, random_below(r, 3)));
        maybe(&d, NUMBER(PAYMENT_AMOUNT, random_below(r, 100000) * MICRO / 100));
        maybe(&d, NUMBER(PAYMENT_PAID_AT, any_time(r, around_us)));
        break;
    case KIND_FEEDBACK:
    default:
        link_to(&d, FEEDBACK_DEAL, link);
        maybe(&d, NUMBER(FEEDBACK_KIND, 0));
        maybe(&d, NUMBER(FEEDBACK_SCORE, random_below(r, 6) * MICRO));
        maybe(&d, NUMBER(FEEDBACK_ANSWERED_AT, any_time(r, around_us)));
        break;
    }
    return make_event(kind, key, occurred_us, d.fields);
}

void kafka_init(struct kafka_model *k, struct random *r, int64_t around_us, unsigned events)
{
    REQUIRE(events <= ENTRIES_MAX / 2);
    *k = (struct kafka_model){0};
    for (unsigned kind = 0; kind <= KIND_MEMBER; kind++) {
        int32_t count = kind == KIND_DEAL ? 1 + (int32_t)random_below(r, 3) : 1;
        for (int32_t n = 0; n < count; n++)
            k->partitions[k->partition_count++] =
                (struct kafka_partition){record_kind_info((enum record_kind)kind)->topic, n, 0, 0};
    }
    for (unsigned i = 0; i < events; i++) {
        /* Its microseconds are its number, so that no two have the same stamp. */
        int64_t occurred_us = any_time(r, around_us) + (int64_t)i;
        k->coming[k->coming_count++] =
            random_chance(r, 6) ? make_reference(r, occurred_us, around_us) : make_fact(r, occurred_us, around_us);
    }
}

void kafka_fini(struct kafka_model *k)
{
    for (unsigned i = 0; i < k->count; i++)
        free(k->entries[i].event);
    for (unsigned i = k->sent; i < k->coming_count; i++)
        free(k->coming[i]);
    *k = (struct kafka_model){0};
}

static struct event *copy_of(const struct event *e)
{
    struct event *copy = must_alloc(e->size);
    memcpy(copy, e, e->size);
    return copy;
}

static unsigned record_of(const struct kafka_model *k, const struct event *e)
{
    unsigned next = 0;
    for (unsigned i = 0; i < k->count; i++) {
        const struct event *other = k->entries[i].event;
        if (k->entries[i].record == RECORDS_MAX)
            continue;
        if (other->kind == e->kind && text_equal(event_key(other), event_key(e)))
            return k->entries[i].record;
        if (k->entries[i].record >= next)
            next = k->entries[i].record + 1;
    }
    REQUIRE(next < RECORDS_MAX);
    return next;
}

static void add(struct kafka_model *k, unsigned partition, struct event *e)
{
    struct kafka_partition *p = &k->partitions[partition];
    if (random_chance(&process_random, 10))
        p->end += 1 + random_below(&process_random, 3); /* a marker of a transaction, or what compaction took */
    e->slot = partition;                                /* for whoever applies it without a consumer */
    e->offset = p->end;
    unsigned record = e->fate == EVENT_APPLY ? record_of(k, e) : RECORDS_MAX;
    if (process_verbose) {
        struct buffer b;
        buffer_init(&b);
        if (e->fate == EVENT_APPLY)
            shrink_json(&b, e);
        process_tell("%s %d at %lld: %.*s", k->partitions[partition].topic, (int)k->partitions[partition].number,
                     (long long)p->end, b.len > 0 ? (int)b.len - 1 : 0, b.at);
        buffer_fini(&b);
    }
    k->entries[k->count++] = (struct kafka_entry){e, partition, p->end++, record};
}

static unsigned partition_for(const struct kafka_model *k, unsigned kind)
{
    const char *topic = record_kind_info((enum record_kind)kind)->topic;
    unsigned fitting[PARTITIONS_MAX], count = 0;
    for (unsigned i = 0; i < k->partition_count; i++)
        if (strcmp(k->partitions[i].topic, topic) == 0)
            fitting[count++] = i;
    REQUIRE(count > 0);
    return fitting[random_below(&process_random, count)];
}

static struct event *note(enum event_fate fate)
{
    alignas(8) char memory[256];
    event_note(memory, fate, 0, 0, TEXT(""));
    struct event *e = (struct event *)(void *)memory;
    if (fate == EVENT_DEAD_LETTER)
        e->reason = BAD_JSON;
    return copy_of(e);
}

bool kafka_send(struct kafka_model *k)
{
    if (k->count + 1 >= ENTRIES_MAX)
        return false;
    if (k->count > 0 && random_chance(&process_random, 8)) {
        const struct kafka_entry *again = &k->entries[random_below(&process_random, k->count)];
        add(k, again->partition, copy_of(again->event));
        return true;
    }
    if (random_chance(&process_random, 6)) {
        add(k, (unsigned)random_below(&process_random, k->partition_count),
            note(random_chance(&process_random, 50) ? EVENT_DEAD_LETTER : EVENT_FILTERED));
        return true;
    }
    if (k->sent == k->coming_count)
        return false;
    struct event *e = k->coming[k->sent];
    k->coming[k->sent++] = NULL;
    add(k, partition_for(k, e->kind), e);
    return true;
}

const struct kafka_entry *kafka_read(const struct kafka_model *k, unsigned partition, int64_t offset)
{
    for (unsigned i = 0; i < k->count; i++)
        if (k->entries[i].partition == partition && k->entries[i].offset >= offset &&
            k->entries[i].offset >= k->partitions[partition].start)
            return &k->entries[i];
    return NULL;
}

void kafka_trim(struct kafka_model *k, unsigned partition, int64_t before)
{
    if (before > k->partitions[partition].start)
        k->partitions[partition].start = before;
}
