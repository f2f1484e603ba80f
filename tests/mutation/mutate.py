#!/usr/bin/env python3
"""mutate - breaks the core in many small ways, one at a time, and counts how many of them its tests notice.

    mutate.py [--count N] [--seed N] [--only TEXT] [--list] [--commit C] [--also PATH]... [--directory D]

Mutations of aggregators/*.c are made and chosen by mutations.py. What is committed (HEAD; the files named by --also as
they stand) is copied below build/mutation and built once. For each mutation one object is compiled and the few programs are linked
anew, and the tests run, cheapest first, until one fails:
  units     tests/aggregators, all in one program
  worlds    `kpid replay` of small random worlds against what the oracle said of them once, bytes and accounting
  stories   `kpid replay` of tests/stories, as told and in one other order
  sanitized tests/aggregators again, with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer
  laws      tests/laws with ROUNDS=1
A time-out or running out of memory counts as caught: it is a break that nobody can miss. A mutation that does not compile or
gives the same object code (T. Papadakis et al., Trivial Compiler Equivalence, ICSE 2015) is replaced by the next one.
equivalent.txt lists those that a person found to change nothing that can be seen, with the reason.

Exit 1 if less than 95 of 100 are caught; the list of the survivors is the last thing printed, and in report.txt.
"""

import argparse
import functools
import hashlib
import io
import json
import os
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from mutations import choose  # noqa: E402

SHARE_MIN = 0.95
MEMORY_MAX = 2 << 30
WORLD_RECORDS = 300


def fail(text):
    sys.exit(f"mutate: {text}")


def run(command, cwd=None, env=None, seconds=None, memory=None, check=True):
    def limits():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    # In a session of its own: what a test program has forked ends with it.
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limits, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=seconds)
    except BaseException:  # also where somebody ends this program: a mutation may loop for ever
        os.killpg(process.pid, 9)
        process.communicate()
        raise
    if check and process.returncode:
        sys.stderr.buffer.write(out[-4000:] + err[-4000:])
        fail(f"exit {process.returncode}: {' '.join(map(str, command))}")
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def committed(commit, also):
    """{path: (content, mode)} of the tree."""
    archive = tarfile.open(fileobj=io.BytesIO(run(["git", "archive", commit], cwd=ROOT).stdout))
    wanted = {m.name: (archive.extractfile(m).read(), m.mode) for m in archive.getmembers() if m.isfile()}
    for name in also:
        wanted[name] = ((ROOT / name).read_bytes(), (ROOT / name).stat().st_mode & 0o777)
    return wanted


def write_sources(wanted, to):
    """A file that is the same stays untouched, so that it is not built again."""
    to.mkdir(parents=True, exist_ok=True)
    for path in [p for p in to.rglob("*") if p.is_file()]:
        if str(path.relative_to(to)) not in wanted and "__pycache__" not in path.parts:
            path.unlink()
    for name, (content, mode) in wanted.items():
        path = to / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        path.chmod(mode)


