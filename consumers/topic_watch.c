#include "consumers/topic_watch.h"
#include "base/clock.h"
#include "base/handoff.h"
#include "base/instant.h"
#include "base/log.h"
#include "consumers/complaint.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 3000, AGAIN_MS = 1000, SLICE_MS = 100 };

/* librdkafka is silent about a broker that closes the connection as soon as it hears the wrong protocol. */
#define NO_REASON "none was told; a broker that hangs up at once may want another security.protocol"

struct topic_watch {
    rd_kafka_t *rk;
    const struct kafka_config *kafka;
    const char *const *names;
    const bool *changes_only;
    unsigned count;
    rd_kafka_queue_t *queue;
    pthread_t thread;
    struct flag stop;
    struct handoff *found;  /* layouts for the consumer */
    struct handoff *wake;   /* only to sleep on: nothing is put */
    struct handoff *reason; /* a text, of the consumer */
    struct topic_watch_counters *counters;
    /* the thread's own */
    struct complaint away, *missing;
    bool *doubtful; /* to be said with the next layout */
    bool *policy_known;
    bool policy_refused; /* the brokers do not tell: not asked again */
    rd_kafka_topic_t **topics;
};

static void brokers_away(struct topic_watch *w, rd_kafka_resp_err_t err)
{
    counter_set(&w->counters->connected, 0);
    if (!complaint_is_due(&w->away))
        return;
    char *reason = handoff_take(w->reason);
    LOG(LOG_WARNING, "kafka does not answer; waiting for it", LOG_TEXT("brokers", w->kafka->brokers),
        LOG_TEXT("error", rd_kafka_err2str(err)), LOG_TEXT("reason", reason != NULL ? reason : NO_REASON),
        LOG_NUMBER("away_ms", complaint_age_ms(&w->away)));
    free(reason);
}

static void brokers_here(struct topic_watch *w)
{
    if (w->away.standing)
        LOG(LOG_INFO, "kafka answers", LOG_TEXT("brokers", w->kafka->brokers),
            LOG_NUMBER("away_ms", complaint_age_ms(&w->away)));
    for (unsigned i = 0; w->away.standing && i < w->count; i++)
        w->doubtful[i] = true;
    w->away.standing = false;
    free(handoff_take(w->reason)); /* of a connection that is needed no more */
    counter_set(&w->counters->connected, 1);
}

static const rd_kafka_metadata_topic_t *topic_in(const rd_kafka_metadata_t *m, const char *name)
{
    for (int i = 0; i < m->topic_cnt; i++)
        if (strcmp(m->topics[i].topic, name) == 0)
            return &m->topics[i];
    return NULL;
}

static int32_t partitions_of(struct topic_watch *w, unsigned i, const rd_kafka_metadata_topic_t *t)
{
    struct complaint *c = &w->missing[i];
    rd_kafka_resp_err_t err = t != NULL ? t->err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && t->partition_cnt > 0) {
        if (c->standing)
            LOG(LOG_INFO, "the topic is there", LOG_TEXT("topic", w->names[i]));
        c->standing = false;
        return t->partition_cnt;
    }
    if (complaint_is_due(c))
        LOG(LOG_WARNING, "the topic cannot be read yet; waiting for it", LOG_TEXT("topic", w->names[i]),
            LOG_TEXT("error", rd_kafka_err2str(err)), LOG_NUMBER("missing_ms", complaint_age_ms(c)));
    return 0;
}

