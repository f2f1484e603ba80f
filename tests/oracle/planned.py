#!/usr/bin/env python3
"""planned - targets that are edited after their period, ramps, calendars and own KPIs, at random from a seed.

    planned.py SEED RECORDS OUT_DIRECTORY [INSTANT…]

dated.py's events, and beside them records of targets. These are for few entities, KPIs and periods, so that they meet:
they overlap, begin within a period, begin on the same day, are deleted and revived, set anew before and after the end
of a period, some of them restating. Some name a KPI or an entity that nothing else names. settings() gives a
configuration with targets, working calendars, own KPIs with typed formulas and filters, and strengths.
"""

import random
import sys
from datetime import datetime, timedelta

import measures
from dated import COMPETITORS, REASONS, Dated
from nasty import DAY, EPOCH, MANAGERS, PRODUCTS, REGIONS, SOURCES, TEAMS, write
from windows import WEEKDAYS
from working_time import PERIODS

ENTITIES = {
    "team": TEAMS,
    "manager": MANAGERS,
    "product": PRODUCTS,
    "region": REGIONS,
    "source": SOURCES,
    "loss_reason": REASONS,
    "competitor": COMPETITORS,
}
KPIS = tuple(measures.UNITS)
OWN = ("own_a", "own_b", "own_c", "own_d", "own_e", "own_f")
UNKNOWN = ("won", "open_deals", "pipeline", "sales_volume.target", "Sales")
VALUES = ("0", "1", "2.5", "10", "0.333333", "1000", "999.995", "123456.789012", "0.5", "0.000001", "1000000", "3")
HOURS = ("00:00-24:00", "09:00-18:00", "02:30-06:00", "08:15-12:45", "00:00-00:01", "23:30-24:00", "02:00-03:00")
BAD = (
    '"value":-1',
    '"value":"much"',
    '"dimension":"customer"',
    '"period":"decade"',
    '"starts_on":"2024-02-30"',
    '"ends_on":"2024-03-01T00:00:00Z"',
    '"ramp_periods":0',
    '"ramp_periods":1.5',
    '"restate":"yes"',
    '"entity":""',
    '"kpi":7',
)


