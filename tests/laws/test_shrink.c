/* Shrinking: a law that fails is told with the least history that makes it fail, as files that `kpid replay` reads. */
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/random.h"
#include "tests/support/shrink.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A planted fault: wrong where a deal has been given an amount and a payment a date, somewhere. */
static bool planted(void *context, const struct event_list *events)
{
    bool amount = false, paid = false;
    for (size_t i = 0; i < events->count; i++) {
        const struct event *e = events->at[i];
        amount = amount || (e->kind == KIND_DEAL && e->carried & ~e->cleared & 1u << DEAL_AMOUNT);
        paid = paid || (e->kind == KIND_PAYMENT && e->carried & ~e->cleared & 1u << PAYMENT_PAID_AT);
    }
    if (amount && paid && context != NULL)
        abort();
    return !(amount && paid);
}

static void make_events(struct event_list *events)
{
    struct random r = {random_seed(41)};
    struct history_options o = {
        .from_us = INT64_C(1709000000) * SECOND, .span_us = 40 * DAY, .count = 500, .records = 15};
    make_history(events, &r, &o);
}

static void expect_least(struct law *law)
{
    struct event_list events = {0}, least = {0};
    make_events(&events);
    cr_assert(!law_holds(law, &events));
    shrink(law, &events, &least);
    cr_assert(least.count == 2, "%zu events", least.count);
    for (size_t i = 0; i < least.count; i++) {
        const struct event *e = least.at[i];
        cr_expect(e->carried == 1u << (e->kind == KIND_DEAL ? (unsigned)DEAL_AMOUNT : (unsigned)PAYMENT_PAID_AT));
    }
    cr_expect(!law_holds(law, &least));
    event_list_fini(&events);
    event_list_fini(&least);
}

Test(shrink, finds_the_two_events_and_their_two_fields)
{
    expect_least(&(struct law){"planted", planted, NULL, NULL});
}

/* A REQUIRE ends the process; the history that leads to it must be found all the same. */
Test(shrink, finds_what_ends_the_process)
{
    int nothing = 0;
    expect_least(&(struct law){"aborting", planted, NULL, &nothing});
}

static void expect_file(const char *folder, const char *name, const char *expected)
{
    char path[300], content[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    cr_assert(f != NULL, "%s", path);
    size_t length = fread(content, 1, sizeof content - 1, f);
    content[length] = '\0';
    fclose(f);
    cr_expect_str_eq(content, expected, "%s: %s", name, content);
    unlink(path);
}

Test(shrink, writes_what_replay_reads)
{
    struct core core;
    core_init(&core, "Europe/Berlin", 7, 4);
    core_vary(&core, &(struct core_variant){"", CORRECTIONS_BOOK, "2024-03-18", CREDIT_AT_CLOSE, 0});
    core.config->window_count = 2;
    struct event_list events = {0};
    event_list_add(&events,
                   make_event(KIND_DEAL, "D\"1", 1709000000 * SECOND + 7,
                              (struct given[]){NAME(FIELD_MANAGER, "Zo\\e"), CLEARED(DEAL_STAGE),
                                               NUMBER(DEAL_AMOUNT, -12500000), NUMBER(DEAL_CLOSED_AT, 0), END}));
    event_list_add(&events, make_deletion(KIND_DEAL, "D2", 1709000001 * SECOND));
    event_list_add(&events, make_event(KIND_RATE, "R", 0,
                                       (struct given[]){NUMBER(RATE_CURRENCY, 'E' << 16 | 'U' << 8 | 'R'),
                                                        NUMBER(RATE_DAY, 19782), NUMBER(RATE_RATE, 1080000000), END}));
    event_list_add(&events, make_event(KIND_PAYMENT, "P", 0, (struct given[]){NUMBER(PAYMENT_KIND, 1), END}));
    event_list_add(&events, make_event(KIND_MEMBER, "M", 0, (struct given[]){NUMBER(MEMBER_LEAD, 1), END}));
    char folder[] = "/tmp/kpid-shrink-XXXXXX";
    cr_assert(mkdtemp(folder) != NULL);
    struct buffer command;
    buffer_init(&command);
    shrink_write(&events, &core, 1709000002 * SECOND, folder, &command);
    buffer_char(&command, '\0');

    expect_file(
        folder, "kpid.yaml",
        "company:\n  time_zone: Europe/Berlin\n  week_start: sunday\n  fiscal_year_start: april\n  credit: at_close\n"
        "corrections:\n  mode: book\n  lock: \"2024-03-18\"\nlimits:\n  entities_max: 100000\nwindows: [1m, 5m]\n");
    expect_file(
        folder, "deals.ndjson",
        "{\"deal_id\": \"D\\\"1\", \"occurred_at\": \"2024-02-27T02:13:20.000007Z\", \"manager_id\": \"Zo\\\\e\", "
        "\"stage\": null, \"amount\": \"-12.5\", \"closed_at\": \"1970-01-01T00:00:00.000000Z\"}\n"
        "{\"deal_id\": \"D2\", \"occurred_at\": \"2024-02-27T02:13:21.000000Z\", \"deleted\": true}\n");
    expect_file(folder, "rates.ndjson",
                "{\"rate_id\": \"R\", \"occurred_at\": \"1970-01-01T00:00:00.000000Z\", \"currency\": \"EUR\", "
                "\"day\": \"2024-02-29\", \"rate\": \"1.080000000\"}\n");
    expect_file(folder, "payments.ndjson",
                "{\"payment_id\": \"P\", \"occurred_at\": \"1970-01-01T00:00:00.000000Z\", \"kind\": \"refund\"}\n");
    expect_file(folder, "members.ndjson",
                "{\"member_id\": \"M\", \"occurred_at\": \"1970-01-01T00:00:00.000000Z\", \"lead\": true}\n");
    cr_expect(strstr(command.at, "--as-of 2024-02-27T02:13:22.000Z --deals ") != NULL, "%s", command.at);
    cr_expect(rmdir(folder) == 0);
    buffer_fini(&command);
    event_list_fini(&events);
    core_fini(&core);
}
