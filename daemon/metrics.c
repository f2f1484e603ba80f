#include "daemon/metrics.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/memory_bound.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum source { BOARD, PUBLISH, EXTRA };
enum type { COUNTER, GAUGE };
enum unit { PLAIN, MICROSECONDS }; /* MICROSECONDS are shown as seconds */

struct metric {
    const char *name;
    enum type type;
    enum unit unit;
    const char *help;
    enum source source;
    unsigned first, count;            /* numbers of the source */
    const char *label;                /* NULL: one number */
    const char *(*value)(unsigned i); /* of the label, for the i-th number; NULL: left out */
};

static const char *version_value(unsigned i)
{
    (void)i;
    return KPID_VERSION;
}

static const char *outcome_value(unsigned i)
{
    static const char *const names[] = {"applied", "duplicate", "superseded", "filtered", "dead_lettered"};
    return names[i];
}

static const char *reason_value(unsigned i)
{
    return i == OK ? NULL : error_name((enum error)i);
}

static const char *kind_value(unsigned i)
{
    return record_kind_info((enum record_kind)i)->name;
}

static const char *oddity_value(unsigned i)
{
    return oddity_name((enum oddity)i);
}

static const char *reader_value(unsigned i)
{
    return i == READER_PUBLISHER ? "publisher" : "alerts";
}

static const char *state_value(unsigned i)
{
    return publisher_state_name((enum publisher_state)i);
}

static const char *trouble_value(unsigned i)
{
    return i == TROUBLE_NONE ? NULL : redis_trouble_name((enum redis_trouble)i);
}

static const char *alert_value(unsigned i)
{
    return alert_state_name((enum alert_state)i);
}

#define ONE(source, index)               source, index, 1, NULL, NULL
#define MANY(source, index, n, label, v) source, index, n, label, v

