#include "base/backoff.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(backoff, doubles_and_stays_between_half_and_all)
{
    int64_t whole = 100;
    for (unsigned failures = 1; failures < 40; failures++) {
        for (uint64_t seed = 0; seed < 200; seed++) {
            int64_t wait = backoff_wait(100, 5000, failures, seed);
            cr_assert(ge(i64, wait, whole / 2));
            cr_assert(le(i64, wait, whole));
            cr_assert(eq(i64, wait, backoff_wait(100, 5000, failures, seed)), "the same each time");
        }
        whole = whole * 2 < 5000 ? whole * 2 : 5000;
    }
    cr_expect(eq(i64, backoff_wait(1, 1, 1000000, 5), 1));
}

/* Instances that fail together do not come back together. */
Test(backoff, seeds_are_spread)
{
    int tenth[10] = {0};
    for (uint64_t seed = 0; seed < 1000; seed++)
        tenth[(backoff_wait(1000000, 1000000, 1, seed) - 500000) / 50001]++;
    for (int i = 0; i < 10; i++)
        cr_expect(ge(int, tenth[i], 50), "%d", i);
}

/* Doubled each time, between half and all of it, and never beyond the most. */
Test(backoff, waits_double_up_to_the_most)
{
    for (unsigned failures = 1; failures < 100; failures++) {
        int64_t full = failures > 9 ? 300000 : 1000 << (failures - 1);
        full = full > 300000 ? 300000 : full;
        int64_t least = INT64_MAX, most = 0;
        for (uint64_t seed = 0; seed < 500; seed++) {
            int64_t wait = backoff_wait(1000, 300000, failures, seed);
            cr_assert(ge(i64, wait, full / 2), "%u", failures);
            cr_assert(le(i64, wait, full), "%u", failures);
            cr_assert(eq(i64, wait, backoff_wait(1000, 300000, failures, seed)), "the same each time");
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        cr_expect(lt(i64, least, full * 6 / 10), "spread over the lower part");
        cr_expect(lt(i64, full * 9 / 10, most), "and the upper one");
    }
    cr_expect(eq(i64, backoff_wait(1, 1, 1000000, 5), 1));
    cr_expect(ge(i64, backoff_wait(INT64_MAX / 2, INT64_MAX, 70, 5), INT64_MAX / 2), "no overflow");
}
