#!/usr/bin/env python3
"""instructions.py - how many instructions a fixed corpus takes, by callgrind, beside what it took when somebody last looked.

    instructions.py BUILD_DIR [--accept]

Instructions do not depend on what else the machine does; they do on the compiler, so bench/instructions.json has counts for each
one by which they were accepted, and for any other they are only shown. Fails where a part takes more than 2 % more than
is accepted. --accept writes what was counted, for the compiler of BUILD_DIR; the commit that does it says why.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ACCEPTED = os.path.join(HERE, "instructions.json")
TOLERANCE = 0.02


def counted(program):
    """(toolchain, {part: (items, instructions)}), the parts in their order."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "counts")
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=part_*",
             f"--callgrind-out-file={out}", program],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"instructions: {program} under callgrind ended with {run.returncode}:\n{run.stderr}")
        table = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout
    instructions = {name: int(count.replace(",", ""))
                    for count, name in re.findall(r"^\s*([\d,]+) \([ \d.]+%\)\s+\S*:part_(\w+)", table, re.M)}
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    parts = {}
    for line in lines[1:]:
        if line["part"] not in instructions:
            sys.exit(f"instructions: callgrind says nothing of part_{line['part']}")
        parts[line["part"]] = (line["items"], instructions[line["part"]])
    return lines[0]["toolchain"], parts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build_dir")
    parser.add_argument("--accept", action="store_true")
    arguments = parser.parse_args()
    toolchain, parts = counted(os.path.join(arguments.build_dir, "bench", "bench_instructions"))
    accepted = {}
    if os.path.exists(ACCEPTED):
        with open(ACCEPTED, encoding="utf-8") as file:
            accepted = json.load(file)
    expected = accepted.get(toolchain, {})

    worse, better = [], []
    print(f"{toolchain}\n{'part':<16} {'items':>7} {'instructions':>14} {'an item':>10} {'accepted':>10} {'change':>8}")
    for part, (items, count) in parts.items():
        each, was, change = count / items, "", ""
        if part in expected:
            share = each / expected[part] - 1
            was, change = f"{expected[part]:,}", f"{share:+.1%}"
            if share > TOLERANCE:
                worse.append(part)
            elif share < -TOLERANCE:
                better.append(part)
        print(f"{part:<16} {items:>7,} {count:>14,} {each:>10,.0f} {was:>10} {change:>8}")

    if arguments.accept:
        accepted[toolchain] = {part: round(count / items) for part, (items, count) in parts.items()}
        with open(ACCEPTED, "w", encoding="utf-8") as file:
            json.dump(accepted, file, indent=2, sort_keys=True)
            file.write("\n")
        print(f"accepted for {toolchain}")
    elif not expected:
        print(f"not judged: nothing is accepted for {toolchain} (./dev bench instructions --accept)")
    elif worse:
        sys.exit(f"instructions: more than {TOLERANCE:.0%} above what is accepted: {', '.join(worse)}")
    elif better:
        print(f"less than is accepted, which should be noted (--accept): {', '.join(better)}")


if __name__ == "__main__":
    main()
