/* All bytes lie in one buffer that keeps its room from cut to cut, but for images, which entities and other snapshots hold as well.
 * An entity's windows are a table of offsets from its own place, and what they lead to; each window is two bit masks of the measures
 * that are not 0, then those measures, each in a byte how many bytes it takes and in those. To what an image says, increments are added
 * as it is read. */
#include "aggregators/snapshot.h"
#include "aggregators/snapshot_fill.h"
#include "base/bits.h"
#include "base/error.h"
#include "base/packed.h"
#include <stdlib.h>
#include <string.h>

struct entry {
    size_t name_at, name_len;
    size_t targets_at, target_count;
    size_t about_at; /* name, team, lead end to end */
    uint32_t name_of_people_len, team_len, lead_len;
    bool inactive, stands;
    size_t own_at; /* window_count offsets into the bytes, as windows_at; 0 = there are no own KPIs through filters */
    size_t
        windows_at; /* window_count offsets of uint32_t from here, 0 = the window is not there; 0: none is, or in the image */
    const struct image *image;
    size_t increments_at, increment_count;
    size_t series_at; /* SERIES_MAX offsets, 0 = it has not that one; 0: it has none */
    uint32_t id;
    uint32_t dimension;
};

struct position {
    size_t topic_at, topic_len;
    int64_t offset, earlier;
    int32_t partition;
    bool ended;
};

struct snapshot {
    int64_t as_of_us;
    bool everything, of_past;
    unsigned window_count;
    bool has_previous[WINDOWS_MAX], is_provisional[WINDOWS_MAX];
    struct accounts accounts;
    int64_t records[KIND_COUNT], oddities[ODDITY_COUNT];
    struct position *positions;
    size_t position_count, position_room;
    struct entry *entries;
    size_t entry_count, entry_room;
    unsigned pair_count;
    struct snapshot_target *targets;
    size_t target_count, target_room;
    size_t starts_at[SERIES_MAX]; /* first instants of points */
    struct buffer bytes;
    unsigned few; /* times in a row that it held few of what it has room for */
    /* Images, the first ones held since they were in it when it was filled before: two of these are let go for each entity that
     * comes, so that a cut of many does not begin with all of them. */
    struct image **images;
    uint32_t image_count, image_room, images_gone, images_old;
};

const char *oddity_name(enum oddity o)
{
    static const char *const names[] = {
#define X(symbol, name, text) [ODDITY_##symbol] = name,
        ODDITY_TABLE(X)
#undef X
    };
    REQUIRE(o < ODDITY_COUNT);
    return names[o];
}

struct snapshot *snapshot_create(void)
{
    return must_zalloc(sizeof(struct snapshot));
}

void snapshot_destroy(struct snapshot *s)
{
    if (s == NULL)
        return;
    free(s->positions);
    free(s->entries);
    free(s->targets);
    while (s->images_gone < s->image_count)
        image_release(s->images[s->images_gone++]);
    free(s->images);
    buffer_fini(&s->bytes);
    free(s);
}

/* Of the images that it holds from before. */
static void let_go(struct snapshot *s, uint32_t most)
{
    for (; most > 0 && s->images_gone < s->images_old; most--)
        image_release(s->images[s->images_gone++]);
    if (s->images_gone == s->image_count)
        s->images_gone = s->images_old = s->image_count = 0;
}

/* Of images, by each cut, besides those for which others come: else who is cut no more would be held by a snapshot of few. */
enum { LET_GO_AT_BEGIN = 64 };

void snapshot_begin(struct snapshot *s, int64_t as_of_us, bool everything, unsigned window_count,
                    const bool *window_has_previous, const struct accounts *accounts, const int64_t *records,
                    const int64_t *oddities)
{
    s->as_of_us = as_of_us;
    s->everything = everything;
    s->window_count = window_count;
    memcpy(s->has_previous, window_has_previous, window_count * sizeof *window_has_previous);
    s->accounts = *accounts;
    memcpy(s->records, records, sizeof s->records);
    memcpy(s->oddities, oddities, sizeof s->oddities);
    s->position_count = 0;
    s->of_past = false;
    s->entry_count = 0;
    s->target_count = 0;
    s->images_old = s->image_count;
    let_go(s, LET_GO_AT_BEGIN);
    buffer_clear(&s->bytes);
    buffer_char(&s->bytes, '\0'); /* offset 0 means none */
}

