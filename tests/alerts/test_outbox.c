/* Messages from the decision until they are over: noted before they are sent, and sent by whoever takes over. */
#include "alerts/outbox.h"
#include "base/error.h"
#include "tests/support/http_receiver.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct delivery_options QUICK = {.backoff_first_ms = 1, .backoff_most_ms = 4, .parallel_max = 4};
static const struct http_answer TAKEN[] = {{ANSWER_STATUS, 200, NULL}};

struct fixture {
    char url[64];
    struct receiver_config receivers[2];
    struct alert_config config;
    struct http_receiver *http;
    struct delivery *delivery;
    struct outbox outbox;
};

static void begin(struct fixture *f)
{
    f->delivery = delivery_create(&f->config, &QUICK);
    outbox_init(&f->outbox, &f->config, f->delivery);
}

static void end(struct fixture *f)
{
    outbox_fini(&f->outbox);
    delivery_destroy(f->delivery);
}

static void fixture_init(struct fixture *f)
{
    unsetenv("http_proxy");
    memset(f, 0, sizeof *f);
    f->http = http_receiver_open_script(0, TAKEN, 1);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d/", http_receiver_port(f->http));
    const char *names[] = {"sales", "chat"};
    for (size_t i = 0; i < 2; i++)
        f->receivers[i] = (struct receiver_config){.name = (char *)(uintptr_t)names[i],
                                                   .url = f->url,
                                                   .hmac_secret = (char *)(uintptr_t) "",
                                                   .timeout_ms = 30000};
    f->config = (struct alert_config){.receivers = f->receivers, .receiver_count = 2, .queue_max = 3};
    begin(f);
}

static void fixture_fini(struct fixture *f)
{
    end(f);
    http_receiver_close(f->http);
}

static void add(struct fixture *f, size_t receiver, const char *key)
{
    char body[64];
    snprintf(body, sizeof body, "{\"of\":\"%s\"}", key);
    outbox_add(&f->outbox, receiver, 7, key, must_strdup(body));
}

static struct alert_report *report(struct fixture *f)
{
    struct alert_report *r = alert_report_create();
    outbox_report(&f->outbox, r);
    return r;
}

/* Until so many are over, each once. */
static void await_over(struct fixture *f, size_t left)
{
    while (f->outbox.count > left) {
        http_receiver_await(f->http, 1);
        outbox_collect(&f->outbox);
    }
}

/* The values, as Redis would give them to the next one. */
static char **values_of(const struct alert_report *r)
{
    char **values = must_alloc((r->unsent_count + 1) * sizeof *values);
    for (size_t i = 0; i < r->unsent_count; i++) {
        values[i] = must_zalloc(r->unsent[i].json.len + 1);
        memcpy(values[i], r->unsent[i].json.at, r->unsent[i].json.len);
    }
    return values;
}

static void free_values(char **values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(values[i]);
    free(values);
}

/* A message of which nobody but us knows would be lost with us. */
Test(outbox, nothing_is_sent_before_it_is_noted)
{
    struct fixture f;
    fixture_init(&f);
    add(&f, 0, "a-1");
    add(&f, 0, "b-1");
    cr_expect(outbox_has_news(&f.outbox));
    struct alert_report *r = report(&f);
    cr_assert(eq(sz, r->unsent_count, 2));
    cr_expect(eq(i64, r->number, 2));
    cr_expect(text_equal(r->unsent[0].id, TEXT("a-1 sales")));
    cr_expect(not(outbox_has_news(&f.outbox)));
    alert_report_destroy(r);
    cr_expect(eq(sz, outbox_unnoted(&f.outbox), 2));
    cr_expect(eq(i64, counter_get(&delivery_counters(f.delivery)->queued), 0));

    cr_expect(eq(i64, outbox_noted(&f.outbox, 1), 1));
    cr_expect(eq(i64, outbox_noted(&f.outbox, 1), 0), "once");
    await_over(&f, 1);
    cr_expect(eq(sz, http_receiver_count(f.http), 1));
    cr_expect(eq(str, http_receiver_at(f.http, 0)->body, (char *)"{\"of\":\"a-1\"}"));
    r = report(&f);
    cr_expect(eq(sz, r->unsent_count, 0));
    cr_assert(eq(sz, r->sent_count, 1));
    cr_expect(text_equal(r->sent[0].id, TEXT("a-1 sales")));
    cr_expect(eq(i64, r->number, 2));
    alert_report_destroy(r);
    fixture_fini(&f);
}

