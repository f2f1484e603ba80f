/* The records behind a number: what each adds, in the window and outside of it, and that it adds up to the number.
 * With --against, the same number as it was told at an earlier instant by the events that had occurred by then, and
 * what has changed since. */
#include "aggregators/kpi.h"
#include "aggregators/kpi_streams.h"
#include "aggregators/shard.h"
#include "base/error.h"
#include "base/instant.h"
#include "daemon/command.h"
#include "daemon/config_file.h"
#include "daemon/event_files.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char about[] =
    "Lists the records behind a number of `kpid replay`: which are in it, what each adds, and by which date it "
    "counts.\n"
    "The last lines add them up; were the sums not those of the number, the exit status would be 70.";

enum {
    OPT_DIMENSION = KIND_COUNT,
    OPT_ENTITY,
    OPT_WINDOW,
    OPT_KPI,
    OPT_AS_OF,
    OPT_AGAINST,
    OPT_OUT,
    OPT_FORMAT,
    OPT_CONFIG,
    OPT_COUNT
};

static const struct option_row own_rows[OPT_COUNT - KIND_COUNT] = {
    {"dimension", "NAME", "company (the default), team, manager, product ..."},
    {"entity", "NAME", "whose; for the company it may be left out"},
    {"window", "NAME", "a window that the configuration keeps, such as month"},
    {"kpi", "NAME", "which number"},
    {"as-of", "TIME", "the instant to speak for; default: the latest event"},
    {"against", "TIME",
     "compare with the number as of an earlier instant, by the events\n"
     "that had occurred by then"},
    {"out", NULL, "also list what lies outside of the window"},
    {"format", "FORMAT", "table (the default) or ndjson"},
    {"config", "FILE", "the configuration; without it every setting has its default"},
};

/* What a record adds. */
struct row {
    const char *kind; /* "deal" ... */
    char *key;
    int64_t at_us, value_s;
    const struct stream_info *stream;
    int64_t measures[STREAM_MEASURES_MAX];
    bool in;
};

/* One number, at one instant and by what was known then. */
struct telling {
    int64_t as_of_us;
    struct shard *shard;
    struct window_span span;
    struct row *rows;
    size_t count, room;
    struct sums sums, added; /* of the number, and of the rows */
    struct kpi_value value;
    bool has_value;
};

struct explanation {
    struct event_files files;
    struct config *config;
    struct calendar *calendar;
    struct decoder *decoder;
    const char *config_path, *entity, *window_name, *kpi_name, *as_of_text, *against_text;
    enum dimension dimension;
    enum kpi kpi;
    unsigned window;
    bool out, ndjson;
    int64_t latest_us;
    struct telling now, before;
    size_t event_count, event_room;
    struct event **events; /* kept, since there are two tellings */
};

static void keep(void *context, const struct event *e)
{
    struct explanation *x = context;
    if (x->event_count == x->event_room) {
        x->event_room = x->event_room > 0 ? x->event_room * 2 : 1024;
        x->events = must_realloc(x->events, x->event_room * sizeof *x->events);
    }
    struct event *copy = must_alloc(e->size);
    memcpy(copy, e, e->size);
    x->events[x->event_count++] = copy;
    if (e->fate == EVENT_APPLY && e->occurred_at_us > x->latest_us)
        x->latest_us = e->occurred_at_us;
}

static bool is_level(const struct explanation *x)
{
    return x->config->windows[x->window].kind == WINDOW_NOW;
}

static void add_row(void *context, const struct explained *e)
{
    struct explanation *x = ((void **)context)[0];
    struct telling *t = ((void **)context)[1];
    if (t->count == t->room) {
        t->room = t->room > 0 ? t->room * 2 : 256;
        t->rows = must_realloc(t->rows, t->room * sizeof *t->rows);
    }
    struct row *row = &t->rows[t->count++];
    *row = (struct row){.kind = e->kind, .at_us = e->at_us, .value_s = e->value_s, .stream = e->stream};
    row->key = must_alloc(e->key.len + 1);
    memcpy(row->key, e->key.at, e->key.len);
    row->key[e->key.len] = '\0';
    memcpy(row->measures, e->measures, e->stream->measures * sizeof *row->measures);
    /* What stands now is a level: all that went up and down until now. */
    bool is_of_now = is_level(x) || e->stream == &stream_infos[STREAM_OPEN];
    row->in = is_of_now ? e->at_us <= t->as_of_us : e->at_us >= t->span.from_us && e->at_us < t->span.to_us;
    for (unsigned m = 0; m < e->stream->measures && row->in; m++)
        t->added.at[e->stream->first + m] += e->measures[m];
}

static int by_time_kind_key(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    int order = strcmp(x->kind, y->kind);
    if (order == 0)
        order = strcmp(x->key, y->key);
    return order != 0 ? order : (x->stream > y->stream) - (x->stream < y->stream);
}