static const struct metric metrics[] = {
    {"kpid_build_info", GAUGE, PLAIN, "1; the label says which kpid this is.",
     MANY(EXTRA, EXTRA_ONE, 1, "version", version_value)},

    {"kpid_events_read_total", COUNTER, PLAIN,
     "Messages read from Kafka. At every instant the sum of kpid_events_total.", ONE(BOARD, BOARD_READ)},
    {"kpid_events_total", COUNTER, PLAIN,
     "Messages by what became of them: applied, duplicate (all of it stood already), superseded (newer values stood), "
     "filtered (by the input's filter), dead_lettered.",
     MANY(BOARD, BOARD_APPLIED, 5, "outcome", outcome_value)},
    {"kpid_dead_letters_total", COUNTER, PLAIN, "Messages that could not be read, by reason.",
     MANY(BOARD, BOARD_DEAD_LETTERED_BY, ERROR_COUNT, "reason", reason_value)},
    {"kpid_records", GAUGE, PLAIN, "Records that exist.", MANY(BOARD, BOARD_RECORDS, KIND_COUNT, "kind", kind_value)},
    {"kpid_audited_entities_total", COUNTER, PLAIN,
     "Entities whose numbers were derived from the records anew and compared.", ONE(BOARD, BOARD_AUDITED)},
    {"kpid_audit_differences_total", COUNTER, PLAIN,
     "Of these, entities with a number that was not what the records say: an error in kpid.",
     ONE(BOARD, BOARD_AUDIT_DIFFERENCES)},
    {"kpid_oddities", GAUGE, PLAIN, "Records that stand but contribute less than they could, by the reason for it.",
     MANY(BOARD, BOARD_ODDITIES, ODDITY_COUNT, "kind", oddity_value)},
    {"kpid_as_of_timestamp_seconds", GAUGE, MICROSECONDS, "The instant that the numbers speak for.",
     ONE(BOARD, BOARD_AS_OF_US)},
    {"kpid_latest_event_timestamp_seconds", GAUGE, MICROSECONDS, "The latest occurred_at; 0 before the first event.",
     ONE(BOARD, BOARD_LATEST_US)},
    {"kpid_live", GAUGE, PLAIN, "1 when every partition was read to its end once since the start.",
     ONE(BOARD, BOARD_LIVE)},
    {"kpid_snapshots_total", COUNTER, PLAIN, "Snapshots handed over by the writer, by reader.",
     MANY(BOARD, BOARD_CUTS, READER_COUNT, "reader", reader_value)},
    {"kpid_writer_beats_total", COUNTER, PLAIN, "Rounds of the writer: while this grows, it makes progress.",
     ONE(EXTRA, EXTRA_BEATS)},
    {"kpid_ring_bytes", GAUGE, PLAIN, "Bytes of events between consumer and writer.", ONE(EXTRA, EXTRA_RING_BYTES)},
    {"kpid_ring_size_bytes", GAUGE, PLAIN, "The most that may be there.", ONE(EXTRA, EXTRA_RING_SIZE)},

    {"kpid_kafka_connected", GAUGE, PLAIN, "1 when the brokers answered the last time they were asked.",
     ONE(EXTRA, EXTRA_KAFKA_CONNECTED)},
    {"kpid_kafka_partitions", GAUGE, PLAIN, "Partitions that are read.", ONE(EXTRA, EXTRA_KAFKA_PARTITIONS)},
    {"kpid_kafka_partitions_ended", GAUGE, PLAIN, "Of these: read to their end once since the start.",
     ONE(EXTRA, EXTRA_KAFKA_ENDED)},
    {"kpid_kafka_lag_messages", GAUGE, PLAIN, "Messages behind the ends of the partitions, as far as it is known.",
     ONE(EXTRA, EXTRA_KAFKA_LAG)},
    {"kpid_kafka_topics_missing", GAUGE, PLAIN, "Configured topics that do not exist.",
     ONE(EXTRA, EXTRA_KAFKA_MISSING)},
    {"kpid_kafka_topics_compacted", GAUGE, PLAIN,
     "Topics with cleanup.policy compact whose input says `events: changes`: parts of records may be lost.",
     ONE(EXTRA, EXTRA_KAFKA_COMPACTED)},
    {"kpid_kafka_messages_total", COUNTER, PLAIN, "Messages taken from librdkafka.", ONE(EXTRA, EXTRA_KAFKA_MESSAGES)},
    {"kpid_kafka_bytes_total", COUNTER, PLAIN, "Bytes of their values and keys.", ONE(EXTRA, EXTRA_KAFKA_BYTES)},
    {"kpid_kafka_errors_total", COUNTER, PLAIN, "Errors that librdkafka told.", ONE(EXTRA, EXTRA_KAFKA_ERRORS)},
    {"kpid_kafka_gaps_total", COUNTER, PLAIN, "Times that a log did not go on where it had been read to.",
     ONE(EXTRA, EXTRA_KAFKA_GAPS)},
    {"kpid_kafka_lost_offsets_total", COUNTER, PLAIN, "Offsets that were gone before they were read.",
     ONE(EXTRA, EXTRA_KAFKA_LOST)},
    {"kpid_gaps", GAUGE, PLAIN, "Gaps that the numbers stand on, over restarts; meta.gaps.", ONE(BOARD, BOARD_GAPS)},
    {"kpid_kafka_commits_total", COUNTER, PLAIN, "Offsets committed to the consumer group, for lag monitors.",
     ONE(EXTRA, EXTRA_KAFKA_COMMITS)},
    {"kpid_kafka_commits_refused_total", COUNTER, PLAIN, "Times that the brokers refused it; kpid does not need it.",
     ONE(EXTRA, EXTRA_KAFKA_COMMITS_REFUSED)},
    {"kpid_kafka_ring_full_total", COUNTER, PLAIN, "Times that the consumer waited for the writer.",
     ONE(EXTRA, EXTRA_KAFKA_RING_FULL)},
    {"kpid_kafka_held", GAUGE, PLAIN, "1 while nothing is read since memory is at `limits.memory_max`.",
     ONE(EXTRA, EXTRA_KAFKA_HELD)},
    {"kpid_decimals_rounded_total", COUNTER, PLAIN, "Decimals with more places than are kept.",
     ONE(EXTRA, EXTRA_KAFKA_ROUNDED)},
    {"kpid_dead_letters_delivered_total", COUNTER, PLAIN, "Dead letters that Kafka has acknowledged.",
     ONE(EXTRA, EXTRA_LETTERS_DELIVERED)},
    {"kpid_dead_letters_retried_total", COUNTER, PLAIN, "Attempts to send one that failed; it is sent again.",
     ONE(EXTRA, EXTRA_LETTERS_FAILED)},
    {"kpid_dead_letters_unsent", GAUGE, PLAIN, "Dead letters without an acknowledgement yet.",
     ONE(EXTRA, EXTRA_LETTERS_UNSENT)},
    {"kpid_dead_letters_without_value_total", COUNTER, PLAIN,
     "Dead letters too large for the topic: only their address was sent.", ONE(EXTRA, EXTRA_LETTERS_WITHOUT_VALUE)},
    {"kpid_dead_letters_full_total", COUNTER, PLAIN, "Times that reading waited because too many were unsent.",
     ONE(EXTRA, EXTRA_LETTERS_FULL)},

    {"kpid_redis_up", GAUGE, PLAIN, "1 while there is a connection to Redis.", ONE(EXTRA, EXTRA_REDIS_UP)},
    {"kpid_publisher_state", GAUGE, PLAIN, "1 for the state that the publisher is in.",
     MANY(EXTRA, EXTRA_PUBLISHER_STATES, PUBLISHER_STALE + 1, "state", state_value)},
    {"kpid_publish_age_seconds", GAUGE, MICROSECONDS, "Since Redis last held the last snapshot; -1 before the first.",
     ONE(EXTRA, EXTRA_PUBLISH_AGE_US)},
    {"kpid_publish_as_of_timestamp_seconds", GAUGE, MICROSECONDS, "The instant that the numbers in Redis speak for.",
     ONE(PUBLISH, PUBLISH_AS_OF_US)},
    {"kpid_publish_epoch", GAUGE, PLAIN, "The epoch of our last claim.", ONE(PUBLISH, PUBLISH_EPOCH)},
    {"kpid_publish_seq", GAUGE, PLAIN, "The number of our last publish.", ONE(PUBLISH, PUBLISH_SEQ)},
    {"kpid_publish_total", COUNTER, PLAIN, "Publishes that readers could see.", ONE(PUBLISH, PUBLISH_PUBLISHES)},
    {"kpid_publish_staged_total", COUNTER, PLAIN, "Of these: too large for one transaction, staged and then moved.",
     ONE(PUBLISH, PUBLISH_STAGED)},
    {"kpid_publish_keys_total", COUNTER, PLAIN, "Keys written or deleted.", ONE(PUBLISH, PUBLISH_KEYS)},
    {"kpid_publish_bytes_total", COUNTER, PLAIN, "Bytes sent to Redis.", ONE(PUBLISH, PUBLISH_BYTES)},
    {"kpid_redis_connects_total", COUNTER, PLAIN, "Connections made to Redis.", ONE(PUBLISH, PUBLISH_CONNECTS)},
    {"kpid_redis_claims_total", COUNTER, PLAIN, "Times that the right to publish was claimed.",
     ONE(PUBLISH, PUBLISH_CLAIMS)},
    {"kpid_lease_held", GAUGE, PLAIN, "1 while this instance is the one that publishes and tells alerts.",
     ONE(PUBLISH, PUBLISH_HOLDS)},
    {"kpid_lease_takeovers_total", COUNTER, PLAIN,
     "Times that it became so: at the start, after another instance, or after a Redis that lost its data.",
     ONE(PUBLISH, PUBLISH_TAKEOVERS)},
    {"kpid_lease_losses_total", COUNTER, PLAIN, "Times that another instance took over from it.",
     ONE(PUBLISH, PUBLISH_LOSSES)},
    {"kpid_redis_troubles_total", COUNTER, PLAIN, "What went wrong with Redis, by kind.",
     MANY(PUBLISH, PUBLISH_TROUBLES, TROUBLE_COUNT, "trouble", trouble_value)},
    {"kpid_alerts_log_lost_total", COUNTER, PLAIN, "Entries of alerts:log lost while Redis was away.",
     ONE(PUBLISH, PUBLISH_ALERTS_LOG_DROPPED)},

    {"kpid_alert_decisions_total", COUNTER, PLAIN, "Instants of the grid at which the rules were looked at.",
     ONE(EXTRA, EXTRA_ALERT_DECISIONS)},
    {"kpid_alert_transitions_total", COUNTER, PLAIN, "Moves of alerts, by the state that was reached.",
     MANY(EXTRA, EXTRA_ALERT_MOVES, ALERT_STATE_COUNT, "state", alert_value)},
    {"kpid_alerts", GAUGE, PLAIN, "Pairs of a rule and an entity, by state.",
     MANY(EXTRA, EXTRA_ALERT_STANDING, ALERT_STATE_COUNT, "state", alert_value)},
    {"kpid_alert_log_dropped_total", COUNTER, PLAIN, "Transitions that nobody fetched in time for alerts:log.",
     ONE(EXTRA, EXTRA_ALERT_LOG_DROPPED)},
    {"kpid_alerts_told", GAUGE, PLAIN, "1 while this instance tells what it decides.", ONE(EXTRA, EXTRA_ALERT_TELLS)},
    {"kpid_notifications_unsent", GAUGE, PLAIN,
     "Notifications that are noted, or to be noted, in alerts:unsent: neither delivered nor given up.",
     ONE(EXTRA, EXTRA_ALERT_UNSENT)},
    {"kpid_notifications_unnoted_total", COUNTER, PLAIN,
     "Notifications sent without having been noted: Redis was away for longer than alerts.without_redis.",
     ONE(EXTRA, EXTRA_ALERT_UNNOTED)},
    {"kpid_notifications_queued_total", COUNTER, PLAIN, "Notifications taken on for delivery.",
     ONE(EXTRA, EXTRA_DELIVERY_QUEUED)},
    {"kpid_notifications_delivered_total", COUNTER, PLAIN, "Notifications that a receiver accepted.",
     ONE(EXTRA, EXTRA_DELIVERY_DELIVERED)},
    {"kpid_notifications_retried_total", COUNTER, PLAIN, "Attempts after the first.",
     ONE(EXTRA, EXTRA_DELIVERY_RETRIED)},
    {"kpid_notifications_failed_total", COUNTER, PLAIN, "Notifications given up.", ONE(EXTRA, EXTRA_DELIVERY_FAILED)},
    {"kpid_notifications_dropped_total", COUNTER, PLAIN, "Notifications not taken on: the receiver's queue was full.",
     ONE(EXTRA, EXTRA_DELIVERY_DROPPED)},
    {"kpid_notifications_forgotten_total", COUNTER, PLAIN, "Notifications left to the instance that took over.",
     ONE(EXTRA, EXTRA_DELIVERY_FORGOTTEN)},
    {"kpid_notifications_waiting", GAUGE, PLAIN, "Notifications that wait for delivery.",
     ONE(EXTRA, EXTRA_DELIVERY_WAITING)},

    {"kpid_checkpoints_total", COUNTER, PLAIN, "Checkpoints that are on the disk.", ONE(EXTRA, EXTRA_CHECKPOINTS)},
    {"kpid_checkpoint_failures_total", COUNTER, PLAIN, "Checkpoints that could not be stored; they are tried again.",
     ONE(EXTRA, EXTRA_CHECKPOINTS_FAILED)},
    {"kpid_checkpoint_age_seconds", GAUGE, MICROSECONDS,
     "Since the instant of the last one: so much would be read again. -1 before the first.",
     ONE(EXTRA, EXTRA_CHECKPOINT_AGE_US)},
    {"kpid_checkpoint_duration_seconds", GAUGE, MICROSECONDS, "What the last one took, from its instant to the disk.",
     ONE(EXTRA, EXTRA_CHECKPOINT_TOOK_US)},
    {"kpid_checkpoint_rows_total", COUNTER, PLAIN, "Rows that were stored: records, names, words.",
     ONE(EXTRA, EXTRA_CHECKPOINT_ROWS)},
    {"kpid_checkpoint_bytes_total", COUNTER, PLAIN, "Bytes of these rows.", ONE(EXTRA, EXTRA_CHECKPOINT_BYTES)},
    {"kpid_checkpoint_slice_max_seconds", GAUGE, MICROSECONDS,
     "The longest time that the writer copied without taking an event.", ONE(EXTRA, EXTRA_CHECKPOINT_SLICE_US)},

    {"process_cpu_seconds_total", COUNTER, MICROSECONDS, "Processor time, user and system.", ONE(EXTRA, EXTRA_CPU_US)},
    {"process_resident_memory_bytes", GAUGE, PLAIN, "Memory in use.", ONE(EXTRA, EXTRA_MEMORY_BYTES)},
    {"kpid_memory_own_bytes", GAUGE, PLAIN,
     "Of it what is kpid's own, and not pages of files: what `limits.memory_max` bounds.",
     ONE(EXTRA, EXTRA_MEMORY_OWN)},
    {"process_open_fds", GAUGE, PLAIN, "Open files and sockets.", ONE(EXTRA, EXTRA_OPEN_FILES)},
    {"process_start_time_seconds", GAUGE, MICROSECONDS, "When the process started.", ONE(EXTRA, EXTRA_START_US)},
};
#define METRIC_COUNT (sizeof metrics / sizeof *metrics)

