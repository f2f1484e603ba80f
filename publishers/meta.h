/* meta.h - what a publish says about itself: the hash `meta`, the offsets, the message on the channel,
 * and the catalogue of KPIs.
 *
 * Thread: any; pure. Memory: the caller's. Errors: none.
 */
#pragma once
#include "aggregators/snapshot.h"
#include "base/text.h"
#include "config/config.h"
#include "publishers/commands.h"
#include "publishers/keys.h"
#include <stdbool.h>
#include <stdint.h>

/* In words of the contract: what the numbers in Redis are good for. */
enum meta_state { META_LIVE, META_LOADING, META_CATCHING_UP, META_STALE };
const char *meta_state_name(enum meta_state s);

struct meta {
    int64_t seq, epoch;
    enum meta_state state;
    struct text as_of;    /* empty: there is none yet */
    struct text offsets;  /* JSON */
    struct text accounts; /* JSON; empty: left out */
    int64_t lag;          /* messages not yet read; -1: unknown, left out */
    int64_t gaps;
    const char *instance;
    const struct config *config;
};

/* Replaces `meta` and lets it expire after publish.meta_ttl_ms. */
void meta_write(struct commands *c, const struct keys *k, const struct meta *m);
/* It goes on as it is, and expires after that time from now: a publish that takes long is no sign of death. */
void meta_extend(struct commands *c, const struct keys *k, int64_t meta_ttl_ms);
/* The message: {"seq":7,"as_of":"...","state":"live","changed":["kpi:..."],"changed_count":250}. */
void meta_announce(struct commands *c, const struct keys *k, const struct meta *m, struct text changed_json,
                   int64_t changed_count);

/* {"deals":{"0":123}} of all partitions of which something was read, sorted. */
void offsets_format(struct buffer *out, const struct snapshot_position *positions, size_t count);

/* Whether our offsets have reached those that stand (JSON as above), for every partition of every topic that
 * is an input of the configuration. What is not such JSON stands for nothing, nor does an offset of an earlier log,
 * from before a gap. */
bool offsets_reach(const struct config *config, struct text standing, const struct snapshot_position *positions,
                   size_t count);

/* {"read":9,"applied":5,...}. */
void accounts_format(struct buffer *out, const struct accounts *a);

/* Replaces `catalogue`. */
void catalogue_write(struct commands *c, const struct keys *k, const struct config *config);
