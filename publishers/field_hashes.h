/* field_hashes.h - what the fields of a key are that is written again and again, so that of a piece that has changed only the fields
 * that have are sent.
 *
 * A hash of each field, name and value together, in the order in which they were rendered, by piece. So where a field is looked
 * for in a wrong place it is not found, and sent; whatever is found stands.
 *
 * Thread: the publisher's. Memory: field_hashes_take to field_hashes_destroy; 8 bytes a field. Errors: none.
 */
#pragma once
#include "publishers/render.h"

struct field_hashes;

/* What was rendered of some pieces stands in the key from now on; of the others what `h` says. Takes `h`, NULL where nothing is known,
 * and gives what replaces it. */
struct field_hashes *field_hashes_take(struct field_hashes *h, const struct rendered *r, unsigned pieces);
/* NULL is allowed. */
void field_hashes_destroy(struct field_hashes *h);
/* Says of each field of a window that was just rendered whether it stands as it is; how many do. `h` may be NULL: none. */
uint32_t field_hashes_mark(const struct field_hashes *h, struct rendered *r);
