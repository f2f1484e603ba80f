#include "publishers/strengths.h"
#include "base/error.h"
#include "publishers/keys.h"
#include <stdlib.h>
#include <string.h>

void strength_keys_init(struct strength_keys *s, const struct config *config, struct batch *batch)
{
    *s = (struct strength_keys){.config = config, .batch = batch, .peers = peers_create(config)};
    s->money_decimals = config_currency_decimals(config, config->base_currency);
    arguments_init(&s->fields);
    buffer_init(&s->text);
    buffer_init(&s->key);
}

void strength_keys_fini(struct strength_keys *s)
{
    peers_destroy(s->peers);
    free(s->stands);
    arguments_fini(&s->fields);
    buffer_fini(&s->text);
    buffer_fini(&s->key);
}

void strength_keys_forget(struct strength_keys *s)
{
    peers_forget(s->peers);
    if (s->room > 0)
        memset(s->stands, 0, s->room * sizeof *s->stands);
}

void strength_keys_take(struct strength_keys *s, const struct snapshot *snapshot, size_t entity)
{
    peers_take(s->peers, snapshot, entity);
}

static uint64_t *stands_at(struct strength_keys *s, uint32_t place)
{
    s->stands = must_grow(s->stands, &s->room, place, sizeof *s->stands);
    return &s->stands[place];
}

static void render(struct strength_keys *s, const struct peer_judgement *j)
{
    struct arguments *fields = &s->fields;
    arguments_clear(fields);
    arguments_string(fields, "team");
    arguments_text(fields, j->team);
    arguments_string(fields, "peers");
    arguments_integer(fields, j->peers);
    for (unsigned l = 0; l < LEVER_COUNT; l++) {
        for (unsigned p = 0; p < STRENGTH_PARTS; p++) {
            if (!strength_exists(&j->strengths, (enum lever)l, (enum strength_part)p))
                continue;
            arguments_joined(fields, text_of(lever_name((enum lever)l)),
                             text_of(strength_suffix((enum strength_part)p)));
            buffer_clear(&s->text);
            strength_format(&s->text, &j->strengths, (enum lever)l, (enum strength_part)p, s->money_decimals);
            arguments_text(fields, buffer_view(&s->text));
        }
    }
    if (j->strengths.weakest != LEVER_COUNT) {
        arguments_string(fields, "weakest");
        arguments_string(fields, lever_name(j->strengths.weakest));
    }
    if (j->strengths.strongest != LEVER_COUNT) {
        arguments_string(fields, "strongest");
        arguments_string(fields, lever_name(j->strengths.strongest));
    }
}

struct writing {
    struct strength_keys *keys;
    bool (*make_room)(void *context);
    void *context;
};

static bool write_one(void *context, const struct peer_judgement *j)
{
    const struct writing *w = context;
    struct strength_keys *s = w->keys;
    uint64_t *stands = stands_at(s, j->place), becomes = 0;
    if (j->team.len > 0) {
        render(s, j);
        becomes = text_hash(buffer_view(&s->fields.bytes));
        becomes += becomes == 0; /* 0 means "no such key" */
    }
    if (becomes == *stands)
        return true;
    if (!w->make_room(w->context))
        return false;
    buffer_clear(&s->key);
    key_strengths(&s->key, s->config->windows[j->window].name, j->manager);
    if (becomes != 0)
        batch_hash(s->batch, buffer_view(&s->key), &s->fields, *stands == 0, *stands != 0);
    else
        batch_delete(s->batch, buffer_view(&s->key));
    *stands = becomes;
    return true;
}

bool strength_keys_write(struct strength_keys *s, bool (*make_room)(void *context), void *context)
{
    struct writing w = {s, make_room, context};
    return peers_judge_changed(s->peers, write_one, &w);
}
