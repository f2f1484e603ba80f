#include "aggregators/record.h"
#include "aggregators/record_body.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

const uint32_t record_instants[KIND_COUNT] = {
    [KIND_LEAD] = 1u << LEAD_CREATED_AT | 1u << LEAD_FIRST_CONTACT_AT | 1u << LEAD_CLOSED_AT,
    [KIND_DEAL] = 1u << DEAL_CREATED_AT | 1u << DEAL_CLOSED_AT | 1u << DEAL_EXPECTED_CLOSE_AT,
    [KIND_PAYMENT] = 1u << PAYMENT_PAID_AT,
    [KIND_FEEDBACK] = 1u << FEEDBACK_ANSWERED_AT,
    [KIND_MEMBER] = 1u << MEMBER_STARTS_AT | 1u << MEMBER_ENDS_AT,
};

const uint32_t record_numbers[KIND_COUNT] = {
    [KIND_LEAD] = 1u << LEAD_COST,         [KIND_DEAL] = 1u << DEAL_AMOUNT | 1u << DEAL_QUANTITY,
    [KIND_PAYMENT] = 1u << PAYMENT_AMOUNT, [KIND_FEEDBACK] = 1u << FEEDBACK_SCORE | 1u << FEEDBACK_SCALE,
    [KIND_RATE] = 1u << RATE_RATE,         [KIND_TARGET] = 1u << TARGET_VALUE | 1u << TARGET_RAMP_PERIODS,
};

static unsigned child_lists(enum record_kind kind)
{
    return kind == KIND_LEAD ? 1 : kind == KIND_DEAL ? 2 : 0;
}

size_t record_size(enum record_kind kind)
{
    size_t align = _Alignof(struct record),
           size = offsetof(struct record, first_child) + child_lists(kind) * sizeof(uint32_t);
    return (size + align - 1) / align * align;
}

void record_init(struct record *r, enum record_kind kind, uint32_t slot)
{
    memset(r, 0, record_size(kind));
    r->kind = (uint8_t)kind;
    r->slot = slot;
    r->next = r->previous = SLOT_NONE;
    for (unsigned i = 0; i < child_lists(kind); i++)
        r->first_child[i] = SLOT_NONE;
}

struct record *record_create(enum record_kind kind, uint32_t slot)
{
    struct record *r = must_alloc(record_size(kind));
    record_init(r, kind, slot);
    return r;
}

void record_destroy(struct record *r)
{
    record_fini(r);
    free(r);
}

void record_fini(struct record *r)
{
    free(r->body);
}

uint64_t record_bytes(const struct record *r)
{
    return record_size((enum record_kind)r->kind) + must_room(record_told(r).len);
}

bool record_exists(const struct record *r)
{
    return r->body != NULL && r->body->exists != NO_EVENT;
}

bool record_has(const struct record *r, unsigned field)
{
    return r->body != NULL && (r->body->set & 1u << field) != 0;
}

void record_fetch(const struct record *r)
{
    enum { LINE = 64, LINES = 3 }; /* of which most have no more */
    for (unsigned i = 0; i < LINES && r->body != NULL; i++)
        __builtin_prefetch(bytes_of(r->body) + i * LINE);
}

/* That of a name is asked for most. */
int64_t record_value(const struct record *r, unsigned field)
{
    const struct record_body *b = r->body;
    uint32_t bit = 1u << field, before = below(field);
    uint32_t names = b->set & fields_in(COLUMN_NAMES, r->kind), instants = b->set & fields_in(COLUMN_INSTANTS, r->kind);
    struct packed_form f = form_in(b, COLUMN_NAMES);
    const char *at = bytes_of(b) + BODY_HEAD;
    if (names & bit)
        return packed_read(at + bits_count(names & before) * f.width, f.width);
    at += bits_count(names) * f.width;
    f = form_in(b, COLUMN_INSTANTS);
    if (instants & bit)
        return after(b->first_major, packed_number(at + bits_count(instants & before) * f.width, f));
    at += bits_count(instants) * f.width;
    f = form_in(b, COLUMN_NUMBERS);
    return packed_number(at + bits_count((b->set ^ names ^ instants) & before) * f.width, f);
}

struct stamp record_stamp(const struct record *r, unsigned field)
{
    struct layout at = layout_of(r->body, r->kind);
    return event_at(r->body, &at, event_of_field(r->body, &at, field)).stamp;
}

unsigned record_setting_count(const struct record *r)
{
    return r->body != NULL ? r->body->setting_count : 0;
}

struct record_setting record_setting(const struct record *r, unsigned i)
{
    const struct record_body *b = r->body;
    struct layout at = layout_of(b, r->kind);
    struct told_event e = event_at(b, &at, event_of_setting(b, &at, i));
    return (struct record_setting){e.stamp, e.occurred_at_us, (uint8_t)field_of_setting(b, &at, i), word_at(b, &at, i)};
}

int64_t record_owner_at(const struct record *r, unsigned field, int64_t at_us)
{
    int64_t earliest = 0;
    for (unsigned i = record_setting_count(r); i-- > 0;) {
        struct record_setting s = record_setting(r, i);
        if (s.field != field)
            continue;
        if (s.occurred_at_us <= at_us)
            return s.word;
        earliest = s.word;
    }
    return earliest;
}

int64_t record_closing_us(const struct record *r, unsigned stage_field, unsigned closed_at_field,
                          bool (*is_open)(int64_t word, const void *context), const void *context)
{
    int64_t standing = record_has(r, stage_field) ? record_value(r, stage_field) + 1 : 0;
    if (is_open(standing, context))
        return INSTANT_NONE;
    const struct record_body *b = r->body;
    struct layout at = layout_of(b, r->kind);
    int64_t earliest = INT64_MAX;
    bool all_since = true; /* the settings seen so far say what stands */
    unsigned i = b->setting_count;
    for (; i > 0; i--) {
        if (field_of_setting(b, &at, i - 1) != stage_field)
            continue;
        int64_t word = word_at(b, &at, i - 1);
        if (is_open(word, context))
            break;
        all_since = all_since && word == standing;
        int64_t occurred_at_us = event_at(b, &at, event_of_setting(b, &at, i - 1)).occurred_at_us;
        if (all_since && occurred_at_us < earliest)
            earliest = occurred_at_us;
    }
    if (record_has(r, closed_at_field) &&
        (i == 0 || event_of_field(b, &at, closed_at_field) >= event_of_setting(b, &at, i - 1)))
        return record_value(r, closed_at_field);
    REQUIRE(earliest != INT64_MAX); /* the standing stage is itself the last setting */
    return earliest;
}
