/* audit_walk.h - the two halves of an audit: deriving, then comparing. See audit.h.
 *
 * Thread: the shard's writer.
 */
#pragma once
#include "aggregators/derivation.h"

/* Looks at up to `budget` records more. True: all are in the shadows. */
bool audit_walk(struct derivation *d, unsigned budget);
/* Compares up to `budget` shadows with the live entities, over the windows at d->now_us; `scratch` as for
 * entity_sums. True: the part is done. */
bool audit_compare(struct derivation *d, const struct window_span *spans, struct histogram *scratch, unsigned budget,
                   audit_report *report, void *context);
