"""organisation - who is in which team at an instant, from the rows of the configuration and of member records.

A row in force at t: starts_at <= t < ends_at. Of several the one with the greatest starts_at counts; of those that
begin together a record's before the configuration's, then the greatest member_id, then the last of the configuration.
"""

from datetime import date, timedelta

NEVER, ALWAYS = -(1 << 62), 1 << 62


class Organisation:
    def __init__(self, ledger, calendar, configured=(), as_is=False):
        """configured: dicts with manager_id, team_id, starts_on, ends_on (dates, both inclusive)."""
        self.as_is = as_is
        self.rows = {}  # manager -> [(starts_at, rank, ends_at, team)], the last one that is in force counts
        for number, row in enumerate(configured):
            if row.get("manager_id") and row.get("team_id"):
                starts = calendar.start(date.fromisoformat(row["starts_on"])) if row.get("starts_on") else NEVER
                last = row.get("ends_on")
                ends = calendar.start(date.fromisoformat(last) + timedelta(days=1)) if last else ALWAYS
                self._add(row["manager_id"], starts, (0, number, b""), ends, row["team_id"])
        for key, values, _ in ledger.standing("member"):
            if values.get("manager_id") is not None and values.get("team_id") is not None:
                starts, ends = values.get("starts_at"), values.get("ends_at")
                self._add(
                    values["manager_id"],
                    NEVER if starts is None else starts,
                    (1, 0, key.encode()),
                    ALWAYS if ends is None else ends,
                    values["team_id"],
                )
        for rows in self.rows.values():
            rows.sort()

    def _add(self, manager, *row):
        self.rows.setdefault(manager, []).append(row)

    def team(self, manager, at):
        for starts, _, ends, team in reversed(self.rows.get(manager, ())):
            if starts <= at < ends:
                return team
        return None

    def seat(self, team, manager, at, as_of):
        """The team of what a record adds at an instant: its own, else its manager's then (or today's)."""
        if team is not None or manager is None or at is None:
            return team
        return self.team(manager, as_of if self.as_is else at)
