"""records - section 2 of the contract: what stands for each record once all events are in.

A field's stamp is (occurred_at, version or 0, content). In kpid the last part is a hash; here it is the
content itself. So only events with the same time and version, but different content, could be decided
otherwise: they are counted in `ties`, and a comparison is only valid where there are none.
"""

HISTORIES = {"lead": "status", "deal": "stage"}  # what keeps its stamped history
ENDS = {"lead": ("converted", "lost"), "deal": ("won", "lost")}  # and where it ends


class Record:
    def __init__(self):
        self.fields = {}  # name -> (stamp, value)
        self.exists = None  # (stamp, bool)
        self.deletion = None  # the greatest stamp of a deletion
        self.history = {}  # stamp -> (occurred_at, stage or status): each event that set one, also a late one
        self.owners = {}  # (stamp, field) -> (occurred_at, name): whom a deal was given to
        self.events = {}  # stamp -> event, where all are kept: what stood at some time
        self.seen = {}  # (occurred_at, version) -> stamp, to find ties


OWNERS = ("manager_id", "team_id")


class Ledger:
    def __init__(self, keep_owners=False, keep_books=False):
        """keep_owners: a closed deal is credited to the owner that it had when it closed. keep_books: what deals and payments
        once said is booked."""
        kinds = ("lead", "deal", "payment", "feedback", "rate", "member", "target")
        self.records = {kind: {} for kind in kinds}
        self.keep_owners = keep_owners
        self.kept = ("target", "deal", "payment") if keep_books else ("target",)  # whose events are
        self.applied = self.duplicate = self.superseded = self.ties = 0
        self.latest = None  # the greatest occurred_at

    def apply(self, kind, event):
        record = self.records[kind].setdefault(event.key, Record())
        if self.latest is None or event.occurred > self.latest:
            self.latest = event.occurred
        if record.seen.setdefault(event.stamp[:2], event.stamp) != event.stamp:
            self.ties += 1
        self._count(kind, record, event)
        stamp = event.stamp
        if kind in self.kept:
            record.events[stamp] = event
        if record.deletion is not None and stamp < record.deletion:
            return
        if record.exists is None or stamp > record.exists[0]:
            record.exists = (stamp, not event.deleted)
        if event.deleted:
            record.deletion = stamp
            record.fields = {name: field for name, field in record.fields.items() if field[0] >= stamp}
            record.history = {older: entry for older, entry in record.history.items() if older >= stamp}
            record.owners = {at: entry for at, entry in record.owners.items() if at[0] >= stamp}
            return
        for name, value in event.fields.items():
            now = record.fields.get(name)
            if now is None or now[0] < stamp:
                record.fields[name] = (stamp, value)
        if HISTORIES.get(kind) in event.fields:
            record.history[stamp] = (event.occurred, event.fields[HISTORIES[kind]])
        if kind == "deal" and self.keep_owners:
            for name in OWNERS:
                if name in event.fields:
                    record.owners[stamp, name] = (event.occurred, event.fields[name])

    def _count(self, kind, record, event):
        """Duplicate, superseded or applied, before it is applied. A late event that only completes a history, or
        raises the stamp of the deletion, changes what stands: it is applied."""
        stamp, floor = event.stamp, record.deletion
        if kind == "target":  # every event may be the last word for some period
            same, wins = stamp in record.events, True
        elif event.deleted:
            same, wins = floor == stamp, floor is None or floor < stamp
        else:
            standing = dict(record.fields, exists=record.exists)
            stamps = [(standing.get(name) or (None,))[0] for name in ("exists", *event.fields)]
            same = all(one == stamp for one in stamps)
            wins = any(one is None or one < stamp for one in stamps)
            wins = wins or (HISTORIES.get(kind) in event.fields and stamp not in record.history)
            if kind == "deal" and self.keep_owners:
                wins = wins or any(n in event.fields and (stamp, n) not in record.owners for n in OWNERS)
            wins = wins and (floor is None or floor < stamp)
        wins = wins or (kind in self.kept and stamp not in record.events)  # it tells what stood for a while
        if same:
            self.duplicate += 1
        elif wins:
            self.applied += 1
        else:
            self.superseded += 1

    def standing(self, kind):
        """(key, {field: value}, closing time or None) of each record that exists."""
        for key, record in self.records[kind].items():
            if record.exists[1]:
                values = {name: value for name, (_, value) in record.fields.items()}
                closing = closing_time(record, kind) if kind in ENDS else None
                if kind == "deal" and self.keep_owners and closing is not None:
                    values.update((name, owner_at(record, name, closing)) for name in OWNERS)
                yield key, values, closing


def owner_at(record, field, closing):
    """Whom the deal was given to by the greatest stamp among the events up to its closing, else by the least."""
    given = sorted((stamp, *entry) for (stamp, name), entry in record.owners.items() if name == field)
    before = [name for _, occurred, name in given if occurred <= closing]
    return before[-1] if before else given[0][2] if given else None


def closing_time(record, kind="deal"):
    """When a won or lost deal, or a converted or lost lead, was closed; None for one that is open, whatever its
    closed_at says."""
    ends = ENDS[kind]
    stage = record.fields.get(HISTORIES[kind], (None, None))[1]
    if stage not in ends:
        return None
    last_open = max((s for s, (_, name) in record.history.items() if name not in ends), default=None)
    closed_stamp, closed = record.fields.get("closed_at", (None, None))
    if closed is not None and (last_open is None or closed_stamp >= last_open):
        return closed
    last_other = max((s for s, (_, name) in record.history.items() if name != stage), default=None)
    return min(
        occurred
        for s, (occurred, name) in record.history.items()
        if name == stage and (last_other is None or s > last_other)
    )
