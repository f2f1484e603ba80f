/* gap.h - whether the log of a partition goes on where we were.
 *
 * It does not where retention has passed the position, where the log ends before it (cut, or the topic made anew),
 * where it holds another message than the one that was read last (made anew, and longer by now), and where the
 * partition is gone. Each is logged, counted, and told to the writer; then reading goes on at the first message that is
 * left, or ends for good where the configuration says so. What is read twice that way changes nothing in the ledger.
 *
 * Thread: the consumer's.
 */
#pragma once
#include "consumers/reading.h"

/* By what a message is known again: its key, value and time stamp. */
uint64_t gap_hash(const rd_kafka_message_t *m);
/* Compares a message that came before the position. */
void gap_compare(struct slot *s, const rd_kafka_message_t *m);
/* Asks the brokers about the slots that are in doubt, and lets them go on. Now and then; may take as long as they
 * need to answer, at most a few seconds. */
void gap_settle(struct consumer *c);
/* The topic has fewer partitions than it had. */
void gap_gone(struct consumer *c, struct slot *s);
