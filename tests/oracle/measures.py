"""measures - what the KPIs are made of, as exact numbers: sums of contributions in a period, and the KPIs as fractions.

oracle.py writes each KPI as text straight from a SELECT. Targets, own KPIs, strengths and series compute with values,
so here the same facts are seen a second time, as streams of contributions: one row for each, with its names, its time
and what it adds. Money is in units of the base currency, times in seconds, scores and quantities in units: a value is a
Fraction. test_oracle_targets_selfcheck.py holds both views against each other.
"""

from fractions import Fraction

from exact import MICRO, fixed, half_even, shortest

SEATS = "company, team, manager, product, region, source"
NAMES = ("manager", "product", "region", "source", "loss_reason", "competitor")  # what a filter may name

# stream -> (names of its own, time, from where, {measure: expression}). loss_reason is a name of the lost contribution
# only, competitor of all that a deal itself adds; a customer, a payment or a lead has neither.
STREAMS = {
    "lead": (
        "NULL AS loss_reason, NULL AS competitor",
        "created",
        "lead_fact",
        {"leads": "1", "leads_converted": "converted <= :as_of", "lead_cost": "cost_base"},
    ),
    "response": (
        "NULL AS loss_reason, NULL AS competitor",
        "first_contact",
        "lead_fact WHERE response IS NOT NULL",
        {"responses": "1", "response_us": "response"},
    ),
    "deal": (
        "NULL AS loss_reason, competitor",
        "created",
        "deal_fact",
        {"deals": "1", "deals_won_since": "stage = 'won' AND closed_from_creation <= :as_of"},
    ),
    "won": (
        "NULL AS loss_reason, competitor",
        ("placed", "at"),
        "sale WHERE stage = 'won' AND counts",
        {
            "won": "sign",
            "won_with_amount": "sign * (base IS NOT NULL)",
            "won_amount": "sign * base",
            "won_quantity": "sign * quantity",
        },
    ),
    "cycle": (
        "NULL AS loss_reason, competitor",
        "closing",
        "deal_fact WHERE cycle IS NOT NULL",
        {"cycles": "1", "cycle_us": "cycle"},
    ),
    "lost": (
        "loss_reason, competitor",
        ("placed", "at"),
        "sale WHERE stage = 'lost' AND counts",
        {"lost": "sign", "lost_amount": "sign * base"},
    ),
    "payment": (
        "NULL AS loss_reason, NULL AS competitor",
        ("placed", "at"),
        "income WHERE base IS NOT NULL AND counts",
        {
            "payments": "sign",
            "revenue": "CASE kind WHEN 'payment' THEN sign * base ELSE -sign * base END",
            "refund_count": "sign * (kind <> 'payment')",
            "refunds": "CASE WHEN kind <> 'payment' THEN sign * base END",
        },
    ),
    "csat": (
        "NULL AS loss_reason, NULL AS competitor",
        "answered",
        "feedback_fact WHERE kind = 'csat' AND score BETWEEN 0 AND scale",
        {"csat_answers": "1", "csat_satisfied": f"score >= scale - {MICRO}", "csat_score": "score"},
    ),
    "nps": (
        "NULL AS loss_reason, NULL AS competitor",
        "answered",
        f"feedback_fact WHERE kind = 'nps' AND scale = 10 * {MICRO} AND score BETWEEN 0 AND scale",
        {"nps_answers": "1", "nps_promoters": f"score >= 9 * {MICRO}", "nps_detractors": f"score <= 6 * {MICRO}"},
    ),
    "repeat": (
        "NULL AS loss_reason, competitor",
        "closing",
        "customer_deal",
        {"customer_deals": "1", "repeat_deals": "place > 1"},
    ),
    "new": (
        "NULL AS loss_reason, NULL AS competitor",
        "closing",
        "customer_deal WHERE place = 1",
        {"new_customers": "1"},
    ),
    "measured": (
        "NULL AS loss_reason, NULL AS competitor",
        "closing",
        "payback_fact",
        {"new_with_cost": "1", "new_paid_back": "moment <= :as_of"},
    ),
    "payback": (
        "NULL AS loss_reason, NULL AS competitor",
        "moment",
        "payback_fact WHERE moment IS NOT NULL",
        {"paybacks": "1"},
    ),
}
KINDS = {
    "money": ("lead_cost", "won_amount", "lost_amount", "revenue", "refunds"),
    "seconds": ("response_us", "cycle_us"),
    "quantity": ("won_quantity",),
    "score": ("csat_score",),
}
# measure -> its type: all others are counts
TYPES = {name: "count" for stream in STREAMS.values() for name in stream[3]}
TYPES.update({name: kind for kind, names in KINDS.items() for name in names})
STREAM_OF = {name: stream for stream, found in STREAMS.items() for name in found[3]}


