#include "aggregators/record_column.h"
#include <string.h>

/* A body laid open. */
struct open_body {
    uint32_t set, told;
    size_t packed; /* bytes that it took */
    unsigned event_count, setting_count;
    uint8_t deletion, exists;
    uint8_t event_of[FIELD_COUNT_MAX]; /* of fields that were told */
    int64_t values[FIELD_COUNT_MAX];   /* of fields that are set */
    struct told_event events[EVENTS_MAX];
    struct setting {
        uint32_t word;
        uint8_t event, field;
    } settings[SETTINGS_MAX];
};

static void open_body(const struct record *r, struct open_body *o)
{
    const struct record_body *b = r->body;
    o->set = o->told = 0;
    o->packed = 0;
    o->event_count = o->setting_count = 0;
    o->deletion = o->exists = NO_EVENT;
    if (b == NULL)
        return;
    struct layout at = layout_of(b, r->kind);
    o->packed = at.end;
    o->set = b->set;
    o->told = b->told;
    o->event_count = b->event_count;
    o->setting_count = b->setting_count;
    o->deletion = b->deletion;
    o->exists = b->exists;
    for (unsigned c = 0; c < FIELD_COLUMNS; c++) {
        struct packed_form f = form_in(b, c);
        const char *number = bytes_of(b) + at.columns[c];
        for (uint32_t left = b->set & fields_in(c, r->kind); left != 0; left &= left - 1, number += f.width)
            o->values[__builtin_ctz(left)] = after(base_of(c, b->first_major), packed_number(number, f));
    }
    for (unsigned i = 0; i < b->setting_count; i++)
        o->settings[i] = (struct setting){(uint32_t)word_at(b, &at, i), (uint8_t)event_of_setting(b, &at, i),
                                          (uint8_t)field_of_setting(b, &at, i)};
    for (unsigned i = 0; i < b->event_count; i++)
        o->events[i] = event_at(b, &at, i + 1);
    const char *from = bytes_of(b) + at.told;
    for (uint32_t left = b->told; left != 0; left &= left - 1)
        o->event_of[__builtin_ctz(left)] = (uint8_t)*from++;
}

/* The places that name an event. */
static unsigned names_of_events(struct open_body *o, uint8_t *out[NAMES_MAX])
{
    unsigned count = 0;
    for (uint32_t left = o->told; left != 0; left &= left - 1)
        out[count++] = &o->event_of[__builtin_ctz(left)];
    for (unsigned i = 0; i < o->setting_count; i++)
        out[count++] = &o->settings[i].event;
    if (o->deletion != NO_EVENT)
        out[count++] = &o->deletion;
    if (o->exists != NO_EVENT)
        out[count++] = &o->exists;
    return count;
}

/* The number of the event, which is put among the others where it is new. */
static uint8_t number_of_event(struct open_body *o, const struct stamp *stamp, int64_t occurred_at_us)
{
    unsigned before = o->event_count;
    for (; before > 0; before--) {
        int order = stamp_compare(&o->events[before - 1].stamp, stamp);
        if (order == 0)
            return (uint8_t)before;
        if (order < 0)
            break;
    }
    uint8_t *names[NAMES_MAX];
    unsigned count = before < o->event_count ? names_of_events(o, names) : 0;
    for (unsigned i = 0; i < count; i++)
        if (*names[i] > before)
            ++*names[i];
    memmove(o->events + before + 1, o->events + before, (o->event_count - before) * sizeof *o->events);
    o->events[before] = (struct told_event){*stamp, occurred_at_us};
    o->event_count++;
    return (uint8_t)(before + 1);
}

/* Events that nothing names any more go. */
static void drop_events(struct open_body *o)
{
    uint8_t renumbered[EVENTS_MAX + 1];
    memset(renumbered, 0, o->event_count + 1);
    for (uint32_t left = o->told; left != 0; left &= left - 1)
        renumbered[o->event_of[__builtin_ctz(left)]] = 1;
    for (unsigned i = 0; i < o->setting_count; i++)
        renumbered[o->settings[i].event] = 1;
    renumbered[o->deletion] = renumbered[o->exists] = 1;
    unsigned kept = 0;
    for (unsigned i = 0; i < o->event_count; i++)
        kept += renumbered[i + 1];
    if (kept == o->event_count)
        return;
    renumbered[NO_EVENT] = NO_EVENT;
    kept = 0;
    for (unsigned i = 0; i < o->event_count; i++) {
        if (renumbered[i + 1] == 0)
            continue;
        o->events[kept++] = o->events[i];
        renumbered[i + 1] = (uint8_t)kept;
    }
    o->event_count = kept;
    uint8_t *names[NAMES_MAX];
    unsigned count = names_of_events(o, names);
    for (unsigned i = 0; i < count; i++)
        *names[i] = renumbered[*names[i]];
}

