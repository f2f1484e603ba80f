#include "alerts/retry.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(retry, what_a_status_means)
{
    const struct {
        long status;
        enum verdict verdict;
    } rows[] = {
        {200, VERDICT_DELIVERED}, {202, VERDICT_DELIVERED}, {204, VERDICT_DELIVERED}, {299, VERDICT_DELIVERED},
        {301, VERDICT_GIVE_UP},   {302, VERDICT_GIVE_UP},   {308, VERDICT_GIVE_UP},   {400, VERDICT_GIVE_UP},
        {401, VERDICT_GIVE_UP},   {403, VERDICT_GIVE_UP},   {404, VERDICT_GIVE_UP},   {410, VERDICT_GIVE_UP},
        {413, VERDICT_GIVE_UP},   {408, VERDICT_RETRY},     {425, VERDICT_RETRY},     {429, VERDICT_RETRY_ALL},
        {500, VERDICT_RETRY},     {501, VERDICT_GIVE_UP},   {502, VERDICT_RETRY_ALL}, {503, VERDICT_RETRY_ALL},
        {504, VERDICT_RETRY_ALL}, {505, VERDICT_GIVE_UP},   {507, VERDICT_RETRY},     {599, VERDICT_RETRY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect(eq(int, (int)retry_verdict(rows[i].status), (int)rows[i].verdict), "status %ld", rows[i].status);
    }
}

/* Doubled each time, between half and all of it, and never beyond the most. */
Test(retry, waits_double_up_to_the_most)
{
    for (unsigned failures = 1; failures < 100; failures++) {
        int64_t full = failures > 9 ? 300000 : 1000 << (failures - 1);
        full = full > 300000 ? 300000 : full;
        int64_t least = INT64_MAX, most = 0;
        for (uint64_t seed = 0; seed < 500; seed++) {
            int64_t wait = retry_wait_ms(1000, 300000, failures, seed);
            cr_assert(ge(i64, wait, full / 2), "%u", failures);
            cr_assert(le(i64, wait, full), "%u", failures);
            cr_assert(eq(i64, wait, retry_wait_ms(1000, 300000, failures, seed)), "the same each time");
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        cr_expect(lt(i64, least, full * 6 / 10), "spread over the lower part");
        cr_expect(gt(i64, most, full * 9 / 10), "and the upper one");
    }
    cr_expect(eq(i64, retry_wait_ms(1, 1, 1000000, 5), 1));
    cr_expect(ge(i64, retry_wait_ms(INT64_MAX / 2, INT64_MAX, 70, 5), INT64_MAX / 2), "no overflow");
}