/* -1 where /proc does not say. */
static int64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long long pages = -1;
    if (f == NULL)
        return -1;
    if (fscanf(f, "%*s %lld", &pages) != 1)
        pages = -1;
    fclose(f);
    return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

static int64_t open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    if (d == NULL)
        return -1;
    int64_t n = -3; /* ".", ".." and the one that d is */
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static void collect_kafka(const struct metrics_sources *from, int64_t *out)
{
    const struct consumer_counters *c = consumer_counters(from->consumer);
    const struct topic_watch_counters *w = consumer_watch_counters(from->consumer);
    const struct dead_letter_counters *d = dead_letters_counters(from->dead_letters);
    out[EXTRA_KAFKA_CONNECTED] = counter_get(&w->connected);
    out[EXTRA_KAFKA_MISSING] = counter_get(&w->missing);
    out[EXTRA_KAFKA_COMPACTED] = counter_get(&w->compacted);
    out[EXTRA_KAFKA_MESSAGES] = counter_get(&c->messages);
    out[EXTRA_KAFKA_BYTES] = counter_get(&c->bytes);
    out[EXTRA_KAFKA_ROUNDED] = counter_get(&c->rounded);
    out[EXTRA_KAFKA_ERRORS] = counter_get(&c->errors);
    out[EXTRA_KAFKA_GAPS] = counter_get(&c->gaps);
    out[EXTRA_KAFKA_LOST] = counter_get(&c->lost);
    out[EXTRA_KAFKA_COMMITS] = counter_get(&c->commits);
    out[EXTRA_KAFKA_COMMITS_REFUSED] = counter_get(&c->commits_refused);
    out[EXTRA_KAFKA_RING_FULL] = counter_get(&c->ring_full);
    out[EXTRA_KAFKA_HELD] = counter_get(&c->held);
    out[EXTRA_KAFKA_PARTITIONS] = counter_get(&c->partitions);
    out[EXTRA_KAFKA_ENDED] = counter_get(&c->ended);
    out[EXTRA_KAFKA_LAG] = counter_get(&c->lag);
    out[EXTRA_LETTERS_DELIVERED] = counter_get(&d->delivered);
    out[EXTRA_LETTERS_FAILED] = counter_get(&d->failed);
    out[EXTRA_LETTERS_UNSENT] = counter_get(&d->unsent);
    out[EXTRA_LETTERS_WITHOUT_VALUE] = counter_get(&d->without_value);
    out[EXTRA_LETTERS_FULL] = counter_get(&d->full);
}