class Build:
    """One configuration of the copy; core() and kpid() link programs with another object in place of one."""

    def __init__(self, source, directory, flags, options=()):
        self.source, self.directory, self.scratch = source, directory, directory / "mutant"
        common = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=None", f"-DCMAKE_C_FLAGS={flags}", "-DKPID_BENCH=OFF"]
        run(["cmake", "-S", str(source), "-B", str(directory), *common, *options])
        rules = run(["ninja", "-t", "targets", "all"], cwd=directory).stdout.decode()
        programs = re.findall(r"^(tests/(?:aggregators|laws)/\w+): C_EXECUTABLE", rules, re.M)
        run(["ninja", "-j", "1", "bin/kpid", *programs], cwd=directory)
        self.compiled = {
            str(Path(c["file"]).relative_to(source)): shlex.split(c["command"])
            for c in json.loads((directory / "compile_commands.json").read_text())
        }
        self.links = {
            "kpid": self.link_of("bin/kpid"),
            "units": self.joined([p for p in programs if "/aggregators/" in p]),
            "laws": self.joined([p for p in programs if "/laws/" in p]),
        }
        self.archive = "aggregators/libkpid_aggregators.a"
        (self.scratch / "aggregators").mkdir(parents=True, exist_ok=True)
        for copy in ("whole.a", "lib.a"):
            shutil.copy(directory / self.archive, self.scratch / copy)
        for name in self.links:
            self.link(name)

    def link_of(self, target):
        lines = run(["ninja", "-t", "commands", "-s", target], cwd=self.directory).stdout.decode().strip().splitlines()
        words = shlex.split(lines[-1].split("&&")[1])
        return words[: words.index("-o")] + words[words.index("-o") + 2 :]

    def joined(self, programs):
        """One program of the tests of several, so that a mutation costs one link."""
        first = self.link_of(programs[0])
        own = [word for word in first if "/test_" in word and word.endswith(".o")]
        at = first.index(own[0])
        others = [w for p in programs[1:] for w in self.link_of(p) if "/test_" in w and w.endswith(".o")]
        return first[:at] + others + first[at:]

    def program(self, name):
        return self.scratch / name

    def object_of(self, file, text):
        """The object of a file with that text; None if it does not compile. Compiled at the same place each time, so that
        equal code gives equal bytes."""
        path = self.scratch / file
        path.write_text(text)
        words = list(self.compiled[file])
        words[words.index("-o") + 1] = str(path) + ".o"
        words[words.index("-c") + 1] = str(path)
        done = run([*words, "-w"], cwd=self.directory, check=False, seconds=60)
        return Path(str(path) + ".o").read_bytes() if done.returncode == 0 else None

    def put(self, file):
        """The object that was compiled last takes the place of the file's own."""
        shutil.copy(self.scratch / "whole.a", self.scratch / "lib.a")
        (self.scratch / Path(file).name).with_suffix(".c.o").write_bytes((self.scratch / (file + ".o")).read_bytes())
        run(["ar", "r", "lib.a", Path(file).name + ".o"], cwd=self.scratch)

    def link(self, name):
        words = [str(self.scratch / "lib.a") if word == self.archive else word for word in self.links[name]]
        run([*words, "-o", str(self.program(name))], cwd=self.directory)


class Worlds:
    """Random worlds with the lines that both programs agree on when nothing is broken."""

    def __init__(self, source, directory, kpid):
        self.cases, self.directory = [], directory
        sys.path[:0] = [str(source / "tests" / part) for part in ("integration", "oracle", "support")]
        os.environ["KPID"], os.environ["SOURCE_DIR"] = str(kpid), str(source)
        import harness
        import nasty
        import test_oracle
        from customers import Customers
        from dated import Dated
        from planned import Planned

        help_text = run([str(kpid), "replay", "--help"]).stdout.decode()
        shown = [option for option in ("--strengths", "--intervals") if option in help_text]
        sections = json.loads(run([str(kpid), "check", "--schema"]).stdout)["properties"]
        for number, (what, settings, as_of) in enumerate(test_oracle.EDGES):
            near, zone = [test_oracle.instant(t) for t in as_of], settings.get("zone", "UTC")
            planned = functools.partial(Planned, company=settings.get("company", "all"))
            kinds = ((None, nasty.World, ()), (1, Customers, ()), (2, Dated, ()), (3, planned, shown))
            for order, world, extra in kinds[number % 2 :: 2] if number > 3 else kinds:
                to = directory / f"world-{len(self.cases)}"
                shutil.rmtree(to, ignore_errors=True)
                to.mkdir(parents=True)
                given = dict(settings)
                if world in (Dated, planned):
                    given.update(world(700 + number, near, zone).settings())
                if "plan" in given:
                    plan = {name: part for name, part in given["plan"].items() if name in sections}
                    if "kpis" not in plan:  # this kpid has no own KPIs, and so no targets for them
                        plan["targets"] = [row for row in plan["targets"] if not row["kpi"].startswith("own_")]
                    given["plan"] = plan
                files = nasty.write(700 + number, WORLD_RECORDS, to, near, zone, world)
                files = harness.interleave(files, order + number) if order else list(files.items())
                options = harness.Options(**given)
                config = options.write_config(to / "kpid.yaml")
                expected, counted = self.oracle_says(harness, source, files, as_of, options, to, extra)
                words = ["replay", "--format", "ndjson", *extra, "--config", str(config)]
                words += [word for t in as_of for word in ("--as-of", t)] + harness.file_arguments(files)
                done = run([str(kpid), *words])
                count, wrong = harness.compare(done.stdout, expected)
                ours = harness.accounting(done.stderr)
                wrong += [part for part in counted if part in ours and part != "ties" and ours[part] != counted[part]]
                if wrong:
                    fail(f"{what}: kpid and the oracle differ before any mutation: {wrong[:3]}")
                self.cases.append((count, words, done.stdout, done.stderr.strip().splitlines()[-1]))

    def oracle_says(self, harness, source, files, as_of, options, to, extra):
        """Its answer depends on its own text and on what it is asked: it is asked once."""
        digest = hashlib.sha256(repr([as_of, extra, vars(options)]).encode())
        for path in [*sorted((source / "tests" / "oracle").glob("*.py")), *(path for _, path in files)]:
            digest.update(Path(path).read_bytes())
        known = self.directory / "oracle" / digest.hexdigest()
        if not known.exists():
            expected, counted = harness.ask_oracle(files, as_of, options, to, extra)
            known.parent.mkdir(exist_ok=True)
            known.write_bytes(json.dumps(counted).encode() + b"\n" + expected)
        counted, expected = known.read_bytes().split(b"\n", 1)
        return expected, json.loads(counted)

    def check(self, kpid, left):
        for _, words, expected, accounting in self.cases:
            done = run([str(kpid), *words], seconds=left(), memory=MEMORY_MAX, check=False)
            if done.returncode or done.stdout != expected or done.stderr.strip().splitlines()[-1] != accounting:
                return False
        return True


