/* What the core says of its bytes is what it asked the heap for, to a constant of less than 1 KiB; the tables of rates
 * and of the organisation it leaves out. The heap is asked through this file, where a header keeps the size of each block;
 * a sanitizer has a heap of its own, and there only the parts are looked at. */
#include "aggregators/memory.h"
#include "base/instant.h"
#include "tests/support/core.h"
#include "tests/support/random.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTED false
static uint64_t asked;
#else
#define COUNTED true
#define MAGIC   UINT64_C(0x6b70696468656170)

struct header {
    uint64_t magic; /* tells our blocks from those that aligned_alloc gave */
    uint64_t size;
};

extern void *__libc_malloc(size_t size);
extern void __libc_free(void *p);
static uint64_t asked;

void *malloc(size_t size)
{
    struct header *h = __libc_malloc(size + sizeof *h);
    if (h == NULL)
        return NULL;
    *h = (struct header){MAGIC, size};
    __atomic_add_fetch(&asked, size, __ATOMIC_RELAXED);
    return h + 1;
}

void free(void *p)
{
    struct header *h = (struct header *)p - 1;
    if (p == NULL)
        return;
    if (h->magic != MAGIC) {
        __libc_free(p);
        return;
    }
    __atomic_sub_fetch(&asked, h->size, __ATOMIC_RELAXED);
    h->magic = 0;
    __libc_free(h);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *p = malloc(bytes);
    return p != NULL ? memset(p, 0, bytes) : NULL;
}

void *realloc(void *p, size_t size)
{
    void *more = malloc(size);
    if (p == NULL || more == NULL)
        return more;
    size_t had = ((struct header *)p - 1)->size;
    memcpy(more, p, had < size ? had : size);
    free(p);
    return more;
}
#endif

static void compare(int count, int records, bool only_facts)
{
    struct random r = {random_seed(51)};
    struct core core;
    core_init(&core, "UTC", 1, 1);
    struct event_list events = {0};
    const int64_t from_us = INT64_C(1709000000) * SECOND;
    struct history_options o = {
        .from_us = from_us, .span_us = 300 * DAY, .count = count, .records = records, .all_owned = only_facts};
    make_history(&events, &r, &o);
    shard_destroy(core.shard);
    uint64_t before = asked;
    core.shard = shard_create(core.config, core.calendar);
    shard_store_changes(core.shard);
    for (size_t i = 0; i < events.count; i++)
        shard_apply(core.shard, events.at[i]);
    shard_advance(core.shard, from_us + 200 * DAY);
    while (!shard_work(core.shard, 100))
        ;
    uint64_t taken = asked - before;
    struct memory_use use;
    shard_memory(core.shard, &use);
    uint64_t said = memory_total(&use);
    fprintf(stderr, "%d events: %llu said, %llu taken\n", count, (unsigned long long)said, (unsigned long long)taken);
    cr_expect(!COUNTED || (said <= taken && taken - said < (only_facts ? 1024 : taken / 48 + 4096)));
    for (unsigned k = 0; k < KIND_COUNT; k++)
        cr_expect(use.open[k].count + use.closed[k].count == shard_records(core.shard, k));
    uint64_t of_records = 0;
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        const struct memory_of each[] = {use.open[k], use.closed[k]};
        for (unsigned i = 0; i < 2; i++) {
            cr_expect(each[i].bytes >= 16 * (uint64_t)each[i].count && each[i].bytes < use.ledger);
            of_records += each[i].bytes;
        }
    }
    cr_expect(of_records > 0 && of_records < use.ledger);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        struct memory_of of = use.trees[d];
        cr_expect(of.count >= 0 && (of.count > 0) == (of.bytes > 0) && of.bytes >= (uint64_t)of.count,
                  "a row takes a byte and more");
    }
    cr_expect(use.trees[DIMENSION_COMPANY].count > records);
    event_list_fini(&events);
    core_fini(&core);
}

Test(memory, is_what_was_asked_of_the_heap)
{
    for (int records = 3; records <= 3000; records *= 10) {
        compare(records * 40, records, true);
        compare(records * 40, records, false);
    }
}

static uint64_t entities_bytes(const struct shard *shard)
{
    struct memory_use use;
    shard_memory(shard, &use);
    return use.entities[DIMENSION_MANAGER].bytes;
}

static void tell_lead(struct shard *shard, const char *key, int manager, int64_t at_us)
{
    char name[16];
    snprintf(name, sizeof name, "M%d", manager);
    struct event *e = make_event(KIND_LEAD, key, at_us,
                                 (struct given[]){NAME(FIELD_MANAGER, name), NUMBER(LEAD_CREATED_AT, at_us), END});
    shard_apply(shard, e);
    free(e);
}

/* One of each manager. */
static void tell_leads(struct shard *shard, int managers, int64_t at_us)
{
    for (int i = 0; i < managers; i++) {
        char key[40];
        snprintf(key, sizeof key, "L%d.%lld", i, (long long)at_us);
        tell_lead(shard, key, i, at_us);
    }
}

/* Most managers are quiet, and there are very many of them: what makes cuts of the busy ones cheap is not kept for who was cut
 * once for each reader, nor because a reader has asked for everything again and again. */
