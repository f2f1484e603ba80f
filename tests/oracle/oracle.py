#!/usr/bin/env python3
"""oracle - every KPI of the contract from the latest version of every record, by SQL.

    oracle.py [--leads FILE]… [--deals FILE]… [--payments FILE]… [--feedback FILE]…
              [--as-of TIME]… [--zone ZONE] [--week-start DAY] [--fiscal-year-start MONTH]
              [--base-currency CODE] [--rates FILE]… [--rates-csv FILE.csv] [--windows LIST] [--company NAME]
              [--stage-probability NAME=VALUE]… [--members FILE]… [--organisation FILE.json]
              [--teams as_was|as_is] [--credit current|at_close] [--rate-age-max DAYS]
              [--targets FILE]… [--plan FILE.json [--strengths] [--intervals] [--series]]

A second program that computes what `kpid replay` computes, from the same files, to compare with. It shares
nothing with kpid but the contract, and is written to be obvious rather than quick: the latest records go
into SQLite, and each KPI is one SELECT for each window. Nothing is incremental, nothing is taken back.

Prints one JSON object for each (as_of, dimension, entity, window, kpi) that has a value, or had one in the
previous period; a last line on standard error says how the events were judged.
"""

import argparse
import csv
import json
import re
import sqlite3
import sys
from bisect import bisect_right
from datetime import date, datetime, timedelta

from books import INDEXES, RESTATED, TABLES, Books
from exact import DECIMALS, MICRO, bucket, fixed, half_even, parse_micro, shortest
from messages import Bad, Decoder, parse_time
from organisation import Organisation
from plan import Plan
from records import Ledger
from windows import Calendar, bounds

DEFAULT_WINDOWS = (
    "1m,5m,1h,24h,7d,today,yesterday,week,last_week,month,last_month,quarter,last_quarter,year,last_year,all,now"
)
DIMENSIONS = ("company", "team", "manager", "product", "region", "source", "loss_reason", "competitor")
SEATS = ("manager", "team", "product", "region", "source")

SCHEMA = """
CREATE TABLE lead (id TEXT PRIMARY KEY, manager TEXT, team TEXT, product TEXT, region TEXT, source TEXT,
                   customer TEXT, cost INT, currency TEXT, created INT, first_contact INT, closing INT);
CREATE TABLE deal (id TEXT PRIMARY KEY, manager TEXT, team TEXT, product TEXT, region TEXT, source TEXT,
                   customer TEXT, lead_id TEXT, stage TEXT, created INT, closing INT,
                   amount INT, currency TEXT, quantity INT, probability INT, loss_reason TEXT, competitor TEXT);
CREATE TABLE payment (id TEXT PRIMARY KEY, manager TEXT, team TEXT, product TEXT, region TEXT, source TEXT,
                      customer TEXT, deal_id TEXT, kind TEXT, amount INT, currency TEXT, margin INT, paid INT);
CREATE TABLE feedback (id TEXT PRIMARY KEY, manager TEXT, team TEXT, product TEXT, region TEXT, source TEXT,
                       deal_id TEXT, kind TEXT, score INT, scale INT, answered INT);
"""

# A missing dimension is taken from the record above, each by itself; but a team only if the record names no
# manager of its own, since a manager does not come into the team of another.
INHERITED = ", ".join(
    (
        f"coalesce(own.{seat}, up.{seat}) AS {seat}"
        if seat != "team"
        else "CASE WHEN own.team IS NOT NULL THEN own.team WHEN own.manager IS NULL THEN up.team END AS team"
    )
    for seat in SEATS
)

