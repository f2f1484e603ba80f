#!/usr/bin/python3
"""pipeline.py - from real Kafka to Redis: what kpid does with topics, beside a raw librdkafka drain of the same topics and
beside other programs that compute a part of the same KPIs (bench/peers), in turns. Only ratios of one run say something on a
machine that others use as well.

    pipeline.py BUILD_DIR [--records N] [--managers N] [--rounds N] [--only NAME,NAME…] [--skip-verdicts] [--json FILE]

Prints one table, and a JSON line a measurement into a file (BUILD_DIR/../bench/pipeline.json). Fails if kpid is wrong.

A contender's time runs until all events are in what it has written to Redis; kpid's from the start of its process, the
others' from when they begin to read, so that no start of a virtual machine is in it (it stands in a column of its own). CPU
is user and system time of the process with all its threads, over the same span; Kafka and Redis are not in it. The drain
computes nothing and writes nothing.
"""

import argparse
import glob
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

import contenders
import verdict
from contenders import NAMES, TOPICS, servers

DAYS = 365
PARTITIONS = 4
NASTY_RECORDS = 5000
NASTY = ("--corrections", "60", "--repeat", "10", "--late", "30", "--seed", "7")
MANAGERS, MANAGERS_A_TEAM = 100, 10


class Data:
    """A simulated floor that ends now, in the topics of a Kafka of its own and in files for the oracle."""

    def __init__(self, kpid, kafka, folder, records, managers=MANAGERS, extra=()):
        os.makedirs(folder)
        self.kafka, self.folder = kafka, folder
        start = (datetime.now(timezone.utc) - timedelta(days=DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")
        command = [kpid, "simulate", "--records", str(records), "--start", start, "--days", str(DAYS), "--managers",
                   str(managers), "--teams", str(-(-managers // MANAGERS_A_TEAM)), "--garbage", "0", *extra]
        kafka.create_topic(*TOPICS, partitions=PARTITIONS)
        kafka.create_topic("kpid-dead-letters")
        for to in (["--out", folder], ["--brokers", kafka.bootstrap]):
            subprocess.run([*command, *to], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.total = sum(end - first for topic in TOPICS for first, end in kafka.offsets(topic).values())
        files = {topic: os.path.join(folder, topic + ".ndjson") for topic in TOPICS}
        self.oracle = verdict.Oracle(files, folder)


def judge(oracle, name, stood):
    if stood is None:
        return None
    found = (oracle.judge_kpid if name == "kpid" else oracle.judge_peer)(*stood)
    for line in found[1][:3]:
        print(f"  {name}: {line}", file=sys.stderr)
    return found


def say(text):
    print(f"pipeline: {text}", file=sys.stderr, flush=True)


def output(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip()


def versions(kpid, names):
    """What was measured, and on what."""
    found = [output(kpid, "--version"), "librdkafka " + output("dpkg-query", "-W", "-f", "${Version}", "librdkafka1"),
             "Kafka " + servers.kafka_version(), "Redis " + re.search(r"v=(\S+)", output("redis-server", "--version"))[1],
             "Java " + re.search(r'"(.*?)"', output("java", "-version"))[1], "Python " + sys.version.split()[0]]
    if "python" in names:
        libraries = "import confluent_kafka as c, redis; print('confluent-kafka', c.__version__ + ', redis-py', redis.__version__)"
        found.append(output("/usr/bin/python3", "-c", libraries))
    wanted = {"java": ("kafka-clients", "kafka-streams", "rocksdbjni", "jackson-core", "jedis"),
              "flink": ("flink-table-runtime", "flink-sql-connector-kafka")}
    for peer, libraries in wanted.items():
        if any((name == "flink") == (peer == "flink") for name in names if name not in ("drain", *contenders.KPID, "python")):
            for path in sorted(glob.glob(os.path.join(contenders.jars(peer), "*.jar"))):
                library, version = re.fullmatch(r"(.+?)-(\d.*)\.jar", os.path.basename(path)).groups()
                found += [f"{library} {version}"] if library in libraries else []
    return found


def span(values, form):
    return form.format(statistics.median(values)), f"({form.format(min(values))}..{form.format(max(values))})"


def table(names, results, main, nasty):
    """Rows of text: a header and a row a contender."""
    def middle(name, key):
        return statistics.median(r[key] for r in results[name]) if name in results else None

    def ratio(name, key, to):
        return f"{middle(name, key) / middle(to, key):.3g}" if middle(to, key) else ""

    rows = [["", "events/s", "min..max", "of drain", "of kpid", "CPU s/M", "min..max", "of drain", "of kpid", "MiB", "start s",
             "main data", "nasty data"]]
    for name in names:
        rate = span([r["events_per_s"] for r in results[name]], "{:,.0f}")
        cpu = span([r["cpu_s_per_million"] for r in results[name]], "{:.2f}")
        rows.append([name, *rate, *(ratio(name, "events_per_s", to) for to in ("drain", "kpid")),
                     *cpu, *(ratio(name, "cpu_s_per_million", to) for to in ("drain", "kpid")),
                     str(max(r["memory_mib"] for r in results[name])), f"{middle(name, 'start_s'):.1f}",
                     verdict.text_of(main.get(name)), verdict.text_of(nasty.get(name))])
    return rows


def show(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        left = {0, len(row) - 2, len(row) - 1}
        print("  ".join(f"{cell:{'<' if i in left else '>'}{widths[i]}}" for i, cell in enumerate(row)).rstrip())


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build_dir")
    parser.add_argument("--records", type=int, default=250000)
    parser.add_argument("--managers", type=int, default=MANAGERS, help=f"{MANAGERS_A_TEAM} in each team")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(NAMES), help="contenders, of " + ",".join(NAMES))
    parser.add_argument("--skip-verdicts", action="store_true", help="compare nothing with the oracle")
    parser.add_argument("--json", help="where the measurements go")
    arguments = parser.parse_args()
    arguments.names = [name for name in NAMES if name in arguments.only.split(",")]
    if not arguments.names or set(arguments.only.split(",")) - set(NAMES):
        parser.error("--only: contenders are " + ", ".join(NAMES))
    arguments.build_dir = os.path.abspath(arguments.build_dir)
    arguments.json = os.path.abspath(
        arguments.json or os.path.join(os.path.dirname(arguments.build_dir), "bench", "pipeline.json"))
    return arguments


def judge_nasty(field, kpid, names, folder):
    """{name: verdict} of one run each on the small data set."""
    verdicts = {}
    with servers.Kafka() as kafka:
        data = Data(kpid, kafka, folder, NASTY_RECORDS, extra=NASTY)
        for name in names:
            verdicts[name] = judge(data.oracle, name, field.run(name, kafka, data.total)[1])
            say(f"nasty data: {name} {verdict.text_of(verdicts[name]) or 'nothing to judge'}")
    return verdicts


def measure(field, kafka, data, names, rounds, log):
    """({name: results}, {name: what stood in Redis after the last round}), in turns."""
    results, stood = {name: [] for name in names}, {}
    for number in range(1, rounds + 1):
        for name in names:
            result, stood[name] = field.run(name, kafka, data.total)
            if result["events"] != data.total:
                sys.exit(f"{name}: {result['events']} events, not {data.total}")
            results[name].append(result)
            log.write(json.dumps({"round": number, **result}) + "\n")
            log.flush()
            say(f"round {number}: {name} {result['events_per_s']:,} events/s, {result['cpu_s_per_million']:.2f} CPU s/million, "
                f"{result['memory_mib']} MiB")
    return results, stood


def show_about(about):
    print(f"\n{about['events']:,} events, {about['bytes']:,} bytes, of {about['records']:,} simulated records of {DAYS} days and "
          f"{about['managers']:,} managers, in {len(TOPICS)} topics of {PARTITIONS} partitions; {about['rounds']} rounds in "
          f"turns, medians; {about['date']}")
    print(f"nasty data: {NASTY_RECORDS:,} records, {' '.join(NASTY)}")
    print("load average before {:.2f} {:.2f} {:.2f}, after {:.2f} {:.2f} {:.2f}".format(
        *about["load_before"], *about["load_after"]))
    print(", ".join(about["versions"]))
    print("settings: kpid its defaults; kpid-as-peers " + ", ".join(contenders.AS_PEERS.splitlines()) + "; the peers publish once "
          "a second; Java's parallel collector with at most " + ", ".join(map(" ".join, contenders.HEAP.items())) + " of heap")


def main():
    arguments = parse()
    names = arguments.names
    os.environ["KPID_BIN_DIR"] = os.path.join(arguments.build_dir, "bin")
    kpid = os.path.join(arguments.build_dir, "bin", "kpid")
    os.makedirs(os.path.dirname(arguments.json), exist_ok=True)
    field = contenders.Contenders(arguments.build_dir, names)
    main_verdicts, nasty_verdicts = {}, {}
    with tempfile.TemporaryDirectory(prefix="kpid-bench-") as folder, open(arguments.json, "w", encoding="utf-8") as log:
        if not arguments.skip_verdicts:
            nasty_verdicts = judge_nasty(field, kpid, names, os.path.join(folder, "nasty"))
        with servers.Kafka(heap="1g") as kafka:
            data = Data(kpid, kafka, os.path.join(folder, "main"), arguments.records, arguments.managers)
            load_before = os.getloadavg()
            # Once for nothing: the broker's own code is compiled, and the topics are in memory.
            drained = field.run("drain", kafka, data.total)[0]
            results, stood = measure(field, kafka, data, names, arguments.rounds, log)
            load_after = os.getloadavg()
        if not arguments.skip_verdicts:
            for name in sorted(names, key=lambda name: name != "kpid"):  # its instant is the one that the oracle is asked for
                main_verdicts[name] = judge(data.oracle, name, stood[name])
        about = {"date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "events": data.total,
                 "bytes": drained["bytes"], "records": arguments.records, "managers": arguments.managers,
                 "rounds": arguments.rounds, "load_before": load_before, "load_after": load_after,
                 "versions": versions(kpid, names)}
        for name in names:
            judged = {"main": main_verdicts.get(name), "nasty": nasty_verdicts.get(name)}
            log.write(json.dumps({"what": name, **{key: verdict.text_of(found) for key, found in judged.items()}}) + "\n")
        log.write(json.dumps(about) + "\n")
    show(table(names, results, main_verdicts, nasty_verdicts))
    show_about(about)
    judged = (verdicts.get(name) for name in contenders.KPID for verdicts in (main_verdicts, nasty_verdicts))
    return 1 if any(found and found[1] for found in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
