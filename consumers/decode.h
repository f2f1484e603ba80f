/* decode.h - one message to one event, by CONTRACT 1 and the mapping of its input.
 *
 * What comes out depends on the message and the configuration alone: never on the clock, on what came before, or
 * on the order of its members. A message that cannot be read becomes an event too, of fate EVENT_DEAD_LETTER, so
 * that the shard counts it in the step that moves its offset.
 *
 * Thread: one a decoder. Memory: decoder_create to decoder_destroy; config and calendar are borrowed for as long.
 * The memory for parsing is set aside at the start, in proportion to kafka.message_size_max. Errors: in the event.
 */
#pragma once
#include "aggregators/event.h"
#include "base/calendar.h"
#include "config/config.h"
#include "consumers/mapping.h"

/* The header in which a dead letter and its repaired copy carry the time stamp of the original message, in
 * milliseconds; it stands in for the Kafka time stamp everywhere. */
#define HEADER_TIMESTAMP "kpid-timestamp"

struct message {
    struct text value; /* empty: a tombstone */
    int64_t kafka_ms;  /* negative: the message has no time stamp */
    struct message_parts parts;
};

struct decoder;

struct decoder *decoder_create(const struct config *config, const struct calendar *calendar);
void decoder_destroy(struct decoder *d);

/* Writes the event of a message of inputs[input] into `memory` (EVENT_SIZE_MAX bytes, aligned to 8) and returns its
 * size. Its fate is EVENT_APPLY, EVENT_DEAD_LETTER or EVENT_FILTERED; its kafka_ms is the one that counts. */
uint32_t decode(struct decoder *d, unsigned input, const struct message *message, uint32_t slot, int64_t offset,
                void *memory);

/* The same for a line of `replay` (CONTRACT 6, AMENDMENT 32): its members kafka_timestamp (ms) and kafka_key are
 * the message's time stamp and key and no part of the event; with nothing but kafka_key and perhaps kafka_timestamp
 * it is a tombstone. Without kafka_timestamp it needs its occurred_at, and skew is not checked. */
uint32_t decode_line(struct decoder *d, unsigned input, struct text line, uint32_t slot, int64_t line_number,
                     void *memory);

/* What was wrong with the last message that became a dead letter, for a person: "amount", "unexpected character at
 * byte 17"; "" where the reason says it all. Until the next decode. */
const char *decoder_detail(const struct decoder *d);
/* Whether messages may go the quick way (scan.h), which is so from the start and changes no event; how many have. */
void decoder_scan(struct decoder *d, bool on);
int64_t decoder_scanned(const struct decoder *d);
/* Decimals so far that had more places than are kept, or an amount more than its currency has. */
int64_t decoder_rounded(const struct decoder *d);
