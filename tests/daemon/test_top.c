/* What `kpid top` makes of numbers, of names that nobody vouches for, and of data that is old. */
#include "base/error.h"
#include "base/instant.h"
#include "daemon/top_screen.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AS_OF_US (INT64_C(1772712000) * SECOND)

static const char *value(const char *text, enum top_unit unit)
{
    static char out[64];
    struct buffer b;
    buffer_init(&b);
    top_text_value(&b, text_of(text), unit);
    snprintf(out, sizeof out, "%s", b.at);
    buffer_fini(&b);
    return out;
}

Test(top, values_are_written_as_people_read_them)
{
    cr_expect(eq(str, (char *)value("1153214.00", TOP_MONEY), "1,153,214.00"));
    cr_expect(eq(str, (char *)value("-999.50", TOP_MONEY), "-999.50"));
    cr_expect(eq(str, (char *)value("0.631501", TOP_RATIO), "63.2 %"));
    cr_expect(eq(str, (char *)value("0.999960", TOP_RATIO), "100.0 %"));
    cr_expect(eq(str, (char *)value("1.500000", TOP_RATIO), "150.0 %"));
    cr_expect(eq(str, (char *)value("93784", TOP_SECONDS), "1d 02h"));
    cr_expect(eq(str, (char *)value("61", TOP_SECONDS), "1m 01s"));
    cr_expect(eq(str, (char *)value("1234", TOP_COUNT), "1,234"));
    cr_expect(eq(str, (char *)value("-12.5", TOP_NPS), "-12.5"));
    cr_expect(eq(str, (char *)value("2026-03-05T12:00:00.000Z", TOP_INSTANT), "2026-03-05 12:00"));
    cr_expect(eq(str, (char *)value("what?", TOP_MONEY), "what?"));
    cr_expect(eq(str, (char *)value("\x1b[2J", TOP_INSTANT), "\uFFFD[2J"));
}

Test(top, decimals_are_compared_without_rounding)
{
    cr_expect(lt(int, top_text_compare(TEXT("9.99"), TEXT("10")), 0));
    cr_expect(eq(int, top_text_compare(TEXT("10"), TEXT("10.00")), 0));
    cr_expect(eq(int, top_text_compare(TEXT("-0.00"), TEXT("0")), 0));
    cr_expect(lt(int, top_text_compare(TEXT("-2"), TEXT("-1")), 0));
    cr_expect(lt(int, top_text_compare(TEXT("-1"), TEXT("0.5")), 0));
    cr_expect(lt(int, top_text_compare(TEXT("2026-03-05T12:00:00Z"), TEXT("2026-03-05T12:00:01.5Z")), 0));
    cr_expect(lt(int, 0, top_text_compare(TEXT("9007199254740993"), TEXT("9007199254740992"))));
}

/* An entity's name comes from a message that anybody may have written. */
Test(top, a_name_cannot_speak_to_the_terminal)
{
    struct buffer b;
    buffer_init(&b);
    top_text_clean(&b, TEXT("a\x1b[31mb\x07\xC2\x9B\xFF\xE2\x80\xAE\xD0\xAF"));
    cr_expect(eq(str, b.at, "a\uFFFD[31mb\uFFFD\uFFFD\uFFFD\uFFFDЯ"));
    buffer_fini(&b);
}

Test(top, columns_are_counted_in_what_is_seen)
{
    top_text_setup();
    struct buffer b;
    buffer_init(&b);
    top_text_pad(&b, text_of("Анна"), 6, false);
    buffer_char(&b, '|');
    top_text_pad(&b, text_of("株式会社"), 6, true);
    buffer_char(&b, '|');
    top_text_pad(&b, text_of("abcdef"), 4, true);
    cr_expect(eq(str, b.at, "Анна  |株式… |abc…"));
    buffer_fini(&b);
}

static const struct top_query query = {.namespace_ = "default",
                                       .dimension = "manager",
                                       .window = "month",
                                       .kpis = {"sales_volume", "win_rate"},
                                       .kpi_count = 2};

