#include "daemon/record_text.h"
#include "base/instant.h"
#include "base/money.h"
#include <inttypes.h>

static void stamp_text(const struct stamp *s, struct buffer *out)
{
    buffer_format(out, "[%" PRId64 ",%" PRId64 ",\"%016" PRIx64 "%016" PRIx64 "\"]", s->major, s->minor, s->hash_high,
                  s->hash_low);
}

static void value_text(const struct ledger *l, enum record_kind k, unsigned field, int64_t value, struct buffer *out)
{
    const struct field *f = &record_kind_info(k)->fields[field];
    char currency[4];
    switch (f->type) {
    case FIELD_TEXT: buffer_json(out, ledger_text(l, k, field, value)); break;
    case FIELD_TIME: buffer_integer(out, value); break; /* to the microsecond */
    case FIELD_MONEY:
    case FIELD_POSITIVE:
    case FIELD_SHARE:
    case FIELD_DECIMAL:
        buffer_char(out, '"');
        micro_format(out, value);
        buffer_char(out, '"');
        break;
    case FIELD_CURRENCY:
        currency_format((currency_code)value, currency);
        buffer_json(out, text_of(currency));
        break;
    case FIELD_CHOICE: buffer_json(out, text_of(f->words[value])); break;
    case FIELD_INTEGER:
    case FIELD_DAY:
    case FIELD_RATE: buffer_integer(out, value); break; /* days since 1970, 10^-9 */
    case FIELD_FLAG: buffer_string(out, value != 0 ? "true" : "false"); break;
    }
}

static void fields_text(const struct ledger *l, const struct record *r, struct buffer *out)
{
    const struct record_kind_info *info = record_kind_info((enum record_kind)r->kind);
    const char *separator = "";
    for (unsigned f = 0; f < info->field_count; f++) {
        if (!record_has(r, f))
            continue;
        struct stamp stamp = record_stamp(r, f);
        buffer_format(out, "%s\"%s\":{\"value\":", separator, info->fields[f].name);
        value_text(l, (enum record_kind)r->kind, f, record_value(r, f), out);
        buffer_string(out, ",\"stamp\":");
        stamp_text(&stamp, out);
        buffer_char(out, '}');
        separator = ",";
    }
}

static void settings_text(const struct ledger *l, const struct record *r, struct buffer *out)
{
    const struct record_kind_info *info = record_kind_info((enum record_kind)r->kind);
    for (unsigned i = 0; i < record_setting_count(r); i++) {
        struct record_setting s = record_setting(r, i);
        buffer_format(out, "%s{\"field\":\"%s\",\"value\":", i > 0 ? "," : "", info->fields[s.field].name);
        if (s.word != 0)
            value_text(l, (enum record_kind)r->kind, s.field, s.word - 1, out);
        else
            buffer_string(out, "null");
        buffer_format(out, ",\"occurred_at\":%" PRId64 ",\"stamp\":", s.occurred_at_us);
        stamp_text(&s.stamp, out);
        buffer_char(out, '}');
    }
}

void record_text(const struct ledger *l, const struct record *r, struct buffer *out)
{
    buffer_format(out, "{\"kind\":\"%s\",\"key\":", record_kind_info((enum record_kind)r->kind)->name);
    buffer_json(out, intern_text(&l->keys[r->kind], r->slot));
    buffer_format(out, ",\"exists\":%s,\"fields\":{", record_exists(r) ? "true" : "false");
    fields_text(l, r, out);
    buffer_string(out, "},\"settings\":[");
    settings_text(l, r, out);
    buffer_string(out, "]}\n");
}
