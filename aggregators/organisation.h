/* organisation.h - who is in which team, and when: of the configuration and of records of kind member.
 *
 * A row puts a manager into a team for a span of time. Where spans overlap, the row that began last is in force; of
 * two that began together a record's beats the configuration's, then the greater member_id, then the later in the
 * file.
 *
 * Thread: the shard's writer; who makes a cut for it reads (cutting.h). Memory: organisation_init to organisation_fini; config and calendar are borrowed.
 */
#pragma once
#include "aggregators/ledger.h"
#include "aggregators/revision.h"
#include "base/calendar.h"
#include "config/config.h"

/* What a row says from an instant on, to the next stint's begin. */
struct stint {
    int64_t from_us;
    uint32_t team; /* number of the name + 1, 0 = in no team */
    uint32_t name; /* how people know the manager (or the team): word number + 1, 0 = not said */
    bool active, lead;
};

struct stints {
    uint32_t count;
    bool overlap;      /* two rows were in force at one instant */
    struct stint at[]; /* by from_us; the first is at INT64_MIN */
};

/* A manager, or a team of the rows that only name one. */
struct organisation_entry {
    struct stints *standing, *former; /* standing: NULL where no row says anything; former: only during a revision */
    bool revised;                     /* a revision is changing it */
    bool changed;                     /* since the last revision */
    bool used;                        /* a record asked for it */
    uint32_t *claims;                 /* slots of member records */
    uint32_t claim_count, claim_room;
};

struct organisation_list {
    struct organisation_entry *at; /* by number of the name */
    uint32_t count;
    uint32_t *changed; /* numbers of those that are */
    uint32_t changed_count, changed_room;
    uint32_t *revised;
    uint32_t revised_count, revised_room;
};

struct organisation {
    const struct config *config;
    const struct calendar *calendar;
    bool in_use; /* rows are configured, or are read */
    struct organisation_list managers, teams;
    int64_t moved_us,
        former_moved_us;  /* the last instant up to now at which any row began or ended, INT64_MIN = none */
    int64_t next_move_us; /* the next one, INT64_MAX = none */
    int64_t overlaps;     /* managers with two rows in force at one instant */
    uint32_t *leads;      /* by team number: the manager who leads it at moved_us, + 1; 0 = nobody */
    uint32_t lead_count;
};

/* The names of the configuration's rows are added to the ledger's. */
void organisation_init(struct organisation *o, const struct config *config, const struct calendar *calendar,
                       struct ledger *l);
void organisation_fini(struct organisation *o);

/* So many managers may be asked for without its lists being moved: a thread that makes a cut reads them (cutting.h). */
void organisation_make_room(struct organisation *o, uint32_t managers);

/* Takes in (or, with sign -1, back) what a record of kind member says now. */
void organisation_claim(struct organisation *o, const struct record *r, int sign);
/* Makes what has been claimed, and who has moved by now, stand; what stood becomes the former revision. True: some
 * record may count for another team by it. */
bool organisation_revise(struct organisation *o, const struct ledger *l, int64_t now_us);
void organisation_settle(struct organisation *o);
bool organisation_has_changed(const struct organisation *o, int64_t now_us);
/* Whether the manager's team may differ between the two revisions: at some instant, or for what stands now. */
bool organisation_differs(const struct organisation *o, uint32_t manager);
bool organisation_differs_now(const struct organisation *o, uint32_t manager);
/* Whether anything else than before is said of the manager now. */
bool organisation_tells_otherwise(const struct organisation *o, uint32_t manager);

/* The manager's team at an instant, as number + 1, 0 = none; *out_until_us: from when on the next stint says. With the
 * view as_is it is that of moved_us, for ever. */
uint32_t organisation_team(struct organisation *o, enum revision which, uint32_t manager, int64_t at_us,
                           int64_t *out_until_us);
/* The team of what stands now. */
uint32_t organisation_team_now(struct organisation *o, enum revision which, uint32_t manager);
/* What stands of the manager, or of the team, now; NULL: nothing is said. */
const struct stint *organisation_manager(const struct organisation *o, uint32_t manager);
const struct stint *organisation_team_name(const struct organisation *o, uint32_t team);
/* Who leads the team now, as number + 1; 0 = nobody. */
uint32_t organisation_lead(const struct organisation *o, uint32_t team);
