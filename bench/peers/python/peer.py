#!/usr/bin/python3
"""peer.py - the program that a Python developer would write: confluent-kafka, dicts of what stands, redis-py. What a record
added is taken back and added anew; changed entities go to Redis once a second.

    peer.py BROKERS REDIS EVENTS

Prints when its work began and when all events were published, then stays until its standard input ends.
"""

import heapq
import itertools
import json
import sys
import time
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

TOPICS = ("leads", "deals", "payments", "feedback")
KEYS = {"leads": "lead_id", "deals": "deal_id"}  # none of the KPIs is of payments or feedback
SEATS = ("manager_id", "team_id", "product", "region", "source")
DIMENSIONS = ("manager", "team", "product", "region", "source", "company")
FIELDS = frozenset(SEATS + ("lead_id", "stage", "amount", "created_at", "closed_at"))
ENDS = ("won", "lost")
NOW = -1  # in place of a day: what stands now
LEADS, WON, VALUED, SALES, LOST, CYCLES, CYCLES_US, OPEN, PIPELINE = range(9)
DAY_US = 86400 * 10**6
EPOCH = date(1970, 1, 1).toordinal()
PREFIX = "kpid:{default}:"
PUBLISH_S = 1.0
CENT, MICRO = Decimal("0.01"), Decimal("0.000001")


def micros(value):
    """RFC 3339, a date, or milliseconds."""
    if isinstance(value, int):
        return value * 1000
    if len(value) == 10:
        return (date.fromisoformat(value).toordinal() - EPOCH) * DAY_US
    when = datetime.fromisoformat(value)
    return int(when.replace(microsecond=0).timestamp()) * 10**6 + when.microsecond


def cents(value):
    amount = Decimal(value).quantize(MICRO, ROUND_HALF_EVEN)
    return int(amount.quantize(CENT, ROUND_HALF_EVEN).scaleb(2))


class Row:
    """What stands of a record: for each field the value that was set last, by the time of the change."""

    __slots__ = ("fields", "exists", "deleted", "stages", "lead_id", "deals", "fact")

    def __init__(self):
        self.fields = {}  # name -> (stamp, value)
        self.exists = ((0, 0), False)
        self.deleted = (0, 0)
        self.stages = {}  # stamp -> stage
        self.lead_id = None
        self.deals = set()
        self.fact = None

    def apply(self, stamp, event):
        """True if anything of it was news; None is a deletion."""
        if stamp < self.deleted:
            return False
        news = stamp > self.exists[0]
        if news:
            self.exists = (stamp, event is not None)
        if event is None:
            self.deleted = stamp
            self.fields = {name: field for name, field in self.fields.items() if field[0] >= stamp}
            self.stages = {at: stage for at, stage in self.stages.items() if at >= stamp}
            return True
        fields = self.fields
        for name, value in event.items():
            if name in FIELDS and (name not in fields or fields[name][0] < stamp):
                if value is not None and (name == "amount" or name.endswith("_at")):
                    value = cents(value) if name == "amount" else micros(value)
                fields[name] = (stamp, value)
                news = True
        if "stage" in event and stamp not in self.stages:
            self.stages[stamp] = event["stage"]
            news = True
        return news

    def get(self, name):
        return self.fields.get(name, (None, None))[1]

    def closed_us(self):
        """closed_at, unless it is from before a reopening; else when the stage began that it ended in."""
        stage = self.get("stage")
        if stage not in ENDS:
            return None
        open_stamp = max((at for at, name in self.stages.items() if name not in ENDS), default=(0, 0))
        closed_stamp, closed = self.fields.get("closed_at", (None, None))
        if closed is not None and closed_stamp >= open_stamp:
            return closed
        other = max((at for at, name in self.stages.items() if name != stage), default=(0, 0))
        return min(at[0] for at, name in self.stages.items() if name == stage and at > other)


def entities(row, above):
    """A deal takes what it does not name from its lead, but the team only if it names no manager."""
    found = [row.get(name) for name in SEATS]
    if above is not None:
        owned = found[0] is not None
        for i, name in enumerate(SEATS):
            if found[i] is None and not (owned and name == "team_id"):
                found[i] = above.get(name)
    return (*found, "all")


