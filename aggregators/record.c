/* Each field names the stamp that set it by its index in a small table, since one event sets many fields: a record
 * has a few stamps, not one of 32 bytes a field. A place in the table whose stamp no field names any more is taken
 * by the next new stamp. */
#include "aggregators/record.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

static unsigned stage_field_of(unsigned kind)
{
    return kind == KIND_DEAL ? (unsigned)DEAL_STAGE : kind == KIND_LEAD ? (unsigned)LEAD_STATUS : FIELD_COUNT_MAX;
}

struct record *record_create(enum record_kind kind, uint32_t slot)
{
    struct record *r = must_zalloc(sizeof *r + record_kind_info(kind)->field_count * sizeof r->values[0]);
    r->kind = (uint8_t)kind;
    r->slot = slot;
    r->first_child[0] = r->first_child[1] = r->next = r->previous = SLOT_NONE;
    return r;
}

void record_destroy(struct record *r)
{
    record_fini(r);
    free(r);
}

void record_fini(struct record *r)
{
    free(r->stamps);
    free(r->history);
    free(r->owners);
}

uint64_t record_bytes(const struct record *r)
{
    uint64_t bytes = sizeof *r + record_kind_info(r->kind)->field_count * sizeof *r->values;
    bytes += r->stamp_room * sizeof *r->stamps + r->history_room * sizeof *r->history;
    if (r->owners != NULL)
        bytes += sizeof *r->owners + r->owners->room * sizeof *r->owners->at;
    return bytes;
}

bool record_exists(const struct record *r)
{
    return r->exists != 0;
}

bool record_has(const struct record *r, unsigned field)
{
    return (r->set & 1u << field) != 0;
}

/* Stamps in use, as bits. There are at most fields + 2 of them. */
static uint32_t stamps_in_use(const struct record *r)
{
    uint32_t used = 0;
    for (unsigned f = 0; f < FIELD_COUNT_MAX; f++)
        if (r->stamp_of[f] != 0)
            used |= 1u << (r->stamp_of[f] - 1);
    if (r->deletion != 0)
        used |= 1u << (r->deletion - 1);
    if (r->exists != 0)
        used |= 1u << (r->exists - 1);
    return used;
}

/* The index + 1 of the stamp, which is put into the table where it is new. Whoever calls uses it at once. */
static uint8_t keep_stamp(struct record *r, const struct stamp *stamp)
{
    uint32_t used = stamps_in_use(r);
    for (unsigned i = 0; i < r->stamp_count; i++)
        if (used & 1u << i && stamp_compare(&r->stamps[i], stamp) == 0)
            return (uint8_t)(i + 1);
    for (unsigned i = 0; i < r->stamp_count; i++) {
        if (!(used & 1u << i)) {
            r->stamps[i] = *stamp;
            return (uint8_t)(i + 1);
        }
    }
    if (r->stamp_count == r->stamp_room) {
        r->stamp_room = (uint8_t)(r->stamp_room > 0 ? r->stamp_room * 2 : 2);
        r->stamps = must_realloc(r->stamps, r->stamp_room * sizeof *r->stamps);
    }
    r->stamps[r->stamp_count++] = *stamp;
    return r->stamp_count;
}

/* Whether the standing stamp with that index + 1 is less than (<0), equal to or greater than the stamp; none is less. */
static int compare_standing(const struct record *r, uint8_t standing, const struct stamp *stamp)
{
    return standing == 0 ? -1 : stamp_compare(&r->stamps[standing - 1], stamp);
}

static bool history_insert(struct record *r, const struct history_entry *entry)
{
    unsigned at = r->history_count;
    while (at > 0) {
        int order = stamp_compare(&r->history[at - 1].stamp, &entry->stamp);
        if (order == 0) {
            /* Ordered by version, the same event may have come with two times: the earlier stands, whichever came first. */
            bool is_earlier = entry->occurred_at_us < r->history[at - 1].occurred_at_us;
            if (is_earlier)
                r->history[at - 1].occurred_at_us = entry->occurred_at_us;
            return is_earlier;
        }
        if (order < 0)
            break;
        at--;
    }
    if (r->history_count == HISTORY_MAX) {
        bool was_cut = (r->flags & RECORD_HISTORY_CUT) != 0;
        r->flags |= RECORD_HISTORY_CUT;
        if (at == 0)
            return !was_cut;
        memmove(r->history, r->history + 1, (at - 1) * sizeof *r->history);
        r->history[at - 1] = *entry;
        return true;
    }
    if (r->history_count == r->history_room) {
        r->history_room = (uint8_t)(r->history_room > 0 ? r->history_room * 2 : 2);
        r->history = must_realloc(r->history, r->history_room * sizeof *r->history);
    }
    memmove(r->history + at + 1, r->history + at, (r->history_count - at) * sizeof *r->history);
    r->history[at] = *entry;
    r->history_count++;
    return true;
}

/* Owners are kept like stages: each setting, with when it happened. */
static bool owners_insert(struct record *r, unsigned field, const struct history_entry *entry)
{
    struct owner_history *h = r->owners;
    unsigned count = h != NULL ? h->count : 0, at = count;
    while (at > 0) {
        struct owner_entry *before = &h->at[at - 1];
        int order = stamp_compare(&before->set.stamp, &entry->stamp);
        if (order == 0)
            order = (int)before->field - (int)field;
        if (order == 0) {
            bool is_earlier = entry->occurred_at_us < before->set.occurred_at_us;
            if (is_earlier)
                before->set.occurred_at_us = entry->occurred_at_us;
            return is_earlier;
        }
        if (order < 0)
            break;
        at--;
    }
    if (count == HISTORY_MAX) {
        bool was_cut = (r->flags & RECORD_HISTORY_CUT) != 0;
        r->flags |= RECORD_HISTORY_CUT;
        if (at == 0)
            return !was_cut;
        memmove(h->at, h->at + 1, (at - 1) * sizeof *h->at);
        h->at[at - 1] = (struct owner_entry){*entry, (uint8_t)field};
        return true;
    }
    if (h == NULL || count == h->room) {
        unsigned room = count > 0 ? count * 2 : 2;
        h = r->owners = must_realloc(h, sizeof *h + room * sizeof *h->at);
        h->room = room;
        h->count = count;
    }
    memmove(h->at + at + 1, h->at + at, (count - at) * sizeof *h->at);
    h->at[at] = (struct owner_entry){*entry, (uint8_t)field};
    h->count++;
    return true;
}

