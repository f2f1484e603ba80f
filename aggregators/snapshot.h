/* snapshot.h - what stands at one instant, for readers: the sums of the entities that changed since
 * the same reader's last snapshot, the offsets and the instant that they reflect.
 *
 * The writer fills it (shard_cut) and hands it over; from then on it is immutable and the reader's,
 * until it gives it back. Sums are packed: only those that are not 0.
 * Thread: whoever holds it.
 */
#pragma once
#include "aggregators/measure.h"
#include "aggregators/own.h"
#include "base/text.h"
#include "config/config.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot_position {
    struct text topic;
    int32_t partition;
    int64_t offset; /* the next one: what lies before is reflected; -1 = nothing yet */
    bool ended;     /* the end of the partition was reached once since the start */
    /* How far an earlier log of this partition had been read, before a gap; 0 = there was none. Offsets up to it that
     * somebody noted may be of that log. */
    int64_t earlier;
};

/* Numbers that the writer keeps; read = applied + duplicate + superseded + dead_lettered + filtered. */
struct accounts {
    int64_t read, applied, duplicate, superseded, dead_lettered, filtered;
    int64_t dead_lettered_by[ERROR_COUNT];
    int64_t gaps; /* times that messages may have been lost before they were read; the numbers stand on them */
};

/* Records that stand but contribute less than they could, and why: counted now, not over time. */
#define ODDITY_TABLE(X)                                                                               \
    X(RATE_MISSING, "rate_missing", "amounts without an exchange rate")                               \
    X(AMOUNT_RANGE, "amount_range", "amounts that are too large in their own or the base currency")   \
    X(CYCLE_NEGATIVE, "cycle_negative", "deals closed before they were created")                      \
    X(RESPONSE_NEGATIVE, "response_negative", "leads contacted before they were created")             \
    X(SCORE_OUTSIDE, "score_outside", "standing scores outside their scale")                          \
    X(NPS_SCALE, "nps_scale", "nps answers on a scale other than 10")                                 \
    X(KIND_MISSING, "kind_missing", "feedback without a kind")                                        \
    X(HISTORY_CUT, "history_cut", "records whose stage history is longer than is kept")               \
    X(TEAM_MISSING, "team_missing", "records whose manager was in no team at the time")               \
    X(ORGANISATION_OVERLAP, "organisation_overlap", "managers with two rows in force at one instant") \
    X(TARGET_UNKNOWN, "target_unknown", "targets that lack something, or name no KPI of a period")    \
    X(TARGET_ENTITY, "target_entity", "targets for whom no record names")                             \
    X(ENTITY_LIMIT, "entity_limit", "names that count as (other): their dimension is full")
enum oddity {
#define X(symbol, name, text) ODDITY_##symbol,
    ODDITY_TABLE(X)
#undef X
        ODDITY_COUNT
};
const char *oddity_name(enum oddity o);

struct snapshot;

struct snapshot *snapshot_create(void);
void snapshot_destroy(struct snapshot *s);

/* Whoever has read it, before the writer has it again: what very many entities needed of memory is freed once few have been in it for
 * some time. What was in it may be gone. */
void snapshot_give_back(struct snapshot *s);
/* Bytes that it has room for, without images, which others hold as well. */
uint64_t snapshot_room(const struct snapshot *s);

/* Puts the entities of one that was cut in slices in their order; whoever has taken it over does this first. */
void snapshot_sort(struct snapshot *s);

int64_t snapshot_as_of_us(const struct snapshot *s);
/* True: every entity is in it, as was asked of shard_cut. */
bool snapshot_is_everything(const struct snapshot *s);
/* True: every known partition has been read to its end since the start. */
bool snapshot_is_live(const struct snapshot *s);
/* True: some partition that was announced has not. What comes from none, as in a replay, is no past. */
bool snapshot_is_of_past(const struct snapshot *s);
const struct accounts *snapshot_accounts(const struct snapshot *s);
size_t snapshot_position_count(const struct snapshot *s);
struct snapshot_position snapshot_position(const struct snapshot *s, size_t i);
/* Records of a kind that exist. */
int64_t snapshot_records(const struct snapshot *s, enum record_kind k);
int64_t snapshot_oddities(const struct snapshot *s, enum oddity o);

/* Entities of this snapshot, by (dimension, name bytes) ascending. */
size_t snapshot_entity_count(const struct snapshot *s);
enum dimension snapshot_entity_dimension(const struct snapshot *s, size_t i);
struct text snapshot_entity_name(const struct snapshot *s, size_t i);
/* Whether something stands for it: records that count for it, a target, or, for a manager, a team that it is in now. Nothing
 * does where all of that was taken back, or where it went into `(other)`: a shard that starts anew does not know it. */
bool snapshot_entity_stands(const struct snapshot *s, size_t i);
/* What the organisation says of it: "" and active where it says nothing. */
struct snapshot_about {
    struct text name; /* for people */
    struct text team; /* of a manager: the one that it is in now */
    struct text lead; /* of a team: the manager that leads it now */
    bool active;
};
struct snapshot_about snapshot_entity_about(const struct snapshot *s, size_t i);
/* The sums of own KPIs' pairs, in that window and in its previous one; all 0 where there are none. */
void snapshot_own_sums(const struct snapshot *s, size_t i, unsigned window, struct own_sums *out,
                       struct own_sums *out_previous);
/* What is to be reached in a window's whole period, and the working time of it. */
struct snapshot_target {
    unsigned window;
    unsigned kpi;                          /* config_kpi_find */
    int128 numerator, denominator;         /* in the KPI's unit, as struct kpi_value */
    int64_t elapsed_us, left_us, whole_us; /* working time, to whole quarters of an hour */
    int64_t day_us;                        /* of a working day */
    bool is_past;
};
/* Targets of the entity, by (window, KPI). */
size_t snapshot_target_count(const struct snapshot *s, size_t i);
const struct snapshot_target *snapshot_target(const struct snapshot *s, size_t i, size_t k);
/* The one for a KPI in a window, NULL where there is none. */
const struct snapshot_target *snapshot_target_find(const struct snapshot *s, size_t i, unsigned window, unsigned kpi);
/* Whether the entity has series `series` of the configuration, and where its points begin. */
bool snapshot_series(const struct snapshot *s, size_t i, unsigned series, size_t *out_at);
/* The sums of the point at `at`; returns where the next one is. */
size_t snapshot_point(const struct snapshot *s, size_t at, struct sums *out);
/* The first instant of a point, the same for all entities. */
int64_t snapshot_series_start(const struct snapshot *s, unsigned series, unsigned point);
/* A dense number of the entity: the same in every snapshot of one shard; 0 ... */
uint32_t snapshot_entity_id(const struct snapshot *s, size_t i);
/* The sums of window `window` (index in config.windows) and of its `previous`; all 0 where the entity
 * has none, or where its dimension does not have the window. */
void snapshot_sums(const struct snapshot *s, size_t i, unsigned window, struct sums *out, struct sums *out_previous);
/* A hash by which to know, without adding up, that they are what they were: the same one says so, beside the waiting age; but the same
 * sums may have another one in another snapshot. */
uint64_t snapshot_sums_hash(const struct snapshot *s, size_t i, unsigned window);
/* Whether books are closed at all (corrections.lock), but not those of the whole window: its values may still change. */
bool snapshot_is_provisional(const struct snapshot *s, unsigned window);
/* Whether the window has a previous one at all (`all` and `now` have none). */
bool snapshot_has_previous(const struct snapshot *s, unsigned window);
