/* Books that are closed, by hand: where a change of what has been told counts. */
#include "aggregators/derivation.h"
#include "tests/support/dump.h"
#include "tests/support/story.h"
#include <stdio.h>

static void open_books(enum corrections mode, const char *lock)
{
    setup();
    core.config->corrections = mode;
    if (lock != NULL)
        cr_assert(date_parse(text_of(lock), &core.config->lock_day) == OK);
    shard_destroy(core.shard);
    core.shard = shard_create(core.config, core.calendar);
}

/* Won in March for 100, in April found to be 120 and Boris's. */
static void won_and_edited(void)
{
    DEAL("D", "2024-03-20T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(100)),
         NAME(FIELD_MANAGER, "Anna"), NUMBER(DEAL_CLOSED_AT, at("2024-03-20T00:00:00Z")));
    DEAL("D", "2024-04-10T10:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(120)), NAME(FIELD_MANAGER, "Boris"));
    shard_advance(core.shard, at("2024-04-20T00:00:00Z"));
}

/* With `book` the difference is April's, and so is what moved from Anna to Boris; a first telling counts where it
 * belongs, however late it is. */
Test(book, a_difference_counts_when_it_was_made)
{
    open_books(CORRECTIONS_BOOK, NULL);
    won_and_edited();
    company("last_month", "sales_volume", "100.00");
    company("month", "sales_volume", "20.00");
    company("month", "deals_won", "");
    company("all", "sales_volume", "120.00");
    expect(DIMENSION_MANAGER, "Anna", "last_month", "sales_volume", "100.00");
    expect(DIMENSION_MANAGER, "Anna", "month", "sales_volume", "-100.00");
    expect(DIMENSION_MANAGER, "Boris", "month", "sales_volume", "120.00");
    expect(DIMENSION_MANAGER, "Boris", "month", "deals_won", "1");
    DEAL("L", "2024-04-11T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(7)),
         NUMBER(DEAL_CLOSED_AT, at("2024-03-25T00:00:00Z")));
    company("last_month", "sales_volume", "107.00");
    teardown();
}

/* A deal that is reopened by mistake and won again as it was, a date that is cleared and set again: what had been told of
 * March was not told for the first time again, so that March stays 100, and does not become 200. */
Test(book, what_was_told_is_never_first_again)
{
    open_books(CORRECTIONS_BOOK, NULL);
    struct given closed = NUMBER(DEAL_CLOSED_AT, at("2024-03-20T00:00:00Z"));
    struct given paid = NUMBER(PAYMENT_PAID_AT, at("2024-03-05T00:00:00Z"));
    DEAL("D", "2024-03-20T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(100)), closed);
    PAYMENT("P", "2024-03-05T10:00:00Z", NUMBER(PAYMENT_AMOUNT, UNITS(9)), paid);
    shard_advance(core.shard, at("2024-04-20T00:00:00Z"));
    DEAL("D", "2024-04-10T10:00:00Z", NAME(DEAL_STAGE, "offer"));
    PAYMENT("P", "2024-04-10T10:00:00Z", CLEARED(PAYMENT_PAID_AT));
    company("last_month", "sales_volume", "100.00");
    company("month", "sales_volume", "-100.00");
    company("month", "revenue", "-9.00");
    DEAL("D", "2024-04-11T10:00:00Z", NAME(DEAL_STAGE, "won"), closed);
    PAYMENT("P", "2024-04-11T10:00:00Z", paid);
    company("last_month", "sales_volume", "100.00");
    company("month", "sales_volume", "");
    company("last_month", "revenue", "9.00");
    company("month", "revenue", "");
    company("all", "sales_volume", "100.00");
    company("all", "revenue", "9.00");
    teardown();
}

/* With a lock what lies before it stays as it was told by then; also a first telling comes too late. */
Test(book, a_lock_freezes_what_lies_before_it)
{
    open_books(CORRECTIONS_RESTATE, "2024-04-01");
    won_and_edited();
    company("last_month", "sales_volume", "100.00");
    company("month", "sales_volume", "20.00");
    DEAL("L", "2024-04-11T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(7)),
         NUMBER(DEAL_CLOSED_AT, at("2024-03-25T00:00:00Z")));
    company("last_month", "sales_volume", "100.00");
    company("month", "sales_volume", "27.00");
    /* What lies behind the lock is restated. */
    DEAL("M", "2024-04-02T10:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(50)));
    DEAL("M", "2024-04-12T10:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(40)));
    company("month", "sales_volume", "67.00");
    company("today", "sales_volume", "");
    PAYMENT("P", "2024-03-05T00:00:00Z", NUMBER(PAYMENT_AMOUNT, UNITS(9)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-05T00:00:00Z")));
    apply(make_deletion(KIND_PAYMENT, "P", at("2024-04-15T00:00:00Z")));
    company("last_month", "revenue", "9.00");
    company("month", "revenue", "-9.00");
    company("all", "revenue", "");
    teardown();
}

/* AMENDMENT 5: of an edit and what it edited the order of arrival does not matter. */
Test(book, an_older_event_that_comes_late_tells_what_stood)
{
    open_books(CORRECTIONS_BOOK, NULL);
    DEAL("D", "2024-04-10T10:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(120)), NAME(DEAL_STAGE, "won"),
         NUMBER(DEAL_CLOSED_AT, at("2024-03-20T00:00:00Z")));
    shard_advance(core.shard, at("2024-04-20T00:00:00Z"));
    company("last_month", "sales_volume", "120.00");
    cr_expect(DEAL("D", "2024-03-21T10:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(100)), NAME(DEAL_STAGE, "won"),
                   NUMBER(DEAL_CLOSED_AT, at("2024-03-20T00:00:00Z"))) == OUTCOME_APPLIED);
    company("last_month", "sales_volume", "100.00");
    company("month", "sales_volume", "20.00");
    cr_expect(DEAL("D", "2024-03-21T10:00:00Z", NUMBER(DEAL_AMOUNT, UNITS(100)), NAME(DEAL_STAGE, "won"),
                   NUMBER(DEAL_CLOSED_AT, at("2024-03-20T00:00:00Z"))) == OUTCOME_SUPERSEDED);
    teardown();
}

/* A version counts for the names of the lead that it told of, also where that lead is heard of last, and what stands names
 * another one or nothing any more. Found by the simulator. */
Test(book, a_version_takes_the_names_of_its_own_lead)
{
    for (int order = 0; order < 2; order++) {
        open_books(CORRECTIONS_BOOK, NULL);
        for (int turn = 0; turn < 2; turn++) {
            if (turn != order) {
                DEAL("D", "2024-03-19T10:00:00Z", NAME(DEAL_LEAD, "one"));
                DEAL("D", "2024-03-20T10:00:00Z", NAME(DEAL_STAGE, "lost"));
                DEAL("D", "2024-05-10T10:00:00Z", NAME(DEAL_LEAD, "other"));
                DEAL("E", "2024-03-19T10:00:00Z", NAME(DEAL_LEAD, "one"), NAME(DEAL_STAGE, "lost"));
                apply(make_deletion(KIND_DEAL, "E", at("2024-05-10T10:00:00Z")));
                PAYMENT("P", "2024-03-21T00:00:00Z", NUMBER(PAYMENT_AMOUNT, UNITS(9)), NAME(PAYMENT_DEAL, "D"),
                        NUMBER(PAYMENT_PAID_AT, at("2024-03-21T00:00:00Z")));
                PAYMENT("P", "2024-05-10T00:00:00Z", CLEARED(PAYMENT_DEAL));
            } else {
                apply(make_event(KIND_LEAD, "one", at("2024-03-01T00:00:00Z"),
                                 (struct given[]){NAME(FIELD_MANAGER, "Anna"), END}));
                apply(make_event(KIND_LEAD, "other", at("2024-03-01T00:00:00Z"),
                                 (struct given[]){NAME(FIELD_MANAGER, "Boris"), END}));
            }
        }
        shard_advance(core.shard, at("2024-04-20T00:00:00Z"));
        expect(DIMENSION_MANAGER, "Anna", "all", "deals_lost", "2");
        expect(DIMENSION_MANAGER, "Boris", "all", "deals_lost", "");
        expect(DIMENSION_MANAGER, "Boris", "all", "revenue", "9.00");
        teardown();
    }
}

/* The event that told of the lead comes after the one that named another: nothing that stands names it. */
Test(book, a_version_that_was_outvoted_takes_the_names_of_its_lead)
{
    open_books(CORRECTIONS_BOOK, NULL);
    DEAL("D", "2024-05-10T10:00:00Z", NAME(DEAL_LEAD, "other"));
    DEAL("D", "2024-03-20T10:00:00Z", NAME(DEAL_STAGE, "lost"));
    DEAL("D", "2024-03-19T10:00:00Z", NAME(DEAL_LEAD, "one"));
    shard_advance(core.shard, at("2024-04-20T00:00:00Z"));
    expect(DIMENSION_MANAGER, "Anna", "all", "deals_lost", "");
    LEAD("one", "2024-03-01T00:00:00Z", NAME(FIELD_MANAGER, "Anna"));
    expect(DIMENSION_MANAGER, "Anna", "all", "deals_lost", "1");
    teardown();
}

/* Any order, any repetition, with rates, members and parents that come and go. */
Test(book, books_are_confluent)
{
    struct random r = {random_seed(61)};
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)r.state);
    for (int round = 0; round < 12; round++) {
        open_books(round % 2 ? CORRECTIONS_BOOK : CORRECTIONS_RESTATE, round % 3 ? "2024-03-10" : NULL);
        struct event_list events = {0};
        bool is_long = round % 4 == 3; /* more versions of a record than are kept */
        struct history_options o = {.from_us = INT64_C(1709000000) * SECOND,
                                    .span_us = 40 * DAY,
                                    .count = is_long ? 1200 : 300,
                                    .records = is_long ? 2 : 12};
        make_history(&events, &r, &o);
        int64_t now_us = o.from_us + random_below(&r, 60) * DAY;
        struct buffer expected, actual;
        buffer_init(&expected);
        buffer_init(&actual);
        for (int order = 0; order < 4; order++) {
            struct shard *shard = core_twin(&core, &events, events.count, now_us);
            buffer_clear(&actual);
            dump_shard(order == 0 ? &expected : &actual, core.config, shard, READER_PUBLISHER);
            cr_assert(order == 0 || text_equal(buffer_view(&expected), buffer_view(&actual)), "round %d", round);
            shard_destroy(shard);
            event_list_shuffle(&events, &r);
        }
        buffer_fini(&expected);
        buffer_fini(&actual);
        event_list_fini(&events);
        teardown();
    }
}

/* A deal that a payment names and nobody has told of has no books, and inherits nothing by them. */
Test(book, of_a_record_that_was_never_told)
{
    open_books(CORRECTIONS_BOOK, NULL);
    struct derivation d;
    derivation_init(&d, core.config, core.calendar, NULL, INSTANT_MIN);
    struct event *paid =
        make_event(KIND_PAYMENT, "P", at("2024-03-05T10:00:00Z"), (struct given[]){NAME(PAYMENT_DEAL, "D"), END});
    derivation_apply(&d, paid);
    const struct record *deal = ledger_at(&d.ledger, KIND_DEAL, 0);
    bool is_cut;
    cr_assert(!record_exists(deal));
    books_add_heirs(&d.valuation.books, &d.ledger, deal);
    cr_expect(d.valuation.books.heir_room[KIND_DEAL] == 0);
    cr_expect(books_events(&d.valuation.books, deal, &is_cut) == NULL);
    free(paid);
    derivation_fini(&d);
    teardown();
}
