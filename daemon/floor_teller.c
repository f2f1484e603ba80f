#include "daemon/floor_teller.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include <string.h>

bool teller_chance(struct floor_teller *t, uint32_t ppm)
{
    return floor_random_chance(&t->random, ppm);
}

bool teller_corrects(struct floor_teller *t, uint32_t percent)
{
    return floor_random_chance(&t->random, (uint32_t)((uint64_t)t->options->corrections_ppm * percent / 100));
}

currency_code teller_currency(struct floor_teller *t)
{
    return t->world->currencies[floor_random_below(&t->random, t->world->currency_count)];
}

int64_t teller_later(struct floor_teller *t, int64_t at_us, int64_t mean_us)
{
    if (at_us >= t->horizon_us) {
        return t->horizon_us; /* nothing more happens; adding up waits could leave the calendar */
    }
    int64_t later = at_us + floor_random_wait(&t->random, mean_us) + MILLISECOND;
    return t->office_hours ? floor_world_at_work(t->world, &t->random, later) : later;
}

bool draft_begin(struct floor_teller *t, struct draft *d, enum record_kind kind)
{
    if (t->records_left == 0) {
        return false;
    }
    if (t->records_left != UINT64_MAX) {
        t->records_left--;
    }
    memset(d, 0, sizeof *d);
    d->kind = kind;
    d->record = ++t->records[kind];
    d->versioned = teller_chance(t, PPM(70));
    d->owner = OWNER_FULL;
    if (!t->options->all_owned) {
        bool inherits = kind == KIND_PAYMENT || kind == KIND_FEEDBACK;
        if (teller_chance(t, inherits ? PPM(60) : PPM(6))) {
            d->owner = OWNER_NONE;
        } else if (teller_chance(t, PPM(6))) {
            d->owner = OWNER_MANAGER_ONLY;
        } else if (teller_chance(t, PPM(2))) {
            d->owner = OWNER_TEAM_ONLY;
        }
    }
    return true;
}

void draft_set(struct draft *d, unsigned field, enum floor_form form, int64_t number)
{
    REQUIRE(field < record_kind_info(d->kind)->field_count);
    d->values[field] = (struct floor_value){.field = (uint8_t)field, .form = (uint8_t)form, .number = number};
    d->known |= 1u << field;
    d->changed |= 1u << field;
}

void draft_null(struct draft *d, unsigned field)
{
    draft_set(d, field, FORM_NULL, 0);
}

void draft_decimal(struct floor_teller *t, struct draft *d, unsigned field, int64_t micro)
{
    draft_set(d, field, teller_chance(t, PPM(60)) ? FORM_STRING : FORM_NUMBER, micro);
}

static enum floor_form time_form(struct floor_teller *t)
{
    static const enum floor_form forms[] = {FORM_TIME_MS, FORM_TIME_MS,   FORM_TIME_MS,   FORM_TIME_US,
                                            FORM_TIME_US, FORM_TIME_ZONE, FORM_TIME_ZONE, FORM_TIME_EPOCH};
    return forms[floor_random_below(&t->random, sizeof forms / sizeof forms[0])];
}

void draft_time(struct floor_teller *t, struct draft *d, unsigned field, int64_t us)
{
    enum floor_form form = time_form(t);
    draft_set(d, field, form, floor_time_cut(form, us));
}

void draft_date(struct floor_teller *t, struct draft *d, unsigned field, int64_t us)
{
    int64_t time_of_day;
    int64_t day = calendar_local_day(t->world->calendar, us, &time_of_day);
    draft_set(d, field, FORM_DATE, calendar_instant(t->world->calendar, day, 0));
}

