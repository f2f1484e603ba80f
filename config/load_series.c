/* Which KPIs are kept as points for charts. */
#include "base/error.h"
#include "config/load.h"
#include <stdlib.h>

static void take_kpi(struct loader *l, const struct node *item, void *to)
{
    struct series_config *s = to;
    enum kpi k = kpi_find(item->text);
    if (k == KPI_COUNT) {
        report_unknown_kpi(l, item);
    } else if (kpi_info(k)->clock != KPI_SPAN) {
        report_add(l->report, item->mark, "'%s' is what stands now; a point is of what happens in a day or an hour",
                   show(item->text).at);
    } else {
        s->kpi[k] = true;
    }
}

void load_series_kpis(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    load_texts(l, o->name, value, take_kpi, group);
}

void load_series_entities(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct series_config *s = group;
    struct text_list list = {&s->entities, &s->entity_count};
    load_texts(l, o->name, value, take_text, &list);
}

void load_series(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_list(l, o->name, value)) {
        return;
    }
    struct config *c = l->config;
    for (size_t i = 0; i < value->count; i++) {
        const struct node *item = value->items[i];
        if (c->series_count == SERIES_MAX) {
            report_add(l->report, item->mark, "more than %d series; take some away", SERIES_MAX);
            return;
        }
        struct series_config *s = &c->series[c->series_count++];
        load_group(l, series_options, o->name, want_map(l, o->name, item) ? item : NULL, s);
        /* A key has one meaning. */
        for (size_t j = 0; j + 1 < c->series_count; j++) {
            const struct series_config *other = &c->series[j];
            for (unsigned k = 0; k < KPI_COUNT; k++) {
                if (s->dimension == other->dimension && s->kpi[k] && other->kpi[k]) {
                    report_add(l->report, item->mark, "%s of dimension %s is in another series; take it away here",
                               kpi_info((enum kpi)k)->name,
                               s->dimension < DIMENSION_COUNT ? dimension_name(s->dimension) : "");
                    break;
                }
            }
        }
    }
}
