#include "base/memory_bound.h"
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int64_t memory_own_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL)
        return -1;
    long long resident, shared;
    bool known = fscanf(f, "%*s %lld %lld", &resident, &shared) == 2;
    fclose(f);
    return known && resident >= shared ? (resident - shared) * sysconf(_SC_PAGESIZE) : -1;
}

/* The group of cgroup 2 is the line of hierarchy 0. */
static bool find_group(const char *groups, char path[PATH_MAX])
{
    FILE *f = fopen(groups, "re");
    if (f == NULL)
        return false;
    bool found = false;
    while (!found && fgets(path, PATH_MAX, f) != NULL)
        found = strncmp(path, "0::/", 4) == 0;
    fclose(f);
    if (!found)
        return false;
    path[strcspn(path, "\n")] = '\0';
    memmove(path, path + 3, strlen(path + 3) + 1);
    return true;
}

/* 0 where it says "max", or nothing. */
static int64_t max_of(const char *root, const char *group)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s%s/memory.max", root, group);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    long long bytes;
    bool limited = fscanf(f, "%lld", &bytes) == 1 && bytes > 0;
    fclose(f);
    return limited ? bytes : 0;
}

int64_t memory_max_of_group(const char *groups, const char *root)
{
    char group[PATH_MAX];
    if (!find_group(groups, group))
        return 0;
    if (strcmp(group, "/") == 0)
        group[0] = '\0';
    int64_t least = max_of(root, group);
    for (char *slash; (slash = strrchr(group, '/')) != NULL;) {
        *slash = '\0';
        int64_t max = max_of(root, group);
        if (max > 0 && (least == 0 || max < least))
            least = max;
    }
    return least;
}

int64_t memory_bound(int64_t most, int64_t beside)
{
    int64_t bound = most / 4 * 3 - beside;
    return bound > most / 2 ? bound : most / 2;
}