void draft_money(struct floor_teller *t, struct draft *d, unsigned field, unsigned currency_field,
                 currency_code currency, int64_t micro)
{
    draft_decimal(t, d, field, micro);
    bool stands = d->known >> currency_field & 1 && d->values[currency_field].form == FORM_CURRENCY;
    currency_code standing = stands ? (currency_code)d->values[currency_field].number : t->world->base;
    if (currency != standing || (!stands && teller_chance(t, PPM(50)))) {
        draft_set(d, currency_field, FORM_CURRENCY, currency);
    }
}

void draft_owner_is(struct draft *d, const struct floor_manager *m)
{
    if (d->owner == OWNER_FULL || d->owner == OWNER_MANAGER_ONLY) {
        draft_set(d, FIELD_MANAGER, FORM_WORD, m->name);
    }
    if (d->owner == OWNER_FULL || d->owner == OWNER_TEAM_ONLY) {
        draft_set(d, FIELD_TEAM, FORM_WORD, m->team);
    }
}

void draft_touch_all(struct draft *d)
{
    d->changed = d->known;
}

/* A stamp that the record does not have yet, found by going on in steps of a millisecond. */
static int64_t stamp_apart(struct draft *d, int64_t occurred_us, int64_t version)
{
    for (unsigned i = 0; i < d->stamp_count;) {
        if (d->stamps[i].occurred_us == occurred_us && d->stamps[i].version == version) {
            occurred_us += MILLISECOND;
            i = 0;
        } else {
            i++;
        }
    }
    REQUIRE(d->stamp_count < DRAFT_STAMPS_MAX);
    d->stamps[d->stamp_count].occurred_us = occurred_us;
    d->stamps[d->stamp_count].version = version;
    d->stamp_count++;
    return occurred_us;
}

/* When Kafka has it. Most is there at once; some waits in a sender's queue, and some clocks run ahead. */
static int64_t arrival_of(struct floor_teller *t, struct draft *d, int64_t occurred_us, bool *out_late)
{
    int64_t arrival = occurred_us + floor_random_between(&t->random, 0, t->office_hours ? 3 * SECOND : SECOND / 10);
    *out_late = teller_chance(t, t->options->late_ppm);
    if (*out_late) {
        arrival += t->cycle_us / 500 + floor_random_wait(&t->random, t->cycle_us / 12);
    } else if (t->office_hours && teller_chance(t, PPM(1))) {
        arrival = occurred_us - floor_random_between(&t->random, 0, 2 * MINUTE); /* within the allowed 5 min */
    }
    if (arrival < d->hold_until_us) {
        arrival = d->hold_until_us + floor_random_between(&t->random, 0, t->cycle_us / 1000);
    }
    return arrival < t->start_us ? t->start_us : arrival;
}

static void post(struct floor_teller *t, struct floor_event *e, int64_t arrival_us)
{
    floor_queue_push(&t->queue, (struct floor_parcel){.arrival_us = arrival_us, .event = e});
    if (teller_chance(t, t->options->repeat_ppm)) {
        /* A sender that had no answer sends again: soon, or after its restart; now and then both. */
        do {
            int64_t wait = teller_chance(t, PPM(70)) ? SECOND : t->cycle_us / 20;
            floor_event_hold(e);
            floor_queue_push(&t->queue,
                             (struct floor_parcel){.arrival_us = arrival_us + floor_random_wait(&t->random, wait),
                                                   .event = e,
                                                   .repeat = true});
        } while (teller_chance(t, PPM(10)));
    }
    if (teller_chance(t, t->options->garbage_ppm)) {
        floor_event_hold(e);
        floor_queue_push(&t->queue,
                         (struct floor_parcel){.arrival_us = arrival_us + floor_random_wait(&t->random, SECOND),
                                               .event = e,
                                               .garbage = floor_random_next(&t->random) | 1});
    }
}

