#include "alerts/engine.h"
#include "aggregators/attainment.h"
#include "base/instant.h"
#include "base/intern.h"
#include <stdlib.h>
#include <string.h>

/* Who has told that it fires. */
enum told {
    TOLD_NOT,
    TOLD_BEFORE, /* this instance, before its restart */
    TOLD_HERE,   /* this one, or the one that we took over from */
};

/* One rule at one entity. */
struct watch {
    struct kpi_value value;
    int64_t starts_us;   /* PENDING, FIRING; of the last one while RESOLVED */
    uint32_t occurrence; /* how often it fired */
    uint8_t state;       /* enum alert_state; changed by move() alone */
    uint8_t told;        /* enum told, while FIRING */
    bool has_value;
    bool applies; /* the rule looks at this entity */
    bool due;     /* in the section's list */
};

/* The rules and entities of one dimension. */
struct section {
    size_t *rules; /* indices in config.alerts.rules, by window */
    size_t rule_count;
    struct intern names;
    bool *there;           /* by entity */
    struct watch *watches; /* entity x rule_count + place of the rule in `rules` */
    uint32_t room;         /* entities for which there and watches have room */
    size_t *due;           /* watches to look at in the next decision */
    size_t due_count, due_room;
};

struct engine {
    const struct config *config;
    int64_t every_us;
    int money_decimals;
    int64_t valued_us;  /* the instant that the kept values are of, INSTANT_NONE before */
    int64_t decided_us; /* the last grid instant that was decided, INSTANT_NONE before */
    int64_t decisions;
    bool tells; /* what it decides is told */
    size_t counts[ALERT_STATE_COUNT];
    size_t *places; /* by rule: its place in the section's `rules` */
    struct section sections[DIMENSION_COUNT];
    struct transition *transitions;
    size_t transition_count, transition_room;
};

/* From row to column. */
static const bool ALLOWED[ALERT_STATE_COUNT][ALERT_STATE_COUNT] = {
    [ALERT_INACTIVE] = {[ALERT_PENDING] = true, [ALERT_FIRING] = true},
    [ALERT_PENDING] = {[ALERT_INACTIVE] = true, [ALERT_FIRING] = true},
    [ALERT_FIRING] = {[ALERT_RESOLVED] = true},
    [ALERT_RESOLVED] = {[ALERT_PENDING] = true, [ALERT_FIRING] = true},
};

static const struct rule_config *rule_at(const struct engine *e, size_t rule)
{
    REQUIRE(rule < e->config->alerts.rule_count);
    return &e->config->alerts.rules[rule];
}

/* Rules of one window stand together, in the order of the configuration. */
static void sort_by_window(const struct engine *e, struct section *f)
{
    for (size_t i = 1; i < f->rule_count; i++) {
        size_t rule = f->rules[i], at = i;
        while (at > 0 && rule_at(e, f->rules[at - 1])->window > rule_at(e, rule)->window) {
            f->rules[at] = f->rules[at - 1];
            at--;
        }
        f->rules[at] = rule;
    }
}

struct engine *engine_create(const struct config *config)
{
    const struct alert_config *alerts = &config->alerts;
    struct engine *e = must_zalloc(sizeof *e);
    e->config = config;
    REQUIRE(alerts->every_ms > 0);
    e->every_us = alerts->every_ms * MILLISECOND;
    e->money_decimals = config_currency_decimals(config, config->base_currency);
    e->valued_us = INSTANT_NONE;
    e->decided_us = INSTANT_NONE;
    e->places = must_zalloc(alerts->rule_count * sizeof *e->places);
    for (size_t d = 0; d < DIMENSION_COUNT; d++) {
        struct section *f = &e->sections[d];
        intern_init(&f->names);
        f->rules = must_zalloc(alerts->rule_count * sizeof *f->rules);
        for (size_t i = 0; i < alerts->rule_count; i++) {
            if (alerts->rules[i].dimension == (enum dimension)d) {
                f->rules[f->rule_count++] = i;
            }
        }
        sort_by_window(e, f);
        for (size_t place = 0; place < f->rule_count; place++) {
            e->places[f->rules[place]] = place;
        }
    }
    return e;
}

