#include "consumers/letter_text.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static struct letter parsed(const char *line, struct letter_memory *memory)
{
    struct letter l;
    const char *wrong = letter_parse(text_of(line), &l, memory);
    cr_assert(wrong == NULL, "%s: %s", line, wrong);
    return l;
}

static void expect_bytes(struct text t, const char *expected, size_t len)
{
    cr_expect(t.at != NULL && t.len == len && memcmp(t.at, expected, len) == 0, "%.*s", (int)t.len, t.at);
}

/* What list prints is what resend reads: nothing of a letter may change on the way through an editor. */
Test(letter_text, what_is_printed_is_read_again)
{
    struct letter l = {.topic = TEXT("deals"),
                       .partition = 3,
                       .offset = INT64_C(9007199254740993),
                       .timestamp_ms = 1700000000000,
                       .reason = TEXT("invalid_utf8"),
                       .detail = TEXT("say \"hi\""),
                       .key = TEXT("k\n\xc3\xa4"),
                       .value = {"\xff\0{}", 4},
                       .headers = {{TEXT("a"), TEXT("1")}, {TEXT("b"), {"\xfe", 1}}, {TEXT("c"), {NULL, 0}}},
                       .header_count = 3};
    struct buffer line;
    buffer_init(&line);
    letter_format(&line, &l);
    cr_expect(eq(str, line.at,
                 "{\"topic\":\"deals\",\"partition\":3,\"offset\":9007199254740993,\"reason\":\"invalid_utf8\","
                 "\"detail\":\"say \\\"hi\\\"\",\"timestamp\":1700000000000,\"key\":\"k\\n\xc3\xa4\","
                 "\"value_base64\":\"/wB7fQ==\",\"headers\":{\"a\":\"1\",\"b\":{\"base64\":\"/g==\"},\"c\":null}}"));
    struct letter_memory memory;
    struct letter again = parsed(line.at, &memory);
    cr_expect(text_equal(again.topic, l.topic) && again.partition == 3 && again.offset == l.offset);
    cr_expect(again.timestamp_ms == l.timestamp_ms && text_equal(again.reason, l.reason));
    cr_expect(text_equal(again.detail, l.detail) && !again.left_out);
    expect_bytes(again.key, l.key.at, l.key.len);
    expect_bytes(again.value, "\xff\0{}", 4);
    cr_assert(eq(uint, again.header_count, 3));
    expect_bytes(again.headers[0].value, "1", 1);
    expect_bytes(again.headers[1].value, "\xfe", 1);
    cr_expect(again.headers[2].value.at == NULL);
    letter_memory_fini(&memory);
    buffer_fini(&line);
}

Test(letter_text, base64_of_every_length)
{
    for (size_t len = 0; len < 20; len++) {
        char bytes[20];
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(0xff - i * 37);
        struct letter l = {.topic = TEXT("t"), .value = {bytes, len}, .timestamp_ms = -1}, again;
        struct buffer line;
        struct letter_memory memory;
        buffer_init(&line);
        letter_format(&line, &l);
        again = parsed(line.at, &memory);
        expect_bytes(again.value, bytes, len);
        cr_expect(eq(i64, again.timestamp_ms, -1));
        letter_memory_fini(&memory);
        buffer_fini(&line);
    }
}

/* A mended value may be written as an object; its numbers must not pass through a double. */
Test(letter_text, a_value_may_be_an_object)
{
    struct letter_memory memory;
    struct letter l =
        parsed("{\"topic\":\"t\",\"partition\":0,\"offset\":1,\"value\":{ \"amount\": 99999999999.990000001, "
               "\"x\":[1e400,-0.0] }}",
               &memory);
    expect_bytes(l.value, "{\"amount\":99999999999.990000001,\"x\":[1e400,-0.0]}",
                 strlen("{\"amount\":99999999999.990000001,\"x\":[1e400,-0.0]}"));
    letter_memory_fini(&memory);
}

Test(letter_text, a_tombstone_is_no_letter_without_its_value)
{
    struct letter_memory memory;
    struct letter l = parsed("{\"topic\":\"t\",\"partition\":0,\"offset\":1,\"key\":\"k\",\"value\":null}", &memory);
    cr_expect(l.value.at == NULL && !l.left_out);
    letter_memory_fini(&memory);
    l = parsed("{\"topic\":\"t\",\"partition\":0,\"offset\":1,\"key\":null,\"size\":10485760,\"hash\":\"ab\"}",
               &memory);
    cr_expect(l.left_out && l.size == 10485760 && l.key.at == NULL);
    struct buffer line;
    buffer_init(&line);
    letter_format(&line, &l);
    cr_expect(eq(str, line.at,
                 "{\"topic\":\"t\",\"partition\":0,\"offset\":1,\"reason\":\"\",\"key\":null,\"size\":10485760,"
                 "\"hash\":\"ab\"}"));
    buffer_fini(&line);
    letter_memory_fini(&memory);
}

#define AT "{\"topic\":\"t\",\"partition\":0,\"offset\":1,"

Test(letter_text, a_line_that_is_wrong_says_how)
{
    static const char *const rows[][2] = {
        {"", "it is not one JSON object"},
        {"[]", "it is not one JSON object"},
        {AT, "it is not one JSON object"},
        {"{\"partition\":0,\"offset\":1,\"value\":\"\"}", "topic is missing"},
        {"{\"topic\":7,\"partition\":0,\"offset\":1,\"value\":\"\"}", "topic is missing"},
        {"{\"topic\":\"t\",\"offset\":1,\"value\":\"\"}", "partition is missing, or no number"},
        {"{\"topic\":\"t\",\"partition\":-1,\"offset\":1,\"value\":\"\"}", "partition is missing, or no number"},
        {"{\"topic\":\"t\",\"partition\":\"0\",\"offset\":1,\"value\":\"\"}", "partition is missing, or no number"},
        {"{\"topic\":\"t\",\"partition\":0,\"offset\":1.5,\"value\":\"\"}", "offset is missing, or no number"},
        {AT "\"timestamp\":\"now\",\"value\":\"\"}", "timestamp is not in milliseconds"},
        {AT "\"key\":7,\"value\":\"\"}", "key is neither a text nor null, or not alone"},
        {AT "\"value\":7}", "value is neither a text, an object nor null, or not alone"},
        {AT "\"value\":\"\",\"value_base64\":\"\"}", "value is neither a text, an object nor null, or not alone"},
        {AT "\"value_base64\":\"a\"}", "value is neither a text, an object nor null, or not alone"},
        {AT "\"value_base64\":\"a===\"}", "value is neither a text, an object nor null, or not alone"},
        {AT "\"value_base64\":\"aa=a\"}", "value is neither a text, an object nor null, or not alone"},
        {AT "\"value_base64\":\"aa==aaaa\"}", "value is neither a text, an object nor null, or not alone"},
        {AT "\"key\":\"k\"}", "value is missing"},
        {AT "\"value\":\"\",\"headers\":[]}", "headers is no object"},
        {AT "\"value\":\"\",\"headers\":{\"a\":1}}", "a header is neither a text, null nor {\"base64\": ...}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct letter l;
        struct letter_memory memory;
        const char *wrong = letter_parse(text_of(rows[i][0]), &l, &memory);
        cr_expect(wrong != NULL && strcmp(wrong, rows[i][1]) == 0, "%s: %s", rows[i][0], wrong);
        letter_memory_fini(&memory);
    }
}
