/* Who counts for which team: moves, overlaps, views and credit, by hand. */
#include "tests/support/story.h"
#include <stdio.h>
#include <string.h>

TestSuite(organisation, .init = setup, .fini = teardown);

static void member(const char *key, const char *when, const char *manager, const char *team, struct given from,
                   struct given until)
{
    struct given fields[6] = {NAME(MEMBER_TEAM, team)};
    unsigned count = 1;
    if (manager != NULL)
        fields[count++] = NAME(MEMBER_MANAGER, manager);
    if (from.kind != GIVEN_END)
        fields[count++] = from;
    if (until.kind != GIVEN_END)
        fields[count++] = until;
    fields[count] = END;
    apply(make_event(KIND_MEMBER, key, at(when), fields));
}
#define FROM(t)  NUMBER(MEMBER_STARTS_AT, at(t))
#define UNTIL(t) NUMBER(MEMBER_ENDS_AT, at(t))

static void move_anna(void)
{
    member("M1", "2024-01-01T00:00:00Z", "Anna", "North", END, UNTIL("2024-03-10T00:00:00Z"));
    member("M2", "2024-03-01T00:00:00Z", "Anna", "South", FROM("2024-03-10T00:00:00Z"), END);
}

static void deals_of_anna(void)
{
    DEAL("W", "2024-03-08T00:00:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(DEAL_STAGE, "won"),
         NUMBER(DEAL_AMOUNT, UNITS(5)), NUMBER(DEAL_CREATED_AT, at("2024-03-01T00:00:00Z")));
    DEAL("O", "2024-03-08T00:00:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(DEAL_STAGE, "offer"),
         NUMBER(DEAL_AMOUNT, UNITS(7)), NUMBER(DEAL_CREATED_AT, at("2024-03-01T00:00:00Z")));
    LEAD("L", "2024-03-08T00:00:00Z", NAME(FIELD_MANAGER, "Anna"), NUMBER(LEAD_CREATED_AT, at("2024-03-02T00:00:00Z")));
}

/* AMENDMENT 2: an open deal goes up in one team and down in the other at the instant of the move. */
Test(organisation, what_was_won_stays_what_is_open_goes_along)
{
    move_anna();
    deals_of_anna();
    shard_advance(core.shard, at("2024-03-09T00:00:00Z"));
    expect(DIMENSION_TEAM, "North", "now", "pipeline", "7.00");
    expect(DIMENSION_TEAM, "North", "now", "leads_waiting", "1");
    expect(DIMENSION_TEAM, "South", "now", "open_deals", "");
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    expect(DIMENSION_TEAM, "North", "now", "open_deals", "");
    expect(DIMENSION_TEAM, "North", "now", "leads_waiting", "");
    expect(DIMENSION_TEAM, "South", "now", "pipeline", "7.00");
    expect(DIMENSION_TEAM, "South", "now", "leads_waiting", "1");
    expect(DIMENSION_TEAM, "North", "month", "sales_volume", "5.00");
    expect(DIMENSION_TEAM, "South", "month", "sales_volume", "");
    company("now", "open_deals", "1");
    /* It is won by the South, and the level does not stay behind. */
    DEAL("O", "2024-03-12T00:00:00Z", NAME(DEAL_STAGE, "won"));
    shard_advance(core.shard, at("2024-03-15T00:00:00Z"));
    expect(DIMENSION_TEAM, "South", "now", "open_deals", "");
    expect(DIMENSION_TEAM, "South", "month", "sales_volume", "7.00");
    company("now", "open_deals", "");
}

Test(organisation, a_row_that_comes_late_or_goes_changes_the_past)
{
    deals_of_anna();
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    expect(DIMENSION_TEAM, "North", "month", "sales_volume", "");
    cr_expect(shard_oddities(core.shard, ODDITY_TEAM_MISSING) == 3);
    move_anna();
    expect(DIMENSION_TEAM, "North", "month", "sales_volume", "5.00");
    expect(DIMENSION_TEAM, "South", "now", "pipeline", "7.00");
    cr_expect(shard_oddities(core.shard, ODDITY_TEAM_MISSING) == 0);
    apply(make_deletion(KIND_MEMBER, "M1", at("2024-03-19T00:00:00Z")));
    expect(DIMENSION_TEAM, "North", "month", "sales_volume", "");
    expect(DIMENSION_TEAM, "North", "all", "deals_created", "");
    cr_expect(shard_oddities(core.shard, ODDITY_TEAM_MISSING) == 3);
}