/* Nothing is in them, so nothing need be copied. */
static void *make_room(void *array, size_t *room, size_t wanted, size_t size)
{
    if (*room >= wanted)
        return array;
    free(array);
    *room = wanted;
    return must_alloc(wanted * size);
}

void snapshot_reserve(struct snapshot *s, size_t entities, size_t bytes, size_t targets)
{
    s->entry_count = s->target_count = 0;
    s->entries = make_room(s->entries, &s->entry_room, entities, sizeof *s->entries);
    s->targets = make_room(s->targets, &s->target_room, targets, sizeof *s->targets);
    buffer_clear(&s->bytes);
    if (s->bytes.room <= bytes)
        buffer_fini(&s->bytes);
    buffer_reserve(&s->bytes, bytes);
}

/* A room as large as this, or one of which an eighth was needed lately, is kept: large cuts and small ones by turns do not make it anew. */
enum { KEPT_BYTES = 1 << 20, KEPT_TIMES = 8, KEPT_WHILE = 8 };

uint64_t snapshot_room(const struct snapshot *s)
{
    return s->entry_room * sizeof *s->entries + s->target_room * sizeof *s->targets + s->bytes.room;
}

void snapshot_give_back(struct snapshot *s)
{
    uint64_t room = snapshot_room(s),
             used = s->entry_count * sizeof *s->entries + s->target_count * sizeof *s->targets + s->bytes.len;
    s->few = room > KEPT_BYTES && used < room / KEPT_TIMES ? s->few + 1 : 0;
    if (s->few < KEPT_WHILE)
        return;
    free(s->entries);
    free(s->targets);
    s->entries = NULL;
    s->targets = NULL;
    s->entry_room = s->target_room = s->entry_count = s->target_count = s->position_count = 0;
    buffer_fini(&s->bytes);
    s->few = 0;
}

size_t snapshot_filled(const struct snapshot *s)
{
    return s->bytes.len;
}

size_t snapshot_targets_filled(const struct snapshot *s)
{
    return s->target_count;
}

void snapshot_set_provisional(struct snapshot *s, unsigned window, bool is_provisional)
{
    s->is_provisional[window] = is_provisional;
}

bool snapshot_is_provisional(const struct snapshot *s, unsigned window)
{
    return s->is_provisional[window];
}

static int by_dimension_and_name(const void *a, const void *b, void *context)
{
    const struct entry *x = a, *y = b;
    const char *bytes = context;
    if (x->dimension != y->dimension)
        return x->dimension < y->dimension ? -1 : 1;
    return text_compare((struct text){bytes + x->name_at, x->name_len}, (struct text){bytes + y->name_at, y->name_len});
}

void snapshot_sort(struct snapshot *s)
{
    if (s->entry_count > 1)
        qsort_r(s->entries, s->entry_count, sizeof *s->entries, by_dimension_and_name, s->bytes.at);
}

void snapshot_add_position(struct snapshot *s, const struct snapshot_position *p)
{
    if (s->position_count == s->position_room) {
        s->position_room = s->position_room > 0 ? s->position_room * 2 : 16;
        s->positions = must_realloc(s->positions, s->position_room * sizeof *s->positions);
    }
    s->positions[s->position_count++] =
        (struct position){s->bytes.len, p->topic.len, p->offset, p->earlier, p->partition, p->ended};
    buffer_text(&s->bytes, p->topic);
    s->of_past = s->of_past || (!p->ended && p->topic.len > 0);
}

