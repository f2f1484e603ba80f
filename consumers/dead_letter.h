/* dead_letter.h - what could not be read goes to a topic of its own, with its address and the reason.
 *
 * The value and key are those of the message, byte for byte, with its headers, and beside them:
 *     kpid-topic, kpid-partition, kpid-offset   where the message stands; a reader drops a repeat by them
 *     kpid-reason, kpid-detail                  error_name, and what a person needs to find the place
 *     kpid-timestamp                            the message's time stamp in ms, where it has one
 *     kpid-size, kpid-hash                      instead of a value that the topic does not take: its bytes, their
 *                                               64-bit XXH3 in hexadecimal
 * Where key and headers alone are more than the topic takes, they are left out too: what is left is the address.
 * Thread: one, that of the consumer; the counters may be read by any. Memory: what has no delivery report yet is
 * kept, at most kafka.dead_letters_unsent_max letters and DEAD_LETTERS_BYTES_MAX bytes (one letter may be larger).
 * Errors: a letter that is not delivered is sent again, for ever; dead_letters_have_room then says stop.
 */
#pragma once
#include "base/counter.h"
#include "base/error.h"
#include "base/text.h"
#include "config/config.h"
#include <librdkafka/rdkafka.h>

#define DEAD_LETTERS_BYTES_MAX (INT64_C(64) << 20)

#define HEADER_TOPIC     "kpid-topic"
#define HEADER_PARTITION "kpid-partition"
#define HEADER_OFFSET    "kpid-offset"
#define HEADER_REASON    "kpid-reason"
#define HEADER_DETAIL    "kpid-detail"
#define HEADER_SIZE      "kpid-size"
#define HEADER_HASH      "kpid-hash"
#define HEADER_RESENT    "kpid-resent" /* a note in the same topic: the letter with that address was sent again */

struct dead_letter {
    struct text topic;
    int32_t partition;
    int64_t offset;
    int64_t kafka_ms; /* negative: none */
    enum error reason;
    const char *detail;
    struct text key, value;            /* at == NULL: none */
    const rd_kafka_headers_t *headers; /* of the message; NULL: none */
};

struct dead_letter_counters {
    struct counter delivered;     /* in the topic */
    struct counter failed;        /* attempts that ended without delivery */
    struct counter unsent;        /* now: without a delivery report */
    struct counter without_value; /* too large for the topic: only the address was sent */
    struct counter full;          /* times that ingest had to wait for room */
    /* Letters are numbered 1, 2, 3 ... in the order of dead_letters_send. All up to this one are in the topic, whatever
     * came first; after a restart none of them need be sent again. One that went with its address alone is there. */
    struct counter settled;
};

struct dead_letters;

/* NULL: a property is wrong; `problem` says which. */
struct dead_letters *dead_letters_create(const struct config *config, struct buffer *problem);
/* Waits up to flush_ms for what is unsent; the rest is given up, and logged. */
void dead_letters_destroy(struct dead_letters *d, int flush_ms);

bool dead_letters_have_room(const struct dead_letters *d);
/* Copies the letter and sends it; never waits. Needs room. */
void dead_letters_send(struct dead_letters *d, const struct dead_letter *letter);
/* Takes delivery reports and sends again what failed and is due; waits for reports up to timeout_ms. */
void dead_letters_serve(struct dead_letters *d, int timeout_ms);

struct dead_letter_counters *dead_letters_counters(struct dead_letters *d);
