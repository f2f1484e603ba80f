#include "aggregators/target.h"
#include "aggregators/working_time.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

static void claim(struct targets *t, uint32_t word, uint32_t who)
{
    t->by_entity = must_grow(t->by_entity, &t->entity_room, word, sizeof *t->by_entity);
    struct target_claims *c = &t->by_entity[word];
    for (uint32_t i = 0; i < c->count; i++)
        if (c->at[i] == who)
            return;
    if (c->count == c->room) {
        c->room = c->room > 0 ? c->room * 2 : 2;
        c->at = must_realloc(c->at, c->room * sizeof *c->at);
    }
    c->at[c->count++] = who;
}

void targets_init(struct targets *t, const struct config *config, const struct calendar *calendar, struct ledger *l)
{
    *t = (struct targets){.config = config, .calendar = calendar};
    t->configured_words = must_alloc(config->target_count * sizeof *t->configured_words + 1);
    for (size_t i = 0; i < config->target_count; i++) {
        t->configured_words[i] = intern_add(&l->words, text_of(config->targets[i].entity));
        claim(t, t->configured_words[i], TARGET_CONFIGURED + (uint32_t)i);
    }
}

void targets_fini(struct targets *t)
{
    for (uint32_t i = 0; i < t->record_room; i++)
        kept_events_fini(&t->records[i]);
    for (uint32_t i = 0; i < t->entity_room; i++)
        free(t->by_entity[i].at);
    free(t->records);
    free(t->by_entity);
    free(t->configured_words);
}

bool targets_apply(struct targets *t, const struct record *r, const struct event *e, const struct record_value *values)
{
    t->records = must_grow(t->records, &t->record_room, r->slot, sizeof *t->records);
    enum kept kept = kept_events_take(&t->records[r->slot], TARGET_EVENTS_MAX, e, values);
    if (kept == KEPT && e->carried & ~e->cleared & 1u << TARGET_ENTITY)
        claim(t, (uint32_t)values[TARGET_ENTITY].value, r->slot);
    return kept != KEPT_ALREADY;
}

const struct kept_events *targets_events(const struct targets *t, uint32_t slot)
{
    return slot < t->record_room ? &t->records[slot] : NULL;
}

void targets_restore(struct targets *t, uint32_t slot, struct kept_events events)
{
    t->records = must_grow(t->records, &t->record_room, slot, sizeof *t->records);
    REQUIRE(t->records[slot].count == 0);
    t->records[slot] = events;
    for (unsigned i = 0; i < events.count; i++)
        if (kept_event_sets(&events.at[i], TARGET_ENTITY))
            claim(t, (uint32_t)events.at[i].values[TARGET_ENTITY], slot);
}

/* What a record says to those who know only what was said before end_us, or restates. False: it does not exist, or
 * lacks something; *out_exists says which. */
static bool record_row(const struct targets *t, const struct kept_events *record, const struct ledger *l,
                       int64_t end_us, struct target_row *out, bool *out_exists)
{
    uint32_t set = 0;
    int64_t values[TARGET_FIELD_COUNT] = {0};
    bool exists = false;
    for (unsigned i = 0; i < record->count; i++) {
        const struct kept_event *e = &record->at[i];
        if (e->occurred_at_us >= end_us && !(kept_event_sets(e, TARGET_RESTATE) && e->values[TARGET_RESTATE] != 0))
            continue;
        exists = !e->deleted;
        if (e->deleted)
            set = 0;
        for (unsigned f = 0; f < TARGET_FIELD_COUNT; f++) {
            if (!(e->carried >> f & 1))
                continue;
            set = kept_event_sets(e, f) ? set | 1u << f : set & ~(1u << f);
            values[f] = e->values[f];
        }
    }
    *out_exists = exists;
    const uint32_t needed = 1u << TARGET_DIMENSION | 1u << TARGET_ENTITY | 1u << TARGET_KPI | 1u << TARGET_PERIOD |
                            1u << TARGET_VALUE | 1u << TARGET_STARTS_ON;
    if (!exists || (set & needed) != needed)
        return false;
    *out = (struct target_row){
        .dimension = (enum dimension)values[TARGET_DIMENSION],
        .entity = (uint32_t)values[TARGET_ENTITY],
        .kpi = config_kpi_find(t->config, intern_text(&l->words, (uint32_t)values[TARGET_KPI])),
        .period = values[TARGET_PERIOD],
        .value_micro = values[TARGET_VALUE],
        .starts_on = values[TARGET_STARTS_ON],
        .ends_on = set >> TARGET_ENDS_ON & 1 ? values[TARGET_ENDS_ON] : INT64_MAX,
        .ramp_periods = set >> TARGET_RAMP_PERIODS & 1 ? values[TARGET_RAMP_PERIODS] : 0,
    };
    return out->kpi != KPI_ANY_COUNT && config_kpi_is_of_span(out->kpi) && out->ramp_periods <= TARGET_RAMP_MAX;
}