void snapshot_add_image(struct snapshot *s, struct image *windows, const struct increment *increments, unsigned count)
{
    struct entry *e = &s->entries[s->entry_count - 1];
    if (s->image_count == s->image_room && s->images_gone > s->image_count / 2) {
        s->image_count -= s->images_gone;
        s->images_old -= s->images_gone;
        memmove(s->images, s->images + s->images_gone, s->image_count * sizeof *s->images);
        s->images_gone = 0;
    }
    s->images = must_grow(s->images, &s->image_room, s->image_count, sizeof *s->images);
    s->images[s->image_count++] = windows;
    image_hold(windows);
    e->image = windows;
    e->increments_at = s->bytes.len;
    e->increment_count = count;
    buffer_add(&s->bytes, increments, count * sizeof *increments);
}

struct image *snapshot_image(const struct snapshot *s)
{
    const struct entry *e = &s->entries[s->entry_count - 1];
    if (e->windows_at == 0)
        return NULL;
    return image_create(s->bytes.at + e->windows_at, s->bytes.len - e->windows_at);
}

void snapshot_add_entity(struct snapshot *s, enum dimension d, struct text name, uint32_t id)
{
    if (s->entry_count == s->entry_room) {
        s->entry_room = s->entry_room > 0 ? s->entry_room * 2 : 64;
        s->entries = must_realloc(s->entries, s->entry_room * sizeof *s->entries);
    }
    let_go(s, 2);
    struct entry *e = &s->entries[s->entry_count++];
    *e = (struct entry){.name_at = s->bytes.len, .name_len = name.len, .id = id, .dimension = d};
    buffer_text(&s->bytes, name);
}

/* By window the place of its sums, each a pair's row of numbers, first all of the window, then all of the one before; 0
 * where all are 0. */
void snapshot_add_own(struct snapshot *s, unsigned window, unsigned pair_count, const struct own_sums *current,
                      const struct own_sums *previous)
{
    struct entry *e = &s->entries[s->entry_count - 1];
    size_t size = pair_count * sizeof current->at[0];
    static const struct own_sums nothing;
    s->pair_count = pair_count;
    if (e->own_at == 0) {
        static const size_t none[WINDOWS_MAX];
        e->own_at = s->bytes.len;
        buffer_add(&s->bytes, none, s->window_count * sizeof *none);
    }
    if (memcmp(current, &nothing, size) == 0 && memcmp(previous, &nothing, size) == 0)
        return;
    size_t at = s->bytes.len;
    buffer_add(&s->bytes, current, size);
    buffer_add(&s->bytes, previous, size);
    memcpy(s->bytes.at + e->own_at + window * sizeof at, &at, sizeof at);
}

void snapshot_own_sums(const struct snapshot *s, size_t i, unsigned window, struct own_sums *out,
                       struct own_sums *out_previous)
{
    const struct entry *e = &s->entries[i];
    size_t at = 0, size = s->pair_count * sizeof out->at[0];
    if (e->own_at != 0)
        memcpy(&at, s->bytes.at + e->own_at + window * sizeof at, sizeof at);
    memset(out, 0, sizeof *out);
    memset(out_previous, 0, sizeof *out_previous);
    if (at == 0)
        return;
    memcpy(out, s->bytes.at + at, size);
    memcpy(out_previous, s->bytes.at + at + size, size);
}

void snapshot_add_target(struct snapshot *s, const struct snapshot_target *target)
{
    if (s->target_count == s->target_room) {
        s->target_room = s->target_room > 0 ? s->target_room * 2 : 64;
        s->targets = must_realloc(s->targets, s->target_room * sizeof *s->targets);
    }
    struct entry *e = &s->entries[s->entry_count - 1];
    if (e->target_count++ == 0)
        e->targets_at = s->target_count;
    s->targets[s->target_count++] = *target;
}

void snapshot_add_about(struct snapshot *s, const struct snapshot_about *about)
{
    struct entry *e = &s->entries[s->entry_count - 1];
    e->about_at = s->bytes.len;
    e->name_of_people_len = (uint32_t)about->name.len;
    e->team_len = (uint32_t)about->team.len;
    e->lead_len = (uint32_t)about->lead.len;
    e->inactive = !about->active;
    buffer_text(&s->bytes, about->name);
    buffer_text(&s->bytes, about->team);
    buffer_text(&s->bytes, about->lead);
}

