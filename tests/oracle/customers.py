#!/usr/bin/env python3
"""customers - events of customers whose leads, deals and payments are entangled, at random from a seed.

    customers.py SEED RECORDS OUT_DIRECTORY [INSTANT…]

What nasty.py's records do not often do, since they find each other by chance. Here each story is of one to three
customers with a few leads, deals and payments that name each other, themselves or nothing: a lead of one customer
is named by another's deal, a customer_id moves, comes late or goes. A story has few instants, so closings tie and
the deal_id decides, and payments fall on a closing or a microsecond beside it. Costs and payments are of few sums,
so that a sum reaches a cost exactly, lacks a hundredth of it, or is taken below it again by a refund. The first
story is a great one: hundreds of records of the same customers.
"""

import sys
from datetime import datetime, timedelta

from nasty import CURRENCIES, DAY, EPOCH, HOUR, LIMIT, SECOND, World, write

# Bytes decide between closings of one instant, not the alphabet and not the number.
SUFFIXES = ("10", "9", "Z", "a", "é", "😀", "~", " ", "_", "0")
APART = (-400 * DAY, -40 * DAY, -DAY, -HOUR, -SECOND, -1, 0, 0, 0, 1, SECOND, HOUR, DAY, 3 * DAY, 40 * DAY)
COSTS = ("10", "10", "5", "5.005", "2.5", "0.01", "0.005", "0")
PAID = ("10", "5", "5", "2.5", "7.5", "20", "0.01", "9.99", "0.005")
MARGINS = ("1", "0.5", "0.5", "0.25", "0.333333", "0", "0.999", "0.001", "0.0000005")


class Story:
    def __init__(self, world, number, size):
        r = world.random
        self.customers = [f"k{number}{letter}" for letter in "abc"[: r.choice((1, 1, 2, 3))]]
        self.keys = {
            kind: [f"{kind[0]}{number}-{SUFFIXES[k % 10]}{k // 10 or ''}" for k in range(size * r.randrange(least, most))]
            for kind, least, most in (("lead", 1, 5), ("deal", 1, 6), ("payment", 2, 12))
        }
        middle = world.time()
        self.times = [min(max(middle + r.choice(APART), 2 * DAY), LIMIT - 1) for _ in range(r.randrange(2, 7))]


class Customers(World):
    steps = (1, 1, 1, 2, 2, 3, 4)
    deletions = 0.03

    def fields(self, kind, story):
        r = self.random

        def at():
            if r.random() < 0.1:
                return self.business_time()
            us = r.choice(story.times)
            if r.random() < 0.1:
                return (EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%d")
            return self.write_time(us)

        def some(value, share):
            return value if r.random() < share else None

        found = super().fields(kind, {"lead": ["nowhere"], "deal": ["nowhere"]})
        found["customer_id"] = some(r.choice(story.customers), 0.5)
        if "currency" in found:
            found["currency"] = some(r.choice(CURRENCIES), 0.25)
        if kind == "lead":
            found.update(
                cost=self.decimal(r.choice(COSTS)),
                created_at=at(),
                first_contact_at=some(at(), 0.3),
                closed_at=some(at(), 0.4),
                status=some(found["status"], 0.8),
            )
        elif kind == "deal":
            found.update(
                stage=r.choice(("won", "won", "won", "won", "lost", "talk")),
                lead_id=some(r.choice(story.keys["lead"]), 0.8),
                created_at=at(),
                closed_at=some(at(), 0.8),
            )
        else:
            found.update(
                kind=r.choice(("payment", "payment", "payment", "payment", "refund", "chargeback", None)),
                amount=self.decimal(r.choice(PAID)),
                margin=some(self.decimal(r.choice(MARGINS)), 0.5),
                deal_id=some(r.choice(story.keys["deal"]), 0.8),
                paid_at=at(),
            )
        return found

    def generate(self, records):
        lines = {"lead": [], "deal": [], "payment": []}
        number = count = 0
        while count < records:
            story = Story(self, number, max(1, records // 80) if number == 0 else 1)
            for kind, keys in story.keys.items():
                count += len(keys)
                lines[kind] += [line for key in keys for line in self.record(kind, key, story)]
            number += 1
        return {kind: self.arrival(kind, of_kind) for kind, of_kind in lines.items()}


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    given = sys.argv[4:] or ["2024-03-31T12:00:00+00:00"]
    at = [(datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // timedelta(microseconds=1) for text in given]
    write(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], at, world=Customers)
