/* Threads, and what they meet in:
 *
 *     consumer -> (ring) -> writer -> (outlets) -> publish thread
 *                                  -> (outlets) -> alert thread -> (handoff) -> publish thread
 *     the endpoint's thread and main look at counters and boards only
 *
 * The order of the stop is the order of the data: the consumer first, then the writer when the ring is dry, then
 * alerts and the publisher with the last snapshot, so that what was read is published. What was read and cannot be
 * published in time is read again after the start: nothing is lost.
 */
#include "daemon/life.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/log.h"
#include "consumers/dead_letter.h"
#include "consumers/kafka.h"
#include "daemon/alert_thread.h"
#include "daemon/checkpointer.h"
#include "daemon/health.h"
#include "daemon/http.h"
#include "daemon/metrics.h"
#include "daemon/notify.h"
#include "daemon/publish_thread.h"
#include "daemon/recovery.h"
#include "daemon/writer.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* How often main looks at everybody. */
#define ROUND_MS         100
/* A writer without progress for so long is stuck: not alive, and the watchdog is not told. */
#define STUCK_US         (10 * SECOND)
/* READY=1 waits for live numbers in Redis; but a start must not hang on a server that is away. */
#define PEERS_WAIT_US    (10 * SECOND)
#define STATUS_EVERY_US  (2 * SECOND)
/* What each may take at the stop; together less than TimeoutStopSec of the unit. */
#define LAST_SNAPSHOT_MS 3000
#define LAST_ALERTS_MS   3000
#define LAST_LETTERS_MS  5000

enum life_state { LIFE_STARTING, LIFE_READY, LIFE_UNREADY, LIFE_STOPPING, LIFE_STATE_COUNT };

static const struct {
    const char *name;
    bool to[LIFE_STATE_COUNT];
} moves[LIFE_STATE_COUNT] = {
    [LIFE_STARTING] = {"starting", {[LIFE_READY] = true, [LIFE_STOPPING] = true}},
    [LIFE_READY] = {"ready", {[LIFE_UNREADY] = true, [LIFE_STOPPING] = true}},
    [LIFE_UNREADY] = {"not ready", {[LIFE_READY] = true, [LIFE_STOPPING] = true}},
    [LIFE_STOPPING] = {"stopping", {false}},
};

struct life {
    const struct config *config;
    const struct calendar *calendar;
    const struct life_options *options;
    enum life_state state;

    struct ring *ring;
    struct dead_letters *dead_letters;
    struct consumer *consumer;
    struct recovery recovery;
    struct checkpointer *checkpointer; /* NULL: none */
    struct writer *writer;
    struct alert_thread *alerts;
    struct publish_thread *publish;
    struct http *http;
    struct metrics_sources sources;

    bool consuming;                /* the consumer was started */
    int signals;                   /* signalfd */
    pid_t checking;                /* of the configuration, after SIGHUP; 0 = none */
    int64_t beats;                 /* of the writer, at the last look */
    struct counter progress_at_us; /* monotonic: when they had grown; main sets, /livez reads */
    int64_t started_us, status_at_us, watchdog_us, watchdog_at_us;
    bool told_ready;
    struct buffer text;
};

static void move_to(struct life *l, enum life_state to, struct text why)
{
    if (to == l->state)
        return;
    REQUIRE(moves[l->state].to[to]);
    l->state = to;
    if (why.len > 0)
        LOG(to == LIFE_UNREADY ? LOG_WARNING : LOG_INFO, moves[to].name, LOG_VIEW("why", why));
    else
        LOG(LOG_INFO, moves[to].name);
}

/* --- pages: on the endpoint's thread ------------------------------------------------------------------------------ */

static unsigned metrics_page(void *context, struct buffer *body)
{
    struct life *l = context;
    struct metrics_view v;
    metrics_collect(&l->sources, &v);
    metrics_collect_process(&l->sources, &v);
    metrics_render(&v, body);
    return 200;
}

static bool is_alive(const struct life *l)
{
    return clock_monotonic_us() - counter_get(&l->progress_at_us) < STUCK_US;
}

static unsigned livez_page(void *context, struct buffer *body)
{
    bool alive = is_alive(context);
    buffer_string(body, alive ? "ok\n" : "the writer makes no progress\n");
    return alive ? 200 : 503;
}

