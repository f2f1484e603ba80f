/* rates.h - exchange rates by currency and local day, of the configuration and of records.
 *
 * Of several rates for a day a record's beats the configuration's; among records the one whose `rate` has the
 * greatest stamp, then the greatest key.
 *
 * Thread: the shard's writer. Memory: rates_init to rates_fini; config and calendar are borrowed.
 */
#pragma once
#include "aggregators/ledger.h"
#include "aggregators/revision.h"
#include "base/calendar.h"
#include "config/config.h"

struct rate_point {
    int64_t day;  /* in force from this local day to the next point's */
    int64_t nano; /* base units for one unit of the currency, 10^-9 */
};

struct rate_series {
    uint32_t count;
    struct rate_point at[]; /* by day */
};

/* A record that rates the currency on a day. */
struct rate_claim {
    int64_t day;
    uint32_t slot;
};

struct rated_currency {
    currency_code code;
    bool changed;                              /* since the last revision */
    bool used;                                 /* something was valued in it */
    struct rate_series *standing, *former;     /* former: NULL but while a revision changes it */
    int64_t revised_from_us, revised_until_us; /* while there is a former one: where the two differ */
    struct rate_claim *claims;                 /* by (day, slot) */
    uint32_t claim_count, claim_room;
};

struct rates {
    const struct config *config;
    const struct calendar *calendar;
    struct rated_currency *at; /* by code */
    uint32_t count, room;
    uint32_t changed; /* currencies that are */
};

void rates_init(struct rates *rs, const struct config *config, const struct calendar *calendar);
void rates_fini(struct rates *rs);

/* Takes in (or, with sign -1, back) what a record of kind rate says now. O(claims of the currency). */
void rates_claim(struct rates *rs, const struct record *r, int sign);
/* Makes what has been claimed stand; what stood becomes the former revision. True: some value may differ by it, so
 * that records must be restated before rates_settle. O(rates of the changed currencies). */
bool rates_revise(struct rates *rs, const struct ledger *l);
/* Forgets the former revision. */
void rates_settle(struct rates *rs);
/* Whether an amount in that currency at that instant is worth something else in the two revisions. */
bool rates_differ(const struct rates *rs, currency_code code, int64_t at_us);
/* Base units for one unit of `code` on a local day, in 10^-9, and how many days old the rate is; 0: none. */
int64_t rates_nano(struct rates *rs, enum revision which, currency_code code, int64_t local_day, int64_t *out_age_days);
/* Bytes on the heap. */
uint64_t rates_bytes(const struct rates *rs);
