/* shrink.h - cuts a history for which a law does not hold down to a small one, and writes it as files for `kpid replay`.
 *
 * First events are left out, by halves, quarters and so on down to single ones, as long as the law still fails (ddmin:
 * A. Zeller, R. Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002), then fields of
 * events. The law is asked in a process of its own each time, so that a REQUIRE that fails is a failure like any other.
 *
 * Thread: one. Memory: the events stay the caller's; what comes out is its own list.
 */
#pragma once
#include "tests/support/core.h"
#include <stdbool.h>

struct law {
    const char *name; /* of the folder of what is written */
    /* Must depend on the events and the context alone: a random number in it comes from a seed in the context. What it
     * prints on standard error is seen for the least history. */
    bool (*holds)(void *context, const struct event_list *events);
    /* May be NULL: the two ways of telling the events that should end in the same values, for who wants to see both. */
    void (*tell)(void *context, const struct event_list *events, struct event_list *out_one,
                 struct event_list *out_other);
    void *context;
};

/* Whether the law holds for the events; false where the process ends in it, or takes longer than a minute. */
bool law_holds(const struct law *law, const struct event_list *events);

/* The least history found for which the law does not hold either. Precondition: it does not hold for `events`. */
void shrink(const struct law *law, const struct event_list *events, struct event_list *out);

/* The event as a line of JSON that `kpid replay` reads. */
void shrink_json(struct buffer *b, const struct event *e);

/* Writes kpid.yaml with the core's zone, week, fiscal year and way of counting, and a file of JSON lines for each kind of
 * record, into the folder (made where it is missing). `out_command` gets the command that replays them at that instant. */
void shrink_write(const struct event_list *events, const struct core *core, int64_t as_of_us, const char *folder,
                  struct buffer *out_command);

/* True where the law holds. Otherwise the smallest history, in both tellings where there are two, is written below
 * $SHRUNK_DIR (or $TMPDIR, or /tmp), and its size and the commands are printed. */
bool law_check(const struct law *law, const struct event_list *events, const struct core *core, int64_t as_of_us);
