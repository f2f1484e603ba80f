/* A record by itself: what it answers to an event is what its caller acts on. */
#include "aggregators/leaf.h"
#include "aggregators/record.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum record_change tell(struct record *r, unsigned field, int64_t when, int64_t value)
{
    struct record_value values[FIELD_COUNT_MAX] = {0};
    values[field] = (struct record_value){true, value};
    struct stamp stamp = {when, 0, 0, 0};
    return record_apply(r, &stamp, when, false, 1u << field, values, true);
}

/* Of more owners than are kept the latest are; one told late that comes between them changes whose the deal was then, and
 * only one that comes before all of them changes nothing. */
Test(record, owners_beyond_what_is_kept)
{
    struct record *r = record_create(KIND_DEAL, 0);
    for (int64_t i = 1; i <= HISTORY_MAX; i++)
        cr_assert(tell(r, FIELD_MANAGER, 2 * i, i) == RECORD_CHANGED);
    cr_expect(record_owner_at(r, FIELD_MANAGER, 101) == 50 + 1);
    cr_expect(tell(r, FIELD_MANAGER, 101, 7) == RECORD_CHANGED);
    cr_expect(record_owner_at(r, FIELD_MANAGER, 101) == 7 + 1);
    cr_expect(record_owner_at(r, FIELD_MANAGER, 100) == 50 + 1);
    cr_expect(record_owner_at(r, FIELD_MANAGER, 102) == 51 + 1);
    cr_expect(record_owner_at(r, FIELD_MANAGER, 4) == 2 + 1, "the second is the first that is kept");
    cr_expect(record_owner_at(r, FIELD_MANAGER, 3) == 2 + 1, "before all of them: the first");
    cr_expect(r->flags & RECORD_HISTORY_CUT);
    cr_expect(tell(r, FIELD_MANAGER, 1, 9) == RECORD_OUTVOTED);
    cr_expect(record_value(r, FIELD_MANAGER) == HISTORY_MAX);
    record_destroy(r);
}

Test(record, stages_beyond_what_is_kept)
{
    struct record *r = record_create(KIND_DEAL, 0);
    for (int64_t i = 1; i <= HISTORY_MAX; i++)
        cr_assert(tell(r, DEAL_STAGE, 2 * i, i) == RECORD_CHANGED);
    cr_expect(!(r->flags & RECORD_HISTORY_CUT));
    cr_expect(tell(r, DEAL_STAGE, 101, 7) == RECORD_CHANGED);
    cr_expect(r->flags & RECORD_HISTORY_CUT);
    cr_expect(tell(r, DEAL_STAGE, 101, 7) != RECORD_CHANGED);
    cr_expect(tell(r, DEAL_STAGE, 1, 9) == RECORD_OUTVOTED);
    cr_assert(record_setting_count(r) == HISTORY_MAX);
    for (unsigned i = 0; i < HISTORY_MAX; i++) {
        struct record_setting s = record_setting(r, i);
        int64_t when = s.stamp.major;
        cr_expect(i == 0 || record_setting(r, i - 1).stamp.major < when);
        cr_expect(s.field == DEAL_STAGE && s.word == (when == 101 ? 7 : when / 2) + 1 && s.occurred_at_us == when);
    }
    record_destroy(r);
}

/* That something was left out is told once. */
Test(record, the_first_that_is_left_out_is_a_change)
{
    static const unsigned fields[] = {DEAL_STAGE, FIELD_MANAGER};
    for (unsigned f = 0; f < 2; f++) {
        struct record *r = record_create(KIND_DEAL, 0);
        for (int64_t i = 1; i <= HISTORY_MAX; i++)
            tell(r, fields[f], 10 + i, i);
        cr_expect(tell(r, fields[f], 2, 9) == RECORD_CHANGED);
        cr_expect(tell(r, fields[f], 3, 9) == RECORD_OUTVOTED);
        record_destroy(r);
    }
}

