/* decode.c - the order in which a message is judged, and the checks that concern it as a whole.
 *
 * size - tombstone - JSON - depth and repeated members - filter - key - event_id - version - occurred_at - skew -
 * deleted - the fields in the order of their table - bounds of amounts - score. The first that fails is the reason,
 * so the same message always has the same one. The filter comes before the key, because what it keeps out need
 * not be a record at all.
 */
#include "consumers/decode.h"
#include "consumers/fields.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields of an input's kind, as bits, that are asked for each field of each message. */
struct field_sets {
    uint32_t texts, ids; /* ids are texts */
};

struct decoder {
    const struct config *config;
    const struct calendar *calendar;
    struct mapping *mappings[INPUTS_MAX];
    struct field_sets sets[INPUTS_MAX];
    struct json_reader json;
    struct field_reader fields;
    int base_decimals;
    int64_t rounded;
    char detail[320];
};

/* One message on its way through decode. */
struct work {
    struct decoder *decoder;
    const struct mapping *mapping;
    const struct field_sets *sets;
    const struct message *message;
    uint32_t ready; /* targets that stand in the message's JSON and mean what they say */
    struct mapped found;
    int64_t kafka_ms;
    void *memory;
    bool filtered;
    int64_t rounded;
    struct event_builder builder;
};

static struct field_sets sets_of(enum record_kind kind)
{
    const struct record_kind_info *info = record_kind_info(kind);
    struct field_sets s = {0, 0};
    for (unsigned i = 0; i < info->field_count; i++) {
        if (info->fields[i].type != FIELD_TEXT)
            continue;
        s.texts |= UINT32_C(1) << i;
        if (field_is_id(&info->fields[i]))
            s.ids |= UINT32_C(1) << i;
    }
    return s;
}

struct decoder *decoder_create(const struct config *config, const struct calendar *calendar)
{
    struct decoder *d = must_zalloc(sizeof *d);
    d->config = config;
    d->calendar = calendar;
    for (unsigned i = 0; i < config->input_count; i++) {
        d->mappings[i] = mapping_create(&config->inputs[i]);
        d->sets[i] = sets_of(config->inputs[i].kind);
    }
    field_reader_init(&d->fields, config, calendar);
    json_reader_init(&d->json, (size_t)config->kafka.message_size_max);
    d->base_decimals = config_currency_decimals(config, config->base_currency);
    REQUIRE(d->base_decimals >= 0);
    return d;
}

void decoder_destroy(struct decoder *d)
{
    if (d == NULL)
        return;
    for (unsigned i = 0; i < INPUTS_MAX; i++)
        mapping_destroy(d->mappings[i]);
    json_reader_fini(&d->json);
    free(d);
}

const char *decoder_detail(const struct decoder *d)
{
    return d->detail;
}

int64_t decoder_rounded(const struct decoder *d)
{
    return d->rounded;
}

