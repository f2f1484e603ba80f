/* target.h - what is to be reached: targets of the configuration and of records of kind target.
 *
 * A target counts for a period by what had been said before the period ended, or by what says of itself that it
 * restates; so a past attainment does not change when a later target is set. All events of a target are kept for
 * that, of each the TARGET_EVENTS_MAX with the greatest stamps.
 *
 * A period's target is the sum of the shares of its working days (of all its days where it has none). A day's share is
 * that of the row in force: of rows that hold on that day the one that starts last; of those that start together a
 * record's before the configuration's, then the greater target_id, then the later in the file. Where the ramps of rows that
 * share a period have no common denominator below 2^40 (five or more that are long and coprime) there is no target.
 *
 * Thread: the shard's writer; who makes a cut for it reads (cutting.h). Memory: targets_init to targets_fini; config and calendar are borrowed.
 */
#pragma once
#include "aggregators/kept_events.h"
#include "aggregators/ledger.h"
#include "base/calendar.h"
#include "base/money.h"
#include "config/config.h"

#define TARGET_EVENTS_MAX 4096
#define TARGET_RAMP_MAX   1000 /* a longer ramp counts nowhere */

/* Those who name an entity: slots of records, and rows of the configuration from TARGET_CONFIGURED on. */
#define TARGET_CONFIGURED (UINT32_C(1) << 31)
struct target_claims {
    uint32_t *at;
    uint32_t count, room;
};

struct targets {
    const struct config *config;
    const struct calendar *calendar;
    struct kept_events *records; /* by slot; at most TARGET_EVENTS_MAX each */
    uint32_t record_room;
    struct target_claims *by_entity; /* by word number of the entity's name */
    uint32_t entity_room;
    uint32_t *configured_words; /* of the configuration's rows: the entity's name */
};

/* A row as it counts for a period. */
struct target_row {
    enum dimension dimension;
    uint32_t entity; /* word number */
    unsigned kpi;    /* config_kpi_find */
    int64_t period, value_micro, starts_on, ends_on, ramp_periods;
};

/* A whole period. */
struct target_period {
    enum period period;
    int64_t first_day, next_day; /* local days */
    int64_t end_us;
};

/* A target, in the KPI's unit as struct kpi_value has it. */
struct target_sum {
    unsigned kpi; /* config_kpi_find */
    int128 numerator, denominator;
};

void targets_init(struct targets *t, const struct config *config, const struct calendar *calendar, struct ledger *l);
void targets_fini(struct targets *t);
/* Takes an event in. False: it is there already. */
bool targets_apply(struct targets *t, const struct record *r, const struct event *e, const struct record_value *values);
/* For a checkpoint: what the record's events said, NULL where nothing is kept. And back: takes the events over. */
const struct kept_events *targets_events(const struct targets *t, uint32_t slot);
void targets_restore(struct targets *t, uint32_t slot, struct kept_events events);
/* The targets of an entity for a period, at most `room`, by KPI. O(events x days). */
unsigned targets_of(const struct targets *t, const struct ledger *l, enum dimension d, uint32_t word,
                    const struct target_period *p, const struct working_calendar_config *works, struct target_sum *out,
                    unsigned room);
/* Calls visit for each entity that the record's events may be for, and each that the configuration names. */
void targets_visit_record(const struct targets *t, const struct ledger *l, uint32_t slot,
                          void (*visit)(void *context, enum dimension d, struct text entity), void *context);
void targets_visit_configured(const struct targets *t,
                              void (*visit)(void *context, enum dimension d, struct text entity), void *context);
/* Targets that stand now and count nowhere, since something is missing or unknown; of the others those for whom
 * `is_known` says no. */
void targets_count_odd(const struct targets *t, const struct ledger *l,
                       bool (*is_known)(const void *context, enum dimension d, struct text entity), const void *context,
                       int64_t *out_unknown, int64_t *out_nobody);