def check_stories(source, kpid, left):
    import test_stories

    for story in test_stories.stories():
        expected, absent = (test_stories.lines_of(story / f"{name}.ndjson") for name in ("expected", "absent"))
        instants = sorted({json.loads(line).get("as_of") for line in expected + absent} - {None})
        config = story / "kpid.yaml"
        for number in (0, 1):
            words, _ = test_stories.told(story, number, kpid.parent)
            words += ["--config", str(config)] if config.exists() else []
            words += [word for t in instants for word in ("--as-of", t)]
            done = run([str(kpid), "replay", "--format", "ndjson", *words], seconds=left(), memory=MEMORY_MAX, check=False)
            if done.returncode or test_stories.compare(done.stdout, expected, absent):
                return False
    return True


def check_program(build, name, left, memory=MEMORY_MAX):
    # Freed and fresh memory is filled, so that what was never set shows.
    env = dict(os.environ, SOURCE_DIR=str(build.source), ROUNDS="1", MALLOC_PERTURB_="165")
    env.pop("SEED", None)
    words = [str(build.program(name)), "--jobs", "1", "--fail-fast", "--quiet"]
    return run(words, seconds=left(), memory=memory, env=env, check=False).returncode == 0


class Tests:
    def __init__(self, source, directory):
        self.plain = Build(source, directory / "plain", "-O1")
        self.sanitized = Build(
            source, directory / "sanitized", "-O1", ["-DKPID_SANITIZE=address,undefined", "-DCMAKE_C_COMPILER=gcc"]
        )
        random.seed(0)
        os.environ.pop("SEED", None)
        self.worlds = Worlds(source, directory, self.plain.program("kpid"))
        import test_stories

        test_stories.SEED = 1
        self.seconds, self.source = {}, source
        for name, stage in self.stages():
            began = time.monotonic()
            if not stage(lambda: 600):
                fail(f"{name} fails before any mutation")
            self.seconds[name] = time.monotonic() - began

    def stages(self):
        yield "units", lambda left: check_program(self.plain, "units", left)
        yield "worlds", lambda left: self.worlds.check(self.plain.program("kpid"), left)
        yield "stories", lambda left: check_stories(self.source, self.plain.program("kpid"), left)
        yield "sanitized", lambda left: check_program(self.sanitized, "units", left, None)
        yield "laws", lambda left: check_program(self.plain, "laws", left)

    def caught_by(self, file, text):
        """The name of the first test that fails, or None."""
        self.plain.put(file)
        for name, stage in self.stages():
            if name == "sanitized":
                self.sanitized.object_of(file, text)
                self.sanitized.put(file)
                self.sanitized.link("units")
            elif name in ("units", "laws"):
                self.plain.link(name)
            elif name == "worlds":
                self.plain.link("kpid")
            until = time.monotonic() + 5 + 5 * self.seconds[name]
            try:
                if not stage(lambda: max(0.1, until - time.monotonic())):
                    return name
            except subprocess.TimeoutExpired:
                return f"{name}, time-out"
        return None


