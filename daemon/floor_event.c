#include "daemon/floor_event.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>

struct floor_event *floor_event_create(enum record_kind kind, uint32_t record, unsigned value_count)
{
    REQUIRE(value_count <= FIELD_COUNT_MAX);
    struct floor_event *e = must_zalloc(sizeof *e + value_count * sizeof e->values[0]);
    e->holders = 1;
    e->kind = (uint8_t)kind;
    e->record = record;
    e->value_count = (uint8_t)value_count;
    return e;
}

void floor_event_hold(struct floor_event *e)
{
    e->holders++;
}

void floor_event_release(struct floor_event *e)
{
    if (e != NULL && --e->holders == 0) {
        free(e);
    }
}

int64_t floor_time_cut(enum floor_form form, int64_t us)
{
    return form == FORM_TIME_US ? us : us - us % MILLISECOND;
}
