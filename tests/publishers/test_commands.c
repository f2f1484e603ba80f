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
