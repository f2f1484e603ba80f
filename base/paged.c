#include "base/paged.h"
#include "base/error.h"
#include <stdlib.h>

void *paged_need(struct paged *p, uint32_t at, size_t size)
{
    while (at >= paged_room(p)) {
        p->pages = must_grow(p->pages, &p->page_room, p->page_count, sizeof *p->pages);
        p->pages[p->page_count++] = must_zalloc(PAGED_ITEMS * size);
    }
    return paged_at(p, at, size);
}

void paged_fini(struct paged *p)
{
    for (uint32_t i = 0; i < p->page_count; i++)
        free(p->pages[i]);
    free(p->pages);
    *p = (struct paged){0};
}

uint64_t paged_bytes(const struct paged *p, size_t size)
{
    return p->page_room * sizeof *p->pages + (uint64_t)paged_room(p) * size;
}
