/* Properties that go to librdkafka as they are, and those that kpid keeps for itself. */
#include "base/error.h"
#include "config/load.h"
#include <stdlib.h>
#include <string.h>

/* kpid's laws hang on these, or another option says them. */
static const struct {
    const char *name, *why;
} owned[] = {
    {"bootstrap.servers", "write kafka.brokers"},
    {"metadata.broker.list", "write kafka.brokers"},
    {"group.id", "write kafka.group"},
    {"topic.metadata.refresh.interval.ms", "write kafka.metadata_refresh"},
    {"queued.max.messages.kbytes", "write kafka.queue_size_max"},
    {"message.max.bytes", "write kafka.message_size_max"},
    {"receive.message.max.bytes", "kpid derives it from kafka.message_size_max"},
    {"enable.auto.commit", "kpid starts from its own offsets; take it away"},
    {"auto.commit.enable", "kpid starts from its own offsets; take it away"},
    {"auto.commit.interval.ms", "kpid starts from its own offsets; take it away"},
    {"enable.auto.offset.store", "kpid starts from its own offsets; take it away"},
    {"offset.store.method", "kpid starts from its own offsets; take it away"},
    {"offset.store.path", "kpid starts from its own offsets; take it away"},
    {"auto.offset.reset", "kpid never skips a gap in silence; take it away"},
    {"enable.partition.eof", "kpid needs it to know when it is live; take it away"},
    {"isolation.level", "kpid reads what is committed; take it away"},
    {"check.crcs", "kpid always checks them; take it away"},
    {"partition.assignment.strategy", "kpid reads all partitions itself; take it away"},
    {"group.protocol", "kpid reads all partitions itself; take it away"},
    {"group.protocol.type", "kpid reads all partitions itself; take it away"},
    {"group.remote.assignor", "kpid reads all partitions itself; take it away"},
    {"group.instance.id", "kpid reads all partitions itself; take it away"},
    {"allow.auto.create.topics", "a slip in a topic's name must not make one; take it away"},
    {"acks", "a dead letter is only safe with all of them; take it away"},
    {"request.required.acks", "a dead letter is only safe with all of them; take it away"},
    {"delivery.report.only.error", "kpid waits for the reports; take it away"},
    {"statistics.interval.ms", "it ends the process with this way of reading; take it away"},
    {"test.mock.num.brokers", "it is for tests of librdkafka; take it away"},
};

/* Secrets that have options of their own. */
static const struct {
    const char *name, *option;
} secret[] = {
    {"sasl.password", "sasl_password"},
    {"sasl.oauthbearer.client.secret", "sasl_oauthbearer_client_secret"},
    {"ssl.key.password", "ssl_key_password"},
    {"ssl.keystore.password", "ssl_keystore_password"},
};

static bool ends_with(struct text t, const char *end)
{
    size_t len = strlen(end);
    return t.len >= len && memcmp(t.at + t.len - len, end, len) == 0;
}

/* True: it may not stand here, and that was reported. */
static bool refuse_property(struct loader *l, const struct node *key)
{
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        if (text_equal(key->text, text_of(owned[i].name))) {
            report_add(l->report, key->mark, "property '%s' is not yours to set: %s", owned[i].name, owned[i].why);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
        if (text_equal(key->text, text_of(secret[i].name))) {
            report_add(l->report, key->mark,
                       "'%s' is a secret and does not belong into this file; write kafka.%s_file, _env or _credential",
                       secret[i].name, secret[i].option);
            return true;
        }
    }
    if (text_equal(key->text, TEXT("ssl.key.pem"))) {
        report_add(
            l->report, key->mark,
            "'ssl.key.pem' is a secret and does not belong into this file; write the key's path as ssl.key.location");
        return true;
    }
    if (ends_with(key->text, "_cb") || text_equal(key->text, TEXT("opaque"))) {
        report_add(l->report, key->mark, "property '%s' is a pointer in a program; take it away", show(key->text).at);
        return true;
    }
    return false;
}

void load_properties(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    struct kafka_config *kafka = group;
    if (!want_map(l, o->name, value)) {
        return;
    }
    kafka->properties = must_zalloc(value->count * sizeof kafka->properties[0]);
    for (size_t i = 0; i < value->count; i++) {
        const struct node *key = value->keys[i], *item = value->items[i];
        bool refused = refuse_property(l, key);
        if (!want_scalar(l, show(key->text).at, item) || refused) {
            continue;
        }
        struct kafka_property *p = &kafka->properties[kafka->property_count++];
        set_text(&p->name, key->text);
        set_text(&p->value, item->text);
        /* Whether librdkafka knows it is asked by whoever links with it. */
        if (l->property_check != NULL) {
            char why[256] = "";
            if (!l->property_check(p->name, p->value, why, sizeof why)) {
                report_add(l->report, key->mark, "property '%s' is refused by librdkafka: %s", show(key->text).at, why);
            }
        }
    }
}
