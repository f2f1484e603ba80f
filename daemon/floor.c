/* Stories are told in the order of their beginning, each as a whole: its events go into a queue, weeks ahead.
 * An event may leave the queue once no story that is still to be told can begin before it. So memory holds
 * only what is on its way, however long the run. */
#include "daemon/floor.h"
#include "base/instant.h"
#include "daemon/floor_garbage.h"
#include "daemon/floor_queue.h"
#include "daemon/floor_story.h"
#include "daemon/floor_teller.h"
#include "daemon/floor_text.h"
#include <stdlib.h>

/* The usual deal is open for this long; in a short span, a sixth of it, so that something is won at all. */
#define CYCLE_MAX    (30 * DAY)
#define CYCLE_LIVE   (45 * SECOND)
#define LIVE_LEAD_IN (3 * CYCLE_LIVE)

struct floor {
    struct floor_options options;
    struct floor_world *world;
    struct floor_teller teller;
    int64_t end_us;        /* of the span */
    int64_t next_story_us; /* INT64_MAX: there is none */
    bool live;             /* the past has been told, new stories begin now */
    struct floor_event *lent;
    struct buffer key, value;
};

static bool past_goes_on(struct floor *f)
{
    uint64_t begun = 0;
    for (int kind = 0; kind < FACT_KINDS; kind++) {
        begun += f->teller.records[kind];
    }
    if (begun >= f->options.records) {
        return false;
    }
    f->next_story_us = floor_world_place(f->world, f->options.start_us, f->end_us, begun, f->options.records);
    return true;
}

static void plan_next_story(struct floor *f)
{
    if (!f->live && past_goes_on(f)) {
        return;
    }
    if (f->options.live_rate == 0) {
        f->next_story_us = INT64_MAX;
        return;
    }
    if (!f->live) {
        f->live = true;
        f->next_story_us = f->end_us - LIVE_LEAD_IN; /* or the first sale would be won a minute after the start */
        f->teller.records_left = UINT64_MAX;
        f->teller.cycle_us = CYCLE_LIVE;
        f->teller.office_hours = false;
    }
    int64_t mean = FLOOR_STORY_EVENTS * SECOND / (int64_t)f->options.live_rate;
    f->next_story_us += floor_random_wait(&f->teller.random, mean > 0 ? mean : 1);
}

struct floor *floor_create(const struct floor_options *options)
{
    REQUIRE(options->days >= 1 && options->days <= 36500);
    REQUIRE(options->start_us >= INSTANT_MIN && options->start_us < INSTANT_END - options->days * DAY);
    struct floor_world *world = floor_world_create(options);
    if (world == NULL) {
        return NULL;
    }
    struct floor *f = must_zalloc(sizeof *f);
    f->options = *options;
    f->options.zone = calendar_zone(world->calendar);
    f->world = world;
    f->end_us = options->start_us + options->days * DAY;
    int64_t sixth = options->days * DAY / 6;
    f->teller = (struct floor_teller){.options = &f->options,
                                      .world = world,
                                      .records_left = options->records,
                                      .horizon_us = options->live_rate > 0 ? INSTANT_END - DAY : f->end_us,
                                      .cycle_us = sixth < CYCLE_MAX ? sixth : CYCLE_MAX,
                                      .office_hours = true};
    floor_random_init(&f->teller.random, options->seed);
    floor_queue_init(&f->teller.queue);
    buffer_init(&f->key);
    buffer_init(&f->value);
    plan_next_story(f);
    return f;
}

void floor_destroy(struct floor *f)
{
    if (f == NULL) {
        return;
    }
    floor_event_release(f->lent);
    floor_queue_fini(&f->teller.queue);
    buffer_fini(&f->key);
    buffer_fini(&f->value);
    floor_world_destroy(f->world);
    free(f);
}

static void write_message(struct floor *f, const struct floor_parcel *p, struct floor_message *out)
{
    struct floor_event *e = p->event;
    *out = (struct floor_message){.kind = (enum record_kind)e->kind,
                                  .reason = OK,
                                  .repeat = p->repeat,
                                  .tombstone = e->tombstone && p->garbage == 0,
                                  .arrival_us = p->arrival_us,
                                  .kafka_ms = e->kafka_ms,
                                  .event = e};
    buffer_clear(&f->key);
    buffer_clear(&f->value);
    floor_text_record(&f->key, f->world, out->kind, e->record);
    if (p->garbage != 0) {
        out->kafka_ms = p->arrival_us / MILLISECOND;
        out->reason = floor_garbage(&f->value, f->world, e, out->kafka_ms, p->garbage);
        out->event = NULL;
    } else if (!e->tombstone) {
        floor_text_event(&f->value, f->world, e);
    }
    out->key = buffer_view(&f->key);
    out->value = buffer_view(&f->value);
}

bool floor_next(struct floor *f, struct floor_message *out)
{
    while (f->next_story_us <= floor_queue_next_us(&f->teller.queue) && f->next_story_us != INT64_MAX) {
        f->teller.start_us = f->next_story_us;
        floor_story_tell(&f->teller);
        plan_next_story(f);
    }
    struct floor_parcel p;
    if (!floor_queue_pop(&f->teller.queue, &p)) {
        return false;
    }
    write_message(f, &p, out);
    floor_event_release(f->lent);
    f->lent = p.event;
    return true;
}

uint32_t floor_record_count(const struct floor *f, enum record_kind kind)
{
    return f->teller.records[kind];
}

const struct floor_world *floor_world(const struct floor *f)
{
    return f->world;
}
