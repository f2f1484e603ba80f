/* Of many names those with the least hashes are kept, in whatever order they come. */
#include "aggregators/kept_names.h"
#include "base/error.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>

enum { NAMES = 300 };

static uint64_t hash_of(const struct intern *names, uint32_t name)
{
    return text_hash(intern_text(names, name));
}

static void run(struct random *r, uint32_t most)
{
    struct intern names;
    struct kept_names kept = {0};
    bool is_kept[NAMES] = {false};
    intern_init(&names);
    for (uint32_t name = 0; name < NAMES; name++) {
        char text[24];
        snprintf(text, sizeof text, "%llx", (unsigned long long)random_next(r));
        cr_assert(intern_add(&names, text_of(text)) == name);
        uint32_t out = kept_names_take(&kept, &names, name, most);
        is_kept[name] = true;
        cr_assert((out == INTERN_NONE) == (name < most));
        if (out == INTERN_NONE)
            continue;
        cr_assert(out <= name && is_kept[out], "it was kept until now");
        is_kept[out] = false;
        for (uint32_t other = 0; other < name; other++)
            cr_assert(!is_kept[other] || hash_of(&names, other) < hash_of(&names, out));
    }
    kept_names_fini(&kept);
    intern_fini(&names);
}

Test(kept_names, are_those_with_the_least_hashes)
{
    struct random r = {random_seed(91)};
    for (uint32_t most = 1; most <= 65; most += most < 8 ? 1 : 19)
        run(&r, most);
}
