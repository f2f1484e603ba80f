"""harness - what the comparing tests share: starts kpid and the oracle, reads their output, compares.

Environment: KPID is the program under test; KPID_BIN_DIR its directory; ORACLE_SCALE multiplies the number of
records (default 1, which fits continuous integration); ORACLE_WORLDS is how many random worlds of each kind are compared
(default: one for each calendar); SEED is the seed of all of them.
"""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "support"))

KINDS = ("leads", "deals", "payments", "feedback", "rates", "members", "targets")
WINDOWS = (
    "1m",
    "5m",
    "1h",
    "24h",
    "7d",
    "30d",
    "today",
    "yesterday",
    "week",
    "last_week",
    "month",
    "last_month",
    "quarter",
    "last_quarter",
    "year",
    "last_year",
    "all",
    "now",
)
MONTHS = "january february march april may june july august september october november december".split()


def kpid():
    path = os.environ.get("KPID") or str(ROOT / "build" / "debug" / "bin" / "kpid")
    if not os.access(path, os.X_OK):
        sys.exit(f"no kpid at {path}: build it, or name it by KPID")
    return path


def scale():
    return float(os.environ.get("ORACLE_SCALE", "1"))


def worlds(edges, first):
    """(seed, number of the edge, edge) of each world; the edges take turns, and each world has a seed of its own."""
    for k in range(int(os.environ.get("ORACLE_WORLDS", len(edges)))):
        number = k % len(edges)
        yield int(os.environ.get("SEED", first + k)), number, edges[number]


def scratch():
    """A temporary directory that is gone at the end."""
    return tempfile.TemporaryDirectory(prefix="kpid-")


class Options:
    """One setting of both programs."""

    def __init__(
        self,
        zone="UTC",
        week_start="monday",
        fiscal_year_start=1,
        base_currency="USD",
        company="all",
        windows=WINDOWS,
        rates=(),
        stages=None,
        members=(),
        teams="as_was",
        credit="current",
        rate_age_max=0,
        corrections="restate",
        lock=None,
        plan={},
    ):
        self.zone, self.week_start, self.fiscal_year_start = zone, week_start, fiscal_year_start
        self.base_currency, self.company, self.windows = base_currency, company, list(windows)
        self.rates = list(rates)  # (currency, day, rate)
        self.stages = dict(stages or {})
        self.members = list(members)  # rows of the organisation
        self.teams, self.credit, self.rate_age_max = teams, credit, rate_age_max
        self.corrections, self.lock = corrections, lock
        self.plan = plan  # {section: its content}: calendars, teams, targets, kpis, strengths, series

    def write_config(self, path):
        """kpid's configuration; the same for the oracle is oracle_arguments()."""
        lines = [
            "company:",
            f"  name: {json.dumps(self.company)}",
            f"  time_zone: {self.zone}",
            f"  week_start: {self.week_start}",
            f"  fiscal_year_start: {MONTHS[self.fiscal_year_start - 1]}",
            f"  base_currency: {self.base_currency}",
            f"  teams: {self.teams}",
            f"  credit: {self.credit}",
            f"  rate_age_max: {self.rate_age_max}",
            "windows: [" + ", ".join(self.windows) + "]",
        ]
        if self.rates:
            lines.append("rates:")
            lines += [f"  - {{currency: {currency}, day: {day}, rate: {rate}}}" for currency, day, rate in self.rates]
        if self.corrections != "restate" or self.lock:
            lock = f", lock: {self.lock}" if self.lock else ""
            lines.append(f"corrections: {{mode: {self.corrections}{lock}}}")
        if self.members:
            lines.append("organisation:")
            lines += [f"  - {json.dumps(row, ensure_ascii=False)}" for row in self.members]
        if self.stages:
            lines.append("stages:")
            lines += [f"  {name}: {value}" for name, value in self.stages.items()]
        for section, content in (self.plan or {}).items():
            # JSON is YAML; one row a line, so that a person can read what fails
            rows = [json.dumps(row, ensure_ascii=False) for row in content] if isinstance(content, list) else []
            lines += [f"{section}:", *(f"  - {row}" for row in rows)] if rows else []
            lines += [f"{section}: {json.dumps(content, ensure_ascii=False)}"] if not rows and content else []
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def oracle_arguments(self, directory):
        arguments = [
            "--zone",
            self.zone,
            "--week-start",
            self.week_start,
            "--fiscal-year-start",
            str(self.fiscal_year_start),
            "--base-currency",
            self.base_currency,
            "--company",
            self.company,
            "--windows",
            ",".join(self.windows),
        ]
        for name, value in self.stages.items():
            arguments += ["--stage-probability", f"{name}={value}"]
        if self.rates:
            path = Path(directory) / "rates.csv"
            with open(path, "w", encoding="utf-8", newline="") as out:
                csv.writer(out).writerows([("currency", "day", "rate"), *self.rates])
            arguments += ["--rates-csv", str(path)]
        if self.members:
            path = Path(directory) / "organisation.json"
            path.write_text(json.dumps(self.members), encoding="utf-8")
            arguments += ["--organisation", str(path)]
        if self.plan is not None:
            path = Path(directory) / "plan.json"
            path.write_text(json.dumps(self.plan), encoding="utf-8")
            arguments += ["--plan", str(path)]
        arguments += ["--teams", self.teams, "--credit", self.credit, "--rate-age-max", str(self.rate_age_max)]
        arguments += ["--corrections", self.corrections, *(["--lock", self.lock] if self.lock else [])]
        return arguments


