#include "consumers/decode.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2023-11-14T22:13:20Z */
#define KAFKA_MS INT64_C(1700000000000)

static struct config *config;
static struct calendar *berlin;
static struct decoder *decoder;
static _Alignas(8) char memory[EVENT_SIZE_MAX];

static void setup(void)
{
    config = config_default();
    berlin = calendar_create("Europe/Berlin", 1, 1);
    cr_assert(berlin != NULL);
    decoder = decoder_create(config, berlin);
}

static void fini(void)
{
    decoder_destroy(decoder);
    calendar_destroy(berlin);
    config_destroy(config);
}

TestSuite(decode, .init = setup, .fini = fini);

/* After a change of the configuration. */
static void renew(void)
{
    decoder_destroy(decoder);
    decoder = decoder_create(config, berlin);
}

static const struct event *decoded(enum record_kind kind, const struct message *m)
{
    uint32_t size = decode(decoder, kind, m, 3, 17, memory);
    const struct event *e = (const struct event *)(const void *)memory;
    cr_assert(size == e->size && size % 8 == 0 && size <= EVENT_SIZE_MAX);
    cr_assert(e->slot == 3 && e->offset == 17 && e->kind == kind);
    return e;
}

static const struct event *decode_bytes(enum record_kind kind, const char *json, size_t len)
{
    struct message m = {.value = {json, len}, .kafka_ms = KAFKA_MS, .parts = {.key = TEXT("the key")}};
    return decoded(kind, &m);
}

static const struct event *decode_json(enum record_kind kind, const char *json)
{
    return decode_bytes(kind, json, strlen(json));
}

static const struct event *good(enum record_kind kind, const char *json)
{
    const struct event *e = decode_json(kind, json);
    cr_assert(e->fate == EVENT_APPLY, "%s: %s (%s)", json, error_name((enum error)e->reason), decoder_detail(decoder));
    cr_assert(e->value_count == (uint32_t)__builtin_popcount(e->carried & ~e->cleared));
    return e;
}

static void bad(enum record_kind kind, const char *json, enum error reason)
{
    const struct event *e = decode_json(kind, json);
    cr_expect(e->fate == EVENT_DEAD_LETTER && e->reason == reason, "%s: fate %d, %s (%s), expected %s", json, e->fate,
              error_name((enum error)e->reason), decoder_detail(decoder), error_name(reason));
    cr_expect(e->kafka_ms == KAFKA_MS);
}

/* The value of a carried field. */
static const struct event_value *value_of(const struct event *e, unsigned field)
{
    uint32_t bit = UINT32_C(1) << field;
    cr_assert(0 != (e->carried & ~e->cleared & bit), "field %u is not carried", field);
    return event_values(e) + __builtin_popcount(e->carried & ~e->cleared & (bit - 1));
}

static int64_t number_of(const struct event *e, unsigned field)
{
    return value_of(e, field)->number;
}

static void expect_text(const struct event *e, unsigned field, const char *expected)
{
    struct text t = event_text(e, value_of(e, field));
    cr_expect(text_equal(t, text_of(expected)), "%.*s, expected %s", (int)t.len, t.at, expected);
}

#define D "\"deal_id\":\"d\""

