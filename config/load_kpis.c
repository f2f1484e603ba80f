/* Own KPIs: a formula over measures, and a filter over names. */
#include "base/error.h"
#include "config/load.h"
#include <stdio.h>
#include <string.h>

const char *const own_unit_words[] = {"count", "money", "ratio", "seconds", "quantity", "score", NULL};
static const enum formula_type types[] = {TYPE_COUNT, TYPE_MONEY, TYPE_RATIO, TYPE_SECONDS, TYPE_QUANTITY, TYPE_SCORE};

const char *check_own_name(struct text t)
{
    bool good = t.len > 0 && t.len <= 64 && t.at[0] >= 'a' && t.at[0] <= 'z';
    for (size_t i = 0; i < t.len; i++) {
        good = good && ((t.at[i] >= 'a' && t.at[i] <= 'z') || (t.at[i] >= '0' && t.at[i] <= '9') || t.at[i] == '_');
    }
    return good ? NULL : "is no name of a KPI; write a letter, then small letters, digits and '_', 64 at most";
}

void load_formula(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct own_kpi_config *k = group;
    char why[240];
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    set_text(&k->formula_text, value->text);
    if (!formula_parse(value->text, &k->formula, why, sizeof why)) {
        report_add(l->report, value->mark, "'%s': %s", o->name, why);
        k->formula.count = 0;
    }
}

void load_name_filter(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct own_kpi_config *k = group;
    char why[240];
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    set_text(&k->filter_text, value->text);
    if (!name_filter_parse(value->text, &k->filter, why, sizeof why)) {
        report_add(l->report, value->mark, "'%s': %s", o->name, why);
    }
}

void load_sample(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct own_kpi_config *k = group;
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    k->sample = formula_measure_find(value->text);
    if (k->sample == FORMULA_MEASURE_COUNT || formula_measure_type(k->sample) != TYPE_COUNT) {
        report_add(l->report, value->mark, "'%s': '%s' is no measure that counts; docs/own-kpis.md lists them", o->name,
                   show(value->text).at);
    }
}

static void check_kpi(struct loader *l, const struct node *item, struct own_kpi_config *k, size_t index)
{
    struct config *c = l->config;
    if (k->name[0] == '\0') {
        return;
    }
    if (kpi_find(text_of(k->name)) != KPI_COUNT) {
        report_add(l->report, node_mark(item, "name"), "there is a KPI '%s' already; name it otherwise", k->name);
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(c->kpis[i].name, k->name) == 0) {
            report_add(l->report, node_mark(item, "name"), "KPI '%s' is there twice; name one of them otherwise",
                       k->name);
        }
    }
    if (k->formula.count > 0 && k->formula.type != types[k->unit]) {
        report_add(l->report, node_mark(item, "formula"),
                   "the formula of '%s' is a %s, not a %s; correct it, or 'unit'", k->name,
                   formula_type_name(k->formula.type), own_unit_words[k->unit]);
    }
    if (k->absent_choice == 0) {
        k->absent = k->formula.is_sum ? ABSENT_ZERO : ABSENT_NONE;
    } else {
        k->absent = k->absent_choice == 1 ? ABSENT_ZERO : ABSENT_NONE;
    }
}

/* Each filter with each group of measures that a formula takes through it has sums of its own. */
static void check_size(struct loader *l, const struct node *value)
{
    size_t filtered = 0;
    for (size_t i = 0; i < l->config->kpi_count; i++) {
        const struct own_kpi_config *k = &l->config->kpis[i];
        if (k->filter.count > 0) {
            filtered += (size_t)__builtin_popcountll(k->formula.measures) + (k->sample != FORMULA_MEASURE_COUNT);
        }
    }
    if (filtered > OWN_FILTERED_MAX) {
        report_add(l->report, value->mark, "%zu measures are read through filters, and %d can be; filter fewer",
                   filtered, OWN_FILTERED_MAX);
    }
}

void load_kpis(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    struct config *c = l->config;
    if (!want_list(l, o->name, value)) {
        return;
    }
    if (value->count > OWN_KPIS_MAX) {
        report_add(l->report, value->mark, "there are %zu own KPIs, and %d can be", value->count, OWN_KPIS_MAX);
        return;
    }
    c->kpis = must_zalloc(value->count * sizeof c->kpis[0]);
    for (size_t i = 0; i < value->count; i++) {
        const struct node *item = value->items[i];
        struct own_kpi_config *k = &c->kpis[c->kpi_count++];
        k->sample = FORMULA_MEASURE_COUNT;
        load_group(l, own_kpi_options, o->name, want_map(l, o->name, item) ? item : NULL, k);
        check_kpi(l, item, k, i);
    }
    check_size(l, value);
}
