/* An event as most are: newer than all others of its record, and none of them is forgotten for it. Then only the columns that it
 * adds to are looked at, and of them often only a place; all else is copied. What comes out is, to the byte, what opening the whole
 * body comes to (record_change.c), if that was in its least form, as all are that kpid writes. */
#include "aggregators/record_column.h"

/* The numbers of all events are bits of a word here. */
enum { NUMBER_MAX = 63, GROWN_NUMBERS_MAX = FIELD_COUNT_MAX + HISTORY_MAX + 3 * NUMBER_MAX };

struct growth {
    const struct record_body *from;
    struct layout at;
    uint32_t carried;
    const struct record_value *values;
    struct record_body head; /* of what it becomes */
    char *next;
};

/* Whether a column keeps its form where `number` comes in the place of `before`; and the number in its unit. Where nothing stood there
 * `before` is 0, which asks for nothing. */
static inline bool fits(struct packed_form f, bool round, int64_t before, int64_t number, int64_t *out_in_unit)
{
    const int64_t thousand = packed_units[PACKED_THOUSANDS];
    *out_in_unit = number;
    if (f.unit == PACKED_THOUSANDS) {
        *out_in_unit = packed_in_units(number, PACKED_THOUSANDS);
        if (*out_in_unit * thousand != number)
            return false;
        before = packed_in_units(before, PACKED_THOUSANDS);
    } else if (round && before % thousand != 0 && number % thousand == 0) {
        return false; /* none of those that stay might need ones */
    }
    unsigned width = packed_width(*out_in_unit);
    return width == f.width || (width < f.width && packed_width(before) < f.width);
}

/* A column as it is. Up to 15 bytes behind it are copied as well: a body has hashes behind its columns. */
static inline char *copy_column(const struct growth *g, enum body_column c, size_t bytes)
{
    const char *from = bytes_of(g->from) + g->at.columns[c];
    for (size_t i = 0; i < bytes; i += HASH_SIZE)
        memcpy(g->next + i, from + i, HASH_SIZE);
    return g->next + bytes;
}

/* Other values of fields that have one, where the column keeps its form. */
static bool replace_values(struct growth *g, enum body_column c, uint32_t fields)
{
    const struct record_body *from = g->from;
    struct packed_form f = form_in(from, c);
    char *next = copy_column(g, c, g->at.counts[c] * (size_t)f.width);
    for (uint32_t left = g->carried & g->head.set & fields; left != 0; left &= left - 1) {
        unsigned field = (unsigned)__builtin_ctz(left);
        char *at = g->next + bits_count(from->set & fields & below(field)) * f.width;
        int64_t value = since(base_of(c, from->first_major), g->values[field].value), in_unit;
        if (!fits(f, is_round(c), packed_number(at, f), value, &in_unit))
            return false;
        packed_write(at, f.width, in_unit);
    }
    g->next = next;
    g->head.forms[c] = from->forms[c];
    return true;
}

/* All of a column anew. By itself, as repack_more, for what it needs of the stack. */
__attribute__((noinline)) static void repack_fields(struct growth *g, enum body_column c, uint32_t fields)
{
    const struct record_body *from = g->from;
    struct packed_form f = form_in(from, c);
    const char *number = bytes_of(from) + g->at.columns[c];
    struct open_column column;
    column_begin(&column, c);
    for (uint32_t left = (from->set | g->head.set) & fields; left != 0; left &= left - 1) {
        uint32_t bit = left & -left;
        if (g->head.set & bit)
            column_add(&column, c,
                       g->carried & bit ? since(base_of(c, from->first_major), g->values[__builtin_ctz(left)].value)
                                        : packed_number(number, f));
        number += from->set & bit ? f.width : 0;
    }
    g->next = column_pack(&column, g->next, &g->head.forms[c]);
}

static void put_fields(struct growth *g, enum body_column c, unsigned kind)
{
    uint32_t fields = fields_in(c, kind);
    if (((g->from->set ^ g->head.set) & fields) != 0 || !replace_values(g, c, fields))
        repack_fields(g, c, fields);
}

__attribute__((noinline)) static void repack_more(struct growth *g, enum body_column c, const int64_t *numbers,
                                                  unsigned count)
{
    struct open_column column;
    column_begin(&column, c);
    for (unsigned i = 0; i < g->at.counts[c]; i++)
        column_add(&column, c, number_in(g->from, &g->at, c, i));
    for (unsigned i = 0; i < count; i++)
        column_add(&column, c, numbers[i]);
    g->next = column_pack(&column, g->next, &g->head.forms[c]);
}

