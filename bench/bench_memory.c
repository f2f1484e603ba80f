/* bench_memory.c - what a record and an entity cost in memory: a shard is filled with two years of a sales floor, as it
 * would have been told live, and its bytes are counted.
 *
 * A deal has a lead (six of ten), three stages, an end after 1 to 90 days, and when it is won one to three payments and
 * now and then an answer to a question. So most deals are closed; those that were created last stand open. Time moves
 * with the events, and each day what has changed is cut for both readers.
 *
 * Bytes are what was asked of the heap (aggregators/memory.h); beside them stands what malloc and the kernel say.
 * With numbers of deals named, only those are filled. Usage: bench_memory [DEALS]... */
#include "aggregators/shard.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FROM_US  (INT64_C(1704067200) * SECOND) /* 2024-01-01 */
#define DAYS     730
#define UNTIL_US (FROM_US + DAYS * DAY)

struct floor {
    int64_t deals;
    unsigned managers, teams, customers;
};

enum step {
    LEAD_CREATED,
    LEAD_CONTACTED,
    LEAD_QUALIFIED,
    LEAD_ENDED,
    DEAL_CREATED,
    DEAL_MOVED,
    DEAL_ENDED,
    FIRST_PAYMENT,
    LAST_PAYMENT = FIRST_PAYMENT + 2,
    ANSWERED,
    STEPS
};

/* All that will ever happen to a deal: a function of its number. */
struct story {
    int64_t at_us[STEPS]; /* INT64_MAX: never */
    uint32_t manager, product, region, source, competitor, reason, customer;
    int64_t amount_micro, cost_micro;
    bool won;
};

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int64_t below(uint64_t *r, int64_t n)
{
    return (int64_t)(next(r) % (uint64_t)n);
}

/* A moment of a working day, from nine to six. */
static int64_t at_work(uint64_t *r, int64_t day)
{
    int64_t weekday = (day + 3) % 7; /* 0 = Monday */
    if (weekday > 4)
        day += 7 - weekday;
    return day * DAY + 9 * HOUR + below(r, 9 * HOUR / SECOND) * SECOND;
}

static struct story tell(const struct floor *f, int64_t deal)
{
    uint64_t r = (uint64_t)deal * 0x2545f4914f6cdd1d + 1;
    struct story s;
    for (unsigned i = 0; i < STEPS; i++)
        s.at_us[i] = INT64_MAX;
    int64_t day = FROM_US / DAY + deal * DAYS / f->deals, cycle_days = 1 + below(&r, 90);
    s.at_us[DEAL_CREATED] = at_work(&r, day);
    s.at_us[DEAL_MOVED] = at_work(&r, day + cycle_days / 2) + DAY;
    s.at_us[DEAL_ENDED] = at_work(&r, day + cycle_days) + 2 * DAY;
    bool from_lead = below(&r, 10) < 6;
    if (from_lead || below(&r, 10) < 4) { /* a lead of its own, or one that came to nothing */
        int64_t lead_us = at_work(&r, day - 3);
        if (lead_us >= FROM_US) {
            s.at_us[LEAD_CREATED] = lead_us;
            s.at_us[LEAD_CONTACTED] = lead_us + below(&r, 8 * HOUR);
            s.at_us[LEAD_QUALIFIED] = s.at_us[LEAD_CONTACTED] + below(&r, DAY);
            s.at_us[LEAD_ENDED] = s.at_us[LEAD_QUALIFIED] + below(&r, DAY);
        }
    }
    s.won = below(&r, 100) < 45;
    if (s.won) {
        int64_t payments = 1 + below(&r, 3);
        for (int64_t i = 0; i < payments; i++)
            s.at_us[FIRST_PAYMENT + i] = s.at_us[DEAL_ENDED] + (i + below(&r, 28)) * DAY + below(&r, DAY);
        if (below(&r, 5) == 0)
            s.at_us[ANSWERED] = s.at_us[DEAL_ENDED] + below(&r, 14 * DAY);
    }
    s.manager = (uint32_t)below(&r, f->managers);
    s.product = (uint32_t)below(&r, 40);
    s.region = (uint32_t)below(&r, 8);
    s.source = (uint32_t)below(&r, 8);
    s.competitor = (uint32_t)below(&r, 12);
    s.reason = (uint32_t)below(&r, 6);
    s.customer = (uint32_t)below(&r, f->customers);
    s.amount_micro = (100 + below(&r, 2000000)) * (MICRO / 100);
    s.cost_micro = below(&r, 20000) * (MICRO / 100);
    return s;
}

