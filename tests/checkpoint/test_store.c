/* What a disk can do to a store: it gives back all of what was committed last, or says that it cannot. */
#include "checkpoint/store.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[128], file[192];
static struct buffer problem;

static void setup(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/kpid-store-XXXXXX", base != NULL ? base : "/tmp");
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(file, sizeof file, "%s/checkpoint.mdb", folder);
    buffer_init(&problem);
}

static void teardown(void)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert(system(command) == 0);
    buffer_fini(&problem);
}

TestSuite(store, .init = setup, .fini = teardown);

static void add_row(struct buffer *b, unsigned table, uint32_t number, const char *bytes)
{
    size_t begin = stored_begin(b, table, number);
    buffer_string(b, bytes);
    stored_end(b, begin);
}

static struct store *open_store(enum store_mode mode)
{
    struct store *s = NULL;
    cr_assert(store_open(folder, mode, &s, &problem) == STORE_OK, "%s", problem.at);
    return s;
}

/* Rows that all say which commit they are of, so that a mixture of two would be seen. */
static enum store_result write_commit(struct store *s, unsigned commit, unsigned rows)
{
    struct buffer b;
    char bytes[64];
    buffer_init(&b);
    for (unsigned i = 0; i < rows; i++) {
        snprintf(bytes, sizeof bytes, "commit %u row %u", commit, i);
        add_row(&b, 1 + i % 3, i, bytes);
    }
    enum store_result result = store_begin(s, &problem);
    if (result == STORE_OK)
        result = store_put(s, buffer_view(&b), &problem);
    if (result == STORE_OK)
        result = store_commit(s, &problem);
    buffer_fini(&b);
    return result;
}

struct seen {
    unsigned rows, commit, mixed;
    uint64_t last;
};

static bool see(void *context, const struct stored_row *row)
{
    struct seen *seen = context;
    char bytes[64] = "";
    unsigned commit, number;
    uint64_t place = (uint64_t)row->table << 32 | row->number;
    memcpy(bytes, row->bytes.at, row->bytes.len < 63 ? row->bytes.len : 63);
    if (sscanf(bytes, "commit %u row %u", &commit, &number) != 2 || number != row->number ||
        (seen->rows > 0 && place <= seen->last))
        return false;
    if (seen->rows > 0 && commit != seen->commit)
        seen->mixed++;
    seen->commit = commit;
    seen->last = place;
    seen->rows++;
    return true;
}

static struct seen read_store(enum store_result expected)
{
    struct seen seen = {0, 0, 0, 0};
    struct store *s = open_store(STORE_READ);
    enum store_result result = store_read(s, see, &seen, &problem);
    cr_assert(result == expected, "%d: %s", (int)result, problem.at);
    store_close(s);
    return seen;
}

Test(store, gives_back_the_last_commit)
{
    cr_expect(store_check(folder, &problem) == STORE_EMPTY);
    struct store *s = open_store(STORE_WRITE);
    cr_expect(store_check(folder, &problem) == STORE_EMPTY, "nothing was committed yet");
    for (unsigned commit = 1; commit <= 3; commit++)
        cr_assert(write_commit(s, commit, 1000) == STORE_OK, "%s", problem.at);
    store_close(s);
    cr_expect(store_check(folder, &problem) == STORE_OK);
    struct seen seen = read_store(STORE_OK);
    cr_expect(seen.rows == 1000 && seen.commit == 3 && seen.mixed == 0);
}

Test(store, what_was_not_committed_is_not_there)
{
    struct store *s = open_store(STORE_WRITE);
    struct buffer b;
    buffer_init(&b);
    cr_assert(write_commit(s, 1, 10) == STORE_OK);
    add_row(&b, 1, 0, "commit 2 row 0");
    cr_assert(store_begin(s, &problem) == STORE_OK && store_put(s, buffer_view(&b), &problem) == STORE_OK);
    store_close(s);
    struct seen seen = read_store(STORE_OK);
    cr_expect(seen.rows == 10 && seen.commit == 1 && seen.mixed == 0);
    buffer_fini(&b);
}

Test(store, a_table_is_cleared_and_no_other)
{
    struct store *s = open_store(STORE_WRITE);
    cr_assert(write_commit(s, 1, 300) == STORE_OK);
    cr_assert(store_begin(s, &problem) == STORE_OK && store_clear(s, 2, &problem) == STORE_OK &&
              store_commit(s, &problem) == STORE_OK);
    store_close(s);
    cr_expect(read_store(STORE_OK).rows == 200);
}

