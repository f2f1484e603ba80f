/* A manager against the peers, with numbers that can be followed by hand. */
#include "aggregators/strength.h"
#include "base/instant.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

/* Deals that are all decided and have an amount and a cycle where they are won. */
static struct lever_sums sums_of(int64_t won, int64_t lost, int64_t amount_each, int64_t days_each, int64_t deals)
{
    struct sums sums = {{0}};
    sums.at[MEASURE_WON] = won;
    sums.at[MEASURE_LOST] = lost;
    sums.at[MEASURE_WON_WITH_AMOUNT] = won;
    sums.at[MEASURE_WON_AMOUNT] = (int128)won * amount_each * 100;
    sums.at[MEASURE_CYCLES] = won;
    sums.at[MEASURE_CYCLE_US] = (int128)won * days_each * DAY;
    sums.at[MEASURE_DEALS] = deals;
    return lever_sums_of(&sums);
}

static struct strengths judge(struct lever_sums own, struct lever_sums other, int64_t k)
{
    struct lever_sums pooled = own;
    lever_sums_add(&pooled, &other, +1);
    struct strengths s;
    strengths_of(&own, &pooled, 2, k, &s);
    return s;
}

static void expect(const struct strengths *s, enum lever l, enum strength_part p, const char *text)
{
    struct buffer b;
    buffer_init(&b);
    if (strength_exists(s, l, p))
        strength_format(&b, s, l, p, 2);
    buffer_char(&b, '\0');
    cr_expect(eq(str, b.at, (char *)text), "%s%s", lever_name(l), strength_suffix(p));
    buffer_fini(&b);
}

/* Together 46 of 51 = 0.901961. With k = 10: (1 + 10 x 46/51) / 11 = 511/561, (45 + 10 x 46/51) / 60 = 2755/3060. */
Test(strength, one_of_one_against_45_of_50)
{
    struct lever_sums lucky = sums_of(1, 0, 100, 10, 1), steady = sums_of(45, 5, 100, 10, 50);
    struct strengths s = judge(lucky, steady, 10);
    expect(&s, LEVER_WIN_RATE, STRENGTH_VALUE, "1.000000");
    expect(&s, LEVER_WIN_RATE, STRENGTH_SHRUNK, "0.910873");
    expect(&s, LEVER_WIN_RATE, STRENGTH_TEAM, "0.901961");
    expect(&s, LEVER_WIN_RATE, STRENGTH_INDEX, "1.009881");
    expect(&s, LEVER_WIN_RATE, STRENGTH_SIZE, "-0.89"); /* 1 x (46/51 - 511/561) x 100 = -5/561 x 100 */
    expect(&s, LEVER_AVERAGE_CHECK, STRENGTH_SHRUNK, "100.00");
    expect(&s, LEVER_AVERAGE_CHECK, STRENGTH_SIZE, "0.00");
    expect(&s, LEVER_CYCLE_TIME, STRENGTH_TEAM, "864000");
    expect(&s, LEVER_CYCLE_TIME, STRENGTH_SIZE, "0.00");
    expect(&s, LEVER_DEALS, STRENGTH_TEAM, "25.50");
    expect(&s, LEVER_DEALS, STRENGTH_INDEX, "0.039216"); /* 1 / 25.5 */
    expect(&s, LEVER_DEALS, STRENGTH_SIZE, "2231.64");   /* 24.5 more, each worth 511/561 x 100 */
    cr_expect(s.weakest == LEVER_DEALS && s.strongest == LEVER_WIN_RATE);

    s = judge(steady, lucky, 10);
    expect(&s, LEVER_WIN_RATE, STRENGTH_SHRUNK, "0.900327");
    expect(&s, LEVER_WIN_RATE, STRENGTH_SIZE, "8.17"); /* 50 x (46/51 - 2755/3060) x 100 = 250/3060 x 100 */
    expect(&s, LEVER_DEALS, STRENGTH_SIZE, "-2205.80");
    cr_expect(s.weakest == LEVER_WIN_RATE && s.strongest == LEVER_DEALS);
}

/* 40 days against 20: the mean of 10 won each is 30; with k = 10 half of the distance is believed: 35 against 25. */
Test(strength, faster_cycles_are_worth_as_much_as_they_let_close_more)
{
    struct strengths slow = judge(sums_of(10, 0, 100, 40, 10), sums_of(10, 0, 100, 20, 10), 10);
    expect(&slow, LEVER_CYCLE_TIME, STRENGTH_SHRUNK, "3024000");
    expect(&slow, LEVER_CYCLE_TIME, STRENGTH_INDEX, "0.857143"); /* 30 / 35 */
    expect(&slow, LEVER_CYCLE_TIME, STRENGTH_SIZE, "166.67");    /* 1000 x (35/30 - 1) */
    cr_expect(slow.weakest == LEVER_CYCLE_TIME && slow.strongest == LEVER_COUNT);
    struct strengths fast = judge(sums_of(10, 0, 100, 20, 10), sums_of(10, 0, 100, 40, 10), 10);
    expect(&fast, LEVER_CYCLE_TIME, STRENGTH_SIZE, "-166.67");
    cr_expect(fast.weakest == LEVER_COUNT && fast.strongest == LEVER_CYCLE_TIME);
}

