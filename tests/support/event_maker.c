#include "tests/support/event_maker.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct event *copy_of(const void *memory, uint32_t size)
{
    struct event *e = must_alloc(size);
    memcpy(e, memory, size);
    return e;
}

struct event *make_event(enum record_kind kind, const char *key, int64_t occurred_at_us, const struct given *fields)
{
    alignas(8) char memory[EVENT_SIZE_MAX];
    struct event_builder b;
    event_begin(&b, memory, kind, text_of(key));
    for (unsigned f = 0; f < record_kind_info(kind)->field_count; f++) {
        for (const struct given *g = fields; g->kind != GIVEN_END; g++) {
            if (g->field != f)
                continue;
            if (g->kind == GIVEN_NULL)
                event_add_null(&b, f);
            else if (g->kind == GIVEN_NUMBER)
                event_add_number(&b, f, g->number);
            else
                event_add_text(&b, f, text_of(g->text));
        }
    }
    return copy_of(memory, event_finish(&b, occurred_at_us, 0, false, TEXT("")));
}

struct event *make_deletion(enum record_kind kind, const char *key, int64_t occurred_at_us)
{
    alignas(8) char memory[EVENT_SIZE_MAX];
    struct event_builder b;
    event_begin(&b, memory, kind, text_of(key));
    b.event->flags |= EVENT_DELETED;
    return copy_of(memory, event_finish(&b, occurred_at_us, 0, false, TEXT("")));
}

struct event *event_part(const struct event *e, uint32_t fields, int64_t version)
{
    alignas(8) char memory[EVENT_SIZE_MAX];
    struct event_builder b;
    event_begin(&b, memory, (enum record_kind)e->kind, event_key(e));
    b.event->flags = e->flags;
    const struct record_kind_info *info = record_kind_info((enum record_kind)e->kind);
    const struct event_value *value = event_values(e);
    for (unsigned f = 0; f < info->field_count; f++) {
        uint32_t bit = UINT32_C(1) << f;
        bool has_value = (e->carried & bit) != 0 && (e->cleared & bit) == 0;
        if ((fields & e->carried & bit) != 0) {
            if (!has_value)
                event_add_null(&b, f);
            else if (info->fields[f].type == FIELD_TEXT)
                event_add_text(&b, f, event_text(e, value));
            else
                event_add_number(&b, f, value->number);
        }
        value += has_value;
    }
    return copy_of(memory, event_finish(&b, e->occurred_at_us, version, false, TEXT("")));
}

void event_list_add(struct event_list *l, struct event *e)
{
    if (l->count == l->room) {
        l->room = l->room > 0 ? l->room * 2 : 64;
        l->at = must_realloc(l->at, l->room * sizeof(struct event *));
    }
    l->at[l->count++] = e;
}

void event_list_fini(struct event_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->at[i]);
    free(l->at);
    *l = (struct event_list){0};
}

void event_list_shuffle(struct event_list *l, struct random *r)
{
    for (size_t i = l->count; i > 1; i--) {
        size_t j = (size_t)random_below(r, (int64_t)i);
        struct event *kept = l->at[i - 1];
        l->at[i - 1] = l->at[j];
        l->at[j] = kept;
    }
}

static const char *const managers[] = {"Anna", "Boris", "Chen", "Dora", "Emil", "Fatima"};
static const char *const teams[] = {"North", "North", "South", "South", "East", "East"};
static const char *const products[] = {"Basic", "Plus", "Pro"};
static const char *const regions[] = {"EU", "US"};
static const char *const sources[] = {"web", "fair", "phone"};
static const char *const reasons[] = {"price", "timing", "Globex"};
#define CODE(a, b, c) ((a) << 16 | (b) << 8 | (c))
static const int currencies[] = {CODE('E', 'U', 'R'), CODE('J', 'P', 'Y'), CODE('K', 'W', 'D')};
static const char *const customers[] = {"Acme", "Bolt", "Cito", "Dune"};
static const char *const stages[] = {"new", "offer", "won", "won", "won", "lost", "lost"};

