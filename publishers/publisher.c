/* The life of a connection: opened, the lease taken, claimed, filled, then kept up to date; any trouble closes it and
 * begins again.
 * After a trouble nothing is assumed about what stands in Redis, so there is nothing to roll back: the fence is
 * claimed anew and everything is written. Of a write whose reply never came the fence tells whether it was done;
 * that matters only for the transitions of alerts, the one thing that is appended rather than set.
 */
#include "publishers/publisher.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include "publishers/alert_keys.h"
#include "publishers/batch.h"
#include "publishers/changes.h"
#include "publishers/fence.h"
#include "publishers/lease.h"
#include "publishers/leftovers.h"
#include "publishers/master.h"
#include "publishers/meta.h"
#include "publishers/scribe.h"
#include "publishers/seen.h"
#include "publishers/strengths.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* AMENDMENT 24: as_of that stands ahead of ours by more is a clock that was wrong, not one that is late. */
#define AHEAD_MAX_US       (5 * MINUTE)
/* Standing offsets beyond the end of the log mean another log, once that has lasted; partitions are found one by one. */
#define OTHER_LOG_AFTER_US (5 * SECOND)
/* Then doubled up to redis.backoff_max. */
#define BACKOFF_FIRST_US   (100 * MILLISECOND)
/* So often, in the time that a lease lasts, its holder renews it and the others look whether it is free. */
#define RENEWALS           3
#define LOOKS              6
/* A hash, its key in the index and its places on boards may cost so much more. */
#define COST_RESERVE       8

struct publisher {
    const struct config *config;
    char *instance;
    bool reset_fence, renders_all;
    int64_t lag;

    struct keys keys;
    struct changes *changes;
    struct batch *batch;
    struct scribe scribe;
    struct strength_keys strengths;
    struct alert_keys alerts;
    struct commands commands;
    struct seen seen;

    struct redis *redis; /* NULL: away */
    struct fence fence;
    bool claimed, filled;
    bool took_over; /* the take-over that our claim began was carried through, and counted */
    bool uncertain; /* a write of seq fence.seq + 1 may or may not have been done */
    struct lease lease;
    int64_t lease_at_us;   /* when it was taken or renewed */
    bool standby;          /* by the last look another instance publishes */
    bool saw_fence;        /* while standing by */
    int64_t bare_since_us; /* and since then there is none, INT64_MAX: there is */
    struct standing goal;  /* what stood when we claimed: to be reached before anything is written */
    bool reached;
    int64_t beyond_since_us; /* the goal lies beyond the end of our log since then, INT64_MAX: does not */
    bool told_stale;

    struct master master; /* whom redis is a connection to */
    int64_t master_at_us; /* when the sentinels were asked last */
    bool told_unknown;    /* that none of them answers */

    int64_t retry_at_us;
    unsigned failures; /* in a row */
    uint64_t jitter_seed;
    enum redis_trouble told; /* the trouble that was logged last, TROUBLE_NONE while all is well */
    int64_t meta_at_us;      /* when meta was written */
    enum meta_state meta_state;
    struct buffer as_of; /* of the publish under way */
    struct publisher_status status;
};

const char *publisher_state_name(enum publisher_state s)
{
    static const char *const names[] = {"away", "waiting", "filling", "current", "standby", "stale"};
    return names[s];
}

struct publisher *publisher_create(const struct config *config, const struct publisher_options *options)
{
    struct publisher *p = must_zalloc(sizeof *p);
    p->config = config;
    p->instance = must_strdup(options->instance);
    p->reset_fence = options->reset_fence;
    p->renders_all = options->renders_all;
    p->lag = -1;
    keys_init(&p->keys, config->redis.namespace_);
    p->changes = changes_create(config->window_count);
    p->batch = batch_create(config, &p->keys, p->changes);
    scribe_init(&p->scribe, config, p->changes, p->batch);
    strength_keys_init(&p->strengths, config, p->batch);
    alert_keys_init(&p->alerts, config->publish.alerts_log_max);
    commands_init(&p->commands);
    seen_init(&p->seen);
    standing_init(&p->goal);
    lease_init(&p->lease, options->instance, config->redis.lease_ms);
    p->bare_since_us = INT64_MAX;
    p->beyond_since_us = INT64_MAX;
    p->jitter_seed = options->jitter_seed != 0 ? options->jitter_seed : text_hash(text_of(p->lease.token));
    buffer_init(&p->as_of);
    p->status.as_of_us = INSTANT_NONE;
    return p;
}

