#include "aggregators/peers.h"
#include "base/error.h"
#include "base/intern.h"
#include <stdlib.h>
#include <string.h>

#define UNKNOWN UINT32_MAX

struct peer {
    char *name;
    size_t name_len;
    uint32_t team; /* number + 1; 0 = none */
    bool changed;
};

struct team {
    int64_t count;
    bool changed;
};

struct peers {
    const struct config *config;
    unsigned windows[WINDOWS_MAX]; /* of strengths */
    unsigned window_count;
    uint32_t *peer_of; /* by number of the entity; UNKNOWN */
    uint32_t entity_room;
    struct peer *at;
    struct lever_sums *sums; /* by (peer, window) */
    uint32_t count, room;
    struct intern team_names;
    struct team *teams;
    struct lever_sums *pooled; /* by (team, window) */
    uint32_t team_count, team_room;
    bool any_changed;
};

struct peers *peers_create(const struct config *config)
{
    struct peers *p = must_zalloc(sizeof *p);
    p->config = config;
    for (unsigned w = 0; w < config->window_count; w++)
        if (config->strengths.window[w])
            p->windows[p->window_count++] = w;
    intern_init(&p->team_names);
    return p;
}

void peers_forget(struct peers *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        free(p->at[i].name);
    for (uint32_t i = 0; i < p->entity_room; i++)
        p->peer_of[i] = UNKNOWN;
    for (uint32_t t = 0; t < p->team_count; t++)
        p->teams[t] = (struct team){0};
    if (p->team_count > 0)
        memset(p->pooled, 0, (size_t)p->team_count * p->window_count * sizeof *p->pooled);
    p->count = 0;
    p->any_changed = false;
}

void peers_destroy(struct peers *p)
{
    if (p == NULL)
        return;
    peers_forget(p);
    intern_fini(&p->team_names);
    free(p->peer_of);
    free(p->at);
    free(p->sums);
    free(p->teams);
    free(p->pooled);
    free(p);
}

static struct lever_sums *sums_at(const struct peers *p, uint32_t peer)
{
    return &p->sums[(size_t)peer * p->window_count];
}

static struct lever_sums *pooled_at(const struct peers *p, uint32_t team)
{
    return &p->pooled[(size_t)team * p->window_count];
}

static uint32_t need_peer(struct peers *p, uint32_t entity, struct text name)
{
    if (entity >= p->entity_room) {
        uint32_t room = p->entity_room > 0 ? p->entity_room : 64;
        while (room <= entity)
            room *= 2;
        p->peer_of = must_realloc(p->peer_of, room * sizeof *p->peer_of);
        for (uint32_t i = p->entity_room; i < room; i++)
            p->peer_of[i] = UNKNOWN;
        p->entity_room = room;
    }
    if (p->peer_of[entity] != UNKNOWN)
        return p->peer_of[entity];
    if (p->count == p->room) {
        p->room = p->room > 0 ? p->room * 2 : 64;
        p->at = must_realloc(p->at, p->room * sizeof *p->at);
        p->sums = must_realloc(p->sums, (size_t)p->room * p->window_count * sizeof *p->sums);
    }
    uint32_t peer = p->peer_of[entity] = p->count++;
    p->at[peer] = (struct peer){.name = must_alloc(name.len + 1), .name_len = name.len};
    memcpy(p->at[peer].name, name.at, name.len);
    memset(sums_at(p, peer), 0, p->window_count * sizeof *p->sums);
    return peer;
}

/* As number + 1; 0 = none. */
static uint32_t need_team(struct peers *p, struct text name)
{
    if (name.len == 0)
        return 0;
    uint32_t team = intern_add(&p->team_names, name);
    if (team >= p->team_room) {
        p->team_room = p->team_room > 0 ? p->team_room * 2 : 16;
        p->teams = must_realloc(p->teams, p->team_room * sizeof *p->teams);
        p->pooled = must_realloc(p->pooled, (size_t)p->team_room * p->window_count * sizeof *p->pooled);
    }
    while (p->team_count <= team) {
        p->teams[p->team_count] = (struct team){0};
        memset(pooled_at(p, p->team_count++), 0, p->window_count * sizeof *p->pooled);
    }
    return team + 1;
}

/* Puts the peer's sums into its team, or takes them out. */
static void count_in(struct peers *p, uint32_t peer, int sign)
{
    if (p->at[peer].team == 0)
        return;
    uint32_t team = p->at[peer].team - 1;
    p->teams[team].count += sign;
    p->teams[team].changed = true;
    for (unsigned w = 0; w < p->window_count; w++)
        lever_sums_add(&pooled_at(p, team)[w], &sums_at(p, peer)[w], sign);
}

void peers_take(struct peers *p, const struct snapshot *s, size_t entity)
{
    if (p->window_count == 0 || snapshot_entity_dimension(s, entity) != DIMENSION_MANAGER)
        return;
    struct lever_sums fresh[WINDOWS_MAX];
    for (unsigned w = 0; w < p->window_count; w++) {
        struct sums sums, previous;
        snapshot_sums(s, entity, p->windows[w], &sums, &previous);
        fresh[w] = lever_sums_of(&sums);
    }
    uint32_t team = need_team(p, snapshot_entity_about(s, entity).team);
    uint32_t peer = need_peer(p, snapshot_entity_id(s, entity), snapshot_entity_name(s, entity));
    size_t width = p->window_count * sizeof *p->sums;
    if (p->at[peer].team == team && memcmp(sums_at(p, peer), fresh, width) == 0)
        return;
    count_in(p, peer, -1);
    p->at[peer].team = team;
    memcpy(sums_at(p, peer), fresh, width);
    count_in(p, peer, +1);
    p->at[peer].changed = true; /* who has left a team is in none that changes */
    p->any_changed = true;
}

static void judge(const struct peers *p, uint32_t peer, unsigned w, struct peer_judgement *out)
{
    const struct peer *of = &p->at[peer];
    out->place = peer * p->window_count + w;
    out->window = p->windows[w];
    out->manager = (struct text){of->name, of->name_len};
    out->team = TEXT("");
    out->peers = of->team != 0 ? p->teams[of->team - 1].count : 0;
    if (out->peers < 2)
        return;
    out->team = intern_text(&p->team_names, of->team - 1);
    strengths_of(&sums_at(p, peer)[w], &pooled_at(p, of->team - 1)[w], out->peers, p->config->strengths.k,
                 &out->strengths);
}

bool peers_judge_changed(struct peers *p, bool (*visit)(void *context, const struct peer_judgement *j), void *context)
{
    bool goes_on = true;
    for (uint32_t i = 0; p->any_changed && i < p->count; i++) {
        struct peer *peer = &p->at[i];
        bool due = peer->changed || (peer->team != 0 && p->teams[peer->team - 1].changed);
        peer->changed = false;
        for (unsigned w = 0; due && goes_on && w < p->window_count; w++) {
            struct peer_judgement j;
            judge(p, i, w, &j);
            goes_on = visit(context, &j);
        }
    }
    for (uint32_t t = 0; p->any_changed && t < p->team_count; t++)
        p->teams[t].changed = false;
    p->any_changed = false;
    return goes_on;
}

bool peers_judge(const struct peers *p, uint32_t entity, unsigned window, struct peer_judgement *out)
{
    uint32_t peer = entity < p->entity_room ? p->peer_of[entity] : UNKNOWN;
    for (unsigned w = 0; peer != UNKNOWN && w < p->window_count; w++) {
        if (p->windows[w] != window)
            continue;
        judge(p, peer, w, out);
        return out->team.len > 0;
    }
    return false;
}
