/* memory_bound.h - how much memory this process has, and how much it may have.
 *
 * Thread: any. Errors: as said; nothing is logged.
 */
#pragma once
#include <stdint.h>

/* Bytes that it has allocated and that are resident: what the system can only take by ending it. Pages of files do not
 * count. -1 where /proc does not say. A few microseconds. */
int64_t memory_own_bytes(void);

/* The least memory.max of its control group and of those above it (systemd's MemoryMax, a container's limit); 0: none is
 * set, or there is no cgroup 2. `groups` is "/proc/self/cgroup", `root` "/sys/fs/cgroup"; others for tests. */
int64_t memory_max_of_group(const char *groups, const char *root);

/* At how much memory of its own a process is to take in nothing more that may have `most` (not 0), of which `beside` bytes may
 * come after that without being asked for. Three quarters of what is left, since the system counts pages of files as well,
 * and a copy of what is there must find room; but never less than half. */
int64_t memory_bound(int64_t most, int64_t beside);
