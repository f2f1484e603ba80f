/* strengths.h - the keys `strengths:<window>:<manager>`: each manager against the peers of the team.
 *
 * A change of one manager changes what is said of all of the team, so the levers of all managers are kept here
 * (aggregators/peers.h), and of each key a hash of what stands.
 * Thread: the publisher's. Memory: init to fini; config and batch are borrowed. Errors: none.
 */
#pragma once
#include "aggregators/peers.h"
#include "publishers/batch.h"
#include "publishers/commands.h"
#include <stdbool.h>
#include <stdint.h>

struct strength_keys {
    const struct config *config;
    struct batch *batch;
    struct peers *peers;
    uint64_t *stands; /* by place of the judgement; 0 = no key */
    uint32_t room;
    struct arguments fields;
    struct buffer text, key;
    int money_decimals;
};

void strength_keys_init(struct strength_keys *s, const struct config *config, struct batch *batch);
void strength_keys_fini(struct strength_keys *s);
/* Nothing is known, of managers and of what stands: before a snapshot of everything is taken. */
void strength_keys_forget(struct strength_keys *s);

/* Each entity of a snapshot. */
void strength_keys_take(struct strength_keys *s, const struct snapshot *snapshot, size_t entity);
/* After them: what has changed goes into the batch. make_room is called before each key; false from it, and from here:
 * the end. */
bool strength_keys_write(struct strength_keys *s, bool (*make_room)(void *context), void *context);
