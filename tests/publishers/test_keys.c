/* The names that readers know: docs/redis.md. */
#include "publishers/keys.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(keys, the_entity_comes_last_and_literally)
{
    struct keys k;
    keys_init(&k, "eu-1");
    cr_expect(text_equal(keys_prefix(&k), TEXT("kpid:{eu-1}:")));
    struct buffer b;
    buffer_init(&b);
    key_kpi(&b, DIMENSION_MANAGER, "last_month", text_of("A: {B}*"));
    cr_expect(eq(str, b.at, "kpi:manager:last_month:A: {B}*"));
    buffer_clear(&b);
    key_board(&b, DIMENSION_TEAM, "24h", KPI_WIN_RATE);
    cr_expect(eq(str, b.at, "board:team:24h:win_rate"));
    buffer_clear(&b);
    key_stage(&b, 7, 12);
    cr_expect(eq(str, b.at, "stage:7:12"));
    buffer_fini(&b);
    keys_fini(&k);
}

/* The index is data from Redis: whatever it names, only keys of these kinds are deleted. */
Test(keys, nothing_but_what_may_be_indexed_is_swept)
{
    cr_expect(key_is_indexed(TEXT("kpi:manager:month:Ada")));
    cr_expect(key_is_indexed(TEXT("board:manager:month:win_rate")));
    cr_expect(key_is_indexed(TEXT("entity:manager:Ada")));
    cr_expect(key_is_indexed(TEXT("strengths:month:Ada")));
    cr_expect(key_is_indexed(TEXT("entities:manager")));
    cr_expect(not(key_is_indexed(TEXT("meta"))));
    cr_expect(not(key_is_indexed(TEXT("fence"))));
    cr_expect(not(key_is_indexed(TEXT("alerts:log"))));
    cr_expect(not(key_is_indexed(TEXT("kpi:"))));
    cr_expect(not(key_is_indexed(TEXT(""))));
}
