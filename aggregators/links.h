/* links.h - what records say of a customer, and deals of their lead, kept incrementally.
 *
 * A customer's first won deal, the cost of its leads up to then and the moment of payback change with any
 * of its deals, leads and payments. Everything here is an ordered tree, so one change costs O(log n),
 * however many deals or payments a customer has. What it then stands for is settled by
 * derivation.c, once an event has been applied whole.
 *
 * Thread: the shard's writer. Memory: links_init to links_fini.
 */
#pragma once
#include "aggregators/contribution.h"
#include "aggregators/ledger.h"
#include "aggregators/tree.h"
#include "base/paged.h"

/* What a customer stands for: what was added to the entities, so that it can be taken back. */
struct customer_standing {
    uint64_t names; /* of the first deal: number of the tuple */
    int64_t first_won_us;
    int64_t payback_us;     /* the moment of payback, INT64_MAX = not reached by what is known */
    int64_t first_lead_us;  /* when measured */
    uint32_t first_deal;    /* slot, SLOT_NONE = no won deal */
    bool measured;          /* its leads have a cost above 0 */
    bool paid_back_counted; /* payback_us <= now */
};

struct customer {
    struct tree costs; /* created_at: cost of its leads in base minor units, their number */
    struct buyer {
        struct tree won;      /* (closing time, deal slot): its won deals */
        struct tree payments; /* paid_at: what they bring towards payback; peaked */
        struct customer_standing standing;
    } * buyer;    /* NULL: it never had a won deal or a payment, as most that leads name */
    bool pending; /* to be settled */
};

/* A lead's side: whose cost it is, and the wins of its deals. Mostly it is one customer's. Zeroed, it says nothing. */
struct lead_links {
    int64_t cost_minor, cost_at_us; /* what it adds to each customer's costs, where has_cost */
    struct lead_trees {
        struct tree customers; /* references to all other customers, by word number */
        struct tree won;       /* closing time: won deals that name the lead */
    } * trees;                 /* NULL: both are empty */
    uint32_t customer;         /* word number; that of `references` */
    uint32_t references : 30;  /* of the lead itself and of its deals; 0 = the place is free */
    uint32_t has_cost : 1, pending : 1;
};

struct links {
    struct paged customers;      /* of struct customer *, by word number, NULL where the word is no customer */
    uint32_t customer_end;       /* words from here on are no customers */
    struct paged leads;          /* of struct lead_links, by slot */
    uint32_t *pending_customers; /* word numbers */
    uint32_t pending_customer_count, pending_customer_room;
    uint32_t *pending_leads; /* slots */
    uint32_t pending_lead_count, pending_lead_room;
};

/* What a record tells its links: a pure function of the record and of whom it counts for. */
struct told {
    uint32_t customer; /* word number + 1, 0 = none */
    uint32_t lead;     /* deal: the lead it names, lead: itself; slot + 1, 0 = none */
    int64_t won_us;    /* deal: closing time while won, else INSTANT_NONE */
    int64_t paid_us;   /* payment: INSTANT_NONE = nothing towards payback */
    int64_t margin_minor;
    int64_t cost_us, cost_minor; /* lead: cost_us INSTANT_NONE = costs nothing and has no creation */
};

void links_init(struct links *ls);
void links_fini(struct links *ls);
/* Bytes on the heap. O(customers + leads). */
uint64_t links_bytes(const struct links *ls);

/* Of a record that says nothing. */
void told_nothing(struct told *out);
void told_of(struct valuation *v, const struct ledger *l, const struct record *r, const struct counted_for *who,
             struct told *out);
/* Takes back what the record told before and takes in what it tells now; customers and leads that this concerns
 * become pending. */
void links_retell(struct links *ls, const struct record *r, const struct told *before, const struct told *now);

/* Asks for what links_retell will need, ahead of time: `step` 0 first, for many, then 1 for them. */
void links_fetch(const struct links *ls, const struct told *told, unsigned step);

void links_mark_customer(struct links *ls, uint32_t word);
/* The next one to settle, no longer pending; false: none. */
bool links_next_pending_customer(struct links *ls, uint32_t *out_word);
bool links_next_pending_lead(struct links *ls, uint32_t *out_slot);
bool links_are_pending(const struct links *ls);

/* NULL where the word is no customer. */
struct customer *links_customer(const struct links *ls, uint32_t word);
/* Of NULL and of who has bought nothing: what stands for nothing. */
const struct customer_standing *customer_standing(const struct customer *c);
/* Closing time of the lead's first won deal, INT64_MAX where there is none. */
int64_t links_first_win_us(const struct links *ls, uint32_t lead_slot);
/* Of a buyer: the slot of its first won deal by (closing time, deal_id bytes), SLOT_NONE where there is none. */
uint32_t customer_first_deal(const struct customer *c, const struct ledger *l, int64_t *out_closing_us);
/* Of a buyer: fills cost and payback, where its first won deal closed at first_won_us. */
void customer_payback(const struct customer *c, int64_t first_won_us, struct customer_standing *out);