/* Of rows that overlap the one that began last is in force, and the older one again after its end. */
Test(organisation, overlapping_rows_are_counted_and_decided)
{
    member("M1", "2024-01-01T00:00:00Z", "Anna", "North", END, END);
    member("M2", "2024-01-01T00:00:00Z", "Anna", "South", FROM("2024-03-05T00:00:00Z"), UNTIL("2024-03-10T00:00:00Z"));
    const char *days[] = {"2024-03-04T23:59:59Z", "2024-03-05T00:00:00Z", "2024-03-09T23:59:59Z",
                          "2024-03-10T00:00:00Z"};
    for (int i = 0; i < 4; i++) {
        char key[8];
        snprintf(key, sizeof key, "D%d", i);
        DEAL(key, days[i], NAME(FIELD_MANAGER, "Anna"), NAME(DEAL_STAGE, "won"));
    }
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    expect(DIMENSION_TEAM, "North", "month", "deals_won", "2");
    expect(DIMENSION_TEAM, "South", "month", "deals_won", "2");
    cr_expect(shard_oddities(core.shard, ODDITY_ORGANISATION_OVERLAP) == 1);
    /* A team of the record's own is not for the table to say. */
    DEAL("D0", "2024-03-12T00:00:00Z", NAME(FIELD_TEAM, "East"));
    expect(DIMENSION_TEAM, "North", "month", "deals_won", "1");
    expect(DIMENSION_TEAM, "East", "month", "deals_won", "1");
}

static void anew(void)
{
    shard_destroy(core.shard);
    core.shard = shard_create(core.config, core.calendar);
}

Test(organisation, teams_as_they_are)
{
    core.config->teams_view = TEAMS_AS_IS;
    anew();
    move_anna();
    deals_of_anna();
    shard_advance(core.shard, at("2024-03-09T00:00:00Z"));
    expect(DIMENSION_TEAM, "North", "month", "sales_volume", "5.00");
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    expect(DIMENSION_TEAM, "North", "month", "sales_volume", "");
    expect(DIMENSION_TEAM, "South", "month", "sales_volume", "5.00");
    expect(DIMENSION_TEAM, "South", "now", "pipeline", "7.00");
}

/* AMENDMENT 27. */
Test(organisation, credit_to_the_owner_at_closing)
{
    core.config->credit = CREDIT_AT_CLOSE;
    anew();
    DEAL("D", "2024-03-01T00:00:00Z", NAME(FIELD_MANAGER, "Anna"), NAME(FIELD_TEAM, "North"), NAME(DEAL_STAGE, "offer"),
         NUMBER(DEAL_CREATED_AT, at("2024-03-01T00:00:00Z")));
    DEAL("D", "2024-03-04T00:00:00Z", NAME(FIELD_MANAGER, "Boris"));
    PAYMENT("P", "2024-03-08T00:00:00Z", NAME(PAYMENT_DEAL, "D"), NUMBER(PAYMENT_AMOUNT, UNITS(3)),
            NUMBER(PAYMENT_PAID_AT, at("2024-03-08T00:00:00Z")));
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    expect(DIMENSION_MANAGER, "Boris", "now", "open_deals", "1"); /* the current one, while it is open */
    DEAL("D", "2024-03-05T00:00:00Z", NAME(DEAL_STAGE, "won"), NUMBER(DEAL_CLOSED_AT, at("2024-03-03T00:00:00Z")));
    DEAL("D", "2024-03-06T00:00:00Z", NAME(FIELD_MANAGER, "Clara"), NAME(FIELD_TEAM, "South"));
    expect(DIMENSION_MANAGER, "Anna", "month", "deals_won", "1"); /* it was Anna's on the 3rd */
    expect(DIMENSION_TEAM, "North", "month", "deals_won", "1");
    expect(DIMENSION_MANAGER, "Anna", "month", "revenue", "3.00");
    expect(DIMENSION_MANAGER, "Clara", "month", "deals_won", "");
    /* Closed before anyone had it: whoever had it first. */
    DEAL("D", "2024-03-07T00:00:00Z", NUMBER(DEAL_CLOSED_AT, at("2024-02-01T00:00:00Z")));
    expect(DIMENSION_MANAGER, "Anna", "last_month", "deals_won", "1");
    /* Reopened: the current one's again. */
    DEAL("D", "2024-03-09T00:00:00Z", NAME(DEAL_STAGE, "offer"));
    expect(DIMENSION_MANAGER, "Clara", "now", "open_deals", "1");
    expect(DIMENSION_MANAGER, "Clara", "month", "revenue", "3.00");
}

