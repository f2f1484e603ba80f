/* kafka_model.h - a log as consumers see it: partitions, offsets with holes, an end, and a start that retention moves.
 *
 * What is in it are decoded events: decoding has tests and fuzzers of its own. Thread: one. Memory: kafka_init to
 * kafka_fini.
 */
#pragma once
#include "aggregators/event.h"
#include "tests/simulator/process.h"
#include <stdbool.h>
#include <stdint.h>

#define ENTRIES_MAX    160
#define PARTITIONS_MAX 10
#define RECORDS_MAX    40

struct kafka_entry {
    struct event *event; /* owned; its slot and offset are set where it is read */
    unsigned partition;
    int64_t offset;
    unsigned record; /* which (kind, key); RECORDS_MAX: none, it is only counted */
};

struct kafka_partition {
    const char *topic;
    int32_t number;
    int64_t start, end; /* end: the next offset */
};

struct kafka_model {
    struct kafka_partition partitions[PARTITIONS_MAX];
    unsigned partition_count;
    struct kafka_entry entries[ENTRIES_MAX];
    unsigned count;
    /* what has not been sent yet, in order */
    struct event *coming[ENTRIES_MAX];
    unsigned coming_count, sent;
};

/* Makes what a small sales floor will say, around the instant. */
void kafka_init(struct kafka_model *k, struct random *r, int64_t around_us, unsigned events);
void kafka_fini(struct kafka_model *k);

/* Sends the next event, or (seldom) one that was sent before, a message that cannot be read, one that a filter refuses; or
 * leaves a hole in the offsets. False: all is sent. */
bool kafka_send(struct kafka_model *k);
/* The first entry of the partition at or behind an offset, NULL: there is none. */
const struct kafka_entry *kafka_read(const struct kafka_model *k, unsigned partition, int64_t offset);
/* Messages before the offset are gone. */
void kafka_trim(struct kafka_model *k, unsigned partition, int64_t before);
