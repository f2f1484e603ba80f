/* Customers, their leads and their payments: what links records, kept by every change. CONTRACT 4. */
#include "tests/support/story.h"

TestSuite(links, .init = setup, .fini = teardown);

#define WON(key, when, customer, ...)                                                                          \
    DEAL(key, when, NAME(DEAL_STAGE, "won"), NAME(FIELD_CUSTOMER, customer), NUMBER(DEAL_CLOSED_AT, at(when)), \
         ##__VA_ARGS__)

Test(links, the_first_won_deal_makes_a_customer_new_and_the_next_are_repeats)
{
    WON("D2", "2024-03-05T00:00:00Z", "Acme", NAME(FIELD_MANAGER, "Boris"));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    expect(DIMENSION_MANAGER, "Boris", "month", "new_customers", "1");
    company("month", "repeat_rate", "0.000000");
    /* A late event shows an earlier deal: the customer was Anna's, and Boris' deal is a repeat. */
    WON("D1", "2024-03-02T00:00:00Z", "Acme", NAME(FIELD_MANAGER, "Anna"));
    expect(DIMENSION_MANAGER, "Anna", "month", "new_customers", "1");
    expect(DIMENSION_MANAGER, "Boris", "month", "new_customers", "");
    expect(DIMENSION_MANAGER, "Boris", "month", "repeat_rate", "1.000000");
    company("month", "repeat_rate", "0.500000");
    /* The first is deleted: it was never there. */
    apply(make_deletion(KIND_DEAL, "D1", at("2024-03-10T00:00:00Z")));
    expect(DIMENSION_MANAGER, "Boris", "month", "new_customers", "1");
    company("month", "new_customers", "1");
    company("month", "repeat_rate", "0.000000");
}

/* Closed at the same instant: the lesser deal_id is the first, whichever came first. */
Test(links, ties_are_broken_by_deal_id)
{
    WON("B", "2024-03-05T00:00:00Z", "Acme", NAME(FIELD_MANAGER, "Boris"));
    WON("A", "2024-03-05T00:00:00Z", "Acme", NAME(FIELD_MANAGER, "Anna"));
    WON("C", "2024-03-05T00:00:00Z", "Acme", NAME(FIELD_MANAGER, "Chen"));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    expect(DIMENSION_MANAGER, "Anna", "month", "new_customers", "1");
    company("month", "new_customers", "1");
    company("month", "repeat_rate", "0.666667");
}

/* The customer is that of the lead where the deal names none; an owner change moves what is new with the deal. */
Test(links, customers_are_inherited_and_follow_their_first_deal)
{
    LEAD("L1", "2024-03-01T00:00:00Z", NAME(FIELD_CUSTOMER, "Acme"), NAME(FIELD_MANAGER, "Anna"));
    DEAL("D1", "2024-03-05T00:00:00Z", NAME(DEAL_STAGE, "won"), NAME(DEAL_LEAD, "L1"));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    expect(DIMENSION_MANAGER, "Anna", "month", "new_customers", "1");
    LEAD("L1", "2024-03-06T00:00:00Z", NAME(FIELD_MANAGER, "Boris"));
    expect(DIMENSION_MANAGER, "Anna", "month", "new_customers", "");
    expect(DIMENSION_MANAGER, "Boris", "month", "new_customers", "1");
    LEAD("L1", "2024-03-07T00:00:00Z", CLEARED(FIELD_CUSTOMER));
    company("month", "new_customers", "");
    company("month", "repeat_rate", "");
}

Test(links, a_lead_is_converted_when_a_deal_of_it_is_won)
{
    LEAD("L1", "2024-03-01T00:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-01T00:00:00Z")));
    LEAD("L2", "2024-03-01T00:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-01T00:00:00Z")));
    DEAL("D1", "2024-03-02T00:00:00Z", NAME(DEAL_STAGE, "won"), NAME(DEAL_LEAD, "L1"),
         NUMBER(DEAL_CLOSED_AT, at("2024-04-10T00:00:00Z")));
    DEAL("D2", "2024-03-02T00:00:00Z", NAME(DEAL_STAGE, "won"), NAME(DEAL_LEAD, "L1"),
         NUMBER(DEAL_CLOSED_AT, at("2024-04-20T00:00:00Z")));
    shard_advance(core.shard, at("2024-04-09T00:00:00Z"));
    company("last_month", "conversion_cohort", "0.000000");
    shard_advance(core.shard, at("2024-04-10T00:00:00Z"));
    company("last_month", "conversion_cohort", "0.500000");
    apply(make_deletion(KIND_DEAL, "D1", at("2024-04-11T00:00:00Z")));
    company("last_month", "conversion_cohort", "0.000000");
    shard_advance(core.shard, at("2024-04-20T00:00:00Z"));
    company("last_month", "conversion_cohort", "0.500000");
}

