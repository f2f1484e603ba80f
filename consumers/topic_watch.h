/* topic_watch.h - a thread that asks the brokers which partitions the topics have, so that ingest need not wait for
 * an answer.
 *
 * It asks at the start, every kafka.metadata_refresh_ms, and every second while brokers are away or a topic is
 * missing. It says so in the log: at once, then ever more rarely, and again when it is over. What it found is handed
 * over; the consumer takes it when it comes by.
 *
 * Thread: topic_watch_start and _stop from one thread; the consumer takes. Memory: rk, config, names and counters are borrowed
 * until topic_watch_stop.
 */
#pragma once
#include "base/counter.h"
#include "config/config.h"
#include <librdkafka/rdkafka.h>

struct topic_watch_counters {
    struct counter connected; /* 1: the brokers answered the last time */
    struct counter missing;   /* topics that do not exist, at present */
    struct counter compacted; /* topics with cleanup.policy compact that carry `changes`: history may be lost */
};

struct topic_layout {
    unsigned count;
    struct {
        int32_t partitions; /* 0 = no such topic (yet) */
        bool doubtful;      /* it, or the brokers, were away since the last layout: it may be another topic by now */
    } topics[];             /* by index in the names */
};

struct topic_watch;

/* changes_only[i]: topic i has an input with `events: changes`. queue: is woken when something new was found. */
struct topic_watch *topic_watch_start(rd_kafka_t *rk, const struct kafka_config *kafka, const char *const *names,
                                      const bool *changes_only, unsigned count, rd_kafka_queue_t *queue,
                                      struct topic_watch_counters *counters);
/* Ends the thread; a question that is under way is waited for. Accepts NULL. */
void topic_watch_stop(struct topic_watch *w);

/* What was found last, or NULL where nothing new was; the caller frees it. */
struct topic_layout *topic_watch_take(struct topic_watch *w);
/* Any thread: ask again now, for instance because all brokers seem to be down. */
void topic_watch_ask(struct topic_watch *w);
/* The consumer: what librdkafka says of a connection that failed, for the line that says that brokers are away. */
void topic_watch_reason(struct topic_watch *w, const char *reason);
