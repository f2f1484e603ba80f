#include "daemon/top_screen.h"
#include "base/error.h"
#include "base/instant.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RESET  "\x1b[0m"
#define BOLD   "\x1b[1m"
#define GREY   "\x1b[90m"
#define RED    "\x1b[31m"
#define GREEN  "\x1b[32m"
#define YELLOW "\x1b[33m"

#define UP    "\xE2\x96\xB2"
#define DOWN  "\xE2\x96\xBC"
#define LEVEL " "
#define NONE  "\xE2\x80\x93"

#define NAME_WIDTH_MIN   12
#define NAME_WIDTH_MAX   32
#define RANK_WIDTH       8 /* "1234 ▲99" */
#define COLUMN_MIN       10
#define ALERTS_LINES_MAX 6

/* A line under construction: what does not fit the width is never added, so colours cannot be cut in half. */
struct pen {
    struct buffer *out;
    const struct top_view *view;
    bool grey; /* everything is: colours of parts are left out */
};

static void colored(const struct pen *p, const char *color, struct text t)
{
    bool on = p->view->colors && !p->grey && color != NULL && t.len > 0;
    if (on)
        buffer_string(p->out, color);
    buffer_text(p->out, t);
    if (on)
        buffer_string(p->out, RESET);
}

static void begin_line(const struct pen *p)
{
    if (p->grey && p->view->colors)
        buffer_string(p->out, GREY);
}

static void end_line(const struct pen *p)
{
    if (p->grey && p->view->colors)
        buffer_string(p->out, RESET);
    if (!p->view->colors) {
        /* No trailing blanks in files. */
        while (p->out->len > 0 && p->out->at[p->out->len - 1] == ' ')
            p->out->at[--p->out->len] = '\0';
    } else {
        buffer_string(p->out, "\x1b[K");
    }
    buffer_char(p->out, '\n');
}

/* A whole line of one colour, cut to the width. */
static void line(const struct pen *p, const char *color, struct text t)
{
    struct buffer cut;
    buffer_init(&cut);
    int width = top_text_width(t);
    if (p->view->width > 0 && width > p->view->width)
        top_text_pad(&cut, t, p->view->width, false);
    else
        buffer_text(&cut, t);
    begin_line(p);
    colored(p, color, buffer_view(&cut));
    end_line(p);
    buffer_fini(&cut);
}

const char *top_stale_reason(const struct top_frame *f, int64_t now_us)
{
    if (f->trouble[0] != '\0')
        return "redis is away";
    if (!f->has_meta)
        return "kpid is not publishing";
    if (strcmp(f->state, "live") != 0)
        return f->state;
    if (f->as_of_us == INSTANT_NONE || now_us - f->as_of_us > TOP_STALE_AFTER_S * SECOND)
        return "stale";
    return NULL;
}

/* ---- head ---- */

static void head(const struct pen *p, const struct top_frame *f, const struct top_query *q, const char *stale)
{
    struct buffer b;
    buffer_init(&b);
    buffer_format(&b, "kpid %s  %s  %s", q->namespace_, q->dimension, q->window);
    if (f->as_of_us != INSTANT_NONE) {
        buffer_string(&b, "  as of ");
        instant_format(&b, f->as_of_us - f->as_of_us % SECOND, false);
        buffer_string(&b, "  age ");
        int64_t age = p->view->now_us - f->as_of_us;
        top_text_duration(&b, age < 0 ? 0 : age / SECOND);
    }
    if (f->has_meta)
        buffer_format(&b, "  seq %" PRId64, f->seq);
    if (f->has_meta && f->lag >= 0)
        buffer_format(&b, "  lag %" PRId64, f->lag);
    if (f->currency[0] != '\0')
        buffer_format(&b, "  %s", f->currency);
    line(p, BOLD, buffer_view(&b));
    buffer_clear(&b);
    if (stale != NULL) {
        buffer_format(&b, "%s", stale);
        if (f->trouble[0] != '\0')
            buffer_format(&b, ": %s; will try again", f->trouble);
        else if (!f->has_meta)
            buffer_string(&b, ": meta has expired or was never there");
        struct pen loud = *p;
        loud.grey = false;
        line(&loud, YELLOW, buffer_view(&b));
    } else {
        colored(p, GREEN, TEXT("live"));
        end_line(p);
    }
    buffer_fini(&b);
}

/* ---- ranking ---- */

struct ranking {
    const struct top_frame *frame;
    size_t kpi;
    bool previous;
};

