#include "aggregators/dirty.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* So much is kept from one settlement to the next; what a flood has needed is given back. */
enum { RECORDS_KEPT = 4096, STOOD_KEPT = 16384 };

void dirty_init(struct dirty *d)
{
    *d = (struct dirty){.count = 0};
}

void dirty_fini(struct dirty *d)
{
    for (unsigned k = 0; k < FACT_KINDS; k++)
        free(d->kinds[k].at);
    free(d->stood);
}

static uint32_t add_stood(struct dirty *d, const struct contributions *list)
{
    uint32_t first = d->stood_count;
    if (list->count > 0) {
        d->stood = must_grow(d->stood, &d->stood_room, first + list->count - 1, sizeof *d->stood);
        memcpy(d->stood + first, list->at, list->count * sizeof *list->at);
        d->stood_count += list->count;
    }
    return first;
}

void dirty_add(struct dirty *d, struct record *r, const struct contributions *stood, const struct told *told)
{
    REQUIRE(r->kind < FACT_KINDS);
    uint32_t *count = &d->kinds[r->kind].count;
    d->kinds[r->kind].at =
        must_grow(d->kinds[r->kind].at, &d->kinds[r->kind].room, *count, sizeof(struct dirty_record));
    d->kinds[r->kind].at[(*count)++] =
        (struct dirty_record){r, *told, add_stood(d, stood), stood->count, stood->oddities};
    d->count++;
}

void dirty_drop_last(struct dirty *d, enum record_kind kind)
{
    REQUIRE(d->kinds[kind].count > d->kinds[kind].next);
    d->stood_count = d->kinds[kind].at[--d->kinds[kind].count].first;
    d->count--;
}

unsigned dirty_take(struct dirty *d, unsigned most, struct dirty_record **out)
{
    unsigned count = 0, k = 0;
    while (k < FACT_KINDS && d->kinds[k].next == d->kinds[k].count)
        k++;
    while (k < FACT_KINDS && count < most && d->kinds[k].next < d->kinds[k].count)
        out[count++] = &d->kinds[k].at[d->kinds[k].next++];
    d->count -= count;
    return count;
}

void dirty_stood(const struct dirty *d, const struct dirty_record *r, struct contributions *out)
{
    out->at = d->stood + r->first;
    out->count = out->room = r->stood_count;
    out->oddities = r->oddities;
}

void dirty_clear(struct dirty *d)
{
    REQUIRE(d->count == 0);
    for (unsigned k = 0; k < FACT_KINDS; k++) {
        d->kinds[k].count = d->kinds[k].next = 0;
        if (d->kinds[k].room > RECORDS_KEPT) {
            free(d->kinds[k].at);
            d->kinds[k].at = NULL;
            d->kinds[k].room = 0;
        }
    }
    d->stood_count = 0;
    if (d->stood_room > STOOD_KEPT) {
        free(d->stood);
        d->stood = NULL;
        d->stood_room = 0;
    }
}

uint64_t dirty_bytes(const struct dirty *d)
{
    uint64_t bytes = d->stood_room * sizeof *d->stood;
    for (unsigned k = 0; k < FACT_KINDS; k++)
        bytes += d->kinds[k].room * sizeof *d->kinds[k].at;
    return bytes;
}
