/* Rows as a disk may give them back: what restoration_take lets through must be a ledger from which all can be derived. The
 * first byte says by which configuration. */
#include "aggregators/restoration.h"
#include "aggregators/shard.h"
#include "base/error.h"
#include "base/instant.h"
#include "config/config.h"
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* By credit and corrections; made once. */
static const struct config *config_of(unsigned choice)
{
    static struct config *configs[4];
    struct config **c = &configs[choice % 4];
    if (*c == NULL) {
        *c = config_default();
        (*c)->credit = choice & 1 ? CREDIT_AT_CLOSE : CREDIT_CURRENT;
        (*c)->corrections = choice & 2 ? CORRECTIONS_BOOK : CORRECTIONS_RESTATE;
    }
    return *c;
}

static void derive(struct restoration *r, const struct config *config)
{
    static struct calendar *calendar;
    if (calendar == NULL)
        calendar = calendar_create("UTC", 1, 1);
    if (!r->has_cut || (shard_keeps(config) & ~r->cut.keeps) != 0) {
        restoration_destroy(r);
        return;
    }
    struct shard *shard = shard_restore(config, calendar, r, INT64_C(1709000000) * SECOND);
    struct snapshot *s = snapshot_create();
    while (!shard_work(shard, 1000))
        ;
    shard_cut(shard, READER_PUBLISHER, true, s);
    snapshot_destroy(s);
    shard_destroy(shard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct text rows = {(const char *)data + 1, size - 1};
    struct restoration *r = restoration_create();
    struct stored_row row;
    bool fine = true;
    while (fine && stored_next(&rows, &row))
        fine = restoration_take(r, &row);
    if (fine)
        derive(r, config_of(data[0]));
    else
        restoration_destroy(r);
    return 0;
}
