/* top_screen.h - a frame as lines of text, with or without ANSI colours, for a given size.
 *
 * Thread: main's; pure. Memory: the caller's buffer.
 */
#pragma once
#include "daemon/top_frame.h"
#include <stdbool.h>
#include <stdint.h>

struct top_view {
    int width, height; /* columns, rows; 0: as many as it takes */
    bool colors;
    int64_t now_us;
    size_t sort; /* index of the KPI */
};

/* Data older than this, or that says so itself, is shown in grey. */
#define TOP_STALE_AFTER_S 20

/* Why nobody should rely on the numbers, in a word or two; NULL: they are fresh. */
const char *top_stale_reason(const struct top_frame *f, int64_t now_us);

/* Appends the screen, lines ended by \n. Sorts the frame's rows: the best value of the sort KPI first, those
 * without one last. */
void top_render(struct buffer *out, struct top_frame *f, const struct top_query *q, const struct top_view *v);
