/* Against a real HTTP server that fails in the ways in which receivers fail. */
#include "alerts/delivery.h"
#include "alerts/signature.h"
#include "tests/support/free_port.h"
#include "tests/support/http_receiver.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Long enough never to be reached by a test that passes. */
#define PATIENCE_MS 120000

static const struct delivery_options QUICK = {.backoff_first_ms = 1, .backoff_most_ms = 4, .parallel_max = 4};

/* One delivery thread with one receiver (or two, on the same port with other paths). */
struct fixture {
    struct receiver_config receivers[2];
    char urls[2][64];
    struct alert_config config;
    struct delivery *delivery;
};

static void fixture_init(struct fixture *f, int port, const struct delivery_options *options)
{
    unsetenv("http_proxy");
    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < 2; i++) {
        snprintf(f->urls[i], sizeof f->urls[i], "http://127.0.0.1:%d/hook/%zu", port, i);
        f->receivers[i] = (struct receiver_config){.name = (char *)(i ? "second" : "first"),
                                                   .url = f->urls[i],
                                                   .hmac_secret = (char *)"",
                                                   .timeout_ms = PATIENCE_MS};
    }
    f->config = (struct alert_config){.receivers = f->receivers, .receiver_count = 2, .every_ms = 10, .queue_max = 100};
    f->delivery = delivery_create(&f->config, options);
}

static void submit(struct fixture *f, size_t receiver, uint64_t order, const char *key)
{
    char body[64];
    snprintf(body, sizeof body, "{\"key\":\"%s\"}", key);
    (void)delivery_submit(f->delivery, receiver, order, 0, key, text_of(body));
}

static int64_t number(const struct counter *c)
{
    return counter_get(c);
}

/* There is nothing to wait on but the number itself. The thread counts one thing after the other: what was waited for
 * says nothing of another number. */
static void await_number(const struct counter *c, int64_t least)
{
    while (counter_get(c) < least) {
        sched_yield();
    }
}

static void await_fall(const struct counter *c, int64_t most)
{
    while (counter_get(c) > most) {
        sched_yield();
    }
}

/* The identities of delivery.h, and the numbers that the test expects. */
static void expect_counts(const struct fixture *f, int64_t delivered, int64_t retried, int64_t failed)
{
    const struct delivery_counters *c = delivery_counters(f->delivery);
    cr_expect(eq(i64, number(&c->queued), number(&c->delivered) + number(&c->failed) + number(&c->waiting)));
    cr_expect(eq(i64, number(&c->delivered), delivered), "delivered");
    cr_expect(eq(i64, number(&c->retried), retried), "retried");
    cr_expect(eq(i64, number(&c->failed), failed), "failed");
}

static void key_of(struct http_receiver *r, size_t i, char out[64])
{
    http_header(http_receiver_at(r, i), "Idempotency-Key", out, 64);
}

/* All requests are one delivery: the same key and the same bytes. */
static void expect_repeats(struct http_receiver *r, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        char got[64];
        key_of(r, i, got);
        cr_expect(eq(str, got, (char *)key), "request %zu", i);
        cr_expect(eq(str, http_receiver_at(r, i)->body, http_receiver_at(r, 0)->body));
    }
}

