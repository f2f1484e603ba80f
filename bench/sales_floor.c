#include "bench/sales_floor.h"
#include "base/error.h"
#include "base/money.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum step {
    LEAD_CREATED,
    LEAD_CONTACTED,
    LEAD_QUALIFIED,
    LEAD_ENDED,
    DEAL_CREATED,
    DEAL_MOVED,
    DEAL_ENDED,
    FIRST_PAYMENT,
    LAST_PAYMENT = FIRST_PAYMENT + 2,
    ANSWERED,
    STEPS
};

/* All that will ever happen to a deal: a function of its number. */
struct story {
    int64_t at_us[STEPS]; /* INT64_MAX: never */
    uint32_t manager, product, region, source, competitor, reason, customer;
    int64_t amount_micro, cost_micro;
    bool won;
};

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int64_t below(uint64_t *r, int64_t n)
{
    return (int64_t)(next(r) % (uint64_t)n);
}

/* A moment of a working day, from nine to six. */
static int64_t at_work(uint64_t *r, int64_t day)
{
    int64_t weekday = (day + 3) % 7; /* 0 = Monday */
    if (weekday > 4)
        day += 7 - weekday;
    return day * DAY + 9 * HOUR + below(r, 9 * HOUR / SECOND) * SECOND;
}

static struct story tell(const struct sales_floor *f, int64_t deal)
{
    uint64_t r = (uint64_t)deal * 0x2545f4914f6cdd1d + 1;
    struct story s;
    for (unsigned i = 0; i < STEPS; i++)
        s.at_us[i] = INT64_MAX;
    int64_t day = FLOOR_FROM_US / DAY + deal * FLOOR_DAYS / f->deals, cycle_days = 1 + below(&r, 90);
    s.at_us[DEAL_CREATED] = at_work(&r, day);
    s.at_us[DEAL_MOVED] = at_work(&r, day + cycle_days / 2) + DAY;
    s.at_us[DEAL_ENDED] = at_work(&r, day + cycle_days) + 2 * DAY;
    bool from_lead = below(&r, 10) < 6;
    if (from_lead || below(&r, 10) < 4) { /* a lead of its own, or one that came to nothing */
        int64_t lead_us = at_work(&r, day - 3);
        if (lead_us >= FLOOR_FROM_US) {
            s.at_us[LEAD_CREATED] = lead_us;
            s.at_us[LEAD_CONTACTED] = lead_us + below(&r, 8 * HOUR);
            s.at_us[LEAD_QUALIFIED] = s.at_us[LEAD_CONTACTED] + below(&r, DAY);
            s.at_us[LEAD_ENDED] = s.at_us[LEAD_QUALIFIED] + below(&r, DAY);
        }
    }
    s.won = below(&r, 100) < 45;
    if (s.won) {
        int64_t payments = 1 + below(&r, 3);
        for (int64_t i = 0; i < payments; i++)
            s.at_us[FIRST_PAYMENT + i] = s.at_us[DEAL_ENDED] + (i + below(&r, 28)) * DAY + below(&r, DAY);
        if (below(&r, 5) == 0)
            s.at_us[ANSWERED] = s.at_us[DEAL_ENDED] + below(&r, 14 * DAY);
    }
    s.manager = (uint32_t)below(&r, f->managers);
    s.product = (uint32_t)below(&r, 40);
    s.region = (uint32_t)below(&r, 8);
    s.source = (uint32_t)below(&r, 8);
    s.competitor = (uint32_t)below(&r, 12);
    s.reason = (uint32_t)below(&r, 6);
    s.customer = (uint32_t)below(&r, f->customers);
    s.amount_micro = (100 + below(&r, 2000000)) * (MICRO / 100);
    s.cost_micro = below(&r, 20000) * (MICRO / 100);
    return s;
}

static void add_name(struct event_builder *b, unsigned field, char *memory, const char *kind, uint32_t number)
{
    snprintf(memory, 24, "%s-%" PRIu32, kind, number);
    event_add_text(b, field, text_of(memory));
}

