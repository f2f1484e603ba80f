/* Against a false Redis that fails in every way that Redis has, at every step: the publisher survives, backs off,
 * says what it is, and when a real one is there instead it writes everything. */
#include "tests/publishers/publisher_fixture.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <hiredis.h>

#define BYTES(literal) literal, sizeof(literal) - 1

/* Where in the life of a connection; the last two are inside of the transaction. */
static const char *const steps[] = {"PING",  "WATCH", "GET",  "SET",     "HMGET",
                                    "MULTI", "HSET",  "EXEC", "HGETALL", "SSCAN"};

struct trouble {
    const char *bytes;
    size_t len;
    enum redis_trouble expected;
};

static const struct trouble troubles[] = {
    {BYTES("-LOADING Redis is loading the dataset in memory\r\n"), TROUBLE_LOADING},
    {BYTES("-BUSY Redis is busy running a script.\r\n"), TROUBLE_BUSY},
    {BYTES("-READONLY You can't write against a read only replica.\r\n"), TROUBLE_READONLY},
    {BYTES("-MASTERDOWN Link with MASTER is down\r\n"), TROUBLE_MASTERDOWN},
    {BYTES("-CLUSTERDOWN The cluster is down\r\n"), TROUBLE_CLUSTERDOWN},
    {BYTES("-OOM command not allowed when used memory > 'maxmemory'.\r\n"), TROUBLE_OOM},
    {BYTES("-MISCONF Redis is configured to save RDB snapshots\r\n"), TROUBLE_MISCONF},
    {BYTES("-NOSCRIPT No matching script.\r\n"), TROUBLE_NOSCRIPT},
    {BYTES("-NOAUTH Authentication required.\r\n"), TROUBLE_NOAUTH},
    {BYTES("-NOPERM this user has no permissions\r\n"), TROUBLE_NOPERM},
    {BYTES("-WRONGPASS invalid username-password pair\r\n"), TROUBLE_WRONGPASS},
    {BYTES("-MOVED 3999 127.0.0.1:6381\r\n"), TROUBLE_MOVED},
    {BYTES("-ASK 3999 127.0.0.1:6381\r\n"), TROUBLE_ASK},
    {BYTES("-TRYAGAIN Multiple keys request during rehashing\r\n"), TROUBLE_TRYAGAIN},
    {BYTES("-NOREPLICAS Not enough good replicas to write.\r\n"), TROUBLE_NOREPLICAS},
    {BYTES("-EXECABORT Transaction discarded\r\n"), TROUBLE_EXECABORT},
    {BYTES("-ERR unknown command\r\n"), TROUBLE_OTHER},
    {BYTES("-\r\n"), TROUBLE_OTHER},
    {BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), TROUBLE_PROTOCOL},
    {BYTES("\x00\xFF\x16\x03\r\n"), TROUBLE_PROTOCOL},
    {BYTES("*2147483647\r\n"), TROUBLE_PROTOCOL},
    {BYTES("$-7\r\n"), TROUBLE_PROTOCOL},
    {BYTES("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), TROUBLE_PROTOCOL},
};

/* A fixture whose publisher speaks to `fake`. */
static void begin(struct fixture *f, struct redis_server *server, struct fake_redis *fake)
{
    fixture_init(f, server);
    fixture_point_at(f, fake_redis_port(fake));
    fixture_deal(f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
}

static void recover(struct fixture *f)
{
    fixture_point_at(f, redis_server_port(f->server));
    f->clock_us += HOUR;
    fixture_settle(f);
    char *ideal = fixture_ideal(f), *stands = redis_dump(f->server, OWN_KEYS);
    cr_expect(eq(str, stands, ideal));
    free(ideal);
    free(stands);
}

Test(trouble, each_error_at_each_step_is_told_apart_and_survived)
{
    struct redis_server *server = redis_server_start(0, NULL, NULL);
    for (size_t t = 0; t < sizeof troubles / sizeof *troubles; t++) {
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
            struct fake_answer script = {steps[s], troubles[t].bytes, troubles[t].len, true};
            struct fake_redis *fake = fake_redis_start(&script, 1);
            struct fixture f;
            begin(&f, server, fake);
            for (int i = 0; i < 3; i++) {
                fixture_step(&f);
                f.clock_us += HOUR;
            }
            struct publisher_status status = fixture_status(&f);
            cr_expect(eq(int, status.state, PUBLISHER_AWAY), "%s at %s", troubles[t].bytes, steps[s]);
            /* The index is read only once there is a snapshot of everything: every other step. */
            int64_t met = strcmp(steps[s], "SSCAN") == 0 ? 2 : 3;
            cr_expect(eq(i64, status.troubles[troubles[t].expected], met), "%s at %s", troubles[t].bytes, steps[s]);
            cr_expect(eq(i64, status.publishes, 0));
            fake_redis_stop(fake);
            f.server = NULL;
            fixture_fini(&f);
        }
    }
    redis_server_stop(server);
}

/* An error inside of EXEC: what else was in the transaction is done, so all must be written again. */
Test(trouble, after_any_trouble_a_real_redis_gets_everything)
{
    for (size_t t = 0; t < sizeof troubles / sizeof *troubles; t += 4) {
        struct fake_answer script = {"EXEC", troubles[t].bytes, troubles[t].len, true};
        struct fake_redis *fake = fake_redis_start(&script, 1);
        struct fixture f;
        begin(&f, NULL, fake);
        fixture_step(&f);
        cr_expect(eq(int, fixture_status(&f).state, PUBLISHER_AWAY));
        fixture_deal(&f, "2", "Bob", "South", "won", 10, NOW_US - HOUR);
        recover(&f);
        fake_redis_stop(fake);
        fixture_fini(&f);
    }
}

Test(trouble, half_a_reply_and_a_hang_up)
{
    static const struct trouble halves[] = {
        {BYTES("+O"), TROUBLE_CLOSED}, {BYTES("*5\r\n$1\r\n1"), TROUBLE_CLOSED}, {BYTES(""), TROUBLE_CLOSED}};
    for (size_t h = 0; h < sizeof halves / sizeof *halves; h++) {
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
            struct fake_answer script = {steps[s], halves[h].bytes, halves[h].len, true};
            struct fake_redis *fake = fake_redis_start(&script, 1);
            struct fixture f;
            begin(&f, NULL, fake);
            fixture_step(&f);
            cr_expect(eq(i64, fixture_status(&f).troubles[halves[h].expected], 1), "%s at %s", halves[h].bytes,
                      steps[s]);
            recover(&f);
            fake_redis_stop(fake);
            fixture_fini(&f);
        }
    }
}

