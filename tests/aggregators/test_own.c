/* Own KPIs read the measures that their formulas name, and only what passes their filters. */
#include "aggregators/own.h"
#include "tests/support/dump.h"
#include "tests/support/story.h"
#include <stdio.h>
#include <string.h>

TestSuite(own, .init = setup, .fini = teardown);

static void configure(const char *formula, const char *filter, const char *sample)
{
    struct config *c = core.config;
    char why[240];
    if (c->kpis == NULL) {
        c->kpis = must_zalloc(sizeof *c->kpis);
        c->kpi_count = 1;
    }
    struct own_kpi_config *k = c->kpis;
    free(k->formula_text);
    free(k->filter_text);
    free(k->name);
    name_filter_fini(&k->filter);
    k->name = must_strdup("own");
    k->formula_text = must_strdup(formula);
    k->filter_text = must_strdup(filter);
    cr_assert(formula_parse(text_of(formula), &k->formula, why, sizeof why), "%s", why);
    if (filter[0] != '\0')
        cr_assert(name_filter_parse(text_of(filter), &k->filter, why, sizeof why), "%s", why);
    k->sample = formula_measure_find(text_of(sample));
    k->absent = k->formula.is_sum ? ABSENT_ZERO : ABSENT_NONE;
}

/* The names of formulas are those of the core. */
Test(own, each_measure_of_a_formula_is_the_core_s_of_that_name)
{
    for (unsigned f = 0; f < FORMULA_MEASURE_COUNT; f++) {
        const char *name = formula_measure_name((enum formula_measure)f);
        configure(name, "", "");
        struct own_plan plan;
        own_plan_init(&plan, core.config);
        unsigned found = 0;
        for (unsigned m = 0; m < MEASURE_ADDED_COUNT; m++) {
            struct sums sums = {{0}};
            sums.at[m] = 7 * MICRO;
            struct kpi_value v;
            bool reads = own_evaluate(&plan, 0, &sums, NULL, &v);
            cr_expect_eq(reads, strcmp(name, measure_name((enum measure)m)) == 0, "%s reads %s", name,
                         measure_name((enum measure)m));
            found += reads;
        }
        cr_expect_eq(found, 1, "%s", name);
    }
}

static void own_is(enum dimension d, const char *entity, const char *window, const char *expected, int64_t n)
{
    struct own_plan plan;
    own_plan_init(&plan, core.config);
    int w = config_window_find(core.config, text_of(window));
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    struct buffer b;
    buffer_init(&b);
    buffer_string(&b, "");
    int64_t got = 0;
    size_t i = core_find(s, d, entity);
    if (i < snapshot_entity_count(s)) {
        struct sums sums, previous;
        struct own_sums own, own_previous;
        struct kpi_value v;
        snapshot_sums(s, i, (unsigned)w, &sums, &previous);
        snapshot_own_sums(s, i, (unsigned)w, &own, &own_previous);
        if (own_evaluate(&plan, 0, &sums, &own, &v)) {
            own_format(&b, &plan, 0, &v, 2);
            got = v.n;
        }
    }
    cr_expect_str_eq(b.at, expected, "%s %s: %s, not %s", entity, window, b.at, expected);
    cr_expect_eq(got, n);
    buffer_fini(&b);
    snapshot_destroy(s);
}

Test(own, only_what_passes_counts_and_corrections_follow)
{
    configure("won_amount / won", "product = \"Pro\" and source in (\"web\", \"fair\")", "won");
    core.config->kpis->unit = 1; /* money */
    shard_destroy(core.shard);
    core.shard = shard_create(core.config, core.calendar);
    LEAD("L", "2024-03-01T00:00:00Z", NAME(FIELD_SOURCE, "web"));
    DEAL("D1", "2024-03-10T00:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(10)),
         NAME(FIELD_PRODUCT, "Pro"), NAME(DEAL_LEAD, "L"), NAME(FIELD_MANAGER, "Anna"));
    DEAL("D2", "2024-03-11T00:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(30)),
         NAME(FIELD_PRODUCT, "Pro"), NAME(FIELD_SOURCE, "fair"));
    DEAL("D3", "2024-03-12T00:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_AMOUNT, UNITS(99)),
         NAME(FIELD_PRODUCT, "Pro"));
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    own_is(DIMENSION_COMPANY, "all", "month", "20.00", 2);
    own_is(DIMENSION_MANAGER, "Anna", "month", "10.00", 1);
    own_is(DIMENSION_COMPANY, "all", "last_month", "", 0);
    /* The lead was not from the web: its deal does not pass any more. */
    LEAD("L", "2024-03-15T00:00:00Z", NAME(FIELD_SOURCE, "call"));
    own_is(DIMENSION_COMPANY, "all", "month", "30.00", 1);
    own_is(DIMENSION_MANAGER, "Anna", "month", "", 0);
    DEAL("D3", "2024-03-16T00:00:00Z", NAME(FIELD_SOURCE, "web"));
    own_is(DIMENSION_COMPANY, "all", "month", "64.50", 2);
    /* Time alone moves it. */
    shard_advance(core.shard, at("2024-04-02T00:00:00Z"));
    own_is(DIMENSION_COMPANY, "all", "month", "", 0);
    own_is(DIMENSION_COMPANY, "all", "last_month", "64.50", 2);
}

/* What a filter says of a tuple is kept for some of them: each is asked anew once another one has had its place. */
Test(own, more_tuples_than_are_kept)
{
    configure("won", "product = \"Pro\"", "won");
    shard_destroy(core.shard);
    core.shard = shard_create(core.config, core.calendar);
    char key[24], manager[24];
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "D%d", i);
        snprintf(manager, sizeof manager, "M%d", i / 2);
        DEAL(key, "2024-03-10T00:00:00Z", NAME(DEAL_STAGE, "won"), NAME(FIELD_MANAGER, manager),
             NAME(FIELD_PRODUCT, i % 2 ? "Pro" : "Lite"));
    }
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    own_is(DIMENSION_COMPANY, "all", "month", "1500", 1500);
    own_is(DIMENSION_MANAGER, "M700", "month", "1", 1);
    for (int i = 0; i < 3000; i += 2) { /* each the other product's now */
        snprintf(key, sizeof key, "D%d", i);
        DEAL(key, "2024-03-11T00:00:00Z", NAME(FIELD_PRODUCT, "Pro"));
        snprintf(key, sizeof key, "D%d", i + 1);
        DEAL(key, "2024-03-11T00:00:00Z", NAME(FIELD_PRODUCT, "Lite"));
    }
    own_is(DIMENSION_COMPANY, "all", "month", "1500", 1500);
    own_is(DIMENSION_MANAGER, "M700", "month", "1", 1);
    own_is(DIMENSION_PRODUCT, "Lite", "month", "", 0);
    own_is(DIMENSION_PRODUCT, "Pro", "month", "1500", 1500);
}