#define PICK(r, array) ((array)[random_below((r), (int64_t)(sizeof(array) / sizeof *(array)))])

struct draft {
    struct given fields[24];
    unsigned count;
};

static void give(struct draft *d, struct given g)
{
    d->fields[d->count++] = g;
    d->fields[d->count] = END;
}

/* A field is left out in most events, cleared in some. */
static void maybe(struct draft *d, struct random *r, const struct history_options *o, int percent, struct given g)
{
    if (!random_chance(r, percent))
        return;
    bool cleared = !o->all_owned && random_chance(r, 8);
    give(d, cleared ? CLEARED(g.field) : g);
}

static int64_t any_time(struct random *r, const struct history_options *o)
{
    int64_t us = o->from_us + random_below(r, o->span_us);
    return random_chance(r, 30) ? us - us % DAY : us; /* midnights are where windows cut */
}

static void give_common(struct draft *d, struct random *r, const struct history_options *o, int percent)
{
    int64_t who = random_below(r, (int64_t)(sizeof managers / sizeof *managers));
    if (o->all_owned) {
        give(d, NAME(FIELD_MANAGER, managers[who]));
        give(d, NAME(FIELD_TEAM, teams[who]));
    } else {
        maybe(d, r, o, percent, NAME(FIELD_MANAGER, managers[who]));
        maybe(d, r, o, percent, NAME(FIELD_TEAM, PICK(r, teams)));
    }
    maybe(d, r, o, percent, NAME(FIELD_PRODUCT, PICK(r, products)));
    maybe(d, r, o, percent, NAME(FIELD_REGION, PICK(r, regions)));
    maybe(d, r, o, percent, NAME(FIELD_SOURCE, PICK(r, sources)));
    maybe(d, r, o, percent, NAME(FIELD_CUSTOMER, PICK(r, customers)));
}

static int64_t any_amount(struct random *r)
{
    return random_below(r, 100000) * (MICRO / 100);
}

/* Rates come late, are corrected and deleted; managers move between teams that overlap. */
static void add_reference(struct event_list *out, struct random *r, const struct history_options *o,
                          int64_t occurred_us)
{
    enum record_kind kind = random_chance(r, 50) ? KIND_RATE : KIND_MEMBER;
    char key[32];
    snprintf(key, sizeof key, "%c%d", kind == KIND_RATE ? 'R' : 'M', (int)random_below(r, o->records / 2 + 1));
    if (random_chance(r, 8)) {
        event_list_add(out, make_deletion(kind, key, occurred_us));
        return;
    }
    struct draft d = {.count = 0};
    d.fields[0] = END;
    int often = random_chance(r, 60) ? 95 : 30;
    if (kind == KIND_RATE) {
        maybe(&d, r, o, often, NUMBER(RATE_CURRENCY, PICK(r, currencies)));
        maybe(&d, r, o, often, NUMBER(RATE_DAY, any_time(r, o) / DAY));
        maybe(&d, r, o, often, NUMBER(RATE_RATE, 1 + random_below(r, INT64_C(4000000000))));
    } else {
        maybe(&d, r, o, often, NAME(MEMBER_MANAGER, PICK(r, managers)));
        maybe(&d, r, o, often, NAME(MEMBER_TEAM, PICK(r, teams)));
        maybe(&d, r, o, 20, NUMBER(MEMBER_LEAD, random_below(r, 2)));
        maybe(&d, r, o, often, NUMBER(MEMBER_STARTS_AT, any_time(r, o)));
        maybe(&d, r, o, often / 2, NUMBER(MEMBER_ENDS_AT, any_time(r, o)));
    }
    event_list_add(out, make_event(kind, key, occurred_us, d.fields));
}

