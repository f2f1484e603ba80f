/* writer_budget.h - how much the writer does of one thing before it looks at another: below a millisecond of each. A benchmark
 * measures the same slices (bench_stall.c).
 */
#pragma once
#include <stdint.h>

/* Events between two looks at the clock, the readers and the board. */
#define BATCH     512
/* Entities that are copied between two batches: those that go on (shard_cut_step). */
#define CUT_SLICE 64
/* Records that are settled between two batches before a cut, where `unsettled` wait. Where very many do, larger slices cost less
 * in all; a batch then is no more than half of it, so that an end comes. */
static inline uint32_t settle_slice(uint32_t unsettled)
{
    return 32 + unsettled / 16;
}

/* Looks at a record between two batches, while a change reaches very many of them. */
#define WORK_SLICE 20000
/* Rows of a checkpoint that are copied between two batches. */
#define COPY_SLICE 250
/* Looks of shard_work in one of shard_audit, which derives what the record adds. */
#define AUDIT_COST 100
