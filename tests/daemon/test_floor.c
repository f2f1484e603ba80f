/* The simulated sales floor is what the laws are tried on, so it must keep its own promises: the same bytes for
 * the same options, stamps that never meet, and a truth that its messages really say. */
#include "base/instant.h"
#include "daemon/floor.h"
#include "daemon/floor_files.h"
#include "daemon/floor_random.h"
#include "daemon/floor_teller.h"
#include "daemon/floor_truth.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EUR ((currency_code)'E' << 16 | (currency_code)'U' << 8 | (currency_code)'R')
#define KWD ((currency_code)'K' << 16 | (currency_code)'W' << 8 | (currency_code)'D')
#define JPY ((currency_code)'J' << 16 | (currency_code)'P' << 8 | (currency_code)'Y')

static struct floor_options options_of(uint64_t seed)
{
    return (struct floor_options){.seed = seed,
                                  .records = 3000,
                                  .managers = 12,
                                  .teams = 3,
                                  .start_us = INT64_C(1709251200) * SECOND, /* 2024-03-01 */
                                  .days = 120,
                                  .zone = "Europe/Berlin", /* with a change of the clocks inside */
                                  .base = EUR,
                                  .currencies = {EUR, KWD, JPY},
                                  .currency_count = 3,
                                  .corrections_ppm = PPM(60),
                                  .repeat_ppm = PPM(10),
                                  .late_ppm = PPM(10),
                                  .garbage_ppm = PPM(3)};
}

static struct floor *floor_of(const struct floor_options *o)
{
    struct floor *f = floor_create(o);
    cr_assert(f != NULL, "the zone is not on this machine");
    return f;
}

/* All lines of the four files, one after the other. */
static uint64_t hash_of(const struct floor_options *o)
{
    struct floor *f = floor_of(o);
    struct buffer b;
    buffer_init(&b);
    for (struct floor_message m; floor_next(f, &m);) {
        floor_files_line(&b, &m);
        buffer_char(&b, '\n');
    }
    uint64_t hash = text_hash(buffer_view(&b));
    buffer_fini(&b);
    floor_destroy(f);
    return hash;
}

/* The vectors of the reference implementation (state 1, 2, 3, 4; SplitMix64 of 0): another generator under the
 * same name would change every file that a report names by its seed. */
Test(floor, dice_are_xoshiro256starstar)
{
    struct floor_random r = {.state = {1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240)};
    for (int i = 0; i < 4; i++)
        cr_expect(eq(u64, floor_random_next(&r), expected[i]));
    floor_random_init(&r, 0);
    cr_expect(eq(u64, r.state[0], UINT64_C(0xe220a8397b1dcdaf)));
}

Test(floor, dice_stay_within_their_bounds)
{
    struct floor_random r;
    floor_random_init(&r, 3);
    int64_t sum = 0;
    for (int i = 0; i < 100000; i++) {
        int64_t n = floor_random_between(&r, -3, 4);
        cr_assert(n >= -3 && n <= 4);
        int64_t wait = floor_random_wait(&r, 1000);
        cr_assert(wait >= 0 && wait <= 4605);
        sum += wait;
    }
    cr_expect(sum / 100000 > 950 && sum / 100000 < 1050, "mean %lld", (long long)(sum / 100000));
    cr_expect(not(floor_random_chance(&r, 0)));
    cr_expect(floor_random_chance(&r, PPM(100)));
}

Test(floor, same_options_give_the_same_bytes)
{
    struct floor_options a = options_of(11), b = options_of(11), c = options_of(12), d = options_of(11);
    d.corrections_ppm = PPM(61);
    cr_expect(eq(u64, hash_of(&a), hash_of(&b)));
    cr_expect(ne(u64, hash_of(&a), hash_of(&c)));
    cr_expect(ne(u64, hash_of(&a), hash_of(&d)));
}

Test(floor, an_unknown_zone_is_told)
{
    struct floor_options o = options_of(1);
    o.zone = "Mars/Olympus_Mons";
    cr_expect(floor_create(&o) == NULL);
}

struct stamp_seen {
    int64_t occurred_us, version;
    uint32_t record;
    uint8_t kind;
};

static int compare_stamps(const void *left, const void *right)
{
    const struct stamp_seen *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->record != b->record)
        return a->record < b->record ? -1 : 1;
    if (a->occurred_us != b->occurred_us)
        return a->occurred_us < b->occurred_us ? -1 : 1;
    return (a->version > b->version) - (a->version < b->version);
}

