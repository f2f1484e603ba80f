/* The stamp of an event must be the same on every machine and in every later version, or two kpids would let different
 * events win; so its canonical form is put together here by hand, byte by byte. */
#define XXH_INLINE_ALL
#include "aggregators/event.h"
#include "base/intern.h"
#include "tests/support/event_maker.h"
#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define LITTLE_32(n) (n) & 0xff, (n) >> 8 & 0xff, (n) >> 16 & 0xff, (n) >> 24 & 0xff

static void expect_hash(const struct event *e, const unsigned char *bytes, size_t count)
{
    XXH128_hash_t hash = XXH3_128bits(bytes, count);
    cr_expect(e->stamp.hash_high == hash.high64 && e->stamp.hash_low == hash.low64);
}

Test(event, its_stamp_is_the_hash_of_its_content)
{
    alignas(8) char memory[EVENT_SIZE_MAX];
    struct event_builder b;
    event_begin(&b, memory, KIND_DEAL, TEXT("D1"));
    event_add_text(&b, FIELD_MANAGER, TEXT("Anna"));
    event_add_null(&b, FIELD_TEAM);
    event_add_number(&b, DEAL_AMOUNT, -2);
    uint32_t size = event_finish(&b, 77, 5, false, TEXT("id7"));
    const struct event *e = (const struct event *)(const void *)memory;
    cr_expect(size == e->size && size % 8 == 0);
    cr_expect(e->stamp.major == 77 && e->stamp.minor == 5 && e->occurred_at_us == 77);
    const uint32_t carried = 1u << FIELD_MANAGER | 1u << FIELD_TEAM | 1u << DEAL_AMOUNT;
    const unsigned char canonical[] = {
        3,
        0,
        0,
        0,
        'i',
        'd',
        '7',
        KIND_DEAL,
        0,
        2,
        0,
        0,
        0,
        'D',
        '1',
        LITTLE_32(carried),
        LITTLE_32(1u << FIELD_TEAM),
        4,
        0,
        0,
        0,
        'A',
        'n',
        'n',
        'a',
        0xfe,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
    };
    expect_hash(e, canonical, sizeof canonical);
    cr_expect(text_equal(event_key(e), TEXT("D1")));
    cr_expect(text_equal(event_text(e, &event_values(e)[0]), TEXT("Anna")));
    cr_expect(event_values(e)[1].number == -2);
}

static size_t put(unsigned char *to, struct text t)
{
    const unsigned char length[] = {LITTLE_32(t.len)};
    memcpy(to, length, 4);
    memcpy(to + 4, t.at, t.len);
    return 4 + t.len;
}

/* Texts are copied in other ways by their length; each of them ends where its memory does, so that nothing may be read behind. */
Test(event, texts_of_each_length)
{
    for (size_t len = 1; len <= 256; len++) {
        alignas(8) char memory[EVENT_SIZE_MAX];
        unsigned char canonical[2048];
        char *texts[3];
        for (size_t i = 0; i < 3; i++) {
            texts[i] = malloc(len);
            for (size_t k = 0; k < len; k++)
                texts[i][k] = (char)('a' + (i * 7 + k * 3) % 26);
        }
        struct event_builder b;
        event_begin(&b, memory, KIND_DEAL, (struct text){texts[0], len});
        event_add_text(&b, FIELD_MANAGER, (struct text){texts[1], len});
        event_add_text(&b, FIELD_TEAM, (struct text){texts[2], len});
        event_finish(&b, 77, 0, false, (struct text){texts[2], len});
        const struct event *e = (const struct event *)(const void *)memory;
        const uint32_t carried = 1u << FIELD_MANAGER | 1u << FIELD_TEAM;
        size_t at = put(canonical, (struct text){texts[2], len});
        canonical[at++] = KIND_DEAL;
        canonical[at++] = 0;
        at += put(canonical + at, (struct text){texts[0], len});
        const unsigned char masks[] = {LITTLE_32(carried), LITTLE_32(0u)};
        memcpy(canonical + at, masks, sizeof masks);
        at += sizeof masks;
        at += put(canonical + at, (struct text){texts[1], len});
        at += put(canonical + at, (struct text){texts[2], len});
        expect_hash(e, canonical, at);
        cr_expect(text_equal(event_key(e), (struct text){texts[0], len}));
        cr_expect(e->key_hash == intern_hash(event_key(e)));
        for (unsigned i = 0; i < 2; i++) {
            const struct event_value *v = &event_values(e)[i];
            cr_expect(text_equal(event_text(e, v), (struct text){texts[i + 1], len}));
            cr_expect(v->number == intern_hash(event_text(e, v)));
        }
        for (size_t i = 0; i < 3; i++)
            free(texts[i]);
    }
}

