/* redis_command.h - the commands that kpid sends, and what a Redis answers.
 *
 * Exactly those that publishers/ and daemon/ send: any other one ends the simulator, so that a new one is not left out
 * unseen. Transactions and WATCH are a connection's: redis_model.h.
 *
 * Thread: one. Memory: texts of a command are borrowed from its bytes; an answer is the caller's.
 */
#pragma once
#include "tests/simulator/redis_data.h"
#include <stddef.h>

#define ARGUMENTS_MAX 4096

struct command {
    struct text at[ARGUMENTS_MAX];
    size_t count;
    struct text bytes; /* as it came */
};

/* The next command of a pipeline in Redis' protocol; false: there is none. */
bool command_read(struct text *rest, struct command *out);
bool command_names(const struct command *c, const char *name);
bool command_writes(const struct command *c);
int64_t command_number(struct text t);

/* The reply to one command. */
struct answer {
    enum { ANSWER_STATUS_OK, ANSWER_INTEGER, ANSWER_TEXT, ANSWER_NIL, ANSWER_LIST, ANSWER_ERROR } type;
    int64_t integer;
    struct word *text; /* owned */
    struct answer *list;
    size_t count;
};
void answer_fini(struct answer *a);
struct answer answer_okay(void);
struct answer answer_error(const char *text);
struct answer answer_value(struct word *w); /* NULL: nil */
struct answer answer_list(size_t count);

struct answer command_run(struct redis_data *d, const struct command *c);
