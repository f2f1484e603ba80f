/* The dead letters as a person works with them: look, mend (the line, or the configuration), send again. */
#include "base/error.h"
#include "consumers/letter_topic.h"
#include "daemon/command.h"
#include "daemon/config_file.h"
#include "daemon/line_reader.h"
#include "daemon/options.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char about[] =
    "list    prints the dead letters, one JSON object a line, but for those that were sent again\n"
    "resend  sends them again, to their topic, with their key, headers and first time stamp: those of the dead-letter\n"
    "        topic (after the configuration was mended), or lines as list prints them (after they were mended)\n"
    "A letter that is still wrong comes back as a new one.";

enum { OPT_CONFIG, OPT_BROKERS, OPT_REASON, OPT_TOPIC, OPT_LIMIT, OPT_ALL, OPT_FROM, OPT_DRY_RUN, OPT_COUNT };

static const struct option_row rows[OPT_COUNT] = {
    [OPT_CONFIG] = {"config", "FILE", "the configuration; without it every setting has its default"},
    [OPT_BROKERS] = {"brokers", "LIST", "the Kafka brokers, in place of the configuration's"},
    [OPT_REASON] = {"reason", "REASON", "only letters with this reason, such as unknown_currency"},
    [OPT_TOPIC] = {"topic", "TOPIC", "only letters that came from this topic"},
    [OPT_LIMIT] = {"limit", "N", "at most so many letters"},
    [OPT_ALL] = {"all", NULL, "list: also those that were sent again"},
    [OPT_FROM] = {"from", "FILE", "resend: letters from a file, as list prints them; - is standard input"},
    [OPT_DRY_RUN] = {"dry-run", NULL, "resend: print what would be sent, and send nothing"},
};

/* A line of `list` may hold a value with every character escaped. */
#define LINE_MAX_BYTES ((size_t)256 << 20)

enum { DELIVERY_MS = 60000 };

struct dead_letters_command {
    bool resend, all, dry_run;
    const char *config_path, *brokers, *reason, *topic, *from;
    int64_t limit; /* -1 = none */
    /* at work */
    struct letter_sender *sender; /* NULL: list, or a dry run */
    struct buffer line;
    int64_t taken, without_value, bad_lines;
};

/* True: go on. */
static bool take_letter(void *context, const struct letter *l)
{
    struct dead_letters_command *c = context;
    if ((c->reason != NULL && !text_equal(l->reason, text_of(c->reason))) ||
        (c->topic != NULL && !text_equal(l->topic, text_of(c->topic))))
        return true;
    if (c->limit >= 0 && c->taken >= c->limit)
        return false;
    if (c->resend && l->left_out) {
        fprintf(stderr,
                "kpid dead-letters: %.*s, partition %" PRId32 ", offset %" PRId64
                ": its value was too large to be kept; mend it where it came from\n",
                (int)l->topic.len, l->topic.at, l->partition, l->offset);
        c->without_value++;
        return true;
    }
    c->taken++;
    if (c->sender != NULL) {
        letter_sender_send(c->sender, l);
    } else {
        buffer_clear(&c->line);
        letter_format(&c->line, l);
        puts(c->line.at);
    }
    return true;
}

static int take_file(struct dead_letters_command *c)
{
    struct line_reader reader;
    const char *name = strcmp(c->from, "-") == 0 ? "standard input" : c->from;
    if (!line_reader_open(&reader, c->from, LINE_MAX_BYTES)) {
        fprintf(stderr, "kpid dead-letters: %s: %s\n", name, strerror(errno));
        return EX_DATAERR;
    }
    struct text line;
    enum line_result result;
    bool more = true;
    while (more && (result = line_reader_next(&reader, &line)) != LINE_END) {
        struct letter letter;
        struct letter_memory memory = {0};
        if (result == LINE_FAILED) {
            fprintf(stderr, "kpid dead-letters: %s: %s\n", name, strerror(errno));
            c->bad_lines++;
            break;
        }
        const char *wrong = result == LINE_TOO_LONG ? "it is too long" : NULL;
        if (result == LINE_OK && line.len == 0)
            continue;
        if (wrong == NULL)
            wrong = letter_parse(line, &letter, &memory);
        if (wrong == NULL) {
            more = take_letter(c, &letter);
        } else {
            fprintf(stderr, "kpid dead-letters: %s:%" PRId64 ": %s\n", name, reader.number, wrong);
            c->bad_lines++;
        }
        letter_memory_fini(&memory);
    }
    line_reader_close(&reader);
    return EX_OK;
}

static int take_topic(struct dead_letters_command *c, const struct config *config)
{
    struct buffer problem;
    int status = EX_OK;
    buffer_init(&problem);
    switch (letters_read(&config->kafka, c->all, take_letter, c, &problem)) {
    case LETTERS_OK: break;
    case LETTERS_NO_TOPIC:
        fprintf(stderr, "kpid dead-letters: there is no topic '%s': there has not been a dead letter\n",
                config->kafka.dead_letter_topic);
        break;
    case LETTERS_UNREACHABLE:
        fprintf(stderr, "kpid dead-letters: kafka at %s does not answer\n", config->kafka.brokers);
        status = EX_UNAVAILABLE;
        break;
    case LETTERS_BAD_SETTING:
        fprintf(stderr, "kpid dead-letters: %.*s\n", (int)problem.len, problem.at);
        status = EX_CONFIG;
        break;
    }
    buffer_fini(&problem);
    return status;
}

