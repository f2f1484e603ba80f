"""records - section 2 of the contract: what stands for each record once all events are in.

A field's stamp is (occurred_at, version or 0, content). In kpid the last part is a hash; here it is the
content itself. So only events with the same time and version, but different content, could be decided
otherwise: they are counted in `ties`, and a comparison is only valid where there are none.
"""


class Record:
    def __init__(self):
        self.fields = {}  # name -> (stamp, value)
        self.exists = None  # (stamp, bool)
        self.deletion = None  # the greatest stamp of a deletion
        self.stages = {}  # stamp -> (occurred_at, stage): each event that set a stage, also a late one
        self.seen = {}  # (occurred_at, version) -> stamp, to find ties


class Ledger:
    def __init__(self):
        self.records = {"lead": {}, "deal": {}, "payment": {}, "feedback": {}}
        self.applied = self.duplicate = self.superseded = self.ties = 0
        self.latest = None  # the greatest occurred_at

    def apply(self, kind, event):
        record = self.records[kind].setdefault(event.key, Record())
        if self.latest is None or event.occurred > self.latest:
            self.latest = event.occurred
        stamp = event.stamp
        floor = record.deletion
        carried = {"exists": not event.deleted, **event.fields}
        standing = dict(record.fields, exists=record.exists)
        same = wins = 0
        for name in carried:
            now = standing.get(name)
            if now is not None and now[0] == stamp:
                same += 1
            elif (now is None or now[0] < stamp) and (floor is None or floor < stamp):
                wins += 1
        if record.seen.setdefault(stamp[:2], stamp) != stamp:
            self.ties += 1
        if same == len(carried):
            self.duplicate += 1
        elif wins:
            self.applied += 1
        else:
            self.superseded += 1

        if floor is not None and stamp < floor:
            return
        if record.exists is None or stamp > record.exists[0]:
            record.exists = (stamp, not event.deleted)
        if event.deleted:
            record.deletion = stamp if floor is None else max(floor, stamp)
            record.fields = {n: f for n, f in record.fields.items() if f[0] >= record.deletion}
            record.stages = {s: v for s, v in record.stages.items() if s >= record.deletion}
            return
        for name, value in event.fields.items():
            now = record.fields.get(name)
            if now is None or now[0] < stamp:
                record.fields[name] = (stamp, value)
        if "stage" in event.fields:
            record.stages[stamp] = (event.occurred, event.fields["stage"])

    def standing(self, kind):
        """(key, {field: value}, closing time or None) of each record that exists."""
        for key, record in self.records[kind].items():
            if record.exists[1]:
                values = {name: value for name, (_, value) in record.fields.items()}
                yield key, values, closing_time(record)


def closing_time(record):
    """When a won or lost deal was closed; None for a deal that is open, whatever its closed_at says."""
    stage = record.fields.get("stage", (None, None))[1]
    if stage not in ("won", "lost"):
        return None
    last_open = max((s for s, (_, name) in record.stages.items() if name not in ("won", "lost")), default=None)
    closed_stamp, closed = record.fields.get("closed_at", (None, None))
    if closed is not None and (last_open is None or closed_stamp >= last_open):
        return closed
    last_other = max((s for s, (_, name) in record.stages.items() if name != stage), default=None)
    return min(
        occurred
        for s, (occurred, name) in record.stages.items()
        if name == stage and (last_other is None or s > last_other)
    )
