#include "aggregators/shard.h"
#include "aggregators/audit_walk.h"
#include "aggregators/cutting.h"
#include "aggregators/derivation.h"
#include "aggregators/positions.h"
#include "aggregators/restoration.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

struct shard {
    const struct config *config;
    const struct calendar *calendar;
    struct derivation derivation;
    struct positions positions;
    int64_t latest_us;
    struct accounts accounts;
    struct cut copied;                    /* of the round that runs */
    struct stored_counts stored_at_start; /* what is stored already */
    struct cutting cutting;
};

static struct shard *create(const struct config *config, const struct calendar *calendar, struct restoration *from,
                            int64_t now_us)
{
    struct shard *s = must_zalloc(sizeof *s);
    s->config = config;
    s->calendar = calendar;
    derivation_init(&s->derivation, config, calendar, from, now_us);
    cutting_init(&s->cutting, &s->derivation);
    positions_init(&s->positions);
    cut_init(&s->copied);
    s->latest_us = INSTANT_NONE;
    return s;
}

struct shard *shard_create(const struct config *config, const struct calendar *calendar)
{
    return create(config, calendar, NULL, INSTANT_MIN);
}

uint32_t shard_keeps(const struct config *config)
{
    return (config->credit == CREDIT_AT_CLOSE ? CUT_KEEPS_OWNERS : 0u) |
           (config_has_books(config) ? CUT_KEEPS_BOOKS : 0u);
}

struct shard *shard_restore(const struct config *config, const struct calendar *calendar, struct restoration *from,
                            int64_t now_us)
{
    REQUIRE(from->has_cut && (shard_keeps(config) & ~from->cut.keeps) == 0);
    struct stored_counts stored = stored_counts_of(&from->ledger);
    struct shard *s = create(config, calendar, from, now_us > from->cut.now_us ? now_us : from->cut.now_us);
    s->stored_at_start = stored;
    s->accounts = from->cut.accounts;
    s->latest_us = from->cut.latest_us;
    positions_restore(&s->positions, &from->cut);
    restoration_destroy(from);
    return s;
}

void shard_destroy(struct shard *s)
{
    if (s == NULL)
        return;
    cutting_fini(&s->cutting);
    derivation_fini(&s->derivation);
    positions_fini(&s->positions);
    cut_fini(&s->copied);
    free(s);
}

void shard_fetch(const struct shard *s, const struct event *const *events, unsigned count)
{
    for (unsigned step = 0; step < 3; step++)
        for (unsigned i = 0; i < count; i++)
            if (events[i]->fate == EVENT_APPLY)
                ledger_fetch(&s->derivation.ledger, events[i], step);
}

enum outcome shard_apply(struct shard *s, const struct event *e)
{
    struct accounts *a = &s->accounts;
    positions_take(&s->positions, e);
    if (e->fate == EVENT_SLOT || e->fate == EVENT_END || e->fate == EVENT_BEHIND)
        return OUTCOME_NOTE;
    if (e->fate == EVENT_GAP) {
        a->gaps++;
        return OUTCOME_NOTE;
    }
    a->read++;
    if (e->fate == EVENT_DEAD_LETTER) {
        REQUIRE(e->reason < ERROR_COUNT);
        a->dead_lettered++;
        a->dead_lettered_by[e->reason]++;
        return OUTCOME_DEAD_LETTER;
    }
    if (e->fate == EVENT_FILTERED) {
        a->filtered++;
        return OUTCOME_FILTERED;
    }
    REQUIRE(e->fate == EVENT_APPLY && e->kind < KIND_COUNT);
    if (e->kind >= FACT_KINDS) /* what it tells is not one entity's */
        cutting_copy_rest(&s->cutting);
    if (e->occurred_at_us > s->latest_us)
        s->latest_us = e->occurred_at_us;
    switch (derivation_apply(&s->derivation, e)) {
    case RECORD_CHANGED: a->applied++; return OUTCOME_APPLIED;
    case RECORD_REPEATED: a->duplicate++; return OUTCOME_DUPLICATE;
    case RECORD_OUTVOTED: break;
    }
    a->superseded++;
    return OUTCOME_SUPERSEDED;
}