static enum error refuse(struct work *w, enum error e, struct text about)
{
    char *detail = w->decoder->detail;
    snprintf(detail, sizeof w->decoder->detail, "%.*s", (int)(about.len < 256 ? about.len : 256), about.at);
    /* A member's name is whatever the sender wrote, and this goes to headers and terminals. */
    for (char *at = detail; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    return e;
}

static enum error refuse_target(struct work *w, enum error e, unsigned target)
{
    return refuse(w, e, text_of(mapping_name(w->mapping, target)));
}

/* Most values are ready; only for the others is the mapping asked. */
static inline struct value value_of(const struct work *w, unsigned target)
{
    if (w->ready >> target & 1)
        return json_value(w->found.json[target]);
    return mapping_value(w->mapping, &w->found, &w->message->parts, target);
}

static inline bool is_given(const struct value *v)
{
    return v->type != VALUE_ABSENT && v->type != VALUE_NULL;
}

/* "123" of a header, whole milliseconds not before the epoch. */
static bool milliseconds_parse(struct text t, int64_t *out)
{
    int64_t ms;
    struct value v = {.type = VALUE_TEXT, .outside = true, .text = t};
    if (value_integer(&v, &ms) != OK || ms < 0)
        return false;
    *out = ms;
    return true;
}

/* The time stamp that the message counts as sent at. */
static enum error read_kafka_time(struct work *w)
{
    const struct message_parts *parts = &w->message->parts;
    struct text header;
    w->kafka_ms = w->message->kafka_ms;
    if (parts->header != NULL && parts->header(parts->context, HEADER_TIMESTAMP, &header) &&
        !milliseconds_parse(header, &w->kafka_ms))
        return refuse(w, BAD_TIME, TEXT("header " HEADER_TIMESTAMP));
    return OK;
}

static enum error kafka_time_us(const struct work *w, int64_t *out_us)
{
    if (w->kafka_ms < 0)
        return BAD_STAMP;
    if (w->kafka_ms >= INSTANT_END / MILLISECOND)
        return BAD_TIME;
    *out_us = w->kafka_ms * MILLISECOND;
    return OK;
}

/* AMENDMENT 10: the key is the message's, the stamp (time stamp, 0, empty, 0): the smallest of its instant. */
static enum error tombstone(struct work *w)
{
    const struct input_config *input = mapping_input(w->mapping);
    struct value v = {.type = VALUE_TEXT, .outside = true, .text = w->message->parts.key};
    int64_t at_us;
    if (input->tombstones == TOMBSTONES_IGNORE) {
        w->filtered = true;
        return OK;
    }
    if (input->order_by == ORDER_BY_VERSION)
        return BAD_TOMBSTONE;
    if (v.text.at == NULL || v.text.len == 0)
        return refuse(w, BAD_KEY, TEXT("the message's key"));
    enum error e = value_id(&v);
    if (e != OK)
        return refuse(w, e, TEXT("the message's key"));
    e = kafka_time_us(w, &at_us);
    if (e != OK)
        return refuse(w, e, TEXT("the message's time stamp"));
    event_begin(&w->builder, w->memory, input->kind, v.text);
    w->builder.event->flags |= EVENT_DELETED;
    event_finish(&w->builder, at_us, 0, false, TEXT(""));
    w->builder.event->stamp.hash_high = w->builder.event->stamp.hash_low = 0;
    return OK;
}

struct heading {
    struct text key, event_id;
    int64_t version, occurred_at_us;
    bool deleted;
};

static enum error read_heading(struct work *w, struct heading *h)
{
    const struct input_config *input = mapping_input(w->mapping);
    const struct config *config = w->decoder->config;
    struct value v = value_of(w, TARGET_KEY);
    enum error e;
    if (!is_given(&v))
        return refuse_target(w, BAD_KEY, TARGET_KEY);
    if ((e = value_id(&v)) != OK)
        return refuse_target(w, e, TARGET_KEY);
    h->key = v.text;

    h->event_id = TEXT("");
    v = value_of(w, TARGET_EVENT_ID);
    if (is_given(&v)) {
        if ((e = value_id(&v)) != OK)
            return refuse_target(w, e, TARGET_EVENT_ID);
        h->event_id = v.text;
    }

    h->version = 0;
    v = value_of(w, TARGET_VERSION);
    if (is_given(&v)) {
        if ((e = value_integer(&v, &h->version)) != OK)
            return refuse_target(w, e, TARGET_VERSION);
    } else if (input->order_by == ORDER_BY_VERSION) {
        return refuse_target(w, BAD_STAMP, TARGET_VERSION);
    }

    v = value_of(w, TARGET_OCCURRED_AT);
    e = is_given(&v) ? value_time(&v, w->decoder->calendar, &h->occurred_at_us) : kafka_time_us(w, &h->occurred_at_us);
    if (e != OK)
        return refuse_target(w, e, TARGET_OCCURRED_AT);
    /* Against the message's own time stamp, never the clock: a replay must judge alike. */
    if (w->kafka_ms >= 0 && w->kafka_ms < INSTANT_END / MILLISECOND &&
        h->occurred_at_us > (w->kafka_ms + config->kafka.clock_skew_ms) * MILLISECOND)
        return refuse_target(w, BAD_SKEW, TARGET_OCCURRED_AT);

