/* core.h - a shard with a configuration for tests of the core. */
#pragma once
#include "aggregators/shard.h"
#include "tests/support/event_maker.h"

struct core {
    struct config *config;
    struct calendar *calendar;
    struct shard *shard;
    int week_start, fiscal_month;
};

/* Every kind of window, in a zone; fiscal years from `fiscal_month`. */
void core_init(struct core *c, const char *zone, int week_start, int fiscal_month);
void core_fini(struct core *c);

/* The ways of counting that a law is tried with; the first is the default. */
struct core_variant {
    const char *name;
    enum corrections corrections;
    const char *lock; /* the first day of the books that are open; NULL: none are closed */
    enum credit credit;
    int64_t entities_max; /* of a dimension; 0: the default */
};
#define CORE_VARIANTS 6
extern const struct core_variant core_variants[CORE_VARIANTS];
/* Begins the shard anew with another way of counting. */
void core_vary(struct core *c, const struct core_variant *v);

/* A second shard with the same configuration that has applied the first `count` events and stands at now_us. */
struct shard *core_twin(const struct core *c, const struct event_list *events, size_t count, int64_t now_us);
/* Applies what is told of a partition, and not by a message of it: the slot is announced, has come to its end, ... As event_note. */
enum outcome core_note(struct shard *shard, enum event_fate fate, unsigned slot, int64_t offset, const char *topic);
/* What reaches very many records, in small slices. */
void core_work_off(struct shard *shard);
/* Cuts once the shard has worked off what it must, in small slices. */
void core_cut(struct shard *shard, enum reader reader, bool everything, struct snapshot *out);
/* The index of an entity in the snapshot; snapshot_entity_count where it is not in it. */
size_t core_find(const struct snapshot *s, enum dimension d, const char *entity);
/* A value of the KPI as text, "" where there is none. */
void core_value(struct core *c, struct buffer *out, enum dimension d, const char *entity, const char *window,
                const char *kpi);