static void collect_alerts(const struct metrics_sources *from, int64_t *out)
{
    const struct alerts_counters *a = alerts_counters(from->alerts);
    const struct delivery_counters *d = alerts_delivery_counters(from->alerts);
    out[EXTRA_ALERT_DECISIONS] = counter_get(&a->decisions);
    for (int i = 0; i < ALERT_STATE_COUNT; i++) {
        out[EXTRA_ALERT_MOVES + i] = counter_get(&a->moves[i]);
        out[EXTRA_ALERT_STANDING + i] = counter_get(&a->standing[i]);
    }
    out[EXTRA_ALERT_LOG_DROPPED] = counter_get(&a->log_dropped);
    out[EXTRA_ALERT_TELLS] = counter_get(&a->tells);
    out[EXTRA_ALERT_UNSENT] = counter_get(&a->unsent);
    out[EXTRA_ALERT_UNNOTED] = counter_get(&a->unnoted);
    out[EXTRA_DELIVERY_FORGOTTEN] = counter_get(&d->forgotten);
    out[EXTRA_DELIVERY_QUEUED] = counter_get(&d->queued);
    out[EXTRA_DELIVERY_DELIVERED] = counter_get(&d->delivered);
    out[EXTRA_DELIVERY_RETRIED] = counter_get(&d->retried);
    out[EXTRA_DELIVERY_FAILED] = counter_get(&d->failed);
    out[EXTRA_DELIVERY_DROPPED] = counter_get(&d->dropped);
    out[EXTRA_DELIVERY_WAITING] = counter_get(&d->waiting);
}

