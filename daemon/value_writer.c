#include "daemon/value_writer.h"
#include "aggregators/attainment.h"
#include "aggregators/interval.h"
#include "aggregators/kpi.h"
#include "aggregators/series.h"
#include "base/error.h"
#include "base/instant.h"
#include "publishers/keys.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITE_AT ((size_t)1 << 20)

/* Insertion sort of numbers by their names: at most a few dozen. */
#define SORT_BY_NAME(list, count, name_of)                                                                             \
    for (unsigned sort_i = 1; sort_i < (count); sort_i++)                                                              \
        for (unsigned sort_k = sort_i; sort_k > 0 && strcmp(name_of((list)[sort_k]), name_of((list)[sort_k - 1])) < 0; \
             sort_k--) {                                                                                               \
            unsigned sort_swap = (list)[sort_k];                                                                       \
            (list)[sort_k] = (list)[sort_k - 1];                                                                       \
            (list)[sort_k - 1] = sort_swap;                                                                            \
        }

void value_writer_init(struct value_writer *w, const struct config *config, enum value_format format, int fd)
{
    *w = (struct value_writer){.config = config, .format = format, .fd = fd};
    own_plan_init(&w->own, config);
    w->money_decimals = config_currency_decimals(config, config->base_currency);
    buffer_init(&w->out);
    buffer_init(&w->value);
    buffer_init(&w->previous);
    buffer_init(&w->as_of);
    buffer_init(&w->texts);
    for (unsigned i = 0; i < DIMENSION_COUNT; i++)
        w->dimensions[i] = (enum dimension)i;
    for (unsigned i = 0; i < config->window_count; i++)
        w->windows[i] = i;
    for (unsigned i = 0; i < KPI_COUNT; i++)
        w->kpis[i] = (enum kpi)i;
#define WINDOW_NAME(i) config->windows[i].name
#define KPI_NAME(i)    kpi_info(i)->name
    SORT_BY_NAME(w->dimensions, (unsigned)DIMENSION_COUNT, dimension_name)
    SORT_BY_NAME(w->windows, config->window_count, WINDOW_NAME)
    SORT_BY_NAME(w->kpis, (unsigned)KPI_COUNT, KPI_NAME)
}

void value_writer_with_strengths(struct value_writer *w)
{
    w->peers = peers_create(w->config);
}

static void write_out(struct value_writer *w)
{
    size_t done = 0;
    while (done < w->out.len && w->error == 0) {
        ssize_t n = write(w->fd, w->out.at + done, w->out.len - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            w->error = errno;
    }
    buffer_clear(&w->out);
}

/* One value, whatever its form. `value` or `previous` is empty where there is none. */
struct row {
    enum dimension dimension;
    struct text entity;
    const char *window, *kpi;
    bool has_value;
    bool has_n;
    int64_t n;
    bool is_provisional;
    const char *mark; /* "" = none */
};

static void add_member(struct buffer *b, const char *name, struct text value)
{
    buffer_char(b, ',');
    buffer_json(b, text_of(name));
    buffer_char(b, ':');
    buffer_json(b, value);
}

static void add_ndjson(struct value_writer *w, const struct row *row)
{
    struct buffer *b = &w->out;
    buffer_string(b, "{\"as_of\":\"");
    buffer_text(b, buffer_view(&w->as_of));
    buffer_char(b, '"');
    add_member(b, "dimension", text_of(dimension_name(row->dimension)));
    add_member(b, "entity", row->entity);
    add_member(b, "window", text_of(row->window));
    add_member(b, "kpi", text_of(row->kpi));
    if (row->has_value) {
        add_member(b, "value", buffer_view(&w->value));
        if (row->has_n) {
            buffer_string(b, ",\"n\":");
            buffer_integer(b, row->n);
        }
        if (row->mark[0] != '\0')
            add_member(b, "mark", text_of(row->mark));
        if (row->is_provisional)
            buffer_string(b, ",\"provisional\":true");
    }
    if (w->previous.len > 0)
        add_member(b, "prev", buffer_view(&w->previous));
    buffer_string(b, "}\n");
}

/* RFC 4180: quoted where it holds a comma, a quote or a line end, quotes doubled. */
static void add_csv_field(struct buffer *b, struct text t)
{
    bool quote = false;
    for (size_t i = 0; i < t.len; i++)
        quote = quote || t.at[i] == ',' || t.at[i] == '"' || t.at[i] == '\n' || t.at[i] == '\r';
    if (!quote) {
        buffer_text(b, t);
        return;
    }
    buffer_char(b, '"');
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '"')
            buffer_char(b, '"');
        buffer_char(b, t.at[i]);
    }
    buffer_char(b, '"');
}