void shard_advance(struct shard *s, int64_t now_us)
{
    REQUIRE(!shard_is_cutting(s));
    if (now_us > s->derivation.now_us)
        derivation_advance(&s->derivation, now_us);
}

bool shard_settle(struct shard *s, uint32_t budget)
{
    return derivation_settle(&s->derivation, budget);
}

bool shard_is_settled(const struct shard *s)
{
    REQUIRE(!shard_cut_is_aside(s));
    return derivation_is_settled(&s->derivation);
}

bool shard_is_begun(const struct shard *s)
{
    return derivation_is_begun(&s->derivation);
}

uint32_t shard_unsettled(const struct shard *s)
{
    return s->derivation.dirty.count;
}

bool shard_has_work(const struct shard *s)
{
    return derivation_has_work(&s->derivation);
}

bool shard_work(struct shard *s, unsigned budget)
{
    REQUIRE(!shard_is_cutting(s));
    return derivation_work(&s->derivation, budget);
}

int64_t shard_now_us(const struct shard *s)
{
    return s->derivation.now_us;
}

int64_t shard_next_change_us(const struct shard *s)
{
    REQUIRE(!shard_cut_is_aside(s));
    return derivation_next_us(&s->derivation);
}

bool shard_has_changes(const struct shard *s, enum reader r)
{
    REQUIRE(!shard_cut_is_aside(s));
    return !derivation_is_settled(&s->derivation) || s->derivation.entities.changed[r].count > 0;
}

void shard_cut_begin(struct shard *s, enum reader r, bool everything, struct snapshot *out)
{
    derivation_settle(&s->derivation, UINT32_MAX);
    REQUIRE(!shard_has_work(s));
    cutting_begin(&s->cutting, r, everything, &s->accounts, &s->positions, out);
}

bool shard_cut_step(struct shard *s, unsigned budget)
{
    return cutting_step(&s->cutting, budget);
}

bool shard_is_cutting(const struct shard *s)
{
    return s->cutting.out != NULL;
}

uint32_t shard_cut_left(const struct shard *s)
{
    REQUIRE(!shard_cut_is_aside(s));
    return cutting_left(&s->cutting);
}

bool shard_cut_aside(struct shard *s, void (*tell)(void *whom), void *whom)
{
    return cutting_step_aside(&s->cutting, tell, whom);
}

void shard_drop_quiet(struct shard *s, uint32_t looks)
{
    REQUIRE(!shard_is_cutting(s));
    entities_drop_quiet(&s->derivation.entities, s->derivation.now_us, looks);
}

bool shard_cut_is_aside(const struct shard *s)
{
    return cutting_is_aside(&s->cutting);
}

void shard_cut(struct shard *s, enum reader r, bool everything, struct snapshot *out)
{
    shard_cut_begin(s, r, everything, out);
    REQUIRE(cutting_step(&s->cutting, UINT32_MAX));
    snapshot_sort(out);
}

bool shard_audit(struct shard *s, unsigned budget, audit_report *report, void *context)
{
    if (!audit_walk(&s->derivation, budget))
        return false;
    cutting_find_spans(&s->cutting);
    /* A comparison costs as much as some hundred looks at a record. */
    return audit_compare(&s->derivation, s->cutting.spans, &s->cutting.scratch, budget / 256 + 1, report, context);
}

struct audit_counts shard_audited(const struct shard *s)
{
    const struct audit *a = &s->derivation.audit;
    return (struct audit_counts){a->parts_done, a->entities_done, a->differences};
}

