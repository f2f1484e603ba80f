/* Formulas: their types, their values, and what is wrong with them. */
#include "config/formula.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void refused(const char *formula, const char *why)
{
    struct formula f;
    char told[240] = "";
    cr_expect_not(formula_parse(text_of(formula), &f, told, sizeof told), "%s", formula);
    cr_expect_str_eq(told, why, "%s: %s", formula, told);
}

Test(formula, what_is_wrong_is_told_with_its_column)
{
    refused("wonn / lost", "column 1: unknown measure 'wonn'; did you mean 'won'?");
    refused("won + won_amount", "column 5: count and money do not add up");
    refused("won_amount * cycle_us", "column 12: money times seconds is nothing");
    refused("won / won_amount", "column 5: count by money is nothing");
    refused("won / 0", "column 5: it divides by 0");
    refused("won / 0.0", "column 5: it divides by 0");
    refused("1 + 2", "column 1: it names no measure");
    refused("(won", "column 5: ')' is missing");
    refused("won won", "column 5: an operator or the end is expected");
    refused("", "column 1: it ends too early");
    refused("won *", "column 6: it ends too early");
    refused("-won", "column 1: a number, a measure or '(' is expected");
    refused("1.0000001 * won", "column 1: a number has digits, and at most six of them behind a point");
    refused("1. * won", "column 1: a number has digits, and at most six of them behind a point");
    refused("((((((((((((((((((won))))))))))))))))))", "column 17: parentheses are nested too deep");
    char longest[600] = "won";
    for (int i = 0; i < 40; i++)
        strcat(longest, " + won");
    refused(longest, "column 197: the formula is too long; write two KPIs");
}

static void comes_to(const char *formula, enum formula_type type, bool is_sum, long numerator, long denominator)
{
    struct formula f;
    char why[240];
    cr_assert(formula_parse(text_of(formula), &f, why, sizeof why), "%s: %s", formula, why);
    cr_expect_eq(f.type, type, "%s: %s", formula, formula_type_name(f.type));
    cr_expect_eq(f.is_sum, is_sum, "%s", formula);
    int128 sums[FORMULA_MEASURE_COUNT] = {0};
    sums[FORMULA_won] = 6;
    sums[FORMULA_lost] = 2;
    sums[FORMULA_won_amount] = 120000;           /* 1,200.00 */
    sums[FORMULA_cycle_us] = 90 * MICRO;         /* 90 s */
    sums[FORMULA_won_quantity] = 15 * MICRO / 2; /* 7.5 */
    struct fraction value;
    bool has_value = formula_compute(&f, sums, &value);
    cr_expect_eq(has_value, denominator != 0, "%s", formula);
    if (has_value && denominator != 0)
        cr_expect(value.numerator * denominator == value.denominator * numerator && value.denominator > 0,
                  "%s: %ld/%ld", formula, (long)value.numerator, (long)value.denominator);
}

Test(formula, types_and_values)
{
    comes_to("won", TYPE_COUNT, true, 6, 1);
    comes_to("won - lost", TYPE_COUNT, true, 4, 1);
    comes_to("2 * won", TYPE_COUNT, true, 12, 1);
    comes_to("won / 4", TYPE_COUNT, true, 3, 2);
    comes_to("won / (won + lost)", TYPE_RATIO, false, 3, 4);
    comes_to("won_amount / won", TYPE_MONEY, false, 20000, 1); /* minor units */
    comes_to("won_amount / won_quantity", TYPE_MONEY, false, 16000, 1);
    comes_to("cycle_us / won", TYPE_SECONDS, false, 15, 1);
    comes_to("won_amount * (won / lost)", TYPE_MONEY, false, 360000, 1);
    comes_to("won_amount * 0.5 - won_amount", TYPE_MONEY, true, -60000, 1);
}

Test(formula, operators_bind_as_on_paper)
{
    comes_to("won - lost - 1 * lost", TYPE_COUNT, true, 2, 1);
    comes_to("won - lost * 2 / 4", TYPE_COUNT, true, 5, 1);
    comes_to("won / lost / 3", TYPE_RATIO, false, 1, 1);
    comes_to("won / (lost / 3)", TYPE_RATIO, false, 9, 1);
}

Test(formula, no_value_where_it_divides_by_nothing_or_is_too_large)
{
    comes_to("won / leads", TYPE_RATIO, false, 0, 0);
    comes_to("won / (won - 3 * lost)", TYPE_RATIO, false, 0, 0);
    /* 1,200.00 to the 20th power leaves 128 bits: (won_amount x (won_amount / won_amount ...)) does not, by its factors. */
    comes_to("won_amount * 9000000000 * 9000000000 * 9000000000 * 9000000000", TYPE_MONEY, true, 0, 0);
}
