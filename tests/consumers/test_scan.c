/* Whatever the quick way takes must come out as it does by the other one, to the last byte: messages here go both. */
#include "consumers/decode.h"
#include "consumers/scan.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KAFKA_MS INT64_C(1700000000000)

static struct scanner scanner;
static struct config *config;
static struct calendar *calendar;
static struct mapping *mapping;
static struct mapped found;

static void setup(void)
{
    config = config_default();
    calendar = calendar_create("Europe/Berlin", 1, 1);
    scanner_init(&scanner, 1 << 20);
    mapping = mapping_create(&config->inputs[KIND_DEAL]);
}

static void fini(void)
{
    mapping_destroy(mapping);
    scanner_fini(&scanner);
    calendar_destroy(calendar);
    config_destroy(config);
}

TestSuite(scan, .init = setup, .fini = fini);

static void source(struct field_source *s, enum source_kind kind, const char *name)
{
    free(s->name);
    s->kind = kind;
    s->name = must_strdup(name);
}

static void map_again(void)
{
    mapping_destroy(mapping);
    mapping = mapping_create(&config->inputs[KIND_DEAL]);
}

/* In memory of just its size, so that the address sanitizer sees whoever looks behind it. */
static bool takes_bytes(const char *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, bytes, len);
    bool taken = scan_find(&scanner, mapping, (struct text){copy, len}, &found);
    free(copy);
    return taken;
}

static bool takes(const char *json)
{
    return takes_bytes(json, strlen(json));
}

static void expect(unsigned target, enum value_type type, const char *text)
{
    cr_assert(0 != (found.present & UINT32_C(1) << target), "target %u is missing", target);
    const struct value *v = &found.values[target];
    cr_expect(v->type == type && !v->outside);
    cr_expect(text_equal(v->text, text_of(text)), "%.*s instead of %s", (int)v->text.len, v->text.at, text);
}

Test(scan, usual_messages_are_taken)
{
    cr_assert(takes("{\"deal_id\":\"d\",\"amount\":-12.50,\"stage\":null,\"quantity\":3,\"deleted\":false}"));
    expect(TARGET_KEY, VALUE_TEXT, "d");
    expect(DEAL_AMOUNT, VALUE_NUMBER, "-12.50");
    expect(DEAL_STAGE, VALUE_NULL, "");
    expect(DEAL_QUANTITY, VALUE_NUMBER, "3");
    expect(TARGET_DELETED, VALUE_BOOL, "false");
    cr_expect(eq(i32, __builtin_popcount(found.present), 5));

    /* in another order, spread out, among others that nobody wants */
    cr_assert(takes(" { \"x\" : [ 1 , { \"deal_id\" : 1 , \"deal_id\" : [ ] } , \"]\" , -0.5 , { } ] "
                    ",\r\n\t\"expected_close_at\" : "
                    "\"2024-01-31\" , \"quantity\" : 0 , \"x\" : true , \"deal_id\" : \"\xd0\xaf\" } \n"));
    expect(TARGET_KEY, VALUE_TEXT, "\xd0\xaf");
    expect(DEAL_EXPECTED_CLOSE_AT, VALUE_TEXT, "2024-01-31");
    expect(DEAL_QUANTITY, VALUE_NUMBER, "0");
    cr_expect(eq(i32, __builtin_popcount(found.present), 3));

    cr_expect(takes("{}") && found.present == 0);
    cr_expect(takes(" { } ") && found.present == 0);
}

Test(scan, what_escapes_stand_for_is_found)
{
    cr_assert(takes("{\"deal_id\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"stage\":\"say \\\"won\\\", \xd0\xaf\"}"));
    expect(TARGET_KEY, VALUE_TEXT, "\"\\/\b\f\n\r\t");
    expect(DEAL_STAGE, VALUE_TEXT, "say \"won\", \xd0\xaf");
    cr_assert(takes(
        "{\"deal_id\":\"\\u0041\\u007F\\u0080\\u07ff\\u0800\\ufFfF\\ud800\\udc00\\uDBFF\\uDFFF\\ud7ff\\ue000\"}"));
    expect(TARGET_KEY, VALUE_TEXT,
           "A\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80");
    /* a text with one is never plain, whatever it stands for: nobody has looked at that */
    cr_expect(found.values[TARGET_KEY].plain == false);
    cr_assert(
        takes("{\"x\":[\"\\n\",{\"\\u0041\":\"]\\\"\"}],\"st\\u0061ge\":\"\\u0000\",\"deal_id\":\"\xd0\xaf\\u0031\"}"));
    expect(TARGET_KEY, VALUE_TEXT,
           "\xd0\xaf"
           "1");
    cr_expect(found.values[DEAL_STAGE].text.len == 1 && found.values[DEAL_STAGE].text.at[0] == '\0');
    cr_expect(takes("{\"stage\":1,\"st\\u0061ge\":1}") == false, "the same member twice");
}

