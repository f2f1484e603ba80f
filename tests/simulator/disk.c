#include "tests/simulator/disk.h"
#include "aggregators/cut.h"
#include "base/error.h"
#include "checkpoint/store.h"
#include "tests/simulator/world.h"
#include <stdlib.h>
#include <string.h>

void disk_init(struct disk *d)
{
    memset(d, 0, sizeof *d);
}

static void clear(struct disk_rows *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        word_drop(r->at[i].bytes);
    free(r->at);
    *r = (struct disk_rows){0};
}

void disk_fini(struct disk *d)
{
    clear(&d->rows);
    clear(&d->before);
}

void disk_lose(struct disk *d)
{
    disk_fini(d);
    disk_init(d);
}

bool disk_has_checkpoint(const struct disk *d)
{
    return d->rows.count > 0;
}

/* ---- rows ---- */

static uint64_t key_of(unsigned table, uint32_t number)
{
    return (uint64_t)table << 32 | number;
}

static uint32_t place_of(const struct disk_rows *r, uint64_t key)
{
    uint32_t low = 0, high = r->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->at[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Takes the bytes. */
static void put(struct disk_rows *r, uint64_t key, struct word *bytes)
{
    uint32_t at = place_of(r, key);
    if (at < r->count && r->at[at].key == key) {
        word_drop(r->at[at].bytes);
        r->at[at].bytes = bytes;
        return;
    }
    if (r->count == r->room) {
        r->room = r->room > 0 ? r->room * 2 : 64;
        r->at = must_realloc(r->at, r->room * sizeof *r->at);
    }
    memmove(&r->at[at + 1], &r->at[at], (r->count - at) * sizeof *r->at);
    r->at[at] = (struct disk_row){key, bytes};
    r->count++;
}

static void copy(struct disk_rows *to, const struct disk_rows *from)
{
    clear(to);
    to->at = must_alloc(from->count * sizeof *to->at);
    to->count = to->room = from->count;
    for (uint32_t i = 0; i < from->count; i++)
        to->at[i] = (struct disk_row){from->at[i].key, word_share(from->at[i].bytes)};
}

/* Where the checkpoint wants each partition to be read again. */
static void find_starts(struct disk *d)
{
    uint64_t key = key_of(STORED_CUT, 0);
    uint32_t at = place_of(&d->rows, key);
    memset(d->from, 0, sizeof d->from);
    if (at == d->rows.count || d->rows.at[at].key != key)
        return;
    struct cut cut;
    cut_init(&cut);
    REQUIRE(cut_read(word_text(d->rows.at[at].bytes), &cut));
    for (unsigned p = 0; p < world.kafka.partition_count; p++) {
        const struct kafka_partition *k = &world.kafka.partitions[p];
        const struct cut_position *c = cut_find(&cut, text_of(k->topic), k->number);
        d->from[p] = c != NULL && c->offset > 0 ? c->offset : 0;
    }
    cut_fini(&cut);
}

void disk_crash(struct disk *d)
{
    if (d->unsafe && random_chance(&process_random, 50)) {
        process_tell("disk: the last checkpoint is lost");
        clear(&d->rows);
        d->rows = d->before;
        d->before = (struct disk_rows){0};
        find_starts(d);
    }
    d->unsafe = false;
}

/* ---- in the place of checkpoint/store.c ---- */

struct store {
    struct disk *disk;
    bool writing;
    struct disk_rows rows; /* of the transaction: the simulator's memory, collected when the store is opened again */
};

enum store_result __wrap_store_open(const char *folder, enum store_mode mode, struct store **out,
                                    struct buffer *problem);
void __wrap_store_close(struct store *s);
enum store_result __wrap_store_read_apart(const char *folder, bool (*take)(void *context, const struct stored_row *row),
                                          void *context, struct buffer *problem);
enum store_result __wrap_store_set_aside(const char *folder, struct buffer *problem);
enum store_result __wrap_store_begin(struct store *s, struct buffer *problem);
enum store_result __wrap_store_put(struct store *s, struct text rows, struct buffer *problem);
enum store_result __wrap_store_clear(struct store *s, unsigned table, struct buffer *problem);
enum store_result __wrap_store_commit(struct store *s, struct buffer *problem);
void __wrap_store_abort(struct store *s);

static struct disk *disk_in(const char *folder)
{
    return &world.disks[folder[0] - '0'];
}

static enum store_result refuse(struct buffer *problem, enum store_result result, const char *why)
{
    buffer_clear(problem);
    buffer_string(problem, why);
    process_tell("disk: %s", why);
    return result;
}

enum store_result __wrap_store_read_apart(const char *folder, bool (*take)(void *context, const struct stored_row *row),
                                          void *context, struct buffer *problem)
{
    const struct disk *d = disk_in(folder);
    if (d->damaged)
        return refuse(problem, STORE_DAMAGED, "damaged");
    if (!disk_has_checkpoint(d))
        return STORE_EMPTY;
    for (uint32_t i = 0; i < d->rows.count; i++) {
        const struct disk_row *r = &d->rows.at[i];
        struct stored_row row = {(unsigned)(r->key >> 32), (uint32_t)r->key, word_text(r->bytes)};
        if (!take(context, &row))
            return refuse(problem, STORE_DAMAGED, "a row is refused");
    }
    world.counts.restores++;
    return STORE_OK;
}

enum store_result __wrap_store_set_aside(const char *folder, struct buffer *problem)
{
    (void)problem;
    struct disk *d = disk_in(folder);
    struct process *p = process_now;
    process_now = NULL;
    clear(&d->rows);
    clear(&d->before);
    process_now = p;
    d->damaged = d->unsafe = false;
    return STORE_OK;
}

/* Rows under way belong to the process, so that they are gone with it; the words in them do not. */
enum store_result __wrap_store_open(const char *folder, enum store_mode mode, struct store **out,
                                    struct buffer *problem)
{
    (void)problem;
    struct store *s = must_zalloc(sizeof *s);
    s->disk = disk_in(folder);
    *out = s;
    if (mode == STORE_WRITE)
        world.instances[folder[0] - '0'].store = s;
    return STORE_OK;
}

void disk_forget(struct store *s)
{
    struct process *p = process_now;
    process_now = NULL;
    clear(&s->rows);
    process_now = p;
    s->writing = false;
}

void __wrap_store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s == world.instances[s->disk - world.disks].store)
        world.instances[s->disk - world.disks].store = NULL;
    disk_forget(s);
    free(s);
}

