"""`kpid replay` against the oracle with a plan: targets, pace, forecasts, own KPIs, strengths and intervals.

The worlds are those of tests/oracle/planned.py: targets that are set, moved and deleted before and after the end of
their period, ramps, working calendars with holidays, own KPIs with typed formulas and filters; in the calendars of
test_oracle.py. A comparison in which a kind of value does not take many values shows nothing, and fails.
ORACLE_SCALE multiplies the records, ORACLE_WORLDS says how many worlds, SEED replaces the seeds.
"""

import functools
import os
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

import nasty  # noqa: E402
from agreement import check  # noqa: E402
from harness import (  # noqa: E402
    Stopwatch,
    interleave,
    kpid,
    run,
    scale,
    scratch,
    worlds,
)
from planned import Planned  # noqa: E402
from test_oracle import EDGES, instant  # noqa: E402

SHOWN = ("--strengths", "--intervals")
# the last part of a name, and in how many values it must come at least
WANTED = {
    "target": 50,
    "attainment": 50,
    "pace": 50,
    "required_rate": 50,
    "forecast": 500,
    "shrunk": 300,
    "team": 100,
    "index": 300,
    "size": 300,
    "weakest": 4,
    "strongest": 4,
    "low": 500,
    "high": 500,
    "own": 500,
}
occurred = defaultdict(set)


def note(line):
    kind = line["kpi"].rpartition(".")[2]
    occurred["own" if kind.startswith("own_") else kind].add(line.get("value"))


def cases():
    for seed, number, (what, settings, as_of) in worlds(EDGES, 500):
        with scratch() as directory:
            near, zone = [instant(t) for t in as_of], settings.get("zone", "UTC")
            world = functools.partial(Planned, company=settings.get("company", "all"))
            files = nasty.write(seed, int(1500 * scale()), directory, near, zone, world)
            parts = interleave(files, 1 + number)
            settings = {**settings, **world(seed, near, zone).settings()}
            yield check(f"planned, seed {seed}, {what}", parts, as_of, settings, directory, note, SHOWN)


def main():
    offers = run([kpid(), "replay", "--help"]).stdout.decode()
    for option in ("--targets", *SHOWN):
        if option not in offers:
            print(f"this kpid has no replay {option}")
            sys.exit(77)
    watch, done, total, wrong = Stopwatch(), 0, 0, 0
    for count, bad in cases():
        done, total, wrong = done + (count > 0), total + count, wrong + bad
    for kind, least in WANTED.items():
        if len(occurred[kind]) < least and "SEED" not in os.environ:
            wrong += 1
            print(f"{kind}: only {len(occurred[kind])} different values, so that it is not tested")
    print(f"{done} worlds, {total} values compared, {wrong} wrong ({watch})")
    sys.exit(1 if wrong or not total else 0)


if __name__ == "__main__":
    main()
