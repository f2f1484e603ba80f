/* Receivers and rules. A rule's options are loaded in the order of the table: what is watched before the
 * threshold, whose unit hangs on it, and the threshold before the one that clears. */
#include "base/error.h"
#include "config/load.h"
#include "config/scalar.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WINDOW_BROKEN UINT32_MAX

static bool is_header_name(struct text t)
{
    if (t.len == 0) {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) { /* a token of RFC 9110 */
        char c = t.at[i];
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alphanumeric && strchr("!#$%&'*+-.^_`|~", c) == NULL) {
            return false;
        }
    }
    return true;
}

static bool has_control(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7F) {
            return true;
        }
    }
    return false;
}

/* Headers whose values are secrets by their meaning. */
static const char *const secret_headers[] = {"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"};
/* Headers that kpid sends itself. */
static const char *const own_headers[] = {"content-type", "content-length", "host", "transfer-encoding", "expect"};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* {file: PATH}, {env: NAME} or {credential: NAME}. */
static char *load_secret_header(struct loader *l, const struct node *value)
{
    if (value->count == 1) {
        for (unsigned i = 0; i < SECRET_SUFFIX_COUNT; i++) {
            if (text_equal(value->keys[0]->text, text_of(secret_suffixes[i] + 1))) {
                return want_scalar(l, value->keys[0]->text.at, value->items[0])
                           ? secret_read(l, secret_suffixes[i], value->items[0])
                           : NULL;
            }
        }
    }
    report_add(l->report, value->mark,
               "a secret header is {file: PATH}, {env: NAME} or {credential: NAME}; write one of them");
    return NULL;
}

static char *load_header(struct loader *l, const struct node *key, const struct node *value)
{
    if (!is_header_name(key->text)) {
        report_add(l->report, key->mark, "'%s' is no name of an HTTP header; write letters, digits and '-'",
                   show(key->text).at);
    } else if (is_one_of(key->text.at, own_headers, sizeof own_headers / sizeof own_headers[0])) {
        report_add(l->report, key->mark, "kpid sends the header '%s' itself; take it away", key->text.at);
    }
    if (value->kind == NODE_MAP) {
        return load_secret_header(l, value);
    }
    if (!want_scalar(l, show(key->text).at, value)) {
        return NULL;
    }
    if (is_one_of(key->text.at, secret_headers, sizeof secret_headers / sizeof secret_headers[0])) {
        report_add(l->report, value->mark,
                   "'%s' is a secret and does not belong into this file; write {file: PATH}, {env: NAME} or "
                   "{credential: NAME}",
                   key->text.at);
        return NULL;
    }
    return must_strdup(value->text.at);
}

void load_headers(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct receiver_config *r = group;
    if (!want_map(l, o->name, value)) {
        return;
    }
    r->headers = must_zalloc(value->count * sizeof r->headers[0]);
    for (size_t i = 0; i < value->count; i++) {
        char *text = load_header(l, value->keys[i], value->items[i]);
        if (text == NULL) {
            continue;
        }
        if (has_control(text)) { /* a line end would begin a header of its own */
            report_add(l->report, value->items[i]->mark,
                       "a header's value has control characters; write it in one line");
        }
        struct kafka_property *h = &r->headers[r->header_count++];
        set_text(&h->name, value->keys[i]->text);
        h->value = text;
    }
}

void load_receivers(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct alert_config *alerts = group;
    if (!want_list(l, o->name, value)) {
        return;
    }
    alerts->receivers = must_zalloc(value->count * sizeof alerts->receivers[0]);
    for (size_t i = 0; i < value->count; i++) {
        const struct node *item = value->items[i];
        struct receiver_config *r = &alerts->receivers[alerts->receiver_count++];
        load_group(l, receiver_options, o->name, want_map(l, o->name, item) ? item : NULL, r);
        for (size_t j = 0; j + 1 < alerts->receiver_count; j++) {
            if (r->name[0] != '\0' && strcmp(alerts->receivers[j].name, r->name) == 0) {
                report_add(l->report, node_mark(item, "name"),
                           "receiver '%s' is there already, in line %u; name it otherwise", show(text_of(r->name)).at,
                           value->items[j]->mark.line);
                break;
            }
        }
    }
}

void load_kpi(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct rule_config *r = group;
    if (want_scalar(l, o->name, value)) {
        if (!aspect_find(value->text, &r->kpi, &r->aspect)) {
            r->kpi = KPI_COUNT;
            report_unknown_kpi(l, value);
        } else if (kpi_info(r->kpi)->unit == UNIT_INSTANT) {
            report_add(l->report, value->mark,
                       "'%s' is an instant and has no threshold; watch its age, leads_waiting_oldest",
                       show(value->text).at);
            r->kpi = KPI_COUNT;
        }
    }
}

