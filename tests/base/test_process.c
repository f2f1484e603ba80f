/* Whether another process has ended: a stand-by must not take one that runs for one that does not. */
#include "base/process.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child says of itself, before it waits for ever. */
static pid_t start_child(struct buffer *identity)
{
    int ends[2];
    cr_assert(eq(int, pipe(ends), 0));
    pid_t pid = fork();
    if (pid == 0) {
        process_identity_format(identity);
        if (write(ends[1], identity->at, identity->len) < 0)
            _exit(1);
        close(ends[1]);
        for (;;)
            pause();
    }
    close(ends[1]);
    char bytes[256];
    ssize_t len;
    while ((len = read(ends[0], bytes, sizeof bytes)) > 0)
        buffer_add(identity, bytes, (size_t)len);
    close(ends[0]);
    return pid;
}

Test(process, this_one_runs)
{
    struct buffer b;
    buffer_init(&b);
    process_identity_format(&b);
    cr_expect(lt(sz, b.len, 100));
    cr_expect(eq(ptr, strchr(b.at, ' '), NULL));
    cr_expect(not(process_has_ended(buffer_view(&b))));
    buffer_fini(&b);
}

Test(process, one_that_was_killed_has_ended)
{
    struct buffer b;
    buffer_init(&b);
    pid_t pid = start_child(&b);
    cr_expect(not(process_has_ended(buffer_view(&b))));
    kill(pid, SIGSTOP);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WSTOPPED);
    cr_expect(not(process_has_ended(buffer_view(&b))), "it may go on");
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    cr_expect(process_has_ended(buffer_view(&b)), "a zombie");
    waitpid(pid, NULL, 0);
    cr_expect(process_has_ended(buffer_view(&b)));
    buffer_fini(&b);
}

/* Its number was given to another process: the start tells. */
Test(process, a_number_that_was_given_again)
{
    struct buffer b;
    buffer_init(&b);
    process_identity_format(&b);
    buffer_string(&b, "1");
    cr_expect(process_has_ended(buffer_view(&b)));
    buffer_fini(&b);
}

/* Another machine, a container, or no such text at all: who knows. */
Test(process, of_elsewhere_nothing_is_known)
{
    struct buffer b;
    buffer_init(&b);
    process_identity_format(&b);
    b.at[0] = b.at[0] == '0' ? '1' : '0';
    cr_expect(not(process_has_ended(buffer_view(&b))), "another start of the machine");
    const char *others[] = {"", "x", "1/2", "//////", "a/b/999999999/1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect(not(process_has_ended(text_of(others[i]))), "%s", others[i]);
    buffer_clear(&b);
    process_identity_format(&b);
    char *slash = strrchr(b.at, '/');
    slash[1] = '?';
    slash[2] = '\0';
    cr_expect(not(process_has_ended(text_of(b.at))), "its start was not known");
    buffer_fini(&b);
}
