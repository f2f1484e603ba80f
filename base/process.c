#include "base/process.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define FIELD_MAX 64

/* Of /proc/<pid>/stat: the state and the start, in ticks since the machine's. Their places are counted from the last
 * ')', for a name may hold anything. False: it does not say. */
static bool look_at(long pid, char *out_state, char start[FIELD_MAX])
{
    char path[FIELD_MAX], line[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    size_t len = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[len] = '\0';
    const char *at = strrchr(line, ')');
    /* "pid (name) state ppid ...": the state is field 3, the start 22. */
    return at != NULL && sscanf(at, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %63s",
                                out_state, start) == 2;
}

/* "<start of the machine>/<namespace>/", "" where one of them is not known. */
static void describe_here(struct buffer *out)
{
    char boot[FIELD_MAX] = "", space[FIELD_MAX];
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    bool known = f != NULL && fscanf(f, "%63s", boot) == 1;
    if (f != NULL)
        fclose(f);
    ssize_t len = readlink("/proc/self/ns/pid", space, sizeof space);
    known = known && len > 0 && (size_t)len < sizeof space;
    buffer_string(out, "");
    if (known)
        buffer_format(out, "%s/%.*s/", boot, (int)len, space);
}

void process_identity_format(struct buffer *out)
{
    char state, start[FIELD_MAX];
    describe_here(out);
    bool known = look_at((long)getpid(), &state, start);
    buffer_format(out, "%ld/%s", (long)getpid(), known ? start : "?");
}

bool process_has_ended(struct text identity)
{
    struct buffer here;
    buffer_init(&here);
    describe_here(&here);
    char rest[2 * FIELD_MAX] = "", *end, state, start[FIELD_MAX];
    bool is_here = here.len > 0 && identity.len > here.len && identity.len - here.len < sizeof rest &&
                   memcmp(identity.at, here.at, here.len) == 0;
    if (is_here)
        memcpy(rest, identity.at + here.len, identity.len - here.len);
    buffer_fini(&here);
    long pid = strtol(rest, &end, 10);
    if (pid <= 0 || *end != '/' || end[1] == '?')
        return false;
    /* kill says so also where /proc hides the processes of others. */
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return true;
    return look_at(pid, &state, start) && (state == 'Z' || state == 'X' || strcmp(start, end + 1) != 0);
}