static int by_key(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = strcmp(x->kind, y->kind);
    if (order == 0)
        order = strcmp(x->key, y->key);
    return order != 0 ? order : by_time_kind_key(a, b);
}

/* Of what stands now only the rest is told: a deal that was opened and closed again adds nothing. */
static void settle_levels(struct telling *t)
{
    qsort(t->rows, t->count, sizeof *t->rows, by_key);
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct row *row = &t->rows[i], *last = kept > 0 ? &t->rows[kept - 1] : NULL;
        bool goes_on = last != NULL && last->in && row->in && last->stream == row->stream &&
                       strcmp(last->kind, row->kind) == 0 && strcmp(last->key, row->key) == 0;
        if (!goes_on) {
            t->rows[kept++] = *row;
            continue;
        }
        bool is_left = false;
        for (unsigned m = 0; m < row->stream->measures; m++) {
            last->measures[m] += row->measures[m];
            is_left = is_left || last->measures[m] != 0;
        }
        free(row->key);
        if (!is_left)
            free(t->rows[--kept].key);
    }
    t->count = kept;
}

/* The number and its records, by the events that had occurred by `known_us`. False: there is no such entity. */
static bool tell(struct explanation *x, struct telling *t, int64_t as_of_us, int64_t known_us)
{
    t->as_of_us = as_of_us;
    t->shard = shard_create(x->config, x->calendar);
    for (size_t i = 0; i < x->event_count; i++)
        if (x->events[i]->fate != EVENT_APPLY || x->events[i]->occurred_at_us <= known_us)
            shard_apply(t->shard, x->events[i]);
    shard_advance(t->shard, as_of_us);
    while (!shard_work(t->shard, UINT_MAX))
        ;
    t->span = shard_span(t->shard, x->window);
    struct text entity = text_of(x->entity);
    void *context[] = {x, t};
    shard_explain(t->shard, x->dimension, entity, kpi_streams(x->kpi), add_row, context);
    if (is_level(x) && t->count > 0)
        settle_levels(t);
    if (t->count > 0)
        qsort(t->rows, t->count, sizeof *t->rows, by_time_kind_key);
    struct snapshot *s = snapshot_create();
    shard_cut(t->shard, READER_PUBLISHER, true, s);
    bool found = false;
    for (size_t i = 0; i < snapshot_entity_count(s) && !found; i++) {
        found = snapshot_entity_dimension(s, i) == x->dimension && text_equal(snapshot_entity_name(s, i), entity);
        struct sums previous;
        if (found)
            snapshot_sums(s, i, x->window, &t->sums, &previous);
    }
    t->has_value = found && kpi_evaluate(x->kpi, &t->sums, &t->value);
    snapshot_destroy(s);
    return found;
}

/* Whether the rows add up to what the number is made of. */
static bool adds_up(const struct explanation *x, const struct telling *t)
{
    uint64_t streams = kpi_streams(x->kpi);
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        /* In a window that has a past, of what is open only the count is in it (velocity). */
        unsigned count = i == STREAM_OPEN && !is_level(x) ? 1 : stream_infos[i].measures;
        for (unsigned m = 0; m < count && streams >> i & 1; m++)
            if (t->added.at[stream_infos[i].first + m] != t->sums.at[stream_infos[i].first + m])
                return false;
    }
    return true;
}

static int compare_rows(const struct row *a, const struct row *b)
{
    int order = by_time_kind_key(a, b);
    if (order == 0)
        order = memcmp(a->measures, b->measures, sizeof a->measures);
    return order != 0 ? order : (a->in > b->in) - (a->in < b->in);
}

static void print_row(const struct explanation *x, const struct row *row, const char *change)
{
    struct buffer b;
    buffer_init(&b);
    if (x->ndjson) {
        buffer_string(&b, "{\"at\":\"");
        instant_format(&b, row->at_us, false);
        buffer_format(&b, "\",\"kind\":\"%s\",\"key\":", row->kind);
        buffer_json(&b, text_of(row->key));
        buffer_format(&b, ",\"in\":%s", row->in ? "true" : "false");
        if (change[0] != '\0')
            buffer_format(&b, ",\"change\":\"%s\"", change[0] == '+' ? "came" : "went");
        buffer_string(&b, ",\"adds\":{");
        const char *comma = "";
        for (unsigned m = 0; m < row->stream->measures; m++) {
            if (row->measures[m] == 0)
                continue;
            buffer_format(&b, "%s\"%s\":%lld", comma, measure_name((enum measure)(row->stream->first + m)),
                          (long long)row->measures[m]);
            comma = ",";
        }
        buffer_string(&b, "}}\n");
    } else {
        buffer_format(&b, "%s%s", change, change[0] != '\0' ? " " : "");
        instant_format(&b, row->at_us, false);
        buffer_format(&b, "  %-8s  %s%s ", row->kind, row->key, row->in ? " " : "  (not in the window)");
        for (unsigned m = 0; m < row->stream->measures; m++)
            if (row->measures[m] != 0)
                buffer_format(&b, " %s %+lld", measure_name((enum measure)(row->stream->first + m)),
                              (long long)row->measures[m]);
        if (row->stream->valued)
            buffer_format(&b, " (counted as %llds)", (long long)row->value_s);
        buffer_char(&b, '\n');
    }
    fwrite(b.at, 1, b.len, stdout);
    buffer_fini(&b);
}