/* The number that an event has in a column of events. */
static inline int64_t number_of(const struct open_body *o, unsigned i, enum body_column c)
{
    const struct told_event *e = &o->events[i];
    return c == COLUMN_MAJORS   ? since(o->events[0].stamp.major, e->stamp.major)
           : c == COLUMN_MINORS ? e->stamp.minor
                                : since(e->stamp.major, e->occurred_at_us);
}

/* By itself for what it needs of the stack. */
__attribute__((noinline)) static char *put_column(const struct open_body *o, enum body_column c, unsigned kind,
                                                  char *to, uint8_t *out_form)
{
    struct open_column column;
    column_begin(&column, c);
    if (c < FIELD_COLUMNS) {
        for (uint32_t left = o->set & fields_in(c, kind); left != 0; left &= left - 1)
            column_add(&column, c, since(base_of(c, o->events[0].stamp.major), o->values[__builtin_ctz(left)]));
    } else if (c == COLUMN_WORDS) {
        for (unsigned i = 0; i < o->setting_count; i++)
            column_add(&column, c, o->settings[i].word);
    } else {
        for (unsigned i = 0; i < o->event_count; i++)
            column_add(&column, c, number_of(o, i, c));
    }
    return column_pack(&column, to, out_form);
}

enum { NUMBERS_MAX = FIELD_COUNT_MAX + SETTINGS_MAX + 3 * EVENTS_MAX };

/* Packs it into the record. */
static void close_body(struct record *r, struct open_body *o)
{
    char bytes[BODY_ROOM(NUMBERS_MAX, EVENTS_MAX)], *next = bytes + BODY_HEAD;
    drop_events(o);
    struct record_body head = {.first_major = o->events[0].stamp.major,
                               .set = o->set,
                               .told = o->told,
                               .event_count = (uint8_t)o->event_count,
                               .setting_count = (uint8_t)o->setting_count,
                               .deletion = o->deletion,
                               .exists = o->exists};
    for (enum body_column c = 0; c < BODY_COLUMNS; c++)
        next = put_column(o, c, r->kind, next, &head.forms[c]);
    for (unsigned i = 0; i < o->event_count; i++)
        next = put_hash(next, &o->events[i].stamp);
    for (unsigned i = 0; i < o->setting_count; i++)
        *next++ = (char)o->settings[i].event;
    for (unsigned i = 0; i < o->setting_count; i++)
        *next++ = (char)o->settings[i].field;
    for (uint32_t left = o->told; left != 0; left &= left - 1)
        *next++ = (char)o->event_of[__builtin_ctz(left)];
    memcpy(bytes, &head, BODY_HEAD);
    put_body(r, o->packed, bytes, (size_t)(next - bytes));
}

static enum record_change apply_deletion(struct open_body *o, uint8_t event)
{
    if (o->deletion >= event)
        return o->deletion == event ? RECORD_REPEATED : RECORD_OUTVOTED;
    o->deletion = event;
    for (uint32_t left = o->told; left != 0; left &= left - 1) {
        unsigned f = (unsigned)__builtin_ctz(left);
        if (o->event_of[f] >= event)
            continue;
        o->told &= ~(1u << f);
        o->set &= ~(1u << f);
    }
    if (o->exists < event)
        o->exists = NO_EVENT;
    unsigned kept = 0;
    for (unsigned i = 0; i < o->setting_count; i++)
        if (o->settings[i].event >= event)
            o->settings[kept++] = o->settings[i];
    o->setting_count = kept;
    return RECORD_CHANGED;
}

/* Of settings of the stage, and of those of owners, each HISTORY_MAX are kept. */
static bool same_history(unsigned a, unsigned b)
{
    return (a <= FIELD_TEAM) == (b <= FIELD_TEAM);
}

