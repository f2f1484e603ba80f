/* options.h - a command's options from one table: read, explained by --help, and "did you mean" for a slip.
 *
 *     static const struct option_row rows[] = {
 *         {"config", "FILE", "the configuration; without it every setting has its default"},
 *         {"strict", NULL, "a bad line ends the command with 65"},
 *     };
 *     struct options o;
 *     options_begin(&o, "check", "[OPTION]... [FILE]", "Checks a configuration.", rows, 2, argc, argv);
 *     for (int i; (i = options_next(&o)) != OPTIONS_END;) {
 *         switch (i) {
 *         case 0: path = o.value; break;
 *         case 1: strict = true; break;
 *         case OPTIONS_ARGUMENT: file = o.value; break;
 *         case OPTIONS_HELP: return EX_OK;
 *         default: return EX_USAGE;
 *         }
 *     }
 *
 * Understands --name VALUE, --name=VALUE, --help, -h and -- (what follows is no option); options and arguments in
 * any order. "-" is an argument.
 * Thread: main's. Memory: borrows argv and the table. Errors: told on standard error when they are met.
 */
#pragma once
#include "base/calendar.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option_row {
    const char *name;     /* without the dashes */
    const char *argument; /* what --help calls the value, "FILE"; NULL: a flag */
    const char *help;     /* one or more lines */
};

struct options {
    const char *value; /* of the option or argument that was returned last */
    const char *command, *usage, *about;
    const struct option_row *rows;
    size_t count;
    int argc, at;
    char **argv;
    bool only_arguments;
    const char *name; /* of the option that was returned last */
};

enum { OPTIONS_END = -1, OPTIONS_ARGUMENT = -2, OPTIONS_HELP = -3, OPTIONS_WRONG = -4 };

/* usage: what follows "kpid COMMAND " in the first line of --help. about: a sentence or more. */
void options_begin(struct options *o, const char *command, const char *usage, const char *about,
                   const struct option_row *rows, size_t count, int argc, char **argv);
/* The index of the next option in the table, or one of the above. OPTIONS_HELP: help was printed.
 * OPTIONS_WRONG: the problem was told. */
int options_next(struct options *o);
/* The last value as a whole number from min to max. False: it is none, and that was told. */
bool options_number(const struct options *o, int64_t min, int64_t max, int64_t *out);
/* Tells a problem of the last option's value on standard error: "kpid replay: --format: ...". */
void options_complain(const struct options *o, const char *problem);
/* The one of count words that is nearest to what was written, NULL where none is near. */
const char *options_nearest(const char *written, const char *const *words, size_t count);
/* An instant that an option gives: RFC 3339 with a zone, or a date (its local midnight), to whole milliseconds. False, and
 * told, where it is neither. */
bool options_instant(const char *command, const char *option, const char *text, const struct calendar *c,
                     int64_t *out_us);
