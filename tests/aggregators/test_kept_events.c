/* Events of a record, in the order of their stamps, whatever the order in which they come. */
#include "aggregators/kept_events.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>

enum { MOST = 5 };

static enum kept take(struct kept_events *k, int64_t stamp)
{
    struct event e = {.stamp = {.major = stamp}, .occurred_at_us = stamp * 10, .carried = 3, .cleared = 2};
    struct record_value values[FIELD_COUNT_MAX] = {{true, stamp * 100}, {true, -1}, {true, -1}};
    return kept_events_take(k, MOST, &e, values);
}

static void expect(const struct kept_events *k, const int64_t *stamps, unsigned count)
{
    cr_assert(k->count == count);
    for (unsigned i = 0; i < count; i++) {
        const struct kept_event *e = &k->at[i];
        cr_expect(e->stamp.major == stamps[i] && e->occurred_at_us == stamps[i] * 10, "place %u", i);
        cr_expect(kept_event_sets(e, 0) && !kept_event_sets(e, 1) && !kept_event_sets(e, 2));
        cr_expect(e->values[0] == stamps[i] * 100 && e->values[1] == 0 && e->values[2] == 0);
    }
}

Test(kept_events, the_greatest_stay_whatever_the_order)
{
    struct random r = {random_seed(7)};
    for (int round = 0; round < 200; round++) {
        int64_t stamps[] = {1, 2, 3, 4, 5, 6, 7, 8};
        struct kept_events k = {0};
        for (unsigned i = 8; i > 0; i--) {
            unsigned pick = (unsigned)random_below(&r, i);
            int64_t stamp = stamps[pick];
            stamps[pick] = stamps[i - 1];
            bool is_too_old = k.count == MOST && stamp < k.at[0].stamp.major;
            cr_assert(take(&k, stamp) == (is_too_old ? KEPT_TOO_OLD : KEPT));
            cr_assert(take(&k, stamp) == (is_too_old ? KEPT_TOO_OLD : KEPT_ALREADY));
        }
        expect(&k, (const int64_t[]){4, 5, 6, 7, 8}, MOST);
        kept_events_fini(&k);
    }
}