def sums(oracle, by, period, as_of, names=None, passes="1"):
    """{entity: {measure: Fraction}} of the measures over a period; 0 is left out. passes: SQL of a filter."""
    found = {}
    units = {"count": 1, "money": 10**oracle.decimals, "seconds": MICRO, "quantity": MICRO, "score": MICRO}
    names = list(TYPES) if names is None else names
    for stream in dict.fromkeys(STREAM_OF[name] for name in names):
        own, time, source, expressions = STREAMS[stream]
        asked = [name for name in names if name in expressions]
        placed, time = time if isinstance(time, tuple) else (time, time)  # where it belongs, and when it counts
        entity = "seat(team, manager, placed, :as_of)" if by == "team" and oracle.organisation.rows else by
        adds = ", ".join(f"{expressions[name]} AS {name}" for name in asked)
        rows = oracle.db.execute(
            f"SELECT {entity} AS entity, {', '.join(f'total_int({name})' for name in asked)} FROM"
            f" (SELECT {SEATS}, {own}, {placed} AS placed, {time} AS at, {adds} FROM {source})"
            f" WHERE at >= :start AND at < :stop AND {passes} AND entity IS NOT NULL GROUP BY entity",
            {"start": period[0], "stop": period[1], "as_of": as_of},
        )
        for entity, *totals in rows:
            for name, total in zip(asked, totals):
                if int(total):
                    found.setdefault(entity, {})[name] = Fraction(int(total), units[TYPES[name]])
    return found


class Kpi:
    def __init__(self, unit, zero, formula, *names):
        self.unit = unit
        self.zero = zero  # an absent value is 0; such a KPI is a sum over the time, so that it has a pace
        self.additive = zero
        self.formula, self.names = formula, names

    def value(self, measured):
        """A Fraction, or None where it has no value."""
        try:
            value = self.formula(*(measured.get(name, Fraction(0)) for name in self.names))
        except ZeroDivisionError:
            return None
        return None if self.zero and value == 0 else value


def _sum(unit, name):
    return Kpi(unit, True, lambda total: total, name)


def _over(a, b):
    """What is booked later can leave less than nothing in a window; of that there is no part."""
    return a / max(b, Fraction(0))


def _ratio(unit, part, whole):
    return Kpi(unit, False, _over, part, whole)