static void add_csv(struct value_writer *w, const struct row *row)
{
    struct buffer *b = &w->out;
    buffer_text(b, buffer_view(&w->as_of));
    buffer_char(b, ',');
    buffer_string(b, dimension_name(row->dimension));
    buffer_char(b, ',');
    add_csv_field(b, row->entity);
    buffer_format(b, ",%s,%s,", row->window, row->kpi);
    if (row->has_value) {
        buffer_text(b, buffer_view(&w->value));
        buffer_char(b, ',');
        if (row->has_n)
            buffer_integer(b, row->n);
    } else {
        buffer_char(b, ',');
    }
    buffer_char(b, ',');
    buffer_text(b, buffer_view(&w->previous));
    buffer_char(b, ',');
    buffer_string(b, row->mark);
    buffer_string(b, "\r\n");
}

static void add_table(struct value_writer *w, const struct row *row)
{
    buffer_format(&w->out, "  %-20s %-14s %18.*s", row->kpi, row->window, (int)w->value.len,
                  w->value.len > 0 ? w->value.at : "");
    if (row->has_value && row->has_n)
        buffer_format(&w->out, " %10lld", (long long)row->n);
    else
        buffer_format(&w->out, " %10s", "");
    if (w->previous.len > 0)
        buffer_format(&w->out, " %18.*s", (int)w->previous.len, w->previous.at);
    if (row->mark[0] != '\0')
        buffer_format(&w->out, "  %s", row->mark);
    while (w->out.at[w->out.len - 1] == ' ')
        w->out.len--;
    buffer_char(&w->out, '\n');
}

static void add_table_heading(struct value_writer *w, enum dimension d, struct text entity)
{
    buffer_format(&w->out, "\n%s  ", dimension_name(d));
    buffer_text(&w->out, entity);
    buffer_format(&w->out, "\n  %-20s %-14s %18s %10s %18s\n", "KPI", "window", "value", "n", "previous");
}

/* An entity's window, while its lines are written. */
struct place {
    const struct snapshot *snapshot;
    size_t entity;
    unsigned window;
    bool *heading; /* of the entity is written */
};

/* A row that waits until all of its window are there, to be written in the order of the names. */
struct value_line {
    struct row row;
    char name[80];
    size_t value_at, value_len, previous_at, previous_len;
};

static void add_row(struct value_writer *w, const struct row *row)
{
    if (w->line_count == w->line_room) {
        w->line_room = w->line_room > 0 ? w->line_room * 2 : 64;
        w->lines = must_realloc(w->lines, w->line_room * sizeof *w->lines);
    }
    struct value_line *line = &w->lines[w->line_count++];
    *line = (struct value_line){.row = *row, .value_at = w->texts.len, .value_len = w->value.len};
    REQUIRE(strlen(row->kpi) < sizeof line->name);
    memcpy(line->name, row->kpi, strlen(row->kpi) + 1);
    buffer_text(&w->texts, buffer_view(&w->value));
    line->previous_at = w->texts.len;
    line->previous_len = w->previous.len;
    buffer_text(&w->texts, buffer_view(&w->previous));
}

