/* Where Redis' master is asked for. */
#include "base/error.h"
#include "config/load.h"
#include <string.h>

#define SENTINEL_PORT 26379

/* Where the port's colon is: the last one, unless it is of an address of IPv6, which stands in brackets then. */
static size_t host_length(struct text t)
{
    for (size_t i = t.len; i > 0 && t.at[i - 1] != ']'; i--) {
        if (t.at[i - 1] == ':') {
            return i - 1;
        }
    }
    return t.len;
}

/* Digits that make a port: check_brokers has seen to that. */
static int port_of(struct text digits)
{
    int port = 0;
    for (size_t i = 0; i < digits.len; i++) {
        port = port * 10 + (digits.at[i] - '0');
    }
    return port;
}

static void take_sentinel(struct loader *l, const struct node *item, void *to)
{
    struct redis_config *r = to;
    /* With a comma it would be two brokers. */
    const char *wrong = memchr(item->text.at, ',', item->text.len) == NULL ? check_brokers(item->text) : "";
    struct text host = {item->text.at, host_length(item->text)};
    int port = SENTINEL_PORT;
    if (wrong == NULL && host.len < item->text.len) {
        port = port_of((struct text){item->text.at + host.len + 1, item->text.len - host.len - 1});
    }
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        host = (struct text){host.at + 1, host.len - 2};
    }
    if (wrong != NULL || host.len == 0 || check_host(host) != NULL) {
        report_add(l->report, item->mark, "'sentinels': '%s' is no sentinel; write host:port", show(item->text).at);
        return;
    }
    r->sentinels = must_realloc(r->sentinels, (r->sentinel_count + 1) * sizeof r->sentinels[0]);
    struct sentinel_config *s = &r->sentinels[r->sentinel_count++];
    *s = (struct sentinel_config){.port = port};
    set_text(&s->host, host);
}

void load_sentinels(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    load_texts(l, o->name, value, take_sentinel, group);
}