static void add_row(struct top_frame *f, const char *name, const char *sales, const char *sales_before,
                    const char *rate)
{
    f->rows = must_realloc(f->rows, (f->row_count + 1) * sizeof *f->rows);
    struct top_row *r = &f->rows[f->row_count++];
    memset(r, 0, sizeof *r);
    r->entity = must_strdup(name);
    r->shown = must_strdup(name);
    r->value[0] = sales != NULL ? must_strdup(sales) : NULL;
    r->previous[0] = sales_before != NULL ? must_strdup(sales_before) : NULL;
    r->value[1] = rate != NULL ? must_strdup(rate) : NULL;
    f->entity_count = f->row_count;
}

static void make_frame(struct top_frame *f)
{
    top_text_setup();
    top_frame_init(f);
    f->any = f->has_meta = true;
    strcpy(f->state, "live");
    f->as_of_us = AS_OF_US;
    f->seq = 7;
    f->kpis[0] = (struct top_kpi){true, TOP_MONEY, false, true, must_strdup("Sales volume")};
    f->kpis[1] = (struct top_kpi){true, TOP_RATIO, false, false, must_strdup("Win rate")};
    add_row(f, "Ada", "9.00", "10.00", "0.500000");
    add_row(f, "Bob", "10.00", "9.00", NULL);
    add_row(f, "Cy", NULL, NULL, NULL);
    f->alerts = must_zalloc(sizeof *f->alerts);
    f->alerts[f->alert_count++] = (struct top_alert){must_strdup("critical"), must_strdup("Win rate of Ada is low")};
}

static char *screen(struct top_frame *f, int width, int height, bool colors, int64_t age_s)
{
    struct top_view view = {width, height, colors, AS_OF_US + age_s * SECOND, 0};
    struct buffer b;
    buffer_init(&b);
    top_render(&b, f, &query, &view);
    return b.at;
}

Test(top, the_best_leads_and_nothing_is_no_value)
{
    struct top_frame f;
    make_frame(&f);
    char *s = screen(&f, 0, 0, false, 1);
    cr_expect(eq(str, s,
                 "kpid default  manager  month  as of 2026-03-05T12:00:00Z  age 1s  seq 7\n"
                 "live\n"
                 "\n"
                 "#        manager       Sales volume *    Win rate\n"
                 "1   ▲1   Bob                  10.00 ▲           –\n"
                 "2   ▼1   Ada                   9.00 ▼      50.0 %\n"
                 "3        Cy                       0             –\n"
                 "\n"
                 "Alerts: 1\n"
                 "  critical  Win rate of Ada is low\n"));
    free(s);
    top_frame_fini(&f);
}

Test(top, old_data_is_grey_and_says_why)
{
    struct top_frame f;
    make_frame(&f);
    char *s = screen(&f, 100, 30, true, TOP_STALE_AFTER_S + 5);
    cr_expect(ne(ptr, strstr(s, "stale"), NULL));
    cr_expect(ne(ptr, strstr(s, "\x1b[90m1"), NULL), "rows are grey");
    cr_expect(eq(ptr, strstr(s, "\x1b[32m"), NULL), "and nothing in them is green");
    free(s);

    cr_expect(eq(ptr, (void *)top_stale_reason(&f, AS_OF_US + SECOND), NULL));
    f.has_meta = false;
    cr_expect(eq(str, (char *)top_stale_reason(&f, AS_OF_US), "kpid is not publishing"));
    f.has_meta = true;
    strcpy(f.state, "catching_up");
    cr_expect(eq(str, (char *)top_stale_reason(&f, AS_OF_US), "catching_up"));
    strcpy(f.trouble, "Connection refused");
    cr_expect(eq(str, (char *)top_stale_reason(&f, AS_OF_US), "redis is away"));
    top_frame_fini(&f);
}

Test(top, the_screen_is_never_larger_than_the_terminal)
{
    struct top_frame f;
    make_frame(&f);
    for (int i = 0; i < 100; i++)
        add_row(&f, "somebody with a very long name, longer than any column may be", "1.00", NULL, "0.1");
    for (int height = 10; height < 40; height += 7) {
        for (int width = 45; width < 120; width += 25) {
            char *s = screen(&f, width, height, false, 1);
            int lines = 0;
            for (char *at = s, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
                lines++;
                cr_expect(le(int, top_text_width((struct text){at, (size_t)(end - at)}), width));
            }
            cr_expect(lt(int, lines, height), "the last line stays free: a line break there would scroll");
            free(s);
        }
    }
    top_frame_fini(&f);
}
