/* intern.h - texts and their dense numbers: each distinct text is kept once and has a number 0, 1, 2 ...
 *
 * Thread: one at a time; but a copy of the struct goes on to show the texts that there were when it was made (intern_text, and no more),
 * to another thread as well, while this one adds some. Memory: the table owns copies of the bytes; they do not move while it lives.
 * Source of the table: open addressing with linear probing over 32-bit numbers, at most 3/4 full.
 * Texts take at most 4 GiB in all.
 */
#pragma once
#include "base/paged.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

#define INTERN_NONE UINT32_MAX

struct intern {
    struct intern_place {
        uint32_t number; /* + 1, 0 = free */
        uint32_t hash;   /* intern_hash: so that most probes need no text */
    } * places;
    uint32_t place_count; /* a power of two */
    uint32_t count;
    struct paged at;     /* uint32_t, by number: where the text lies (intern.c) */
    struct paged chunks; /* of struct intern_chunk * */
    uint32_t chunk_count;
};

void intern_init(struct intern *t);
void intern_fini(struct intern *t);
/* The number of the text, which is added where it is new. O(length), amortised. */
uint32_t intern_add(struct intern *t, struct text text);
/* The same, where the text's intern_hash is known. */
uint32_t intern_hash(struct text text);
uint32_t intern_add_hashed(struct intern *t, struct text text, uint32_t hash);
/* Asks for the memory that intern_add_hashed of such a hash will need, ahead of time: step 0 first, some work later step 1,
 * which returns the number that it is likely to be (INTERN_NONE: it is new, or not likely), then step 2. */
uint32_t intern_fetch(const struct intern *t, uint32_t hash, unsigned step);
/* INTERN_NONE where it is not there. */
uint32_t intern_find(const struct intern *t, struct text text);
struct text intern_text(const struct intern *t, uint32_t number);
/* Bytes on the heap, and those of them that are the text's alone (its bytes, and its share of the tables). */
uint64_t intern_bytes(const struct intern *t);
uint64_t intern_text_bytes(const struct intern *t, uint32_t number);
