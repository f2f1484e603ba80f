/* No trace: what was split, taken back or cut in between ends in the same values as what was not. */
#include "base/error.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/dump.h"
#include "tests/support/random.h"
#include "tests/support/shrink.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FROM_US (INT64_C(1709000000) * SECOND)

/* What a law knows beside the events. */
struct trial {
    const struct core *core;
    int64_t now_us;
    uint64_t seed; /* of what the law itself chooses */
};

static void end_of(const struct trial *t, const struct event_list *events, struct buffer *out)
{
    struct shard *shard = core_twin(t->core, events, events->count, t->now_us);
    dump_shard(out, t->core->config, shard, READER_PUBLISHER);
    shard_destroy(shard);
}

typedef void(telling)(void *context, const struct event_list *events, struct event_list *out_one,
                      struct event_list *out_other);

/* Both tellings of the events end in the same values. */
static bool same_end(const struct trial *t, telling *tell, const struct event_list *events)
{
    struct event_list tellings[2] = {{0}, {0}};
    struct buffer ends[2];
    struct trial copy = *t;
    tell(&copy, events, &tellings[0], &tellings[1]);
    for (int i = 0; i < 2; i++) {
        buffer_init(&ends[i]);
        end_of(t, &tellings[i], &ends[i]);
        event_list_fini(&tellings[i]);
    }
    bool same = text_equal(buffer_view(&ends[0]), buffer_view(&ends[1]));
    buffer_fini(&ends[0]);
    buffer_fini(&ends[1]);
    return same;
}

static struct event *copy_of(const struct event *e)
{
    struct event *copy = must_alloc(e->size);
    memcpy(copy, e, e->size);
    return copy;
}

/* A random number that belongs to one or two events by when they happened, which no two share: what it chooses stays chosen
 * when other events are left out, so that a failure can be cut down. */
static uint64_t chance_of(const struct trial *t, const struct event *a, const struct event *b)
{
    struct random r = {t->seed ^ (uint64_t)a->occurred_at_us};
    r.state = random_next(&r) ^ (uint64_t)(b != NULL ? b->occurred_at_us : 0);
    return random_next(&r);
}

/* The event that is chosen for one, or for the whole trial; that of a record without books where there are any. */
static const struct event *chosen(const struct trial *t, const struct event_list *events, const struct event *by)
{
    const struct event *best = NULL;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < events->count; i++) {
        const struct event *e = events->at[i];
        uint64_t number = chance_of(t, e, by);
        if (number > least || (by != NULL && e->kind != by->kind))
            continue;
        if (by == NULL && config_has_books(t->core->config) && (e->kind == KIND_DEAL || e->kind == KIND_PAYMENT))
            continue;
        best = e;
        least = number;
    }
    return best;
}

/* The field whose settings are kept in order: what is set in one event with it must not come before it. */
static unsigned first_field(const struct event *e)
{
    return e->kind == KIND_DEAL ? (unsigned)DEAL_STAGE : e->kind == KIND_LEAD ? (unsigned)LEAD_STATUS : 0;
}

/* An event is the same as one event for each of its fields at the same instant, told in any order; where books are kept, for
 * each four of them, so that no record has more events than are kept. */
static void split(void *context, const struct event_list *events, struct event_list *whole, struct event_list *parts)
{
    const struct trial *t = context;
    struct random r = {t->seed};
    unsigned together = config_has_books(t->core->config) ? 4 : 1;
    for (size_t i = 0; i < events->count; i++) {
        const struct event *e = events->at[i];
        event_list_add(whole, copy_of(e));
        if (e->carried == 0 || chance_of(t, e, NULL) % 5 == 0) {
            event_list_add(parts, copy_of(e));
            continue;
        }
        for (uint32_t left = e->carried; left != 0;) {
            uint32_t fields = 0;
            for (unsigned n = 0; n < together && left != 0; n++, left &= left - 1)
                fields |= left & -left;
            event_list_add(parts, event_part(e, fields, fields & 1u << first_field(e) ? 1 : 2));
        }
    }
    event_list_shuffle(parts, &r);
}

static bool splits(void *context, const struct event_list *events)
{
    return same_end(context, split, events);
}

/* A record that is deleted after everything is as if it had never been told of, whoever else names it. Where books are
 * kept this is no law for deals and payments: what they had added is taken back when they were deleted. */
static void delete_record(void *context, const struct event_list *events, struct event_list *without,
                          struct event_list *with)
{
    const struct trial *t = context;
    struct random r = {t->seed};
    const struct event *one = chosen(t, events, NULL);
    if (one == NULL)
        return;
    for (size_t i = 0; i < events->count; i++) {
        const struct event *e = events->at[i];
        event_list_add(with, copy_of(e));
        if (e->kind != one->kind || !text_equal(event_key(e), event_key(one)))
            event_list_add(without, copy_of(e));
    }
    char key[64];
    snprintf(key, sizeof key, "%.*s", (int)event_key(one).len, event_key(one).at);
    event_list_add(with, make_deletion((enum record_kind)one->kind, key, FROM_US + 41 * DAY));
    event_list_shuffle(with, &r);
}

