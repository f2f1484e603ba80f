/* floor_garbage.h - messages that must become dead letters, with the reason that each must be given.
 *
 * Thread: any, one a buffer. Memory: appends to the caller's buffer.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "daemon/floor_event.h"
#include "daemon/floor_world.h"
#include <stdint.h>

/* Writes a broken message about the record of a good one, chosen by the dice. No newline inside. With a
 * kafka_ms of that event, the message is garbage by itself: nothing depends on what came before. */
enum error floor_garbage(struct buffer *b, const struct floor_world *w, const struct floor_event *good,
                         int64_t kafka_ms, uint64_t dice);
