/* Against a real Redis: who may write, and that nobody else's write changes anything. */
#include "base/instant.h"
#include "publishers/fence.h"
#include "tests/publishers/publisher_fixture.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

struct writer {
    struct redis *redis;
    struct keys keys;
    struct fence fence;
    bool partly; /* its writes are parts of a fill */
};

static void writer_init(struct writer *w, struct redis_server *server)
{
    memset(w, 0, sizeof *w);
    keys_init(&w->keys, "default");
    w->redis = fixture_connect(server);
}

static void writer_fini(struct writer *w)
{
    redis_close(w->redis);
    keys_fini(&w->keys);
}

static enum fence_result writer_claim(struct writer *w)
{
    struct redis_failure failure = {0};
    struct standing standing;
    standing_init(&standing);
    enum fence_result result = fence_read(w->redis, &w->keys, &standing, &failure);
    if (result == FENCE_DONE)
        result = fence_claim(w->redis, &w->keys, &standing, NULL, &w->fence, &failure);
    standing_fini(&standing);
    return result;
}

/* SET x <value>, as a publish. */
static enum fence_result writer_write(struct writer *w, const char *value)
{
    struct redis_failure failure = {0};
    struct commands c;
    commands_init(&c);
    fence_begin(&c);
    command_begin(&c, "SET", 3);
    command_string(&c, "x");
    command_string(&c, value);
    struct fence_mark mark = {TEXT("2026-03-05T12:00:00.000Z"), TEXT("{\"deals\":{\"0\":4}}"), .partly = w->partly};
    enum fence_result result = fence_commit(w->redis, &w->keys, &w->fence, &c, &mark, &failure);
    commands_fini(&c);
    return result;
}

static const char *x_of(struct redis_server *s)
{
    static char text[32];
    redis_ask_text(s, text, sizeof text, "GET x");
    return text;
}

Test(fence, a_write_moves_seq_by_one_and_says_what_it_reflects)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct writer a;
    writer_init(&a, s);
    cr_expect(eq(int, writer_claim(&a), FENCE_DONE));
    cr_expect(eq(int, writer_write(&a, "1"), FENCE_DONE));
    cr_expect(eq(int, writer_write(&a, "2"), FENCE_DONE));
    cr_expect(eq(i64, a.fence.seq, 2));

    struct standing standing;
    standing_init(&standing);
    struct redis_failure failure = {0};
    cr_expect(eq(int, fence_read(a.redis, &a.keys, &standing, &failure), FENCE_DONE));
    cr_expect(standing.exists);
    cr_expect(eq(i64, standing.epoch, 1));
    cr_expect(eq(i64, standing.seq, 2));
    cr_expect(eq(i64, standing.as_of_us, NOW_US));
    cr_expect(eq(str, standing.offsets.at, "{\"deals\":{\"0\":4}}"));
    cr_expect(eq(str, standing.token, a.fence.token));
    standing_fini(&standing);
    writer_fini(&a);
    redis_server_stop(s);
}

/* Whoever takes over from one that ended within a fill must not let readers take the half for a whole. */
Test(fence, says_whether_what_stands_is_whole)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct writer a;
    writer_init(&a, s);
    cr_expect(eq(int, writer_claim(&a), FENCE_DONE));
    for (int i = 0; i < 3; i++) {
        struct standing standing;
        standing_init(&standing);
        struct redis_failure failure = {0};
        a.partly = i == 1;
        if (i > 0)
            cr_expect(eq(int, writer_write(&a, "1"), FENCE_DONE));
        cr_expect(eq(int, fence_read(a.redis, &a.keys, &standing, &failure), FENCE_DONE));
        cr_expect(eq(int, standing.partly, i == 1));
        standing_fini(&standing);
    }
    writer_fini(&a);
    redis_server_stop(s);
}

/* The one that was stopped for a while and wakes up must not overwrite what came after it. */
Test(fence, a_writer_of_a_smaller_epoch_changes_nothing)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct writer a, b;
    writer_init(&a, s);
    writer_init(&b, s);
    writer_claim(&a);
    writer_write(&a, "a");
    writer_claim(&b);
    cr_expect(eq(i64, b.fence.epoch, 2));
    cr_expect(eq(i64, b.fence.seq, 1), "seq goes on over epochs");
    writer_write(&b, "b");

    cr_expect(eq(int, writer_write(&a, "a"), FENCE_FOREIGN));
    cr_expect(eq(str, (char *)x_of(s), "b"));
    cr_expect(eq(int, writer_write(&b, "b2"), FENCE_DONE));
    writer_fini(&a);
    writer_fini(&b);
    redis_server_stop(s);
}