static bool forgets_records(void *context, const struct event_list *events)
{
    return same_end(context, delete_record, events);
}

/* What stands in a field of a record: the event that set it last, NULL where nothing or a deletion did. False: the record
 * does not exist. */
static bool standing(const struct event_list *events, const struct event *like, unsigned field,
                     const struct event **out_last)
{
    const struct event *deletion = NULL, *last = NULL;
    bool exists = false;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < events->count; i++) {
            const struct event *e = events->at[i];
            if (e->kind != like->kind || !text_equal(event_key(e), event_key(like)))
                continue;
            if (pass == 0) {
                if (e->flags & EVENT_DELETED && (deletion == NULL || stamp_compare(&e->stamp, &deletion->stamp) > 0))
                    deletion = e;
            } else if (deletion == NULL || stamp_compare(&e->stamp, &deletion->stamp) > 0) {
                exists = true;
                if (e->carried & 1u << field && (last == NULL || stamp_compare(&e->stamp, &last->stamp) > 0))
                    last = e;
            }
        }
    }
    *out_last = last;
    return exists;
}

/* Left out is what counts by when it was set as well: the stage and the status, whose history counts, closed_at, which
 * counts from a stage on, and a rate, of which the one that was set last counts where a day has two. With credit at_close
 * owners have a history; and in a book what is told for the first time counts where it belongs, but is taken back when
 * that was told: so nothing is set that decides whether there is something to tell. */
static bool keeps_history(const struct config *c, unsigned kind, unsigned field)
{
    if (c->credit == CREDIT_AT_CLOSE && kind == KIND_DEAL && (field == FIELD_MANAGER || field == FIELD_TEAM))
        return true;
    if (c->corrections == CORRECTIONS_BOOK &&
        ((kind == KIND_DEAL && (field == DEAL_AMOUNT || field == DEAL_CURRENCY)) ||
         (kind == KIND_PAYMENT && (field == PAYMENT_AMOUNT || field == PAYMENT_CURRENCY || field == PAYMENT_PAID_AT))))
        return true;
    return (kind == KIND_DEAL && (field == DEAL_STAGE || field == DEAL_CLOSED_AT)) ||
           (kind == KIND_LEAD && (field == LEAD_STATUS || field == LEAD_CLOSED_AT)) ||
           (kind == KIND_RATE && field == RATE_RATE);
}

/* An event that sets the field to what it is in another event, or clears it. */
static struct event *set_as(const struct event *to, const char *key, unsigned field, const struct event *source,
                            int64_t at_us)
{
    enum record_kind kind = (enum record_kind)to->kind;
    struct given value = CLEARED(field);
    struct event *part = source != NULL ? event_part(source, 1u << field, 0) : NULL;
    char text[300];
    if (part != NULL && part->value_count > 0) {
        const struct event_value *v = event_values(part);
        if (record_kind_info(kind)->fields[field].type == FIELD_TEXT) {
            snprintf(text, sizeof text, "%.*s", (int)event_text(part, v).len, event_text(part, v).at);
            value = NAME(field, text);
        } else {
            value = NUMBER(field, v->number);
        }
    }
    struct event *made = make_event(kind, key, at_us, (struct given[]){value, END});
    free(part);
    return made;
}

/* An edit of a field and a later edit back leave the values as if nobody had touched it. */
static void edit_and_back(void *context, const struct event_list *events, struct event_list *untouched,
                          struct event_list *edited)
{
    const struct trial *t = context;
    struct random r = {t->seed};
    for (size_t i = 0; i < events->count; i++) {
        event_list_add(edited, copy_of(events->at[i]));
        event_list_add(untouched, copy_of(events->at[i]));
    }
    int64_t at_us = FROM_US + 41 * DAY + SECOND; /* no window ends between an edit and the one back */
    for (size_t i = 0; i < events->count; i++) {
        const struct event *from = events->at[i];
        uint64_t chance = chance_of(t, from, NULL);
        unsigned field = (unsigned)(chance >> 32) % record_kind_info((enum record_kind)from->kind)->field_count;
        if (chance % 2 == 0 || keeps_history(t->core->config, from->kind, field))
            continue;
        /* What that event says of the field, perhaps nothing, another record of its kind is told, and then taken back. */
        const struct event *to = chosen(t, events, from), *last;
        if (!standing(edited, to, field, &last))
            continue;
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)event_key(to).len, event_key(to).at);
        struct event *back = set_as(to, key, field, last, at_us + 1);
        event_list_add(edited, set_as(to, key, field, from, at_us));
        event_list_add(edited, back);
        at_us += 2;
    }
    event_list_shuffle(edited, &r);
}

static bool forgets_edits(void *context, const struct event_list *events)
{
    return same_end(context, edit_and_back, events);
}