Test(store, one_writer)
{
    struct store *s = open_store(STORE_WRITE), *other;
    cr_expect(store_open(folder, STORE_WRITE, &other, &problem) == STORE_BUSY);
    cr_expect(strstr(problem.at, "folder of its own") != NULL, "%s", problem.at);
    cr_expect(store_set_aside(folder, &problem) == STORE_BUSY, "it is not taken away from who writes there");
    cr_assert(write_commit(s, 1, 10) == STORE_OK);
    cr_expect(read_store(STORE_OK).rows == 10, "a reader disturbs nobody");
    store_close(s);
    store_close(open_store(STORE_WRITE));
}

/* The map grows by as many steps as it takes, and nothing of what was there is lost meanwhile. */
Test(store, the_map_grows)
{
    struct store *s;
    cr_assert(store_open_sized(folder, STORE_WRITE, 64 * 1024, &s, &problem) == STORE_OK, "%s", problem.at);
    cr_assert(write_commit(s, 1, 10) == STORE_OK);
    unsigned full = 0;
    enum store_result result;
    while ((result = write_commit(s, 2, 20000)) == STORE_FULL) {
        full++;
        struct seen seen = {0, 0, 0, 0};
        cr_assert(store_read(s, see, &seen, &problem) == STORE_OK && seen.rows == 10 && seen.commit == 1);
    }
    cr_expect(result == STORE_OK && full > 2, "%u times", full);
    struct store_size size;
    cr_expect(store_size(s, &size, &problem) == STORE_OK && size.rows == 20000 && size.map_bytes >= size.file_bytes);
    store_close(s);
    cr_expect(read_store(STORE_OK).rows == 20000);
}

/* The disk is full at any byte of a commit: what was committed before stands, and later the next commit goes through. */
Test(store, a_full_disk_at_every_write)
{
    signal(SIGXFSZ, SIG_IGN);
    struct store *s = open_store(STORE_WRITE);
    cr_assert(write_commit(s, 1, 500) == STORE_OK);
    struct stat before;
    cr_assert(stat(file, &before) == 0);
    unsigned failed = 0, rounds = 0, commit = 1;
    for (off_t room = -8192; room < 400 * 1024; room += 4096, rounds++) {
        rlim_t limit = (rlim_t)(before.st_size + room);
        cr_assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, RLIM_INFINITY}) == 0);
        enum store_result result = write_commit(s, commit + 1, 4000);
        cr_assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) == 0);
        cr_assert(result == STORE_OK || result == STORE_FAILED, "%s", problem.at);
        commit += result == STORE_OK;
        failed += result == STORE_FAILED;
        struct seen seen = {0, 0, 0, 0};
        cr_assert(store_read(s, see, &seen, &problem) == STORE_OK, "%s", problem.at);
        cr_assert(seen.commit == commit && seen.mixed == 0 && seen.rows == (commit == 1 ? 500u : 4000u));
    }
    cr_expect(failed > 10 && commit > 1, "%u of %u failed", failed, rounds);
    store_close(s);
    cr_expect(store_check(folder, &problem) == STORE_OK);
}

/* As a sanitizer's handler, or an operator's preloaded one: it ends the process with a status of its own. */
static void exit_as_if_well(int signal_number)
{
    (void)signal_number;
    _exit(64 + STORE_OK);
}

/* Whatever byte is turned, the store is whole or says that it is not: a reader never ends in it, and never gives a row
 * that was not written. */
Test(store, a_damaged_byte)
{
    signal(SIGBUS, exit_as_if_well);
    signal(SIGSEGV, exit_as_if_well);
    struct store *s = open_store(STORE_WRITE);
    cr_assert(write_commit(s, 1, 400) == STORE_OK && write_commit(s, 2, 400) == STORE_OK);
    store_close(s);
    struct random r = {random_seed(5)};
    struct stat stat_of;
    cr_assert(stat(file, &stat_of) == 0);
    unsigned found = 0, rounds = (unsigned)random_rounds(300);
    for (unsigned i = 0; i < rounds; i++) {
        int fd = open(file, O_RDWR);
        off_t at =
            random_below(&r, i % 3 == 0 ? 512 : stat_of.st_size); /* heads of pages matter more than their share */
        if (i % 3 == 0)
            at += 4096 * random_below(&r, stat_of.st_size / 4096);
        unsigned char was, now;
        cr_assert(pread(fd, &was, 1, at) == 1);
        now = (unsigned char)(was ^ (1u << random_below(&r, 8)));
        cr_assert(pwrite(fd, &now, 1, at) == 1);
        enum store_result result = store_check(folder, &problem);
        cr_assert(result == STORE_OK || result == STORE_DAMAGED || result == STORE_NEWER || result == STORE_EMPTY ||
                      result == STORE_FAILED,
                  "%d", (int)result);
        found += result != STORE_OK;
        if (result == STORE_OK) {
            struct seen seen = read_store(STORE_OK);
            cr_assert(seen.rows == 400 && seen.mixed == 0 && (seen.commit == 2 || seen.commit == 1),
                      "byte %lld: %u rows", (long long)at, seen.rows);
        }
        cr_assert(pwrite(fd, &was, 1, at) == 1);
        close(fd);
    }
    cr_expect(found > rounds / 10, "%u of %u were found", found, rounds);
    cr_expect(store_check(folder, &problem) == STORE_OK);
}