/* Waits for the delivery reports and tells what came of it. */
static int finish(struct dead_letters_command *c)
{
    struct buffer problem;
    int64_t delivered, failed;
    buffer_init(&problem);
    buffer_string(&problem, "");
    letter_sender_finish(c->sender, DELIVERY_MS, &delivered, &failed, &problem);
    fprintf(stderr, "kpid dead-letters: %" PRId64 " sent again, %" PRId64 " not delivered%s%.*s\n", delivered, failed,
            problem.len > 0 ? ": " : "", (int)problem.len, problem.at);
    buffer_fini(&problem);
    return failed > 0 ? EX_UNAVAILABLE : EX_OK;
}

static int work(struct dead_letters_command *c, const struct config *config)
{
    struct buffer problem;
    buffer_init(&problem);
    if (c->resend && !c->dry_run) {
        c->sender = letter_sender_create(&config->kafka, &problem);
        if (c->sender == NULL) {
            fprintf(stderr, "kpid dead-letters: %.*s\n", (int)problem.len, problem.at);
            buffer_fini(&problem);
            return EX_CONFIG;
        }
    }
    buffer_fini(&problem);
    buffer_init(&c->line);
    int status = c->from != NULL ? take_file(c) : take_topic(c, config);
    if (c->sender != NULL) {
        int sent = finish(c);
        status = status != EX_OK ? status : sent;
    }
    letter_sender_destroy(c->sender);
    buffer_fini(&c->line);
    if (status == EX_OK && c->bad_lines > 0)
        status = EX_DATAERR;
    if (status == EX_OK && c->without_value > 0)
        status = 1; /* what was asked for was not done in full */
    return status;
}

static bool check_reason(const struct options *o)
{
    const char *names[ERROR_COUNT];
    for (unsigned i = 1; i < ERROR_COUNT; i++) {
        names[i - 1] = error_name((enum error)i);
        if (strcmp(names[i - 1], o->value) == 0)
            return true;
    }
    const char *nearest = options_nearest(o->value, names, ERROR_COUNT - 1);
    char problem[160];
    snprintf(problem, sizeof problem, "there is no such reason%s%s%s", nearest != NULL ? "; did you mean '" : "",
             nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    options_complain(o, problem);
    return false;
}

static bool take_action(struct dead_letters_command *c, const struct options *o, bool *given)
{
    static const char *const actions[] = {"list", "resend"};
    for (int i = 0; i < 2; i++) {
        if (strcmp(o->value, actions[i]) == 0 && !*given) {
            c->resend = i == 1;
            *given = true;
            return true;
        }
    }
    const char *nearest = options_nearest(o->value, actions, 2);
    fprintf(stderr, "kpid dead-letters: '%s' is no action%s%s%s; write list or resend\n", o->value,
            nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    return false;
}

static int read_options(struct dead_letters_command *c, int argc, char **argv)
{
    struct options o;
    bool given = false;
    options_begin(&o, "dead-letters", "list|resend [OPTION]...", about, rows, OPT_COUNT, argc, argv);
    for (int i; (i = options_next(&o)) != OPTIONS_END;) {
        bool good = true;
        switch (i) {
        case OPT_CONFIG: c->config_path = o.value; break;
        case OPT_BROKERS: c->brokers = o.value; break;
        case OPT_TOPIC: c->topic = o.value; break;
        case OPT_ALL: c->all = true; break;
        case OPT_FROM: c->from = o.value; break;
        case OPT_DRY_RUN: c->dry_run = true; break;
        case OPT_LIMIT: good = options_number(&o, 0, INT64_MAX, &c->limit); break;
        case OPT_REASON:
            c->reason = o.value;
            good = check_reason(&o);
            break;
        case OPTIONS_ARGUMENT: good = take_action(c, &o, &given); break;
        case OPTIONS_HELP: return OPTIONS_HELP;
        default: return EX_USAGE;
        }
        if (!good)
            return EX_USAGE;
    }
    if (!given) {
        fprintf(stderr, "kpid dead-letters: write list or resend; see kpid dead-letters --help\n");
        return EX_USAGE;
    }
    if (!c->resend && (c->from != NULL || c->dry_run)) {
        fprintf(stderr, "kpid dead-letters: --from and --dry-run belong to resend\n");
        return EX_USAGE;
    }
    return EX_OK;
}

int cmd_dead_letters(int argc, char **argv)
{
    struct dead_letters_command c = {.limit = -1};
    int status = read_options(&c, argc, argv);
    if (status != EX_OK)
        return status == OPTIONS_HELP ? EX_OK : status;
    struct config *config = config_file_load("dead-letters", c.config_path, true);
    if (config == NULL)
        return EX_CONFIG;
    if (c.brokers != NULL) {
        free(config->kafka.brokers);
        config->kafka.brokers = must_strdup(c.brokers);
    }
    status = work(&c, config);
    config_destroy(config);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "kpid dead-letters: standard output: %s\n", strerror(errno));
        status = 1;
    }
    return status;
}
