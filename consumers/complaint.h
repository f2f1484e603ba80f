/* complaint.h - something that lasts is said at once, then ever more rarely, and not for each time that it is met.
 *
 * Thread: one a complaint. Memory: the caller's, starts zeroed.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct complaint {
    bool standing;
    int64_t since_us, again_at_us, pause_us;
};

/* It is met (again). True: say so now; then after 5, 10, 20 s ... an hour. */
bool complaint_is_due(struct complaint *c);
/* How long it has been standing. */
int64_t complaint_age_ms(const struct complaint *c);
