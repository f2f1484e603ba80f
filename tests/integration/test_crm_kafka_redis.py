"""The CRM data through real Kafka and `kpid run` into real Redis: its answers, and line for line what replay prints.

Leads, deals and payments in topics of four partitions; half of each is there when kpid starts, the rest comes while
it runs. The days are moved by eight years (crm_events says why), since `run` speaks for the present.

The answers are read from Redis at the present instant. A rolling window that begins with a month holds all that
came since; a month is the difference of two such windows. So counts, money and cycle times in days are exact for
each month, quarter and peak day; only medians cannot be had by a difference, and are compared where a window begins
with the period and nothing follows it.

Then `kpid replay` of the same files at meta.as_of prints what Redis holds: every key, value, n and prev.
"""

import json
import re
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from harness import KINDS, Options, Stopwatch, kpid, replay, scratch, show  # noqa: E402

import crm_answers  # noqa: E402
import crm_events  # noqa: E402
from resp import Client  # noqa: E402
from servers import Kafka, Redis, wait_until  # noqa: E402

YEARS = 8
DAY = timedelta(days=1)
PEAKS = [date.fromisoformat(day) for day in crm_answers.PEAK_DAYS]
STARTS = sorted(
    {date.fromisoformat(f"{month}-01") for month in crm_answers.COHORTS} | set(PEAKS) | {d + DAY for d in PEAKS}
)
END = date(2018, 1, 1)
FACTS = 2888  # of the 3590 by replay: without what cannot be had by a difference


def window_since(start, today):
    """The rolling window that begins within the day before `start`, or at it: the data stands on midnights."""
    return f"{(today - start.replace(year=start.year + YEARS)).days + 1}d"


