#include "daemon/floor_garbage.h"
#include "base/instant.h"
#include "daemon/floor_random.h"
#include "daemon/floor_text.h"

enum { LEADS = 1 << KIND_LEAD, DEALS = 1 << KIND_DEAL, PAYMENTS = 1 << KIND_PAYMENT, ANSWERS = 1 << KIND_FEEDBACK };
#define ALL (LEADS | DEALS | PAYMENTS | ANSWERS)

/* A good head (key, event_id, occurred_at) with one of these members is bad. */
static const struct {
    int kinds;
    enum error reason;
    const char *members;
} broken_members[] = {
    {DEALS | PAYMENTS, BAD_JSON, "\"amount\":NaN"},
    {LEADS, BAD_JSON, "\"cost\":-Infinity"},
    {ANSWERS, BAD_JSON, "\"score\":NaN"},
    {ALL, BAD_JSON, "\"region\":'North'"},
    {ALL, BAD_UTF8, "\"region\":\"Caf\xe9 du Nord\""},
    {ALL, BAD_UTF8, "\"product\":\"\xc0\xaf\""},
    {ALL, BAD_DUPLICATE_KEY, "\"region\":\"North\",\"region\":\"South\""},
    {ALL, BAD_TEXT, "\"manager_id\":\"\""},
    {ALL, BAD_TEXT, "\"region\":\"No\\u0007rth\""},
    {ALL, BAD_TYPE, "\"manager_id\":[\"Zoë\"]"},
    {ALL, BAD_TYPE, "\"region\":{\"name\":\"North\"}"},
    {DEALS | PAYMENTS, BAD_TYPE, "\"amount\":{\"value\":12}"},
    {DEALS | PAYMENTS, BAD_TYPE, "\"amount\":true"},
    {DEALS, BAD_TYPE, "\"probability\":[0.5]"},
    {DEALS, BAD_AMOUNT, "\"amount\":1e400"},
    {DEALS, BAD_AMOUNT, "\"amount\":\"99999999999999999999\""},
    {DEALS, BAD_AMOUNT, "\"amount\":\"twelve\""},
    {PAYMENTS, BAD_NUMBER, "\"amount\":1e400"},
    {PAYMENTS, BAD_NUMBER, "\"amount\":\"99999999999999999999\""},
    {PAYMENTS, BAD_NUMBER, "\"amount\":\"twelve\""},
    {LEADS, BAD_NUMBER, "\"cost\":\"1.2.3\""},
    /* The currency is named, since whether an amount is too large is a matter of its minor units. */
    {DEALS | PAYMENTS, BAD_AMOUNT, "\"amount\":\"8000000000000\",\"currency\":\"KWD\""},
    {DEALS, BAD_AMOUNT, "\"amount\":-100000000000.01,\"currency\":\"EUR\""},
    {LEADS, BAD_AMOUNT, "\"cost\":200000000000.5,\"currency\":\"USD\""},
    {DEALS | PAYMENTS, BAD_CURRENCY, "\"amount\":\"10.00\",\"currency\":\"ZZZ\""},
    {LEADS, BAD_CURRENCY, "\"cost\":5,\"currency\":\"QQQ\""},
    {PAYMENTS, BAD_NEGATIVE, "\"amount\":\"-10.00\""},
    {LEADS, BAD_NEGATIVE, "\"cost\":-3"},
    {DEALS, BAD_NEGATIVE, "\"quantity\":-1"},
    {DEALS, BAD_PROBABILITY, "\"probability\":1.5"},
    {DEALS, BAD_PROBABILITY, "\"probability\":\"-0.25\""},
    {ANSWERS, BAD_SCORE, "\"kind\":\"nps\",\"score\":11,\"scale\":10"},
    {ANSWERS, BAD_SCORE, "\"kind\":\"csat\",\"score\":\"7\",\"scale\":5"},
    {LEADS, BAD_CHOICE, "\"status\":\"asleep\""},
    {PAYMENTS, BAD_CHOICE, "\"kind\":\"gift\""},
    {ANSWERS, BAD_CHOICE, "\"kind\":\"survey\""},
    {LEADS, BAD_TIME, "\"created_at\":\"yesterday\""},
    {DEALS, BAD_TIME, "\"closed_at\":\"2024-02-30T10:00:00Z\""},
    {DEALS, BAD_TIME, "\"created_at\":\"2024-02-01T10:00:00\""}, /* without a zone */
    {PAYMENTS, BAD_TIME, "\"paid_at\":\"2024-13-01\""},
};

