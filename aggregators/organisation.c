/* A manager's rows become stints, which do not overlap: at each instant at which a row begins or ends, the row that is
 * in force from there on is looked up once. Asking is then a search in a short list. */
#include "aggregators/organisation.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

struct row {
    int64_t from_us, until_us;
    uint32_t team, name;
    bool active, lead;
    int64_t rank; /* among rows that begin together: the configuration's in their order, then records by key */
    struct text key;
};

static void list_fini(struct organisation_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        free(list->at[i].standing);
        free(list->at[i].former);
        free(list->at[i].claims);
    }
    free(list->at);
    free(list->changed);
    free(list->revised);
}

void organisation_fini(struct organisation *o)
{
    list_fini(&o->managers);
    list_fini(&o->teams);
    free(o->leads);
}

/* Nothing is written where it is there: a thread that makes a cut may read the list (cutting.h). */
static struct organisation_entry *need(struct organisation_list *list, uint32_t number)
{
    if (number >= list->count)
        list->at = must_grow(list->at, &list->count, number, sizeof *list->at);
    return &list->at[number];
}

static void push(uint32_t **numbers, uint32_t *count, uint32_t *room, uint32_t number)
{
    if (*count == *room) {
        *room = *room > 0 ? *room * 2 : 16;
        *numbers = must_realloc(*numbers, *room * sizeof **numbers);
    }
    (*numbers)[(*count)++] = number;
}

static struct organisation_entry *mark_changed(struct organisation_list *list, uint32_t number)
{
    struct organisation_entry *e = need(list, number);
    if (!e->changed)
        push(&list->changed, &list->changed_count, &list->changed_room, number);
    e->changed = true;
    return e;
}

/* Which list a row is in, and where; false: it says nothing. */
static bool home_of(struct organisation *o, const struct record *r, struct organisation_list **out_list,
                    uint32_t *out_number)
{
    if (!record_exists(r) || !record_has(r, MEMBER_TEAM))
        return false;
    bool of_manager = record_has(r, MEMBER_MANAGER);
    *out_list = of_manager ? &o->managers : &o->teams;
    *out_number = (uint32_t)record_value(r, of_manager ? MEMBER_MANAGER : MEMBER_TEAM);
    return true;
}

void organisation_claim(struct organisation *o, const struct record *r, int sign)
{
    struct organisation_list *list;
    uint32_t number;
    if (!home_of(o, r, &list, &number))
        return;
    struct organisation_entry *e = mark_changed(list, number);
    if (sign > 0) {
        push(&e->claims, &e->claim_count, &e->claim_room, r->slot);
        return;
    }
    uint32_t i = 0;
    while (e->claims[i] != r->slot)
        REQUIRE(++i < e->claim_count);
    e->claims[i] = e->claims[--e->claim_count];
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->from_us != y->from_us)
        return x->from_us < y->from_us ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return text_compare(x->key, y->key);
}

