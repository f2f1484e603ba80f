#include "base/error.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <malloc.h>
#include <stdlib.h>

Test(error, grow_keeps_members_and_zeroes_new_ones)
{
    mallopt(M_PERTURB, 0x5a); /* new memory is not zero by luck */
    uint32_t room = 0;
    int64_t *at = must_grow(NULL, &room, 0, sizeof *at);
    for (uint32_t number = 0; number < 1000; number += 7) {
        at = must_grow(at, &room, number, sizeof *at);
        cr_assert(lt(u32, number, room));
        cr_assert(eq(i64, at[number], 0), "member %u is new", number);
        at[number] = number + 1;
        for (uint32_t i = 0; i < room; i++)
            cr_assert(eq(i64, at[i], i % 7 == 0 && i <= number ? i + 1 : 0), "member %u of %u", i, room);
    }
    uint32_t was = room;
    cr_assert(eq(ptr, must_grow(at, &room, was - 1, sizeof *at), at));
    cr_assert(eq(u32, room, was));
    free(at);
}
