/* alert.h - the life of an alert: its states, the reasons for its moves, and by what it is known.
 *
 * An alert is one occurrence of a rule at one entity. It is known by (rule, dimension, entity, window,
 * occurrence); the first four make the fingerprint, the same for all its occurrences.
 *
 * Thread: any; constants, plain structs and pure functions.
 */
#pragma once
#include "aggregators/kpi.h"
#include "base/text.h"
#include "config/config.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RESOLVED: inactive, and the last thing that happened was that it fired. */
#define ALERT_STATE_TABLE(X) \
    X(INACTIVE, "inactive")  \
    X(PENDING, "pending")    \
    X(FIRING, "firing")      \
    X(RESOLVED, "resolved")

enum alert_state {
#define X(symbol, name) ALERT_##symbol,
    ALERT_STATE_TABLE(X)
#undef X
        ALERT_STATE_COUNT
};

#define ALERT_REASON_TABLE(X)                                                                   \
    X(BREACH, "breach")       /* the value is past the threshold */                             \
    X(HELD, "held")           /* the breach lasted as long as `for` asks */                     \
    X(CALM, "calm")           /* the breach ended before it had lasted that long */             \
    X(NO_VALUE, "no_value")   /* there is no value by which to tell whether the breach lasts */ \
    X(BLIND, "blind")         /* catching up or stale: not seen whether the breach lasts */     \
    X(RECOVERED, "recovered") /* the value is past the clearing threshold */                    \
    X(VANISHED, "vanished")   /* the entity is gone */

enum alert_reason {
#define X(symbol, name) ALERT_##symbol,
    ALERT_REASON_TABLE(X)
#undef X
        ALERT_REASON_COUNT
};

/* One move of one alert, and what stood when it was made. */
struct transition {
    const struct rule_config *rule;
    struct text entity;
    const char *window; /* its name */
    enum alert_state from, to;
    enum alert_reason reason;
    uint32_t occurrence; /* 1 ...; while pending that of the alert to come */
    int64_t at_us;       /* of the grid instant at which it was decided */
    int64_t starts_us;   /* when the breach was first seen */
    bool has_value;
    struct kpi_value value;
    uint64_t fingerprint;
};

const char *alert_state_name(enum alert_state s);
const char *alert_reason_name(enum alert_reason r);
/* "below", "at_most", "above", "at_least". */
const char *comparison_name(enum comparison c);
/* "info", "warning", "critical". */
const char *severity_name(enum severity s);

/* A hash of the four, the same on every machine and in every run. */
uint64_t alert_fingerprint(struct text rule, enum dimension dimension, struct text entity, struct text window);

/* 16 hex digits. */
void alert_fingerprint_format(struct buffer *b, uint64_t fingerprint);
/* The alert's id: "<fingerprint>-<occurrence>". */
void alert_id_format(struct buffer *b, uint64_t fingerprint, uint32_t occurrence);
/* By this key a receiver drops a repeat: "<id>-<firing|resolved>-<start in ms>". The start is in it because a
 * daemon that lost its state counts occurrences from 1 again: a repeat is then told twice rather than a new
 * alert taken for an old one. */
void alert_key_format(struct buffer *b, const struct transition *t);
