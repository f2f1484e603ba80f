/* floor_kafka.h - the messages of a simulated floor into Kafka: topic by kind, key the record's id, time stamp
 * the message's. Delivery reports are counted.
 *
 * Thread: one; librdkafka has its own. Memory: floor_kafka_close frees all. Errors: texts for a person.
 */
#pragma once
#include "base/text.h"
#include "daemon/floor.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct floor_kafka;

struct floor_kafka_options {
    const char *brokers;
    const char *topic_prefix;      /* "" = none */
    const char *const *properties; /* "name=value", for librdkafka */
    size_t property_count;
    bool hurry; /* many at once rather than each at once */
};

/* Waits at most 10 s for an answer of the brokers, and a little for topics that they make when asked. NULL: *out_problem says why, and *out_usage whether a
 * property is to blame. */
struct floor_kafka *floor_kafka_open(const struct floor_kafka_options *options, struct buffer *out_problem,
                                     bool *out_usage);
/* False: the local queue is full; wait and try again. A message that cannot be sent at all counts as failed. */
bool floor_kafka_send(struct floor_kafka *k, const struct floor_message *m);
/* Takes delivery reports for at most that long. */
void floor_kafka_wait(struct floor_kafka *k, int timeout_ms);
/* Waits for what is under way, at most that long, and frees all. Returns how many messages were not delivered;
 * *out_problem then has the first reason. NULL is fine. */
uint64_t floor_kafka_close(struct floor_kafka *k, int timeout_ms, struct buffer *out_problem);

/* A Kafka cluster that lives inside this process, for demonstrations: librdkafka's mock. It keeps the last
 * 5 MiB of each partition. */
struct floor_mock;

/* Topics: the four kinds', with the prefix. NULL: *out_problem says why. */
struct floor_mock *floor_mock_open(const char *topic_prefix, int partitions, struct buffer *out_problem);
/* "127.0.0.1:40123"; borrowed. */
const char *floor_mock_brokers(const struct floor_mock *m);
/* NULL is fine. */
void floor_mock_close(struct floor_mock *m);
