/* audit.h - derives what entities should hold from the ledger anew, beside the live ones, and compares.
 *
 * A part of the entities at a time: all records are walked through in slices, and what they add to these entities goes
 * into shadows of them. A record that changes behind the walker changes the shadow as well, so events go on meanwhile.
 * At the end of the walk both must say the same for every window. All of it goes in slices, however many rows an entity has: its
 * values are compared row by row, a thousand at a time (but those of one instant together), and only where these differ are quantiles
 * asked for. A shadow begins as folded as its entity is, and is freed some leaves at a time.
 *
 * Thread: the shard's writer. Memory: audit_init to audit_fini; the shadows of 1 / AUDIT_PARTS of the entities.
 */
#pragma once
#include "aggregators/audit_report.h"
#include "aggregators/contribution.h"
#include "aggregators/entities.h"
#include "base/paged.h"

#define AUDIT_PARTS 16u

struct audit {
    bool running;     /* false with shadows there: a part was given up, and they are to be dropped */
    unsigned part;    /* entities with id % AUDIT_PARTS == part */
    unsigned station; /* enum record_kind; FACT_KINDS = customers; beyond: comparing */
    uint32_t at;      /* slot or word: what lies before it is in the shadows; or the next shadow to compare */
    uint64_t moves;   /* of struct entities, when the part began */
    struct paged shadows;
    uint32_t shadow_count, shadows_made; /* of entities that were there when the part began; how many there are yet */
    /* Of the one that is being compared: */
    bool summed, compared, differs, asked; /* asked: for its quantiles, since values differ */
    unsigned valued;                       /* of its streams with quantiles the one at hand */
    int64_t from_us, base_us;              /* and of this one the rows that are left; to where it was folded then */
    uint32_t rows_a_step;                  /* of the comparison; tests set it */
    int64_t parts_done, entities_done, differences; /* ever */
    int64_t times_asked;                            /* ever, for quantiles of an entity */
};

void audit_init(struct audit *a);
void audit_fini(struct audit *a);
/* Begins the next part. */
void audit_begin(struct audit *a, const struct entities *es);
/* The next empty shadow of an entity of the part, of which one is left to be made. */
void audit_make_shadow(struct audit *a, const struct entities *es);
/* Whether an entity has gone into another one since the part began: it must begin again. */
bool audit_is_stale(const struct audit *a, const struct entities *es);
/* Its shadows are to be dropped. */
void audit_give_up(struct audit *a);
/* Frees some of a part that was given up. True: none is left. */
bool audit_drop_some(struct audit *a);
/* Whether what lies at that place is in the shadows already. */
bool audit_covers(const struct audit *a, unsigned station, uint32_t at);
/* Adds a contribution to the shadows that it reaches. */
void audit_add(struct audit *a, struct entities *es, const struct dimensions *d, const struct contribution *c,
               int sign);
/* The shadow of an entity, NULL where it has none in this part, or is done with. */
struct entity *audit_shadow(const struct audit *a, uint32_t entity);
/* Frees some of the shadow that has been compared; once all of it is gone the next one is at hand. */
void audit_end_shadow(struct audit *a);
void audit_end(struct audit *a);
/* Bytes on the heap. O(rows / 64 of its shadows). */
uint64_t audit_bytes(const struct audit *a);
