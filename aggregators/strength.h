/* strength.h - where a manager is stronger or weaker than the peers of the team, and what that is worth in money.
 *
 * Four levers: how many of the decided deals are won, how large they are, how long they take, how many there are. The
 * first three are shrunk for small samples by Bühlmann's credibility (H. Bühlmann, "Experience rating and credibility",
 * ASTIN Bulletin 4, 1967): with n records one stands n / (n + k) of the way from the team's mean to the own one. The
 * size of a lever is what the team's level would bring: above 0 what is to be gained, below 0 what the manager brings
 * already. Exact fractions: rounded when they are written, never compared rounded.
 *
 * Used on the reader's side of a snapshot. Thread: any; pure. docs/strengths.md has the formulas.
 */
#pragma once
#include "aggregators/kpi.h"
#include "base/wide.h"

enum lever { LEVER_WIN_RATE, LEVER_AVERAGE_CHECK, LEVER_CYCLE_TIME, LEVER_DEALS, LEVER_COUNT };
/* "win_rate", "average_check", "cycle_time", "deals". */
const char *lever_name(enum lever l);

/* What the levers are made of: total / count each; of deals the total alone. */
struct lever_sums {
    int128 total[LEVER_COUNT], count[LEVER_COUNT];
};
struct lever_sums lever_sums_of(const struct sums *sums);
/* sign: +1 or -1. */
void lever_sums_add(struct lever_sums *to, const struct lever_sums *more, int sign);

enum strength_part { STRENGTH_VALUE, STRENGTH_SHRUNK, STRENGTH_TEAM, STRENGTH_INDEX, STRENGTH_SIZE, STRENGTH_PARTS };
/* "" for the value, ".shrunk", ".team", ".index", ".size". */
const char *strength_suffix(enum strength_part p);

/* The product of `above` over that of `below`; below_count = 0: no value. All of `below` are above 0. */
struct quotient {
    int128 above[WIDE_FACTORS - 1], below[WIDE_FACTORS];
    unsigned above_count, below_count;
};

struct strengths {
    struct quotient at[LEVER_COUNT][STRENGTH_PARTS];
    enum lever weakest, strongest; /* LEVER_COUNT: none */
};

/* own: of the manager; pooled: of all `peers` of the team, the manager too; k: the credibility constant, 0 ... 10^6. */
void strengths_of(const struct lever_sums *own, const struct lever_sums *pooled, int64_t peers, int64_t k,
                  struct strengths *out);
bool strength_exists(const struct strengths *s, enum lever l, enum strength_part p);
/* The text form; it must exist. */
void strength_format(struct buffer *b, const struct strengths *s, enum lever l, enum strength_part p,
                     int money_decimals);