/* Full images are what many CRMs send at each change: all fields again, also the stage that has not changed. */
static uint32_t carried_of(struct floor_teller *t, struct draft *d)
{
    uint32_t carried = d->changed;
    if (d->born && teller_chance(t, PPM(10))) {
        carried = d->known;
    }
    if (t->options->all_owned) {
        carried |= d->known & (1u << FIELD_MANAGER | 1u << FIELD_TEAM);
    }
    /* A message that names kind, scale and a score outside it would be a dead letter; only garbage may be. */
    const uint32_t judged = 1u << FEEDBACK_KIND | 1u << FEEDBACK_SCALE | 1u << FEEDBACK_SCORE;
    if (d->kind == KIND_FEEDBACK && (carried & judged) == judged &&
        d->values[FEEDBACK_SCORE].number > d->values[FEEDBACK_SCALE].number * MICRO) {
        carried &= ~(1u << FEEDBACK_SCALE);
    }
    return carried;
}

bool draft_send(struct floor_teller *t, struct draft *d, int64_t at_us)
{
    if (at_us >= t->horizon_us || d->stamp_count == DRAFT_STAMPS_MAX) {
        d->changed = 0;
        return false;
    }
    uint32_t carried = carried_of(t, d);
    struct floor_event *e = floor_event_create(d->kind, d->record, (unsigned)__builtin_popcount(carried));
    unsigned count = 0;
    for (unsigned i = 0; i < FIELD_COUNT_MAX; i++) {
        if (carried >> i & 1) {
            e->values[count++] = d->values[i];
        }
    }
    e->style = floor_random_next(&t->random);
    e->version = d->versioned ? ++d->version : 0;
    e->id = teller_chance(t, PPM(92)) ? ++t->events : 0;
    enum floor_form form = teller_chance(t, PPM(2)) ? FORM_ABSENT : time_form(t);
    if (form == FORM_ABSENT) {
        /* The Kafka time stamp is the stamp, so it is the arrival that must differ. */
        int64_t arrival = arrival_of(t, d, at_us, &e->late);
        e->occurred_us = stamp_apart(d, arrival - arrival % MILLISECOND, e->version);
        arrival = arrival > e->occurred_us ? arrival : e->occurred_us;
        e->kafka_ms = e->occurred_us / MILLISECOND;
        e->occurred_form = FORM_ABSENT;
        post(t, e, arrival);
    } else {
        e->occurred_form = (uint8_t)form;
        e->occurred_us = stamp_apart(d, floor_time_cut(form, at_us), e->version);
        int64_t arrival = arrival_of(t, d, e->occurred_us, &e->late);
        e->kafka_ms = arrival / MILLISECOND;
        post(t, e, arrival);
    }
    d->changed = 0;
    d->born = true;
    return true;
}

bool draft_delete(struct floor_teller *t, struct draft *d, int64_t at_us, bool tombstone)
{
    if (at_us >= t->horizon_us || d->stamp_count == DRAFT_STAMPS_MAX) {
        return false;
    }
    struct floor_event *e = floor_event_create(d->kind, d->record, 0);
    e->style = floor_random_next(&t->random);
    e->deleted = true;
    e->tombstone = tombstone;
    int64_t arrival;
    if (tombstone) {
        arrival = arrival_of(t, d, at_us, &e->late);
        e->occurred_form = FORM_ABSENT;
        e->occurred_us = stamp_apart(d, arrival - arrival % MILLISECOND, 0);
        arrival = arrival > e->occurred_us ? arrival : e->occurred_us;
    } else {
        enum floor_form form = time_form(t);
        e->occurred_form = (uint8_t)form;
        e->version = d->versioned ? ++d->version : 0;
        e->id = teller_chance(t, PPM(92)) ? ++t->events : 0;
        e->occurred_us = stamp_apart(d, floor_time_cut(form, at_us), e->version);
        arrival = arrival_of(t, d, e->occurred_us, &e->late);
    }
    e->kafka_ms = arrival / MILLISECOND;
    post(t, e, arrival);
    d->changed = 0;
    d->known = d->owner == OWNER_NONE ? 0 : d->known & (1u << FIELD_MANAGER | 1u << FIELD_TEAM);
    return true;
}