static int compare_instants(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int64_t optional(const struct record *r, unsigned field, int64_t otherwise)
{
    return record_has(r, field) ? record_value(r, field) : otherwise;
}

static size_t configured_rows(const struct organisation *o, const struct ledger *l, bool of_manager, uint32_t number,
                              struct row *out)
{
    size_t count = 0;
    for (size_t i = 0; i < o->config->member_count; i++) {
        const struct member_config *m = &o->config->members[i];
        if ((m->manager_id[0] != '\0') != of_manager || m->team_id[0] == '\0')
            continue;
        const struct intern *names = &l->names[of_manager ? DIMENSION_MANAGER : DIMENSION_TEAM];
        if (intern_find(names, text_of(of_manager ? m->manager_id : m->team_id)) != number)
            continue;
        struct row *row = &out[count++];
        *row = (struct row){.from_us = INT64_MIN,
                            .until_us = INT64_MAX,
                            .team = intern_find(&l->names[DIMENSION_TEAM], text_of(m->team_id)) + 1,
                            .active = m->active != 0,
                            .lead = m->lead != 0,
                            .rank = (int64_t)i};
        if (m->name[0] != '\0')
            row->name = intern_find(&l->words, text_of(m->name)) + 1;
        if (m->starts_on != INT64_MIN)
            row->from_us = calendar_instant(o->calendar, m->starts_on, 0);
        if (m->ends_on != INT64_MAX)
            row->until_us = calendar_instant(o->calendar, m->ends_on + 1, 0);
    }
    return count;
}

static size_t claimed_rows(const struct organisation *o, const struct ledger *l, const struct organisation_entry *e,
                           struct row *out)
{
    for (uint32_t i = 0; i < e->claim_count; i++) {
        const struct record *r = ledger_at(l, KIND_MEMBER, e->claims[i]);
        out[i] = (struct row){.from_us = optional(r, MEMBER_STARTS_AT, INT64_MIN),
                              .until_us = optional(r, MEMBER_ENDS_AT, INT64_MAX),
                              .team = (uint32_t)record_value(r, MEMBER_TEAM) + 1,
                              .name = record_has(r, MEMBER_NAME) ? (uint32_t)record_value(r, MEMBER_NAME) + 1 : 0,
                              .active = optional(r, MEMBER_ACTIVE, 1) != 0,
                              .lead = optional(r, MEMBER_LEAD, 0) != 0,
                              .rank = (int64_t)o->config->member_count,
                              .key = intern_text(&l->keys[KIND_MEMBER], r->slot)};
    }
    return e->claim_count;
}

static struct stint stint_of(const struct row *rows, size_t count, int64_t at_us)
{
    for (size_t i = count; i-- > 0;)
        if (rows[i].from_us <= at_us && at_us < rows[i].until_us)
            return (struct stint){at_us, rows[i].team, rows[i].name, rows[i].active, rows[i].lead};
    return (struct stint){.from_us = at_us};
}

static bool same_stint(const struct stint *a, const struct stint *b)
{
    return a->team == b->team && a->name == b->name && a->active == b->active && a->lead == b->lead;
}

static bool same_stints(const struct stints *a, const struct stints *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->count != b->count || a->overlap != b->overlap)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->at[i].from_us != b->at[i].from_us || !same_stint(&a->at[i], &b->at[i]))
            return false;
    return true;
}

static bool any_overlap(const struct row *rows, size_t count)
{
    int64_t until_us = INT64_MIN;
    bool any = false;
    for (size_t i = 0; i < count; i++) { /* by from_us */
        if (rows[i].until_us <= rows[i].from_us)
            continue;
        if (any && rows[i].from_us < until_us)
            return true;
        any = true;
        if (rows[i].until_us > until_us)
            until_us = rows[i].until_us;
    }
    return false;
}

/* The stints that the rows of one manager, or of one team's name, come to; NULL where there is no row. */
static struct stints *stints_of(const struct organisation *o, const struct ledger *l, bool of_manager, uint32_t number,
                                const struct organisation_entry *e)
{
    size_t most = o->config->member_count + e->claim_count;
    struct row *rows = must_alloc(most * sizeof *rows + 1);
    size_t count = configured_rows(o, l, of_manager, number, rows);
    count += claimed_rows(o, l, e, rows + count);
    struct stints *s = NULL;
    if (count > 0) {
        qsort(rows, count, sizeof *rows, compare_rows);
        int64_t *edges = must_alloc((2 * count + 1) * sizeof *edges);
        size_t edge_count = 0;
        edges[edge_count++] = INT64_MIN;
        for (size_t i = 0; i < count; i++) {
            edges[edge_count++] = rows[i].from_us;
            edges[edge_count++] = rows[i].until_us;
        }
        qsort(edges, edge_count, sizeof *edges, compare_instants);
        s = must_alloc(sizeof *s + edge_count * sizeof s->at[0]);
        *s = (struct stints){.overlap = of_manager && any_overlap(rows, count)};
        for (size_t i = 0; i < edge_count; i++) {
            if (edges[i] == INT64_MAX || (i > 0 && edges[i] == edges[i - 1]))
                continue;
            struct stint stint = stint_of(rows, count, edges[i]);
            if (s->count == 0 || !same_stint(&s->at[s->count - 1], &stint))
                s->at[s->count++] = stint;
        }
        free(edges);
    }
    free(rows);
    return s;
}

