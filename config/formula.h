/* formula.h - formulas of own KPIs: parsed, judged for their types, and computed as exact fractions.
 *
 *     sum     = product {("+" | "-") product}
 *     product = part {("*" | "/") part}
 *     part    = number | measure | "(" sum ")"
 *
 * A number has digits and perhaps a point; at most six places. Measures are sums over a window. Types keep money from being
 * added to a count: docs/own-kpis.md has the table.
 *
 * Thread: any; a formula is constant once it is parsed. Memory: the caller's.
 */
#pragma once
#include "base/money.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

enum formula_type { TYPE_NUMBER, TYPE_COUNT, TYPE_RATIO, TYPE_MONEY, TYPE_SECONDS, TYPE_QUANTITY, TYPE_SCORE };
const char *formula_type_name(enum formula_type t);

/* X(measure, TYPE): what a formula can name. The core has them under the same names (aggregators/measure.h). */
#define FORMULA_MEASURE_TABLE(X) \
    X(leads, COUNT)              \
    X(leads_converted, COUNT)    \
    X(lead_cost, MONEY)          \
    X(responses, COUNT)          \
    X(response_us, SECONDS)      \
    X(deals, COUNT)              \
    X(deals_won_since, COUNT)    \
    X(won, COUNT)                \
    X(won_with_amount, COUNT)    \
    X(won_amount, MONEY)         \
    X(won_quantity, QUANTITY)    \
    X(cycles, COUNT)             \
    X(cycle_us, SECONDS)         \
    X(lost, COUNT)               \
    X(lost_amount, MONEY)        \
    X(payments, COUNT)           \
    X(revenue, MONEY)            \
    X(refund_count, COUNT)       \
    X(refunds, MONEY)            \
    X(csat_answers, COUNT)       \
    X(csat_satisfied, COUNT)     \
    X(csat_score, SCORE)         \
    X(nps_answers, COUNT)        \
    X(nps_promoters, COUNT)      \
    X(nps_detractors, COUNT)     \
    X(customer_deals, COUNT)     \
    X(repeat_deals, COUNT)       \
    X(new_customers, COUNT)      \
    X(new_with_cost, COUNT)      \
    X(new_paid_back, COUNT)      \
    X(paybacks, COUNT)
enum formula_measure {
#define X(name, type) FORMULA_##name,
    FORMULA_MEASURE_TABLE(X)
#undef X
        FORMULA_MEASURE_COUNT
};
const char *formula_measure_name(enum formula_measure m);
enum formula_type formula_measure_type(enum formula_measure m);
/* FORMULA_MEASURE_COUNT where the name is none. */
enum formula_measure formula_measure_find(struct text name);

#define FORMULA_OPS_MAX 64

struct formula_op {
    enum { PUSH_NUMBER, PUSH_MEASURE, ADD, SUBTRACT, MULTIPLY, DIVIDE } kind;
    int64_t micro;    /* PUSH_NUMBER */
    unsigned measure; /* PUSH_MEASURE: enum formula_measure */
};

struct formula {
    struct formula_op ops[FORMULA_OPS_MAX]; /* postfix */
    unsigned count;
    enum formula_type type;
    bool is_sum;       /* one sum: it adds up over time */
    uint64_t measures; /* bit i: names measure i */
};

struct fraction {
    int128 numerator, denominator; /* above 0 */
};

/* False, and what is wrong with its column, for a person. */
bool formula_parse(struct text t, struct formula *out, char *why, size_t why_size);
/* The value for sums by measure: money in minor units, seconds in us, quantities and scores in millionths. The result is
 * in minor units, seconds, units. False: it divides by 0, or 128 bits do not hold it. */
bool formula_compute(const struct formula *f, const int128 *sums, struct fraction *out);
