/* What is to be reached: targets, and the working time in which it is. */
#include "base/error.h"
#include "base/instant.h"
#include "config/load.h"
#include "config/scalar.h"
#include <stdlib.h>
#include <string.h>

void load_target_value(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct target_config *t = group;
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    const char *wrong = decimal_text_parse(value->text, true, &t->value_micro);
    if (wrong == NULL && t->value_micro < 0) {
        wrong = "is less than nothing; write a target from 0";
    }
    if (wrong != NULL) {
        report_add(l->report, value->mark, "'%s': '%s' %s", o->name, show(value->text).at, wrong);
    }
}

void load_target_kpi(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct target_config *t = group;
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    unsigned k = config_kpi_find(l->config, value->text);
    if (k == KPI_ANY_COUNT) {
        report_unknown_kpi(l, value);
    } else if (!config_kpi_is_of_span(k)) {
        report_add(l->report, value->mark,
                   "'%s' is what stands now and has no period; a target is for what happens in one",
                   show(value->text).at);
    }
    set_text(&t->kpi, value->text);
}

void load_targets(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_list(l, o->name, value)) {
        return;
    }
    struct config *c = l->config;
    c->targets = must_zalloc(value->count * sizeof c->targets[0]);
    for (size_t i = 0; i < value->count; i++) {
        const struct node *item = value->items[i];
        struct target_config *t = &c->targets[c->target_count++];
        t->ends_on = INT64_MAX;
        load_group(l, target_options, o->name, want_map(l, o->name, item) ? item : NULL, t);
        if (t->ends_on < t->starts_on) {
            report_add(l->report, node_mark(item, "ends_on"), "'ends_on' lies before 'starts_on'; correct one of them");
        }
    }
}

/* "09:00-18:00", up to 24:00. */
static bool hours_parse(struct text t, int *out_from, int *out_to)
{
    int minutes[2];
    if (t.len != 11 || t.at[5] != '-') {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        const char *at = t.at + 6 * i;
        for (int k = 0; k < 5; k++) {
            if (k == 2 ? at[k] != ':' : at[k] < '0' || at[k] > '9') {
                return false;
            }
        }
        int hour = (at[0] - '0') * 10 + at[1] - '0', minute = (at[3] - '0') * 10 + at[4] - '0';
        minutes[i] = hour * 60 + minute;
        if (minute > 59 || minutes[i] > 24 * 60) {
            return false;
        }
    }
    *out_from = minutes[0];
    *out_to = minutes[1];
    return minutes[0] < minutes[1];
}

void load_hours(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct working_calendar_config *c = group;
    if (want_scalar(l, o->name, value) && !hours_parse(value->text, &c->from_minute, &c->to_minute)) {
        report_add(l->report, value->mark, "'%s': '%s' are no hours; write them such as 09:00-18:00, at most to 24:00",
                   o->name, show(value->text).at);
    }
}

static void take_day(struct loader *l, const struct node *item, void *to)
{
    struct working_calendar_config *c = to;
    for (int d = 0; d < 7; d++) {
        if (text_equal(item->text, text_of(week_day_words[d]))) {
            c->works[d] = true;
            return;
        }
    }
    report_unknown(l->report, item->mark, "day", item->text, "", week_day_words, 7);
}

void load_days(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct working_calendar_config *c = group;
    memset(c->works, 0, sizeof c->works);
    load_texts(l, o->name, value, take_day, c);
}

static void take_holiday(struct loader *l, const struct node *item, void *to)
{
    struct working_calendar_config *c = to;
    int64_t day;
    if (date_parse(item->text, &day) != OK) {
        report_add(l->report, item->mark, "'%s' is no date; write it such as 2024-12-25", show(item->text).at);
        return;
    }
    c->holidays = must_realloc(c->holidays, (c->holiday_count + 1) * sizeof c->holidays[0]);
    c->holidays[c->holiday_count++] = day;
}

static int by_day(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

void load_holidays(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct working_calendar_config *c = group;
    load_texts(l, o->name, value, take_holiday, c);
    if (c->holiday_count > 0) {
        qsort(c->holidays, c->holiday_count, sizeof c->holidays[0], by_day);
    }
}

/* The first one is `default`, of whom no other is named for. */
void load_calendars(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    struct config *c = l->config;
    if (!want_map(l, o->name, value)) {
        return;
    }
    c->calendars = must_realloc(c->calendars, (value->count + 1) * sizeof c->calendars[0]);
    for (size_t i = 0; i < value->count; i++) {
        struct text name = value->keys[i]->text;
        struct working_calendar_config *made = &c->calendars[0];
        if (!text_equal(name, text_of(c->calendars[0].name))) {
            made = &c->calendars[c->calendar_count++];
            working_calendar_default(made, show(name).at);
            set_text(&made->name, name);
        }
        load_group(l, calendar_options, o->name, want_map(l, o->name, value->items[i]) ? value->items[i] : NULL, made);
    }
}

void load_calendar_name(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct team_config *t = group;
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    struct config *c = l->config;
    const char **names = must_alloc(c->calendar_count * sizeof *names);
    for (size_t i = 0; i < c->calendar_count; i++) {
        names[i] = c->calendars[i].name;
        if (text_equal(value->text, text_of(names[i]))) {
            t->calendar = i;
            free(names);
            return;
        }
    }
    report_unknown(l->report, value->mark, "calendar", value->text, "", names, c->calendar_count);
    free(names);
}

void load_teams(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    if (!want_map(l, o->name, value)) {
        return;
    }
    struct config *c = l->config;
    c->teams = must_zalloc(value->count * sizeof c->teams[0]);
    for (size_t i = 0; i < value->count; i++) {
        struct team_config *t = &c->teams[c->team_count++];
        set_text(&t->name, value->keys[i]->text);
        load_group(l, team_options, o->name, want_map(l, o->name, value->items[i]) ? value->items[i] : NULL, t);
    }
}
