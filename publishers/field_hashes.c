#include "publishers/field_hashes.h"
#include "base/error.h"
#include "publishers/pieces.h"
#include <stdlib.h>
#include <string.h>

struct field_hashes {
    uint32_t count[PIECE_COUNT];
    uint64_t at[]; /* of the first piece, then of the second ... */
};

/* Where those of each piece begin, and where the last one ends. */
struct begins {
    uint32_t at[PIECE_COUNT + 1];
};

static struct begins begins_of(const uint32_t *count)
{
    struct begins b = {{0}};
    for (unsigned p = 0; p < PIECE_COUNT; p++)
        b.at[p + 1] = b.at[p] + count[p];
    return b;
}

/* With room for so many of each; those of pieces that are not in `pieces` as they were. */
static struct field_hashes *lay_out(struct field_hashes *h, const uint32_t *count, unsigned pieces)
{
    struct begins to = begins_of(count);
    struct field_hashes *laid = must_alloc(sizeof *laid + to.at[PIECE_COUNT] * sizeof *laid->at);
    memcpy(laid->count, count, sizeof laid->count);
    if (h == NULL)
        return laid;
    struct begins from = begins_of(h->count);
    for (unsigned p = 0; p < PIECE_COUNT; p++)
        if (!(pieces >> p & 1))
            memcpy(laid->at + to.at[p], h->at + from.at[p], count[p] * sizeof *laid->at);
    free(h);
    return laid;
}

struct field_hashes *field_hashes_take(struct field_hashes *h, const struct rendered *r, unsigned pieces)
{
    uint32_t count[PIECE_COUNT] = {0};
    for (uint32_t i = 0; i < r->field_count; i++)
        count[r->list[i].piece]++;
    for (unsigned p = 0; p < PIECE_COUNT && h != NULL; p++)
        if (!(pieces >> p & 1))
            count[p] = h->count[p];
    if (h == NULL || memcmp(h->count, count, sizeof count) != 0)
        h = lay_out(h, count, pieces);
    struct begins next = begins_of(count);
    for (uint32_t i = 0; i < r->field_count; i++)
        h->at[next.at[r->list[i].piece]++] = r->list[i].hash;
    return h;
}

void field_hashes_destroy(struct field_hashes *h)
{
    free(h);
}

uint32_t field_hashes_mark(const struct field_hashes *h, struct rendered *r)
{
    uint32_t standing = 0;
    if (h == NULL)
        return 0;
    struct begins next = begins_of(h->count), end = next;
    for (uint32_t i = 0; i < r->field_count; i++) {
        struct rendered_field *f = &r->list[i];
        uint32_t at = next.at[f->piece]++;
        f->stands = at < end.at[f->piece + 1] && h->at[at] == f->hash;
        standing += f->stands;
    }
    return standing;
}
