/* measure.h - what a contribution adds to: sums over a span of time, grouped into streams.
 *
 * A stream is the measures that share one time of contribution; an entity keeps one time-ordered
 * tree for each stream that it has (tree.h). Thread: any; constants and plain structs.
 */
#pragma once
#include "base/money.h"
#include <stdbool.h>
#include <stdint.h>

/* X(SYMBOL, first measure, measures, has a value by which entries are ordered within an instant: quantiles) */
#define STREAM_TABLE(X)                                                                                                \
    X(LEAD, LEADS, 3, false)             /* lead: created_at */                                                        \
    X(RESPONSE, RESPONSES, 2, true)      /* lead: first_contact_at */                                                  \
    X(DEAL, DEALS, 2, false)             /* deal: created_at */                                                        \
    X(WON, WON, 4, false)                /* deal: closing time */                                                      \
    X(CYCLE, CYCLES, 2, true)            /* deal: closing time */                                                      \
    X(LOST, LOST, 2, false)              /* deal: closing time */                                                      \
    X(OPEN, OPEN, 5, false)              /* deal: + at created_at, - at closing time: a level is the sum up to then */ \
    X(PAYMENT, PAYMENTS, 4, false)       /* payment: paid_at */                                                        \
    X(CSAT, CSAT_ANSWERS, 3, false)      /* feedback: answered_at */                                                   \
    X(NPS, NPS_ANSWERS, 3, false)        /* feedback: answered_at */                                                   \
    X(REPEAT, CUSTOMER_DEALS, 2, false)  /* deal won with a customer: closing time */                                  \
    X(NEW, NEW_CUSTOMERS, 3, false)      /* customer: its first won deal's closing time */                             \
    X(PAYBACK, PAYBACKS, 1, true)        /* customer: the moment of payback */                                         \
    X(WAITING, WAITING, 1, false)        /* lead: created_at, while it waits for its first contact */                  \
    X(EXPECTED, EXPECTED, 2, false)      /* deal: expected_close_at, while it is open */                               \
    X(UNRATED, UNRATED_COST, 4, false)   /* whatever lacks an exchange rate: when it would have been counted */        \
    X(OLD_RATE, OLD_RATE_COST, 4, false) /* whatever was valued by an old rate */

enum stream {
#define X(symbol, first, measures, valued) STREAM_##symbol,
    STREAM_TABLE(X)
#undef X
        STREAM_COUNT
};

#define STREAM_MEASURES_MAX 5
#define STREAM_VALUED       3 /* of them are valued */

struct stream_info {
    uint8_t first;    /* enum measure: the stream's measures are consecutive from here */
    uint8_t measures; /* at most STREAM_MEASURES_MAX */
    bool valued;
};
extern const struct stream_info stream_infos[STREAM_COUNT];

/* In the order of the streams. Money in minor units of the base currency, times in us, scores and
 * quantities in millionths. */
enum measure {
    MEASURE_LEADS,
    MEASURE_LEADS_CONVERTED, /* of the leads created: a deal is won by as_of */
    MEASURE_LEAD_COST,
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
    MEASURE_OPEN_UNRATED,
    MEASURE_OPEN_OLD_RATE,
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
    MEASURE_CUSTOMER_DEALS, /* won deals with a customer */
    MEASURE_REPEAT_DEALS,   /* of these: not the customer's first */
    MEASURE_NEW_CUSTOMERS,
    MEASURE_NEW_WITH_COST,
    MEASURE_NEW_PAID_BACK, /* of these: paid back by as_of */
    MEASURE_PAYBACKS,
    MEASURE_WAITING,
    MEASURE_EXPECTED, /* sum of probabilities of open deals that are expected to close in the whole period */
    MEASURE_EXPECTED_AMOUNT,
    MEASURE_UNRATED_COST,
    MEASURE_UNRATED_WON,
    MEASURE_UNRATED_LOST,
    MEASURE_UNRATED_PAYMENTS,
    MEASURE_OLD_RATE_COST,
    MEASURE_OLD_RATE_WON,
    MEASURE_OLD_RATE_LOST,
    MEASURE_OLD_RATE_PAYMENTS,
    MEASURE_ADDED_COUNT,
    /* made from the entries of a span, in seconds; there where the stream has any */
    MEASURE_RESPONSE_P50 = MEASURE_ADDED_COUNT,
    MEASURE_RESPONSE_P90,
    MEASURE_CYCLE_P50,
    MEASURE_CYCLE_P90,
    MEASURE_PAYBACK_P50,
    MEASURE_PAYBACK_P90,
    MEASURE_WAITING_SINCE_US, /* created_at of the lead that waits longest, where any waits */
    /* made by the reader of a snapshot */
    MEASURE_WAITING_AGE_US,    /* as_of - that: it grows by itself */
    MEASURE_WON_AMOUNT_BEFORE, /* of the previous window */
    MEASURE_LEVEL_KNOWN,       /* 1: MEASURE_OPEN is what stands now; a previous window has no such level */
    MEASURE_COUNT
};

/* "leads", "won_amount": the symbol in lower case. */
const char *measure_name(enum measure m);

/* What is counted by the four measures of STREAM_UNRATED and STREAM_OLD_RATE, in their order. */
enum rated { RATED_COST, RATED_WON, RATED_LOST, RATED_PAYMENT };

/* The sums of one span. Totals are 128 bits wide: they cannot wrap. */
struct sums {
    int128 at[MEASURE_COUNT];
};