FACTS = f"""
CREATE INDEX deal_by_lead ON deal (lead_id);
CREATE TABLE lead_fact AS
  SELECT :company AS company, id, customer, manager, team, product, region, source, created, first_contact,
         CASE WHEN first_contact >= created THEN first_contact - created END AS response,
         money(cost, currency, created) AS cost_base, mark(cost, currency, created) AS cost_mark,
         coalesce(min(first_contact, closing), first_contact, closing) AS waits_until,
         (SELECT min(max(lead.created, deal.closing)) FROM deal
          WHERE deal.lead_id = lead.id AND deal.stage = 'won') AS converted
  FROM lead;
CREATE TABLE deal_fact AS
  SELECT :company AS company, own.id, own.lead_id, coalesce(own.customer, up.customer) AS customer, {INHERITED},
         own.stage, own.created, own.closing, own.competitor,
         CASE own.stage WHEN 'lost' THEN own.loss_reason END AS loss_reason,
         mark(own.amount, own.currency, own.closing) AS closed_mark, mark(own.amount, own.currency, own.created) AS open_mark,
         max(own.created, own.closing) AS closed_from_creation,
         CASE WHEN own.stage IN ('won', 'lost') THEN money(own.amount, own.currency, own.closing) END AS closed_base,
         money(own.amount, own.currency, own.created) AS open_base,
         coalesce(own.probability, stage_probability(own.stage)) AS probability,
         coalesce(own.quantity, {MICRO}) AS quantity,
         CASE WHEN own.stage = 'won' AND own.closing >= own.created THEN own.closing - own.created END AS cycle
  FROM deal own LEFT JOIN lead up ON up.id = own.lead_id;
CREATE TABLE payment_fact AS
  SELECT :company AS company, coalesce(own.customer, up.customer) AS customer, {INHERITED}, own.paid,
         coalesce(own.kind, 'payment') AS kind, coalesce(own.margin, {MICRO}) AS margin,
         money(own.amount, own.currency, own.paid) AS base, mark(own.amount, own.currency, own.paid) AS mark
  FROM payment own LEFT JOIN deal_fact up ON up.id = own.deal_id;
CREATE TABLE feedback_fact AS
  SELECT :company AS company, {INHERITED}, own.answered, own.kind, own.score,
         coalesce(own.scale, CASE own.kind WHEN 'csat' THEN 5 * {MICRO} WHEN 'nps' THEN 10 * {MICRO} END) AS scale
  FROM feedback own LEFT JOIN deal_fact up ON up.id = own.deal_id;
CREATE INDEX lead_by_created ON lead_fact (created);
CREATE INDEX lead_by_contact ON lead_fact (first_contact);
CREATE INDEX deal_by_created ON deal_fact (created);
CREATE INDEX deal_by_closing ON deal_fact (closing);
CREATE INDEX payment_by_paid ON payment_fact (paid);
CREATE INDEX feedback_by_answered ON feedback_fact (answered);
"""

# The won deals of each customer, in their order: the first has place 1. A customer is measured for payback if its
# leads up to its first won deal cost anything. What was paid before that deal counts at its closing; all that was
# paid at one instant counts together.
CUSTOMERS = """
CREATE TABLE customer_deal AS
  SELECT *, row_number() OVER (PARTITION BY customer ORDER BY closing, id) AS place
  FROM deal_fact WHERE stage = 'won' AND customer IS NOT NULL;
CREATE TABLE customer_lead AS
  SELECT customer, id AS lead_id FROM lead_fact WHERE customer IS NOT NULL
  UNION
  SELECT deal_fact.customer, lead_fact.id FROM deal_fact JOIN lead_fact ON lead_fact.id = deal_fact.lead_id
  WHERE deal_fact.customer IS NOT NULL;
CREATE TABLE customer_cost AS
  SELECT first.customer, first.id AS deal_id, first.closing, min(lead_fact.created) AS first_lead,
         total_int(CASE WHEN lead_fact.created <= first.closing THEN lead_fact.cost_base END) AS cost
  FROM customer_deal AS first JOIN customer_lead USING (customer) JOIN lead_fact ON lead_fact.id = customer_lead.lead_id
  WHERE first.place = 1 GROUP BY first.customer;
CREATE TABLE customer_moment AS
  SELECT customer, reached(cost, max(payment_fact.paid, customer_cost.closing),
                           share(CASE kind WHEN 'payment' THEN base ELSE -base END, margin)) AS moment
  FROM payment_fact JOIN customer_cost USING (customer) WHERE payment_fact.paid IS NOT NULL GROUP BY customer;
CREATE TABLE payback_fact AS
  SELECT deal_fact.*, moment, moment - first_lead AS payback
  FROM customer_cost LEFT JOIN customer_moment USING (customer) JOIN deal_fact ON deal_fact.id = customer_cost.deal_id
  WHERE cost <> '0';
CREATE INDEX customer_deal_by_closing ON customer_deal (closing);
CREATE INDEX payback_by_closing ON payback_fact (closing);
CREATE INDEX payback_by_moment ON payback_fact (moment);
"""