Test(scan, numbers_are_those_of_json)
{
    static const char *const numbers[] = {"0",   "-0",   "10",   "0.5",      "-1.50",    "1e5",
                                          "1E5", "1e+5", "0e-0", "-1.5E-30", "12.25e007"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char json[80];
        snprintf(json, sizeof json, "{\"amount\":%s,\"x\":[%s ],\"quantity\":%s}", numbers[i], numbers[i], numbers[i]);
        cr_assert(takes(json), "%s", json);
        expect(DEAL_AMOUNT, VALUE_NUMBER, numbers[i]);
        expect(DEAL_QUANTITY, VALUE_NUMBER, numbers[i]);
    }
}

/* What is wrong is for the reader that can say what, and what is unusual for the one that can do it. */
Test(scan, what_is_wrong_or_unusual_is_left)
{
    static const char *const left[] = {
        "",
        " ",
        "[]",
        "null",
        "7",
        "\"\"",
        "{",
        "{\"",
        "{\"deal_id",
        "{\"deal_id\"",
        "{\"deal_id\":",
        "{\"deal_id\":\"",
        "{\"deal_id\":\"d",
        "{\"deal_id\":\"d\"",
        "{\"deal_id\":\"d\",",
        "{\"deal_id\":\"d\",}",
        "{,}",
        "{\"deal_id\"}",
        "{\"deal_id\" \"d\"}",
        "{\"deal_id\":\"d\"}x",
        "{\"deal_id\":\"d\"}}",
        "{\"deal_id\":\"d\"} {}",
        "{\"deal_id\":'d'}",
        "{\"x\":\"\\",
        "{\"x\":\"\\\"}",
        "{\"x\":\"\\x41\"}",
        "{\"x\":\"\\a\"}",
        "{\"x\":\"\\N\"}",
        "{\"x\":\"\\U0041\"}",
        "{\"x\":\"\\u\"}",
        "{\"x\":\"\\u004",
        "{\"x\":\"\\u004\"}",
        "{\"x\":\"\\u004g\"}",
        "{\"x\":\"\\u00/0\"}",
        "{\"x\":\"\\u:000\"}",
        "{\"x\":\"\\u@000\"}",
        "{\"x\":\"\\u`000\"}",
        "{\"x\":\"\\u+041\"}",
        "{\"x\":\"\\ud83d\"}",
        "{\"x\":\"\\ude00\"}",
        "{\"x\":\"\\ud83d\\ud83d\"}",
        "{\"x\":\"\\ud83d\\ue000\"}",
        "{\"x\":\"\\ud83d\\u0041\"}",
        "{\"x\":\"\\ud83d\\n\"}",
        "{\"x\":\"\\ud83dude00\"}",
        "{\"x\":\"\\ude00\\ud83d\"}",
        "{\"x\":\"\\ude00\\ude00\"}",
        "{\"x\":\"\\n\x01\"}",
        "{\"x\":\"\\n\xc3\"}",
        "{\"x\\\":1}",
        "{\"x\":\"\x01\"}",
        "{\"x\x1f\":1}",
        "{\"x\":\"\xc3\"}",
        "{\"x\xc3\":1}",
        "{\"x\":\"\xed\xa0\x80\"}",
        "{\"x\":\"\xc0\xaf\"}",
        "{\"x\":\"\xf5\x80\x80\x80\"}",
        "{\"x\":01}",
        "{\"x\":-}",
        "{\"x\":-01}",
        "{\"x\":1.}",
        "{\"x\":.5}",
        "{\"x\":+1}",
        "{\"x\":1e}",
        "{\"x\":1E+}",
        "{\"x\":1.5e-}",
        "{\"x\":1e+-5}",
        "{\"x\":1.e5}",
        "{\"x\":e5}",
        "{\"x\":1e5.0}",
        "{\"x\":1ee5}",
        "{\"x\":NaN}",
        "{\"x\":nul}",
        "{\"x\":nulL}",
        "{\"x\":truE}",
        "{\"x\":falsy}",
        "{\"x\":nullx}",
        "{\"x\":1x}",
        "{\"x\":[}",
        "{\"x\":[1,]}",
        "{\"x\":[,1]}",
        "{\"x\":[1 2]}",
        "{\"x\":[1}",
        "{\"x\":{]}",
        "{\"x\":{1}}",
        "{\"x\":{\"a\"}}",
        "{\"x\":{\"a\":}}",
        "{\"x\":{\"a\":1,}}",
        "{\"x\":{\"a\":1]}",
        "{\"x\":[{\"a\":1]}",
        "{\"x\":[\"\\q\"]}",
        "{\"x\":[1e]}",
        "{\"deal_id\":\"a\",\"deal_id\":\"b\"}",
        "{\"deal_id\":\"a\",\"x\":1,\"deal_id\":\"a\"}",
        "{\"amount\":{}}",
        "{\"amount\":[1]}",
        "{\"x\":1 /* why */}",
        "\xef\xbb\xbf{\"x\":1}",
    };
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        cr_expect(takes(left[i]) == false, "%s", left[i]);
    cr_expect(takes_bytes("{\"x\":1}\0", 8) == false);
    cr_expect(takes_bytes("{\"x\":\"\0\"}", 9) == false);
    cr_expect(takes_bytes("\0{}", 3) == false);
    cr_expect(takes_bytes("{\"x\":1}x", 7) == true, "what is behind the message is no part of it");
}

