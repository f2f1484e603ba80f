/* deal_messages.h - deal events as messages, JSON of some 300 bytes, all different and the same on every machine.
 *
 * Thread: any. Memory: deal_messages_init to deal_messages_fini.
 */
#pragma once
#include "base/text.h"
#include "config/config.h"
#include <stdint.h>

enum { DEAL_MESSAGES = 4096 };

struct deal_messages {
    struct text at[DEAL_MESSAGES];
    int64_t bytes; /* of all */
};

/* Each between the texts `open` and `close`: of an envelope, or empty. */
void deal_messages_init(struct deal_messages *m, const char *open, const char *close);
void deal_messages_fini(struct deal_messages *m);

/* Moves what an input reads from plain members to JSON Pointers with that prefix, "/after/". */
void deal_input_behind(struct input_config *input, const char *prefix);
