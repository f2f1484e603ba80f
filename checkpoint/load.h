/* load.h - all rows of a store, looked through: what a start and `kpid checkpoint` read.
 *
 * Thread: main's, before any other is started (store_read_apart forks). Errors: as store.h; `problem` gets a sentence.
 */
#pragma once
#include "aggregators/restoration.h"
#include "checkpoint/store.h"

/* NULL, and why in *out: STORE_EMPTY, _DAMAGED, _NEWER, _FAILED. out_size may be NULL. */
struct restoration *checkpoint_load(const char *folder, struct store_size *out_size, enum store_result *out,
                                    struct buffer *problem);
