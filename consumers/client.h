/* client.h - a librdkafka client made from the configuration: brokers, the user's properties, logging.
 *
 * Thread: the one that makes it. librdkafka logs from its own threads (base/log is safe for that).
 * Errors: bad properties are told in `problem`; a broker that is away is no error here.
 */
#pragma once
#include "base/text.h"
#include "config/config.h"
#include <librdkafka/rdkafka.h>

struct client_setting {
    const char *name, *value;
};

struct client_options {
    rd_kafka_type_t type;
    const struct client_setting *defaults; /* the user's properties may change them */
    size_t default_count;
    const struct client_setting *laws; /* kpid is wrong without them: they stand over the user's properties */
    size_t law_count;
    void (*error)(rd_kafka_t *rk, int code, const char *reason, void *opaque);
    void (*delivered)(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque); /* producers */
    void (*committed)(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets,
                      void *opaque); /* consumers */
    void *opaque;
};

/* NULL: a property is unknown or wrong; `problem` says which. */
rd_kafka_t *client_create(const struct kafka_config *kafka, const struct client_options *options,
                          struct buffer *problem);
