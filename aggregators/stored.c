#include "aggregators/stored.h"
#include "base/error.h"
#include <string.h>

struct row_head {
    uint32_t table, number, len;
};

size_t stored_begin(struct buffer *b, unsigned table, uint32_t number)
{
    size_t begin = b->len;
    buffer_add(b, &(struct row_head){table, number, 0}, sizeof(struct row_head));
    return begin;
}

void stored_end(struct buffer *b, size_t begin)
{
    struct row_head head;
    memcpy(&head, b->at + begin, sizeof head);
    size_t len = b->len - begin - sizeof head;
    REQUIRE(len <= UINT32_MAX);
    head.len = (uint32_t)len;
    memcpy(b->at + begin, &head, sizeof head);
}

bool stored_take(struct text *from, void *out, size_t size)
{
    if (from->len < size)
        return false;
    if (size > 0)
        memcpy(out, from->at, size);
    from->at += size;
    from->len -= size;
    return true;
}

bool stored_take_text(struct text *from, size_t len, struct text *out)
{
    if (from->len < len)
        return false;
    *out = (struct text){from->at, len};
    from->at += len;
    from->len -= len;
    return true;
}

bool stored_next(struct text *rows, struct stored_row *out)
{
    struct row_head head;
    struct text rest = *rows;
    if (!stored_take(&rest, &head, sizeof head) || head.table >= STORED_TABLE_COUNT ||
        !stored_take_text(&rest, head.len, &out->bytes))
        return false;
    out->table = head.table;
    out->number = head.number;
    *rows = rest;
    return true;
}

int64_t stored_count(struct text rows)
{
    struct stored_row row;
    int64_t count = 0;
    while (stored_next(&rows, &row))
        count++;
    return count;
}