static void add_name(struct event_builder *b, unsigned field, char *memory, const char *kind, uint32_t number)
{
    snprintf(memory, 24, "%s-%" PRIu32, kind, number);
    event_add_text(b, field, text_of(memory));
}

/* The common fields; a payment and an answer have their deal's. */
static void add_owner(struct event_builder *b, const struct floor *f, const struct story *s, char names[][24])
{
    add_name(b, FIELD_MANAGER, names[0], "manager", s->manager);
    add_name(b, FIELD_TEAM, names[1], "team", s->manager % f->teams);
    if (b->event->kind == KIND_DEAL)
        add_name(b, FIELD_PRODUCT, names[2], "product", s->product);
    add_name(b, FIELD_REGION, names[3], "region", s->region);
    add_name(b, FIELD_SOURCE, names[4], "source", s->source);
    add_name(b, FIELD_CUSTOMER, names[5], "customer", s->customer);
}

/* The event of a step; its bytes are in `memory`. */
static const struct event *step_event(const struct floor *f, int64_t deal, enum step step, void *memory)
{
    struct story s = tell(f, deal);
    struct event_builder b;
    char key[24], names[8][24], lead[24];
    int64_t at_us = s.at_us[step];
    snprintf(lead, sizeof lead, "L%07" PRId64, deal);
    if (step <= LEAD_ENDED) {
        static const enum lead_status statuses[] = {STATUS_NEW, STATUS_CONTACTED, STATUS_QUALIFIED, STATUS_CONVERTED};
        event_begin(&b, memory, KIND_LEAD, text_of(lead));
        if (step == LEAD_CREATED)
            add_owner(&b, f, &s, names);
        event_add_number(&b, LEAD_STATUS, statuses[step - LEAD_CREATED]);
        if (step == LEAD_CREATED) {
            event_add_number(&b, LEAD_COST, s.cost_micro);
            event_add_number(&b, LEAD_CREATED_AT, at_us);
        }
        if (step == LEAD_CONTACTED)
            event_add_number(&b, LEAD_FIRST_CONTACT_AT, at_us);
    } else if (step <= DEAL_ENDED) {
        snprintf(key, sizeof key, "D%07" PRId64, deal);
        event_begin(&b, memory, KIND_DEAL, text_of(key));
        if (step == DEAL_CREATED)
            add_owner(&b, f, &s, names);
        event_add_text(&b, DEAL_STAGE,
                       step == DEAL_CREATED ? TEXT("prospecting")
                       : step == DEAL_MOVED ? TEXT("engaging")
                       : s.won              ? TEXT("won")
                                            : TEXT("lost"));
        if (step == DEAL_CREATED) {
            event_add_number(&b, DEAL_AMOUNT, s.amount_micro);
            if (s.at_us[LEAD_CREATED] != INT64_MAX)
                event_add_text(&b, DEAL_LEAD, text_of(lead));
        }
        if (step == DEAL_ENDED && !s.won)
            add_name(&b, DEAL_LOSS_REASON, names[6], "reason", s.reason);
        if (step == DEAL_MOVED)
            add_name(&b, DEAL_COMPETITOR, names[7], "competitor", s.competitor);
        if (step == DEAL_CREATED) {
            event_add_number(&b, DEAL_CREATED_AT, at_us);
            event_add_number(&b, DEAL_EXPECTED_CLOSE_AT, at_us + 45 * DAY);
        }
        if (step == DEAL_ENDED) /* after created_at in the field table, and not carried with it */
            event_add_number(&b, DEAL_CLOSED_AT, at_us);
    } else {
        char deal_id[24];
        snprintf(deal_id, sizeof deal_id, "D%07" PRId64, deal);
        snprintf(key, sizeof key, "%c%07" PRId64 "-%d", step == ANSWERED ? 'F' : 'P', deal, (int)step - FIRST_PAYMENT);
        event_begin(&b, memory, step == ANSWERED ? KIND_FEEDBACK : KIND_PAYMENT, text_of(key));
        if (step == ANSWERED) {
            event_add_number(&b, FEEDBACK_KIND, FEEDBACK_IS_CSAT);
            event_add_number(&b, FEEDBACK_SCORE, (1 + deal % 5) * MICRO);
            event_add_text(&b, FEEDBACK_DEAL, text_of(deal_id));
            event_add_number(&b, FEEDBACK_ANSWERED_AT, at_us);
        } else {
            event_add_number(&b, PAYMENT_KIND, PAYMENT_IS_PAYMENT);
            event_add_number(&b, PAYMENT_AMOUNT, s.amount_micro / 3);
            event_add_text(&b, PAYMENT_DEAL, text_of(deal_id));
            event_add_number(&b, PAYMENT_PAID_AT, at_us);
        }
    }
    event_finish(&b, at_us, 0, false, TEXT(""));
    return memory;
}