/* What has no more than a value. */
static void add_value(struct value_writer *w, const char *kpi, const char *suffix)
{
    char name[80];
    snprintf(name, sizeof name, "%s%s", kpi, suffix);
    struct row row = {.kpi = name, .has_value = true, .mark = ""};
    buffer_clear(&w->previous);
    add_row(w, &row);
}

static void write_row(struct value_writer *w, const struct place *p, struct row *row)
{
    row->dimension = snapshot_entity_dimension(p->snapshot, p->entity);
    row->entity = snapshot_entity_name(p->snapshot, p->entity);
    row->window = w->config->windows[p->window].name;
    switch (w->format) {
    case FORMAT_NDJSON: add_ndjson(w, row); break;
    case FORMAT_CSV: add_csv(w, row); break;
    case FORMAT_TABLE:
        if (!*p->heading)
            add_table_heading(w, row->dimension, row->entity);
        *p->heading = true;
        add_table(w, row);
        break;
    }
}

/* What is said about the KPI beside its value. */
static void add_aspects(struct value_writer *w, const struct place *p, enum kpi k, const struct sums *sums)
{
    const struct snapshot_target *target = snapshot_target_find(p->snapshot, p->entity, p->window, k);
    bool to_date = w->config->windows[p->window].kind == WINDOW_TO_DATE;
    for (unsigned a = ASPECT_VALUE + 1; a < ASPECT_COUNT; a++) {
        struct kpi_value value;
        if (!aspect_evaluate(k, (enum aspect)a, sums, target, to_date, &value))
            continue;
        buffer_clear(&w->value);
        aspect_format(&w->value, k, (enum aspect)a, &value, w->money_decimals);
        add_value(w, kpi_info(k)->name, aspect_suffix((enum aspect)a));
    }
}

static void add_interval(struct value_writer *w, enum kpi k, const struct kpi_value *value)
{
    struct interval interval;
    if (!kpi_interval(k, value, &interval))
        return;
    buffer_clear(&w->value);
    interval_format(&w->value, interval.low);
    add_value(w, kpi_info(k)->name, ".low");
    buffer_clear(&w->value);
    interval_format(&w->value, interval.high);
    add_value(w, kpi_info(k)->name, ".high");
}

static void add_text(struct value_writer *w, const char *name, struct text value)
{
    buffer_clear(&w->value);
    buffer_text(&w->value, value);
    add_value(w, name, "");
}

static void add_strengths(struct value_writer *w, const struct peer_judgement *j)
{
    for (unsigned l = 0; l < LEVER_COUNT; l++) {
        for (unsigned p = STRENGTH_VALUE + 1; p < STRENGTH_PARTS; p++) {
            if (!strength_exists(&j->strengths, (enum lever)l, (enum strength_part)p))
                continue;
            buffer_clear(&w->value);
            strength_format(&w->value, &j->strengths, (enum lever)l, (enum strength_part)p, w->money_decimals);
            add_value(w, lever_name((enum lever)l), strength_suffix((enum strength_part)p));
        }
    }
    add_text(w, "strengths.team", j->team);
    buffer_clear(&w->value);
    buffer_integer(&w->value, j->peers);
    add_value(w, "strengths.peers", "");
    if (j->strengths.weakest != LEVER_COUNT)
        add_text(w, "strengths.weakest", text_of(lever_name(j->strengths.weakest)));
    if (j->strengths.strongest != LEVER_COUNT)
        add_text(w, "strengths.strongest", text_of(lever_name(j->strengths.strongest)));
}

static int by_name(const void *a, const void *b)
{
    const struct value_line *first = a, *second = b;
    return strcmp(first->name, second->name);
}

