/* entity.h - one manager, team, product ...: its trees, and the sums of its windows at an instant.
 *
 * Thread: the shard's writer; or who makes a cut for it (cutting.h).
 * Memory: entity_init to entity_fini. A quiet entity owns one small tree for each stream that it has.
 */
#pragma once
#include "aggregators/histogram.h"
#include "aggregators/increments.h"
#include "aggregators/measure.h"
#include "aggregators/own.h"
#include "aggregators/panes.h"
#include "aggregators/quantiles.h"
#include "aggregators/shard.h"
#include "aggregators/tree.h"
#include "aggregators/window.h"
#include "config/field.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the entities that a record counts for, which ones a contribution is for: an open deal whose owner moves from
 * team to team goes up and down in each of them, but once only in all others. */
enum reach { REACH_ALL, REACH_ALL_BUT_TEAM, REACH_TEAM };

/* An addition to one stream of the entities that a record counts for. */
struct contribution {
    int64_t at_us;
    int64_t value; /* histogram bucket of a valued stream, else 0 */
    int64_t measures[STREAM_MEASURES_MAX];
    uint64_t names;  /* number of the tuple (dimensions.h) */
    uint32_t team;   /* the one at that time: number of the name + 1, 0 = none */
    uint8_t stream;  /* enum stream */
    uint8_t reach;   /* enum reach */
    uint8_t zero[2]; /* no padding, since contributions are compared by their bytes */
};

_Static_assert(sizeof(struct contribution) == offsetof(struct contribution, zero) + 2, "no padding");

#define ENTITY_BASE_US (-AT_MAX)

/* By what the measures of an addition with that sign are multiplied. */
static inline int contribution_factor(int sign)
{
    return sign < 0 ? -1 : +1;
}

struct entity {
    struct tree *trees;            /* of the streams in `streams`, in the order of enum stream */
    uint32_t name;                 /* number in the dimension's names */
    uint32_t target_word;          /* as which targets name it: number of the word + 1, 0 = none does */
    uint64_t streams;              /* bit i: has stream i; from STREAM_COUNT on the pairs of own KPIs (own.h) */
    uint8_t dimension;             /* enum dimension */
    uint8_t changed_for;           /* bits: in which lists of changed entities it is (entities.h) */
    struct panes *panes;           /* of one that is cut again and again; else NULL */
    struct quantiles *quantiles;   /* the same */
    struct increments *increments; /* the same */
    int64_t cut_us[READER_COUNT];  /* when it was cut last for each reader, since it had changed */
    bool gone;                     /* it went into another one: entity_absorb */
    int64_t base_us;   /* what happened before this instant is in rows at ENTITY_BASE_US: nobody asks when it did */
    int64_t count;     /* of additions that say what happened, less those that were taken back */
    int64_t folded_us; /* what STREAM_OPEN held before this instant is in `level` */
    int128 level[5];   /* open deals, their amount, weighted amount, unrated, by an old rate: up to folded_us */
};

void entity_init(struct entity *e, enum dimension d, uint32_t name);
void entity_fini(struct entity *e);
/* The same in steps, of *leaves leaves of its trees at most, which becomes how many are left to be freed. True: it is done; until then
 * nothing but this and entity_fini may be asked. */
bool entity_fini_some(struct entity *e, uint32_t *leaves);
/* sign: +1 adds, -1 takes back, 0: what is there adds so much more. */
void entity_add(struct entity *e, const struct contribution *c, int sign);
/* The same to the stream of a pair of own KPIs. */
void entity_add_own(struct entity *e, unsigned pair, const struct contribution *c, int sign);
/* Both: to its own stream, and to those of the pairs in `pairs`, as bits. */
void entity_add_all(struct entity *e, const struct contribution *c, uint64_t pairs, int sign);
/* Makes few rows of what happened before the horizon (horizon.h), some of them in each call, so that none takes long. Not
 * within a cut. */
void entity_fold(struct entity *e, int64_t horizon_us);
/* Where the row of an addition to the stream is. */
int64_t entity_row_us(const struct entity *e, unsigned stream, int64_t at_us);
/* Notes an addition to its own stream. False: it is in the level then, and no row. */
bool entity_note(struct entity *e, const struct contribution *c, int sign);
/* The rows of many additions to its own stream (pair < 0), each of which was noted, or to that of a pair: as for
 * tree_add_sorted, where entity_row_us puts them, with the values of that stream. */
