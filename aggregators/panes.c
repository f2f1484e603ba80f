#include "aggregators/panes.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

#define NO_ROW    INT64_MAX
#define NOT_KNOWN INT64_MIN /* its first row has gone */

/* Pane i lies before edge i, and not before edge i - 1; the last one behind all edges. */
struct stream_panes {
    unsigned edges;    /* their number when it was asked for last */
    int64_t *at_us;    /* and where they lay */
    int64_t *first_us; /* by pane: its first row, NO_ROW or NOT_KNOWN */
    int128 *sums;      /* by pane and measure; NULL: not asked for yet */
};

struct panes {
    struct stream_panes streams[STREAM_COUNT];
};

struct panes *panes_create(void)
{
    return must_zalloc(sizeof(struct panes));
}

void panes_destroy(struct panes *p)
{
    if (p == NULL)
        return;
    for (unsigned s = 0; s < STREAM_COUNT; s++) {
        free(p->streams[s].sums);
        free(p->streams[s].at_us);
        free(p->streams[s].first_us);
    }
    free(p);
}

void panes_add(struct panes *p, enum stream stream, int64_t at_us, const int64_t *measures, int sign)
{
    const struct stream_panes *s = &p->streams[stream];
    if (s->sums == NULL)
        return;
    unsigned count = stream_infos[stream].measures, pane = window_edges_before(s->at_us, s->edges, at_us);
    int128 *sums = s->sums + (size_t)pane * count;
    for (unsigned m = 0; m < count; m++)
        sums[m] += sign < 0 ? -(int128)measures[m] : measures[m];
    if (sign > 0 && at_us < s->first_us[pane])
        s->first_us[pane] = at_us;
    else if (sign < 0 && at_us == s->first_us[pane])
        s->first_us[pane] = NOT_KNOWN;
}

/* What lies before an instant, by the panes as they are and what lies between it and the edge before. `running`: what lies
 * before that edge, which is number `edge`; both go along with the instants, which ascend. */
static void prefix(const struct stream_panes *s, unsigned measures, const struct tree *t, int64_t at_us, unsigned *edge,
                   int128 *running, int128 *out)
{
    while (*edge < s->edges && s->at_us[*edge] <= at_us) {
        for (unsigned m = 0; m < measures; m++)
            running[m] += s->sums[(size_t)*edge * measures + m];
        ++*edge;
    }
    memcpy(out, running, measures * sizeof *out);
    if (*edge == 0)
        tree_sums(t, INT64_MIN, at_us, out);
    else if (s->at_us[*edge - 1] < at_us)
        tree_sums(t, s->at_us[*edge - 1], at_us, out);
}

static void total(const struct stream_panes *s, unsigned measures, int128 *out)
{
    memset(out, 0, measures * sizeof *out);
    for (unsigned pane = 0; pane <= s->edges; pane++)
        for (unsigned m = 0; m < measures; m++)
            out[m] += s->sums[(size_t)pane * measures + m];
}

/* The first row with from_us <= at < to_us, by old pane `*pane` and those behind it; `*pane` goes along with from_us. */
static int64_t first_row(const struct stream_panes *s, const struct tree *t, int64_t from_us, int64_t to_us,
                         unsigned *pane)
{
    while (*pane < s->edges && s->at_us[*pane] <= from_us)
        ++*pane;
    int64_t first_us = NO_ROW;
    for (unsigned i = *pane; i <= s->edges && first_us == NO_ROW; i++) {
        int64_t begin_us = i > 0 ? s->at_us[i - 1] : INT64_MIN;
        if (begin_us >= to_us)
            break;
        first_us = s->first_us[i];
        if (first_us == NOT_KNOWN || first_us < from_us)
            first_us = tree_next(t, begin_us > from_us ? begin_us : from_us);
    }
    return first_us < to_us ? first_us : NO_ROW;
}

static int64_t *find_firsts(const struct stream_panes *s, const struct tree *t, const struct window_edges *edges)
{
    int64_t *firsts = must_alloc((edges->count + 1ul) * sizeof *firsts);
    for (unsigned i = 0, pane = 0; i <= edges->count; i++) {
        int64_t from_us = i > 0 ? edges->at_us[i - 1] : INT64_MIN,
                to_us = i < edges->count ? edges->at_us[i] : INT64_MAX;
        if (s->sums != NULL) {
            firsts[i] = first_row(s, t, from_us, to_us, &pane);
            continue;
        }
        firsts[i] = tree_next(t, from_us);
        if (firsts[i] >= to_us)
            firsts[i] = NO_ROW;
    }
    return firsts;
}

/* Panes between the edges, by what lies before each and in all, and by their first rows, which are taken over. */
static void lay(struct stream_panes *s, unsigned measures, const struct window_edges *edges,
                int128 (*before)[STREAM_MEASURES_MAX], const int128 *all, int64_t *firsts)
{
    if (s->edges < edges->count || s->sums == NULL) {
        s->sums = must_realloc(s->sums, (edges->count + 1ul) * measures * sizeof *s->sums);
        s->at_us = must_realloc(s->at_us, edges->count * sizeof *s->at_us + 1);
    }
    free(s->first_us);
    s->first_us = firsts;
    s->edges = edges->count;
    memcpy(s->at_us, edges->at_us, edges->count * sizeof *s->at_us);
    for (unsigned pane = 0; pane <= edges->count; pane++)
        for (unsigned m = 0; m < measures; m++)
            s->sums[(size_t)pane * measures + m] =
                (pane < edges->count ? before[pane][m] : all[m]) - (pane > 0 ? before[pane - 1][m] : 0);
}

void panes_prefixes(struct panes *p, enum stream stream, const struct tree *t, const struct window_edges *edges,
                    int128 (*out)[STREAM_MEASURES_MAX])
{
    struct stream_panes *s = &p->streams[stream];
    unsigned measures = stream_infos[stream].measures, edge = 0;
    int128 all[STREAM_MEASURES_MAX] = {0}, running[STREAM_MEASURES_MAX] = {0};
    if (s->sums == NULL) {
        tree_prefixes(t, edges->at_us, edges->count, out);
        tree_sums(t, INT64_MIN, INT64_MAX, all);
    } else {
        for (unsigned i = 0; i < edges->count; i++)
            prefix(s, measures, t, edges->at_us[i], &edge, running, out[i]);
        total(s, measures, all);
    }
    lay(s, measures, edges, out, all, find_firsts(s, t, edges));
}

int64_t panes_next(const struct panes *p, enum stream stream, unsigned edge)
{
    const struct stream_panes *s = &p->streams[stream];
    for (unsigned pane = edge + 1; pane <= s->edges; pane++)
        if (s->first_us[pane] != NO_ROW)
            return s->first_us[pane];
    return INT64_MAX;
}

uint64_t panes_bytes(const struct panes *p)
{
    if (p == NULL)
        return 0;
    uint64_t bytes = sizeof *p;
    for (unsigned s = 0; s < STREAM_COUNT; s++)
        if (p->streams[s].sums != NULL)
            bytes += (p->streams[s].edges + 1ul) * stream_infos[s].measures * sizeof(int128) +
                     (p->streams[s].edges * 2ul + 1) * sizeof(int64_t);
    return bytes;
}
