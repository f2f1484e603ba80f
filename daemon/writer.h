/* writer.h - the thread that owns the shard: takes events from the ring, moves time, hands snapshots to readers.
 *
 * It waits for nobody: a reader that still holds its snapshots gets the next one later, with all that changed
 * until then. When to cut for the publisher: the ring ran dry, or the tick has passed, and there is something
 * to tell. For alerts: at each instant of their grid.
 *
 * Thread: create and destroy main's; the rest as said. Memory: config, calendar and ring are borrowed.
 */
#pragma once
#include "base/counter.h"
#include "base/ring.h"
#include "config/config.h"
#include "daemon/board.h"
#include "daemon/outlet.h"

struct writer;

struct checkpointer;

/* Starts the thread. The shard is taken over; the checkpointer, which may be NULL, is borrowed until writer_stop. */
struct writer *writer_create(const struct config *config, struct shard *shard, struct ring *ring,
                             struct checkpointer *checkpointer);
/* Main: no more events will be pushed. The writer applies what is in the ring, hands each reader a last snapshot,
 * stores a last checkpoint and ends; a reader that does not give its snapshots back gets none after chance_ms. Waits for that. */
void writer_stop(struct writer *w, int64_t chance_ms);
/* After writer_stop, and after the readers' threads have ended. */
void writer_destroy(struct writer *w);

/* Main, before the readers' threads start. */
/* Has every number derived anew at once, and compared; any thread. */
void writer_audit_now(struct writer *w);

struct outlet *writer_outlet(struct writer *w, enum reader reader);
/* Any thread: grows as long as the writer makes progress, at least once a second. */
int64_t writer_beats(const struct writer *w);
/* Any thread: BOARD_COUNT numbers. */
void writer_board(const struct writer *w, int64_t *out);
