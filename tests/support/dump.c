#include "tests/support/dump.h"
#include "tests/support/core.h"

static void dump_sums(struct buffer *out, const struct config *config, const struct snapshot *s, size_t entity,
                      unsigned window, const char *which, const struct sums *sums)
{
    for (unsigned m = 0; m < MEASURE_WAITING_AGE_US; m++) { /* the rest is the reader's, and grows between snapshots */
        if (sums->at[m] == 0)
            continue;
        buffer_format(out, "%s ", dimension_name(snapshot_entity_dimension(s, entity)));
        buffer_text(out, snapshot_entity_name(s, entity));
        buffer_format(out, " %s %s %u = ", config->windows[window].name, which, m);
        int128_format(out, sums->at[m]);
        buffer_char(out, '\n');
    }
}

static void dump_targets(struct buffer *out, const struct config *config, const struct snapshot *s, size_t entity)
{
    for (size_t k = 0; k < snapshot_target_count(s, entity); k++) {
        const struct snapshot_target *t = snapshot_target(s, entity, k);
        buffer_format(out, "%s ", dimension_name(snapshot_entity_dimension(s, entity)));
        buffer_text(out, snapshot_entity_name(s, entity));
        buffer_format(out, " %s target of %u = ", config->windows[t->window].name, t->kpi);
        int128_format(out, t->numerator);
        buffer_char(out, '/');
        int128_format(out, t->denominator);
        buffer_char(out, '\n');
    }
}

void dump_snapshot(struct buffer *out, const struct config *config, const struct snapshot *s)
{
    for (size_t i = 0; i < snapshot_entity_count(s); i++) {
        for (unsigned w = 0; w < config->window_count; w++) {
            struct sums current, previous;
            snapshot_sums(s, i, w, &current, &previous);
            dump_sums(out, config, s, i, w, "current", &current);
            dump_sums(out, config, s, i, w, "previous", &previous);
        }
        dump_targets(out, config, s, i);
    }
}

void dump_shard(struct buffer *out, const struct config *config, struct shard *shard, enum reader r)
{
    struct snapshot *s = snapshot_create();
    core_cut(shard, r, true, s);
    dump_snapshot(out, config, s);
    for (unsigned k = 0; k < KIND_COUNT; k++)
        buffer_format(out, "records %s = %lld\n", record_kind_info(k)->name, (long long)shard_records(shard, k));
    for (unsigned o = 0; o < ODDITY_COUNT; o++)
        buffer_format(out, "oddities %s = %lld\n", oddity_name(o), (long long)shard_oddities(shard, o));
    snapshot_destroy(s);
}
