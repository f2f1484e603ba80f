/* floor_truth.h - what the records of a simulated floor are in the end: for each field the value with the
 * greatest stamp, by CONTRACT 2, from the events that were handed over and not from their text.
 *
 * Deliberately plain, and sharing nothing with the ledger: it is what the ledger is compared with.
 *
 * Thread: one. Memory: floor_truth_destroy; about 500 bytes a record.
 */
#pragma once
#include "base/text.h"
#include "daemon/floor_event.h"
#include "daemon/floor_world.h"
#include <stdbool.h>
#include <stdio.h>

struct floor_truth;

struct floor_truth *floor_truth_create(const struct floor_world *world);
/* NULL is fine. */
void floor_truth_destroy(struct floor_truth *t);
/* In any order, repeats included. */
void floor_truth_apply(struct floor_truth *t, const struct floor_event *e);

/* One line a record that has been named by an event:
 * {"kind":"deal","id":"D7-0000042","exists":true,"fields":{"manager_id":"Mei Xu",...,"closed_at":null}}
 * Every field of the kind is there, in the order of the field table. Decimals are strings without trailing
 * zeros, times RFC 3339 in UTC with six decimals. Calls `line` with each, without a newline. */
void floor_truth_each(const struct floor_truth *t, void (*line)(void *context, struct text json), void *context);
