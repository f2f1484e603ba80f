/* decode.c - the order in which a message is judged, and the checks that concern it as a whole.
 *
 * size - tombstone - JSON - depth and repeated members - filter - key - event_id - version - occurred_at - skew -
 * deleted - the fields in the order of their table - bounds of amounts - score. The first that fails is the reason,
 * so the same message always has the same one. The filter comes before the key, because what it keeps out need
 * not be a record at all.
 */
#include "consumers/decode.h"
#include "consumers/fields.h"
#include "consumers/scan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)SCAN_SLACK >= 2 * (int)EVENT_SLACK, "texts that scan_find gives are roomy");

/* What is asked of an input for each of its messages. */
struct input {
    struct mapping *mapping;
    const struct input_config *config;
    const struct record_kind_info *info;
    uint32_t texts, ids; /* fields of its kind, as bits; ids are texts */
    uint32_t plain;      /* mapping_plain */
    bool full, filtered;
};

struct decoder {
    const struct config *config;
    const struct calendar *calendar;
    struct input inputs[INPUTS_MAX];
    struct scanner scanner;
    struct json_reader json;
    bool scans;
    int64_t scanned;
    struct field_reader fields;
    int base_decimals;
    int64_t rounded;
    char detail[320];
};

/* One message on its way through decode. */
struct work {
    struct decoder *decoder;
    const struct input *input;
    const struct message *message;
    struct mapped found;
    struct text roomy; /* event_builder's: what was found lies in it, or it is empty */
    /* targets, as bits */
    uint32_t ready;     /* that stand in the message's JSON and mean what they say */
    uint32_t missing;   /* that nothing stands for */
    struct value asked; /* what the mapping said of another one */
    /* fields, as bits */
    uint32_t absent, cleared;
    uint32_t given; /* that have results */
    struct field_result results[FIELD_COUNT_MAX];
    int64_t kafka_ms;
    void *memory;
    bool filtered;
    int64_t rounded;
    struct event_builder builder;
};

static struct input input_of(const struct input_config *config)
{
    struct input in = {.mapping = mapping_create(config),
                       .config = config,
                       .info = record_kind_info(config->kind),
                       .full = config->events == EVENTS_FULL};
    in.plain = mapping_plain(in.mapping);
    in.filtered = mapping_has(in.mapping, TARGET_FILTER);
    for (unsigned i = 0; i < in.info->field_count; i++) {
        if (in.info->fields[i].type != FIELD_TEXT)
            continue;
        in.texts |= UINT32_C(1) << i;
        if (field_is_id(&in.info->fields[i]))
            in.ids |= UINT32_C(1) << i;
    }
    return in;
}

struct decoder *decoder_create(const struct config *config, const struct calendar *calendar)
{
    struct decoder *d = must_zalloc(sizeof *d);
    d->config = config;
    d->calendar = calendar;
    for (unsigned i = 0; i < config->input_count; i++)
        d->inputs[i] = input_of(&config->inputs[i]);
    field_reader_init(&d->fields, config, calendar);
    scanner_init(&d->scanner, (size_t)config->kafka.message_size_max);
    json_reader_init(&d->json, (size_t)config->kafka.message_size_max);
    d->scans = true;
    d->base_decimals = config_currency_decimals(config, config->base_currency);
    REQUIRE(d->base_decimals >= 0);
    return d;
}

void decoder_destroy(struct decoder *d)
{
    if (d == NULL)
        return;
    for (unsigned i = 0; i < INPUTS_MAX; i++)
        mapping_destroy(d->inputs[i].mapping);
    scanner_fini(&d->scanner);
    json_reader_fini(&d->json);
    free(d);
}

const char *decoder_detail(const struct decoder *d)
{
    return d->detail;
}

void decoder_scan(struct decoder *d, bool on)
{
    d->scans = on;
}

int64_t decoder_scanned(const struct decoder *d)
{
    return d->scanned;
}

int64_t decoder_rounded(const struct decoder *d)
{
    return d->rounded;
}

/* Out of line, so that good messages do not pay for it. */
#define SELDOM __attribute__((noinline, cold))

