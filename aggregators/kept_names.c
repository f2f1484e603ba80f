#include "aggregators/kept_names.h"
#include "base/error.h"
#include <stdlib.h>

void kept_names_fini(struct kept_names *k)
{
    free(k->at);
    *k = (struct kept_names){0};
}

static bool is_greater(const struct intern *names, uint32_t a, uint32_t b)
{
    struct text first = intern_text(names, a), second = intern_text(names, b);
    uint64_t hash_a = text_hash(first), hash_b = text_hash(second);
    return hash_a != hash_b ? hash_a > hash_b : text_compare(first, second) > 0;
}

static void sift_down(struct kept_names *k, const struct intern *names, uint32_t at)
{
    for (;;) {
        uint32_t greatest = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < k->count; child++)
            if (is_greater(names, k->at[child], k->at[greatest]))
                greatest = child;
        if (greatest == at)
            return;
        uint32_t name = k->at[at];
        k->at[at] = k->at[greatest];
        k->at[greatest] = name;
        at = greatest;
    }
}

uint32_t kept_names_take(struct kept_names *k, const struct intern *names, uint32_t name, uint32_t most)
{
    REQUIRE(most > 0);
    if (k->count < most) {
        k->at = must_grow(k->at, &k->room, k->count, sizeof *k->at);
        k->at[k->count++] = name;
        return INTERN_NONE;
    }
    for (uint32_t at = k->count / 2; at-- > 0 && !k->is_heap;)
        sift_down(k, names, at);
    k->is_heap = true;
    if (is_greater(names, name, k->at[0]))
        return name;
    uint32_t leaves = k->at[0];
    k->at[0] = name;
    sift_down(k, names, 0);
    return leaves;
}
