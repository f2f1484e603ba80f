#include "daemon/floor_text.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"

/* Digits by hand: 600,000 events with a dozen values each, and printf would take most of the time. */
static void add_digits(struct buffer *b, uint64_t n, int width)
{
    char digits[20];
    int count = 0;
    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    while (count < width && count < (int)sizeof digits) {
        digits[count++] = '0';
    }
    char turned[20];
    for (int i = 0; i < count; i++) {
        turned[i] = digits[count - 1 - i];
    }
    buffer_add(b, turned, (size_t)count);
}

static void add_id(struct buffer *b, const struct floor_world *w, char letter, uint64_t number)
{
    buffer_char(b, letter);
    add_digits(b, w->seed, 1);
    buffer_char(b, '-');
    add_digits(b, number, 7);
}

void floor_text_record(struct buffer *b, const struct floor_world *w, enum record_kind kind, uint32_t record)
{
    add_id(b, w, "LDPF"[kind], record);
}

void floor_text_event_id(struct buffer *b, const struct floor_world *w, uint64_t id)
{
    add_id(b, w, 'e', id);
}

static void add_date(struct buffer *b, int64_t days)
{
    struct civil c = civil_from_days(days);
    add_digits(b, (uint64_t)c.year, 4);
    buffer_char(b, '-');
    add_digits(b, (uint64_t)c.month, 2);
    buffer_char(b, '-');
    add_digits(b, (uint64_t)c.day, 2);
}

static void add_clock(struct buffer *b, enum floor_form form, int64_t us, int offset_minutes, uint64_t style)
{
    int64_t local = us + offset_minutes * MINUTE;
    int64_t days = local / DAY, in_day = local % DAY;
    if (in_day < 0) {
        days--;
        in_day += DAY;
    }
    add_date(b, days);
    buffer_char(b, 'T');
    add_digits(b, (uint64_t)(in_day / HOUR), 2);
    buffer_char(b, ':');
    add_digits(b, (uint64_t)(in_day / MINUTE % 60), 2);
    buffer_char(b, ':');
    add_digits(b, (uint64_t)(in_day / SECOND % 60), 2);
    int64_t fraction = in_day % SECOND;
    if (form == FORM_TIME_US) {
        buffer_char(b, '.');
        add_digits(b, (uint64_t)fraction, 6);
        if (style % 16 == 0) {
            buffer_string(b, "789"); /* some clocks have nanoseconds; they are cut off */
        }
    } else if (fraction != 0 || style % 4 == 0) {
        buffer_char(b, '.');
        add_digits(b, (uint64_t)(fraction / MILLISECOND), 3);
    }
}

void floor_text_time(struct buffer *b, const struct floor_world *w, enum floor_form form, int64_t us, uint64_t style)
{
    static const int offsets[] = {120, 330, -480, 60, -210, 765, 0, 180};
    if (form == FORM_TIME_EPOCH) {
        buffer_integer(b, us / MILLISECOND);
        return;
    }
    buffer_char(b, '"');
    if (form == FORM_DATE) {
        int64_t time_of_day;
        add_date(b, calendar_local_day(w->calendar, us, &time_of_day));
    } else if (form == FORM_TIME_ZONE) {
        int minutes = offsets[style / 16 % 8];
        unsigned size = (unsigned)(minutes < 0 ? -minutes : minutes);
        add_clock(b, form, us, minutes, style);
        buffer_char(b, minutes < 0 ? '-' : '+');
        add_digits(b, size / 60, 2);
        buffer_char(b, ':');
        add_digits(b, size % 60, 2);
    } else {
        add_clock(b, form, us, 0, style);
        buffer_char(b, 'Z');
    }
    buffer_char(b, '"');
}

