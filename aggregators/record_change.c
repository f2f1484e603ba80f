#include "aggregators/record_body.h"
#include "base/error.h"
#include <stdlib.h>
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

/* What lies in a column, before it is packed. */
struct open_column {
    unsigned count;
    bool in_ones;
    struct packed_need need, need_in_thousands;
    int64_t numbers[EVENTS_MAX], in_thousands[EVENTS_MAX];
};

static void put_number(struct open_column *column, int64_t number)
{
    column->numbers[column->count++] = number;
    packed_add(&column->need, number);
}

/* Times and money are mostly of thousands. */
static void put_round(struct open_column *column, int64_t number)
{
    int64_t thousands = packed_in_units(number, PACKED_THOUSANDS);
    column->in_ones = column->in_ones || thousands * packed_units[PACKED_THOUSANDS] != number;
    column->in_thousands[column->count] = thousands;
    packed_add(&column->need_in_thousands, thousands);
    put_number(column, number);
}

static void gather_columns(const struct open_body *o, unsigned kind, struct open_column out[BODY_COLUMNS])
{
    int64_t first_major = o->events[0].stamp.major;
    for (unsigned c = 0; c < BODY_COLUMNS; c++) {
        out[c].count = 0;
        out[c].in_ones = c != COLUMN_INSTANTS && c != COLUMN_NUMBERS && c != COLUMN_MAJORS;
        out[c].need = out[c].need_in_thousands = (struct packed_need){0};
    }
    for (uint32_t left = o->set & fields_in(COLUMN_NAMES, kind); left != 0; left &= left - 1)
        put_number(&out[COLUMN_NAMES], o->values[__builtin_ctz(left)]);
    for (uint32_t left = o->set & fields_in(COLUMN_INSTANTS, kind); left != 0; left &= left - 1)
        put_round(&out[COLUMN_INSTANTS], since(first_major, o->values[__builtin_ctz(left)]));
    for (uint32_t left = o->set & fields_in(COLUMN_NUMBERS, kind); left != 0; left &= left - 1)
        put_round(&out[COLUMN_NUMBERS], o->values[__builtin_ctz(left)]);
    for (unsigned i = 0; i < o->setting_count; i++)
        put_number(&out[COLUMN_WORDS], o->settings[i].word);
    for (unsigned i = 0; i < o->event_count; i++) {
        const struct told_event *e = &o->events[i];
        put_round(&out[COLUMN_MAJORS], since(first_major, e->stamp.major));
        put_number(&out[COLUMN_MINORS], e->stamp.minor);
        put_number(&out[COLUMN_OCCURRED], since(e->stamp.major, e->occurred_at_us));
    }
}

static struct packed_form form_for(const struct open_column *column)
{
    if (column->in_ones)
        return (struct packed_form){(uint8_t)packed_widest(&column->need), PACKED_ONES};
    return (struct packed_form){(uint8_t)packed_widest(&column->need_in_thousands), PACKED_THOUSANDS};
}

/* Packs it into the record. */
static void close_body(struct record *r, struct open_body *o)
{
    struct open_column columns[BODY_COLUMNS];
    drop_events(o);
    gather_columns(o, r->kind, columns);
    struct record_body head = {.first_major = o->events[0].stamp.major,
                               .set = o->set,
                               .told = o->told,
                               .event_count = (uint8_t)o->event_count,
                               .setting_count = (uint8_t)o->setting_count,
                               .deletion = o->deletion,
                               .exists = o->exists};
    for (unsigned c = 0; c < BODY_COLUMNS; c++)
        head.forms[c] = packed_byte(form_for(&columns[c]));
    struct layout at = layout_of(&head, r->kind);
    if (r->body == NULL || must_room(o->packed) != must_room(at.end))
        r->body = must_realloc(r->body, must_room(at.end));
    char *to = (char *)r->body;
    memcpy(to, &head, BODY_HEAD);
    char *next = to + BODY_HEAD;
    for (unsigned c = 0; c < BODY_COLUMNS; c++) { /* a number spoils what comes behind it, which is written next */
        unsigned width = form_in(&head, c).width;
        const int64_t *numbers = columns[c].in_ones ? columns[c].numbers : columns[c].in_thousands;
        for (unsigned i = 0; i < columns[c].count && width > 0; i++)
            next = packed_put(next, width, numbers[i]);
    }
    for (unsigned i = 0; i < o->event_count; i++, next += HASH_SIZE) {
        memcpy(next, &o->events[i].stamp.hash_high, sizeof(uint64_t));
        memcpy(next + sizeof(uint64_t), &o->events[i].stamp.hash_low, sizeof(uint64_t));
    }
    REQUIRE(next == to + at.setting_events);
    for (unsigned i = 0; i < o->setting_count; i++) {
        to[at.setting_events + i] = (char)o->settings[i].event;
        to[at.setting_fields + i] = (char)o->settings[i].field;
    }
    for (uint32_t left = o->told; left != 0; left &= left - 1)
        to[at.told++] = (char)o->event_of[__builtin_ctz(left)];
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
                                       uint32_t carried, const struct record_value *values, bool keep_owners)
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
    unsigned stage = stage_field_of(r->kind);
    uint32_t kept = stage < FIELD_COUNT_MAX ? 1u << stage : 0;
    if (keep_owners)
        kept |= 1u << FIELD_MANAGER | 1u << FIELD_TEAM;
    for (uint32_t left = carried & kept; left != 0; left &= left - 1) {
        unsigned f = (unsigned)__builtin_ctz(left);
        struct setting setting = {values[f].present ? (uint32_t)values[f].value + 1 : 0, event, (uint8_t)f};
        changed = keep_setting(r, o, setting, occurred_at_us) || changed;
    }
    return changed ? RECORD_CHANGED : all_stand ? RECORD_REPEATED : RECORD_OUTVOTED;
}

enum record_change record_apply(struct record *r, const struct stamp *stamp, int64_t occurred_at_us, bool deleted,
                                uint32_t carried, const struct record_value *values, bool keep_owners)
{
    struct open_body o;
    open_body(r, &o);
    uint8_t event = number_of_event(&o, stamp, occurred_at_us);
    enum record_change change =
        deleted ? apply_deletion(&o, event) : apply_values(r, &o, event, occurred_at_us, carried, values, keep_owners);
    if (change == RECORD_CHANGED)
        close_body(r, &o);
    return change;
}
