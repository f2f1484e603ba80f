/* paged.h - an array that grows without being moved: whoever must not wait, as the writer, does not pay for what is there already.
 *
 * Items lie in pages, all of one size. Only the list of pages is moved when it grows, which is 8 bytes for a thousand items.
 * Thread: one at a time. Memory: zeroed, then paged_need to paged_fini.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { PAGED_ITEMS = 1024 };

struct paged {
    char **pages;
    uint32_t page_count, page_room;
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
    return p->pages[at / PAGED_ITEMS] + at % PAGED_ITEMS * size;
}
