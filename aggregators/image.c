#include "aggregators/image.h"
#include "base/error.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

struct image *image_create(const char *bytes, size_t len)
{
    struct image *i = must_alloc(sizeof *i + len);
    i->holders = 1;
    i->len = len;
    i->hash = text_hash((struct text){bytes, len});
    memcpy(i->bytes, bytes, len);
    return i;
}

void image_hold(struct image *i)
{
    i->holders++;
}

void image_release(struct image *i)
{
    if (i != NULL && --i->holders == 0)
        free(i);
}
