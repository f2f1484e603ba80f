/* Additions that are gathered and sorted leave the trees as those that go in at once, however often they fill the room. */
#include "aggregators/bulk.h"
#include "aggregators/histogram.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <string.h>

enum { ENTITIES = 40, PAIRS = 3 }; /* pair i is of stream i */
enum { ROOM = 4096 };

static struct entity at_once[ENTITIES], gathered[ENTITIES];

static void setup(void)
{
    for (uint32_t e = 0; e < ENTITIES; e++) {
        entity_init(&at_once[e], DIMENSION_MANAGER, e);
        entity_init(&gathered[e], DIMENSION_MANAGER, e);
    }
}

static void teardown(void)
{
    for (uint32_t e = 0; e < ENTITIES; e++) {
        entity_fini(&at_once[e]);
        entity_fini(&gathered[e]);
    }
}

TestSuite(bulk, .init = setup, .fini = teardown);

static struct contribution some(struct random *r, int64_t span_us)
{
    struct contribution c;
    memset(&c, 0, sizeof c);
    c.stream = (uint8_t)random_below(r, STREAM_COUNT);
    c.at_us = random_below(r, span_us) - span_us / 2;
    c.value = stream_infos[c.stream].valued ? random_below(r, 5) : 0;
    for (unsigned m = 0; m < stream_infos[c.stream].measures; m++)
        c.measures[m] = random_below(r, 2001) - 1000;
    return c;
}

/* To both; each entity at most once. */
static void add(struct bulk *b, const struct contribution *c, int sign, uint64_t own, uint64_t entities)
{
    struct bulk_counts who = {.own = own};
    for (uint32_t e = 0; e < ENTITIES; e++) {
        if (!(entities >> e & 1))
            continue;
        who.ids[who.id_count++] = e;
        entity_add(&at_once[e], c, sign);
        for (unsigned pair = 0; pair < PAIRS; pair++)
            if (own >> pair & 1)
                entity_add_own(&at_once[e], pair, c, sign);
    }
    bulk_gather(b, &who, c, sign);
}

struct rows {
    struct row at[2000];
    unsigned count;
};

static void take_row(void *context, int64_t at_us, int64_t value, const int64_t *measures)
{
    struct rows *rows = context;
    cr_assert(rows->count < sizeof rows->at / sizeof *rows->at);
    struct row *row = &rows->at[rows->count++];
    *row = (struct row){.at_us = at_us, .value = value};
    memcpy(row->measures, measures, sizeof row->measures[0]);
}

static void expect_equal(void)
{
    static struct rows expected, found; /* zero, since a row is compared by its bytes */
    for (uint32_t e = 0; e < ENTITIES; e++) {
        cr_assert(at_once[e].streams == gathered[e].streams);
        for (int i = 0; i < __builtin_popcountll(at_once[e].streams); i++) {
            int128 a[STREAM_MEASURES_MAX] = {0}, b[STREAM_MEASURES_MAX] = {0};
            const struct tree *s = &at_once[e].trees[i], *t = &gathered[e].trees[i];
            tree_check(t);
            tree_sums(s, INT64_MIN, INT64_MAX, a);
            tree_sums(t, INT64_MIN, INT64_MAX, b);
            cr_assert(memcmp(a, b, sizeof a) == 0 && tree_rows(s) == tree_rows(t), "entity %u, tree %d", e, i);
            for (int64_t from_us = -600; from_us < 600; from_us += 50) {
                expected.count = found.count = 0;
                tree_visit(s, from_us, from_us + 50, take_row, &expected);
                tree_visit(t, from_us, from_us + 50, take_row, &found);
                cr_assert(expected.count == found.count &&
                          memcmp(expected.at, found.at, found.count * sizeof *found.at) == 0);
            }
        }
    }
}

static void run_with(bool has_thread, uint64_t seed, unsigned additions, int64_t span_us)
{
    struct random r = {random_seed(seed)};
    struct bulk *b = bulk_create(ROOM, has_thread);
    struct contribution last[64];
    memset(last, 0, sizeof last);
    for (unsigned i = 0; i < additions; i++) {
        uint64_t entities = 1; /* one entity is the company: all count for it */
        for (int n = 0; n < 4; n++)
            entities |= UINT64_C(1) << random_below(&r, ENTITIES);
        struct contribution c = some(&r, span_us);
        unsigned old = (unsigned)random_below(&r, 64);
        int sign = +1;
        if (i > 64 && random_chance(&r, 20)) { /* what another has brought is taken back */
            c = last[old];
            sign = -1;
        }
        last[old] = c;
        bool is_own = c.stream < PAIRS && random_chance(&r, 50);
        add(b, &c, sign, is_own ? UINT64_C(1) << c.stream : 0, entities);
        if (bulk_is_full(b))
            bulk_flush(b, gathered, ENTITIES);
    }
    bulk_flush(b, gathered, ENTITIES);
    bulk_destroy(b);
    expect_equal();
}

static void run(uint64_t seed, unsigned additions, int64_t span_us)
{
    run_with(true, seed, additions, span_us);
    teardown();
    setup();
    run_with(false, seed, additions, span_us);
}

Test(bulk, few_leave_the_same_rows)
{
    run(1, 2000, 1000);
}

Test(bulk, more_than_there_is_room_for)
{
    run(2, ROOM * 3 + ROOM / 3, 1000);
}

/* Instants of a thousand years, of which a key tells only some apart. */
Test(bulk, far_apart)
{
    run(3, 5000, INT64_C(1000) * 365 * 86400 * 1000000);
}

Test(bulk, of_one_instant)
{
    run(4, 500, 1);
}

Test(bulk, nothing)
{
    run(5, 0, 1);
}
