/* Events from files through the same decoder and core as in the daemon, all at once: first every event, then time,
 * upwards through the instants that were asked for (AMENDMENT 21). So the output is a function of the set of
 * lines, whatever their order. */
#include "aggregators/audit.h"
#include "aggregators/event.h"
#include "aggregators/shard.h"
#include "base/calendar.h"
#include "base/error.h"
#include "base/instant.h"
#include "config/config.h"
#include "consumers/decode.h"
#include "daemon/command.h"
#include "daemon/config_file.h"
#include "daemon/event_files.h"
#include "daemon/options.h"
#include "daemon/value_writer.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char about[] =
    "Reads events from files, one JSON object a line, in any order, and prints every KPI of every entity and window:\n"
    "what `kpid run` would show at that instant. FILE may be - for standard input; the options can be repeated.\n"
    "Lines that cannot be read are told on standard error, counted and left out. A line may carry kafka_timestamp\n"
    "(milliseconds) and kafka_key beside its fields. Where the configuration has several inputs of a kind, the first\n"
    "one says how the lines are read.";

/* The first ones are the kinds, in their order. */
enum {
    OPT_CONFIG = KIND_COUNT,
    OPT_AS_OF,
    OPT_FORMAT,
    OPT_STRICT,
    OPT_AUDIT,
    OPT_STRENGTHS,
    OPT_SERIES,
    OPT_INTERVALS,
    OPT_COUNT
};

static const struct option_row own_rows[OPT_COUNT - KIND_COUNT] = {
    {"config", "FILE", "the configuration; without it every setting has its default"},
    {"as-of", "TIME",
     "the instant to speak for: RFC 3339 with a zone, or a date (its local\n"
     "midnight); can be repeated; default: the latest event"},
    {"format", "FORMAT", "table (the default), ndjson or csv"},
    {"strict", NULL, "end with 65 if any line could not be read"},
    {"audit", NULL, "derive every number from the records anew, and end with 1 if one differs"},
    {"strengths", NULL, "also managers against the peers of their team, as <lever>.shrunk, .team, .index, .size"},
    {"series", NULL, "ndjson: also the points of the series in the configuration, after the values"},
    {"intervals", NULL, "also between what edges each share lies, as <kpi>.low and <kpi>.high"},
};

struct replay {
    const char *config_path;
    const char **as_of_texts;
    int64_t *as_of_us;
    size_t as_of_count;
    struct event_files files;
    enum value_format format;
    bool strict, audit, strengths, series, intervals;

    struct config *config;
    struct calendar *calendar;
    struct decoder *decoder;
    struct shard *shard;
};

static bool read_format(struct replay *r, const struct options *o)
{
    static const char *const names[] = {[FORMAT_TABLE] = "table", [FORMAT_NDJSON] = "ndjson", [FORMAT_CSV] = "csv"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(o->value, names[i]) == 0) {
            r->format = (enum value_format)i;
            return true;
        }
    }
    options_complain(o, "the formats are table, ndjson and csv");
    return false;
}

/* EX_OK to go on, -1 after --help. */
static int read_options(struct replay *r, int argc, char **argv)
{
    struct option_row rows[OPT_COUNT];
    memcpy(rows, event_file_rows, sizeof event_file_rows);
    memcpy(rows + KIND_COUNT, own_rows, sizeof own_rows);
    struct options o;
    options_begin(&o, "replay", "[OPTION]... --leads|--deals|--payments|--feedback FILE ...", about, rows, OPT_COUNT,
                  argc, argv);
    for (int i; (i = options_next(&o)) != OPTIONS_END;) {
        bool good = true;
        switch (i) {
        case KIND_LEAD:
        case KIND_DEAL:
        case KIND_PAYMENT:
        case KIND_FEEDBACK:
        case KIND_RATE:
        case KIND_MEMBER:
        case KIND_TARGET: good = event_files_add(&r->files, &o, (enum record_kind)i); break;
        case OPT_CONFIG: r->config_path = o.value; break;
        case OPT_AS_OF: r->as_of_texts[r->as_of_count++] = o.value; break;
        case OPT_FORMAT: good = read_format(r, &o); break;
        case OPT_STRICT: r->strict = true; break;
        case OPT_AUDIT: r->audit = true; break;
        case OPT_STRENGTHS: r->strengths = true; break;
        case OPT_SERIES: r->series = true; break;
        case OPT_INTERVALS: r->intervals = true; break;
        case OPTIONS_HELP: return -1;
        case OPTIONS_ARGUMENT:
            options_complain(&o, "name the kind of a file: --leads, --deals, --payments or --feedback");
            good = false;
            break;
        default: good = false; break;
        }
        if (!good)
            return EX_USAGE;
    }
    if (r->files.count == 0) {
        fprintf(stderr, "kpid replay: no file: name one by --leads, --deals, --payments or --feedback\n");
        return EX_USAGE;
    }
    return EX_OK;
}