void load_window(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct rule_config *r = group;
    const struct config *c = l->config;
    if (!want_scalar(l, o->name, value)) {
        return;
    }
    int w = config_window_find(c, value->text);
    if (w < 0) {
        report_unknown_window(l, value);
        return;
    }
    r->window = (unsigned)w;
    if (r->dimension != DIMENSION_COUNT && !c->dimension_windows[r->dimension][w]) {
        report_add(l->report, value->mark,
                   "dimension %s does not have the window '%s'; add it to 'windows', or take another",
                   dimension_name(r->dimension), c->windows[w].name);
    }
    if (r->kpi == KPI_COUNT) {
        return;
    }
    const struct kpi_info *info = kpi_info(r->kpi);
    bool is_now = c->windows[w].kind == WINDOW_NOW;
    if (info->clock == KPI_NOW && !is_now) {
        report_add(l->report, value->mark, "%s is of this moment and has no span of time; write 'window: now'",
                   info->name);
    } else if (info->clock == KPI_SPAN && is_now) {
        report_add(l->report, value->mark, "%s needs a span of time, and now is none; write another window",
                   info->name);
    }
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* In order, since a list may be long and comparing each with each would take its time. */
static void report_twice(struct loader *l, const struct node *value, const struct rule_config *r)
{
    char **sorted = must_alloc(r->entity_count * sizeof sorted[0]);
    for (size_t i = 0; i < r->entity_count; i++) {
        sorted[i] = r->entities[i];
    }
    qsort(sorted, r->entity_count, sizeof sorted[0], by_text);
    for (size_t i = 1; i < r->entity_count; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0 && (i == 1 || strcmp(sorted[i - 2], sorted[i]) != 0)) {
            report_add(l->report, value->mark, "'%s' is in this list more than once; keep one of them",
                       show(text_of(sorted[i])).at);
        }
    }
    free(sorted);
}

void load_entities(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct rule_config *r = group;
    load_texts(l, o->name, value, take_text, &(struct text_list){&r->entities, &r->entity_count});
    if (r->entity_count == 0 && value->kind == NODE_LIST && value->count == 0) {
        report_add(l->report, value->mark, "no entity, so nothing to watch; take the line away for all of them");
    }
    for (size_t i = 0; i < r->entity_count; i++) {
        const struct text name = text_of(r->entities[i]);
        if (!text_is_name(name)) {
            report_add(l->report, value->mark, "'%s' is no name: 1 to 256 bytes without control characters; correct it",
                       show(name).at);
        } else if (r->dimension == DIMENSION_COMPANY && strcmp(r->entities[i], l->config->company) != 0) {
            report_add(l->report, value->mark,
                       "the only entity of dimension company is '%s'; take '%s' away, or give a dimension",
                       l->config->company, show(name).at);
        }
    }
    report_twice(l, value, r);
}

/* A value in the unit of the rule's KPI. False, and reported, where it is none. */
static bool load_value(struct loader *l, const char *what, const struct node *value, const struct rule_config *r,
                       int64_t *out)
{
    if (!want_scalar(l, what, value) || r->kpi == KPI_COUNT) {
        return false; /* a KPI that is none is reported already */
    }
    const struct kpi_info *info = kpi_info(r->kpi);
    enum kpi_unit unit = aspect_unit(r->kpi, r->aspect);
    const char *wrong;
    if (unit == UNIT_SECONDS) {
        int64_t ms = 0;
        wrong = duration_parse(value->text, &ms);
        if (wrong == NULL && ms > INT64_C(100) * 366 * 86400000) {
            wrong = "is longer than a century; write a shorter one";
        }
        *out = wrong == NULL ? ms * 1000 : 0;
    } else {
        wrong = decimal_text_parse(value->text, unit == UNIT_RATIO, out);
        /* Deals can be more than leads, and what is reached more than the target, but no share is more than the whole: 25
         * was meant as 25 %. */
        int64_t most = r->kpi == KPI_CONVERSION || r->aspect != ASPECT_VALUE ? 100 * MICRO : MICRO;
        if (wrong == NULL && unit == UNIT_RATIO && (*out < 0 || *out > most)) {
            wrong = "is outside 0 to 1; write a decimal such as 0.25, or 25%";
        } else if (wrong == NULL && unit == UNIT_NPS && (*out < -100 * MICRO || *out > 100 * MICRO)) {
            wrong = "is outside -100 to 100; write points";
        } else if (wrong == NULL && unit == UNIT_COUNT && r->aspect == ASPECT_VALUE &&
                   (*out < 0 || *out % MICRO != 0)) {
            wrong = "is no count; write a whole number";
        }
    }
    if (wrong != NULL) {
        report_add(l->report, value->mark, "'%s': '%s' %s (the unit of %s is %s)", what, show(value->text).at, wrong,
                   info->name, kpi_unit_name(unit));
    }
    return wrong == NULL;
}

