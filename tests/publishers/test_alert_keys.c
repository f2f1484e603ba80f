/* What waits to be told of alerts: bounded, in order, and nothing twice. */
#include "publishers/alert_keys.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

static void take(struct alert_keys *a, const char *active, int first, int last)
{
    struct alert_report *r = alert_report_create();
    if (active != NULL)
        alert_report_add_active(r, text_of(active), TEXT("{}"));
    for (int i = first; i < last; i++) {
        char json[32];
        snprintf(json, sizeof json, "{\"i\":%d}", i);
        alert_report_add_log(r, TEXT("x-1"), text_of(json));
    }
    alert_keys_take(a, r);
    alert_report_destroy(r);
}

static int count_of(const char *haystack, const char *needle)
{
    int n = 0;
    for (const char *at = haystack; at != NULL && (at = strstr(at, needle)) != NULL; at++)
        n++;
    return n;
}

Test(alert_keys, before_the_first_report_nothing_is_touched)
{
    struct alert_keys a;
    struct keys k;
    struct commands c;
    alert_keys_init(&a, 10);
    keys_init(&k, "default");
    commands_init(&c);
    alert_keys_forget(&a);
    cr_expect(not(alert_keys_wait(&a)));
    alert_keys_write(&a, &c, &k);
    cr_expect(eq(sz, c.count, 0));
    take(&a, NULL, 0, 0);
    cr_expect(alert_keys_wait(&a), "that there is none is worth telling");
    alert_keys_fini(&a);
    keys_fini(&k);
    commands_fini(&c);
}

Test(alert_keys, an_equal_report_is_not_written_again)
{
    struct alert_keys a;
    struct keys k;
    struct commands c;
    alert_keys_init(&a, 10);
    keys_init(&k, "default");
    commands_init(&c);
    take(&a, "a-1", 0, 1);
    alert_keys_write(&a, &c, &k);
    cr_expect(eq(int, count_of(c.bytes.at, "XADD"), 1));
    cr_expect(eq(int, count_of(c.bytes.at, "HSET"), 1));
    alert_keys_written(&a);
    take(&a, "a-1", 0, 0);
    cr_expect(not(alert_keys_wait(&a)));
    alert_keys_forget(&a);
    cr_expect(alert_keys_wait(&a), "after a trouble it is");
    alert_keys_fini(&a);
    keys_fini(&k);
    commands_fini(&c);
}

/* Redis away for long: the newest stay, and what was dropped is counted. */
Test(alert_keys, transitions_are_bounded)
{
    struct alert_keys a;
    struct keys k;
    struct commands c;
    alert_keys_init(&a, 3);
    keys_init(&k, "default");
    commands_init(&c);
    take(&a, NULL, 0, 2);
    take(&a, NULL, 2, 5);
    cr_expect(eq(i64, a.dropped, 2));
    alert_keys_write(&a, &c, &k);
    cr_expect(eq(int, count_of(c.bytes.at, "XADD"), 3));
    cr_expect(eq(int, count_of(c.bytes.at, "{\"i\":1}"), 0));
    cr_expect(lt(ptr, strstr(c.bytes.at, "{\"i\":2}"), strstr(c.bytes.at, "{\"i\":4}")), "in their order");
    alert_keys_written(&a);
    cr_expect(not(a.log_count > 0));
    alert_keys_fini(&a);
    keys_fini(&k);
    commands_fini(&c);
}

/* The write's fate is unknown, more come meanwhile and push it out: when it turns out to be done, only what it held
 * may be forgotten. */
Test(alert_keys, what_came_after_an_uncertain_write_stays)
{
    struct alert_keys a;
    struct keys k;
    struct commands c;
    alert_keys_init(&a, 3);
    keys_init(&k, "default");
    commands_init(&c);
    take(&a, NULL, 0, 2);
    alert_keys_write(&a, &c, &k);
    take(&a, NULL, 2, 4); /* pushes 0 out */
    alert_keys_written(&a);
    commands_clear(&c);
    alert_keys_write(&a, &c, &k);
    cr_expect(eq(int, count_of(c.bytes.at, "XADD"), 2));
    cr_expect(eq(int, count_of(c.bytes.at, "{\"i\":1}"), 0));
    cr_expect(eq(int, count_of(c.bytes.at, "{\"i\":2}"), 1));
    alert_keys_fini(&a);
    keys_fini(&k);
    commands_fini(&c);
}

/* ---- messages ---- */

static void take_messages(struct alert_keys *a, const char *added, const char *gone, int64_t number)
{
    struct alert_report *r = alert_report_create();
    if (added != NULL)
        alert_report_add_unsent(r, text_of(added), TEXT("{}"));
    if (gone != NULL)
        alert_report_add_sent(r, text_of(gone));
    r->number = number;
    alert_keys_take(a, r);
    alert_report_destroy(r);
}

static const char *written(struct alert_keys *a, struct commands *c)
{
    struct keys k;
    keys_init(&k, "default");
    commands_clear(c);
    alert_keys_write(a, c, &k);
    keys_fini(&k);
    return c->bytes.at != NULL ? c->bytes.at : "";
}

/* Each is written once, and deleted once; noted is what is written, not what was sent to Redis. */
Test(alert_keys, a_message_is_written_once_and_then_deleted)
{
    struct alert_keys a;
    struct commands c;
    alert_keys_init(&a, 10);
    commands_init(&c);
    take_messages(&a, "m1", NULL, 1);
    cr_expect(alert_keys_wait(&a));
    cr_expect(eq(int, count_of(written(&a, &c), "alerts:unsent"), 1));
    cr_expect(eq(i64, a.noted, 0));
    alert_keys_written(&a);
    cr_expect(eq(i64, a.noted, 1));
    cr_expect(not(alert_keys_wait(&a)));
    take_messages(&a, "m2", NULL, 2);
    cr_expect(eq(int, count_of(written(&a, &c), "m1"), 0));
    cr_expect(eq(int, count_of(c.bytes.at, "m2"), 1));
    alert_keys_appended(&a); /* but not done */
    cr_expect(eq(i64, a.noted, 1));
    cr_expect(eq(int, count_of(written(&a, &c), "m2"), 1));
    alert_keys_written(&a);
    take_messages(&a, NULL, "m1", 2);
    cr_expect(alert_keys_wait(&a));
    cr_expect(eq(int, count_of(written(&a, &c), "HDEL"), 1));
    alert_keys_written(&a);
    cr_expect(not(alert_keys_wait(&a)));
    alert_keys_fini(&a);
    commands_fini(&c);
}

/* Redis may have lost them. */
Test(alert_keys, after_a_trouble_all_messages_are_written_again)
{
    struct alert_keys a;
    struct commands c;
    alert_keys_init(&a, 10);
    commands_init(&c);
    take_messages(&a, "m1", NULL, 1);
    take_messages(&a, "m2", NULL, 2);
    written(&a, &c);
    alert_keys_written(&a);
    alert_keys_forget(&a);
    cr_expect(alert_keys_wait(&a));
    cr_expect(eq(int, count_of(written(&a, &c), "m1") + count_of(c.bytes.at, "m2"), 2));
    cr_expect(eq(int, count_of(c.bytes.at, "UNLINK"), 2), "what else is there goes");
    alert_keys_written(&a);
    alert_keys_drop(&a);
    cr_expect(not(alert_keys_wait(&a)));
    alert_keys_forget(&a);
    cr_expect(eq(int, count_of(written(&a, &c), "alerts:"), 0), "another instance's are not touched");
    alert_keys_fini(&a);
    commands_fini(&c);
}
