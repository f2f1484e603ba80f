/* pieces.h - a window's KPIs by what they are made of, so that only those are made anew of which an input has changed.
 *
 * A KPI belongs to one piece; a piece has all measures that any of its KPIs is made of, with their marks and forecasts.
 * What is asked for here is asked for each window that is cut, so pieces are few. Thread: any; constants only.
 */
#pragma once
#include "aggregators/measure.h"
#include "config/kpi_table.h"
#include <stdint.h>

enum piece {
    PIECE_LEADS, /* leads alone */
    PIECE_SALES, /* what was won and lost */
    PIECE_MONEY, /* payments, payback and feedback */
    PIECE_MIXED, /* what needs several of these, and deals as they are created and stand open */
    PIECE_COUNT
};
#define PIECES_ALL ((1U << PIECE_COUNT) - 1)

enum piece piece_of(enum kpi k);
/* Bit k: KPI k belongs to one of the pieces. */
uint64_t pieces_kpis(unsigned pieces);
/* Bit m: measure m is one of the piece. */
uint64_t piece_measures(enum piece p);