void publisher_destroy(struct publisher *p)
{
    if (p == NULL)
        return;
    redis_close(p->redis);
    lease_fini(&p->lease);
    standing_fini(&p->goal);
    seen_fini(&p->seen);
    commands_fini(&p->commands);
    alert_keys_fini(&p->alerts);
    strength_keys_fini(&p->strengths);
    scribe_fini(&p->scribe);
    batch_destroy(p->batch);
    changes_destroy(p->changes);
    keys_fini(&p->keys);
    buffer_fini(&p->as_of);
    free(p->instance);
    free(p);
}

void publisher_set_lag(struct publisher *p, int64_t messages)
{
    p->lag = messages;
}

/* ---- troubles ---- */

static void back_off(struct publisher *p, int64_t now_us)
{
    p->failures += p->failures < UINT_MAX;
    p->retry_at_us = now_us + backoff_wait(BACKOFF_FIRST_US, p->config->redis.backoff_max_ms * MILLISECOND, p->failures,
                                           p->jitter_seed);
}

static void forget(struct publisher *p)
{
    p->claimed = p->filled = false;
    changes_forget(p->changes);
}

static void fail(struct publisher *p, int64_t now_us, const struct redis_failure *failure)
{
    redis_close(p->redis);
    p->redis = NULL;
    forget(p);
    back_off(p, now_us);
    p->status.troubles[failure->trouble]++;
    if (p->told != failure->trouble) {
        p->told = failure->trouble;
        LOG(LOG_WARNING, "redis: not published, will try again",
            LOG_TEXT("trouble", redis_trouble_name(failure->trouble)),
            LOG_TEXT("meaning", redis_trouble_text(failure->trouble)), LOG_TEXT("detail", failure->detail));
    }
}

static int64_t lease_us(const struct publisher *p)
{
    return p->config->redis.lease_ms * MILLISECOND;
}

/* Another instance publishes; why it is known. Nothing is written any more, not even what was to be. */
static void stand_by(struct publisher *p, int64_t now_us, const char *why)
{
    if (!p->standby) {
        LOG(LOG_INFO, "standing by: another instance publishes", LOG_TEXT("why", why),
            LOG_VIEW("instance", buffer_view(&p->lease.other)), LOG_TEXT("namespace", p->config->redis.namespace_));
        p->saw_fence = true;
        p->bare_since_us = INT64_MAX;
    }
    p->standby = true;
    p->status.losses += p->claimed;
    p->took_over =
        false; /* the alerts are told to stand by; so they must be told of what follows, also after our own claim */
    lease_forget(&p->lease);
    if (p->claimed)
        forget(p);
    alert_keys_drop(&p->alerts);
    p->retry_at_us = now_us + lease_us(p) / LOOKS;
    p->failures = 0; /* Redis is well */
}

/* After a write that was not done. Always false, to be returned. */
static bool refused(struct publisher *p, int64_t now_us, enum fence_result result, const struct redis_failure *failure)
{
    switch (result) {
    case FENCE_FAILED:
        p->uncertain = true;
        fail(p, now_us, failure);
        break;
    case FENCE_DAMAGED:
        /* What it appended is there, the rest will be written again. */
        alert_keys_appended(&p->alerts);
        fail(p, now_us, failure);
        break;
    case FENCE_FOREIGN: stand_by(p, now_us, "the fence is no longer ours"); break;
    case FENCE_GONE:
        LOG(LOG_WARNING, "redis holds other data than was written: everything is written again",
            LOG_NUMBER("epoch", p->fence.epoch), LOG_NUMBER("seq", p->fence.seq));
        forget(p);
        back_off(p, now_us);
        break;
    case FENCE_DONE: break;
    }
    return false;
}

/* ---- one publish ---- */

