/* What is filled in is read: sums of every size, in windows, in points and through an image. */
#include "aggregators/image.h"
#include "aggregators/snapshot_fill.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <string.h>

enum { WINDOWS = 3 };

/* At the edge of each width, of either sign; many are 0. */
static int128 a_number(struct random *r)
{
    int128 edge = (int128)1 << random_below(r, 120);
    switch (random_below(r, 6)) {
    case 0: return edge;
    case 1: return edge - 1;
    case 2: return -edge;
    case 3: return -edge - 1;
    default: return 0;
    }
}

/* What is made of others as it is read is left out (snapshot_sums). */
static struct sums some_sums(struct random *r)
{
    struct sums sums = {{0}};
    for (unsigned m = 0; m < MEASURE_COUNT; m++)
        if (m != MEASURE_LEVEL_KNOWN && m != MEASURE_WON_AMOUNT_BEFORE && m != MEASURE_WAITING &&
            m != MEASURE_WAITING_AGE_US)
            sums.at[m] = a_number(r);
    return sums;
}

static void begin(struct snapshot *s)
{
    static const bool has_previous[WINDOWS] = {true, true, true};
    static const struct accounts accounts;
    static const int64_t records[KIND_COUNT], oddities[ODDITY_COUNT];
    snapshot_begin(s, 7, true, WINDOWS, has_previous, &accounts, records, oddities);
    snapshot_add_entity(s, DIMENSION_MANAGER, TEXT("Ada"), 0);
}

static void expect_window(const struct snapshot *s, unsigned w, const struct sums *current, const struct sums *previous)
{
    struct sums a, b;
    snapshot_sums(s, 0, w, &a, &b);
    a.at[MEASURE_LEVEL_KNOWN] = a.at[MEASURE_WON_AMOUNT_BEFORE] = 0;
    cr_assert(memcmp(&a, current, sizeof a) == 0 && memcmp(&b, previous, sizeof b) == 0, "window %u", w);
}

Test(snapshot, sums_of_every_size_are_read)
{
    struct random r = {random_seed(17)};
    struct snapshot *s = snapshot_create(), *other = snapshot_create();
    for (int round = 0; round < 500; round++) {
        struct sums current[WINDOWS], previous[WINDOWS], points[4];
        begin(s);
        for (unsigned w = 0; w < WINDOWS; w++) {
            current[w] = some_sums(&r);
            previous[w] = some_sums(&r);
            snapshot_add_sums(s, w, &current[w], &previous[w]);
        }
        struct image *image = snapshot_image(s);
        snapshot_add_series(s, 0);
        for (unsigned i = 0; i < 4; i++) {
            points[i] = some_sums(&r);
            snapshot_add_point(s, &points[i]);
        }
        begin(other);
        snapshot_add_image(other, image, NULL, 0);
        for (unsigned w = 0; w < WINDOWS; w++) {
            expect_window(s, w, &current[w], &previous[w]);
            expect_window(other, w, &current[w], &previous[w]);
        }
        size_t at;
        cr_assert(snapshot_series(s, 0, 0, &at));
        for (unsigned i = 0; i < 4; i++) {
            struct sums point;
            at = snapshot_point(s, at, &point);
            cr_assert(memcmp(&point, &points[i], sizeof point) == 0, "point %u", i);
        }
        image_release(image);
    }
    snapshot_destroy(s);
    snapshot_destroy(other);
}

/* All of them as wide as they can be, and one of them another one. */
Test(snapshot, a_hash_is_of_each_number)
{
    struct snapshot *s = snapshot_create(), *other = snapshot_create();
    struct sums sums, zero = {{0}};
    for (unsigned m = 0; m < MEASURE_COUNT; m++)
        sums.at[m] = (int128)1 << 100;
    begin(s);
    snapshot_add_sums(s, 0, &sums, &zero);
    for (unsigned m = 0; m < MEASURE_COUNT; m++) {
        struct sums changed = sums;
        changed.at[m]++;
        begin(other);
        snapshot_add_sums(other, 0, &changed, &zero);
        cr_expect(snapshot_sums_hash(other, 0, 0) != snapshot_sums_hash(s, 0, 0), "measure %u", m);
        begin(other);
        snapshot_add_sums(other, 0, &sums, &zero);
        cr_expect(snapshot_sums_hash(other, 0, 0) == snapshot_sums_hash(s, 0, 0));
    }
    snapshot_destroy(s);
    snapshot_destroy(other);
}

/* A partition that was announced and not read to its end is of the past; what comes from none is not. */
Test(snapshot, what_is_of_the_past)
{
    struct snapshot *s = snapshot_create();
    begin(s);
    cr_expect(!snapshot_is_of_past(s));
    snapshot_add_position(s, &(struct snapshot_position){.topic = TEXT("")});
    snapshot_add_position(s, &(struct snapshot_position){.topic = TEXT("deals"), .ended = true});
    cr_expect(!snapshot_is_of_past(s) && !snapshot_is_live(s));
    snapshot_add_position(s, &(struct snapshot_position){.topic = TEXT("deals"), .partition = 1});
    cr_expect(snapshot_is_of_past(s));
    begin(s);
    cr_expect(!snapshot_is_of_past(s));
    snapshot_destroy(s);
}
