/* floor_world.h - what a simulated company has all the time: its managers, teams, products, regions,
 * sources, currencies and calendar.
 *
 * Thread: any after creation; immutable. Memory: floor_world_destroy frees all. Texts of every kind live in
 * one table of words, so that an event needs only a number.
 */
#pragma once
#include "base/calendar.h"
#include "base/money.h"
#include "base/text.h"
#include "daemon/floor_random.h"
#include <stdbool.h>
#include <stdint.h>

struct floor_options;

struct floor_manager {
    uint32_t name, team; /* words */
    uint32_t team_index;
    uint32_t win_ppm;      /* how often a closed deal is won */
    uint32_t pace_percent; /* of the usual time that a step takes: below 100 is quick */
    uint32_t size_percent; /* of the usual price */
    uint32_t busy_ppm;     /* how often a lead is really given to this manager */
};

struct floor_product {
    uint32_t name;        /* a word */
    int64_t low, high;    /* price of one, in units of 1/1000 US dollar */
    uint32_t several_ppm; /* how often more than one is sold */
};

struct floor_source {
    uint32_t name;   /* a word */
    int64_t cost;    /* of a lead, 1/1000 US dollar */
    int32_t win_ppm; /* what it adds to the manager's chance */
};

struct floor_world {
    uint64_t seed; /* stands in every id, so that two floors can share topics */
    char **words;
    uint32_t word_count, word_room;

    struct floor_manager *managers;
    uint32_t manager_count;
    uint32_t *teams; /* words */
    uint32_t team_count;

    const struct floor_product *products;
    uint32_t product_count;
    const struct floor_source *sources;
    uint32_t source_count;
    const uint32_t *regions, *stages, *loss_reasons, *competitors; /* words */
    uint32_t region_count, stage_count, loss_reason_count, competitor_count;
    uint32_t stage_won, stage_lost; /* words */

    currency_code base;
    const currency_code *currencies;
    uint32_t currency_count;
    struct calendar *calendar;
};

/* NULL: no such zone. Keeps no pointer to the options. */
struct floor_world *floor_world_create(const struct floor_options *options);
/* NULL is fine. */
void floor_world_destroy(struct floor_world *w);

struct text floor_world_word(const struct floor_world *w, uint32_t word);

/* Some manager, the busy ones more often. */
const struct floor_manager *floor_world_manager(const struct floor_world *w, struct floor_random *r);

/* Millionths of a unit of `to` for 1/1000 US dollar, at a rate that is roughly right, rounded to the
 * currency's decimals and never 0. */
int64_t floor_world_price(int64_t milli_dollar, currency_code to);

/* The next instant at or after us at which people are at work: weekdays from 9 to 18 in the company's zone,
 * and now and then at a weekend. */
int64_t floor_world_at_work(const struct floor_world *w, struct floor_random *r, int64_t us);
/* The instant at which `done` of `all` of the work of a span is done; done < all. O(days). */
int64_t floor_world_place(const struct floor_world *w, int64_t start_us, int64_t end_us, uint64_t done, uint64_t all);