/* as_of never goes back: CONTRACT 5. */
static void set_as_of(struct publisher *p)
{
    int64_t as_of_us = p->seen.as_of_us;
    if (p->status.as_of_us != INSTANT_NONE && p->status.as_of_us > as_of_us)
        as_of_us = p->status.as_of_us;
    buffer_clear(&p->as_of);
    instant_format(&p->as_of, as_of_us, true);
}

/* Adds meta, the fence's move and the message to the transaction that stands in p->commands, and sends it. */
static bool commit(struct publisher *p, int64_t now_us, enum meta_state state, bool with_alerts)
{
    bool waiting = !p->reached;
    struct meta meta = {
        .seq = p->fence.seq + 1,
        .epoch = p->fence.epoch,
        .state = state,
        .as_of = buffer_view(&p->as_of),
        .offsets = buffer_view(waiting ? &p->goal.offsets : &p->seen.offsets),
        .accounts = buffer_view(&p->seen.accounts),
        .lag = p->lag,
        .gaps = p->seen.gaps,
        .instance = p->instance,
        .config = p->config,
    };
    struct commands *c = &p->commands;
    if (with_alerts)
        alert_keys_write(&p->alerts, c, &p->keys);
    meta_write(c, &p->keys, &meta);
    meta_announce(c, &p->keys, &meta, batch_changed_json(p->batch), batch_changed(p->batch));
    lease_extend(&p->lease, c, &p->keys);
    struct redis_failure failure = {0};
    struct fence_mark mark = {meta.as_of, meta.offsets, .partly = state == META_LOADING};
    enum fence_result result = fence_commit(p->redis, &p->keys, &p->fence, c, &mark, &failure);
    p->status.bytes += (int64_t)c->bytes.len;
    if (result != FENCE_DONE)
        return refused(p, now_us, result, &failure);
    if (with_alerts)
        alert_keys_written(&p->alerts);
    if (!waiting && instant_parse(meta.as_of, &p->status.as_of_us) != OK)
        p->status.as_of_us = p->seen.as_of_us;
    p->status.publishes++;
    p->meta_at_us = now_us;
    p->meta_state = state;
    p->failures = 0;
    if (p->told != TROUBLE_NONE) {
        p->told = TROUBLE_NONE;
        LOG(LOG_INFO, "redis: publishing again", LOG_NUMBER("seq", p->fence.seq));
    }
    return true;
}

static enum meta_state live_state(const struct publisher *p)
{
    return p->seen.live ? META_LIVE : META_CATCHING_UP;
}

/* The batch has grown as large as one transaction may be: in a fill a part goes out, in a later publish it is
 * staged. */
static bool send_some(struct publisher *p, int64_t now_us, bool fill)
{
    if (fill) {
        fence_begin(&p->commands);
        batch_emit(p->batch, &p->commands);
        return commit(p, now_us, META_LOADING, false);
    }
    fence_begin(&p->commands);
    batch_stage(p->batch, &p->commands, p->fence.epoch);
    lease_extend(&p->lease, &p->commands, &p->keys);
    meta_extend(&p->commands, &p->keys, p->config->publish.meta_ttl_ms);
    struct redis_failure failure = {0};
    enum fence_result result = fence_commit_unseen(p->redis, &p->keys, &p->fence, &p->commands, &failure);
    p->status.bytes += (int64_t)p->commands.bytes.len;
    if (result == FENCE_DONE)
        return true;
    return refused(p, now_us, result, &failure);
}

static bool is_full(const struct publisher *p)
{
    return batch_cost(p->batch) > 0 && batch_cost(p->batch) + COST_RESERVE > p->config->publish.max_atomic;
}

static bool write_entity(struct publisher *p, int64_t now_us, const struct snapshot *s, size_t entity, bool fill)
{
    enum dimension d = snapshot_entity_dimension(s, entity);
    bool any = false;
    for (unsigned w = 0; w < p->config->window_count; w++) {
        if (!p->config->dimension_windows[d][w])
            continue;
        if (is_full(p) && !send_some(p, now_us, fill))
            return false;
        any |= scribe_window(&p->scribe, s, entity, w, buffer_view(&p->as_of), p->fence.seq + 1);
    }
    scribe_entity(&p->scribe, s, entity, any);
    if (p->config->series_count > 0) {
        if (is_full(p) && !send_some(p, now_us, fill))
            return false;
        scribe_series(&p->scribe, s, entity);
    }
    strength_keys_take(&p->strengths, s, entity);
    return true;
}