def fact_of(row, is_lead, above, now_us=0):
    """(entities, day, ((sum, how much)…)) that it adds, or None. A deal that closes ahead of now is open until then."""
    created = row.get("created_at")
    if not row.exists[1]:
        return None
    if is_lead:
        return created is not None and (entities(row, None), created // DAY_US, ((LEADS, 1),)) or None
    stage, amount, closed = row.get("stage"), row.get("amount"), row.closed_us()
    if above is not None and not above.exists[1]:
        above = None
    if closed is None or closed > now_us:
        sums = ((OPEN, 1), (PIPELINE, amount or 0))
        return (entities(row, above), NOW, sums) if created is not None else None
    if stage == "lost":
        return entities(row, above), closed // DAY_US, ((LOST, 1),)
    sums = ((WON, 1),) if amount is None else ((WON, 1), (VALUED, 1), (SALES, amount))
    if created is not None and closed >= created:
        sums += ((CYCLES, 1), (CYCLES_US, closed - created))
    return entities(row, above), closed // DAY_US, sums


class Board:
    """The sums of every entity by days, and their KPIs in Redis, in kpid's keys and text forms."""

    def __init__(self, address):
        host, port = address.split(":")
        self.redis = redis.Redis(host, int(port))
        self.days = {}  # (dimension, entity) -> {day: sums}
        self.changed, self.today = set(), None

    def add(self, fact, sign):
        names, day, sums = fact
        for entity in zip(DIMENSIONS, names):
            if entity[1] is not None:
                own = self.days.setdefault(entity, {})
                total = own.get(day)
                if total is None:
                    total = own[day] = [0] * 9
                for i, amount in sums:
                    total[i] += sign * amount
                self.changed.add(entity)

    def publish(self, read):
        today = datetime.now(timezone.utc).date()
        if today != self.today:
            self.changed.update(self.days)
            self.today = today
        number, quarter = today.toordinal() - EPOCH, today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
        starts = {"today": number, "week": number - today.weekday(), "month": number - today.day + 1,
                  "quarter": quarter.toordinal() - EPOCH, "year": date(today.year, 1, 1).toordinal() - EPOCH, "all": 0}
        pipe = self.redis.pipeline(transaction=True)
        for dimension, entity in self.changed:
            own = self.days[dimension, entity]
            totals = {window: [sum(column) for column in zip([0] * 9, *(s for day, s in own.items() if day >= start))]
                      for window, start in starts.items()}
            for window, total in (*totals.items(), ("now", own.get(NOW, [0] * 9))):
                key = f"{PREFIX}kpi:{dimension}:{window}:{entity}"
                pipe.delete(key)
                fields = kpis(total)
                if fields:
                    pipe.hset(key, mapping=fields)
        pipe.hset(PREFIX + "meta", mapping={"as_of": datetime.now(timezone.utc).isoformat(), "read": read})
        pipe.execute()
        self.changed.clear()


def kpis(s):
    """Counts and sums where they are not 0, ratios where anything is behind them; rounded half to even."""
    out = {name: str(s[i]) for name, i in (("leads_created", LEADS), ("deals_won", WON), ("deals_lost", LOST),
                                           ("open_deals", OPEN)) if s[i]}
    out.update((name, str(Decimal(s[i]).scaleb(-2))) for name, i in (("sales_volume", SALES), ("pipeline", PIPELINE)) if s[i])
    if s[WON] + s[LOST]:
        out["win_rate"] = f"{Decimal(round(Fraction(s[WON] * 10**6, s[WON] + s[LOST]))).scaleb(-6):f}"
    if s[VALUED]:
        out["average_check"] = f"{Decimal(round(Fraction(s[SALES], s[VALUED]))).scaleb(-2):f}"
    if s[CYCLES]:
        out["cycle_time_mean"] = str(round(Fraction(s[CYCLES_US], s[CYCLES] * 10**6)))
    return out


class Ledger:
    def __init__(self, board):
        self.board, self.rows = board, {"leads": {}, "deals": {}}
        self.due, self.number, self.now_us = [], itertools.count(), time.time_ns() // 1000

    def apply(self, message):
        topic, value = message.topic(), message.value()
        name = KEYS.get(topic)
        if name is None:
            return
        event = json.loads(value) if value else {"deleted": True, name: message.key().decode()}
        at = event.get("occurred_at")
        stamp = (micros(at) if at is not None else message.timestamp()[1] * 1000, event.get("version") or 0)
        rows, key = self.rows[topic], event[name]
        row = rows.get(key)
        if row is None:
            row = rows[key] = Row()
        if not row.apply(stamp, None if event.get("deleted") else event):
            return
        if topic == "leads":
            self.recount(row, fact_of(row, True, None))
            for deal in row.deals:
                self.recount_deal(deal, row)
        else:
            self.recount_deal(row, self.lead_of(row))

    def recount_deal(self, deal, lead):
        closed = deal.closed_us()
        if closed is not None and closed > self.now_us:
            heapq.heappush(self.due, (closed, next(self.number), deal))
        self.recount(deal, fact_of(deal, False, lead, self.now_us))

    def publish(self, read):
        self.now_us = time.time_ns() // 1000
        while self.due and self.due[0][0] <= self.now_us:
            deal = heapq.heappop(self.due)[2]
            self.recount_deal(deal, self.lead_of(deal))
        self.board.publish(read)

    def lead_of(self, deal):
        leads, lead_id = self.rows["leads"], deal.get("lead_id")
        if deal.lead_id != lead_id:
            if deal.lead_id is not None:
                leads[deal.lead_id].deals.discard(deal)
            deal.lead_id = lead_id
            if lead_id is not None:
                leads.setdefault(lead_id, Row()).deals.add(deal)
        return leads[lead_id] if lead_id is not None else None

    def recount(self, row, fact):
        if fact != row.fact:
            if row.fact is not None:
                self.board.add(row.fact, -1)
            if fact is not None:
                self.board.add(fact, 1)
            row.fact = fact


def tell(what):
    print(json.dumps({what: int(time.time() * 1000)}), flush=True)


def main():
    brokers, address, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "peer", "enable.auto.commit": False,
                         "queued.min.messages": 1000000, "queued.max.messages.kbytes": 65536, "fetch.wait.max.ms": 10,
                         "check.crcs": True})
    known = consumer.list_topics(timeout=10).topics
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for topic in TOPICS for p in known[topic].partitions])
    ledger = Ledger(Board(address))
    tell("ready")
    read, published = 0, 0.0
    while read < total:
        for message in consumer.consume(5000, 0.1):
            ledger.apply(message)
            read += 1
        if time.monotonic() - published >= PUBLISH_S:
            ledger.publish(read)
            published = time.monotonic()
    ledger.publish(read)
    tell("applied")
    sys.stdin.read()


if __name__ == "__main__":
    main()