/* Two claims of one epoch are possible after a failover that lost the first: the token tells them apart. */
Test(fence, a_writer_of_the_same_epoch_and_another_token_changes_nothing)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct writer a, b;
    writer_init(&a, s);
    writer_init(&b, s);
    writer_claim(&a);
    writer_write(&a, "a");
    freeReplyObject(redis_ask(s, "DEL kpid:{default}:fence")); /* as on a replica that never got the claim */
    writer_claim(&b);
    writer_write(&b, "b");
    cr_assert(eq(i64, a.fence.epoch, b.fence.epoch));
    cr_assert(eq(i64, a.fence.seq, b.fence.seq));

    cr_expect(eq(int, writer_write(&a, "a"), FENCE_FOREIGN));
    cr_expect(eq(str, (char *)x_of(s), "b"));
    writer_fini(&a);
    writer_fini(&b);
    redis_server_stop(s);
}

/* meta and all else had expired or been flushed: no fence at all. */
Test(fence, a_write_without_a_fence_changes_nothing)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct writer a;
    writer_init(&a, s);
    writer_claim(&a);
    writer_write(&a, "a");
    freeReplyObject(redis_ask(s, "FLUSHALL"));
    cr_expect(eq(int, writer_write(&a, "b"), FENCE_GONE));
    cr_expect(eq(str, (char *)x_of(s), ""));
    cr_expect(eq(int, writer_claim(&a), FENCE_DONE));
    cr_expect(eq(i64, a.fence.epoch, 2), "never an epoch twice");
    cr_expect(eq(i64, a.fence.seq, 1));
    writer_fini(&a);
    redis_server_stop(s);
}

/* A restore from an older dump: epoch and token are ours, seq is not. */
Test(fence, a_write_onto_an_older_state_changes_nothing)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct writer a;
    writer_init(&a, s);
    writer_claim(&a);
    writer_write(&a, "1");
    writer_write(&a, "2");
    freeReplyObject(redis_ask(s, "HSET kpid:{default}:fence seq 1"));
    cr_expect(eq(int, writer_write(&a, "3"), FENCE_GONE));
    cr_expect(eq(str, (char *)x_of(s), "2"));
    writer_fini(&a);
    redis_server_stop(s);
}

/* A claim of somebody else between our look and our write. */
Test(fence, a_claim_in_between_makes_a_claim_fail)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct writer a, b;
    writer_init(&a, s);
    writer_init(&b, s);
    struct standing standing;
    standing_init(&standing);
    struct redis_failure failure = {0};
    fence_read(a.redis, &a.keys, &standing, &failure);
    writer_claim(&b);
    cr_expect(eq(int, fence_claim(a.redis, &a.keys, &standing, NULL, &a.fence, &failure), FENCE_FOREIGN));
    cr_expect(eq(i64, a.fence.epoch, 0));
    cr_expect(eq(int, writer_write(&b, "b"), FENCE_DONE));
    standing_fini(&standing);
    writer_fini(&a);
    writer_fini(&b);
    redis_server_stop(s);
}

/* Whatever somebody put there: it is taken for nothing, and never for ours. */
Test(fence, a_spoilt_fence_is_claimed_anew)
{
    struct redis_server *s = redis_server_start(0, NULL, NULL);
    struct writer a;
    writer_init(&a, s);
    freeReplyObject(
        redis_ask(s, "HSET kpid:{default}:fence epoch 99999999999999999999 token x seq -1 as_of never offsets ["));
    cr_expect(eq(int, writer_claim(&a), FENCE_DONE));
    cr_expect(eq(i64, a.fence.epoch, 1));
    cr_expect(eq(i64, a.fence.seq, 0));
    cr_expect(eq(int, writer_write(&a, "a"), FENCE_DONE));
    writer_fini(&a);
    redis_server_stop(s);
}

/* ---- the same, as publishers see it ---- */