enum store_result __wrap_store_begin(struct store *s, struct buffer *problem)
{
    (void)problem;
    struct process *p = process_now;
    REQUIRE(!s->writing);
    process_now = NULL;
    copy(&s->rows, &s->disk->rows);
    process_now = p;
    s->writing = true;
    return STORE_OK;
}

/* A planted fault: the cut says that the log is to be read again from where the last copy was made, as if the offsets had
 * been noted after the copies. */
static struct word *late_cut(struct text bytes)
{
    struct cut cut;
    struct buffer b;
    cut_init(&cut);
    buffer_init(&b);
    REQUIRE(cut_read(bytes, &cut));
    for (size_t i = 0; i < cut.position_count; i++)
        cut.positions[i].offset = cut.positions[i].reached;
    cut_write(&cut, &b);
    struct word *word = word_make(buffer_view(&b));
    cut_fini(&cut);
    buffer_fini(&b);
    return word;
}

enum store_result __wrap_store_put(struct store *s, struct text rows, struct buffer *problem)
{
    struct process *p = process_now;
    struct stored_row row;
    REQUIRE(s->writing);
    process_pause_perhaps(2);
    if (s->disk->mood == DISK_FULL && random_chance(&process_random, 50)) {
        world.counts.disk_faults++;
        __wrap_store_abort(s);
        return refuse(problem, STORE_FAILED, "full, at a row");
    }
    process_now = NULL;
    while (stored_next(&rows, &row)) {
        bool late = row.table == STORED_CUT && world.planted == PLANTED_COPY_TWO_STEPS;
        put(&s->rows, key_of(row.table, row.number), late ? late_cut(row.bytes) : word_make(row.bytes));
    }
    process_now = p;
    REQUIRE(rows.len == 0);
    return STORE_OK;
}

enum store_result __wrap_store_clear(struct store *s, unsigned table, struct buffer *problem)
{
    (void)problem;
    struct process *p = process_now;
    uint32_t from = place_of(&s->rows, key_of(table, 0)), to = place_of(&s->rows, key_of(table + 1, 0));
    process_now = NULL;
    for (uint32_t i = from; i < to; i++)
        word_drop(s->rows.at[i].bytes);
    process_now = p;
    memmove(&s->rows.at[from], &s->rows.at[to], (s->rows.count - to) * sizeof *s->rows.at);
    s->rows.count -= to - from;
    return STORE_OK;
}

static void make_durable(struct disk *d, const struct disk_rows *rows)
{
    struct process *p = process_now;
    process_now = NULL;
    clear(&d->before);
    d->before = d->rows;
    d->rows = (struct disk_rows){0};
    copy(&d->rows, rows);
    d->unsafe = d->mood == DISK_LYING;
    find_starts(d);
    process_now = p;
}

/* A planted fault: the offsets are safe before what they stand for. */
static void commit_offsets(struct store *s)
{
    struct process *p = process_now;
    struct disk_rows rows = {0};
    uint64_t key = key_of(STORED_CUT, 0);
    if (s->disk->rows.count == 0)
        return;
    process_now = NULL;
    copy(&rows, &s->disk->rows);
    put(&rows, key, word_share(s->rows.at[place_of(&s->rows, key)].bytes));
    make_durable(s->disk, &rows);
    clear(&rows);
    process_now = p;
    process_pause();
}

enum store_result __wrap_store_commit(struct store *s, struct buffer *problem)
{
    REQUIRE(s->writing);
    process_pause();
    if (s->disk->mood == DISK_FULL) {
        world.counts.disk_faults++;
        __wrap_store_abort(s);
        return refuse(problem, STORE_FAILED, "full, at the commit");
    }
    if (world.planted == PLANTED_OFFSET_FIRST)
        commit_offsets(s);
    make_durable(s->disk, &s->rows);
    world.counts.checkpoints++;
    process_tell("disk: a checkpoint is written");
    disk_forget(s);
    process_pause();
    return STORE_OK;
}

void __wrap_store_abort(struct store *s)
{
    disk_forget(s);
}
