"""Shrinking finds the few events that a difference needs: a planted one, and one that a kpid makes that lies.

The lying kpid is the real one behind a script that says one more won deal wherever the word "won" came to it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

import nasty  # noqa: E402
from harness import Options, kpid, scratch  # noqa: E402
from shrink import Shrinker, shrink  # noqa: E402
from test_oracle import instant  # noqa: E402

AS_OF = ["2024-02-29T10:07:13Z", "2024-03-31T12:00:00Z"]
LIAR = """#!/usr/bin/env python3
import subprocess, sys
done = subprocess.run([{kpid!r}, *sys.argv[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
told = done.stdout.replace(b'"kpi":"deals_won","value":"1"', b'"kpi":"deals_won","value":"2"')
sys.stdout.buffer.write(told)
sys.stderr.buffer.write(done.stderr)
sys.exit(done.returncode)
"""


def expect(what, is_so):
    print(f"{what}: {'yes' if is_so else 'NO'}", flush=True)
    return 0 if is_so else 1


def planted(files, as_of, options, directory, extra):
    """Different where a deal has an amount and a payment has a margin."""
    texts = {kind: path.read_bytes() for kind, path in files.items()}
    return b'"amount"' in texts.get("deals", b"") and b'"margin"' in texts.get("payments", b"")


def main():
    wrong = 0
    with scratch() as directory:
        files = nasty.write(900, 300, Path(directory), [instant(t) for t in AS_OF])
        shrinker = Shrinker(files, AS_OF, Options(), directory, (), planted)
        shrinker.shrink()
        left = sorted((kind, sorted(json.loads(line))) for kind, line in shrinker.events)
        wrong += expect("two events of one member are left", left == [("deals", ["amount"]), ("payments", ["margin"])])
        wrong += expect("and one instant", len(shrinker.as_of) == 1)

        liar = Path(directory) / "liar"
        liar.write_text(LIAR.format(kpid=kpid()))
        liar.chmod(0o755)
        honest, os.environ["KPID"] = os.environ.get("KPID"), str(liar)
        os.environ["SHRUNK_DIR"] = directory
        files = nasty.write(901, 40, Path(directory) / "more", [instant(t) for t in AS_OF])
        folder = shrink(files, AS_OF, Options(), directory)
        wrong += expect("a difference is found and written", folder is not None)
        lines = [line for path in folder.glob("*.ndjson") for line in path.read_text().splitlines()]
        wrong += expect("it is one event", len(lines) == 1 and '"won"' in lines[0])
        command = [str(liar), "replay", "--config", str(folder / "kpid.yaml"), "--deals", str(folder / "deals.ndjson")]
        wrong += expect("kpid replays it", subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0)
        if honest:
            os.environ["KPID"] = honest
        else:
            del os.environ["KPID"]
        wrong += expect("an honest kpid does not differ", shrink(files, AS_OF, Options(), directory) is None)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
