/* Sentinels that name the master, wrongly, late, or not at all: false ones before real servers. What real ones do at a
 * fail-over is tests/integration/test_redis_sentinel.py. */
#include "tests/publishers/publisher_fixture.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* A sentinel that names a port of this machine; 0: it knows no master. */
struct sentinel {
    char bytes[64];
    struct fake_answer script;
    struct fake_redis *fake;
};

static void sentinel_start(struct sentinel *s, int port)
{
    char number[16];
    snprintf(number, sizeof number, "%d", port);
    if (port == 0)
        snprintf(s->bytes, sizeof s->bytes, "*-1\r\n");
    else
        snprintf(s->bytes, sizeof s->bytes, "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(number), number);
    s->script = (struct fake_answer){"SENTINEL", s->bytes, strlen(s->bytes), false};
    s->fake = fake_redis_start(&s->script, 1);
}

static void use_sentinels(struct fixture *f, size_t count, const int *ports)
{
    struct redis_config *r = &f->core.config->redis;
    redis_config_drop_sentinels(r);
    r->sentinels = must_zalloc(count * sizeof *r->sentinels);
    for (size_t i = 0; i < count; i++)
        r->sentinels[r->sentinel_count++] = (struct sentinel_config){must_strdup("127.0.0.1"), ports[i]};
    free(r->sentinel_master);
    r->sentinel_master = must_strdup("mymaster");
    r->port = 1; /* nobody is there: only who asks finds the master */
}

static void use_sentinel(struct fixture *f, const struct sentinel *s)
{
    int port = fake_redis_port(s->fake);
    use_sentinels(f, 1, &port);
}

static void expect_right(struct fixture *f)
{
    redis_config_drop_sentinels(&f->core.config->redis);
    char *ideal = fixture_ideal(f), *stands = redis_dump(f->server, OWN_KEYS);
    cr_expect(eq(str, stands, ideal));
    free(ideal);
    free(stands);
}

Test(master, is_whom_the_first_sentinel_that_answers_names)
{
    struct fixture f;
    fixture_init(&f, NULL);
    struct sentinel ignorant, knows;
    sentinel_start(&ignorant, 0);
    sentinel_start(&knows, redis_server_port(f.server));
    use_sentinels(&f, 3, (int[]){1, fake_redis_port(ignorant.fake), fake_redis_port(knows.fake)});
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).connects, 1));
    fixture_settle(&f);
    /* It is asked first from then on: one that is away costs its time-out once. */
    int asked = fake_redis_connections(ignorant.fake);
    f.clock_us += HOUR;
    fixture_step(&f);
    cr_expect(eq(int, fake_redis_connections(ignorant.fake), asked));
    cr_expect(ge(int, fake_redis_connections(knows.fake), 2));
    expect_right(&f);
    fake_redis_stop(ignorant.fake);
    fake_redis_stop(knows.fake);
    fixture_fini(&f);
}

Test(master, without_a_sentinel_that_knows_nothing_is_written)
{
    struct fixture f;
    fixture_init(&f, NULL);
    struct sentinel ignorant;
    sentinel_start(&ignorant, 0);
    use_sentinel(&f, &ignorant);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_SENTINEL], 1));
    use_sentinels(&f, 1, (int[]){1});
    f.clock_us += HOUR;
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_SENTINEL], 2));
    cr_expect(eq(i64, fixture_status(&f).connects, 0));
    fake_redis_stop(ignorant.fake);
    fixture_fini(&f);
}

Test(master, a_sentinel_that_answers_anything_else_is_not_believed)
{
    static const char *const odd[] = {"+OK\r\n",
                                      "*1\r\n$9\r\n127.0.0.1\r\n",
                                      "*2\r\n$0\r\n\r\n$1\r\n1\r\n",
                                      "*2\r\n$1\r\na\r\n$2\r\n1x\r\n",
                                      "*2\r\n$1\r\na\r\n$5\r\n65536\r\n",
                                      "*2\r\n:1\r\n:1\r\n",
                                      "-ERR unknown command\r\n",
                                      "-NOAUTH no\r\n"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct fixture f;
        fixture_init(&f, NULL);
        struct fake_answer script = {"SENTINEL", odd[i], strlen(odd[i]), false};
        struct fake_redis *fake = fake_redis_start(&script, 1);
        use_sentinels(&f, 1, (int[]){fake_redis_port(fake)});
        fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
        fixture_step(&f);
        cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_SENTINEL], 1), "%s", odd[i]);
        fake_redis_stop(fake);
        fixture_fini(&f);
    }
}