# All KPIs of a span that are made of sums in it. Quantiles are read from oracle.py; velocity and growth need more.
KPIS = {
    "leads_created": _sum("count", "leads"),
    "deals_created": _sum("count", "deals"),
    "deals_won": _sum("count", "won"),
    "sales_volume": _sum("money", "won_amount"),
    "units": _sum("quantity", "won_quantity"),
    "deals_lost": _sum("count", "lost"),
    "lost_volume": _sum("money", "lost_amount"),
    "average_check": _ratio("money", "won_amount", "won_with_amount"),
    "win_rate": Kpi("ratio", False, lambda won, lost: _over(won, won + lost), "won", "lost"),
    "win_rate_cohort": _ratio("ratio", "deals_won_since", "deals"),
    "conversion": _ratio("ratio", "won", "leads"),
    "cycle_time_mean": _ratio("seconds", "cycle_us", "cycles"),
    "response_time_mean": _ratio("seconds", "response_us", "responses"),
    "revenue": _sum("money", "revenue"),
    "refunds": _sum("money", "refunds"),
    "revenue_gross": Kpi("money", True, lambda net, back: net + back, "revenue", "refunds"),
    "csat": _ratio("ratio", "csat_satisfied", "csat_answers"),
    "csat_mean": _ratio("score", "csat_score", "csat_answers"),
    "nps": Kpi(
        "nps", False, lambda up, down, n: _over(100 * (up - down), n), "nps_promoters", "nps_detractors", "nps_answers"
    ),
    "new_customers": _sum("count", "new_customers"),
    "repeat_rate": _ratio("ratio", "repeat_deals", "customer_deals"),
    "conversion_cohort": _ratio("ratio", "leads_converted", "leads"),
    "lead_cost": _sum("money", "lead_cost"),
    "cac": _ratio("money", "lead_cost", "new_customers"),
    "payback_share": _ratio("ratio", "new_paid_back", "new_with_cost"),
}
QUANTILES = tuple(f"{what}_{rank}" for what in ("cycle_time", "response_time", "payback") for rank in ("p50", "p90"))
UNITS = {name: kpi.unit for name, kpi in KPIS.items()}
UNITS.update({name: "seconds" for name in QUANTILES}, sales_growth="ratio", velocity="money")


def text(unit, value, decimals):
    """The text form of section 4 of a Fraction; decimals: those of the base currency."""
    if unit == "quantity":
        return shortest(half_even(value.numerator * MICRO, value.denominator))
    places = {"count": 0, "money": decimals, "ratio": 6, "seconds": 0, "score": 2, "nps": 1}[unit]
    return fixed(half_even(value.numerator * 10**places, value.denominator), places)


def values(oracle, by, window, periods, as_of):
    """{(entity, kpi): Fraction} of every built-in KPI of a span that has a value; periods: (current, previous)."""
    current, previous = periods
    measured = sums(oracle, by, current, as_of)
    found = {
        (entity, name): value
        for entity, of_entity in measured.items()
        for name, kpi in KPIS.items()
        if (value := kpi.value(of_entity)) is not None
    }
    for (entity, name), (written, *_) in oracle.values(by, window, current, as_of).items():
        if name in QUANTILES:
            found[entity, name] = Fraction(written)
    if previous:
        for entity, before in sums(oracle, by, previous, as_of, ["won_amount"]).items():
            if before["won_amount"] > 0:
                volume = measured.get(entity, {}).get("won_amount", 0)
                found[entity, "sales_growth"] = Fraction(volume) / before["won_amount"] - 1
    if by != "loss_reason":
        standing = open_deals(oracle, by, as_of)
        for entity, of_entity in measured.items():
            # what is booked later can leave less than nothing in a window
            closed = of_entity.get("won", 0) + of_entity.get("lost", 0)
            if closed > 0 and of_entity.get("cycle_us", 0) > 0 and of_entity.get("won_with_amount", 0) > 0:
                days = of_entity["cycle_us"] / of_entity["cycles"] / 86_400
                check = of_entity.get("won_amount", Fraction(0)) / of_entity["won_with_amount"]
                rate = Fraction(of_entity.get("won", 0), closed)
                found[entity, "velocity"] = standing.get(entity, (0,))[0] * rate * check / days
    return found


def open_deals(oracle, by, as_of, where="1"):
    """{entity: (deals, sum of probabilities, sum of weighted amounts)} of what is open at as_of, in the teams of then."""
    if by == "loss_reason":
        return {}
    entity = "seat(team, manager, :as_of, :as_of)" if by == "team" and oracle.organisation.rows else by
    rows = oracle.db.execute(
        f"SELECT {entity} AS entity, count(*), total_int(probability), total_int(share(open_base, probability))"
        " FROM deal_fact WHERE created <= :as_of AND (closing IS NULL OR closing > :as_of)"
        f" AND {where} AND entity IS NOT NULL GROUP BY entity",
        {"as_of": as_of},
    )
    return {e: (n, Fraction(int(p), MICRO), Fraction(int(w), 10**oracle.decimals)) for e, n, p, w in rows}