Test(event, a_deletion_carries_nothing)
{
    alignas(8) char memory[EVENT_SIZE_MAX];
    struct event_builder b;
    event_begin(&b, memory, KIND_LEAD, TEXT("L"));
    event_add_number(&b, LEAD_STATUS, 1);
    b.event->flags |= EVENT_DELETED;
    event_finish(&b, 9, 4, true, TEXT(""));
    const struct event *e = (const struct event *)(const void *)memory;
    cr_expect(e->stamp.major == 4 && e->stamp.minor == 0 && e->occurred_at_us == 9, "the version alone comes first");
    cr_expect(e->carried == 0 && e->value_count == 0);
    const unsigned char canonical[] = {0, 0, 0, 0,   KIND_LEAD,    EVENT_DELETED, 1,
                                       0, 0, 0, 'L', LITTLE_32(0), LITTLE_32(0)};
    expect_hash(e, canonical, sizeof canonical);
}

/* Equal events have equal bytes, since what lies between texts is filled. */
Test(event, equal_events_are_equal_bytes)
{
    struct event *copies[2];
    for (int i = 0; i < 2; i++) {
        alignas(8) char memory[EVENT_SIZE_MAX];
        struct event_builder b;
        memset(memory, i == 0 ? 0x55 : 0xaa, sizeof memory);
        event_begin(&b, memory, KIND_LEAD, TEXT("L"));
        event_add_text(&b, FIELD_REGION, TEXT("E"));
        uint32_t size = event_finish(&b, 9, 0, false, TEXT(""));
        copies[i] = malloc(size);
        memcpy(copies[i], memory, size);
    }
    cr_expect(copies[0]->size == copies[1]->size && memcmp(copies[0], copies[1], copies[0]->size) == 0);
    free(copies[0]);
    free(copies[1]);
}

Test(event, stamps_compare_part_by_part)
{
    const struct stamp least = {1, 1, 1, 1};
    cr_expect(stamp_compare(&least, &least) == 0);
    const struct stamp more[] = {{2, 0, 0, 0}, {1, 2, 0, 0}, {1, 1, 2, 0}, {1, 1, 1, 2}};
    for (unsigned i = 0; i < sizeof more / sizeof *more; i++) {
        cr_expect(stamp_compare(&least, &more[i]) < 0);
        cr_expect(stamp_compare(&more[i], &least) > 0);
    }
}

Test(event, a_note_holds_its_topic)
{
    alignas(8) char memory[EVENT_SIZE_MAX];
    memset(memory, 0x55, sizeof memory);
    uint32_t size = event_note(memory, EVENT_SLOT, 3, 12, TEXT("topics"));
    const struct event *e = (const struct event *)(const void *)memory;
    cr_expect(size == e->size && size == (sizeof *e + 6 + 7) / 8 * 8);
    cr_expect(e->fate == EVENT_SLOT && e->slot == 3 && e->offset == 12 && e->carried == 0);
    cr_expect(text_equal(event_key(e), TEXT("topics")) && memory[size - 1] == 0);
}

/* What lies behind an event is the next one's. */
Test(event, touches_nothing_behind_it)
{
    for (size_t len = 0; len < 20; len++) {
        alignas(8) char memory[EVENT_SIZE_MAX];
        memset(memory, 0x55, sizeof memory);
        uint32_t size = event_note(memory, EVENT_SLOT, 1, 2, (struct text){"abcdefghijklmnopqrst", len});
        cr_assert(size % 8 == 0 && size >= sizeof(struct event) + len);
        for (size_t i = size; i < sizeof memory; i++)
            cr_assert(memory[i] == 0x55);
    }
}
