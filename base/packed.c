#include "base/packed.h"

/* Whether all numbers are multiples of the unit; they are counted in it then. By a constant each time, as in packed_in_units. */
#define COUNT_IN(unit_number)                                     \
    for (unsigned i = 0; i < count; i++) {                        \
        int64_t whole = packed_in_units(numbers[i], unit_number); \
        if (whole * packed_units[unit_number] != numbers[i])      \
            return false;                                         \
        out[i] = whole;                                           \
    }                                                             \
    return true

static bool count_in(unsigned unit, const int64_t *numbers, unsigned count, int64_t *out)
{
    switch (unit) {
    case 0: COUNT_IN(0);
    case 1: COUNT_IN(1);
    case 2: COUNT_IN(2);
    case 3: COUNT_IN(3);
    case 4: COUNT_IN(4);
    default: COUNT_IN(5);
    }
}

struct packed_form packed_form_for(const int64_t *numbers, unsigned count, int64_t *out_in_units)
{
    struct packed_form f = {0, 0};
    struct packed_need need = {0};
    while (!count_in(f.unit, numbers, count, out_in_units))
        f.unit++;
    for (unsigned i = 0; i < count; i++)
        packed_add(&need, out_in_units[i]);
    f.width = (uint8_t)packed_widest(&need);
    return f;
}

/* One that is written by eight bytes spoils those behind it, which are written next; reading them back, as packed_write does, would wait
 * for each store. */
void packed_put_column(void *at, unsigned width, const int64_t *numbers, unsigned count)
{
    unsigned i = 0;
    char *to = at;
    if (width == 0)
        return;
    for (; i * width + sizeof(uint64_t) <= count * width; i++)
        packed_put(to + i * width, width, numbers[i]);
    for (; i < count; i++)
        for (unsigned byte = 0; byte < width; byte++)
            to[i * width + byte] = (char)((uint64_t)numbers[i] >> 8 * byte);
}