Test(record, what_it_answers)
{
    struct record *r = record_create(KIND_DEAL, 0);
    cr_expect(!record_exists(r));
    cr_expect(tell(r, FIELD_TEAM, 10, 1) == RECORD_CHANGED);
    cr_expect(tell(r, FIELD_TEAM, 10, 1) == RECORD_REPEATED);
    cr_expect(tell(r, DEAL_AMOUNT, 5, 3) == RECORD_CHANGED, "older, of a field that nobody has set");
    cr_expect(tell(r, DEAL_AMOUNT, 4, 2) == RECORD_OUTVOTED);
    cr_expect(record_exists(r) && record_has(r, DEAL_AMOUNT) && record_value(r, DEAL_AMOUNT) == 3);
    struct stamp deletion = {7, 0, 0, 0};
    cr_expect(record_apply(r, &deletion, 7, true, 0, NULL, true) == RECORD_CHANGED);
    cr_expect(record_apply(r, &deletion, 7, true, 0, NULL, true) == RECORD_REPEATED);
    cr_expect(record_exists(r) && !record_has(r, DEAL_AMOUNT) && record_has(r, FIELD_TEAM));
    cr_expect(tell(r, DEAL_AMOUNT, 6, 3) == RECORD_OUTVOTED);
    deletion.major = 11;
    cr_expect(record_apply(r, &deletion, 11, true, 0, NULL, true) == RECORD_CHANGED);
    cr_expect(!record_exists(r) && !record_has(r, FIELD_TEAM) && record_owner_at(r, FIELD_TEAM, 20) == 0);
    record_destroy(r);
}

/* What a record must be, made from all of its events at once. */
struct told {
    struct stamp stamp;
    int64_t occurred_at_us;
    bool deleted;
    uint32_t carried;
    struct record_value values[FIELD_COUNT_MAX];
};

static int by_stamp(const void *a, const void *b)
{
    return stamp_compare(&((const struct told *)a)->stamp, &((const struct told *)b)->stamp);
}

static void check_settings(const struct record *r, const struct told *events, unsigned from, unsigned count,
                           uint32_t fields, const char *what)
{
    unsigned left = 0, skip;
    for (unsigned i = from; i < count; i++)
        left += (unsigned)__builtin_popcount(events[i].carried & fields);
    skip = left > HISTORY_MAX ? left - HISTORY_MAX : 0;
    unsigned at = 0;
    for (unsigned i = from; i < count; i++) {
        for (uint32_t kept = events[i].carried & fields; kept != 0; kept &= kept - 1) {
            unsigned f = (unsigned)__builtin_ctz(kept);
            if (skip > 0) {
                skip--;
                continue;
            }
            while (at < record_setting_count(r) && !(fields & 1u << record_setting(r, at).field))
                at++;
            cr_assert(at < record_setting_count(r), "%s: a setting is not there", what);
            struct record_setting s = record_setting(r, at++);
            cr_assert(stamp_compare(&s.stamp, &events[i].stamp) == 0 && s.field == f &&
                          s.occurred_at_us == events[i].occurred_at_us &&
                          s.word == (events[i].values[f].present ? events[i].values[f].value + 1 : 0),
                      "%s: another setting", what);
        }
    }
    for (; at < record_setting_count(r); at++)
        cr_assert(!(fields & 1u << record_setting(r, at).field), "%s: one setting too many", what);
}

/* `events`: each once, with the earliest time that it came with; sorted by stamp. */
static void check(const struct record *r, const struct told *events, unsigned count, bool keep_owners, const char *what)
{
    unsigned from = 0;
    for (unsigned i = 0; i < count; i++)
        if (events[i].deleted)
            from = i + 1;
    cr_assert(record_exists(r) == (from < count), "%s: exists", what);
    for (unsigned f = 0; f < DEAL_FIELD_COUNT; f++) {
        const struct told *last = NULL;
        for (unsigned i = from; i < count; i++)
            if (events[i].carried & 1u << f)
                last = &events[i];
        bool has = last != NULL && last->values[f].present;
        cr_assert(record_has(r, f) == has, "%s: field %u is set", what, f);
        if (!has)
            continue;
        struct stamp stamp = record_stamp(r, f);
        cr_assert(record_value(r, f) == last->values[f].value, "%s: value of field %u", what, f);
        cr_assert(stamp_compare(&stamp, &last->stamp) == 0, "%s: stamp of field %u", what, f);
    }
    check_settings(r, events, from, count, 1u << DEAL_STAGE, what);
    check_settings(r, events, from, count, keep_owners ? 1u << FIELD_MANAGER | 1u << FIELD_TEAM : 0, what);
}

