#include "base/intern.h"
#include <criterion/criterion.h>
#include <stdio.h>

Test(intern, numbers_are_dense_and_stay)
{
    struct intern t;
    intern_init(&t);
    cr_expect(intern_find(&t, TEXT("a")) == INTERN_NONE);
    char name[32];
    for (uint32_t i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "name-%u", i);
        cr_assert(intern_add(&t, text_of(name)) == i);
    }
    for (uint32_t i = 0; i < 100000; i += 7) {
        snprintf(name, sizeof name, "name-%u", i);
        cr_assert(intern_add(&t, text_of(name)) == i && intern_find(&t, text_of(name)) == i);
        cr_assert(text_equal(intern_text(&t, i), text_of(name)));
    }
    cr_expect(intern_find(&t, TEXT("name-100000")) == INTERN_NONE);
    cr_expect(intern_add(&t, TEXT("")) == 100000 && intern_add(&t, TEXT("")) == 100000);
    intern_fini(&t);
}

/* Texts do not move when the table grows: others keep views of them. */
Test(intern, texts_do_not_move)
{
    struct intern t;
    intern_init(&t);
    const char *first = intern_text(&t, intern_add(&t, TEXT("first"))).at;
    char name[32];
    for (int i = 0; i < 50000; i++) {
        snprintf(name, sizeof name, "%d", i);
        intern_add(&t, text_of(name));
    }
    cr_expect(intern_text(&t, 0).at == first);
    intern_fini(&t);
}