static void print_rows(const struct explanation *x, const struct telling *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].in || x->out)
            print_row(x, &t->rows[i], "");
}

/* What is in only one of the two, or adds something else: went with the old, came with the new. */
static void print_changes(const struct explanation *x)
{
    size_t i = 0, j = 0;
    const struct telling *a = &x->before, *b = &x->now;
    while (i < a->count || j < b->count) {
        int order = i == a->count ? 1 : j == b->count ? -1 : compare_rows(&a->rows[i], &b->rows[j]);
        if (order < 0 && (a->rows[i].in || x->out))
            print_row(x, &a->rows[i], "-");
        if (order > 0 && (b->rows[j].in || x->out))
            print_row(x, &b->rows[j], "+");
        i += order <= 0;
        j += order >= 0;
    }
}

static void print_value(const struct explanation *x, const struct telling *t)
{
    struct buffer b;
    buffer_init(&b);
    if (x->ndjson) {
        buffer_string(&b, "{\"as_of\":\"");
        instant_format(&b, t->as_of_us, false);
        buffer_format(&b, "\",\"dimension\":\"%s\",\"entity\":", dimension_name(x->dimension));
        buffer_json(&b, text_of(x->entity));
        buffer_format(&b, ",\"window\":\"%s\",\"kpi\":\"%s\"", x->window_name, x->kpi_name);
    } else {
        instant_format(&b, t->as_of_us, false);
        buffer_format(&b, "  %s %s, %s, %s: ", dimension_name(x->dimension), x->entity, x->window_name, x->kpi_name);
    }
    struct buffer value;
    buffer_init(&value);
    if (t->has_value)
        kpi_format(&value, x->kpi, &t->value, config_currency_decimals(x->config, x->config->base_currency));
    if (x->ndjson && t->has_value)
        buffer_format(&b, ",\"value\":\"%.*s\",\"n\":%lld", (int)value.len, value.at, (long long)t->value.n);
    else if (t->has_value)
        buffer_format(&b, "%.*s of %lld", (int)value.len, value.at, (long long)t->value.n);
    else if (!x->ndjson)
        buffer_string(&b, "no value");
    buffer_string(&b, x->ndjson ? "}\n" : "\n");
    for (unsigned m = 0; m < MEASURE_ADDED_COUNT && !x->ndjson; m++) {
        if (t->added.at[m] == 0)
            continue;
        buffer_format(&b, "    %s = ", measure_name((enum measure)m));
        int128_format(&b, t->added.at[m]);
        buffer_char(&b, '\n');
    }
    fwrite(b.at, 1, b.len, stdout);
    buffer_fini(&value);
    buffer_fini(&b);
}

/* The names that were given, as what they mean in this configuration. */
static bool find_names(struct explanation *x)
{
    if (x->kpi_name == NULL || x->window_name == NULL) {
        fprintf(stderr, "kpid explain: which number? name it by --kpi and --window\n");
        return false;
    }
    x->kpi = kpi_find(text_of(x->kpi_name));
    if (x->kpi == KPI_COUNT) {
        fprintf(stderr, "kpid explain: there is no KPI '%s'\n", x->kpi_name);
        return false;
    }
    int window = config_window_find(x->config, text_of(x->window_name));
    if (window < 0 || !x->config->dimension_windows[x->dimension][window]) {
        fprintf(stderr, "kpid explain: dimension %s keeps no window '%s'\n", dimension_name(x->dimension),
                x->window_name);
        return false;
    }
    x->window = (unsigned)window;
    if ((kpi_info(x->kpi)->clock == KPI_NOW) != is_level(x)) {
        fprintf(stderr, "kpid explain: %s is %s window 'now'\n", x->kpi_name,
                is_level(x) ? "in every window but" : "in the");
        return false;
    }
    if (x->entity == NULL && x->dimension == DIMENSION_COMPANY)
        x->entity = x->config->company;
    if (x->entity == NULL)
        fprintf(stderr, "kpid explain: whose? name it by --entity\n");
    return x->entity != NULL;
}

