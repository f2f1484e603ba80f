#include "base/error.h"
#include "base/log.h"
#include "base/memory_bound.h"
#include "daemon/command.h"
#include "daemon/config_file.h"
#include "daemon/life.h"
#include "daemon/options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char about[] =
    "Reads events from Kafka, keeps the KPIs of every entity and window, writes them to Redis and tells alerts, until\n"
    "SIGTERM or SIGINT. A server that is away is waited for. SIGHUP checks the configuration file again,\n"
    "SIGUSR1 derives every number from the records anew and compares.";

enum {
    OPT_CONFIG,
    OPT_BROKERS,
    OPT_REDIS,
    OPT_INSTANCE,
    OPT_HTTP_PORT,
    OPT_CHECKPOINT,
    OPT_FROM_START,
    OPT_RESET_FENCE,
    OPT_ON_GAP,
    OPT_EXIT_AT_END,
    OPT_COUNT
};

static const struct option_row rows[OPT_COUNT] = {
    [OPT_CONFIG] = {"config", "FILE", "the configuration; without it every setting has its default"},
    [OPT_BROKERS] = {"brokers", "HOST:PORT,...", "instead of kafka.brokers"},
    [OPT_REDIS] = {"redis", "ADDRESS",
                   "instead of redis.host, redis.port and redis.sentinels: HOST:PORT, or unix:PATH"},
    [OPT_INSTANCE] = {"instance", "NAME",
                      "who publishes: meta.instance, and by it a restart knows its own lease (default:\n"
                      "the host's name)"},
    [OPT_HTTP_PORT] = {"http-port", "PORT", "instead of http.port; 0: no endpoint for metrics and health"},
    [OPT_CHECKPOINT] = {"checkpoint", "FOLDER", "instead of checkpoint.directory: where a restart goes on from"},
    [OPT_FROM_START] = {"from-start", NULL, "set the checkpoint aside and read all topics again"},
    [OPT_RESET_FENCE] = {"reset-fence", NULL,
                         "take over from what stands in Redis even if it is ahead: after a topic\n"
                         "was made anew, or a clock ran ahead"},
    [OPT_ON_GAP] = {"on-gap", "stop|continue",
                    "instead of kafka.on_gap: what to do when messages are gone before they were read"},
    [OPT_EXIT_AT_END] = {"exit-at-end", NULL, "stop when all partitions were read to their end and that is published"},
};

struct run {
    struct life_options life;
    const char *brokers, *redis;
    int64_t http_port; /* -1: as configured */
    int on_gap;        /* enum on_gap; -1: as configured */
};

static bool read_on_gap(struct options *o, int *out)
{
    if (strcmp(o->value, "stop") == 0)
        *out = ON_GAP_STOP;
    else if (strcmp(o->value, "continue") == 0)
        *out = ON_GAP_CONTINUE;
    else {
        options_complain(o, "--on-gap is stop or continue");
        return false;
    }
    return true;
}

static int read_options(struct run *r, int argc, char **argv)
{
    struct options o;
    options_begin(&o, "run", "[OPTION]...", about, rows, OPT_COUNT, argc, argv);
    for (int i; (i = options_next(&o)) != OPTIONS_END;) {
        switch (i) {
        case OPT_CONFIG: r->life.config_path = o.value; break;
        case OPT_BROKERS: r->brokers = o.value; break;
        case OPT_REDIS: r->redis = o.value; break;
        case OPT_INSTANCE: r->life.instance = o.value; break;
        case OPT_HTTP_PORT:
            if (!options_number(&o, 0, 65535, &r->http_port))
                return EX_USAGE;
            break;
        case OPT_CHECKPOINT: r->life.checkpoint = o.value; break;
        case OPT_FROM_START: r->life.from_start = true; break;
        case OPT_RESET_FENCE: r->life.reset_fence = true; break;
        case OPT_ON_GAP:
            if (!read_on_gap(&o, &r->on_gap))
                return EX_USAGE;
            break;
        case OPT_EXIT_AT_END: r->life.exit_at_end = true; break;
        case OPTIONS_HELP: return -1;
        case OPTIONS_ARGUMENT: options_complain(&o, "takes no arguments"); return EX_USAGE;
        default: return EX_USAGE;
        }
    }
    return EX_OK;
}