void entity_add_sorted(struct entity *e, unsigned stream, int pair, const struct row *rows, uint32_t count);
/* Asks for the memory that entity_add_sorted of what is newest will need, ahead of time: steps 0 to 3, with others in between. */
void entity_fetch(const struct entity *e, unsigned step);
/* Moves all that `from` holds to `to`; it is empty and gone then. O(rows). */
void entity_absorb(struct entity *to, struct entity *from);
/* The sums over [from_us, to_us) of every stream that is no level, and the quantiles. `scratch` must be empty,
 * and is again afterwards; NULL: without the quantiles, which are 0. */
void entity_sums(const struct entity *e, int64_t from_us, int64_t to_us, struct histogram *scratch, struct sums *out);
/* The same of the streams in `streams` alone. */
void entity_sums_of(const struct entity *e, uint64_t streams, int64_t from_us, int64_t to_us, struct histogram *scratch,
                    struct sums *out);
/* Whether two entities that are folded to the same instant have the same rows of a stream with quantiles, by its number below
 * STREAM_VALUED: of those from *from_us on about `most`. *from_us becomes where to go on, INT64_MAX at the end; *rows grows by how many
 * were looked at, in both. */
bool entity_same_values(const struct entity *a, const struct entity *b, unsigned valued_stream, int64_t *from_us,
                        uint32_t most, uint32_t *rows);
/* Whether what happened before to_us adds up to anything. */
bool entity_has_begun(const struct entity *e, int64_t to_us);
/* The sums of the pairs. */
void entity_own_sums(const struct entity *e, const struct own_plan *own, int64_t from_us, int64_t to_us,
                     struct own_sums *out);
/* What each stream that says what happened adds up to before each edge; and, of an entity that has kept nothing from the last
 * cut, its values. */
struct edge_sums {
    int128 at[STREAM_COUNT][4 * WINDOWS_MAX][STREAM_MEASURES_MAX];
    struct quantile_rows rows[STREAM_VALUED];
    bool has_rows;
};

void edge_sums_init(struct edge_sums *before);
void edge_sums_fini(struct edge_sums *before);
uint64_t edge_sums_bytes(const struct edge_sums *before);
/* Rows whose values were looked at for it. */
uint64_t edge_sums_rows(const struct edge_sums *before);
/* For spans that each cut asks for: first what lies before their edges, once for all of them; then each span, which begins at
 * edge `from` and ends at edge `to` (slot: quantiles.h); entity_end_cut comes after the last one of a cut. `reader`: for whom it is
 * cut, READER_COUNT where not because it has changed. */
void entity_edge_sums(struct entity *e, const struct window_edges *edges, int64_t as_of_us, enum reader reader,
                      struct edge_sums *out);
void entity_cut_sums(struct entity *e, unsigned slot, const struct window_edges *edges, struct edge_sums *before,
                     unsigned from, unsigned to, struct sums *out);
void entity_end_cut(struct entity *e);
/* Frees what cuts have kept for the next one, where none has come for ten seconds. True: there was something. */
bool entity_drop_quiet(struct entity *e, int64_t as_of_us);
/* Instead of all that: true, where it is known what has come since its last cut, and increments_list says it. */
bool entity_goes_on(struct entity *e, const struct increment_spans *spans, enum reader reader);
/* Sums of open deals that are expected to close in [from_us, to_us), added to `out`. */
void entity_expected(const struct entity *e, int64_t from_us, int64_t to_us, struct sums *out);
/* What stands at as_of: open deals and waiting leads. as_of never goes back from call to call; what it passes is
 * folded into one number, since no one can ask for an earlier level. */
void entity_level(struct entity *e, int64_t as_of_us, struct sums *out);
/* The earliest instant after as_of at which a value in a window changes by time alone. `edges`: those of the spans, which the cut
 * at hand has asked for; or NULL. */
int64_t entity_next_change(const struct entity *e, const struct window_spec *windows, const struct window_span *spans,
                           const bool *has_window, unsigned window_count, const struct calendar *c, int64_t as_of_us,
                           const struct window_edges *edges);
/* Whether nothing that stands counts for it. */
bool entity_is_empty(const struct entity *e);
/* Bytes of all of it; of its trees' nodes alone, and their rows. O(rows / 64). */
uint64_t entity_bytes(const struct entity *e);
uint64_t entity_tree_bytes(const struct entity *e);
uint64_t entity_rows(const struct entity *e);
