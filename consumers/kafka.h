/* kafka.h - the thread that reads all partitions of all configured topics and hands events over a ring.
 *
 * Every message becomes exactly one event in the ring, in the order of its partition. A partition is announced by
 * EVENT_SLOT before its first event; its slot is the number of that announcement, from 0. EVENT_END says that the end
 * of the partition was reached at that position. While the ring is full, or too many dead letters are unsent, the
 * thread stops taking messages; librdkafka's bounded queue and Kafka hold the rest. Nothing is dropped. The same while
 * memory is at limits.memory_max (hold.h).
 *
 * Brokers that are away and topics that do not exist yet are waited for, new partitions are noticed. Where a log does
 * not go on where we were (retention, a topic made anew) that is a gap: logged, counted, told to the writer as
 * EVENT_GAP; reading goes on at the earliest offset that there is, or ends where kafka.on_gap says so (gap.h).
 *
 * Thread: consumer_create to _destroy from one thread; the counters and consumer_commit from any. Memory: config, calendar, ring and dead
 * letters are borrowed until consumer_destroy; between start and join the ring's producer side and the dead letters
 * are the consumer's thread's.
 */
#pragma once
#include "base/calendar.h"
#include "base/counter.h"
#include "base/ring.h"
#include "config/config.h"
#include "consumers/dead_letter.h"
#include "consumers/topic_watch.h"
#include <stdbool.h>

/* Where to begin in a partition; those that are not named begin at the earliest offset. With a message, reading begins
 * there, so that it can be compared: another message at that offset is of another log. None there proves nothing
 * (compaction). */
struct consumer_start {
    const char *topic;
    int32_t partition;
    int64_t offset;         /* of the first message to read; negative: the earliest */
    bool has_message;       /* if so, of the last one that was read (struct cut_position): */
    int64_t message_offset; /* below `offset` */
    uint64_t hash;          /* its event.message_hash */
};

struct consumer_counters {
    struct counter messages, bytes; /* read: values and keys */
    struct counter rounded;         /* decimals with more places than are kept */
    struct counter errors;          /* that Kafka told, of whatever kind */
    struct counter gaps;            /* times that an offset was no longer there */
    struct counter lost;            /* offsets skipped by those gaps */
    struct counter commits;         /* of offsets for lag monitors, that the brokers have acknowledged */
    struct counter commits_refused; /* or have not */
    struct counter ring_full;       /* times that the ring was waited for */
    struct counter partitions;      /* assigned now */
    struct counter ended;           /* of these: read to their end once since the start */
    struct counter held;            /* 1 while reading stands still for want of memory */
    struct counter lag;             /* messages behind, over all partitions, as far as it is known */
};

struct consumer;

/* NULL: the Kafka properties are wrong, `problem` says which. starts is copied. */
struct consumer *consumer_create(const struct config *config, const struct calendar *calendar, struct ring *ring,
                                 struct dead_letters *dead_letters, const struct consumer_start *starts,
                                 size_t start_count, struct buffer *problem);
void consumer_start(struct consumer *c);
/* Asks the thread to end; returns at once. What is not in the ring yet stays unread. */
void consumer_stop(struct consumer *c);
/* Waits until it has ended: at most a few seconds, while a question to a broker is under way. */
void consumer_join(struct consumer *c);
/* Not between start and join. Accepts NULL. */
void consumer_destroy(struct consumer *c);

/* True once a gap was found and kafka.on_gap is stop: reading has ended, the log says where and what to do. */
bool consumer_gave_up(const struct consumer *c);
/* Any one thread at a time, between start and destroy: tells the consumer group how far is safe, for lag monitors; kpid
 * itself never looks at it. Returns at once. While an earlier commit is unanswered nothing is sent: a later one will
 * say more; one that commits or commits_refused counts is answered. A refusal is a warning, once, and counted. */
void consumer_commit(struct consumer *c, const struct consumer_start *positions, size_t count);

const struct consumer_counters *consumer_counters(const struct consumer *c);
/* connected, missing topics, compacted topics. All 0 before consumer_start. */
const struct topic_watch_counters *consumer_watch_counters(const struct consumer *c);
