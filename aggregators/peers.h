/* peers.h - the levers of all managers by team, as snapshots tell of them: a manager is judged against all others of the
 * team, so that one who changes changes all of them.
 *
 * Fed from snapshots, each entity of it once, in order; as long as every snapshot is fed, what stands here is of the last
 * one. Used on the reader's side. Thread: one at a time. Memory: create to destroy; some 100 bytes a manager and window.
 */
#pragma once
#include "aggregators/snapshot.h"
#include "aggregators/strength.h"
#include "config/config.h"

struct peers;

/* The configuration is borrowed. */
struct peers *peers_create(const struct config *config);
void peers_destroy(struct peers *p);
/* Nobody is known. */
void peers_forget(struct peers *p);

/* What the snapshot says of the entity; nothing where it is no manager. */
void peers_take(struct peers *p, const struct snapshot *s, size_t entity);

/* A manager in one of the windows of strengths. */
struct peer_judgement {
    uint32_t place; /* dense: 0 ... (managers so far x windows of strengths) - 1, and for good */
    unsigned window;
    struct text manager;
    struct text team; /* empty: in none, or alone in it, so that nothing can be said */
    int64_t peers;    /* of the team, with the manager */
    struct strengths strengths;
};

/* Calls `visit` for each manager and window of which the judgement may have changed since it was called last. False
 * from it: the end. Returns whether it went to the end; if not, all that was due is due no more. */
bool peers_judge_changed(struct peers *p, bool (*visit)(void *context, const struct peer_judgement *j), void *context);
/* The judgement of the entity with that number in a window. False: there is none. */
bool peers_judge(const struct peers *p, uint32_t entity, unsigned window, struct peer_judgement *out);
