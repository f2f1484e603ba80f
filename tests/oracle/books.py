"""books - what deals add to sales and losses, and payments to revenue, and when, if books are closed.

A record's events in the order of their stamps are its versions. What a version adds or takes back against the one before
counts where it belongs; or when its event occurred, if that is later and either (mode book) some version before had
added something of the kind, or it belongs before the lock and the event occurred after it.

Fills the tables sale and income: one row for each addition (sign 1) or taking back (sign -1), `placed` where it belongs and
`at` when it counts.
"""

from records import Ledger

SEATS = ("manager_id", "team_id", "product", "region", "source")
SALE = "company, manager, team, product, region, source, loss_reason, competitor, placed, at, sign, counts, stage, base, mark, quantity"
INCOME = "company, manager, team, product, region, source, loss_reason, competitor, placed, at, sign, counts, kind, base, mark"
TABLES = f"""
CREATE TABLE sale ({SALE});
CREATE TABLE income ({INCOME});
"""
RESTATED = """
INSERT INTO sale SELECT company, manager, team, product, region, source, loss_reason, competitor, closing, closing, 1, 1, stage,
    closed_base, closed_mark, quantity FROM deal_fact WHERE stage IN ('won', 'lost') AND closing IS NOT NULL;
INSERT INTO income SELECT company, manager, team, product, region, source, NULL, NULL, paid, paid, 1, 1, kind, base, mark
    FROM payment_fact WHERE paid IS NOT NULL AND (base IS NOT NULL OR mark <> 0)
"""
INDEXES = """
CREATE INDEX sale_by_time ON sale (at);
CREATE INDEX income_by_time ON income (at)
"""


def inherited(values, above):
    """Names of a record, its own or those above; a team only if no manager of its own is named."""
    own = {name: values.get(name) for name in SEATS}
    out = {name: above.get(name) if own[name] is None else own[name] for name in SEATS}
    if own["team_id"] is None and own["manager_id"] is not None:
        out["team_id"] = None
    return tuple(out[name] for name in SEATS)


class Books:
    def __init__(self, oracle, ledger, book, lock):
        """book: the mode; lock: an instant or None."""
        self.oracle, self.ledger, self.book, self.lock = oracle, ledger, book, lock

    def fill(self):
        db = self.oracle.db
        names = "id, manager, team, product, region, source"
        self.leads = {row[0]: dict(zip(SEATS, row[1:])) for row in db.execute(f"SELECT {names} FROM lead")}
        self.deals = {row[0]: dict(zip(SEATS, row[1:])) for row in db.execute(f"SELECT {names} FROM deal_fact")}
        for kind, table, columns in (("deal", "sale", SALE), ("payment", "income", INCOME)):
            marks = ",".join("?" * len(columns.split(",")))
            for record in self.ledger.records[kind].values():
                db.executemany(f"INSERT INTO {table} VALUES ({marks})", self.rows(kind, record))

    def rows(self, kind, record):
        versions = Ledger(self.ledger.keep_owners)
        before, told = [], set()
        for event in sorted(record.events.values(), key=lambda e: e.stamp):
            versions.apply(kind, event)
            after = [part for standing in versions.standing(kind) for part in self.additions(kind, *standing[1:])]
            for sign, mine, other in ((-1, before, after), (1, after, before)):
                for addition in mine:
                    if addition not in other:
                        seats, placed, stream, rest = addition
                        yield (*seats, placed, self.moved(placed, event.occurred, stream in told), sign, *rest)
            before = after
            told.update(stream for _, _, stream, _ in after)

    def moved(self, placed, occurred, told):
        if placed >= occurred:
            return placed
        locked = self.lock is not None and placed < self.lock < occurred
        return occurred if locked or (self.book and told) else placed

    def additions(self, kind, values, closing):
        """(names, where it belongs, what it is of, the rest of the row) of what counts, and of its mark."""
        oracle = self.oracle
        if kind == "deal":
            if closing is None:
                return
            lost = values["stage"] == "lost"
            seats = inherited(values, self.leads.get(values.get("lead_id"), {}))
            own = (values.get("loss_reason") if lost else None, values.get("competitor"))
            amount, currency = values.get("amount"), values.get("currency")
            quantity = values.get("quantity")
            names = (oracle.company, *seats, *own)
            base, mark = oracle._money(amount, currency, closing), oracle._mark(amount, currency, closing)
            units = 10**6 if quantity is None else quantity
            yield names, closing, values["stage"], (1, values["stage"], base, 0, units)
            if mark:
                yield names, closing, mark, (0, values["stage"], None, mark, None)
            return
        paid, amount, currency = values.get("paid_at"), values.get("amount"), values.get("currency")
        if paid is None:
            return
        base, mark = oracle._money(amount, currency, paid), oracle._mark(amount, currency, paid)
        names = (oracle.company, *inherited(values, self.deals.get(values.get("deal_id"), {})), None, None)
        of = values.get("kind") or "payment"
        if base is not None:
            yield names, paid, "income", (1, of, base, 0)
        if mark:
            yield names, paid, mark, (0, of, None, mark)
