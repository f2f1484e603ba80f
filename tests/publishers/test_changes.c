/* What is remembered of earlier publishes. */
#include "publishers/changes.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

Test(changes, a_set_of_keys_grows_and_forgets)
{
    struct key_set set = {0};
    char key[32];
    cr_expect(not(key_set_has(&set, TEXT("a"))));
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "kpi:%d", i);
        key_set_add(&set, text_of(key));
        key_set_add(&set, text_of(key));
    }
    cr_expect(eq(sz, set.count, 5000));
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof key, "kpi:%d", i);
        cr_assert(eq(int, key_set_has(&set, text_of(key)), i < 5000));
    }
    key_set_fini(&set);
    cr_expect(not(key_set_has(&set, TEXT("kpi:1"))));
}

Test(changes, slots_are_empty_at_first_and_after_forgetting)
{
    struct changes *c = changes_create(3);
    *changes_slot(c, 0, 0) = (struct slot){.values = 1};
    *changes_slot(c, 1000, 2) = (struct slot){.values = 2};
    *changes_about(c, 1000) = 7;
    *changes_members(c, DIMENSION_SOURCE, 2, KPI_NPS) = 4;
    cr_expect(eq(u64, changes_slot(c, 0, 0)->values, 1), "kept while it grew");
    cr_expect(slot_is_empty(changes_slot(c, 999, 2)));
    changes_forget(c);
    cr_expect(slot_is_empty(changes_slot(c, 0, 0)));
    cr_expect(slot_is_empty(changes_slot(c, 1000, 2)));
    cr_expect(eq(u64, *changes_about(c, 1000), 0));
    cr_expect(eq(u32, *changes_members(c, DIMENSION_SOURCE, 2, KPI_NPS), 0));
    changes_destroy(c);
}
