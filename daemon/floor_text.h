/* floor_text.h - events of the simulated floor as JSON, written as many different systems would write them.
 *
 * Thread: any, one a buffer. Memory: appends to the caller's buffer. Pure: an event's text depends on the
 * event and the world alone, so that an exact repeat is exact.
 */
#pragma once
#include "base/text.h"
#include "daemon/floor_event.h"
#include "daemon/floor_world.h"

/* The id of a record: "L7-0000042" for lead 42 of seed 7. */
void floor_text_record(struct buffer *b, const struct floor_world *w, enum record_kind kind, uint32_t record);
/* The id of a message. */
void floor_text_event_id(struct buffer *b, const struct floor_world *w, uint64_t id);
/* A time in one of the FORM_TIME_ forms or FORM_DATE, as a JSON value. `style` chooses the zone's offset. */
void floor_text_time(struct buffer *b, const struct floor_world *w, enum floor_form form, int64_t us, uint64_t style);
/* A value of a field, as a JSON value. */
void floor_text_value(struct buffer *b, const struct floor_world *w, const struct field *field,
                      const struct floor_value *v, uint64_t style);
/* The whole message; not for a tombstone, which has no text. */
void floor_text_event(struct buffer *b, const struct floor_world *w, const struct floor_event *e);