/* Cut at any point, with work half done, seen by readers, and resumed from some way back: as if it had run through. */
static bool resumes(void *context, const struct event_list *events)
{
    const struct trial *t = context;
    struct random r = {t->seed};
    struct snapshot *s = snapshot_create();
    struct shard *shard = shard_create(t->core->config, t->core->calendar);
    for (size_t i = 0, until = 0; i < events->count; until = i) {
        /* From an offset that may lie before what was read already, as after a restart. */
        i = until > 0 ? until - (size_t)random_below(&r, (int64_t)until) : 0;
        size_t to = until + 1 + (size_t)random_below(&r, 40);
        for (; i < to && i < events->count; i++) {
            shard_apply(shard, events->at[i]);
            if (random_chance(&r, 30))
                shard_work(shard, (unsigned)random_below(&r, 5));
        }
        shard_advance(shard, t->now_us - random_below(&r, 40 * DAY));
        if (random_chance(&r, 30))
            core_cut(shard, random_chance(&r, 50) ? READER_ALERTS : READER_PUBLISHER, random_chance(&r, 30), s);
    }
    shard_advance(shard, t->now_us);
    struct buffer through, resumed;
    buffer_init(&through);
    buffer_init(&resumed);
    dump_shard(&resumed, t->core->config, shard, READER_PUBLISHER);
    end_of(t, events, &through);
    bool same = text_equal(buffer_view(&through), buffer_view(&resumed));
    buffer_fini(&through);
    buffer_fini(&resumed);
    snapshot_destroy(s);
    shard_destroy(shard);
    return same;
}

/* Books move when something counts, never how much: once all has been told, `all` is what it is without them. */
static bool only_moves(void *context, const struct event_list *events)
{
    const struct trial *t = context;
    struct config *c = t->core->config;
    struct trial after = {t->core, FROM_US + 42 * DAY, 0};
    const struct config kept = *c;
    struct buffer booked, restated;
    buffer_init(&booked);
    buffer_init(&restated);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        for (unsigned w = 0; w < c->window_count; w++)
            c->dimension_windows[d][w] = c->windows[w].kind == WINDOW_ALL || c->windows[w].kind == WINDOW_NOW;
    end_of(&after, events, &booked);
    c->corrections = CORRECTIONS_RESTATE;
    c->lock_day = INT64_MIN;
    end_of(&after, events, &restated);
    *c = kept;
    bool same = text_equal(buffer_view(&booked), buffer_view(&restated));
    buffer_fini(&booked);
    buffer_fini(&restated);
    return same;
}

/* In a book two tellings are not one: what the second changes is booked when it was told. */
static bool without_book(const struct config *c)
{
    return c->corrections != CORRECTIONS_BOOK;
}

/* Otherwise which entities are kept depends on all names that were ever told, also those that were taken back. */
static bool with_room(const struct config *c)
{
    return c->limits.entities_max > 100;
}

/* `fits`: the ways of counting for which it is a law; NULL: all. */
static void try(const char *name, bool (*holds)(void *, const struct event_list *), telling *tell,
                bool (*fits)(const struct config *), uint64_t otherwise)
{
    uint64_t seed = random_seed(otherwise);
    fprintf(stderr, "SEED=%llu %s\n", (unsigned long long)seed, name);
    struct core core;
    core_init(&core, "Europe/Berlin", 1, 1);
    for (unsigned v = 0; v < CORE_VARIANTS; v++) {
        core_vary(&core, &core_variants[v]);
        if (fits != NULL && !fits(core.config))
            continue;
        struct random r = {seed};
        char whole[64];
        snprintf(whole, sizeof whole, "%s-%s", name, core_variants[v].name);
        for (int round = 0, rounds = random_rounds(20); round < rounds; round++) {
            struct event_list events = {0};
            /* Of a record with books not more events than are kept. */
            struct history_options o = {.from_us = FROM_US,
                                        .span_us = 40 * DAY,
                                        .count = 400,
                                        .records = config_has_books(core.config) ? 40 : 15};
            make_history(&events, &r, &o);
            struct trial trial = {&core, FROM_US + random_below(&r, 60) * DAY, random_next(&r)};
            struct law law = {whole, holds, tell, &trial};
            cr_assert(law_check(&law, &events, &core, trial.now_us), "%s, round %d", whole, round);
            event_list_fini(&events);
        }
    }
    core_fini(&core);
}

Test(trace, a_split_event_leaves_none)
{
    try("split", splits, split, without_book, 31);
}

Test(trace, a_record_added_and_deleted_leaves_none)
{
    try("deleted", forgets_records, delete_record, with_room, 32);
}

Test(trace, an_edit_and_one_back_leave_none)
{
    try("edited-back", forgets_edits, edit_and_back, with_room, 33);
}

Test(trace, a_cut_and_a_resumption_leave_none)
{
    try("resumed", resumes, NULL, NULL, 34);
}

Test(trace, books_move_when_something_counts_and_never_how_much)
{
    try("only-moves", only_moves, NULL, config_has_books, 35);
}