struct item {
    int64_t at_us;
    uint32_t deal;
    uint32_t step;
};

static int by_time(const void *a, const void *b)
{
    const struct item *first = a, *second = b;
    if (first->at_us != second->at_us)
        return first->at_us < second->at_us ? -1 : 1;
    return first->deal < second->deal ? -1 : first->deal > second->deal;
}

/* All that happens by UNTIL_US, in order. */
static struct item *programme(const struct floor *f, size_t *out_count)
{
    struct item *items = must_alloc((size_t)f->deals * STEPS * sizeof *items);
    size_t count = 0;
    for (int64_t deal = 0; deal < f->deals; deal++) {
        struct story s = tell(f, deal);
        for (unsigned step = 0; step < STEPS; step++)
            if (s.at_us[step] < UNTIL_US)
                items[count++] = (struct item){s.at_us[step], (uint32_t)deal, step};
    }
    qsort(items, count, sizeof *items, by_time);
    *out_count = count;
    return items;
}

/* Of events, and of cuts for both readers. */
struct times {
    int64_t apply_us, longest_apply_us;
    int64_t cut_us, longest_cut_us;
};

static void cut(struct shard *shard, struct snapshot *s, struct times *times)
{
    int64_t begin_us = clock_monotonic_us();
    shard_cut(shard, READER_PUBLISHER, false, s);
    shard_cut(shard, READER_ALERTS, false, s);
    int64_t took_us = clock_monotonic_us() - begin_us;
    times->cut_us += took_us;
    if (took_us > times->longest_cut_us)
        times->longest_cut_us = took_us;
}

static void fill(struct shard *shard, const struct floor *f, struct times *times, size_t *out_events)
{
    static _Alignas(64) char memory[EVENT_SIZE_MAX];
    struct item *items = programme(f, out_events);
    struct snapshot *s = snapshot_create();
    int64_t day = FROM_US / DAY;
    for (size_t i = 0; i < *out_events; i++) {
        if (items[i].at_us / DAY != day) {
            day = items[i].at_us / DAY;
            shard_advance(shard, day * DAY);
            cut(shard, s, times);
        }
        const struct event *e = step_event(f, items[i].deal, items[i].step, memory);
        int64_t begin_us = clock_monotonic_us();
        shard_apply(shard, e);
        int64_t took_us = clock_monotonic_us() - begin_us;
        times->apply_us += took_us;
        if (took_us > times->longest_apply_us)
            times->longest_apply_us = took_us;
    }
    shard_advance(shard, UNTIL_US);
    cut(shard, s, times);
    snapshot_destroy(s);
    free(items);
}

static int64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    REQUIRE(file != NULL);
    int64_t pages = 0;
    REQUIRE(fscanf(file, "%*d %" SCNd64, &pages) == 1);
    fclose(file);
    return pages * 4096;
}

static double mean(struct memory_of of)
{
    return of.count > 0 ? (double)of.bytes / (double)of.count : 0;
}

static void add(struct memory_of *to, struct memory_of more)
{
    to->count += more.count;
    to->bytes += more.bytes;
}

