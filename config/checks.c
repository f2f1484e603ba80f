/* What may stand in a text, and what options say about each other. */
#include "base/error.h"
#include "config/load.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool only(struct text t, const char *marks)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.at[i];
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alphanumeric && (c == '\0' || strchr(marks, c) == NULL)) {
            return false;
        }
    }
    return true;
}

const char *check_name(struct text t)
{
    return text_is_name(t) ? NULL : "is no name; write 1 to 256 bytes without control characters";
}

const char *check_topic(struct text t)
{
    bool good = t.len <= 249 && only(t, "._-") && !text_equal(t, TEXT(".")) && !text_equal(t, TEXT(".."));
    return good ? NULL : "is no name that Kafka takes; write at most 249 letters, digits, '.', '_' and '-'";
}

const char *check_host(struct text t)
{
    return t.len <= 253 && only(t, ".-_:") ? NULL
                                           : "is no host; write a name or an address, the port has its own option";
}

/* To OpenSSL a leading dot means whatever is below. */
const char *check_server_name(struct text t)
{
    return t.len > 0 && t.at[0] == '.' ? "is no name of a server; write it without the leading dot" : check_host(t);
}

const char *check_address(struct text t)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool good = inet_pton(AF_INET, t.at, address) == 1 || inet_pton(AF_INET6, t.at, address) == 1;
    return good ? NULL : "is no address; write one such as 127.0.0.1, 0.0.0.0 or ::1";
}

/* Braces would break the hash tag of the keys, a colon their parts. */
const char *check_namespace(struct text t)
{
    return t.len <= 64 && only(t, "._-") ? NULL : "is no namespace; write at most 64 letters, digits, '.', '_' and '-'";
}

const char *check_summary(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.at[i] < 0x20 || t.at[i] == 0x7F) {
            return "has control characters; write one line";
        }
    }
    return t.len <= 1000 ? NULL : "is longer than 1000 bytes; write less";
}

/* One "host:port", the port 1-65535; without one librdkafka takes 9092. */
static bool is_broker(struct text t)
{
    size_t host = t.len;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == ':') {
            host = i; /* the last one: an address of IPv6 is in brackets */
        }
    }
    if (host < t.len && t.at[t.len - 1] != ']') {
        unsigned port = 0;
        for (size_t i = host + 1; i < t.len; i++) {
            if (t.at[i] < '0' || t.at[i] > '9' || port > 65535) {
                return false;
            }
            port = port * 10 + (unsigned)(t.at[i] - '0');
        }
        if (port == 0 || port > 65535) {
            return false;
        }
    } else {
        host = t.len;
    }
    struct text name = {t.at, host};
    return name.len > 0 && name.len <= 253 && only(name, ".-_:[]");
}

const char *check_brokers(struct text t)
{
    for (size_t from = 0;;) {
        const char *comma = memchr(t.at + from, ',', t.len - from);
        size_t to = comma != NULL ? (size_t)(comma - t.at) : t.len;
        struct text one = {t.at + from, to - from};
        while (one.len > 0 && one.at[0] == ' ') {
            one = (struct text){one.at + 1, one.len - 1};
        }
        while (one.len > 0 && one.at[one.len - 1] == ' ') {
            one.len--;
        }
        if (!is_broker(one)) {
            return "is no list of brokers; write host:port, several with commas";
        }
        if (comma == NULL) {
            return NULL;
        }
        from = to + 1;
    }
}

const char *check_url(struct text t)
{
    size_t scheme = t.len > 7 && memcmp(t.at, "http://", 7) == 0    ? 7
                    : t.len > 8 && memcmp(t.at, "https://", 8) == 0 ? 8
                                                                    : 0;
    if (scheme == 0) {
        return "is no URL of a webhook; it begins with http:// or https://";
    }
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.at[i] <= 0x20 || t.at[i] == 0x7F) {
            return "has a space or a control character in it; write it as %20";
        }
    }
    size_t authority = strcspn(t.at + scheme, "/?#");
    if (authority == 0 || t.at[scheme] == ':') {
        return "has no host; write https://host/path";
    }
    if (memchr(t.at + scheme, '@', authority) != NULL) {
        return "has a password in it; write an Authorization header in 'headers' as {env: NAME} or {file: PATH}";
    }
    return NULL;
}

static const struct node *item_of(const struct node *list, size_t i)
{
    return list != NULL && list->kind == NODE_LIST && i < list->count ? list->items[i] : NULL;
}

/* The name of a field that both read, NULL where they share none. */
static const char *shared_field(const struct input_config *a, const struct input_config *b)
{
    const struct record_kind_info *info = record_kind_info(a->kind);
    for (unsigned f = 0; f < info->field_count; f++) {
        if (a->fields[f].kind != SOURCE_NONE && b->fields[f].kind != SOURCE_NONE) {
            return info->fields[f].name;
        }
    }
    return NULL;
}