void engine_destroy(struct engine *e)
{
    if (!e) {
        return;
    }
    for (size_t d = 0; d < DIMENSION_COUNT; d++) {
        struct section *f = &e->sections[d];
        intern_fini(&f->names);
        free(f->rules);
        free(f->there);
        free(f->watches);
        free(f->due);
    }
    free(e->places);
    free(e->transitions);
    free(e);
}

static void mark_due(struct section *f, size_t watch)
{
    if (f->watches[watch].due) {
        return;
    }
    f->watches[watch].due = true;
    if (f->due_count == f->due_room) {
        f->due_room = f->due_room ? f->due_room * 2 : 64;
        f->due = must_realloc(f->due, f->due_room * sizeof *f->due);
    }
    f->due[f->due_count++] = watch;
}

static bool rule_names(const struct rule_config *rule, struct text entity)
{
    for (size_t i = 0; i < rule->entity_count; i++) {
        if (text_equal(text_of(rule->entities[i]), entity)) {
            return true;
        }
    }
    return rule->entity_count == 0;
}

/* The entity's number; it is not marked as there. */
static uint32_t entity_add(struct engine *e, struct section *f, struct text name)
{
    uint32_t before = f->names.count;
    uint32_t entity = intern_add(&f->names, name);
    if (f->names.count == before) {
        return entity;
    }
    if (entity >= f->room) {
        f->room = f->room ? f->room * 2 : 16;
        f->there = must_realloc(f->there, f->room * sizeof *f->there);
        f->watches = must_realloc(f->watches, f->room * f->rule_count * sizeof *f->watches);
    }
    f->there[entity] = false;
    for (size_t place = 0; place < f->rule_count; place++) {
        struct watch *w = &f->watches[entity * f->rule_count + place];
        *w = (struct watch){.state = ALERT_INACTIVE, .applies = rule_names(rule_at(e, f->rules[place]), name)};
        e->counts[ALERT_INACTIVE] += w->applies ? 1 : 0;
    }
    return entity;
}

/* Until it is named again. */
static void set_gone(struct section *f, uint32_t entity)
{
    f->there[entity] = false;
    for (size_t place = 0; place < f->rule_count; place++) {
        size_t i = entity * f->rule_count + place;
        struct watch *w = &f->watches[i];
        if (w->has_value || w->state == ALERT_FIRING) {
            w->has_value = false;
            mark_due(f, i);
        }
    }
}

void engine_begin(struct engine *e, bool everything)
{
    if (!everything) {
        return;
    }
    for (size_t d = 0; d < DIMENSION_COUNT; d++) {
        struct section *f = &e->sections[d];
        for (uint32_t entity = 0; entity < f->names.count; entity++) {
            set_gone(f, entity);
        }
    }
}

void engine_absent(struct engine *e, enum dimension dimension, struct text name)
{
    struct section *f = &e->sections[dimension];
    uint32_t entity = intern_find(&f->names, name);
    if (entity != INTERN_NONE) {
        set_gone(f, entity);
    }
}

uint32_t engine_entity(struct engine *e, enum dimension dimension, struct text name)
{
    struct section *f = &e->sections[dimension];
    uint32_t entity = entity_add(e, f, name);
    f->there[entity] = true;
    return entity;
}

