"""The points of series by `kpid replay --series` against the oracle, byte by byte, in the calendars of test_oracle.py.

SEED replaces the seeds, ORACLE_SCALE multiplies the records.
"""

import functools
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from harness import Options, Stopwatch, ask_oracle, interleave, replay, scale, scratch, show  # noqa: E402
import nasty  # noqa: E402
from planned import Planned  # noqa: E402
from test_oracle import EDGES, instant  # noqa: E402

SERIES = [
    {
        "dimension": "manager",
        "kpis": ["sales_volume", "deals_won", "win_rate", "cycle_time_mean", "csat_mean", "velocity", "leads_created"],
        "every": "day",
        "points": 40,
    },
    {"dimension": "team", "kpis": ["revenue", "units", "conversion_cohort", "sales_growth"], "every": "hour", "points": 77},
    {"dimension": "loss_reason", "kpis": ["lost_volume"], "every": "day", "points": 400},
    {"dimension": "source", "kpis": ["lead_cost", "nps"], "every": "hour", "points": 1, "entities": ["web", "nobody"]},
]


def points_of(output):
    return {line["key"]: line["value"] for line in map(json.loads, output.splitlines()) if "key" in line}


def check(name, files, as_of, settings, directory):
    options, watch, wrong, points, some = Options(**settings), Stopwatch(), [], 0, set()
    config = options.write_config(Path(directory) / "kpid.yaml")
    for at in as_of:
        ours = points_of(replay(files, [at], config, ("--series",))[0])
        theirs = points_of(ask_oracle(files, [at], options, directory, ("--series",))[0])
        # an entity that no record names has no key
        theirs = {key: text for key, text in theirs.items() if ":nobody:" not in key or key in ours}
        for key in sorted(ours.keys() | theirs.keys()):
            got, want = ours.get(key), theirs.get(key)
            points += want.count("[") if want else 0
            some.update(point[1] for point in json.loads(want)["points"]) if want else None
            if got != want:
                wrong.append(f"{at} {key}:\n  kpid   {got}\n  oracle {want}")
    print(f"{name}: {points} points compared, {len(wrong)} wrong, {len(some)} different values, {watch}", flush=True)
    show(wrong, 5)
    return points, len(wrong) + (len(some) < 20)


def main():
    points, wrong = 0, 0
    for number, (what, settings, as_of) in enumerate(EDGES):
        seed = int(os.environ.get("SEED", 900 + number))
        with scratch() as directory:
            near, zone = [instant(t) for t in as_of], settings.get("zone", "UTC")
            world = functools.partial(Planned, company=settings.get("company", "all"))
            files = nasty.write(seed, int(300 * scale()), directory, near, zone, world)
            settings = {**settings, **world(seed, near, zone).settings(), "plan": {"series": SERIES}}
            found = check(f"series, seed {seed}, {what}", interleave(files, 2), as_of[-2:], settings, directory)
            points, wrong = points + found[0], wrong + found[1]
    print(f"{points} points compared, {wrong} wrong")
    sys.exit(1 if wrong or not points else 0)


if __name__ == "__main__":
    main()