static void begin(struct buffer *b, const struct floor_world *w, const struct floor_event *good, uint64_t dice)
{
    enum record_kind kind = (enum record_kind)good->kind;
    buffer_string(b, "{\"");
    buffer_string(b, record_kind_info(kind)->key);
    buffer_string(b, "\":\"");
    floor_text_record(b, w, kind, good->record);
    buffer_string(b, "\",\"event_id\":\"garbage-");
    floor_text_event_id(b, w, dice >> 20);
    buffer_string(b, "\"");
}

static void begin_at(struct buffer *b, const struct floor_world *w, const struct floor_event *good, uint64_t dice,
                     int64_t occurred_us)
{
    begin(b, w, good, dice);
    buffer_string(b, ",\"occurred_at\":");
    floor_text_time(b, w, FORM_TIME_MS, occurred_us, dice);
}

static enum error broken_member(struct buffer *b, const struct floor_world *w, const struct floor_event *good,
                                int64_t kafka_ms, struct floor_random *r, uint64_t dice)
{
    const uint64_t count = sizeof broken_members / sizeof broken_members[0];
    uint64_t i = floor_random_below(r, count);
    while ((broken_members[i].kinds & 1 << good->kind) == 0) {
        i = (i + 1) % count;
    }
    begin_at(b, w, good, dice, kafka_ms * MILLISECOND);
    buffer_char(b, ',');
    buffer_string(b, broken_members[i].members);
    buffer_char(b, '}');
    return broken_members[i].reason;
}

enum error floor_garbage(struct buffer *b, const struct floor_world *w, const struct floor_event *good,
                         int64_t kafka_ms, uint64_t dice)
{
    struct floor_random r;
    floor_random_init(&r, dice);
    switch (floor_random_below(&r, 20)) {
    case 0: buffer_string(b, "upstream connect error or disconnect/reset before headers"); return BAD_JSON;
    case 1: { /* cut in the middle: never closes its brace */
        begin_at(b, w, good, dice, kafka_ms * MILLISECOND);
        size_t most = b->len < 30 ? b->len : 30;
        b->len -= floor_random_below(&r, most);
        b->at[b->len] = '\0';
        return BAD_JSON;
    }
    case 2: buffer_string(b, "[1,2,3]"); return BAD_JSON;
    case 3: /* nobody can say whose it is */
        buffer_string(b, "{\"event_id\":\"garbage-");
        floor_text_event_id(b, w, dice >> 20);
        buffer_string(b, "\",\"occurred_at\":");
        floor_text_time(b, w, FORM_TIME_MS, kafka_ms * MILLISECOND, dice);
        buffer_string(b, ",\"region\":\"North\"}");
        return BAD_KEY;
    case 4:
        begin(b, w, good, dice);
        buffer_string(b, ",\"occurred_at\":\"9999-12-31T23:59:59Z\",\"region\":\"North\"}");
        return BAD_TIME;
    case 5: /* a clock an hour fast: beyond the skew that is allowed */
        begin_at(b, w, good, dice, kafka_ms * MILLISECOND + HOUR);
        buffer_string(b, ",\"region\":\"North\"}");
        return BAD_SKEW;
    case 6:
        begin(b, w, good, dice);
        buffer_string(b, ",\"occurred_at\":true,\"region\":\"North\"}");
        return BAD_TYPE;
    case 7: { /* deeper than anybody's parser should go */
        begin_at(b, w, good, dice, kafka_ms * MILLISECOND);
        buffer_string(b, ",\"extra\":");
        for (int i = 0; i < 3000; i++) {
            buffer_char(b, '[');
        }
        for (int i = 0; i < 3000; i++) {
            buffer_char(b, ']');
        }
        buffer_char(b, '}');
        return BAD_DEPTH;
    }
    case 8: /* 257 bytes */
        begin_at(b, w, good, dice, kafka_ms * MILLISECOND);
        buffer_string(b, ",\"region\":\"");
        for (int i = 0; i < 257; i++) {
            buffer_char(b, 'x');
        }
        buffer_string(b, "\"}");
        return BAD_TEXT;
    default: return broken_member(b, w, good, kafka_ms, &r, dice);
    }
}