/* It accepts and is silent: each step costs one time-out. */
Test(trouble, silence)
{
    struct fake_answer script = {"EXEC", NULL, 0, false};
    struct fake_redis *fake = fake_redis_start(&script, 1);
    struct fixture f;
    begin(&f, NULL, fake);
    f.core.config->redis.timeout_ms = 50;
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_TIMEOUT], 1));
    f.core.config->redis.timeout_ms = 60000;
    recover(&f);
    fake_redis_stop(fake);
    fixture_fini(&f);
}

/* Valid replies of the wrong shape must not be believed. */
Test(trouble, replies_of_another_shape)
{
    static const struct fake_answer odd[] = {{"EXEC", BYTES(":1\r\n"), false},
                                             {"EXEC", BYTES("*0\r\n"), false},
                                             {"EXEC", BYTES("+OK\r\n"), false},
                                             {"HMGET", BYTES("*1\r\n$1\r\n1\r\n"), false},
                                             {"HMGET", BYTES("+OK\r\n"), false},
                                             {"SSCAN", BYTES("*0\r\n"), false},
                                             {"SSCAN", BYTES("*2\r\n:1\r\n*0\r\n"), false}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct fake_redis *fake = fake_redis_start(&odd[i], 1);
        struct fixture f;
        begin(&f, NULL, fake);
        fixture_step(&f);
        cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_PROTOCOL], 1), "%s %s", odd[i].command, odd[i].bytes);
        cr_expect(eq(i64, fixture_status(&f).publishes, 0));
        recover(&f);
        fake_redis_stop(fake);
        fixture_fini(&f);
    }
}

/* Nobody listens: tried again at growing pauses, not in every step. */
Test(trouble, refused_connections_are_not_hammered)
{
    struct fixture f;
    fixture_init(&f, NULL);
    int port = redis_server_port(f.server);
    redis_server_stop(f.server);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    f.core.config->redis.backoff_max_ms = 5000;
    for (int i = 0; i < 6000; i++) {
        fixture_step(&f);
        f.clock_us += 10 * MILLISECOND;
    }
    int64_t tries = fixture_status(&f).troubles[TROUBLE_CONNECT];
    cr_expect(ge(i64, tries, 10));
    cr_expect(le(i64, tries, 40), "60 s at pauses of 2.5-5 s, after a few short ones");
    cr_expect(le(i64, publisher_next_us(f.publisher), f.clock_us + 5 * SECOND));
    f.server = redis_server_start(port, NULL, NULL);
    recover(&f);
    fixture_fini(&f);
}

/* The same seed gives the same waits, another one others. */
Test(trouble, waits_are_drawn_by_a_seed)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_point_at(&f, 1);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    int64_t waits[3][8];
    static const uint64_t seeds[3] = {7, 7, 8};
    for (int s = 0; s < 3; s++) {
        publisher_destroy(f.publisher);
        f.publisher =
            publisher_create(f.core.config, &(struct publisher_options){.instance = "test", .jitter_seed = seeds[s]});
        for (int i = 0; i < 8; i++) {
            fixture_step(&f);
            waits[s][i] = publisher_next_us(f.publisher) - f.clock_us;
            f.clock_us += waits[s][i];
        }
    }
    cr_expect(eq(int, memcmp(waits[0], waits[1], sizeof waits[0]), 0));
    cr_expect(ne(int, memcmp(waits[0], waits[2], sizeof waits[0]), 0));
    fixture_fini(&f);
}

