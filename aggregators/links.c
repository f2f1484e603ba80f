#include "aggregators/links.h"
#include "base/error.h"
#include "base/instant.h"
#include <stdlib.h>
#include <string.h>

void links_init(struct links *ls)
{
    *ls = (struct links){0};
}

static struct customer **customer_at(const struct links *ls, uint32_t word)
{
    return paged_at(&ls->customers, word, sizeof(struct customer *));
}

static struct lead_links *lead_at(const struct links *ls, uint32_t slot)
{
    return paged_at(&ls->leads, slot, sizeof(struct lead_links));
}

void links_fini(struct links *ls)
{
    for (uint32_t i = 0; i < ls->customer_end; i++) {
        struct customer *c = *customer_at(ls, i);
        if (c == NULL)
            continue;
        tree_fini(&c->costs);
        if (c->buyer != NULL) {
            tree_fini(&c->buyer->won);
            tree_fini(&c->buyer->payments);
        }
        free(c->buyer);
        free(c);
    }
    for (uint32_t i = 0; i < paged_room(&ls->leads); i++) {
        struct lead_trees *trees = lead_at(ls, i)->trees;
        if (trees == NULL)
            continue;
        tree_fini(&trees->customers);
        tree_fini(&trees->won);
        free(trees);
    }
    paged_fini(&ls->customers);
    paged_fini(&ls->leads);
    free(ls->pending_customers);
    free(ls->pending_leads);
}

static struct customer *need_customer(struct links *ls, uint32_t word)
{
    struct customer **at = paged_need(&ls->customers, word, sizeof *at), *c = *at;
    if (c == NULL) {
        c = *at = must_zalloc(sizeof *c);
        if (word >= ls->customer_end)
            ls->customer_end = word + 1;
        tree_init(&c->costs, 2, false);
    }
    return c;
}

static struct buyer *need_buyer(struct links *ls, uint32_t word)
{
    struct customer *c = need_customer(ls, word);
    if (c->buyer == NULL) {
        c->buyer = must_zalloc(sizeof *c->buyer);
        tree_init(&c->buyer->won, 1, true);
        tree_init_peaked(&c->buyer->payments, 1);
        c->buyer->standing.first_deal = SLOT_NONE;
    }
    return c->buyer;
}

static struct lead_links *need_lead(struct links *ls, uint32_t slot)
{
    return paged_need(&ls->leads, slot, sizeof(struct lead_links));
}

static struct lead_trees *need_trees(struct lead_links *lead)
{
    if (lead->trees == NULL) {
        lead->trees = must_alloc(sizeof *lead->trees);
        tree_init(&lead->trees->customers, 1, false);
        tree_init(&lead->trees->won, 1, false);
    }
    return lead->trees;
}

struct customer *links_customer(const struct links *ls, uint32_t word)
{
    return word < ls->customer_end ? *customer_at(ls, word) : NULL;
}

const struct customer_standing *customer_standing(const struct customer *c)
{
    static const struct customer_standing nobody = {.first_deal = SLOT_NONE};
    return c != NULL && c->buyer != NULL ? &c->buyer->standing : &nobody;
}

void links_mark_customer(struct links *ls, uint32_t word)
{
    struct customer *c = need_customer(ls, word);
    if (c->pending)
        return;
    c->pending = true;
    ls->pending_customers =
        must_grow(ls->pending_customers, &ls->pending_customer_room, ls->pending_customer_count, sizeof(uint32_t));
    ls->pending_customers[ls->pending_customer_count++] = word;
}

static void mark_lead(struct links *ls, uint32_t slot)
{
    struct lead_links *lead = need_lead(ls, slot);
    if (lead->pending)
        return;
    lead->pending = true;
    ls->pending_leads = must_grow(ls->pending_leads, &ls->pending_lead_room, ls->pending_lead_count, sizeof(uint32_t));
    ls->pending_leads[ls->pending_lead_count++] = slot;
}

bool links_next_pending_customer(struct links *ls, uint32_t *out_word)
{
    if (ls->pending_customer_count == 0)
        return false;
    *out_word = ls->pending_customers[--ls->pending_customer_count];
    (*customer_at(ls, *out_word))->pending = false;
    return true;
}

bool links_next_pending_lead(struct links *ls, uint32_t *out_slot)
{
    if (ls->pending_lead_count == 0)
        return false;
    *out_slot = ls->pending_leads[--ls->pending_lead_count];
    lead_at(ls, *out_slot)->pending = false;
    return true;
}

bool links_are_pending(const struct links *ls)
{
    return ls->pending_customer_count > 0 || ls->pending_lead_count > 0;
}