struct room_maker {
    struct publisher *p;
    int64_t now_us;
    bool fill;
};

static bool make_room(void *context)
{
    const struct room_maker *m = context;
    return !is_full(m->p) || send_some(m->p, m->now_us, m->fill);
}

/* What the entities of a snapshot are, then what follows from all of them. */
static bool write_snapshot(struct publisher *p, int64_t now_us, const struct snapshot *s, bool fill)
{
    for (size_t i = 0; i < snapshot_entity_count(s); i++) {
        if (!write_entity(p, now_us, s, i, fill))
            return false;
    }
    struct room_maker m = {p, now_us, fill};
    return strength_keys_write(&p->strengths, make_room, &m);
}

/* Everything that the index names and this fill has not written is of an entity, a window or a board that is no
 * more. */
static bool sweep(struct publisher *p, int64_t now_us)
{
    char cursor[CURSOR_SIZE] = "0";
    do {
        struct redis_failure failure = {0};
        if (!leftovers_sweep(p->redis, &p->keys, p->batch, cursor, &failure)) {
            fail(p, now_us, &failure);
            return false;
        }
        if (is_full(p) && !send_some(p, now_us, true))
            return false;
    } while (strcmp(cursor, "0") != 0);
    return true;
}

static void fill(struct publisher *p, int64_t now_us, const struct snapshot *s)
{
    changes_forget(p->changes);
    strength_keys_forget(&p->strengths);
    scribe_forget(&p->scribe);
    set_as_of(p);
    batch_begin(p->batch, true);
    if (!write_snapshot(p, now_us, s, true))
        return;
    if (!sweep(p, now_us))
        return;
    fence_begin(&p->commands);
    batch_emit(p->batch, &p->commands);
    if (!commit(p, now_us, live_state(p), true))
        return;
    p->filled = true;
    p->reset_fence = false;
    p->status.keys += batch_changed(p->batch);
    LOG(LOG_INFO, "redis: everything is written", LOG_NUMBER("keys", batch_changed(p->batch)),
        LOG_NUMBER("seq", p->fence.seq), LOG_TEXT("state", meta_state_name(p->meta_state)));
}

/* every_ms: how old meta may become. */
static bool meta_is_due(const struct publisher *p, int64_t now_us, enum meta_state state, int64_t every_ms)
{
    return state != p->meta_state || now_us - p->meta_at_us >= every_ms * MILLISECOND;
}

/* snapshot NULL: only what else waits. */
static void publish_changes(struct publisher *p, int64_t now_us, const struct snapshot *s)
{
    set_as_of(p);
    batch_begin(p->batch, false);
    if (p->renders_all)
        changes_doubt(p->changes);
    if (s != NULL && !write_snapshot(p, now_us, s, false))
        return;
    changes_tidy(p->changes, p->seen.as_of_us);
    /* A snapshot without a change moves as_of and the offsets all the same, as often as publish.idle says. The writer
     * cuts one after that time; it may come here a little sooner after the last one than it was cut. */
    const struct publish_config *often = &p->config->publish;
    int64_t every_ms = s != NULL ? often->idle_ms - often->idle_ms / 4 : often->meta_ttl_ms / 3;
    if (batch_changed(p->batch) == 0 && !alert_keys_wait(&p->alerts) &&
        !meta_is_due(p, now_us, live_state(p), every_ms))
        return;
    bool staged = batch_is_staged(p->batch);
    if (staged && !send_some(p, now_us, false))
        return;
    fence_begin(&p->commands);
    if (staged)
        batch_emit_moves(p->batch, &p->commands, p->fence.epoch);
    else
        batch_emit(p->batch, &p->commands);
    if (!commit(p, now_us, live_state(p), true))
        return;
    p->status.staged += staged;
    p->status.keys += batch_changed(p->batch);
}

/* ---- before anything may be written ---- */

