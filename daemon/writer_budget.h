/* writer_budget.h - how much the writer does of one thing before it looks at another: below a millisecond of each. A benchmark
 * measures the same slices (bench_stall.c).
 */
#pragma once
#include <stdint.h>

/* Events between two looks at the clock, the readers and the board. */
#define BATCH                512
/* Entities that are copied between two batches: those that go on (shard_cut_step). */
#define CUT_SLICE            32
/* A cut of so many entities is made by a thread of its own; fewer are done sooner than it has woken up. */
#define CUT_ASIDE_FROM       256
/* Entities that are looked at in each turn, whether what their cuts have kept is of use; and where nothing comes, turns being few. */
#define QUIET_LOOKS          32
#define QUIET_LOOKS_DRY      512
/* Events between two slices of what is settled before a cut, and records of such a slice: twice the events at least, and more the
 * longer it lasts, so that an end comes whatever each event leaves to be settled. */
#define SETTLING_BATCH       8
#define SETTLING_PATIENCE_US 250000
static inline uint32_t settle_slice(int64_t since_us)
{
    int64_t more = since_us / SETTLING_PATIENCE_US;
    return 2 * SETTLING_BATCH * (uint32_t)(more < 10000 ? 1 + more : 10000);
}

/* Looks at a record between two batches, while a change reaches very many of them. */
#define WORK_SLICE   20000
/* Rows of a checkpoint that are copied between two batches. */
#define COPY_SLICE   250
/* Looks of the audit between two batches: each derives what a record adds, or makes a shadow. A step of comparing takes all of them. */
#define AUDIT_SLICE  50
/* So many slices of it come before a cut at most, and what events change between them is settled again. */
#define AUDITS_A_CUT 4
