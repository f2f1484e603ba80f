"""The same events in any order, with any repetition, end in the same bytes.

`kpid replay` of the CRM data and of a simulated floor, 50 times each: all lines shuffled, 20 % of them repeated,
each kind cut into files at random (as partitions would). Standard output must equal that of the events in
their first order, byte for byte; the accounting identity must hold, and every line must be accounted for.

SHUFFLES (50) and SHUFFLE_RECORDS (10,000 of the simulation) set the size, SEED the shuffles.
"""

import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from harness import Options, Stopwatch, accounting, kpid, replay, run, scratch, show, simulate  # noqa: E402
from messages import Bad, Decoder  # noqa: E402
from windows import Calendar  # noqa: E402

import crm_events  # noqa: E402

SHUFFLES = int(os.environ.get("SHUFFLES", "50"))
RECORDS = int(os.environ.get("SHUFFLE_RECORDS", "10000"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(10**6))))


def bad_lines(kind, lines):
    """Which lines are dead letters, by the oracle's judgement of each message alone."""
    decoder = Decoder(Calendar())
    record = kind if kind == "feedback" else kind[:-1]
    found = []
    for line in lines:
        try:
            decoder.decode(record, line)
            found.append(0)
        except Bad:
            found.append(1)
    return found


def shuffled(chance, lines, bad):
    """The lines in another order with a fifth of them twice, and the number of bad ones among them."""
    order = list(range(len(lines)))
    order += chance.sample(order, len(order) // 5)
    chance.shuffle(order)
    return [lines[i] for i in order], sum(bad[i] for i in order)


def check(name, files, as_of, config, directory):
    watch, wrong = Stopwatch(), []
    lines = {kind: Path(path).read_bytes().rstrip(b"\n").split(b"\n") for kind, path in files.items()}
    bad = {kind: bad_lines(kind, of_kind) for kind, of_kind in lines.items()}
    expected, counted = replay(files, as_of, config)
    total = sum(map(len, lines.values()))
    if counted["read"] != total or counted["dead_lettered"] != sum(map(sum, bad.values())):
        wrong.append(f"in order: {total} lines, {sum(map(sum, bad.values()))} bad; kpid {counted}")
    for number in range(SHUFFLES):
        chance = random.Random(f"{SEED} {name} {number}")
        command = [kpid(), "replay", "--format", "ndjson", "--config", str(config)]
        command += [word for instant in as_of for word in ("--as-of", instant)]
        read = dead = 0
        for kind, of_kind in lines.items():
            mixed, bad_ones = shuffled(chance, of_kind, bad[kind])
            read, dead = read + len(mixed), dead + bad_ones
            cut = chance.randrange(len(mixed) + 1)
            for part, some in enumerate((mixed[:cut], mixed[cut:])):
                path = Path(directory) / f"mixed-{kind}-{part}.ndjson"
                path.write_bytes(b"".join(line + b"\n" for line in some))
                command += [f"--{kind}", str(path)]
        done = run(command)
        counts = accounting(done.stderr)  # ends the test where the identity does not hold
        if done.stdout != expected:
            pairs = zip(done.stdout.splitlines() + [b""], expected.splitlines() + [b""])
            ours, first = next((pair for pair in pairs if pair[0] != pair[1]), (b"", b""))
            wrong.append(f"shuffle {number}: other bytes\n    shuffled {ours.decode()}\n    in order {first.decode()}")
        if (counts["read"], counts["dead_lettered"]) != (read, dead):
            wrong.append(f"shuffle {number}: {read} lines, {dead} bad; kpid {counts}")
    print(
        f"{name}: {total} events, {len(expected.splitlines())} lines of output, {SHUFFLES} shuffles, "
        f"{len(wrong)} wrong ({watch})",
        flush=True,
    )
    show(wrong)
    return len(wrong) + (not expected)


def main():
    print(f"SEED={SEED}")
    wrong = 0
    with scratch() as directory:
        config = Options().write_config(Path(directory) / "kpid.yaml")
        files = {kind: path for kind, (path, _) in crm_events.write(Path(directory) / "crm").items()}
        wrong += check("CRM data", files, ["2017-08-31T23:59:59Z", "2017-12-31T23:59:59Z"], config, directory)
        files = simulate(SEED, RECORDS, Path(directory) / "floor")
        wrong += check(f"floor of {RECORDS} records", files, [], config, directory)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