static void add_decimal(struct buffer *b, int64_t micro, uint64_t style)
{
    uint64_t size = micro < 0 ? (uint64_t)-micro : (uint64_t)micro;
    uint64_t fraction = size % (uint64_t)MICRO;
    if (micro < 0) {
        buffer_char(b, '-');
    }
    add_digits(b, size / (uint64_t)MICRO, 1);
    int digits = 6;
    while (digits > 0 && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    if (style % 2 == 0 && digits < 2) { /* "1234.50", as most systems write money */
        while (digits < 2) {
            fraction *= 10;
            digits++;
        }
    }
    if (digits > 0) {
        buffer_char(b, '.');
        add_digits(b, fraction, digits);
    }
}

void floor_text_value(struct buffer *b, const struct floor_world *w, const struct field *field,
                      const struct floor_value *v, uint64_t style)
{
    switch ((enum floor_form)v->form) {
    case FORM_NULL: buffer_string(b, "null"); return;
    case FORM_WORD: buffer_json(b, floor_world_word(w, (uint32_t)v->number)); return;
    case FORM_CHOICE: buffer_json(b, text_of(field->words[v->number])); return;
    case FORM_INTEGER: buffer_integer(b, v->number); return;
    case FORM_NUMBER: add_decimal(b, v->number, style); return;
    case FORM_LEAD:
    case FORM_DEAL:
    case FORM_CUSTOMER:
        buffer_char(b, '"');
        add_id(b, w, v->form == FORM_LEAD ? 'L' : v->form == FORM_DEAL ? 'D' : 'C', (uint64_t)v->number);
        buffer_char(b, '"');
        return;
    case FORM_CURRENCY: {
        char code[4];
        currency_format((currency_code)v->number, code);
        buffer_json(b, text_of(code));
        return;
    }
    case FORM_STRING:
        buffer_char(b, '"');
        add_decimal(b, v->number, style);
        buffer_char(b, '"');
        return;
    case FORM_TIME_MS:
    case FORM_TIME_US:
    case FORM_TIME_ZONE:
    case FORM_TIME_EPOCH:
    case FORM_DATE: floor_text_time(b, w, (enum floor_form)v->form, v->number, style); return;
    case FORM_ABSENT: break;
    }
    REQUIRE(false && "an absent value has no text");
}

static void add_name(struct buffer *b, const char *name, uint64_t style)
{
    if (b->at[b->len - 1] != '{') {
        buffer_string(b, style % 8 == 3 ? ", " : ",");
    }
    buffer_char(b, '"');
    buffer_string(b, name);
    buffer_string(b, style % 8 == 3 ? "\": " : "\":");
}

static void add_head(struct buffer *b, const struct floor_world *w, const struct floor_event *e)
{
    add_name(b, record_kind_info((enum record_kind)e->kind)->key, e->style);
    buffer_char(b, '"');
    floor_text_record(b, w, (enum record_kind)e->kind, e->record);
    buffer_char(b, '"');
    if (e->id != 0) {
        add_name(b, "event_id", e->style);
        buffer_char(b, '"');
        floor_text_event_id(b, w, e->id);
        buffer_char(b, '"');
    }
    if (e->version != 0) {
        add_name(b, "version", e->style);
        buffer_integer(b, e->version);
    }
    if (e->occurred_form != FORM_ABSENT) {
        add_name(b, "occurred_at", e->style);
        floor_text_time(b, w, (enum floor_form)e->occurred_form, e->occurred_us, e->style >> 8);
    }
    if (e->deleted) {
        add_name(b, "deleted", e->style);
        buffer_string(b, "true");
    } else if (e->style >> 24 & 1 && e->style >> 25 & 1) {
        add_name(b, "deleted", e->style);
        buffer_string(b, e->style >> 26 & 1 ? "false" : "null"); /* both are as if absent */
    }
}

void floor_text_event(struct buffer *b, const struct floor_world *w, const struct floor_event *e)
{
    REQUIRE(!e->tombstone);
    const struct record_kind_info *kind = record_kind_info((enum record_kind)e->kind);
    bool head_last = (e->style >> 16 & 7) == 5;
    buffer_char(b, '{');
    if (!head_last) {
        add_head(b, w, e);
    }
    for (unsigned i = 0; i < e->value_count; i++) {
        const struct floor_value *v = &e->values[i];
        const struct field *field = &kind->fields[v->field];
        add_name(b, field->name, e->style);
        floor_text_value(b, w, field, v, e->style >> (v->field + 20));
    }
    if ((e->style >> 56 & 15) == 7) { /* members that nobody mapped must not matter */
        add_name(b, "crm", e->style);
        buffer_string(
            b,
            "{\"revision\":12,\"note\":\"called back \\u2013 \\\"wants 5\\\" \\ud83d\\ude00\",\"tags\":[1,null,{}]}");
    }
    if (head_last) {
        add_head(b, w, e);
    }
    buffer_char(b, '}');
}
