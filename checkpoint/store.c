#include "checkpoint/store.h"
#include "checkpoint/store_problem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* Grows with each change of what rows mean. */
enum { FORMAT = 2 };

/* The file is sparse and the map only addresses: what it costs is what is written. */
#define MAP_LEAST ((size_t)1 << 30)
#define MAP_MOST  ((size_t)1 << 42)

/* The first key is above all tables. */
#define KEY_OF_FORMAT SIZE_MAX
static const char magic[8] = "kpidckpt";

struct format_row {
    char magic[8];
    uint32_t format;
    uint32_t byte_order; /* 0x01020304 as this machine writes it */
};

struct store {
    char *path; /* of checkpoint.mdb */
    enum store_mode mode;
    int lock;
    MDB_env *env;
    MDB_dbi rows;
    MDB_txn *writing;
    struct buffer value;
};

_Static_assert(sizeof(size_t) == 8, "keys are 64 bits");

static size_t key_of(unsigned table, uint32_t number)
{
    return (size_t)table << 32 | number;
}

static uint64_t checksum(size_t key, const void *bytes, size_t len)
{
    return XXH3_64bits_withSeed(bytes, len, key);
}

static char *path_in(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = must_alloc(size);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static enum store_result refuse(struct buffer *problem, enum store_result result, const char *path, const char *what)
{
    say(problem, path, what);
    return result;
}

/* What LMDB's or the system's number means for who calls. */
static enum store_result result_of(int code, const char *path, struct buffer *problem)
{
    switch (code) {
    case MDB_SUCCESS: return STORE_OK;
    case MDB_MAP_FULL: return refuse(problem, STORE_FULL, path, "the map is full");
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_INVALID: return refuse(problem, STORE_DAMAGED, path, mdb_strerror(code));
    case MDB_VERSION_MISMATCH: return refuse(problem, STORE_NEWER, path, "it was written by another version of LMDB");
    default: return refuse(problem, STORE_FAILED, path, mdb_strerror(code));
    }
}

int store_lock(const char *folder, enum store_result *out, struct buffer *problem)
{
    char *path = path_in(folder, "lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    *out = STORE_OK;
    if (fd < 0) {
        *out = refuse(problem, STORE_FAILED, path, strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        *out = refuse(problem, STORE_BUSY, path,
                      "another kpid writes its checkpoints here; give each one a folder of its own");
        close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

static size_t map_size_for(size_t file_bytes)
{
    size_t size = MAP_LEAST;
    while (size < MAP_MOST && size / 2 < file_bytes)
        size *= 2;
    return size;
}

static enum store_result open_rows(struct store *s, struct buffer *problem)
{
    MDB_txn *txn;
    unsigned flags = s->mode == STORE_WRITE ? 0 : MDB_RDONLY;
    int code = mdb_txn_begin(s->env, NULL, flags, &txn);
    if (code == 0) {
        code = mdb_dbi_open(txn, NULL, MDB_INTEGERKEY | (s->mode == STORE_WRITE ? MDB_CREATE : 0), &s->rows);
        if (code == 0)
            code = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    return result_of(code, s->path, problem);
}

static enum store_result open_env(struct store *s, size_t map_bytes, struct buffer *problem)
{
    int code = mdb_env_create(&s->env);
    REQUIRE(code == 0);
    code = mdb_env_set_mapsize(s->env, map_bytes);
    if (code == 0)
        code = mdb_env_open(s->env, s->path, MDB_NOSUBDIR | MDB_NOTLS | (s->mode == STORE_READ ? MDB_RDONLY : 0), 0600);
    if (code == EROFS && s->mode == STORE_READ) /* not even a reader can be noted: nobody can write either */
        code = mdb_env_open(s->env, s->path, MDB_NOSUBDIR | MDB_NOTLS | MDB_RDONLY | MDB_NOLOCK, 0600);
    return code == 0 ? open_rows(s, problem) : result_of(code, s->path, problem);
}

/* A file that was cut would end the process where LMDB reads behind its end. */
static enum store_result is_whole_file(struct store *s, size_t file_bytes, struct buffer *problem)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &stat) != 0)
        return refuse(problem, STORE_DAMAGED, s->path, "it has no head");
    if (file_bytes > 0 && (info.me_last_pgno + 1) * stat.ms_psize > file_bytes)
        return refuse(problem, STORE_DAMAGED, s->path, "it is shorter than it says: it was cut");
    return STORE_OK;
}

enum store_result store_open(const char *folder, enum store_mode mode, struct store **out, struct buffer *problem)
{
    return store_open_sized(folder, mode, 0, out, problem);
}

enum store_result store_open_sized(const char *folder, enum store_mode mode, size_t map_bytes, struct store **out,
                                   struct buffer *problem)
{
    struct store *s = must_zalloc(sizeof *s);
    struct stat stat_of;
    enum store_result result = STORE_OK;
    s->mode = mode;
    s->lock = -1;
    s->path = path_in(folder, "checkpoint.mdb");
    buffer_init(&s->value);
    if (mode == STORE_WRITE) {
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            result = refuse(problem, STORE_FAILED, folder, strerror(errno));
        else
            s->lock = store_lock(folder, &result, problem);
    }
    bool is_there = stat(s->path, &stat_of) == 0;
    if (result == STORE_OK && mode == STORE_READ && !is_there)
        result = errno == ENOENT ? refuse(problem, STORE_EMPTY, folder, "there is no checkpoint")
                                 : refuse(problem, STORE_FAILED, s->path, strerror(errno));
    size_t file_bytes = is_there ? (size_t)stat_of.st_size : 0;
    if (result == STORE_OK && mode == STORE_READ && file_bytes == 0)
        result = refuse(problem, STORE_EMPTY, s->path, "there is no checkpoint in it");
    if (result == STORE_OK)
        result = open_env(s, map_bytes > 0 ? map_bytes : map_size_for(file_bytes), problem);
    if (result == STORE_OK)
        result = is_whole_file(s, file_bytes, problem);
    if (result != STORE_OK) {
        store_close(s);
        return result;
    }
    *out = s;
    return STORE_OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    store_abort(s);
    if (s->env != NULL)
        mdb_env_close(s->env);
    if (s->lock >= 0)
        close(s->lock);
    buffer_fini(&s->value);
    free(s->path);
    free(s);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum store_result check_format(struct store *s, MDB_txn *txn, struct buffer *problem)
{
    size_t key = KEY_OF_FORMAT;
    MDB_val k = {sizeof key, &key}, v;
    struct format_row f;
    int code = mdb_get(txn, s->rows, &k, &v);
    if (code == MDB_NOTFOUND) {
        MDB_stat stat;
        code = mdb_stat(txn, s->rows, &stat);
        return code == 0 && stat.ms_entries == 0
                   ? refuse(problem, STORE_EMPTY, s->path, "there is no checkpoint in it")
                   : refuse(problem, STORE_DAMAGED, s->path, "it does not say what it is");
    }
    if (code != 0)
        return result_of(code, s->path, problem);
    if (v.mv_size != sizeof f)
        return refuse(problem, STORE_DAMAGED, s->path, "it does not say what it is");
    memcpy(&f, v.mv_data, sizeof f);
    if (memcmp(f.magic, magic, sizeof magic) != 0 || f.byte_order != 0x01020304)
        return refuse(problem, STORE_DAMAGED, s->path, "it does not say what it is");
    if (f.format > FORMAT)
        return refuse(problem, STORE_NEWER, s->path,
                      "it was written by a newer kpid; use that one, or begin anew with another folder");
    if (f.format == 0)
        return refuse(problem, STORE_DAMAGED, s->path, "its format is none that was");
    if (f.format < FORMAT)
        return refuse(problem, STORE_DAMAGED, s->path,
                      "it was written by an earlier kpid, whose records lie otherwise; begin anew with another folder");
    return STORE_OK;
}

static bool row_of(const MDB_val *k, const MDB_val *v, struct stored_row *out)
{
    size_t key;
    uint64_t sum;
    if (k->mv_size != sizeof key || v->mv_size < sizeof sum)
        return false;
    memcpy(&key, k->mv_data, sizeof key);
    size_t len = v->mv_size - sizeof sum;
    memcpy(&sum, (const char *)v->mv_data + len, sizeof sum);
    *out = (struct stored_row){(unsigned)(key >> 32), (uint32_t)key, {v->mv_data, len}};
    return sum == checksum(key, v->mv_data, len);
}

static enum store_result read_rows(struct store *s, MDB_txn *txn,
                                   bool (*take)(void *context, const struct stored_row *row), void *context,
                                   struct buffer *problem)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    int code = mdb_cursor_open(txn, s->rows, &cursor);
    if (code != 0)
        return result_of(code, s->path, problem);
    enum store_result result = STORE_OK;
    while (result == STORE_OK && (code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        struct stored_row row;
        if (k.mv_size == sizeof(size_t) && memcmp(k.mv_data, &(size_t){KEY_OF_FORMAT}, sizeof(size_t)) == 0)
            continue;
        if (row_of(&k, &v, &row) && take(context, &row))
            continue;
        result = refuse(problem, STORE_DAMAGED, s->path, "a row is not what was written");
    }
    mdb_cursor_close(cursor);
    return result == STORE_OK && code != MDB_NOTFOUND ? result_of(code, s->path, problem) : result;
}

enum store_result store_read(struct store *s, bool (*take)(void *context, const struct stored_row *row), void *context,
                             struct buffer *problem)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        return result_of(code, s->path, problem);
    enum store_result result = check_format(s, txn, problem);
    if (result == STORE_OK)
        result = read_rows(s, txn, take, context, problem);
    mdb_txn_abort(txn);
    return result;
}

enum store_result store_size(struct store *s, struct store_size *out, struct buffer *problem)
{
    MDB_txn *txn;
    MDB_stat rows, free_pages;
    MDB_envinfo info;
    struct stat file;
    int code = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        return result_of(code, s->path, problem);
    code = mdb_stat(txn, s->rows, &rows);
    if (code == 0)
        code = mdb_stat(txn, 0, &free_pages);
    mdb_txn_abort(txn);
    if (code == 0)
        code = mdb_env_info(s->env, &info);
    if (code == 0 && stat(s->path, &file) != 0)
        code = errno;
    if (code != 0)
        return result_of(code, s->path, problem);
    int64_t pages = (int64_t)(rows.ms_branch_pages + rows.ms_leaf_pages + rows.ms_overflow_pages);
    *out = (struct store_size){.file_bytes = file.st_size,
                               .used_bytes = pages * (int64_t)rows.ms_psize,
                               .rows = (int64_t)rows.ms_entries - 1,
                               .map_bytes = (int64_t)info.me_mapsize,
                               .commits = (int64_t)info.me_last_txnid};
    return STORE_OK;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

void store_abort(struct store *s)
{
    if (s->writing != NULL)
        mdb_txn_abort(s->writing);
    s->writing = NULL;
}

/* Drops the transaction; a map that was too small grows, which only works while there is none. */
static enum store_result fail(struct store *s, int code, struct buffer *problem)
{
    enum store_result result = result_of(code, s->path, problem);
    store_abort(s);
    if (result != STORE_FULL)
        return result;
    MDB_envinfo info;
    code = mdb_env_info(s->env, &info);
    if (code == 0 && info.me_mapsize >= MAP_MOST)
        return refuse(problem, STORE_FAILED, s->path, "it is larger than a checkpoint may be");
    if (code == 0)
        code = mdb_env_set_mapsize(s->env, info.me_mapsize * 2);
    return code == 0 ? STORE_FULL : result_of(code, s->path, problem);
}

enum store_result store_begin(struct store *s, struct buffer *problem)
{
    REQUIRE(s->mode == STORE_WRITE && s->writing == NULL);
    int code = mdb_txn_begin(s->env, NULL, 0, &s->writing);
    if (code != 0) {
        s->writing = NULL;
        return result_of(code, s->path, problem);
    }
    size_t key = KEY_OF_FORMAT;
    struct format_row f = {.format = FORMAT, .byte_order = 0x01020304};
    memcpy(f.magic, magic, sizeof magic);
    MDB_val k = {sizeof key, &key}, v = {sizeof f, &f};
    code = mdb_put(s->writing, s->rows, &k, &v, MDB_NOOVERWRITE);
    return code == 0 || code == MDB_KEYEXIST ? STORE_OK : fail(s, code, problem);
}

enum store_result store_put(struct store *s, struct text rows, struct buffer *problem)
{
    REQUIRE(s->writing != NULL);
    struct stored_row row;
    while (stored_next(&rows, &row)) {
        size_t key = key_of(row.table, row.number);
        uint64_t sum = checksum(key, row.bytes.at, row.bytes.len);
        MDB_val k = {sizeof key, &key}, v = {row.bytes.len + sizeof sum, NULL};
        int code = mdb_put(s->writing, s->rows, &k, &v, MDB_RESERVE);
        if (code != 0)
            return fail(s, code, problem);
        memcpy(v.mv_data, row.bytes.at, row.bytes.len);
        memcpy((char *)v.mv_data + row.bytes.len, &sum, sizeof sum);
    }
    REQUIRE(rows.len == 0);
    return STORE_OK;
}

enum store_result store_clear(struct store *s, unsigned table, struct buffer *problem)
{
    REQUIRE(s->writing != NULL);
    MDB_cursor *cursor;
    int code = mdb_cursor_open(s->writing, s->rows, &cursor);
    if (code != 0)
        return fail(s, code, problem);
    for (;;) {
        size_t key = key_of(table, 0);
        MDB_val k = {sizeof key, &key}, v;
        code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
        if (code != 0)
            break;
        memcpy(&key, k.mv_data, sizeof key);
        if (key >> 32 != table)
            break;
        code = mdb_cursor_del(cursor, 0);
        if (code != 0)
            break;
    }
    mdb_cursor_close(cursor);
    return code == 0 || code == MDB_NOTFOUND ? STORE_OK : fail(s, code, problem);
}

enum store_result store_commit(struct store *s, struct buffer *problem)
{
    REQUIRE(s->writing != NULL);
    int code = mdb_txn_commit(s->writing);
    s->writing = NULL; /* whatever the answer */
    return code == 0 ? STORE_OK : fail(s, code, problem);
}