static void collect_checkpoints(const struct checkpointer *from, int64_t *out)
{
    out[EXTRA_CHECKPOINT_AGE_US] = -SECOND;
    if (from == NULL)
        return;
    const struct checkpointer_counters *c = checkpointer_counters(from);
    out[EXTRA_CHECKPOINTS] = counter_get(&c->stored);
    out[EXTRA_CHECKPOINTS_FAILED] = counter_get(&c->failed);
    if (counter_get(&c->stored_at_us) != 0)
        out[EXTRA_CHECKPOINT_AGE_US] = clock_monotonic_us() - counter_get(&c->stored_at_us);
    out[EXTRA_CHECKPOINT_TOOK_US] = counter_get(&c->took_us);
    out[EXTRA_CHECKPOINT_ROWS] = counter_get(&c->rows);
    out[EXTRA_CHECKPOINT_BYTES] = counter_get(&c->bytes);
    out[EXTRA_CHECKPOINT_SLICE_US] = counter_get(&c->longest_slice_us);
}

void metrics_collect(const struct metrics_sources *from, struct metrics_view *out)
{
    *out = (struct metrics_view){0};
    writer_board(from->writer, out->board);
    publish_thread_board(from->publish, out->publish);
    int64_t *extra = out->extra;
    extra[EXTRA_ONE] = 1;
    collect_checkpoints(from->checkpointer, extra);
    extra[EXTRA_BEATS] = writer_beats(from->writer);
    extra[EXTRA_RING_BYTES] = (int64_t)ring_used(from->ring);
    extra[EXTRA_RING_SIZE] = (int64_t)ring_size(from->ring);
    collect_kafka(from, extra);
    extra[EXTRA_REDIS_UP] = out->publish[PUBLISH_STATE] != PUBLISHER_AWAY;
    extra[EXTRA_PUBLISHER_STATES + out->publish[PUBLISH_STATE]] = 1;
    int64_t at_us = out->publish[PUBLISH_AT_US];
    extra[EXTRA_PUBLISH_AGE_US] = at_us == 0 ? -SECOND : clock_monotonic_us() - at_us;
    collect_alerts(from, extra);
}

