#include "daemon/outlet.h"
#include "base/clock.h"
#include "base/error.h"

void outlet_init(struct outlet *o, enum reader reader, struct ring *bell)
{
    *o = (struct outlet){.reader = reader};
    o->asks_seen = -1; /* the first snapshot holds everything */
    exchange_init(&o->exchange, (void *[]){snapshot_create(), snapshot_create()}, bell);
}

static void destroy(void *snapshot)
{
    snapshot_destroy(snapshot);
}

void outlet_fini(struct outlet *o)
{
    snapshot_destroy(o->at_hand);
    exchange_fini(&o->exchange, destroy);
    *o = (struct outlet){0};
}

bool outlet_is_ready(struct outlet *o)
{
    while (exchange_collect(&o->exchange) != NULL)
        ;
    return exchange_is_ready(&o->exchange);
}

bool outlet_wants_everything(const struct outlet *o)
{
    return counter_get(&o->asks) != o->asks_seen;
}

int64_t outlet_free_at_us(const struct outlet *o)
{
    int64_t done_us = counter_get(&o->done_us);
    if (o->exchange.spare_count == EXCHANGED_THINGS)
        return done_us;
    return (done_us > o->put_us ? done_us : o->put_us) + counter_get(&o->took_us);
}

int64_t outlet_took_us(const struct outlet *o)
{
    return counter_get(&o->took_us);
}

void outlet_cut_begin(struct outlet *o, struct shard *s)
{
    REQUIRE(outlet_is_ready(o));
    /* Read before the cut: an ask that comes meanwhile is met by the next one. */
    int64_t asks = counter_get(&o->asks);
    o->at_hand = exchange_spare(&o->exchange);
    shard_cut_begin(s, o->reader, asks != o->asks_seen, o->at_hand);
    o->asks_seen = asks;
}

bool outlet_cut_step(struct outlet *o, struct shard *s, unsigned budget, bool *out_live)
{
    if (!shard_cut_step(s, budget))
        return false;
    *out_live = snapshot_is_live(o->at_hand);
    o->put_us = clock_monotonic_us();
    exchange_put(&o->exchange, o->at_hand);
    o->at_hand = NULL;
    return true;
}

struct snapshot *outlet_take(struct outlet *o)
{
    struct snapshot *s = exchange_take(&o->exchange);
    if (s != NULL)
        snapshot_sort(s); /* here, since the writer has better things to do */
    return s;
}

void outlet_give_back(struct outlet *o, struct snapshot *s)
{
    snapshot_give_back(s); /* here, for the same reason */
    exchange_give_back(&o->exchange, s);
}

void outlet_tell_work(struct outlet *o, int64_t from_us, int64_t now_us)
{
    counter_set(&o->took_us, now_us - from_us);
    counter_set(&o->done_us, now_us);
}

void outlet_ask_everything(struct outlet *o)
{
    counter_add(&o->asks, 1);
    ring_wake(o->exchange.bell);
}
