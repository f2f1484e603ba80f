/* floor_correction.h - what people put right afterwards: amounts, currencies, owners, dates, links, stages;
 * deletions and revivals.
 *
 * Thread: one. Memory: none. Each corrects the draft at some moment after at_us, tells it, and returns the
 * moment of its last event.
 */
#pragma once
#include "daemon/floor_story.h"
#include "daemon/floor_teller.h"

int64_t floor_correct_lead(struct floor_teller *t, struct draft *d, int64_t at_us);
/* `closed`: the deal is in stage won or lost, and may be reopened. */
int64_t floor_correct_deal(struct floor_teller *t, struct draft *d, int64_t at_us, bool closed);
int64_t floor_correct_payment(struct floor_teller *t, struct draft *d, int64_t at_us);
int64_t floor_correct_feedback(struct floor_teller *t, struct draft *d, int64_t at_us);

/* Another manager than the one who stands in the draft, where there is one. */
const struct floor_manager *floor_other_manager(struct floor_teller *t, const struct draft *d);