Test(memory, nothing_is_kept_for_the_next_cut_of_who_is_quiet)
{
    enum { MANAGERS = 100 };
    int64_t now_us = INT64_C(1709000000) * SECOND;
    struct core core;
    core_init(&core, "UTC", 1, 1);
    tell_leads(core.shard, MANAGERS, now_us);
    struct snapshot *s = snapshot_create();
    shard_advance(core.shard, now_us + SECOND);
    core_cut(core.shard, READER_PUBLISHER, false, s);
    uint64_t before = entities_bytes(core.shard);
    shard_advance(core.shard, now_us + 2 * SECOND);
    core_cut(core.shard, READER_ALERTS, false, s);
    uint64_t both = entities_bytes(core.shard);
    shard_advance(core.shard, now_us + 3 * SECOND);
    core_cut(core.shard, READER_PUBLISHER, true, s);
    shard_advance(core.shard, now_us + 4 * SECOND);
    core_cut(core.shard, READER_PUBLISHER, true, s);
    uint64_t all = entities_bytes(core.shard);
    fprintf(stderr, "a manager: %llu bytes, %llu when both have cut it, %llu when all was asked for twice\n",
            (unsigned long long)before / MANAGERS, (unsigned long long)both / MANAGERS,
            (unsigned long long)all / MANAGERS);
    cr_expect(both == before && all == before);
    snapshot_destroy(s);
    core_fini(&core);
}

/* While a past is read cuts come one after the other, of very many entities; after it most of them are quiet. */
Test(memory, nothing_is_kept_for_the_next_cut_of_a_past)
{
    enum { MANAGERS = 40 };
    int64_t now_us = INT64_C(1709000000) * SECOND;
    struct core core;
    core_init(&core, "UTC", 1, 1);
    struct snapshot *s = snapshot_create();
    uint64_t bytes[4];
    core_note(core.shard, EVENT_SLOT, 0, 0, "leads");
    for (int cut = 0; cut < 4; cut++) {
        if (cut == 2)
            core_note(core.shard, EVENT_END, 0, 0, "");
        tell_leads(core.shard, MANAGERS, now_us);
        now_us += SECOND;
        shard_advance(core.shard, now_us);
        core_cut(core.shard, READER_PUBLISHER, false, s);
        bytes[cut] = entities_bytes(core.shard);
    }
    cr_expect(bytes[2] < bytes[0] + MANAGERS * 100, "%llu bytes, %llu at first", (unsigned long long)bytes[2],
              (unsigned long long)bytes[0]);
    cr_expect(bytes[3] > bytes[2] + MANAGERS * 1000, "once live, each has kept something");
    snapshot_destroy(s);
    core_fini(&core);
}

/* Who was busy may be quiet for the rest of the day. */
Test(memory, what_was_kept_for_the_next_cut_goes_when_none_comes)
{
    enum { MANAGERS = 40, LOOKS = 8 };
    int64_t now_us = INT64_C(1709000000) * SECOND;
    struct core core;
    core_init(&core, "UTC", 1, 1);
    struct snapshot *s = snapshot_create();
    uint64_t bytes[2] = {0};
    for (int cut = 0; cut < 2; cut++) {
        tell_leads(core.shard, MANAGERS, now_us);
        now_us += SECOND;
        shard_advance(core.shard, now_us);
        core_cut(core.shard, READER_PUBLISHER, false, s);
        bytes[cut] = entities_bytes(core.shard);
    }
    cr_assert(bytes[1] > bytes[0] + MANAGERS * 1000, "each has kept something for the next cut");
    shard_advance(core.shard, now_us + 10 * SECOND);
    shard_drop_quiet(core.shard, UINT32_MAX);
    cr_expect_eq(entities_bytes(core.shard), bytes[1], "which may come");
    shard_advance(core.shard, now_us + 11 * SECOND);
    for (int turns = 0; turns < 2 * MANAGERS;
         turns++) /* one is dropped in each, and there are other entities as well */
        shard_drop_quiet(core.shard, LOOKS);
    cr_expect(entities_bytes(core.shard) < bytes[0] + MANAGERS * 100, "%llu bytes, %llu at first",
              (unsigned long long)entities_bytes(core.shard), (unsigned long long)bytes[0]);
    snapshot_destroy(s);
    core_fini(&core);
}

/* What a first cut of everything needs is needed no more for a long time. */
Test(memory, a_snapshot_of_few_gives_back_what_very_many_needed)
{
    enum { MANAGERS = 6000 };
    int64_t now_us = INT64_C(1709000000) * SECOND;
    struct core core;
    core_init(&core, "UTC", 1, 1);
    tell_leads(core.shard, MANAGERS, now_us);
    struct snapshot *s = snapshot_create();
    shard_advance(core.shard, now_us);
    core_cut(core.shard, READER_PUBLISHER, false, s);
    uint64_t of_all = snapshot_room(s);
    snapshot_give_back(s);
    cr_expect_eq(snapshot_room(s), of_all, "as many may come again");
    for (int few = 0; few < 10; few++) {
        cr_expect(few > 1 || snapshot_room(s) == of_all, "as many may come by turns");
        tell_lead(core.shard, "L", 0, now_us + few);
        core_cut(core.shard, READER_PUBLISHER, false, s);
        snapshot_give_back(s);
    }
    cr_expect(snapshot_room(s) < of_all / 8, "%llu of %llu bytes", (unsigned long long)snapshot_room(s),
              (unsigned long long)of_all);
    tell_lead(core.shard, "N", 1, now_us + 1);
    core_cut(core.shard, READER_PUBLISHER, false, s);
    cr_expect(core_find(s, DIMENSION_MANAGER, "M1") < snapshot_entity_count(s), "and it is filled as before");
    snapshot_destroy(s);
    core_fini(&core);
}
