"""shrink - the smallest input found for which `kpid replay` and the oracle differ.

Events are left out, by halves, quarters and so on down to single ones, as long as the two still differ (ddmin: A. Zeller,
R. Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002), then instants, parts of the
configuration, and members of events. What is left is written as files below $SHRUNK_DIR (or the temporary directory),
and both commands are printed.

SHRINK_SECONDS (300) is how long it may take; 0 turns it off.
"""

import copy
import json
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path

from harness import HERE, accounting, compare, file_arguments, kpid, run

PARTS = ("read", "applied", "duplicate", "superseded", "dead_lettered")
PRINTED_MAX = 20


def commands(files, as_of, options, directory, extra=()):
    """kpid's and the oracle's."""
    config = options.write_config(Path(directory) / "kpid.yaml")
    instants = [word for instant in as_of for word in ("--as-of", instant)]
    read = instants + file_arguments(files)
    ours = [kpid(), "replay", "--format", "ndjson", *extra, "--config", str(config), *read]
    return ours, [sys.executable, str(HERE / "oracle.py"), *extra, *options.oracle_arguments(directory), *read]


def run_both(files, as_of, options, directory, extra):
    """Whether they differ. An oracle that fails says nothing; a kpid that fails is a difference."""
    ours, theirs = (run(command, check=False) for command in commands(files, as_of, options, directory, extra))
    if theirs.returncode:
        return False
    if ours.returncode:
        return True
    counted, expected = accounting(ours.stderr), accounting(theirs.stderr)
    if expected["ties"]:
        return False
    return bool(compare(ours.stdout, theirs.stdout)[1]) or any(counted[part] != expected[part] for part in PARTS)


class Shrinker:
    def __init__(self, files, as_of, options, directory, extra=(), differ=run_both):
        pairs = files.items() if isinstance(files, dict) else files
        self.events = [(kind, line) for kind, path in pairs for line in Path(path).read_bytes().splitlines()]
        self.as_of, self.options, self.extra = list(as_of), options, extra
        self.directory, self.differ_of, self.asked = Path(directory), differ, 0
        self.until = time.monotonic() + float(os.environ.get("SHRINK_SECONDS", "300"))

    def write(self, events, directory):
        found = {}
        for kind, line in events:
            found.setdefault(kind, []).append(line)
        files = {kind: Path(directory) / f"{kind}.ndjson" for kind in found}
        for kind, lines in found.items():
            files[kind].write_bytes(b"".join(line + b"\n" for line in lines))
        return files

    def differ(self, events, as_of=None, options=None):
        if not events or time.monotonic() > self.until:
            return False
        self.asked += 1
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            files = self.write(events, directory)
            return self.differ_of(files, as_of or self.as_of, options or self.options, directory, self.extra)

    def shrink_instants(self):
        for instant in self.as_of if len(self.as_of) > 1 else ():
            if self.differ(self.events, as_of=[instant]):
                self.as_of = [instant]
                return

    def shrink_options(self):
        for name, empty in (("plan", {}), ("members", []), ("rates", []), ("stages", {})):
            fewer = copy.copy(self.options)
            setattr(fewer, name, empty)
            if getattr(self.options, name) and self.differ(self.events, options=fewer):
                self.options = fewer

    def shrink_events(self):
        size = (len(self.events) + 1) // 2
        while size:
            again, at = False, 0
            while at < len(self.events):
                fewer = self.events[:at] + self.events[at + size :]
                if self.differ(fewer):
                    self.events, again = fewer, size == 1
                else:
                    at += size
            if not again:
                size = (size + 1) // 2 if size > 1 else 0

    def shrink_members(self):
        changed = False
        for at, (kind, line) in enumerate(self.events):
            try:
                members = json.loads(line)
            except ValueError:
                continue
            for name in list(members) if isinstance(members, dict) else ():
                fewer = {n: v for n, v in members.items() if n != name}
                text = json.dumps(fewer, ensure_ascii=False).encode()
                trial = self.events[:at] + [(kind, text)] + self.events[at + 1 :]
                if self.differ(trial):
                    members, self.events, changed = fewer, trial, True
        return changed

    def shrink(self):
        self.shrink_instants()
        self.shrink_events()
        self.shrink_options()
        while self.shrink_members():
            self.shrink_events()


def shrink(files, as_of, options, directory, extra=(), differ=run_both):
    """Prints the smallest input for which they differ; its folder, or None where they do not differ, or it is turned off."""
    if float(os.environ.get("SHRINK_SECONDS", "300")) <= 0:
        return None
    shrinker = Shrinker(files, as_of, options, directory, extra, differ)
    whole = len(shrinker.events)
    if not shrinker.differ(shrinker.events):
        return None
    shrinker.shrink()
    folder = Path(tempfile.mkdtemp(prefix="kpid-shrunk-", dir=os.environ.get("SHRUNK_DIR")))
    files = shrinker.write(shrinker.events, folder)
    print(f"  of {whole} events these {len(shrinker.events)} are enough ({shrinker.asked} trials):")
    for kind, line in shrinker.events[:PRINTED_MAX]:
        print(f"    {kind}: {line.decode('utf-8', 'replace')}")
    for command in commands(files, shrinker.as_of, shrinker.options, folder, extra):
        print("  " + shlex.join(map(str, command)))
    sys.stdout.flush()
    return folder
