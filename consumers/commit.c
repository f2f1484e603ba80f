#include "consumers/commit.h"
#include "base/log.h"
#include "consumers/reading.h"

/* By the numbers that everybody sees: whoever has seen an answer counted must not be told that it is still out. */
static bool all_are_answered(const struct consumer *c)
{
    return counter_get(&c->commits_asked) ==
           counter_get(&c->counters.commits) + counter_get(&c->counters.commits_refused);
}

void consumer_commit(struct consumer *c, const struct consumer_start *positions, size_t count)
{
    if (!all_are_answered(c))
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        if (positions[i].offset >= 0)
            rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition)->offset =
                positions[i].offset;
    if (list->cnt > 0) {
        counter_add(&c->commits_asked, 1);
        if (rd_kafka_commit(c->rk, list, 1) != RD_KAFKA_RESP_ERR_NO_ERROR)
            counter_add(&c->commits_asked, -1); /* not sent, so no answer will come */
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void commit_answered(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct consumer *c = opaque;
    (void)rk;
    for (int i = 0; offsets != NULL && err == RD_KAFKA_RESP_ERR_NO_ERROR && i < offsets->cnt; i++)
        err = offsets->elems[i].err;
    counter_add(err == RD_KAFKA_RESP_ERR_NO_ERROR ? &c->counters.commits : &c->counters.commits_refused, 1);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && !c->commit_refused)
        LOG(LOG_WARNING,
            "kafka does not take the offsets of the consumer group: lag monitors see old ones, kpid does not need them",
            LOG_TEXT("group", c->config->kafka.group), LOG_TEXT("error", rd_kafka_err2str(err)));
    c->commit_refused = err != RD_KAFKA_RESP_ERR_NO_ERROR;
}
