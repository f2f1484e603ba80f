/* Windows of dimensions, and what is ranked over them. */
#include "base/error.h"
#include "base/instant.h"
#include "config/load.h"
#include "config/scalar.h"
#include <string.h>

static const char *const window_names[] = {"today",     "week",       "month",        "quarter",   "year", "yesterday",
                                           "last_week", "last_month", "last_quarter", "last_year", "all",  "now",
                                           "1h",        "24h",        "7d",           "30d",       "90d"};
#define WINDOW_NAME_COUNT (sizeof window_names / sizeof window_names[0])

static void report_window(struct loader *l, const struct node *item, enum window_error e, int64_t step_us)
{
    if (e == WINDOW_TOO_LONG) {
        report_add(l->report, item->mark, "window '%s' is longer than 3660d; 'all' has no limit", show(item->text).at);
        return;
    }
    if (e == WINDOW_NO_MULTIPLE) {
        struct buffer step;
        buffer_init(&step);
        duration_format(&step, step_us / MILLISECOND);
        report_add(l->report, item->mark,
                   "window '%s' moves in steps of %s and must be a multiple of them; write another length",
                   show(item->text).at, step.at);
        buffer_fini(&step);
        return;
    }
    const char *near = nearest(item->text, window_names, WINDOW_NAME_COUNT);
    if (near != NULL) {
        report_add(l->report, item->mark, "unknown window '%s'; did you mean '%s'?", show(item->text).at, near);
    } else {
        report_add(l->report, item->mark,
                   "unknown window '%s'; write a length such as 90m, 24h or 7d, or today, week, month, quarter, year, "
                   "yesterday, last_week, last_month, last_quarter, last_year, all or now",
                   show(item->text).at);
    }
}

struct window_list {
    bool seen[WINDOWS_MAX];
    bool too_many;
};

/* One window of a list; a new name joins the windows of the configuration. */
static void take_window(struct loader *l, const struct node *item, void *to)
{
    struct window_list *list = to;
    struct config *c = l->config;
    int w = config_window_find(c, item->text);
    if (w < 0) {
        struct window_spec spec = {.step_us = 0};
        enum window_error e = window_spec_parse(item->text, &spec);
        if (e != WINDOW_OK) {
            report_window(l, item, e, spec.step_us);
            return;
        }
        if (c->window_count == WINDOWS_MAX) {
            if (!list->too_many) {
                report_add(l->report, item->mark, "more than %d windows; take some away", WINDOWS_MAX);
            }
            list->too_many = true;
            return;
        }
        w = (int)c->window_count++;
        c->windows[w] = spec;
    } else if (list->seen[w]) {
        report_add(l->report, item->mark, "window '%s' is in this list already; take it away", item->text.at);
    }
    list->seen[w] = true;
}

static void load_dimension_windows(struct loader *l, const char *what, const struct node *value, bool *windows)
{
    struct window_list list = {.too_many = false};
    load_texts(l, what, value, take_window, &list);
    memcpy(windows, list.seen, sizeof list.seen);
}

void load_windows(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    (void)group;
    bool(*dimension_windows)[WINDOWS_MAX] = l->config->dimension_windows;
    if (value->kind != NODE_MAP) {
        bool all[WINDOWS_MAX];
        load_dimension_windows(l, o->name, value, all);
        for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
            memcpy(dimension_windows[d], all, sizeof all);
        }
        return;
    }
    const char *names[DIMENSION_COUNT + 1] = {[DIMENSION_COUNT] = "default"};
    const struct node *given[DIMENSION_COUNT + 1];
    bool all_named = true;
    for (unsigned d = 0; d <= DIMENSION_COUNT; d++) {
        names[d] = d < DIMENSION_COUNT ? dimension_name((enum dimension)d) : names[d];
        given[d] = node_find(value, names[d]);
        all_named = all_named && (given[d] != NULL || d == DIMENSION_COUNT);
    }
    /* The default first: in what order windows are kept must not depend on the order of the keys. */
    bool standard[WINDOWS_MAX] = {false};
    if (given[DIMENSION_COUNT] != NULL) {
        load_dimension_windows(l, "default", given[DIMENSION_COUNT], standard);
    } else if (!all_named) {
        struct node *fallback = yaml_parse(text_of(o->fallback), l->report);
        load_dimension_windows(l, "default", fallback, standard);
        node_destroy(fallback);
    }
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        if (given[d] != NULL) {
            load_dimension_windows(l, names[d], given[d], dimension_windows[d]);
        } else {
            memcpy(dimension_windows[d], standard, sizeof standard);
        }
    }
    for (size_t i = 0; i < value->count; i++) {
        struct text key = value->keys[i]->text;
        if (!text_equal(key, TEXT("default")) && dimension_find(key) == DIMENSION_COUNT) {
            report_unknown(l->report, value->keys[i]->mark, "dimension", key, "", names, DIMENSION_COUNT + 1);
        }
    }
}

static void take_board_dimension(struct loader *l, const struct node *item, void *to)
{
    struct board_config *boards = to;
    enum dimension d = dimension_find(item->text);
    if (d == DIMENSION_COUNT) {
        const char *names[DIMENSION_COUNT];
        for (unsigned i = 0; i < DIMENSION_COUNT; i++) {
            names[i] = dimension_name((enum dimension)i);
        }
        report_unknown(l->report, item->mark, "dimension", item->text, "", names, DIMENSION_COUNT);
        return;
    }
    boards->dimension[d] = true;
}

void load_board_dimensions(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    load_texts(l, o->name, value, take_board_dimension, group);
}

static void take_board_kpi(struct loader *l, const struct node *item, void *to)
{
    struct board_config *boards = to;
    enum kpi k = kpi_find(item->text);
    if (k == KPI_COUNT) {
        report_unknown_kpi(l, item);
        return;
    }
    boards->kpi[k] = true;
}

void load_board_kpis(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    load_texts(l, o->name, value, take_board_kpi, group);
}

static void take_board_window(struct loader *l, const struct node *item, void *to)
{
    struct board_config *boards = to;
    int w = config_window_find(l->config, item->text);
    if (w >= 0) {
        boards->window[w] = true;
    } else if (!l->is_default) { /* of the default ones, those that there are */
        report_unknown_window(l, item);
    }
}

void load_board_windows(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    load_texts(l, o->name, value, take_board_window, group);
}

void report_unknown_kpi(struct loader *l, const struct node *item)
{
    const char *names[KPI_COUNT];
    for (unsigned i = 0; i < KPI_COUNT; i++) {
        names[i] = kpi_info((enum kpi)i)->name;
    }
    report_unknown(l->report, item->mark, "KPI", item->text, "", names, KPI_COUNT);
}

void report_unknown_window(struct loader *l, const struct node *item)
{
    struct window_spec spec;
    const struct config *c = l->config;
    const char *names[WINDOWS_MAX];
    for (unsigned i = 0; i < c->window_count; i++) {
        names[i] = c->windows[i].name;
    }
    if (window_spec_parse(item->text, &spec) == WINDOW_OK) {
        report_add(l->report, item->mark, "window '%s' is not kept; add it to 'windows'", show(item->text).at);
    } else {
        report_unknown(l->report, item->mark, "window", item->text, "", names, c->window_count);
    }
}