static void write_lines(struct value_writer *w, const struct place *p)
{
    if (w->line_count > 1)
        qsort(w->lines, w->line_count, sizeof *w->lines, by_name);
    for (size_t i = 0; i < w->line_count; i++) {
        struct value_line *line = &w->lines[i];
        line->row.kpi = line->name;
        buffer_clear(&w->value);
        buffer_text(&w->value, (struct text){w->texts.at + line->value_at, line->value_len});
        buffer_clear(&w->previous);
        buffer_text(&w->previous, (struct text){w->texts.at + line->previous_at, line->previous_len});
        write_row(w, p, &line->row);
    }
    w->line_count = 0;
    buffer_clear(&w->texts);
}

static void add_own_aspects(struct value_writer *w, unsigned k, const struct kpi_value *booked,
                            const struct snapshot_target *target)
{
    const struct own_kpi_config *kpi = &w->config->kpis[k];
    for (unsigned a = ASPECT_VALUE + 1; a < ASPECT_COUNT; a++) {
        struct kpi_value v;
        if (!aspect_evaluate_own((enum aspect)a, booked, kpi->formula.is_sum, kpi->absent == ABSENT_ZERO, target, &v))
            continue;
        buffer_clear(&w->value);
        aspect_format_unit(&w->value, own_kpi_unit(kpi), (enum aspect)a, &v, w->money_decimals);
        add_value(w, kpi->name, aspect_suffix((enum aspect)a));
    }
}

static void add_own(struct value_writer *w, const struct place *p, const struct sums *sums,
                    const struct sums *sums_previous)
{
    struct own_sums own, own_previous;
    snapshot_own_sums(p->snapshot, p->entity, p->window, &own, &own_previous);
    for (unsigned k = 0; k < w->config->kpi_count; k++) {
        struct kpi_value value, previous;
        buffer_clear(&w->value);
        buffer_clear(&w->previous);
        bool has_value = own_evaluate(&w->own, k, sums, &own, &value);
        if (has_value)
            own_format(&w->value, &w->own, k, &value, w->money_decimals);
        if (snapshot_has_previous(p->snapshot, p->window) &&
            own_evaluate(&w->own, k, sums_previous, &own_previous, &previous))
            own_format(&w->previous, &w->own, k, &previous, w->money_decimals);
        struct row row = {.kpi = w->config->kpis[k].name,
                          .has_value = has_value,
                          .has_n = has_value && value.n != 0,
                          .is_provisional = has_value && snapshot_is_provisional(p->snapshot, p->window),
                          .n = has_value ? value.n : 0,
                          .mark = ""};
        if (has_value || w->previous.len > 0)
            add_row(w, &row);
        const struct snapshot_target *target = snapshot_target_find(p->snapshot, p->entity, p->window, KPI_COUNT + k);
        add_own_aspects(w, k, has_value ? &value : NULL, target);
    }
}

static void add_window(struct value_writer *w, const struct snapshot *s, size_t entity, unsigned window, bool *heading)
{
    enum dimension d = snapshot_entity_dimension(s, entity);
    if (!w->config->dimension_windows[d][window])
        return;
    const struct place place = {s, entity, window, heading};
    struct sums sums, sums_previous;
    snapshot_sums(s, entity, window, &sums, &sums_previous);
    bool now = w->config->windows[window].kind == WINDOW_NOW;
    bool has_previous = snapshot_has_previous(s, window);
    for (unsigned i = 0; i < KPI_COUNT; i++) {
        enum kpi k = w->kpis[i];
        if ((kpi_info(k)->clock == KPI_NOW) != now)
            continue;
        struct kpi_value value, previous;
        buffer_clear(&w->value);
        buffer_clear(&w->previous);
        bool has_value = kpi_evaluate(k, &sums, &value);
        if (has_value)
            kpi_format(&w->value, k, &value, w->money_decimals);
        if (has_previous && kpi_evaluate(k, &sums_previous, &previous))
            kpi_format(&w->previous, k, &previous, w->money_decimals);
        if (has_value || w->previous.len > 0) {
            struct row row = {.kpi = kpi_info(k)->name,
                              .has_value = has_value,
                              .has_n = has_value,
                              .is_provisional = has_value && !now && snapshot_is_provisional(s, window),
                              .n = has_value ? value.n : 0,
                              .mark = has_value ? kpi_mark_name(kpi_marked(k, &sums)) : ""};
            add_row(w, &row);
        }
        if (has_value && w->with_intervals)
            add_interval(w, k, &value);
        add_aspects(w, &place, k, &sums);
    }
    if (!now)
        add_own(w, &place, &sums, &sums_previous);
    struct peer_judgement j;
    if (w->peers != NULL && d == DIMENSION_MANAGER && peers_judge(w->peers, snapshot_entity_id(s, entity), window, &j))
        add_strengths(w, &j);
    write_lines(w, &place);
}