/* The common fields; a payment and an answer have their deal's. */
static void add_owner(struct event_builder *b, const struct sales_floor *f, const struct story *s, char names[][24])
{
    add_name(b, FIELD_MANAGER, names[0], "manager", s->manager);
    add_name(b, FIELD_TEAM, names[1], "team", s->manager % f->teams);
    if (b->event->kind == KIND_DEAL)
        add_name(b, FIELD_PRODUCT, names[2], "product", s->product);
    add_name(b, FIELD_REGION, names[3], "region", s->region);
    add_name(b, FIELD_SOURCE, names[4], "source", s->source);
    add_name(b, FIELD_CUSTOMER, names[5], "customer", s->customer);
}

const struct event *sales_floor_event(const struct sales_floor *f, const struct floor_item *item)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    int64_t deal = item->deal;
    enum step step = item->step;
    struct story s = tell(f, deal);
    struct event_builder b;
    char key[24], names[8][24], lead[24];
    int64_t at_us = s.at_us[step];
    snprintf(lead, sizeof lead, "L%07" PRId64, deal);
    if (step <= LEAD_ENDED) {
        static const enum lead_status statuses[] = {STATUS_NEW, STATUS_CONTACTED, STATUS_QUALIFIED, STATUS_CONVERTED};
        event_begin(&b, memory, KIND_LEAD, text_of(lead));
        if (step == LEAD_CREATED)
            add_owner(&b, f, &s, names);
        event_add_number(&b, LEAD_STATUS, statuses[step - LEAD_CREATED]);
        if (step == LEAD_CREATED) {
            event_add_number(&b, LEAD_COST, s.cost_micro);
            event_add_number(&b, LEAD_CREATED_AT, at_us);
        }
        if (step == LEAD_CONTACTED)
            event_add_number(&b, LEAD_FIRST_CONTACT_AT, at_us);
    } else if (step <= DEAL_ENDED) {
        snprintf(key, sizeof key, "D%07" PRId64, deal);
        event_begin(&b, memory, KIND_DEAL, text_of(key));
        if (step == DEAL_CREATED)
            add_owner(&b, f, &s, names);
        event_add_text(&b, DEAL_STAGE,
                       step == DEAL_CREATED ? TEXT("prospecting")
                       : step == DEAL_MOVED ? TEXT("engaging")
                       : s.won              ? TEXT("won")
                                            : TEXT("lost"));
        if (step == DEAL_CREATED) {
            event_add_number(&b, DEAL_AMOUNT, s.amount_micro);
            if (s.at_us[LEAD_CREATED] != INT64_MAX)
                event_add_text(&b, DEAL_LEAD, text_of(lead));
        }
        if (step == DEAL_ENDED && !s.won)
            add_name(&b, DEAL_LOSS_REASON, names[6], "reason", s.reason);
        if (step == DEAL_MOVED)
            add_name(&b, DEAL_COMPETITOR, names[7], "competitor", s.competitor);
        if (step == DEAL_CREATED) {
            event_add_number(&b, DEAL_CREATED_AT, at_us);
            event_add_number(&b, DEAL_EXPECTED_CLOSE_AT, at_us + 45 * DAY);
        }
        if (step == DEAL_ENDED) /* after created_at in the field table, and not carried with it */
            event_add_number(&b, DEAL_CLOSED_AT, at_us);
    } else {
        char deal_id[24];
        snprintf(deal_id, sizeof deal_id, "D%07" PRId64, deal);
        snprintf(key, sizeof key, "%c%07" PRId64 "-%d", step == ANSWERED ? 'F' : 'P', deal, (int)step - FIRST_PAYMENT);
        event_begin(&b, memory, step == ANSWERED ? KIND_FEEDBACK : KIND_PAYMENT, text_of(key));
        if (step == ANSWERED) {
            event_add_number(&b, FEEDBACK_KIND, FEEDBACK_IS_CSAT);
            event_add_number(&b, FEEDBACK_SCORE, (1 + deal % 5) * MICRO);
            event_add_text(&b, FEEDBACK_DEAL, text_of(deal_id));
            event_add_number(&b, FEEDBACK_ANSWERED_AT, at_us);
        } else {
            event_add_number(&b, PAYMENT_KIND, PAYMENT_IS_PAYMENT);
            event_add_number(&b, PAYMENT_AMOUNT, s.amount_micro / 3);
            event_add_text(&b, PAYMENT_DEAL, text_of(deal_id));
            event_add_number(&b, PAYMENT_PAID_AT, at_us);
        }
    }
    event_finish(&b, at_us, 0, false, TEXT(""));
    return (const struct event *)(const void *)memory;
}