void told_nothing(struct told *out)
{
    memset(out, 0, sizeof *out); /* whole, since it is compared by its bytes */
    out->won_us = out->paid_us = out->cost_us = INSTANT_NONE;
}

void told_of(struct valuation *v, const struct ledger *l, const struct record *r, const struct counted_for *who,
             struct told *out)
{
    told_nothing(out);
    if (!record_exists(r))
        return;
    out->customer = who->customer;
    if (r->kind == KIND_DEAL) {
        if (record_has(r, DEAL_LEAD))
            out->lead = (uint32_t)record_value(r, DEAL_LEAD) + 1;
        if (ledger_deal_is_won(l, r))
            out->won_us = ledger_deal_closing_us(l, r);
    } else if (r->kind == KIND_LEAD) {
        out->lead = r->slot + 1;
        if (record_has(r, LEAD_CREATED_AT)) {
            out->cost_us = record_value(r, LEAD_CREATED_AT);
            if (!value_lead_cost(v, r, &out->cost_minor))
                out->cost_minor = 0;
        }
    } else if (r->kind == KIND_PAYMENT && value_payment_margin(v, r, &out->margin_minor)) {
        out->paid_us = record_value(r, PAYMENT_PAID_AT);
    }
}

static void add_cost(struct links *ls, uint32_t word, const struct lead_links *lead, int sign)
{
    if (!lead->has_cost)
        return;
    tree_add(&need_customer(ls, word)->costs, lead->cost_at_us, 0, (int64_t[]){sign * lead->cost_minor, sign});
    links_mark_customer(ls, word);
}

/* More than there can be deals: one takes a hundred bytes and more. */
enum { REFERENCES_MAX = (1 << 30) - 1 };

/* Notes one more reference to the customer, or one less. True: it was the first, or the last. */
static bool count_reference(struct lead_links *lead, uint32_t word, int sign)
{
    int128 before = 0;
    if (lead->references > 0 && lead->customer == word) {
        lead->references = (lead->references + (uint32_t)sign) & REFERENCES_MAX;
        return lead->references == 0;
    }
    if (lead->trees != NULL)
        tree_sums(&lead->trees->customers, word, (int64_t)word + 1, &before);
    if (before == 0 && lead->references == 0) {
        REQUIRE(sign > 0);
        lead->customer = word;
        lead->references = 1;
        return true;
    }
    tree_add(&need_trees(lead)->customers, word, 0, &(int64_t){sign});
    return before == (sign > 0 ? 0 : 1);
}

/* A reference from the lead itself or from one of its deals: the first makes the lead one of the customer's. */
static void add_reference(struct links *ls, uint32_t lead_slot, uint32_t word, int sign)
{
    struct lead_links *lead = need_lead(ls, lead_slot);
    if (count_reference(lead, word, sign))
        add_cost(ls, word, lead, sign);
}

struct cost_change {
    struct links *links;
    const struct lead_links *lead;
    int sign;
};

static void add_cost_to(void *context, int64_t word, int64_t value, const int64_t *references)
{
    (void)value;
    (void)references;
    const struct cost_change *c = context;
    add_cost(c->links, (uint32_t)word, c->lead, c->sign);
}

/* To all of its customers. */
static void add_cost_of(struct links *ls, const struct lead_links *lead, int sign)
{
    struct cost_change change = {ls, lead, sign};
    if (lead->references > 0)
        add_cost(ls, lead->customer, lead, sign);
    if (lead->trees != NULL)
        tree_visit(&lead->trees->customers, 0, INT64_MAX, add_cost_to, &change);
}

static void change_cost(struct links *ls, uint32_t lead_slot, const struct told *now)
{
    struct lead_links *lead = need_lead(ls, lead_slot);
    bool has_cost = now->cost_us != INSTANT_NONE;
    if (lead->has_cost == has_cost &&
        (!has_cost || (lead->cost_at_us == now->cost_us && lead->cost_minor == now->cost_minor)))
        return;
    add_cost_of(ls, lead, -1);
    lead->has_cost = has_cost;
    lead->cost_at_us = now->cost_us;
    lead->cost_minor = now->cost_minor;
    add_cost_of(ls, lead, +1);
}

