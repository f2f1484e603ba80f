#include "config/report.h"
#include "base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_init(struct report *r, const char *name)
{
    *r = (struct report){.name = name};
}

void report_fini(struct report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->problems[i].text);
    }
    free(r->problems);
    *r = (struct report){0};
}

void report_add(struct report *r, struct mark at, const char *format, ...)
{
    if (r->count == PROBLEMS_MAX) {
        r->more++;
        return;
    }
    if (r->count == r->room) {
        r->room = r->room > 0 ? 2 * r->room : 8;
        r->problems = must_realloc(r->problems, r->room * sizeof r->problems[0]);
    }
    char *text;
    va_list args;
    va_start(args, format);
    REQUIRE(vasprintf(&text, format, args) >= 0);
    va_end(args);
    r->problems[r->count] = (struct problem){at, r->count, text};
    r->count++;
}

static int by_place(const void *left, const void *right)
{
    const struct problem *a = left, *b = right;
    if (a->mark.line != b->mark.line) {
        return a->mark.line < b->mark.line ? -1 : 1;
    }
    if (a->mark.column != b->mark.column) {
        return a->mark.column < b->mark.column ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

void report_write(const struct report *r, struct config_problems *out)
{
    if (r->count == 0) {
        return;
    }
    struct problem *sorted = must_alloc(r->count * sizeof sorted[0]);
    memcpy(sorted, r->problems, r->count * sizeof sorted[0]);
    qsort(sorted, r->count, sizeof sorted[0], by_place);
    out->lines = must_realloc(out->lines, (out->count + r->count + 1) * sizeof out->lines[0]);
    for (size_t i = 0; i < r->count; i++) {
        const struct problem *p = &sorted[i];
        char *line;
        int len = p->mark.line > 0 ? asprintf(&line, "%s:%u:%u: %s", r->name, p->mark.line, p->mark.column, p->text)
                                   : asprintf(&line, "%s: %s", r->name, p->text);
        REQUIRE(len >= 0);
        out->lines[out->count++] = line;
    }
    if (r->more > 0) {
        char *line;
        REQUIRE(asprintf(&line, "%s: and %zu more problems", r->name, r->more) >= 0);
        out->lines[out->count++] = line;
    }
    free(sorted);
}

struct shown show(struct text t)
{
    struct shown s;
    enum { ELLIPSIS = 3 };
    size_t room = sizeof s.at - 1 - ELLIPSIS, len = t.len;
    if (len > room) {
        len = room;
        while (len > 0 && ((unsigned char)t.at[len] & 0xC0) == 0x80) { /* not within a character */
            len--;
        }
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        s.at[i] = c < 0x20 || c == 0x7F ? ' ' : (char)c;
    }
    if (len < t.len) {
        memcpy(s.at + len, "...", ELLIPSIS);
        len += ELLIPSIS;
    }
    s.at[len] = '\0';
    return s;
}

/* "mon" for monday: at least three letters, and of one name only. */
static const char *only_beginning(struct text wrong, const char *const *names, size_t count)
{
    const char *found = NULL;
    for (size_t i = 0; i < count && wrong.len >= 3; i++) {
        if (strlen(names[i]) > wrong.len && memcmp(names[i], wrong.at, wrong.len) == 0) {
            if (found != NULL) {
                return NULL;
            }
            found = names[i];
        }
    }
    return found;
}

const char *nearest(struct text wrong, const char *const *names, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = text_distance(wrong, text_of(names[i]));
        size_t longer = wrong.len > strlen(names[i]) ? wrong.len : strlen(names[i]);
        /* A third of the letters wrong is still a slip; more is another word. */
        if (distance <= (longer + 2) / 3 && distance < longer && (best == NULL || distance < best_distance)) {
            best = names[i];
            best_distance = distance;
        }
    }
    /* One slip is nearer than a beginning, a beginning than two slips. */
    const char *begun = best == NULL || best_distance > 1 ? only_beginning(wrong, names, count) : NULL;
    return begun != NULL ? begun : best;
}

void report_unknown(struct report *r, struct mark at, const char *what, struct text wrong, const char *where,
                    const char *const *names, size_t count)
{
    const char *near = nearest(wrong, names, count);
    if (near != NULL) {
        report_add(r, at, "unknown %s '%s'%s; did you mean '%s'?", what, show(wrong).at, where, near);
        return;
    }
    struct buffer list;
    buffer_init(&list);
    for (size_t i = 0; i < count; i++) {
        buffer_string(&list, i > 0 ? ", " : "");
        buffer_string(&list, names[i]);
    }
    report_add(r, at, "unknown %s '%s'%s; there %s %s", what, show(wrong).at, where, count == 1 ? "is" : "are",
               count > 0 ? list.at : "none");
    buffer_fini(&list);
}
