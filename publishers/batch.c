/* What a publish may reach is collected in lists of arguments that later become a few long commands:
 * one UNLINK of many keys, one ZADD of many members. Only hashes need a command each.
 *
 * The index names every key that may stand. It may name more than that but never less, so keys are added
 * to it no later than they are written and taken out in the step that deletes them.
 */
#include "publishers/batch.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* Arguments of one long command. Redis runs commands one at a time; shorter ones do not help in a transaction. */
#define SPREAD             1000
/* So many arguments cost about as much as a small command. */
#define ITEMS_PER_COMMAND  32
/* A message on the channel names at most so many keys. */
#define CHANGED_LISTED_MAX 100
/* Redis keeps a small sorted set as a list of texts: each ZADD reads half of the scores that stand there, digit by digit, and of 50
 * members each took 7 us, as much time as all the rest of the publish. A member of more than zset-max-listpack-value bytes (64)
 * makes it the tree that it is with more than 128 members, in which a ZADD takes 0.4 us, and it stays one. This one is there only
 * within the transaction; no entity has its name, for it is no UTF-8. */
#define STAND_IN_BYTES     65

struct hash_write {
    size_t key_at, key_len, fields_at, fields_len, field_count;
    bool is_text; /* no hash: its one field is the text */
    bool is_part; /* the hash has all of these fields, and others that stay */
};

struct board {
    enum dimension dimension;
    unsigned window;
    enum kpi kpi;
    bool touched; /* is in the list of this publish */
    bool opened;  /* fill: erased once; staged: has its stage key, a copy at first, or else is changed at the end */
    uint32_t members_before;
    uint64_t stage;       /* number of its stage key */
    struct arguments put; /* value, entity, value, entity ... */
    struct arguments drop;
};

struct batch {
    const struct config *config;
    const struct keys *keys;
    struct changes *changes;

    bool fill, staged;
    struct buffer arena; /* keys and fields of `hashes` */
    struct hash_write *hashes;
    size_t hash_count, hash_room;
    struct board **boards; /* by (dimension, window, KPI); NULL: never touched */
    struct board **touched;
    size_t touched_count, boards_waiting; /* of these, boards with something to be sent */
    struct arguments erase;               /* keys that are written anew in this transaction */
    struct arguments delete;              /* keys that go */
    struct arguments index_add, index_remove;
    struct arguments entities_add[DIMENSION_COUNT], entities_remove[DIMENSION_COUNT];
    bool entities_opened[DIMENSION_COUNT];
    uint32_t entities_listed[DIMENSION_COUNT]; /* since the fill */
    struct commands moves;
    uint64_t stage_next;
    struct key_set written; /* fill */
    int64_t items, changed;
    struct buffer changed_json;
    struct buffer scratch;
};

static size_t board_index(const struct batch *b, enum dimension d, unsigned window, enum kpi k)
{
    return ((size_t)d * b->config->window_count + window) * KPI_COUNT + k;
}

static size_t board_room(const struct batch *b)
{
    return (size_t)DIMENSION_COUNT * b->config->window_count * KPI_COUNT;
}

struct batch *batch_create(const struct config *config, const struct keys *keys, struct changes *changes)
{
    struct batch *b = must_zalloc(sizeof *b);
    b->config = config;
    b->keys = keys;
    b->changes = changes;
    buffer_init(&b->arena);
    b->boards = must_zalloc(board_room(b) * sizeof(struct board *));
    b->touched = must_alloc(board_room(b) * sizeof(struct board *));
    arguments_init(&b->erase);
    arguments_init(&b->delete);
    arguments_init(&b->index_add);
    arguments_init(&b->index_remove);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        arguments_init(&b->entities_add[d]);
        arguments_init(&b->entities_remove[d]);
    }
    commands_init(&b->moves);
    buffer_init(&b->changed_json);
    buffer_init(&b->scratch);
    return b;
}