Test(strength, among_equals_everything_has_size_0)
{
    struct strengths s = judge(sums_of(7, 3, 1234, 9, 12), sums_of(7, 3, 1234, 9, 12), 10);
    for (unsigned l = 0; l < LEVER_COUNT; l++) {
        expect(&s, (enum lever)l, STRENGTH_INDEX, "1.000000");
        expect(&s, (enum lever)l, STRENGTH_SIZE, "0.00");
    }
    cr_expect(s.weakest == LEVER_COUNT && s.strongest == LEVER_COUNT);
}

Test(strength, what_has_no_value)
{
    struct lever_sums nothing = sums_of(0, 0, 0, 0, 0);
    struct strengths s = judge(nothing, sums_of(1, 1, 50, 2, 4), 10);
    expect(&s, LEVER_WIN_RATE, STRENGTH_VALUE, "");
    expect(&s, LEVER_WIN_RATE, STRENGTH_SHRUNK, "0.500000"); /* nothing is known, so the team's */
    expect(&s, LEVER_DEALS, STRENGTH_SHRUNK, "0");
    expect(&s, LEVER_DEALS, STRENGTH_INDEX, "");
    expect(&s, LEVER_DEALS, STRENGTH_SIZE, "50.00"); /* 2 deals x 1/2 x 50 */
    s = judge(nothing, sums_of(1, 1, 50, 2, 4), 0);
    expect(&s, LEVER_WIN_RATE, STRENGTH_SHRUNK, "");
    expect(&s, LEVER_DEALS, STRENGTH_SIZE, "");
    s = judge(nothing, nothing, 10);
    expect(&s, LEVER_WIN_RATE, STRENGTH_TEAM, "");
    expect(&s, LEVER_DEALS, STRENGTH_TEAM, "0.00");
    cr_expect(s.weakest == LEVER_COUNT && s.strongest == LEVER_COUNT);
}

/* What a win is worth, or how often there is one, or how long it takes, is not known: sizes that need it are none. */
Test(strength, sizes_need_what_they_are_made_of)
{
    struct lever_sums own = sums_of(3, 1, 100, 10, 5), other = sums_of(2, 2, 50, 30, 4);
    own.total[LEVER_AVERAGE_CHECK] = other.total[LEVER_AVERAGE_CHECK] = 0;
    own.count[LEVER_AVERAGE_CHECK] = other.count[LEVER_AVERAGE_CHECK] = 0;
    struct strengths s = judge(own, other, 10);
    expect(&s, LEVER_WIN_RATE, STRENGTH_TEAM, "0.625000");
    expect(&s, LEVER_AVERAGE_CHECK, STRENGTH_SHRUNK, "");
    for (unsigned l = 0; l < LEVER_COUNT; l++)
        expect(&s, (enum lever)l, STRENGTH_SIZE, "");
    cr_expect(s.weakest == LEVER_COUNT && s.strongest == LEVER_COUNT);
    own = sums_of(3, 1, 100, 0, 5);
    other = sums_of(2, 2, 50, 0, 4);
    own.count[LEVER_CYCLE_TIME] = other.count[LEVER_CYCLE_TIME] = 0;
    s = judge(own, other, 10);
    expect(&s, LEVER_CYCLE_TIME, STRENGTH_SIZE, "");
    expect(&s, LEVER_DEALS, STRENGTH_SIZE, "-27.95"); /* half a deal too many x 9.25/14 x 1100/13 */
    cr_expect(s.weakest != LEVER_CYCLE_TIME && s.strongest != LEVER_CYCLE_TIME);
}

/* Books: a win was booked in this window and another taken back, for less: an amount that no deal has. */
Test(strength, an_amount_of_no_deal_is_no_average)
{
    struct lever_sums own = sums_of(0, 1, 0, 0, 1), other = sums_of(0, 2, 0, 0, 2);
    own.total[LEVER_AVERAGE_CHECK] = 2000;
    struct strengths s = judge(own, other, 10);
    for (unsigned p = 0; p < STRENGTH_PARTS; p++)
        expect(&s, LEVER_AVERAGE_CHECK, (enum strength_part)p, "");
    other.count[LEVER_AVERAGE_CHECK] = -1;
    s = judge(own, other, 10);
    for (unsigned p = 0; p < STRENGTH_PARTS; p++)
        expect(&s, LEVER_AVERAGE_CHECK, (enum strength_part)p, "");
}

/* Sums of a billion deals at the limit of amounts, whose sizes have factors of a hundred bits. */
Test(strength, the_largest_numbers)
{
    struct lever_sums much = sums_of(500000000, 499999999, MINOR_MAX / 100, 3650, 1000000000);
    struct lever_sums more = much;
    more.total[LEVER_AVERAGE_CHECK]--; /* a minor unit less of 5 x 10^21 */
    struct strengths s = judge(more, much, 10);
    expect(&s, LEVER_AVERAGE_CHECK, STRENGTH_TEAM, "100000000000.00");
    cr_expect(s.weakest == LEVER_AVERAGE_CHECK, "less by half a minor unit in all is still less");
    expect(&s, LEVER_AVERAGE_CHECK, STRENGTH_SIZE, "0.00");
}
