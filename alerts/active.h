/* active.h - the alerts that fire, as their JSON, by id. Thread: one at a time. Memory: init to fini. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct active_item {
    char *id, *json;
};

struct active {
    struct active_item *at; /* by id, ascending */
    size_t count, room;
};

void active_init(struct active *a);
void active_fini(struct active *a);
/* Takes json; one that stands under the id is replaced. O(count). */
void active_put(struct active *a, const char *id, char *json);
/* NULL: none. O(log count). */
const char *active_find(const struct active *a, const char *id);
void active_remove(struct active *a, const char *id);
