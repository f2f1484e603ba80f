/* kpid top - the wall in a terminal. It shares nothing with the daemon but the Redis contract. */
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "daemon/command.h"
#include "daemon/options.h"
#include "daemon/top_frame.h"
#include "daemon/top_screen.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#define CLEAR_AND_HOME "\x1b[H"
#define CLEAR_BELOW    "\x1b[J"
/* The other screen, without a cursor and without wrapping; and back. */
#define ENTER          "\x1b[?1049h\x1b[?25l\x1b[?7l"
#define LEAVE          "\x1b[?7h\x1b[?25h\x1b[?1049l"

enum {
    OPT_REDIS,
    OPT_DATABASE,
    OPT_USER,
    OPT_TLS,
    OPT_TLS_CA,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_TLS_SERVER_NAME,
    OPT_NAMESPACE,
    OPT_DIMENSION,
    OPT_WINDOW,
    OPT_KPIS,
    OPT_SORT,
    OPT_ONCE,
    OPT_INTERVAL
};

static const struct option_row rows[] = {
    [OPT_REDIS] = {"redis", "ADDRESS", "HOST, HOST:PORT or the path of a socket (default: 127.0.0.1:6379)"},
    [OPT_DATABASE] = {"database", "N", "number of the database (default: 0)"},
    [OPT_USER] = {"user", "NAME", "user for AUTH; the password comes from the environment: KPID_REDIS_PASSWORD"},
    [OPT_TLS] = {"tls", NULL, "encrypted; the options that follow are as redis.tls_... of the configuration"},
    [OPT_TLS_CA] = {"tls-ca", "FILE", "authorities that are trusted (default: the system's)"},
    [OPT_TLS_CERT] = {"tls-cert", "FILE", "certificate to show"},
    [OPT_TLS_KEY] = {"tls-key", "FILE", "its private key"},
    [OPT_TLS_SERVER_NAME] = {"tls-server-name", "NAME", "whom the server's certificate must name (default: HOST)"},
    [OPT_NAMESPACE] = {"namespace", "NAME", "as redis.namespace of the configuration (default: default)"},
    [OPT_DIMENSION] = {"dimension", "NAME", "company, team, manager, product, region or source (default: manager)"},
    [OPT_WINDOW] = {"window", "NAME", "today, month, 24h ... (default: month)"},
    [OPT_KPIS] = {"kpis", "A,B,...", "columns (default: by the window)"},
    [OPT_SORT] = {"sort", "KPI", "the column to sort by (default: the first)"},
    [OPT_ONCE] = {"once", NULL, "print one frame and end; 69 if Redis is away"},
    [OPT_INTERVAL] = {"interval", "MS", "pause between two looks (default: 1000)"},
};

struct settings {
    struct config *config; /* for its redis */
    struct top_query query;
    char *kpis; /* the text that the query points into */
    size_t sort;
    bool once;
    int64_t interval_ms;
};

/* Splits in place. False: an empty one, or too many. */
static bool split_kpis(struct settings *s, char *list)
{
    s->query.kpi_count = 0;
    for (char *at = list; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL)
            *comma++ = '\0';
        if (*at == '\0' || s->query.kpi_count == TOP_KPIS_MAX)
            return false;
        s->query.kpis[s->query.kpi_count++] = at;
        at = comma;
    }
    return true;
}

static char *replace(char **place, const char *value)
{
    free(*place);
    return *place = must_strdup(value);
}