static struct text value_of(const struct top_frame *f, const struct top_row *row, size_t kpi, bool previous)
{
    const char *value = previous ? row->previous[kpi] : row->value[kpi];
    if (value != NULL)
        return text_of(value);
    return f->kpis[kpi].absent_is_zero ? TEXT("0") : (struct text){NULL, 0};
}

static int compare_rows(const void *a, const void *b, void *context)
{
    const struct ranking *r = context;
    const struct top_row *x = a, *y = b;
    struct text u = value_of(r->frame, x, r->kpi, r->previous), v = value_of(r->frame, y, r->kpi, r->previous);
    if ((u.at == NULL) != (v.at == NULL))
        return u.at == NULL ? 1 : -1;
    int order = u.at == NULL ? 0 : top_text_compare(u, v);
    if (!r->frame->kpis[r->kpi].down_is_better)
        order = -order;
    return order != 0 ? order : strcmp(x->shown, y->shown);
}

static int compare_indices(const void *a, const void *b, void *context)
{
    const struct ranking *r = context;
    return compare_rows(&r->frame->rows[*(const size_t *)a], &r->frame->rows[*(const size_t *)b], context);
}

/* The place that each row had in the window before, 0 where it had no value. */
static size_t *previous_places(const struct top_frame *f, size_t kpi)
{
    size_t *order = must_alloc(f->row_count * sizeof *order), *place = must_alloc(f->row_count * sizeof *place);
    for (size_t i = 0; i < f->row_count; i++)
        order[i] = i;
    struct ranking r = {f, kpi, true};
    if (f->row_count > 0)
        qsort_r(order, f->row_count, sizeof *order, compare_indices, &r);
    for (size_t i = 0; i < f->row_count; i++)
        place[order[i]] = f->rows[order[i]].previous[kpi] != NULL ? i + 1 : 0;
    free(order);
    return place;
}

/* ---- table ---- */

struct columns {
    int name_width, width[TOP_KPIS_MAX];
    size_t count; /* that fit */
};

static void add_cell(struct buffer *out, const struct top_frame *f, const struct top_row *row, size_t kpi)
{
    struct text value = value_of(f, row, kpi, false);
    if (value.at == NULL)
        buffer_string(out, NONE);
    else
        top_text_value(out, value, f->kpis[kpi].unit);
}

static int cell_width(const struct top_frame *f, size_t kpi)
{
    struct buffer cell;
    buffer_init(&cell);
    int width = f->kpis[kpi].label != NULL ? top_text_width(text_of(f->kpis[kpi].label)) : 0;
    if (width < COLUMN_MIN)
        width = COLUMN_MIN;
    for (size_t i = 0; i < f->row_count; i++) {
        buffer_clear(&cell);
        add_cell(&cell, f, &f->rows[i], kpi);
        int w = top_text_width(buffer_view(&cell));
        if (w > width)
            width = w;
    }
    buffer_fini(&cell);
    return width;
}

/* Columns are left out from the right; the first one stays, at the cost of the names. */
static struct columns measure(const struct top_frame *f, const struct top_query *q, int width)
{
    struct columns c = {.name_width = NAME_WIDTH_MIN};
    for (size_t i = 0; i < f->row_count; i++) {
        int w = top_text_width(text_of(f->rows[i].shown));
        if (w > c.name_width)
            c.name_width = w < NAME_WIDTH_MAX ? w : NAME_WIDTH_MAX;
    }
    int used = RANK_WIDTH + 1 + c.name_width;
    for (size_t k = 0; k < q->kpi_count; k++) {
        c.width[k] = cell_width(f, k);
        used += 2 + c.width[k] + 2; /* a gap, the value, its arrow */
        if (width > 0 && used > width && k > 0)
            break;
        if (width > 0 && used > width) {
            c.name_width = c.name_width > used - width ? c.name_width - (used - width) : 1;
            used = width;
        }
        c.count = k + 1;
    }
    return c;
}

static void table_head(const struct pen *p, const struct top_frame *f, const struct top_query *q,
                       const struct columns *c)
{
    struct buffer b;
    buffer_init(&b);
    top_text_pad(&b, TEXT("#"), RANK_WIDTH, false);
    buffer_char(&b, ' ');
    top_text_pad(&b, text_of(q->dimension), c->name_width, false);
    for (size_t k = 0; k < c->count; k++) {
        buffer_string(&b, "  ");
        top_text_pad(&b, text_of(f->kpis[k].label != NULL ? f->kpis[k].label : q->kpis[k]), c->width[k], true);
        buffer_string(&b, k == p->view->sort ? " *" : "  ");
    }
    line(p, BOLD, buffer_view(&b));
    buffer_fini(&b);
}

