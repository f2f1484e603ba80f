/* commit.h - offsets committed to the consumer group, for lag monitors.
 *
 * Thread: as consumer_commit says; the answer comes on the consumer's.
 */
#pragma once
#include <librdkafka/rdkafka.h>

/* For rd_kafka_conf_set_offset_commit_cb; opaque is the consumer. */
void commit_answered(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets, void *opaque);
