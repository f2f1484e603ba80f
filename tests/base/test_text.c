#include "base/text.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(text, orders_by_bytes_and_then_by_length)
{
    cr_expect(text_compare(TEXT("a"), TEXT("b")) < 0);
    cr_expect(text_compare(TEXT("a"), TEXT("ab")) < 0);
    cr_expect(text_compare(TEXT("\xC3\xA4"), TEXT("z")) > 0);
    cr_expect(text_compare(TEXT(""), TEXT("")) == 0);
    cr_expect(!text_equal(TEXT("a"), TEXT("b")) && text_equal(TEXT("ab"), TEXT("ab")));
}

Test(text, accepts_well_formed_utf8_only)
{
    static const struct text good[] = {TEXT(""),
                                       TEXT("Anna"),
                                       TEXT("\xC3\xA4"),
                                       TEXT("\xE2\x82\xAC"),
                                       TEXT("\xF0\x9F\x8E\x89"),
                                       TEXT("\xF4\x8F\xBF\xBF")};
    static const struct text bad[] = {TEXT("\x80"),         TEXT("\xC0\x80"),     TEXT("\xC3"),
                                      TEXT("\xE0\x80\x80"), TEXT("\xED\xA0\x80"), TEXT("\xF4\x90\x80\x80"),
                                      TEXT("\xFF"),         TEXT("a\xC3\x28"),    TEXT("\xF0\x80\x80\x80")};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(text_is_utf8(good[i]), "good %zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!text_is_utf8(bad[i]) && !text_is_name(bad[i]), "bad %zu", i);
}

Test(text, names_have_1_to_256_bytes_and_no_controls)
{
    char long_name[300];
    memset(long_name, 'x', sizeof long_name);
    cr_expect(!text_is_name(TEXT("")));
    cr_expect(text_is_name((struct text){long_name, 256}));
    cr_expect(!text_is_name((struct text){long_name, 257}));
    cr_expect(!text_is_name(TEXT("a\nb")) && !text_is_name(TEXT("a\x7F")) && !text_is_name(TEXT("a\xC2\x85")));
    cr_expect(text_is_name(TEXT("\xD0\x90\xD0\xBD\xD0\xBD\xD0\xB0 O'Neil:x")));
}

/* They are looked at eight bytes at a time, with the last ones twice. */
Test(text, a_control_is_found_at_any_place_of_a_name_of_any_length)
{
    static const char controls[] = {'\0', '\n', '\x1F', '\x7F', '\xC2' /* half of a character */};
    char name[40];
    for (size_t len = 1; len <= sizeof name; len++) {
        memset(name, '~', sizeof name);
        name[len / 2] = ' ';
        cr_assert(text_is_name((struct text){name, len}), "%zu", len);
        for (size_t at = 0; at < len; at++) {
            char was = name[at];
            for (size_t i = 0; i < sizeof controls; i++) {
                name[at] = controls[i];
                cr_assert(!text_is_name((struct text){name, len}), "%d at %zu of %zu", controls[i], at, len);
            }
            name[at] = was;
        }
    }
}

Test(text, distance_counts_edits_and_swaps)
{
    cr_expect(text_distance(TEXT("brokers"), TEXT("brokers")) == 0);
    cr_expect(text_distance(TEXT("brokes"), TEXT("brokers")) == 1);
    cr_expect(text_distance(TEXT("borkers"), TEXT("brokers")) == 1);
    cr_expect(text_distance(TEXT(""), TEXT("abc")) == 3);
    cr_expect(text_distance(TEXT("kitten"), TEXT("sitting")) == 3);
}

Test(text, buffer_grows_and_stays_terminated)
{
    struct buffer b;
    buffer_init(&b);
    cr_expect(text_equal(buffer_view(&b), TEXT("")));
    for (int i = 0; i < 1000; i++)
        buffer_char(&b, 'x');
    buffer_clear(&b);
    buffer_integer(&b, INT64_MIN);
    buffer_char(&b, ' ');
    buffer_integer(&b, 0);
    buffer_format(&b, " %s=%d", "n", 7);
    cr_expect_str_eq(b.at, "-9223372036854775808 0 n=7");
    buffer_fini(&b);
}

Test(text, a_buffer_gives_back_room_beyond_what_is_kept)
{
    struct buffer b;
    buffer_init(&b);
    buffer_string(&b, "some");
    size_t room = b.room;
    buffer_release(&b, room);
    cr_expect(b.room == room && b.len == 0);
    cr_expect_str_eq(b.at, "");
    buffer_string(&b, "some");
    buffer_release(&b, room - 1);
    cr_expect(b.room == 0 && b.len == 0);
    buffer_string(&b, "more");
    cr_expect_str_eq(b.at, "more");
    buffer_fini(&b);
}

Test(text, json_escapes_and_replaces_what_is_not_utf8)
{
    struct buffer b;
    buffer_init(&b);
    buffer_json(&b, TEXT("a\"b\\c\n\t\r\x01\x7F\xFFz\xE2\x82\xAC"));
    cr_expect_str_eq(b.at, "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u007f\xEF\xBF\xBDz\xE2\x82\xAC\"");
    buffer_fini(&b);
}