/* However deep a message is nested, it takes no stack, and what is too deep for an event is left. */
Test(scan, deep_messages_are_left)
{
    for (int depth = 1; depth < 200; depth++) {
        char json[1024] = "{\"x\":";
        for (int i = 0; i < depth; i++)
            strcat(json, i % 3 == 0 ? "{\"y\":" : "[");
        strcat(json, "1");
        for (int i = depth; i-- > 0;)
            strcat(json, i % 3 == 0 ? "}" : "]");
        strcat(json, "}");
        cr_expect(takes(json) == (depth < 32), "%d", depth);
    }
}

/* A long text ends where its quote is, wherever in a step of several bytes that may be, and what is not printable ASCII is seen. */
Test(scan, a_text_ends_at_its_quote)
{
    for (size_t len = 0; len < 300; len++) {
        char json[800], text[301];
        for (size_t i = 0; i < len; i++)
            text[i] = (char)('#' + (i * 7 + len) % 50);
        text[len] = '\0';
        snprintf(json, sizeof json, "{\"stage\":\"%s\",\"x\":\"%s\"}", text, text);
        cr_assert(takes(json));
        expect(DEAL_STAGE, VALUE_TEXT, text);
        cr_expect(found.values[DEAL_STAGE].plain);
        for (size_t i = 0; i < len; i++) {
            char kept = text[i];
            text[i] = 0x7F;
            snprintf(json, sizeof json, "{\"stage\":\"%s\"}", text);
            cr_assert(takes(json));
            expect(DEAL_STAGE, VALUE_TEXT, text);
            cr_expect(found.values[DEAL_STAGE].plain == false);
            text[i] = '\\';
            snprintf(json, sizeof json, "{\"stage\":\"%s\"}", text);
            cr_expect(takes(json) == (text[i + 1] == '/'), "%s", json);
            text[i] = 0x1F;
            snprintf(json, sizeof json, "{\"stage\":\"%s\"}", text);
            cr_expect(takes(json) == false);
            text[i] = kept;
        }
    }
}

