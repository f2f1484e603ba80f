/* reading.h - the consumer's own state, between kafka.c (the thread and the messages), layout.c (which partitions there
 * are) and gap.c (whether their logs still are the ones that were read).
 *
 * Thread: the consumer's, but for what is said. Memory: kafka.c's.
 */
#pragma once
#include "base/counter.h"
#include "consumers/complaint.h"
#include "consumers/decode.h"
#include "consumers/kafka.h"
#include <librdkafka/rdkafka.h>
#include <pthread.h>

enum doubt {
    DOUBT_NONE,
    DOUBT_OFFSET,  /* the broker does not have the offset, or ends before it */
    DOUBT_LOG,     /* the topic or the brokers were away: it may be another log */
    DOUBT_MESSAGE, /* the log holds another message than the one that was read */
};

/* A partition: where we are in it. */
struct slot {
    unsigned topic;
    int32_t partition;
    int64_t next; /* the position; -1 = the beginning, wherever that is */
    /* The last message before it. */
    bool has_message;
    int64_t message_offset;
    uint64_t hash;
    bool assigned;
    bool comparing; /* what comes first is the last message again */
    enum doubt doubt;
    bool ended;               /* its end was seen */
    bool behind;              /* and the writer was told since that there is more, which will not be read for now */
    bool gone;                /* the topic has fewer partitions now */
    int64_t missing_since_us; /* the same, but not believed yet; 0 = is there */
};

/* A topic and the inputs that it feeds. With more than one, a message is of the first whose filter it passes. */
struct topic {
    const char *name;
    unsigned inputs[INPUTS_MAX];
    unsigned input_count;
    bool was_missing;   /* since the last layout in which it was there */
    int32_t partitions; /* that have slots */
    uint32_t *slots;    /* by partition */
};

struct consumer {
    const struct config *config;
    struct ring *ring;
    struct dead_letters *dead_letters;
    struct decoder *decoder;
    struct consumer_start *starts;
    size_t start_count;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    pthread_t thread;
    struct flag stop;
    struct flag gave_up; /* a gap, and the configuration says stop */
    struct consumer_counters counters;
    struct topic_watch_counters watch_counters;
    struct topic topics[INPUTS_MAX];
    const char *names[INPUTS_MAX];
    bool changes_only[INPUTS_MAX];
    unsigned topic_count;
    /* the thread's own */
    struct topic_watch *watch;
    struct prefetch *prefetch;
    struct slot *slots;
    uint32_t slot_count, slot_room;
    const rd_kafka_topic_t *last_topic; /* of the last message: they come in runs of one partition */
    int32_t last_partition;
    uint32_t last_slot;
    int64_t lag_at_us, doubt_at_us, missing_at_us;
    uint32_t doubt_turn; /* the slot whose doubt is looked at first */
    struct complaint refused, errors;
    rd_kafka_resp_err_t last_error;
    bool commit_refused;  /* said */
    bool looked;          /* at memory, since the start */
    unsigned unlooked;    /* messages since then */
    int64_t looked_bytes; /* counters.bytes then */
    bool held;            /* it is at its limit */
    struct complaint memory;
    int64_t behind_at_us;         /* when the brokers are asked again how far behind */
    struct counter commits_asked; /* whoever commits adds; the thread counts the answers */
};

/* Puts a note into the ring. False: stopping, and it is not there. */
bool consumer_note(struct consumer *c, enum event_fate fate, uint32_t slot, int64_t offset, struct text text);
