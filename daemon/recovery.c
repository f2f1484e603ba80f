#include "daemon/recovery.h"
#include "aggregators/restoration.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include "checkpoint/load.h"
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* Positions of topics that are no longer read stay as they are, and nobody waits for them. */
static void take_positions(const struct config *config, struct cut *cut, struct recovery *out)
{
    out->starts = must_zalloc(cut->position_count * sizeof *out->starts);
    for (size_t i = 0; i < cut->position_count; i++) {
        struct cut_position *p = &cut->positions[i];
        if (!config_reads(config, p->topic)) {
            p->reached = p->offset;
            LOG(LOG_WARNING, "the checkpoint knows a topic that is not read any more; its records stay",
                LOG_TEXT("topic", p->topic), LOG_NUMBER("partition", p->partition));
        } else if (p->offset >= 0) {
            out->starts[out->start_count++] = (struct consumer_start){.topic = must_strdup(p->topic),
                                                                      .partition = p->partition,
                                                                      .offset = p->offset,
                                                                      .has_message = p->has_message,
                                                                      .message_offset = p->message_offset,
                                                                      .hash = p->hash};
        }
    }
}

static bool lacks_histories(const struct config *config, const struct cut *cut)
{
    uint32_t lacking = shard_keeps(config) & ~cut->keeps;
    if (lacking == 0)
        return false;
    LOG(LOG_ERROR,
        "the checkpoint was made without the histories that this configuration needs; start once with --from-start, "
        "which reads all topics again, or take the setting back",
        LOG_TEXT("setting", lacking & CUT_KEEPS_OWNERS ? "credit: at_close" : "corrections"));
    return true;
}

static void tell_restored(const struct shard *shard, int64_t began_us)
{
    int64_t records = 0;
    for (unsigned k = 0; k < KIND_COUNT; k++)
        records += shard_records(shard, k);
    LOG(LOG_INFO, "restored from the checkpoint", LOG_NUMBER("records", records),
        LOG_NUMBER("messages", shard_accounts(shard)->read),
        LOG_NUMBER("took_ms", (clock_monotonic_us() - began_us) / MILLISECOND));
}

/* What stands in the folder, as a shard; without one where there is nothing. */
static int restore(const struct config *config, const struct calendar *calendar, const char *folder,
                   struct recovery *out, struct buffer *problem)
{
    int64_t began_us = clock_monotonic_us();
    enum store_result result;
    struct restoration *r = checkpoint_load(folder, NULL, &result, problem);
    switch (result) {
    case STORE_OK: break;
    case STORE_EMPTY: return EX_OK;
    case STORE_DAMAGED:
        LOG(LOG_ERROR, "the checkpoint is damaged: it is set aside, and all topics are read from the earliest offset",
            LOG_VIEW("problem", buffer_view(problem)));
        if (store_set_aside(folder, problem) == STORE_OK)
            return EX_OK;
        LOG(LOG_ERROR, "the damaged checkpoint cannot be moved", LOG_VIEW("problem", buffer_view(problem)));
        return EX_CANTCREAT;
    case STORE_NEWER:
        LOG(LOG_ERROR, "the checkpoint cannot be used", LOG_VIEW("problem", buffer_view(problem)));
        return EX_CONFIG;
    default:
        LOG(LOG_ERROR, "the checkpoint cannot be read", LOG_VIEW("problem", buffer_view(problem)));
        return EX_IOERR;
    }
    if (lacks_histories(config, &r->cut)) {
        restoration_destroy(r);
        return EX_CONFIG;
    }
    if (r->cut.keeps & CUT_KEEPS_BOOKS && !(shard_keeps(config) & CUT_KEEPS_BOOKS))
        out->cleared = 1u << KIND_DEAL | 1u << KIND_PAYMENT;
    take_positions(config, &r->cut, out);
    out->shard = shard_restore(config, calendar, r, clock_now_us());
    tell_restored(out->shard, began_us);
    return EX_OK;
}

static int start_anew(const char *folder, struct buffer *problem)
{
    switch (store_set_aside(folder, problem)) {
    case STORE_OK:
        LOG(LOG_WARNING, "the checkpoint is set aside, and all topics are read from the earliest offset",
            LOG_TEXT("folder", folder));
        return EX_OK;
    case STORE_EMPTY: return EX_OK;
    default:
        LOG(LOG_ERROR, "the checkpoint cannot be set aside", LOG_VIEW("problem", buffer_view(problem)));
        return EX_CANTCREAT;
    }
}

int recovery_run(const struct config *config, const struct calendar *calendar, const char *folder, bool from_start,
                 struct recovery *out)
{
    *out = (struct recovery){0};
    int status = EX_OK;
    struct buffer problem;
    buffer_init(&problem);
    if (folder[0] == 0)
        LOG(LOG_WARNING, "there is no folder for checkpoints: a restart reads all topics again",
            LOG_TEXT("set", "checkpoint.directory"));
    if (folder[0] != 0 && from_start)
        status = start_anew(folder, &problem);
    if (status == EX_OK && folder[0] != 0)
        status = restore(config, calendar, folder, out, &problem);
    if (status == EX_OK && folder[0] != 0 && store_open(folder, STORE_WRITE, &out->store, &problem) != STORE_OK) {
        LOG(LOG_ERROR, "checkpoints cannot be stored", LOG_VIEW("problem", buffer_view(&problem)));
        status = EX_CANTCREAT;
    }
    if (status == EX_OK && out->shard == NULL)
        out->shard = shard_create(config, calendar);
    buffer_fini(&problem);
    return status;
}

void recovery_fini(struct recovery *r)
{
    for (size_t i = 0; i < r->start_count; i++)
        free((char *)(uintptr_t)r->starts[i].topic);
    free(r->starts);
    r->starts = NULL;
    r->start_count = 0;
}