Test(delivery, arrives_once_with_key_type_and_body)
{
    struct http_answer script[] = {{ANSWER_STATUS, 200, NULL}};
    struct http_receiver *r = http_receiver_open_script(0, script, 1);
    struct fixture f;
    fixture_init(&f, http_receiver_port(r), &QUICK);
    submit(&f, 0, 1, "k-1");
    cr_assert(eq(sz, http_receiver_await(r, 1), 1));
    delivery_stop(f.delivery, PATIENCE_MS);
    expect_counts(&f, 1, 0, 0);
    cr_expect(eq(sz, http_receiver_count(r), 1));
    const struct http_request *request = http_receiver_at(r, 0);
    cr_expect(eq(str, request->body, (char *)"{\"key\":\"k-1\"}"));
    cr_expect(eq(int, strncmp(request->head, "POST /hook/0 HTTP/1.1\r\n", 23), 0));
    char value[128];
    http_header(request, "Content-Type", value, sizeof value);
    cr_expect(eq(str, value, (char *)"application/json"));
    http_header(request, "X-Kpid-Signature", value, sizeof value);
    cr_expect(eq(str, value, (char *)""), "no secret, no signature");
    http_header(request, "Expect", value, sizeof value);
    cr_expect(eq(str, value, (char *)""));
    expect_repeats(r, 1, "k-1");
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

Test(delivery, signs_the_body_and_adds_the_headers_of_the_configuration)
{
    struct http_answer script[] = {{ANSWER_STATUS, 204, NULL}};
    struct http_receiver *r = http_receiver_open_script(0, script, 1);
    struct fixture f;
    fixture_init(&f, http_receiver_port(r), &QUICK);
    struct kafka_property headers[] = {{(char *)"Authorization", (char *)"Bearer abc"}};
    f.receivers[0].hmac_secret = (char *)"secret";
    f.receivers[0].headers = headers;
    f.receivers[0].header_count = 1;
    submit(&f, 0, 1, "k");
    cr_assert(eq(sz, http_receiver_await(r, 1), 1));
    char value[128];
    const struct http_request *request = http_receiver_at(r, 0);
    http_header(request, "Authorization", value, sizeof value);
    cr_expect(eq(str, value, (char *)"Bearer abc"));
    struct buffer expected;
    buffer_init(&expected);
    signature_format(&expected, TEXT("secret"), (struct text){request->body, request->body_len});
    http_header(request, "X-Kpid-Signature", value, sizeof value);
    cr_expect(eq(str, value, expected.at));
    buffer_fini(&expected);
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

/* Each of these passes: the delivery is made again, as it was, until it is taken. Where the time-out is short, the answer
 * that takes it can be late as well, and it is made once more. */
static void expect_retry(struct http_answer first, int64_t timeout_ms)
{
    struct http_answer script[] = {first, first, {ANSWER_STATUS, 200, NULL}};
    struct http_receiver *r = http_receiver_open_script(0, script, 3);
    struct fixture f;
    fixture_init(&f, http_receiver_port(r), &QUICK);
    f.receivers[0].timeout_ms = timeout_ms;
    submit(&f, 0, 1, "again");
    cr_assert(eq(sz, http_receiver_await(r, 3), 3));
    delivery_stop(f.delivery, PATIENCE_MS);
    int64_t retried = number(&delivery_counters(f.delivery)->retried);
    cr_expect(timeout_ms == PATIENCE_MS ? retried == 2 : retried >= 2, "retried %lld times", (long long)retried);
    expect_counts(&f, 1, retried, 0);
    expect_repeats(r, http_receiver_count(r), "again");
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

Test(delivery, is_repeated_after_500)
{
    expect_retry((struct http_answer){ANSWER_STATUS, 500, NULL}, PATIENCE_MS);
}

Test(delivery, is_repeated_after_503)
{
    expect_retry((struct http_answer){ANSWER_STATUS, 503, NULL}, PATIENCE_MS);
}

Test(delivery, is_repeated_after_408)
{
    expect_retry((struct http_answer){ANSWER_STATUS, 408, NULL}, PATIENCE_MS);
}

Test(delivery, is_repeated_when_the_connection_is_closed_without_an_answer)
{
    expect_retry((struct http_answer){ANSWER_CLOSE, 0, NULL}, PATIENCE_MS);
}

/* The time-out is the configuration's; what comes too late counts as not delivered. */
Test(delivery, is_repeated_when_the_receiver_is_slow)
{
    expect_retry((struct http_answer){ANSWER_HANG, 0, NULL}, 150);
}

Test(delivery, is_repeated_when_the_answer_stops_in_its_head)
{
    expect_retry((struct http_answer){ANSWER_HALF_HEAD, 0, NULL}, 150);
}

Test(delivery, is_repeated_when_the_answer_stops_in_its_body)
{
    expect_retry((struct http_answer){ANSWER_HALF_BODY, 200, NULL}, 150);
}

/* The body of an answer is of no interest and must not fill the memory. */
Test(delivery, reads_only_so_much_of_an_answer)
{
    struct http_answer script[] = {{ANSWER_ENDLESS, 200, NULL}};
    struct http_receiver *r = http_receiver_open_script(0, script, 1);
    struct fixture f;
    fixture_init(&f, http_receiver_port(r), &QUICK);
    submit(&f, 0, 1, "k");
    delivery_stop(f.delivery, PATIENCE_MS);
    expect_counts(&f, 1, 0, 0);
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

/* Nobody listens; then somebody does. */
Test(delivery, is_repeated_while_the_connection_is_refused)
{
    int port = free_port();
    struct fixture f;
    fixture_init(&f, port, &QUICK);
    submit(&f, 0, 1, "refused");
    await_number(&delivery_counters(f.delivery)->retried, 3);
    struct http_answer script[] = {{ANSWER_STATUS, 200, NULL}};
    struct http_receiver *r = http_receiver_open_script(port, script, 1);
    cr_assert(eq(sz, http_receiver_await(r, 1), 1));
    delivery_stop(f.delivery, PATIENCE_MS);
    const struct delivery_counters *c = delivery_counters(f.delivery);
    cr_expect(eq(i64, counter_get(&c->delivered), 1));
    cr_expect(eq(i64, counter_get(&c->failed), 0));
    cr_expect(eq(sz, http_receiver_count(r), 1));
    expect_repeats(r, 1, "refused");
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

/* The back-off here is 4 ms at most: whoever is told to wait longer than that does not come before. */
Test(delivery, comes_back_after_the_time_that_retry_after_names)
{
    struct http_answer script[] = {{ANSWER_STATUS, 429, "Retry-After: 1\r\n"}, {ANSWER_STATUS, 200, NULL}};
    struct http_receiver *r = http_receiver_open_script(0, script, 2);
    struct fixture f;
    fixture_init(&f, http_receiver_port(r), &QUICK);
    submit(&f, 0, 1, "later");
    cr_assert(eq(sz, http_receiver_await(r, 2), 2));
    delivery_stop(f.delivery, PATIENCE_MS);
    expect_counts(&f, 1, 1, 0);
    expect_repeats(r, 2, "later");
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

/* Not even the last chance at a stop breaks it, nor another delivery to the same receiver: one at a time, so that this
 * one cannot be under way before the refusal of the first has come. */
Test(delivery, does_not_come_back_before_the_time_that_retry_after_names)
{
    const int statuses[] = {429, 503, 500};
    struct delivery_options one_at_a_time = QUICK;
    one_at_a_time.parallel_max = 1;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct http_answer script[] = {{ANSWER_STATUS, statuses[i], "Retry-After: 3600\r\n"},
                                       {ANSWER_STATUS, 200, NULL}};
        struct http_receiver *r = http_receiver_open_script(0, script, 2);
        struct fixture f;
        fixture_init(&f, http_receiver_port(r), &one_at_a_time);
        submit(&f, 0, 1, "later");
        submit(&f, 0, 2, "another");
        cr_assert(eq(sz, http_receiver_await(r, 1), 1));
        delivery_stop(f.delivery, 100);
        expect_counts(&f, 0, 0, 2);
        cr_expect(eq(sz, http_receiver_count(r), 1));
        delivery_destroy(f.delivery);
        http_receiver_close(r);
    }
}

/* What no repeat can mend is not repeated, and a redirect is not followed. */
Test(delivery, is_given_up_where_no_repeat_can_help)
{
    const int statuses[] = {301, 307, 400, 401, 404, 413, 501};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct http_answer script[] = {{ANSWER_STATUS, statuses[i], "Location: /elsewhere\r\n"}};
        struct http_receiver *r = http_receiver_open_script(0, script, 1);
        struct fixture f;
        fixture_init(&f, http_receiver_port(r), &QUICK);
        submit(&f, 0, 1, "k");
        cr_assert(eq(sz, http_receiver_await(r, 1), 1));
        submit(&f, 0, 2, "k2"); /* and the next one goes out */
        cr_assert(eq(sz, http_receiver_await(r, 2), 2));
        delivery_stop(f.delivery, PATIENCE_MS);
        expect_counts(&f, 0, 0, 2);
        cr_expect(eq(sz, http_receiver_count(r), 2));
        delivery_destroy(f.delivery);
        http_receiver_close(r);
    }
}

Test(delivery, other_protocols_are_not_spoken)
{
    struct fixture f;
    fixture_init(&f, 1, &QUICK);
    f.receivers[0].url = (char *)"file:///etc/passwd";
    f.receivers[1].url = (char *)"ftp://127.0.0.1/x";
    submit(&f, 0, 1, "a");
    submit(&f, 1, 1, "b");
    await_number(&delivery_counters(f.delivery)->failed, 2);
    delivery_stop(f.delivery, PATIENCE_MS);
    expect_counts(&f, 0, 0, 2);
    delivery_destroy(f.delivery);
}

Test(delivery, is_given_up_when_it_is_too_old)
{
    struct fixture f;
    fixture_init(&f, free_port(), &QUICK);
    f.receivers[0].retry_for_ms = 1000;
    for (int i = 0; i < 5; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        submit(&f, 0, (uint64_t)i, key);
    }
    await_number(&delivery_counters(f.delivery)->failed, 5);
    cr_expect(lt(i64, 0, counter_get(&delivery_counters(f.delivery)->retried)));
    delivery_destroy(f.delivery);
}

static struct http_answer first_key_fails_twice(void *context, const struct http_request *request, size_t index)
{
    (void)index;
    int *failures = context;
    if (strstr(request->body, "\"firing-7\"") && (*failures)++ < 2) {
        return (struct http_answer){ANSWER_STATUS, 500, NULL};
    }
    return (struct http_answer){ANSWER_STATUS, 200, NULL};
}

/* Resolved must not overtake firing; but alerts that have nothing to do with it may. */
Test(delivery, keeps_the_order_of_one_alert)
{
    int failures = 0;
    struct http_receiver *r = http_receiver_open(0, first_key_fails_twice, &failures);
    struct fixture f;
    fixture_init(&f, http_receiver_port(r), &QUICK);
    submit(&f, 0, 7, "firing-7");
    submit(&f, 0, 7, "resolved-7");
    submit(&f, 0, 7, "firing-7b");
    submit(&f, 0, 8, "firing-8");
    cr_assert(eq(sz, http_receiver_await(r, 6), 6));
    delivery_stop(f.delivery, PATIENCE_MS);
    expect_counts(&f, 4, 2, 0);
    const char *expected[] = {"firing-7", "firing-7", "firing-7", "resolved-7", "firing-7b"};
    size_t next = 0;
    for (size_t i = 0; i < 6; i++) {
        char key[64];
        key_of(r, i, key);
        if (strcmp(key, "firing-8") != 0) {
            cr_assert(lt(sz, next, 5));
            cr_expect(eq(str, key, (char *)expected[next++]));
        }
    }
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

static struct http_answer first_path_is_away(void *context, const struct http_request *request, size_t index)
{
    (void)context;
    (void)index;
    return (struct http_answer){ANSWER_STATUS, strstr(request->head, "/hook/0") ? 503 : 200, NULL};
}

/* A receiver that is away holds up nobody else, and its queue ends where the configuration says. */
Test(delivery, a_receiver_that_is_away_fills_its_own_queue_only)
{
    struct http_receiver *r = http_receiver_open(0, first_path_is_away, NULL);
    struct fixture f;
    const struct delivery_options slow = {
        .backoff_first_ms = PATIENCE_MS, .backoff_most_ms = PATIENCE_MS, .parallel_max = 4};
    fixture_init(&f, http_receiver_port(r), &slow);
    for (int i = 0; i < 250; i++) {
        char key[16];
        snprintf(key, sizeof key, "a%d", i);
        submit(&f, 0, (uint64_t)i, key);
    }
    const struct delivery_counters *c = delivery_counters(f.delivery);
    cr_expect(eq(i64, counter_get(&c->queued), 100));
    cr_expect(eq(i64, counter_get(&c->dropped), 150));
    for (int i = 0; i < 50; i++) {
        char key[16];
        snprintf(key, sizeof key, "b%d", i);
        submit(&f, 1, (uint64_t)i, key);
    }
    await_number(&c->delivered, 50);
    await_fall(&c->waiting, 100);
    cr_expect(eq(i64, counter_get(&c->waiting), 100));
    delivery_stop(f.delivery, PATIENCE_MS); /* one more try, and no second one while it stays away */
    cr_expect(eq(i64, counter_get(&c->failed), 100));
    cr_expect(eq(i64, counter_get(&c->waiting), 0));
    cr_expect(le(sz, http_receiver_count(r), 50 + 4 + 4));
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

/* A stop cuts the back-off short: what failed a moment ago has its last chance at once. */
Test(delivery, a_stop_gives_a_last_chance)
{
    struct http_answer script[] = {{ANSWER_STATUS, 503, NULL}, {ANSWER_STATUS, 200, NULL}};
    struct http_receiver *r = http_receiver_open_script(0, script, 2);
    struct fixture f;
    const struct delivery_options slow = {.backoff_first_ms = 3600000, .backoff_most_ms = 3600000, .parallel_max = 1};
    fixture_init(&f, http_receiver_port(r), &slow);
    submit(&f, 0, 1, "k");
    cr_assert(eq(sz, http_receiver_await(r, 1), 1));
    delivery_stop(f.delivery, PATIENCE_MS);
    expect_counts(&f, 1, 1, 0);
    expect_repeats(r, 2, "k");
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

/* And does not wait for one that never answers: this test ends, long before its time-out. */
Test(delivery, a_stop_does_not_wait_for_ever, .timeout = 60)
{
    struct http_answer script[] = {{ANSWER_HANG, 0, NULL}};
    struct http_receiver *r = http_receiver_open_script(0, script, 1);
    struct fixture f;
    fixture_init(&f, http_receiver_port(r), &QUICK);
    submit(&f, 0, 1, "a");
    submit(&f, 0, 2, "b");
    cr_assert(eq(sz, http_receiver_await(r, 2), 2));
    delivery_stop(f.delivery, 50);
    expect_counts(&f, 0, 0, 2);
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}

Test(delivery, many_arrive_each_once)
{
    struct http_answer script[] = {{ANSWER_STATUS, 200, NULL}};
    struct http_receiver *r = http_receiver_open_script(0, script, 1);
    struct fixture f;
    fixture_init(&f, http_receiver_port(r), &QUICK);
    f.config.queue_max = 1000;
    delivery_destroy(f.delivery);
    f.delivery = delivery_create(&f.config, &QUICK);
    for (int i = 0; i < 300; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        submit(&f, (size_t)i % 2, (uint64_t)i % 20, key);
    }
    cr_assert(eq(sz, http_receiver_await(r, 300), 300));
    delivery_stop(f.delivery, PATIENCE_MS);
    expect_counts(&f, 300, 0, 0);
    static bool seen[300];
    for (size_t i = 0; i < 300; i++) {
        char key[64];
        key_of(r, i, key);
        int n = atoi(key + 1);
        cr_expect(not(seen[n]));
        seen[n] = true;
    }
    delivery_destroy(f.delivery);
    http_receiver_close(r);
}
