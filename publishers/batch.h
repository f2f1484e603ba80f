/* batch.h - the keys that one publish changes, collected until they are sent.
 *
 * In one of three ways. Direct: all commands in one transaction. In parts (a first fill): the same,
 * several times. Staged (a publish that is too large for one transaction): the content is written under
 * stage keys first, out of readers' sight, and the last transaction only moves it to its place by RENAME;
 * AMENDMENT IV.3 has the measurements. Changes of boards wait for that last transaction as well, as far as they would fit into one
 * of their own.
 *
 * Thread: the publisher's. Memory: create to destroy; bounded by the caller, who sends when batch_cost
 * says so (the moves of a staged publish, some 100 bytes a key, and one transaction's worth of boards wait to the end). Errors: none.
 */
#pragma once
#include "config/config.h"
#include "publishers/changes.h"
#include "publishers/commands.h"
#include "publishers/keys.h"

struct batch;

/* Everything is borrowed for the batch's life. */
struct batch *batch_create(const struct config *config, const struct keys *keys, struct changes *changes);
void batch_destroy(struct batch *b);

/* Begins a publish, after the end of the one before. fill: nothing of what stands is known, each key is replaced whole. */
void batch_begin(struct batch *b, bool fill);
/* Ends it, however far it came: nothing is collected any more. What a large publish needed for its moves is given back; all else is no
 * more than a transaction's worth. */
void batch_end(struct batch *b);

/* The hash at that suffix becomes `fields`. is_new: it was not there; shrinks: a field of it vanishes. */
void batch_hash(struct batch *b, struct text suffix, const struct arguments *fields, bool is_new, bool shrinks);
/* Some fields of the hash at that suffix, which has them all already, become `fields`: others stay as they are. Not in a fill, nor
 * once the batch is staged. */
void batch_hash_part(struct batch *b, struct text suffix, const struct arguments *fields);
/* The string at that suffix becomes `text`. */
void batch_text(struct batch *b, struct text suffix, struct text text, bool is_new);
void batch_delete(struct batch *b, struct text suffix);
/* The entity's place on a board; was_member: it had one. Keeps the board's count of members. */
void batch_board_put(struct batch *b, enum dimension d, unsigned window, enum kpi k, struct text entity,
                     struct text value, bool was_member);
void batch_board_drop(struct batch *b, enum dimension d, unsigned window, enum kpi k, struct text entity);
/* The key `entity:<dimension>:<entity>` becomes `fields`; is_new: it had none, and gets its place in the set
 * `entities:<dimension>`. */
void batch_entity_list(struct batch *b, enum dimension d, struct text entity, const struct arguments *fields,
                       bool is_new);
void batch_entity_unlist(struct batch *b, enum dimension d, struct text entity);

/* Roughly how many small commands the batch is worth. */
int64_t batch_cost(const struct batch *b);
/* Keys changed since batch_begin, and the first of them as a JSON array without its brackets. */
int64_t batch_changed(const struct batch *b);
struct text batch_changed_json(const struct batch *b);

/* Direct or a part: adds the commands of all that was collected, and empties the batch. */
void batch_emit(struct batch *b, struct commands *c);
/* Staged: adds the commands that write what was collected under stage keys, and empties the batch. */
void batch_stage(struct batch *b, struct commands *c, int64_t epoch);
/* Staged, at the end: the moves, the deletions and the rest. */
void batch_emit_moves(struct batch *b, struct commands *c, int64_t epoch);
bool batch_is_staged(const struct batch *b);

/* Of a fill: whether it wrote the key. */
bool batch_wrote(const struct batch *b, struct text suffix);
/* Of a fill: the key is in the index and was not written: deleted, and taken out of the index. */
void batch_sweep(struct batch *b, struct text suffix);
