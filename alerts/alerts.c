#include "alerts/alerts.h"
#include "alerts/active.h"
#include "alerts/engine.h"
#include "alerts/outbox.h"
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
    struct outbox outbox;
    bool tells;
    bool decided;          /* since the take-over */
    struct active active;  /* of what was told */
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
    outbox_init(&a->outbox, &config->alerts, a->delivery);
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
    outbox_fini(&a->outbox);
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
        outbox_add(&a->outbox, receiver, t->fingerprint, key.at, body);
    }
    buffer_fini(&key);
}

static void write_log(const struct alerts *a, const struct transition *t, const char *id)
{
    struct buffer summary;
    buffer_init(&summary);
    render_summary(&summary, t, a->money_decimals);
    bool loud = a->tells && (t->to == ALERT_FIRING || t->from == ALERT_FIRING);
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
    if (!a->tells) {
        buffer_fini(&id);
        return;
    }
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
    int64_t before = engine_decisions(a->engine);
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
    bool began = a->tells && !a->decided && engine_decisions(a->engine) > before;
    a->decided = a->decided || began;
    a->changed = a->tells && (a->changed || count > 0 || began);
    counter_set(&a->counters.unsent, (int64_t)a->outbox.count);
    return count > 0;
}

struct told {
    const struct active *before;
    struct active now;
};

static void keep_told(void *context, const struct engine_kept *kept)
{
    struct told *t = context;
    struct buffer id;
    buffer_init(&id);
    alert_id_format(&id, kept->fingerprint, kept->occurrence);
    const char *json = kept->firing ? active_find(t->before, id.at) : NULL;
    if (json) {
        active_put(&t->now, id.at, must_strdup(json));
    }
    buffer_fini(&id);
}

/* What the engine no longer counts as told. */
static void drop_untold(struct alerts *a)
{
    struct told t = {.before = &a->active};
    active_init(&t.now);
    engine_each_kept(a->engine, keep_told, &t);
    active_fini(&a->active);
    a->active = t.now;
}

void alerts_take_over(struct alerts *a, bool after_others)
{
    engine_take_over(a->engine, after_others);
    drop_untold(a);
    outbox_report_again(&a->outbox);
    a->tells = true;
    a->decided = false;
    counter_set(&a->counters.tells, 1);
}

void alerts_stand_by(struct alerts *a)
{
    engine_stand_by(a->engine);
    drop_untold(a);
    while (a->log_count > 0) {
        drop_oldest(a);
    }
    outbox_forget(&a->outbox);
    a->tells = a->changed = false;
    counter_set(&a->counters.tells, 0);
    counter_set(&a->counters.unsent, 0);
}

size_t alerts_adopt_unsent(struct alerts *a, char *const *json, size_t count)
{
    size_t refused = outbox_adopt(&a->outbox, json, count);
    counter_set(&a->counters.unsent, (int64_t)a->outbox.count);
    return refused;
}

void alerts_noted(struct alerts *a, int64_t number)
{
    (void)outbox_noted(&a->outbox, number);
}

void alerts_send_unnoted(struct alerts *a)
{
    counter_add(&a->counters.unnoted, outbox_noted(&a->outbox, a->outbox.last));
}

bool alerts_wait_to_be_noted(const struct alerts *a)
{
    return outbox_unnoted(&a->outbox) > 0;
}

bool alerts_collect(struct alerts *a)
{
    (void)outbox_collect(&a->outbox);
    counter_set(&a->counters.unsent, (int64_t)a->outbox.count);
    return outbox_has_news(&a->outbox);
}

void alerts_allow_until(struct alerts *a, int64_t monotonic_us)
{
    delivery_allow_until(a->delivery, monotonic_us);
}

struct alert_report *alerts_report(struct alerts *a)
{
    /* Before the first decision only messages are worth it: what fires is as it was taken over. */
    if (!a->tells || !((a->decided && a->changed) || outbox_has_news(&a->outbox))) {
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
    outbox_report(&a->outbox, r);
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