static int by_time(const void *a, const void *b)
{
    const struct floor_item *first = a, *second = b;
    if (first->at_us != second->at_us)
        return first->at_us < second->at_us ? -1 : 1;
    return first->deal < second->deal ? -1 : first->deal > second->deal;
}

struct floor_item *sales_floor_programme(const struct sales_floor *f, size_t *out_count)
{
    struct floor_item *items = must_alloc((size_t)f->deals * STEPS * sizeof *items);
    size_t count = 0;
    for (int64_t deal = 0; deal < f->deals; deal++) {
        struct story s = tell(f, deal);
        for (unsigned step = 0; step < STEPS; step++)
            if (s.at_us[step] < FLOOR_UNTIL_US)
                items[count++] = (struct floor_item){s.at_us[step], (uint32_t)deal, step};
    }
    qsort(items, count, sizeof *items, by_time);
    *out_count = count;
    return items;
}

struct sales_floor sales_floor_of(int64_t deals)
{
    struct sales_floor f = {.deals = deals, .managers = 20, .teams = 3, .customers = (unsigned)(deals / 3)};
    while (f.managers < 500 && f.managers < deals / 1000)
        f.managers++;
    f.teams = f.managers / 10 + 1;
    return f;
}

void sales_floor_open(struct shard *shard)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    event_note(memory, EVENT_SLOT, 0, 0, TEXT("events"));
    shard_apply(shard, (const struct event *)(const void *)memory);
    event_note(memory, EVENT_END, 0, 0, TEXT(""));
    shard_apply(shard, (const struct event *)(const void *)memory);
}

void sales_floor_tell(const struct sales_floor *f, struct shard *shard)
{
    size_t count;
    struct floor_item *items = sales_floor_programme(f, &count);
    sales_floor_open(shard);
    for (size_t i = 0; i < count; i++)
        shard_apply(shard, sales_floor_event(f, &items[i]));
    shard_advance(shard, FLOOR_UNTIL_US);
    free(items);
}

const struct event *sales_floor_live(const struct sales_floor *f, int64_t number, int64_t at_us)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    struct event_builder b;
    char key[24], manager[24], team[24];
    /* So many events in a row as there are managers are of different ones, and the next round swaps deals and payments. */
    unsigned owner = (unsigned)((number * 7919 + number / f->managers) % f->managers);
    snprintf(key, sizeof key, "N%09" PRId64, number);
    snprintf(manager, sizeof manager, "manager-%u", owner);
    snprintf(team, sizeof team, "team-%u", owner % f->teams);
    if (number % 2 == 0) {
        event_begin(&b, memory, KIND_DEAL, text_of(key));
        event_add_text(&b, FIELD_MANAGER, text_of(manager));
        event_add_text(&b, FIELD_TEAM, text_of(team));
        event_add_text(&b, DEAL_STAGE, TEXT("won"));
        event_add_number(&b, DEAL_AMOUNT, 1000000 + number);
        event_add_number(&b, DEAL_CREATED_AT, at_us - (number % 60 + 1) * DAY);
        event_add_number(&b, DEAL_CLOSED_AT, at_us);
    } else {
        event_begin(&b, memory, KIND_PAYMENT, text_of(key));
        event_add_text(&b, FIELD_MANAGER, text_of(manager));
        event_add_text(&b, FIELD_TEAM, text_of(team));
        event_add_number(&b, PAYMENT_AMOUNT, 1000000 + number);
        event_add_number(&b, PAYMENT_PAID_AT, at_us);
    }
    event_finish(&b, at_us, 0, false, TEXT(""));
    return (const struct event *)(const void *)memory;
}
