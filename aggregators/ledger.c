#include "aggregators/ledger.h"
#include "aggregators/stored.h"
#include "base/bits.h"
#include "base/error.h"
#include "base/instant.h"
#include <string.h>

void ledger_init(struct ledger *l)
{
    *l = (struct ledger){0};
    for (unsigned k = 0; k < KIND_COUNT; k++)
        intern_init(&l->keys[k]);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        intern_init(&l->names[d]);
    intern_init(&l->words);
    dimension_table_init(&l->tuples);
    l->won = intern_add(&l->words, TEXT("won"));
    l->lost = intern_add(&l->words, TEXT("lost"));
}

void ledger_fini(struct ledger *l)
{
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        for (uint32_t slot = 0; slot < l->keys[k].count; slot++)
            record_fini(ledger_at(l, k, slot));
        paged_fini(&l->records[k]);
        intern_fini(&l->keys[k]);
    }
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        intern_fini(&l->names[d]);
    intern_fini(&l->words);
    dimension_table_fini(&l->tuples);
}

struct record *ledger_at(const struct ledger *l, enum record_kind k, uint32_t slot)
{
    REQUIRE(slot < l->keys[k].count);
    return paged_at(&l->records[k], slot, record_size(k));
}

static struct record *need_slot(struct ledger *l, enum record_kind k, uint32_t slot, bool fresh)
{
    struct record *r = paged_need(&l->records[k], slot, record_size(k));
    if (fresh)
        record_init(r, k, slot);
    return r;
}

struct record *ledger_need(struct ledger *l, enum record_kind k, struct text key, uint32_t hash)
{
    uint32_t before = l->keys[k].count, slot = intern_add_hashed(&l->keys[k], key, hash);
    return need_slot(l, k, slot, slot == before);
}

bool ledger_link_of(unsigned kind, unsigned *out_field, enum record_kind *out_parent)
{
    switch (kind) {
    case KIND_DEAL:
        *out_field = DEAL_LEAD;
        *out_parent = KIND_LEAD;
        return true;
    case KIND_PAYMENT:
        *out_field = PAYMENT_DEAL;
        *out_parent = KIND_DEAL;
        return true;
    case KIND_FEEDBACK:
        *out_field = FEEDBACK_DEAL;
        *out_parent = KIND_DEAL;
        return true;
    default: return false;
    }
}

struct record *ledger_parent(const struct ledger *l, const struct record *r)
{
    unsigned field;
    enum record_kind parent;
    if (!ledger_link_of(r->kind, &field, &parent) || !record_has(r, field))
        return NULL;
    return ledger_at(l, parent, (uint32_t)record_value(r, field));
}

static unsigned child_list(unsigned child_kind)
{
    return child_kind == KIND_FEEDBACK ? 1 : 0;
}

struct record *ledger_first_child(const struct ledger *l, const struct record *r, enum record_kind k)
{
    uint32_t slot = r->first_child[child_list(k)];
    return slot != SLOT_NONE ? ledger_at(l, k, slot) : NULL;
}

struct record *ledger_next_child(const struct ledger *l, const struct record *child)
{
    return child->next != SLOT_NONE ? ledger_at(l, child->kind, child->next) : NULL;
}

static void link_child(struct ledger *l, struct record *parent, struct record *child)
{
    uint32_t *first = &parent->first_child[child_list(child->kind)];
    child->next = *first;
    child->previous = SLOT_NONE;
    if (*first != SLOT_NONE)
        ledger_at(l, child->kind, *first)->previous = child->slot;
    *first = child->slot;
}

static void unlink_child(struct ledger *l, struct record *parent, struct record *child)
{
    if (child->previous != SLOT_NONE)
        ledger_at(l, child->kind, child->previous)->next = child->next;
    else
        parent->first_child[child_list(child->kind)] = child->next;
    if (child->next != SLOT_NONE)
        ledger_at(l, child->kind, child->next)->previous = child->previous;
}