/* The stint that is in force, and when the next one begins. */
static const struct stint *in_force(const struct stints *s, int64_t at_us, int64_t *out_until_us)
{
    *out_until_us = INT64_MAX;
    if (s == NULL)
        return NULL;
    uint32_t i = s->count;
    while (s->at[i - 1].from_us > at_us)
        *out_until_us = s->at[--i].from_us;
    return &s->at[i - 1];
}

static void mark_configured(struct organisation *o, struct ledger *l)
{
    for (size_t i = 0; i < o->config->member_count; i++) {
        const struct member_config *m = &o->config->members[i];
        if (m->team_id[0] == '\0')
            continue;
        uint32_t team = intern_add(&l->names[DIMENSION_TEAM], text_of(m->team_id));
        if (m->name[0] != '\0')
            intern_add(&l->words, text_of(m->name));
        if (m->manager_id[0] != '\0')
            mark_changed(&o->managers, intern_add(&l->names[DIMENSION_MANAGER], text_of(m->manager_id)));
        else
            mark_changed(&o->teams, team);
    }
}

void organisation_init(struct organisation *o, const struct config *config, const struct calendar *calendar,
                       struct ledger *l)
{
    *o = (struct organisation){.config = config,
                               .calendar = calendar,
                               .in_use = config->member_count > 0,
                               .moved_us = INT64_MIN,
                               .next_move_us = INT64_MAX};
    for (unsigned i = 0; i < config->input_count; i++)
        o->in_use = o->in_use || config->inputs[i].kind == KIND_MEMBER;
    mark_configured(o, l);
    (void)organisation_revise(o, l, INT64_MIN);
    organisation_settle(o);
}

/* True: some record that was asked about may differ. */
static bool revise_list(struct organisation *o, struct organisation_list *list, const struct ledger *l)
{
    bool matters = false, of_manager = list == &o->managers;
    for (uint32_t i = 0; i < list->changed_count; i++) {
        uint32_t number = list->changed[i];
        struct organisation_entry *e = &list->at[number];
        REQUIRE(!e->revised);
        e->changed = false;
        struct stints *fresh = stints_of(o, l, of_manager, number, e);
        if (same_stints(e->standing, fresh)) {
            free(fresh);
            continue;
        }
        o->overlaps -= e->standing != NULL && e->standing->overlap;
        o->overlaps += fresh != NULL && fresh->overlap;
        e->former = e->standing;
        e->standing = fresh;
        e->revised = true;
        matters = matters || (of_manager && e->used);
        push(&list->revised, &list->revised_count, &list->revised_room, number);
    }
    list->changed_count = 0;
    return matters;
}

/* When rows begin and end around now, and who leads which team. */
static void look_around(struct organisation *o, const struct ledger *l, int64_t now_us)
{
    o->moved_us = INT64_MIN;
    o->next_move_us = INT64_MAX;
    if (o->lead_count > 0)
        memset(o->leads, 0, o->lead_count * sizeof *o->leads);
    for (uint32_t m = 0; m < o->managers.count + o->teams.count; m++) {
        bool of_manager = m < o->managers.count;
        const struct stints *s = of_manager ? o->managers.at[m].standing : o->teams.at[m - o->managers.count].standing;
        int64_t until_us;
        const struct stint *now = in_force(s, now_us, &until_us);
        if (now == NULL)
            continue;
        if (now->from_us > o->moved_us)
            o->moved_us = now->from_us;
        if (until_us < o->next_move_us)
            o->next_move_us = until_us;
        if (!of_manager || !now->lead || now->team == 0)
            continue;
        o->leads = must_grow(o->leads, &o->lead_count, now->team - 1, sizeof *o->leads);
        uint32_t *lead = &o->leads[now->team - 1];
        const struct intern *names = &l->names[DIMENSION_MANAGER];
        if (*lead == 0 || text_compare(intern_text(names, m), intern_text(names, *lead - 1)) < 0)
            *lead = m + 1;
    }
}

bool organisation_has_changed(const struct organisation *o, int64_t now_us)
{
    return o->managers.changed_count > 0 || o->teams.changed_count > 0 || now_us >= o->next_move_us;
}