static int explain(struct explanation *x)
{
    x->config = config_file_load("explain", x->config_path, false);
    if (x->config == NULL)
        return EX_CONFIG;
    x->calendar = config_file_calendar("explain", x->config);
    if (x->calendar == NULL)
        return EX_CONFIG;
    int64_t as_of_us = 0, against_us = 0;
    if (!find_names(x) ||
        (x->as_of_text != NULL && !options_instant("explain", "as-of", x->as_of_text, x->calendar, &as_of_us)) ||
        (x->against_text != NULL && !options_instant("explain", "against", x->against_text, x->calendar, &against_us)))
        return EX_USAGE;
    event_files_need_inputs(&x->files, x->config);
    x->decoder = decoder_create(x->config, x->calendar);
    if (!event_files_read(&x->files, x->config, x->decoder, keep, x))
        return 1;
    if (x->as_of_text == NULL)
        as_of_us = (x->latest_us + MILLISECOND - 1) / MILLISECOND * MILLISECOND;
    if (!tell(x, &x->now, as_of_us, INT64_MAX)) {
        fprintf(stderr, "kpid explain: no record names the %s '%s'\n", dimension_name(x->dimension), x->entity);
        return 1;
    }
    if (x->against_text != NULL) {
        tell(x, &x->before, against_us, against_us);
        print_changes(x);
        print_value(x, &x->before);
    } else {
        print_rows(x, &x->now);
    }
    print_value(x, &x->now);
    if (!adds_up(x, &x->now) || (x->against_text != NULL && !adds_up(x, &x->before))) {
        fprintf(stderr, "kpid explain: the records do not add up to the number: this is an error in kpid\n");
        return EX_SOFTWARE;
    }
    return EX_OK;
}

/* EX_OK to go on, -1 after --help. */
static int read_options(struct explanation *x, int argc, char **argv)
{
    struct option_row rows[OPT_COUNT];
    memcpy(rows, event_file_rows, sizeof event_file_rows);
    memcpy(rows + KIND_COUNT, own_rows, sizeof own_rows);
    struct options o;
    options_begin(&o, "explain", "--kpi NAME --window NAME [OPTION]... --leads|--deals|... FILE ...", about, rows,
                  OPT_COUNT, argc, argv);
    for (int i; (i = options_next(&o)) != OPTIONS_END;) {
        bool good = true;
        if (i == OPTIONS_HELP)
            return -1;
        if (i >= 0 && i < KIND_COUNT) {
            good = event_files_add(&x->files, &o, (enum record_kind)i);
        } else if (i == OPT_DIMENSION) {
            x->dimension = dimension_find(text_of(o.value));
            good = x->dimension != DIMENSION_COUNT;
            if (!good)
                options_complain(&o, "there is no such dimension");
        } else if (i == OPT_FORMAT) {
            x->ndjson = strcmp(o.value, "ndjson") == 0;
            good = x->ndjson || strcmp(o.value, "table") == 0;
            if (!good)
                options_complain(&o, "the formats are table and ndjson");
        } else if (i == OPT_ENTITY) {
            x->entity = o.value;
        } else if (i == OPT_WINDOW) {
            x->window_name = o.value;
        } else if (i == OPT_KPI) {
            x->kpi_name = o.value;
        } else if (i == OPT_AS_OF) {
            x->as_of_text = o.value;
        } else if (i == OPT_AGAINST) {
            x->against_text = o.value;
        } else if (i == OPT_CONFIG) {
            x->config_path = o.value;
        } else if (i == OPT_OUT) {
            x->out = true;
        } else {
            if (i == OPTIONS_ARGUMENT)
                options_complain(&o, "name the kind of a file: --leads, --deals ...");
            good = false;
        }
        if (!good)
            return EX_USAGE;
    }
    if (x->files.count == 0) {
        fprintf(stderr, "kpid explain: no file: name one by --leads, --deals, --payments or --feedback\n");
        return EX_USAGE;
    }
    return EX_OK;
}

static void forget(struct telling *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->rows[i].key);
    free(t->rows);
    shard_destroy(t->shard);
}

int cmd_explain(int argc, char **argv)
{
    struct explanation x = {.dimension = DIMENSION_COMPANY, .latest_us = 0};
    event_files_init(&x.files, "explain", (size_t)argc);
    int status = read_options(&x, argc, argv);
    if (status == EX_OK)
        status = explain(&x);
    forget(&x.now);
    forget(&x.before);
    for (size_t i = 0; i < x.event_count; i++)
        free(x.events[i]);
    free(x.events);
    decoder_destroy(x.decoder);
    calendar_destroy(x.calendar);
    config_destroy(x.config);
    event_files_fini(&x.files);
    return status < 0 ? EX_OK : status;
}
