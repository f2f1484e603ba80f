/* panes.h - what each stream of a busy entity adds up to between the edges of its windows.
 *
 * A cut asks each time for sums of nearly the same spans. A pane is what lies between two edges next to each other: what comes
 * or goes is added to the one in which it lies, and when edges move, only what they have passed over is asked of the tree. So a
 * cut costs a few additions an edge, however many rows there are. The same holds for the first row of each pane, by which a cut
 * knows when time alone will change something.
 *
 * Thread: the shard's writer; or who makes a cut for it (cutting.h). Memory: panes_create to panes_destroy; 16 bytes a measure and edge.
 */
#pragma once
#include "aggregators/measure.h"
#include "aggregators/tree.h"
#include "aggregators/window.h"

struct panes;

struct panes *panes_create(void);
/* NULL is allowed. */
void panes_destroy(struct panes *p);
/* Each addition to the stream's tree is told (sign as for entity_add). O(log edges). */
void panes_add(struct panes *p, enum stream stream, int64_t at_us, const int64_t *measures, int sign);
/* The sums of the rows of the stream's tree before each edge, as tree_prefixes; panes lie between these edges then. */
void panes_prefixes(struct panes *p, enum stream stream, const struct tree *t, const struct window_edges *edges,
                    int128 (*out)[STREAM_MEASURES_MAX]);
/* The first instant, at or after an edge of the last panes_prefixes of the stream, at which there is a row, INT64_MAX where there
 * is none. Never later than that, and earlier only where an addition added nothing. */
int64_t panes_next(const struct panes *p, enum stream stream, unsigned edge);
uint64_t panes_bytes(const struct panes *p);
