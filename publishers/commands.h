/* commands.h - commands for Redis, written into one buffer to be sent at once.
 *
 * A command is begun with the number of its arguments (its name is one of them), then exactly
 * that many are added. Three times cheaper than formatting each command apart.
 *
 * Thread: any, one thread an object. Memory: init to fini. Errors: none.
 */
#pragma once
#include "base/text.h"
#include <stddef.h>
#include <stdint.h>

/* Arguments in the protocol's form ("$3\r\nabc\r\n"), without a command. */
struct arguments {
    struct buffer bytes;
    size_t count;
};

void arguments_init(struct arguments *a);
void arguments_fini(struct arguments *a);
void arguments_clear(struct arguments *a);
void arguments_text(struct arguments *a, struct text t);
void arguments_string(struct arguments *a, const char *zero_terminated);
void arguments_integer(struct arguments *a, int64_t n);
/* One argument of two parts: prefix and suffix of a key. */
void arguments_joined(struct arguments *a, struct text prefix, struct text suffix);
/* `count` arguments of another one, which stand there from `from` to `to`. */
void arguments_copy(struct arguments *a, const struct arguments *of, size_t from, size_t to, size_t count);
/* One argument that is written in its place: what is added to `bytes` between the two. Returns where it begins. */
size_t arguments_open(struct arguments *a);
/* The same behind an argument that is in the protocol's form already, and ends in ARGUMENT_OPEN: with one copy. */
#define ARGUMENT_OPEN "$0\r\n"
size_t arguments_open_ready(struct arguments *a, struct text ready);
/* Returns where it begins now: its length stands before it, and may have moved it. */
size_t arguments_close(struct arguments *a, size_t opened);

struct commands {
    struct buffer bytes;
    size_t count;        /* of commands: as many replies come */
    struct buffer zeros; /* which of them must be answered by 0, as size_t */
};

void commands_init(struct commands *c);
void commands_fini(struct commands *c);
void commands_clear(struct commands *c);
/* The same, and gives back the room that only a large publish needs. */
void commands_release(struct commands *c);
/* Moves the content of `from`, which is another one, behind that of `c`, in the room of the larger one. `from` is empty then. */
void commands_append(struct commands *c, struct commands *from);

void command_begin(struct commands *c, const char *name, size_t argument_count);
/* Of the command that was begun last: any reply but the number 0 says that something was not as it should be. */
void command_expect_zero(struct commands *c);
size_t commands_zero_count(const struct commands *c);
size_t commands_zero(const struct commands *c, size_t i);
void command_text(struct commands *c, struct text t);
void command_string(struct commands *c, const char *zero_terminated);
void command_integer(struct commands *c, int64_t n);
void command_joined(struct commands *c, struct text prefix, struct text suffix);
void command_arguments(struct commands *c, const struct arguments *a);

/* As many commands "<name> [<key>] <arguments>" as it takes with at most `most` of the arguments each;
 * none where there are no arguments. `key` of no bytes is left out. `most` keeps pairs together when even. */
void commands_spread(struct commands *c, const char *name, struct text prefix, struct text key,
                     const struct arguments *a, size_t most);
