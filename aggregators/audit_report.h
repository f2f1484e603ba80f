/* audit_report.h - what an audit tells of a number that is not what the ledger says. See audit.h.
 *
 * Thread: the shard's writer; the texts are borrowed for the call.
 */
#pragma once
#include "aggregators/measure.h"
#include "base/text.h"
#include "config/field.h"

/* A number that differs. */
struct audit_difference {
    enum dimension dimension;
    struct text entity;
    const char *window;
    enum measure measure;
    int128 live, derived;
};
typedef void audit_report(void *context, const struct audit_difference *d);
