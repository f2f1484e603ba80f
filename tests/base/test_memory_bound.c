/* Memory of this process, and the limits of a control group as cgroup 2 shows them. */
#include "base/memory_bound.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)

Test(memory_bound, what_is_touched_is_our_own_until_it_is_given_back)
{
    enum { BYTES = 64 << 20 };
    int64_t before = memory_own_bytes();
    cr_assert(lt(i64, 0, before));
    char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(p != MAP_FAILED);
    memset(p, 1, BYTES);
    cr_expect(ge(i64, memory_own_bytes(), before + 60 * MIB));
    munmap(p, BYTES);
    cr_expect(lt(i64, memory_own_bytes(), before + 30 * MIB));
}

static char folder[] = "/tmp/kpid-groups-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

static void make_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert(eq(int, mkdir(path, 0700), 0));
}

static int64_t max_of(const char *groups)
{
    char path[256];
    put("groups", groups);
    snprintf(path, sizeof path, "%s/groups", folder);
    return memory_max_of_group(path, folder);
}

Test(memory_bound, the_least_limit_from_the_group_upwards)
{
    cr_assert(mkdtemp(folder) != NULL);
    make_folder("system.slice");
    make_folder("system.slice/kpid.service");
    cr_expect(eq(i64, max_of("0::/system.slice/kpid.service\n"), 0), "no files");
    put("system.slice/kpid.service/memory.max", "max\n");
    put("system.slice/memory.max", "max\n");
    cr_expect(eq(i64, max_of("0::/system.slice/kpid.service\n"), 0));
    put("system.slice/kpid.service/memory.max", "2147483648\n");
    cr_expect(eq(i64, max_of("0::/system.slice/kpid.service\n"), 2048 * MIB));
    put("system.slice/memory.max", "1073741824\n");
    cr_expect(eq(i64, max_of("0::/system.slice/kpid.service\n"), 1024 * MIB), "the slice has less");
    cr_expect(eq(i64, max_of("12:memory:/a\n1:name=systemd:/b\n0::/system.slice/kpid.service\n"), 1024 * MIB));
    put("memory.max", "4194304\n"); /* a container sees its own group as the root */
    cr_expect(eq(i64, max_of("0::/\n"), 4 * MIB));
    cr_expect(eq(i64, max_of("0::/system.slice/kpid.service\n"), 4 * MIB), "or systemd runs in it");
    cr_expect(eq(i64, max_of("4:memory:/system.slice\n"), 0), "cgroup 1");
    cr_expect(eq(i64, max_of(""), 0));
    cr_expect(eq(i64, memory_max_of_group("/nowhere", folder), 0));
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect(eq(int, system(command), 0));
}

Test(memory_bound, leaves_room_for_what_comes_beside)
{
    cr_expect(eq(i64, memory_bound(2048 * MIB, 144 * MIB), 1392 * MIB));
    cr_expect(eq(i64, memory_bound(1024 * MIB, 144 * MIB), 624 * MIB));
    cr_expect(eq(i64, memory_bound(512 * MIB, 144 * MIB), 256 * MIB), "never less than half");
    cr_expect(eq(i64, memory_bound(64 * MIB, 144 * MIB), 32 * MIB));
    cr_expect(eq(i64, memory_bound(64 * MIB, 0), 48 * MIB));
}