void batch_destroy(struct batch *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < board_room(b); i++) {
        if (b->boards[i] == NULL)
            continue;
        arguments_fini(&b->boards[i]->put);
        arguments_fini(&b->boards[i]->drop);
        free(b->boards[i]);
    }
    free(b->boards);
    free(b->touched);
    free(b->hashes);
    buffer_fini(&b->arena);
    arguments_fini(&b->erase);
    arguments_fini(&b->delete);
    arguments_fini(&b->index_add);
    arguments_fini(&b->index_remove);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        arguments_fini(&b->entities_add[d]);
        arguments_fini(&b->entities_remove[d]);
    }
    commands_fini(&b->moves);
    key_set_fini(&b->written);
    buffer_fini(&b->changed_json);
    buffer_fini(&b->scratch);
    free(b);
}

void batch_begin(struct batch *b, bool fill)
{
    REQUIRE(b->changed == 0 && b->touched_count == 0); /* the one before has ended */
    b->fill = fill;
    for (unsigned d = 0; d < DIMENSION_COUNT && fill; d++)
        b->entities_listed[d] = 0;
}

void batch_end(struct batch *b)
{
    b->fill = b->staged = false;
    buffer_clear(&b->arena);
    b->hash_count = 0;
    for (size_t i = 0; i < b->touched_count; i++) {
        struct board *board = b->touched[i];
        board->touched = board->opened = false;
        arguments_clear(&board->put);
        arguments_clear(&board->drop);
    }
    b->touched_count = b->boards_waiting = 0;
    arguments_clear(&b->erase);
    arguments_clear(&b->delete);
    arguments_clear(&b->index_add);
    arguments_clear(&b->index_remove);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        arguments_clear(&b->entities_add[d]);
        arguments_clear(&b->entities_remove[d]);
        b->entities_opened[d] = false;
    }
    commands_release(&b->moves);
    b->stage_next = 0;
    key_set_fini(&b->written);
    b->items = b->changed = 0;
    buffer_clear(&b->changed_json);
}

static struct text prefix(const struct batch *b)
{
    return keys_prefix(b->keys);
}

static void note_changed(struct batch *b, struct text suffix)
{
    if (b->changed++ >= CHANGED_LISTED_MAX)
        return;
    if (b->changed_json.len > 0)
        buffer_char(&b->changed_json, ',');
    buffer_json(&b->changed_json, suffix);
}

static void note_written(struct batch *b, struct text suffix, bool is_new)
{
    if (b->fill)
        key_set_add(&b->written, suffix);
    if (b->fill || is_new) {
        arguments_text(&b->index_add, suffix);
        b->items++;
    }
}

static struct hash_write *add_hash(struct batch *b, struct text suffix, const struct arguments *fields)
{
    if (b->hash_count == b->hash_room) {
        b->hash_room = b->hash_room > 0 ? b->hash_room * 2 : 256;
        b->hashes = must_realloc(b->hashes, b->hash_room * sizeof *b->hashes);
    }
    struct hash_write *h = &b->hashes[b->hash_count++];
    *h = (struct hash_write){.key_at = b->arena.len, .key_len = suffix.len, .field_count = fields->count};
    buffer_text(&b->arena, suffix);
    h->fields_at = b->arena.len;
    h->fields_len = fields->bytes.len;
    buffer_add(&b->arena, fields->bytes.at, fields->bytes.len);
    b->items += (int64_t)fields->count;
    return h;
}

void batch_hash(struct batch *b, struct text suffix, const struct arguments *fields, bool is_new, bool shrinks)
{
    add_hash(b, suffix, fields);
    if (b->fill || shrinks) {
        arguments_joined(&b->erase, prefix(b), suffix);
        b->items++;
    }
    note_written(b, suffix, is_new);
    note_changed(b, suffix);
}

void batch_hash_part(struct batch *b, struct text suffix, const struct arguments *fields)
{
    REQUIRE(!b->fill && !b->staged);
    add_hash(b, suffix, fields)->is_part = true;
    note_changed(b, suffix);
}

void batch_text(struct batch *b, struct text suffix, struct text text, bool is_new)
{
    struct arguments one;
    arguments_init(&one);
    arguments_text(&one, text);
    batch_hash(b, suffix, &one, is_new, false);
    b->hashes[b->hash_count - 1].is_text = true;
    arguments_fini(&one);
}