/* Cost 100 from two leads; 60 and 50 are paid at a margin of 1: paid back with the second, 19 days after the first lead. */
Test(links, payback_is_the_moment_at_which_the_margin_reaches_the_cost)
{
    LEAD("L1", "2024-03-01T00:00:00Z", NAME(FIELD_CUSTOMER, "Acme"), NUMBER(LEAD_COST, UNITS(70)),
         NUMBER(LEAD_CREATED_AT, at("2024-03-01T00:00:00Z")));
    LEAD("L2", "2024-03-03T00:00:00Z", NUMBER(LEAD_COST, UNITS(30)),
         NUMBER(LEAD_CREATED_AT, at("2024-03-03T00:00:00Z")));
    LEAD("L3", "2024-03-09T00:00:00Z", NAME(FIELD_CUSTOMER, "Acme"), NUMBER(LEAD_COST, UNITS(500)),
         NUMBER(LEAD_CREATED_AT, at("2024-03-09T00:00:00Z")));
    DEAL("D1", "2024-03-05T00:00:00Z", NAME(DEAL_STAGE, "won"), NAME(FIELD_CUSTOMER, "Acme"), NAME(DEAL_LEAD, "L2"),
         NAME(FIELD_MANAGER, "Anna"));
    PAYMENT("P1", "2024-03-10T00:00:00Z", NAME(PAYMENT_DEAL, "D1"), NUMBER(PAYMENT_AMOUNT, UNITS(60)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-10T00:00:00Z")));
    PAYMENT("P2", "2024-03-20T00:00:00Z", NAME(PAYMENT_DEAL, "D1"), NUMBER(PAYMENT_AMOUNT, UNITS(50)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-20T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-19T00:00:00Z"));
    company("month", "lead_cost", "600.00");
    company("month", "cac", "600.00");
    expect(DIMENSION_MANAGER, "Anna", "month", "payback_share", "0.000000");
    company("month", "payback_p50", "");
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    expect(DIMENSION_MANAGER, "Anna", "month", "payback_share", "1.000000");
    company("month", "payback_p50", "1642496"); /* 19 days are 1,641,600 s: the midpoint of their bucket */
    /* A later refund does not move a moment already reached; a corrected payment does. */
    PAYMENT("P3", "2024-03-25T00:00:00Z", NAME(PAYMENT_DEAL, "D1"), NUMBER(PAYMENT_KIND, PAYMENT_IS_REFUND),
            NUMBER(PAYMENT_AMOUNT, UNITS(60)), NUMBER(PAYMENT_PAID_AT, at("2024-03-25T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-26T00:00:00Z"));
    company("month", "payback_share", "1.000000");
    PAYMENT("P2", "2024-03-26T00:00:00Z", NUMBER(PAYMENT_MARGIN, UNITS(0.5)));
    company("month", "payback_share", "0.000000");
    company("month", "payback_p50", "");
    /* The lead of the deal is deleted: its 30 are no cost any more, and 60 + 25 reach 70. */
    apply(make_deletion(KIND_LEAD, "L2", at("2024-03-26T00:00:00Z")));
    company("month", "payback_share", "1.000000");
}

/* A customer of leads alone; then one that has paid, but won nothing; then a buyer; then none again. */
Test(links, a_customer_that_never_bought_stands_for_nothing)
{
    LEAD("L1", "2024-03-01T00:00:00Z", NAME(FIELD_CUSTOMER, "Acme"), NUMBER(LEAD_COST, UNITS(70)),
         NUMBER(LEAD_CREATED_AT, at("2024-03-01T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("month", "new_customers", "");
    company("month", "lead_cost", "70.00");
    PAYMENT("P1", "2024-03-10T00:00:00Z", NAME(FIELD_CUSTOMER, "Acme"), NUMBER(PAYMENT_AMOUNT, UNITS(80)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-10T00:00:00Z")));
    company("month", "new_customers", "");
    WON("D1", "2024-03-05T00:00:00Z", "Acme");
    company("month", "new_customers", "1");
    company("month", "payback_share", "1.000000");
    apply(make_deletion(KIND_DEAL, "D1", at("2024-03-11T00:00:00Z")));
    company("month", "new_customers", "");
    company("month", "payback_share", "");
    WON("D2", "2024-03-12T00:00:00Z", "Acme");
    company("month", "new_customers", "1");
}

/* Customers are kept by the numbers of their names, and this name has number 0: every ledger knows it as a stage. */
Test(links, a_customer_may_be_named_like_a_stage)
{
    LEAD("L1", "2024-03-01T00:00:00Z", NAME(FIELD_CUSTOMER, "won"), NUMBER(LEAD_COST, UNITS(100)),
         NUMBER(LEAD_CREATED_AT, at("2024-03-01T00:00:00Z")));
    DEAL("D1", "2024-03-05T00:00:00Z", NAME(DEAL_STAGE, "won"), NAME(DEAL_LEAD, "L1"));
    PAYMENT("P1", "2024-03-10T00:00:00Z", NAME(PAYMENT_DEAL, "D1"), NUMBER(PAYMENT_AMOUNT, UNITS(60)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-10T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("month", "payback_share", "0.000000");
    LEAD("L1", "2024-03-21T00:00:00Z", NUMBER(LEAD_COST, UNITS(60)));
    company("month", "payback_share", "1.000000");
    LEAD("L1", "2024-03-22T00:00:00Z", NUMBER(LEAD_COST, UNITS(61)));
    company("month", "payback_share", "0.000000");
}

Test(links, a_lead_waits_until_it_is_contacted_converted_or_lost)
{
    LEAD("L1", "2024-03-01T09:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-01T09:00:00Z")),
         NAME(FIELD_MANAGER, "Anna"));
    LEAD("L2", "2024-03-01T10:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-01T10:00:00Z")),
         NAME(FIELD_MANAGER, "Anna"));
    LEAD("L3", "2024-03-01T08:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-01T08:00:00Z")),
         NUMBER(LEAD_FIRST_CONTACT_AT, at("2024-03-01T07:00:00Z")));
    shard_advance(core.shard, at("2024-03-01T12:00:00Z"));
    expect(DIMENSION_MANAGER, "Anna", "now", "leads_waiting", "2");
    company("now", "leads_waiting", "2");
    company("now", "leads_waiting_since", "2024-03-01T09:00:00Z");
    company("now", "leads_waiting_oldest", "10800");
    LEAD("L1", "2024-03-01T11:00:00Z", NUMBER(LEAD_FIRST_CONTACT_AT, at("2024-03-01T13:00:00Z")));
    company("now", "leads_waiting", "2");
    shard_advance(core.shard, at("2024-03-01T13:00:00Z"));
    company("now", "leads_waiting_since", "2024-03-01T10:00:00Z");
    LEAD("L2", "2024-03-01T12:30:00Z", NUMBER(LEAD_STATUS, STATUS_LOST));
    company("now", "leads_waiting", "");
    company("now", "leads_waiting_since", "");
    LEAD("L2", "2024-03-01T12:40:00Z", NUMBER(LEAD_STATUS, STATUS_NEW));
    company("now", "leads_waiting", "1");
}

/* 2 open x 1/2 won x 100.00 / 10 days = 10.00 a day. */
Test(links, velocity_is_of_what_is_open_now_and_was_won_in_the_window)
{
    static const char *const open[] = {"O1", "O2"};
    for (int i = 0; i < 2; i++)
        DEAL(open[i], "2024-03-10T00:00:00Z", NUMBER(DEAL_CREATED_AT, at("2024-03-10T00:00:00Z")));
    DEAL("W", "2024-03-12T00:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(100)),
         NUMBER(DEAL_CREATED_AT, at("2024-03-02T00:00:00Z")), NUMBER(DEAL_CLOSED_AT, at("2024-03-12T00:00:00Z")));
    DEAL("X", "2024-03-12T00:00:00Z", NAME(DEAL_STAGE, "lost"), NUMBER(DEAL_CLOSED_AT, at("2024-03-12T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("month", "velocity", "10.00");
    company("week", "velocity", "");
    shard_advance(core.shard, at("2024-04-20T00:00:00Z"));
    company("last_month", "velocity", "10.00");
    DEAL("O1", "2024-04-21T00:00:00Z", NAME(DEAL_STAGE, "lost"), NUMBER(DEAL_CLOSED_AT, at("2024-04-19T00:00:00Z")));
    company("last_month", "velocity", "5.00");
}
