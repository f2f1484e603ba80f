#include "base/error.h"
#include "daemon/metrics.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    cr_assert(f != NULL, "%s cannot be opened", path);
    char *text = must_zalloc(1 << 20);
    cr_assert(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

/* The page is the table: whoever adds a metric makes the page anew. */
Test(metrics, the_page_in_docs_is_not_stale)
{
    const char *root = getenv("SOURCE_DIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/docs/metrics.md", root != NULL ? root : ".");
    char *page = read_file(path);
    struct buffer b;
    buffer_init(&b);
    metrics_doc(&b);
    cr_expect(strcmp(page, b.at) == 0, "stale: build/release/bin/kpid --print-metrics-doc > docs/metrics.md");
    buffer_fini(&b);
    free(page);
}

static void fill(struct metrics_view *v)
{
    for (int i = 0; i < BOARD_COUNT; i++)
        v->board[i] = 1000 + i;
    for (int i = 0; i < PUBLISH_COUNT; i++)
        v->publish[i] = 2000 + i;
    for (int i = 0; i < EXTRA_COUNT; i++)
        v->extra[i] = 3000 + i;
}

static void expect_line(const struct buffer *b, const char *line)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    cr_expect(strstr(b->at, wanted) != NULL, "no line '%s'", line);
}

Test(metrics, numbers_stand_under_their_names)
{
    struct metrics_view v;
    struct buffer b;
    fill(&v);
    v.board[BOARD_READ] = 15;
    v.board[BOARD_APPLIED] = 1;
    v.board[BOARD_DUPLICATE] = 2;
    v.board[BOARD_SUPERSEDED] = 3;
    v.board[BOARD_FILTERED] = 4;
    v.board[BOARD_DEAD_LETTERED] = 5;
    v.board[BOARD_DEAD_LETTERED_BY + BAD_JSON] = 6;
    v.board[BOARD_RECORDS + KIND_DEAL] = 7;
    v.board[BOARD_AS_OF_US] = 1500000000123000;
    v.publish[PUBLISH_TROUBLES + TROUBLE_TIMEOUT] = 8;
    v.extra[EXTRA_PUBLISH_AGE_US] = -1000000;
    v.extra[EXTRA_ALERT_STANDING + ALERT_FIRING] = 9;
    buffer_init(&b);
    metrics_render(&v, &b);

    expect_line(&b, "kpid_build_info{version=\"" KPID_VERSION "\"} 3000");
    expect_line(&b, "kpid_events_read_total 15");
    expect_line(&b, "kpid_events_total{outcome=\"applied\"} 1");
    expect_line(&b, "kpid_events_total{outcome=\"duplicate\"} 2");
    expect_line(&b, "kpid_events_total{outcome=\"superseded\"} 3");
    expect_line(&b, "kpid_events_total{outcome=\"filtered\"} 4");
    expect_line(&b, "kpid_events_total{outcome=\"dead_lettered\"} 5");
    expect_line(&b, "kpid_dead_letters_total{reason=\"not_json\"} 6");
    expect_line(&b, "kpid_records{kind=\"deal\"} 7");
    expect_line(&b, "kpid_as_of_timestamp_seconds 1500000000.123000");
    expect_line(&b, "kpid_redis_troubles_total{trouble=\"timeout\"} 8");
    expect_line(&b, "kpid_publish_age_seconds -1.000000");
    expect_line(&b, "kpid_alerts{state=\"firing\"} 9");
    cr_expect(strstr(b.at, "reason=\"ok\"") == NULL);
    buffer_fini(&b);
}

/* Prometheus refuses a whole scrape for one bad line. */
Test(metrics, every_line_is_one_of_the_format)
{
    struct metrics_view v;
    struct buffer b;
    fill(&v);
    buffer_init(&b);
    metrics_render(&v, &b);

    char name[128] = "", seen[8192] = " ";
    int samples = 0;
    for (char *line = strtok(b.at, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char again[136], word[128], rest[64];
        if (sscanf(line, "# HELP %127s", name) == 1) {
            snprintf(again, sizeof again, " %s ", name);
            cr_expect(strstr(seen, again) == NULL, "%s stands twice", name);
            strcat(seen, again);
            continue;
        }
        if (sscanf(line, "# TYPE %127s %63s", word, rest) == 2) {
            cr_expect(eq(str, word, name));
            cr_expect(strcmp(rest, "counter") == 0 || strcmp(rest, "gauge") == 0, "%s", line);
            bool total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
            cr_expect(eq(int, total, strcmp(rest, "counter") == 0), "%s: counters, and only they, end with _total",
                      line);
            continue;
        }
        size_t len = strlen(name);
        cr_assert(strncmp(line, name, len) == 0 && (line[len] == ' ' || line[len] == '{'), "%s", line);
        char *number = strrchr(line, ' '), *end;
        strtod(number, &end);
        cr_expect(end[0] == 0 && end != number + 1, "%s", line);
        samples++;
    }
    cr_expect(lt(int, 100, samples));
    buffer_fini(&b);
}
