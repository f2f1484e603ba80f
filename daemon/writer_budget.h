/* writer_budget.h - how much the writer does of one thing before it looks at another: below a millisecond of each. A benchmark
 * measures the same slices (bench_stall.c).
 */
#pragma once
#include <stdint.h>

/* Events between two looks at the clock, the readers and the board. */
#define BATCH     512
/* Entities that are copied between two batches: those that go on (shard_cut_step). */
#define CUT_SLICE 64
/* Records that are settled between two batches before a cut, where `unsettled` wait. A batch then is no more than half of it, so
 * that an end comes. */
static inline uint32_t settle_slice(uint32_t unsettled)
{
    uint32_t slice = 24 + unsettled / 32;
    return slice < 64 ? slice : 64;
}

/* Looks at a record between two batches, while a change reaches very many of them. */
#define WORK_SLICE   20000
/* Rows of a checkpoint that are copied between two batches. */
#define COPY_SLICE   250
/* Looks of the audit between two batches: each derives what a record adds. */
#define AUDIT_SLICE  50
/* So many slices of it at most delay a cut. */
#define AUDITS_A_CUT 4
