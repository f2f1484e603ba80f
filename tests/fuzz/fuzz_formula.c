/* Formulas and filters of own KPIs are parsers: any bytes end in a verdict, and what is accepted can be used. */
#include "base/error.h"
#include "config/formula.h"
#include "config/name_filter.h"
#include <stddef.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text t = {(const char *)data, size};
    char why[240];
    struct formula f;
    if (size == 0)
        return 0;
    if (formula_parse(t, &f, why, sizeof why)) {
        int128 sums[FORMULA_MEASURE_COUNT];
        for (unsigned m = 0; m < FORMULA_MEASURE_COUNT; m++)
            sums[m] = ((int128)data[m % size] - 100) * ((int128)1 << data[(m + 1) % size] % 100);
        struct fraction value;
        REQUIRE(!formula_compute(&f, sums, &value) || value.denominator > 0);
    } else {
        REQUIRE(strncmp(why, "column ", 7) == 0);
    }
    struct name_filter filter;
    if (name_filter_parse(t, &filter, why, sizeof why)) {
        struct text names[DIMENSION_COUNT];
        for (unsigned d = 0; d < DIMENSION_COUNT; d++)
            names[d] = d % 2 ? t : TEXT("");
        (void)name_filter_passes(&filter, names);
    }
    name_filter_fini(&filter);
    return 0;
}
