/* shard.h - a ledger, its entities and the offsets that they reflect: all state, one writer.
 *
 * A pure core: no I/O, no clock (time is an argument), no randomness. The same code runs in the
 * daemon, replay, tests and under fuzzers. State moves by shard_apply (an event) and
 * shard_advance (time) alone.
 *
 * Thread: one at a time, the shard's writer. Snapshots are handed over (base/handoff.h).
 * Memory: shard_create to shard_destroy; config and calendar are borrowed for the shard's life.
 * Errors: none; a broken precondition ends the process.
 */
#pragma once
#include "aggregators/audit_report.h"
#include "aggregators/cut.h"
#include "aggregators/event.h"
#include "aggregators/memory.h"
#include "aggregators/snapshot.h"
#include "aggregators/window.h"
#include "base/calendar.h"
#include "config/config.h"

struct shard;

enum outcome {
    OUTCOME_APPLIED,
    OUTCOME_DUPLICATE,
    OUTCOME_SUPERSEDED,
    OUTCOME_DEAD_LETTER,
    OUTCOME_FILTERED,
    OUTCOME_NOTE
};

/* Who takes snapshots; each has its own set of changed entities. */
enum reader { READER_PUBLISHER, READER_ALERTS, READER_COUNT };

struct restoration;

struct shard *shard_create(const struct config *config, const struct calendar *calendar);
/* From the rows of a checkpoint, which are taken over: as it stands at now_us, or at the checkpoint's instant if that is
 * later. `from` has its cut, and the cut keeps what the configuration keeps (shard_keeps). Until the events up to each
 * position's `reached` have been read again, what stands is of no one instant: shard_is_whole. */
struct shard *shard_restore(const struct config *config, const struct calendar *calendar, struct restoration *from,
                            int64_t now_us);
/* Which histories a configuration keeps: bits of CUT_KEEPS_OWNERS ... */
uint32_t shard_keeps(const struct config *config);
void shard_destroy(struct shard *s);

/* Asks for the memory that shard_apply of these events will need: some of them at a time, so that they wait for it together.
 * It changes nothing. */
void shard_fetch(const struct shard *s, const struct event *const *events, unsigned count);
#define SHARD_FETCH 16u /* as many as are worth it */
/* Applies, counts and moves the offset of the event's slot, in one step. O(fields + log n), more where
 * others inherit from the record. The event is borrowed for the call. */
enum outcome shard_apply(struct shard *s, const struct event *e);

/* An event changes its record at once. What KPIs follow from that, and from time, is derived when somebody asks, once for all
 * events that a record had: shard_cut_begin, shard_work, shard_audit and shard_explain do all that is left, and shard_apply
 * where too much waits. Whoever must not wait for it does it before, in steps: at most about `budget` records, of some
 * microseconds each. True: nothing is left. It may turn out that there is work (shard_has_work). */
bool shard_settle(struct shard *s, uint32_t budget);
bool shard_is_settled(const struct shard *s);
/* Whether anything has been derived. Before the first settlement of a shard that was created, events cost less, and that
 * settlement derives all that there is at once, however small its budget: 2 us a record, of at most a million. */
bool shard_is_begun(const struct shard *s);
/* Records that wait for it because of events. */
uint32_t shard_unsettled(const struct shard *s);

/* Moves the instant that the shard speaks for; never back (an earlier one is ignored). */
void shard_advance(struct shard *s, int64_t now_us);
int64_t shard_now_us(const struct shard *s);
/* Whether a change that reaches very many records (an exchange rate, the organisation, a settled lead or deal with thousands
 * of children) is still being worked off. */
bool shard_has_work(const struct shard *s);
/* Works some of it off: about `budget` looks at a record, of some 20 ns each. True: nothing is left, so that a snapshot
 * may be cut. */
bool shard_work(struct shard *s, unsigned budget);
/* The earliest instant at which some value changes by time alone, INT64_MAX where none will; now where work is left. Of a
 * shard that is settled: what is not may change earlier. */
int64_t shard_next_change_us(const struct shard *s);

/* Whether the reader's next snapshot would hold any entity. */
bool shard_has_changes(const struct shard *s, enum reader r);
/* Fills `out` with what changed for this reader since its last cut, or with everything, and clears the
 * reader's set of changes. Only while there is no work (shard_work). O(entities in it x windows x log n). */
void shard_cut(struct shard *s, enum reader r, bool everything, struct snapshot *out);