static void configured_row(const struct targets *t, uint32_t i, struct target_row *out)
{
    const struct target_config *c = &t->config->targets[i];
    *out = (struct target_row){c->dimension, t->configured_words[i], config_kpi_find(t->config, text_of(c->kpi)),
                               c->period,    c->value_micro,         c->starts_on,
                               c->ends_on,   c->ramp_periods};
}

/* A row that may be in force, and who says it. */
struct candidate {
    struct target_row row;
    uint32_t who;
    int64_t days; /* of the period, that it governs */
};

static int compare_keys(const struct ledger *l, uint32_t a, uint32_t b)
{
    const struct intern *keys = &l->keys[KIND_TARGET];
    return text_compare(intern_text(keys, a), intern_text(keys, b));
}

/* Whether a's row counts before b's on a day on which both hold. */
static bool outranks(const struct ledger *l, const struct candidate *a, const struct candidate *b)
{
    if (a->row.starts_on != b->row.starts_on)
        return a->row.starts_on > b->row.starts_on;
    bool a_configured = a->who >= TARGET_CONFIGURED, b_configured = b->who >= TARGET_CONFIGURED;
    if (a_configured != b_configured)
        return b_configured;
    return a_configured ? a->who > b->who : compare_keys(l, a->who, b->who) > 0;
}

/* Adds value x factor x days to the fraction. False: its denominator would be too large. */
static bool add_share(const struct targets *t, const struct candidate *c, const struct target_period *p,
                      int128 *numerator, int128 *denominator)
{
    int128 share = (int128)c->row.value_micro * c->days, below = 1;
    if (c->row.ramp_periods > 0) {
        int64_t begun = calendar_periods_between(t->calendar, p->period, c->row.starts_on, p->first_day) + 1;
        below = c->row.ramp_periods + 1;
        share *= begun < below ? begun : below;
    }
    int128 common = *denominator / common_divisor(*denominator, below) * below;
    if (common > (int128)1 << 40)
        return false;
    *numerator = *numerator * (common / *denominator) + share * (common / below);
    *denominator = common;
    return true;
}

/* Of candidates for one KPI: which governs which days. True: some does. */
static bool govern(const struct ledger *l, struct candidate *at, unsigned count, const struct target_period *p,
                   const struct working_calendar_config *works, bool only_working)
{
    bool any = false;
    for (int64_t day = p->first_day; day < p->next_day; day++) {
        if (only_working && !working_calendar_works(works, day))
            continue;
        struct candidate *best = NULL;
        for (unsigned i = 0; i < count; i++)
            if (at[i].row.starts_on <= day && day <= at[i].row.ends_on && (best == NULL || outranks(l, &at[i], best)))
                best = &at[i];
        if (best != NULL)
            best->days++;
        any = any || best != NULL;
    }
    return any;
}

static int by_kpi(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return (int)x->row.kpi - (int)y->row.kpi;
}