LEADS_CREATED = """SELECT {by}, count(*), total_int(converted <= :as_of), total_int(cost_base), max(cost_mark) FROM lead_fact
  WHERE created >= :start AND created < :stop AND {by} IS NOT NULL GROUP BY {by}"""

DEALS_CREATED = """SELECT {by}, count(*), total_int(stage = 'won' AND closed_from_creation <= :as_of) FROM deal_fact
  WHERE created >= :start AND created < :stop AND {by} IS NOT NULL GROUP BY {by}"""

MARK = """CASE WHEN sum(sign * ({of} AND mark = 2)) <> 0 THEN 2 WHEN sum(sign * ({of} AND mark = 1)) <> 0 THEN 1 END"""

CLOSED = f"""SELECT {{by}}, total_int(sign * counts * (stage = 'won')), total_int(CASE stage WHEN 'won' THEN sign * base END),
    total_int(sign * (stage = 'won' AND base IS NOT NULL)), total_int(CASE stage WHEN 'won' THEN sign * quantity END),
    total_int(sign * counts * (stage = 'lost')), total_int(CASE stage WHEN 'lost' THEN sign * base END),
    {MARK.format(of="stage = 'won'")}, {MARK.format(of="stage = 'lost'")}
  FROM sale WHERE at >= :start AND at < :stop AND {{by}} IS NOT NULL GROUP BY {{by}}"""

# Nearest rank: the ceil(p * n / 100)-th smallest. The buckets grow with the values, so ranks may be taken among them.
TIMES = """WITH measured AS (
    SELECT {by} AS entity, {value} AS us, bucket({value}) AS published FROM {table}
    WHERE {at} >= :start AND {at} < :stop AND {by} IS NOT NULL AND {value} IS NOT NULL),
  ranked AS (
    SELECT entity, us, published, count(*) OVER (PARTITION BY entity) AS n,
           row_number() OVER (PARTITION BY entity ORDER BY published) AS rank FROM measured)
  SELECT entity, n, total_int(us), max(CASE rank WHEN (50 * n + 99) / 100 THEN published END),
         max(CASE rank WHEN (90 * n + 99) / 100 THEN published END) FROM ranked GROUP BY entity"""

PAYMENTS = f"""SELECT {{by}}, total_int(sign * (base IS NOT NULL)),
    total_int(CASE kind WHEN 'payment' THEN sign * base ELSE -sign * base END),
    total_int(sign * (kind <> 'payment' AND base IS NOT NULL)), total_int(CASE WHEN kind <> 'payment' THEN sign * base END),
    {MARK.format(of="1")}
  FROM income WHERE at >= :start AND at < :stop AND {{by}} IS NOT NULL GROUP BY {{by}}"""

CSAT = f"""SELECT {{by}}, count(*), total_int(score >= scale - {MICRO}), total_int(score) FROM feedback_fact
  WHERE answered >= :start AND answered < :stop AND {{by}} IS NOT NULL
    AND kind = 'csat' AND score BETWEEN 0 AND scale GROUP BY {{by}}"""

NPS = f"""SELECT {{by}}, count(*), total_int(score >= 9 * {MICRO}), total_int(score <= 6 * {MICRO}) FROM feedback_fact
  WHERE answered >= :start AND answered < :stop AND {{by}} IS NOT NULL
    AND kind = 'nps' AND scale = 10 * {MICRO} AND score BETWEEN 0 AND scale GROUP BY {{by}}"""

OPEN = """SELECT {by}, count(*), total_int(open_base), total_int(share(open_base, probability)), max(open_mark) FROM deal_fact
  WHERE created <= :as_of AND (closing IS NULL OR closing > :as_of) AND {by} IS NOT NULL GROUP BY {by}"""

