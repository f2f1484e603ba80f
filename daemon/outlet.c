#include "daemon/outlet.h"
#include "base/error.h"

void outlet_init(struct outlet *o, enum reader reader, struct ring *bell)
{
    *o = (struct outlet){.reader = reader, .full = handoff_create(), .bell = bell};
    o->asks_seen = -1; /* the first snapshot holds everything */
    for (int i = 0; i < OUTLET_SNAPSHOTS; i++) {
        o->empty[i] = handoff_create();
        o->spare[o->spare_count++] = snapshot_create();
    }
}

static void destroy_left(struct handoff *h)
{
    struct snapshot *s = handoff_take(h);
    if (s != NULL)
        snapshot_destroy(s);
    handoff_destroy(h);
}

void outlet_fini(struct outlet *o)
{
    if (o->full == NULL)
        return;
    destroy_left(o->full);
    for (int i = 0; i < OUTLET_SNAPSHOTS; i++)
        destroy_left(o->empty[i]);
    while (o->spare_count > 0)
        snapshot_destroy(o->spare[--o->spare_count]);
    *o = (struct outlet){0};
}

static void collect(struct outlet *o)
{
    for (int i = 0; i < OUTLET_SNAPSHOTS; i++) {
        if (handoff_is_free(o->empty[i]))
            continue;
        REQUIRE(o->spare_count < OUTLET_SNAPSHOTS);
        o->spare[o->spare_count++] = handoff_take(o->empty[i]);
    }
}

bool outlet_is_ready(struct outlet *o)
{
    collect(o);
    return o->spare_count > 0 && handoff_is_free(o->full);
}

bool outlet_wants_everything(const struct outlet *o)
{
    return counter_get(&o->asks) != o->asks_seen;
}

bool outlet_cut(struct outlet *o, struct shard *s)
{
    REQUIRE(outlet_is_ready(o));
    /* Read before the cut: an ask that comes meanwhile is met by the next one. */
    int64_t asks = counter_get(&o->asks);
    struct snapshot *snapshot = o->spare[--o->spare_count];
    shard_cut(s, o->reader, asks != o->asks_seen, snapshot);
    o->asks_seen = asks;
    bool live = snapshot_is_live(snapshot);
    handoff_put(o->full, snapshot);
    return live;
}

struct snapshot *outlet_take(struct outlet *o)
{
    return handoff_take(o->full);
}

void outlet_give_back(struct outlet *o, struct snapshot *s)
{
    int i = 0;
    while (!handoff_is_free(o->empty[i])) {
        i++;
        REQUIRE(i < OUTLET_SNAPSHOTS); /* more came back than there are */
    }
    handoff_put(o->empty[i], s);
    ring_wake(o->bell);
}

void outlet_ask_everything(struct outlet *o)
{
    counter_add(&o->asks, 1);
    ring_wake(o->bell);
}
