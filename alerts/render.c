#include "alerts/render.h"
#include "aggregators/attainment.h"
#include "base/error.h"
#include "base/instant.h"
#include <jansson.h>
#include <string.h>

/* Go's zero time: by it Alertmanager's receivers know that an alert has not ended. */
#define NOT_ENDED "0001-01-01T00:00:00Z"

static const char *comparison_words(enum comparison c)
{
    static const char *const WORDS[] = {
        [BELOW] = "below", [AT_MOST] = "at most", [ABOVE] = "above", [AT_LEAST] = "at least"};
    REQUIRE((unsigned)c < sizeof WORDS / sizeof *WORDS);
    return WORDS[c];
}

/* "sales_volume.pace" */
static void add_kpi(struct buffer *b, const struct rule_config *r)
{
    buffer_string(b, kpi_info(r->kpi)->name);
    buffer_string(b, aspect_suffix(r->aspect));
}

/* "none" where there is no value. */
static void add_value(struct buffer *b, const struct transition *t, int money_decimals)
{
    if (t->has_value) {
        aspect_format(b, t->rule->kpi, t->rule->aspect, &t->value, money_decimals);
    } else {
        buffer_string(b, "none");
    }
}

/* "Win rate" -> "win rate": labels begin with a capital letter, a sentence goes on here. */
static void add_label(struct buffer *b, enum kpi k)
{
    const char *label = kpi_info(k)->label_en;
    buffer_char(b, (char)(label[0] >= 'A' && label[0] <= 'Z' ? label[0] - 'A' + 'a' : label[0]));
    buffer_string(b, label + 1);
}

static bool add_field(struct buffer *b, struct text name, const struct transition *t, int money_decimals)
{
    if (text_equal(name, TEXT("rule"))) {
        buffer_string(b, t->rule->name);
    } else if (text_equal(name, TEXT("kpi"))) {
        add_kpi(b, t->rule);
    } else if (text_equal(name, TEXT("entity"))) {
        buffer_text(b, t->entity);
    } else if (text_equal(name, TEXT("dimension"))) {
        buffer_string(b, dimension_name(t->rule->dimension));
    } else if (text_equal(name, TEXT("window"))) {
        buffer_string(b, t->window);
    } else if (text_equal(name, TEXT("value"))) {
        add_value(b, t, money_decimals);
    } else if (text_equal(name, TEXT("threshold"))) {
        micro_format(b, t->rule->threshold_micro);
    } else if (text_equal(name, TEXT("n"))) {
        buffer_integer(b, t->has_value ? t->value.n : 0);
    } else if (text_equal(name, TEXT("state"))) {
        buffer_string(b, alert_state_name(t->to));
    } else {
        return false;
    }
    return true;
}

/* The rule's own words; what is in braces and is no field stays as it is. */
static void add_template(struct buffer *b, const struct transition *t, int money_decimals)
{
    const char *at = t->rule->summary;
    while (*at) {
        const char *open = strchr(at, '{');
        const char *close = open ? strchr(open, '}') : NULL;
        if (!close) {
            buffer_string(b, at);
            return;
        }
        buffer_add(b, at, (size_t)(open - at));
        struct text name = {open + 1, (size_t)(close - open - 1)};
        if (add_field(b, name, t, money_decimals)) {
            at = close + 1;
        } else {
            buffer_char(b, '{');
            at = open + 1;
        }
    }
}

void render_summary(struct buffer *b, const struct transition *t, int money_decimals)
{
    const struct rule_config *r = t->rule;
    if (r->summary[0]) {
        add_template(b, t, money_decimals);
        return;
    }
    add_label(b, r->kpi);
    buffer_string(b, " of ");
    buffer_text(b, t->entity);
    buffer_string(b, ", ");
    buffer_string(b, t->window);
    buffer_string(b, ": ");
    if (t->reason == ALERT_VANISHED) {
        buffer_string(b, "gone, no longer ");
    } else {
        add_value(b, t, money_decimals);
        buffer_string(b, t->reason == ALERT_RECOVERED || t->reason == ALERT_CALM ? ", no longer " : " ");
    }
    buffer_string(b, comparison_words(r->comparison));
    buffer_char(b, ' ');
    micro_format(b, r->threshold_micro);
    if (t->has_value) {
        buffer_string(b, " (n ");
        buffer_integer(b, t->value.n);
        buffer_char(b, ')');
    }
}

static json_t *json_of(struct text t)
{
    json_t *j = json_stringn(t.at, t.len);
    REQUIRE(j != NULL); /* not UTF-8, or no memory */
    return j;
}

static void put(json_t *object, const char *name, json_t *value)
{
    REQUIRE(json_object_set_new(object, name, value) == 0);
}

static void put_string(json_t *object, const char *name, const char *value)
{
    put(object, name, json_of(text_of(value)));
}

static void put_buffer(json_t *object, const char *name, struct buffer *value)
{
    put(object, name, json_of(buffer_view(value)));
    buffer_fini(value);
}

static void put_instant(json_t *object, const char *name, int64_t us)
{
    struct buffer b;
    buffer_init(&b);
    instant_format(&b, us, true);
    put_buffer(object, name, &b);
}

static void put_micro(json_t *object, const char *name, int64_t micro)
{
    struct buffer b;
    buffer_init(&b);
    micro_format(&b, micro);
    put_buffer(object, name, &b);
}

static void put_summary(json_t *object, const struct transition *t, int money_decimals)
{
    struct buffer b;
    buffer_init(&b);
    render_summary(&b, t, money_decimals);
    put_buffer(object, "summary", &b);
}