static void print_floor(int64_t deals)
{
    struct floor f = {.deals = deals, .managers = 20, .teams = 3, .customers = (unsigned)(deals / 3)};
    while (f.managers < 500 && f.managers < deals / 1000)
        f.managers++;
    f.teams = f.managers / 10 + 1;
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("UTC", 1, 1);
    malloc_trim(0);
    int64_t resident_before = resident_bytes();
    size_t allocated_before = mallinfo2().uordblks + mallinfo2().hblkhd, events;
    struct shard *shard = shard_create(config, calendar);
    struct times times = {0};
    fill(shard, &f, &times, &events);
    malloc_trim(0);
    size_t allocated = mallinfo2().uordblks + mallinfo2().hblkhd - allocated_before;
    int64_t resident = resident_bytes() - resident_before;
    struct memory_use m;
    shard_memory(shard, &m);

    struct memory_of open = {0, 0}, closed = {0, 0}, entities = {0, 0}, trees = {0, 0};
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        add(&open, m.open[k]);
        add(&closed, m.closed[k]);
    }
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        add(&entities, m.entities[d]);
        add(&trees, m.trees[d]);
    }
    double records = (double)(open.count + closed.count);
    printf("\n%" PRId64 " deals: %" PRId64 " records, %" PRId64 " of them open; %zu events, %u managers, %" PRId64
           " entities, %u windows\n",
           deals, open.count + closed.count, open.count, events, f.managers, entities.count, config->window_count);
    printf("  bytes per open record      %8.1f   goal 300   (deal %.1f, lead %.1f)\n", mean(open),
           mean(m.open[KIND_DEAL]), mean(m.open[KIND_LEAD]));
    printf("  bytes per closed record    %8.1f   goal 250   (deal %.1f, lead %.1f, payment %.1f, feedback %.1f)\n",
           mean(closed), mean(m.closed[KIND_DEAL]), mean(m.closed[KIND_LEAD]), mean(m.closed[KIND_PAYMENT]),
           mean(m.closed[KIND_FEEDBACK]));
    printf("  a record, by what it is for: ledger %.1f, links %.1f, timers %.1f, trees of entities %.1f (%.2f rows of "
           "%.1f)\n",
           (double)m.ledger / records, (double)m.links / records, (double)m.timers / records,
           (double)trees.bytes / records, (double)trees.count / records, mean(trees));
    printf("  a record, all of it        %8.1f   malloc %.1f   resident %.1f   (%.1f MiB)\n",
           (double)memory_total(&m) / records, (double)allocated / records, (double)resident / records,
           (double)memory_total(&m) / 1048576);
    printf("  entities without their trees' rows %.1f each; tables %.1f each\n",
           (double)(entities.bytes - trees.bytes) / (double)entities.count,
           (double)m.entity_tables / (double)entities.count);
    printf("  %.2f us an event, the longest %" PRId64 " us; %.0f us a cut, the longest %" PRId64 " us\n",
           (double)times.apply_us / (double)events, times.longest_apply_us, (double)times.cut_us / (DAYS + 1),
           times.longest_cut_us);
    fflush(stdout);
    shard_destroy(shard);
    calendar_destroy(calendar);
    config_destroy(config);
}

/* A manager's bytes, where each manager has so many deals in the two years. */
static void print_quiet(const char *what, int64_t deals_each, unsigned managers)
{
    struct floor f = {.deals = deals_each * managers, .managers = managers, .teams = managers, .customers = managers};
    struct config *config = config_default();
    struct calendar *calendar = calendar_create("UTC", 1, 1);
    struct shard *shard = shard_create(config, calendar);
    struct times times = {0};
    size_t events;
    fill(shard, &f, &times, &events);
    struct memory_use m;
    shard_memory(shard, &m);
    struct memory_of of = m.entities[DIMENSION_MANAGER], trees = m.trees[DIMENSION_MANAGER];
    printf("  %-22s %8.1f   goal 1200   (%.1f without its rows, %.1f rows of %.1f)\n", what, mean(of),
           (double)(of.bytes - trees.bytes) / (double)of.count, (double)trees.count / (double)of.count, mean(trees));
    fflush(stdout);
    shard_destroy(shard);
    calendar_destroy(calendar);
    config_destroy(config);
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = {10000, 100000, 1000000};
    mallopt(M_MMAP_THRESHOLD, 1 << 20); /* what the bench itself needs goes back to the kernel */
    for (int i = 1; i < argc; i++)
        print_floor(strtoll(argv[i], NULL, 10));
    for (unsigned i = 0; argc < 2 && i < sizeof usual / sizeof *usual; i++)
        print_floor(usual[i]);
    if (argc > 1)
        return 0;
    printf("\na quiet manager, all dimensions' default windows:\n");
    print_quiet("6 deals in two years", 6, 400);
    print_quiet("one deal a month", 24, 400);
    print_quiet("one deal a week", 104, 100);
    print_quiet("one deal a working day", 520, 40);
    return 0;
}