static struct told some_event(struct random *r, int64_t instants, bool by_version, int64_t per_deletion)
{
    static const int64_t versions[] = {INT64_MIN, -1, 0, INT64_MAX};
    struct told e = {.deleted = random_below(r, per_deletion) == 0};
    int64_t major = random_below(r, instants), minor = by_version || random_below(r, 3) > 0 ? 0 : random_below(r, 3);
    e.occurred_at_us = by_version ? random_below(r, instants) : major;
    if (by_version && random_below(r, 10) == 0)
        major = versions[random_below(r, 4)];
    e.stamp = (struct stamp){major, minor, (uint64_t)random_below(r, 3), (uint64_t)random_below(r, 2)};
    for (unsigned f = 0; !e.deleted && f < DEAL_FIELD_COUNT; f++) {
        if (random_below(r, f == DEAL_STAGE ? 2 : 4) > 0)
            continue;
        e.carried |= 1u << f;
        bool wide = f == DEAL_AMOUNT || f == DEAL_QUANTITY || f >= DEAL_CREATED_AT;
        e.values[f] = (struct record_value){random_below(r, 5) > 0, wide ? random_below(r, INT64_MAX) - INT64_MAX / 2
                                                                         : random_below(r, 1 << 30)};
    }
    return e;
}

/* Random events, told in random order and some of them again and with another time, leave what all of them say. */
Test(record, is_what_all_events_say)
{
    enum { ROUNDS = 3000, EVENTS = 220 };
    static struct told told[EVENTS], distinct[EVENTS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct random dice = {round};
        bool by_version = random_below(&dice, 2) == 0, keep_owners = random_below(&dice, 2) == 0;
        bool is_long = round % 50 == 0; /* so that histories are cut */
        unsigned count = is_long ? EVENTS : 1 + (unsigned)random_below(&dice, 12), kept = 0;
        int64_t instants = 1 + random_below(&dice, 2 * count);
        struct record *r = record_create(KIND_DEAL, 0);
        for (unsigned i = 0; i < count; i++) {
            told[i] = i > 0 && random_below(&dice, 5) == 0
                          ? told[random_below(&dice, i)]
                          : some_event(&dice, instants, by_version, is_long ? 400 : 12);
            for (unsigned j = 0; j < i; j++) /* a stamp says what was told, but not when it happened */
                if (stamp_compare(&told[j].stamp, &told[i].stamp) == 0)
                    told[i] = told[j];
            if (by_version)
                told[i].occurred_at_us = random_below(&dice, 10) > 0 ? random_below(&dice, instants)
                                                                     : (random_below(&dice, 2) > 0 ? AT_MAX : -AT_MAX);
            struct told *e = &told[i];
            struct stamp stamp = e->stamp;
            record_apply(r, &stamp, e->occurred_at_us, e->deleted, e->carried, e->values, keep_owners);
            unsigned same = 0;
            while (same < kept && stamp_compare(&distinct[same].stamp, &e->stamp) != 0)
                same++;
            if (same == kept)
                distinct[kept++] = *e;
            else if (e->occurred_at_us < distinct[same].occurred_at_us)
                distinct[same].occurred_at_us = e->occurred_at_us;
            qsort(distinct, kept, sizeof *distinct, by_stamp);
            char what[32];
            snprintf(what, sizeof what, "round %u, event %u", round, i);
            check(r, distinct, kept, keep_owners, what);
        }
        record_destroy(r);
    }
}

/* Whether such fields may need more than 32 bits. */
static bool is_wide(enum field_type type)
{
    return type == FIELD_TIME || type == FIELD_MONEY || type == FIELD_POSITIVE || type == FIELD_DECIMAL ||
           type == FIELD_INTEGER || type == FIELD_RATE;
}

/* On both sides of what one more byte takes, or of what is counted in thousands. */
static int64_t some_number(struct random *dice, bool wide)
{
    static const int64_t numbers[] = {0,
                                      1,
                                      126,
                                      127,
                                      128,
                                      255,
                                      256,
                                      1000,
                                      999,
                                      2000,
                                      127000,
                                      128000,
                                      32767,
                                      32768,
                                      65535,
                                      8388607,
                                      -1,
                                      -128,
                                      -129,
                                      -1000,
                                      -999000,
                                      -128000,
                                      -129000,
                                      -32769,
                                      16777216,
                                      32000,
                                      1000000,
                                      999999,
                                      INT64_C(1) << 40,
                                      -(INT64_C(1) << 40),
                                      INT64_MAX,
                                      INT64_MIN};
    int64_t n = numbers[random_below(dice, (int64_t)(sizeof numbers / sizeof *numbers))];
    return wide ? n : n & UINT16_MAX;
}

/* What a source says: mostly whole milliseconds, some microseconds; versions may be anything. */
static int64_t some_step(struct random *dice, bool by_version)
{
    if (by_version)
        return 1 + (random_below(dice, 4) > 0 ? random_below(dice, 3) : random_below(dice, INT64_C(1) << 50));
    return random_below(dice, 6) > 0 ? 1000 * (1 + random_below(dice, 300000)) : 1 + random_below(dice, 1 << 24);
}