def read_equivalents(path):
    """{(file, line before, old line, new line): reason}; without their indentation, so that they outlive line numbers."""
    found = {}
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        lines = block.splitlines()
        said = [line[1:].strip() for line in lines if line.startswith("#")]
        rest = [line for line in lines if not line.startswith("#")]
        if not rest:
            continue
        if len(rest) != 4 or [line[:2].strip() for line in rest[1:]] != ["", "-", "+"] or not said:
            fail(f"{path.name}: not a file, the line before, - old, + new and # why: {block}")
        found[(rest[0].strip(), *(line[2:].strip() for line in rest[1:]))] = " ".join(said)
    return found


def main():
    parser = argparse.ArgumentParser(description="how many small breaks of aggregators/ the tests of the core notice")
    parser.add_argument("--count", type=int, default=120, help="mutations to judge (120)")
    parser.add_argument("--seed", type=int, default=1, help="chooses them (1)")
    parser.add_argument("--only", default="", help="those of them in whose file:line:mutation this is found (a regular expression)")
    parser.add_argument("--list", action="store_true", help="name them, run nothing")
    parser.add_argument("--commit", default="HEAD", help="what to copy (HEAD)")
    parser.add_argument("--also", action="append", default=[], metavar="PATH", help="as it stands, not as committed")
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "mutation")
    options = parser.parse_args()

    wanted = committed(options.commit, options.also)
    core = sorted(name for name in wanted if name.startswith("aggregators/") and name.endswith(".c"))
    sources = {name: wanted[name][0].decode() for name in core}
    chosen = choose(sources, options.seed, options.count)
    if options.list:
        for file, (quota, order) in chosen.items():
            for m in order[:quota]:
                print(f"{file}:{m.line}:{m.what}\n    {m.new.strip()}")
        return

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    source = options.directory / "source"
    write_sources(wanted, source)
    equivalents = read_equivalents(HERE / "equivalent.txt")
    tests = Tests(source, options.directory)
    took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in tests.seconds.items())
    values = sum(count for count, *_ in tests.worlds.cases)
    print(f"{len(tests.worlds.cases)} worlds with {values} values; {took}; all in {time.monotonic() - began:.0f} s", flush=True)

    caught, survived, equivalent, same_code, broken = [], [], [], 0, 0
    for file, (quota, order) in chosen.items():
        whole = tests.plain.object_of(file, sources[file])
        judged = 0
        for m in order:
            if judged == quota:
                break
            name = f"{file}:{m.line}:{m.what}"
            lines = sources[file].split("\n")
            lines[m.line - 1] = m.new
            text = "\n".join(lines)
            compiled = tests.plain.object_of(file, text)
            if compiled is None or compiled == whole:
                broken += compiled is None
                same_code += compiled is not None
                continue
            judged += 1
            if not re.search(options.only, name):
                continue
            before = sources[file].split("\n")[m.line - 2].strip()
            reason = equivalents.get((file, before, m.old.strip(), m.new.strip()))
            since = time.monotonic()
            by = tests.caught_by(file, text)
            seconds = time.monotonic() - since
            if by:
                caught.append((name, seconds))
                print(f"caught      {name}  ({by}; {seconds:.1f} s)", flush=True)
                if reason:
                    print("            … although equivalent.txt lists it", flush=True)
            elif reason:
                equivalent.append(name)
                print(f"equivalent  {name}  ({reason})", flush=True)
            else:
                survived.append((name, m))
                print(f"survived    {name}  ({seconds:.1f} s)\n            {m.new.strip()}", flush=True)

    total = len(caught) + len(survived)
    share = len(caught) / total if total else 1
    report = [f"survived: {name}\n  - {m.old.strip()}\n  + {m.new.strip()}" for name, m in survived]
    report.append(
        f"{total + len(equivalent)} mutations (seed {options.seed}): {len(caught)} caught, {len(survived)} survived, "
        f"{len(equivalent)} equivalent; {100 * share:.1f} % caught; passed over: {same_code} of the same object code, "
        f"{broken} that do not compile; {time.monotonic() - began:.0f} s"
    )
    (options.directory / "report.txt").write_text("\n".join(report) + "\n")
    print("\n".join(report))
    sys.exit(1 if share < SHARE_MIN else 0)


if __name__ == "__main__":
    main()