void load_threshold(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct rule_config *r = group;
    if (l->threshold != NULL) {
        report_add(l->report, value->mark, "'%s' beside '%s'; a rule has one threshold, write two rules", o->name,
                   l->threshold);
        return;
    }
    l->threshold = o->name;
    r->comparison = (enum comparison)o->least;
    l->threshold_is_good = load_value(l, o->name, value, r, &r->threshold_micro);
    r->clear_micro = r->threshold_micro;
}

void load_clear(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct rule_config *r = group;
    if (!load_value(l, o->name, value, r, &r->clear_micro) || l->threshold == NULL || !l->threshold_is_good) {
        return;
    }
    bool low_is_bad = r->comparison == BELOW || r->comparison == AT_MOST;
    if (low_is_bad ? r->clear_micro < r->threshold_micro : r->clear_micro > r->threshold_micro) {
        report_add(
            l->report, value->mark,
            "'clear' lies on the wrong side: an alert that fires %s its threshold ends only %s it; write a value %s",
            low_is_bad ? "below" : "above", low_is_bad ? "above" : "below",
            low_is_bad ? "that is not lower" : "that is not higher");
    }
}

static void take_receiver(struct loader *l, const struct node *item, void *to)
{
    struct rule_config *r = to;
    const struct alert_config *alerts = &l->config->alerts;
    for (size_t i = 0; i < alerts->receiver_count; i++) {
        if (!text_equal(item->text, text_of(alerts->receivers[i].name))) {
            continue;
        }
        for (size_t j = 0; j < r->receiver_count; j++) {
            if (r->receivers[j] == i) {
                report_add(l->report, item->mark, "receiver '%s' is in this list already; take it away",
                           show(item->text).at);
                return;
            }
        }
        r->receivers = must_realloc(r->receivers, (r->receiver_count + 1) * sizeof r->receivers[0]);
        r->receivers[r->receiver_count++] = i;
        return;
    }
    const char **names = must_alloc(alerts->receiver_count * sizeof names[0]);
    for (size_t i = 0; i < alerts->receiver_count; i++) {
        names[i] = alerts->receivers[i].name;
    }
    report_unknown(l->report, item->mark, "receiver", item->text, "", names, alerts->receiver_count);
    free(names);
}

void load_rule_receivers(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct rule_config *r = group;
    l->receivers_given = true;
    load_texts(l, o->name, value, take_receiver, r);
}

static void load_rule(struct loader *l, const struct node *item, struct rule_config *r)
{
    const struct alert_config *alerts = &l->config->alerts;
    r->kpi = KPI_COUNT;
    r->window = WINDOW_BROKEN;
    l->threshold = NULL;
    l->threshold_is_good = false;
    l->receivers_given = false;
    load_group(l, rule_options, "rules", item, r);
    if (l->threshold == NULL && item != NULL) {
        report_add(l->report, item->mark, "a rule without a threshold; write below, at_most, above or at_least");
    }
    if (!l->receivers_given) {
        r->receivers = must_alloc(alerts->receiver_count * sizeof r->receivers[0]);
        for (size_t i = 0; i < alerts->receiver_count; i++) {
            r->receivers[r->receiver_count++] = i;
        }
    }
}

void load_rules(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct alert_config *alerts = group;
    if (!want_list(l, o->name, value)) {
        return;
    }
    alerts->rules = must_zalloc(value->count * sizeof alerts->rules[0]);
    for (size_t i = 0; i < value->count; i++) {
        const struct node *item = value->items[i];
        struct rule_config *r = &alerts->rules[alerts->rule_count++];
        load_rule(l, want_map(l, o->name, item) ? item : NULL, r);
        for (size_t j = 0; j + 1 < alerts->rule_count; j++) {
            if (r->name[0] != '\0' && strcmp(alerts->rules[j].name, r->name) == 0) {
                report_add(l->report, node_mark(item, "name"),
                           "rule '%s' is there already, in line %u; name it otherwise", show(text_of(r->name)).at,
                           value->items[j]->mark.line);
                break;
            }
        }
    }
}
