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
    cr_assert(body(&b)->setting_count == 3);
    record_destroy(r);
    return b;
}

/* The same with columns that take any number: what a body is made of, and not how, must be refused. */
static struct bytes widened(struct bytes from)
{
    struct layout was = layout(&from);
    struct bytes b = from;
    for (unsigned c = 0; c < BODY_COLUMNS; c++)
        body(&b)->forms[c] = packed_byte((struct packed_form){sizeof(int64_t), PACKED_ONES});
    struct layout at = layout(&b);
    cr_assert(at.end <= sizeof b.at);
    for (unsigned c = 0; c < BODY_COLUMNS; c++)
        for (unsigned i = 0; i < at.counts[c]; i++)
            packed_write(b.at + at.columns[c] + i * sizeof(int64_t), sizeof(int64_t),
                         number_in(body(&from), &was, c, i));
    memcpy(b.at + at.hashes, from.at + was.hashes, was.end - was.hashes);
    b.len = at.end;
    return b;
}

static void set(struct bytes *b, enum body_column c, unsigned i, int64_t number)
{
    struct layout at = layout(b);
    cr_assert(form_in(body(b), c).width == sizeof number && i < at.counts[c]);
    packed_write(b->at + at.columns[c] + i * sizeof number, sizeof number, number);
}

#define REFUSED(change)                          \
    do {                                         \
        struct bytes b = widened(a_deal(0));     \
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
        b = widened(b);
        cr_expect(is_taken(&b), "however wide its columns are");
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
    }
    REFUSED(b.len++);
    REFUSED(body(&b)->event_count = 0);
    REFUSED(body(&b)->setting_count++);
    REFUSED(body(&b)->deletion = 4);
    REFUSED(body(&b)->exists = 4);
    /* Of columns in which nothing lies, too. */
    for (unsigned c = 0; c < BODY_COLUMNS; c++) {
        REFUSED(body(&b)->forms[c] = packed_byte((struct packed_form){sizeof(int64_t) + 1, PACKED_ONES}));
        for (uint8_t unit = 0; unit <= PACKED_UNITS; unit++)
            if (unit != PACKED_ONES && !(unit == PACKED_THOUSANDS && is_round(c)))
                REFUSED(body(&b)->forms[c] = packed_byte((struct packed_form){sizeof(int64_t), unit}));
    }
    REFUSED(body(&b)->set = BIT(FIELD_MANAGER) | BIT(FIELD_REGION)); /* has a value and was not told */
    uint32_t beyond = BIT(record_kind_info(KIND_DEAL)->field_count);
    REFUSED(body(&b)->told = (body(&b)->told & ~BIT(DEAL_AMOUNT)) | beyond); /* no such field */
}

/* A head that is whole but for that no event told anything, with as many fields that were told as there are bytes. */
Test(record_store, what_nobody_told_is_refused)
{
    struct bytes b = {.len = sizeof(struct record_body)};
    *body(&b) = (struct record_body){.told = BIT(b.len - BODY_HEAD) - 1};
    for (unsigned c = 0; c < BODY_COLUMNS; c++)
        body(&b)->forms[c] = packed_byte((struct packed_form){0, PACKED_ONES});
    cr_assert(layout(&b).end == b.len);
    cr_expect(!is_taken(&b), "no event");
}

Test(record_store, events_must_be_in_order_and_used)
{
    REFUSED({ /* the same stamp twice */
              set(&b, COLUMN_MAJORS, 1, 0);
              memcpy(b.at + at.hashes + HASH_SIZE, b.at + at.hashes, HASH_SIZE);
    });
    REFUSED(set(&b, COLUMN_MAJORS, 1, -1)); /* before the first one */
    REFUSED(set(&b, COLUMN_MAJORS, 0, 1));  /* the first one is not where it is said to be */
    REFUSED(set(&b, COLUMN_MAJORS, 2, AT_MAX));
    REFUSED(set(&b, COLUMN_OCCURRED, 2, AT_MAX));
    REFUSED(body(&b)->first_major = -AT_MAX - 1);
    /* The amount by event 2, and nothing by event 3 but the stage, which is made to be by 2 as well. */
    REFUSED({
        b.at[at.told + 1] = b.at[at.told + 2] = 2;
        b.at[at.setting_events + 2] = 2;
        body(&b)->exists = 2;
    });
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
    REFUSED(set(&b, COLUMN_NAMES, 0, VALUES_MAX));
    REFUSED(set(&b, COLUMN_NAMES, 1, VALUES_MAX));
    REFUSED(set(&b, COLUMN_NAMES, 0, -1));
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
        set(&b, COLUMN_WORDS, 0, LOST + 1);
    });
    REFUSED(set(&b, COLUMN_WORDS, 0, VALUES_MAX + 1));
    REFUSED(set(&b, COLUMN_WORDS, 0, -1));
    REFUSED(set(&b, COLUMN_WORDS, 0, INT64_MIN));
    struct bytes b = widened(a_deal(0));
    set(&b, COLUMN_WORDS, 0, VALUES_MAX); /* the greatest value, + 1 */
    cr_expect(is_taken(&b));
    set(&b, COLUMN_WORDS, 0, 0); /* cleared */
    cr_expect(is_taken(&b));
}

/* The stage that stands is the last that its history holds. */
Test(record_store, the_stage_that_stands_is_the_last_one)
{
    REFUSED(set(&b, COLUMN_WORDS, 2, WON + 1));
    REFUSED(set(&b, COLUMN_NAMES, 1, WON));                                          /* the value itself */
    REFUSED(b.at[at.told + 1] = 2);                                                  /* set by the event before */
    REFUSED(b.at[at.setting_fields + 1] = b.at[at.setting_fields + 2] = FIELD_TEAM); /* no stage in the history */
}

/* However wide its columns are, what comes next is added to it. */
Test(record_store, an_event_follows_what_was_taken)
{
    struct bytes narrow = a_deal(0), wide = widened(narrow);
    const struct bytes *both[] = {&narrow, &wide};
    for (unsigned i = 0; i < 2; i++) {
        struct record *r = record_create(KIND_DEAL, 0);
        cr_assert(record_restore(r, (struct text){both[i]->at, both[i]->len}, holds, NULL));
        struct record_value values[FIELD_COUNT_MAX] = {[DEAL_STAGE] = {true, WON}, [DEAL_AMOUNT] = {true, 7500}};
        tell(r, 400, 0, BIT(DEAL_STAGE) | BIT(DEAL_AMOUNT), values);
        cr_expect_eq(record_value(r, DEAL_STAGE), WON);
        cr_expect_eq(record_value(r, DEAL_AMOUNT), 7500);
        cr_expect_eq(record_value(r, FIELD_MANAGER), 7);
        cr_expect_eq(record_stamp(r, DEAL_AMOUNT).major, 400);
        cr_expect_eq(record_stamp(r, FIELD_MANAGER).major, 200);
        cr_assert_eq(record_setting_count(r), 4);
        cr_expect_eq(record_setting(r, 2).word, LOST + 1);
        cr_expect_eq(record_setting(r, 3).word, WON + 1);
        cr_expect_eq(record_setting(r, 3).stamp.major, 400);
        cr_expect_eq(record_setting(r, 3).occurred_at_us, 400);
        record_destroy(r);
    }
}
