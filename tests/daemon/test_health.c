#include "base/instant.h"
#include "daemon/health.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static struct config config = {.publish = {.tick_ms = 100, .idle_ms = 1000}};

/* Everything as it should be. */
static struct metrics_view good(void)
{
    struct metrics_view v = {0};
    v.board[BOARD_LIVE] = 1;
    v.publish[PUBLISH_LIVE] = 1;
    v.publish[PUBLISH_STATE] = PUBLISHER_CURRENT;
    v.extra[EXTRA_KAFKA_CONNECTED] = 1;
    v.extra[EXTRA_KAFKA_PARTITIONS] = 4;
    v.extra[EXTRA_PUBLISH_AGE_US] = 10 * MILLISECOND;
    return v;
}

static void expect(const struct metrics_view *v, const char *reasons)
{
    struct buffer b;
    buffer_init(&b);
    buffer_string(&b, "");
    cr_expect(eq(int, health_is_ready(&config, v, &b), reasons[0] == 0));
    cr_expect(text_equal(buffer_view(&b), text_of(reasons)), "'%.*s' is not '%s'", (int)b.len, b.at, reasons);
    buffer_fini(&b);
}

Test(health, ready_is_live_connected_and_fresh)
{
    struct metrics_view v = good();
    expect(&v, "");
    cr_expect(not(health_waits_for_peers(&v)));
}

Test(health, each_reason_is_named)
{
    struct metrics_view v = good();
    v.extra[EXTRA_KAFKA_CONNECTED] = 0;
    expect(&v, "kafka: no connection\n");
    cr_expect(health_waits_for_peers(&v));

    v = good();
    v.extra[EXTRA_KAFKA_PARTITIONS] = 0;
    expect(&v, "kafka: none of the topics exists\n");
    cr_expect(health_waits_for_peers(&v));

    v = good();
    v.board[BOARD_LIVE] = 0;
    v.publish[PUBLISH_LIVE] = 0;
    v.extra[EXTRA_KAFKA_LAG] = 17;
    expect(&v, "kafka: catching up, 17 messages behind\n");
    cr_expect(not(health_waits_for_peers(&v))); /* it works: only time is needed */

    v = good();
    v.extra[EXTRA_KAFKA_HELD] = 1;
    expect(&v, "memory: at limits.memory_max, nothing is read\n");

    v = good();
    v.publish[PUBLISH_STATE] = PUBLISHER_AWAY;
    expect(&v, "redis: no connection\n");
    cr_expect(health_waits_for_peers(&v));

    v = good();
    v.publish[PUBLISH_STATE] = PUBLISHER_FILLING;
    expect(&v, "redis: everything is being written\n");
}

Test(health, several_reasons_are_all_told)
{
    struct metrics_view v = good();
    v.extra[EXTRA_KAFKA_CONNECTED] = 0;
    v.publish[PUBLISH_STATE] = PUBLISHER_STALE;
    expect(&v, "kafka: no connection\nredis: what stands there is ahead of the events (kpid run --reset-fence)\n");
}

/* Redis holds numbers, but of the past: a wall must not take them for today's. */
Test(health, live_here_but_not_yet_in_redis)
{
    struct metrics_view v = good();
    v.publish[PUBLISH_LIVE] = 0;
    expect(&v, "redis: the live numbers are not there yet\n");
}

Test(health, an_old_publish_is_not_ready)
{
    struct metrics_view v = good();
    v.extra[EXTRA_PUBLISH_AGE_US] = 3 * SECOND;
    expect(&v, "");
    v.extra[EXTRA_PUBLISH_AGE_US] = 3 * SECOND + 1;
    expect(&v, "redis: the last publish is 3000 ms old\n");
}

/* It could take over: what Redis holds, and how old that is, is the other one's. */
Test(health, a_stand_by_that_has_read_everything_is_ready)
{
    struct metrics_view v = good();
    v.publish[PUBLISH_STATE] = PUBLISHER_STANDBY;
    v.publish[PUBLISH_LIVE] = 0;
    v.extra[EXTRA_PUBLISH_AGE_US] = -SECOND;
    expect(&v, "");
    v.board[BOARD_LIVE] = 0;
    v.extra[EXTRA_KAFKA_LAG] = 17;
    expect(&v, "kafka: catching up, 17 messages behind\n");
}

/* Nothing that waiting or a restart would mend: it must not take kpid out of service. */
Test(health, gaps_are_told_but_are_no_reason)
{
    struct metrics_view v = good();
    struct buffer b;
    buffer_init(&b);
    health_doubts(&v, &b);
    cr_expect(eq(sz, b.len, 0));
    v.board[BOARD_GAPS] = 2;
    expect(&v, "");
    health_doubts(&v, &b);
    cr_expect(strncmp(b.at, "kafka: 2 gaps: ", 15) == 0);
    buffer_clear(&b);
    health_status(&v, &b);
    cr_expect(strstr(b.at, "; 2 gaps in the topics") != NULL);
    buffer_fini(&b);
}
