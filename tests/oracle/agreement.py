"""One input by `kpid replay` and by the oracle: every value, and how many events met which end."""

import json
from pathlib import Path

from harness import Options, Stopwatch, ask_oracle, compare, replay, show
from shrink import shrink


def check(name, files, as_of, settings, directory, note, extra=()):
    """Numbers of values compared and wrong. note(line) is called with each of the oracle's; extra: more options."""
    options, watch = Options(**settings), Stopwatch()
    config = options.write_config(Path(directory) / "kpid.yaml")
    ours, counted = replay(files, as_of, config, extra)
    theirs, expected = ask_oracle(files, as_of, options, directory, extra)
    count, wrong = compare(ours, theirs)
    for line in map(json.loads, theirs.splitlines()):
        note(line)
    if expected["ties"]:
        wrong.append(f"{expected['ties']} events tie: the input cannot be compared")
    for part in ("read", "applied", "duplicate", "superseded", "dead_lettered"):
        if counted[part] != expected[part]:
            wrong.append(f"{part}: kpid {counted[part]}, oracle {expected[part]}")
    print(f"{name}: {counted['read']} events, {count} values compared, {len(wrong)} wrong, {watch}", flush=True)
    show(wrong)
    if wrong:
        shrink(files, as_of, options, directory, extra)
    return count, len(wrong)
