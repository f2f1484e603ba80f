/* decoded.h - what holds for every event that the decoder makes, whatever the message was; and that it makes the same
 * one whether it reads the message by scan.h or by yyjson. */
#pragma once
#include "aggregators/event.h"
#include "base/instant.h"
#include "base/money.h"
#include "consumers/decode.h"
#include <string.h>

static void check_text(const struct event *e, struct text t)
{
    REQUIRE(t.at >= (const char *)(e + 1) && t.at + t.len <= (const char *)e + e->size);
    REQUIRE(text_is_name(t));
}

static void check_value(const struct event *e, const struct field *f, const struct event_value *v)
{
    switch (f->type) {
    case FIELD_TEXT: check_text(e, event_text(e, v)); break;
    case FIELD_TIME: REQUIRE(v->number >= INSTANT_MIN && v->number < INSTANT_END); break;
    case FIELD_MONEY: break; /* the bound is in minor units of its currency */
    case FIELD_POSITIVE:
    case FIELD_DECIMAL: REQUIRE(v->number >= 0); break;
    case FIELD_SHARE: REQUIRE(v->number >= 0 && v->number <= MICRO); break;
    case FIELD_INTEGER: REQUIRE(v->number >= 1); break;
    case FIELD_CURRENCY: REQUIRE(currency_decimals_iso((currency_code)v->number) >= 0); break;
    case FIELD_DAY: REQUIRE(v->number >= 0); break;
    case FIELD_RATE: REQUIRE(v->number > 0); break;
    case FIELD_FLAG: REQUIRE(v->number == 0 || v->number == 1); break;
    case FIELD_CHOICE: {
        int words = 0;
        while (f->words[words] != NULL)
            words++;
        REQUIRE(v->number >= 0 && v->number < words);
        break;
    }
    }
}

static void check_event(const struct event *e, enum record_kind kind)
{
    const struct record_kind_info *info = record_kind_info(kind);
    REQUIRE(e->size >= sizeof *e && e->size <= EVENT_SIZE_MAX && e->size % 8 == 0);
    REQUIRE(e->kind == kind);
    if (e->fate != EVENT_APPLY) {
        REQUIRE((e->fate == EVENT_DEAD_LETTER && e->reason > OK && e->reason < ERROR_COUNT) ||
                (e->fate == EVENT_FILTERED && e->reason == OK));
        REQUIRE(e->value_count == 0 && e->carried == 0);
        return;
    }
    REQUIRE(e->reason == OK);
    REQUIRE((e->cleared & ~e->carried) == 0 && e->carried >> info->field_count == 0);
    REQUIRE(e->value_count == (uint32_t)__builtin_popcount(e->carried & ~e->cleared));
    REQUIRE(!(e->flags & EVENT_DELETED) || e->carried == 0);
    REQUIRE(e->occurred_at_us >= INSTANT_MIN && e->occurred_at_us < INSTANT_END);
    check_text(e, event_key(e));
    const struct event_value *v = event_values(e);
    for (uint32_t rest = e->carried & ~e->cleared; rest != 0; rest &= rest - 1, v++)
        check_value(e, &info->fields[__builtin_ctz(rest)], v);
}

struct decoder_pair {
    struct decoder *quick, *other;
};

static struct decoder_pair pair_create(const struct config *config, const struct calendar *calendar)
{
    struct decoder_pair p = {decoder_create(config, calendar), decoder_create(config, calendar)};
    decoder_scan(p.other, false);
    return p;
}

static void check_pair(const struct decoder_pair *p, const struct event *a, const struct event *b)
{
    REQUIRE(a->size == b->size && memcmp(a, b, a->size) == 0);
    REQUIRE(strcmp(decoder_detail(p->quick), decoder_detail(p->other)) == 0);
    REQUIRE(decoder_rounded(p->quick) == decoder_rounded(p->other));
}