/* The dimension that a text field names; DIMENSION_COUNT where it names none. */
static enum dimension dimension_of(unsigned kind, unsigned field)
{
    static const enum dimension common[] = {
        [FIELD_MANAGER] = DIMENSION_MANAGER, [FIELD_TEAM] = DIMENSION_TEAM,     [FIELD_PRODUCT] = DIMENSION_PRODUCT,
        [FIELD_REGION] = DIMENSION_REGION,   [FIELD_SOURCE] = DIMENSION_SOURCE, [FIELD_CUSTOMER] = DIMENSION_COUNT,
    };
    if (kind < FACT_KINDS && field < FIELD_COMMON_COUNT)
        return common[field];
    if (kind == KIND_DEAL && field == DEAL_LOSS_REASON)
        return DIMENSION_LOSS_REASON;
    if (kind == KIND_DEAL && field == DEAL_COMPETITOR)
        return DIMENSION_COMPETITOR;
    if (kind == KIND_MEMBER && field == MEMBER_MANAGER)
        return DIMENSION_MANAGER;
    if (kind == KIND_MEMBER && field == MEMBER_TEAM)
        return DIMENSION_TEAM;
    return DIMENSION_COUNT;
}

/* The texts that a text field's numbers are of: where they are kept depends on what the field names. */
static const struct intern *texts_of(const struct ledger *l, unsigned kind, unsigned field)
{
    unsigned link;
    enum record_kind parent;
    enum dimension d = dimension_of(kind, field);
    if (d != DIMENSION_COUNT)
        return &l->names[d];
    return ledger_link_of(kind, &link, &parent) && field == link ? &l->keys[parent] : &l->words;
}

struct text ledger_text(const struct ledger *l, enum record_kind k, unsigned field, int64_t number)
{
    return intern_text(texts_of(l, k, field), (uint32_t)number);
}

/* Of one that may be new. */
static int64_t number_of(struct ledger *l, unsigned kind, unsigned field, struct text t, uint32_t hash)
{
    unsigned link;
    enum record_kind parent;
    enum dimension d = dimension_of(kind, field);
    if (d != DIMENSION_COUNT)
        return intern_add_hashed(&l->names[d], t, hash);
    if (ledger_link_of(kind, &link, &parent) && field == link)
        return ledger_need(l, parent, t, hash)->slot;
    return intern_add_hashed(&l->words, t, hash);
}

void ledger_values(struct ledger *l, const struct event *e, struct record_value out[FIELD_COUNT_MAX])
{
    const struct event_value *value = event_values(e);
    const struct field *fields = record_kind_info((enum record_kind)e->kind)->fields;
    for (uint32_t left = e->carried; left != 0; left &= left - 1) {
        unsigned f = (unsigned)__builtin_ctz(left);
        out[f] = (struct record_value){.present = !(e->cleared & 1u << f)};
        if (!out[f].present)
            continue;
        out[f].value = fields[f].type == FIELD_TEXT
                           ? number_of(l, e->kind, f, event_text(e, value), (uint32_t)value->number)
                           : value->number;
        value++;
    }
}

/* The event's value of a field that it carries, NULL where it does not or it is null. */
static const struct event_value *value_of(const struct event *e, unsigned field)
{
    uint32_t values = e->carried & ~e->cleared;
    if (!(values >> field & 1))
        return NULL;
    return event_values(e) + bits_count(values & ((UINT32_C(1) << field) - 1));
}

static void fetch_record(const struct ledger *l, enum record_kind k, uint32_t hash, unsigned step)
{
    uint32_t slot = intern_fetch(&l->keys[k], hash, step);
    if (slot == INTERN_NONE)
        return;
    const struct record *r = ledger_at(l, k, slot);
    if (step == 1)
        __builtin_prefetch(r);
    else
        record_fetch(r);
}

void ledger_fetch(const struct ledger *l, const struct event *e, unsigned step)
{
    unsigned link;
    enum record_kind parent;
    fetch_record(l, (enum record_kind)e->kind, e->key_hash, step);
    const struct event_value *v = e->kind < FACT_KINDS ? value_of(e, FIELD_CUSTOMER) : NULL;
    if (v != NULL)
        intern_fetch(&l->words, (uint32_t)v->number, step);
    if (ledger_link_of(e->kind, &link, &parent) && (v = value_of(e, link)) != NULL)
        fetch_record(l, parent, (uint32_t)v->number, step);
}