/* Whether we are as far as what stood in Redis; otherwise *out_state says what readers are told meanwhile. */
static bool goal_is_reached(struct publisher *p, int64_t now_us, enum meta_state *out_state)
{
    /* Where the one before us got no further than the half of a fill, readers wait until it is whole. */
    *out_state = p->goal.partly ? META_LOADING : META_CATCHING_UP;
    if (p->reset_fence || !p->goal.exists)
        return true;
    int64_t ahead_us = p->goal.as_of_us == INSTANT_NONE ? 0 : p->goal.as_of_us - p->seen.as_of_us;
    bool behind = !offsets_reach(p->config, buffer_view(&p->goal.offsets), p->seen.positions, p->seen.position_count);
    if (!behind || !p->seen.live)
        p->beyond_since_us = INT64_MAX;
    else if (p->beyond_since_us == INT64_MAX)
        p->beyond_since_us = now_us;
    bool beyond = p->beyond_since_us != INT64_MAX && now_us - p->beyond_since_us >= OTHER_LOG_AFTER_US;
    if (ahead_us <= 0 && !behind)
        return true;
    if (ahead_us <= AHEAD_MAX_US && !beyond)
        return false;
    if (!p->goal.partly)
        *out_state = META_STALE;
    if (!p->told_stale) {
        p->told_stale = true;
        LOG(LOG_ERROR,
            beyond ? "redis holds numbers of offsets beyond the end of the topics: were they made anew? If so, run "
                     "`kpid run --reset-fence` once"
                   : "redis holds numbers of an instant far ahead: was the clock wrong? If so, run "
                     "`kpid run --reset-fence` once",
            LOG_NUMBER("ahead_s", ahead_us / SECOND), LOG_VIEW("offsets", buffer_view(&p->goal.offsets)));
    }
    return false;
}

/* The numbers stay as they are; readers learn why. */
static void publish_waiting(struct publisher *p, int64_t now_us, enum meta_state state)
{
    if (!meta_is_due(p, now_us, state, p->config->publish.meta_ttl_ms / 3))
        return;
    buffer_clear(&p->as_of);
    if (p->goal.as_of_us != INSTANT_NONE)
        instant_format(&p->as_of, p->goal.as_of_us, true);
    fence_begin(&p->commands);
    commit(p, now_us, state, false);
}

static bool connect(struct publisher *p, int64_t now_us)
{
    if (now_us < p->retry_at_us)
        return false;
    struct redis_failure failure = {0};
    p->redis = master_open(&p->master, &p->config->redis, &failure);
    if (p->redis == NULL) {
        fail(p, now_us, &failure);
        return false;
    }
    p->status.connects++;
    p->master_at_us = now_us;
    return true;
}

/* A master that was replaced while it was cut off knows nothing of it: it would renew our lease for ever, beside the
 * one that another instance has where the sentinels are. So they are asked as often as the lease is renewed. Where none
 * of them answers there is nothing to learn: Redis is there, and they are needed only when it is not. */
static bool is_still_master(struct publisher *p, int64_t now_us)
{
    if (p->config->redis.sentinel_count == 0 || now_us - p->master_at_us < lease_us(p) / RENEWALS)
        return true;
    p->master_at_us = now_us;
    struct redis_failure failure = {0};
    enum master_answer answer = master_confirm(&p->master, &p->config->redis, &failure);
    if (answer == MASTER_OTHER) {
        lease_forget(&p->lease);
        fail(p, now_us, &failure);
        return false;
    }
    if (answer == MASTER_UNKNOWN && !p->told_unknown)
        LOG(LOG_WARNING, "redis: no sentinel says whether this is still the master, going on with it",
            LOG_TEXT("detail", failure.detail));
    p->told_unknown = answer == MASTER_UNKNOWN;
    return true;
}

/* Whether what stands allows us to publish, by a look: as far as that, and as late. */
static bool is_as_far(const struct publisher *p, const struct standing *standing)
{
    if (p->reset_fence || !standing->exists)
        return true;
    return (standing->as_of_us == INSTANT_NONE || standing->as_of_us <= p->seen.as_of_us) &&
           offsets_reach(p->config, buffer_view(&standing->offsets), p->seen.positions, p->seen.position_count);
}

/* A Redis that has lost everything has lost the lease as well. Its holder writes everything again within a third of it;
 * whoever stood by lets it go first, for it knows what it has told. */
