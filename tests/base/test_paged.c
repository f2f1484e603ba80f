#include "base/paged.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

struct item {
    uint64_t number, square;
};

static struct item *item(const struct paged *p, uint32_t at)
{
    return paged_at(p, at, sizeof(struct item));
}

Test(paged, items_are_zeroed_and_stay_where_they_are)
{
    enum { ITEMS = 3 * PAGED_ITEMS + 5 };
    static struct item *places[ITEMS];
    struct paged p = {0};
    for (uint32_t i = 0; i < ITEMS; i++) {
        places[i] = paged_need(&p, i, sizeof(struct item));
        cr_assert(places[i]->number == 0 && places[i]->square == 0, "%u", i);
        *places[i] = (struct item){i, (uint64_t)i * i};
    }
    for (uint32_t i = 0; i < ITEMS; i++) {
        cr_assert(item(&p, i) == places[i] && places[i]->number == i && places[i]->square == (uint64_t)i * i, "%u", i);
        cr_assert(paged_need(&p, i, sizeof(struct item)) == places[i], "%u", i);
    }
    paged_fini(&p);
}

Test(paged, a_far_item_makes_room_for_all_before_it)
{
    struct paged p = {0};
    cr_expect(eq(u32, paged_room(&p), 0));
    cr_expect(eq(u64, paged_bytes(&p, sizeof(struct item)), 0));
    paged_need(&p, PAGED_ITEMS, sizeof(struct item));
    cr_expect(eq(u32, paged_room(&p), 2 * PAGED_ITEMS));
    cr_expect(ge(u64, paged_bytes(&p, sizeof(struct item)), 2 * PAGED_ITEMS * sizeof(struct item)));
    cr_expect(eq(u64, item(&p, 0)->number, 0));
    paged_fini(&p);
    cr_expect(eq(u32, paged_room(&p), 0));
}

/* As a thread that is shown them sees it, with another one that adds some. */
Test(paged, a_copy_shows_what_was_there)
{
    enum { FEW = 3 * PAGED_ITEMS, MANY = 100 * PAGED_ITEMS };
    struct paged p = {0};
    for (uint32_t i = 0; i < FEW; i++)
        *(struct item *)paged_need(&p, i, sizeof(struct item)) = (struct item){i, 0};
    struct paged copy = p;
    paged_need(&p, MANY, sizeof(struct item));
    cr_expect(eq(u32, paged_room(&copy), FEW));
    for (uint32_t i = 0; i < FEW; i++)
        cr_assert(item(&copy, i) == item(&p, i) && item(&copy, i)->number == i, "%u", i);
    paged_fini(&p);
}
