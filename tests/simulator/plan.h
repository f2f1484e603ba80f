/* plan.h - what happens in one seed: a list of steps, each with a seed of its own, so that leaving some out changes
 * nothing in what the others draw.
 *
 * Thread: one.
 */
#pragma once
#include "tests/simulator/step.h"
#include "tests/simulator/world.h"
#include <stdbool.h>
#include <stdint.h>

#define STEPS_MAX 400

struct plan {
    uint64_t seed;
    enum planted planted;
    unsigned instances, setting, events;
    int64_t link_fault_one_in, checkpoint_every_us;
    bool left_out[ENTRIES_MAX]; /* of the events that would be sent */
    struct step steps[STEPS_MAX];
    unsigned step_count;
};

void plan_make(struct plan *p, uint64_t seed, enum planted planted);
/* True: all is well. Else world.failure says why. */
bool plan_run(const struct plan *p);
/* Leaves out steps and events as long as it fails; each trial in a process of its own. */
void plan_shrink(struct plan *p);
