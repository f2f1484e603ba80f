#include "consumers/prefetch.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/handoff.h"
#include "base/instant.h"
#include "consumers/kafka_property.h"
#include <pthread.h>
#include <stdlib.h>

enum { ANSWER_MS = 1000 };

struct prefetch {
    rd_kafka_t *rk;
    const struct counter *read;
    struct prefetch_pace pace;
    pthread_t thread;
    struct flag stop;
    struct handoff *wake; /* only to sleep on: nothing is put */
};

bool prefetch_is_property(void)
{
    char why[256];
    return kafka_property_check("fetch.queue.backoff.ms", "1", why, sizeof why);
}

bool prefetch_is_fast(struct prefetch_pace *pace, int64_t read, int64_t now_us)
{
    int64_t in_a_second = (read - pace->read) * SECOND / (now_us - pace->at_us);
    pace->read = read;
    pace->at_us = now_us;
    if (in_a_second >= pace->queue_bytes)
        pace->until_us = now_us + SECOND;
    return now_us < pace->until_us;
}

/* One request to each broker that leads a partition; what it answers is all the same. */
static void ask_leaders(rd_kafka_t *rk)
{
    rd_kafka_topic_partition_list_t *partitions;
    if (rd_kafka_assignment(rk, &partitions) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (int i = 0; i < partitions->cnt; i++)
        partitions->elems[i].offset = RD_KAFKA_OFFSET_END;
    if (partitions->cnt > 0)
        rd_kafka_offsets_for_times(rk, partitions, ANSWER_MS);
    rd_kafka_topic_partition_list_destroy(partitions);
}

static void *ask(void *opaque)
{
    struct prefetch *p = opaque;
    p->pace.at_us = clock_monotonic_us();
    while (!flag_get(&p->stop)) {
        handoff_wait(p->wake, PREFETCH_EVERY_MS);
        int64_t now_us = clock_monotonic_us();
        if (now_us > p->pace.at_us && prefetch_is_fast(&p->pace, counter_get(p->read), now_us))
            ask_leaders(p->rk);
    }
    return NULL;
}

struct prefetch *prefetch_start(rd_kafka_t *rk, int64_t queue_bytes, const struct counter *read)
{
    if (prefetch_is_property())
        return NULL;
    struct prefetch *p = must_zalloc(sizeof *p);
    p->rk = rk;
    p->read = read;
    p->pace.queue_bytes = queue_bytes;
    p->wake = handoff_create();
    REQUIRE(pthread_create(&p->thread, NULL, ask, p) == 0);
    return p;
}

void prefetch_stop(struct prefetch *p)
{
    if (p == NULL)
        return;
    flag_set(&p->stop);
    handoff_wake(p->wake);
    pthread_join(p->thread, NULL);
    handoff_destroy(p->wake);
    free(p);
}
