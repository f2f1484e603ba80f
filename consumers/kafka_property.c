#include "consumers/kafka_property.h"
#include <librdkafka/rdkafka.h>

bool kafka_property_check(const char *name, const char *value, char *why, size_t why_size)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, why, why_size);
    rd_kafka_conf_destroy(conf);
    return result == RD_KAFKA_CONF_OK;
}
