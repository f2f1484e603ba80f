/* Sums made by hand into the fields of a hash: CONTRACT 4 and 5. */
#include "publishers/changes.h"
#include "publishers/render.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct render_targets untargeted;
static const uint64_t given[PIECE_COUNT] = {1, 2, 3, 4};

static struct slot slot_of(const struct rendered *r)
{
    return slot_after(&(struct slot){0}, given, r, PIECES_ALL);
}

/* "name=value name=value". */
static const char *flat(const struct rendered *r)
{
    static char out[4096];
    char *to = out;
    const char *at = r->fields.bytes.at;
    for (size_t i = 0; i < r->fields.count; i++) {
        char *end;
        size_t len = strtoul(at + 1, &end, 10);
        to += sprintf(to, "%.*s%s", (int)len, end + 2, i % 2 == 0 ? "=" : i + 1 < r->fields.count ? " " : "");
        at = end + 2 + len + 2;
    }
    *to = '\0';
    return out;
}

Test(render, what_has_no_value_is_left_out)
{
    struct rendered r;
    rendered_init(&r);
    struct sums none = {{0}};
    render_window(&r, PIECES_ALL, KPI_SPAN, &none, &none, &untargeted, 2);
    cr_expect(eq(sz, r.fields.count, 0));
    cr_expect(eq(u64, r.values, 0));
    cr_expect(slot_is_empty(&(struct slot){0}));
    struct slot s = slot_of(&r);
    cr_expect(slot_is_empty(&s));
    rendered_fini(&r);
}

Test(render, values_with_their_n_and_their_previous)
{
    struct rendered r;
    rendered_init(&r);
    struct sums now = {{0}}, before = {{0}};
    now.at[MEASURE_WON] = 2;
    now.at[MEASURE_WON_WITH_AMOUNT] = 1;
    now.at[MEASURE_WON_AMOUNT] = 12345;
    now.at[MEASURE_LOST] = 1;
    before.at[MEASURE_LOST] = 4;
    render_window(&r, PIECES_ALL, KPI_SPAN, &now, &before, &untargeted, 2);
    cr_expect(eq(str, (char *)flat(&r),
                 "deals_won=2 deals_won.n=2 sales_volume=123.45 sales_volume.n=2 deals_lost=1 deals_lost.n=1 "
                 "deals_lost.prev=4 average_check=123.45 average_check.n=1 win_rate=0.666667 win_rate.n=3 "
                 "win_rate.low=0.207654 win_rate.high=0.938510 win_rate.prev=0.000000"));
    cr_expect(r.values >> KPI_WIN_RATE & 1);
    cr_expect(not(r.values >> KPI_UNITS & 1));
    cr_expect(eq(u64, r.previous, UINT64_C(1) << KPI_DEALS_LOST | UINT64_C(1) << KPI_WIN_RATE));
    cr_expect(text_equal(rendered_rank(&r, KPI_WIN_RATE), TEXT("0.207654")), "2 of 3 may be luck");
    cr_expect(text_equal(rendered_rank(&r, KPI_SALES_VOLUME), TEXT("123.45")));
    struct text rate = rendered_value(&r, KPI_WIN_RATE);
    cr_expect(text_equal(rate, TEXT("0.666667")));

    render_window(&r, PIECES_ALL, KPI_SPAN, &now, NULL, &untargeted, 0);
    cr_expect(eq(str, strstr(flat(&r), "sales_volume="), strstr(flat(&r), "sales_volume=12345 ")),
              "a currency without decimals");
    cr_expect(eq(ptr, strstr(flat(&r), ".prev"), NULL), "the window has none before it");
    rendered_fini(&r);
}

/* `now` has what stands, the others have what happened. */
Test(render, a_window_has_the_kpis_of_its_clock)
{
    struct rendered r;
    rendered_init(&r);
    struct sums s = {{0}};
    s.at[MEASURE_OPEN] = 3;
    s.at[MEASURE_OPEN_AMOUNT] = 1000;
    s.at[MEASURE_WON] = 1;
    render_window(&r, PIECES_ALL, KPI_NOW, &s, NULL, &untargeted, 2);
    cr_expect(eq(str, (char *)flat(&r), "open_deals=3 open_deals.n=3 pipeline=10.00 pipeline.n=3"));
    rendered_fini(&r);
}

Test(render, equal_fields_have_equal_slots_and_others_do_not)
{
    struct rendered r;
    rendered_init(&r);
    struct sums s = {{0}};
    s.at[MEASURE_WON] = 1;
    render_window(&r, PIECES_ALL, KPI_SPAN, &s, NULL, &untargeted, 2);
    struct slot a = slot_of(&r);
    render_window(&r, PIECES_ALL, KPI_SPAN, &s, NULL, &untargeted, 2);
    struct slot b = slot_of(&r);
    s.at[MEASURE_WON] = 2;
    render_window(&r, PIECES_ALL, KPI_SPAN, &s, NULL, &untargeted, 2);
    struct slot c = slot_of(&r);
    cr_expect(eq(int, memcmp(&a, &b, sizeof a), 0));
    cr_expect(not(slot_differs(&a, &b)));
    cr_expect(slot_differs(&a, &c));
    rendered_fini(&r);
}