def file_arguments(files):
    """files: {kind: path}; only those that exist. Or pairs of a kind and a path, in the order to read them."""
    pairs = [(kind, files[kind]) for kind in KINDS if kind in files] if isinstance(files, dict) else files
    return [word for kind, path in pairs for word in (f"--{kind}", str(path))]


def interleave(files, parts):
    """The files cut into parts, and read part by part with the kinds backwards: payments come before their deals."""
    pairs = []
    for part in range(parts):
        for kind in reversed(KINDS):
            if kind in files:
                lines = files[kind].read_bytes().splitlines(keepends=True)
                path = files[kind].with_suffix(f".{part}")
                path.write_bytes(b"".join(lines[len(lines) * part // parts : len(lines) * (part + 1) // parts]))
                pairs.append((kind, path))
    return pairs


def run(command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if check and done.returncode:
        sys.stderr.buffer.write(done.stderr[-4000:])
        sys.exit(f"exit {done.returncode}: {' '.join(map(str, command))}")
    return done


def accounting(stderr):
    """{name: number} of the last line on standard error."""
    last = stderr.decode("utf-8", "replace").strip().splitlines()[-1]
    found = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", last)}
    parts = ("applied", "duplicate", "superseded", "dead_lettered", "filtered")
    if "read" not in found or any(part not in found for part in parts):
        sys.exit(f"no accounting identity in the last line: {last}")
    if found["read"] != sum(found[part] for part in parts):
        sys.exit(f"the accounting identity does not hold: {last}")
    return found


def replay(files, as_of=(), config=None, extra=()):
    """kpid's output lines as bytes, and its accounting."""
    command = [kpid(), "replay", "--format", "ndjson", *extra]
    if config:
        command += ["--config", str(config)]
    for instant in as_of:
        command += ["--as-of", instant]
    done = run(command + file_arguments(files))
    return done.stdout, accounting(done.stderr)


def ask_oracle(files, as_of, options, directory, extra=()):
    command = [sys.executable, str(HERE / "oracle.py"), *extra, *options.oracle_arguments(directory)]
    for instant in as_of:
        command += ["--as-of", instant]
    done = run(command + file_arguments(files))
    return done.stdout, accounting(done.stderr)


def simulate(seed, records, directory, extra=()):
    """{kind: path} of a simulation with all its corrections; truth.ndjson beside them says what they end in."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    run(
        [
            kpid(),
            "simulate",
            "--seed",
            str(seed),
            "--records",
            str(records),
            "--out",
            str(directory),
            "--truth",
            str(Path(directory) / "truth.ndjson"),
            *extra,
        ]
    )
    return {kind: Path(directory) / f"{kind}.ndjson" for kind in KINDS if (Path(directory) / f"{kind}.ndjson").exists()}


KEYS = ("as_of", "dimension", "entity", "window", "kpi")


def values(output):
    """{keys: the rest of the line} of ndjson."""
    found = {}
    for line in output.splitlines():
        fields = json.loads(line)
        key = tuple(fields.pop(name) for name in KEYS)
        if key in found:
            sys.exit(f"twice in the output: {line.decode()}")
        found[key] = fields
    return found


def compare(ours, theirs):
    """Compares every value, n and prev of kpid's output with the oracle's: (number compared, differences)."""
    kpis, expected = values(ours), values(theirs)
    count, wrong = 0, []
    for key in sorted(kpis.keys() | expected.keys()):
        got, want = kpis.get(key, {}), expected.get(key, {})
        for member in sorted(got.keys() | want.keys()):
            count += member != "n"
            if got.get(member) != want.get(member):
                wrong.append(f"{' '.join(key)} {member}: kpid {got.get(member)}, oracle {want.get(member)}")
    if not wrong and ours != theirs:
        at = next((i for i, pair in enumerate(zip(ours.splitlines(), theirs.splitlines())) if pair[0] != pair[1]), -1)
        wrong.append(
            f"the values agree, the bytes do not: line {at + 1}:\n  kpid   {ours.splitlines()[at].decode()}\n"
            f"  oracle {theirs.splitlines()[at].decode()}"
        )
    return count, wrong


class Stopwatch:
    def __init__(self):
        self.since = time.monotonic()

    def __str__(self):
        return f"{time.monotonic() - self.since:.1f} s"


def show(wrong, limit=20):
    for line in wrong[:limit]:
        print("  " + line)
    if len(wrong) > limit:
        print(f"  … and {len(wrong) - limit} more")