WAITING = """SELECT {by}, count(*), min(created) FROM lead_fact
  WHERE created <= :as_of AND (waits_until IS NULL OR waits_until > :as_of) AND {by} IS NOT NULL GROUP BY {by}"""

CUSTOMER_DEALS = """SELECT {by}, count(*), total_int(place = 1) FROM customer_deal
  WHERE closing >= :start AND closing < :stop AND {by} IS NOT NULL GROUP BY {by}"""

PAID_BACK = """SELECT {by}, count(*), total_int(moment <= :as_of) FROM payback_fact
  WHERE closing >= :start AND closing < :stop AND {by} IS NOT NULL GROUP BY {by}"""

CYCLES = """SELECT {by}, count(cycle), total_int(cycle) FROM deal_fact
  WHERE closing >= :start AND closing < :stop AND {by} IS NOT NULL GROUP BY {by}"""


BASE_MAX = 4 * 10**18  # minor units; a larger amount adds nothing, and is counted
MARKS = ("", "rate_old", "rate_missing")


class TotalInt:
    """sum() that never overflows and never turns into a double: the total leaves SQL as text."""

    def __init__(self):
        self.total = 0

    def step(self, value):
        if value is not None:
            self.total += value

    def finalize(self):
        return str(self.total)


class Reached:
    """The least instant by which the amounts make up a cost; NULL if none. Amounts of one instant come together."""

    def __init__(self):
        self.cost, self.at = None, {}

    def step(self, cost, at, amount):
        self.cost = int(cost)
        self.at[at] = self.at.get(at, 0) + (amount or 0)

    def finalize(self):
        total = 0
        for at in sorted(self.at):
            total += self.at[at]
            if total >= self.cost:
                return at
        return None


class Rates:
    """Base units for one unit of a currency, of the latest day on or before a day. Of rates for the same day a
    record's counts before the configuration's, and among records the one that was set last."""

    def __init__(self, path, base, ledger=None):
        self.base = base
        self.days, self.values = {}, {}
        found = {}
        if path:
            with open(path, encoding="utf-8", newline="") as stream:
                for row in csv.DictReader(stream):
                    found.setdefault(row["currency"], {})[row["day"]] = parse_micro_exact(row["rate"])
        claims = []
        for key, record in ledger.records["rate"].items() if ledger else ():
            values = {name: value for name, (_, value) in record.fields.items()}
            if record.exists[1] and all(values.get(name) is not None for name in ("currency", "day", "rate")):
                claims.append((record.fields["rate"][0], key.encode(), values))
        for _, _, values in sorted(claims, key=lambda claim: claim[:2]):
            found.setdefault(values["currency"], {})[values["day"]] = values["rate"]
        for currency, by_day in found.items():
            self.days[currency] = sorted(by_day)
            self.values[currency] = [by_day[day] for day in self.days[currency]]

    def on(self, currency, day):
        """(numerator, denominator, age in days), or None."""
        if currency == self.base:
            return 1, 1, 0
        at = bisect_right(self.days.get(currency, []), day.isoformat())
        if not at:
            return None
        return *self.values[currency][at - 1], (day - date.fromisoformat(self.days[currency][at - 1])).days


