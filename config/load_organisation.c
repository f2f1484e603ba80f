/* The organisation: who is in which team, from when to when, and how both are shown. */
#include "base/error.h"
#include "config/load.h"
#include <stdlib.h>
#include <string.h>

static bool overlap(const struct member_config *a, const struct member_config *b)
{
    return a->manager_id[0] != '\0' && a->team_id[0] != '\0' && b->team_id[0] != '\0' &&
           strcmp(a->manager_id, b->manager_id) == 0 && a->starts_on <= b->ends_on && b->starts_on <= a->ends_on;
}

void load_organisation(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_list(l, o->name, value)) {
        return;
    }
    struct config *c = l->config;
    c->members = must_zalloc(value->count * sizeof c->members[0]);
    for (size_t i = 0; i < value->count; i++) {
        const struct node *item = value->items[i];
        struct member_config *m = &c->members[c->member_count++];
        m->starts_on = INT64_MIN;
        m->ends_on = INT64_MAX;
        load_group(l, member_options, o->name, want_map(l, o->name, item) ? item : NULL, m);
        if (m->manager_id[0] == '\0' && m->team_id[0] == '\0') {
            report_add(l->report, item->mark,
                       "a row of the organisation names nobody; write 'manager_id' and 'team_id'");
        }
        if (m->ends_on < m->starts_on) {
            report_add(l->report, node_mark(item, "ends_on"), "'ends_on' lies before 'starts_on'; correct one of them");
            continue;
        }
        for (size_t j = 0; j + 1 < c->member_count; j++) {
            if (overlap(&c->members[j], m)) {
                report_add(l->report, item->mark,
                           "manager '%s' is in a team in line %u on some of the same days; end one of the rows earlier",
                           show(text_of(m->manager_id)).at, value->items[j]->mark.line);
                break;
            }
        }
    }
}