/* Everything that happens to a record in one and the same instant. */
Test(floor, stamps_of_one_instant_are_kept_apart)
{
    struct floor_options o = options_of(22);
    o.repeat_ppm = o.garbage_ppm = 0;
    struct floor_world *w = floor_world_create(&o);
    struct floor_teller t = {
        .options = &o, .world = w, .records_left = 1, .horizon_us = INSTANT_END, .cycle_us = DAY, .office_hours = true};
    floor_random_init(&t.random, 22);
    floor_queue_init(&t.queue);
    struct draft d;
    cr_assert(draft_begin(&t, &d, KIND_LEAD));
    d.versioned = false;
    for (int i = 0; i < 40; i++) {
        draft_null(&d, FIELD_REGION);
        cr_assert(i % 10 == 9 ? draft_delete(&t, &d, o.start_us, i % 20 == 9) : draft_send(&t, &d, o.start_us));
    }
    int64_t seen[40];
    struct floor_parcel p;
    for (int i = 0; i < 40; i++) {
        cr_assert(floor_queue_pop(&t.queue, &p));
        seen[i] = p.event->occurred_us;
        for (int j = 0; j < i; j++)
            cr_assert(ne(i64, seen[j], seen[i]));
        floor_event_release(p.event);
    }
    floor_queue_fini(&t.queue);
    floor_world_destroy(w);
}

/* Else what stands would hang on a hash that an independent program does not have. */
Test(floor, stamps_of_a_record_never_meet)
{
    struct floor_options o = options_of(21);
    o.corrections_ppm = PPM(100);
    struct floor *f = floor_of(&o);
    size_t count = 0, room = 1 << 16;
    struct stamp_seen *seen = malloc(room * sizeof *seen);
    for (struct floor_message m; floor_next(f, &m);) {
        if (m.event == NULL || m.repeat)
            continue;
        cr_assert(count < room);
        seen[count++] = (struct stamp_seen){.occurred_us = m.event->occurred_us,
                                            .version = m.event->version,
                                            .record = m.event->record,
                                            .kind = m.event->kind};
    }
    qsort(seen, count, sizeof *seen, compare_stamps);
    for (size_t i = 1; i < count; i++)
        cr_assert(compare_stamps(&seen[i - 1], &seen[i]) != 0, "kind %d record %u", seen[i].kind, seen[i].record);
    free(seen);
    floor_destroy(f);
}

Test(floor, the_number_of_records_is_exact)
{
    for (uint64_t records = 1; records <= 2001; records += 500) {
        struct floor_options o = options_of(records);
        o.records = records;
        struct floor *f = floor_of(&o);
        bool *named[FACT_KINDS];
        for (int k = 0; k < FACT_KINDS; k++)
            named[k] = calloc(records + 1, 1);
        for (struct floor_message m; floor_next(f, &m);)
            if (m.event != NULL)
                named[m.kind][m.event->record] = true;
        uint64_t distinct = 0, begun = 0;
        for (int k = 0; k < FACT_KINDS; k++) {
            begun += floor_record_count(f, (enum record_kind)k);
            for (uint64_t i = 0; i <= records; i++)
                distinct += named[k][i];
            free(named[k]);
        }
        cr_expect(eq(u64, begun, records));
        cr_expect(eq(u64, distinct, records));
        floor_destroy(f);
    }
}

/* A line with JSON that a strict reader takes, or one that was meant to be broken. */
Test(floor, what_is_not_garbage_is_json_within_the_skew)
{
    struct floor_options o = options_of(31);
    struct floor *f = floor_of(&o);
    struct buffer line;
    buffer_init(&line);
    for (struct floor_message m; floor_next(f, &m);) {
        buffer_clear(&line);
        floor_files_line(&line, &m);
        cr_assert(memchr(line.at, '\n', line.len) == NULL);
        if (m.event == NULL) {
            cr_assert(m.reason != OK);
            if (m.reason == BAD_JSON && line.at[0] != '[')
                cr_assert(json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES, NULL) == NULL, "%s", line.at);
            continue;
        }
        cr_assert(m.reason == OK);
        json_error_t error;
        json_t *json = json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES, &error);
        cr_assert(json != NULL && json_is_object(json), "%s: %s", error.text, line.at);
        cr_assert(json_integer_value(json_object_get(json, "kafka_timestamp")) == m.kafka_ms);
        if (m.tombstone) {
            cr_assert(eq(sz, json_object_size(json), 2));
            cr_assert(strcmp(json_string_value(json_object_get(json, "kafka_key")), m.key.at) == 0);
            cr_assert(eq(sz, m.value.len, 0));
        }
        cr_assert(m.event->occurred_us <= (m.kafka_ms + 300000) * MILLISECOND);
        cr_assert(m.arrival_us >= m.kafka_ms * MILLISECOND || m.repeat);
        json_decref(json);
    }
    buffer_fini(&line);
    floor_destroy(f);
}

