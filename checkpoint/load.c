#include "checkpoint/load.h"

static bool take_row(void *context, const struct stored_row *row)
{
    return restoration_take(context, row);
}

struct restoration *checkpoint_load(const char *folder, struct store_size *out_size, enum store_result *out,
                                    struct buffer *problem)
{
    struct store *s = NULL;
    struct restoration *r = restoration_create();
    *out = store_read_apart(folder, take_row, r, problem);
    if (*out == STORE_OK && out_size != NULL) {
        *out = store_open(folder, STORE_READ, &s, problem);
        if (*out == STORE_OK)
            *out = store_size(s, out_size, problem);
        store_close(s);
    }
    if (*out == STORE_OK && !r->has_cut) {
        *out = STORE_DAMAGED;
        buffer_clear(problem);
        buffer_format(problem, "%s: the checkpoint does not say of which instant it is", folder);
    }
    if (*out == STORE_OK)
        return r;
    restoration_destroy(r);
    return NULL;
}
