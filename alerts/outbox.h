/* outbox.h - messages to receivers, from the decision until they are over: so that none is lost with the process.
 *
 * A message is noted in Redis (alerts:unsent, by the publisher) before it is given to the delivery, and goes from there
 * when it was delivered or given up. Whoever takes over sends what stands there, with the same key and the same bytes.
 * Bounded: alerts.queue_max for each receiver.
 *
 * Thread: the alerts'. Memory: init to fini; config and delivery are borrowed.
 */
#pragma once
#include "aggregators/alert_report.h"
#include "alerts/delivery.h"
#include "base/text.h"
#include "config/config.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message;

struct outbox {
    const struct alert_config *config;
    struct delivery *delivery;
    struct message *at; /* by number, ascending */
    size_t count, room;
    size_t *waiting; /* of them, by receiver */
    int64_t last;    /* number of the last one ever */
    int64_t noted;   /* all up to this one may be sent */
    char **gone;     /* ids that are over and were not reported yet */
    size_t gone_count, gone_room;
};

void outbox_init(struct outbox *o, const struct alert_config *config, struct delivery *delivery);
void outbox_fini(struct outbox *o);

/* order, key: as of delivery_submit. Takes the body. Where there is no room it is dropped and counted. */
void outbox_add(struct outbox *o, size_t receiver, uint64_t order, const char *key, char *body);
/* Values of alerts:unsent, as they were written here or by another instance; they are noted. Sorts them by number. How many
 * were refused: no such text, or no such receiver any more. */
size_t outbox_adopt(struct outbox *o, char *const *json, size_t count);
/* Redis holds all up to this number: they are given to the delivery. How many. */
int64_t outbox_noted(struct outbox *o, int64_t number);
/* What is over leaves. True: something has left. */
bool outbox_collect(struct outbox *o);
/* What has changed since the last report. */
bool outbox_has_news(const struct outbox *o);
void outbox_report(struct outbox *o, struct alert_report *r);
/* The next report names all of them again. */
void outbox_report_again(struct outbox *o);
/* How many wait to be noted. O(count). */
size_t outbox_unnoted(const struct outbox *o);
/* Another instance sends them. */
void outbox_forget(struct outbox *o);
