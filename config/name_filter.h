/* name_filter.h - which records an own KPI is of: a condition over the names that they count for.
 *
 *     either     = both {"or" both}
 *     both       = comparison {"and" comparison}
 *     comparison = "not" comparison | "(" either ")" | name ("=" | "!=") text | name ["not"] "in" "(" text {"," text} ")"
 *     name       = manager | product | region | source | loss_reason | competitor
 *
 * Texts stand between double quotes; \" and \\ stand for themselves. A name that is missing equals nothing.
 *
 * Thread: any; a filter is constant once it is parsed. Memory: name_filter_fini.
 */
#pragma once
#include "base/text.h"
#include "config/field.h"
#include <stdbool.h>

#define NAME_FILTER_OPS_MAX 128

struct name_filter_op {
    enum { FILTER_EQUAL, FILTER_NOT, FILTER_AND, FILTER_OR } kind;
    enum dimension dimension; /* FILTER_EQUAL */
    char *name;
};

struct name_filter {
    struct name_filter_op *ops; /* postfix */
    unsigned count, room;
};

/* False, and what is wrong with its column, for a person. */
bool name_filter_parse(struct text t, struct name_filter *out, char *why, size_t why_size);
void name_filter_fini(struct name_filter *f);
/* names: by dimension, empty where there is none. A filter without operations passes all. */
bool name_filter_passes(const struct name_filter *f, const struct text names[DIMENSION_COUNT]);