void engine_value(struct engine *e, size_t rule, uint32_t entity, const struct kpi_value *value)
{
    const struct rule_config *r = rule_at(e, rule);
    struct section *f = &e->sections[r->dimension];
    REQUIRE(entity < f->names.count);
    size_t i = entity * f->rule_count + e->places[rule];
    struct watch *w = &f->watches[i];
    if (!w->applies) {
        return;
    }
    /* No records make a count or sum 0: a value, and often the very one to tell of. Only who asks for more than one
     * record does not want it. */
    bool zero_counts = kpi_adds_up(r->kpi) && r->sample_min <= 1; /* also of a target: nothing reached */
    w->has_value = value && (value->n >= r->sample_min || zero_counts);
    if (w->has_value) {
        w->value = *value;
    }
    mark_due(f, i);
}

/* Whether the value is on the wrong side of the limit. */
static bool is_past(const struct engine *e, const struct rule_config *r, const struct kpi_value *v, int64_t limit_micro)
{
    int order = aspect_compare(r->kpi, r->aspect, v, limit_micro, e->money_decimals);
    switch (r->comparison) {
    case BELOW: return order < 0;
    case AT_MOST: return order <= 0;
    case ABOVE: return order > 0;
    case AT_LEAST: return order >= 0;
    }
    REQUIRE(false); /* no such comparison */
}

static struct transition *transition_add(struct engine *e)
{
    if (e->transition_count == e->transition_room) {
        e->transition_room = e->transition_room ? e->transition_room * 2 : 16;
        e->transitions = must_realloc(e->transitions, e->transition_room * sizeof *e->transitions);
    }
    return &e->transitions[e->transition_count++];
}

/* The only place where a state changes: checked against the table, counted, and told to whoever asked for the
 * decision, which logs it. */
static void move(struct engine *e, struct section *f, size_t at, enum alert_state to, enum alert_reason reason,
                 int64_t at_us)
{
    struct watch *w = &f->watches[at];
    enum alert_state from = w->state;
    REQUIRE(ALLOWED[from][to]);
    if (to == ALERT_PENDING || (to == ALERT_FIRING && from != ALERT_PENDING)) {
        w->starts_us = at_us;
    }
    if (to == ALERT_FIRING) {
        w->occurrence++;
        w->told = e->tells ? TOLD_HERE : TOLD_NOT;
    }
    w->state = (uint8_t)to;
    e->counts[from]--;
    e->counts[to]++;
    const struct rule_config *rule = rule_at(e, f->rules[at % f->rule_count]);
    struct text entity = intern_text(&f->names, (uint32_t)(at / f->rule_count));
    const char *window = e->config->windows[rule->window].name;
    bool to_come = from == ALERT_PENDING ? to != ALERT_FIRING : to == ALERT_PENDING;
    *transition_add(e) = (struct transition){
        .rule = rule,
        .entity = entity,
        .window = window,
        .from = from,
        .to = to,
        .reason = reason,
        .occurrence = w->occurrence + (to_come ? 1 : 0),
        .at_us = at_us,
        .starts_us = w->starts_us,
        .has_value = w->has_value,
        .value = w->value,
        .fingerprint = alert_fingerprint(text_of(rule->name), rule->dimension, entity, text_of(window)),
    };
}

static void decide_one(struct engine *e, struct section *f, size_t at, int64_t grid_us)
{
    struct watch *w = &f->watches[at];
    const struct rule_config *rule = rule_at(e, f->rules[at % f->rule_count]);
    bool breach = w->has_value && is_past(e, rule, &w->value, rule->threshold_micro);
    switch ((enum alert_state)w->state) {
    case ALERT_INACTIVE:
    case ALERT_RESOLVED:
        if (breach) {
            move(e, f, at, rule->for_ms > 0 ? ALERT_PENDING : ALERT_FIRING, ALERT_BREACH, grid_us);
        }
        break;
    case ALERT_PENDING:
        if (!breach) {
            move(e, f, at, ALERT_INACTIVE, w->has_value ? ALERT_CALM : ALERT_NO_VALUE, grid_us);
        } else if (grid_us - w->starts_us >= rule->for_ms * MILLISECOND) {
            move(e, f, at, ALERT_FIRING, ALERT_HELD, grid_us);
        }
        break;
    case ALERT_FIRING:
        if (!f->there[at / f->rule_count]) {
            move(e, f, at, ALERT_RESOLVED, ALERT_VANISHED, grid_us);
        } else if (w->has_value && !is_past(e, rule, &w->value, rule->clear_micro)) {
            move(e, f, at, ALERT_RESOLVED, ALERT_RECOVERED, grid_us);
        }
        break;
    case ALERT_STATE_COUNT: REQUIRE(false);
    }
}