Test(scan, a_number_ends_behind_its_digits)
{
    char digits[60] = "";
    for (int i = 0; i < 50; i++) {
        char number[2 * sizeof digits + 2], json[sizeof digits + sizeof number + 32];
        strcat(digits, i == 0 ? "1" : "0");
        snprintf(number, sizeof number, "-%s.%s", digits, digits);
        snprintf(json, sizeof json, "{\"quantity\":%s,\"amount\":%s}", digits, number);
        cr_assert(takes(json));
        expect(DEAL_QUANTITY, VALUE_NUMBER, digits);
        expect(DEAL_AMOUNT, VALUE_NUMBER, number);
        for (int c = 1; c < 256; c++) {
            if ((c >= '0' && c <= '9') || c == ',' || c == '.' || c == ' ' || c == '\t' || c == '\n' || c == '\r')
                continue;
            snprintf(json, sizeof json, "{\"quantity\":%s%c,\"amount\":1}", digits, c);
            cr_expect(takes(json) == false, "%s", json);
        }
    }
}

/* The names of a configuration may be anything, also what no message can say without an escape. */
Test(scan, a_name_is_no_more_than_itself)
{
    struct input_config *in = &config->inputs[KIND_DEAL];
    source(&in->fields[DEAL_STAGE], SOURCE_MEMBER, "a\":1,\"b");
    source(&in->fields[DEAL_AMOUNT], SOURCE_MEMBER, "a name that is longer than thirty bytes");
    source(&in->fields[DEAL_QUANTITY], SOURCE_MEMBER, "a name that is longer than thirty-two bytes");
    source(&in->fields[DEAL_LEAD], SOURCE_MEMBER, "\xd0\xaf");
    source(&in->fields[DEAL_COMPETITOR], SOURCE_MEMBER, "twenty-two characters.");
    map_again();
    for (int again = 0; again < 3; again++) {
        cr_assert(takes("{\"a\":1,\"b\":2}"));
        cr_expect(eq(u32, found.present, 0));
        cr_assert(takes("{\"a name that is longer than thirty bytes\":1,\"\xd0\xaf\":2,\"twenty-two characters.\":3}"));
        expect(DEAL_AMOUNT, VALUE_NUMBER, "1");
        expect(DEAL_LEAD, VALUE_NUMBER, "2");
        expect(DEAL_COMPETITOR, VALUE_NUMBER, "3");
        cr_assert(takes("{\"a name that is longer than thirty-two bytes\":1,\"twenty-two characters!\":3}"));
        expect(DEAL_QUANTITY, VALUE_NUMBER, "1");
        cr_expect(eq(i32, __builtin_popcount(found.present), 1));
    }
}

Test(scan, pointers_lead_into_objects)
{
    struct input_config *in = &config->inputs[KIND_DEAL];
    source(&in->key, SOURCE_POINTER, "/after/id");
    source(&in->fields[DEAL_STAGE], SOURCE_POINTER, "/after/deep/er/stage");
    source(&in->fields[FIELD_MANAGER], SOURCE_MEMBER, "who");
    source(&in->fields[FIELD_TEAM], SOURCE_POINTER, "/who");
    source(&in->fields[FIELD_REGION], SOURCE_POINTER, "/list/0");
    map_again();
    for (int again = 0; again < 2; again++) {
        cr_assert(takes(
            "{\"before\":{\"id\":7},\"after\":{\"id\":\"9\",\"deep\":{\"er\":{\"stage\":\"won\",\"id\":1}},\"x\":0},"
            "\"who\":\"Ann\",\"id\":3}"));
        expect(TARGET_KEY, VALUE_TEXT, "9");
        expect(DEAL_STAGE, VALUE_TEXT, "won");
        expect(FIELD_MANAGER, VALUE_TEXT, "Ann");
        expect(FIELD_TEAM, VALUE_TEXT, "Ann");
        cr_expect(eq(i32, __builtin_popcount(found.present), 4));
        cr_assert(takes("{\"after\":null,\"who\":null}"));
        cr_expect(eq(i32, __builtin_popcount(found.present), 2));
        cr_expect(takes("{\"after\":[]}") == false);
        cr_expect(takes("{\"list\":[1]}") == false);
        cr_expect(takes("{\"after\":{},\"after\":{}}") == false);
    }
}

/* --- both ways --- */

struct pair {
    struct decoder *quick, *other;
};

static _Alignas(8) char quick_memory[EVENT_SIZE_MAX], other_memory[EVENT_SIZE_MAX];

static struct pair pair_create(void)
{
    struct pair p = {decoder_create(config, calendar), decoder_create(config, calendar)};
    decoder_scan(p.other, false);
    return p;
}

