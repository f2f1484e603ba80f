#include "aggregators/book.h"
#include "aggregators/contribution.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

void books_init(struct books *b, const struct config *config, const struct calendar *calendar)
{
    *b = (struct books){.book = config->corrections == CORRECTIONS_BOOK, .lock_us = INT64_MIN};
    if (config->lock_day != INT64_MIN)
        b->lock_us = calendar_instant(calendar, config->lock_day, 0);
    b->in_use = config_has_books(config);
}

void books_fini(struct books *b)
{
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        for (uint32_t i = 0; i < b->room[k]; i++) {
            kept_events_fini(&b->records[k][i].events);
            free(b->records[k][i].standing);
        }
        free(b->records[k]);
        for (uint32_t i = 0; i < b->heir_room[k]; i++)
            free(b->heirs[k][i].slots);
        free(b->heirs[k]);
    }
}

bool books_keep(const struct books *b, unsigned kind)
{
    return b->in_use && (kind == KIND_DEAL || kind == KIND_PAYMENT);
}

static struct record_book *need(struct books *b, const struct record *r)
{
    b->records[r->kind] = must_grow(b->records[r->kind], &b->room[r->kind], r->slot, sizeof(struct record_book));
    return &b->records[r->kind][r->slot];
}

bool books_apply(struct books *b, const struct record *r, const struct event *e, const struct record_value *values)
{
    struct record_book *book = need(b, r);
    bool is_full = book->events.count == HISTORY_MAX, was_cut = book->cut;
    enum kept kept = kept_events_take(&book->events, HISTORY_MAX, e, values);
    if (kept == KEPT_ALREADY)
        return false;
    book->cut = was_cut || is_full;
    return kept == KEPT || !was_cut;
}

void books_add_heir(struct books *b, const struct record *r, uint32_t parent_slot)
{
    unsigned k = r->kind;
    b->heirs[k] = must_grow(b->heirs[k], &b->heir_room[k], parent_slot, sizeof *b->heirs[k]);
    struct heirs *h = &b->heirs[k][parent_slot];
    h->slots = must_grow(h->slots, &h->room, h->count, sizeof *h->slots);
    h->slots[h->count++] = r->slot;
}

void books_add_heirs(struct books *b, const struct ledger *l, const struct record *r)
{
    unsigned link;
    enum record_kind parent_kind;
    if (r->slot >= b->room[r->kind] || !ledger_link_of(r->kind, &link, &parent_kind))
        return;
    const struct record *parent = ledger_parent(l, r);
    const struct kept_events *events = &b->records[r->kind][r->slot].events;
    for (unsigned i = 0; i < events->count; i++)
        if (kept_event_sets(&events->at[i], link) &&
            (parent == NULL || parent->slot != (uint32_t)events->at[i].values[link]))
            books_add_heir(b, r, (uint32_t)events->at[i].values[link]);
}

struct heirs books_heirs(const struct books *b, enum record_kind k, uint32_t parent_slot)
{
    return parent_slot < b->heir_room[k] ? b->heirs[k][parent_slot] : (struct heirs){NULL, 0, 0};
}

const struct kept_events *books_events(const struct books *b, const struct record *r, bool *out_cut)
{
    if (r->slot >= b->room[r->kind])
        return NULL;
    *out_cut = b->records[r->kind][r->slot].cut;
    return &b->records[r->kind][r->slot].events;
}

void books_restore(struct books *b, const struct record *r, struct kept_events events, bool is_cut)
{
    struct record_book *book = need(b, r);
    REQUIRE(book->events.count == 0);
    book->events = events;
    book->cut = is_cut;
}

/* The streams to which the list adds, as bits. */
static uint64_t streams_of(const struct contributions *list)
{
    uint64_t streams = 0;
    for (unsigned i = 0; i < list->count; i++)
        streams |= UINT64_C(1) << list->at[i].stream;
    return streams;
}

/* When a version's addition or taking back counts. */
static int64_t booked_at(const struct books *b, const struct contribution *c, int64_t occurred_at_us, bool was_told)
{
    if (c->at_us >= occurred_at_us)
        return c->at_us;
    bool is_locked = b->lock_us != INT64_MIN && c->at_us < b->lock_us && occurred_at_us > b->lock_us;
    return is_locked || (b->book && was_told) ? occurred_at_us : c->at_us;
}