Test(master, that_is_a_replica_still_is_asked_again_later)
{
    struct fixture f;
    fixture_init(&f, NULL);
    freeReplyObject(redis_ask(f.server, "REPLICAOF 127.0.0.1 1"));
    struct sentinel s;
    sentinel_start(&s, redis_server_port(f.server));
    use_sentinel(&f, &s);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_NOT_MASTER], 1));
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_NOT_MASTER], 1), "after a pause");
    freeReplyObject(redis_ask(f.server, "REPLICAOF NO ONE"));
    f.clock_us += HOUR;
    fixture_settle(&f);
    /* A connection that is refused as READONLY in mid-life asks the sentinels anew. */
    int asked = fake_redis_connections(s.fake);
    freeReplyObject(redis_ask(f.server, "REPLICAOF 127.0.0.1 1"));
    fixture_deal(&f, "2", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_READONLY], 1));
    freeReplyObject(redis_ask(f.server, "REPLICAOF NO ONE"));
    f.clock_us += SECOND;
    fixture_settle(&f);
    cr_expect(ge(int, fake_redis_connections(s.fake), asked + 1));
    expect_right(&f);
    fake_redis_stop(s.fake);
    fixture_fini(&f);
}

/* It answers, says that it is a master, renews the lease: only the sentinels know better. */
Test(master, one_that_was_deposed_is_left_within_a_lease)
{
    struct fixture f;
    fixture_init(&f, NULL);
    struct redis_server *old = f.server, *young = redis_server_start(0, NULL, NULL);
    struct sentinel before, after;
    sentinel_start(&before, redis_server_port(old));
    sentinel_start(&after, redis_server_port(young));
    use_sentinel(&f, &before);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    use_sentinel(&f, &after);
    f.clock_us += f.core.config->redis.lease_ms * MILLISECOND / 3;
    char seq[32], now[32];
    redis_ask_text(old, seq, sizeof seq, "HGET kpid:{default}:fence seq");
    fixture_deal(&f, "2", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_step(&f);
    struct publisher_status status = fixture_status(&f);
    cr_expect(eq(i64, status.troubles[TROUBLE_DEPOSED], 1));
    cr_expect(not(status.holds));
    cr_expect(eq(i64, status.lease_until_us, 0), "so that it tells nobody anything");
    f.clock_us += SECOND;
    f.server = young;
    fixture_settle(&f);
    redis_ask_text(old, now, sizeof now, "HGET kpid:{default}:fence seq");
    cr_expect(eq(str, now, seq), "nothing was written to the old one");
    expect_right(&f);
    fake_redis_stop(before.fake);
    fake_redis_stop(after.fake);
    redis_server_stop(old);
    fixture_fini(&f);
}

/* Redis is there, and the sentinels are needed only when it is not. */
Test(master, sentinels_that_are_away_change_nothing)
{
    struct fixture f;
    fixture_init(&f, NULL);
    struct sentinel s;
    sentinel_start(&s, redis_server_port(f.server));
    use_sentinel(&f, &s);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    use_sentinels(&f, 1, (int[]){1});
    for (int i = 0; i < 3; i++) {
        f.clock_us += f.core.config->redis.lease_ms * MILLISECOND / 3;
        fixture_deal(&f, "2", "Ada", "North", "won", 10 + i, NOW_US - HOUR);
        fixture_step(&f);
    }
    struct publisher_status status = fixture_status(&f);
    cr_expect(eq(int, status.state, PUBLISHER_CURRENT));
    cr_expect(eq(i64, status.connects, 1));
    expect_right(&f);
    fake_redis_stop(s.fake);
    fixture_fini(&f);
}