static void pair_destroy(struct pair *p)
{
    decoder_destroy(p->quick);
    decoder_destroy(p->other);
}

static bool find_header(const void *context, const char *name, struct text *out)
{
    (void)context;
    if (strcmp(name, "h") != 0)
        return false;
    *out = TEXT("1699999999999");
    return true;
}

static void expect_same(struct pair *p, struct text json, uint64_t seed)
{
    char *copy = malloc(json.len > 0 ? json.len : 1);
    memcpy(copy, json.at, json.len);
    struct message m = {
        .value = {copy, json.len}, .kafka_ms = KAFKA_MS, .parts = {.key = TEXT("the key"), .header = find_header}};
    uint32_t a = decode(p->quick, KIND_DEAL, &m, 3, 17, quick_memory),
             b = decode(p->other, KIND_DEAL, &m, 3, 17, other_memory);
    cr_assert(a == b && memcmp(quick_memory, other_memory, a) == 0, "SEED=%llu %.*s", (unsigned long long)seed,
              (int)json.len, json.at);
    cr_assert(strcmp(decoder_detail(p->quick), decoder_detail(p->other)) == 0, "SEED=%llu %.*s: %s, %s",
              (unsigned long long)seed, (int)json.len, json.at, decoder_detail(p->quick), decoder_detail(p->other));
    cr_assert(decoder_rounded(p->quick) == decoder_rounded(p->other));
    free(copy);
}

static uint64_t below(struct random *r, uint64_t limit)
{
    return random_next(r) % limit;
}

static void add_space(struct random *r, struct buffer *b, bool spread)
{
    static const char *const spaces[] = {" ", "", "\n", "\t", "\r\n", "  "};
    if (spread)
        buffer_string(b, spaces[below(r, 6)]);
}

static void add_string(struct random *r, struct buffer *b)
{
    static const char *const parts[] = {"a",
                                        "Ann",
                                        "GTX 4090",
                                        "EUR",
                                        "won",
                                        "\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        "0123456789abcdef",
                                        "-",
                                        "12.5"};
    static const char *const seldom[] = {"\\u0041", "\\n",  "\\\"",         "\\\\",           "\x7f",    "\xc2\x80",
                                         "\xc3",    "\x1f", "\xed\xa0\x80", "\\ud83d\\ude00", "\\ud83d", "\xff",
                                         "\\/",     "\\b",  "\\u0000",      "\\u00e9",        "\\q"};
    buffer_char(b, '"');
    size_t count = below(r, 20) == 0 ? below(r, 40) : 1 + below(r, 2);
    uint64_t one_in = below(r, 30) == 0 ? 3 : 60;
    for (size_t i = 0; i < count; i++)
        buffer_string(b, below(r, one_in) == 0 ? seldom[below(r, 17)] : parts[below(r, 11)]);
    buffer_char(b, '"');
}

static void add_number(struct random *r, struct buffer *b)
{
    if (below(r, 6) == 0)
        buffer_char(b, '-');
    size_t whole = 1 + below(r, below(r, 5) == 0 ? 24 : 9);
    for (size_t i = 0; i < whole; i++)
        buffer_char(b, (char)((i == 0 && whole > 1 && below(r, 50) > 0 ? '1' : '0') + (int)below(r, 9)));
    if (below(r, 2) == 0) {
        buffer_char(b, '.');
        for (uint64_t i = below(r, 20) == 0 ? 0 : 1 + below(r, 8); i > 0; i--)
            buffer_char(b, (char)('0' + below(r, 10)));
    }
    if (below(r, 30) == 0)
        buffer_format(b, "e%d", (int)below(r, 20) - 10);
}

static void add_time(struct random *r, struct buffer *b)
{
    static const char *const ends[] = {"Z", ".123Z", ".5Z", ".123456789Z", "+02:00", "z", "", ".Z", ".12AZ"};
    if (below(r, 3) == 0) {
        buffer_integer(b, 1600000000000 + (int64_t)below(r, 200000000000));
        return;
    }
    buffer_format(b, "\"%04d-%02d-%02d", below(r, 20) == 0 ? (int)below(r, 2300) : 2023, (int)below(r, 14),
                  (int)below(r, 32));
    if (below(r, 8) > 0)
        buffer_format(b, "T%02d:%02d:%02d%s", (int)below(r, 25), (int)below(r, 61), (int)below(r, 62),
                      ends[below(r, below(r, 3) == 0 ? 9 : 2)]);
    buffer_char(b, '"');
}

