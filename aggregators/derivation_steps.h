/* derivation_steps.h - the steps of a derivation that its files share. For derivation*.c and restate.c only. */
#pragma once
#include "aggregators/derivation.h"

struct restoration;

/* Children that one event may restate at once: about a millisecond's work. What is left is for a pass. */
#define FAN_OUT_MAX 1000

/* --- restate.c --- */

/* What a record stood for before something changed. */
struct before {
    struct contributions contributions;
    struct told told;
};

/* What a record stands for now, once it is known whom it counts for and what its links are told. */
struct standing {
    struct counted_for who;
    struct told told;
};

/* By which revision what is at that place is judged now. */
void judge_by_place(struct derivation *d, unsigned station, uint32_t at);
/* Adds what one list holds and the other did not, and takes back what it no longer does; of the record or customer at that
 * place. */
void replace(struct derivation *d, unsigned station, uint32_t at, const struct contributions *old,
             const struct contributions *fresh);
/* What it stands for as it is; the contributions are the caller's to fini. */
void remember(struct derivation *d, const struct record *r, struct before *out);
/* Flags say which of a record's instants have passed, and whether a won deal is its customer's first. */
void set_flags(struct derivation *d, struct record *r);
/* Replaces what the record stood for by what it stands for; those that inherit from it follow. */
void restate_as(struct derivation *d, struct record *r, const struct contributions *stood, const struct told *had_told,
                const struct standing *now);
/* What records stand for now, at most DIMENSIONS_AT_ONCE, none of which inherits from another of them; their links are asked for
 * ahead of time. */
void find_what_stands(struct derivation *d, struct record *const *records, unsigned count, struct standing *out);
/* As restate_as, where it is still to be found what it stands for; `old` is used up. */
void restate(struct derivation *d, struct record *r, struct before *old);
/* Of one whose fields are as they were: only its flags, its names or what is dated may have changed. One that is dirty gets
 * all of that when it is settled. */
void refresh(struct derivation *d, struct record *r);
/* What a customer adds: it is new where its first won deal closed, and has paid back at the moment of payback. `out` is
 * uninitialised. */
void customer_contributions(struct derivation *d, const struct customer_standing *s, struct contributions *out);
/* Whether and when the customer was won and paid back, by what its records tell now. */
void find_standing(struct derivation *d, uint32_t word);
/* `passing`: the pass has come to it. */
void settle_customer(struct derivation *d, uint32_t word, bool passing);
/* A lead or customer whose records have told something: what it stands for now. False: there is none. */
bool settle_linked(struct derivation *d);

/* --- derivation.c --- */

/* What the record says to those who judge by it; -1: it no longer does. */
void derivation_claim(struct derivation *d, const struct record *r, int sign);
/* An entity is shown for its target, also before anything is reached; `context`: struct derivation. */
void derivation_show_entity(void *context, enum dimension dimension, struct text entity);
/* Takes in names that have come. */
void derivation_look_at_names(struct derivation *d);

/* --- derivation_pass.c --- */

/* Takes up what has changed since the last pass; and the end of one. */
void begin_pass(struct derivation *d);
void end_pass(struct derivation *d);
/* As derivation_work, with nothing dirty. */
bool pass_on(struct derivation *d, unsigned budget);

/* --- derivation_start.c --- */

/* Takes the events of `from` over, and finds how its records hang together. */
void take_restored(struct derivation *d, struct restoration *from);
/* All that follows from a ledger of which nothing has been derived. */
void derive_all(struct derivation *d);
