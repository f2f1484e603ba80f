#include "consumers/client.h"
#include "base/log.h"
#include <string.h>

/* Each failed connection is a line for librdkafka. Whether the brokers are away is said by whoever waits for them,
 * once and then ever more rarely; the same goes for properties that are meant for the other type of client, and for what librdkafka's
 * own mock cluster cannot do. */
static bool is_noise(const char *facility)
{
    static const char *const noise[] = {"FAIL", "ERROR", "CONFWARN", "AUTOCREATE"};
    for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++)
        if (strcmp(facility, noise[i]) == 0)
            return true;
    return false;
}

static void client_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    enum log_level as = level <= 3 ? LOG_ERROR : level == 4 ? LOG_WARNING : level <= 6 ? LOG_INFO : LOG_DEBUG;
    (void)rk;
    LOG(is_noise(facility) ? LOG_DEBUG : as, "librdkafka", LOG_TEXT("facility", facility), LOG_TEXT("text", text));
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct buffer *problem)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return true;
    /* not the value: it may be a password */
    buffer_format(problem, "kafka property '%s': %s", name, why);
    return false;
}

static bool set_all(rd_kafka_conf_t *conf, const struct client_setting *settings, size_t count, struct buffer *problem)
{
    for (size_t i = 0; i < count; i++)
        if (!set(conf, settings[i].name, settings[i].value, problem))
            return false;
    return true;
}

static bool set_properties(rd_kafka_conf_t *conf, const struct kafka_config *kafka,
                           const struct client_options *options, struct buffer *problem)
{
    for (size_t i = 0; i < kafka->property_count; i++) {
        const struct kafka_property *p = &kafka->properties[i];
        if (!set(conf, p->name, p->value, problem))
            return false;
        for (size_t law = 0; law < options->law_count; law++)
            if (strcmp(p->name, options->laws[law].name) == 0 && strcmp(p->value, options->laws[law].value) != 0)
                LOG(LOG_WARNING, "a kafka property cannot be changed", LOG_TEXT("property", p->name),
                    LOG_TEXT("stays", options->laws[law].value));
    }
    return true;
}

rd_kafka_t *client_create(const struct kafka_config *kafka, const struct client_options *options,
                          struct buffer *problem)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, client_log);
    rd_kafka_conf_set_opaque(conf, options->opaque);
    if (options->error != NULL)
        rd_kafka_conf_set_error_cb(conf, options->error);
    if (options->delivered != NULL)
        rd_kafka_conf_set_dr_msg_cb(conf, options->delivered);
    if (options->committed != NULL)
        rd_kafka_conf_set_offset_commit_cb(conf, options->committed);
    static const struct client_setting common[] = {{"client.id", "kpid"}, {"log.connection.close", "false"}};
    char why[256] = "";
    if (set(conf, "bootstrap.servers", kafka->brokers, problem) && set_all(conf, common, 2, problem) &&
        set_all(conf, options->defaults, options->default_count, problem) &&
        set_properties(conf, kafka, options, problem) && set_all(conf, options->laws, options->law_count, problem)) {
        rd_kafka_t *rk = rd_kafka_new(options->type, conf, why, sizeof why);
        if (rk != NULL)
            return rk;
        buffer_format(problem, "kafka: %s", why);
    }
    rd_kafka_conf_destroy(conf);
    return NULL;
}
