#include "alerts/alerts.h"
#include "alerts/active.h"
#include "alerts/engine.h"
#include "alerts/render.h"
#include "alerts/state.h"
#include "base/instant.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

/* As_of is that of a clock, and the writer moves it every second while nothing comes: a snapshot this old was cut
 * by a writer that stands still, or waited for a thread that did. */
#define STALE_US (30 * SECOND)
#define LOG_MAX  10000

struct log_entry {
    char *id, *json;
};

struct alerts {
    const struct config *config;
    int money_decimals;
    int64_t stale_us;
    struct engine *engine;
    struct delivery *delivery;
    struct active active;
    struct log_entry *log; /* a ring: log_count entries from log_first on */
    size_t log_first, log_count;
    bool changed; /* since the last report */
    struct alerts_counters counters;
};

struct alerts *alerts_create_with(const struct config *config, const struct delivery_options *options)
{
    struct alerts *a = must_zalloc(sizeof *a);
    a->config = config;
    a->money_decimals = config_currency_decimals(config, config->base_currency);
    int64_t steps_us = 3 * config->alerts.every_ms * MILLISECOND;
    a->stale_us = steps_us > STALE_US ? steps_us : STALE_US;
    a->engine = engine_create(config);
    a->delivery = delivery_create(&config->alerts, options);
    active_init(&a->active);
    a->log = must_zalloc(LOG_MAX * sizeof *a->log);
    return a;
}

struct alerts *alerts_create(const struct config *config)
{
    return alerts_create_with(config, &DELIVERY_DEFAULTS);
}

static void drop_oldest(struct alerts *a)
{
    struct log_entry *oldest = &a->log[a->log_first];
    free(oldest->id);
    free(oldest->json);
    a->log_first = (a->log_first + 1) % LOG_MAX;
    a->log_count--;
}

void alerts_destroy(struct alerts *a)
{
    if (!a) {
        return;
    }
    delivery_destroy(a->delivery);
    engine_destroy(a->engine);
    active_fini(&a->active);
    while (a->log_count > 0) {
        drop_oldest(a);
    }
    free(a->log);
    free(a);
}

/* Takes both. */
static void log_add(struct alerts *a, char *id, char *json)
{
    if (a->log_count == LOG_MAX) {
        drop_oldest(a);
        counter_add(&a->counters.log_dropped, 1);
    }
    a->log[(a->log_first + a->log_count++) % LOG_MAX] = (struct log_entry){id, json};
}

static void tell(struct alerts *a, const struct transition *t)
{
    struct buffer key;
    buffer_init(&key);
    alert_key_format(&key, t);
    for (size_t i = 0; i < t->rule->receiver_count; i++) {
        size_t receiver = t->rule->receivers[i];
        char *body = render_webhook(t, a->config->alerts.receivers[receiver].name, key.at, a->money_decimals);
        (void)delivery_submit(a->delivery, receiver, t->fingerprint, key.at, text_of(body)); /* drops are counted */
        free(body);
    }
    buffer_fini(&key);
}

static void write_log(const struct alerts *a, const struct transition *t, const char *id)
{
    struct buffer summary;
    buffer_init(&summary);
    render_summary(&summary, t, a->money_decimals);
    bool loud = t->to == ALERT_FIRING || t->from == ALERT_FIRING;
    LOG(loud ? LOG_INFO : LOG_DEBUG, "alert", LOG_TEXT("id", id), LOG_TEXT("rule", t->rule->name),
        LOG_TEXT("from", alert_state_name(t->from)), LOG_TEXT("to", alert_state_name(t->to)),
        LOG_TEXT("reason", alert_reason_name(t->reason)), LOG_TEXT("summary", summary.at));
    buffer_fini(&summary);
}

static void take_transition(struct alerts *a, const struct transition *t)
{
    struct buffer id;
    buffer_init(&id);
    alert_id_format(&id, t->fingerprint, t->occurrence);
    counter_add(&a->counters.moves[t->to], 1);
    write_log(a, t, id.at);
    log_add(a, must_strdup(id.at), render_log(t, a->money_decimals));
    if (t->to == ALERT_FIRING) {
        active_put(&a->active, id.at, render_alert(t, a->money_decimals));
        tell(a, t);
    } else if (t->from == ALERT_FIRING) {
        active_remove(&a->active, id.at);
        tell(a, t);
    }
    buffer_fini(&id);
}

bool alerts_step(struct alerts *a, const struct snapshot *s, int64_t now_us)
{
    bool trusted = snapshot_is_live(s) && now_us - snapshot_as_of_us(s) <= a->stale_us;
    bool first = engine_decisions(a->engine) == 0;
    size_t count;
    const struct transition *transitions = engine_take(a->engine, s, trusted, &count);
    for (size_t i = 0; i < count; i++) {
        take_transition(a, &transitions[i]);
    }
    counter_set(&a->counters.decisions, engine_decisions(a->engine));
    for (size_t state = 0; state < ALERT_STATE_COUNT; state++) {
        counter_set(&a->counters.standing[state], (int64_t)engine_count(a->engine, (enum alert_state)state));
    }
    /* The first decision is worth a report though nothing moved: what Redis holds may be of another time. */
    bool began = first && engine_decisions(a->engine) > 0;
    a->changed = a->changed || count > 0 || began;
    return count > 0;
}

struct alert_report *alerts_report(struct alerts *a)
{
    if (!a->changed || engine_decisions(a->engine) == 0) {
        return NULL;
    }
    struct alert_report *r = alert_report_create();
    for (size_t i = 0; i < a->active.count; i++) {
        alert_report_add_active(r, text_of(a->active.at[i].id), text_of(a->active.at[i].json));
    }
    while (a->log_count > 0) {
        const struct log_entry *oldest = &a->log[a->log_first];
        alert_report_add_log(r, text_of(oldest->id), text_of(oldest->json));
        drop_oldest(a);
    }
    a->changed = false;
    return r;
}

char *alerts_export(const struct alerts *a)
{
    return state_export(a->engine, &a->active);
}

bool alerts_import(struct alerts *a, const char *json, size_t *out_refused)
{
    return state_import(a->engine, &a->active, json, out_refused);
}

bool alerts_adopt(struct alerts *a, const char *json)
{
    return state_adopt(a->engine, &a->active, json);
}

void alerts_stop(struct alerts *a, int64_t chance_ms)
{
    delivery_stop(a->delivery, chance_ms);
}

const struct alerts_counters *alerts_counters(const struct alerts *a)
{
    return &a->counters;
}

const struct delivery_counters *alerts_delivery_counters(const struct alerts *a)
{
    return delivery_counters(a->delivery);
}
