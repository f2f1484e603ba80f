/* option.h - the table of options: what may stand in the file, its type, unit, limits, default and
 * meaning. The loader, the JSON Schema and the reference page are all made from it.
 *
 * Thread: any; constants only.
 */
#pragma once
#include "base/text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loader;
struct node;
struct option;

enum option_type {
    OPTION_TEXT,     /* char * */
    OPTION_SECRET,   /* char *; in the file as <name>_file, <name>_env or <name>_credential */
    OPTION_INTEGER,  /* int or int64_t */
    OPTION_DURATION, /* int64_t, ms */
    OPTION_SIZE,     /* int64_t, bytes */
    OPTION_CHOICE,   /* an enum or int: least + index of the word */
    OPTION_GROUP,    /* a map of `options`, in the struct at `offset` */
    OPTION_LIST,     /* of maps of `options`; `load` takes the list */
    OPTION_CUSTOM,   /* `load` takes the value */
};

/* Takes a value of the file into `group`, the struct of the option's group. */
typedef void option_load(struct loader *l, const struct option *o, const struct node *value, void *group);
/* NULL, or what is wrong with a text and what to write, to follow "'<value>' ". */
typedef const char *text_check(struct text t);

struct option {
    const char *name; /* NULL: end of the table */
    enum option_type type;
    size_t offset, size;  /* of its field in the struct of its group */
    const char *fallback; /* the default, as it would be written; NULL: none, or `fallback_note` says which */
    const char *fallback_note;
    int64_t least, most; /* of a number, in the unit of its field */
    const char *const *words;
    const struct option *options;
    option_load *load;
    text_check *check;
    bool required;
    bool may_be_empty;    /* a key without a value stands for the default: all its lines are comments */
    bool inline_too;      /* a secret that may stand in the file as well, under its plain name */
    const char *property; /* a secret that goes to kafka.properties by this name */
    const char *form;     /* CUSTOM: how a value is written, for the reference */
    const char *schema;   /* CUSTOM: its JSON Schema */
    const char *help;
};

/* The groups of the file, in the order in which they are loaded: later ones use what earlier ones say. */
extern const struct option option_table[];

/* The rows of elements, for those who load lists. */
extern const struct option input_options[], receiver_options[], rule_options[], rate_options[], member_options[],
    calendar_options[], team_options[], target_options[], own_kpi_options[], series_options[];

#define SECRET_SUFFIX_COUNT 3
extern const char *const secret_suffixes[SECRET_SUFFIX_COUNT]; /* "_file", "_env", "_credential" */