void shard_explain(struct shard *s, enum dimension d, struct text entity, uint64_t streams,
                   void (*visit)(void *context, const struct explained *e), void *context)
{
    struct derivation *of = &s->derivation;
    derivation_settle(of, UINT32_MAX);
    uint32_t name = intern_find(&of->ledger.names[d], entity);
    if (name == INTERN_NONE)
        return;
    for (unsigned station = 0; station <= FACT_KINDS; station++) {
        for (uint32_t at = 0; at < derivation_station_size(of, station); at++) {
            struct contributions list;
            derivation_stands(of, station, at, &list);
            for (unsigned i = 0; i < list.count; i++) {
                const struct contribution *c = &list.at[i];
                const struct dimensions names = dimension_table_get(&of->ledger.tuples, c->names);
                if (!(streams >> c->stream & 1) || contribution_name(&names, c, d) == 0 ||
                    !entities_counts_for(&of->entities, d, contribution_name(&names, c, d) - 1, name))
                    continue;
                const struct stream_info *stream = &stream_infos[c->stream];
                bool is_fact = station < FACT_KINDS;
                struct explained e = {is_fact ? record_kind_info((enum record_kind)station)->name : "customer",
                                      is_fact ? intern_text(&of->ledger.keys[station], at)
                                              : intern_text(&of->ledger.words, at),
                                      c->at_us,
                                      stream,
                                      c->measures,
                                      stream->valued ? histogram_midpoint_s((uint32_t)c->value) : 0};
                visit(context, &e);
            }
            contributions_fini(&list);
        }
    }
}

struct window_span shard_span(const struct shard *s, unsigned window)
{
    return window_span_at(&s->config->windows[window], s->calendar, s->derivation.now_us);
}

bool shard_is_whole(const struct shard *s)
{
    return s->positions.is_whole;
}

void shard_store_changes(struct shard *s)
{
    copying_use(&s->derivation.copying, &s->stored_at_start);
}

bool shard_has_unstored(const struct shard *s)
{
    return copying_has_changes(&s->derivation.copying, &s->derivation.ledger);
}

void shard_copy_begin(struct shard *s)
{
    cut_fini(&s->copied);
    s->copied = (struct cut){.keeps = shard_keeps(s->config),
                             .now_us = s->derivation.now_us,
                             .latest_us = s->latest_us,
                             .accounts = s->accounts};
    positions_copy(&s->positions, &s->copied);
    copying_begin(&s->derivation.copying);
}

bool shard_copy_step(struct shard *s, unsigned budget, struct buffer *out)
{
    struct derivation *d = &s->derivation;
    struct copied_from from = {&d->ledger, &d->valuation.books, &d->targets};
    if (!copying_step(&d->copying, &from, budget, out))
        return false;
    positions_reached(&s->positions, &s->copied);
    size_t begin = stored_begin(out, STORED_CUT, 0);
    cut_write(&s->copied, out);
    stored_end(out, begin);
    return true;
}

void shard_copy_end(struct shard *s, bool is_stored)
{
    copying_end(&s->derivation.copying, &s->derivation.ledger, is_stored);
}

const struct accounts *shard_accounts(const struct shard *s)
{
    return &s->accounts;
}

int64_t shard_records(const struct shard *s, enum record_kind k)
{
    REQUIRE(k < KIND_COUNT);
    return s->derivation.records[k];
}

int64_t shard_oddities(const struct shard *s, enum oddity o)
{
    REQUIRE(o < ODDITY_COUNT);
    return s->derivation.oddities[o];
}

int64_t shard_latest_us(const struct shard *s)
{
    return s->latest_us;
}

void shard_memory(const struct shard *s, struct memory_use *out)
{
    REQUIRE(!shard_cut_is_aside(s));
    derivation_memory(&s->derivation, out);
    out->other += sizeof *s - sizeof s->derivation + cutting_bytes(&s->cutting);
    out->other += s->positions.count * sizeof *s->positions.slots;
}

bool shard_is_at_end(const struct shard *s)
{
    return positions_are_ended(&s->positions);
}

uint32_t shard_position_count(const struct shard *s)
{
    return s->positions.count;
}

const struct cut_position *shard_position(const struct shard *s, uint32_t slot)
{
    REQUIRE(slot < s->positions.count);
    return &s->positions.slots[slot].at;
}