def period(window, as_of):
    """First day and the day after the last of a calendar window that ends at as_of, in the days of the CSV."""
    last = date.fromisoformat(as_of[:10])
    if window == "today":
        return last, last + DAY
    first_month = {"month": last.month, "quarter": (last.month - 1) // 3 * 3 + 1, "year": 1}[window]
    return date(last.year, first_month, 1), last + DAY


class Derived:
    """value() of the answers from what Redis holds at one instant."""

    def __init__(self, hashes, today):
        self.hashes, self.today = hashes, today

    def published(self, dimension, entity, window, kpi):
        return self.hashes.get(f"kpid:{{default}}:kpi:{dimension}:{window}:{entity}", {}).get(kpi)

    def value(self, dimension, entity, window, kpi, as_of):
        if window in ("all", "now"):
            return self.published(dimension, entity, window, kpi)
        if window.endswith("d"):  # of a month of engagement
            start = next(d for d in STARTS if crm_answers.cohort_window(d.isoformat()[:7]) == window and d.day == 1)
            return self.published(dimension, entity, window_since(start, self.today), kpi)
        start, after = period(window, as_of)

        def since(day, name):
            return self.published(dimension, entity, window_since(day, self.today), name)

        if after >= END:
            return since(start, kpi)

        def total(name):
            return Fraction(since(start, name) or 0) - Fraction(since(after, name) or 0)

        def seconds(day):  # the mean is rounded to seconds, the sum of whole days is not
            n = int(since(day, "cycle_time_mean.n") or 0)
            return n, round(Fraction(int(since(day, "cycle_time_mean") or 0) * n, 86400)) * 86400

        if kpi in ("deals_won", "deals_lost"):
            return str(total(kpi))
        if kpi in ("sales_volume", "revenue"):
            return f"{total(kpi).numerator}.00"
        if kpi == "win_rate":
            micro = round(total("deals_won") * 10**6 / (total("deals_won") + total("deals_lost")))
            return f"{micro // 10**6}.{micro % 10**6:06d}"
        if kpi == "cycle_time_mean":
            (n, long), (later_n, later) = seconds(start), seconds(after)
            return str(round(Fraction(long - later, n - later_n)))
        return crm_answers.NOT_PUBLISHED


def lines_of(hashes, as_of):
    """What Redis holds, as the lines that replay prints."""
    out = []
    for key, fields in hashes.items():
        dimension, window, entity = re.fullmatch(r"kpid:\{default\}:kpi:([^:]*):([^:]*):(.*)", key, re.S).groups()
        for kpi in {name.split(".")[0] for name in fields} - {"as_of", "seq"}:
            line = {"as_of": as_of, "dimension": dimension, "entity": entity, "window": window, "kpi": kpi}
            if kpi in fields:
                line["value"], line["n"] = fields[kpi], int(fields[f"{kpi}.n"])
            if f"{kpi}.prev" in fields:
                line["prev"] = fields[f"{kpi}.prev"]
            out.append(line)
    out.sort(key=lambda line: [line[k].encode() for k in ("dimension", "entity", "window", "kpi")])
    return "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in out).encode()


def halves(files, directory):
    """Each file cut in two: what is there before kpid starts, and what comes later."""
    out = {}
    for kind, path in files.items():
        lines = path.read_bytes().splitlines(keepends=True)
        for half, some in enumerate((lines[: len(lines) // 2], lines[len(lines) // 2 :])):
            out[kind, half] = Path(directory) / f"{kind}-{half}.ndjson"
            out[kind, half].write_bytes(b"".join(some))
    return out


def write_config(path, today, kafka, redis):
    windows = list(dict.fromkeys([*(window_since(start, today) for start in STARTS), "today", "year", "all", "now"]))
    Options(windows=windows).write_config(path)
    with open(path, "a", encoding="utf-8") as out:
        out.write(
            f"kafka:\n  brokers: {kafka.bootstrap}\nredis:\n  host: 127.0.0.1\n  port: {redis.port}\nhttp:\n  port: 0\n"
        )


def is_live(redis, ends):
    """True once Redis speaks for every message of the topics."""
    meta = redis.hash("kpid:{default}:meta")
    if meta.get("state") != "live":
        return False
    offsets = json.loads(meta["offsets"])
    return (
        all(
            offsets.get(topic, {}).get(str(partition), 0) >= end
            for topic, by_partition in ends.items()
            for partition, (_, end) in by_partition.items()
        )
        and meta
    )


def attempt(directory, number):
    """(facts, wrong, lines) or None if midnight came in between."""
    today = datetime.now(timezone.utc).date()
    files = {kind: path for kind, (path, _) in crm_events.write(Path(directory) / "crm", YEARS).items()}
    parts = halves(files, directory)
    with Kafka() as kafka, Redis() as redis:
        kafka.create_topic(*KINDS, "kpid-dead-letters", partitions=4)
        config = Path(directory) / "kpid.yaml"
        write_config(config, today, kafka, redis)
        for kind in files:
            kafka.produce(kind, parts[kind, 0], key_field=f"{kind[:-1]}_id")
        log = Path(directory) / f"kpid-{number}.log"
        with open(log, "wb") as err:
            daemon = subprocess.Popen([kpid(), "run", "--config", str(config)], stdin=subprocess.DEVNULL, stderr=err)
            try:
                wait_until(
                    "kpid is not live with the first half", lambda: is_live(redis, {k: kafka.offsets(k) for k in files})
                )
                for kind in files:
                    kafka.produce(kind, parts[kind, 1], key_field=f"{kind[:-1]}_id")
                ends = {kind: kafka.offsets(kind) for kind in files}
                wait_until("kpid is not live with the second half", lambda: is_live(redis, ends))
                with Client(redis.port) as client:
                    keys = client.scan("kpid:{default}:kpi:*")
                    replies = client.multi(["HGETALL", "kpid:{default}:meta"], *(["HGETALL", key] for key in keys))
                dead = kafka.consume("kpid-dead-letters")
            finally:
                daemon.terminate()
                status = daemon.wait(60)
                sys.stderr.write(log.read_text(errors="replace")[-4000:] if status else "")
    found = [dict(zip(flat[::2], flat[1::2])) for flat in replies]
    meta, hashes = found[0], dict(zip(keys, found[1:]))
    if meta["as_of"][:10] != today.isoformat():
        return None
    facts, wrong = crm_answers.Answers(Derived(hashes, today).value).compare()
    if facts != FACTS:
        wrong.append(f"{facts} facts instead of {FACTS}")
    if dead or status:
        wrong.append(f"{len(dead)} dead letters; exit {status}")

    printed, _ = replay(files, [meta["as_of"]], config)
    # replay leaves out milliseconds that are zero, meta never does; an age that grows by itself stands in Redis as the
    # instant since when, leads_waiting_since
    ours = lines_of(hashes, meta["as_of"].replace(".000Z", "Z")).splitlines()
    theirs = [line for line in printed.splitlines() if b'"kpi":"leads_waiting_oldest"' not in line]
    for mine, its in zip(ours, theirs):
        if mine != its:
            wrong.append(f"Redis {mine.decode()}\n    replay {its.decode()}")
    if len(ours) != len(theirs):
        wrong.append(f"{len(ours)} lines in Redis, {len(theirs)} printed by replay")
    return facts, wrong, len(ours)


def main():
    watch = Stopwatch()
    with scratch() as directory:
        result = attempt(directory, 0) or attempt(directory, 1)  # a test cannot meet two midnights
    facts, wrong, lines = result
    print(f"{facts} facts compared, {lines} lines of replay compared, {len(wrong)} wrong ({watch})")
    show(wrong)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