static void arrow(const struct pen *p, const struct top_frame *f, const struct top_row *row, size_t kpi)
{
    struct text now = value_of(f, row, kpi, false), before = value_of(f, row, kpi, true);
    /* Against a window in which nothing was, everything is more: that is no trend. */
    int order = now.at == NULL || row->previous[kpi] == NULL ? 0 : top_text_compare(now, before);
    bool better = f->kpis[kpi].down_is_better ? order < 0 : order > 0;
    buffer_char(p->out, ' ');
    colored(p, order == 0 ? NULL : better ? GREEN : RED, order == 0 ? TEXT(LEVEL) : order > 0 ? TEXT(UP) : TEXT(DOWN));
}

static void table_row(const struct pen *p, const struct top_frame *f, size_t i, size_t before, const struct columns *c)
{
    const struct top_row *row = &f->rows[i];
    struct buffer b;
    buffer_init(&b);
    begin_line(p);
    buffer_format(&b, "%zu", i + 1);
    top_text_pad(p->out, buffer_view(&b), RANK_WIDTH - 4, false);
    buffer_clear(&b);
    bool moved = before != 0 && before != i + 1;
    if (moved)
        buffer_format(&b, "%s%zu", before > i + 1 ? UP : DOWN, before > i + 1 ? before - (i + 1) : i + 1 - before);
    struct buffer padded;
    buffer_init(&padded);
    top_text_pad(&padded, buffer_view(&b), 4, false);
    colored(p, moved ? (before > i + 1 ? GREEN : RED) : NULL, buffer_view(&padded));
    buffer_fini(&padded);
    buffer_char(p->out, ' ');
    top_text_pad(p->out, text_of(row->shown), c->name_width, false);
    for (size_t k = 0; k < c->count; k++) {
        buffer_clear(&b);
        add_cell(&b, f, row, k);
        buffer_string(p->out, "  ");
        top_text_pad(p->out, buffer_view(&b), c->width[k], true);
        arrow(p, f, row, k);
    }
    end_line(p);
    buffer_fini(&b);
}

static void alerts(const struct pen *p, const struct top_frame *f, size_t lines)
{
    struct buffer b;
    buffer_init(&b);
    begin_line(p);
    end_line(p);
    buffer_format(&b, "Alerts: %zu", f->alert_count);
    line(p, BOLD, buffer_view(&b));
    for (size_t i = 0; i < f->alert_count && i < lines; i++) {
        const struct top_alert *a = &f->alerts[i];
        buffer_clear(&b);
        buffer_format(&b, "  %-9s %s", a->severity, a->text);
        line(p, strcmp(a->severity, "critical") == 0 ? RED : YELLOW, buffer_view(&b));
    }
    if (f->alert_count > lines) {
        buffer_clear(&b);
        buffer_format(&b, "  and %zu more", f->alert_count - lines);
        line(p, NULL, buffer_view(&b));
    }
    buffer_fini(&b);
}

/* ---- all of it ---- */

void top_render(struct buffer *out, struct top_frame *f, const struct top_query *q, const struct top_view *v)
{
    const char *stale = top_stale_reason(f, v->now_us);
    struct pen p = {out, v, stale != NULL};
    head(&p, f, q, stale);
    if (!f->any)
        return;
    struct ranking r = {f, v->sort, false};
    if (f->row_count > 0)
        qsort_r(f->rows, f->row_count, sizeof *f->rows, compare_rows, &r);
    size_t alert_lines = f->alert_count < ALERTS_LINES_MAX ? f->alert_count : ALERTS_LINES_MAX;
    /* Head 2, a blank, table head, rows, perhaps "more", a blank, alerts' head and lines, perhaps "more". */
    size_t other = 4 + 1 + 2 + alert_lines + (f->alert_count > alert_lines);
    size_t room = f->row_count;
    if (v->height > 0)
        room = (size_t)v->height > other + 1 ? (size_t)v->height - other - 1 : 1;
    struct columns c = measure(f, q, v->width);
    begin_line(&p);
    end_line(&p);
    table_head(&p, f, q, &c);
    size_t *places = previous_places(f, v->sort);
    for (size_t i = 0; i < f->row_count && i < room; i++)
        table_row(&p, f, i, places[i], &c);
    free(places);
    size_t shown = f->row_count < room ? f->row_count : room;
    if (f->entity_count > shown) {
        struct buffer b;
        buffer_init(&b);
        buffer_format(&b, "and %zu more", f->entity_count - shown);
        line(&p, NULL, buffer_view(&b));
        buffer_fini(&b);
    }
    if (f->entity_count == 0)
        line(&p, NULL, TEXT("nobody has a number here"));
    alerts(&p, f, alert_lines);
}
