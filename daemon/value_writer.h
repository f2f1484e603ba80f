/* value_writer.h - every KPI of a snapshot as text: ndjson, csv or a table for people.
 *
 * One value a (dimension, entity, window, KPI) that has a value or a previous one, sorted by the bytes of these
 * names. CONTRACT 4 gives the text forms.
 * Thread: one a writer. Memory: one buffer, written out as it fills. Errors: a failed write is kept and told by
 * value_writer_finish; nothing is written after it.
 */
#pragma once
#include "aggregators/peers.h"
#include "aggregators/snapshot.h"
#include "base/text.h"
#include "config/config.h"
#include <stdbool.h>

enum value_format { FORMAT_TABLE, FORMAT_NDJSON, FORMAT_CSV };

struct value_writer {
    const struct config *config; /* borrowed */
    enum value_format format;
    int fd;
    int error; /* errno of the first write that failed, 0 = none */
    int money_decimals;
    struct buffer out;
    struct buffer value, previous, as_of;       /* of the value at hand */
    enum dimension dimensions[DIMENSION_COUNT]; /* sorted by name */
    unsigned windows[WINDOWS_MAX];              /* sorted by name */
    enum kpi kpis[KPI_COUNT];                   /* sorted by name */
    struct own_plan own;
    bool header_written;
    bool with_series;         /* ndjson: also the points of series, each as a line of its own after the values */
    bool with_intervals;      /* also the edges of shares, as `<kpi>.low` and `<kpi>.high` */
    struct peers *peers;      /* with strengths: of the snapshot at hand; NULL: without */
    struct value_line *lines; /* of the window at hand */
    size_t line_count, line_room;
    struct buffer texts; /* of these */
};

void value_writer_init(struct value_writer *w, const struct config *config, enum value_format format, int fd);
/* From now on also the strengths of managers, as `<lever>.shrunk` ... */
void value_writer_with_strengths(struct value_writer *w);
/* The snapshot must hold everything. */
void value_writer_snapshot(struct value_writer *w, const struct snapshot *s);
/* Writes what is left and frees. 0, or the errno of the first write that failed. */
int value_writer_finish(struct value_writer *w);