void batch_delete(struct batch *b, struct text suffix)
{
    arguments_joined(&b->delete, prefix(b), suffix);
    arguments_text(&b->index_remove, suffix);
    b->items += 2;
    note_changed(b, suffix);
}

static struct text board_suffix(struct batch *b, const struct board *board)
{
    buffer_clear(&b->scratch);
    key_board(&b->scratch, board->dimension, b->config->windows[board->window].name, board->kpi);
    return buffer_view(&b->scratch);
}

static struct board *touch_board(struct batch *b, enum dimension d, unsigned window, enum kpi k)
{
    struct board **place = &b->boards[board_index(b, d, window, k)];
    if (*place == NULL) {
        *place = must_zalloc(sizeof **place);
        (*place)->dimension = d;
        (*place)->window = window;
        (*place)->kpi = k;
        arguments_init(&(*place)->put);
        arguments_init(&(*place)->drop);
    }
    struct board *board = *place;
    if (!board->touched) {
        board->touched = true;
        board->members_before = *changes_members(b->changes, d, window, k);
        b->touched[b->touched_count++] = board;
        struct text suffix = board_suffix(b, board);
        note_written(b, suffix, board->members_before == 0);
        note_changed(b, suffix);
    }
    b->boards_waiting += board->put.count + board->drop.count == 0;
    return board;
}

void batch_board_put(struct batch *b, enum dimension d, unsigned window, enum kpi k, struct text entity,
                     struct text value, bool was_member)
{
    struct board *board = touch_board(b, d, window, k);
    arguments_text(&board->put, value);
    arguments_text(&board->put, entity);
    b->items += 2;
    if (!was_member)
        ++*changes_members(b->changes, d, window, k);
}

void batch_board_drop(struct batch *b, enum dimension d, unsigned window, enum kpi k, struct text entity)
{
    struct board *board = touch_board(b, d, window, k);
    arguments_text(&board->drop, entity);
    b->items++;
    uint32_t *members = changes_members(b->changes, d, window, k);
    REQUIRE(*members > 0);
    --*members;
}

void batch_entity_list(struct batch *b, enum dimension d, struct text entity, const struct arguments *fields,
                       bool is_new)
{
    struct buffer key;
    buffer_init(&key);
    key_entity(&key, d, entity);
    batch_hash(b, buffer_view(&key), fields, is_new, !is_new);
    if (is_new) {
        arguments_text(&b->entities_add[d], entity);
        b->items++;
        buffer_clear(&key);
        key_entities(&key, d);
        if (b->entities_listed[d]++ == 0)
            note_written(b, buffer_view(&key), true);
    }
    buffer_fini(&key);
}

void batch_entity_unlist(struct batch *b, enum dimension d, struct text entity)
{
    struct buffer key;
    buffer_init(&key);
    key_entity(&key, d, entity);
    batch_delete(b, buffer_view(&key));
    arguments_text(&b->entities_remove[d], entity);
    b->items++;
    REQUIRE(b->entities_listed[d] > 0);
    b->entities_listed[d]--;
    buffer_fini(&key);
}

int64_t batch_cost(const struct batch *b)
{
    return (int64_t)b->hash_count + (int64_t)b->boards_waiting + b->items / ITEMS_PER_COMMAND;
}

int64_t batch_changed(const struct batch *b)
{
    return b->changed;
}

struct text batch_changed_json(const struct batch *b)
{
    return buffer_view(&b->changed_json);
}

/* What is left of a board after its members are counted: taken out of the index with its last member. */
static bool board_is_gone(const struct batch *b, const struct board *board)
{
    return *changes_members(b->changes, board->dimension, board->window, board->kpi) == 0;
}

static void write_index(struct batch *b, struct commands *c)
{
    commands_spread(c, "SADD", prefix(b), TEXT(KEY_INDEX), &b->index_add, SPREAD);
    arguments_clear(&b->index_add);
}

static void unwrite_index(struct batch *b, struct commands *c)
{
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        if (b->entities_remove[d].count == 0 || b->entities_listed[d] > 0)
            continue;
        buffer_clear(&b->scratch);
        key_entities(&b->scratch, (enum dimension)d);
        arguments_text(&b->index_remove, buffer_view(&b->scratch));
    }
    commands_spread(c, "SREM", prefix(b), TEXT(KEY_INDEX), &b->index_remove, SPREAD);
    arguments_clear(&b->index_remove);
}

