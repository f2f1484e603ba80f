/* state.h - what alerts must not forget over a restart, as JSON, and what is adopted from alerts:active.
 *
 * {"version":1,"alerts":[...]}: for what fires its JSON of alerts:active, for what fired once and does not now
 * {"state":"resolved"} with the members that make its fingerprint, and the occurrence.
 *
 * Thread: one at a time. Errors: an entry that is not understood, or whose rule is no longer there, is left
 * out and counted.
 */
#pragma once
#include "alerts/active.h"
#include "alerts/engine.h"

/* The caller's to free. */
char *state_export(const struct engine *e, const struct active *active);
/* Before the first decision. False: not such JSON; nothing changes. */
MUST_CHECK bool state_import(struct engine *e, struct active *active, const char *json, size_t *out_refused);
/* One value of alerts:active, after engine_take_over. False: refused. */
MUST_CHECK bool state_adopt(struct engine *e, struct active *active, const char *json);
