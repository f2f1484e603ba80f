/* What alerts say to readers is kept as it was said, whatever becomes of the texts that it was said with. */
#include "aggregators/alert_report.h"
#include "base/text.h"
#include <criterion/criterion.h>
#include <stdio.h>

static void add(struct alert_report *r, void (*to)(struct alert_report *, struct text, struct text), int number)
{
    char id[16], json[32];
    snprintf(id, sizeof id, "id %d", number);
    snprintf(json, sizeof json, "{\"n\": %d}", number);
    to(r, text_of(id), text_of(json)); /* both are gone afterwards */
}

static void expect(const struct alert_entry *e, int number)
{
    char id[16], json[32];
    snprintf(id, sizeof id, "id %d", number);
    snprintf(json, sizeof json, "{\"n\": %d}", number);
    cr_expect(text_equal(e->id, text_of(id)) && text_equal(e->json, text_of(json)), "%d", number);
}

Test(alert_report, keeps_all_in_their_order_and_apart)
{
    struct alert_report *r = alert_report_create();
    cr_expect(r->active_count == 0 && r->log_count == 0);
    for (int i = 0; i < 40; i++) {
        add(r, alert_report_add_active, i);
        if (i % 2 == 0)
            add(r, alert_report_add_log, 100 + i);
    }
    alert_report_add_log(r, TEXT(""), TEXT(""));
    cr_assert(r->active_count == 40 && r->log_count == 21);
    for (int i = 0; i < 40; i++)
        expect(&r->active[i], i);
    for (int i = 0; i < 20; i++)
        expect(&r->log[i], 100 + 2 * i);
    cr_expect(r->log[20].id.len == 0 && r->log[20].json.len == 0);
    alert_report_destroy(r);
    alert_report_destroy(NULL);
}
