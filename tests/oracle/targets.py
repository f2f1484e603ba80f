"""targets - section 7: what was to be reached, how much of it is, and what would be needed or is expected.

Everything is a Fraction until it is written. What a period's target is depends only on what was said before the period
ended, or says of itself that it restates: for each period the events are judged again from the beginning.
"""

from datetime import date
from fractions import Fraction

import measures
from exact import MICRO, fixed, half_even, parse_micro
from windows import MINUTE, bounds
from working_time import Period, period_of

NEEDED = ("dimension", "entity", "kpi", "period", "value", "starts_on")
TO_DATE = ("today", "week", "month", "quarter", "year")


class Row:
    def __init__(self, values, rank):
        self.values = values
        self.key = tuple(values[name] for name in NEEDED[:4])
        self.value = Fraction(values["value"], MICRO)
        self.starts = date.fromisoformat(values["starts_on"])
        last = values.get("ends_on")
        self.last = date.fromisoformat(last) if last is not None else date.max
        self.rank = rank  # among rows that start on one day the greatest counts

    def factor(self, zone, period):
        """A ramp of n periods begins with 1 / (n + 1) and is full after n."""
        ramp = self.values.get("ramp_periods")
        if ramp is None:
            return 1
        passed = period.index - Period(zone, period.kind, self.starts).index
        return Fraction(min(passed + 1, ramp + 1), ramp + 1)


def standing(events, end):
    """The fields of a record as one sees them who knows what was said before `end`, or restates; None: no record."""
    events = [e for e in events if e.occurred < end or e.fields.get("restate") is True]
    if not events or max(events, key=lambda e: e.stamp).deleted:
        return None
    floor = max((e.stamp for e in events if e.deleted), default=None)
    fields = {}
    for event in sorted(events, key=lambda e: e.stamp):
        if floor is None or event.stamp > floor:
            fields.update(event.fields)
    return fields


