#include "daemon/floor_queue.h"
#include "base/error.h"
#include <stdlib.h>

static bool before(const struct floor_parcel *a, const struct floor_parcel *b)
{
    return a->arrival_us != b->arrival_us ? a->arrival_us < b->arrival_us : a->order < b->order;
}

void floor_queue_init(struct floor_queue *q)
{
    *q = (struct floor_queue){0};
}

void floor_queue_fini(struct floor_queue *q)
{
    for (size_t i = 0; i < q->count; i++) {
        floor_event_release(q->at[i].event);
    }
    free(q->at);
    floor_queue_init(q);
}

void floor_queue_push(struct floor_queue *q, struct floor_parcel p)
{
    if (q->count == q->room) {
        q->room = q->room > 0 ? q->room * 2 : 1024;
        q->at = must_realloc(q->at, q->room * sizeof q->at[0]);
    }
    p.order = q->pushed++;
    size_t i = q->count++;
    while (i > 0 && before(&p, &q->at[(i - 1) / 2])) {
        q->at[i] = q->at[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->at[i] = p;
}

int64_t floor_queue_next_us(const struct floor_queue *q)
{
    return q->count > 0 ? q->at[0].arrival_us : INT64_MAX;
}

bool floor_queue_pop(struct floor_queue *q, struct floor_parcel *out)
{
    if (q->count == 0) {
        return false;
    }
    *out = q->at[0];
    struct floor_parcel last = q->at[--q->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->count) {
            break;
        }
        if (child + 1 < q->count && before(&q->at[child + 1], &q->at[child])) {
            child++;
        }
        if (!before(&q->at[child], &last)) {
            break;
        }
        q->at[i] = q->at[child];
        i = child;
    }
    if (q->count > 0) {
        q->at[i] = last;
    }
    return true;
}
