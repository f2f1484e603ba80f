/* What reaches very many records is worked off in slices; meanwhile events go on, and no snapshot can be cut. */
#include "tests/support/dump.h"
#include "tests/support/story.h"
#include <stdio.h>

TestSuite(fan_out, .init = setup, .fini = teardown);

enum { DEALS = 2500 };

static void name_lead(const char *when, const char *manager)
{
    LEAD("L", when, NAME(FIELD_MANAGER, manager), NUMBER(LEAD_CREATED_AT, at("2024-03-01T00:00:00Z")));
}

static void deal(int i, const char *when, const char *stage)
{
    char key[16];
    snprintf(key, sizeof key, "D%d", i);
    DEAL(key, when, NAME(DEAL_STAGE, stage), NAME(DEAL_LEAD, "L"), NUMBER(DEAL_AMOUNT, UNITS(10)),
         NUMBER(DEAL_CREATED_AT, at("2024-03-02T00:00:00Z")));
}

static void count_of(const char *manager, int won, int open)
{
    char expected[16];
    snprintf(expected, sizeof expected, "%d", won);
    expect(DIMENSION_MANAGER, manager, "month", "deals_won", won > 0 ? expected : "");
    snprintf(expected, sizeof expected, "%d", open);
    expect(DIMENSION_MANAGER, manager, "now", "open_deals", open > 0 ? expected : "");
}

Test(fan_out, a_lead_with_thousands_of_deals_changes_its_owner_in_slices)
{
    name_lead("2024-03-01T00:00:00Z", "Anna");
    for (int i = 0; i < DEALS; i++)
        deal(i, "2024-03-03T00:00:00Z", i % 2 ? "won" : "offer");
    PAYMENT("P", "2024-03-03T00:00:00Z", NAME(PAYMENT_DEAL, "D1"), NUMBER(PAYMENT_AMOUNT, UNITS(7)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-03T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    count_of("Anna", DEALS / 2, DEALS / 2);
    name_lead("2024-03-04T00:00:00Z", "Boris");
    cr_expect(!shard_has_work(core.shard));
    shard_settle(core.shard, 1);
    cr_expect(shard_has_work(core.shard));
    /* Half of the work, then events that meet records before and behind it, and one more change. */
    cr_expect(!shard_work(core.shard, 64 * 700));
    for (int i = 0; i < DEALS; i += 100)
        deal(i, "2024-03-05T00:00:00Z", "won");
    deal(DEALS, "2024-03-05T00:00:00Z", "offer");
    cr_expect(!shard_work(core.shard, 64 * 200));
    name_lead("2024-03-06T00:00:00Z", "Clara");
    while (!shard_work(core.shard, 64 * 100))
        ;
    int won = DEALS / 2 + DEALS / 100;
    count_of("Anna", 0, 0);
    count_of("Boris", 0, 0);
    count_of("Clara", won, DEALS + 1 - won);
    expect(DIMENSION_MANAGER, "Clara", "month", "revenue", "7.00");
}

/* However many events come between two slices, an end comes as well. */
Test(fan_out, events_at_full_speed_do_not_keep_it_from_ending)
{
    int64_t eur = 'E' << 16 | 'U' << 8 | 'R';
    for (int i = 0; i < DEALS; i++) {
        char key[16];
        snprintf(key, sizeof key, "D%d", i);
        DEAL(key, "2024-03-03T00:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(1)),
             NUMBER(DEAL_CURRENCY, eur));
    }
    apply(make_event(KIND_RATE, "R", at("2024-03-04T00:00:00Z"),
                     (struct given[]){NUMBER(RATE_CURRENCY, eur), NUMBER(RATE_DAY, at("2024-03-01T00:00:00Z") / DAY),
                                      NUMBER(RATE_RATE, INT64_C(2000000000)), END}));
    int slices = 0, other = 0;
    for (; !shard_work(core.shard, 64 * 100); slices++) {
        cr_assert(slices < 1000);
        for (int i = 0; i < 512; i++)
            deal(DEALS + other++, "2024-03-05T00:00:00Z", "offer");
    }
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    company("month", "sales_volume", "5000.00");
}

/* A rate that was missing comes, and is corrected while the first change is still being worked off. */
Test(fan_out, a_late_rate_is_worked_off_in_slices)
{
    int64_t eur = 'E' << 16 | 'U' << 8 | 'R';
    char key[16];
    for (int i = 0; i < DEALS; i++) {
        snprintf(key, sizeof key, "D%d", i);
        DEAL(key, "2024-03-03T00:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(1)),
             NUMBER(DEAL_CURRENCY, eur));
    }
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    company("month", "sales_volume", "");
    apply(make_event(KIND_RATE, "R", at("2024-03-04T00:00:00Z"),
                     (struct given[]){NUMBER(RATE_CURRENCY, eur), NUMBER(RATE_DAY, at("2024-03-01T00:00:00Z") / DAY),
                                      NUMBER(RATE_RATE, INT64_C(2000000000)), END}));
    cr_expect(!shard_work(core.shard, 64 * 1000));
    apply(make_event(KIND_RATE, "R", at("2024-03-05T00:00:00Z"),
                     (struct given[]){NUMBER(RATE_RATE, INT64_C(3000000000)), END}));
    /* An event meets one that has been restated, and one that has not. */
    DEAL("D1", "2024-03-05T00:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(11)));
    DEAL("D2400", "2024-03-05T00:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(11)));
    cr_expect(!shard_work(core.shard, 64 * 500));
    company("month", "sales_volume", "7560.00"); /* 3 x (2500 + 20) */
}

/* The number of a rate that no record uses, or that says what stood already, moves nothing. */
Test(fan_out, what_changes_nothing_is_no_work)
{
    int64_t eur = 'E' << 16 | 'U' << 8 | 'R';
    DEAL("D", "2024-03-03T00:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(1)));
    shard_settle(core.shard, UINT32_MAX);
    apply(make_event(KIND_RATE, "R", at("2024-03-04T00:00:00Z"),
                     (struct given[]){NUMBER(RATE_CURRENCY, eur), NUMBER(RATE_DAY, 1), NUMBER(RATE_RATE, 5), END}));
    cr_expect(shard_work(core.shard, 0));
    cr_expect(!shard_has_work(core.shard));
}