static bool lets_others_first(struct publisher *p, int64_t now_us, const struct standing *standing)
{
    if (standing->exists || !p->standby || !p->saw_fence) {
        p->saw_fence = p->saw_fence || standing->exists;
        p->bare_since_us = INT64_MAX;
        return false;
    }
    if (p->bare_since_us == INT64_MAX)
        p->bare_since_us = now_us;
    return now_us - p->bare_since_us < lease_us(p);
}

static bool is_our_claim(const struct publisher *p, const struct standing *standing)
{
    return p->fence.epoch > 0 && standing->epoch == p->fence.epoch && strcmp(standing->token, p->fence.token) == 0;
}

/* Looks at what stands and takes the lease. False: not ours now. */
static bool take_lease(struct publisher *p, int64_t now_us)
{
    struct redis_failure failure = {0};
    struct standing standing;
    standing_init(&standing);
    bool looked = fence_look(p->redis, &p->keys, &standing, &failure) == FENCE_DONE;
    enum lease_result result = LEASE_FAILED;
    bool waits = false;
    if (looked) {
        if (p->uncertain && is_our_claim(p, &standing) && standing.seq > p->fence.seq)
            alert_keys_appended(&p->alerts);
        p->uncertain = false;
        waits = lets_others_first(p, now_us, &standing);
    }
    if (looked && !waits)
        result = lease_seek(&p->lease, p->redis, &p->keys, is_as_far(p, &standing), &failure);
    standing_fini(&standing);
    if (waits) {
        p->retry_at_us = now_us + lease_us(p) / LOOKS;
        return false;
    }
    if (result == LEASE_FAILED)
        fail(p, now_us, &failure);
    else if (result == LEASE_OTHERS)
        stand_by(p, now_us, "it has the lease");
    else
        p->lease_at_us = now_us;
    return result == LEASE_HELD;
}

/* Takes the lease and then the fence. */
static bool claim(struct publisher *p, int64_t now_us)
{
    if (now_us < p->retry_at_us || !take_lease(p, now_us))
        return false;
    struct redis_failure failure = {0};
    struct standing standing;
    standing_init(&standing);
    enum fence_result result = fence_read(p->redis, &p->keys, &standing, &failure);
    if (result == FENCE_DONE && !is_our_claim(p, &standing))
        p->took_over = false;
    if (result == FENCE_DONE) {
        commands_clear(&p->commands);
        catalogue_write(&p->commands, &p->keys, p->config);
        result = fence_claim(p->redis, &p->keys, &standing, &p->commands, &p->fence, &failure);
    }
    if (result == FENCE_DONE && !leftovers_unstage(p->redis, &p->keys, p->fence.epoch, &failure))
        result = FENCE_FAILED;
    if (result != FENCE_DONE) {
        standing_fini(&standing);
        if (result == FENCE_FOREIGN)
            back_off(p, now_us); /* another claim or a flush came between */
        else
            fail(p, now_us, &failure);
        return false;
    }
    /* Also where an attempt before this one got as far as the fence, and no further. */
    if (!p->took_over) {
        p->took_over = true;
        p->status.takeovers++;
        p->status.after_others = standing.exists;
        /* What it was to write was of the time before. */
        if (standing.exists)
            alert_keys_drop(&p->alerts);
    }
    /* What stood is the goal. When it is our own, or of somebody who was behind us, it is reached at once. */
    standing_fini(&p->goal);
    p->goal = standing;
    p->reached = false;
    p->beyond_since_us = INT64_MAX;
    p->told_stale = false;
    p->claimed = true;
    p->standby = false;
    p->meta_at_us = INT64_MIN / 2;
    p->status.claims++;
    alert_keys_forget(&p->alerts);
    LOG(LOG_INFO, "redis: the fence is ours", LOG_NUMBER("epoch", p->fence.epoch), LOG_NUMBER("seq", p->fence.seq));
    return true;
}

/* After a lease that was renewed or not. False: we have it no longer, or do not know. */
static bool keep(struct publisher *p, int64_t now_us, enum lease_result result, const struct redis_failure *failure)
{
    if (result == LEASE_FAILED)
        fail(p, now_us, failure);
    else if (result == LEASE_OTHERS)
        stand_by(p, now_us, "it has taken the lease");
    else
        p->lease_at_us = now_us;
    return result == LEASE_HELD;
}

