"""`kpid replay` as a person meets it: formats, bad lines, exit codes, pipes, several instants. (Its numbers are the
oracle's business.)
"""

import csv
import io
import json
import os
import subprocess
import tempfile

import servers

KPID = os.environ.get("KPID") or os.path.join(servers.bin_dir(), "kpid")


def deal(number, **more):
    fields = {"deal_id": f"d{number}", "event_id": f"e{number}", "occurred_at": "2024-05-10T12:00:00Z", "stage": "won",
              "manager_id": "Zoë, \"the\" first", "amount": "10.50", "created_at": "2024-05-01T00:00:00Z",
              "closed_at": "2024-05-09T00:00:00Z"}
    return json.dumps({**fields, **more}, ensure_ascii=False)


class Case:
    def __init__(self, folder):
        self.folder = folder

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as out:
            out.write(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, *words, status=0, stdin=b"", stdout=subprocess.PIPE):
        done = subprocess.run([KPID, "replay", *words], input=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=120)
        err = done.stderr.decode()
        assert done.returncode == status, (words, done.returncode, err)
        return (done.stdout or b"").decode(), err


def values(out):
    return [json.loads(line) for line in out.splitlines()]


def formats(case):
    path = case.file("deals", deal(1) + "\n" + deal(2, amount="0.25") + "\n")
    ndjson, err = case.run("--format", "ndjson", "--deals", path)
    rows = values(ndjson)
    assert err.splitlines()[-1] == "read=2 applied=2 duplicate=0 superseded=0 dead_lettered=0 filtered=0", err
    keys = [(r["as_of"], *(r[k].encode() for k in ("dimension", "entity", "window", "kpi"))) for r in rows]
    assert keys == sorted(keys) and len(set(keys)) == len(keys)
    assert {r["as_of"] for r in rows} == {"2024-05-10T12:00:00Z"}
    one = next(line for line in ndjson.splitlines() if '"manager"' in line and '"all"' in line and "sales_volume" in line)
    assert one == ('{"as_of":"2024-05-10T12:00:00Z","dimension":"manager","entity":"Zoë, \\"the\\" first","window":"all",'
                   '"kpi":"sales_volume","value":"10.75","n":2}'), one

    text, _ = case.run("--format", "csv", "--deals", path)
    assert text.startswith("as_of,dimension,entity,window,kpi,value,n,prev,mark\r\n")
    again = [{k: v for k, v in row.items() if v} for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert again == [{k: str(v) for k, v in row.items()} for row in rows]

    table, _ = case.run("--deals", path)
    assert table.startswith("as of 2024-05-10T12:00:00Z\n") and '\nmanager  Zoë, "the" first\n' in table
    assert any(line.split() == ["sales_volume", "all", "10.75", "2"] for line in table.splitlines()), table


def instants(case):
    """Ascending, each once, whatever was asked; a date is a local midnight; previous values alone stand too."""
    path = case.file("deals", deal(1))
    config = case.file("kpid.yaml", "company: {time_zone: Europe/Berlin}\nwindows: [today, yesterday, all]\n")
    asked = ("2024-05-11", "2024-05-09T12:00:00.250Z", "2024-05-09T14:00:00.2509+02:00", "2024-05-08")
    out, _ = case.run("--format", "ndjson", "--config", config, "--deals", path, *(x for a in asked for x in ("--as-of", a)))
    rows = values(out)
    order = list(dict.fromkeys(r["as_of"] for r in rows))
    assert order == ["2024-05-07T22:00:00Z", "2024-05-09T12:00:00.250Z", "2024-05-10T22:00:00Z"], order
    alone = [r for r in rows if "value" not in r]
    assert alone and all("prev" in r and "n" not in r for r in alone), rows
    # The latest event, up to the next millisecond.
    path = case.file("late", deal(1, occurred_at="2024-05-10T12:00:00.123456Z"))
    assert values(case.run("--format", "ndjson", "--deals", path)[0])[0]["as_of"] == "2024-05-10T12:00:00.124Z"
    _, err = case.run("--as-of", "yesterday", "--deals", path, status=64)
    assert "--as-of 'yesterday'" in err


def bad_lines(case):
    lines = [deal(1).encode(), b"", b"not json", b"  \t\r", deal(2, amount="x").encode(),
             b'{"deal_id":"d3","pad":"' + b"x" * 3_000_000 + b'"}', deal(4).encode(), b'{"deal_id":"d5"}', deal(6)[:40].encode()]
    path = case.file("bad deals", b"\n".join(lines))
    good = case.run("--format", "ndjson", "--deals", case.file("good", deal(1) + "\n" + deal(4)))[0]
    for words, status in (((), 0), (("--strict",), 65)):
        out, err = case.run("--format", "ndjson", "--deals", path, *words, status=status)
        assert out == good
        told = err.splitlines()
        assert told[-1] == "read=7 applied=2 duplicate=0 superseded=0 dead_lettered=5 filtered=0", told
        places = [line.split(": ")[:2] for line in told[:-1]]
        assert places == [[f"{path}:3", "not_json"], [f"{path}:5", "bad_amount"], [f"{path}:6", "too_large"],
                          [f"{path}:8", "no_stamp"], [f"{path}:9", "not_json"]], told


def files(case):
    one, two = case.file("one", deal(1)), case.file("two", deal(2))
    both, _ = case.run("--format", "ndjson", "--deals", one, "--deals", two)
    assert case.run("--format", "ndjson", "--deals", two, "--deals", "-", stdin=deal(1).encode())[0] == both
    assert case.run("--format", "ndjson", "--deals", two, "--deals", two, "--deals", one)[0] == both
    out, err = case.run("--format", "ndjson", "--deals", case.file("empty", ""))
    assert out == "" and err.startswith("read=0 ")
    assert "No such file" in case.run("--deals", "/no/such/file", status=1)[1]
    case.run("--deals", "-", "--leads", "-", status=64)
    case.run(status=64)
    case.run(one, status=64)
    case.run("--format", "xml", "--deals", one, status=64)
    case.run("--config", case.file("c.yaml", "nope: 1\n"), "--deals", one, status=78)
    config = case.file("d.yaml", "inputs: [{kind: lead}]\n")
    assert "no input of kind deal" in case.run("--config", config, "--deals", one, status=1)[1]


def failed_writes(case):
    path = case.file("many", "\n".join(deal(n, manager_id=f"m{n}") for n in range(5000)))
    with open("/dev/full", "wb") as full:
        _, err = case.run("--format", "ndjson", "--deals", path, stdout=full, status=1)
    assert "No space left on device" in err
    process = subprocess.Popen([KPID, "replay", "--format", "ndjson", "--deals", path], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()  # head -1
    err = process.stderr.read().decode()
    assert process.wait(60) == 1 and len(err.splitlines()) == 1, err  # the accounts, and no complaint


def main():
    with tempfile.TemporaryDirectory(prefix="kpid-replay-") as folder:
        case = Case(folder)
        for test in (formats, instants, bad_lines, files, failed_writes):
            test(case)
    print("replay: formats, instants, bad lines, files and failed writes as they should be")


if __name__ == "__main__":
    main()
