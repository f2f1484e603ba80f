/* measure.h - what a contribution adds to: sums over a span of time, grouped into streams.
 *
 * A stream is the measures that share one time of contribution; an entity keeps one time-ordered
 * tree for each stream that it has (tree.h). Thread: any; constants and plain structs.
 */
#pragma once
#include "base/money.h"
#include <stdbool.h>
#include <stdint.h>

/* X(SYMBOL, measures, has a value by which entries are ordered within an instant: quantiles) */
#define STREAM_TABLE(X)                                                                             \
    X(LEAD, 1, false)     /* lead: created_at */                                                    \
    X(RESPONSE, 2, true)  /* lead: first_contact_at */                                              \
    X(DEAL, 2, false)     /* deal: created_at */                                                    \
    X(WON, 4, false)      /* deal: closing time */                                                  \
    X(CYCLE, 2, true)     /* deal: closing time */                                                  \
    X(LOST, 2, false)     /* deal: closing time */                                                  \
    X(OPEN, 3, false)     /* deal: + at created_at, - at closing time: a level is the sum up to then */ \
    X(PAYMENT, 4, false)  /* payment: paid_at */                                                    \
    X(CSAT, 3, false)     /* feedback: answered_at */                                               \
    X(NPS, 3, false)      /* feedback: answered_at */

enum stream {
#define X(symbol, count, valued) STREAM_##symbol,
    STREAM_TABLE(X)
#undef X
        STREAM_COUNT
};

#define STREAM_MEASURES_MAX 4

/* In the order of the streams. Money in minor units of the base currency, times in us, scores and
 * quantities in millionths. */
enum measure {
    MEASURE_LEADS,
    MEASURE_RESPONSES,
    MEASURE_RESPONSE_US,
    MEASURE_DEALS,
    MEASURE_DEALS_WON_SINCE, /* of the deals created: won by as_of */
    MEASURE_WON,
    MEASURE_WON_WITH_AMOUNT,
    MEASURE_WON_AMOUNT,
    MEASURE_WON_QUANTITY,
    MEASURE_CYCLES,
    MEASURE_CYCLE_US,
    MEASURE_LOST,
    MEASURE_LOST_AMOUNT,
    MEASURE_OPEN,
    MEASURE_OPEN_AMOUNT,
    MEASURE_OPEN_WEIGHTED,
    MEASURE_PAYMENTS,
    MEASURE_REVENUE,
    MEASURE_REFUND_COUNT,
    MEASURE_REFUNDS,
    MEASURE_CSAT_ANSWERS,
    MEASURE_CSAT_SATISFIED,
    MEASURE_CSAT_SCORE,
    MEASURE_NPS_ANSWERS,
    MEASURE_NPS_PROMOTERS,
    MEASURE_NPS_DETRACTORS,
    MEASURE_ADDED_COUNT,
    /* made from the entries of a span, in seconds; there where the stream has any */
    MEASURE_RESPONSE_P50 = MEASURE_ADDED_COUNT,
    MEASURE_RESPONSE_P90,
    MEASURE_CYCLE_P50,
    MEASURE_CYCLE_P90,
    MEASURE_COUNT
};

/* The sums of one span. Totals are 128 bits wide: they cannot wrap. */
struct sums {
    int128 at[MEASURE_COUNT];
};
