#include "aggregators/restoration.h"
#include "aggregators/target.h"
#include "base/error.h"
#include <stdlib.h>

struct restoration *restoration_create(void)
{
    struct restoration *r = must_zalloc(sizeof *r);
    ledger_init(&r->ledger);
    cut_init(&r->cut);
    return r;
}

void restoration_destroy(struct restoration *r)
{
    if (r == NULL)
        return;
    ledger_fini(&r->ledger);
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        for (uint32_t i = 0; i < r->event_room[k]; i++)
            kept_events_fini(&r->events[k][i].events);
        free(r->events[k]);
    }
    cut_fini(&r->cut);
    free(r);
}

static bool take_text(struct intern *texts, const struct stored_row *row)
{
    return row->number <= texts->count && intern_add(texts, row->bytes) == row->number;
}

static bool take_events(struct restoration *r, enum record_kind k, const struct stored_row *row)
{
    struct text bytes = row->bytes;
    uint8_t is_cut;
    if (row->number >= r->ledger.keys[k].count || !stored_take(&bytes, &is_cut, 1) || is_cut > 1 || bytes.len == 0)
        return false;
    r->events[k] = must_grow(r->events[k], &r->event_room[k], row->number, sizeof *r->events[k]);
    struct restored_events *e = &r->events[k][row->number];
    e->is_cut = is_cut != 0;
    unsigned most = k == KIND_TARGET ? TARGET_EVENTS_MAX : HISTORY_MAX;
    return e->events.count == 0 && kept_events_read(&e->events, k, most, bytes, ledger_holds, &r->ledger);
}

bool restoration_take(struct restoration *r, const struct stored_row *row)
{
    struct ledger *l = &r->ledger;
    if (row->table < STORED_WORDS)
        return row->table != STORED_NAMES + DIMENSION_COMPANY && text_is_name(row->bytes) &&
               take_text(&l->names[row->table - STORED_NAMES], row);
    if (row->table < STORED_RECORDS)
        return take_text(&l->words, row);
    if (row->table < STORED_EVENTS)
        return ledger_restore(l, row->table - STORED_RECORDS, row->number, row->bytes);
    if (row->table < STORED_CUT)
        return take_events(r, row->table - STORED_EVENTS, row);
    r->has_cut = !r->has_cut && row->table == STORED_CUT && row->number == 0 && cut_read(row->bytes, &r->cut);
    return r->has_cut;
}
