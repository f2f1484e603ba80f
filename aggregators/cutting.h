/* cutting.h - how the writer fills a snapshot with what its entities stand for; or a thread of its own, while the writer applies events.
 *
 * Events change the ledger, and entities only when they are settled. So from the begin of a cut until the next settlement nobody but
 * the cut touches an entity: not its trees, nor what it has kept, nor when it wakes. Of what it reads besides, the organisation and
 * targets change only by events before which cutting_copy_rest comes, and texts are read in a copy of the ledger's tables (intern.h).
 * What an event asks the organisation is of a record that was settled, whose manager's name is there when the cut begins.
 * Where a settlement comes all the same, since very many records wait for it, the writer takes the cut back and goes on in slices.
 *
 * Thread: the shard's writer. Memory: cutting_init to cutting_fini; the derivation is borrowed.
 */
#pragma once
#include "aggregators/derivation.h"
#include "aggregators/positions.h"
#include "aggregators/working_time.h"
#include "base/counter.h"
#include "base/worker.h"

struct cutting {
    const struct config *config;
    const struct calendar *calendar;
    struct derivation *derivation;
    struct working_time working_time;
    struct histogram scratch;
    /* Of the cut at hand: */
    struct window_span spans[WINDOWS_MAX];
    struct window_edges edges; /* of the spans */
    struct increment_spans laid;
    enum reader reader; /* who asks for what has changed; READER_COUNT: it is a cut of everything */
    enum reader
        kept_for; /* the same, but READER_COUNT while a past is read as well: nothing is kept that the next cut would ask for */
    int64_t horizon_us;
    int64_t *series_starts[SERIES_MAX];
    struct snapshot *out; /* NULL: there is none at hand */
    uint32_t *ids;        /* of those that it holds */
    uint32_t id_count, id_room, next;
    /* The most that an entity had on average in a cut of everything, by which the next one knows how much room it needs. */
    size_t everything_bytes, everything_targets; /* targets of 1,024 entities */
    uint64_t work;                               /* ever, in entities that go on */
    struct edge_sums *before;                    /* of the entity at hand */
    struct ledger seen;                          /* for its texts, as they were when the cut began; not owned */
    struct worker *worker;                       /* makes the rest of a cut: cutting_step_aside */
    struct counter wanted_back;                  /* 1: the writer waits for it to leave off */
};

void cutting_init(struct cutting *cutting, struct derivation *derivation);
void cutting_fini(struct cutting *cutting);
/* As shard_cut_begin and shard_cut_step. */
void cutting_begin(struct cutting *cutting, enum reader r, bool everything, const struct accounts *accounts,
                   const struct positions *positions, struct snapshot *out);
bool cutting_step(struct cutting *cutting, unsigned budget);
/* All that are left, before something changes that several entities are told: waits for the thread that copies them, if one does. The
 * next step says that it is done. */
void cutting_copy_rest(struct cutting *cutting);
/* As shard_cut_left, shard_cut_aside, shard_cut_is_aside. */
uint32_t cutting_left(const struct cutting *cutting);
bool cutting_step_aside(struct cutting *cutting, void (*tell)(void *whom), void *whom);
bool cutting_is_aside(const struct cutting *cutting);
/* The spans at the derivation's instant, to cutting->spans. */
void cutting_find_spans(struct cutting *cutting);
/* Bytes on the heap. */
uint64_t cutting_bytes(const struct cutting *cutting);