/* It was told before a restart, and its end must be told as well: it waits for the take-over. */
static bool waits_to_tell(const struct engine *e, const struct watch *w)
{
    return !e->tells && w->state == ALERT_FIRING && w->told == TOLD_BEFORE;
}

/* Looks at what changed and at what is pending, and keeps what is pending for the next time. */
static void decide_section(struct engine *e, struct section *f, int64_t grid_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->due_count; i++) {
        size_t at = f->due[i];
        struct watch *w = &f->watches[at];
        if (!waits_to_tell(e, w)) {
            decide_one(e, f, at, grid_us);
        }
        w->due = w->state == ALERT_PENDING || waits_to_tell(e, w);
        if (w->due) {
            f->due[kept++] = at;
        }
    }
    f->due_count = kept;
}

/* Every pending watch is in the list of what is due, and stays there: its value may be in breach still. */
static void forget_pending(struct engine *e, struct section *f, int64_t grid_us)
{
    for (size_t i = 0; i < f->due_count; i++) {
        struct watch *w = &f->watches[f->due[i]];
        if (w->state == ALERT_PENDING) {
            move(e, f, f->due[i], ALERT_INACTIVE, ALERT_BLIND, grid_us);
        }
    }
}

/* So that the order of transitions tells nothing of the order in which values came. */
static int transition_order(const void *left, const void *right)
{
    const struct transition *a = left, *b = right;
    if (a->rule != b->rule) {
        return a->rule < b->rule ? -1 : 1;
    }
    return text_compare(a->entity, b->entity);
}

const struct transition *engine_decide(struct engine *e, int64_t as_of_us, bool trusted, size_t *out_count)
{
    e->transition_count = 0;
    *out_count = 0;
    REQUIRE(as_of_us >= 0);
    int64_t grid_us = as_of_us - as_of_us % e->every_us;
    if (!trusted) {
        for (size_t d = 0; d < DIMENSION_COUNT; d++) {
            forget_pending(e, &e->sections[d], grid_us);
        }
    } else if (e->decided_us == INSTANT_NONE || grid_us > e->decided_us) {
        for (size_t d = 0; d < DIMENSION_COUNT; d++) {
            decide_section(e, &e->sections[d], grid_us);
        }
        e->decided_us = grid_us;
        e->decisions++;
    }
    if (e->transition_count > 1) {
        qsort(e->transitions, e->transition_count, sizeof *e->transitions, transition_order);
    }
    *out_count = e->transition_count;
    return e->transitions;
}

/* A count or sum that is left out is 0; any other value that is left out is none. */
static bool evaluate(enum kpi k, const struct sums *sums, struct kpi_value *out)
{
    if (kpi_evaluate(k, sums, out)) {
        return true;
    }
    *out = (struct kpi_value){.numerator = 0, .denominator = 1, .n = 0};
    return kpi_adds_up(k);
}

/* What a rule watches; of an aspect, such as a pace, n is that of the KPI. */
static bool evaluate_rule(const struct engine *e, const struct rule_config *r, const struct snapshot *s, size_t entity,
                          const struct sums *sums, struct kpi_value *out)
{
    struct kpi_value booked;
    bool has_value = evaluate(r->kpi, sums, &booked);
    if (r->aspect == ASPECT_VALUE) {
        *out = booked;
        return has_value;
    }
    bool to_date = e->config->windows[r->window].kind == WINDOW_TO_DATE;
    const struct snapshot_target *target = snapshot_target_find(s, entity, r->window, r->kpi);
    if (!aspect_evaluate(r->kpi, r->aspect, sums, target, to_date, out)) {
        return false;
    }
    out->n = has_value ? booked.n : 0;
    return true;
}

