#include "aggregators/copying.h"
#include "aggregators/book.h"
#include "aggregators/stored.h"
#include "aggregators/target.h"
#include "base/error.h"
#include <stdlib.h>

void copying_init(struct copying *c)
{
    *c = (struct copying){0};
}

void copying_fini(struct copying *c)
{
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        free(c->changed[k].slots);
        free(c->taken[k].slots);
    }
}

struct stored_counts stored_counts_of(const struct ledger *l)
{
    struct stored_counts counts = {.words = l->words.count};
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        counts.names[d] = l->names[d].count;
    for (unsigned k = 0; k < KIND_COUNT; k++)
        counts.keys[k] = l->keys[k].count;
    return counts;
}

void copying_use(struct copying *c, const struct stored_counts *stored)
{
    REQUIRE(!c->in_use);
    c->in_use = true;
    c->stored = c->copied = *stored;
}

static void add(struct changed_records *list, uint32_t slot)
{
    list->slots = must_grow(list->slots, &list->room, list->count, sizeof *list->slots);
    list->slots[list->count++] = slot;
}

void copying_note(struct copying *c, struct record *r)
{
    if (!c->in_use || r->flags & RECORD_UNSTORED)
        return;
    r->flags |= RECORD_UNSTORED;
    add(&c->changed[r->kind], r->slot);
}

bool copying_has_changes(const struct copying *c, const struct ledger *l)
{
    for (unsigned k = 0; k < KIND_COUNT; k++)
        if (c->changed[k].count > 0 || c->stored.keys[k] < l->keys[k].count)
            return true;
    return false;
}

void copying_begin(struct copying *c)
{
    REQUIRE(c->in_use && !c->running);
    c->running = true;
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        struct changed_records empty = c->taken[k];
        c->taken[k] = c->changed[k];
        c->changed[k] = empty;
        c->changed[k].count = 0;
        c->taken_at[k] = 0;
    }
}

static const struct kept_events *events_of(const struct copied_from *from, const struct record *r, bool *out_cut)
{
    if (r->kind == KIND_TARGET) {
        *out_cut = false;
        return targets_events(from->targets, r->slot);
    }
    return books_events(from->books, r, out_cut);
}

static void copy_record(const struct copied_from *from, struct record *r, struct buffer *out)
{
    r->flags &= (uint8_t)~RECORD_UNSTORED;
    size_t begin = stored_begin(out, STORED_RECORDS + r->kind, r->slot);
    ledger_write_record(from->ledger, r, out);
    stored_end(out, begin);
    bool is_cut;
    const struct kept_events *events = events_of(from, r, &is_cut);
    if (events == NULL || events->count == 0)
        return;
    begin = stored_begin(out, STORED_EVENTS + r->kind, r->slot);
    buffer_char(out, is_cut ? 1 : 0);
    kept_events_write(events, out);
    stored_end(out, begin);
}

/* Texts from *at on, as far as the budget goes. */
static void copy_texts(const struct intern *texts, unsigned table, uint32_t *at, unsigned *budget, struct buffer *out)
{
    for (; *at<texts->count && * budget> 0; ++*at, --*budget) {
        size_t begin = stored_begin(out, table, *at);
        buffer_text(out, intern_text(texts, *at));
        stored_end(out, begin);
    }
}

bool copying_step(struct copying *c, const struct copied_from *from, unsigned budget, struct buffer *out)
{
    struct ledger *l = from->ledger;
    REQUIRE(c->running);
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        for (; c->taken_at[k] < c->taken[k].count && budget > 0; c->taken_at[k]++, budget--) {
            struct record *r = ledger_at(l, k, c->taken[k].slots[c->taken_at[k]]);
            if (r->slot < c->stored.keys[k] && r->flags & RECORD_UNSTORED)
                copy_record(from, r, out);
        }
        /* Those that came to be since, also where they only wait to be told of. */
        for (; c->copied.keys[k] < l->keys[k].count && budget > 0; c->copied.keys[k]++, budget--)
            copy_record(from, ledger_at(l, k, c->copied.keys[k]), out);
    }
    for (unsigned d = DIMENSION_COMPANY + 1; d < DIMENSION_COUNT; d++) /* the company's name is the configuration's */
        copy_texts(&l->names[d], STORED_NAMES + d, &c->copied.names[d], &budget, out);
    copy_texts(&l->words, STORED_WORDS, &c->copied.words, &budget, out);
    return budget > 0;
}

void copying_end(struct copying *c, const struct ledger *l, bool is_stored)
{
    REQUIRE(c->running);
    c->running = false;
    if (is_stored) {
        c->stored = c->copied;
        return;
    }
    c->copied = c->stored;
    for (unsigned k = 0; k < KIND_COUNT; k++)
        for (uint32_t i = 0; i < c->taken[k].count; i++)
            copying_note(c, ledger_at(l, k, c->taken[k].slots[i]));
}

uint64_t copying_bytes(const struct copying *c)
{
    uint64_t bytes = 0;
    for (unsigned k = 0; k < KIND_COUNT; k++)
        bytes += ((uint64_t)c->changed[k].room + c->taken[k].room) * sizeof(uint32_t);
    return bytes;
}
