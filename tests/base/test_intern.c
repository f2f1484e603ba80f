#include "base/intern.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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

Test(intern, a_copy_shows_the_texts_that_were_there)
{
    enum { FEW = 2000, MANY = 200000 };
    struct intern t;
    intern_init(&t);
    struct intern copy = t;
    char name[32];
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "name-%u", i);
        intern_add(&t, text_of(name));
        if (i == FEW - 1)
            copy = t;
    }
    for (uint32_t i = 0; i < FEW; i++) {
        snprintf(name, sizeof name, "name-%u", i);
        cr_assert(text_equal(intern_text(&copy, i), text_of(name)));
    }
    cr_expect(copy.count == FEW);
    intern_fini(&t);
}

/* Of all lengths around those where a text lies differently, among others. */
Test(intern, long_texts)
{
    static const size_t lengths[] = {0, 1, 253, 254, 255, 256, 1023, 1024, 65534, 65535, 65536, 65537, 200000};
    enum { COUNT = sizeof lengths / sizeof *lengths };
    static char bytes[200000];
    struct intern t;
    intern_init(&t);
    memset(bytes, 'x', sizeof bytes);
    for (uint32_t i = 0; i < COUNT; i++) {
        cr_assert(intern_add(&t, (struct text){bytes, lengths[i]}) == 2 * i);
        cr_assert(intern_add(&t, (struct text){(char *)&i, sizeof i}) == 2 * i + 1);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        cr_expect(text_equal(intern_text(&t, 2 * i), (struct text){bytes, lengths[i]}));
        cr_expect(text_equal(intern_text(&t, 2 * i + 1), (struct text){(char *)&i, sizeof i}));
        cr_expect(intern_find(&t, (struct text){bytes, lengths[i]}) == 2 * i);
    }
    intern_fini(&t);
}
