"""kpid check on broken configurations: each message with its place, and exit 78.

tests/config/broken/NAME.yaml is wrong; NAME.expected is what `kpid check NAME.yaml` says on standard error.
"""

import os
import pathlib
import subprocess
import sys

KPID = os.environ["KPID"]
SOURCE = pathlib.Path(os.environ.get("SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BROKEN = SOURCE / "tests" / "config" / "broken"
EX_USAGE, EX_CONFIG = 64, 78
failures = []


def check(*args, env=None, cwd=BROKEN, stdin=b""):
    # An environment of our own: no secret, credential or configuration of the one who runs the tests.
    env = {"PATH": "/usr/bin:/bin", **(env or {})}
    return subprocess.run([KPID, "check", *args], cwd=cwd, env=env, input=stdin, capture_output=True, timeout=60)


def expect(what, found, wanted):
    if found != wanted:
        failures.append(f"{what}: wanted {wanted!r}, found {found!r}")


def broken_files():
    files = sorted(BROKEN.glob("*.yaml"))
    expect("at least 15 broken configurations", len(files) >= 15, True)
    for file in files:
        run = check(file.name)
        expect(f"{file.name}: exit", run.returncode, EX_CONFIG)
        expect(f"{file.name}: standard output", run.stdout, b"")
        found = run.stderr.decode().splitlines()
        wanted = file.with_suffix(".expected").read_text(encoding="utf-8").splitlines()
        expect(f"{file.name}: has problems", len(wanted) > 0, True)
        for line in wanted:
            if line not in found:
                failures.append(f"{file.name}: missing: {line}")
        for line in found:
            if line not in wanted:
                failures.append(f"{file.name}: not expected: {line}")
            expect(f"{file.name}: no secret is shown", "hunter2" in line, False)
        expect(f"{file.name}: order of the lines", found, wanted)
    return len(files)


def exit_codes():
    sample = str(SOURCE / "config" / "kpid.yaml")
    good = check("--config", sample)
    expect("sample: exit", good.returncode, 0)
    expect("sample: output", good.stdout.decode(), f"{sample}: ok (4 inputs, 12 windows, 0 rules, 0 receivers)\n")
    expect("sample: standard error", good.stderr, b"")
    quiet = check("--quiet", sample)
    expect("--quiet", (quiet.returncode, quiet.stdout), (0, b""))
    expect("$KPID_CONFIG", check(env={"KPID_CONFIG": sample}).stdout, good.stdout)
    piped = check("-", stdin=b"redis: {prot: 1}\n")
    expect("standard input: exit", piped.returncode, EX_CONFIG)
    expect(
        "standard input: message",
        piped.stderr.decode(),
        "standard input:1:9: unknown key 'prot' in redis; did you mean 'port'?\n",
    )
    missing = check("--config", "no/such.yaml")
    expect("missing file", (missing.returncode, missing.stderr), (EX_CONFIG, b"no/such.yaml: cannot be read: No such file or directory\n"))
    large = check("-", stdin=b"# " + b"x" * (1 << 20))
    expect("large file", (large.returncode, b"larger than 1048576 bytes" in large.stderr), (EX_CONFIG, True))
    expect("unknown option", check("--nonsense").returncode, EX_USAGE)
    expect("two files", check("a", "b").returncode, EX_USAGE)
    defaults = check("--print-defaults")
    expect("--print-defaults: exit", defaults.returncode, 0)
    expect("--print-defaults: is accepted", check("-", stdin=defaults.stdout).returncode, 0)
    secret = b"redis: {password_env: KPID_TEST_SECRET}\n"
    expect("secret there", check("-", stdin=secret, env={"KPID_TEST_SECRET": "x"}).returncode, 0)
    expect("secret not there", check("-", stdin=secret).returncode, EX_CONFIG)
    expect("secret not asked for", check("--without-secrets", "-", stdin=secret).returncode, 0)


count = broken_files()
exit_codes()
for failure in failures:
    print(failure, file=sys.stderr)
print(f"{count} broken configurations, {len(failures)} failures")
sys.exit(1 if failures else 0)