/* What was told, and when, is by occurred_at; a version does not say it. */
static void check_books(struct loader *l, const struct node *list, unsigned i)
{
    const struct input_config *in = &l->config->inputs[i];
    if (config_has_books(l->config) && in->order_by == ORDER_BY_VERSION &&
        (in->kind == KIND_DEAL || in->kind == KIND_PAYMENT)) {
        report_add(l->report, node_mark(item_of(list, i), "order_by"),
                   "books need to know what was told when, so %ss cannot be ordered by version; write 'order_by: "
                   "occurred_at', or take 'corrections' away",
                   record_kind_info(in->kind)->name);
    }
}

static void check_two_inputs(struct loader *l, const struct node *list, unsigned first, unsigned second)
{
    const struct input_config *a = &l->config->inputs[first], *b = &l->config->inputs[second];
    const struct node *node_a = item_of(list, first), *node_b = item_of(list, second);
    unsigned line = node_a != NULL ? node_a->mark.line : 0;
    if (strcmp(a->topic, b->topic) == 0) {
        report_add(l->report, node_mark(node_b, "topic"),
                   "topic '%s' belongs to the input in line %u; a topic has one input", b->topic, line);
    }
    if (a->kind != b->kind) {
        return;
    }
    if (a->order_by != b->order_by) {
        report_add(
            l->report, node_mark(node_b, "order_by"),
            "inputs of %ss are ordered differently here and in line %u, so that newer cannot be told; write the same "
            "order_by",
            record_kind_info(a->kind)->name, line);
        return;
    }
    const char *field = shared_field(a, b);
    if (a->order_by == ORDER_BY_VERSION && field != NULL) {
        report_add(l->report, node_mark(node_b, "order_by"),
                   "field %s comes from here and from line %u, and versions of two sources do not compare; write "
                   "'order_by: occurred_at' in both, or 'other_fields: none' and the fields of each",
                   field, line);
    }
}

static void check_inputs(struct loader *l, const struct node *root)
{
    const struct config *c = l->config;
    const struct node *list = node_find(root, "inputs");
    for (unsigned i = 0; i < c->input_count; i++) {
        const struct input_config *in = &c->inputs[i];
        const struct node *item = item_of(list, i);
        if (l->input_is_broken[i]) {
            continue;
        }
        if (in->order_by == ORDER_BY_VERSION && in->version.kind == SOURCE_NONE) {
            report_add(l->report, node_mark(item, "version"),
                       "ordered by version, but no version is read; write where it is");
        }
        if (strcmp(in->topic, c->kafka.dead_letter_topic) == 0) {
            report_add(
                l->report, node_mark(item, "topic"),
                "topic '%s' is where dead letters go, and reading it would bring them back for ever; name another",
                in->topic);
        }
        check_books(l, list, i);
        for (unsigned j = 0; j < i; j++) {
            if (!l->input_is_broken[j]) {
                check_two_inputs(l, list, j, i);
            }
        }
    }
}

static bool has_secret(const struct node *group, const char *name)
{
    for (unsigned i = 0; i < SECRET_SUFFIX_COUNT; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s%s", name, secret_suffixes[i]);
        if (node_find(group, key) != NULL) {
            return true;
        }
    }
    return false;
}

static void check_sentinels(struct loader *l, const struct node *group)
{
    const struct redis_config *r = &l->config->redis;
    const struct node *sentinels = node_find(group, "sentinels");
    if (sentinels == NULL) {
        if (r->sentinel_master[0] != '\0') {
            report_add(l->report, node_mark(group, "sentinel_master"),
                       "'sentinel_master' without 'sentinels'; write their addresses");
        }
        return;
    }
    static const char *const instead_of[] = {"host", "port", "socket"};
    for (unsigned i = 0; i < sizeof instead_of / sizeof *instead_of; i++) {
        if (node_find(group, instead_of[i]) != NULL) {
            report_add(l->report, node_mark(group, instead_of[i]),
                       "'%s' beside 'sentinels', which say where the master is; take one of them away", instead_of[i]);
        }
    }
    if (r->sentinel_master[0] == '\0') {
        report_add(l->report, node_mark(group, "sentinels"),
                   "'sentinels' without 'sentinel_master'; write the name under which they know the master");
    }
    if (r->sentinel_user[0] != '\0' && !has_secret(group, "sentinel_password")) {
        report_add(l->report, node_mark(group, "sentinel_user"),
                   "'sentinel_user' without a password; write sentinel_password_file, sentinel_password_env or "
                   "sentinel_password_credential");
    }
}

