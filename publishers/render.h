/* render.h - the sums of an entity in a window as the fields of its hash in Redis.
 *
 * `<kpi>`, `<kpi>.n`, `<kpi>.low` and `.high` of shares, `<kpi>.mark`, `<kpi>.prev` and what is said of its target, in the order of the KPI table; what has no value, and a count
 * or sum that is 0, is left out. `as_of` and `seq` are not part of it: they say when this changed.
 *
 * Thread: any, one thread an object. Memory: init to fini; what render_window gives lasts until the next call.
 */
#pragma once
#include "aggregators/snapshot.h"
#include "base/text.h"
#include "config/kpi_table.h"
#include "publishers/commands.h"
#include "publishers/pieces.h"
#include <stdbool.h>
#include <stdint.h>

_Static_assert(KPI_COUNT <= 64, "masks of KPIs are 64 bits wide");

/* The fields of a KPI that no target is needed for. */
enum part { PART_VALUE, PART_N, PART_LOW, PART_HIGH, PART_MARK, PART_PREVIOUS, PART_COUNT };

/* The name of such a field, in the protocol's form, and the beginning of its value. */
struct part_name {
    uint32_t at, len;
    uint64_t hash;
};

struct rendered_piece {
    uint64_t hash;   /* of its fields */
    uint64_t extras; /* of the names of those that come and go by themselves, 0 = none */
};

struct rendered_field {
    uint32_t at, len;             /* name and value among the fields */
    uint32_t value_at, value_len; /* the value's text */
    uint64_t hash;
    uint8_t piece; /* enum piece */
    bool stands;   /* in Redis, as it is: false until field_hashes_mark says so */
};

struct rendered {
    struct arguments fields;     /* name, value, name, value ... */
    struct rendered_field *list; /* of these each that is of a piece */
    uint32_t field_count, list_room;
    uint64_t values;   /* bit k: KPI k has a value */
    uint64_t previous; /* bit k: it has one in the window before */
    struct rendered_piece pieces[PIECE_COUNT];
    bool provisional;   /* it says so */
    enum piece piece;   /* while it is made: the one under way */
    uint64_t name_hash; /* and of the name of the field under way */
    /* Which one of `list` says the value, and what boards rank by; only where `values` has the bit. */
    uint32_t value_field[KPI_COUNT], rank_field[KPI_COUNT];
    /* made once: they are written a hundred times a window */
    struct buffer names;
    struct part_name name[KPI_COUNT][PART_COUNT];
};

/* Where the targets and own KPIs of an entity in a window stand. */
struct render_targets {
    const struct snapshot *snapshot; /* NULL: there are none */
    size_t entity;
    unsigned window;
    bool to_date;
    const struct own_plan *own; /* NULL: there are no own KPIs */
};

void rendered_init(struct rendered *r);
void rendered_fini(struct rendered *r);

/* The fields of the KPIs of some pieces. clock: which KPIs the window has. previous: NULL where the window has none before it.
 * money_decimals: of the base currency. */
void render_window(struct rendered *r, unsigned pieces, enum kpi_clock clock, const struct sums *sums,
                   const struct sums *previous, const struct render_targets *targets, int money_decimals);
/* The text of a KPI's value; `values` must have its bit. */
struct text rendered_value(const struct rendered *r, enum kpi k);
/* What boards rank it by: the value, and of shares the lower edge of the interval. */
struct text rendered_rank(const struct rendered *r, enum kpi k);
/* Whether the field that says it stands in Redis as it is; `values` must have its bit. */
bool rendered_rank_stands(const struct rendered *r, enum kpi k);