void make_history(struct event_list *out, struct random *r, const struct history_options *o)
{
    for (int i = 0; i < o->count; i++) {
        enum record_kind kind = (enum record_kind)random_below(r, FACT_KINDS);
        char key[32], link[32];
        snprintf(key, sizeof key, "%c%d", "LDPF"[kind], (int)random_below(r, o->records));
        /* The microseconds of an event are its number, so that no two of a record have the same stamp. */
        int64_t occurred_us = o->from_us + random_below(r, o->span_us / SECOND) * SECOND + i % SECOND;
        if (!o->all_owned && random_chance(r, 10)) {
            add_reference(out, r, o, occurred_us);
            continue;
        }
        if (!o->all_owned && random_chance(r, 4)) {
            event_list_add(out, make_deletion(kind, key, occurred_us));
            continue;
        }
        struct draft d = {.count = 0};
        d.fields[0] = END;
        int often = random_chance(r, 30) ? 80 : 25;
        give_common(&d, r, o, often);
        switch (kind) {
        case KIND_LEAD:
            maybe(&d, r, o, often, NUMBER(LEAD_STATUS, random_below(r, 5)));
            maybe(&d, r, o, often, NUMBER(LEAD_COST, any_amount(r) / 10));
            maybe(&d, r, o, 20, NUMBER(LEAD_CURRENCY, PICK(r, currencies)));
            maybe(&d, r, o, often, NUMBER(LEAD_CREATED_AT, any_time(r, o)));
            maybe(&d, r, o, often, NUMBER(LEAD_CLOSED_AT, any_time(r, o)));
            maybe(&d, r, o, often, NUMBER(LEAD_FIRST_CONTACT_AT, any_time(r, o)));
            break;
        case KIND_DEAL:
            snprintf(link, sizeof link, "L%d", (int)random_below(r, o->records));
            maybe(&d, r, o, often, NAME(DEAL_LEAD, link));
            maybe(&d, r, o, 50, NAME(DEAL_STAGE, PICK(r, stages)));
            maybe(&d, r, o, often, NUMBER(DEAL_AMOUNT, any_amount(r)));
            maybe(&d, r, o, 20, NUMBER(DEAL_CURRENCY, PICK(r, currencies)));
            maybe(&d, r, o, often, NUMBER(DEAL_QUANTITY, random_below(r, 20) * MICRO / 2));
            maybe(&d, r, o, 20, NAME(DEAL_LOSS_REASON, PICK(r, reasons)));
            maybe(&d, r, o, 20, NAME(DEAL_COMPETITOR, PICK(r, reasons)));
            maybe(&d, r, o, often, NUMBER(DEAL_PROBABILITY, random_below(r, MICRO + 1)));
            maybe(&d, r, o, often + 15, NUMBER(DEAL_CREATED_AT, any_time(r, o)));
            maybe(&d, r, o, often, NUMBER(DEAL_CLOSED_AT, any_time(r, o)));
            maybe(&d, r, o, often, NUMBER(DEAL_EXPECTED_CLOSE_AT, any_time(r, o)));
            break;
        case KIND_PAYMENT:
            snprintf(link, sizeof link, "D%d", (int)random_below(r, o->records));
            maybe(&d, r, o, often, NAME(PAYMENT_DEAL, link));
            maybe(&d, r, o, often, NUMBER(PAYMENT_KIND, random_below(r, 3)));
            maybe(&d, r, o, often, NUMBER(PAYMENT_AMOUNT, any_amount(r)));
            maybe(&d, r, o, 20, NUMBER(PAYMENT_CURRENCY, PICK(r, currencies)));
            maybe(&d, r, o, often, NUMBER(PAYMENT_PAID_AT, any_time(r, o)));
            maybe(&d, r, o, often, NUMBER(PAYMENT_MARGIN, random_below(r, MICRO + 1)));
            break;
        case KIND_FEEDBACK:
        default:
            snprintf(link, sizeof link, "D%d", (int)random_below(r, o->records));
            maybe(&d, r, o, often, NAME(FEEDBACK_DEAL, link));
            maybe(&d, r, o, often, NUMBER(FEEDBACK_KIND, random_below(r, 2)));
            maybe(&d, r, o, often, NUMBER(FEEDBACK_SCORE, random_below(r, 12) * MICRO));
            maybe(&d, r, o, often, NUMBER(FEEDBACK_ANSWERED_AT, any_time(r, o)));
            break;
        }
        event_list_add(out, make_event(kind, key, occurred_us, d.fields));
    }
}
