#include "aggregators/attainment.h"
#include "base/error.h"
#include "base/wide.h"

/* The quotient of two products as a ratio that rounds to six decimals as the exact one does. False: too large to say. */
static bool ratio(const int128 *n, unsigned n_count, const int128 *d, unsigned d_count, struct kpi_value *out)
{
    out->n = 0;
    return wide_near(n, n_count, d, d_count, 2 * MICRO, &out->numerator, &out->denominator);
}

/* max(target - booked, 0) a working day. */
static bool required(const struct kpi_value *booked, const struct snapshot_target *t, struct kpi_value *out)
{
    int128 wanted, got, below;
    if (t->left_us <= 0 || t->is_past)
        return false;
    if (__builtin_mul_overflow(t->numerator, booked->denominator, &wanted) ||
        __builtin_mul_overflow(booked->numerator, t->denominator, &got) ||
        __builtin_mul_overflow(t->denominator, booked->denominator, &below))
        return false;
    int128 left = wanted > got ? wanted - got : 0;
    return ratio((int128[]){left, t->day_us}, 2, (int128[]){below, t->left_us}, 2, out);
}

static bool forecast(enum kpi k, const struct sums *sums, struct kpi_value *out)
{
    bool money = k == KPI_SALES_VOLUME;
    int128 booked = money ? sums->at[MEASURE_WON_AMOUNT] : sums->at[MEASURE_WON] * MICRO;
    int128 expected = sums->at[money ? MEASURE_EXPECTED_AMOUNT : MEASURE_EXPECTED];
    *out = (struct kpi_value){booked + expected, money ? 1 : MICRO, 0};
    return booked != 0 || expected != 0;
}

bool aspect_evaluate_own(enum aspect a, const struct kpi_value *booked, bool is_sum, bool absent_is_zero,
                         const struct snapshot_target *target, struct kpi_value *out)
{
    static const struct kpi_value zero = {0, 1, 0};
    if (target == NULL)
        return false;
    if (a == ASPECT_TARGET) {
        *out = (struct kpi_value){target->numerator, target->denominator, 0};
        return true;
    }
    if (booked == NULL && !absent_is_zero)
        return false;
    const struct kpi_value *b = booked != NULL ? booked : &zero;
    if (a == ASPECT_REQUIRED_RATE)
        return is_sum && required(b, target, out);
    if (target->numerator == 0)
        return false;
    if (a == ASPECT_ATTAINMENT)
        return ratio((int128[]){b->numerator, target->denominator}, 2, (int128[]){b->denominator, target->numerator}, 2,
                     out);
    return a == ASPECT_PACE && is_sum && target->elapsed_us > 0 &&
           ratio((int128[]){b->numerator, target->denominator, target->whole_us}, 3,
                 (int128[]){b->denominator, target->numerator, target->elapsed_us}, 3, out);
}

bool aspect_evaluate(enum kpi k, enum aspect a, const struct sums *sums, const struct snapshot_target *target,
                     bool to_date, struct kpi_value *out)
{
    if (!aspect_exists(k, a))
        return false;
    if (a == ASPECT_VALUE)
        return kpi_evaluate(k, sums, out);
    if (a == ASPECT_FORECAST)
        return to_date && forecast(k, sums, out);
    struct kpi_value booked;
    bool has_value = kpi_evaluate(k, sums, &booked);
    return aspect_evaluate_own(a, has_value ? &booked : NULL, kpi_adds_up(k), kpi_adds_up(k), target, out);
}

void aspect_format_unit(struct buffer *b, enum kpi_unit unit, enum aspect a, const struct kpi_value *v,
                        int money_decimals)
{
    if (a == ASPECT_ATTAINMENT || a == ASPECT_PACE)
        ratio_format(b, v->numerator, v->denominator, 6);
    else if ((a == ASPECT_REQUIRED_RATE || a == ASPECT_FORECAST) && unit == UNIT_COUNT)
        ratio_format(b, v->numerator, v->denominator, 2); /* a tenth of a deal a day is not 0 */
    else
        kpi_format_unit(b, unit, v, money_decimals);
}

void aspect_format(struct buffer *b, enum kpi k, enum aspect a, const struct kpi_value *v, int money_decimals)
{
    aspect_format_unit(b, kpi_info(k)->unit, a, v, money_decimals);
}

int aspect_compare(enum kpi k, enum aspect a, const struct kpi_value *v, int64_t threshold_micro, int money_decimals)
{
    /* A share compares as shares do; any KPI that is one will do. */
    return kpi_compare(aspect_unit(k, a) == UNIT_RATIO ? KPI_WIN_RATE : k, v, threshold_micro, money_decimals);
}