Test(organisation, what_is_said_of_people_and_teams)
{
    move_anna();
    apply(make_event(KIND_MEMBER, "M2", at("2024-03-02T00:00:00Z"),
                     (struct given[]){NAME(MEMBER_NAME, "Anna Lee"), NUMBER(MEMBER_LEAD, 1), END}));
    member("T", "2024-01-01T00:00:00Z", NULL, "South", END, END);
    apply(make_event(KIND_MEMBER, "T", at("2024-03-02T00:00:00Z"),
                     (struct given[]){NAME(MEMBER_NAME, "The South"), END}));
    deals_of_anna();
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    int seen = 0;
    for (size_t i = 0; i < snapshot_entity_count(s); i++) {
        struct snapshot_about about = snapshot_entity_about(s, i);
        struct text name = snapshot_entity_name(s, i);
        if (text_equal(name, TEXT("Anna"))) {
            seen++;
            cr_expect(text_equal(about.name, TEXT("Anna Lee")) && text_equal(about.team, TEXT("South")) &&
                      about.active);
        } else if (text_equal(name, TEXT("South"))) {
            seen++;
            cr_expect(text_equal(about.name, TEXT("The South")) && text_equal(about.lead, TEXT("Anna")));
        } else if (text_equal(name, TEXT("North"))) {
            seen++;
            cr_expect(about.lead.len == 0 && about.name.len == 0);
        }
    }
    cr_expect(seen == 3);
    snapshot_destroy(s);
}

/* A reader of changes is told of every team that has another lead or name, also of the first one. */
Test(organisation, a_lead_who_comes_changes_the_team)
{
    static const char *const teams[] = {"North", "South"};
    for (unsigned i = 0; i < 2; i++) {
        DEAL(teams[i], "2024-03-08T00:00:00Z", NAME(FIELD_TEAM, teams[i]), NAME(DEAL_STAGE, "won"),
             NUMBER(DEAL_AMOUNT, UNITS(5)));
    }
    shard_advance(core.shard, at("2024-03-20T00:00:00Z"));
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, false, s);
    for (unsigned i = 0; i < 2; i++) {
        char key[2] = {(char)('1' + i), '\0'};
        apply(make_event(KIND_MEMBER, key, at("2024-03-10T00:00:00Z"),
                         (struct given[]){NAME(MEMBER_MANAGER, i == 0 ? "Anna" : "Boris"), NAME(MEMBER_TEAM, teams[i]),
                                          NUMBER(MEMBER_LEAD, 1), END}));
        core_cut(core.shard, READER_PUBLISHER, false, s);
        bool is_told = false;
        for (size_t e = 0; e < snapshot_entity_count(s); e++)
            is_told = is_told || (snapshot_entity_dimension(s, e) == DIMENSION_TEAM &&
                                  text_equal(snapshot_entity_name(s, e), text_of(teams[i])) &&
                                  text_equal(snapshot_entity_about(s, e).lead, text_of(i == 0 ? "Anna" : "Boris")));
        cr_expect(is_told, "%s", teams[i]);
    }
    snapshot_destroy(s);
}

static void configure(struct member_config *m, const char *manager, const char *team, int64_t from_day, int64_t to_day)
{
    *m = (struct member_config){.manager_id = strdup(manager),
                                .team_id = strdup(team),
                                .name = strdup(*manager == '\0'               ? "The South"
                                               : strcmp(manager, "Anna") == 0 ? "Anna Lee"
                                                                              : ""),
                                .active = 1,
                                .starts_on = from_day,
                                .ends_on = to_day};
}

