/* The bytes of a record as they come from a disk: whole ones are taken over, and of each rule that others rely on there
 * is a breach here that must be refused. tests/fuzz tries the rest. */
#include "aggregators/leaf.h"
#include "aggregators/record_body.h"
#include "base/error.h"
#include <criterion/criterion.h>
#include <stdlib.h>

enum { LOST, WON, VALUES_MAX = 10 };

static bool holds(const void *context, enum record_kind kind, unsigned field, int64_t value)
{
    (void)context;
    (void)kind;
    (void)field;
    return value >= 0 && value < VALUES_MAX;
}

struct bytes {
    _Alignas(8) char at[512];
    size_t len;
};

static struct record_body *body(struct bytes *b)
{
    return (struct record_body *)(void *)b->at;
}

static struct layout layout(struct bytes *b)
{
    return layout_of(body(b), KIND_DEAL);
}

static bool is_taken(const struct bytes *b)
{
    struct record *r = record_create(KIND_DEAL, 0);
    bool taken = record_restore(r, (struct text){b->at, b->len}, holds, NULL);
    struct text told = record_told(r);
    cr_expect(told.len == (taken ? b->len : 0) && memcmp(told.at, b->at, told.len) == 0, "whole or not at all");
    record_destroy(r);
    return taken;
}

static void tell(struct record *r, int64_t at_us, int64_t version, uint32_t carried, const struct record_value *values)
{
    struct stamp stamp = {at_us, version, 1, (uint64_t)at_us};
    record_apply(r, &stamp, at_us, carried == 0, carried, values, true);
}

#define BIT(field) (1u << (field))

/* Deleted (event 1); won, with a manager (event 2); lost, and without an amount (event 3). Told are manager (event 2), stage
 * and amount (event 3); settings are the manager (2), won (2) and lost (3). */
static struct bytes a_deal(int64_t version)
{
    struct record *r = record_create(KIND_DEAL, 0);
    struct record_value values[FIELD_COUNT_MAX] = {
        [FIELD_MANAGER] = {true, 7}, [DEAL_STAGE] = {true, WON}, [DEAL_AMOUNT] = {false, 0}};
    tell(r, 100, version, 0, values);
    tell(r, 200, version, BIT(FIELD_MANAGER) | BIT(DEAL_STAGE), values);
    values[DEAL_STAGE].value = LOST;
    tell(r, 300, version, BIT(DEAL_STAGE) | BIT(DEAL_AMOUNT), values);
    struct text told = record_told(r);
    struct bytes b = {.len = told.len};
    cr_assert(told.len <= sizeof b.at);
    memcpy(b.at, told.at, told.len);
    cr_assert(body(&b)->event_count == 3 && body(&b)->deletion == 1 && body(&b)->exists == 3);
    cr_assert(body(&b)->setting_count == 3 && (body(&b)->has_long_events != 0) == (version != 0));
    record_destroy(r);
    return b;
}

