/* A KPI is not made anew unless a measure of its piece has changed: so none may be made of another one. */
#include "aggregators/attainment.h"
#include "aggregators/kpi.h"
#include "publishers/pieces.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

Test(pieces, each_kpi_is_in_one)
{
    for (unsigned k = 0; k < KPI_COUNT; k++) {
        unsigned of = 0;
        for (unsigned p = 0; p < PIECE_COUNT; p++)
            of += pieces_kpis(1U << p) >> k & 1;
        cr_expect(eq(u32, of, 1), "%s", kpi_info((enum kpi)k)->name);
        cr_expect(pieces_kpis(1U << piece_of((enum kpi)k)) >> k & 1);
    }
    cr_expect(eq(u64, pieces_kpis(PIECES_ALL), (UINT64_C(1) << KPI_COUNT) - 1));
}

/* Value, mark and forecast as text: what can be said without a target. */
static void say(char *out, size_t size, enum kpi k, const struct sums *sums)
{
    struct buffer b;
    struct kpi_value v;
    buffer_init(&b);
    buffer_string(&b, "");
    if (kpi_evaluate(k, sums, &v)) {
        kpi_format(&b, k, &v, 2);
        buffer_char(&b, ' ');
        buffer_integer(&b, v.n);
    }
    buffer_string(&b, kpi_mark_name(kpi_marked(k, sums)));
    if (aspect_evaluate(k, ASPECT_FORECAST, sums, NULL, true, &v))
        aspect_format(&b, k, ASPECT_FORECAST, &v, 2);
    snprintf(out, size, "%s", b.at);
    buffer_fini(&b);
}

Test(pieces, a_kpi_is_made_of_its_piece_s_measures_alone)
{
    uint64_t seed = random_seed(11);
    struct random r = {seed};
    for (int round = 0; round < 300; round++) {
        struct sums sums;
        for (unsigned m = 0; m < MEASURE_COUNT; m++)
            sums.at[m] = random_below(&r, 4) == 0 ? 0 : (int128)random_below(&r, 1000000);
        for (unsigned k = 0; k < KPI_COUNT; k++) {
            char before[128], after[128];
            if (kpi_ages((enum kpi)k))
                continue;
            say(before, sizeof before, (enum kpi)k, &sums);
            for (unsigned m = 0; m < MEASURE_COUNT; m++) {
                if (piece_measures(piece_of((enum kpi)k)) >> m & 1)
                    continue;
                struct sums other = sums;
                other.at[m] = other.at[m] == 0 ? 777 : 0;
                say(after, sizeof after, (enum kpi)k, &other);
                cr_assert(eq(str, after, before), "%s by %s, SEED=%llu", kpi_info((enum kpi)k)->name,
                          m < MEASURE_ADDED_COUNT ? measure_name((enum measure)m) : "one that is made",
                          (unsigned long long)seed);
            }
        }
    }
}