SELDOM static enum error refuse(struct work *w, enum error e, struct text about)
{
    char *detail = w->decoder->detail;
    snprintf(detail, sizeof w->decoder->detail, "%.*s", (int)(about.len < 256 ? about.len : 256), about.at);
    /* A member's name is whatever the sender wrote, and this goes to headers and terminals. */
    for (char *at = detail; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    return e;
}

SELDOM static enum error refuse_target(struct work *w, enum error e, unsigned target)
{
    return refuse(w, e, text_of(mapping_name(w->input->mapping, target)));
}

/* Most values are ready, or missing; only for the others is the mapping asked. Until the next call. */
static inline const struct value *value_of(struct work *w, unsigned target)
{
    static const struct value absent = {.type = VALUE_ABSENT};
    uint32_t bit = UINT32_C(1) << target;
    if (w->ready & bit)
        return &w->found.values[target];
    if (w->missing & bit)
        return &absent;
    w->asked = mapping_value(w->input->mapping, &w->found, &w->message->parts, target);
    return &w->asked;
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
    const struct input_config *input = w->input->config;
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
    const struct input_config *input = w->input->config;
    const struct config *config = w->decoder->config;
    const struct value *v = value_of(w, TARGET_KEY);
    enum error e;
    if (!is_given(v))
        return refuse_target(w, BAD_KEY, TARGET_KEY);
    if ((e = value_id(v)) != OK)
        return refuse_target(w, e, TARGET_KEY);
    h->key = v->text;

    h->event_id = TEXT("");
    v = value_of(w, TARGET_EVENT_ID);
    if (is_given(v)) {
        if ((e = value_id(v)) != OK)
            return refuse_target(w, e, TARGET_EVENT_ID);
        h->event_id = v->text;
    }

    h->version = 0;
    v = value_of(w, TARGET_VERSION);
    if (is_given(v)) {
        if ((e = value_integer(v, &h->version)) != OK)
            return refuse_target(w, e, TARGET_VERSION);
    } else if (input->order_by == ORDER_BY_VERSION) {
        return refuse_target(w, BAD_STAMP, TARGET_VERSION);
    }

    v = value_of(w, TARGET_OCCURRED_AT);
    e = is_given(v) ? value_time(v, w->decoder->calendar, &h->occurred_at_us) : kafka_time_us(w, &h->occurred_at_us);
    if (e != OK)
        return refuse_target(w, e, TARGET_OCCURRED_AT);
    /* Against the message's own time stamp, never the clock: a replay must judge alike. */
    if (w->kafka_ms >= 0 && w->kafka_ms < INSTANT_END / MILLISECOND &&
        h->occurred_at_us > (w->kafka_ms + config->kafka.clock_skew_ms) * MILLISECOND)
        return refuse_target(w, BAD_SKEW, TARGET_OCCURRED_AT);

    h->deleted = false;
    v = value_of(w, TARGET_DELETED);
    if (is_given(v) && (e = value_bool(v, &h->deleted)) != OK)
        return refuse_target(w, e, TARGET_DELETED);
    return OK;
}

/* A field that is no plain text, or not there. */
static enum error read_field(struct work *w, unsigned i)
{
    const struct input *input = w->input;
    const struct value *v = value_of(w, i);
    uint32_t bit = UINT32_C(1) << i;
    if (v->type == VALUE_ABSENT && !(input->full && mapping_has(input->mapping, i))) {
        w->absent |= bit;
        return OK;
    }
    if (!is_given(v)) {
        w->cleared |= bit;
        return OK;
    }
    enum error e;
    if (input->texts & bit) {
        e = input->ids & bit ? value_id(v) : value_name(v);
        event_put_text(&w->builder, v->text);
    } else {
        struct field_result *result = &w->results[i];
        e = field_read(&w->decoder->fields, &input->info->fields[i], v, result);
        event_put_number(&w->builder, result->number);
        w->rounded += result->rounded;
        w->given |= bit;
    }
    return e == OK ? OK : refuse_target(w, e, i);
}

static enum error read_fields(struct work *w)
{
    uint32_t looked_at = (UINT32_C(1) << w->input->info->field_count) - 1, ready_texts = w->ready & w->input->texts;
    if (!w->input->full)
        looked_at &= mapping_given(w->input->mapping, &w->found);
    w->absent = w->cleared = w->given = 0;
    for (uint32_t rest = looked_at; rest != 0; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctz(rest);
        const struct value *v = &w->found.values[i];
        if ((ready_texts >> i & 1) && is_plain_name(v)) { /* nearly all */
            event_put_text(&w->builder, v->text);
            continue;
        }
        if ((w->ready >> i & 1) && v->type == VALUE_NULL) {
            w->cleared |= UINT32_C(1) << i;
            continue;
        }
        enum error e = read_field(w, i);
        if (e != OK)
            return e;
    }
    event_carry(&w->builder, looked_at & ~w->absent, w->cleared);
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
 * came before (AMENDMENT 6). */
static enum error judge(struct work *w)
{
    const struct field_result *results = w->results;
    uint32_t given = w->given;
    enum record_kind kind = w->input->config->kind;
    struct money_fields money = money_of(kind);
    if (money.amount >= 0 && (given >> money.amount & 1)) {
        const struct field_result *amount = &results[money.amount];
        bool has_currency = given >> money.currency & 1;
        int decimals = has_currency ? results[money.currency].decimals : w->decoder->base_decimals;
        int64_t unit = power_of_ten(6 - decimals);
        int64_t minor =
            decimals == 2 ? amount->number / 10000 : amount->number / unit; /* by a constant for nearly all */
        bool rounded = minor * unit != amount->number;
        if (rounded) /* less than what fits, if more than one unit */
            minor = (int64_t)micro_to_minor(amount->number, decimals);
        if (minor > MINOR_MAX || minor < -MINOR_MAX)
            return refuse_target(w, BAD_AMOUNT, (unsigned)money.amount);
        w->rounded += rounded && !amount->rounded;
    }
    const uint32_t scored =
        UINT32_C(1) << FEEDBACK_KIND | UINT32_C(1) << FEEDBACK_SCALE | UINT32_C(1) << FEEDBACK_SCORE;
    if (kind == KIND_FEEDBACK && (given & scored) == scored &&
        results[FEEDBACK_SCORE].number > results[FEEDBACK_SCALE].number * MICRO)
        return refuse_target(w, BAD_SCORE, FEEDBACK_SCORE);
    return OK;
}

/* From what was found in the message. */
static enum error record(struct work *w)
{
    const struct input_config *input = w->input->config;
    enum error e;
    uint32_t plain = w->input->plain;
    w->ready = plain & w->found.present;
    w->missing = plain & ~w->found.present;
    if (w->input->filtered && !mapping_passes(w->input->mapping, &w->found)) {
        w->filtered = true;
        return OK;
    }
    struct heading h = {0};
    if ((e = read_heading(w, &h)) != OK)
        return e;
    event_begin(&w->builder, w->memory, input->kind, h.key);
    w->builder.roomy = w->roomy;
    if (h.deleted) {
        w->builder.event->flags |= EVENT_DELETED;
    } else {
        if ((e = read_fields(w)) != OK || (e = judge(w)) != OK)
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

static enum error record_of(struct work *w, yyjson_val *root)
{
    struct text name;
    enum error e = mapping_find(w->input->mapping, root, &w->found, &name);
    return e != OK ? refuse(w, e, name) : record(w);
}

/* What became of the message, as an event. */
static uint32_t finish(struct work *w, enum error e, uint32_t slot, int64_t offset)
{
    struct event *event = w->memory;
    if (e != OK || w->filtered) {
        event_note(event, e != OK ? EVENT_DEAD_LETTER : EVENT_FILTERED, slot, offset, TEXT(""));
        event->kind = (uint8_t)w->input->config->kind;
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
    w->input = &d->inputs[input];
    w->message = message;
    w->memory = memory;
    w->filtered = false;
    w->rounded = 0;
    w->roomy = TEXT("");
    d->detail[0] = '\0';
}

uint32_t decode(struct decoder *d, unsigned input, const struct message *message, uint32_t slot, int64_t offset,
                void *memory)
{
    struct work w;
    begin(&w, d, input, message, memory);
    yyjson_val *root;
    enum error e = read_kafka_time(&w);
    if (e != OK)
        return finish(&w, e, slot, offset);
    if (message->value.len == 0)
        return finish(&w, tombstone(&w), slot, offset);
    if (d->scans && scan_find(&d->scanner, d->inputs[input].mapping, message->value, &w.found)) {
        d->scanned++;
        w.roomy = (struct text){d->scanner.bytes, message->value.len};
        return finish(&w, record(&w), slot, offset);
    }
    e = read_json(&w, &root);
    if (e == OK)
        e = record_of(&w, root);
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
    e = members.key.type != VALUE_ABSENT && members.others == 0 ? tombstone(&w) : record_of(&w, root);
    return finish(&w, e, slot, line_number);
}