static void add_value(struct random *r, struct buffer *b, unsigned depth)
{
    static const char *const words[] = {"null", "true", "false"};
    switch (below(r, 10)) {
    case 0: buffer_string(b, words[below(r, 3)]); break;
    case 1:
    case 2: add_number(r, b); break;
    case 3:
        if (depth < 4) {
            bool object = below(r, 2) == 0, spread = below(r, 3) == 0;
            buffer_char(b, object ? '{' : '[');
            for (uint64_t i = below(r, 4); i > 0; i--) {
                if (object) {
                    add_space(r, b, spread);
                    add_string(r, b);
                    add_space(r, b, spread);
                    buffer_char(b, ':');
                }
                add_space(r, b, spread);
                add_value(r, b, depth + 1);
                add_space(r, b, spread);
                if (i > 1)
                    buffer_char(b, ',');
            }
            buffer_char(b, object ? '}' : ']');
            break;
        }
        /* FALLTHROUGH */
    default: add_string(r, b); break;
    }
}

/* What the member is for, mostly; else anything. */
static void add_fitting(struct random *r, struct buffer *b, const struct field *f)
{
    static const char *const currencies[] = {"\"EUR\"", "\"USD\"", "\"JPY\"", "\"XXX\""};
    static const char *const scarce[] = {"0.5", "\"0.25\"", "1", "0"};
    if (below(r, 12) == 0) {
        add_value(r, b, 0);
        return;
    }
    switch (f == NULL ? FIELD_TEXT : f->type) {
    case FIELD_TIME: add_time(r, b); break;
    case FIELD_MONEY:
    case FIELD_POSITIVE: add_number(r, b); break;
    case FIELD_SHARE: buffer_string(b, scarce[below(r, 4)]); break;
    case FIELD_CURRENCY: buffer_string(b, currencies[below(r, below(r, 20) == 0 ? 4 : 3)]); break;
    default: add_string(r, b); break;
    }
}

/* An object with many of the members that a deal has, and some others, in an order that seldom changes. */
static void add_members(struct random *r, struct buffer *b, uint64_t order)
{
    static const struct field occurred_at = {"occurred_at", FIELD_TIME, NULL};
    static const char *const heading[] = {"deal_id", "event_id", "occurred_at", "version",
                                          "deleted", "x",        "who",         "kind"};
    const struct record_kind_info *deal = record_kind_info(KIND_DEAL);
    const unsigned all = deal->field_count + 8;
    bool first = true, spread = below(r, 4) == 0;
    buffer_char(b, '{');
    for (unsigned i = 0; i < all; i++) {
        unsigned at = (unsigned)((i * 7 + order) % all); /* 7 is no divisor of their number */
        if (at != 0 && below(r, 3) == 0)
            continue;
        if (below(r, 200) == 0)
            i--; /* once more */
        const struct field *f = at < 8 ? at == 2 ? &occurred_at : NULL : &deal->fields[at - 8];
        const char *name = at < 8 ? heading[at] : f->name;
        if (!first)
            buffer_char(b, ',');
        first = false;
        add_space(r, b, spread);
        if (below(r, 300) == 0)
            add_string(r, b);
        else
            buffer_format(b, "\"%s\"", name);
        add_space(r, b, spread);
        buffer_char(b, ':');
        add_space(r, b, spread);
        if (at == 3)
            buffer_integer(b, (int64_t)below(r, 1000));
        else if (at == 4)
            buffer_string(b, below(r, 5) == 0 ? "true" : "false");
        else
            add_fitting(r, b, f);
        add_space(r, b, spread);
    }
    buffer_char(b, '}');
}

/* Some bytes changed, taken away or doubled. */
static void damage(struct random *r, struct buffer *b)
{
    static const char bytes[] = "\"\\{}[]:, 0123456789.-+eEntf\x7f\x80\xc3\n";
    for (uint64_t i = 1 + below(r, 3); i > 0 && b->len > 1; i--) {
        size_t at = below(r, b->len);
        switch (below(r, 5)) {
        case 0: b->len = at; break;
        case 1:
            memmove(b->at + at, b->at + at + 1, b->len - at - 1);
            b->len--;
            break;
        case 2: {
            char c = b->at[at];
            buffer_char(b, ' ');
            memmove(b->at + at + 1, b->at + at, b->len - at - 1);
            b->at[at] = c;
            break;
        }
        case 3: b->at[at] = (char)below(r, 256); break;
        default: b->at[at] = bytes[below(r, sizeof bytes - 1)]; break;
        }
    }
}