void metrics_collect_process(const struct metrics_sources *from, struct metrics_view *out)
{
    out->extra[EXTRA_CPU_US] = clock_cpu_us();
    out->extra[EXTRA_MEMORY_BYTES] = resident_bytes();
    out->extra[EXTRA_MEMORY_OWN] = memory_own_bytes();
    out->extra[EXTRA_OPEN_FILES] = open_files();
    out->extra[EXTRA_START_US] = from->started_us;
}

static const int64_t *numbers_of(const struct metrics_view *v, enum source s)
{
    switch (s) {
    case BOARD: return v->board;
    case PUBLISH: return v->publish;
    case EXTRA: break;
    }
    return v->extra;
}

static void add_number(struct buffer *b, enum unit unit, int64_t n)
{
    if (unit == PLAIN) {
        buffer_integer(b, n);
        return;
    }
    if (n < 0)
        buffer_char(b, '-');
    uint64_t us = n < 0 ? -(uint64_t)n : (uint64_t)n;
    buffer_format(b, "%llu.%06llu", (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
}

void metrics_render(const struct metrics_view *v, struct buffer *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric *m = &metrics[i];
        const int64_t *numbers = numbers_of(v, m->source) + m->first;
        buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
                      m->type == COUNTER ? "counter" : "gauge");
        for (unsigned k = 0; k < m->count; k++) {
            const char *value = m->label != NULL ? m->value(k) : NULL;
            if (m->label != NULL && value == NULL)
                continue;
            buffer_string(out, m->name);
            /* Values of labels are our own names: none needs an escape. */
            if (value != NULL)
                buffer_format(out, "{%s=\"%s\"}", m->label, value);
            buffer_char(out, ' ');
            add_number(out, m->unit, numbers[k]);
            buffer_char(out, '\n');
        }
    }
}

void metrics_doc(struct buffer *out)
{
    buffer_string(out,
                  "# Metrics\n\n"
                  "`kpid run` shows these at `/metrics` (Prometheus text format; `http.address` and `http.port` in "
                  "the configuration,\nby default 127.0.0.1:9464). The numbers of the writer are of one moment, so "
                  "that in every scrape\n`kpid_events_read_total` is the sum of `kpid_events_total`; they start from "
                  "0 with the process.\n\n"
                  "This page is made by `kpid --print-metrics-doc` from the table in daemon/metrics.c.\n\n"
                  "| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric *m = &metrics[i];
        buffer_format(out, "| `%s` | %s | ", m->name, m->type == COUNTER ? "counter" : "gauge");
        const char *before = "";
        for (unsigned k = 0; m->label != NULL && k < m->count; k++) {
            const char *value = m->value(k);
            if (value == NULL)
                continue;
            buffer_format(out, "%s", before);
            if (before[0] == 0)
                buffer_format(out, "%s: ", m->label);
            buffer_format(out, m->value == version_value ? "the version" : "`%s`", value);
            before = ", ";
        }
        buffer_format(out, " | %s |\n", m->help);
    }
}