/* Rows of the configuration are whole local days; without a first or a last one they have always been, or last for ever. */
Test(organisation, configured_rows_may_be_open_at_both_ends)
{
    const int64_t day = at("2024-03-10T00:00:00Z") / DAY;
    core.config->members = calloc(4, sizeof *core.config->members);
    core.config->member_count = 4;
    configure(&core.config->members[0], "Anna", "North", INT64_MIN, day - 1);
    configure(&core.config->members[1], "Anna", "South", day, INT64_MAX);
    configure(&core.config->members[2], "Boris", "North", INT64_MIN, INT64_MAX);
    configure(&core.config->members[3], "", "South", INT64_MIN, INT64_MAX);
    shard_destroy(core.shard);
    core.shard = shard_create(core.config, core.calendar);
    static const struct {
        const char *key, *manager, *when;
    } leads[] = {{"L1", "Anna", "1970-01-02T00:00:00Z"},     {"L2", "Anna", "2024-03-09T23:59:59Z"},
                 {"L3", "Anna", "2024-03-10T00:00:00Z"},     {"L4", "Boris", "1970-01-01T00:00:00Z"},
                 {"L5", "Boris", "2024-03-12T00:00:00Z"},    {"L6", "Anna", "2024-03-12T00:00:00Z"},
                 {"L7", "Nobody's", "2024-03-12T00:00:00Z"}, {"L8", "Anna", "2024-03-11T00:00:00Z"}};
    for (unsigned i = 0; i < sizeof leads / sizeof *leads; i++)
        LEAD(leads[i].key, "2024-03-12T00:00:00Z", NAME(FIELD_MANAGER, leads[i].manager),
             NUMBER(LEAD_CREATED_AT, at(leads[i].when)));
    shard_advance(core.shard, at("2024-03-13T00:00:00Z"));
    cr_expect(!shard_has_work(core.shard),
              "a row that has begun long ago is no reason to begin before the past has been read");
    expect(DIMENSION_TEAM, "North", "all", "leads_created", "4");
    expect(DIMENSION_TEAM, "South", "all", "leads_created", "3");
    company("all", "leads_created", "8");
    /* What a row says of a manager it does not say of the team; of a team that is in no row nothing is said. */
    LEAD("L9", "2024-03-12T00:00:00Z", NAME(FIELD_TEAM, "West"), NUMBER(LEAD_CREATED_AT, at("2024-03-12T00:00:00Z")));
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, true, s);
    int seen = 0;
    for (size_t i = 0; i < snapshot_entity_count(s); i++) {
        struct snapshot_about about = snapshot_entity_about(s, i);
        if (snapshot_entity_dimension(s, i) == DIMENSION_TEAM) {
            seen++;
            bool is_south = text_equal(snapshot_entity_name(s, i), TEXT("South"));
            cr_expect(text_equal(about.name, is_south ? TEXT("The South") : TEXT("")));
            cr_expect(about.lead.len == 0 && about.team.len == 0);
        } else if (text_equal(snapshot_entity_name(s, i), TEXT("Anna"))) {
            seen++;
            cr_expect(text_equal(about.name, TEXT("Anna Lee")) && text_equal(about.team, TEXT("South")));
        }
    }
    cr_expect(seen == 4);
    snapshot_destroy(s);
}

static bool changes_name(enum dimension d, const char *entity)
{
    struct snapshot *s = snapshot_create();
    core_cut(core.shard, READER_PUBLISHER, false, s);
    bool found = core_find(s, d, entity) < snapshot_entity_count(s);
    snapshot_destroy(s);
    return found;
}

/* Without any record of hers. */
Test(organisation, a_row_alone_is_a_change_of_its_manager)
{
    shard_advance(core.shard, at("2024-03-01T00:00:00Z"));
    member("M1", "2024-01-01T00:00:00Z", "Anna", "North", END, END);
    cr_expect(changes_name(DIMENSION_MANAGER, "Anna") && !changes_name(DIMENSION_MANAGER, "Anna"));
    member("M1", "2024-01-02T00:00:00Z", "Anna", "South", FROM("2024-03-10T00:00:00Z"), END);
    cr_expect(changes_name(DIMENSION_MANAGER, "Anna") && !changes_name(DIMENSION_MANAGER, "Anna"));
    shard_advance(core.shard, at("2024-03-10T00:00:00Z"));
    cr_expect(changes_name(DIMENSION_MANAGER, "Anna"), "she is of the South now");
}
