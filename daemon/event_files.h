/* event_files.h - events from files of lines, for the commands that need neither Kafka nor Redis.
 *
 * Thread: main's. Memory: init to fini; paths are borrowed. Errors: told on standard error in the command's name.
 */
#pragma once
#include "aggregators/event.h"
#include "config/config.h"
#include "consumers/decode.h"
#include "daemon/options.h"
#include <stdbool.h>
#include <stddef.h>

struct event_file {
    enum record_kind kind;
    const char *path;
};

struct event_files {
    const char *command;
    struct event_file *at;
    size_t count;
};

/* The options by which a command names its files, in the order of enum record_kind. */
extern const struct option_row event_file_rows[KIND_COUNT];

void event_files_init(struct event_files *f, const char *command, size_t most);
void event_files_fini(struct event_files *f);
/* A file of the kind by the last option's value, "-" = standard input, once. False: told. */
bool event_files_add(struct event_files *f, const struct options *o, enum record_kind kind);
/* Gives reference kinds that have files an input, where the configuration has none. Before a decoder is made. */
void event_files_need_inputs(const struct event_files *f, struct config *config);
/* Reads all files, one after the other: `take` gets each event, also those that announce a file. Lines that cannot be
 * read are told. False: a file could not be read, or there is no input of its kind. */
bool event_files_read(const struct event_files *f, const struct config *config, struct decoder *decoder,
                      void (*take)(void *context, const struct event *e), void *context);
