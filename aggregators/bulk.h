/* bulk.h - additions that are gathered and sorted before they go into the trees of entities.
 *
 * A start derives every record anew. Each adds a dozen rows to trees that lie all over the memory, and waiting for those
 * is most of the cost. Sorted by entity, stream and time, the additions of many records meet the same leaves again and
 * again. What the trees hold does not depend on the order. Where there are more than BULK_ITEMS, a thread of its own
 * sorts and adds them while more are gathered.
 *
 * Thread: the shard's writer. Memory: bulk_create to bulk_destroy; room for twice BULK_ITEMS additions.
 * Source: counting sort, least significant digit first (D. Knuth, TAOCP 3, 5.2.5).
 */
#pragma once
#include "aggregators/entity.h"

enum { BULK_ITEMS = 1 << 16 };

struct bulk;

struct bulk *bulk_create(void);
/* Waits until all that was flushed is added; what has been gathered since then is lost. NULL is allowed. */
void bulk_destroy(struct bulk *b);
/* Room for no further addition: bulk_flush comes first. */
bool bulk_is_full(const struct bulk *b);
/* An addition (sign +1, or -1: taken back) that counts for the pairs of own KPIs in `own`, as bits; bulk_count_for says
 * for whom. Not when it is full. */
void bulk_gather(struct bulk *b, const struct contribution *c, uint64_t own, int sign);
/* The addition gathered last counts for that entity as well; at most once for one of each dimension. */
void bulk_count_for(struct bulk *b, uint32_t entity);
/* Hands all over to be added to entities[0 ... count - 1], by their ids, and is empty again. Until bulk_destroy the
 * entities stay where they are, and their trees and levels are nobody else's. */
void bulk_flush(struct bulk *b, struct entity *entities, uint32_t count);