/* Adds to what is at the same place, so that the list depends on the sums only. */
static void add_up(struct contributions *sum, const struct contribution *c, int64_t at_us, int sign)
{
    for (unsigned i = 0; i < sum->count; i++) {
        struct contribution *s = &sum->at[i];
        if (s->stream != c->stream || s->at_us != at_us || s->names != c->names || s->team != c->team)
            continue;
        for (unsigned m = 0; m < STREAM_MEASURES_MAX; m++)
            s->measures[m] += sign * c->measures[m];
        return;
    }
    struct contribution *s = contributions_add(sum, (enum stream)c->stream, at_us, c->names);
    s->team = c->team;
    for (unsigned m = 0; m < STREAM_MEASURES_MAX; m++)
        s->measures[m] = sign * c->measures[m];
}

static void add_changes(const struct books *b, const struct contributions *of, const struct contributions *against,
                        uint64_t told, int64_t occurred_at_us, int sign, struct contributions *sum)
{
    for (unsigned i = 0; i < of->count; i++)
        if (!contributions_hold(against, &of->at[i]))
            add_up(sum, &of->at[i], booked_at(b, &of->at[i], occurred_at_us, told >> of->at[i].stream & 1), sign);
}

static void keep(struct record_book *book, const struct contributions *sum, uint32_t oddities)
{
    book->standing = must_realloc(book->standing, sum->count * sizeof *book->standing + 1);
    book->standing_count = 0;
    book->oddities = oddities;
    static const int64_t nothing[STREAM_MEASURES_MAX];
    for (unsigned i = 0; i < sum->count; i++)
        if (memcmp(sum->at[i].measures, nothing, sizeof nothing) != 0)
            book->standing[book->standing_count++] = sum->at[i];
}

void books_restate(struct books *b, struct valuation *v, struct ledger *l, const struct record *r)
{
    struct record_book *book = need(b, r);
    struct record *version = record_create((enum record_kind)r->kind, r->slot);
    struct contributions sum, lists[2];
    contributions_init(&sum);
    contributions_init(&lists[0]);
    unsigned now = 0;
    uint64_t told = 0; /* streams to which some version so far has added */
    for (unsigned i = 0; i < book->events.count; i++) {
        const struct kept_event *e = &book->events.at[i];
        struct record_value values[FIELD_COUNT_MAX];
        for (unsigned f = 0; f < FIELD_COUNT_MAX; f++)
            values[f] = (struct record_value){kept_event_sets(e, f), e->values[f]};
        record_apply(version, &e->stamp, e->occurred_at_us, e->deleted, e->carried, values, l->keep_owners);
        const struct contributions *before = &lists[now];
        struct contributions *after = &lists[1 - now];
        contributions_init(after);
        contributions_of_books(v, l, version, counted_for(v->config, l, version).names, after);
        contributions_place(v, l, after);
        add_changes(b, before, after, told, e->occurred_at_us, -1, &sum);
        add_changes(b, after, before, told, e->occurred_at_us, +1, &sum);
        told |= streams_of(after);
        contributions_fini(&lists[now]);
        now = 1 - now;
    }
    keep(book, &sum, lists[now].oddities | (book->cut ? 1u << ODDITY_HISTORY_CUT : 0));
    contributions_fini(&lists[now]);
    contributions_fini(&sum);
    record_destroy(version);
}

void books_stand(const struct books *b, const struct record *r, struct contributions *out)
{
    if (r->slot >= b->room[r->kind])
        return;
    const struct record_book *book = &b->records[r->kind][r->slot];
    for (unsigned i = 0; i < book->standing_count; i++) {
        const struct contribution *c = &book->standing[i];
        struct contribution *copy = contributions_add(out, (enum stream)c->stream, c->at_us, c->names);
        copy->team = c->team;
        memcpy(copy->measures, c->measures, sizeof c->measures);
    }
    out->oddities |= book->oddities;
}