static int compare_instants(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Texts to whole milliseconds, ascending, each once. */
static bool read_instants(struct replay *r)
{
    for (size_t i = 0; i < r->as_of_count; i++)
        if (!options_instant("replay", "as-of", r->as_of_texts[i], r->calendar, &r->as_of_us[i]))
            return false;
    qsort(r->as_of_us, r->as_of_count, sizeof *r->as_of_us, compare_instants);
    size_t kept = 0;
    for (size_t i = 0; i < r->as_of_count; i++)
        if (kept == 0 || r->as_of_us[i] != r->as_of_us[kept - 1])
            r->as_of_us[kept++] = r->as_of_us[i];
    r->as_of_count = kept;
    return true;
}

static void take(void *context, const struct event *e)
{
    const struct replay *r = context;
    shard_apply(r->shard, e);
}

static void tell_difference(void *context, const struct audit_difference *d)
{
    (void)context;
    fprintf(stderr, "kpid replay: audit: %s ", dimension_name(d->dimension));
    fwrite(d->entity.at, 1, d->entity.len, stderr);
    struct buffer numbers;
    buffer_init(&numbers);
    int128_format(&numbers, d->live);
    buffer_string(&numbers, ", derived ");
    int128_format(&numbers, d->derived);
    fprintf(stderr, " %s %s: %.*s\n", d->window, measure_name(d->measure), (int)numbers.len, numbers.at);
    buffer_fini(&numbers);
}

/* True: every number is what the records say. */
static bool audit(struct replay *r)
{
    int64_t until = shard_audited(r->shard).parts + (int64_t)AUDIT_PARTS;
    while (shard_audited(r->shard).parts < until)
        shard_audit(r->shard, UINT_MAX, tell_difference, NULL);
    struct audit_counts counts = shard_audited(r->shard);
    fprintf(stderr, "kpid replay: audit: %lld entities derived anew, %lld differ\n", (long long)counts.entities,
            (long long)counts.differences);
    return counts.differences == 0;
}

/* True: all was written. */
static bool print_values(struct replay *r)
{
    int64_t latest = shard_latest_us(r->shard);
    if (r->as_of_count == 0 && latest != INSTANT_NONE)
        r->as_of_us[r->as_of_count++] = (latest + MILLISECOND - 1) / MILLISECOND * MILLISECOND;
    struct value_writer out;
    struct snapshot *snapshot = snapshot_create();
    value_writer_init(&out, r->config, r->format, STDOUT_FILENO);
    out.with_series = r->series;
    out.with_intervals = r->intervals;
    if (r->strengths)
        value_writer_with_strengths(&out);
    for (size_t i = 0; i < r->as_of_count; i++) {
        shard_advance(r->shard, r->as_of_us[i]);
        while (!shard_work(r->shard, UINT_MAX))
            ;
        shard_cut(r->shard, READER_PUBLISHER, true, snapshot);
        value_writer_snapshot(&out, snapshot);
    }
    snapshot_destroy(snapshot);
    int problem = value_writer_finish(&out);
    /* Whoever closes the pipe early has seen enough. */
    if (problem != 0 && problem != EPIPE)
        fprintf(stderr, "kpid replay: standard output: %s\n", strerror(problem));
    return problem == 0;
}

static int tell_accounts(const struct replay *r)
{
    const struct accounts *a = shard_accounts(r->shard);
    for (int i = 0; i < ODDITY_COUNT; i++) {
        int64_t n = shard_oddities(r->shard, (enum oddity)i);
        if (n > 0)
            fprintf(stderr, "kpid replay: %s: %lld\n", oddity_name((enum oddity)i), (long long)n);
    }
    if (decoder_rounded(r->decoder) > 0)
        fprintf(stderr, "kpid replay: rounded decimals: %lld\n", (long long)decoder_rounded(r->decoder));
    fprintf(stderr, "read=%lld applied=%lld duplicate=%lld superseded=%lld dead_lettered=%lld filtered=%lld\n",
            (long long)a->read, (long long)a->applied, (long long)a->duplicate, (long long)a->superseded,
            (long long)a->dead_lettered, (long long)a->filtered);
    REQUIRE(a->read == a->applied + a->duplicate + a->superseded + a->dead_lettered + a->filtered);
    return r->strict && a->dead_lettered > 0 ? EX_DATAERR : EX_OK;
}

static int replay(struct replay *r)
{
    r->config = config_file_load("replay", r->config_path, false);
    if (r->config == NULL)
        return EX_CONFIG;
    r->calendar = config_file_calendar("replay", r->config);
    if (r->calendar == NULL)
        return EX_CONFIG;
    if (!read_instants(r))
        return EX_USAGE;
    event_files_need_inputs(&r->files, r->config);
    r->decoder = decoder_create(r->config, r->calendar);
    r->shard = shard_create(r->config, r->calendar);
    if (!event_files_read(&r->files, r->config, r->decoder, take, r))
        return 1;
    bool written = print_values(r);
    bool is_well = !r->audit || audit(r);
    int status = tell_accounts(r);
    return written && is_well ? status : 1;
}

int cmd_replay(int argc, char **argv)
{
    /* No more instants or files than words, and one instant of our own. */
    struct replay r = {.as_of_texts = must_zalloc((size_t)argc * sizeof *r.as_of_texts),
                       .as_of_us = must_zalloc((size_t)(argc + 1) * sizeof *r.as_of_us)};
    event_files_init(&r.files, "replay", (size_t)argc);
    int status = read_options(&r, argc, argv);
    if (status == EX_OK)
        status = replay(&r);
    shard_destroy(r.shard);
    decoder_destroy(r.decoder);
    calendar_destroy(r.calendar);
    config_destroy(r.config);
    event_files_fini(&r.files);
    free(r.as_of_us);
    free(r.as_of_texts);
    return status < 0 ? EX_OK : status;
}
