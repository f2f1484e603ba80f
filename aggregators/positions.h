/* positions.h - how far each partition has been read, and whether what was restored is whole by that.
 *
 * Thread: the shard's writer. Memory: positions_init to positions_fini.
 */
#pragma once
#include "aggregators/cut.h"
#include "aggregators/event.h"

struct position {
    struct cut_position at;
    bool ended;
};

struct positions {
    struct position *slots;
    uint32_t count;
    struct cut restored; /* of it the positions that no consumer has announced yet; the others have partition -1 */
    bool is_whole;       /* all have come to where the last copy was made, or to their end */
    uint32_t copied;     /* slots that there were at positions_copy */
};

void positions_init(struct positions *p);
void positions_fini(struct positions *p);
/* Whether all that were announced, one at least, were read to their end once. */
bool positions_are_ended(const struct positions *p);
/* Begins with the positions of a cut, which are taken out of it. */
void positions_restore(struct positions *p, struct cut *from);
/* Moves the position of the event's slot, whatever its fate. */
void positions_take(struct positions *p, const struct event *e);
/* Adds all to a cut; those that no consumer has announced go on as they were. */
void positions_copy(struct positions *p, struct cut *out);
/* Says in the cut of positions_copy how far they have come since. */
void positions_reached(const struct positions *p, struct cut *cut);