/* A password, a wrong one, and a user without the rights. */
Test(trouble, authentication)
{
    struct fixture f;
    fixture_init(&f, NULL);
    freeReplyObject(redis_ask(f.server, "CONFIG SET requirepass secret"));
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_NOAUTH], 1));
    free(f.core.config->redis.password);
    f.core.config->redis.password = must_strdup("wrong");
    f.clock_us += HOUR;
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_WRONGPASS], 1));
    free(f.core.config->redis.password);
    f.core.config->redis.password = must_strdup("secret");
    f.core.config->redis.database = 3;
    f.clock_us += HOUR;
    fixture_settle(&f);

    redisContext *c = redisConnect("127.0.0.1", redis_server_port(f.server));
    freeReplyObject(redisCommand(c, "AUTH secret"));
    redisReply *reply = redisCommand(c, "EXISTS kpid:{default}:meta");
    cr_expect(eq(i64, reply->integer, 0), "not in database 0");
    freeReplyObject(reply);
    freeReplyObject(redisCommand(c, "SELECT 3"));
    reply = redisCommand(c, "EXISTS kpid:{default}:meta");
    cr_expect(eq(i64, reply->integer, 1));
    freeReplyObject(reply);
    /* A user that may do all but publish on the channel. */
    freeReplyObject(redisCommand(c, "ACL SETUSER kpid on >secret ~* +@all resetchannels"));
    free(f.core.config->redis.user);
    f.core.config->redis.user = must_strdup("kpid");
    fixture_publisher(&f, "second", false);
    freeReplyObject(redisCommand(c, "DEL kpid:{default}:lease"));
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_NOPERM], 1));
    cr_expect(eq(i64, fixture_status(&f).publishes, 0));
    /* The rights that docs/redis.md names are enough, also for a staged publish and for a restart. */
    freeReplyObject(redisCommand(c,
                                 "ACL SETUSER kpid reset on >secret ~kpid:* &kpid:* +auth +select +ping +watch +multi "
                                 "+exec +get +set +hgetall +hmget +hset +hdel +pexpire +unlink +rename +sadd +srem "
                                 "+sscan +zadd +zrem +zunionstore +xadd +publish"));
    f.clock_us += HOUR;
    fixture_settle(&f);
    f.core.config->publish.max_atomic = 5;
    fixture_deal(&f, "2", "Ada", "North", "lost", 1, NOW_US - HOUR);
    struct alert_report *r = alert_report_create();
    alert_report_add_log(r, TEXT("a-1"), TEXT("{}"));
    core_cut(f.core.shard, READER_PUBLISHER, false, f.snapshot);
    publisher_step(f.publisher, f.clock_us, f.snapshot, r);
    alert_report_destroy(r);
    cr_expect(eq(i64, fixture_status(&f).staged, 1));
    fixture_delete(&f, "1");
    fixture_delete(&f, "2");
    fixture_settle(&f);
    publisher_release(f.publisher);
    fixture_publisher(&f, "third", false);
    fixture_settle(&f);
    redisFree(c);
    fixture_fini(&f);
}

/* By Unix socket instead of TCP. */
Test(trouble, a_unix_socket)
{
    char path[] = "/tmp/kpid-test-XXXXXX";
    REQUIRE(mkdtemp(path) != NULL);
    char socket[64];
    snprintf(socket, sizeof socket, "%s/redis.sock", path);
    struct fixture f;
    fixture_init(&f, redis_server_start(0, "--unixsocket", socket));
    free(f.core.config->redis.unix_socket);
    f.core.config->redis.unix_socket = must_strdup(socket);
    f.core.config->redis.port = 1;
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume"), "100.00"));
    fixture_fini(&f);
    remove(socket);
    remove(path);
}

/* maxmemory is reached: writes are refused, and go on when there is room again. */
Test(trouble, a_full_redis)
{
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_deal(&f, "1", "Ada", "North", "won", 100, NOW_US - HOUR);
    fixture_settle(&f);
    freeReplyObject(redis_ask(f.server, "CONFIG SET maxmemory 1"));
    fixture_deal(&f, "2", "Ada", "North", "won", 10, NOW_US - HOUR);
    fixture_step(&f);
    cr_expect(eq(i64, fixture_status(&f).troubles[TROUBLE_OOM], 1));
    cr_expect(eq(str, (char *)fixture_field(&f, "kpi:manager:month:Ada", "sales_volume"), "100.00"));
    freeReplyObject(redis_ask(f.server, "CONFIG SET maxmemory 0"));
    recover(&f);
    fixture_fini(&f);
}