static void begin_snapshot(struct value_writer *w, const struct snapshot *s)
{
    buffer_clear(&w->as_of);
    instant_format(&w->as_of, snapshot_as_of_us(s), false);
    if (w->format == FORMAT_TABLE) {
        if (w->header_written)
            buffer_char(&w->out, '\n');
        buffer_string(&w->out, "as of ");
        buffer_text(&w->out, buffer_view(&w->as_of));
        buffer_char(&w->out, '\n');
    } else if (w->format == FORMAT_CSV && !w->header_written) {
        buffer_string(&w->out, "as_of,dimension,entity,window,kpi,value,n,prev,mark\r\n");
    }
    w->header_written = true;
}

/* {"as_of":...,"key":"series:...","value":"{...}"}: what stands at that key in Redis. */
static void add_series(struct value_writer *w, const struct snapshot *s, size_t entity)
{
    for (unsigned i = 0; i < w->config->series_count; i++) {
        size_t at;
        if (!snapshot_series(s, entity, i, &at))
            continue;
        for (unsigned k = 0; k < KPI_COUNT; k++) {
            if (!w->config->series[i].kpi[k])
                continue;
            buffer_string(&w->out, "{\"as_of\":\"");
            buffer_text(&w->out, buffer_view(&w->as_of));
            buffer_char(&w->out, '"');
            buffer_clear(&w->value);
            key_series(&w->value, snapshot_entity_dimension(s, entity), snapshot_entity_name(s, entity), (enum kpi)k);
            add_member(&w->out, "key", buffer_view(&w->value));
            buffer_clear(&w->value);
            series_format(&w->value, w->config, s, entity, i, (enum kpi)k);
            add_member(&w->out, "value", buffer_view(&w->value));
            buffer_string(&w->out, "}\n");
        }
    }
}

void value_writer_snapshot(struct value_writer *w, const struct snapshot *s)
{
    REQUIRE(snapshot_is_everything(s));
    begin_snapshot(w, s);
    size_t count = snapshot_entity_count(s);
    if (w->peers != NULL) {
        peers_forget(w->peers);
        for (size_t entity = 0; entity < count; entity++)
            peers_take(w->peers, s, entity);
    }
    for (unsigned i = 0; i < DIMENSION_COUNT; i++) {
        /* Entities lie sorted by (dimension, name): those of one dimension are a run. */
        for (size_t entity = 0; entity < count; entity++) {
            if (snapshot_entity_dimension(s, entity) != w->dimensions[i])
                continue;
            bool heading = false;
            for (unsigned k = 0; k < w->config->window_count; k++)
                add_window(w, s, entity, w->windows[k], &heading);
            if (w->out.len >= WRITE_AT)
                write_out(w);
        }
    }
    for (size_t entity = 0; w->with_series && w->format == FORMAT_NDJSON && entity < count; entity++)
        add_series(w, s, entity);
}

int value_writer_finish(struct value_writer *w)
{
    write_out(w);
    buffer_fini(&w->out);
    buffer_fini(&w->value);
    buffer_fini(&w->previous);
    buffer_fini(&w->as_of);
    buffer_fini(&w->texts);
    free(w->lines);
    peers_destroy(w->peers);
    return w->error;
}
