/* A record by itself: what it answers to an event is what its caller acts on. */
#include "aggregators/record.h"
#include <criterion/criterion.h>

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
    for (unsigned i = 0; i < HISTORY_MAX; i++) {
        int64_t when = r->history[i].stamp.major;
        cr_expect(i == 0 || r->history[i - 1].stamp.major < when);
        cr_expect(r->history[i].word == (when == 101 ? 7 : when / 2) + 1);
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
