/* metrics.h - what /metrics says, from one table: name, type, labels, meaning, and where the number stands.
 *
 * docs/metrics.md is made from the same table (`kpid --print-metrics-doc`); a test tells when it is stale.
 * Thread: any; it looks only at what other threads show. Memory: the caller's.
 */
#pragma once
#include "alerts/alerts.h"
#include "base/ring.h"
#include "base/text.h"
#include "consumers/kafka.h"
#include "daemon/board.h"
#include "daemon/checkpointer.h"
#include "daemon/publish_thread.h"
#include "daemon/writer.h"
#include "publishers/publisher.h"

/* Numbers that stand on no board. */
enum {
    EXTRA_ONE, /* 1: for build_info */
    EXTRA_BEATS,
    EXTRA_RING_BYTES,
    EXTRA_RING_SIZE,
    EXTRA_KAFKA_CONNECTED,
    EXTRA_KAFKA_MISSING,
    EXTRA_KAFKA_COMPACTED,
    EXTRA_KAFKA_MESSAGES,
    EXTRA_KAFKA_BYTES,
    EXTRA_KAFKA_ROUNDED,
    EXTRA_KAFKA_ERRORS,
    EXTRA_KAFKA_GAPS,
    EXTRA_KAFKA_LOST,
    EXTRA_KAFKA_COMMITS,
    EXTRA_KAFKA_COMMITS_REFUSED,
    EXTRA_KAFKA_RING_FULL,
    EXTRA_KAFKA_HELD,
    EXTRA_KAFKA_PARTITIONS,
    EXTRA_KAFKA_ENDED,
    EXTRA_KAFKA_LAG,
    EXTRA_LETTERS_DELIVERED,
    EXTRA_LETTERS_FAILED,
    EXTRA_LETTERS_UNSENT,
    EXTRA_LETTERS_WITHOUT_VALUE,
    EXTRA_LETTERS_FULL,
    EXTRA_REDIS_UP,
    EXTRA_PUBLISHER_STATES, /* one for each enum publisher_state, 1 for the present one */
    EXTRA_PUBLISH_AGE_US = EXTRA_PUBLISHER_STATES + PUBLISHER_STALE + 1,
    EXTRA_ALERT_DECISIONS,
    EXTRA_ALERT_MOVES,
    EXTRA_ALERT_STANDING = EXTRA_ALERT_MOVES + ALERT_STATE_COUNT,
    EXTRA_ALERT_LOG_DROPPED = EXTRA_ALERT_STANDING + ALERT_STATE_COUNT,
    EXTRA_ALERT_TELLS,
    EXTRA_ALERT_UNSENT,
    EXTRA_ALERT_UNNOTED,
    EXTRA_DELIVERY_QUEUED,
    EXTRA_DELIVERY_DELIVERED,
    EXTRA_DELIVERY_RETRIED,
    EXTRA_DELIVERY_FAILED,
    EXTRA_DELIVERY_DROPPED,
    EXTRA_DELIVERY_FORGOTTEN,
    EXTRA_DELIVERY_WAITING,
    EXTRA_CHECKPOINTS,
    EXTRA_CHECKPOINTS_FAILED,
    EXTRA_CHECKPOINT_AGE_US,
    EXTRA_CHECKPOINT_TOOK_US,
    EXTRA_CHECKPOINT_ROWS,
    EXTRA_CHECKPOINT_BYTES,
    EXTRA_CHECKPOINT_SLICE_US,
    EXTRA_CPU_US,
    EXTRA_MEMORY_BYTES,
    EXTRA_MEMORY_OWN,
    EXTRA_OPEN_FILES,
    EXTRA_START_US,
    EXTRA_COUNT
};

/* All numbers of one scrape. The writer's are of one moment, and so are the publisher's. */
struct metrics_view {
    int64_t board[BOARD_COUNT];
    int64_t publish[PUBLISH_COUNT];
    int64_t extra[EXTRA_COUNT];
};

/* Whom to ask. */
struct metrics_sources {
    const struct writer *writer;
    const struct ring *ring;
    const struct publish_thread *publish;
    const struct alerts *alerts;
    const struct consumer *consumer;
    struct dead_letters *dead_letters;
    const struct checkpointer *checkpointer; /* NULL: none */
    int64_t started_us;
};

void metrics_collect(const struct metrics_sources *from, struct metrics_view *out);
/* The process_* numbers, which cost a look into /proc: only where they are shown. */
void metrics_collect_process(const struct metrics_sources *from, struct metrics_view *out);
/* Prometheus text format 0.0.4. */
void metrics_render(const struct metrics_view *v, struct buffer *out);
/* docs/metrics.md. */
void metrics_doc(struct buffer *out);
