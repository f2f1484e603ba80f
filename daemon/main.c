#include "base/text.h"
#include "daemon/command.h"
#include "daemon/metrics.h"
#include "daemon/options.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* jemalloc looks for this name. What is free goes back to the system after a second, not after ten: while a past is read tables grow and
 * batches come and go, and what they leave is a tenth of all. To keep it longer saves no processor time. A thread of jemalloc's does
 * it: of a thread that sleeps, as Kafka's do when a past has been read, nothing would go back before it wakes.
 * Until then it is used again, for which two limits must go. What librdkafka frees of its messages grows together to megabytes; of what is
 * more than 64 times as large as the pages that are asked for jemalloc takes nothing, and what is more than 8 MiB it gives back at
 * once. All that Kafka sent came to lie on fresh pages then.
 * MALLOC_CONF in the environment is stronger. */
extern const char *malloc_conf;
__attribute__((visibility("default"))) const char *malloc_conf = "dirty_decay_ms:1000,"
                                                                 "background_thread:true,max_background_threads:1,"
                                                                 "lg_extent_max_active_fit:16,oversize_threshold:0";

static const struct command {
    const char *name, *line;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "the daemon: Kafka to exact KPIs to Redis and alerts", cmd_run},
    {"check", "read a configuration and name everything that is wrong in it", cmd_check},
    {"replay", "compute KPIs from files of events, with neither Kafka nor Redis", cmd_replay},
    {"explain", "list the records behind a number, and what changed since an earlier instant", cmd_explain},
    {"simulate", "a believable sales floor as a source of events", cmd_simulate},
    {"top", "the numbers in Redis, in the terminal", cmd_top},
    {"checkpoint", "what a checkpoint holds, and whether it is whole", cmd_checkpoint},
    {"dead-letters", "list the messages that could not be read; send them again after repair", cmd_dead_letters},
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_help(FILE *out)
{
    fprintf(out, "Usage: kpid COMMAND [OPTION]...\n"
                 "Live sales KPIs: events from Kafka, exact windows, numbers in Redis, alerts.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-14s %s\n", commands[i].name, commands[i].line);
    fprintf(out, "\n'kpid help COMMAND' or 'kpid COMMAND --help' explains one. 'kpid --version' prints the version.\n"
                 "Exit: 0 ok, 1 the thing asked for failed, 64 usage, 65 bad data, 69 a server is unreachable,\n"
                 "70 internal error, 78 bad configuration.\n");
}

static int unknown(const char *name)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    const char *nearest = options_nearest(name, names, COMMAND_COUNT);
    fprintf(stderr, "kpid: unknown command '%s'", name);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fprintf(stderr, "\n'kpid --help' lists the commands\n");
    return EX_USAGE;
}

static int help(const char *name)
{
    if (name == NULL) {
        print_help(stdout);
        return EX_OK;
    }
    const struct command *c = find(name);
    if (c == NULL)
        return unknown(name);
    char word[32], option[] = "--help";
    snprintf(word, sizeof word, "%s", name);
    char *argv[] = {word, option, NULL};
    return c->run(2, argv);
}

static int print_metrics_doc(void)
{
    struct buffer b;
    buffer_init(&b);
    metrics_doc(&b);
    fwrite(b.at, 1, b.len, stdout);
    buffer_fini(&b);
    return EX_OK;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EX_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return help(NULL);
    if (strcmp(word, "help") == 0)
        return help(argc > 2 ? argv[2] : NULL);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("kpid " KPID_VERSION "\n");
        return EX_OK;
    }
    /* For docs/metrics.md, which is this table: tests/daemon/test_metrics.c tells when it is stale. */
    if (strcmp(word, "--print-metrics-doc") == 0)
        return print_metrics_doc();
    const struct command *c = find(word);
    return c != NULL ? c->run(argc - 1, argv + 1) : unknown(word);
}

int main(int argc, char **argv)
{
    /* A reader that goes away is a failed write, told by whoever writes, and no reason to die. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit (LimitFSIZE) is an error of the write, as a full disk is */
    int status = dispatch(argc, argv);
    if (fflush(stdout) != 0 && status == EX_OK)
        status = 1;
    return status;
}
