/* Against a real Redis: one instance has the lease, and a publisher without it writes nothing. */
#include "base/process.h"
#include "publishers/lease.h"
#include "tests/publishers/publisher_fixture.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <unistd.h>

#define LENGTH_MS 600000

struct instance {
    struct redis *redis;
    struct keys keys;
    struct lease lease;
};

static void instance_init(struct instance *i, struct redis_server *server, const char *name)
{
    keys_init(&i->keys, "default");
    lease_init(&i->lease, name, LENGTH_MS);
    i->redis = fixture_connect(server);
}

static void instance_fini(struct instance *i)
{
    redis_close(i->redis);
    lease_fini(&i->lease);
    keys_fini(&i->keys);
}

static enum lease_result seek(struct instance *i, bool ready)
{
    struct redis_failure failure = {0};
    return lease_seek(&i->lease, i->redis, &i->keys, ready, &failure);
}

static enum lease_result renew(struct instance *i)
{
    struct redis_failure failure = {0};
    return lease_renew(&i->lease, i->redis, &i->keys, &failure);
}

static bool release(struct instance *i)
{
    struct redis_failure failure = {0};
    return lease_release(&i->lease, i->redis, &i->keys, &failure);
}

static const char *value_of(struct redis_server *s)
{
    static char text[512];
    redis_ask_text(s, text, sizeof text, "GET kpid:{default}:lease");
    return text;
}

static int ttl_of(struct redis_server *s)
{
    char text[32];
    redis_ask_text(s, text, sizeof text, "PTTL kpid:{default}:lease");
    return (int)strtol(text, NULL, 10);
}

Test(lease, one_of_two_has_it_until_it_is_given_up)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct instance a, b;
    instance_init(&a, s, "a");
    instance_init(&b, s, "b");
    cr_expect(eq(int, seek(&a, true), LEASE_HELD));
    cr_expect(lt(int, LENGTH_MS - 60000, ttl_of(s)));
    cr_expect(le(int, ttl_of(s), LENGTH_MS));
    cr_expect(eq(int, seek(&b, true), LEASE_OTHERS));
    cr_expect(eq(str, b.lease.other.at, "a"));
    cr_expect(not(b.lease.held));
    cr_expect(eq(int, renew(&b), LEASE_OTHERS));
    cr_expect(eq(int, renew(&a), LEASE_HELD));

    cr_expect(release(&b), "what it does not have it cannot give up");
    cr_expect(eq(int, seek(&b, true), LEASE_OTHERS));
    cr_expect(release(&a));
    cr_expect(eq(str, (char *)value_of(s), ""));
    cr_expect(eq(int, seek(&b, true), LEASE_HELD));
    cr_expect(eq(int, renew(&a), LEASE_OTHERS));
    instance_fini(&a);
    instance_fini(&b);
    redis_server_stop(s);
}

/* A name is for people: two instances of the same one are two. */
Test(lease, a_name_that_is_the_same_is_no_key)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct instance a, b;
    instance_init(&a, s, "host");
    instance_init(&b, s, "host");
    cr_expect(eq(int, seek(&a, true), LEASE_HELD));
    cr_expect(eq(int, seek(&b, true), LEASE_OTHERS), "this process runs");
    cr_expect(eq(int, seek(&a, true), LEASE_HELD));
    instance_fini(&a);
    instance_fini(&b);
    redis_server_stop(s);
}

/* The only instance was killed and starts again: it need not wait for its own lease. */
Test(lease, the_one_of_a_predecessor_that_has_ended_is_free)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct instance b, other;
    instance_init(&b, s, "host");
    instance_init(&other, s, "another");
    struct buffer gone;
    buffer_init(&gone);
    process_identity_format(&gone);
    buffer_string(&gone, "1"); /* our number, another start: a process that has ended */
    freeReplyObject(redis_ask(s, "SET kpid:{default}:lease %b", "ready 0123 x host", (size_t)17));
    cr_expect(eq(int, seek(&b, true), LEASE_OTHERS), "who knows where x is");
    char value[256];
    int len = snprintf(value, sizeof value, "ready 0123 %s host", gone.at);
    freeReplyObject(redis_ask(s, "SET kpid:{default}:lease %b", value, (size_t)len));
    cr_expect(eq(int, seek(&other, true), LEASE_OTHERS), "another name waits: it is not its predecessor");
    cr_expect(eq(int, seek(&b, false), LEASE_HELD));
    cr_expect(lt(int, 0, ttl_of(s)));
    buffer_fini(&gone);
    instance_fini(&b);
    instance_fini(&other);
    redis_server_stop(s);
}

