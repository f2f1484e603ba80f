/* bulk.h - additions that are gathered and sorted before they go into the trees of entities.
 *
 * A record adds a dozen rows to trees that lie all over the memory, and waiting for those is most of the cost. Sorted by
 * entity, stream and time, the additions of many records meet the same leaves again and again. What the trees hold does not
 * depend on the order. At a start, which derives every record anew, a thread of its own sorts and adds them while more are
 * gathered.
 *
 * Thread: the shard's writer. Memory: bulk_create to bulk_destroy; some 400 bytes for each of the most additions that were
 * gathered at a time, and with a thread for each that may be.
 * Source: counting sort, least significant digit first (D. Knuth, TAOCP 3, 5.2.5).
 */
#pragma once
#include "aggregators/entity.h"

struct bulk;

/* Whom an addition counts for. */
struct bulk_counts {
    uint64_t own; /* pairs of own KPIs, as bits */
    uint32_t ids[DIMENSION_COUNT];
    uint32_t id_count; /* of entities; none twice */
};

struct bulk *bulk_create(uint32_t most, bool has_thread);
/* Waits until all that was flushed is added; what has been gathered since then is lost. NULL is allowed. */
void bulk_destroy(struct bulk *b);
/* Another `most`. */
void bulk_limit(struct bulk *b, uint32_t most);
/* As many as `most` have been gathered: bulk_flush comes first. */
bool bulk_is_full(const struct bulk *b);
bool bulk_is_empty(const struct bulk *b);
/* An addition with a sign as for entity_add. Not when it is full. */
void bulk_gather(struct bulk *b, const struct bulk_counts *who, const struct contribution *c, int sign);
/* Adds all to `entities`, which are all that there are, by their ids; or with a thread hands it over to be added. Then it is
 * empty again. With a thread they stay where they are until bulk_destroy, and nobody else touches what they hold. */
void bulk_flush(struct bulk *b, struct entity *entities, uint32_t count);
uint64_t bulk_bytes(const struct bulk *b);
