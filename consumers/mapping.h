/* mapping.h - where the parts of an event stand in the messages of one input, compiled once.
 *
 * Thread: one at a time: a mapping remembers in which order members came (level.h), which changes how long it takes and
 * nothing else.
 * Memory: config is borrowed for the mapping's life.
 */
#pragma once
#include "config/config.h"
#include "consumers/json.h"

/* What is looked for in a message: the fields of the kind by their index, then what all kinds have. */
enum {
    TARGET_KEY = FIELD_COUNT_MAX,
    TARGET_EVENT_ID,
    TARGET_VERSION,
    TARGET_OCCURRED_AT,
    TARGET_DELETED,
    TARGET_FILTER,
    TARGET_COUNT,
    TARGET_NONE = TARGET_COUNT
};

/* What stands beside a message's value. */
struct message_parts {
    struct text key; /* at == NULL: none */
    /* The last header of that name; NULL: the message has none at all. */
    bool (*header)(const void *context, const char *name, struct text *out);
    const void *context;
};

struct mapping;

struct mapping *mapping_create(const struct input_config *input);
void mapping_destroy(struct mapping *m);

/* The name by which messages of this input call it: a member, a pointer, a header; for messages to people. */
const char *mapping_name(const struct mapping *m, unsigned target);
/* Whether the input maps the target at all. */
bool mapping_has(const struct mapping *m, unsigned target);

/* The values of one message, as the mapping found them. */
struct mapped {
    uint32_t present;                      /* bit t: values[t] is there; else it is not set */
    struct value values[TARGET_COUNT + 1]; /* the last one is of members that nobody wants */
};

/* The targets that mapping_value can give anything for but "absent", as bits. */
uint32_t mapping_given(const struct mapping *m, const struct mapped *found);

/* Goes once through each object that is wanted or lies on a pointer's way. BAD_DUPLICATE_KEY, BAD_DEPTH; *out_name then names the member. */
MUST_CHECK enum error mapping_find(const struct mapping *m, yyjson_val *root, struct mapped *out,
                                   struct text *out_name);

/* The targets whose value is what stands in the JSON as it stands there, as bits: mapped.values, and absent where that
 * is not set. */
uint32_t mapping_plain(const struct mapping *m);

/* The value of any target after its table of values. */
struct value mapping_value(const struct mapping *m, const struct mapped *found, const struct message_parts *parts,
                           unsigned target);

/* Whether the input's filter lets the message through. */
bool mapping_passes(const struct mapping *m, const struct mapped *found);
