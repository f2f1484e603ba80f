/* render.h - an alert as text: for people, for Redis, and for a webhook.
 *
 * Thread: any; pure. Memory: what is returned is the caller's to free.
 * Errors: none; names and texts are valid UTF-8 when they come here.
 */
#pragma once
#include "alerts/alert.h"

/* One sentence: "win rate of Anna, month: 0.231579 below 0.25 (n 95)", or the rule's own summary with
 * {rule}, {kpi}, {entity}, {dimension}, {window}, {value}, {threshold}, {n} and {state} filled in. */
void render_summary(struct buffer *b, const struct transition *t, int money_decimals);

/* JSON of alerts:active: what fires, as it was when it began to. */
char *render_alert(const struct transition *t, int money_decimals);

/* JSON of one entry of alerts:log: the same with from, to, reason and at. */
char *render_log(const struct transition *t, int money_decimals);

/* The body that Alertmanager would send to a webhook (its version 4) for one alert, with one member more:
 * idempotencyKey, the same as in the header, so that a signature covers it. Only for moves from or to firing. */
char *render_webhook(const struct transition *t, const char *receiver, const char *key, int money_decimals);
