/* floor_story.h - the story of one lead: contacted, qualified, one or two deals with their stages, won or
 * lost, payments, answers to questions; and what is put right afterwards (floor_correction.h).
 *
 * Thread: one. Memory: none of its own; events go into the teller's queue.
 */
#pragma once
#include "daemon/floor_teller.h"

/* Tells one story that begins at t->start_us. Everything random is drawn from t->random. */
void floor_story_tell(struct floor_teller *t);

/* Messages of a usual story, repeats and garbage at their defaults: for a rate in events a second. */
#define FLOOR_STORY_EVENTS 12

/* What the chapters of a story have in common. */
struct story {
    const struct floor_manager *manager; /* who owns the lead */
    const struct floor_source *source;
    const struct floor_product *product;
    uint32_t region;   /* a word */
    uint32_t customer; /* its number */
    uint32_t lead;     /* its number; 0 = a deal without a lead */
};
