/* Sums before edges that go along with time are those of a walk over the rows, whatever came, went or came late. */
#include "aggregators/panes.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDED_MAX = 20000, EDGES = 20 };

static struct {
    int64_t at_us, measures[STREAM_MEASURES_MAX];
} added[ADDED_MAX];
static uint32_t added_count;

static void change(struct panes *p, struct tree *t, enum stream stream, struct random *r, int64_t now)
{
    bool goes = added_count > 0 && (added_count == ADDED_MAX || random_chance(r, 40));
    uint32_t at = goes ? (uint32_t)random_below(r, added_count) : added_count++;
    if (!goes) {
        added[at].at_us = random_chance(r, 70) ? now - random_below(r, 300) : random_below(r, now + 500);
        for (unsigned m = 0; m < stream_infos[stream].measures; m++)
            added[at].measures[m] = 1 + random_below(r, 1000);
    }
    int64_t delta[STREAM_MEASURES_MAX];
    for (unsigned m = 0; m < stream_infos[stream].measures; m++)
        delta[m] = (goes ? -1 : 1) * added[at].measures[m];
    tree_add(t, added[at].at_us, 0, delta);
    panes_add(p, stream, added[at].at_us, added[at].measures, goes ? -1 : 1);
    if (goes)
        added[at] = added[--added_count];
}

static int by_instant(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Most stay, some move on, some are new. */
static void move_edges(struct window_edges *e, struct random *r, int64_t now)
{
    if (e->count == 0 || random_chance(r, 3))
        e->count = 1 + (unsigned)random_below(r, EDGES);
    for (unsigned i = 0; i < e->count; i++)
        if (random_chance(r, 20))
            e->at_us[i] = random_chance(r, 10) ? random_below(r, now) : e->at_us[i] + random_below(r, 50);
    e->at_us[e->count - 1] = now + 1;
    if (random_chance(r, 50))
        e->at_us[0] = INT64_MIN;
    qsort(e->at_us, e->count, sizeof *e->at_us, by_instant);
    unsigned kept = 1;
    for (unsigned i = 1; i < e->count; i++)
        if (e->at_us[i] != e->at_us[kept - 1])
            e->at_us[kept++] = e->at_us[i];
    e->count = kept;
}

static void run(uint64_t seed, enum stream stream, unsigned at_a_time)
{
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct random r = {seed};
    struct tree t;
    unsigned measures = stream_infos[stream].measures;
    tree_init(&t, measures, false);
    struct panes *p = panes_create();
    static struct window_edges edges;
    int64_t now = 10000;
    added_count = 0;
    edges.count = 0;
    for (int step = 0; step < 500; step++) {
        int128 kept[EDGES][STREAM_MEASURES_MAX], walked[EDGES][STREAM_MEASURES_MAX];
        now += random_below(&r, 100);
        for (unsigned i = 0; i < at_a_time; i++)
            change(p, &t, stream, &r, now);
        move_edges(&edges, &r, now);
        panes_prefixes(p, stream, &t, &edges, kept);
        tree_prefixes(&t, edges.at_us, edges.count, walked);
        for (unsigned i = 0; i < edges.count; i++)
            cr_assert(memcmp(kept[i], walked[i], measures * sizeof(int128)) == 0, "step %d, edge %u of %u", step, i,
                      edges.count);
        for (unsigned i = 0; i < edges.count; i++)
            cr_assert(panes_next(p, stream, i) == tree_next(&t, edges.at_us[i]), "step %d, edge %u of %u", step, i,
                      edges.count);
    }
    cr_expect(panes_bytes(p) > 0);
    panes_destroy(p);
    tree_fini(&t);
}

Test(panes, have_the_sums_of_a_walk)
{
    run(random_seed(1), STREAM_WON, 5);
    run(random_seed(2), STREAM_PAYMENT, 40);
    run(random_seed(3), STREAM_DEAL, 1);
}