/* False: it is there already, or older than all of its history that are kept. */
static bool keep_setting(struct record *r, struct open_body *o, struct setting setting, int64_t occurred_at_us)
{
    unsigned at = o->setting_count;
    for (; at > 0; at--) {
        const struct setting *before = &o->settings[at - 1];
        int order = before->event != setting.event ? before->event - setting.event : before->field - setting.field;
        if (order < 0)
            break;
        if (order == 0) {
            /* Ordered by version, an event may have come with two times: the earlier stands, whichever came first. */
            int64_t *standing_us = &o->events[setting.event - 1].occurred_at_us;
            bool is_earlier = occurred_at_us < *standing_us;
            if (is_earlier)
                *standing_us = occurred_at_us;
            return is_earlier;
        }
    }
    unsigned oldest = o->setting_count, of_history = 0;
    for (unsigned i = o->setting_count; i-- > 0;) {
        if (!same_history(o->settings[i].field, setting.field))
            continue;
        oldest = i;
        of_history++;
    }
    if (of_history == HISTORY_MAX) {
        bool was_cut = (r->flags & RECORD_HISTORY_CUT) != 0;
        r->flags |= RECORD_HISTORY_CUT;
        if (at <= oldest)
            return !was_cut;
        at--;
        memmove(o->settings + oldest, o->settings + oldest + 1, (at - oldest) * sizeof setting);
    } else {
        memmove(o->settings + at + 1, o->settings + at, (o->setting_count - at) * sizeof setting);
        o->setting_count++;
    }
    o->settings[at] = setting;
    return true;
}

static enum record_change apply_values(struct record *r, struct open_body *o, uint8_t event, int64_t occurred_at_us,
                                       uint32_t carried, uint32_t kept, const struct record_value *values)
{
    if (o->deletion > event)
        return RECORD_OUTVOTED;
    bool changed = o->exists < event, all_stand = o->exists == event;
    if (changed)
        o->exists = event;
    for (uint32_t left = carried; left != 0; left &= left - 1) {
        unsigned f = (unsigned)__builtin_ctz(left);
        uint32_t bit = 1u << f;
        uint8_t standing = o->told & bit ? o->event_of[f] : NO_EVENT;
        all_stand = all_stand && standing == event;
        if (standing >= event)
            continue;
        o->told |= bit;
        o->event_of[f] = event;
        o->set = values[f].present ? o->set | bit : o->set & ~bit;
        o->values[f] = values[f].value;
        changed = true;
    }
    for (uint32_t left = carried & kept; left != 0; left &= left - 1) {
        unsigned f = (unsigned)__builtin_ctz(left);
        struct setting setting = {setting_word(&values[f]), event, (uint8_t)f};
        changed = keep_setting(r, o, setting, occurred_at_us) || changed;
    }
    return changed ? RECORD_CHANGED : all_stand ? RECORD_REPEATED : RECORD_OUTVOTED;
}

/* The fields of which settings are kept. */
static uint32_t fields_with_history(const struct record *r, bool keep_owners)
{
    unsigned stage = stage_field_of(r->kind);
    return (stage < FIELD_COUNT_MAX ? 1u << stage : 0) | (keep_owners ? 1u << FIELD_MANAGER | 1u << FIELD_TEAM : 0);
}

/* By itself, since an open body needs much of the stack. */
__attribute__((noinline)) static enum record_change change_open(struct record *r, const struct told_event *e,
                                                                bool deleted, uint32_t carried, uint32_t kept,
                                                                const struct record_value *values)
{
    struct open_body o;
    open_body(r, &o);
    uint8_t event = number_of_event(&o, &e->stamp, e->occurred_at_us);
    enum record_change change =
        deleted ? apply_deletion(&o, event) : apply_values(r, &o, event, e->occurred_at_us, carried, kept, values);
    if (change == RECORD_CHANGED)
        close_body(r, &o);
    return change;
}

enum record_change record_apply(struct record *r, const struct stamp *stamp, int64_t occurred_at_us, bool deleted,
                                uint32_t carried, const struct record_value *values, bool keep_owners)
{
    uint32_t kept = fields_with_history(r, keep_owners);
    struct told_event e = {*stamp, occurred_at_us};
    if (!deleted && record_append(r, &e, carried, kept, values))
        return RECORD_CHANGED;
    return change_open(r, &e, deleted, carried, kept, values);
}
