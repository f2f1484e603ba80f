/* story.h - a short story for a test of the core: events by hand, time, and the numbers that must come out.
 *
 * Included by one test file each; everything is static. TestSuite(NAME, .init = setup, .fini = teardown).
 */
#pragma once
#include "aggregators/shard.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include "tests/support/core.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static struct core core;

static inline void setup(void)
{
    core_init(&core, "UTC", 1, 1);
}

static inline void teardown(void)
{
    core_fini(&core);
}

static inline int64_t at(const char *t)
{
    int64_t us;
    cr_assert(instant_parse(text_of(t), &us) == OK, "%s", t);
    return us;
}

static inline enum outcome apply(struct event *e)
{
    enum outcome outcome = shard_apply(core.shard, e);
    free(e);
    return outcome;
}

/* The last argument of the list is END. */
#define LEAD(key, when, ...)     apply(make_event(KIND_LEAD, (key), at(when), (struct given[]){__VA_ARGS__, END}))
#define DEAL(key, when, ...)     apply(make_event(KIND_DEAL, (key), at(when), (struct given[]){__VA_ARGS__, END}))
#define PAYMENT(key, when, ...)  apply(make_event(KIND_PAYMENT, (key), at(when), (struct given[]){__VA_ARGS__, END}))
#define FEEDBACK(key, when, ...) apply(make_event(KIND_FEEDBACK, (key), at(when), (struct given[]){__VA_ARGS__, END}))
#define UNITS(n)                 ((int64_t)((n)*MICRO))

static inline void expect(enum dimension d, const char *entity, const char *window, const char *kpi,
                          const char *expected)
{
    struct buffer b;
    buffer_init(&b);
    buffer_string(&b, "");
    core_value(&core, &b, d, entity, window, kpi);
    cr_expect_str_eq(b.at, expected, "%s %s %s %s: %s, not %s", dimension_name(d), entity, window, kpi, b.at, expected);
    buffer_fini(&b);
}

static inline void company(const char *window, const char *kpi, const char *expected)
{
    expect(DIMENSION_COMPANY, "all", window, kpi, expected);
}