/* A plain second merge, from the text alone. */
struct merged_field {
    int64_t occurred_us, version;
    char *value; /* canonical; NULL: null */
};

struct merged {
    bool seen, exists, was_deleted;
    int64_t occurred_us, version, deleted_us, deleted_version;
    struct merged_field fields[FIELD_COUNT_MAX];
    bool set[FIELD_COUNT_MAX];
};

static bool after(int64_t a_us, int64_t a_version, int64_t b_us, int64_t b_version)
{
    return a_us != b_us ? a_us > b_us : a_version > b_version;
}

static int64_t read_time(const struct floor_world *w, const json_t *v)
{
    int64_t us, days;
    if (json_is_integer(v))
        return json_integer_value(v) * MILLISECOND;
    struct text t = text_of(json_string_value(v));
    if (date_parse(t, &days) == OK)
        return calendar_instant(w->calendar, days, 0);
    cr_assert(instant_parse(t, &us) == OK, "%s", t.at);
    return us;
}

/* One text for one meaning, whatever the form: "12.50", 12.5 and "12.5" are the same. */
static char *canonical(const struct floor_world *w, enum field_type type, const json_t *v)
{
    if (json_is_null(v))
        return NULL;
    char text[400];
    if (type == FIELD_TIME) {
        snprintf(text, sizeof text, "%lld", (long long)read_time(w, v));
    } else if (type == FIELD_TEXT || type == FIELD_CURRENCY || type == FIELD_CHOICE) {
        snprintf(text, sizeof text, "%s", json_string_value(v));
    } else if (json_is_string(v)) {
        int64_t micro;
        cr_assert(decimal_parse(text_of(json_string_value(v)), &micro, NULL) == OK);
        snprintf(text, sizeof text, "%lld", (long long)micro);
    } else {
        /* Through a double, which holds these amounts to the millionth. */
        snprintf(text, sizeof text, "%lld", llround(json_number_value(v) * 1e6));
    }
    return strdup(text);
}

static uint32_t record_number(const char *id)
{
    return (uint32_t)strtoul(strrchr(id, '-') + 1, NULL, 10);
}

static void merge(struct merged *r, const struct floor_world *w, enum record_kind kind, const struct floor_message *m)
{
    const struct record_kind_info *info = record_kind_info(kind);
    json_t *json = m->tombstone ? NULL : json_loadb(m->value.at, m->value.len, 0, NULL);
    json_t *at = json_object_get(json, "occurred_at"), *version = json_object_get(json, "version");
    int64_t occurred = at != NULL ? read_time(w, at) : m->kafka_ms * MILLISECOND;
    int64_t v = json_integer_value(version);
    bool deleted = m->tombstone || json_is_true(json_object_get(json, "deleted"));
    if (!r->seen || after(occurred, v, r->occurred_us, r->version)) {
        r->occurred_us = occurred;
        r->version = v;
        r->exists = !deleted;
    }
    r->seen = true;
    if (deleted && (!r->was_deleted || after(occurred, v, r->deleted_us, r->deleted_version))) {
        r->was_deleted = true;
        r->deleted_us = occurred;
        r->deleted_version = v;
    }
    for (unsigned i = 0; i < info->field_count && !deleted; i++) {
        json_t *value = json_object_get(json, info->fields[i].name);
        struct merged_field *f = &r->fields[i];
        if (value != NULL && (!r->set[i] || after(occurred, v, f->occurred_us, f->version))) {
            free(f->value);
            *f = (struct merged_field){occurred, v, canonical(w, info->fields[i].type, value)};
            r->set[i] = true;
        }
    }
    json_decref(json);
}

struct comparison_of_truths {
    const struct floor_world *world;
    struct merged *records[FACT_KINDS];
    size_t lines, values;
};