static void replace(char **setting, const char *value, size_t len)
{
    free(*setting);
    *setting = must_zalloc(len + 1);
    memcpy(*setting, value, len);
}

/* HOST:PORT, [IPV6]:PORT, HOST or unix:PATH. */
static bool set_redis(struct redis_config *c, const char *address)
{
    redis_config_drop_sentinels(c);
    if (strncmp(address, "unix:", 5) == 0 && address[5] != 0) {
        replace(&c->unix_socket, address + 5, strlen(address + 5));
        c->tls = 0; /* it leaves the machine for nobody */
        return true;
    }
    const char *colon = strrchr(address, ':');
    size_t len = colon != NULL ? (size_t)(colon - address) : strlen(address);
    long port = 6379;
    if (colon != NULL) {
        char *end;
        port = strtol(colon + 1, &end, 10);
        if (colon[1] == 0 || *end != 0 || port < 1 || port > 65535)
            return false;
    }
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    if (len == 0)
        return false;
    replace(&c->unix_socket, "", 0);
    replace(&c->host, address, len);
    c->port = (int)port;
    return true;
}

/* By the control group, where the configuration does not say. */
static void bound_memory(struct config *config)
{
    int64_t most = memory_max_of_group("/proc/self/cgroup", "/sys/fs/cgroup");
    if (config->limits.memory_max_bytes != 0 || most == 0)
        return;
    int64_t needed = config_memory_least(config);
    config->limits.memory_max_bytes = memory_bound(most, config_memory_beside(config));
    if (config->limits.memory_max_bytes < needed)
        LOG(LOG_WARNING,
            "MemoryMax is small: reading may stand still for want of memory; raise it, or lower kafka.queue_size_max "
            "and "
            "limits.ring_size",
            LOG_NUMBER("memory_max", config->limits.memory_max_bytes), LOG_NUMBER("needed", needed));
}

/* As configured, else where systemd says. */
static const char *checkpoint_folder(const struct config *config)
{
    const char *folder = config->checkpoint.directory;
    if (folder[0] != 0)
        return folder;
    folder = getenv("STATE_DIRECTORY");
    return folder != NULL ? folder : "";
}

static int run(struct run *r)
{
    r->life.config_path = config_find(r->life.config_path);
    struct config *config = config_file_load("run", r->life.config_path, true);
    if (config == NULL)
        return EX_CONFIG;
    int status = EX_CONFIG;
    struct calendar *calendar = NULL;
    if (r->brokers != NULL)
        replace(&config->kafka.brokers, r->brokers, strlen(r->brokers));
    if (r->http_port >= 0)
        config->http.port = (int)r->http_port;
    if (r->on_gap >= 0)
        config->kafka.on_gap = (enum on_gap)r->on_gap;
    if (r->redis != NULL && !set_redis(&config->redis, r->redis)) {
        fprintf(stderr, "kpid run: --redis '%s': neither HOST:PORT nor unix:PATH\n", r->redis);
        status = EX_USAGE;
    } else {
        calendar = config_file_calendar("run", config);
    }
    if (calendar != NULL) {
        log_setup(config->log.format, config->log.level);
        bound_memory(config);
        if (r->life.checkpoint == NULL)
            r->life.checkpoint = checkpoint_folder(config);
        status = life_run(config, calendar, &r->life);
    }
    calendar_destroy(calendar);
    config_destroy(config);
    return status;
}

int cmd_run(int argc, char **argv)
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == 0)
        snprintf(host, sizeof host, "kpid");
    struct run r = {.life.instance = host, .http_port = -1, .on_gap = -1};
    int status = read_options(&r, argc, argv);
    if (status == EX_OK)
        status = run(&r);
    return status < 0 ? EX_OK : status;
}