/* Values that grow by themselves are not told again with each snapshot. */
static void age_values(struct engine *e, int64_t as_of_us)
{
    int64_t by_us = e->valued_us == INSTANT_NONE ? 0 : as_of_us - e->valued_us;
    e->valued_us = as_of_us;
    for (size_t d = 0; d < DIMENSION_COUNT && by_us > 0; d++) {
        struct section *f = &e->sections[d];
        for (size_t place = 0; place < f->rule_count; place++) {
            enum kpi k = rule_at(e, f->rules[place])->kpi;
            for (uint32_t entity = 0; kpi_ages(k) && entity < f->names.count; entity++) {
                size_t i = entity * f->rule_count + place;
                if (!f->watches[i].has_value) {
                    continue;
                }
                kpi_age(k, &f->watches[i].value, by_us);
                mark_due(f, i);
            }
        }
    }
}

const struct transition *engine_take(struct engine *e, const struct snapshot *s, bool trusted, size_t *out_count)
{
    engine_begin(e, snapshot_is_everything(s));
    age_values(e, snapshot_as_of_us(s));
    for (size_t i = 0; i < snapshot_entity_count(s); i++) {
        enum dimension dimension = snapshot_entity_dimension(s, i);
        struct section *f = &e->sections[dimension];
        if (f->rule_count == 0) {
            continue;
        }
        if (!snapshot_entity_stands(s, i)) {
            engine_absent(e, dimension, snapshot_entity_name(s, i));
            continue;
        }
        uint32_t entity = engine_entity(e, dimension, snapshot_entity_name(s, i));
        struct sums sums, previous;
        unsigned window = WINDOWS_MAX;
        for (size_t place = 0; place < f->rule_count; place++) {
            const struct rule_config *rule = rule_at(e, f->rules[place]);
            if (!f->watches[entity * f->rule_count + place].applies) {
                continue;
            }
            if (rule->window != window) {
                window = rule->window;
                snapshot_sums(s, i, window, &sums, &previous);
            }
            struct kpi_value value;
            bool has_value = evaluate_rule(e, rule, s, i, &sums, &value);
            engine_value(e, f->rules[place], entity, has_value ? &value : NULL);
        }
    }
    return engine_decide(e, snapshot_as_of_us(s), trusted, out_count);
}

size_t engine_count(const struct engine *e, enum alert_state state)
{
    REQUIRE(state < ALERT_STATE_COUNT);
    return e->counts[state];
}

int64_t engine_decisions(const struct engine *e)
{
    return e->decisions;
}

void engine_each_kept(const struct engine *e, void (*visit)(void *context, const struct engine_kept *kept),
                      void *context)
{
    for (size_t rule = 0; rule < e->config->alerts.rule_count; rule++) {
        const struct rule_config *r = rule_at(e, rule);
        const struct section *f = &e->sections[r->dimension];
        const char *window = e->config->windows[r->window].name;
        for (uint32_t entity = 0; entity < f->names.count; entity++) {
            const struct watch *w = &f->watches[entity * f->rule_count + e->places[rule]];
            if (w->occurrence == 0) {
                continue;
            }
            struct text name = intern_text(&f->names, entity);
            struct engine_kept kept = {
                .rule = r,
                .entity = name,
                .window = window,
                .occurrence = w->occurrence,
                .firing = w->state == ALERT_FIRING && w->told != TOLD_NOT,
                .starts_us = w->starts_us,
                .fingerprint = alert_fingerprint(text_of(r->name), r->dimension, name, text_of(window)),
            };
            visit(context, &kept);
        }
    }
}

