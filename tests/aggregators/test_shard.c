/* The rules of CONTRACT 2 and 4 and their counterexamples in AMENDMENTS, as short stories with their numbers. */
#include "aggregators/entities.h"
#include "aggregators/restoration.h"
#include "aggregators/stored.h"
#include "tests/support/story.h"
#include <string.h>

TestSuite(shard, .init = setup, .fini = teardown);

Test(shard, a_won_deal_counts_where_it_was_closed)
{
    DEAL("D1", "2024-03-20T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(100)),
         NAME(FIELD_MANAGER, "Anna"), NUMBER(DEAL_CREATED_AT, at("2024-03-01T00:00:00Z")),
         NUMBER(DEAL_CLOSED_AT, at("2024-03-20T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-25T00:00:00Z"));
    company("month", "sales_volume", "100.00");
    company("month", "cycle_time_mean", "1641600");
    company("month", "win_rate", "1.000000");
    company("today", "sales_volume", "");
    expect(DIMENSION_MANAGER, "Anna", "month", "deals_won", "1");
    shard_advance(core.shard, at("2024-04-02T00:00:00Z"));
    company("month", "sales_volume", "");
    company("last_month", "sales_volume", "100.00");
}

/* An edit of the amount, a late one, and a reopening: the sums follow. */
Test(shard, corrections_take_back_what_stood)
{
    DEAL("D1", "2024-03-20T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(100)),
         NUMBER(DEAL_CLOSED_AT, at("2024-03-20T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-25T00:00:00Z"));
    cr_expect(DEAL("D1", "2024-03-21T10:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(80))) == OUTCOME_APPLIED);
    company("month", "sales_volume", "80.00");
    cr_expect(DEAL("D1", "2024-03-20T12:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(500))) == OUTCOME_SUPERSEDED);
    company("month", "sales_volume", "80.00");
    DEAL("D1", "2024-03-22T10:00:00Z", NAME(DEAL_STAGE, "offer"));
    company("month", "sales_volume", "");
    company("month", "average_check", "");
}

/* AMENDMENT 9, CE1: an edit that sends the stage again does not move the deal to its own day. */
Test(shard, a_stage_that_is_sent_again_keeps_its_first_closing_time)
{
    DEAL("D1", "2024-03-31T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(1)));
    DEAL("D1", "2024-04-03T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(2)));
    shard_advance(core.shard, at("2024-04-05T00:00:00Z"));
    company("last_month", "sales_volume", "2.00");
    company("month", "sales_volume", "");
}

/* AMENDMENT 9, CE2: the closing time of before the reopening does not count any more. */
Test(shard, a_reopened_deal_is_closed_when_it_is_won_again)
{
    DEAL("D1", "2024-03-05T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(7)),
         NUMBER(DEAL_CLOSED_AT, at("2024-03-05T00:00:00Z")));
    DEAL("D1", "2024-04-01T10:00:00Z", NAME(DEAL_STAGE, "offer"));
    DEAL("D1", "2024-05-02T10:00:00Z", NAME(DEAL_STAGE, "won"));
    shard_advance(core.shard, at("2024-05-05T00:00:00Z"));
    company("month", "sales_volume", "7.00");
    company("year", "sales_volume", "7.00");
    shard_advance(core.shard, at("2024-06-05T00:00:00Z"));
    company("last_month", "sales_volume", "7.00");
}

/* AMENDMENT 9: won@1, won@4, then late lost@3: the deal is won from 4 on. */
Test(shard, a_late_stage_between_two_equal_ones_divides_them)
{
    DEAL("D1", "2024-03-01T10:00:00Z", NAME(DEAL_STAGE, "won"));
    DEAL("D1", "2024-03-04T10:00:00Z", NAME(DEAL_STAGE, "won"));
    shard_advance(core.shard, at("2024-03-04T20:00:00Z"));
    company("today", "deals_won", "");
    DEAL("D1", "2024-03-03T10:00:00Z", NAME(DEAL_STAGE, "lost"));
    company("today", "deals_won", "1");
}

Test(shard, a_deletion_clears_what_is_older_and_only_that)
{
    DEAL("D1", "2024-03-01T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(5)),
         NAME(FIELD_MANAGER, "Anna"));
    cr_expect(shard_records(core.shard, KIND_DEAL) == 1);
    apply(make_deletion(KIND_DEAL, "D1", at("2024-03-02T10:00:00Z")));
    cr_expect(shard_records(core.shard, KIND_DEAL) == 0);
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    company("month", "deals_won", "");
    cr_expect(DEAL("D1", "2024-03-01T11:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(9))) == OUTCOME_SUPERSEDED);
    cr_expect(apply(make_deletion(KIND_DEAL, "D1", at("2024-03-02T10:00:00Z"))) == OUTCOME_DUPLICATE);
    cr_expect(apply(make_deletion(KIND_DEAL, "D1", at("2024-03-01T10:00:00Z"))) == OUTCOME_SUPERSEDED);
    DEAL("D1", "2024-03-05T10:00:00Z", NAME(DEAL_STAGE, "won"));
    company("month", "deals_won", "1");
    company("month", "sales_volume", "");
    expect(DIMENSION_MANAGER, "Anna", "month", "deals_won", "");
}

/* A payment before its deal, and a deal before its lead: they wait, and inherit when it comes. */
Test(shard, what_is_missing_is_inherited_when_it_comes)
{
    PAYMENT("P1", "2024-03-03T10:00:00Z", NUMBER(PAYMENT_AMOUNT, UNITS(30)), NAME(PAYMENT_DEAL, "D1"),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-03T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    company("month", "revenue", "30.00");
    DEAL("D1", "2024-03-02T10:00:00Z", NAME(DEAL_LEAD, "L1"), NAME(FIELD_PRODUCT, "Pro"));
    expect(DIMENSION_PRODUCT, "Pro", "month", "revenue", "30.00");
    LEAD("L1", "2024-03-01T10:00:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(FIELD_TEAM, "North"),
         NAME(FIELD_SOURCE, "web"), NAME(FIELD_PRODUCT, "Basic"));
    expect(DIMENSION_MANAGER, "Anna", "month", "revenue", "30.00");
    expect(DIMENSION_TEAM, "North", "month", "revenue", "30.00");
    expect(DIMENSION_SOURCE, "web", "month", "revenue", "30.00");
    expect(DIMENSION_PRODUCT, "Basic", "month", "revenue", "");
    apply(make_deletion(KIND_DEAL, "D1", at("2024-03-05T10:00:00Z")));
    expect(DIMENSION_MANAGER, "Anna", "month", "revenue", "");
    company("month", "revenue", "30.00");
}

/* AMENDMENT 15: the team comes with the manager; another's team is not put beside one's own manager. */
Test(shard, a_manager_of_ones_own_does_not_take_anothers_team)
{
    LEAD("L1", "2024-03-01T10:00:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(FIELD_TEAM, "North"));
    DEAL("D1", "2024-03-02T10:00:00Z", NAME(DEAL_LEAD, "L1"), NAME(FIELD_MANAGER, "Boris"), NAME(DEAL_STAGE, "won"));
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    expect(DIMENSION_MANAGER, "Boris", "month", "deals_won", "1");
    expect(DIMENSION_TEAM, "North", "month", "deals_won", "");
    DEAL("D1", "2024-03-03T10:00:00Z", CLEARED(FIELD_MANAGER));
    expect(DIMENSION_MANAGER, "Anna", "month", "deals_won", "1");
    expect(DIMENSION_TEAM, "North", "month", "deals_won", "1");
}

/* A lead that moves takes its deals' and their payments' inherited numbers along. */
Test(shard, a_change_of_the_lead_reaches_the_payments)
{
    LEAD("L1", "2024-03-01T10:00:00Z", NAME(FIELD_MANAGER, "Anna"));
    DEAL("D1", "2024-03-02T10:00:00Z", NAME(DEAL_LEAD, "L1"), NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(10)));
    PAYMENT("P1", "2024-03-03T10:00:00Z", NAME(PAYMENT_DEAL, "D1"), NUMBER(PAYMENT_AMOUNT, UNITS(10)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-03T00:00:00Z")));
    FEEDBACK("F1", "2024-03-03T10:00:00Z", NAME(FEEDBACK_DEAL, "D1"), NUMBER(FEEDBACK_KIND, FEEDBACK_IS_CSAT),
             NUMBER(FEEDBACK_SCORE, UNITS(4)), NUMBER(FEEDBACK_ANSWERED_AT, at("2024-03-03T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    LEAD("L1", "2024-03-05T10:00:00Z", NAME(FIELD_MANAGER, "Boris"));
    expect(DIMENSION_MANAGER, "Anna", "all", "sales_volume", "");
    expect(DIMENSION_MANAGER, "Anna", "all", "revenue", "");
    expect(DIMENSION_MANAGER, "Boris", "all", "sales_volume", "10.00");
    expect(DIMENSION_MANAGER, "Boris", "all", "revenue", "10.00");
    expect(DIMENSION_MANAGER, "Boris", "all", "csat", "1.000000");
}

/* A deal created in March and won in May changes March's cohort from May on. */
Test(shard, a_win_joins_its_cohort_when_its_instant_comes)
{
    DEAL("D1", "2024-03-10T10:00:00Z", NUMBER(DEAL_CREATED_AT, at("2024-03-10T00:00:00Z")), NAME(DEAL_STAGE, "won"),
         NUMBER(DEAL_CLOSED_AT, at("2024-05-10T00:00:00Z")));
    shard_advance(core.shard, at("2024-04-10T00:00:00Z"));
    company("last_month", "win_rate_cohort", "0.000000");
    company("now", "open_deals", "1");
    cr_expect(shard_next_change_us(core.shard) <= at("2024-05-10T00:00:00Z"));
    shard_advance(core.shard, at("2024-05-10T00:00:00Z"));
    company("year", "win_rate_cohort", "1.000000");
    company("now", "open_deals", "");
    DEAL("D1", "2024-05-11T10:00:00Z", NAME(DEAL_STAGE, "offer"));
    company("year", "win_rate_cohort", "0.000000");
    company("now", "open_deals", "1");
}

/* AMENDMENT 3: a span that ends before it begins is none; without created_at nothing is open. */
Test(shard, open_spans_do_not_go_below_zero)
{
    DEAL("D1", "2024-03-10T10:00:00Z", NUMBER(DEAL_CREATED_AT, at("2024-03-05T00:00:00Z")), NAME(DEAL_STAGE, "won"),
         NUMBER(DEAL_CLOSED_AT, at("2024-03-01T00:00:00Z")));
    DEAL("D2", "2024-03-10T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_CLOSED_AT, at("2024-03-02T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-03T00:00:00Z"));
    company("now", "open_deals", "");
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("now", "open_deals", "");
    company("month", "deals_won", "2");
    company("month", "cycle_time_mean", "");
    cr_expect(shard_oddities(core.shard, ODDITY_CYCLE_NEGATIVE) == 1);
}

/* AMENDMENT 30: the amount, already rounded, times the probability, rounded half-even again. */
Test(shard, a_pipeline_is_weighted_deal_by_deal)
{
    DEAL("D1", "2024-03-10T10:00:00Z", NUMBER(DEAL_CREATED_AT, at("2024-03-05T00:00:00Z")),
         NUMBER(DEAL_AMOUNT, UNITS(0.03)), NUMBER(DEAL_PROBABILITY, UNITS(0.5)));
    DEAL("D2", "2024-03-10T10:00:00Z", NUMBER(DEAL_CREATED_AT, at("2024-03-05T00:00:00Z")),
         NUMBER(DEAL_AMOUNT, UNITS(100)), NUMBER(DEAL_PROBABILITY, UNITS(0.25)));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("now", "open_deals", "2");
    company("now", "pipeline", "100.03");
    company("now", "weighted_pipeline", "25.02");
    company("month", "pipeline", "");
}

Test(shard, refunds_and_chargebacks_reduce_revenue)
{
    PAYMENT("P1", "2024-03-03T10:00:00Z", NUMBER(PAYMENT_AMOUNT, UNITS(100)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-03T00:00:00Z")));
    PAYMENT("P2", "2024-03-04T10:00:00Z", NUMBER(PAYMENT_KIND, PAYMENT_IS_REFUND), NUMBER(PAYMENT_AMOUNT, UNITS(30)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-04T00:00:00Z")));
    PAYMENT("P3", "2024-03-05T10:00:00Z", NUMBER(PAYMENT_KIND, PAYMENT_IS_CHARGEBACK),
            NUMBER(PAYMENT_AMOUNT, UNITS(80)), NUMBER(PAYMENT_PAID_AT, at("2024-03-05T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("month", "revenue", "-10.00");
    company("month", "refunds", "110.00");
}

Test(shard, satisfaction_and_loyalty)
{
    static const int csat[] = {5, 4, 3, 1}, nps[] = {10, 9, 8, 6, 0};
    char key[8] = "F0";
    for (size_t i = 0; i < sizeof csat / sizeof *csat; i++, key[1]++)
        FEEDBACK(key, "2024-03-03T10:00:00Z", NUMBER(FEEDBACK_KIND, FEEDBACK_IS_CSAT),
                 NUMBER(FEEDBACK_SCORE, UNITS(csat[i])), NUMBER(FEEDBACK_ANSWERED_AT, at("2024-03-03T00:00:00Z")));
    key[0] = 'G';
    for (size_t i = 0; i < sizeof nps / sizeof *nps; i++, key[1]++)
        FEEDBACK(key, "2024-03-03T10:00:00Z", NUMBER(FEEDBACK_KIND, FEEDBACK_IS_NPS),
                 NUMBER(FEEDBACK_SCORE, UNITS(nps[i])), NUMBER(FEEDBACK_ANSWERED_AT, at("2024-03-03T00:00:00Z")));
    FEEDBACK("H1", "2024-03-03T10:00:00Z", NUMBER(FEEDBACK_KIND, FEEDBACK_IS_NPS), NUMBER(FEEDBACK_SCORE, UNITS(5)),
             NUMBER(FEEDBACK_SCALE, 5), NUMBER(FEEDBACK_ANSWERED_AT, at("2024-03-03T00:00:00Z")));
    FEEDBACK("H2", "2024-03-03T10:00:00Z", NUMBER(FEEDBACK_KIND, FEEDBACK_IS_CSAT), NUMBER(FEEDBACK_SCORE, UNITS(9)),
             NUMBER(FEEDBACK_ANSWERED_AT, at("2024-03-03T00:00:00Z")));
    FEEDBACK("H3", "2024-03-03T10:00:00Z", NUMBER(FEEDBACK_SCORE, UNITS(5)),
             NUMBER(FEEDBACK_ANSWERED_AT, at("2024-03-03T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("month", "csat", "0.500000");
    company("month", "csat_mean", "3.25");
    company("month", "nps", "0.0");
    cr_expect(shard_oddities(core.shard, ODDITY_NPS_SCALE) == 1);
    cr_expect(shard_oddities(core.shard, ODDITY_SCORE_OUTSIDE) == 1);
    cr_expect(shard_oddities(core.shard, ODDITY_KIND_MISSING) == 1);
}

Test(shard, response_times)
{
    LEAD("L1", "2024-03-03T10:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-03T10:00:00Z")),
         NUMBER(LEAD_FIRST_CONTACT_AT, at("2024-03-03T10:01:00Z")));
    LEAD("L2", "2024-03-03T10:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-03T10:00:00Z")),
         NUMBER(LEAD_FIRST_CONTACT_AT, at("2024-03-03T10:03:00.5Z")));
    LEAD("L3", "2024-03-03T10:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-03T10:00:00Z")),
         NUMBER(LEAD_FIRST_CONTACT_AT, at("2024-03-03T09:00:00Z")));
    LEAD("L4", "2024-03-03T10:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-03T10:00:00Z")));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("month", "leads_created", "4");
    company("month", "response_time_mean", "120");
    company("month", "response_time_p50", "60");
    company("month", "response_time_p90", "180");
    cr_expect(shard_oddities(core.shard, ODDITY_RESPONSE_NEGATIVE) == 1);
}

/* Two currencies: the rate of the local day of the contribution, the latest on or before it. */
Test(shard, money_is_valued_at_the_rate_of_its_day)
{
    struct rate_config rates[] = {{.nano = INT64_C(1100000000)}, {.nano = INT64_C(1250000000)}};
    currency_code eur, jpy;
    cr_assert(currency_parse(TEXT("EUR"), &eur) == OK && currency_parse(TEXT("JPY"), &jpy) == OK);
    rates[0].code = rates[1].code = eur;
    rates[0].day = at("2024-03-01T00:00:00Z") / DAY;
    rates[1].day = at("2024-03-10T00:00:00Z") / DAY;
    free(core.config->rates);
    core.config->rates = must_alloc(sizeof rates);
    memcpy(core.config->rates, rates, sizeof rates);
    core.config->rate_count = 2;
    shard_destroy(core.shard); /* rates are taken up when it is made */
    core.shard = shard_create(core.config, core.calendar);
    DEAL("D1", "2024-03-05T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(100)),
         NUMBER(DEAL_CURRENCY, eur));
    DEAL("D2", "2024-03-11T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(100)),
         NUMBER(DEAL_CURRENCY, eur));
    DEAL("D3", "2024-02-11T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(100)),
         NUMBER(DEAL_CURRENCY, eur));
    DEAL("D4", "2024-03-11T10:00:00Z", NAME(DEAL_STAGE, "lost"), NUMBER(DEAL_AMOUNT, UNITS(100)),
         NUMBER(DEAL_CURRENCY, jpy));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("month", "sales_volume", "235.00");
    company("last_month", "deals_won", "1");
    company("last_month", "sales_volume", "");
    company("last_month", "average_check", "");
    company("month", "deals_lost", "1");
    cr_expect(shard_oddities(core.shard, ODDITY_RATE_MISSING) == 2);
}

/* An amount that was within bounds in one currency and is not in another adds nothing and is counted. */
Test(shard, what_is_too_large_adds_nothing)
{
    DEAL("D1", "2024-03-11T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(9000000000000)),
         NUMBER(DEAL_QUANTITY, UNITS(9000000000000)));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("month", "deals_won", "1");
    company("month", "sales_volume", "");
    company("month", "units", "");
    cr_expect(shard_oddities(core.shard, ODDITY_AMOUNT_RANGE) == 1);
}

/* More stage changes than are kept: those with the greatest stamps stay, in every order, and the record is counted. */
Test(shard, a_long_stage_history_is_cut_and_counted)
{
    const int64_t from_us = at("2024-01-01T00:00:00Z");
    for (int i = 0; i < 200; i++) {
        int shuffled = i * 77 % 200;
        apply(make_event(KIND_DEAL, "D1", from_us + shuffled * DAY, (struct given[]){NAME(DEAL_STAGE, "won"), END}));
    }
    /* The earliest of the 64 that are kept is that of the 137th day. */
    shard_advance(core.shard, at("2024-05-16T23:00:00Z"));
    company("today", "deals_won", "1");
    cr_expect(shard_oddities(core.shard, ODDITY_HISTORY_CUT) == 1);
}

/* Those with the least hashes are kept, in whatever order they come; what is taken back is taken back where it is. */
Test(shard, a_full_dimension_counts_the_rest_as_others)
{
    core.config->limits.entities_max = 2;
    static const char *const names[] = {"A", "B", "C", "D"};
    int kept[2] = {0, 1};
    for (int i = 0; i < 4; i++) {
        apply(make_event(
            KIND_LEAD, names[i], at("2024-03-01T00:00:00Z"),
            (struct given[]){NAME(FIELD_MANAGER, names[i]), NUMBER(LEAD_CREATED_AT, at("2024-03-01T00:00:00Z")), END}));
        int worse = text_hash(text_of(names[kept[0]])) > text_hash(text_of(names[kept[1]])) ? 0 : 1;
        if (i > 1 && text_hash(text_of(names[i])) < text_hash(text_of(names[kept[worse]])))
            kept[worse] = i;
    }
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    company("month", "leads_created", "4");
    expect(DIMENSION_MANAGER, OTHER_ENTITIES, "month", "leads_created", "2");
    for (int i = 0; i < 4; i++)
        expect(DIMENSION_MANAGER, names[i], "month", "leads_created", i == kept[0] || i == kept[1] ? "1" : "");
    cr_expect(shard_oddities(core.shard, ODDITY_ENTITY_LIMIT) == 2);
    for (int i = 0; i < 4; i++)
        apply(make_deletion(KIND_LEAD, names[i], at("2024-03-02T00:00:00Z")));
    company("month", "leads_created", "");
    expect(DIMENSION_MANAGER, OTHER_ENTITIES, "month", "leads_created", "");
}

Test(shard, time_never_goes_back_and_the_latest_event_is_known)
{
    cr_expect(shard_latest_us(core.shard) == INSTANT_NONE);
    cr_expect(!shard_has_changes(core.shard, READER_PUBLISHER));
    DEAL("D1", "2024-03-11T10:00:00Z", NAME(DEAL_STAGE, "won"));
    cr_expect(shard_has_changes(core.shard, READER_PUBLISHER) && shard_has_changes(core.shard, READER_ALERTS));
    cr_expect(shard_latest_us(core.shard) == at("2024-03-11T10:00:00Z"));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    shard_advance(core.shard, at("2024-03-19T00:00:00Z"));
    cr_expect(shard_now_us(core.shard) == at("2024-03-20T00:00:00Z"));
}

static void note(enum event_fate fate, int64_t offset, uint64_t hash)
{
    _Alignas(8) char memory[EVENT_SIZE_MAX];
    event_note(memory, fate, 0, offset, fate == EVENT_SLOT ? TEXT("deals") : TEXT(""));
    struct event *e = (struct event *)(void *)memory;
    e->message_hash = hash;
    e->kafka_ms = 1000 + offset;
    shard_apply(core.shard, e);
}

/* A checkpoint must know how far it goes, and by which message to tell the log again. */
Test(shard, a_position_names_its_last_message)
{
    note(EVENT_SLOT, 3, 0);
    const struct cut_position *p = shard_position(core.shard, 0);
    cr_expect(shard_position_count(core.shard) == 1);
    cr_expect(text_equal(text_of(p->topic), TEXT("deals")) && p->partition == 3 && p->offset == -1 && !p->has_message);
    note(EVENT_FILTERED, 7, 77); /* whatever becomes of it */
    note(EVENT_END, 9, 0);       /* behind a commit marker */
    p = shard_position(core.shard, 0);
    cr_expect(p->offset == 9 && p->has_message && p->message_offset == 7 && p->kafka_ms == 1007 && p->hash == 77);
    cr_expect(p->earlier == 0);
}

Test(shard, a_gap_moves_the_position_and_is_counted)
{
    note(EVENT_SLOT, 0, 0);
    note(EVENT_FILTERED, 99, 5);
    note(EVENT_GAP, 400, 0); /* retention */
    const struct cut_position *p = shard_position(core.shard, 0);
    cr_expect(p->offset == 400 && !p->has_message && p->earlier == 0);
    note(EVENT_GAP, 0, 0); /* made anew */
    p = shard_position(core.shard, 0);
    cr_expect(p->offset == 0 && !p->has_message && p->earlier == 400);
    note(EVENT_FILTERED, 0, 6);
    note(EVENT_GAP, -1, 0); /* and then with fewer partitions */
    p = shard_position(core.shard, 0);
    cr_expect(p->offset == -1 && !p->has_message && p->earlier == 400);
    const struct accounts *a = shard_accounts(core.shard);
    cr_expect(a->gaps == 3 && a->read == 2 && a->filtered == 2);
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    cr_expect(snapshot_is_live(s), "a partition that is gone is not waited for");
    cr_expect(snapshot_accounts(s)->gaps == 3 && snapshot_position(s, 0).earlier == 400);
    snapshot_destroy(s);
}

static bool is_live(void)
{
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    bool live = snapshot_is_live(s);
    snapshot_destroy(s);
    return live;
}

/* What is known to lie unread for a while makes nobody's numbers live; its end does again. */
Test(shard, a_partition_that_is_behind_is_not_live)
{
    note(EVENT_SLOT, 0, 0);
    note(EVENT_FILTERED, 0, 5);
    cr_expect(!is_live());
    note(EVENT_END, 1, 0);
    cr_expect(is_live());
    note(EVENT_BEHIND, 0, 0);
    cr_expect(!is_live());
    const struct cut_position *p = shard_position(core.shard, 0);
    cr_expect(p->offset == 1 && p->has_message && shard_accounts(core.shard)->read == 1, "it moves nothing");
    note(EVENT_FILTERED, 1, 6);
    note(EVENT_END, 2, 0);
    cr_expect(is_live());
}

/* The shard as a restart finds it: `later` is applied while the copies are made. */
static void restart(enum event_fate later, int64_t offset)
{
    struct buffer rows;
    buffer_init(&rows);
    shard_copy_begin(core.shard);
    note(later, offset, 8);
    while (!shard_copy_step(core.shard, 100, &rows))
        ;
    shard_copy_end(core.shard, true);
    struct restoration *r = restoration_create();
    struct text left = buffer_view(&rows);
    for (struct stored_row row; stored_next(&left, &row);)
        cr_assert(restoration_take(r, &row));
    shard_destroy(core.shard);
    core.shard = shard_restore(core.config, core.calendar, r, at("2024-03-25T00:00:00Z"));
    buffer_fini(&rows);
}

Test(shard, a_restart_knows_positions_messages_and_gaps)
{
    shard_store_changes(core.shard);
    note(EVENT_SLOT, 0, 0);
    note(EVENT_FILTERED, 99, 5);
    note(EVENT_GAP, 0, 0);
    note(EVENT_FILTERED, 0, 7);
    note(EVENT_END, 2, 0);
    restart(EVENT_FILTERED, 2); /* beyond the cut */
    cr_expect(!shard_is_whole(core.shard) && shard_accounts(core.shard)->gaps == 1);
    note(EVENT_SLOT, 0, 0);
    const struct cut_position *p = shard_position(core.shard, 0);
    cr_expect(p->offset == 2 && p->earlier == 100 && p->has_message && p->message_offset == 0 && p->hash == 7 &&
              p->kafka_ms == 1000);
    note(EVENT_FILTERED, 2, 8);
    cr_expect(shard_is_whole(core.shard));
}

/* What was restored may hold more of the new log than has been read of it again. */
static void wait_for_the_end(void)
{
    note(EVENT_SLOT, 0, 0);
    cr_expect(!shard_is_whole(core.shard));
    note(EVENT_GAP, 0, 0);
    cr_expect(!shard_is_whole(core.shard));
    note(EVENT_FILTERED, 0, 8);
    cr_expect(!shard_is_whole(core.shard));
    note(EVENT_END, 1, 0);
    cr_expect(shard_is_whole(core.shard));
}

Test(shard, a_gap_after_a_restart_waits_for_the_end)
{
    shard_store_changes(core.shard);
    note(EVENT_SLOT, 0, 0);
    note(EVENT_FILTERED, 99, 5);
    restart(EVENT_FILTERED, 100);
    wait_for_the_end();
}

Test(shard, a_gap_while_it_is_copied_waits_for_the_end)
{
    shard_store_changes(core.shard);
    note(EVENT_SLOT, 0, 0);
    note(EVENT_FILTERED, 99, 5);
    restart(EVENT_GAP, 0);
    wait_for_the_end();
}

/* What has no previous window has nothing in it. */
Test(shard, all_and_now_have_no_previous)
{
    LEAD("L", "2024-03-05T10:00:00Z", NUMBER(LEAD_CREATED_AT, at("2024-03-05T10:00:00Z")));
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    cr_assert(snapshot_entity_count(s) > 0);
    for (unsigned w = 0; w < core.config->window_count; w++) {
        static const struct sums nothing;
        struct sums sums, previous;
        snapshot_sums(s, 0, w, &sums, &previous);
        bool has_previous = snapshot_has_previous(s, w);
        enum window_kind kind = core.config->windows[w].kind;
        cr_expect(has_previous == (kind != WINDOW_ALL && kind != WINDOW_NOW), "%s", core.config->windows[w].name);
        cr_expect(has_previous || memcmp(&previous, &nothing, sizeof nothing) == 0, "%s", core.config->windows[w].name);
    }
    snapshot_destroy(s);
}