static void check_tls(struct loader *l, const struct node *group)
{
    const struct redis_config *r = &l->config->redis;
    static const char *const without_tls[] = {"tls_ca", "tls_cert", "tls_key", "tls_server_name"};
    for (unsigned i = 0; r->tls == 0 && i < sizeof without_tls / sizeof *without_tls; i++) {
        if (node_find(group, without_tls[i]) != NULL) {
            report_add(l->report, node_mark(group, without_tls[i]), "'%s' without 'tls: true'; write that too",
                       without_tls[i]);
        }
    }
    if (r->tls != 0 && r->unix_socket[0] != '\0') {
        report_add(l->report, node_mark(group, "tls"),
                   "'tls' beside 'socket', which leaves the machine for nobody; take "
                   "one of them away");
    }
    if ((r->tls_cert[0] == '\0') != (r->tls_key[0] == '\0')) {
        bool cert = r->tls_cert[0] != '\0';
        report_add(l->report, node_mark(group, cert ? "tls_cert" : "tls_key"),
                   "'%s' without '%s'; a certificate is shown together with its key", cert ? "tls_cert" : "tls_key",
                   cert ? "tls_key" : "tls_cert");
    }
}

static void check_redis(struct loader *l, const struct node *root)
{
    const struct redis_config *r = &l->config->redis;
    const struct node *group = node_find(root, "redis");
    if (r->unix_socket[0] != '\0' && (node_find(group, "host") != NULL || node_find(group, "port") != NULL)) {
        report_add(l->report, node_mark(group, "socket"), "'socket' beside 'host' or 'port'; take one of them away");
    }
    if (r->user[0] != '\0' && !has_secret(group, "password")) {
        report_add(l->report, node_mark(group, "user"),
                   "'user' without a password; write password_file, password_env or password_credential");
    }
    check_tls(l, group);
    check_sentinels(l, group);
}

static void check_publish(struct loader *l, const struct node *root)
{
    const struct publish_config *p = &l->config->publish;
    const struct node *group = node_find(root, "publish");
    if (p->idle_ms < p->tick_ms) {
        report_add(l->report, node_mark(group, node_find(group, "idle") != NULL ? "idle" : "tick"),
                   "'idle' is shorter than 'tick'; quiet is not quicker than busy, write at least the tick");
    }
    if (p->meta_ttl_ms < 3 * p->idle_ms) {
        report_add(l->report, node_mark(group, node_find(group, "meta_ttl") != NULL ? "meta_ttl" : "idle"),
                   "'meta_ttl' is shorter than three times 'idle', so that meta would expire while all is well; write "
                   "a longer one");
    }
}

/* A KPI is ranked over the windows that it has: `now` for one kind, the others for the other. */
static void check_boards(struct loader *l, const struct node *root)
{
    const struct config *c = l->config;
    const struct board_config *b = &c->publish.boards;
    const struct node *group = node_find(root, "boards");
    bool has_now = false, has_span = false;
    for (unsigned w = 0; w < c->window_count; w++) {
        bool is_now = c->windows[w].kind == WINDOW_NOW;
        has_now = has_now || (b->window[w] && is_now);
        has_span = has_span || (b->window[w] && !is_now);
    }
    for (unsigned k = 0; k < KPI_COUNT && group != NULL; k++) {
        const struct kpi_info *info = kpi_info((enum kpi)k);
        if (!b->kpi[k] || node_find(group, "kpis") == NULL) {
            continue;
        }
        if (info->clock == KPI_NOW && !has_now) {
            report_add(l->report, node_mark(group, "kpis"),
                       "%s is of this moment; add now to the windows of boards, or take it away", info->name);
        } else if (info->clock == KPI_SPAN && !has_span && node_find(group, "windows") != NULL) {
            report_add(l->report, node_mark(group, "kpis"),
                       "%s needs a span of time; add a window other than now to those of boards, or take it away",
                       info->name);
        }
    }
}

void check_all(struct loader *l, const struct node *root)
{
    const struct config *c = l->config;
    char code[4];
    if (c->base_currency != 0 && config_currency_decimals(c, c->base_currency) < 0) {
        currency_format(c->base_currency, code);
        report_add(l->report, node_mark(node_find(root, "company"), "base_currency"),
                   "unknown currency '%s'; correct it, or give its decimals in 'currencies'", code);
    }
    check_inputs(l, root);
    check_redis(l, root);
    check_publish(l, root);
    check_boards(l, root);
    if (c->kafka.queue_bytes_max < c->kafka.message_size_max) {
        const struct node *group = node_find(root, "kafka");
        report_add(l->report,
                   node_mark(group, node_find(group, "queue_size_max") != NULL ? "queue_size_max" : "message_size_max"),
                   "'queue_size_max' is smaller than 'message_size_max'; one message must fit");
    }
    if (c->limits.memory_max_bytes != 0 && c->limits.memory_max_bytes < config_memory_least(c)) {
        report_add(l->report, node_mark(node_find(root, "limits"), "memory_max"),
                   "'memory_max' is less than 'ring_size', six times 'queue_size_max' of kafka and 32MiB, so that "
                   "nothing might be read; write at least %lldMiB",
                   (long long)(config_memory_least(c) + (1 << 20) - 1) >> 20);
    }
    if ((c->limits.ring_bytes & (c->limits.ring_bytes - 1)) != 0) {
        report_add(l->report, node_mark(node_find(root, "limits"), "ring_size"),
                   "'ring_size' is no power of two; write 1MiB, 2MiB, 4MiB, 8MiB, 16MiB ...");
    }
}