/* Whoever still reads the past must not keep out one that is ready. */
Test(lease, one_that_is_ready_takes_the_place_of_one_that_waits)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct instance a, b;
    instance_init(&a, s, "a");
    instance_init(&b, s, "b");
    cr_expect(eq(int, seek(&a, false), LEASE_HELD));
    cr_expect(eq(int, seek(&b, false), LEASE_OTHERS), "it is no further itself");
    cr_expect(eq(int, seek(&b, true), LEASE_HELD));
    cr_expect(eq(int, renew(&a), LEASE_OTHERS));
    cr_expect(eq(int, seek(&a, true), LEASE_OTHERS));

    cr_expect(release(&b));
    cr_expect(eq(int, seek(&a, false), LEASE_HELD));
    cr_expect(eq(int, seek(&a, true), LEASE_HELD), "it has read far enough");
    cr_expect(eq(int, seek(&b, true), LEASE_OTHERS));
    instance_fini(&a);
    instance_fini(&b);
    redis_server_stop(s);
}

/* It expired while its holder was busy, and nobody came: the holder goes on. */
Test(lease, an_expired_one_is_renewed_while_nobody_has_it)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct instance a;
    instance_init(&a, s, "a");
    cr_expect(eq(int, seek(&a, true), LEASE_HELD));
    freeReplyObject(redis_ask(s, "DEL kpid:{default}:lease"));
    cr_expect(eq(int, renew(&a), LEASE_HELD));
    cr_expect(lt(int, 0, ttl_of(s)));
    cr_expect(eq(int, strncmp(value_of(s), "ready ", 6), 0));
    instance_fini(&a);
    redis_server_stop(s);
}

/* Whatever somebody put there is somebody's, until it expires or is deleted. */
Test(lease, a_spoilt_one_is_not_ours)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct instance a;
    instance_init(&a, s, "a");
    const char *spoilt[] = {"x", " ", "ready", "waiting", "ready  x a"};
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        freeReplyObject(redis_ask(s, "SET kpid:{default}:lease %b", spoilt[i], strlen(spoilt[i])));
        cr_expect(eq(int, seek(&a, false), LEASE_OTHERS), "'%s'", spoilt[i]);
        cr_expect(eq(int, renew(&a), LEASE_OTHERS), "'%s'", spoilt[i]);
        cr_expect(release(&a));
        cr_expect(eq(str, (char *)value_of(s), (char *)spoilt[i]));
    }
    freeReplyObject(redis_ask(s, "DEL kpid:{default}:lease"));
    freeReplyObject(redis_ask(s, "SADD kpid:{default}:lease x"));
    struct redis_failure failure = {0};
    cr_expect(eq(int, lease_seek(&a.lease, a.redis, &a.keys, true, &failure), LEASE_FAILED));
    cr_expect(eq(int, failure.trouble, TROUBLE_WRONGTYPE));
    instance_fini(&a);
    redis_server_stop(s);
}

/* ---- the same, as publishers see it ---- */

struct pair {
    struct fixture a, b;
};

/* a publishes a deal of 100, b stands by with the same deal. */
static void pair_init(struct pair *p)
{
    fixture_init(&p->a, NULL);
    fixture_init(&p->b, p->a.server);
    fixture_deal(&p->a, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&p->b, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&p->a);
    fixture_step(&p->b);
    cr_assert(eq(int, fixture_status(&p->b).state, PUBLISHER_STANDBY));
}

static void pair_fini(struct pair *p)
{
    p->b.server = NULL;
    fixture_fini(&p->b);
    fixture_fini(&p->a);
}

static void look_again(struct fixture *f)
{
    f->clock_us += LENGTH_MS * MILLISECOND / 6;
    fixture_step(f);
}

Test(lease, a_stand_by_computes_and_writes_nothing)
{
    struct pair p;
    pair_init(&p);
    char *before = redis_dump(p.a.server, (const char *const[]){NULL});
    int64_t bytes = fixture_status(&p.b).bytes;
    for (int i = 0; i < 5; i++) {
        fixture_deal(&p.b, "2", "Ada", "North", "won", 10 + i, NOW_US - HOUR);
        look_again(&p.b);
        cr_expect(eq(int, fixture_status(&p.b).state, PUBLISHER_STANDBY));
        cr_expect(not(publisher_wants_everything(p.b.publisher)), "no large snapshots for nobody");
    }
    char *after = redis_dump(p.a.server, (const char *const[]){NULL});
    cr_expect(eq(str, after, before));
    cr_expect(eq(i64, fixture_status(&p.b).bytes, bytes));
    cr_expect(eq(i64, fixture_status(&p.b).claims, 0));
    cr_expect(not(fixture_status(&p.b).holds));
    cr_expect(fixture_status(&p.a).holds);
    free(before);
    free(after);
    pair_fini(&p);
}