static void write_hash(const struct batch *b, struct commands *c, const struct hash_write *h, struct text suffix)
{
    command_begin(c, h->is_text ? "SET" : "HSET", 2 + h->field_count);
    if (h->is_part)
        command_expect_zero(c); /* fields that it adds were lost, and so may be those that it does not write */
    command_joined(c, prefix(b), suffix);
    buffer_add(&c->bytes, b->arena.at + h->fields_at, h->fields_len);
}

static void write_hashes(struct batch *b, struct commands *c, bool stage, int64_t epoch)
{
    for (size_t i = 0; i < b->hash_count; i++) {
        const struct hash_write *h = &b->hashes[i];
        struct text suffix = {b->arena.at + h->key_at, h->key_len};
        if (!stage) {
            write_hash(b, c, h, suffix);
        } else if (h->is_part) {
            /* What was collected before it was known that a stage is needed: no more than fits into one transaction. */
            write_hash(b, &b->moves, h, suffix);
        } else {
            buffer_clear(&b->scratch);
            key_stage(&b->scratch, epoch, b->stage_next++);
            write_hash(b, c, h, buffer_view(&b->scratch));
            command_begin(&b->moves, "RENAME", 3);
            command_joined(&b->moves, prefix(b), buffer_view(&b->scratch));
            command_joined(&b->moves, prefix(b), suffix);
        }
    }
    b->hash_count = 0;
    buffer_clear(&b->arena);
}

static void write_entities(struct batch *b, struct commands *c)
{
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        struct buffer key;
        buffer_init(&key);
        key_entities(&key, (enum dimension)d);
        if (b->fill && !b->entities_opened[d] && b->entities_add[d].count > 0) {
            command_begin(c, "UNLINK", 2);
            command_joined(c, prefix(b), buffer_view(&key));
            b->entities_opened[d] = true;
        }
        commands_spread(c, "SADD", prefix(b), buffer_view(&key), &b->entities_add[d], SPREAD);
        commands_spread(c, "SREM", prefix(b), buffer_view(&key), &b->entities_remove[d], SPREAD);
        arguments_clear(&b->entities_add[d]);
        arguments_clear(&b->entities_remove[d]);
        buffer_fini(&key);
    }
}

static void write_stand_in(struct batch *b, struct commands *c, struct text suffix, bool adds)
{
    char name[STAND_IN_BYTES];
    memset(name, 0xff, sizeof name);
    command_begin(c, adds ? "ZADD" : "ZREM", adds ? 4 : 3);
    command_joined(c, prefix(b), suffix);
    if (adds)
        command_integer(c, 0);
    command_text(c, (struct text){name, sizeof name});
}

/* makes_tree: Redis may have it as a list, since it is new or a copy. */
static void write_board(struct batch *b, struct commands *c, struct board *board, struct text suffix, bool makes_tree)
{
    makes_tree = makes_tree && board->put.count > 0;
    if (makes_tree)
        write_stand_in(b, c, suffix, true);
    commands_spread(c, "ZADD", prefix(b), suffix, &board->put, SPREAD);
    commands_spread(c, "ZREM", prefix(b), suffix, &board->drop, SPREAD);
    if (makes_tree)
        write_stand_in(b, c, suffix, false);
    arguments_clear(&board->put);
    arguments_clear(&board->drop);
}

void batch_emit(struct batch *b, struct commands *c)
{
    REQUIRE(!b->staged);
    commands_spread(c, "UNLINK", prefix(b), TEXT(""), &b->erase, SPREAD);
    commands_spread(c, "UNLINK", prefix(b), TEXT(""), &b->delete, SPREAD);
    arguments_clear(&b->erase);
    arguments_clear(&b->delete);
    write_index(b, c);
    write_hashes(b, c, false, 0);
    for (size_t i = 0; i < b->touched_count; i++) {
        struct board *board = b->touched[i];
        struct text suffix = board_suffix(b, board);
        bool is_new = b->fill ? !board->opened : board->members_before == 0;
        if (b->fill && !board->opened) {
            command_begin(c, "UNLINK", 2);
            command_joined(c, prefix(b), suffix);
            board->opened = true;
        }
        write_board(b, c, board, suffix, is_new);
        if (!b->fill && board_is_gone(b, board))
            arguments_text(&b->index_remove, suffix);
        /* In a fill later parts go on with it; else it is done. */
        if (!b->fill)
            board->touched = false;
    }
    if (!b->fill)
        b->touched_count = 0;
    unwrite_index(b, c);
    write_entities(b, c);
    b->boards_waiting = 0;
    b->items = 0;
}