static void compare_line(void *context, struct text line)
{
    struct comparison_of_truths *c = context;
    json_t *json = json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(json != NULL && json_is_object(json), "%s", line.at);
    enum record_kind kind = record_kind_find(text_of(json_string_value(json_object_get(json, "kind"))));
    cr_assert(kind != KIND_COUNT);
    const struct record_kind_info *info = record_kind_info(kind);
    struct merged *r = &c->records[kind][record_number(json_string_value(json_object_get(json, "id")))];
    cr_assert(r->seen);
    cr_assert(r->exists == json_is_true(json_object_get(json, "exists")), "%s", line.at);
    json_t *fields = json_object_get(json, "fields");
    cr_assert(eq(sz, json_object_size(fields), info->field_count));
    for (unsigned i = 0; i < info->field_count; i++) {
        struct merged_field *f = &r->fields[i];
        bool cleared =
            !r->set[i] || (r->was_deleted && !after(f->occurred_us, f->version, r->deleted_us, r->deleted_version));
        char *told = canonical(c->world, info->fields[i].type, json_object_get(fields, info->fields[i].name));
        const char *mine = cleared ? NULL : f->value;
        bool both = (told == NULL) == (mine == NULL);
        cr_assert(both, "%s of %s", info->fields[i].name, line.at);
        cr_assert(told == NULL || strcmp(told, mine) == 0, "%s: %s is not %s", info->fields[i].name, told, mine);
        c->values += told != NULL;
        free(told);
    }
    c->lines++;
    json_decref(json);
}

Test(floor, the_truth_is_what_the_messages_say)
{
    struct floor_options o = options_of(41);
    struct floor *f = floor_of(&o);
    struct floor_truth *truth = floor_truth_create(floor_world(f));
    struct comparison_of_truths c = {.world = floor_world(f)};
    for (int k = 0; k < FACT_KINDS; k++)
        c.records[k] = calloc(o.records + 1, sizeof(struct merged));
    for (struct floor_message m; floor_next(f, &m);) {
        if (m.event == NULL)
            continue;
        floor_truth_apply(truth, m.event);
        merge(&c.records[m.kind][record_number(m.key.at)], c.world, m.kind, &m);
    }
    floor_truth_each(truth, compare_line, &c);
    cr_expect(eq(sz, c.lines, o.records));
    cr_expect(c.values > 5 * o.records);
    for (int k = 0; k < FACT_KINDS; k++) {
        for (size_t i = 0; i <= o.records; i++)
            for (unsigned j = 0; j < FIELD_COUNT_MAX; j++)
                free(c.records[k][i].fields[j].value);
        free(c.records[k]);
    }
    floor_truth_destroy(truth);
    floor_destroy(f);
}

struct shares {
    uint64_t events, repeats, late, garbage, deletions, currencies, reopened;
};

static struct shares shares_of(const struct floor_options *o)
{
    struct shares s = {0};
    struct floor *f = floor_of(o);
    for (struct floor_message m; floor_next(f, &m);) {
        s.garbage += m.event == NULL;
        s.repeats += m.repeat;
        if (m.event == NULL || m.repeat)
            continue;
        s.events++;
        s.late += m.event->late;
        s.deletions += m.event->deleted;
        for (unsigned i = 0; i < m.event->value_count; i++)
            s.currencies += m.event->values[i].form == FORM_CURRENCY && m.event->values[i].number != o->base;
    }
    floor_destroy(f);
    return s;
}

static void expect_share(const char *what, uint64_t part, uint64_t of, unsigned low, unsigned high)
{
    cr_expect(part * 1000 >= of * low && part * 1000 <= of * high, "%s: %llu of %llu is not %u to %u per mille", what,
              (unsigned long long)part, (unsigned long long)of, low, high);
}

Test(floor, options_have_their_effect)
{
    struct floor_options o = options_of(51);
    struct shares s = shares_of(&o);
    expect_share("repeats", s.repeats, s.events, 90, 135); /* some come three times */
    expect_share("late", s.late, s.events, 85, 115);
    expect_share("garbage", s.garbage, s.events, 22, 38);
    expect_share("deletions", s.deletions, s.events, 5, 60);
    cr_expect(s.currencies > s.events / 50);

    o.repeat_ppm = o.late_ppm = o.garbage_ppm = o.corrections_ppm = 0;
    o.currency_count = 0;
    s = shares_of(&o);
    cr_expect(eq(u64, s.repeats, 0));
    cr_expect(eq(u64, s.late, 0));
    cr_expect(eq(u64, s.garbage, 0));
    cr_expect(eq(u64, s.deletions, 0));
    cr_expect(eq(u64, s.currencies, 0));

    o.repeat_ppm = PPM(100);
    s = shares_of(&o);
    cr_expect(s.repeats >= s.events);
}