enum record_change ledger_apply(struct ledger *l, struct record *r, const struct event *e)
{
    struct record_value values[FIELD_COUNT_MAX];
    ledger_values(l, e, values);
    struct record *before = ledger_parent(l, r);
    enum record_change change = record_apply(r, &e->stamp, e->occurred_at_us, (e->flags & EVENT_DELETED) != 0,
                                             e->carried, values, l->keep_owners && r->kind == KIND_DEAL);
    struct record *after = ledger_parent(l, r);
    if (before != after) {
        if (before != NULL)
            unlink_child(l, before, r);
        if (after != NULL)
            link_child(l, after, r);
    }
    return change;
}

static bool stage_is_open(int64_t word, const void *context)
{
    const struct ledger *l = context;
    return word != (int64_t)l->won + 1 && word != (int64_t)l->lost + 1;
}

int64_t ledger_deal_closing_us(const struct ledger *l, const struct record *deal)
{
    return record_closing_us(deal, DEAL_STAGE, DEAL_CLOSED_AT, stage_is_open, l);
}

static bool status_is_open(int64_t word, const void *context)
{
    (void)context;
    return word != STATUS_CONVERTED + 1 && word != STATUS_LOST + 1;
}

int64_t ledger_lead_closing_us(const struct ledger *l, const struct record *lead)
{
    return record_closing_us(lead, LEAD_STATUS, LEAD_CLOSED_AT, status_is_open, l);
}

bool ledger_deal_is_won(const struct ledger *l, const struct record *deal)
{
    return record_has(deal, DEAL_STAGE) && record_value(deal, DEAL_STAGE) == (int64_t)l->won;
}

struct record_head {
    uint8_t history_cut;
    uint8_t zero;
    uint16_t key_len;
};

void ledger_write_record(const struct ledger *l, const struct record *r, struct buffer *out)
{
    struct text key = intern_text(&l->keys[r->kind], r->slot), told = record_told(r);
    struct record_head head = {.history_cut = (r->flags & RECORD_HISTORY_CUT) != 0, .key_len = (uint16_t)key.len};
    REQUIRE(key.len <= UINT16_MAX);
    buffer_add(out, &head, sizeof head);
    buffer_text(out, key);
    buffer_text(out, told);
}

bool ledger_holds(const void *ledger, enum record_kind k, unsigned field, int64_t value)
{
    const struct ledger *l = ledger;
    const struct field *f = &record_kind_info(k)->fields[field];
    if (!field_holds(f, value))
        return false;
    if (f->type != FIELD_TEXT)
        return true;
    return value < texts_of(l, k, field)->count;
}

bool ledger_restore(struct ledger *l, enum record_kind k, uint32_t slot, struct text bytes)
{
    struct record_head head;
    struct text key;
    if (!stored_take(&bytes, &head, sizeof head) || head.history_cut > 1 || head.zero != 0 ||
        !stored_take_text(&bytes, head.key_len, &key) || !text_is_name(key) || slot != l->keys[k].count ||
        intern_add(&l->keys[k], key) != slot)
        return false;
    struct record *r = need_slot(l, k, slot, true);
    if (head.history_cut)
        r->flags |= RECORD_HISTORY_CUT;
    return record_restore(r, bytes, ledger_holds, l);
}

void ledger_link(struct ledger *l)
{
    for (unsigned k = 0; k < FACT_KINDS; k++) {
        for (uint32_t slot = 0; slot < l->keys[k].count; slot++) {
            struct record *r = ledger_at(l, k, slot), *parent = ledger_parent(l, r);
            if (parent != NULL)
                link_child(l, parent, r);
        }
    }
}

uint64_t ledger_bytes(const struct ledger *l)
{
    uint64_t bytes = intern_bytes(&l->words) + dimension_table_bytes(&l->tuples);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        bytes += intern_bytes(&l->names[d]);
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        bytes += intern_bytes(&l->keys[k]) + paged_bytes(&l->records[k], record_size(k));
        bytes -= l->keys[k].count * record_size(k); /* which record_bytes has */
        for (uint32_t slot = 0; slot < l->keys[k].count; slot++)
            bytes += record_bytes(ledger_at(l, k, slot));
    }
    return bytes;
}

uint64_t ledger_record_bytes(const struct ledger *l, const struct record *r)
{
    return record_bytes(r) + intern_text_bytes(&l->keys[r->kind], r->slot);
}
