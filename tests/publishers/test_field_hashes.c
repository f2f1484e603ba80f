/* Of what was rendered, what stands already. */
#include "publishers/field_hashes.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static const struct render_targets untargeted;

static void render(struct rendered *r, unsigned pieces, int64_t won, int64_t amount, int64_t leads)
{
    struct sums now = {{0}}, none = {{0}};
    now.at[MEASURE_WON] = now.at[MEASURE_WON_WITH_AMOUNT] = won;
    now.at[MEASURE_WON_AMOUNT] = amount;
    now.at[MEASURE_LEADS] = leads;
    render_window(r, pieces, KPI_SPAN, &now, &none, &untargeted, 2);
}

/* The names of those that do not stand, each with a space behind it. */
static const char *others(const struct rendered *r)
{
    static char out[4096];
    out[0] = '\0';
    for (uint32_t i = 0; i < r->field_count; i++) {
        const char *name = strchr(r->fields.bytes.at + r->list[i].at, '\n') + 1;
        if (!r->list[i].stands)
            strncat(strncat(out, name, strcspn(name, "\r")), " ", 2);
    }
    return out;
}

Test(field_hashes, of_a_piece_only_what_has_changed)
{
    struct rendered r;
    rendered_init(&r);
    render(&r, PIECES_ALL, 2, 500, 3);
    field_hashes_mark(NULL, &r);
    cr_expect(not(eq(str, (char *)others(&r), "")), "nothing is known at first");
    struct field_hashes *h = field_hashes_take(NULL, &r, PIECES_ALL);
    field_hashes_mark(h, &r);
    cr_expect(eq(str, (char *)others(&r), ""));

    render(&r, 1U << PIECE_SALES, 2, 700, 3);
    field_hashes_mark(h, &r);
    cr_expect(eq(str, (char *)others(&r), "sales_volume average_check "));
    h = field_hashes_take(h, &r, 1U << PIECE_SALES);
    field_hashes_mark(h, &r);
    cr_expect(eq(str, (char *)others(&r), ""));

    render(&r, PIECES_ALL, 2, 500, 3);
    field_hashes_mark(h, &r);
    cr_expect(eq(str, (char *)others(&r), "sales_volume average_check "), "the other pieces are known still");
    field_hashes_destroy(h);
    rendered_fini(&r);
}

/* A piece that has other fields than before moves those of the others. */
Test(field_hashes, pieces_grow_and_shrink)
{
    struct rendered r;
    rendered_init(&r);
    render(&r, PIECES_ALL, 2, 500, 0);
    struct field_hashes *h = field_hashes_take(NULL, &r, PIECES_ALL);
    render(&r, 1U << PIECE_LEADS, 2, 500, 3);
    field_hashes_mark(h, &r);
    cr_expect(eq(str, (char *)others(&r),
                 "leads_created leads_created.n conversion_cohort conversion_cohort.n "
                 "conversion_cohort.low conversion_cohort.high "));
    h = field_hashes_take(h, &r, 1U << PIECE_LEADS);
    render(&r, 1U << PIECE_SALES | 1U << PIECE_LEADS, 2, 500, 3);
    field_hashes_mark(h, &r);
    cr_expect(eq(str, (char *)others(&r), ""));
    render(&r, 1U << PIECE_LEADS, 2, 500, 0);
    h = field_hashes_take(h, &r, 1U << PIECE_LEADS);
    render(&r, 1U << PIECE_SALES, 2, 500, 0);
    field_hashes_mark(h, &r);
    cr_expect(eq(str, (char *)others(&r), ""));
    field_hashes_destroy(h);
    rendered_fini(&r);
}

/* Where one field goes and another one with the same value takes its place, that one is not known. */
Test(field_hashes, a_value_under_another_name_is_another_field)
{
    struct rendered r;
    rendered_init(&r);
    struct sums now = {{0}}, none = {{0}};
    now.at[MEASURE_WON] = 2;
    render_window(&r, 1U << PIECE_SALES, KPI_SPAN, &now, &none, &untargeted, 2);
    struct field_hashes *h = field_hashes_take(NULL, &r, 1U << PIECE_SALES);
    now = none;
    now.at[MEASURE_LOST] = 2;
    render_window(&r, 1U << PIECE_SALES, KPI_SPAN, &now, &none, &untargeted, 2);
    field_hashes_mark(h, &r);
    cr_expect(eq(u32, r.list[0].stands, false), "%s", others(&r));
    cr_expect(eq(u32, r.list[1].stands, false), "%s", others(&r));
    field_hashes_destroy(h);
    rendered_fini(&r);
}