static void put_fingerprint(json_t *object, uint64_t fingerprint)
{
    struct buffer b;
    buffer_init(&b);
    alert_fingerprint_format(&b, fingerprint);
    put_buffer(object, "fingerprint", &b);
}

static void put_id(json_t *object, const struct transition *t)
{
    struct buffer b;
    buffer_init(&b);
    alert_id_format(&b, t->fingerprint, t->occurrence);
    put_buffer(object, "id", &b);
}

static char *take_text(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    REQUIRE(text != NULL);
    json_decref(object);
    return text;
}

static void put_kpi(json_t *o, const struct rule_config *r)
{
    struct buffer b;
    buffer_init(&b);
    add_kpi(&b, r);
    put_buffer(o, "kpi", &b);
}

/* What alerts:active and alerts:log have in common. */
static json_t *alert_object(const struct transition *t, int money_decimals)
{
    const struct rule_config *r = t->rule;
    json_t *o = json_object();
    put_id(o, t);
    put_string(o, "rule", r->name);
    put_string(o, "severity", severity_name(r->severity));
    put_string(o, "state", alert_state_name(t->to));
    put_kpi(o, r);
    put_string(o, "dimension", dimension_name(r->dimension));
    put_string(o, "window", t->window);
    put(o, "entity", json_of(t->entity));
    put_string(o, "comparison", comparison_name(r->comparison));
    put_micro(o, "threshold", r->threshold_micro);
    put_micro(o, "clear", r->clear_micro);
    if (t->has_value) {
        struct buffer b;
        buffer_init(&b);
        add_value(&b, t, money_decimals);
        put_buffer(o, "value", &b);
        put(o, "n", json_integer(t->value.n));
    }
    put_summary(o, t, money_decimals);
    put(o, "occurrence", json_integer(t->occurrence));
    put_fingerprint(o, t->fingerprint);
    put_instant(o, "starts_at", t->starts_us);
    return o;
}

char *render_alert(const struct transition *t, int money_decimals)
{
    REQUIRE(t->to == ALERT_FIRING);
    json_t *o = alert_object(t, money_decimals);
    put_instant(o, "fired_at", t->at_us);
    return take_text(o);
}

char *render_log(const struct transition *t, int money_decimals)
{
    json_t *o = alert_object(t, money_decimals);
    put_instant(o, "at", t->at_us);
    put_string(o, "from", alert_state_name(t->from));
    put_string(o, "to", alert_state_name(t->to));
    put_string(o, "reason", alert_reason_name(t->reason));
    return take_text(o);
}

static json_t *labels_of(const struct transition *t)
{
    const struct rule_config *r = t->rule;
    json_t *o = json_object();
    put_string(o, "alertname", r->name);
    put_string(o, "severity", severity_name(r->severity));
    put_kpi(o, r);
    put_string(o, "dimension", dimension_name(r->dimension));
    put_string(o, "window", t->window);
    put(o, "entity", json_of(t->entity));
    return o;
}

/* Alertmanager's annotations are texts without exception. */
static json_t *annotations_of(const struct transition *t, int money_decimals)
{
    json_t *o = json_object();
    put_summary(o, t, money_decimals);
    put_string(o, "comparison", comparison_name(t->rule->comparison));
    put_micro(o, "threshold", t->rule->threshold_micro);
    put_micro(o, "clear", t->rule->clear_micro);
    put_string(o, "reason", alert_reason_name(t->reason));
    struct buffer b;
    buffer_init(&b);
    buffer_integer(&b, t->occurrence);
    put_buffer(o, "occurrence", &b);
    if (t->has_value) {
        buffer_init(&b);
        add_value(&b, t, money_decimals);
        put_buffer(o, "value", &b);
        buffer_init(&b);
        buffer_integer(&b, t->value.n);
        put_buffer(o, "n", &b);
    }
    return o;
}

/* As Alertmanager writes it: the route (none here), then the labels by which it groups. */
static void put_group_key(json_t *object, const struct transition *t)
{
    struct buffer b;
    buffer_init(&b);
    buffer_string(&b, "{}:{alertname=");
    buffer_json(&b, text_of(t->rule->name));
    buffer_char(&b, '}');
    put_buffer(object, "groupKey", &b);
}

char *render_webhook(const struct transition *t, const char *receiver, const char *key, int money_decimals)
{
    bool firing = t->to == ALERT_FIRING;
    REQUIRE(firing || t->from == ALERT_FIRING);
    const char *status = alert_state_name(t->to);
    json_t *labels = labels_of(t);
    json_t *annotations = annotations_of(t, money_decimals);

    json_t *alert = json_object();
    put_string(alert, "status", status);
    put(alert, "labels", json_incref(labels));
    put(alert, "annotations", json_incref(annotations));
    put_instant(alert, "startsAt", t->starts_us);
    if (firing) {
        put_string(alert, "endsAt", NOT_ENDED);
    } else {
        put_instant(alert, "endsAt", t->at_us);
    }
    put_string(alert, "generatorURL", ""); /* kpid serves no page that explains a rule */
    put_fingerprint(alert, t->fingerprint);

    json_t *body = json_object();
    put_string(body, "version", "4");
    put_group_key(body, t);
    put(body, "truncatedAlerts", json_integer(0));
    put_string(body, "status", status);
    put_string(body, "receiver", receiver);
    json_t *group = json_object();
    put_string(group, "alertname", t->rule->name);
    put(body, "groupLabels", group);
    put(body, "commonLabels", labels);
    put(body, "commonAnnotations", annotations);
    put_string(body, "externalURL", "");
    json_t *alerts = json_array();
    REQUIRE(json_array_append_new(alerts, alert) == 0);
    put(body, "alerts", alerts);
    put_string(body, "idempotencyKey", key);
    return take_text(body);
}