/* Numbers of fewer events must not replace those of more: a new process first reads as far. */
Test(fence, a_new_publisher_waits_for_the_offsets_that_stand)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_settle(&f);
    fixture_shard(&f);
    f.events = 0;
    fixture_publisher(&f, "second", false);

    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    fixture_step(&f);
    cr_expect(eq(int, fixture_status(&f).state, PUBLISHER_WAITING));
    cr_expect(not(publisher_wants_everything(f.publisher)));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume"), "110.00"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "state"), "catching_up"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "instance"), "second"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "offsets"), "{\"deals\":{\"0\":2}}"), "what stands");
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "as_of"), "2026-03-05T12:00:00.000Z"));

    fixture_deal(&f, "2", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_deal(&f, "3", "Ada", "North", "won", 1, NOW_US - HOUR);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume"), "111.00"));
    fixture_fini(&f);
}

/* A log that ends before the offsets that stand is another log: AMENDMENT 24. */
Test(fence, another_log_needs_a_person)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_settle(&f);
    fixture_shard(&f);
    fixture_publisher(&f, "second", false);
    fixture_deal(&f, "x", "Bob", "South", "won", 5, NOW_US - HOUR);
    fixture_note(&f, EVENT_END, "");

    fixture_step(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "state"), "catching_up"), "partitions may still be found");
    f.clock_us += 6 * SECOND;
    fixture_step(&f);
    cr_expect(eq(int, fixture_status(&f).state, PUBLISHER_STALE));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "state"), "stale"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume"), "110.00"));

    fixture_publisher(&f, "third", true);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume"), ""));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Bob", "sales_volume"), "5.00"));
    cr_expect(eq(str, (char *)fixture_field(&f, "fence", "offsets"), "{\"deals\":{\"0\":1}}"));
    fixture_fini(&f);
}

/* The same in a running process: the gap was accepted, so the new offsets are written over the old ones, and after a
 * connection was lost too. */
Test(fence, another_log_after_a_gap_needs_nobody)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_deal(&f, "2", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_settle(&f);
    f.offset = 0;
    fixture_note(&f, EVENT_GAP, "");
    fixture_deal(&f, "3", "Ada", "North", "won", 1, NOW_US - HOUR);
    fixture_note(&f, EVENT_END, "");
    fixture_publisher(&f, "second", false);

    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "state"), "live"));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "gaps"), "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "fence", "offsets"), "{\"deals\":{\"0\":1}}"));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume"), "111.00"));
    fixture_fini(&f);
}

/* The clock ran to 2099 and back; a second ahead is only a matter of waiting. */
Test(fence, an_instant_far_ahead_needs_a_person_a_near_one_only_time)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    freeReplyObject(redis_ask(f.server, "HSET kpid:{default}:fence as_of 2099-01-01T00:00:00.000Z"));
    fixture_publisher(&f, "second", false);
    fixture_step(&f);
    cr_expect(eq(int, fixture_status(&f).state, PUBLISHER_STALE));
    cr_expect(eq(str, (char *)fixture_field(&f, "meta", "state"), "stale"));
    fixture_publisher(&f, "third", true);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "fence", "as_of"), "2026-03-05T12:00:00.000Z"));

    freeReplyObject(redis_ask(f.server, "HSET kpid:{default}:fence as_of 2026-03-05T12:00:01.000Z"));
    fixture_publisher(&f, "fourth", false);
    fixture_step(&f);
    cr_expect(eq(int, fixture_status(&f).state, PUBLISHER_WAITING));
    shard_advance(f.core.shard, NOW_US + SECOND);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "fence", "as_of"), "2026-03-05T12:00:01.000Z"));
    fixture_fini(&f);
}

/* What one left on the stage is cleared away by the next, and only what is older than itself. */
Test(fence, a_claim_clears_the_stages_of_those_before)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    freeReplyObject(redis_ask(f.server, "HSET kpid:{default}:staged 1 2 99 1"));
    freeReplyObject(
        redis_ask(f.server, "MSET kpid:{default}:stage:1:0 a kpid:{default}:stage:1:1 b kpid:{default}:stage:99:0 c"));
    fixture_publisher(&f, "second", false);
    fixture_settle(&f);
    char text[16];
    redis_ask_text(f.server, text, sizeof text, "EXISTS kpid:{default}:stage:1:0 kpid:{default}:stage:1:1");
    cr_expect(eq(str, text, "0"));
    redis_ask_text(f.server, text, sizeof text, "EXISTS kpid:{default}:stage:99:0");
    cr_expect(eq(str, text, "1"));
    cr_expect(eq(str, (char *)fixture_field(&f, "staged", "1"), ""));
    fixture_fini(&f);
}