    h->deleted = false;
    v = value_of(w, TARGET_DELETED);
    if (is_given(&v) && (e = value_bool(&v, &h->deleted)) != OK)
        return refuse_target(w, e, TARGET_DELETED);
    return OK;
}

static enum error read_fields(struct work *w, struct field_result *results, uint32_t *out_given)
{
    const struct input_config *input = mapping_input(w->mapping);
    const struct record_kind_info *info = record_kind_info(input->kind);
    bool full = input->events == EVENTS_FULL;
    uint32_t looked_at = (UINT32_C(1) << info->field_count) - 1;
    if (!full)
        looked_at &= mapping_given(w->mapping, &w->found);
    for (; looked_at != 0; looked_at &= looked_at - 1) {
        unsigned i = (unsigned)__builtin_ctz(looked_at);
        struct value v = value_of(w, i);
        if (v.type == VALUE_ABSENT && full && mapping_has(w->mapping, i))
            v.type = VALUE_NULL;
        if (v.type == VALUE_ABSENT)
            continue;
        if (v.type == VALUE_NULL) {
            event_add_null(&w->builder, i);
            continue;
        }
        uint32_t bit = UINT32_C(1) << i;
        enum error e;
        if (w->sets->texts & bit) {
            e = w->sets->ids & bit ? value_id(&v) : value_name(&v);
            if (e == OK)
                event_add_text(&w->builder, i, v.text);
        } else {
            e = field_read(&w->decoder->fields, &info->fields[i], &v, &results[i]);
            if (e == OK)
                event_add_number(&w->builder, i, results[i].number);
            *out_given |= bit;
        }
        if (e != OK)
            return refuse_target(w, e, i);
    }
    return OK;
}

/* A kind's money and the field that says in which currency; -1 = it has none. */
struct money_fields {
    int amount, currency;
};

static struct money_fields money_of(enum record_kind kind)
{
    switch (kind) {
    case KIND_LEAD: return (struct money_fields){LEAD_COST, LEAD_CURRENCY};
    case KIND_DEAL: return (struct money_fields){DEAL_AMOUNT, DEAL_CURRENCY};
    case KIND_PAYMENT: return (struct money_fields){PAYMENT_AMOUNT, PAYMENT_CURRENCY};
    default: return (struct money_fields){-1, -1};
    }
}

/* What only fields together can say, and only those of this very message: what stands in the ledger depends on what
 * came before (AMENDMENT 6). `given` are the fields that have results. */
static enum error judge(struct work *w, const struct field_result *results, uint32_t given)
{
    enum record_kind kind = mapping_input(w->mapping)->kind;
    struct money_fields money = money_of(kind);
    for (uint32_t rest = given; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        bool rounded = results[i].rounded;
        if (i == money.amount) {
            int decimals = w->decoder->base_decimals;
            if (given & UINT32_C(1) << money.currency)
                decimals = field_reader_decimals(&w->decoder->fields, (currency_code)results[money.currency].number);
            int128 minor = micro_to_minor(results[i].number, decimals);
            if (minor > MINOR_MAX || minor < -MINOR_MAX)
                return refuse_target(w, BAD_AMOUNT, (unsigned)i);
            rounded = rounded || results[i].number % power_of_ten(6 - decimals) != 0;
        }
        w->rounded += rounded;
    }
    const uint32_t scored =
        UINT32_C(1) << FEEDBACK_KIND | UINT32_C(1) << FEEDBACK_SCALE | UINT32_C(1) << FEEDBACK_SCORE;
    if (kind == KIND_FEEDBACK && (given & scored) == scored &&
        results[FEEDBACK_SCORE].number > results[FEEDBACK_SCALE].number * MICRO)
        return refuse_target(w, BAD_SCORE, FEEDBACK_SCORE);
    return OK;
}

static enum error record(struct work *w, yyjson_val *root)
{
    const struct input_config *input = mapping_input(w->mapping);
    struct text name;
    enum error e = mapping_find(w->mapping, root, &w->found, &name);
    if (e != OK)
        return refuse(w, e, name);
    w->ready = mapping_plain(w->mapping) & w->found.present;
    if (!mapping_passes(w->mapping, &w->found)) {
        w->filtered = true;
        return OK;
    }
    struct heading h = {0};
    if ((e = read_heading(w, &h)) != OK)
        return e;
    event_begin(&w->builder, w->memory, input->kind, h.key);
    if (h.deleted) {
        w->builder.event->flags |= EVENT_DELETED;
    } else {
        struct field_result results[FIELD_COUNT_MAX];
        uint32_t given = 0;
        if ((e = read_fields(w, results, &given)) != OK || (e = judge(w, results, given)) != OK)
            return e;
    }
    event_finish(&w->builder, h.occurred_at_us, h.version, input->order_by == ORDER_BY_VERSION, h.event_id);
    return OK;
}

static enum error read_json(struct work *w, yyjson_val **out_root)
{
    struct json_reader *json = &w->decoder->json;
    enum error e = json_read(json, w->message->value, out_root);
    size_t at;
    const char *problem = json_problem(json, &at);
    if (e == BAD_SIZE)
        snprintf(w->decoder->detail, sizeof w->decoder->detail, "%zu bytes", w->message->value.len);
    else if (e != OK)
        snprintf(w->decoder->detail, sizeof w->decoder->detail, "%s at byte %zu", problem, at);
    return e;
}

/* What became of the message, as an event. */
static uint32_t finish(struct work *w, enum error e, uint32_t slot, int64_t offset)
{
    struct event *event = w->memory;
    if (e != OK || w->filtered) {
        event_note(event, e != OK ? EVENT_DEAD_LETTER : EVENT_FILTERED, slot, offset, TEXT(""));
        event->kind = (uint8_t)mapping_input(w->mapping)->kind;
        event->reason = (uint8_t)e;
    } else {
        w->decoder->rounded += w->rounded;
    }
    event->slot = slot;
    event->offset = offset;
    event->kafka_ms = w->kafka_ms;
    return event->size;
}

/* Not by an initialiser: that would clear some kilobytes for each message. */
static void begin(struct work *w, struct decoder *d, unsigned input, const struct message *message, void *memory)
{
    w->decoder = d;
    w->mapping = d->mappings[input];
    w->sets = &d->sets[input];
    w->message = message;
    w->memory = memory;
    w->filtered = false;
    w->rounded = 0;
    d->detail[0] = '\0';
}

uint32_t decode(struct decoder *d, unsigned input, const struct message *message, uint32_t slot, int64_t offset,
                void *memory)
{
    struct work w;
    begin(&w, d, input, message, memory);
    yyjson_val *root;
    enum error e = read_kafka_time(&w);
    if (e == OK && message->value.len == 0)
        return finish(&w, tombstone(&w), slot, offset);
    if (e == OK)
        e = read_json(&w, &root);
    if (e == OK)
        e = record(&w, root);
    return finish(&w, e, slot, offset);
}

/* The two members of a line that are not part of its event. */
struct line_members {
    struct value key, timestamp;
    unsigned others;
};

static enum error find_line_members(yyjson_val *root, struct line_members *out)
{
    yyjson_val *key, *value;
    size_t i, count;
    *out = (struct line_members){.others = 0};
    yyjson_obj_foreach(root, i, count, key, value)
    {
        struct value *member = yyjson_equals_str(key, "kafka_key")         ? &out->key
                               : yyjson_equals_str(key, "kafka_timestamp") ? &out->timestamp
                                                                           : NULL;
        if (member == NULL) {
            out->others++;
            continue;
        }
        if (member->type != VALUE_ABSENT)
            return BAD_DUPLICATE_KEY;
        *member = json_value(value);
    }
    return OK;
}

uint32_t decode_line(struct decoder *d, unsigned input, struct text line, uint32_t slot, int64_t line_number,
                     void *memory)
{
    struct message message = {.value = line, .kafka_ms = -1};
    struct line_members members;
    struct work w;
    begin(&w, d, input, &message, memory);
    w.kafka_ms = -1;
    yyjson_val *root;
    enum error e = read_json(&w, &root);
    if (e != OK)
        return finish(&w, e, slot, line_number);
    if (find_line_members(root, &members) != OK)
        return finish(&w, refuse(&w, BAD_DUPLICATE_KEY, TEXT("kafka_key or kafka_timestamp")), slot, line_number);
    if (is_given(&members.timestamp)) {
        int64_t at_us; /* read as any other time, so that what Kafka could never have stamped is refused */
        e = value_integer(&members.timestamp, &w.kafka_ms);
        if (e == OK)
            e = value_time(&members.timestamp, d->calendar, &at_us);
        if (e != OK) {
            w.kafka_ms = -1;
            return finish(&w, refuse(&w, BAD_TIME, TEXT("kafka_timestamp")), slot, line_number);
        }
        message.kafka_ms = w.kafka_ms;
    }
    if (members.key.type == VALUE_TEXT || members.key.type == VALUE_NUMBER)
        message.parts.key = members.key.text;
    else if (is_given(&members.key))
        return finish(&w, refuse(&w, BAD_TYPE, TEXT("kafka_key")), slot, line_number);
    e = members.key.type != VALUE_ABSENT && members.others == 0 ? tombstone(&w) : record(&w, root);
    return finish(&w, e, slot, line_number);
}