/* The watch of what is named so, whose entity is added; NULL: there is none now. */
static struct watch *find_watch(struct engine *e, struct text rule, struct text dimension, struct text window,
                                struct text entity, struct section **out_section, size_t *out_at)
{
    size_t i = 0;
    while (i < e->config->alerts.rule_count && !text_equal(text_of(rule_at(e, i)->name), rule)) {
        i++;
    }
    if (i == e->config->alerts.rule_count || !text_is_name(entity)) {
        return NULL;
    }
    const struct rule_config *r = rule_at(e, i);
    if (!text_equal(text_of(dimension_name(r->dimension)), dimension) ||
        !text_equal(text_of(e->config->windows[r->window].name), window) || !rule_names(r, entity)) {
        return NULL;
    }
    *out_section = &e->sections[r->dimension];
    *out_at = entity_add(e, *out_section, entity) * (*out_section)->rule_count + e->places[i];
    return &(*out_section)->watches[*out_at];
}

/* A life goes on here as it stood elsewhere, so this is no move: nobody is to be told. */
static void put(struct engine *e, struct section *f, size_t at, enum alert_state state, uint32_t occurrence,
                int64_t starts_us, enum told told)
{
    struct watch *w = &f->watches[at];
    e->counts[w->state]--;
    e->counts[state]++;
    w->state = (uint8_t)state;
    w->occurrence = occurrence;
    w->starts_us = starts_us;
    w->told = (uint8_t)told;
    mark_due(f, at);
}

bool engine_restore(struct engine *e, struct text rule, struct text dimension, struct text window, struct text entity,
                    uint32_t occurrence, bool firing, int64_t starts_us, uint32_t *out_replaced)
{
    REQUIRE(e->decisions == 0);
    struct section *f;
    size_t at;
    const struct watch *w = find_watch(e, rule, dimension, window, entity, &f, &at);
    if (!w || occurrence == 0 || w->occurrence > occurrence) {
        return false;
    }
    *out_replaced = w->occurrence;
    put(e, f, at, firing ? ALERT_FIRING : ALERT_RESOLVED, occurrence, starts_us, TOLD_BEFORE);
    return true;
}

void engine_stand_by(struct engine *e)
{
    e->tells = false;
    for (size_t d = 0; d < DIMENSION_COUNT; d++) {
        struct section *f = &e->sections[d];
        for (size_t i = 0; i < f->names.count * f->rule_count; i++) {
            f->watches[i].told = TOLD_NOT;
        }
    }
}

void engine_take_over(struct engine *e, bool after_others)
{
    e->tells = true;
    for (size_t d = 0; d < DIMENSION_COUNT; d++) {
        struct section *f = &e->sections[d];
        for (size_t i = 0; i < f->names.count * f->rule_count; i++) {
            struct watch *w = &f->watches[i];
            if (w->state != ALERT_FIRING || w->told == TOLD_HERE || (w->told == TOLD_BEFORE && !after_others)) {
                continue;
            }
            bool pends = rule_at(e, f->rules[i % f->rule_count])->for_ms > 0;
            put(e, f, i, pends ? ALERT_PENDING : ALERT_INACTIVE, w->occurrence, w->starts_us, TOLD_NOT);
        }
    }
}

bool engine_adopt(struct engine *e, struct text rule, struct text dimension, struct text window, struct text entity,
                  uint32_t occurrence, int64_t starts_us, uint32_t *out_replaced)
{
    struct section *f;
    size_t at;
    const struct watch *w = find_watch(e, rule, dimension, window, entity, &f, &at);
    if (!w || occurrence == 0 || (w->state == ALERT_FIRING && w->told == TOLD_HERE)) {
        return false;
    }
    *out_replaced = w->occurrence;
    put(e, f, at, ALERT_FIRING, occurrence, starts_us, TOLD_HERE);
    return true;
}