/* The same key and the same bytes, in the same order, and the next numbers go on behind. */
Test(outbox, what_is_taken_over_is_sent_as_it_was)
{
    struct fixture f;
    fixture_init(&f);
    add(&f, 0, "a-1-firing");
    add(&f, 0, "a-1-resolved");
    add(&f, 1, "a-1-firing");
    struct alert_report *r = report(&f);
    char **values = values_of(r);
    end(&f);
    begin(&f);
    char *swap = values[0]; /* a hash has no order */
    values[0] = values[1];
    values[1] = swap;
    cr_expect(eq(sz, outbox_adopt(&f.outbox, values, 3), 0));
    cr_expect(eq(sz, outbox_adopt(&f.outbox, values, 3), 0));
    cr_expect(eq(sz, f.outbox.count, 3), "each once");
    struct alert_report *again = report(&f);
    cr_assert(eq(sz, again->unsent_count, 3));
    for (size_t i = 0; i < 3; i++)
        cr_expect(text_equal(again->unsent[i].json, r->unsent[i].json));
    alert_report_destroy(again);
    add(&f, 1, "b-1-firing");
    cr_expect(eq(i64, f.outbox.last, 4));
    await_over(&f, 1);
    size_t at[2] = {0}, found = 0;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(http_receiver_at(f.http, i)->body, "{\"of\":\"a-1-resolved\"}") == 0)
            at[1] = i;
        else if (found++ == 0)
            at[0] = i;
    }
    cr_expect(lt(sz, at[0], at[1]), "resolved does not overtake firing");
    alert_report_destroy(r);
    free_values(values, 3);
    fixture_fini(&f);
}

/* What is not understood does no harm; what is for a receiver that there is no more leaves Redis. */
Test(outbox, what_is_spoilt_or_for_nobody_is_refused)
{
    struct fixture f;
    fixture_init(&f);
    const char *bad[] = {"",
                         "[]",
                         "{\"number\":1}",
                         "{\"number\":0,\"receiver\":\"sales\",\"order\":1,\"key\":\"k\",\"body\":\"{}\"}",
                         "{\"number\":\"1\",\"receiver\":\"sales\",\"order\":1,\"key\":\"k\",\"body\":\"{}\"}",
                         "{\"number\":1,\"receiver\":\"gone\",\"order\":1,\"key\":\"k\",\"body\":\"{}\"}"};
    cr_expect(eq(sz, outbox_adopt(&f.outbox, (char *const *)(uintptr_t)bad, 6), 6));
    cr_expect(eq(sz, f.outbox.count, 0));
    struct alert_report *r = report(&f);
    cr_assert(eq(sz, r->sent_count, 1));
    cr_expect(text_equal(r->sent[0].id, TEXT("k gone")));
    alert_report_destroy(r);
    fixture_fini(&f);
}

Test(outbox, it_is_bounded_for_each_receiver)
{
    struct fixture f;
    fixture_init(&f);
    for (int i = 0; i < 5; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        add(&f, 0, key);
    }
    add(&f, 1, "other");
    cr_expect(eq(sz, f.outbox.count, 4));
    cr_expect(eq(i64, counter_get(&delivery_counters(f.delivery)->dropped), 2));
    cr_expect(eq(i64, outbox_noted(&f.outbox, f.outbox.last), 4));
    await_over(&f, 0);
    fixture_fini(&f);
}

/* Another instance has taken over: it sends them, not we. */
Test(outbox, what_is_left_to_another_instance_is_not_sent)
{
    struct fixture f;
    fixture_init(&f);
    delivery_allow_until(f.delivery, 0);
    add(&f, 0, "a-1");
    add(&f, 0, "b-1");
    outbox_noted(&f.outbox, 1);
    outbox_forget(&f.outbox);
    cr_expect(eq(sz, f.outbox.count, 0));
    cr_expect(not(outbox_has_news(&f.outbox)));
    delivery_allow_until(f.delivery, INT64_MAX);
    add(&f, 0, "c-1");
    cr_expect(eq(i64, f.outbox.last, 3), "no number twice");
    outbox_noted(&f.outbox, 3);
    await_over(&f, 0);
    cr_expect(eq(sz, http_receiver_count(f.http), 1));
    cr_expect(eq(str, http_receiver_at(f.http, 0)->body, (char *)"{\"of\":\"c-1\"}"));
    cr_expect(eq(i64, counter_get(&delivery_counters(f.delivery)->forgotten), 1));
    fixture_fini(&f);
}

/* Past the lease nothing goes out, however much waits; when it lives on, everything does. */
Test(outbox, past_the_lease_nothing_goes_out)
{
    struct fixture f;
    fixture_init(&f);
    delivery_allow_until(f.delivery, 1);
    add(&f, 0, "a-1");
    outbox_noted(&f.outbox, 1);
    delivery_stop(f.delivery, 0); /* its last round included */
    cr_expect(eq(sz, http_receiver_count(f.http), 0));
    cr_expect(not(outbox_collect(&f.outbox)), "it is not over: whoever comes next sends it");
    end(&f);
    begin(&f);
    delivery_allow_until(f.delivery, 1);
    add(&f, 0, "a-1");
    outbox_noted(&f.outbox, 1);
    delivery_allow_until(f.delivery, INT64_MAX);
    await_over(&f, 0);
    cr_expect(eq(sz, http_receiver_count(f.http), 1));
    fixture_fini(&f);
}
