/* sales_floor.h - two years of a sales floor as events in the order in which they happened, for benchmarks: no files, no
 * Kafka, the same for the same numbers.
 *
 * A deal has a lead (six of ten), three stages, an end after 1 to 90 days, and when it is won one to three payments and
 * now and then an answer to a question. So most deals are closed; those that were created last stand open.
 *
 * Thread: one; the memory of events is static.
 */
#pragma once
#include "aggregators/event.h"
#include "aggregators/shard.h"
#include "base/instant.h"
#include <stddef.h>
#include <stdint.h>

#define FLOOR_FROM_US  (INT64_C(1704067200) * SECOND) /* 2024-01-01 */
#define FLOOR_DAYS     730
#define FLOOR_UNTIL_US (FLOOR_FROM_US + FLOOR_DAYS * DAY)

struct sales_floor {
    int64_t deals;
    unsigned managers, teams, customers;
};

/* One event to be. */
struct floor_item {
    int64_t at_us;
    uint32_t deal;
    uint32_t step;
};

/* As many managers and customers as so many deals have. */
struct sales_floor sales_floor_of(int64_t deals);
/* All that happens by FLOOR_UNTIL_US, in order; the caller frees it. */
struct floor_item *sales_floor_programme(const struct sales_floor *f, size_t *out_count);
/* Valid until the next call. */
const struct event *sales_floor_event(const struct sales_floor *f, const struct floor_item *item);
/* What goes on after those two years: by turns a deal that was begun some days ago and is won at that instant, and a payment.
 * Valid until the next call. */
const struct event *sales_floor_live(const struct sales_floor *f, int64_t number, int64_t at_us);
/* Tells the shard of one partition, of which nothing is left to be read: what comes from now on is live. */
void sales_floor_open(struct shard *shard);
/* Applies all of it, as read from one partition; the shard stands at FLOOR_UNTIL_US then. */
void sales_floor_tell(const struct sales_floor *f, struct shard *shard);