_Static_assert(MEASURE_COUNT <= 64, "a window's masks have 64 bits");

/* Of a number that needs more than eight bytes, and takes this many. */
enum { WIDE = sizeof(int128) };

/* The mask of what is not 0, whose numbers are appended. */
static uint64_t pack(struct buffer *b, const struct sums *sums)
{
    uint64_t mask = 0;
    buffer_reserve(b, MEASURE_COUNT * (1 + WIDE));
    char *at = b->at + b->len;
    for (unsigned m = 0; m < MEASURE_COUNT; m++) {
        int64_t number = (int64_t)sums->at[m];
        if (sums->at[m] == 0)
            continue;
        mask |= UINT64_C(1) << m;
        unsigned width = number == sums->at[m] ? packed_width(number) : WIDE;
        *at++ = (char)width;
        if (width < WIDE)
            at = packed_put(at, width, number);
        else
            at = (char *)memcpy(at, &sums->at[m], WIDE) + WIDE;
    }
    b->len = (size_t)(at - b->at);
    *at = '\0';
    return mask;
}

void snapshot_add_sums(struct snapshot *s, unsigned window, const struct sums *current, const struct sums *previous)
{
    REQUIRE(window < s->window_count && s->entry_count > 0);
    struct entry *e = &s->entries[s->entry_count - 1];
    if (e->windows_at == 0) {
        static const uint32_t none[WINDOWS_MAX];
        e->windows_at = s->bytes.len;
        buffer_add(&s->bytes, none, s->window_count * sizeof *none);
    }
    size_t at = s->bytes.len;
    REQUIRE(at - e->windows_at <= UINT32_MAX);
    uint32_t from_here = (uint32_t)(at - e->windows_at);
    uint64_t masks[2] = {0, 0};
    buffer_add(&s->bytes, masks, sizeof masks);
    masks[0] = pack(&s->bytes, current);
    masks[1] = pack(&s->bytes, previous);
    memcpy(s->bytes.at + at, masks, sizeof masks);
    memcpy(s->bytes.at + e->windows_at + window * sizeof from_here, &from_here, sizeof from_here);
}

void snapshot_add_starts(struct snapshot *s, unsigned series, const int64_t *starts_us, unsigned count)
{
    REQUIRE(series < SERIES_MAX);
    s->starts_at[series] = s->bytes.len;
    buffer_add(&s->bytes, starts_us, count * sizeof *starts_us);
}

void snapshot_add_series(struct snapshot *s, unsigned series)
{
    REQUIRE(series < SERIES_MAX && s->entry_count > 0);
    struct entry *e = &s->entries[s->entry_count - 1];
    if (e->series_at == 0) {
        static const size_t none[SERIES_MAX];
        e->series_at = s->bytes.len;
        buffer_add(&s->bytes, none, sizeof none);
    }
    size_t at = s->bytes.len;
    memcpy(s->bytes.at + e->series_at + series * sizeof at, &at, sizeof at);
}

void snapshot_add_point(struct snapshot *s, const struct sums *sums)
{
    size_t at = s->bytes.len;
    uint64_t mask = 0;
    buffer_add(&s->bytes, &mask, sizeof mask);
    mask = pack(&s->bytes, sums);
    memcpy(s->bytes.at + at, &mask, sizeof mask);
}

int64_t snapshot_as_of_us(const struct snapshot *s)
{
    return s->as_of_us;
}

bool snapshot_is_everything(const struct snapshot *s)
{
    return s->everything;
}

bool snapshot_is_of_past(const struct snapshot *s)
{
    return s->of_past;
}

bool snapshot_is_live(const struct snapshot *s)
{
    for (size_t i = 0; i < s->position_count; i++)
        if (!s->positions[i].ended)
            return false;
    return s->position_count > 0;
}

const struct accounts *snapshot_accounts(const struct snapshot *s)
{
    return &s->accounts;
}