/* The test of sums needs it: managers of a team add up to it only if no record has the one without the other. */
Test(floor, all_owned_means_every_event_and_one_team_a_manager)
{
    struct floor_options o = options_of(61);
    o.all_owned = true;
    o.corrections_ppm = PPM(100);
    struct floor *f = floor_of(&o);
    const struct floor_world *w = floor_world(f);
    uint64_t checked = 0;
    for (struct floor_message m; floor_next(f, &m);) {
        if (m.event == NULL || m.event->deleted)
            continue;
        int64_t manager = -1, team = -1;
        for (unsigned i = 0; i < m.event->value_count; i++) {
            const struct floor_value *v = &m.event->values[i];
            manager = v->field == FIELD_MANAGER && v->form == FORM_WORD ? v->number : manager;
            team = v->field == FIELD_TEAM && v->form == FORM_WORD ? v->number : team;
        }
        cr_assert(manager >= 0 && team >= 0, "%s", m.value.at);
        uint32_t i = 0;
        while (i < w->manager_count && w->managers[i].name != manager)
            i++;
        cr_assert(i < w->manager_count && w->managers[i].team == team, "%s", m.value.at);
        checked++;
    }
    cr_expect(checked > 10000);
    floor_destroy(f);
}

Test(floor, names_are_unique_for_many_managers)
{
    struct floor_options o = options_of(71);
    o.managers = 2000;
    o.teams = 25;
    struct floor *f = floor_of(&o);
    const struct floor_world *w = floor_world(f);
    for (uint32_t i = 0; i < w->word_count; i++) {
        cr_assert(text_is_name(floor_world_word(w, i)));
        for (uint32_t j = 0; j < i; j++)
            cr_assert(ne(str, w->words[i], w->words[j]));
    }
    floor_destroy(f);
}

/* Numbers by the hour of the day would look like nothing if people never slept. */
Test(floor, people_work_by_the_clock_of_their_zone)
{
    struct floor_options o = options_of(81);
    o.zone = "Asia/Kolkata"; /* half an hour off, so that a mistake of whole hours shows as well */
    o.late_ppm = o.corrections_ppm = 0;
    struct floor *f = floor_of(&o);
    uint64_t all = 0, office = 0, weekend = 0;
    for (struct floor_message m; floor_next(f, &m);) {
        if (m.event == NULL || m.repeat)
            continue;
        int64_t time_of_day, day = calendar_local_day(floor_world(f)->calendar, m.event->occurred_us, &time_of_day);
        all++;
        office += time_of_day >= 9 * HOUR && time_of_day < 18 * HOUR;
        weekend += (day + 3) % 7 >= 5;
    }
    expect_share("in office hours", office, all, 930, 1000);
    expect_share("at weekends", weekend, all, 10, 120);
    floor_destroy(f);
}

/* The demo: the past first, then now, without end, and every kind of record at once. */
Test(floor, live_goes_on_from_the_end_of_the_span)
{
    struct floor_options o = options_of(91);
    o.records = 500;
    o.live_rate = 50;
    o.corrections_ppm = PPM(20); /* the defaults of the command, by which the rate is reckoned */
    o.repeat_ppm = PPM(2);
    o.garbage_ppm = PPM(1);
    struct floor *f = floor_of(&o);
    int64_t now = o.start_us + o.days * DAY;
    uint64_t past = 0, first_minutes = 0, kinds[FACT_KINDS] = {0};
    struct floor_message m;
    do {
        cr_assert(floor_next(f, &m));
        past += m.arrival_us < now;
        if (m.arrival_us >= now && m.arrival_us < now + 10 * MINUTE) {
            first_minutes++;
            kinds[m.kind]++;
        }
    } while (m.arrival_us < now + 10 * MINUTE);
    cr_expect(past > 1000);
    expect_share("events a second", first_minutes, 600 * o.live_rate, 800, 1200);
    for (int k = 0; k < FACT_KINDS; k++)
        cr_expect(kinds[k] > 100, "%s", record_kind_info((enum record_kind)k)->name);
    floor_destroy(f);
}