/* The same in slices, with events between them: what `out` holds is of the instant and the offsets of shard_cut_begin, since an
 * entity that is about to change is copied first. Until a step says that it is done time stands still, there is no
 * shard_work, and `out` is the shard's; then snapshot_sort comes first. */
void shard_cut_begin(struct shard *s, enum reader r, bool everything, struct snapshot *out);
/* Copies about `budget` entities of which it is known what has come since their last cut, some 2 us each, and fewer of others: at
 * least one. True: those were all. */
bool shard_cut_step(struct shard *s, unsigned budget);
bool shard_is_cutting(const struct shard *s);
/* Entities of the cut at hand that are not copied yet; not once it is made aside. */
uint32_t shard_cut_left(const struct shard *s);
/* Leaves the rest of the cut at hand to a thread of its own, which then calls tell(whom): a step says that it is done. Until then
 * events may be applied, and a checkpoint copied; what asks what is settled may not, and shard_settle, or an event by which too many
 * records would wait for it, takes the cut back, so that it goes on in slices. An event that several entities are told waits
 * until it is done. shard_destroy waits as well, so `out` is destroyed after it. False: the system gives it no thread, and it goes
 * on in slices. */
bool shard_cut_aside(struct shard *s, void (*tell)(void *whom), void *whom);
bool shard_cut_is_aside(const struct shard *s);
/* Between cuts, now and then: looks at so many entities, each in its turn, or fewer where there is much to free, and frees what cuts
 * have kept for the next one where none has come for ten seconds. */
void shard_drop_quiet(struct shard *s, uint32_t looks);

/* Whether the shard stands where one reading of all partitions would have put it: always but after shard_restore. */
bool shard_is_whole(const struct shard *s);

/* A checkpoint is copied in rounds (copying.h): begin, steps with events between them, end. From shard_store_changes on,
 * which comes before the first event, what changes is noted. */
void shard_store_changes(struct shard *s);
bool shard_has_unstored(const struct shard *s);
void shard_copy_begin(struct shard *s);
/* Adds about `budget` rows (stored.h) to `out`, the last of which is the cut. True: that were all. */
bool shard_copy_step(struct shard *s, unsigned budget, struct buffer *out);
void shard_copy_end(struct shard *s, bool is_stored);

/* Derives a sixteenth of the entities anew, beside the live ones, and compares all their windows: about `budget` looks at a
 * record more. `report` is called for each number that differs. True: this part is done; the next call begins the next
 * one. Time must not go on while two entities are compared, and does not within a call. */
bool shard_audit(struct shard *s, unsigned budget, audit_report *report, void *context);
/* Entities compared, and those of them that differed, ever; parts done, 16 to a round. */
struct audit_counts {
    int64_t parts, entities, differences;
};
struct audit_counts shard_audited(const struct shard *s);

/* Something that a record (or customer) adds to an entity. */
struct explained {
    const char *kind; /* "lead", "deal" ..., "customer" */
    struct text key;
    int64_t at_us;
    const struct stream_info *stream;
    const int64_t *measures; /* of the stream */
    int64_t value_s;         /* of a valued stream: the midpoint by which quantiles count it */
};
/* Calls visit for all that is added to the entity in the streams of the mask, whenever it counts; what has not come true
 * by now is not added. O(records). */
void shard_explain(struct shard *s, enum dimension d, struct text entity, uint64_t streams,
                   void (*visit)(void *context, const struct explained *e), void *context);
/* The span of a window at the shard's instant. */
struct window_span shard_span(const struct shard *s, unsigned window);

const struct accounts *shard_accounts(const struct shard *s);
int64_t shard_records(const struct shard *s, enum record_kind k); /* that exist */
int64_t shard_oddities(const struct shard *s, enum oddity o);     /* as they were settled last */
/* Where its bytes are. O(records + entities). */
void shard_memory(const struct shard *s, struct memory_use *out);
/* The greatest occurred_at of an event that reached the ledger, INSTANT_NONE before. */
int64_t shard_latest_us(const struct shard *s);

/* Whether all partitions that were announced, one at least, have been read to their end. */
bool shard_is_at_end(const struct shard *s);

/* How far each partition has been read, and by what to tell that its log is still the same. */
uint32_t shard_position_count(const struct shard *s);
const struct cut_position *shard_position(const struct shard *s, uint32_t slot);