void organisation_make_room(struct organisation *o, uint32_t managers)
{
    if (o->in_use && managers > 0)
        need(&o->managers, managers - 1);
}

bool organisation_revise(struct organisation *o, const struct ledger *l, int64_t now_us)
{
    o->former_moved_us = o->moved_us;
    if (!organisation_has_changed(o, now_us))
        return false;
    bool matters = revise_list(o, &o->managers, l);
    revise_list(o, &o->teams, l);
    look_around(o, l, now_us);
    return matters || o->moved_us != o->former_moved_us;
}

static void settle_list(struct organisation_list *list)
{
    for (uint32_t i = 0; i < list->revised_count; i++) {
        struct organisation_entry *e = &list->at[list->revised[i]];
        free(e->former);
        e->former = NULL;
        e->revised = false;
    }
    list->revised_count = 0;
}

void organisation_settle(struct organisation *o)
{
    settle_list(&o->managers);
    settle_list(&o->teams);
    o->former_moved_us = o->moved_us;
}

static const struct stints *stints_in(const struct organisation *o, enum revision which, uint32_t manager)
{
    if (manager >= o->managers.count)
        return NULL;
    const struct organisation_entry *e = &o->managers.at[manager];
    return which == REVISION_FORMER && e->revised ? e->former : e->standing;
}

static uint32_t team_in(const struct organisation *o, enum revision which, uint32_t manager, int64_t at_us,
                        int64_t *out_until_us)
{
    const struct stint *s = in_force(stints_in(o, which, manager), at_us, out_until_us);
    return s != NULL ? s->team : 0;
}

static int64_t moved_in(const struct organisation *o, enum revision which)
{
    return which == REVISION_FORMER ? o->former_moved_us : o->moved_us;
}

bool organisation_differs_now(const struct organisation *o, uint32_t manager)
{
    int64_t until_us;
    return team_in(o, REVISION_FORMER, manager, o->former_moved_us, &until_us) !=
           team_in(o, REVISION_STANDING, manager, o->moved_us, &until_us);
}

bool organisation_tells_otherwise(const struct organisation *o, uint32_t manager)
{
    int64_t until_us;
    return o->managers.at[manager].revised ||
           in_force(stints_in(o, REVISION_FORMER, manager), o->former_moved_us, &until_us) !=
               in_force(stints_in(o, REVISION_STANDING, manager), o->moved_us, &until_us);
}

bool organisation_differs(const struct organisation *o, uint32_t manager)
{
    if (o->config->teams_view == TEAMS_AS_IS)
        return organisation_differs_now(o, manager);
    return manager < o->managers.count && o->managers.at[manager].revised;
}

uint32_t organisation_team(struct organisation *o, enum revision which, uint32_t manager, int64_t at_us,
                           int64_t *out_until_us)
{
    if (!o->in_use) {
        *out_until_us = INT64_MAX;
        return 0;
    }
    struct organisation_entry *e = need(&o->managers, manager);
    if (!e->used)
        e->used = true;
    if (o->config->teams_view == TEAMS_AS_WAS)
        return team_in(o, which, manager, at_us, out_until_us);
    uint32_t team = team_in(o, which, manager, moved_in(o, which), out_until_us);
    *out_until_us = INT64_MAX;
    return team;
}

uint32_t organisation_team_now(struct organisation *o, enum revision which, uint32_t manager)
{
    int64_t until_us;
    return organisation_team(o, which, manager, moved_in(o, which), &until_us);
}

const struct stint *organisation_manager(const struct organisation *o, uint32_t manager)
{
    int64_t until_us;
    return in_force(stints_in(o, REVISION_STANDING, manager), o->moved_us, &until_us);
}

const struct stint *organisation_team_name(const struct organisation *o, uint32_t team)
{
    int64_t until_us;
    return team < o->teams.count ? in_force(o->teams.at[team].standing, o->moved_us, &until_us) : NULL;
}

uint32_t organisation_lead(const struct organisation *o, uint32_t team)
{
    return team < o->lead_count ? o->leads[team] : 0;
}
