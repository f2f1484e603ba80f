/* Bytes on the wire: hiredis' own reader of commands is the judge. */
#include "publishers/commands.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

Test(commands, a_command_is_written_as_the_protocol_says)
{
    struct commands c;
    commands_init(&c);
    command_begin(&c, "HSET", 4);
    command_joined(&c, TEXT("kpid:{a}:"), TEXT("meta"));
    command_string(&c, "seq");
    command_integer(&c, -120);
    cr_expect(eq(str, c.bytes.at, "*4\r\n$4\r\nHSET\r\n$13\r\nkpid:{a}:meta\r\n$3\r\nseq\r\n$4\r\n-120\r\n"));
    cr_expect(eq(sz, c.count, 1));
    commands_fini(&c);
}

Test(commands, numbers_at_their_ends)
{
    struct arguments a;
    arguments_init(&a);
    arguments_integer(&a, 0);
    arguments_integer(&a, INT64_MAX);
    arguments_integer(&a, INT64_MIN);
    cr_expect(eq(str, a.bytes.at, "$1\r\n0\r\n$19\r\n9223372036854775807\r\n$20\r\n-9223372036854775808\r\n"));
    arguments_fini(&a);
}

/* The length stands before a text that is written in its place, however many digits it has. */
Test(commands, an_argument_written_in_its_place)
{
    struct arguments a;
    static const size_t lengths[] = {0, 9, 10, 99, 100, 1234};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct arguments whole;
        char text[2000];
        memset(text, 'x', sizeof text);
        arguments_init(&a);
        arguments_init(&whole);
        arguments_string(&whole, "name");
        arguments_text(&whole, (struct text){text, lengths[i]});
        size_t at = arguments_open_ready(&a, TEXT("$4\r\nname\r\n" ARGUMENT_OPEN));
        buffer_add(&a.bytes, text, lengths[i]);
        at = arguments_close(&a, at);
        cr_expect(text_equal((struct text){a.bytes.at + at, lengths[i]}, (struct text){text, lengths[i]}));
        cr_expect(eq(str, a.bytes.at, whole.bytes.at));
        cr_expect(eq(sz, a.count, 2));
        arguments_fini(&whole);
        arguments_fini(&a);
    }
}

/* Names are taken literally, whatever bytes they hold: lengths tell them apart, not separators. */
Test(commands, an_argument_may_hold_any_bytes)
{
    struct commands c;
    commands_init(&c);
    command_begin(&c, "SET", 3);
    command_text(&c, TEXT("a\r\n$1\r\n"));
    command_text(&c, TEXT("\0\xFF"));
    cr_expect(eq(sz, c.bytes.len, strlen("*3\r\n$3\r\nSET\r\n$7\r\n") + 7 + 2 + strlen("$2\r\n") + 2 + 2));
    cr_expect(eq(int, memcmp(c.bytes.at + c.bytes.len - 4, "\0\xFF\r\n", 4), 0));
    commands_fini(&c);
}

/* Long lists are cut between arguments, also where these look like the protocol. */
Test(commands, a_long_list_becomes_several_commands)
{
    struct arguments a;
    arguments_init(&a);
    for (int i = 0; i < 5; i++)
        arguments_text(&a, i % 2 ? TEXT("$3\r\nx") : TEXT(""));
    struct commands c;
    commands_init(&c);
    commands_spread(&c, "SADD", TEXT("p:"), TEXT("k"), &a, 2);
    cr_expect(eq(sz, c.count, 3));
    cr_expect(eq(str, c.bytes.at,
                 "*4\r\n$4\r\nSADD\r\n$3\r\np:k\r\n$0\r\n\r\n$5\r\n$3\r\nx\r\n"
                 "*4\r\n$4\r\nSADD\r\n$3\r\np:k\r\n$0\r\n\r\n$5\r\n$3\r\nx\r\n"
                 "*3\r\n$4\r\nSADD\r\n$3\r\np:k\r\n$0\r\n\r\n"));
    commands_clear(&c);
    commands_spread(&c, "UNLINK", TEXT("p:"), TEXT(""), &a, 10);
    cr_expect(eq(sz, c.count, 1));
    cr_expect(eq(int, strncmp(c.bytes.at, "*6\r\n$6\r\nUNLINK\r\n$0\r\n", 20), 0), "no key before them");
    arguments_clear(&a);
    commands_clear(&c);
    commands_spread(&c, "SREM", TEXT("p:"), TEXT("k"), &a, 10);
    cr_expect(eq(sz, c.count, 0), "nothing to say, nothing said");
    commands_fini(&c);
    arguments_fini(&a);
}

/* Whichever of the two is larger keeps its room: what comes out is the same. */
Test(commands, what_is_appended_stands_behind)
{
    for (int larger = 0; larger < 2; larger++) {
        struct commands c, from;
        commands_init(&c);
        commands_init(&from);
        command_begin(&c, larger == 0 ? "A-LONGER-NAME" : "A", 1);
        command_begin(&from, "B", 1);
        command_begin(&from, "C", 1);
        command_expect_zero(&c);
        command_expect_zero(&from);
        const char *kept = larger == 0 ? c.bytes.at : from.bytes.at;
        commands_append(&c, &from);
        cr_expect(eq(ptr, (void *)c.bytes.at, (void *)(uintptr_t)kept));
        cr_expect(eq(str, c.bytes.at,
                     larger == 0 ? "*1\r\n$13\r\nA-LONGER-NAME\r\n*1\r\n$1\r\nB\r\n*1\r\n$1\r\nC\r\n"
                                 : "*1\r\n$1\r\nA\r\n*1\r\n$1\r\nB\r\n*1\r\n$1\r\nC\r\n"));
        cr_expect(eq(sz, c.bytes.len, strlen(c.bytes.at)));
        cr_expect(eq(sz, c.count, 3));
        cr_expect(eq(sz, commands_zero_count(&c), 2));
        cr_expect(eq(sz, commands_zero(&c, 0), 0));
        cr_expect(eq(sz, commands_zero(&c, 1), 2));
        cr_expect(eq(sz, from.bytes.len, 0));
        cr_expect(eq(sz, from.count, 0));
        cr_expect(eq(sz, commands_zero_count(&from), 0));
        command_begin(&from, "D", 1); /* and can be filled again */
        cr_expect(eq(str, from.bytes.at, "*1\r\n$1\r\nD\r\n"));
        struct commands none;
        commands_init(&none);
        commands_append(&from, &none);
        commands_append(&none, &from);
        cr_expect(eq(str, none.bytes.at, "*1\r\n$1\r\nD\r\n"));
        cr_expect(eq(sz, none.count, 1));
        commands_fini(&none);
        commands_fini(&from);
        commands_fini(&c);
    }
}

Test(commands, what_only_a_large_publish_needs_is_given_back)
{
    static char large[1 << 22];
    struct commands c;
    commands_init(&c);
    command_begin(&c, "SET", 3);
    command_string(&c, "key");
    size_t small = c.bytes.room;
    commands_release(&c);
    cr_expect(eq(sz, c.bytes.room, small));
    cr_expect(eq(sz, c.bytes.len, 0));
    cr_expect(eq(sz, c.count, 0));
    command_begin(&c, "SET", 3);
    command_string(&c, "key");
    command_text(&c, (struct text){large, sizeof large});
    commands_release(&c);
    cr_expect(eq(sz, c.bytes.room, 0));
    cr_expect(eq(sz, c.bytes.len, 0));
    cr_expect(eq(sz, c.count, 0));
    commands_fini(&c);
}