void batch_stage(struct batch *b, struct commands *c, int64_t epoch)
{
    REQUIRE(!b->fill);
    b->staged = true;
    arguments_clear(&b->erase); /* RENAME replaces whole keys */
    write_index(b, c);
    write_hashes(b, c, true, epoch);
    struct buffer stage;
    buffer_init(&stage);
    int64_t kept = 0;
    for (size_t i = 0; i < b->touched_count; i++) {
        struct board *board = b->touched[i];
        bool first = !board->opened;
        int64_t cost = 1 + (int64_t)(board->put.count + board->drop.count) / ITEMS_PER_COMMAND;
        /* A copy costs Redis as much as all members of the board, a change of the board itself only those that change. */
        if (first && kept + cost <= b->config->publish.max_atomic) {
            kept += cost; /* what is collected waits for the end */
            continue;
        }
        if (first) {
            board->opened = true;
            board->stage = b->stage_next++;
        }
        buffer_clear(&stage);
        key_stage(&stage, epoch, board->stage);
        if (first && board->members_before > 0) {
            command_begin(c, "ZUNIONSTORE", 4);
            command_joined(c, prefix(b), buffer_view(&stage));
            command_integer(c, 1);
            command_joined(c, prefix(b), board_suffix(b, board));
        }
        write_board(b, c, board, buffer_view(&stage), first);
    }
    buffer_fini(&stage);
    /* How many stage keys there may be, for whoever has to clear up after us. */
    command_begin(c, "HSET", 4);
    command_joined(c, prefix(b), TEXT(KEY_STAGED));
    command_integer(c, epoch);
    command_integer(c, (int64_t)b->stage_next);
    b->boards_waiting = 0;
    b->items = 0;
}

void batch_emit_moves(struct batch *b, struct commands *c, int64_t epoch)
{
    REQUIRE(b->staged && b->hash_count == 0);
    commands_append(c, &b->moves);
    commands_spread(c, "UNLINK", prefix(b), TEXT(""), &b->delete, SPREAD);
    struct buffer stage;
    buffer_init(&stage);
    for (size_t i = 0; i < b->touched_count; i++) {
        struct board *board = b->touched[i];
        bool gone = board_is_gone(b, board);
        struct text suffix = board_suffix(b, board);
        if (!board->opened) {
            write_board(b, c, board, suffix, board->members_before == 0);
            if (gone)
                arguments_text(&b->index_remove, suffix);
        } else if (gone) {
            /* Its stage key has gone with its last member, too. */
            command_begin(c, "UNLINK", 2);
            command_joined(c, prefix(b), suffix);
            arguments_text(&b->index_remove, suffix);
        } else {
            buffer_clear(&stage);
            key_stage(&stage, epoch, board->stage);
            command_begin(c, "RENAME", 3);
            command_joined(c, prefix(b), buffer_view(&stage));
            command_joined(c, prefix(b), suffix);
        }
    }
    buffer_fini(&stage);
    unwrite_index(b, c);
    write_entities(b, c);
    command_begin(c, "HDEL", 3);
    command_joined(c, prefix(b), TEXT(KEY_STAGED));
    command_integer(c, epoch);
}

bool batch_is_staged(const struct batch *b)
{
    return b->staged;
}

bool batch_wrote(const struct batch *b, struct text suffix)
{
    return key_set_has(&b->written, suffix);
}

void batch_sweep(struct batch *b, struct text suffix)
{
    if (key_is_indexed(suffix))
        arguments_joined(&b->delete, prefix(b), suffix);
    arguments_text(&b->index_remove, suffix);
    b->items += 2;
}