/* HOST, HOST:PORT, [V6]:PORT, /path or, as `kpid run` has it, unix:/path. Splits in place. */
static bool take_address(struct redis_config *r, char *address)
{
    r->port = 6379;
    replace(&r->unix_socket, "");
    if (strncmp(address, "unix:", 5) == 0)
        address += 5;
    if (address[0] == '/') {
        replace(&r->unix_socket, address);
        return true;
    }
    char *colon = NULL;
    if (address[0] == '[') {
        char *end = strchr(address, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        colon = end[1] == ':' ? end + 1 : NULL;
        *end = '\0';
        address++;
    } else if (strchr(address, ':') == strrchr(address, ':')) {
        colon = strchr(address, ':');
    }
    if (colon != NULL)
        *colon = '\0';
    replace(&r->host, address);
    if (colon == NULL)
        return address[0] != '\0';
    char *end;
    long port = strtol(colon + 1, &end, 10);
    r->port = (int)port;
    return address[0] != '\0' && end != colon + 1 && *end == '\0' && port > 0 && port < 65536;
}

/* What would send a password in clear, or could not work. NULL: nothing. */
static const char *tls_trouble(const struct redis_config *r)
{
    bool has_cert = r->tls_cert[0] != '\0', has_key = r->tls_key[0] != '\0', has_name = r->tls_server_name[0] != '\0';
    if (r->tls == 0)
        return r->tls_ca[0] != '\0' || has_cert || has_key || has_name ? "--tls-... without --tls" : NULL;
    if (r->unix_socket[0] != '\0')
        return "--tls with a socket, which leaves the machine for nobody";
    if (has_cert != has_key)
        return "--tls-cert and --tls-key go together";
    return NULL;
}

/* -1: go on. */
static int read_options(struct settings *s, int argc, char **argv)
{
    const char *sort = NULL;
    struct redis_config *redis = &s->config->redis;
    struct options o;
    int64_t number;
    options_begin(&o, "top", "[OPTION]...",
                  "Shows KPIs in the terminal, as they stand in Redis: who leads, what trends, what is alerted.\n"
                  "Arrows compare with the period before; numbers that may be old are grey. q ends it.",
                  rows, sizeof rows / sizeof *rows, argc, argv);
    for (int i; (i = options_next(&o)) != OPTIONS_END;) {
        switch (i) {
        case OPT_REDIS: {
            char *address = must_strdup(o.value);
            bool fine = take_address(redis, address);
            free(address);
            if (fine)
                break;
            options_complain(&o, "not HOST, HOST:PORT or /path");
            return EX_USAGE;
        }
        case OPT_DATABASE:
            if (!options_number(&o, 0, 65535, &number))
                return EX_USAGE;
            redis->database = (int)number;
            break;
        case OPT_USER: replace(&redis->user, o.value); break;
        case OPT_TLS: redis->tls = 1; break;
        case OPT_TLS_CA: replace(&redis->tls_ca, o.value); break;
        case OPT_TLS_CERT: replace(&redis->tls_cert, o.value); break;
        case OPT_TLS_KEY: replace(&redis->tls_key, o.value); break;
        case OPT_TLS_SERVER_NAME: replace(&redis->tls_server_name, o.value); break;
        case OPT_NAMESPACE: s->query.namespace_ = o.value; break;
        case OPT_DIMENSION: s->query.dimension = o.value; break;
        case OPT_WINDOW: s->query.window = o.value; break;
        case OPT_KPIS:
            if (split_kpis(s, replace(&s->kpis, o.value)))
                break;
            options_complain(&o, "not a list of at most 16 KPIs: sales_volume,win_rate");
            return EX_USAGE;
        case OPT_SORT: sort = o.value; break;
        case OPT_ONCE: s->once = true; break;
        case OPT_INTERVAL:
            if (!options_number(&o, 100, 3600000, &s->interval_ms))
                return EX_USAGE;
            break;
        case OPTIONS_ARGUMENT: options_complain(&o, "kpid top takes no arguments"); return EX_USAGE;
        case OPTIONS_HELP: return EX_OK;
        default: return EX_USAGE;
        }
    }
    const char *wrong = tls_trouble(redis);
    if (wrong != NULL) {
        fprintf(stderr, "kpid top: %s\n", wrong);
        return EX_USAGE;
    }
    if (s->query.kpi_count == 0) {
        bool now = strcmp(s->query.window, "now") == 0;
        split_kpis(s, replace(&s->kpis, now ? "pipeline,weighted_pipeline,open_deals"
                                            : "sales_volume,deals_won,win_rate,average_check,cycle_time_mean,revenue"));
    }
    if (sort == NULL)
        return -1;
    for (size_t k = 0; k < s->query.kpi_count; k++) {
        s->sort = k;
        if (strcmp(s->query.kpis[k], sort) == 0)
            return -1;
    }
    if (s->query.kpi_count == TOP_KPIS_MAX) {
        fprintf(stderr, "kpid top: --sort: '%s' is none of the columns\n", sort);
        return EX_USAGE;
    }
    s->sort = s->query.kpi_count;
    s->query.kpis[s->query.kpi_count++] = sort;
    return -1;
}

static bool write_all(struct text t)
{
    while (t.len > 0) {
        ssize_t n = write(STDOUT_FILENO, t.at, t.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        t.at += n;
        t.len -= (size_t)n;
    }
    return true;
}

/* A KPI that the catalogue does not know is a slip of the pen. */
static void tell_unknown(const struct settings *s, const struct top_frame *f)
{
    for (size_t k = 0; f->any && k < s->query.kpi_count; k++) {
        if (!f->kpis[k].known)
            fprintf(stderr, "kpid top: no KPI '%s' in the catalogue of this Redis\n", s->query.kpis[k]);
    }
}

static int show_once(struct settings *s)
{
    struct top_source *source = top_source_create(&s->query);
    struct top_frame frame;
    top_frame_init(&frame);
    bool fine = top_read(source, &frame);
    struct buffer out;
    buffer_init(&out);
    struct winsize size = {0};
    bool terminal = isatty(STDOUT_FILENO);
    if (terminal)
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    if (fine) {
        struct top_view view = {size.ws_col, 0, terminal, clock_now_us(), s->sort};
        top_render(&out, &frame, &s->query, &view);
        fine = write_all(buffer_view(&out));
        tell_unknown(s, &frame);
    } else {
        fprintf(stderr, "kpid top: redis is away: %s\n", frame.trouble);
    }
    buffer_fini(&out);
    top_frame_fini(&frame);
    top_source_destroy(source);
    return fine ? EX_OK : EX_UNAVAILABLE;
}

/* Sleeps until the next look; true: the user, or a signal, asks to end. */
static bool wait_for_key(int signals, int64_t ms)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    int64_t until_us = clock_monotonic_us() + ms * MILLISECOND;
    for (;;) {
        int64_t rest_us = until_us - clock_monotonic_us();
        if (rest_us <= 0)
            return false;
        if (poll(fds, 2, (int)(rest_us / MILLISECOND) + 1) <= 0)
            continue;
        struct signalfd_siginfo info;
        if (fds[1].revents != 0 && read(signals, &info, sizeof info) == (ssize_t)sizeof info)
            return info.ssi_signo != SIGWINCH;
        char key;
        if (fds[0].revents != 0) {
            ssize_t n = read(STDIN_FILENO, &key, 1);
            if (n <= 0)
                fds[0].fd = -1; /* no keyboard: only signals end it */
            else if (key == 'q' || key == 'Q')
                return true;
        }
    }
}

static int watch(struct settings *s)
{
    struct termios before;
    bool keyboard = tcgetattr(STDIN_FILENO, &before) == 0;
    /* Signals are read like keys, so that the terminal is put right on every way out. */
    sigset_t set;
    sigemptyset(&set);
    const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        sigaddset(&set, ending[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    REQUIRE(signals >= 0);
    if (keyboard) {
        struct termios raw = before;
        raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
        raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopped, it would leave the other screen behind */
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    bool fine = write_all(TEXT(ENTER));
    struct top_source *source = top_source_create(&s->query);
    struct top_frame frame;
    top_frame_init(&frame);
    struct buffer out;
    buffer_init(&out);
    do {
        top_read(source, &frame);
        struct winsize size = {.ws_row = 24, .ws_col = 80};
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        buffer_clear(&out);
        buffer_string(&out, CLEAR_AND_HOME);
        struct top_view view = {size.ws_col, size.ws_row, true, clock_now_us(), s->sort};
        top_render(&out, &frame, &s->query, &view);
        buffer_string(&out, CLEAR_BELOW);
        fine = fine && write_all(buffer_view(&out));
    } while (fine && !wait_for_key(signals, s->interval_ms));
    write_all(TEXT(LEAVE));
    if (keyboard)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    tell_unknown(s, &frame);
    buffer_fini(&out);
    top_frame_fini(&frame);
    top_source_destroy(source);
    close(signals);
    return EX_OK;
}

int cmd_top(int argc, char **argv)
{
    struct settings s = {.interval_ms = 1000,
                         .config = config_default(),
                         .query = {.namespace_ = "default", .dimension = "manager", .window = "month"}};
    struct redis_config *redis = &s.config->redis;
    const char *password = getenv("KPID_REDIS_PASSWORD");
    replace(&redis->host, "127.0.0.1");
    replace(&redis->password, password != NULL ? password : "");
    s.query.redis = redis;
    signal(SIGPIPE, SIG_IGN);
    top_text_setup();
    int status = read_options(&s, argc, argv);
    if (status < 0)
        status = s.once || !isatty(STDOUT_FILENO) ? show_once(&s) : watch(&s);
    config_destroy(s.config);
    free(s.kpis);
    return status;
}
