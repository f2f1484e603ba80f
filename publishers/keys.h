/* keys.h - the names of the keys in Redis: docs/redis.md, CONTRACT 5.
 *
 * A key is prefix + suffix. The prefix "kpid:{<namespace>}:" holds the hash tag that keeps all keys
 * of an instance in one slot of a cluster; suffixes are what the functions here write. The entity
 * comes last and is taken literally, colons and all.
 *
 * Thread: any; pure. Memory: keys_init to keys_fini.
 */
#pragma once
#include "base/text.h"
#include "config/field.h"
#include "config/kpi_table.h"
#include <stdbool.h>
#include <stdint.h>

#define KEY_META          "meta"
#define KEY_FENCE         "fence"
#define KEY_LEASE         "lease"
#define KEY_CATALOGUE     "catalogue"
#define KEY_INDEX         "index"
#define KEY_STAGED        "staged"
#define KEY_ALERTS_ACTIVE "alerts:active"
#define KEY_ALERTS_LOG    "alerts:log"
#define KEY_ALERTS_UNSENT "alerts:unsent"
#define KEY_UPDATES       "updates"

struct keys {
    struct buffer prefix;
};

void keys_init(struct keys *k, const char *namespace_);
void keys_fini(struct keys *k);
struct text keys_prefix(const struct keys *k);

/* Each appends a suffix to `out`. */
void key_kpi(struct buffer *out, enum dimension d, const char *window, struct text entity);
void key_board(struct buffer *out, enum dimension d, const char *window, enum kpi k);
void key_entity(struct buffer *out, enum dimension d, struct text entity);
void key_strengths(struct buffer *out, const char *window, struct text manager);
void key_series(struct buffer *out, enum dimension d, struct text entity, enum kpi k);
void key_entities(struct buffer *out, enum dimension d);
/* Content that waits to be moved to its key: the number-th of the publisher of that epoch. */
void key_stage(struct buffer *out, int64_t epoch, uint64_t number);

/* Whether a suffix is of a kind that the index may name, and so of one that may be deleted as stale. */
bool key_is_indexed(struct text suffix);
