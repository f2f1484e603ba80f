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
#include "aggregators/dimensions.h"
#include "aggregators/entity.h"

enum { BULK_ITEMS = 1 << 16 };

struct bulk;

/* Whom an addition counts for. */
struct bulk_counts {
    uint64_t own; /* pairs of own KPIs, as bits */
    uint32_t ids[DIMENSION_COUNT];
    uint32_t id_count; /* of entities; none twice */
};

/* The entities: whoever gathers leaves them and what `count` touches alone until bulk_destroy, since both may be called on
 * the thread that adds. */
struct bulk_target {
    void *context;
    void (*count)(void *context, const struct dimensions *names, const struct contribution *c, struct bulk_counts *out);
    /* All that there are, by their ids; they stay where they are. */
    struct entity *(*entities)(void *context, uint32_t *out_count);
};

struct bulk *bulk_create(const struct bulk_target *target);
/* Waits until all that was flushed is added; what has been gathered since then is lost. NULL is allowed. */
void bulk_destroy(struct bulk *b);
/* Room for no further addition: bulk_flush comes first. */
bool bulk_is_full(const struct bulk *b);
/* An addition under these names. Not when it is full. */
void bulk_gather(struct bulk *b, const struct dimensions *names, const struct contribution *c);
/* Hands all over to be added, and is empty again. */
void bulk_flush(struct bulk *b);
