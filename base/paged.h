/* paged.h - an array that grows without being moved: whoever must not wait, as the writer, does not pay for what is there already.
 *
 * Items lie in pages, all of one size. Only the list of pages grows by being copied, which is 8 bytes for a thousand items, and the
 * lists before it are kept. So a copy of `struct paged` goes on to show the items that there were when it was made; to another thread
 * as well, while this one is added to and as long as nobody changes those.
 *
 * Thread: one at a time, but for such copies. Memory: zeroed, then paged_need to paged_fini; a copy has none of its own.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { PAGED_ITEMS = 1024 };

struct paged_list {
    struct paged_list *older; /* half as long, with the first of the same pages; NULL: none */
    uint32_t room;
    char *pages[];
};

struct paged {
    struct paged_list *list;
    uint32_t page_count;
};

/* Makes room up to and with item `at`; new items are zeroed. `size`: of an item, the same in each call. Returns that item, which
 * stays where it is until paged_fini. */
void *paged_need(struct paged *p, uint32_t at, size_t size);
void paged_fini(struct paged *p);
/* Bytes on the heap. */
uint64_t paged_bytes(const struct paged *p, size_t size);

/* Items below this are there. */
static inline uint32_t paged_room(const struct paged *p)
{
    return p->page_count * PAGED_ITEMS;
}

static inline void *paged_at(const struct paged *p, uint32_t at, size_t size)
{
    return p->list->pages[at / PAGED_ITEMS] + at % PAGED_ITEMS * size;
}