/* Numbers behind those of a column. */
static inline void put_more(struct growth *g, enum body_column c, const int64_t *numbers, unsigned count)
{
    struct packed_form f = form_in(g->from, c);
    char *next = copy_column(g, c, g->at.counts[c] * (size_t)f.width);
    for (unsigned i = 0; i < count; i++) {
        int64_t in_unit;
        if (!fits(f, is_round(c), 0, numbers[i], &in_unit)) {
            repack_more(g, c, numbers, count);
            return;
        }
        next = packed_put(next, f.width, in_unit);
    }
    g->next = next;
    g->head.forms[c] = g->from->forms[c];
}

/* Settings and fields say by which event they are. Returns which numbers of events are used, as bits, that of none as well. */
static uint64_t put_numbers_of_events(struct growth *g, const uint8_t *fields, unsigned count)
{
    const char *from = bytes_of(g->from);
    unsigned before = g->from->setting_count, number = g->head.event_count;
    char *events = g->next, *setting_fields = events + before + count;
    uint64_t used = UINT64_C(1) << NO_EVENT | UINT64_C(1) << g->from->deletion | UINT64_C(1) << number;
    for (unsigned i = 0; i < before; i++) {
        events[i] = from[g->at.setting_events + i];
        setting_fields[i] = from[g->at.setting_fields + i];
        used |= UINT64_C(1) << events[i];
    }
    for (unsigned i = 0; i < count; i++) {
        events[before + i] = (char)number;
        setting_fields[before + i] = (char)fields[i];
    }
    g->next = setting_fields + before + count;
    from += g->at.told;
    for (uint32_t left = g->head.told; left != 0; left &= left - 1) {
        uint32_t bit = left & -left;
        char event = g->carried & bit ? (char)number : *from;
        from += (g->from->told & bit) != 0;
        used |= UINT64_C(1) << event;
        *g->next++ = event;
    }
    return used;
}

static struct record_body grown_head(const struct record_body *from, uint32_t carried, unsigned more_settings,
                                     const struct record_value *values)
{
    struct record_body head = *from;
    head.told |= carried;
    head.set |= carried;
    for (uint32_t left = carried; left != 0; left &= left - 1)
        if (!values[__builtin_ctz(left)].present)
            head.set ^= left & -left;
    head.event_count++;
    head.setting_count = (uint8_t)(head.setting_count + more_settings);
    head.exists = head.event_count;
    return head;
}

bool record_append(struct record *r, const struct told_event *e, uint32_t carried, uint32_t kept,
                   const struct record_value *values)
{
    const struct record_body *from = r->body;
    if (from == NULL || from->event_count >= NUMBER_MAX)
        return false;
    struct growth g = {.from = from, .at = layout_of(from, r->kind), .carried = carried, .values = values};
    struct told_event last = event_at(from, &g.at, from->event_count);
    if (stamp_compare(&last.stamp, &e->stamp) >= 0)
        return false;

    enum { MORE_SETTINGS = 3 }; /* stage, manager, team */
    int64_t words[MORE_SETTINGS];
    uint8_t fields[MORE_SETTINGS];
    unsigned more = 0;
    for (uint32_t left = carried & kept; left != 0; left &= left - 1, more++) {
        REQUIRE(more < MORE_SETTINGS);
        fields[more] = (uint8_t)__builtin_ctz(left);
        words[more] = setting_word(&values[fields[more]]);
    }
    if (from->setting_count + more > HISTORY_MAX)
        return false;

    char bytes[BODY_ROOM(GROWN_NUMBERS_MAX, NUMBER_MAX)];
    memcpy(bytes, from, BODY_HEAD); /* what lies before a number is looked at when that is written */
    g.next = bytes + BODY_HEAD;
    g.head = grown_head(from, carried, more, values);
    for (enum body_column c = 0; c < FIELD_COLUMNS; c++)
        put_fields(&g, c, r->kind);
    put_more(&g, COLUMN_WORDS, words, more);
    put_more(&g, COLUMN_MAJORS, &(int64_t){since(from->first_major, e->stamp.major)}, 1);
    put_more(&g, COLUMN_MINORS, &e->stamp.minor, 1);
    put_more(&g, COLUMN_OCCURRED, &(int64_t){since(e->stamp.major, e->occurred_at_us)}, 1);
    size_t hashes = from->event_count * (size_t)HASH_SIZE;
    memcpy(g.next, bytes_of(from) + g.at.hashes, hashes);
    g.next = put_hash(g.next + hashes, &e->stamp);
    uint64_t used = put_numbers_of_events(&g, fields, more);
    if (used != UINT64_MAX >> (NUMBER_MAX - g.head.event_count))
        return false;
    memcpy(bytes, &g.head, BODY_HEAD);
    put_body(r, g.at.end, bytes, (size_t)(g.next - bytes));
    return true;
}