class Planned(Dated):
    def __init__(self, seed, instants, zone="UTC", company="all"):
        super().__init__(seed, instants, zone)
        r = random.Random(seed)
        self.goals = [self.goal(r, company) for _ in range(25)]

    def goal(self, r, company):
        """What a target is for."""
        dimension = r.choice(("company", "team", "manager", "manager", *ENTITIES))
        entities = ENTITIES.get(dimension, (company, company, company, "another"))
        kind = r.random()
        kpi = r.choice(UNKNOWN if kind < 0.06 else OWN if kind < 0.35 else KPIS)
        if kind > 0.7:
            kpi = r.choice(("sales_volume", "deals_won", "revenue", "leads_created", "win_rate", "units"))
        entity = "nobody" if r.random() < 0.05 else r.choice(entities)
        return {"dimension": dimension, "entity": entity, "kpi": kpi, "period": r.choice(PERIODS)}

    def first_day(self):
        """A day near an instant, often the first of a month or of a year."""
        r = self.random
        day = EPOCH + timedelta(microseconds=max(self.time(), 800 * DAY))
        part = r.random()
        if part < 0.35:
            day = day.replace(day=1)
        if part < 0.15:
            day = day.replace(month=r.choice((1, 4, 7)))
        return day

    def span(self):
        r = self.random
        first = self.first_day()
        last = first + timedelta(days=r.choice((-1, 0, 0, 1, 6, 30, 89, 365)))
        return f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}" if r.random() < 0.5 else None

    def fields(self, kind, keys):
        if kind != "target":
            return super().fields(kind, keys)
        r = self.random
        starts_on, ends_on = self.span()
        return {
            **r.choice(self.goals),
            "value": self.decimal(r.choice(VALUES)),
            "starts_on": starts_on,
            "ends_on": ends_on,
            "ramp_periods": r.choice((None, None, 1, 2, 3, 12)),
            "restate": r.choice((None, None, None, False, True)),
        }

    def bad(self, kind):
        if kind == "target":
            return ('{"target_id":"bad","occurred_at":1700000000000,%s}' % self.random.choice(BAD)).encode()
        return super().bad(kind)

    def generate(self, records):
        found = super().generate(records)
        count = records // 4
        lines = [line for k in range(count) for line in self.record("target", f"t{k * 7 % count}", {})]
        found["target"] = self.arrival("target", lines)
        return found

    def settings(self):
        return {**super().settings(), "plan": self.plan()}

    def plan(self):
        r = self.random
        targets = []
        for _ in range(60):
            starts_on, ends_on = self.span()
            row = {**r.choice([g for g in self.goals if g["kpi"] not in UNKNOWN]), "value": r.choice(VALUES)}
            row["starts_on"] = starts_on
            if ends_on is not None and ends_on >= starts_on:
                row["ends_on"] = ends_on
            if r.random() < 0.3:
                row["ramp_periods"] = r.choice((1, 2, 5))
            targets.append(row)
        names = ["default", "office", "shop"]
        calendars = {name: self.calendar() for name in r.sample(names, r.randrange(1, 4))}
        named = sorted(calendars.keys() | {"default"})
        return {
            "calendars": calendars,
            "teams": {team: {"calendar": r.choice(named)} for team in r.sample(TEAMS, r.randrange(1, 4))},
            "targets": targets,
            "kpis": [self.own_kpi(name) for name in OWN],
            "strengths": {
                "windows": r.sample(["month", "last_quarter", "30d", "year", "all"], 3),
                "k": r.choice((1, 3, 10)),
            },
        }

    def calendar(self):
        r = self.random
        days = {"days": [day for day in WEEKDAYS if r.random() < 0.7] or ["sunday"], "hours": r.choice(HOURS)}
        free = {(EPOCH + timedelta(microseconds=self.time())).strftime("%Y-%m-%d") for _ in range(r.randrange(30))}
        return {**days, "holidays": sorted(free)}

    def own_kpi(self, name):
        r = self.random
        unit = r.choice(("money", "money", "count", "count", "ratio", "seconds", "quantity", "score"))
        kpi = {
            "name": name,
            "formula": self.formula(unit, r.randrange(3)),
            "unit": unit,
            "better": r.choice(("up", "down")),
        }
        kpi["label"] = name
        if r.random() < 0.6:
            kpi["filter"] = self.filter(r.randrange(3))
        if r.random() < 0.3:
            kpi["absent"] = r.choice(("zero", "none"))
        if r.random() < 0.5:
            kpi["sample"] = r.choice([m for m, kind in measures.TYPES.items() if kind == "count"])
        return kpi

    def formula(self, kind, depth):
        """An expression of a type, with a measure in it."""
        r = self.random
        if depth <= 0:
            if kind == "ratio":
                return f"{self.formula('count', 0)} / {self.formula('count', 0)}"
            if r.random() < 0.5 and kind in ("count", "money"):  # such as often have a value
                return r.choice({"count": ("won", "lost", "deals", "leads"), "money": ("won_amount", "revenue")}[kind])
            return r.choice([m for m, of in measures.TYPES.items() if of == kind])

        def part(of):
            inner = self.formula(of, depth - r.randrange(1, 3))
            return inner if inner.isidentifier() else f"({inner})"

        number = r.choice(("2", "0.5", "100", "1.000001", "0.1", "3"))
        forms = [
            lambda: f"{part(kind)} + {part(kind)}",
            lambda: f"{part(kind)} - {part(kind)}",
            lambda: f"{number} * {part(kind)}",
            lambda: f"{part(kind)}*{number}",
            lambda: f"{part(kind)} / {number}",
        ]
        if kind in ("money", "seconds", "quantity", "score"):
            forms += [lambda: f"{part(kind)} / {part('count')}", lambda: f"{part(kind)} * {part('count')}"]
            forms += [lambda: f"{part('ratio')} * {part(kind)}"]
        if kind in ("money", "seconds"):
            forms += [lambda: f"{part(kind)} / {part('quantity')}"]
        if kind == "ratio":
            same = r.choice(("count", "count", "money", "seconds", "quantity", "score"))
            forms += [lambda: f"{part(same)}/{part(same)}"] * 3
        if kind == "count":
            forms += [lambda: f"{part('count')} * {part('ratio')}"]
        # without brackets a sum of three is the same, and a product in it
        forms += [lambda: f"{self.formula(kind, 0)} + {number} * {part(kind)} - {self.formula(kind, 0)}"]
        return r.choice(forms)()

    def filter(self, depth):
        r = self.random

        def quoted(text):
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

        if depth > 0:
            left, right = self.filter(depth - 1), self.filter(depth - 1)
            return r.choice(
                (f"{left} and {right}", f"{left} or {right}", f"not ({left})", f"({left} or {right}) and {left}")
            )
        name = r.choice([name for name in ENTITIES if name != "team"])
        few = [quoted(text) for text in r.choices([*ENTITIES[name], "nobody"], k=r.randrange(1, 4))]
        return r.choice(
            (
                f"{name} = {few[0]}",
                f"{name} != {few[0]}",
                f"not {name} = {few[0]}",
                f"{name} in ({', '.join(few)})",
                f"{name} not in ({','.join(few)})",
            )
        )


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    given = sys.argv[4:] or ["2024-03-31T12:00:00+00:00"]
    at = [(datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // timedelta(microseconds=1) for text in given]
    write(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], at, world=Planned)