/* Random messages, whole and damaged, for the input as it is configured: how many of the whole ones were taken. */
static double share_taken(const char *open, const char *close, uint64_t otherwise)
{
    enum { MESSAGES = 20000 };
    uint64_t seed = random_seed(otherwise);
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    struct random r = {seed};
    struct pair p = pair_create();
    struct buffer json;
    uint64_t order = 0;
    int64_t taken = 0;
    buffer_init(&json);
    for (int i = 0; i < MESSAGES; i++) {
        if (below(&r, 50) == 0)
            order = below(&r, 100);
        buffer_clear(&json);
        buffer_string(&json, open);
        add_members(&r, &json, order);
        buffer_string(&json, close);
        int64_t before = decoder_scanned(p.quick);
        expect_same(&p, buffer_view(&json), seed);
        taken += decoder_scanned(p.quick) - before;
        damage(&r, &json);
        expect_same(&p, buffer_view(&json), seed);
    }
    cr_expect(eq(i64, decoder_scanned(p.other), 0));
    buffer_fini(&json);
    pair_destroy(&p);
    return (double)taken / MESSAGES;
}

Test(scan, both_ways_give_the_same_event)
{
    double share = share_taken("", "", 1);
    cr_expect(share > 0.4, "%f", share);
}

Test(scan, both_ways_give_the_same_event_behind_pointers)
{
    struct input_config *in = &config->inputs[KIND_DEAL];
    const struct record_kind_info *deal = record_kind_info(KIND_DEAL);
    source(&in->key, SOURCE_POINTER, "/after/deal_id");
    source(&in->event_id, SOURCE_POINTER, "/after/event_id");
    source(&in->occurred_at, SOURCE_POINTER, "/after/occurred_at");
    for (unsigned i = 0; i < deal->field_count; i++) {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/after/%s", deal->fields[i].name);
        source(&in->fields[i], SOURCE_POINTER, pointer);
    }
    double share = share_taken("{\"op\":\"u\",\"before\":null,\"after\":", ",\"version\":7}", 2);
    cr_expect(share > 0.4, "%f", share);
}

/* Everything that a mapping can say: tables, headers, the message's key, a filter, a member for two fields, full events. */
Test(scan, both_ways_give_the_same_event_of_any_mapping)
{
    struct input_config *in = &config->inputs[KIND_DEAL];
    source(&in->fields[FIELD_MANAGER], SOURCE_MEMBER, "who");
    source(&in->fields[FIELD_TEAM], SOURCE_MEMBER, "who");
    source(&in->fields[FIELD_REGION], SOURCE_POINTER, "/x/0");
    source(&in->fields[FIELD_SOURCE], SOURCE_CONSTANT, "web");
    source(&in->fields[FIELD_CUSTOMER], SOURCE_MESSAGE_KEY, "");
    source(&in->fields[DEAL_CLOSED_AT], SOURCE_HEADER, "h");
    source(&in->fields[DEAL_LOSS_REASON], SOURCE_NONE, "");
    struct field_source *stage = &in->fields[DEAL_STAGE];
    stage->map = must_alloc(2 * sizeof *stage->map);
    stage->map[0] = (struct value_map){must_strdup("a"), must_strdup("won")};
    stage->map[1] = (struct value_map){must_strdup("Ann"), must_strdup("")};
    stage->map_count = 2;
    in->events = EVENTS_FULL;
    free(in->filter.pointer);
    in->filter.pointer = must_strdup("kind");
    in->filter.values = must_alloc(sizeof *in->filter.values);
    in->filter.values[0] = must_strdup("won");
    in->filter.value_count = 1;
    in->filter.negate = true;
    double share = share_taken("", "", 3);
    cr_expect(share > 0.4, "%f", share);
    in->order_by = ORDER_BY_VERSION;
    share = share_taken("", "", 4);
    cr_expect(share > 0.4, "%f", share);
}