unsigned targets_of(const struct targets *t, const struct ledger *l, enum dimension d, uint32_t word,
                    const struct target_period *p, const struct working_calendar_config *works, struct target_sum *out,
                    unsigned room)
{
    const struct target_claims *claims = &t->by_entity[word];
    struct candidate *at = must_alloc(claims->count * sizeof *at + 1);
    unsigned count = 0, found = 0;
    for (uint32_t i = 0; i < claims->count; i++) {
        struct candidate *c = &at[count];
        bool exists;
        *c = (struct candidate){.who = claims->at[i]};
        if (c->who >= TARGET_CONFIGURED)
            configured_row(t, c->who - TARGET_CONFIGURED, &c->row);
        else if (!record_row(t, &t->records[c->who], l, p->end_us, &c->row, &exists))
            continue;
        bool meets = c->row.dimension == d && c->row.entity == word && c->row.period == (int64_t)p->period &&
                     c->row.starts_on < p->next_day && c->row.ends_on >= p->first_day;
        count += meets;
    }
    int64_t working_days = 0;
    for (int64_t day = p->first_day; day < p->next_day && count > 0; day++)
        working_days += working_calendar_works(works, day);
    qsort(at, count, sizeof *at, by_kpi);
    for (unsigned from = 0, to; from < count && found < room; from = to) {
        to = from;
        while (to < count && at[to].row.kpi == at[from].row.kpi)
            to++;
        bool whole = govern(l, at + from, to - from, p, works, working_days > 0);
        int128 numerator = 0, denominator = 1;
        for (unsigned i = from; i < to && whole; i++)
            whole = at[i].days == 0 || add_share(t, &at[i], p, &numerator, &denominator);
        if (!whole)
            continue;
        denominator *= (working_days > 0 ? working_days : p->next_day - p->first_day) * (int128)MICRO;
        if (config_kpi_unit(t->config, at[from].row.kpi) == UNIT_MONEY)
            numerator *= power_of_ten(config_currency_decimals(t->config, t->config->base_currency));
        int128 common = common_divisor(numerator, denominator);
        out[found++] = (struct target_sum){at[from].row.kpi, numerator / common, denominator / common};
    }
    free(at);
    return found;
}

void targets_visit_record(const struct targets *t, const struct ledger *l, uint32_t slot,
                          void (*visit)(void *context, enum dimension d, struct text entity), void *context)
{
    /* NULL: a disk has given the record back, and no events of it. */
    const struct kept_events *record = targets_events(t, slot);
    for (unsigned i = 0; record != NULL && i < record->count; i++) {
        for (unsigned k = 0; k < record->count; k++) {
            const struct kept_event *of = &record->at[i], *whose = &record->at[k];
            if (kept_event_sets(of, TARGET_DIMENSION) && kept_event_sets(whose, TARGET_ENTITY))
                visit(context, (enum dimension)of->values[TARGET_DIMENSION],
                      intern_text(&l->words, (uint32_t)whose->values[TARGET_ENTITY]));
        }
    }
}

void targets_visit_configured(const struct targets *t,
                              void (*visit)(void *context, enum dimension d, struct text entity), void *context)
{
    for (size_t i = 0; i < t->config->target_count; i++)
        visit(context, t->config->targets[i].dimension, text_of(t->config->targets[i].entity));
}

void targets_count_odd(const struct targets *t, const struct ledger *l,
                       bool (*is_known)(const void *context, enum dimension d, struct text entity), const void *context,
                       int64_t *out_unknown, int64_t *out_nobody)
{
    *out_unknown = *out_nobody = 0;
    for (size_t i = 0; i < t->config->target_count; i++)
        *out_nobody += !is_known(context, t->config->targets[i].dimension, text_of(t->config->targets[i].entity));
    for (uint32_t slot = 0; slot < t->record_room; slot++) {
        struct target_row row;
        bool exists;
        bool counts = record_row(t, &t->records[slot], l, INT64_MAX, &row, &exists);
        *out_unknown += exists && !counts;
        *out_nobody += counts && !is_known(context, row.dimension, intern_text(&l->words, row.entity));
    }
}
