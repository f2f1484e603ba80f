#include "base/paged.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 8 };

static void grow_list(struct paged *p)
{
    uint32_t room = p->list != NULL ? p->list->room * 2 : FIRST_ROOM;
    struct paged_list *list = must_alloc(sizeof *list + room * sizeof *list->pages);
    *list = (struct paged_list){.older = p->list, .room = room};
    if (p->list != NULL)
        memcpy(list->pages, p->list->pages, p->page_count * sizeof *list->pages);
    p->list = list;
}

void *paged_need(struct paged *p, uint32_t at, size_t size)
{
    while (at >= paged_room(p)) {
        if (p->list == NULL || p->page_count == p->list->room)
            grow_list(p);
        p->list->pages[p->page_count++] = must_zalloc(PAGED_ITEMS * size);
    }
    return paged_at(p, at, size);
}

void paged_fini(struct paged *p)
{
    for (uint32_t i = 0; i < p->page_count; i++)
        free(p->list->pages[i]);
    for (struct paged_list *list = p->list, *older; list != NULL; list = older) {
        older = list->older;
        free(list);
    }
    *p = (struct paged){0};
}

uint64_t paged_bytes(const struct paged *p, size_t size)
{
    uint64_t bytes = (uint64_t)paged_room(p) * size;
    for (const struct paged_list *list = p->list; list != NULL; list = list->older)
        bytes += sizeof *list + list->room * sizeof *list->pages;
    return bytes;
}
