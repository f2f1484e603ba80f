/* snapshot_fill.h - how the writer fills a snapshot; readers use snapshot.h.
 *
 * Thread: whoever makes the cut, before the hand-over. Order: reserve or not, begin, then for each entity entity and one
 * sums for each window of its dimension in the order of config.windows, with nothing in between; or an image.
 */
#pragma once
#include "aggregators/increments.h"
#include "aggregators/snapshot.h"

void snapshot_begin(struct snapshot *s, int64_t as_of_us, bool everything, unsigned window_count,
                    const bool *window_has_previous, const struct accounts *accounts, const int64_t *records,
                    const int64_t *oddities);
/* Before snapshot_begin: room for so many entities with so many bytes and targets together, so that these are not moved until more have
 * come. What was in it is gone. */
void snapshot_reserve(struct snapshot *s, size_t entities, size_t bytes, size_t targets);
/* How many bytes and targets are in it. */
size_t snapshot_filled(const struct snapshot *s);
size_t snapshot_targets_filled(const struct snapshot *s);
void snapshot_set_provisional(struct snapshot *s, unsigned window, bool is_provisional);
void snapshot_add_position(struct snapshot *s, const struct snapshot_position *p);
void snapshot_add_entity(struct snapshot *s, enum dimension d, struct text name, uint32_t id);
/* Of the entity that was added last: something stands for it. */
void snapshot_mark_standing(struct snapshot *s);
/* Of the entity that was added last; the texts are copied. */
void snapshot_add_about(struct snapshot *s, const struct snapshot_about *about);
/* Of the entity that was added last, by (window, KPI). */
void snapshot_add_target(struct snapshot *s, const struct snapshot_target *target);
/* Of the window that was added last, pair_count > 0. */
void snapshot_add_own(struct snapshot *s, unsigned window, unsigned pair_count, const struct own_sums *current,
                      const struct own_sums *previous);
/* Once after begin, for each series of the configuration in its order. */
void snapshot_add_starts(struct snapshot *s, unsigned series, const int64_t *starts_us, unsigned count);
/* Of the entity that was added last: it has the series, whose points follow, the oldest first. */
void snapshot_add_series(struct snapshot *s, unsigned series);
void snapshot_add_point(struct snapshot *s, const struct sums *sums);
/* Of the entity that was added last, instead of sums of each window: `windows` with the increments added. The snapshot holds it until
 * it is filled again. */
void snapshot_add_image(struct snapshot *s, struct image *windows, const struct increment *increments, unsigned count);
/* The sums of all windows of the entity that was added last, as an image; nothing was added since. NULL: there is no
 * window. */
struct image *snapshot_image(const struct snapshot *s);
void snapshot_add_sums(struct snapshot *s, unsigned window, const struct sums *current, const struct sums *previous);