/* Who says so will say so again. All else passes: a topic that was deleted, a broker that is busy or away. */
static bool is_refusal(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
           err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

enum policy { POLICY_REFUSED, POLICY_UNANSWERED, POLICY_DELETE, POLICY_COMPACT };

static enum policy ask_policy(struct topic_watch *w, const char *topic)
{
    enum policy policy = POLICY_UNANSWERED;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(w->rk);
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(w->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    char why[256];
    rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, why, sizeof why);
    rd_kafka_DescribeConfigs(w->rk, &resource, 1, options, queue);
    rd_kafka_event_t *event = NULL;
    while (event == NULL && !flag_get(&w->stop)) /* there always is an answer: at the latest the time-out's */
        event = rd_kafka_queue_poll(queue, SLICE_MS);
    rd_kafka_resp_err_t err = event != NULL ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const rd_kafka_DescribeConfigs_result_t *result =
        err == RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_event_DescribeConfigs_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_ConfigResource_t **described =
        result != NULL ? rd_kafka_DescribeConfigs_result_resources(result, &count) : NULL;
    if (count == 1)
        err = rd_kafka_ConfigResource_error(described[0]);
    if (is_refusal(err))
        policy = POLICY_REFUSED;
    if (count == 1 && err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t entries;
        const rd_kafka_ConfigEntry_t **entry = rd_kafka_ConfigResource_configs(described[0], &entries);
        for (size_t i = 0; i < entries; i++) {
            if (strcmp(rd_kafka_ConfigEntry_name(entry[i]), "cleanup.policy") != 0)
                continue;
            const char *value = rd_kafka_ConfigEntry_value(entry[i]);
            policy = value != NULL && strstr(value, "compact") != NULL ? POLICY_COMPACT : POLICY_DELETE;
        }
    }
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_queue_destroy(queue);
    return policy;
}

/* Compaction keeps the last message of a key: of {amount} and then {stage} only the stage is left to whoever reads
 * from the beginning, so the same topic gives other numbers after a restart. */
static void check_policy(struct topic_watch *w, unsigned i)
{
    if (w->policy_known[i] || w->policy_refused || !w->changes_only[i] || flag_get(&w->stop))
        return;
    enum policy policy = ask_policy(w, w->names[i]);
    w->policy_known[i] = policy != POLICY_UNANSWERED; /* else it is asked for with the next layout */
    if (policy == POLICY_REFUSED) {
        LOG(LOG_INFO, "the topics' cleanup.policy could not be read", LOG_TEXT("topic", w->names[i]));
        w->policy_refused = true;
    } else if (policy == POLICY_COMPACT) {
        counter_add(&w->counters->compacted, 1);
        LOG(LOG_ERROR,
            "the topic is compacted, but its events are changes: fields set by older messages are lost to a restart; "
            "send whole records with 'events: full', or set cleanup.policy=delete",
            LOG_TEXT("topic", w->names[i]));
    }
}

/* True: all topics are there. */
static bool ask(struct topic_watch *w)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(w->rk, 0, NULL, &metadata, ANSWER_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        brokers_away(w, err);
        return false;
    }
    brokers_here(w);
    struct topic_layout *layout = must_zalloc(sizeof *layout + w->count * sizeof layout->topics[0]);
    int64_t missing = 0;
    layout->count = w->count;
    for (unsigned i = 0; i < w->count; i++) {
        int32_t partitions = partitions_of(w, i, topic_in(metadata, w->names[i]));
        missing += partitions == 0;
        w->doubtful[i] = w->doubtful[i] || partitions == 0;
        layout->topics[i].partitions = partitions;
        layout->topics[i].doubtful = w->doubtful[i];
    }
    rd_kafka_metadata_destroy(metadata);
    counter_set(&w->counters->missing, missing);
    bool taken = handoff_is_free(w->found);
    if (taken) {
        handoff_put(w->found, layout);
        memset(w->doubtful, 0, w->count * sizeof *w->doubtful);
        rd_kafka_queue_yield(w->queue);
    } else {
        free(layout); /* the last one still waits; the next question finds the same again */
    }
    for (unsigned i = 0; i < w->count; i++)
        if (!w->missing[i].standing)
            check_policy(w, i);
    return taken && missing == 0;
}

static void *watch(void *opaque)
{
    struct topic_watch *w = opaque;
    /* Names that the client knows are the ones that it asks about, and it keeps their leaders up to date. */
    for (unsigned i = 0; i < w->count; i++)
        w->topics[i] = rd_kafka_topic_new(w->rk, w->names[i], NULL);
    while (!flag_get(&w->stop)) {
        int64_t pause_ms = w->kafka->metadata_refresh_ms;
        if (!ask(w) && pause_ms > AGAIN_MS)
            pause_ms = AGAIN_MS;
        if (!flag_get(&w->stop))
            handoff_wait(w->wake, (int)pause_ms);
    }
    for (unsigned i = 0; i < w->count; i++)
        rd_kafka_topic_destroy(w->topics[i]);
    return NULL;
}

struct topic_watch *topic_watch_start(rd_kafka_t *rk, const struct kafka_config *kafka, const char *const *names,
                                      const bool *changes_only, unsigned count, rd_kafka_queue_t *queue,
                                      struct topic_watch_counters *counters)
{
    struct topic_watch *w = must_zalloc(sizeof *w);
    w->rk = rk;
    w->kafka = kafka;
    w->names = names;
    w->changes_only = changes_only;
    w->count = count;
    w->queue = queue;
    w->counters = counters;
    w->found = handoff_create();
    w->wake = handoff_create();
    w->reason = handoff_create();
    w->missing = must_zalloc(count * sizeof *w->missing);
    w->doubtful = must_zalloc(count * sizeof *w->doubtful);
    w->policy_known = must_zalloc(count * sizeof *w->policy_known);
    w->topics = must_zalloc(count * sizeof *w->topics);
    REQUIRE(pthread_create(&w->thread, NULL, watch, w) == 0);
    return w;
}

void topic_watch_stop(struct topic_watch *w)
{
    if (w == NULL)
        return;
    flag_set(&w->stop);
    handoff_wake(w->wake);
    pthread_join(w->thread, NULL);
    free(handoff_take(w->found));
    handoff_destroy(w->found);
    free(handoff_take(w->reason));
    handoff_destroy(w->wake);
    handoff_destroy(w->reason);
    free(w->missing);
    free(w->doubtful);
    free(w->policy_known);
    free(w->topics);
    free(w);
}

struct topic_layout *topic_watch_take(struct topic_watch *w)
{
    return handoff_is_free(w->found) ? NULL : handoff_take(w->found);
}

void topic_watch_ask(struct topic_watch *w)
{
    handoff_wake(w->wake);
}

void topic_watch_reason(struct topic_watch *w, const char *reason)
{
    if (handoff_is_free(w->reason))
        handoff_put(w->reason, must_strdup(reason));
}