static bool renewal_is_due(const struct publisher *p, int64_t now_us)
{
    return now_us - p->lease_at_us >= lease_us(p) / RENEWALS;
}

/* Whoever was stopped for a while learns it here, before it tries to write. */
static bool renew_lease(struct publisher *p, int64_t now_us)
{
    if (!renewal_is_due(p, now_us))
        return true;
    struct redis_failure failure = {0};
    return keep(p, now_us, lease_renew(&p->lease, p->redis, &p->keys, &failure), &failure);
}

/* Whoever waited has read far enough: nobody may take its place any more. */
static bool hold_as_ready(struct publisher *p, int64_t now_us)
{
    if (p->lease.ready)
        return true;
    struct redis_failure failure = {0};
    return keep(p, now_us, lease_seek(&p->lease, p->redis, &p->keys, true, &failure), &failure);
}

void publisher_step(struct publisher *p, int64_t now_us, const struct snapshot *snapshot,
                    const struct alert_report *report)
{
    if (snapshot != NULL)
        seen_take(&p->seen, snapshot);
    if (report != NULL)
        alert_keys_take(&p->alerts, report);
    if (p->redis == NULL ? !connect(p, now_us) : !is_still_master(p, now_us))
        return;
    if (!p->seen.any || !(p->claimed ? renew_lease(p, now_us) : claim(p, now_us)))
        return;
    if (!p->reached) {
        enum meta_state state;
        if (!goal_is_reached(p, now_us, &state)) {
            publish_waiting(p, now_us, state);
            return;
        }
        if (!hold_as_ready(p, now_us))
            return;
        p->reached = true;
    }
    if (p->filled)
        publish_changes(p, now_us, snapshot);
    else if (snapshot != NULL && snapshot_is_everything(snapshot))
        fill(p, now_us, snapshot);
    batch_end(p->batch);
    commands_release(&p->commands);
}

bool publisher_wants_everything(const struct publisher *p)
{
    return !p->seen.any || (p->claimed && p->reached && !p->filled);
}

int64_t publisher_next_us(const struct publisher *p)
{
    if (p->redis == NULL || (!p->claimed && p->seen.any))
        return p->retry_at_us;
    if (!p->claimed)
        return INT64_MAX;
    /* Before everything is written nothing helps but a snapshot of it. */
    bool fills = p->reached && !p->filled;
    int64_t meta_us = fills ? INT64_MAX : p->meta_at_us + p->config->publish.meta_ttl_ms * MILLISECOND / 3;
    int64_t lease_due_us = p->lease_at_us + lease_us(p) / RENEWALS;
    return meta_us < lease_due_us ? meta_us : lease_due_us;
}

void publisher_release(struct publisher *p)
{
    struct redis_failure failure = {0};
    if (p->redis != NULL && p->lease.held && !lease_release(&p->lease, p->redis, &p->keys, &failure))
        LOG(LOG_WARNING, "redis: the lease could not be given up, it ends by itself",
            LOG_TEXT("trouble", redis_trouble_name(failure.trouble)), LOG_TEXT("detail", failure.detail));
    forget(p);
}

void publisher_status(const struct publisher *p, struct publisher_status *out)
{
    *out = p->status;
    out->epoch = p->fence.epoch;
    out->seq = p->fence.seq;
    out->holds = p->redis != NULL && p->claimed && p->lease.held;
    out->lease_until_us = p->lease.held ? p->lease_at_us + lease_us(p) : 0;
    out->alerts_noted = p->alerts.noted;
    out->alerts_log_dropped = p->alerts.dropped;
    if (p->redis == NULL)
        out->state = PUBLISHER_AWAY;
    else if (p->standby)
        out->state = PUBLISHER_STANDBY;
    else if (!p->claimed || !p->reached)
        out->state = p->told_stale ? PUBLISHER_STALE : PUBLISHER_WAITING;
    else
        out->state = p->filled ? PUBLISHER_CURRENT : PUBLISHER_FILLING;
}
