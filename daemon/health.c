#include "daemon/health.h"
#include "base/instant.h"

/* Publishes are due every tick, or every idle_ms where nothing comes; so many missed ones are too many. */
#define MISSED_MAX   3
/* Whatever the tick: a Redis that answers slowly for a moment is no outage. */
#define AGE_LEAST_US (2 * SECOND)

static const char *publisher_reason(enum publisher_state s)
{
    switch (s) {
    case PUBLISHER_AWAY: return "redis: no connection";
    case PUBLISHER_WAITING: return "redis: waiting until kpid has read as far as what stands there";
    case PUBLISHER_FILLING: return "redis: everything is being written";
    case PUBLISHER_STALE: return "redis: what stands there is ahead of the events (kpid run --reset-fence)";
    case PUBLISHER_STANDBY:
    case PUBLISHER_CURRENT: break;
    }
    return NULL;
}

bool health_is_ready(const struct config *config, const struct metrics_view *v, struct buffer *reasons)
{
    size_t before = reasons->len;
    if (v->extra[EXTRA_KAFKA_CONNECTED] == 0)
        buffer_string(reasons, "kafka: no connection\n");
    else if (v->extra[EXTRA_KAFKA_PARTITIONS] == 0)
        buffer_string(reasons, "kafka: none of the topics exists\n");
    else if (v->board[BOARD_LIVE] == 0)
        buffer_format(reasons, "kafka: catching up, %lld messages behind\n", (long long)v->extra[EXTRA_KAFKA_LAG]);
    if (v->extra[EXTRA_KAFKA_HELD] != 0)
        buffer_string(reasons, "memory: at limits.memory_max, nothing is read\n");
    const char *reason = publisher_reason((enum publisher_state)v->publish[PUBLISH_STATE]);
    if (reason != NULL) {
        buffer_format(reasons, "%s\n", reason);
        return false;
    }
    if (v->publish[PUBLISH_STATE] == PUBLISHER_STANDBY)
        return reasons->len == before; /* what Redis holds is the other one's */
    const struct publish_config *p = &config->publish;
    int64_t most_us = MISSED_MAX * (p->tick_ms > p->idle_ms ? p->tick_ms : p->idle_ms) * MILLISECOND;
    if (most_us < AGE_LEAST_US)
        most_us = AGE_LEAST_US;
    int64_t age_us = v->extra[EXTRA_PUBLISH_AGE_US];
    if (v->publish[PUBLISH_LIVE] == 0 && v->board[BOARD_LIVE] != 0)
        buffer_string(reasons, "redis: the live numbers are not there yet\n");
    else if (age_us > most_us)
        buffer_format(reasons, "redis: the last publish is %lld ms old\n", (long long)(age_us / MILLISECOND));
    return reasons->len == before;
}

void health_doubts(const struct metrics_view *v, struct buffer *out)
{
    if (v->board[BOARD_GAPS] > 0)
        buffer_format(out, "kafka: %lld gaps: messages may have been lost before they were read; the log says where\n",
                      (long long)v->board[BOARD_GAPS]);
}

bool health_waits_for_peers(const struct metrics_view *v)
{
    return v->extra[EXTRA_KAFKA_CONNECTED] == 0 || v->extra[EXTRA_KAFKA_PARTITIONS] == 0 ||
           v->publish[PUBLISH_STATE] == PUBLISHER_AWAY || v->publish[PUBLISH_STATE] == PUBLISHER_STALE;
}

void health_status(const struct metrics_view *v, struct buffer *out)
{
    buffer_string(out, v->board[BOARD_LIVE] != 0 ? "live" : "catching up");
    if (v->extra[EXTRA_KAFKA_CONNECTED] == 0)
        buffer_string(out, ", Kafka is away");
    if (v->extra[EXTRA_KAFKA_HELD] != 0)
        buffer_string(out, ", memory is full");
    buffer_format(out, "; %lld partitions, %lld messages behind, %lld read; publisher %s",
                  (long long)v->extra[EXTRA_KAFKA_PARTITIONS], (long long)v->extra[EXTRA_KAFKA_LAG],
                  (long long)v->board[BOARD_READ],
                  publisher_state_name((enum publisher_state)v->publish[PUBLISH_STATE]));
    if (v->board[BOARD_GAPS] > 0)
        buffer_format(out, "; %lld gaps in the topics", (long long)v->board[BOARD_GAPS]);
    buffer_format(out, "; %lld alerts fire", (long long)v->extra[EXTRA_ALERT_STANDING + ALERT_FIRING]);
}
