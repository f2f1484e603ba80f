/* What is done to the file as a whole, while no process has it open. */
#include "checkpoint/store.h"
#include "checkpoint/store_problem.h"
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void paths(const char *folder, const char *more, char *out, size_t size)
{
    snprintf(out, size, "%s/checkpoint.mdb%s", folder, more);
}

enum store_result store_set_aside(const char *folder, struct buffer *problem)
{
    enum store_result result;
    int held = store_lock(folder, &result, problem);
    if (held < 0)
        return result;
    char from[4096], to[4096], lock[4096];
    paths(folder, "", from, sizeof from);
    paths(folder, ".damaged", to, sizeof to);
    paths(folder, "-lock", lock, sizeof lock);
    if (rename(from, to) == 0) {
        unlink(lock);
    } else {
        result = errno == ENOENT ? STORE_EMPTY : STORE_FAILED;
        say(problem, from, strerror(errno));
    }
    close(held);
    return result;
}

/* The rename is on the disk only when its folder is. */
static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int code = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return code;
}

static int copy_compact(const char *from, const char *to)
{
    MDB_env *env;
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int code = mdb_env_create(&env);
    if (code == 0) {
        code = mdb_env_open(env, from, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOTLS, 0600);
        if (code == 0)
            code = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
        mdb_env_close(env);
    }
    if (code == 0 && fsync(fd) != 0)
        code = errno;
    close(fd);
    return code;
}

enum store_result store_compact(const char *folder, struct buffer *problem)
{
    char from[4096], to[4096];
    enum store_result result;
    int lock = store_lock(folder, &result, problem);
    if (lock < 0)
        return result;
    paths(folder, "", from, sizeof from);
    paths(folder, ".compact", to, sizeof to);
    int code = copy_compact(from, to);
    if (code == 0 && rename(to, from) != 0)
        code = errno;
    if (code == 0)
        code = sync_folder(folder);
    close(lock);
    if (code == 0)
        return STORE_OK;
    unlink(to);
    say(problem, from, mdb_strerror(code));
    return STORE_FAILED;
}