#define REFUSED(change)                          \
    do {                                         \
        struct bytes b = a_deal(0);              \
        struct layout at = layout(&b);           \
        (void)at;                                \
        change;                                  \
        cr_expect(!is_taken(&b), "%s", #change); \
    } while (0)

Test(record_store, whole_bytes_are_taken)
{
    for (int64_t version = 0; version < 2; version++) {
        struct bytes b = a_deal(version);
        cr_expect(is_taken(&b));
    }
    cr_expect(is_taken(&(struct bytes){.len = 0}), "nothing was told");
}

Test(record_store, a_head_that_fits_nothing_is_refused)
{
    struct bytes whole = a_deal(0);
    for (size_t len = 1; len < whole.len; len++) {
        struct bytes b = whole;
        b.len = len;
        cr_expect(!is_taken(&b), "%zu bytes", len);
        if (len >= sizeof(struct record_body)) {
            body(&b)->size = (uint16_t)len;
            cr_expect(!is_taken(&b), "%zu bytes that say so", len);
        }
    }
    REFUSED(b.len++);
    REFUSED(b.len++; body(&b)->size++);
    REFUSED(body(&b)->size++);
    REFUSED(body(&b)->zero = 1);
    REFUSED(body(&b)->deletion = 4);
    REFUSED(body(&b)->exists = 4);
    REFUSED(body(&b)->has_long_events = 2);
    REFUSED(body(&b)->set = BIT(FIELD_MANAGER) | BIT(FIELD_REGION)); /* has a value and was not told */
    uint32_t beyond = BIT(record_kind_info(KIND_DEAL)->field_count);
    REFUSED(body(&b)->told = (body(&b)->told & ~BIT(DEAL_AMOUNT)) | beyond); /* no such field */
}

/* One event, then three words that say nothing of it. */
Test(record_store, what_nobody_told_is_refused)
{
    struct bytes b = {.len = sizeof(struct record_body)};
    *body(&b) = (struct record_body){.size = (uint16_t)b.len};
    cr_expect(!is_taken(&b), "no event");
}

Test(record_store, events_must_be_in_order_and_used)
{
#define EVENT(n) ((struct short_event *)(void *)(b.at + at.events) + (n)-1)
    REFUSED(EVENT(2)->occurred_at_us = 100; EVENT(2)->hash_low = 100); /* the same stamp twice */
    REFUSED(EVENT(2)->occurred_at_us = 99);
    REFUSED(EVENT(3)->occurred_at_us = AT_MAX + 1);
    REFUSED(EVENT(1)->occurred_at_us = -AT_MAX - 1);
#undef EVENT
    /* The amount by event 2, and nothing by event 3 but the stage, which is made to be by 2 as well. */
    REFUSED({
        b.at[at.told + 1] = b.at[at.told + 2] = 2;
        b.at[at.setting_events + 2] = 2;
        body(&b)->exists = 2;
    });
    /* Long where all are short. */
    struct bytes b = a_deal(1);
    struct layout at = layout(&b);
    for (unsigned i = 0; i < 3; i++)
        ((struct long_event *)(void *)(b.at + at.events))[i].stamp.minor = 0;
    cr_expect(!is_taken(&b));
    /* One that needs it is enough. */
    b = a_deal(1);
    ((struct long_event *)(void *)(b.at + at.events))[0].stamp.minor = 0;
    ((struct long_event *)(void *)(b.at + at.events))[2].stamp.minor = 0;
    cr_expect(is_taken(&b));
}

Test(record_store, fields_name_an_event_that_could_have_set_them)
{
    /* Told lie manager, stage, amount, in the order of their fields. */
    _Static_assert((unsigned)FIELD_MANAGER < (unsigned)DEAL_STAGE && DEAL_STAGE < DEAL_AMOUNT, "");
    for (unsigned i = 0; i < 3; i++) {
        REFUSED(b.at[at.told + i] = NO_EVENT);
        REFUSED(b.at[at.told + i] = 4);
        REFUSED(b.at[at.told + i] = 0; body(&b)->deletion = NO_EVENT);
    }
    REFUSED(b.at[at.told] = 1; body(&b)->deletion = 2; b.at[at.told + 2] = 1); /* before the deletion */
    REFUSED(body(&b)->exists = 2);                                             /* set after it was there last */
    REFUSED(body(&b)->exists = NO_EVENT);
    uint32_t narrow = VALUES_MAX;
    REFUSED(memcpy(b.at + at.narrow, &narrow, sizeof narrow));
    REFUSED(memcpy(b.at + at.narrow + sizeof narrow, &narrow, sizeof narrow));
}

Test(record_store, histories_are_in_order_and_of_what_has_one)
{
    for (unsigned i = 0; i < 3; i++) {
        REFUSED(b.at[at.setting_events + i] = NO_EVENT);
        REFUSED(b.at[at.setting_events + i] = 4);
        REFUSED(b.at[at.setting_fields + i] = DEAL_AMOUNT);
    }
    REFUSED(b.at[at.setting_events] = 3);                 /* after those that follow */
    REFUSED(b.at[at.setting_fields + 1] = FIELD_MANAGER); /* twice by one event */
    REFUSED(b.at[at.setting_fields] = DEAL_STAGE; b.at[at.setting_fields + 1] = FIELD_MANAGER);
    REFUSED(body(&b)->deletion = 2; b.at[at.setting_events] = 1); /* before the deletion */
    /* Where the last setting is of an owner, nothing but the number of its event tells. */
    REFUSED({
        b.at[at.setting_fields] = DEAL_STAGE;
        b.at[at.setting_fields + 1] = FIELD_TEAM;
        b.at[at.setting_fields + 2] = FIELD_MANAGER;
        b.at[at.setting_events + 1] = 3;
        b.at[at.setting_events + 2] = 4;
        b.at[at.told + 1] = 2;
        memcpy(b.at + at.words, &(uint32_t){LOST + 1}, sizeof(uint32_t));
    });
    uint32_t word = VALUES_MAX + 1;
    REFUSED(memcpy(b.at + at.words, &word, sizeof word));
    word = VALUES_MAX; /* the greatest value, + 1 */
    struct bytes b = a_deal(0);
    memcpy(b.at + layout(&b).words, &word, sizeof word);
    cr_expect(is_taken(&b));
    word = 0; /* cleared */
    memcpy(b.at + layout(&b).words, &word, sizeof word);
    cr_expect(is_taken(&b));
}

/* The stage that stands is the last that its history holds. */
Test(record_store, the_stage_that_stands_is_the_last_one)
{
    uint32_t word = WON + 1;
    REFUSED(memcpy(b.at + at.words + 2 * sizeof word, &word, sizeof word));
    REFUSED(memcpy(b.at + at.narrow + sizeof word, &(uint32_t){WON}, sizeof word));  /* the value itself */
    REFUSED(b.at[at.told + 1] = 2);                                                  /* set by the event before */
    REFUSED(b.at[at.setting_fields + 1] = b.at[at.setting_fields + 2] = FIELD_TEAM); /* no stage in the history */
}
