#include "alerts/engine.h"
#include "tests/alerts/rules.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#define NONE  (-1)
#define BLIND 16

/* What is seen at an instant, and the state after it. */
struct step {
    int at_s;
    int value; /* in thousandths; NONE: no value */
    int n;
    int state; /* | BLIND: catching up or stale */
};

static struct kpi_value thousandths(int value, int n)
{
    return (struct kpi_value){.numerator = value, .denominator = 1000, .n = n};
}

/* Applies the transitions to the state that a reader would hold, and checks that each begins where it ended. */
static enum alert_state follow(enum alert_state state, const struct transition *t, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_expect(eq(int, (int)t[i].from, (int)state));
        state = t[i].to;
    }
    return state;
}

static void run_steps(const char *name, const struct rule_config *rule, const struct step *steps, size_t count)
{
    struct rule_config r = *rule;
    struct config config = rules_config(&r);
    struct engine *e = engine_create(&config);
    enum alert_state state = ALERT_INACTIVE;
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        engine_begin(e, i == 0);
        uint32_t entity = engine_entity(e, rule->dimension, TEXT("Anna"));
        struct kpi_value v = thousandths(s->value, s->n);
        engine_value(e, 0, entity, s->value == NONE ? NULL : &v);
        size_t moved;
        const struct transition *t = engine_decide(e, s->at_s * SECOND, !(s->state & BLIND), &moved);
        state = follow(state, t, moved);
        cr_expect(eq(int, (int)state, s->state & ~BLIND), "%s, step %zu at %d s: %s", name, i, s->at_s,
                  alert_state_name(state));
        cr_expect(eq(sz, engine_count(e, ALERT_FIRING), state == ALERT_FIRING ? 1 : 0));
        cr_expect(eq(sz, engine_count(e, ALERT_PENDING), state == ALERT_PENDING ? 1 : 0));
    }
    engine_destroy(e);
}