Test(store, a_cut_file)
{
    struct store *s = open_store(STORE_WRITE);
    cr_assert(write_commit(s, 1, 3000) == STORE_OK);
    store_close(s);
    struct stat stat_of;
    cr_assert(stat(file, &stat_of) == 0);
    for (off_t size = stat_of.st_size - 1; size > 0; size -= 4096 + 1) {
        cr_assert(truncate(file, size) == 0);
        enum store_result result = store_check(folder, &problem);
        cr_assert(result != STORE_OK && result != STORE_EMPTY, "of %lld bytes", (long long)size);
        cr_assert(problem.len > 0);
    }
    cr_expect(store_set_aside(folder, &problem) == STORE_OK, "%s", problem.at);
    cr_expect(store_set_aside(folder, &problem) == STORE_EMPTY);
    cr_expect(store_check(folder, &problem) == STORE_EMPTY);
    s = open_store(STORE_WRITE);
    cr_expect(write_commit(s, 2, 10) == STORE_OK);
    store_close(s);
    cr_expect(read_store(STORE_OK).rows == 10);
}

/* A store of a newer kpid is neither read nor set aside. */
Test(store, a_newer_one)
{
    struct store *s = open_store(STORE_WRITE);
    cr_assert(write_commit(s, 1, 10) == STORE_OK);
    store_close(s);
    int fd = open(file, O_RDWR);
    struct stat stat_of;
    cr_assert(fstat(fd, &stat_of) == 0);
    char *bytes = malloc((size_t)stat_of.st_size);
    cr_assert(pread(fd, bytes, (size_t)stat_of.st_size, 0) == stat_of.st_size);
    unsigned changed = 0;
    for (off_t i = 0; i + 12 < stat_of.st_size; i++)
        if (memcmp(bytes + i, "kpidckpt", 8) == 0) {
            bytes[i + 8]++;
            changed++;
        }
    cr_assert(changed > 0 && pwrite(fd, bytes, (size_t)stat_of.st_size, 0) == stat_of.st_size);
    close(fd);
    free(bytes);
    cr_expect(store_check(folder, &problem) == STORE_NEWER);
    cr_expect(strstr(problem.at, "newer kpid") != NULL, "%s", problem.at);
}

Test(store, compacts)
{
    struct store *s = open_store(STORE_WRITE);
    for (unsigned commit = 1; commit <= 20; commit++)
        cr_assert(write_commit(s, commit, commit == 20 ? 100 : 5000) == STORE_OK);
    for (unsigned table = 1; table <= 3; table++)
        cr_assert(store_begin(s, &problem) == STORE_OK && store_clear(s, table, &problem) == STORE_OK &&
                  store_commit(s, &problem) == STORE_OK);
    cr_assert(write_commit(s, 21, 100) == STORE_OK);
    cr_expect(store_compact(folder, &problem) == STORE_BUSY);
    store_close(s);
    struct stat before, after;
    cr_assert(stat(file, &before) == 0);
    cr_assert(store_compact(folder, &problem) == STORE_OK, "%s", problem.at);
    cr_assert(stat(file, &after) == 0);
    cr_expect(after.st_size < before.st_size / 4, "%lld of %lld", (long long)after.st_size, (long long)before.st_size);
    cr_expect(read_store(STORE_OK).rows == 100);
    s = open_store(STORE_WRITE);
    cr_expect(write_commit(s, 22, 100) == STORE_OK);
    store_close(s);
}

Test(store, a_folder_that_cannot_be)
{
    struct store *s;
    cr_expect(store_open("/proc/kpid", STORE_WRITE, &s, &problem) == STORE_FAILED);
    cr_expect(strstr(problem.at, "/proc/kpid") != NULL, "%s", problem.at);
    cr_expect(store_open("/nowhere/at/all", STORE_READ, &s, &problem) == STORE_EMPTY);
}
