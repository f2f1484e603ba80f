#!/usr/bin/env python3
"""places.py - what stands where it may not: includes against tests/layers.txt, bans against tests/lint/bans.txt,
words and paths that no file may contain. Prints file:line: what, and what to use instead; exit 1 if anything."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIBRARIES = re.compile(
    r"^(librdkafka|hiredis|curl|systemd|jemalloc|criterion|openssl)/|^(yaml|jansson|yyjson|xxhash|lmdb|microhttpd|sqlite3)\.h$")
# Put together so that this file does not contain what it looks for.
WORDS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
PATHS = re.compile(r"(?<![\w.$}{~*-])/(home/\w|ro" + r"ot/\w|wo" + r"rk/|Users/\w|tmp/kp" + r"id/)")

problems = []


def problem(path, line, text):
    problems.append(f"{path}:{line}: {text}")


def files():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    return [f for f in out.splitlines() if os.path.isfile(os.path.join(ROOT, f))]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def bare(code, strings):
    """C without comments and, unless `strings`, without the inside of literals; line numbers stay."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def replace(match):
        text = match.group()
        if text.startswith("/"):
            return "\n" * text.count("\n")
        return text if strings else '""'

    return token.sub(replace, code)


def layers():
    table = {}
    for line in read("tests/layers.txt").splitlines():
        if line and not line.startswith("#"):
            folder, *rest = line.split()
            table[folder] = ({r for r in rest if "." not in r} | {folder}, {r for r in rest if "." in r})
    return table


def check_includes(path, code, table):
    folder = path.split("/")[0]
    for number, line in enumerate(bare(code, True).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quote, name = match.groups()
        if quote == '"':
            if not os.path.isfile(os.path.join(ROOT, name)):
                problem(path, number, f'"{name}" is no path from the root')
            elif folder in table and name.split("/")[0] not in table[folder][0]:
                below = ", ".join(sorted(table[folder][0]))
                problem(path, number, f'{folder} may not use {name.split("/")[0]} (only {below}); '
                                      "what two stations need moves down into base/")
        elif folder in table and LIBRARIES.search(name) and name not in table[folder][1]:
            problem(path, number, f"{folder} may not use <{name}>; tests/layers.txt says where it is used")


def check_bans(path, code, bans):
    folder = path.split("/")[0]
    lines = None
    for name, expression, folders, excepted, instead in bans:
        if folder not in folders or path in excepted:
            continue
        if lines is None:
            lines = bare(code, False).splitlines()
        for number, line in enumerate(lines, 1):
            if expression.search(line):
                problem(path, number, f"{name}: not here; use {instead}")


def load_bans():
    bans = []
    for line in read("tests/lint/bans.txt").splitlines():
        if line and not line.startswith("#"):
            name, expression, folders, excepted, instead = line.split("\t")
            bans.append((name, re.compile(expression), folders.split(), excepted.split(), instead))
    return bans


def main():
    table, bans = layers(), load_bans()
    for path in files():
        if path.endswith((".csv", ".ndjson", ".png", ".svg")) or path.startswith(("tests/data/", "tests/fuzz/corpus/")):
            continue
        text = read(path)
        if path.endswith((".c", ".h")):
            check_includes(path, text, table)
            check_bans(path, text, bans)
            if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.M):
                problem(path, 1, "a header begins with #pragma once")
        for number, line in enumerate(text.splitlines(), 1):
            if WORDS.search(line):
                problem(path, number, "what is not done is an issue, not a word in a file")
            if PATHS.search(line):
                problem(path, number, "a path of one machine")
    print("\n".join(problems) if problems else "places: nothing stands where it may not")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