#define RUN(name, rule, ...)                                  \
    run_steps(name, rule, (const struct step[]){__VA_ARGS__}, \
              sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

#define INACT ALERT_INACTIVE
#define PEND  ALERT_PENDING
#define FIRE  ALERT_FIRING
#define RESOL ALERT_RESOLVED

Test(engine, without_for_a_breach_fires_at_its_first_grid_instant)
{
    struct rule_config r = rules_low();
    RUN("no for", &r, {10, 300, 9, INACT}, {20, 249, 9, FIRE}, {30, 249, 9, FIRE}, {40, 250, 9, RESOL},
        {50, 100, 9, FIRE});
}

/* A threshold is compared as it stands: what is equal is neither below nor above. */
Test(engine, comparisons_at_the_very_threshold)
{
    struct rule_config r = rules_low();
    r.comparison = BELOW;
    RUN("below", &r, {10, 251, 9, INACT}, {20, 250, 9, INACT}, {30, 249, 9, FIRE}, {40, 250, 9, RESOL});
    r.comparison = AT_MOST;
    RUN("at most", &r, {10, 251, 9, INACT}, {20, 250, 9, FIRE}, {30, 249, 9, FIRE}, {40, 251, 9, RESOL});
    r.comparison = ABOVE;
    RUN("above", &r, {10, 249, 9, INACT}, {20, 250, 9, INACT}, {30, 251, 9, FIRE}, {40, 250, 9, RESOL});
    r.comparison = AT_LEAST;
    RUN("at least", &r, {10, 249, 9, INACT}, {20, 250, 9, FIRE}, {30, 251, 9, FIRE}, {40, 249, 9, RESOL});
}

/* 1/3 is below 0.333334 and not below 0.333333, though both print as 0.333333. */
Test(engine, the_fraction_is_compared_and_not_its_text)
{
    struct rule_config r = rules_low();
    struct config config = rules_config(&r);
    const struct {
        int64_t threshold_micro;
        size_t firing;
    } rows[] = {{333333, 0}, {333334, 1}};
    for (size_t i = 0; i < 2; i++) {
        r.threshold_micro = r.clear_micro = rows[i].threshold_micro;
        struct engine *e = engine_create(&config);
        struct kpi_value third = {.numerator = 1, .denominator = 3, .n = 3};
        engine_begin(e, true);
        engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Anna")), &third);
        size_t moved;
        engine_decide(e, 10 * SECOND, true, &moved);
        cr_expect(eq(sz, engine_count(e, ALERT_FIRING), rows[i].firing));
        engine_destroy(e);
    }
}

Test(engine, with_for_the_breach_must_last)
{
    struct rule_config r = rules_low();
    r.for_ms = 20000;
    RUN("lasts", &r, {10, 100, 9, PEND}, {20, 200, 9, PEND}, {30, 100, 9, FIRE});
    RUN("too short", &r, {10, 100, 9, PEND}, {20, 100, 9, PEND}, {30, 300, 9, INACT}, {40, 100, 9, PEND},
        {50, 100, 9, PEND}, {60, 100, 9, FIRE});
    RUN("fires once more", &r, {10, 100, 9, PEND}, {30, 100, 9, FIRE}, {40, 300, 9, RESOL}, {50, 100, 9, PEND},
        {60, 300, 9, INACT}, {70, 100, 9, PEND}, {90, 100, 9, FIRE});
    r.for_ms = 5000; /* no multiple of the grid: the next instant at which it is that old */
    RUN("shorter than the grid", &r, {10, 100, 9, PEND}, {20, 100, 9, FIRE});
    r.for_ms = 15000;
    RUN("between two instants", &r, {10, 100, 9, PEND}, {20, 100, 9, PEND}, {30, 100, 9, FIRE});
}

/* A quiet entity is in no snapshot; its breach lasts all the same. */
Test(engine, with_for_the_breach_lasts_while_nothing_changes)
{
    struct rule_config r = rules_low();
    r.for_ms = 20000;
    struct config config = rules_config(&r);
    struct engine *e = engine_create(&config);
    size_t moved;
    engine_begin(e, true);
    struct kpi_value v = thousandths(100, 9);
    engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Anna")), &v);
    engine_decide(e, 10 * SECOND, true, &moved);
    cr_expect(eq(sz, engine_count(e, ALERT_PENDING), 1));
    engine_begin(e, false);
    engine_decide(e, 29 * SECOND, true, &moved);
    cr_expect(eq(sz, engine_count(e, ALERT_PENDING), 1));
    engine_begin(e, false);
    const struct transition *t = engine_decide(e, 31 * SECOND, true, &moved);
    cr_assert(eq(sz, moved, 1));
    cr_expect(eq(int, (int)t->to, (int)ALERT_FIRING));
    cr_expect(eq(i64, t->at_us, 30 * SECOND), "decided at the grid instant");
    cr_expect(eq(i64, t->starts_us, 10 * SECOND), "began when the breach was first seen");
    engine_destroy(e);
}

/* What comes within one step of the grid waits for the next instant. */
Test(engine, one_decision_a_grid_instant)
{
    struct rule_config r = rules_low();
    RUN("grid", &r, {10, 300, 9, INACT}, {11, 100, 9, INACT}, {19, 100, 9, INACT}, {20, 100, 9, FIRE},
        {21, 300, 9, FIRE}, {22, 100, 9, FIRE}, {35, 100, 9, FIRE}, {36, 300, 9, FIRE}, {47, 300, 9, RESOL});
}

Test(engine, between_threshold_and_clearing_threshold_nothing_moves)
{
    struct rule_config r = rules_low();
    r.clear_micro = 300000;
    RUN("below", &r, {10, 270, 9, INACT}, {20, 240, 9, FIRE}, {30, 270, 9, FIRE}, {40, 299, 9, FIRE},
        {50, 240, 9, FIRE}, {60, 300, 9, RESOL}, {70, 270, 9, RESOL}, {80, 249, 9, FIRE});
    r.comparison = ABOVE;
    r.threshold_micro = 300000;
    r.clear_micro = 250000;
    RUN("above", &r, {10, 270, 9, INACT}, {20, 301, 9, FIRE}, {30, 270, 9, FIRE}, {40, 251, 9, FIRE},
        {50, 250, 9, RESOL}, {60, 270, 9, RESOL});
    r.for_ms = 20000; /* while pending there is nothing to clear: what is not in breach is calm */
    RUN("pending", &r, {10, 301, 9, PEND}, {20, 270, 9, INACT}, {30, 301, 9, PEND}, {50, 301, 9, FIRE},
        {60, 270, 9, FIRE});
}

Test(engine, a_small_sample_is_no_value)
{
    struct rule_config r = rules_low();
    r.sample_min = 10;
    RUN("sample", &r, {10, 100, 9, INACT}, {20, 100, 10, FIRE}, {30, 900, 9, FIRE}, {40, 900, 10, RESOL});
}

/* No value can raise no alert and lower none. */
Test(engine, no_value_keeps_what_stands)
{
    struct rule_config r = rules_low();
    RUN("none", &r, {10, NONE, 0, INACT}, {20, 100, 9, FIRE}, {30, NONE, 0, FIRE}, {40, 100, 9, FIRE},
        {50, NONE, 0, FIRE}, {60, 300, 9, RESOL});
    r.for_ms = 20000; /* a breach that was not seen to last starts over */
    RUN("pending", &r, {10, 100, 9, PEND}, {20, NONE, 0, INACT}, {30, 100, 9, PEND}, {40, 100, 9, PEND},
        {50, 100, 9, FIRE});
}

Test(engine, while_blind_nothing_is_decided)
{
    struct rule_config r = rules_low();
    RUN("new", &r, {10, 100, 9, INACT | BLIND}, {20, 100, 9, INACT | BLIND}, {30, 100, 9, FIRE});
    RUN("standing", &r, {10, 100, 9, FIRE}, {20, 900, 9, FIRE | BLIND}, {30, 900, 9, FIRE | BLIND},
        {40, 900, 9, RESOL});
    r.for_ms = 20000;
    RUN("pending", &r, {10, 100, 9, PEND}, {20, 100, 9, INACT | BLIND}, {30, 100, 9, PEND}, {40, 100, 9, PEND},
        {50, 100, 9, FIRE});
}

/* After a blind time the value that stands decides, though it was told while blind. */
Test(engine, what_was_told_while_blind_is_not_lost)
{
    struct rule_config r = rules_low();
    struct config config = rules_config(&r);
    struct engine *e = engine_create(&config);
    size_t moved;
    engine_begin(e, true);
    struct kpi_value v = thousandths(100, 9);
    engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Anna")), &v);
    engine_decide(e, 10 * SECOND, false, &moved);
    cr_expect(eq(sz, moved, 0));
    engine_begin(e, false);
    engine_decide(e, 20 * SECOND, true, &moved);
    cr_expect(eq(sz, moved, 1));
    engine_destroy(e);
}

/* At ten seconds, Anna and Boris, with the value. */
static struct engine *two_fire(const struct config *config, const struct kpi_value *v)
{
    struct engine *e = engine_create(config);
    size_t moved;
    engine_begin(e, true);
    engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Anna")), v);
    engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Boris")), v);
    engine_decide(e, 10 * SECOND, true, &moved);
    cr_expect(eq(sz, moved, 2));
    return e;
}

Test(engine, an_entity_that_is_gone_is_resolved)
{
    struct rule_config r = rules_low();
    struct config config = rules_config(&r);
    size_t moved;
    struct kpi_value v = thousandths(100, 9);
    struct engine *e = two_fire(&config, &v);
    engine_begin(e, false); /* named in no snapshot of changes: still there */
    engine_decide(e, 20 * SECOND, true, &moved);
    cr_expect(eq(sz, moved, 0));
    engine_begin(e, true);
    engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Boris")), &v);
    const struct transition *t = engine_decide(e, 30 * SECOND, true, &moved);
    cr_assert(eq(sz, moved, 1));
    cr_expect(text_equal(t->entity, TEXT("Anna")));
    cr_expect(eq(int, (int)t->reason, (int)ALERT_VANISHED));
    cr_expect(eq(sz, engine_count(e, ALERT_FIRING), 1));
    engine_destroy(e);
}

/* Nothing stands for Anna any more; of Chen nobody has heard, and nothing is kept. */
Test(engine, an_entity_for_which_nothing_stands_is_gone)
{
    struct rule_config r = rules_low();
    struct config config = rules_config(&r);
    size_t moved;
    struct kpi_value v = thousandths(100, 9);
    struct engine *e = two_fire(&config, &v);
    engine_begin(e, false);
    engine_absent(e, DIMENSION_MANAGER, TEXT("Anna"));
    engine_absent(e, DIMENSION_MANAGER, TEXT("Chen"));
    const struct transition *t = engine_decide(e, 20 * SECOND, true, &moved);
    cr_assert(eq(sz, moved, 1));
    cr_expect(text_equal(t->entity, TEXT("Anna")) && t->reason == ALERT_VANISHED);
    cr_expect(engine_count(e, ALERT_INACTIVE) + engine_count(e, ALERT_RESOLVED) + engine_count(e, ALERT_FIRING) == 2);
    engine_begin(e, false); /* and there again */
    engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Anna")), &v);
    t = engine_decide(e, 30 * SECOND, true, &moved);
    cr_assert(eq(sz, moved, 1));
    cr_expect(t->to == ALERT_FIRING && t->occurrence == 2);
    engine_destroy(e);
}

Test(engine, a_rule_may_name_its_entities)
{
    struct rule_config r = rules_low();
    char *names[] = {(char *)"Anna", (char *)"Вера"};
    r.entities = names;
    r.entity_count = 2;
    struct config config = rules_config(&r);
    struct engine *e = engine_create(&config);
    size_t moved;
    struct kpi_value v = thousandths(100, 9);
    engine_begin(e, true);
    const char *all[] = {"Вера", "Ann", "Boris", "Anna"};
    for (size_t i = 0; i < 4; i++) {
        engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, text_of(all[i])), &v);
    }
    const struct transition *t = engine_decide(e, 10 * SECOND, true, &moved);
    cr_assert(eq(sz, moved, 2));
    cr_expect(text_equal(t[0].entity, TEXT("Anna")), "sorted by name");
    cr_expect(text_equal(t[1].entity, TEXT("Вера")));
    engine_destroy(e);
}

