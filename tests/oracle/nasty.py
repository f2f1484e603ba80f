#!/usr/bin/env python3
"""nasty - events that no sales floor would send: the edges of the contract, at random from a seed.

    nasty.py SEED RECORDS OUT_DIRECTORY [INSTANT…]

`kpid simulate` is believable, so it seldom meets an edge. Here times lie on period and step boundaries and a
microsecond beside them, fields come and go one at a time, records are deleted and return, closing lies before
creation or ahead of now, amounts have too many decimals or no rate, names need escapes, and one message in
twelve is bad. The times gather around the given instants. Within a record no two different events have
the same occurred_at and version, since what then stands is decided by a hash that the contract leaves open; nor have two
records of a kind in which one counts instead of another.
"""

import json
import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

SECOND, MINUTE, HOUR, DAY = 10**6, 60 * 10**6, 3600 * 10**6, 86400 * 10**6
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
LIMIT = 7_258_118_400_000_000  # 2200-01-01
MANAGERS = ["Ann", "ann", "Bob Stone", "Zoë Müller", "Иван Петров", "a:b/c", "{curly}", "😀", "x" * 256]
MANAGERS.append('Quo"te\\back')
TEAMS = ["North", "South", "Ζ"]
PRODUCTS = ["GTX Pro", "GTX Basic", "MG", "0", "null"]
REGIONS = ["West", "East", "Центр"]
SOURCES = ["web", "fair", "call"]
STAGES = ["won", "lost", "won", "lost", "talk", "offer", "Won", "LOST", "open"]
CURRENCIES = ["USD", "EUR", "EUR", "JPY", "KWD", "CHF", "GBP"]
AMOUNTS = [
    "0",
    "0.005",
    "0.015",
    "0.025",
    "1",
    "2.675",
    "99.995",
    "1250.5",
    "1e3",
    "1.5E+2",
    "12345e-3",
    "0.0000005",
    "0.00000050001",
    "1000000",
    "33.333333333333",
    "7.0000001",
    "250",
    "250.00",
]
# Whole lines that are no event, and members that make one of an event that is otherwise good.
BAD = [
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"{}",
    b"nonsense",
    b'{"x":1}',
    b'{"%s_id":"1"}',
    b'{"%s_id":"\xff\xfe","occurred_at":0}',
    b'{"%s_id":null,"occurred_at":1700000000000}',
    b'{"%s_id":"1","occurred_at":1700000000000} trailing',
    b'{"%s_id":"1","occurred_at":1700000000000,}',
    b'{"%s_id":"1","occurred_at":1700000000000,"x":' + b"[" * 99 + b"]" * 99 + b"}",
    b'{"%s_id":"1","occurred_at":1700000000000,"occurred_at":1700000000000}',
]
BAD_OCCURRED = [
    b'"yesterday"',
    b"NaN",
    b"1e400",
    b'"9999-01-01T00:00:00Z"',
    b'"2024-01-01T00:00:00"',
    b'"2023-02-30"',
    b"-1",
    b"true",
]
BAD_MEMBERS = [
    b'"region":7',
    b'"region":""',
    b'"region":"a\\u0001b"',
    b'"region":"\\ud800"',
    b'"region":"' + b"x" * 257 + b'"',
    b'"deleted":"yes"',
    b'"version":"x"',
    b'"version":1.5',
    b'"kafka_timestamp":1699999699999',
]
BAD_OF = {
    "lead": [b'"cost":-1', b'"created_at":"2200-01-01T00:00:00Z"', b'"currency":"ABC"', b'"status":"won"'],
    "deal": [
        b'"amount":1e400',
        b'"amount":"12x"',
        b'"amount":"100000000000.01"',
        b'"quantity":"-1"',
        b'"probability":1.1',
        b'"closed_at":"1969-12-31T23:59:59Z"',
        b'"currency":"ABC"',
        b'"amount":true',
        b'"amount":"1","amount":"1"',
    ],
    "payment": [b'"amount":-0.01', b'"kind":"gift"', b'"paid_at":"2024-13-01"', b'"margin":-0.1', b'"margin":"1.000001"'],
    "feedback": [
        b'"kind":"csat","score":6,"scale":5',
        b'"kind":"nps","score":-1,"scale":10',
        b'"kind":"poll"',
        b'"score":"high"',
    ],
}


