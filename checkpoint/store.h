/* store.h - rows on disk (aggregators/stored.h), in LMDB: all of one checkpoint, or all of the one before.
 *
 * Files in the folder: checkpoint.mdb, LMDB's lock file beside it, and `lock`, which the one that writes holds. A row is
 * one entry: its key the table and the number, its value the row's bytes and their 64-bit XXH3 together with the key.
 * LMDB's default mode is used, neither WRITEMAP nor NOSYNC: what store_commit says is on the disk.
 *
 * LMDB trusts its file. So before a process relies on one, it lets a child read all of it (store_read_apart): a damaged
 * page may end the child, but not kpid.
 *
 * Thread: one at a time. Memory: store_open to store_close. Errors: as said; `problem` gets a sentence for a person,
 * which names the file.
 */
#pragma once
#include "aggregators/stored.h"
#include "base/error.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

struct store;

enum store_result {
    STORE_OK,
    STORE_EMPTY,   /* nothing has ever been committed */
    STORE_DAMAGED, /* what is there is no whole checkpoint */
    STORE_NEWER,   /* it was written by a kpid that knows more than this one */
    STORE_BUSY,    /* another process writes here */
    STORE_FULL,    /* the map was too small; it is larger now, so that the same may be tried again */
    STORE_FAILED,  /* the disk or the folder refuses: try later */
};

enum store_mode { STORE_READ, STORE_WRITE };

/* STORE_WRITE makes the folder where it is missing (not those above it). STORE_READ disturbs nobody who writes. */
enum store_result store_open(const char *folder, enum store_mode mode, struct store **out, struct buffer *problem);
/* The same with a map of so many bytes to begin with (a multiple of the page), for tests of its growth. */
enum store_result store_open_sized(const char *folder, enum store_mode mode, size_t map_bytes, struct store **out,
                                   struct buffer *problem);
/* NULL is allowed. What was not committed is dropped. */
void store_close(struct store *s);

/* Takes the folder for one that writes: a file descriptor to be closed, or -1 and why in *out. */
int store_lock(const char *folder, enum store_result *out, struct buffer *problem);
/* As store_read, of the folder's store, by a child that sends what it has read; two processors work at it then. Where it is
 * not STORE_OK, what has been taken is worth nothing: STORE_EMPTY, _DAMAGED, _NEWER, _FAILED. Call it before any thread is
 * started: it forks. */
enum store_result store_read_apart(const char *folder, bool (*take)(void *context, const struct stored_row *row),
                                   void *context, struct buffer *problem);
/* The same, for its result alone. */
enum store_result store_check(const char *folder, struct buffer *problem);
/* Moves the file out of the way, to checkpoint.mdb.damaged: the newest one is kept. STORE_EMPTY: there is none; STORE_BUSY,
 * STORE_FAILED. */
enum store_result store_set_aside(const char *folder, struct buffer *problem);

/* All rows by (table, number), as one reading sees them. Ends early with STORE_DAMAGED where `take` says false or a row is
 * not what was written. The row's bytes are valid during the call. */
enum store_result store_read(struct store *s, bool (*take)(void *context, const struct stored_row *row), void *context,
                             struct buffer *problem);

/* Writing: begin, rows (stored.h) as they come, commit. Where one of them fails, all since store_begin is dropped: begin
 * again. STORE_FULL, STORE_FAILED. */
enum store_result store_begin(struct store *s, struct buffer *problem);
enum store_result store_put(struct store *s, struct text rows, struct buffer *problem);
/* Takes out all rows of a table. */
enum store_result store_clear(struct store *s, unsigned table, struct buffer *problem);
enum store_result store_commit(struct store *s, struct buffer *problem);
void store_abort(struct store *s);

struct store_size {
    int64_t file_bytes; /* on disk */
    int64_t used_bytes; /* of these: pages that hold something */
    int64_t rows;       /* of all tables */
    int64_t map_bytes;  /* what LMDB may grow to before the map grows */
    int64_t commits;    /* ever */
};
enum store_result store_size(struct store *s, struct store_size *out, struct buffer *problem);

/* Writes a copy without free pages and puts it in place of the file. No store may be open: STORE_BUSY. */
enum store_result store_compact(const char *folder, struct buffer *problem);