class Targets:
    def __init__(self, oracle, calendars, configured=(), records=None, own=()):
        """configured: rows of the configuration; records: {target_id: events}; own: own KPIs."""
        self.oracle, self.calendars = oracle, calendars
        self.zone = oracle.calendar
        self.configured = [
            Row(dict(row, value=parse_micro(str(row["value"]))), (0, number)) for number, row in enumerate(configured)
        ]
        self.records = records or {}
        self.own = {kpi.name: kpi for kpi in own}
        self.units = {**measures.UNITS, **{kpi.name: kpi.unit for kpi in own}}
        self.by_end = {}

    def known(self, row):
        return row.values["kpi"] in self.units

    def rows(self, end):
        """{(dimension, entity, kpi, period): rows} for a period that ends at `end`."""
        if end not in self.by_end:
            found = self.by_end[end] = {}
            rows = list(self.configured)
            for key, events in self.records.items():
                fields = standing(events, end)
                if fields and all(fields.get(name) is not None for name in NEEDED):
                    rows.append(Row(fields, (1, key.encode())))
            for row in filter(self.known, rows):
                found.setdefault(row.key, []).append(row)
        return self.by_end[end]

    def target(self, dimension, entity, kpi, period, as_of):
        """What is to be reached in a whole period, or None."""
        rows = self.rows(period.end).get((dimension, entity, kpi, period.kind), ())
        calendar = self.calendars.of(dimension, entity, as_of)
        days = [day for day in period.days() if calendar.works(day)] or list(period.days())
        shares = []
        for day in days:
            in_force = [row for row in rows if row.starts <= day <= row.last]
            if in_force:
                row = max(in_force, key=lambda r: (r.starts, r.rank))
                shares.append(row.value * row.factor(self.zone, period))
        return sum(shares, Fraction(0)) / len(days) if shares else None

    def lines(self, by, window, as_of):
        """{(entity, name): text} of a window."""
        found = {}
        placed = period_of(self.zone, window, as_of)
        if placed is None:
            return found
        period, past = placed
        decimals = self.oracle.decimals
        periods = bounds(self.zone, window, as_of)
        asked = [key for key in self.rows(period.end) if key[0] == by and key[3] == period.kind]
        booked = measures.values(self.oracle, by, window, periods, as_of) if asked else {}
        for kpi in self.own.values():
            if any(key[2] == kpi.name for key in asked):
                for entity, value in kpi.values(self.oracle, by, periods[0], as_of).items():
                    booked[entity, kpi.name] = value
        # what grows by itself moves in steps of a quarter of an hour
        reached = as_of - as_of % (15 * MINUTE)
        for _, entity, kpi, _ in asked:
            target = self.target(by, entity, kpi, period, as_of)
            if target is None:
                continue
            unit = self.units[kpi]
            definition = self.own.get(kpi) or measures.KPIS.get(kpi)
            got = booked.get((entity, kpi))
            if got is None and definition is not None and definition.zero:
                got = Fraction(0)
            found[entity, kpi + ".target"] = measures.text(unit, target, decimals)
            if got is not None and target:
                found[entity, kpi + ".attainment"] = measures.text("ratio", got / target, decimals)
            if got is None or definition is None or not definition.additive:
                continue
            calendar = self.calendars.of(by, entity, as_of)
            whole = calendar.worked(period.start, period.end)
            elapsed = whole if past else calendar.worked(period.start, min(reached, period.end))
            if target and elapsed:
                found[entity, kpi + ".pace"] = measures.text("ratio", got / (target * elapsed / whole), decimals)
            left = 0 if past else calendar.worked(max(reached, period.start), period.end)
            if left:
                rate = max(target - got, Fraction(0)) / Fraction(left, calendar.day_us())
                # a tenth of a deal a day is not 0
                found[entity, kpi + ".required_rate"] = (
                    two_decimals(rate) if unit == "count" else measures.text(unit, rate, decimals)
                )
        if window in TO_DATE:
            self._forecast(found, by, period, periods[0], as_of)
        return found

    def _forecast(self, found, by, period, current, as_of):
        """Booked, and what is open and expected to close in the period."""
        where = (
            "EXISTS (SELECT 1 FROM expected WHERE expected.id = deal_fact.id"
            f" AND at >= {period.start} AND at < {period.end})"
        )
        expected = measures.open_deals(self.oracle, by, as_of, where)
        booked = measures.sums(self.oracle, by, current, as_of, ["won", "won_amount"])
        for entity in expected.keys() | booked.keys():
            _, probable, weighted = expected.get(entity, (0, Fraction(0), Fraction(0)))
            won, volume = (booked.get(entity, {}).get(name, Fraction(0)) for name in ("won", "won_amount"))
            if won or probable:
                found[entity, "deals_won.forecast"] = two_decimals(won + probable)
            if volume or weighted:
                found[entity, "sales_volume.forecast"] = measures.text("money", volume + weighted, self.oracle.decimals)

    def oddities(self, entities):
        """Existing targets that count nowhere, and those for an entity that no record names ({dimension: names})."""
        rows = [(row.values, self.known(row)) for row in self.configured]
        for events in self.records.values():
            fields = standing(events, float("inf"))
            if fields is not None:
                whole = all(fields.get(name) is not None for name in NEEDED)
                rows.append((fields, whole and fields["kpi"] in self.units))
        return {
            "target_unknown": sum(not known for _, known in rows),
            "target_entity": sum(
                known and values["entity"] not in entities.get(values["dimension"], ()) for values, known in rows
            ),
        }


def two_decimals(value):
    return fixed(half_even(value.numerator * 100, value.denominator), 2)


def keep_expected(oracle, ledger):
    """The table of when deals are expected to close."""
    oracle.db.execute("CREATE TABLE expected (id TEXT PRIMARY KEY, at INT)")
    oracle.db.executemany(
        "INSERT INTO expected VALUES (?, ?)",
        [(key, fields.get("expected_close_at")) for key, fields, _ in ledger.standing("deal")],
    )
