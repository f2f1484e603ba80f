/* defaults.h - parts of the default configuration that the loader makes, replaces and ends one by one.
 *
 * For config/ only. Thread: any. Memory: as in config.h.
 */
#pragma once
#include "config/config.h"

/* Every field from the member that bears its name, on the kind's default topic. */
void input_config_default(struct input_config *in, enum record_kind kind);
void input_config_fini(struct input_config *in);
void field_source_fini(struct field_source *s);