int64_t record_owner_at(const struct record *r, unsigned field, int64_t at_us)
{
    const struct owner_history *h = r->owners;
    const struct owner_entry *earliest = NULL;
    for (unsigned i = h != NULL ? h->count : 0; i-- > 0;) {
        if (h->at[i].field != field)
            continue;
        if (h->at[i].set.occurred_at_us <= at_us)
            return h->at[i].set.word;
        earliest = &h->at[i];
    }
    return earliest != NULL ? earliest->set.word : 0;
}

static enum record_change apply_deletion(struct record *r, const struct stamp *stamp)
{
    int order = compare_standing(r, r->deletion, stamp);
    if (order >= 0)
        return order == 0 ? RECORD_REPEATED : RECORD_OUTVOTED;
    r->deletion = 0; /* lets the place go before the new stamp looks for one */
    r->deletion = keep_stamp(r, stamp);
    for (unsigned f = 0; f < FIELD_COUNT_MAX; f++) {
        if (r->stamp_of[f] != 0 && compare_standing(r, r->stamp_of[f], stamp) < 0) {
            r->stamp_of[f] = 0;
            r->set &= ~(1u << f);
        }
    }
    if (compare_standing(r, r->exists, stamp) < 0)
        r->exists = 0;
    unsigned gone = 0;
    while (gone < r->history_count && stamp_compare(&r->history[gone].stamp, stamp) < 0)
        gone++;
    if (gone > 0) {
        memmove(r->history, r->history + gone, (r->history_count - gone) * sizeof *r->history);
        r->history_count = (uint8_t)(r->history_count - gone);
    }
    if (r->owners != NULL) {
        unsigned kept = 0;
        for (unsigned i = 0; i < r->owners->count; i++)
            if (stamp_compare(&r->owners->at[i].set.stamp, stamp) >= 0)
                r->owners->at[kept++] = r->owners->at[i];
        r->owners->count = kept;
    }
    return RECORD_CHANGED;
}

enum record_change record_apply(struct record *r, const struct stamp *stamp, int64_t occurred_at_us, bool deleted,
                                uint32_t carried, const struct record_value *values, bool keep_owners)
{
    if (deleted)
        return apply_deletion(r, stamp);
    if (compare_standing(r, r->deletion, stamp) > 0)
        return RECORD_OUTVOTED;

    bool changed = false;
    int order = compare_standing(r, r->exists, stamp);
    bool all_stand = order == 0;
    if (order < 0) {
        r->exists = 0;
        r->exists = keep_stamp(r, stamp);
        changed = true;
    }
    for (uint32_t left = carried; left != 0; left &= left - 1) {
        unsigned f = (unsigned)__builtin_ctz(left);
        order = compare_standing(r, r->stamp_of[f], stamp);
        all_stand = all_stand && order == 0;
        if (order >= 0)
            continue;
        r->stamp_of[f] = 0;
        r->stamp_of[f] = keep_stamp(r, stamp);
        r->values[f] = values[f].present ? values[f].value : 0;
        r->set = values[f].present ? r->set | 1u << f : r->set & ~(1u << f);
        changed = true;
    }
    unsigned stage = stage_field_of(r->kind);
    if (stage < FIELD_COUNT_MAX && carried & 1u << stage) {
        struct history_entry entry = {*stamp, occurred_at_us, values[stage].present ? values[stage].value + 1 : 0};
        changed = history_insert(r, &entry) || changed;
    }
    for (unsigned f = FIELD_MANAGER; keep_owners && f <= FIELD_TEAM; f++) {
        if (!(carried & 1u << f))
            continue;
        struct history_entry entry = {*stamp, occurred_at_us, values[f].present ? values[f].value + 1 : 0};
        changed = owners_insert(r, f, &entry) || changed;
    }
    return changed ? RECORD_CHANGED : all_stand ? RECORD_REPEATED : RECORD_OUTVOTED;
}

int64_t record_closing_us(const struct record *r, unsigned stage_field, unsigned closed_at_field,
                          bool (*is_open)(int64_t word, const void *context), const void *context)
{
    int64_t standing = record_has(r, stage_field) ? r->values[stage_field] + 1 : 0;
    if (is_open(standing, context))
        return INSTANT_NONE;
    unsigned last_open = r->history_count; /* index + 1 from here on; 0 = none */
    while (last_open > 0 && !is_open(r->history[last_open - 1].word, context))
        last_open--;
    bool closed_at_counts =
        record_has(r, closed_at_field) &&
        (last_open == 0 || compare_standing(r, r->stamp_of[closed_at_field], &r->history[last_open - 1].stamp) >= 0);
    if (closed_at_counts)
        return r->values[closed_at_field];
    int64_t earliest = INT64_MAX;
    for (unsigned i = r->history_count; i > 0 && r->history[i - 1].word == standing; i--)
        if (r->history[i - 1].occurred_at_us < earliest)
            earliest = r->history[i - 1].occurred_at_us;
    REQUIRE(earliest != INT64_MAX); /* the standing stage is itself the last entry */
    return earliest;
}
