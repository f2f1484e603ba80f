/* derivation.h - keeps every entity equal to what the ledger stands for.
 *
 * The one place where old contributions are taken back and new ones added: of a record, of those that
 * inherit from it, of its customer and its lead. An event is applied whole (derivation_apply returns
 * when nothing is pending), so that no snapshot can show half of it.
 *
 * Thread: the shard's writer. Memory: derivation_init to derivation_fini.
 */
#pragma once
#include "aggregators/contribution.h"
#include "aggregators/entities.h"
#include "aggregators/ledger.h"
#include "aggregators/links.h"
#include "aggregators/timers.h"

struct derivation {
    struct valuation valuation;
    struct ledger ledger;
    struct entities entities;
    struct links links;
    struct timers deals, leads, customers; /* by slot or word: when a flag turns by time alone */
    int64_t now_us;
    int64_t records[KIND_COUNT], oddities[ODDITY_COUNT];
};

void derivation_init(struct derivation *d, const struct config *config, const struct calendar *calendar);
void derivation_fini(struct derivation *d);
enum record_change derivation_apply(struct derivation *d, const struct event *e);
/* now_us is not before d->now_us. */
void derivation_advance(struct derivation *d, int64_t now_us);
/* The earliest instant at which something changes by time alone, INT64_MAX where nothing will. */
int64_t derivation_next_us(const struct derivation *d);