class World:
    steps = (1, 1, 2, 3, 3, 5, 8)  # events of a record, each as likely
    deletions = 0.07
    competing = ()  # kinds of which one record counts instead of another by its stamp

    def __init__(self, seed, instants, zone="UTC"):
        self.random = random.Random(seed)
        self.taken = {kind: set() for kind in self.competing}
        self.instants = instants
        self.zone = ZoneInfo(zone)

    def time(self):
        """An instant near one of those asked for, on a boundary, or far away."""
        r = self.random
        near = r.choice(self.instants)
        kind = r.randrange(8)
        if kind == 0:  # at the instant, or beside it
            us = near + r.choice((-1, 0, 1, 1000, -1000))
        elif kind == 1:  # on a step of a rolling window
            step = r.choice((SECOND, 10 * SECOND, MINUTE, 15 * MINUTE))
            us = (
                near
                - near % step
                + step
                - r.choice((MINUTE, 5 * MINUTE, HOUR, DAY, 7 * DAY)) * r.choice((1, 2))
                + r.choice((-1, 0, 1))
            )
        elif kind == 2:  # on a local midnight
            local = (
                (EPOCH + timedelta(microseconds=near))
                .astimezone(self.zone)
                .replace(hour=0, minute=0, second=0, microsecond=0)
            )
            day = r.choice(
                (
                    local,
                    local.replace(day=1),
                    local.replace(month=1, day=1),
                    local - timedelta(days=1),
                    local - timedelta(days=local.weekday()),
                    local - timedelta(days=local.weekday() + 7),
                )
            )
            us = (day - EPOCH) // timedelta(microseconds=1) + r.choice((-1, 0, 0, 1))
        elif kind == 3:  # ahead
            us = near + r.randrange(30 * DAY)
        else:
            us = near - r.randrange(
                r.choice((MINUTE, 10 * MINUTE, HOUR, 2 * DAY, 14 * DAY, 70 * DAY, 400 * DAY, 800 * DAY))
            )
        return min(max(us, 0), LIMIT - 1)

    def write_time(self, us, exact=True):
        r = self.random
        whole, micro = divmod(us, SECOND)
        form = r.randrange(4)
        if us % 1000 == 0 and form == 0:
            return us // 1000
        when = EPOCH + timedelta(seconds=whole)
        if form == 1 and HOUR * 14 < us < LIMIT - HOUR * 14:
            when = when.astimezone(timezone(timedelta(minutes=15 * r.randrange(-47, 56))))
        text = when.replace(microsecond=0).isoformat()
        text, zone = (text[:-6], text[-6:])
        if zone == "+00:00" and r.random() < 0.8:
            zone = "Z"
        fraction = f".{micro:06d}" if micro or r.random() < 0.1 else ""
        if fraction and r.random() < 0.3:
            fraction += str(r.randrange(10**4))  # cut off
        return text + fraction + zone

    def business_time(self):
        r = self.random
        if r.random() < 0.2:
            return (EPOCH + timedelta(microseconds=max(self.time(), 2 * DAY))).strftime("%Y-%m-%d")
        return self.write_time(self.time())

    def decimal(self, text):
        """As a JSON number or as a string."""
        return text if self.random.random() < 0.5 else RawNumber(text)

    def amount(self, negative=False):
        r = self.random
        text = (
            r.choice(AMOUNTS)
            if r.random() < 0.5
            else f"{r.randrange(10**r.randrange(1, 9))}.{r.randrange(1000):0{r.choice((2, 3, 4))}d}"
        )
        return self.decimal(("-" if negative and r.random() < 0.15 else "") + text)

    def fields(self, kind, keys):
        """Every field of a record kind with a value."""
        r = self.random
        found = {
            "manager_id": r.choice(MANAGERS),
            "team_id": r.choice(TEAMS),
            "product": r.choice(PRODUCTS),
            "region": r.choice(REGIONS),
            "source": r.choice(SOURCES),
            "customer_id": f"c{r.randrange(20)}",
        }
        if kind == "lead":
            found.update(
                status=r.choice(("new", "contacted", "qualified", "converted", "lost")),
                cost=self.amount(),
                currency=r.choice(CURRENCIES),
                created_at=self.business_time(),
                first_contact_at=self.business_time(),
                closed_at=self.business_time(),
            )
        elif kind == "deal":
            found.update(
                stage=r.choice(STAGES),
                amount=self.amount(True),
                currency=r.choice(CURRENCIES),
                quantity=self.decimal(r.choice(("0", "1", "2.5", "0.000001", "0.0000005", "1e2", "12"))),
                lead_id=r.choice(keys["lead"]),
                loss_reason="price",
                competitor="Other",
                probability=self.decimal(r.choice(("0", "1", "0.5", "0.333333", "0.3333335", "0.05", "1.0"))),
                created_at=self.business_time(),
                closed_at=self.business_time(),
                expected_close_at=self.business_time(),
            )
        elif kind == "payment":
            found.update(
                kind=r.choice(("payment", "payment", "refund", "chargeback")),
                amount=self.amount(),
                currency=r.choice(CURRENCIES),
                margin=self.decimal(r.choice(("0.4", "1", "0", "0.125", "1.0000004", "0.3333335", "2e-7"))),
                deal_id=r.choice(keys["deal"]),
                paid_at=self.business_time(),
            )
        else:
            form = r.choice(("csat", "nps"))
            score = r.choice(("0", "1", "3", "4", "4.0", "5", "6", "7", "9", "10", "2.5", "8.999999"))
            scale = r.choice(("5", "10", "10", "100", "3"))
            found.update(
                kind=form,
                score=self.decimal(score),
                scale=self.decimal(scale if float(scale) >= float(score) else "10"),
                deal_id=r.choice(keys["deal"]),
                answered_at=self.business_time(),
            )
        return found

    def record(self, kind, key, keys):
        """The events of one record, in the order in which they should have come."""
        r = self.random
        taken, out = self.taken.get(kind, set()), []
        for step in range(r.choice(self.steps)):
            full = self.fields(kind, keys)
            share = r.choice((0.15, 0.5, 0.9, 1.0)) if step else r.choice((0.6, 0.9, 1.0))
            event = {name: (None if r.random() < 0.06 else value) for name, value in full.items() if r.random() < share}
            occurred, version = self.time(), r.choice((0, 0, 0, 1, 2, 7))
            occurred = max(occurred, 400 * DAY)
            if out and r.random() < 0.2:
                occurred = out[-1][0]
            by_kafka = r.random() < 0.15  # the Kafka time stamp stands in for occurred_at
            if by_kafka:
                occurred -= occurred % 1000
            while (occurred, version) in taken:
                occurred += 1000
            taken.add((occurred, version))
            event[f"{kind}_id"] = key
            if not by_kafka:
                event["occurred_at"] = self.write_time(occurred)
            if by_kafka:
                event["kafka_timestamp"] = occurred // 1000
            elif r.random() < 0.5:
                event["kafka_timestamp"] = max(0, -(-occurred // 1000) + r.choice((0, 5, -300_000, 10**6)))
            if version or r.random() < 0.1:
                event["version"] = version
            if r.random() < 0.5:
                event["event_id"] = f"{kind}-{key}-{step}"
            if r.random() < self.deletions:
                event["deleted"] = r.choice((True, True, False, None))
            if r.random() < 0.03:
                event = {f"{kind}_id": key, "occurred_at": self.write_time(occurred), "version": version}
            event["x"] = [{"deep": [1, 2.5e10]}]  # a field that kpid does not know
            names = list(event)
            r.shuffle(names)
            out.append((occurred, self.encode({name: event[name] for name in names})))
        return [line for _, line in out]

    def encode(self, event):
        ascii_only = self.random.random() < 0.5
        comma, colon = self.random.choice(((",", ":"), (", ", " : ")))

        def member(value):
            return value if isinstance(value, RawNumber) else json.dumps(value, ensure_ascii=ascii_only)

        return ("{" + comma.join(json.dumps(k) + colon + member(v) for k, v in event.items()) + "}").encode()

    def bad(self, kind):
        """A line that is a dead letter."""
        r = self.random
        form, occurred, member = r.randrange(3), b"1700000000000", b'"x":1'
        if form == 0:
            return r.choice(BAD).replace(b"%s", kind.encode())
        if form == 1:
            occurred = r.choice(BAD_OCCURRED)
        else:
            member = r.choice(BAD_MEMBERS + BAD_OF[kind])
        return b'{"%s_id":"bad","occurred_at":%s,%s}' % (kind.encode(), occurred, member)

    def generate(self, records):
        """{kind: lines} in a random order, with repeats and bad messages."""
        counts = {
            "lead": records * 3 // 10,
            "deal": records * 4 // 10,
            "payment": records * 2 // 10,
            "feedback": records // 10,
        }
        keys = {kind: [f"{kind[0]}{k}" for k in range(max(1, count))] for kind, count in counts.items()}
        links = {kind: names + ["nowhere"] for kind, names in keys.items()}
        return {
            kind: self.arrival(kind, [line for key in names for line in self.record(kind, key, links)])
            for kind, names in keys.items()
        }

    def arrival(self, kind, lines):
        """The lines of a kind as they come: in any order, some again, and bad ones between them."""
        lines = lines + self.random.sample(lines, len(lines) // 5)
        lines += [self.bad(kind) for _ in range(len(lines) // 12)]
        self.random.shuffle(lines)
        return lines


class RawNumber(str):
    """A JSON number, to be written as it stands."""


KINDS = ("lead", "deal", "payment", "feedback", "rate", "member", "target")
FILES = {kind: kind if kind == "feedback" else f"{kind}s" for kind in KINDS}


def write(seed, records, directory, instants, zone="UTC", world=World):
    """Writes leads.ndjson and the others; returns {kind: path}."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = {}
    for kind, lines in world(seed, instants, zone).generate(records).items():
        paths[FILES[kind]] = directory / f"{FILES[kind]}.ndjson"
        paths[FILES[kind]].write_bytes(b"".join(line + b"\n" for line in lines))
    return paths


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    given = sys.argv[4:] or ["2024-03-31T12:00:00+00:00"]
    at = [(datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // timedelta(microseconds=1) for text in given]
    write(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], at)
