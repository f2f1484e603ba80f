/* Records that wait to be settled come out once each, leads before what inherits from them, with what they stood for. */
#include "aggregators/dirty.h"
#include "base/error.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <string.h>

static struct dirty dirty;

static void setup(void)
{
    dirty_init(&dirty);
}

static void teardown(void)
{
    dirty_fini(&dirty);
}

TestSuite(dirty, .init = setup, .fini = teardown);

/* A record with `count` contributions, which tell by their time whose they are. */
static struct record *add(enum record_kind kind, uint32_t slot, unsigned count)
{
    struct record *r = record_create(kind, slot);
    struct contributions stood;
    struct told told;
    contributions_init(&stood);
    told_nothing(&told);
    told.won_us = slot;
    for (unsigned i = 0; i < count; i++)
        contributions_add(&stood, STREAM_DEAL, (int64_t)slot * 100 + i, 0);
    stood.oddities = slot;
    dirty_add(&dirty, r, &stood, &told);
    contributions_fini(&stood);
    return r;
}

static void expect(const struct dirty_record *r, unsigned count)
{
    struct contributions stood;
    uint32_t slot = r->record->slot;
    dirty_stood(&dirty, r, &stood);
    cr_assert_eq(stood.count, count);
    cr_assert(stood.oddities == slot && r->told.won_us == slot);
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(stood.at[i].at_us, (int64_t)slot * 100 + i);
}

Test(dirty, kinds_come_in_the_order_in_which_they_inherit)
{
    struct record *records[] = {add(KIND_FEEDBACK, 1, 1), add(KIND_DEAL, 2, 5), add(KIND_LEAD, 3, 0),
                                add(KIND_PAYMENT, 4, 2), add(KIND_DEAL, 5, 20)};
    static const uint32_t order[] = {3, 2, 5, 4, 1};
    static const unsigned counts[] = {0, 5, 20, 2, 1};
    cr_expect_eq(dirty.count, 5);
    struct dirty_record *taken[8];
    cr_expect_eq(dirty_take(&dirty, 8, taken), 1, "all of one kind");
    expect(taken[0], 0);
    unsigned at = 1;
    for (unsigned count; (count = dirty_take(&dirty, 8, taken)) > 0;)
        for (unsigned i = 0; i < count; i++, at++) {
            cr_assert_eq(taken[i]->record->slot, order[at]);
            expect(taken[i], counts[at]);
        }
    cr_expect_eq(at, 5);
    cr_expect_eq(dirty.count, 0);
    dirty_clear(&dirty);
    for (unsigned i = 0; i < 5; i++)
        record_destroy(records[i]);
}

Test(dirty, what_nothing_came_of_is_dropped)
{
    struct record *first = add(KIND_DEAL, 1, 3), *second = add(KIND_DEAL, 2, 4), *third;
    struct dirty_record *taken[2];
    dirty_drop_last(&dirty, KIND_DEAL);
    third = add(KIND_DEAL, 3, 2);
    cr_expect_eq(dirty.count, 2);
    cr_assert_eq(dirty_take(&dirty, 2, taken), 2);
    cr_expect(taken[0]->record == first && taken[1]->record == third);
    expect(taken[0], 3);
    expect(taken[1], 2);
    record_destroy(first);
    record_destroy(second);
    record_destroy(third);
}

/* In steps, with others coming in between; and a flood leaves no memory behind. */
Test(dirty, comes_out_once_in_steps)
{
    enum { RECORDS = 20000 };
    struct random r = {random_seed(71)};
    static struct record *records[RECORDS];
    static bool seen[RECORDS];
    uint32_t added = 0, taken_in_all = 0;
    while (taken_in_all < RECORDS) {
        for (int64_t some = random_below(&r, 50); some > 0 && added < RECORDS; some--, added++)
            records[added] = add((enum record_kind)random_below(&r, FACT_KINDS), added, added % 7);
        struct dirty_record *taken[16];
        unsigned count = dirty_take(&dirty, (unsigned)random_below(&r, 17), taken);
        for (unsigned i = 0; i < count; i++) {
            uint32_t slot = taken[i]->record->slot;
            cr_assert(!seen[slot]);
            seen[slot] = true;
            expect(taken[i], slot % 7);
        }
        taken_in_all += count;
        cr_assert_eq(dirty.count, added - taken_in_all);
        if (dirty.count == 0)
            dirty_clear(&dirty);
    }
    cr_expect(dirty_bytes(&dirty) <
              4096 * sizeof(struct dirty_record) * FACT_KINDS + 16384 * sizeof(struct contribution));
    for (uint32_t i = 0; i < RECORDS; i++)
        record_destroy(records[i]);
}
