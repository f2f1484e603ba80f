#include "alerts/active.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

void active_init(struct active *a)
{
    *a = (struct active){0};
}

static void item_fini(struct active_item *item)
{
    free(item->id);
    free(item->json);
}

void active_fini(struct active *a)
{
    for (size_t i = 0; i < a->count; i++) {
        item_fini(&a->at[i]);
    }
    free(a->at);
    active_init(a);
}

/* Where the id is, or where it would be. */
static size_t place_of(const struct active *a, const char *id, bool *out_found)
{
    size_t low = 0, high = a->count;
    *out_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(a->at[middle].id, id);
        if (order == 0) {
            *out_found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void active_put(struct active *a, const char *id, char *json)
{
    bool found;
    size_t at = place_of(a, id, &found);
    if (found) {
        free(a->at[at].json);
        a->at[at].json = json;
        return;
    }
    if (a->count == a->room) {
        a->room = a->room ? a->room * 2 : 16;
        a->at = must_realloc(a->at, a->room * sizeof *a->at);
    }
    memmove(&a->at[at + 1], &a->at[at], (a->count - at) * sizeof *a->at);
    a->at[at] = (struct active_item){must_strdup(id), json};
    a->count++;
}

const char *active_find(const struct active *a, const char *id)
{
    bool found;
    size_t at = place_of(a, id, &found);
    return found ? a->at[at].json : NULL;
}

void active_remove(struct active *a, const char *id)
{
    bool found;
    size_t at = place_of(a, id, &found);
    if (!found) {
        return;
    }
    item_fini(&a->at[at]);
    a->count--;
    memmove(&a->at[at], &a->at[at + 1], (a->count - at) * sizeof *a->at);
}
