"""The hard stories of tests/stories: `kpid replay` says what was worked out by hand.

A story is a folder: README.md with the working, events, perhaps kpid.yaml, expected.ndjson with lines that must be in the
output as they stand, absent.ndjson with patterns that no line may match (members that must all be equal). The instants
are those that expected.ndjson and absent.ndjson name. Each story is told as it was written, and in five other orders,
some lines of it twice.

SEED replaces the seed of the orders, STORIES (names, with commas) the stories.
"""

import json
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from harness import KINDS, ROOT, Stopwatch, replay, scratch, show  # noqa: E402

ORDERS = 5
STORIES_MIN = 10
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(10**6))))
KEYS = ("as_of", "dimension", "entity", "window", "kpi")


def stories():
    folder = Path(os.environ.get("SOURCE_DIR", ROOT)) / "tests" / "stories"
    names = os.environ.get("STORIES")
    found = sorted(path for path in folder.iterdir() if path.name[0].isdigit())
    return [path for path in found if path.name in names.split(",")] if names else found


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def shuffled(chance, lines):
    """The lines in another order, a third of them twice."""
    mixed = lines + chance.sample(lines, len(lines) // 3)
    chance.shuffle(mixed)
    return mixed


def told(story, number, directory):
    """Arguments for the story's events in the order of that number, and how many they are; 0 is as they were written.
    Each kind comes in parts, and the parts of all kinds mixed: a payment may be before its deal and its lead."""
    chance = random.Random(f"{SEED} {story.name} {number}")
    parts, count = [], 0
    for kind in KINDS:
        lines = lines_of(story / f"{kind}.ndjson")
        if number > 0:
            lines = shuffled(chance, lines)
        cut = chance.randrange(len(lines) + 1) if number > 0 else len(lines)
        for part in (lines[:cut], lines[cut:]):
            if part:
                parts.append((kind, part))
        count += len(lines)
    if number > 0:
        chance.shuffle(parts)
    arguments = []
    for at, (kind, lines) in enumerate(parts):
        path = Path(directory) / f"{at}-{kind}.ndjson"
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        arguments += [f"--{kind}", str(path)]
    return arguments, count


def compare(output, expected, absent):
    """Differences: each a text that shows the expected and the actual line."""
    lines = output.decode("utf-8").splitlines()
    standing, by_key, wrong = set(lines), {}, []
    for line in lines:
        fields = json.loads(line)
        by_key[tuple(fields[key] for key in KEYS)] = line
    for line in expected:
        if line not in standing:
            fields = json.loads(line)
            actual = by_key.get(tuple(fields[key] for key in KEYS), "no such line")
            wrong.append(f"expected {line}\n    actual   {actual}")
    for pattern in absent:
        members = json.loads(pattern).items()
        for line in lines:
            fields = json.loads(line)
            if all(fields.get(name) == value for name, value in members):
                wrong.append(f"absent   {pattern}\n    actual   {line}")
                break
    return wrong


def check(story):
    expected, absent = lines_of(story / "expected.ndjson"), lines_of(story / "absent.ndjson")
    instants = sorted({json.loads(line).get("as_of") for line in expected + absent} - {None})
    config = story / "kpid.yaml"
    wrong, first = [], None
    if not expected or not absent or not instants or not lines_of(story / "README.md"):
        wrong.append("it lacks its README, what is expected, or what must be absent")
    for number in range(ORDERS + 1):
        with scratch() as directory:
            arguments, count = told(story, number, directory)
            output, counted = replay({}, instants, config if config.exists() else None, arguments)
        differences = compare(output, expected, absent)
        first = output if first is None else first
        if output != first:
            differences.append("other bytes than in the order that it was written in")
        if counted["read"] != count or counted["dead_lettered"]:
            differences.append(f"{count} lines, and kpid counted {counted}")
        wrong += [f"order {number}: {line}" for line in differences]
    return len(expected) + len(absent), wrong


def main():
    watch, total, bad = Stopwatch(), 0, 0
    chosen = stories()
    print(f"SEED={SEED}")
    for story in chosen:
        count, wrong = check(story)
        print(f"{story.name}: {count} lines, {ORDERS + 1} orders, {len(wrong)} wrong", flush=True)
        show(wrong)
        total, bad = total + count, bad + len(wrong)
    print(f"{len(chosen)} stories, {total} lines, {bad} wrong ({watch})")
    sys.exit(1 if bad or (len(chosen) < STORIES_MIN and "STORIES" not in os.environ) else 0)


if __name__ == "__main__":
    main()
