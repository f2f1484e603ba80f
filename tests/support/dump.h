/* dump.h - a snapshot as text, for comparing what two shards say.
 *
 * One line for each measure that is not 0: "dimension entity window current|previous measure = number", and for each target.
 */
#pragma once
#include "aggregators/shard.h"
#include "base/text.h"
#include "config/config.h"

void dump_snapshot(struct buffer *out, const struct config *config, const struct snapshot *s);
/* Everything that the shard says now, cut for the reader, whose set of changes it clears. */
void dump_shard(struct buffer *out, const struct config *config, struct shard *shard, enum reader r);
