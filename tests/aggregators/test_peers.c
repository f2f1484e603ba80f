/* Who is judged against whom: managers come, change, move from team to team, and are forgotten. */
#include "aggregators/peers.h"
#include "tests/support/story.h"
#include <string.h>

static void with_strengths(void)
{
    setup();
    int month = config_window_find(core.config, TEXT("month"));
    memset(core.config->strengths.window, 0, sizeof core.config->strengths.window);
    core.config->strengths.window[month] = true;
    core.config->strengths.k = 0; /* raw, so that they can be followed */
}

TestSuite(peers, .init = with_strengths, .fini = teardown);

static void won(const char *key, const char *manager, bool is_won)
{
    DEAL(key, "2024-03-05T10:00:00Z", NAME(FIELD_MANAGER, manager), NAME(DEAL_STAGE, is_won ? "won" : "lost"),
         NUMBER(DEAL_AMOUNT, UNITS(100)), NUMBER(DEAL_CLOSED_AT, at("2024-03-05T10:00:00Z")));
}

/* From the beginning of 2024 on. */
static void member(const char *key, const char *when, const char *manager, const char *team)
{
    apply(make_event(KIND_MEMBER, key, at(when),
                     (struct given[]){NAME(MEMBER_MANAGER, manager), NAME(MEMBER_TEAM, team),
                                      NUMBER(MEMBER_STARTS_AT, at("2024-01-01T00:00:00Z")), END}));
}

static void take(struct peers *p)
{
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, false, s);
    for (size_t i = 0; i < snapshot_entity_count(s); i++)
        peers_take(p, s, i);
    snapshot_destroy(s);
}

/* A line of each that is due: its team, how many they are, and their win rate. */
static bool tell(void *context, const struct peer_judgement *j)
{
    struct buffer *b = context;
    buffer_text(b, j->manager);
    buffer_char(b, ' ');
    if (j->team.len > 0) {
        buffer_text(b, j->team);
        buffer_format(b, " %d ", (int)j->peers);
        strength_format(b, &j->strengths, LEVER_WIN_RATE, STRENGTH_TEAM, 2);
    } else {
        buffer_char(b, '-');
    }
    buffer_char(b, '\n');
    return true;
}

static void due(struct peers *p, const char *expected)
{
    struct buffer b;
    buffer_init(&b);
    buffer_string(&b, "");
    cr_expect(peers_judge_changed(p, tell, &b));
    cr_expect_str_eq(b.at, expected);
    buffer_clear(&b);
    buffer_string(&b, "");
    cr_expect(peers_judge_changed(p, tell, &b));
    cr_expect_str_eq(b.at, "", "what was told is due no more: %s", b.at);
    buffer_fini(&b);
}

Test(peers, who_changes_changes_the_team_and_who_leaves_it_both)
{
    struct peers *p = peers_create(core.config);
    member("M1", "2024-01-01T00:00:00Z", "Anna", "North");
    member("M2", "2024-01-01T00:00:00Z", "Boris", "North");
    member("M3", "2024-01-01T00:00:00Z", "Chen", "South");
    won("D1", "Anna", true);
    won("D2", "Boris", false);
    won("D3", "Chen", true);
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    take(p);
    due(p, "Anna North 2 0.500000\nBoris North 2 0.500000\nChen -\n");
    take(p);
    due(p, "");
    /* One of a team changes: so do all of it, and nobody else. */
    won("D4", "Boris", false);
    take(p);
    due(p, "Anna North 2 0.333333\nBoris North 2 0.333333\n");
    /* Boris has been of the South all the time: North is Anna alone, and his deals are gone from it. */
    member("M2", "2024-01-02T00:00:00Z", "Boris", "South");
    take(p);
    due(p, "Anna -\nBoris South 2 0.333333\nChen South 2 0.333333\n");
    won("D5", "Chen", true);
    take(p);
    due(p, "Boris South 2 0.500000\nChen South 2 0.500000\n");
    peers_destroy(p);
}

Test(peers, of_an_entity_and_a_window)
{
    struct peers *p = peers_create(core.config);
    struct peer_judgement j;
    unsigned month = (unsigned)config_window_find(core.config, TEXT("month"));
    cr_expect(!peers_judge(p, 0, month, &j) && !peers_judge(p, 1000, month, &j));
    member("M1", "2024-01-01T00:00:00Z", "Anna", "North");
    member("M2", "2024-01-01T00:00:00Z", "Boris", "North");
    won("D1", "Anna", true);
    won("D2", "Boris", false);
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    take(p);
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    unsigned judged = 0;
    for (size_t i = 0; i < snapshot_entity_count(s); i++) {
        uint32_t id = snapshot_entity_id(s, i);
        bool is_manager = snapshot_entity_dimension(s, i) == DIMENSION_MANAGER;
        cr_expect(peers_judge(p, id, month, &j) == is_manager);
        cr_expect(!peers_judge(p, id, month + 1, &j), "no window of strengths");
        judged += is_manager;
    }
    cr_expect(judged == 2);
    peers_forget(p);
    for (size_t i = 0; i < snapshot_entity_count(s); i++)
        cr_expect(!peers_judge(p, snapshot_entity_id(s, i), month, &j));
    due(p, "");
    /* And known again, as for the first time. */
    for (size_t i = 0; i < snapshot_entity_count(s); i++)
        peers_take(p, s, i);
    due(p, "Anna North 2 0.500000\nBoris North 2 0.500000\n");
    snapshot_destroy(s);
    peers_destroy(p);
}

/* Who are of no team. */
static void take_three(struct peers *p)
{
    won("D1", "Anna", true);
    won("D2", "Boris", true);
    won("D3", "Chen", true);
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    take(p);
}

static bool note_place(void *context, const struct peer_judgement *j)
{
    unsigned *seen = context;
    cr_assert(j->place < 6 && !(*seen >> j->place & 1), "place %u", j->place);
    *seen |= 1u << j->place;
    return true;
}

/* What was judged is kept by its place: each manager and window has one of its own, without gaps. */
Test(peers, each_window_has_its_place)
{
    core.config->strengths.window[config_window_find(core.config, TEXT("today"))] = true;
    struct peers *p = peers_create(core.config);
    take_three(p);
    unsigned seen = 0;
    cr_expect(peers_judge_changed(p, note_place, &seen) && seen == 63);
    peers_destroy(p);
}

static bool stop(void *context, const struct peer_judgement *j)
{
    (void)j;
    return --*(int *)context > 0;
}

Test(peers, who_stops_is_told_no_more)
{
    struct peers *p = peers_create(core.config);
    take_three(p);
    int left = 2;
    cr_expect(!peers_judge_changed(p, stop, &left) && left == 0);
    due(p, "");
    peers_destroy(p);
}
