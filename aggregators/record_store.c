/* Bytes that come from a disk are looked through before anything relies on them: sizes, numbers of events and the order
 * that all other functions take for granted. */
#include "aggregators/leaf.h"
#include "aggregators/record_body.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

struct text record_told(const struct record *r)
{
    return r->body != NULL ? (struct text){bytes_of(r->body), layout_of(r->body, r->kind).end} : (struct text){"", 0};
}

static bool head_is_whole(const struct record_body *b, unsigned kind, size_t size)
{
    uint32_t fields = (1u << record_kind_info(kind)->field_count) - 1;
    for (enum body_column c = 0; c < BODY_COLUMNS; c++) {
        struct packed_form f = form_in(b, c);
        if (f.width > sizeof(int64_t) || (f.unit != PACKED_ONES && !(f.unit == PACKED_THOUSANDS && is_round(c))))
            return false;
    }
    return (b->told & ~fields) == 0 && (b->set & ~b->told) == 0 && b->event_count > 0 && b->event_count < EVENTS_MAX &&
           b->setting_count <= SETTINGS_MAX && b->deletion <= b->event_count && b->exists <= b->event_count &&
           layout_of(b, kind).end == size;
}

/* In the order of their stamps, each of them used. */
static bool events_are_whole(const struct record_body *b, const struct layout *at, const bool *used)
{
    struct told_event before = {.stamp.major = b->first_major};
    for (unsigned i = 1; i <= b->event_count; i++) {
        struct told_event e = event_at(b, at, i);
        if (!used[i] || e.occurred_at_us < -AT_MAX || e.occurred_at_us > AT_MAX)
            return false;
        if (i == 1 ? e.stamp.major != b->first_major : stamp_compare(&before.stamp, &e.stamp) >= 0)
            return false;
        before = e;
    }
    return true;
}

static bool is_history(unsigned kind, unsigned field)
{
    return field == stage_field_of(kind) || (kind == KIND_DEAL && field <= FIELD_TEAM);
}

typedef bool holds_value(const void *context, enum record_kind kind, unsigned field, int64_t value);

/* By (event, field), none before the deletion, of each history no more than are kept. */
static bool settings_are_whole(const struct record_body *b, const struct layout *at, unsigned kind, bool *used,
                               holds_value *holds, const void *context)
{
    unsigned owners = 0, event_before = 0, field_before = 0;
    for (unsigned i = 0; i < b->setting_count; i++) {
        unsigned event = event_of_setting(b, at, i), field = field_of_setting(b, at, i);
        int64_t word = word_at(b, at, i);
        bool in_order = i == 0 || event_before < event || (event_before == event && field_before < field);
        if (event == NO_EVENT || event > b->event_count || event < b->deletion || !in_order ||
            !is_history(kind, field) || word < 0 || word > UINT32_MAX ||
            (word != 0 && !holds(context, kind, field, word - 1)))
            return false;
        used[event] = true;
        owners += field <= FIELD_TEAM;
        event_before = event;
        field_before = field;
    }
    return owners <= HISTORY_MAX && b->setting_count - owners <= HISTORY_MAX;
}

static bool fields_are_whole(const struct record *r, const struct layout *at, bool *used, holds_value *holds,
                             const void *context)
{
    const struct record_body *b = r->body;
    for (uint32_t left = b->told; left != 0; left &= left - 1) {
        unsigned f = (unsigned)__builtin_ctz(left), event = event_of_field(b, at, f);
        if (event == NO_EVENT || event > b->event_count || event < b->deletion || event > b->exists)
            return false;
        used[event] = true;
        if (b->set & 1u << f && !holds(context, (enum record_kind)r->kind, f, record_value(r, f)))
            return false;
    }
    return true;
}

/* The stage that stands must be the last one that its history holds: record_closing_us relies on it. */
static bool stage_is_last(const struct record *r, const struct layout *at)
{
    const struct record_body *b = r->body;
    unsigned stage = stage_field_of(r->kind);
    if (stage == FIELD_COUNT_MAX || !(b->told & 1u << stage))
        return true;
    for (unsigned i = b->setting_count; i-- > 0;) {
        if (field_of_setting(b, at, i) != stage)
            continue;
        int64_t standing = b->set & 1u << stage ? record_value(r, stage) + 1 : 0;
        return event_of_setting(b, at, i) == event_of_field(b, at, stage) && word_at(b, at, i) == standing;
    }
    return false;
}

static bool is_whole(const struct record *r, holds_value *holds, const void *context)
{
    const struct record_body *b = r->body;
    struct layout at = layout_of(b, r->kind);
    bool used[EVENTS_MAX] = {false}; /* by numbers from 1 on */
    used[b->deletion] = used[b->exists] = true;
    return (b->exists == NO_EVENT || b->exists >= b->deletion) && fields_are_whole(r, &at, used, holds, context) &&
           settings_are_whole(b, &at, r->kind, used, holds, context) && events_are_whole(b, &at, used) &&
           stage_is_last(r, &at);
}

bool record_restore(struct record *r, struct text told, holds_value *holds, const void *context)
{
    REQUIRE(r->body == NULL);
    struct record_body head;
    if (told.len == 0)
        return true;
    if (told.len < sizeof head)
        return false;
    memcpy(&head, told.at, sizeof head);
    if (!head_is_whole(&head, r->kind, told.len))
        return false;
    r->body = must_alloc(must_room(told.len));
    memcpy(r->body, told.at, told.len);
    if (is_whole(r, holds, context))
        return true;
    free(r->body);
    r->body = NULL;
    return false;
}
