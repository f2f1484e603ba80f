#include "alerts/names.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

void names_init(struct names *n)
{
    *n = (struct names){0};
}

void names_fini(struct names *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        free((char *)n->at[i].at);
    }
    free(n->at);
    free(n->slots);
    names_init(n);
}

/* The slot that holds the name, or the free one where it belongs. */
static uint32_t *slot_of(const struct names *n, struct text name)
{
    uint32_t mask = n->slot_count - 1;
    uint32_t i = (uint32_t)text_hash(name) & mask;
    while (n->slots[i] != 0 && !text_equal(n->at[n->slots[i] - 1], name)) {
        i = (i + 1) & mask;
    }
    return &n->slots[i];
}

uint32_t names_find(const struct names *n, struct text name)
{
    if (n->slot_count == 0) {
        return NAMES_NONE;
    }
    uint32_t slot = *slot_of(n, name);
    return slot == 0 ? NAMES_NONE : slot - 1;
}

static void grow(struct names *n)
{
    n->room = n->room ? n->room * 2 : 16;
    n->at = must_realloc(n->at, n->room * sizeof *n->at);
    n->slot_count = n->room * 2;
    free(n->slots);
    n->slots = must_zalloc(n->slot_count * sizeof *n->slots);
    for (uint32_t i = 0; i < n->count; i++) {
        *slot_of(n, n->at[i]) = i + 1;
    }
}

uint32_t names_add(struct names *n, struct text name)
{
    uint32_t found = names_find(n, name);
    if (found != NAMES_NONE) {
        return found;
    }
    if (n->count == n->room) {
        grow(n);
    }
    char *bytes = must_alloc(name.len + 1);
    memcpy(bytes, name.at, name.len);
    bytes[name.len] = 0;
    n->at[n->count] = (struct text){bytes, name.len};
    *slot_of(n, n->at[n->count]) = n->count + 1;
    return n->count++;
}