size_t snapshot_position_count(const struct snapshot *s)
{
    return s->position_count;
}

struct snapshot_position snapshot_position(const struct snapshot *s, size_t i)
{
    REQUIRE(i < s->position_count);
    const struct position *p = &s->positions[i];
    return (struct snapshot_position){
        {s->bytes.at + p->topic_at, p->topic_len}, p->partition, p->offset, p->ended, p->earlier};
}

int64_t snapshot_records(const struct snapshot *s, enum record_kind k)
{
    REQUIRE(k < KIND_COUNT);
    return s->records[k];
}

int64_t snapshot_oddities(const struct snapshot *s, enum oddity o)
{
    REQUIRE(o < ODDITY_COUNT);
    return s->oddities[o];
}

size_t snapshot_entity_count(const struct snapshot *s)
{
    return s->entry_count;
}

static const struct entry *entry_at(const struct snapshot *s, size_t i)
{
    REQUIRE(i < s->entry_count);
    return &s->entries[i];
}

enum dimension snapshot_entity_dimension(const struct snapshot *s, size_t i)
{
    return (enum dimension)entry_at(s, i)->dimension;
}

struct text snapshot_entity_name(const struct snapshot *s, size_t i)
{
    const struct entry *e = entry_at(s, i);
    return (struct text){s->bytes.at + e->name_at, e->name_len};
}

struct snapshot_about snapshot_entity_about(const struct snapshot *s, size_t i)
{
    const struct entry *e = entry_at(s, i);
    const char *at = s->bytes.at + e->about_at;
    return (struct snapshot_about){.name = {at, e->name_of_people_len},
                                   .team = {at + e->name_of_people_len, e->team_len},
                                   .lead = {at + e->name_of_people_len + e->team_len, e->lead_len},
                                   .active = !e->inactive};
}

size_t snapshot_target_count(const struct snapshot *s, size_t i)
{
    return entry_at(s, i)->target_count;
}

const struct snapshot_target *snapshot_target(const struct snapshot *s, size_t i, size_t k)
{
    REQUIRE(k < entry_at(s, i)->target_count);
    return &s->targets[entry_at(s, i)->targets_at + k];
}

const struct snapshot_target *snapshot_target_find(const struct snapshot *s, size_t i, unsigned window, unsigned kpi)
{
    const struct entry *e = entry_at(s, i);
    for (size_t t = 0; t < e->target_count; t++) {
        const struct snapshot_target *target = &s->targets[e->targets_at + t];
        if (target->window == window && target->kpi == kpi)
            return target;
    }
    return NULL;
}

void snapshot_mark_standing(struct snapshot *s)
{
    s->entries[s->entry_count - 1].stands = true;
}

bool snapshot_entity_stands(const struct snapshot *s, size_t i)
{
    return entry_at(s, i)->stands;
}

uint32_t snapshot_entity_id(const struct snapshot *s, size_t i)
{
    return entry_at(s, i)->id;
}

static const char *unpack(const char *at, uint64_t mask, struct sums *out)
{
    memset(out, 0, sizeof *out);
    for (; mask != 0; mask &= mask - 1) {
        int128 *number = &out->at[__builtin_ctzll(mask)];
        unsigned width = (uint8_t)*at++;
        if (width == WIDE)
            memcpy(number, at, WIDE);
        else
            *number = packed_read(at, width);
        at += width;
    }
    return at;
}

/* Measures that are added to; those that are made from them come after. */
static void add_increments(const struct snapshot *s, const struct entry *e, unsigned window, struct sums *out,
                           struct sums *out_previous)
{
    for (size_t i = 0; i < e->increment_count; i++) {
        struct increment more;
        memcpy(&more, s->bytes.at + e->increments_at + i * sizeof more, sizeof more);
        bool is_current = more.spans >> window * 2 & 1, is_previous = more.spans >> window * 2 >> 1 & 1;
        for (unsigned m = 0; is_current && m < more.count; m++)
            out->at[more.first + m] += more.more[m];
        for (unsigned m = 0; is_previous && m < more.count; m++)
            out_previous->at[more.first + m] += more.more[m];
    }
}

