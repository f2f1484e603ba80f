/* layout.h - which partitions there are, and from where each is read.
 *
 * Thread: the consumer's; layout_collect before it starts.
 */
#pragma once
#include "consumers/reading.h"

/* Topics from inputs. */
void layout_collect(struct consumer *c);
/* Takes what the watch has found: reads new partitions, doubts those of a topic that was away. */
void layout_take(struct consumer *c);
/* Looks again for partitions that are missing. */
void layout_look_again(struct consumer *c);
/* (Re)starts the reading of a slot at its position; with `compare`, at its last message if it has one. */
void layout_assign(struct consumer *c, struct slot *s, bool compare);
/* The slot of a message or an error; NULL: of none. */
struct slot *layout_slot(struct consumer *c, const rd_kafka_message_t *m, uint32_t *out_slot);
