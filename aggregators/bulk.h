/* bulk.h - additions that are gathered and sorted before they go into the trees of entities.
 *
 * A start derives every record anew. Each adds a dozen rows to trees that lie all over the memory, and waiting for those
 * is most of the cost. Sorted by entity, stream and time, the additions of many records meet the same leaves again and
 * again. What the trees hold does not depend on the order.
 *
 * Thread: the shard's writer. Memory: bulk_create to bulk_destroy, at most BULK_ITEMS additions at a time.
 * Source: counting sort, least significant digit first (D. Knuth, TAOCP 3, 5.2.5).
 */
#pragma once
#include "aggregators/entity.h"

enum { BULK_ITEMS = 1 << 16 };

struct bulk;

struct bulk *bulk_create(void);
/* What has been gathered and not added is lost. NULL is allowed. */
void bulk_destroy(struct bulk *b);
/* Room for no further addition: bulk_flush comes first. */
bool bulk_is_full(const struct bulk *b);
/* An addition (sign +1, or -1: taken back) that counts for the pairs of own KPIs in `own`, as bits; bulk_count_for says
 * for whom. Not when it is full. */
void bulk_gather(struct bulk *b, const struct contribution *c, uint64_t own, int sign);
/* The addition gathered last counts for that entity as well; at most once for one of each dimension. */
void bulk_count_for(struct bulk *b, uint32_t entity);
/* Adds all to entities[0 ... count - 1], by their ids, and is empty again. */
void bulk_flush(struct bulk *b, struct entity *entities, uint32_t count);