/* Where its windows lie; NULL: it has none. */
static const char *windows_of(const struct snapshot *s, const struct entry *e)
{
    return e->image != NULL ? e->image->bytes : e->windows_at != 0 ? s->bytes.at + e->windows_at : NULL;
}

/* Of the window's masks and measures, as they lie there. */
static uint64_t packed_hash(const char *windows, unsigned window)
{
    uint32_t place;
    uint64_t masks[2];
    memcpy(&place, windows + window * sizeof place, sizeof place);
    if (place == 0)
        return 0;
    memcpy(masks, windows + place, sizeof masks);
    const char *end = windows + place + sizeof masks;
    for (unsigned measures = bits_count_64(masks[0]) + bits_count_64(masks[1]); measures > 0; measures--)
        end += 1 + (uint8_t)*end;
    return text_hash((struct text){windows + place, (size_t)(end - windows) - place});
}

uint64_t snapshot_sums_hash(const struct snapshot *s, size_t i, unsigned window)
{
    const struct entry *e = entry_at(s, i);
    REQUIRE(window < s->window_count);
    const char *windows = windows_of(s, e);
    if (windows == NULL)
        return 0;
    uint64_t hash = e->image != NULL ? e->image->hash : packed_hash(windows, window);
    for (size_t n = 0; n < e->increment_count; n++) {
        struct increment more;
        memcpy(&more, s->bytes.at + e->increments_at + n * sizeof more, sizeof more);
        more.spans = more.spans >> window * 2 & 3; /* whatever other windows it is of */
        if (more.spans != 0)
            hash = 31 * hash + text_hash((struct text){(const char *)&more, sizeof more});
    }
    return hash;
}

void snapshot_sums(const struct snapshot *s, size_t i, unsigned window, struct sums *out, struct sums *out_previous)
{
    const struct entry *e = entry_at(s, i);
    REQUIRE(window < s->window_count);
    const char *windows = windows_of(s, e);
    uint32_t place = 0;
    if (windows != NULL)
        memcpy(&place, windows + window * sizeof place, sizeof place);
    memset(out, 0, sizeof *out);
    memset(out_previous, 0, sizeof *out_previous);
    if (place != 0) {
        uint64_t masks[2];
        memcpy(masks, windows + place, sizeof masks);
        unpack(unpack(windows + place + sizeof masks, masks[0], out), masks[1], out_previous);
        add_increments(s, e, window, out, out_previous);
    }
    out->at[MEASURE_LEVEL_KNOWN] = place != 0;
    out->at[MEASURE_WON_AMOUNT_BEFORE] = out_previous->at[MEASURE_WON_AMOUNT];
    if (out->at[MEASURE_WAITING] > 0)
        out->at[MEASURE_WAITING_AGE_US] = s->as_of_us - out->at[MEASURE_WAITING_SINCE_US];
}

bool snapshot_series(const struct snapshot *s, size_t i, unsigned series, size_t *out_at)
{
    const struct entry *e = entry_at(s, i);
    if (e->series_at == 0)
        return false;
    memcpy(out_at, s->bytes.at + e->series_at + series * sizeof *out_at, sizeof *out_at);
    return *out_at != 0;
}

size_t snapshot_point(const struct snapshot *s, size_t at, struct sums *out)
{
    uint64_t mask;
    memcpy(&mask, s->bytes.at + at, sizeof mask);
    return (size_t)(unpack(s->bytes.at + at + sizeof mask, mask, out) - s->bytes.at);
}

int64_t snapshot_series_start(const struct snapshot *s, unsigned series, unsigned point)
{
    int64_t us;
    memcpy(&us, s->bytes.at + s->starts_at[series] + point * sizeof us, sizeof us);
    return us;
}

bool snapshot_has_previous(const struct snapshot *s, unsigned window)
{
    REQUIRE(window < s->window_count);
    return s->has_previous[window];
}
