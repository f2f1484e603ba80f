/* image.h - what the windows of an entity added up to at a cut: never changed, and shared by the entity and the snapshots that hold it.
 *
 * Thread: the shard's writer, or who makes a cut for it (cutting.h), makes it, holds it and lets it go; whoever has a snapshot reads it.
 * So holders are counted without atomics: a snapshot lets go of its images when it is filled anew, or when it is destroyed and nobody
 * else is there.
 * Memory: image_create to the last image_release.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct image {
    uint64_t holders, len;
    uint64_t hash; /* of the bytes */
    char bytes[];  /* as snapshot.c lays out windows */
};

/* Held once. The bytes are copied. */
struct image *image_create(const char *bytes, size_t len);
void image_hold(struct image *i);
/* NULL is allowed. */
void image_release(struct image *i);