static unsigned readyz_page(void *context, struct buffer *body)
{
    struct life *l = context;
    struct metrics_view v;
    metrics_collect(&l->sources, &v);
    if (!health_is_ready(l->config, &v, body))
        return 503;
    buffer_string(body, v.publish[PUBLISH_STATE] == PUBLISHER_STANDBY ? "ok, standing by\n" : "ok\n");
    health_doubts(&v, body);
    return 200;
}

static const struct http_page pages[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics_page},
    {"/livez", "text/plain; charset=utf-8", livez_page},
    {"/readyz", "text/plain; charset=utf-8", readyz_page},
    {NULL, NULL, NULL},
};

/* --- start -------------------------------------------------------------------------------------------------------- */

static void block_signals(struct life *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    REQUIRE(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    REQUIRE(l->signals >= 0);
}

static int bad_kafka(struct buffer *problem)
{
    LOG(LOG_ERROR, "the Kafka client refuses the configuration", LOG_VIEW("problem", buffer_view(problem)));
    return EX_CONFIG;
}

/* The consumer group is told what is on the disk: kpid never asks it, lag monitors do. */
static void tell_group(void *context, const struct cut *cut)
{
    struct consumer_start *positions = must_alloc(cut->position_count * sizeof *positions + 1);
    size_t count = 0;
    for (size_t i = 0; i < cut->position_count; i++)
        if (cut->positions[i].offset >= 0)
            positions[count++] = (struct consumer_start){.topic = cut->positions[i].topic,
                                                         .partition = cut->positions[i].partition,
                                                         .offset = cut->positions[i].offset};
    consumer_commit(context, positions, count);
    free(positions);
}

static void start_checkpoints(struct life *l)
{
    if (l->recovery.store == NULL)
        return;
    struct checkpointer_options options = {.every_ms = l->config->checkpoint.every_ms,
                                           .store = l->recovery.store,
                                           .cleared = l->recovery.cleared,
                                           .letters = &dead_letters_counters(l->dead_letters)->settled,
                                           .stored = tell_group,
                                           .context = l->consumer};
    l->checkpointer = checkpointer_create(&options, l->recovery.shard, l->ring);
    l->recovery.store = NULL;
}

static int start(struct life *l)
{
    const struct config *c = l->config;
    struct buffer *problem = &l->text;
    int status = recovery_run(c, l->calendar, l->options->checkpoint, l->options->from_start, &l->recovery);
    if (status != EX_OK)
        return status;
    l->ring = ring_create((size_t)c->limits.ring_bytes);
    l->dead_letters = dead_letters_create(c, problem);
    if (l->dead_letters == NULL)
        return bad_kafka(problem);
    l->consumer =
        consumer_create(c, l->calendar, l->ring, l->dead_letters, l->recovery.starts, l->recovery.start_count, problem);
    recovery_fini(&l->recovery);
    if (l->consumer == NULL)
        return bad_kafka(problem);
    start_checkpoints(l);
    l->writer = writer_create(c, l->recovery.shard, l->ring, l->checkpointer);
    l->recovery.shard = NULL;
    l->alerts = alert_thread_create(c, writer_outlet(l->writer, READER_ALERTS));
    struct publisher_options options = {.instance = l->options->instance, .reset_fence = l->options->reset_fence};
    l->publish = publish_thread_create(c, &options, writer_outlet(l->writer, READER_PUBLISHER), l->alerts);
    l->sources = (struct metrics_sources){.writer = l->writer,
                                          .ring = l->ring,
                                          .publish = l->publish,
                                          .alerts = alert_thread_alerts(l->alerts),
                                          .consumer = l->consumer,
                                          .dead_letters = l->dead_letters,
                                          .checkpointer = l->checkpointer,
                                          .started_us = clock_now_us()};
    if (c->http.port != 0) {
        l->http = http_open(&c->http, pages, l);
        if (l->http == NULL)
            return EX_UNAVAILABLE;
    }
    alert_thread_start(l->alerts, publish_thread_bell(l->publish));
    publish_thread_start(l->publish);
    consumer_start(l->consumer);
    l->consuming = true;
    LOG(LOG_INFO, "started", LOG_TEXT("version", KPID_VERSION), LOG_TEXT("instance", l->options->instance),
        LOG_TEXT("brokers", c->kafka.brokers),
        LOG_TEXT("redis", c->redis.unix_socket[0] != 0 ? c->redis.unix_socket : c->redis.host),
        LOG_NUMBER("inputs", c->input_count), LOG_NUMBER("windows", c->window_count),
        LOG_NUMBER("memory_max", c->limits.memory_max_bytes));
    return EX_OK;
}

/* --- stop --------------------------------------------------------------------------------------------------------- */

static void stop_at_once(int signal)
{
    (void)signal;
    _exit(1);
}

/* From now on the same signals end the process where it stands: a restart is invisible. */
static void next_signal_kills(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGTERM, stop_at_once);
    signal(SIGINT, stop_at_once);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* The last checkpoint waits for them. */
static void deliver_letters(struct life *l)
{
    int64_t deadline_us = clock_monotonic_us() + LAST_LETTERS_MS * MILLISECOND;
    while (counter_get(&dead_letters_counters(l->dead_letters)->unsent) > 0 && clock_monotonic_us() < deadline_us)
        dead_letters_serve(l->dead_letters, ROUND_MS);
}

static void stop(struct life *l)
{
    notify_stopping();
    if (l->consuming) {
        consumer_stop(l->consumer);
        consumer_join(l->consumer);
        deliver_letters(l);
    }
    if (l->writer != NULL)
        writer_stop(l->writer, LAST_SNAPSHOT_MS);
    if (l->alerts != NULL)
        alert_thread_stop(l->alerts, LAST_ALERTS_MS);
    if (l->publish != NULL)
        publish_thread_stop(l->publish);
    http_close(l->http);
    publish_thread_destroy(l->publish);
    alert_thread_destroy(l->alerts);
    if (l->writer != NULL) {
        int64_t board[BOARD_COUNT];
        writer_board(l->writer, board);
        LOG(LOG_INFO, "stopped", LOG_NUMBER("read", board[BOARD_READ]), LOG_NUMBER("applied", board[BOARD_APPLIED]),
            LOG_NUMBER("duplicate", board[BOARD_DUPLICATE]), LOG_NUMBER("superseded", board[BOARD_SUPERSEDED]),
            LOG_NUMBER("dead_lettered", board[BOARD_DEAD_LETTERED]), LOG_NUMBER("filtered", board[BOARD_FILTERED]));
    }
    writer_destroy(l->writer);
    checkpointer_destroy(l->checkpointer);
    shard_destroy(l->recovery.shard);
    store_close(l->recovery.store);
    recovery_fini(&l->recovery);
    consumer_destroy(l->consumer);
    if (l->dead_letters != NULL)
        dead_letters_destroy(l->dead_letters, LAST_LETTERS_MS);
    ring_destroy(l->ring);
}

/* --- signals ------------------------------------------------------------------------------------------------------ */

/* Another process reads the file: reading it sets the time zone for a moment, which this one must not do with
 * threads running. */
static void check_configuration(struct life *l)
{
    if (l->options->config_path == NULL || strcmp(l->options->config_path, "-") == 0) {
        LOG(LOG_WARNING, "SIGHUP: there is no configuration file to read again");
        return;
    }
    if (l->checking != 0)
        return;
    extern char **environ;
    char path[] = "/proc/self/exe", name[] = "kpid", command[] = "check";
    char *file = must_strdup(l->options->config_path);
    char *argv[] = {name, command, file, NULL};
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int error = posix_spawn(&l->checking, path, NULL, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    free(file);
    if (error != 0) {
        l->checking = 0;
        LOG(LOG_ERROR, "the configuration could not be checked", LOG_TEXT("error", strerror(error)));
    }
}

static void end_check(struct life *l)
{
    int status;
    if (l->checking == 0 || waitpid(l->checking, &status, WNOHANG) != l->checking)
        return;
    l->checking = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        LOG(LOG_INFO, "the configuration file is good; restart kpid for it to take effect (numbers go on as before)",
            LOG_TEXT("file", l->options->config_path));
    else
        LOG(LOG_ERROR, "the configuration file is wrong, kpid goes on with the one that it started with",
            LOG_TEXT("file", l->options->config_path));
}

/* True: stop. */
static bool take_signals(struct life *l)
{
    struct signalfd_siginfo info;
    while (read(l->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        switch (info.ssi_signo) {
        case SIGTERM:
        case SIGINT: move_to(l, LIFE_STOPPING, text_of(info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT")); return true;
        case SIGHUP: check_configuration(l); break;
        case SIGUSR1: writer_audit_now(l->writer); break;
        default: break; /* SIGCHLD: end_check looks */
        }
    }
    end_check(l);
    return false;
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

static void look_at_health(struct life *l, const struct metrics_view *v)
{
    struct buffer *why = &l->text;
    buffer_clear(why);
    bool ready = health_is_ready(l->config, v, why);
    for (size_t i = 0; i < why->len; i++)
        if (why->at[i] == '\n')
            why->at[i] = i + 1 < why->len ? ';' : ' ';
    if (ready)
        move_to(l, LIFE_READY, TEXT(""));
    else if (l->state == LIFE_READY)
        move_to(l, LIFE_UNREADY, buffer_view(why));
    int64_t now_us = clock_monotonic_us();
    if (!l->told_ready && (ready || (now_us - l->started_us > PEERS_WAIT_US && health_waits_for_peers(v)))) {
        notify_ready();
        l->told_ready = true;
    }
}

static void tell_manager(struct life *l, const struct metrics_view *v)
{
    int64_t now_us = clock_monotonic_us();
    bool grew = v->extra[EXTRA_BEATS] != l->beats;
    if (grew) {
        l->beats = v->extra[EXTRA_BEATS];
        counter_set(&l->progress_at_us, now_us);
    }
    if (l->watchdog_us > 0 && grew && now_us - l->watchdog_at_us >= l->watchdog_us / 4) {
        notify_watchdog();
        l->watchdog_at_us = now_us;
    }
    if (now_us - l->status_at_us < STATUS_EVERY_US)
        return;
    l->status_at_us = now_us;
    buffer_clear(&l->text);
    health_status(v, &l->text);
    notify_status(l->text.at);
    /* The past may be long; as long as there is progress the start is not late. */
    if (!l->told_ready && is_alive(l))
        notify_extend(15 * STATUS_EVERY_US);
}

static bool is_at_end(const struct metrics_view *v)
{
    return v->publish[PUBLISH_LIVE] != 0 && v->extra[EXTRA_LETTERS_UNSENT] == 0 && v->extra[EXTRA_KAFKA_PARTITIONS] > 0;
}

/* Until there is a reason to stop; the exit status. */
static int rounds(struct life *l)
{
    for (;;) {
        struct pollfd p = {.fd = l->signals, .events = POLLIN};
        poll(&p, 1, ROUND_MS);
        if (take_signals(l))
            return EX_OK;
        struct metrics_view v;
        metrics_collect(&l->sources, &v);
        publish_thread_set_lag(l->publish, v.extra[EXTRA_KAFKA_CONNECTED] != 0 && v.extra[EXTRA_KAFKA_PARTITIONS] > 0
                                               ? v.extra[EXTRA_KAFKA_LAG]
                                               : -1);
        tell_manager(l, &v);
        look_at_health(l, &v);
        if (consumer_gave_up(l->consumer)) {
            move_to(l, LIFE_STOPPING, TEXT("a gap in a topic, and kafka.on_gap is stop"));
            return EX_DATAERR;
        }
        if (l->options->exit_at_end && is_at_end(&v)) {
            move_to(l, LIFE_STOPPING, TEXT("all partitions were read to their end"));
            return EX_OK;
        }
    }
}

int life_run(const struct config *config, const struct calendar *calendar, const struct life_options *options)
{
    struct life l = {.config = config,
                     .calendar = calendar,
                     .options = options,
                     .started_us = clock_monotonic_us(),
                     .watchdog_us = notify_watchdog_us()};
    buffer_init(&l.text);
    counter_set(&l.progress_at_us, l.started_us);
    block_signals(&l);
    int status = start(&l);
    if (status == EX_OK)
        status = rounds(&l);
    next_signal_kills();
    stop(&l);
    close(l.signals);
    buffer_fini(&l.text);
    return status;
}
