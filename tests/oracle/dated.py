#!/usr/bin/env python3
"""dated - what changes the past: exchange rates that come late or are corrected, managers who move between teams.

    dated.py SEED RECORDS OUT_DIRECTORY [INSTANT…]

nasty.py's events, most of them without a team of their own, and beside them records of rates and members that are
edited, deleted, revived, overlap and lie on the boundaries of days, and losses by reason and competitor. settings()
gives a configuration that has some of both already, with one of the views of teams and credits.
"""

import sys
from datetime import datetime, timedelta

from nasty import CURRENCIES, DAY, EPOCH, MANAGERS, TEAMS, World, write

REASONS = ("price", "timing", "no answer", "цена", "a:b")
COMPETITORS = ("Acme", "Globex", "Other", "Ω")
RATES = ("1", "0.5", "1.000000001", "0.000000001", "999999999.999999999", "0.0065", "3.25", "1.1", "1.10", "2.675")


class Dated(World):
    competing = ("rate", "member", "target")

    def fields(self, kind, keys):
        r = self.random
        if kind == "rate":
            return {
                "currency": r.choice(CURRENCIES),
                "day": self.day(),
                "rate": self.decimal(r.choice(RATES) if r.random() < 0.5 else f"{r.randrange(4)}.{r.randrange(1, 10**6)}"),
            }
        if kind == "member":
            return {
                "manager_id": r.choice(MANAGERS),
                "team_id": r.choice(TEAMS),
                "name": r.choice(("Ann Lee", "Bob", "Ω")),
                "active": r.random() < 0.8,
                "lead": r.random() < 0.3,
                "starts_at": self.business_time() if r.random() < 0.8 else None,
                "ends_at": self.business_time() if r.random() < 0.6 else None,
            }
        found = super().fields(kind, keys)
        if r.random() < 0.8:
            found["team_id"] = None
        if kind == "deal":
            found["loss_reason"] = r.choice(REASONS)
            found["competitor"] = r.choice(COMPETITORS)
        return found

    def day(self):
        us = self.time()
        return (EPOCH + timedelta(microseconds=us - us % DAY)).strftime("%Y-%m-%d")

    def bad(self, kind):
        if kind in ("rate", "member"):
            member = {
                "rate": ('"rate":0', '"rate":"-1"', '"rate":"1.0000000001"', '"day":"2024-02-30"', '"day":5', '"rate":1e3'),
                "member": ('"active":"yes"', '"lead":1', '"starts_at":"soon"', '"team_id":""'),
            }[kind]
            text = '{"%s_id":"bad","occurred_at":1700000000000,%s}' % (kind, self.random.choice(member))
            return text.encode()
        return super().bad(kind)

    def generate(self, records):
        found = super().generate(records)
        for kind, count in (("rate", records // 25), ("member", records // 25)):
            lines = [line for k in range(count) for line in self.record(kind, f"{kind[0]}{k}", {})]
            found[kind] = self.arrival(kind, lines)
        return found

    def settings(self):
        """A configuration: rows of the organisation that do not overlap, rates, and a view."""
        r = self.random
        members = []
        for manager in r.sample(MANAGERS[:8], 6):
            day = datetime(2023, 1, 1) + timedelta(days=r.randrange(300))
            for _ in range(r.randrange(1, 5)):
                last = day + timedelta(days=r.randrange(200))
                row = {"manager_id": manager, "team_id": r.choice(TEAMS), "starts_on": f"{day:%Y-%m-%d}"}
                if r.random() < 0.9:
                    row["ends_on"] = f"{last:%Y-%m-%d}"
                members.append(row)
                if "ends_on" not in row:
                    break
                day = last + timedelta(days=r.choice((1, 1, 30)))
        return {
            "members": members,
            "teams": r.choice(("as_was", "as_was", "as_is")),
            "credit": r.choice(("current", "at_close")),
            "rate_age_max": r.choice((0, 3, 40)),
            "corrections": r.choice(("restate", "restate", "book")),
            "lock": self.day() if r.random() < 0.3 else None,
        }


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    given = sys.argv[4:] or ["2024-03-31T12:00:00+00:00"]
    at = [(datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // timedelta(microseconds=1) for text in given]
    write(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], at, world=Dated)
