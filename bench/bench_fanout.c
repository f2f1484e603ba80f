/* bench_fanout.c - what one change costs that reaches very many records, and how long it stops the ingest.
 *
 * A customer with 100,000 payments gets one more; a deal with 100,000 payments changes its owner; an exchange rate is
 * corrected by which a million deals are valued. The writer works such a change off in slices of SLICE looks
 * (daemon/writer.c), with a batch of events between two of them, as here; until it is done no snapshot is cut.
 * Times are CPU time, which on a busy machine says what the wall does not.
 * Usage: bench_fanout [PAYMENTS [DEALS]] */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include <stdio.h>
#include <stdlib.h>

#define SLICE 20000
#define BATCH 512

static const int64_t from_us = INT64_C(1704067200) * SECOND; /* 2024-01-01 */
static int64_t number;                                       /* of the event, so that no two have the same stamp */

struct bench {
    struct config *config;
    struct calendar *calendar;
    struct shard *shard;
};

static void begin(struct bench *b)
{
    b->config = config_default();
    config_add_input(b->config, KIND_RATE);
    b->calendar = calendar_create("UTC", 1, 1);
    REQUIRE(b->calendar != NULL);
    b->shard = shard_create(b->config, b->calendar);
    number = 0;
}

static void end(struct bench *b)
{
    shard_destroy(b->shard);
    calendar_destroy(b->calendar);
    config_destroy(b->config);
}

static void text(struct event_builder *e, unsigned field, const char *value)
{
    event_add_text(e, field, text_of(value));
}

/* Microseconds that the shard took. */
static int64_t apply(struct bench *b, struct event_builder *e, const void *memory)
{
    event_finish(e, from_us + 30 * DAY + ++number, 0, false, TEXT(""));
    int64_t begun_us = clock_cpu_us();
    shard_apply(b->shard, memory);
    return clock_cpu_us() - begun_us;
}

static _Alignas(8) char memory[EVENT_SIZE_MAX];

static int64_t payment(struct bench *b, int i, const char *deal, const char *customer)
{
    struct event_builder e;
    char key[24];
    snprintf(key, sizeof key, "P%d", i);
    event_begin(&e, memory, KIND_PAYMENT, text_of(key));
    if (customer != NULL)
        text(&e, FIELD_CUSTOMER, customer);
    event_add_number(&e, PAYMENT_AMOUNT, MICRO);
    if (deal != NULL)
        text(&e, PAYMENT_DEAL, deal);
    event_add_number(&e, PAYMENT_PAID_AT, from_us + i * SECOND);
    return apply(b, &e, memory);
}

static int64_t deal(struct bench *b, int i, const char *manager, const char *customer, currency_code currency)
{
    struct event_builder e;
    char key[24];
    snprintf(key, sizeof key, "D%d", i);
    event_begin(&e, memory, KIND_DEAL, text_of(key));
    text(&e, FIELD_MANAGER, manager);
    if (customer != NULL)
        text(&e, FIELD_CUSTOMER, customer);
    text(&e, DEAL_STAGE, "won");
    event_add_number(&e, DEAL_AMOUNT, 100 * MICRO);
    if (currency != 0)
        event_add_number(&e, DEAL_CURRENCY, currency);
    event_add_number(&e, DEAL_CREATED_AT, from_us + i % (20 * DAY / SECOND) * SECOND);
    event_add_number(&e, DEAL_CLOSED_AT, from_us + 20 * DAY + i % (9 * DAY / SECOND) * SECOND);
    return apply(b, &e, memory);
}

static int64_t rate(struct bench *b, currency_code currency, int64_t nano)
{
    struct event_builder e;
    event_begin(&e, memory, KIND_RATE, TEXT("R"));
    event_add_number(&e, RATE_CURRENCY, currency);
    event_add_number(&e, RATE_DAY, from_us / DAY);
    event_add_number(&e, RATE_RATE, nano);
    return apply(b, &e, memory);
}

/* Works off, with a batch of events between two slices, until a snapshot may be cut. */
static void work_off(struct bench *b, const char *what, int64_t first_us)
{
    int64_t begun_us = clock_cpu_us(), longest_us = 0, slices = 0, events = 0, others_us = 0;
    for (bool done = false; !done; slices++) {
        int64_t slice_us = clock_cpu_us();
        done = shard_work(b->shard, SLICE);
        slice_us = clock_cpu_us() - slice_us;
        if (slice_us > longest_us)
            longest_us = slice_us;
        for (int i = 0; i < BATCH && !done; i++, events++)
            others_us += deal(b, 10000000 + (int)events, "other", NULL, 0);
    }
    printf("%-52s event %6lld us; %6lld slices, the longest %5lld us; %8.1f ms until a snapshot, of them %.1f for %lld "
           "events between\n",
           what, (long long)first_us, (long long)slices, (long long)longest_us,
           (double)(clock_cpu_us() - begun_us) / 1000, (double)others_us / 1000, (long long)events);
}

int main(int argc, char **argv)
{
    int payments = argc > 1 ? atoi(argv[1]) : 100000, deals = argc > 2 ? atoi(argv[2]) : 1000000;
    currency_code eur;
    REQUIRE(payments > 0 && deals > 0 && currency_parse(TEXT("EUR"), &eur) == OK);
    struct bench b;

    begin(&b);
    deal(&b, 0, "Anna", "C", 0);
    int64_t longest_us = 0, total_us = 0;
    for (int i = 0; i < payments; i++) {
        int64_t took_us = payment(&b, i * 7919 % payments, NULL, "C"); /* in no order */
        total_us += took_us;
        if (took_us > longest_us)
            longest_us = took_us;
    }
    shard_advance(b.shard, from_us + 40 * DAY);
    printf("%d payments of one customer: %.2f us a payment, the longest %lld us; one more %lld us\n", payments,
           (double)total_us / payments, (long long)longest_us, (long long)payment(&b, payments, NULL, "C"));
    end(&b);

    begin(&b);
    deal(&b, 0, "Anna", NULL, 0);
    for (int i = 0; i < payments; i++)
        payment(&b, i, "D0", NULL);
    shard_advance(b.shard, from_us + 40 * DAY);
    char what[80];
    snprintf(what, sizeof what, "a deal with %d payments changes its owner:", payments);
    work_off(&b, what, deal(&b, 0, "Boris", NULL, 0));
    end(&b);

    begin(&b);
    rate(&b, eur, 1100000000);
    for (int i = 0; i < deals; i++)
        deal(&b, i, i % 2 ? "Anna" : "Boris", NULL, eur);
    shard_advance(b.shard, from_us + 40 * DAY);
    while (!shard_work(b.shard, SLICE))
        ;
    snprintf(what, sizeof what, "a rate by which %d deals are valued:", deals);
    work_off(&b, what, rate(&b, eur, 1200000000));
    end(&b);
    return 0;
}
