/* top_frame.h - one look at Redis: what `kpid top` shows, read in one MULTI as docs/redis.md says.
 *
 * Knows nothing of the daemon but the Redis contract.
 * Thread: main's; top_read blocks up to the time-out. Memory: init to fini. Errors: in top_frame.trouble.
 */
#pragma once
#include "base/text.h"
#include "config/config.h"
#include "daemon/top_text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOP_KPIS_MAX 16
/* Of a larger dimension the first ones by name are read. */
#define TOP_ROWS_MAX 10000

struct top_query {
    const struct redis_config *redis; /* where it is, and how to get in */
    const char *namespace_, *dimension, *window;
    const char *kpis[TOP_KPIS_MAX];
    size_t kpi_count;
};

/* Of the catalogue. */
struct top_kpi {
    bool known;
    enum top_unit unit;
    bool down_is_better;
    bool absent_is_zero;
    char *label; /* clean */
};

struct top_row {
    char *entity; /* as Redis has it; for the key */
    size_t entity_len;
    char *shown;                                        /* clean */
    char *value[TOP_KPIS_MAX], *previous[TOP_KPIS_MAX]; /* NULL: absent */
};

struct top_alert {
    char *severity, *text; /* clean */
};

struct top_frame {
    bool any;          /* something was read once: what follows stands */
    char trouble[200]; /* why the last look failed; "" = it did not */
    bool has_meta;
    char state[24], instance[64], currency[8];
    int64_t as_of_us; /* INSTANT_NONE: none */
    int64_t seq, lag; /* lag -1: unknown */
    struct top_kpi kpis[TOP_KPIS_MAX];
    struct top_row *rows;
    size_t row_count, entity_count; /* shown, and there */
    struct top_alert *alerts;
    size_t alert_count;
};

struct top_source;

/* The query is borrowed. */
struct top_source *top_source_create(const struct top_query *query);
void top_source_destroy(struct top_source *s);

void top_frame_init(struct top_frame *f);
void top_frame_fini(struct top_frame *f);

/* Looks again. False: frame->trouble says why, and what was read before stays. While Redis says `loading`, rows
 * stay as they were, too: they are being replaced in parts. */
bool top_read(struct top_source *s, struct top_frame *frame);