/* By an end in order, and by a kill. */
Test(lease, a_stand_by_takes_over_when_the_lease_is_free)
{
    for (int killed = 0; killed < 2; killed++) {
        struct pair p;
        pair_init(&p);
        if (killed)
            fixture_end_lease(&p.a); /* it has expired */
        else
            publisher_release(p.a.publisher);
        fixture_deal(&p.b, "2", "Ada", "North", "won", 7, NOW_US - HOUR);
        look_again(&p.b);
        fixture_settle(&p.b);
        cr_expect(eq(str, (char *)fixture_field(&p.b, "kpi:manager:month:Ada", "sales_volume"), "107.00"));
        cr_expect(eq(str, (char *)fixture_field(&p.b, "meta", "epoch"), "2"));
        cr_expect(eq(str, (char *)fixture_field(&p.b, "meta", "seq"), "2"));
        cr_expect(eq(i64, fixture_status(&p.b).takeovers, 1));
        cr_expect(fixture_status(&p.b).after_others);
        pair_fini(&p);
    }
}

/* Numbers of fewer events must not replace those of more: readers are told that it goes on, and no more. */
Test(lease, a_stand_by_that_is_behind_waits)
{
    struct pair p;
    pair_init(&p);
    fixture_deal(&p.a, "2", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_step(&p.a);
    fixture_end_lease(&p.a);
    look_again(&p.b);
    cr_expect(eq(int, fixture_status(&p.b).state, PUBLISHER_WAITING));
    cr_expect(eq(str, (char *)fixture_field(&p.b, "meta", "state"), "catching_up"));
    cr_expect(eq(str, (char *)fixture_field(&p.b, "kpi:manager:month:Ada", "sales_volume"), "110.00"));
    cr_expect(eq(int, strncmp(value_of(p.a.server), "waiting ", 8), 0));

    /* The first one comes back and is as far as what stands: it need not wait for the other. */
    fixture_publisher(&p.a, "a", false);
    freeReplyObject(redis_ask(p.a.server, "SET kpid:{default}:lease %b", "waiting 77 x b", (size_t)14));
    fixture_settle(&p.a);
    cr_expect(eq(int, strncmp(value_of(p.a.server), "ready ", 6), 0));
    fixture_deal(&p.b, "2", "Ada", "North", "won", 99, NOW_US - HOUR);
    fixture_step(&p.b);
    cr_expect(eq(int, fixture_status(&p.b).state, PUBLISHER_STANDBY));
    cr_expect(eq(str, (char *)fixture_field(&p.b, "kpi:manager:month:Ada", "sales_volume"), "110.00"));
    pair_fini(&p);
}

/* A clock that is a little behind is only a matter of waiting, as of an instant nobody goes back. */
Test(lease, a_stand_by_waits_for_the_instant_that_stands)
{
    struct pair p;
    pair_init(&p);
    shard_advance(p.a.core.shard, NOW_US + SECOND);
    p.a.clock_us += 10 * SECOND;
    fixture_step(&p.a);
    fixture_end_lease(&p.a);
    look_again(&p.b);
    cr_expect(eq(int, fixture_status(&p.b).state, PUBLISHER_WAITING));
    shard_advance(p.b.core.shard, NOW_US + SECOND);
    fixture_settle(&p.b);
    cr_expect(eq(str, (char *)fixture_field(&p.b, "fence", "as_of"), "2026-03-05T12:00:01.000Z"));
    pair_fini(&p);
}

/* Stopped past its lease and continued: it sees so before it writes, and stays quiet without flapping. */
Test(lease, one_that_was_stopped_past_its_lease_stands_by)
{
    struct pair p;
    pair_init(&p);
    fixture_end_lease(&p.a);
    look_again(&p.b);
    fixture_settle(&p.b);
    char *before = redis_dump(p.a.server, (const char *const[]){NULL});
    for (int i = 0; i < 5; i++) {
        fixture_deal(&p.a, "3", "Ada", "North", "won", 1000 + i, NOW_US - HOUR);
        look_again(&p.a);
        cr_expect(eq(int, fixture_status(&p.a).state, PUBLISHER_STANDBY));
    }
    char *after = redis_dump(p.a.server, (const char *const[]){NULL});
    cr_expect(eq(str, after, before));
    cr_expect(eq(i64, fixture_status(&p.a).losses, 1));
    cr_expect(eq(i64, fixture_status(&p.a).claims, 1));
    cr_expect(eq(i64, fixture_status(&p.b).losses, 0));
    free(before);
    free(after);
    pair_fini(&p);
}

/* Its renewal was not due yet: then the fence refuses the write. */
Test(lease, without_a_look_the_fence_refuses)
{
    struct pair p;
    pair_init(&p);
    fixture_end_lease(&p.a);
    look_again(&p.b);
    fixture_settle(&p.b);
    fixture_deal(&p.a, "3", "Ada", "North", "won", 1000, NOW_US - HOUR);
    fixture_step(&p.a);
    cr_expect(eq(int, fixture_status(&p.a).state, PUBLISHER_STANDBY));
    cr_expect(eq(str, (char *)fixture_field(&p.a, "kpi:manager:month:Ada", "sales_volume"), "100.00"));
    cr_expect(eq(str, (char *)fixture_field(&p.a, "meta", "epoch"), "2"));
    pair_fini(&p);
}

/* Every write lets the lease live on: a long fill does not lose it. */
Test(lease, a_write_extends_it)
{
    struct pair p;
    pair_init(&p);
    freeReplyObject(redis_ask(p.a.server, "PEXPIRE kpid:{default}:lease 60000"));
    fixture_deal(&p.a, "2", "Ada", "North", "won", 1, NOW_US - HOUR);
    fixture_step(&p.a);
    cr_expect(lt(int, 60000, ttl_of(p.a.server)));
    pair_fini(&p);
}

/* Without a write too, and the caller is told when. */
Test(lease, a_quiet_holder_renews_it)
{
    struct pair p;
    pair_init(&p);
    freeReplyObject(redis_ask(p.a.server, "PEXPIRE kpid:{default}:lease 60000"));
    p.a.core.config->publish.meta_ttl_ms = 10 * LENGTH_MS;
    int64_t due_us = publisher_next_us(p.a.publisher);
    cr_expect(le(i64, due_us, p.a.clock_us + LENGTH_MS * MILLISECOND / 3));
    cr_expect(eq(i64, fixture_status(&p.a).lease_until_us, due_us + LENGTH_MS * MILLISECOND * 2 / 3));
    p.a.clock_us = due_us;
    publisher_step(p.a.publisher, p.a.clock_us, NULL, NULL);
    cr_expect(lt(int, 60000, ttl_of(p.a.server)));
    cr_expect(eq(i64, fixture_status(&p.a).lease_until_us, due_us + LENGTH_MS * MILLISECOND));
    pair_fini(&p);
}

/* A Redis that was emptied has no lease either. Its holder, who knows what was told, has the first chance. */
Test(lease, after_a_flush_the_holder_goes_first)
{
    struct pair p;
    pair_init(&p);
    freeReplyObject(redis_ask(p.a.server, "FLUSHALL"));
    look_again(&p.b);
    cr_expect(eq(int, fixture_status(&p.b).state, PUBLISHER_STANDBY));
    cr_expect(eq(str, (char *)value_of(p.a.server), ""));
    p.a.clock_us += 10 * SECOND;
    fixture_settle(&p.a);
    cr_expect(eq(i64, fixture_status(&p.a).takeovers, 2));
    cr_expect(not(fixture_status(&p.a).after_others));
    look_again(&p.b);
    cr_expect(eq(int, fixture_status(&p.b).state, PUBLISHER_STANDBY));

    /* It has gone as well. */
    freeReplyObject(redis_ask(p.a.server, "FLUSHALL"));
    for (int i = 0; i < 6; i++) {
        look_again(&p.b);
        cr_expect(eq(int, fixture_status(&p.b).state, PUBLISHER_STANDBY));
    }
    look_again(&p.b);
    fixture_settle(&p.b);
    cr_expect(eq(str, (char *)fixture_field(&p.b, "kpi:manager:month:Ada", "sales_volume"), "100.00"));
    pair_fini(&p);
}

/* What a stale instance was to tell of alerts is void, and what stands is not touched before it is known. */
Test(lease, alerts_of_a_stale_one_are_not_written)
{
    struct pair p;
    pair_init(&p);
    fixture_end_lease(&p.a);
    look_again(&p.b);
    fixture_settle(&p.b);
    freeReplyObject(redis_ask(p.a.server, "HSET kpid:{default}:alerts:active b-1 {}"));
    struct alert_report *r = alert_report_create();
    alert_report_add_active(r, TEXT("a-1"), TEXT("{}"));
    alert_report_add_log(r, TEXT("a-1"), TEXT("{}"));
    alert_report_add_unsent(r, TEXT("a-1-firing"), TEXT("{}"));
    r->number = 1;
    publisher_step(p.a.publisher, p.a.clock_us, NULL, r);
    alert_report_destroy(r);
    cr_expect(eq(int, fixture_status(&p.a).state, PUBLISHER_STANDBY));
    cr_expect(eq(i64, fixture_status(&p.a).alerts_noted, 0));
    publisher_release(p.b.publisher);
    look_again(&p.a);
    fixture_settle(&p.a);
    cr_expect(eq(str, (char *)fixture_field(&p.a, "alerts:active", "b-1"), "{}"));
    char text[16];
    redis_ask_text(p.a.server, text, sizeof text, "EXISTS kpid:{default}:alerts:log kpid:{default}:alerts:unsent");
    cr_expect(eq(str, text, "0"));
    pair_fini(&p);
}