/* Each kind of bad message has its own reason, by which people find the sender. */
Test(decode, every_bad_message_has_its_reason)
{
    static const struct {
        enum record_kind kind;
        const char *json;
        enum error reason;
    } rows[] = {
        {KIND_DEAL, "{", BAD_JSON},
        {KIND_DEAL, " ", BAD_JSON},
        {KIND_DEAL, "nonsense", BAD_JSON},
        {KIND_DEAL, "[]", BAD_JSON},
        {KIND_DEAL, "null", BAD_JSON},
        {KIND_DEAL,
         "\""
         "text\"",
         BAD_JSON},
        {KIND_DEAL, "{" D "} trailing", BAD_JSON},
        {KIND_DEAL, "{" D ",}", BAD_JSON},
        {KIND_DEAL, "{" D ",\"amount\":NaN}", BAD_JSON},
        {KIND_DEAL, "{" D ",\"amount\":Infinity}", BAD_JSON},
        {KIND_DEAL, "{" D ",\"amount\":01}", BAD_JSON},
        {KIND_DEAL, "{" D ",\"stage\":\"won", BAD_JSON},
        {KIND_DEAL, "{" D ",\"region\":\"\\ud800\"}", BAD_JSON},
        {KIND_DEAL, "\xEF\xBB\xBF{" D "}", BAD_JSON},
        {KIND_DEAL, "{\"deal_id\":\"\xff\xfe\"}", BAD_UTF8},
        {KIND_DEAL, "{\"unmapped\":\"\xc3\"," D "}", BAD_UTF8},
        {KIND_DEAL, "{" D "," D "}", BAD_DUPLICATE_KEY},
        {KIND_DEAL, "{" D ",\"amount\":1,\"amount\":1}", BAD_DUPLICATE_KEY},
        {KIND_DEAL, "{" D ",\"amount\":1,\"amo\\u0075nt\":1}", BAD_DUPLICATE_KEY},
        {KIND_DEAL, "{}", BAD_KEY},
        {KIND_DEAL, "{\"deal_id\":null}", BAD_KEY},
        {KIND_DEAL, "{\"lead_id\":\"l\"}", BAD_KEY},
        {KIND_DEAL, "{\"deal_id\":\"\"}", BAD_TEXT},
        {KIND_DEAL, "{\"deal_id\":\"a\\nb\"}", BAD_TEXT},
        {KIND_DEAL, "{\"deal_id\":\"a\\u0000b\"}", BAD_TEXT},
        {KIND_DEAL, "{\"deal_id\":\"a\\u0085b\"}", BAD_TEXT},
        {KIND_DEAL, "{\"deal_id\":true}", BAD_TYPE},
        {KIND_DEAL, "{\"deal_id\":1.5}", BAD_TYPE},
        {KIND_DEAL, "{\"deal_id\":1e5}", BAD_TYPE},
        {KIND_DEAL, "{\"deal_id\":[1]}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"event_id\":\"\"}", BAD_TEXT},
        {KIND_DEAL, "{" D ",\"event_id\":{}}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"version\":\"7\"}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"version\":1.5}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"version\":9223372036854775808}", BAD_NUMBER},
        {KIND_DEAL, "{" D ",\"occurred_at\":\"yesterday\"}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"occurred_at\":\"2023-11-14T22:13:20\"}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"occurred_at\":true}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"occurred_at\":1e12}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"occurred_at\":1700000000000.5}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"occurred_at\":-1}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"occurred_at\":\"1969-12-31T23:59:59Z\"}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"occurred_at\":\"9999-01-01T00:00:00Z\"}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"occurred_at\":99999999999999999999}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"occurred_at\":1700000300001}", BAD_SKEW},
        {KIND_DEAL, "{" D ",\"deleted\":\"yes\"}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"deleted\":\"true\"}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"deleted\":1}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"created_at\":\"2023-02-30\"}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"created_at\":\"2200-01-02\"}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"created_at\":\"9999-12-31\"}", BAD_TIME},
        {KIND_DEAL, "{" D ",\"created_at\":\"1970-01-01\"}", BAD_TIME}, /* in Berlin that is 1969 */
        {KIND_DEAL, "{" D ",\"closed_at\":{}}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"region\":7}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"region\":\"\"}", BAD_TEXT},
        {KIND_DEAL, "{" D ",\"manager_id\":7.0}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"manager_id\":false}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"amount\":1e400}", BAD_AMOUNT},
        {KIND_DEAL, "{" D ",\"amount\":\"12x\"}", BAD_AMOUNT},
        {KIND_DEAL, "{" D ",\"amount\":\"\"}", BAD_AMOUNT},
        {KIND_DEAL, "{" D ",\"amount\":true}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"amount\":\"100000000000.01\"}", BAD_AMOUNT},
        {KIND_DEAL, "{" D ",\"amount\":-100000000000.01}", BAD_AMOUNT},
        {KIND_DEAL, "{" D ",\"amount\":10000000000.001,\"currency\":\"KWD\"}", BAD_AMOUNT},
        {KIND_DEAL, "{" D ",\"quantity\":\"-1\"}", BAD_NEGATIVE},
        {KIND_DEAL, "{" D ",\"quantity\":\"one\"}", BAD_NUMBER},
        {KIND_DEAL, "{" D ",\"currency\":\"ABC\"}", BAD_CURRENCY},
        {KIND_DEAL, "{" D ",\"currency\":\"eur\"}", BAD_CURRENCY},
        {KIND_DEAL, "{" D ",\"currency\":\"EURO\"}", BAD_CURRENCY},
        {KIND_DEAL, "{" D ",\"currency\":978}", BAD_TYPE},
        {KIND_DEAL, "{" D ",\"probability\":1.1}", BAD_PROBABILITY},
        {KIND_DEAL, "{" D ",\"probability\":-0.1}", BAD_PROBABILITY},
        {KIND_DEAL, "{" D ",\"probability\":\"high\"}", BAD_NUMBER},
        {KIND_LEAD, "{\"lead_id\":\"l\",\"cost\":-1}", BAD_NEGATIVE},
        {KIND_LEAD, "{\"lead_id\":\"l\",\"cost\":\"1e30\"}", BAD_NUMBER},
        {KIND_LEAD, "{\"lead_id\":\"l\",\"cost\":\"100000000000.01\"}", BAD_AMOUNT},
        {KIND_LEAD, "{\"lead_id\":\"l\",\"status\":\"New\"}", BAD_CHOICE},
        {KIND_LEAD, "{\"lead_id\":\"l\",\"status\":1}", BAD_TYPE},
        {KIND_PAYMENT, "{\"payment_id\":\"p\",\"amount\":-0.01}", BAD_NEGATIVE},
        {KIND_PAYMENT, "{\"payment_id\":\"p\",\"kind\":\"gift\"}", BAD_CHOICE},
        {KIND_PAYMENT, "{\"payment_id\":\"p\",\"margin\":2}", BAD_PROBABILITY},
        {KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"kind\":\"csat\",\"score\":6,\"scale\":5}", BAD_SCORE},
        {KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"kind\":\"nps\",\"score\":-1,\"scale\":10}", BAD_SCORE},
        {KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"scale\":0}", BAD_NUMBER},
        {KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"scale\":4.5}", BAD_NUMBER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        bad(rows[i].kind, rows[i].json, rows[i].reason);
}

/* Who reads a dead letter must see which of the members was wrong. */
Test(decode, the_detail_names_the_member)
{
    bad(KIND_DEAL, "{" D ",\"amount\":\"x\"}", BAD_AMOUNT);
    cr_expect(eq(str, (char *)decoder_detail(decoder), "amount"));
    bad(KIND_DEAL, "{" D "?", BAD_JSON);
    cr_expect(strstr(decoder_detail(decoder), "at byte 14") != NULL, "%s", decoder_detail(decoder));
    good(KIND_DEAL, "{" D "}");
    cr_expect(eq(str, (char *)decoder_detail(decoder), ""));
}

Test(decode, every_field_of_a_deal)
{
    const struct event *e =
        good(KIND_DEAL, "{" D ",\"manager_id\":\"m\",\"team_id\":\"t\",\"product\":\"p\",\"region\":\"r\","
                        "\"source\":\"s\",\"customer_id\":\"c\",\"stage\":\"won\",\"amount\":\"1200.50\","
                        "\"currency\":\"EUR\",\"quantity\":2.5,\"lead_id\":\"l\",\"loss_reason\":\"price\","
                        "\"competitor\":\"x\",\"probability\":0.25,\"created_at\":\"2023-11-01T10:00:00+01:00\","
                        "\"closed_at\":1699999999999,\"expected_close_at\":\"2023-12-24\"}");
    cr_expect(text_equal(event_key(e), TEXT("d")));
    cr_expect(eq(u32, e->carried, (UINT32_C(1) << DEAL_FIELD_COUNT) - 1));
    cr_expect(eq(u32, e->cleared, 0));
    expect_text(e, FIELD_MANAGER, "m");
    expect_text(e, FIELD_TEAM, "t");
    expect_text(e, FIELD_PRODUCT, "p");
    expect_text(e, FIELD_REGION, "r");
    expect_text(e, FIELD_SOURCE, "s");
    expect_text(e, FIELD_CUSTOMER, "c");
    expect_text(e, DEAL_STAGE, "won");
    expect_text(e, DEAL_LEAD, "l");
    expect_text(e, DEAL_LOSS_REASON, "price");
    expect_text(e, DEAL_COMPETITOR, "x");
    cr_expect(eq(i64, number_of(e, DEAL_AMOUNT), INT64_C(1200500000)));
    cr_expect(eq(i64, number_of(e, DEAL_CURRENCY), 'E' << 16 | 'U' << 8 | 'R'));
    cr_expect(eq(i64, number_of(e, DEAL_QUANTITY), 2500000));
    cr_expect(eq(i64, number_of(e, DEAL_PROBABILITY), 250000));
    cr_expect(eq(i64, number_of(e, DEAL_CREATED_AT), INT64_C(1698829200) * SECOND));
    cr_expect(eq(i64, number_of(e, DEAL_CLOSED_AT), INT64_C(1699999999999) * MILLISECOND));
    /* a date is the midnight in the company's zone: 23:00 UTC of the day before */
    cr_expect(eq(i64, number_of(e, DEAL_EXPECTED_CLOSE_AT), INT64_C(1703372400) * SECOND));
    cr_expect(eq(i64, e->occurred_at_us, KAFKA_MS * MILLISECOND));
    cr_expect(eq(i64, e->kafka_ms, KAFKA_MS));
}

Test(decode, fields_of_the_other_kinds)
{
    const struct event *e =
        good(KIND_LEAD, "{\"lead_id\":\"l\",\"status\":\"qualified\",\"cost\":0,\"currency\":\"JPY\"}");
    cr_expect(eq(i64, number_of(e, LEAD_STATUS), STATUS_QUALIFIED));
    cr_expect(eq(i64, number_of(e, LEAD_COST), 0));
    e = good(KIND_PAYMENT, "{\"payment_id\":\"p\",\"kind\":\"chargeback\",\"amount\":0.1,\"margin\":\"0.333333\"}");
    cr_expect(eq(i64, number_of(e, PAYMENT_KIND), PAYMENT_IS_CHARGEBACK));
    cr_expect(eq(i64, number_of(e, PAYMENT_AMOUNT), 100000));
    cr_expect(eq(i64, number_of(e, PAYMENT_MARGIN), 333333));
    e = good(KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"kind\":\"nps\",\"score\":9.5,\"scale\":10}");
    cr_expect(eq(i64, number_of(e, FEEDBACK_KIND), FEEDBACK_IS_NPS));
    cr_expect(eq(i64, number_of(e, FEEDBACK_SCORE), 9500000));
    cr_expect(eq(i64, number_of(e, FEEDBACK_SCALE), 10));
}

/* 0.1 + 0.2 is no double here: an amount is read digit by digit. */
Test(decode, decimals_are_exact_and_rounding_is_counted)
{
    static const struct {
        const char *written;
        int64_t micro;
        int64_t rounded;
    } rows[] = {
        {"0.1", 100000, 0},
        {"99999999999.99", INT64_C(99999999999990000), 0},
        {"-100000000000", INT64_C(-100000000000000000), 0},
        {"1.5e2", 150000000, 0},
        {"\"+007.10\"", 7100000, 0},
        {"1.005", 1005000, 1}, /* more than the dollar has */
        {"0.0000005", 0, 1},   /* half to even */
        {"0.0000015", 2, 1},
        {"0.00000050000000000000000001", 1, 1},
        {"100000000000.004", INT64_C(100000000000004000), 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char json[128];
        int64_t before = decoder_rounded(decoder);
        snprintf(json, sizeof json, "{" D ",\"amount\":%s}", rows[i].written);
        cr_expect(number_of(good(KIND_DEAL, json), DEAL_AMOUNT) == rows[i].micro, "%s", rows[i].written);
        cr_expect(decoder_rounded(decoder) - before == rows[i].rounded, "%s", rows[i].written);
    }
    int64_t before = decoder_rounded(decoder);
    good(KIND_DEAL, "{" D ",\"amount\":\"1.005\",\"currency\":\"KWD\"}");
    cr_expect(eq(i64, decoder_rounded(decoder), before));
    good(KIND_DEAL, "{" D ",\"quantity\":1.0000001}");
    cr_expect(eq(i64, decoder_rounded(decoder), before + 1));
    /* a message that is refused has rounded nothing */
    bad(KIND_DEAL, "{" D ",\"quantity\":1.0000001,\"amount\":1e30}", BAD_AMOUNT);
    cr_expect(eq(i64, decoder_rounded(decoder), before + 1));
}

/* Without a currency in the message its amount is bounded as in the base currency, whatever stands in the ledger. */
Test(decode, an_amount_is_bounded_by_the_currency_of_its_own_message)
{
    good(KIND_DEAL, "{" D ",\"amount\":9000000000000,\"currency\":\"JPY\"}"); /* yen have no decimals */
    bad(KIND_DEAL, "{" D ",\"amount\":100000000001}", BAD_AMOUNT);
    bad(KIND_DEAL, "{" D ",\"amount\":100000000001,\"currency\":null}", BAD_AMOUNT);
}

Test(decode, absent_is_untouched_and_null_clears)
{
    const struct event *e =
        good(KIND_DEAL, "{" D ",\"amount\":null,\"stage\":\"won\",\"unmapped\":[1e400,{\"deal_id\":1}]}");
    cr_expect(eq(u32, e->carried, UINT32_C(1) << DEAL_AMOUNT | UINT32_C(1) << DEAL_STAGE));
    cr_expect(eq(u32, e->cleared, UINT32_C(1) << DEAL_AMOUNT));
    e = good(KIND_DEAL, "{" D ",\"event_id\":null,\"version\":null,\"occurred_at\":null,\"deleted\":null}");
    cr_expect(eq(u32, e->carried, 0));
    cr_expect(eq(i64, e->stamp.major, KAFKA_MS * MILLISECOND));
    cr_expect(eq(i64, e->stamp.minor, 0));
}

/* Two systems that write one kind: neither may clear what only the other knows. */
Test(decode, full_events_clear_only_what_the_input_maps)
{
    config->inputs[KIND_DEAL].events = EVENTS_FULL;
    config->inputs[KIND_DEAL].fields[DEAL_PROBABILITY].kind = SOURCE_NONE;
    renew();
    const struct event *e = good(KIND_DEAL, "{" D ",\"stage\":\"won\",\"probability\":0.5}");
    uint32_t all = (UINT32_C(1) << DEAL_FIELD_COUNT) - 1;
    cr_expect(eq(u32, e->carried, all & ~(UINT32_C(1) << DEAL_PROBABILITY)));
    cr_expect(eq(u32, e->cleared, e->carried & ~(UINT32_C(1) << DEAL_STAGE)));
}

/* Debezium's rewritten deletions carry the old values; they must not revive the record. */
Test(decode, a_deletion_carries_nothing_else)
{
    const struct event *e = good(KIND_DEAL, "{" D ",\"deleted\":true,\"amount\":\"rubbish\",\"version\":4}");
    cr_expect(eq(u8, e->flags, EVENT_DELETED));
    cr_expect(eq(u32, e->carried, 0));
    cr_expect(eq(i64, e->stamp.minor, 4));
    e = good(KIND_DEAL, "{" D ",\"deleted\":false,\"amount\":1}");
    cr_expect(eq(u8, e->flags, 0));
}

Test(decode, a_tombstone_deletes_by_the_key_of_its_message)
{
    struct message m = {.kafka_ms = KAFKA_MS, .parts = {.key = TEXT("d")}};
    const struct event *e = decoded(KIND_DEAL, &m);
    cr_expect(e->fate == EVENT_APPLY && e->flags == EVENT_DELETED && text_equal(event_key(e), TEXT("d")));
    struct stamp expected = {.major = KAFKA_MS * MILLISECOND};
    cr_expect(stamp_compare(&e->stamp, &expected) == 0);

    m.parts.key = (struct text){NULL, 0};
    e = decoded(KIND_DEAL, &m);
    cr_expect(e->fate == EVENT_DEAD_LETTER && e->reason == BAD_KEY);
    m.parts.key = TEXT("a\tb");
    e = decoded(KIND_DEAL, &m);
    cr_expect(e->fate == EVENT_DEAD_LETTER && e->reason == BAD_TEXT);
    m.parts.key = TEXT("\xff");
    e = decoded(KIND_DEAL, &m);
    cr_expect(e->fate == EVENT_DEAD_LETTER && e->reason == BAD_UTF8);

    m.parts.key = TEXT("d");
    config->inputs[KIND_DEAL].order_by = ORDER_BY_VERSION;
    renew();
    e = decoded(KIND_DEAL, &m);
    cr_expect(e->fate == EVENT_DEAD_LETTER && e->reason == BAD_TOMBSTONE);
    config->inputs[KIND_DEAL].tombstones = TOMBSTONES_IGNORE;
    renew();
    e = decoded(KIND_DEAL, &m);
    cr_expect(e->fate == EVENT_FILTERED && e->reason == OK);
}

Test(decode, order_by_version_needs_one)
{
    config->inputs[KIND_DEAL].order_by = ORDER_BY_VERSION;
    renew();
    bad(KIND_DEAL, "{" D ",\"occurred_at\":1699999999000}", BAD_STAMP);
    const struct event *e = good(KIND_DEAL, "{" D ",\"version\":-3,\"occurred_at\":1699999999000}");
    cr_expect(eq(i64, e->stamp.major, -3));
    cr_expect(eq(i64, e->stamp.minor, 0));
    cr_expect(eq(i64, e->occurred_at_us, INT64_C(1699999999000) * MILLISECOND));
}

static struct stamp stamp_of(const char *json)
{
    return good(KIND_DEAL, json)->stamp;
}

static bool same(struct stamp a, struct stamp b)
{
    return stamp_compare(&a, &b) == 0;
}

/* The ledger is a function of the set of events: what says the same has one stamp, what differs has another. */
Test(decode, a_stamp_is_of_the_content_not_of_the_bytes)
{
    struct stamp a = stamp_of("{" D ",\"stage\":\"won\",\"amount\":1.50}");
    cr_expect(same(a, stamp_of(" {\"amount\" : \"1.5\",\"stage\":\"w\\u006fn\", " D ", \"x\":1}")));
    cr_expect(not(same(a, stamp_of("{" D ",\"stage\":\"won\",\"amount\":1.51}"))));
    cr_expect(not(same(a, stamp_of("{" D ",\"stage\":\"won\",\"amount\":null}"))));
    cr_expect(not(same(a, stamp_of("{" D ",\"stage\":\"won\"}"))));
    cr_expect(not(same(a, stamp_of("{\"deal_id\":\"e\",\"stage\":\"won\",\"amount\":1.50}"))));
    cr_expect(not(same(a, stamp_of("{" D ",\"stage\":\"won\",\"amount\":1.50,\"event_id\":\"1\"}"))));
    /* one text cannot pass for its neighbour, nor an event_id for a key */
    cr_expect(not(same(stamp_of("{" D ",\"manager_id\":\"x\"}"), stamp_of("{" D ",\"team_id\":\"x\"}"))));
    cr_expect(not(same(stamp_of("{\"deal_id\":\"ab\",\"event_id\":\"c\"}"),
                       stamp_of("{\"deal_id\":\"b\",\"event_id\":\"ca\"}"))));
    cr_expect(not(same(stamp_of("{" D "}"), stamp_of("{" D ",\"deleted\":true}"))));
}

/* The hash orders equal instants for ever, so its form may never change: these are fixed points. */
Test(decode, the_hash_of_a_stamp_is_fixed)
{
    struct stamp a = stamp_of("{" D ",\"event_id\":\"e1\",\"occurred_at\":1700000000000,\"version\":2,\"stage\":"
                              "\"won\",\"amount\":\"12.5\",\"source\":null}");
    cr_expect(eq(i64, a.major, KAFKA_MS * MILLISECOND));
    cr_expect(eq(i64, a.minor, 2));
    cr_expect(eq(u64, a.hash_high, UINT64_C(0x795B35299B001BE8)));
    cr_expect(eq(u64, a.hash_low, UINT64_C(0x915287E7B0F2587F)));
}

Test(decode, ids_may_be_whole_numbers)
{
    const struct event *e = good(KIND_DEAL, "{\"deal_id\":12345678901234567890,\"manager_id\":-7,\"event_id\":0}");
    cr_expect(text_equal(event_key(e), TEXT("12345678901234567890")));
    expect_text(e, FIELD_MANAGER, "-7");
}

Test(decode, times_are_kept_to_the_microsecond)
{
    cr_expect(eq(i64, good(KIND_DEAL, "{" D ",\"occurred_at\":\"2023-11-14T22:13:19.1234567Z\"}")->occurred_at_us,
                 INT64_C(1699999999123456)));
    cr_expect(eq(i64, good(KIND_DEAL, "{" D ",\"occurred_at\":0}")->occurred_at_us, 0));
    cr_expect(eq(i64,
                 number_of(good(KIND_DEAL, "{" D ",\"closed_at\":\"2199-12-31T23:59:59.999999Z\"}"), DEAL_CLOSED_AT),
                 INSTANT_END - 1));
}

/* Clock skew is judged against the message, never this machine's clock: a replay must judge alike. */
Test(decode, skew_is_against_the_time_stamp_of_the_message)
{
    good(KIND_DEAL, "{" D ",\"occurred_at\":1700000300000}");
    bad(KIND_DEAL, "{" D ",\"occurred_at\":1700000300001}", BAD_SKEW);
    good(KIND_DEAL, "{" D ",\"closed_at\":4102444800000}"); /* business times may lie ahead */
    struct message m = {.value = TEXT("{" D ",\"occurred_at\":1700000300001}"), .kafka_ms = -1};
    cr_expect(decoded(KIND_DEAL, &m)->fate == EVENT_APPLY);
    m.value = TEXT("{" D "}");
    cr_expect(decoded(KIND_DEAL, &m)->reason == BAD_STAMP);
    m.kafka_ms = INT64_C(7258118400000);
    cr_expect(decoded(KIND_DEAL, &m)->reason == BAD_TIME);
    m.kafka_ms = INT64_MAX;
    cr_expect(decoded(KIND_DEAL, &m)->reason == BAD_TIME);
}

struct header {
    const char *name, *value;
};

static bool find_header(const void *context, const char *name, struct text *out)
{
    for (const struct header *h = context; h->name != NULL; h++) {
        if (strcmp(h->name, name) == 0) {
            *out = h->value != NULL ? text_of(h->value) : (struct text){NULL, 0};
            return true;
        }
    }
    return false;
}

/* A dead letter that is sent again keeps its place in time, or it would win over newer edits. */
Test(decode, the_time_stamp_of_a_dead_letter_sent_again_is_the_first_one)
{
    struct header headers[] = {{HEADER_TIMESTAMP, "1600000000000"}, {0}};
    struct message m = {
        .value = TEXT("{" D "}"), .kafka_ms = KAFKA_MS, .parts = {.header = find_header, .context = headers}};
    const struct event *e = decoded(KIND_DEAL, &m);
    cr_expect(eq(i64, e->stamp.major, INT64_C(1600000000000) * MILLISECOND));
    cr_expect(eq(i64, e->kafka_ms, INT64_C(1600000000000)));
    m.value = TEXT("{" D ",\"occurred_at\":1600000300001}");
    cr_expect(decoded(KIND_DEAL, &m)->reason == BAD_SKEW);
    headers[0].value = "soon";
    cr_expect(decoded(KIND_DEAL, &m)->reason == BAD_TIME);
}

static void source(struct field_source *s, enum source_kind kind, const char *name)
{
    free(s->name);
    s->kind = kind;
    s->name = must_strdup(name);
}

static void translate(struct field_source *s, const char *from, const char *to)
{
    s->map = must_realloc(s->map, (s->map_count + 1) * sizeof *s->map);
    s->map[s->map_count++] = (struct value_map){must_strdup(from), must_strdup(to)};
}

/* They are told apart by their first and last eight bytes, and what lies between only where those are equal. */
Test(decode, names_of_members_that_are_nearly_the_same_are_not_mixed_up)
{
    struct input_config *in = &config->inputs[KIND_DEAL];
    source(&in->fields[FIELD_MANAGER], SOURCE_MEMBER, "sales_person_of_the_deal");
    source(&in->fields[FIELD_TEAM], SOURCE_MEMBER, "sales_parson_of_the_deal");
    source(&in->fields[FIELD_REGION], SOURCE_MEMBER, "r");
    source(&in->fields[FIELD_SOURCE], SOURCE_MEMBER, "");
    source(&in->fields[FIELD_PRODUCT], SOURCE_MEMBER, "abcdefgh");
    source(&in->fields[FIELD_CUSTOMER], SOURCE_MEMBER, "abcdefghi");
    renew();
    const struct event *e = decoded(
        KIND_DEAL, &(struct message){.value = TEXT("{\"deal_id\":\"1\",\"sales_person_of_the_deal\":\"m\","
                                                   "\"sales_parson_of_the_deal\":\"t\",\"sales_purson_of_the_deal\":"
                                                   "\"x\",\"r\":\"g\",\"rr\":\"x\",\"\":\"s\",\"abcdefgh\":\"p\","
                                                   "\"abcdefghi\":\"c\",\"abcdefg\":\"x\",\"abcd_efgh\":\"x\"}"),
                                     .kafka_ms = KAFKA_MS});
    cr_assert(e->fate == EVENT_APPLY, "%s %s", error_name((enum error)e->reason), decoder_detail(decoder));
    expect_text(e, FIELD_MANAGER, "m");
    expect_text(e, FIELD_TEAM, "t");
    expect_text(e, FIELD_REGION, "g");
    expect_text(e, FIELD_SOURCE, "s");
    expect_text(e, FIELD_PRODUCT, "p");
    expect_text(e, FIELD_CUSTOMER, "c");
}

Test(decode, a_mapping_finds_fields_wherever_they_are)
{
    struct input_config *in = &config->inputs[KIND_DEAL];
    source(&in->key, SOURCE_POINTER, "/after/Id");
    source(&in->fields[DEAL_AMOUNT], SOURCE_POINTER, "/after/lines/1/a~1b~0c");
    source(&in->fields[DEAL_STAGE], SOURCE_POINTER, "/after/StageName");
    translate(&in->fields[DEAL_STAGE], "Closed Won", "won");
    translate(&in->fields[DEAL_STAGE], "Closed Lost", "lost");
    source(&in->fields[FIELD_REGION], SOURCE_CONSTANT, "EMEA");
    source(&in->fields[DEAL_PROBABILITY], SOURCE_CONSTANT, "0.5");
    source(&in->fields[FIELD_SOURCE], SOURCE_HEADER, "origin");
    source(&in->fields[DEAL_CLOSED_AT], SOURCE_HEADER, "closed-ms");
    source(&in->fields[FIELD_CUSTOMER], SOURCE_MESSAGE_KEY, "");
    source(&in->fields[FIELD_MANAGER], SOURCE_MEMBER, "who");
    source(&in->fields[FIELD_TEAM], SOURCE_MEMBER, "who");
    source(&in->deleted, SOURCE_MEMBER, "op");
    translate(&in->deleted, "d", "true");
    translate(&in->deleted, "u", "false");
    source(&in->version, SOURCE_HEADER, "version");
    renew();
    struct header headers[] = {{"origin", "web"}, {"closed-ms", "1699999999999"}, {"version", "12"}, {0}};
    struct message m = {
        .value =
            TEXT("{\"who\":\"Ann\",\"op\":\"u\",\"deal_id\":\"no\",\"after\":{\"Id\":9,\"StageName\":\"Closed Won\","
                 "\"lines\":[0,{\"a/b~c\":\"7.25\"}]}}"),
        .kafka_ms = KAFKA_MS,
        .parts = {.key = TEXT("cust"), .header = find_header, .context = headers}};
    const struct event *e = decoded(KIND_DEAL, &m);
    cr_assert(e->fate == EVENT_APPLY, "%s %s", error_name((enum error)e->reason), decoder_detail(decoder));
    cr_expect(text_equal(event_key(e), TEXT("9")));
    cr_expect(eq(i64, e->stamp.minor, 12));
    expect_text(e, DEAL_STAGE, "won");
    expect_text(e, FIELD_REGION, "EMEA");
    expect_text(e, FIELD_SOURCE, "web");
    expect_text(e, FIELD_CUSTOMER, "cust");
    expect_text(e, FIELD_MANAGER, "Ann");
    expect_text(e, FIELD_TEAM, "Ann");
    cr_expect(eq(i64, number_of(e, DEAL_AMOUNT), 7250000));
    cr_expect(eq(i64, number_of(e, DEAL_PROBABILITY), 500000));
    cr_expect(eq(i64, number_of(e, DEAL_CLOSED_AT), INT64_C(1699999999999) * MILLISECOND));

    /* what a table does not name stays as it is; what is not there is absent */
    m.value = TEXT("{\"after\":{\"Id\":\"9\",\"StageName\":\"Negotiation\",\"lines\":7}}");
    m.parts.header = NULL;
    m.parts.key = (struct text){NULL, 0};
    e = decoded(KIND_DEAL, &m);
    cr_assert(e->fate == EVENT_APPLY);
    expect_text(e, DEAL_STAGE, "Negotiation");
    cr_expect(
        eq(u32, e->carried, UINT32_C(1) << DEAL_STAGE | UINT32_C(1) << FIELD_REGION | UINT32_C(1) << DEAL_PROBABILITY));

    m.value = TEXT("{\"op\":\"d\",\"after\":{\"Id\":\"9\"}}");
    cr_expect(decoded(KIND_DEAL, &m)->flags == EVENT_DELETED);
    m.value = TEXT("{\"op\":\"r\",\"after\":{\"Id\":\"9\"}}");
    cr_expect(decoded(KIND_DEAL, &m)->reason == BAD_TYPE);
    m.value = TEXT("{\"after\":{\"Id\":\"9\",\"Id\":\"10\"}}");
    cr_expect(decoded(KIND_DEAL, &m)->reason == BAD_DUPLICATE_KEY);
    m.value = TEXT("{\"after\":{\"Id\":\"9\"},\"after\":{}}");
    cr_expect(decoded(KIND_DEAL, &m)->reason == BAD_DUPLICATE_KEY);
    m.value = TEXT("{\"who\":\"a\",\"after\":{\"Id\":\"9\"},\"who\":\"b\"}");
    cr_expect(decoded(KIND_DEAL, &m)->reason == BAD_DUPLICATE_KEY);
}

Test(decode, a_table_may_turn_a_value_into_null_and_a_number_into_a_word)
{
    struct input_config *in = &config->inputs[KIND_LEAD];
    translate(&in->fields[LEAD_STATUS], "3", "lost");
    translate(&in->fields[LEAD_STATUS], "false", "new");
    translate(&in->fields[FIELD_REGION], "n/a", "");
    renew();
    cr_expect(eq(i64, number_of(good(KIND_LEAD, "{\"lead_id\":1,\"status\":3}"), LEAD_STATUS), STATUS_LOST));
    cr_expect(eq(i64, number_of(good(KIND_LEAD, "{\"lead_id\":1,\"status\":false}"), LEAD_STATUS), STATUS_NEW));
    const struct event *e = good(KIND_LEAD, "{\"lead_id\":1,\"region\":\"n/a\"}");
    cr_expect(eq(u32, e->cleared, UINT32_C(1) << FIELD_REGION));
    bad(KIND_LEAD, "{\"lead_id\":1,\"status\":4}", BAD_TYPE);
}

static void filter(struct filter_config *f, const char *pointer, bool negate, const char *a, const char *b)
{
    free(f->pointer);
    f->pointer = must_strdup(pointer);
    f->negate = negate;
    f->value_count = 2;
    f->values = must_alloc(2 * sizeof *f->values);
    f->values[0] = must_strdup(a);
    f->values[1] = must_strdup(b);
}

/* A filter keeps out what is not meant for the input, and so comes before any complaint about it. */
Test(decode, a_filter_looks_at_the_message_alone)
{
    filter(&config->inputs[KIND_DEAL].filter, "/meta/table", false, "deals", "7");
    filter(&config->inputs[KIND_LEAD].filter, "test", true, "true", "null");
    renew();
    good(KIND_DEAL, "{" D ",\"meta\":{\"table\":\"deals\"}}");
    good(KIND_DEAL, "{" D ",\"meta\":{\"table\":7}}");
    bad(KIND_DEAL, "{\"meta\":{\"table\":7}}", BAD_KEY);
    static const char *const out[] = {"{" D "}", "{}", "{" D ",\"meta\":{\"table\":\"users\"}}",
                                      "{" D ",\"meta\":{\"table\":{}}}", "{\"deal_id\":[],\"meta\":1}"};
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        cr_expect(decode_json(KIND_DEAL, out[i])->fate == EVENT_FILTERED, "%s", out[i]);
    bad(KIND_DEAL, "{", BAD_JSON);

    good(KIND_LEAD, "{\"lead_id\":1}");
    good(KIND_LEAD, "{\"lead_id\":1,\"test\":false}");
    cr_expect(decode_json(KIND_LEAD, "{\"lead_id\":1,\"test\":true}")->fate == EVENT_FILTERED);
    cr_expect(decode_json(KIND_LEAD, "{\"lead_id\":1,\"test\":null}")->fate == EVENT_FILTERED);
}

Test(decode, the_largest_event_fits)
{
    struct buffer json;
    char id[257];
    memset(id, 'x', 256);
    id[256] = '\0';
    buffer_init(&json);
    buffer_format(&json, "{\"deal_id\":\"%s\",\"event_id\":\"%s\"", id, id);
    const struct record_kind_info *info = record_kind_info(KIND_DEAL);
    for (unsigned i = 0; i < info->field_count; i++)
        if (info->fields[i].type == FIELD_TEXT)
            buffer_format(&json, ",\"%s\":\"%s\"", info->fields[i].name, id);
    buffer_string(&json, "}");
    const struct event *e = good(KIND_DEAL, json.at);
    cr_expect(text_equal(event_key(e), text_of(id)));
    expect_text(e, DEAL_COMPETITOR, id);
    buffer_clear(&json);
    buffer_format(&json, "{\"deal_id\":\"%sy\"}", id);
    bad(KIND_DEAL, json.at, BAD_TEXT);
    buffer_fini(&json);
}

static void nest(struct buffer *json, size_t levels, char open, char close)
{
    buffer_clear(json);
    buffer_string(json, "{" D ",\"unmapped\":");
    for (size_t i = 0; i < levels; i++)
        buffer_string(json, open == '[' ? "[" : "{\"a\":");
    buffer_string(json, open == '[' ? "" : "1");
    for (size_t i = 0; i < levels; i++)
        buffer_char(json, close);
    buffer_string(json, "}");
}

Test(decode, deep_nesting_is_refused_without_recursion)
{
    struct buffer json;
    buffer_init(&json);
    nest(&json, JSON_DEPTH_MAX - 1, '[', ']'); /* the object itself is a level */
    good(KIND_DEAL, json.at);
    nest(&json, JSON_DEPTH_MAX, '[', ']');
    bad(KIND_DEAL, json.at, BAD_DEPTH);
    nest(&json, JSON_DEPTH_MAX - 2, '{', '}');
    good(KIND_DEAL, json.at);
    nest(&json, JSON_DEPTH_MAX, '{', '}');
    bad(KIND_DEAL, json.at, BAD_DEPTH);
    nest(&json, 500000, '[', ']');
    bad(KIND_DEAL, json.at, BAD_DEPTH);
    buffer_fini(&json);
}

Test(decode, many_shallow_values_are_not_deep)
{
    struct buffer json;
    buffer_init(&json);
    buffer_string(&json, "{" D ",\"unmapped\":[[]");
    for (int i = 0; i < 1000; i++)
        buffer_string(&json, ",[],{},[1,[2],{\"a\":[]}]");
    buffer_string(&json, "]}");
    good(KIND_DEAL, json.at);
    buffer_fini(&json);
}

Test(decode, a_value_beyond_the_size_is_not_even_read)
{
    size_t size = (size_t)config->kafka.message_size_max + 1;
    char *json = malloc(size);
    memset(json, '[', size);
    const struct event *e = decode_bytes(KIND_DEAL, json, size);
    cr_expect(e->fate == EVENT_DEAD_LETTER && e->reason == BAD_SIZE);
    cr_expect(eq(str, (char *)decoder_detail(decoder), "1048577 bytes"));
    e = decode_bytes(KIND_DEAL, json, size - 1);
    cr_expect(e->fate == EVENT_DEAD_LETTER && e->reason == BAD_JSON);
    /* the parser's worst case: a value for every two bytes */
    memcpy(json, "{\"deal_id\":1,\"x\": [1", 20);
    for (size_t i = 20; i + 2 < size; i += 2)
        memcpy(json + i, ",1", 2);
    memcpy(json + size - 5, ",1]}", 4);
    e = decode_bytes(KIND_DEAL, json, size - 1);
    cr_expect(e->fate == EVENT_APPLY, "%s %s", error_name((enum error)e->reason), decoder_detail(decoder));
    free(json);
}

/* Where a message is cut, it is refused; nothing is read past its end. */
Test(decode, every_cut_of_a_message_is_refused)
{
    static const char json[] =
        "{\"deal_id\":\"d\\u00e4\",\"amount\":-12.5e1,\"closed_at\":\"2023-11-14T22:13:20Z\",\"deleted\":false}";
    for (size_t len = 1; len < sizeof json - 1; len++) {
        char *cut = malloc(len);
        memcpy(cut, json, len);
        const struct event *e = decode_bytes(KIND_DEAL, cut, len);
        cr_expect(e->fate == EVENT_DEAD_LETTER && e->reason == BAD_JSON, "%zu bytes: %s", len,
                  error_name((enum error)e->reason));
        free(cut);
    }
    good(KIND_DEAL, json);
}

Test(decode, a_score_is_judged_only_by_what_its_message_says)
{
    good(KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"score\":9}");
    good(KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"score\":9,\"scale\":5}");
    good(KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"score\":9,\"kind\":\"csat\"}");
    good(KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"score\":9,\"kind\":\"csat\",\"scale\":null}");
    bad(KIND_FEEDBACK, "{\"feedback_id\":\"f\",\"score\":5.000001,\"kind\":\"csat\",\"scale\":5}", BAD_SCORE);
}

static const struct event *line(enum record_kind kind, const char *json)
{
    uint32_t size = decode_line(decoder, kind, text_of(json), 1, 42, memory);
    const struct event *e = (const struct event *)(const void *)memory;
    cr_assert(size == e->size && e->slot == 1 && e->offset == 42);
    return e;
}

Test(decode, a_line_of_replay_may_carry_what_kafka_would)
{
    const struct event *e = line(KIND_DEAL, "{" D ",\"kafka_timestamp\":1700000000000}");
    cr_expect(e->fate == EVENT_APPLY && e->stamp.major == KAFKA_MS * MILLISECOND && e->kafka_ms == KAFKA_MS);
    cr_expect(eq(u32, e->carried, 0));
    cr_expect(line(KIND_DEAL, "{" D ",\"kafka_timestamp\":1700000000000,\"occurred_at\":1700000300001}")->reason ==
              BAD_SKEW);
    cr_expect(line(KIND_DEAL, "{" D ",\"occurred_at\":4102444800000}")->fate == EVENT_APPLY); /* skew is not checked */
    cr_expect(line(KIND_DEAL, "{" D "}")->reason == BAD_STAMP);
    cr_expect(line(KIND_DEAL, "{" D ",\"kafka_timestamp\":\"x\"}")->reason == BAD_TIME);
    cr_expect(line(KIND_DEAL, "{" D ",\"kafka_timestamp\":-5,\"occurred_at\":5}")->reason == BAD_TIME);
    cr_expect(line(KIND_DEAL, "{" D ",\"kafka_timestamp\":1,\"kafka_timestamp\":1}")->reason == BAD_DUPLICATE_KEY);
    cr_expect(line(KIND_DEAL, "")->reason == BAD_JSON);

    e = line(KIND_DEAL, "{\"kafka_key\":\"d\",\"kafka_timestamp\":1700000000000}");
    cr_expect(e->fate == EVENT_APPLY && e->flags == EVENT_DELETED && text_equal(event_key(e), TEXT("d")));
    cr_expect(eq(u64, e->stamp.hash_high | e->stamp.hash_low, 0));
    cr_expect(line(KIND_DEAL, "{\"kafka_key\":\"d\"}")->reason == BAD_STAMP);
    cr_expect(line(KIND_DEAL, "{\"kafka_key\":null,\"kafka_timestamp\":1}")->reason == BAD_KEY);
    cr_expect(line(KIND_DEAL, "{\"kafka_timestamp\":1}")->reason == BAD_KEY);
    /* with a key of its own it is an ordinary event */
    e = line(KIND_DEAL, "{" D ",\"kafka_key\":\"x\",\"occurred_at\":5}");
    cr_expect(e->fate == EVENT_APPLY && e->flags == 0 && text_equal(event_key(e), TEXT("d")));
}

/* The same event from Kafka and from a file is the same event. */
Test(decode, a_line_and_a_message_have_one_stamp)
{
    struct stamp a = stamp_of("{" D ",\"stage\":\"won\"}");
    struct stamp b =
        line(KIND_DEAL, "{\"kafka_timestamp\":1700000000000," D ",\"kafka_key\":\"k\",\"stage\":\"won\"}")->stamp;
    cr_expect(same(a, b));
}
