/* audit_walk.h - the two halves of an audit: deriving, then comparing. See audit.h.
 *
 * Thread: the shard's writer.
 */
#pragma once
#include "aggregators/derivation.h"

/* Looks at up to `budget` entities or records more. True: all are in the shadows. */
bool audit_walk(struct derivation *d, unsigned budget);
/* Compares shadows with the live entities, over the windows at d->now_us, in at most `budget` steps: one is a shadow, or a thousand
 * rows of it, or as many leaves to be freed. `scratch` as for entity_sums. True: the part is done. */
bool audit_compare(struct derivation *d, const struct window_span *spans, struct histogram *scratch, unsigned budget,
                   audit_report *report, void *context);