def parse_micro_exact(text):
    """A rate as numerator and denominator: it may have more than 6 decimals."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction), 10 ** len(fraction)


class Oracle:
    def __init__(
        self,
        ledger,
        calendar,
        base="USD",
        rates=None,
        company="all",
        stage_probabilities=None,
        organisation=None,
        rate_age_max=0,
        books=None,
    ):
        """books: (whether the mode is book, the instant of the lock or None), or None: all is restated."""
        self.calendar, self.base, self.company = calendar, base, company
        self.rates = rates or Rates(None, base)
        self.decimals = DECIMALS[base]
        self.stage_probabilities = stage_probabilities or {}
        self.lock = books[1] if books else None
        self.organisation = organisation or Organisation(ledger, calendar)
        self.rate_age_max = rate_age_max
        self.plan = None  # targets, own KPIs and the like: a Plan
        self.db = sqlite3.connect(":memory:")
        self.db.create_function("seat", 4, self.organisation.seat)
        self.db.create_function("mark", 3, self._mark)
        self.db.create_function("money", 3, self._money)
        self.db.create_function("stage_probability", 1, lambda stage: self.stage_probabilities.get(stage, 0))
        self.db.create_function("share", 2, lambda base, p: None if base is None else half_even(base * p, MICRO))
        self.db.create_function("bucket", 1, lambda us: bucket(half_even(us, MICRO)))
        self.db.create_aggregate("total_int", 1, TotalInt)
        self.db.create_aggregate("reached", 3, Reached)
        self.db.executescript(SCHEMA)
        self._fill(ledger)
        self._run(FACTS + CUSTOMERS + TABLES)
        if books:
            Books(self, ledger, *books).fill()
        else:
            self._run(RESTATED)
        self._run(INDEXES)

    def _run(self, statements):
        for statement in statements.split(";\n"):
            self.db.execute(statement, {"company": self.company} if ":company" in statement else {})

    def _money(self, micro, currency, at):
        """Minor units of the base currency at the rate of the local day of `at`; None without amount, rate or time."""
        if micro is None or at is None:
            return None
        currency = currency or self.base
        rate = self.rates.on(currency, self.calendar.day_of(at))
        if rate is None:
            return None
        decimals = DECIMALS[currency]
        minor = half_even(micro * 10**decimals, MICRO)
        base = half_even(minor * 10**self.decimals * rate[0], 10**decimals * rate[1])
        return base if abs(base) <= BASE_MAX else None

    def _mark(self, micro, currency, at):
        """2: the amount has no rate, 1: an old one."""
        if micro is None or at is None:
            return 0
        rate = self.rates.on(currency or self.base, self.calendar.day_of(at))
        if rate is None:
            return 2
        return int(0 < self.rate_age_max < rate[2] and self._money(micro, currency, at) is not None)

    def _fill(self, ledger):
        def seats(values):
            return tuple(values.get(name) for name in ("manager_id", "team_id", "product", "region", "source"))

        def insert(table, rows):
            rows = list(rows)
            if rows:
                self.db.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)

        insert(
            "lead",
            (
                (
                    key,
                    *seats(v),
                    v.get("customer_id"),
                    v.get("cost"),
                    v.get("currency"),
                    v.get("created_at"),
                    v.get("first_contact_at"),
                    closing,
                )
                for key, v, closing in ledger.standing("lead")
            ),
        )
        insert(
            "deal",
            (
                (
                    key,
                    *seats(v),
                    v.get("customer_id"),
                    v.get("lead_id"),
                    v.get("stage"),
                    v.get("created_at"),
                    closing,
                    v.get("amount"),
                    v.get("currency"),
                    v.get("quantity"),
                    v.get("probability"),
                    v.get("loss_reason"),
                    v.get("competitor"),
                )
                for key, v, closing in ledger.standing("deal")
            ),
        )
        insert(
            "payment",
            (
                (
                    key,
                    *seats(v),
                    v.get("customer_id"),
                    v.get("deal_id"),
                    v.get("kind"),
                    v.get("amount"),
                    v.get("currency"),
                    v.get("margin"),
                    v.get("paid_at"),
                )
                for key, v, _ in ledger.standing("payment")
            ),
        )
        insert(
            "feedback",
            (
                (key, *seats(v), v.get("deal_id"), v.get("kind"), v.get("score"), v.get("scale"), v.get("answered_at"))
                for key, v, _ in ledger.standing("feedback")
            ),
        )

    def _rows(self, sql, by, period, as_of, time=":as_of", **names):
        """{entity: integers} of a SELECT. `time`: when what it counts happens, and so in which team; else now."""
        given = {"start": period[0], "stop": period[1], "as_of": as_of}
        if by == "team" and self.organisation.rows:
            by = f"seat(team, manager, {time}, :as_of)"
        return {
            row[0]: [None if v is None else int(v) for v in row[1:]]
            for row in self.db.execute(sql.format(by=by, **names), given)
        }

    def values(self, by, window, period, as_of):
        """{(entity, kpi): (text, n)} of a window, or of its previous period."""
        found = {}
        of_deal = by in ("loss_reason", "competitor")  # a deal's own: nothing else is counted by them

        def put(entity, kpi, text, n, mark=0):
            found[entity, kpi] = (text, n, MARKS[mark or 0])

        def put_sum(entity, kpi, value, text, n, mark=0):
            if value:
                put(entity, kpi, text, n, mark)

        def rows(sql, time, **names):
            return self._rows(sql, by, period, as_of, time, **names).items()

        def money(minor):
            return fixed(minor, self.decimals)

        def ratio(part, whole):
            return fixed(half_even(part * MICRO, whole), 6)

        if by == "loss_reason" and window == "now":
            return found
        if window == "now":
            for entity, (n, pipeline, weighted, mark) in self._rows(OPEN, by, (0, 0), as_of).items():
                put(entity, "open_deals", str(n), n)
                put_sum(entity, "pipeline", pipeline, money(pipeline), n, mark)
                put_sum(entity, "weighted_pipeline", weighted, money(weighted), n, mark)
            for entity, (n, since) in self._rows(WAITING, by, (0, 0), as_of).items() if not of_deal else ():
                put(entity, "leads_waiting", str(n), n)
                put(entity, "leads_waiting_since", instant_text(since), n)
                put(entity, "leads_waiting_oldest", str(half_even(as_of - since, MICRO)), n)
            return found

        leads = dict(rows(LEADS_CREATED, "created")) if not of_deal else {}
        closed = dict(rows(CLOSED, "placed"))
        for entity, (n, converted, cost, mark) in leads.items():
            put(entity, "leads_created", str(n), n)
            put(entity, "conversion_cohort", ratio(converted, n), n)
            put_sum(entity, "lead_cost", cost, money(cost), n, mark)
            put(entity, "conversion", ratio(closed.get(entity, [0])[0], n), n)
        for entity, (won, volume, priced, units, lost, lost_volume, mark, lost_mark) in closed.items():
            put_sum(entity, "deals_won", won, str(won), won)
            put_sum(entity, "sales_volume", volume, money(volume), won, mark)
            put_sum(entity, "units", units, shortest(units), won)
            put_sum(entity, "deals_lost", lost, str(lost), lost)
            put_sum(entity, "lost_volume", lost_volume, money(lost_volume), lost, lost_mark)
            if priced > 0:
                put(entity, "average_check", money(half_even(volume, priced)), priced, mark)
            if won + lost > 0:
                put(entity, "win_rate", ratio(won, won + lost), won + lost)
        if by == "loss_reason":
            return found
        for entity, (n, won) in rows(DEALS_CREATED, "created"):
            put(entity, "deals_created", str(n), n)
            put(entity, "win_rate_cohort", ratio(won, n), n)
        for kpi, table, at, value in (
            ("cycle_time", "deal_fact", "closing", "cycle"),
            ("response_time", "lead_fact", "first_contact", "response"),
            ("payback", "payback_fact", "moment", "payback"),
        ):
            if of_deal and kpi != "cycle_time":
                continue
            for entity, (n, us, p50, p90) in rows(TIMES, at, table=table, at=at, value=value):
                if kpi != "payback":
                    put(entity, f"{kpi}_mean", str(half_even(us, n * MICRO)), n)
                put(entity, f"{kpi}_p50", str(p50), n)
                put(entity, f"{kpi}_p90", str(p90), n)
        for entity, (n, first) in rows(CUSTOMER_DEALS, "closing"):
            put(entity, "repeat_rate", ratio(n - first, n), n)
            if first and not of_deal:
                cost, mark = leads.get(entity, [0, 0, 0, 0])[2:]
                put(entity, "new_customers", str(first), first)
                put(entity, "cac", money(half_even(cost, first)), first, mark)
        if of_deal:
            return found
        for entity, (n, paid_back) in rows(PAID_BACK, "closing"):
            put(entity, "payback_share", ratio(paid_back, n), n)
        for entity, (n, revenue, n_back, back, mark) in rows(PAYMENTS, "placed"):
            put_sum(entity, "revenue", revenue, money(revenue), n, mark)
            put_sum(entity, "refunds", back, money(back), n_back, mark)
            put_sum(entity, "revenue_gross", revenue + back, money(revenue + back), n - n_back, mark)
        for entity, (n, satisfied, total) in rows(CSAT, "answered"):
            put(entity, "csat", ratio(satisfied, n), n)
            put(entity, "csat_mean", fixed(half_even(total * 100, n * MICRO), 2), n)
        for entity, (n, promoters, detractors) in rows(NPS, "answered"):
            put(entity, "nps", fixed(half_even((promoters - detractors) * 1000, n), 1), n)
        return found

    def velocity(self, by, period, as_of):
        """{(entity, "velocity"): (text, n)}: open deals x win rate x average check / mean cycle in days."""
        found = {}
        open_deals = self._rows(OPEN, by, (0, 0), as_of)
        if by == "loss_reason":
            return found
        cycles = self._rows(CYCLES, by, period, as_of, "closing")
        for entity, (won, volume, priced, _, lost, _, mark, _) in self._rows(CLOSED, by, period, as_of, "placed").items():
            measured, us = cycles.get(entity, [0, 0])
            if priced > 0 and won + lost > 0 and us > 0:
                a_day = open_deals.get(entity, [0])[0] * won * volume * measured * 86_400 * MICRO
                minor = half_even(a_day, (won + lost) * priced * us)
                found[entity, "velocity"] = (fixed(minor, self.decimals), won, MARKS[mark or 0])
        return found

    def growth(self, by, period, previous, as_of):
        """{(entity, "sales_growth"): (text, n, mark)} against the previous period."""
        found = {}
        now = self._rows(CLOSED, by, period, as_of, "placed")
        for entity, (_, before, *_) in self._rows(CLOSED, by, previous, as_of, "placed").items():
            if before > 0:
                won, volume, *_, mark, _ = now.get(entity, [0] * 8)
                growth = fixed(half_even((volume - before) * MICRO, before), 6)
                found[entity, "sales_growth"] = (growth, won, MARKS[mark or 0])
        return found

    def lines(self, windows, as_of):
        """Output lines of one instant, sorted."""
        out = []
        for by in DIMENSIONS:
            for window in windows:
                periods = bounds(self.calendar, window, as_of)
                current, previous = periods if periods else (None, None)
                now = self.values(by, window, current, as_of)
                before = self.values(by, window, previous, as_of) if previous else {}
                if window != "now":
                    now.update(self.velocity(by, current, as_of))
                if previous:
                    now.update(self.growth(by, current, previous, as_of))
                if self.plan and current:
                    now.update(self.plan.kpis(by, current, as_of))
                    now.update(self.plan.lines(by, window, current, as_of))
                if self.plan and previous:
                    before.update(self.plan.kpis(by, previous, as_of))
                for entity, kpi in now.keys() | before.keys():
                    line = {
                        "as_of": instant_text(as_of),
                        "dimension": by,
                        "entity": entity,
                        "window": window,
                        "kpi": kpi,
                    }
                    if (entity, kpi) in now:
                        line["value"], n, mark = now[entity, kpi]
                        if n is not None:
                            line["n"] = n
                        if mark:
                            line["mark"] = mark
                        if "." not in kpi and current and self.lock is not None and current[1] > self.lock:
                            line["provisional"] = True
                    if (entity, kpi) in before:
                        line["prev"] = before[entity, kpi][0]
                    out.append(line)
        out.sort(key=lambda l: [l[k].encode() for k in ("dimension", "entity", "window", "kpi")])
        return [json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in out]


def instant_text(us):
    """RFC 3339 with milliseconds only where there are any."""
    when = datetime(1970, 1, 1) + timedelta(microseconds=us)
    ms = when.microsecond // 1000
    return when.strftime("%Y-%m-%dT%H:%M:%S") + (f".{ms:03d}" if ms else "") + "Z"


def read(ledger, decoder, kind, path, report):
    """Applies a file; returns the numbers of lines and of dead letters."""
    count = dead = 0
    with open(path, "rb") as stream:
        for line in stream.read().split(b"\n"):
            if not line.strip():
                continue
            count += 1
            try:
                ledger.apply(kind, decoder.decode(kind, line))
            except Bad as reason:
                dead += 1
                report(f"{path}: {reason}: {line[:200]!r}")
    return count, dead


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name in ("leads", "deals", "payments", "feedback", "rates", "members", "targets"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--as-of", action="append", default=[])
    parser.add_argument("--zone", default="UTC")
    parser.add_argument("--week-start", default="monday")
    parser.add_argument("--fiscal-year-start", type=int, default=1)
    parser.add_argument("--base-currency", default="USD")
    parser.add_argument("--rates-csv")
    parser.add_argument("--organisation")
    parser.add_argument("--teams", choices=("as_was", "as_is"), default="as_was")
    parser.add_argument("--credit", choices=("current", "at_close"), default="current")
    parser.add_argument("--corrections", choices=("restate", "book"), default="restate")
    parser.add_argument("--lock")
    parser.add_argument("--rate-age-max", type=int, default=0)
    parser.add_argument("--plan", help="JSON with the sections calendars, teams, targets, kpis, strengths, series")
    parser.add_argument("--strengths", action="store_true")
    parser.add_argument("--intervals", action="store_true")
    parser.add_argument("--series", action="store_true", help='print {"key":…,"value":…} of each series instead')
    parser.add_argument("--windows", default=DEFAULT_WINDOWS)
    parser.add_argument("--company", default="all")
    parser.add_argument("--stage-probability", action="append", default=[])
    parser.add_argument("--verbose", action="store_true", help="print each dead letter on standard error")
    arguments = parser.parse_args(argv)

    calendar = Calendar(arguments.zone, arguments.week_start, arguments.fiscal_year_start)
    decoder = Decoder(calendar, arguments.base_currency)
    lock = calendar.start(date.fromisoformat(arguments.lock)) if arguments.lock else None
    books = (arguments.corrections == "book", lock) if arguments.corrections == "book" or arguments.lock else None
    ledger = Ledger(arguments.credit == "at_close", books is not None)
    report = (lambda text: print(text, file=sys.stderr)) if arguments.verbose else (lambda text: None)
    count = dead = 0
    for kind, files in (
        ("lead", arguments.leads),
        ("deal", arguments.deals),
        ("payment", arguments.payments),
        ("feedback", arguments.feedback),
        ("rate", arguments.rates),
        ("member", arguments.members),
        ("target", arguments.targets),
    ):
        for path in files:
            more, worse = read(ledger, decoder, kind, path, report)
            count, dead = count + more, dead + worse

    stages = {}
    for pair in arguments.stage_probability:
        stage, _, value = pair.rpartition("=")
        stages[stage] = parse_micro(value)
    oracle = Oracle(
        ledger,
        calendar,
        arguments.base_currency,
        Rates(arguments.rates_csv, arguments.base_currency, ledger),
        arguments.company,
        stages,
        Organisation(
            ledger,
            calendar,
            json.load(open(arguments.organisation, encoding="utf-8")) if arguments.organisation else (),
            arguments.teams == "as_is",
        ),
        arguments.rate_age_max,
        books,
    )
    instants = [parse_time(text, calendar) // 1000 * 1000 for text in arguments.as_of]
    if not instants and ledger.latest is not None:
        instants = [-(-ledger.latest // 1000) * 1000]
    windows = [name for name in re.split(r"[,\s]+", arguments.windows) if name]
    if arguments.plan:
        with open(arguments.plan, encoding="utf-8") as stream:
            given = json.load(stream)
        shows = [name for name in ("strengths", "intervals") if getattr(arguments, name)]
        oracle.plan = Plan(oracle, ledger, given, shows)
    for as_of in sorted(set(instants)):
        if arguments.series:
            found = oracle.plan.series(as_of)
            lines = [json.dumps({"key": k, "value": found[k]}, ensure_ascii=False) for k in sorted(found)]
        else:
            lines = oracle.lines(windows, as_of)
        for line in lines:
            sys.stdout.write(line + "\n")
    print(
        f"read={count} applied={ledger.applied} duplicate={ledger.duplicate} superseded={ledger.superseded} "
        f"dead_lettered={dead} filtered=0 ties={ledger.ties}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
