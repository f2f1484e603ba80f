#include "alerts/alert.h"
#include "base/error.h"
#include "base/instant.h"
#include <inttypes.h>

const char *alert_state_name(enum alert_state s)
{
    static const char *const NAMES[] = {
#define X(symbol, name) name,
        ALERT_STATE_TABLE(X)
#undef X
    };
    REQUIRE((unsigned)s < ALERT_STATE_COUNT);
    return NAMES[s];
}

const char *alert_reason_name(enum alert_reason r)
{
    static const char *const NAMES[] = {
#define X(symbol, name) name,
        ALERT_REASON_TABLE(X)
#undef X
    };
    REQUIRE((unsigned)r < ALERT_REASON_COUNT);
    return NAMES[r];
}

const char *comparison_name(enum comparison c)
{
    static const char *const NAMES[] = {
        [BELOW] = "below", [AT_MOST] = "at_most", [ABOVE] = "above", [AT_LEAST] = "at_least"};
    REQUIRE((unsigned)c < sizeof NAMES / sizeof *NAMES);
    return NAMES[c];
}

const char *severity_name(enum severity s)
{
    static const char *const NAMES[] = {
        [SEVERITY_INFO] = "info", [SEVERITY_WARNING] = "warning", [SEVERITY_CRITICAL] = "critical"};
    REQUIRE((unsigned)s < sizeof NAMES / sizeof *NAMES);
    return NAMES[s];
}

/* The length goes first, so that ("ab", "c") and ("a", "bc") differ. */
static void add_part(struct buffer *b, struct text t)
{
    buffer_integer(b, (int64_t)t.len);
    buffer_char(b, ':');
    buffer_text(b, t);
}

uint64_t alert_fingerprint(struct text rule, enum dimension dimension, struct text entity, struct text window)
{
    struct buffer b;
    buffer_init(&b);
    add_part(&b, rule);
    add_part(&b, text_of(dimension_name(dimension)));
    add_part(&b, entity);
    add_part(&b, window);
    uint64_t hash = text_hash(buffer_view(&b));
    buffer_fini(&b);
    return hash;
}

void alert_fingerprint_format(struct buffer *b, uint64_t fingerprint)
{
    buffer_format(b, "%016" PRIx64, fingerprint);
}

void alert_id_format(struct buffer *b, uint64_t fingerprint, uint32_t occurrence)
{
    buffer_format(b, "%016" PRIx64 "-%" PRIu32, fingerprint, occurrence);
}

void alert_key_format(struct buffer *b, const struct transition *t)
{
    alert_id_format(b, t->fingerprint, t->occurrence);
    buffer_format(b, "-%s-%" PRId64, alert_state_name(t->to), t->starts_us / MILLISECOND);
}
