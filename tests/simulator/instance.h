/* instance.h - one kpid: the daemon's real threads around the real core, publisher and alerts, as tasks of a process,
 * and a consumer that reads the model of the log.
 *
 * Put together as daemon/life.c does it. Thread: one.
 */
#pragma once
#include "daemon/alert_thread.h"
#include "daemon/publish_thread.h"
#include "daemon/writer.h"
#include "tests/simulator/kafka_model.h"
#include "tests/simulator/process.h"

struct checkpointer;
struct store;

/* What the simulator knows of a process beside the process. */
struct applied {
    unsigned slots[PARTITIONS_MAX];   /* the partition of each slot */
    int64_t position[PARTITIONS_MAX]; /* how far the shard has read */
    bool late;                        /* what came last is of before the instant that the shard speaks for */
};

struct instance {
    struct process process;
    bool alive, paused;
    unsigned incarnation; /* how often it has started */
    struct ring *ring;
    struct checkpointer *checkpointer;
    struct store *store; /* open for writing; NULL: none */
    struct writer *writer;
    struct alert_thread *alerts;
    struct publish_thread *publish;
    struct applied applied;
    /* the consumer */
    int64_t next[PARTITIONS_MAX];
    int64_t told_end[PARTITIONS_MAX]; /* -1: not yet */
    unsigned slot[PARTITIONS_MAX];
    int64_t latest_us; /* the last as_of that its writer showed: never goes back while it lives */
};

void instance_start(unsigned number);
/* kill -9. */
void instance_crash(unsigned number);
/* SIGTERM, and waiting for the end. */
void instance_stop(unsigned number);
/* The consumer hands over up to `most` messages or ends, from partitions in any order. Returns how many. */
unsigned instance_read(unsigned number, unsigned most);
/* At the end: whether the writer has counted each message of the log once. */
bool instance_has_read_all(unsigned number);
/* What the threads show must be in order at every moment. */
void instance_check(unsigned number);
/* Whether all that it has to tell of alerts is delivered. */
bool instance_has_told(unsigned number);
/* The instance in whose name code runs now; NULL: none. */
struct instance *instance_here(void);
