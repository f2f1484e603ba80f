"""series - section 11: a KPI by local days or hours up to an instant, oldest first, as it stands in Redis."""

import json
from datetime import timedelta
from fractions import Fraction

import measures
from windows import EPOCH, HOUR

ONE_DAY = timedelta(days=1)


def spans(zone, every, points, as_of):
    """[(from, to)] of the last ones; the last of all has as_of. Hours are counted from each day's first instant, so
    that the last of a day is a short one where the clocks move by less than an hour."""
    found = []
    day = zone.day_of(as_of) + ONE_DAY  # where clocks go back over midnight the next date has begun already
    while len(found) < points:
        start, stop = zone.start(day), zone.start(day + ONE_DAY)
        step = HOUR if every == "hour" else max(stop - start, 1)
        of_day = [(at, min(at + step, stop)) for at in range(start, stop, step) if at <= as_of]
        found = of_day + found
        day -= ONE_DAY
    return found[-points:]


def series(oracle, wanted, as_of, own=()):
    """{key: JSON} of one entry of the configuration, for its `entities`."""
    own = {kpi.name: kpi for kpi in own}
    found = {(entity, kpi): [] for entity in wanted["entities"] for kpi in wanted["kpis"]}
    for start, stop in spans(oracle.calendar, wanted["every"], wanted["points"], as_of):
        period = (start, min(stop, as_of + 1))
        values = measures.values(oracle, wanted["dimension"], "day", (period, None), as_of)
        for name in wanted["kpis"]:
            if name in own:
                of_kpi = own[name].values(oracle, wanted["dimension"], period, as_of)
                values.update(((entity, name), value) for entity, value in of_kpi.items())
            kpi = own.get(name) or measures.KPIS.get(name)
            unit = own[name].unit if name in own else measures.UNITS[name]
            for entity in wanted["entities"]:
                value = None if name in ("velocity", "sales_growth") else values.get((entity, name))
                if value is None and kpi is not None and kpi.zero:
                    value = Fraction(0)
                text = None if value is None else measures.text(unit, value, oracle.decimals)
                found[entity, name].append([f"{EPOCH + timedelta(microseconds=start):%Y-%m-%dT%H:%M:%SZ}", text])
    return {
        f"series:{wanted['dimension']}:{entity}:{kpi}": json.dumps(
            {"every": wanted["every"], "points": points}, ensure_ascii=False, separators=(",", ":")
        )
        for (entity, kpi), points in found.items()
    }