static struct told next_event(struct random *dice, const struct record_kind_info *info, int64_t major, int64_t hash,
                              bool by_version, bool uniform, bool is_long)
{
    struct told e = {.deleted = random_below(dice, is_long ? 400 : 15) == 0, .occurred_at_us = major};
    if (by_version)
        e.occurred_at_us = random_below(dice, INT64_C(1) << 40);
    else if (random_below(dice, 20) == 0)
        e.occurred_at_us -= random_below(dice, 300);
    e.stamp = (struct stamp){.major = major, .hash_high = (uint64_t)hash, .hash_low = (uint64_t)random_below(dice, 9)};
    if (random_below(dice, 8) == 0)
        e.stamp.minor = hash * random_below(dice, 700);
    for (unsigned f = 0; !e.deleted && f < info->field_count; f++) {
        if (random_below(dice, hash == 0 || is_long ? 2 : 4) > 0)
            continue;
        int64_t number = some_number(dice, is_wide(info->fields[f].type));
        e.carried |= 1u << f;
        e.values[f] = (struct record_value){random_below(dice, 12) > 0, uniform ? (int64_t)f * 1000 : number};
    }
    return e;
}

static bool holds_all(const void *context, enum record_kind kind, unsigned field, int64_t value)
{
    (void)context, (void)kind, (void)field, (void)value;
    return true;
}

/* An event that is newer than all others goes another way into a body (record_append.c) than one that comes late: the bytes are
 * the same, and such as are taken from a disk. */
Test(record, is_the_same_bytes_in_whatever_order)
{
    enum { ROUNDS = 20000, EVENTS = 2 * HISTORY_MAX + 2 };
    static struct told events[EVENTS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct random dice = {round};
        enum record_kind kind = (enum record_kind)random_below(&dice, KIND_COUNT);
        const struct record_kind_info *info = record_kind_info(kind);
        bool keep_owners = kind == KIND_DEAL && random_below(&dice, 2) == 0, uniform = random_below(&dice, 2) == 0;
        bool by_version = random_below(&dice, 4) == 0, is_long = round % 100 == 0; /* so that histories are cut */
        unsigned count = is_long ? EVENTS : 2 + (unsigned)random_below(&dice, 6);
        int64_t major = by_version ? -random_below(&dice, 300) : 1000 * random_below(&dice, 1000);
        for (unsigned i = 0; i < count; i++) {
            events[i] = next_event(&dice, info, major, (int64_t)i, by_version, uniform, is_long);
            major += random_below(&dice, 4) > 0 ? some_step(&dice, by_version) : 0;
        }
        qsort(events, count, sizeof *events, by_stamp);
        struct record *r = record_create(kind, 0), *backwards = record_create(kind, 0), *back = record_create(kind, 0);
        for (unsigned i = 0; i < count; i++) {
            const struct told *e = &events[i], *b = &events[count - 1 - i];
            cr_assert(record_apply(r, &e->stamp, e->occurred_at_us, e->deleted, e->carried, e->values, keep_owners) ==
                      RECORD_CHANGED);
            record_apply(backwards, &b->stamp, b->occurred_at_us, b->deleted, b->carried, b->values, keep_owners);
        }
        struct text one = record_told(r), other = record_told(backwards);
        cr_assert(one.len == other.len && memcmp(one.at, other.at, one.len) == 0, "round %u, a %s of %u events", round,
                  info->name, count);
        cr_assert(record_restore(back, one, holds_all, NULL), "round %u, a %s of %u events", round, info->name, count);
        record_destroy(r);
        record_destroy(backwards);
        record_destroy(back);
    }
}

/* Fields that need more than 32 bits are kept whole: by the types of the field table. */
Test(record, values_of_all_kinds_are_kept_whole)
{
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        const struct record_kind_info *info = record_kind_info(k);
        for (unsigned f = 0; f < info->field_count; f++) {
            struct record_value values[FIELD_COUNT_MAX] = {0};
            values[f] = (struct record_value){true, is_wide(info->fields[f].type) ? INT64_MAX - 7 : UINT32_MAX - 7};
            struct record *r = record_create(k, 0);
            struct stamp stamp = {1, 0, 0, 0};
            record_apply(r, &stamp, 1, false, 1u << f, values, false);
            cr_expect(record_value(r, f) == values[f].value, "%s %s", info->name, info->fields[f].name);
            record_destroy(r);
        }
    }
}