/* Each occurrence has a number of its own; one that did not come to fire uses none up. */
Test(engine, occurrences_are_numbered)
{
    struct rule_config r = rules_low();
    r.for_ms = 10000;
    struct config config = rules_config(&r);
    struct engine *e = engine_create(&config);
    const struct {
        int value;
        int occurrence; /* of the transition */
    } rows[] = {{100, 1}, {300, 1}, {100, 1}, {100, 1}, {300, 1}, {100, 2}, {100, 2}, {300, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t moved;
        struct kpi_value v = thousandths(rows[i].value, 9);
        engine_begin(e, i == 0);
        engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Anna")), &v);
        const struct transition *t = engine_decide(e, (int64_t)(i + 1) * 10 * SECOND, true, &moved);
        cr_assert(eq(sz, moved, 1), "step %zu", i);
        cr_expect(eq(u32, t->occurrence, (uint32_t)rows[i].occurrence), "step %zu", i);
    }
    engine_destroy(e);
}

struct kept_list {
    struct engine_kept at[8];
    size_t count;
};

static void keep(void *context, const struct engine_kept *kept)
{
    struct kept_list *list = context;
    cr_assert(list->count < 8);
    list->at[list->count++] = *kept;
}

/* What is put back is not told again, and goes on with its number. */
Test(engine, restored_alerts_go_on)
{
    struct rule_config r = rules_low();
    struct config config = rules_config(&r);
    struct engine *e = engine_create(&config);
    uint32_t replaced = 9;
    cr_expect(engine_restore(e, TEXT("win rate low"), TEXT("manager"), TEXT("month"), TEXT("Anna"), 3, true, 5 * SECOND,
                             &replaced));
    cr_expect(eq(u32, replaced, 0));
    cr_expect(engine_restore(e, TEXT("win rate low"), TEXT("manager"), TEXT("month"), TEXT("Boris"), 1, true,
                             5 * SECOND, &replaced));
    cr_expect(
        engine_restore(e, TEXT("win rate low"), TEXT("manager"), TEXT("month"), TEXT("Vera"), 7, false, 0, &replaced));
    cr_expect(not(engine_restore(e, TEXT("win rate low"), TEXT("manager"), TEXT("month"), TEXT("Anna"), 2, false, 0,
                                 &replaced)),
              "older");
    cr_expect(
        not(engine_restore(e, TEXT("other"), TEXT("manager"), TEXT("month"), TEXT("Anna"), 1, true, 0, &replaced)));
    cr_expect(
        not(engine_restore(e, TEXT("win rate low"), TEXT("team"), TEXT("month"), TEXT("Anna"), 9, true, 0, &replaced)));
    cr_expect(not(
        engine_restore(e, TEXT("win rate low"), TEXT("manager"), TEXT("24h"), TEXT("Anna"), 9, true, 0, &replaced)));
    engine_take_over(e, false);
    cr_expect(eq(sz, engine_count(e, ALERT_FIRING), 2));

    /* Anna is still low, Boris is gone, Vera is low anew. */
    size_t moved;
    struct kpi_value v = thousandths(100, 9);
    engine_begin(e, true);
    engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Anna")), &v);
    engine_value(e, 0, engine_entity(e, DIMENSION_MANAGER, TEXT("Vera")), &v);
    const struct transition *t = engine_decide(e, 20 * SECOND, true, &moved);
    cr_assert(eq(sz, moved, 2));
    cr_expect(text_equal(t[0].entity, TEXT("Boris")));
    cr_expect(eq(int, (int)t[0].to, (int)ALERT_RESOLVED));
    cr_expect(eq(i64, t[0].starts_us, 5 * SECOND), "of before the restart");
    cr_expect(text_equal(t[1].entity, TEXT("Vera")));
    cr_expect(eq(u32, t[1].occurrence, 8));

    struct kept_list list = {.count = 0};
    engine_each_kept(e, keep, &list);
    cr_assert(eq(sz, list.count, 3));
    cr_expect(eq(u32, list.at[0].occurrence, 3));
    cr_expect(list.at[0].firing);
    cr_expect(eq(i64, list.at[0].starts_us, 5 * SECOND));
    cr_expect(not(list.at[1].firing));
    engine_destroy(e);
}

/* Rules of several dimensions and windows, many entities, random values: against a model that looks at everything
 * at every grid instant and knows no lists. */

#define RULES    6
#define ENTITIES 9

static struct random dice;

static int below(int n)
{
    return (int)random_below(&dice, n);
}

struct model {
    enum alert_state state;
    int64_t since_us;
    int occurrence;
    bool there, has;
    int value, n;
};

static struct model model_of[RULES][ENTITIES];

static bool model_past(const struct rule_config *r, int value, int64_t limit_micro)
{
    int64_t micro = (int64_t)value * 1000;
    return r->comparison == BELOW     ? micro < limit_micro
           : r->comparison == AT_MOST ? micro <= limit_micro
           : r->comparison == ABOVE   ? micro > limit_micro
                                      : micro >= limit_micro;
}

/* The state after a grid instant. */
static enum alert_state model_next(const struct rule_config *r, struct model *m, int64_t grid_us, bool trusted)
{
    if (!trusted) {
        return m->state == ALERT_PENDING ? ALERT_INACTIVE : m->state;
    }
    bool has = m->there && m->has && m->n >= r->sample_min;
    bool breach = has && model_past(r, m->value, r->threshold_micro);
    if (m->state == ALERT_FIRING) {
        bool clear = has && !model_past(r, m->value, r->clear_micro);
        return clear || !m->there ? ALERT_RESOLVED : ALERT_FIRING;
    }
    if (!breach) {
        return m->state == ALERT_PENDING ? ALERT_INACTIVE : m->state;
    }
    if (m->state != ALERT_PENDING) {
        m->since_us = grid_us;
        return r->for_ms > 0 ? ALERT_PENDING : ALERT_FIRING;
    }
    return grid_us - m->since_us >= r->for_ms * 1000 ? ALERT_FIRING : ALERT_PENDING;
}

static void random_rules(struct rule_config *rules, char names[RULES][8])
{
    const enum dimension dimensions[] = {DIMENSION_COMPANY, DIMENSION_MANAGER, DIMENSION_TEAM};
    for (int i = 0; i < RULES; i++) {
        snprintf(names[i], 8, "r%d", i);
        rules[i] = rules_low();
        rules[i].name = names[i];
        rules[i].dimension = dimensions[below(3)];
        rules[i].window = (unsigned)below(2);
        rules[i].comparison = (enum comparison)below(4);
        bool low = rules[i].comparison == BELOW || rules[i].comparison == AT_MOST;
        rules[i].threshold_micro = 300000 + below(5) * 100000;
        rules[i].clear_micro = rules[i].threshold_micro + (low ? 1 : -1) * below(3) * 100000;
        rules[i].for_ms = below(4) * 7000;
        rules[i].sample_min = below(2) * 5;
    }
}

static void model_run(uint64_t seed)
{
    dice = (struct random){seed};
    memset(model_of, 0, sizeof model_of);
    struct rule_config rules[RULES];
    char rule_names[RULES][8];
    random_rules(rules, rule_names);
    struct config config = rules_config(rules);
    config.alerts.rule_count = RULES;
    struct engine *e = engine_create(&config);
    int64_t now_us = 0, decided_us = -1;
    for (int round = 0; round < 400; round++) {
        now_us += below(12000) * MILLISECOND;
        bool everything = round == 0 || below(15) == 0, trusted = below(10) > 0;
        engine_begin(e, everything);
        for (int i = 0; i < RULES && everything; i++) {
            for (int k = 0; k < ENTITIES; k++) {
                model_of[i][k].there = model_of[i][k].has = false;
            }
        }
        for (int k = 0; k < ENTITIES; k++) {
            char name[8];
            snprintf(name, sizeof name, "e%d", k);
            for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
                if (below(4) > (everything ? 2 : 0)) {
                    continue;
                }
                uint32_t entity = engine_entity(e, (enum dimension)d, text_of(name));
                for (int i = 0; i < RULES; i++) {
                    struct model *m = &model_of[i][k];
                    if (rules[i].dimension != (enum dimension)d) {
                        continue;
                    }
                    m->there = true;
                    m->has = below(5) > 0;
                    m->value = below(10) * 100;
                    m->n = below(10);
                    struct kpi_value v = thousandths(m->value, m->n);
                    engine_value(e, (size_t)i, entity, m->has ? &v : NULL);
                }
            }
        }
        size_t moved, expected = 0, firing = 0;
        const struct transition *t = engine_decide(e, now_us, trusted, &moved);
        int64_t grid_us = now_us - now_us % (10 * SECOND);
        bool decides = !trusted || grid_us > decided_us;
        for (int i = 0; i < RULES; i++) {
            for (int k = 0; k < ENTITIES; k++) {
                struct model *m = &model_of[i][k];
                enum alert_state next = decides ? model_next(&rules[i], m, grid_us, trusted) : m->state;
                if (next != m->state) {
                    m->occurrence += next == ALERT_FIRING;
                    cr_assert(expected < moved, "seed %lu round %d", (unsigned long)seed, round);
                    const struct transition *got = &t[expected++];
                    char name[8];
                    snprintf(name, sizeof name, "e%d", k);
                    cr_assert(eq(ptr, (void *)got->rule, (void *)&rules[i]));
                    cr_assert(text_equal(got->entity, text_of(name)));
                    cr_assert(eq(int, (int)got->from, (int)m->state));
                    cr_assert(eq(int, (int)got->to, (int)next));
                    cr_assert(eq(i64, got->starts_us, m->since_us));
                    if (next == ALERT_FIRING || next == ALERT_RESOLVED) {
                        cr_assert(eq(int, (int)got->occurrence, m->occurrence));
                    }
                    m->state = next;
                }
                firing += m->state == ALERT_FIRING;
            }
        }
        cr_assert(eq(sz, moved, expected), "seed %lu round %d", (unsigned long)seed, round);
        cr_assert(eq(sz, engine_count(e, ALERT_FIRING), firing));
        if (trusted && grid_us > decided_us) {
            decided_us = grid_us;
        }
    }
    engine_destroy(e);
}

Test(engine, agrees_with_a_naive_model_on_random_walks)
{
    uint64_t seed = random_seed(1);
    for (uint64_t i = 0; i < 200; i++) {
        model_run(seed + i);
    }
}