static void tell(struct links *ls, const struct record *r, const struct told *t, int sign)
{
    if (t->lead != 0 && t->customer != 0)
        add_reference(ls, t->lead - 1, t->customer - 1, sign);
    if (t->lead != 0 && t->won_us != INSTANT_NONE) {
        tree_add(&need_trees(need_lead(ls, t->lead - 1))->won, t->won_us, 0, &(int64_t){sign});
        mark_lead(ls, t->lead - 1);
    }
    if (t->customer != 0 && t->won_us != INSTANT_NONE) {
        tree_add(&need_buyer(ls, t->customer - 1)->won, t->won_us, r->slot, &(int64_t){sign});
        links_mark_customer(ls, t->customer - 1);
    }
    if (t->customer != 0 && t->paid_us != INSTANT_NONE) {
        tree_add(&need_buyer(ls, t->customer - 1)->payments, t->paid_us, 0, &(int64_t){sign * t->margin_minor});
        links_mark_customer(ls, t->customer - 1);
    }
}

void links_retell(struct links *ls, const struct record *r, const struct told *before, const struct told *now)
{
    if (memcmp(before, now, sizeof *now) == 0)
        return;
    if (r->kind == KIND_LEAD)
        change_cost(ls, r->slot, now);
    tell(ls, r, before, -1);
    tell(ls, r, now, +1);
}

void links_fetch(const struct links *ls, const struct told *told, unsigned step)
{
    uint32_t word = told->customer - 1, lead = told->lead - 1; /* none: beyond all rooms */
    if (word < ls->customer_end) {
        if (step == 0)
            __builtin_prefetch(customer_at(ls, word));
        else if (*customer_at(ls, word) != NULL)
            __builtin_prefetch(*customer_at(ls, word));
    }
    if (lead < paged_room(&ls->leads)) {
        if (step == 0)
            __builtin_prefetch(lead_at(ls, lead));
        else if (lead_at(ls, lead)->trees != NULL)
            __builtin_prefetch(lead_at(ls, lead)->trees);
    }
}

int64_t links_first_win_us(const struct links *ls, uint32_t lead_slot)
{
    if (lead_slot >= paged_room(&ls->leads) || lead_at(ls, lead_slot)->trees == NULL)
        return INT64_MAX;
    return tree_next(&lead_at(ls, lead_slot)->trees->won, INT64_MIN);
}

struct earliest {
    const struct ledger *ledger;
    uint32_t slot;
};

static void keep_least_id(void *context, int64_t at_us, int64_t slot, const int64_t *measures)
{
    (void)at_us;
    (void)measures;
    struct earliest *e = context;
    const struct intern *keys = &e->ledger->keys[KIND_DEAL];
    if (e->slot == SLOT_NONE || text_compare(intern_text(keys, (uint32_t)slot), intern_text(keys, e->slot)) < 0)
        e->slot = (uint32_t)slot;
}

uint32_t customer_first_deal(const struct customer *c, const struct ledger *l, int64_t *out_closing_us)
{
    struct earliest e = {l, SLOT_NONE};
    *out_closing_us = tree_next(&c->buyer->won, INT64_MIN);
    if (*out_closing_us != INT64_MAX)
        tree_visit(&c->buyer->won, *out_closing_us, *out_closing_us + 1, keep_least_id, &e);
    return e.slot;
}

void customer_payback(const struct customer *c, int64_t first_won_us, struct customer_standing *out)
{
    int128 costs[STREAM_MEASURES_MAX] = {0};
    tree_sums(&c->costs, INT64_MIN, first_won_us + 1, costs);
    out->measured = costs[0] > 0;
    out->payback_us = out->measured ? tree_reach(&c->buyer->payments, first_won_us, costs[0]) : INT64_MAX;
    out->first_lead_us = out->measured ? tree_next(&c->costs, INT64_MIN) : INT64_MAX;
}

uint64_t links_bytes(const struct links *ls)
{
    uint64_t bytes =
        paged_bytes(&ls->customers, sizeof(struct customer *)) + paged_bytes(&ls->leads, sizeof(struct lead_links));
    bytes += ((uint64_t)ls->pending_customer_room + ls->pending_lead_room) * sizeof(uint32_t);
    for (uint32_t i = 0; i < ls->customer_end; i++) {
        const struct customer *c = *customer_at(ls, i);
        if (c != NULL)
            bytes += sizeof *c + tree_bytes(&c->costs);
        if (c != NULL && c->buyer != NULL)
            bytes += sizeof *c->buyer + tree_bytes(&c->buyer->won) + tree_bytes(&c->buyer->payments);
    }
    for (uint32_t i = 0; i < paged_room(&ls->leads); i++) {
        const struct lead_trees *trees = lead_at(ls, i)->trees;
        if (trees != NULL)
            bytes += sizeof *trees + tree_bytes(&trees->customers) + tree_bytes(&trees->won);
    }
    return bytes;
}
