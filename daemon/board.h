/* board.h - the row of numbers that the writer shows after every batch, all of one moment: so the accounting
 * identity holds in every scrape. base/counter.h carries it.
 *
 * Thread: any; constants only.
 */
#pragma once
#include "aggregators/snapshot.h"
#include "base/counter.h"
#include "base/error.h"

enum {
    BOARD_READ,
    BOARD_APPLIED,
    BOARD_DUPLICATE,
    BOARD_SUPERSEDED,
    BOARD_FILTERED,
    BOARD_DEAD_LETTERED,
    BOARD_GAPS,             /* that the numbers stand on */
    BOARD_DEAD_LETTERED_BY, /* one for each enum error */
    BOARD_RECORDS = BOARD_DEAD_LETTERED_BY + ERROR_COUNT,
    BOARD_ODDITIES = BOARD_RECORDS + KIND_COUNT,
    BOARD_AS_OF_US = BOARD_ODDITIES + ODDITY_COUNT,
    BOARD_LATEST_US, /* the latest occurred_at, 0 before the first event */
    BOARD_LIVE,      /* 1: the last snapshot was live */
    BOARD_CUTS,      /* snapshots handed over: one for each reader */
    BOARD_AUDITED = BOARD_CUTS + 2,
    BOARD_AUDIT_DIFFERENCES,
    BOARD_COUNT
};

_Static_assert(BOARD_COUNT <= COUNTER_BOARD_MAX, "the board holds them all");
