/* alert_report.h - what the alerts of one evaluation say to readers: all that is active, and what happened.
 *
 * Alerts make it, the publisher writes it to Redis; it is defined here because neither knows the other.
 * Plain memory: whoever holds it may hand it to another thread (base/handoff.h).
 * Errors: none. JSON is taken as it is, one object a text, without line breaks.
 */
#pragma once
#include "base/text.h"
#include <stddef.h>
#include <stdint.h>

struct alert_entry {
    struct text id;   /* of the alert: the same from firing to resolved */
    struct text json; /* for readers */
};

struct alert_report {
    struct alert_entry *active; /* every active alert, each id once */
    size_t active_count, active_room;
    struct alert_entry *log; /* transitions since the report before, oldest first */
    size_t log_count, log_room;
    /* messages to receivers: since the report before these are to be sent, and those no more (their json is empty) */
    struct alert_entry *unsent, *sent;
    size_t unsent_count, unsent_room, sent_count, sent_room;
    int64_t number; /* of the last message that any report has named so far; 0: none */
    int64_t term;   /* the take-over since which these alerts are told; a report of an earlier one is void */
};

struct alert_report *alert_report_create(void);
/* Both texts are copied. */
void alert_report_add_active(struct alert_report *r, struct text id, struct text json);
void alert_report_add_log(struct alert_report *r, struct text id, struct text json);
void alert_report_add_unsent(struct alert_report *r, struct text id, struct text json);
void alert_report_add_sent(struct alert_report *r, struct text id);
/* NULL is accepted. */
void alert_report_destroy(struct alert_report *r);
