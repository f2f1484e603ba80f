#!/usr/bin/env python3
"""pipeline.py - from real Kafka to applied: what kpid does with a topic, beside a raw librdkafka drain of the same
topics in the same run. Only their ratio says something on a machine that others use as well.

    pipeline.py BUILD_DIR [--records N] [--rounds N]

Prints a JSON line a measurement, and a summary on standard error. CPU is that of the process that is measured, user and
system, from its start until the last event was applied; Kafka and Redis are not in it.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
import servers  # noqa: E402

TOPICS = ["leads", "deals", "payments", "feedback"]


def cpu_s(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) // 1024


def events_read(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            match = re.search(r"^kpid_events_read_total (\d+)", answer.read().decode(), re.M)
            return int(match.group(1)) if match else 0
    except OSError:
        return 0


def run_kpid(kpid, kafka, total):
    """kpid from nothing until all events are applied."""
    port = servers.free_port()
    with servers.Redis() as redis:
        begin = time.monotonic()
        process = subprocess.Popen([kpid, "run", "--brokers", kafka.bootstrap, "--redis", redis.address, "--http-port",
                                    str(port)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while events_read(port) < total:
                if process.poll() is not None:
                    raise RuntimeError(f"kpid ended with {process.returncode}")
                time.sleep(0.02)
            seconds, cpu = time.monotonic() - begin, cpu_s(process.pid)
            memory = memory_mib(process.pid)
        finally:
            process.terminate()
            process.wait()
    return {"what": "kpid", "events": total, "seconds": round(seconds, 3), "events_per_s": round(total / seconds),
            "cpu_s_per_million": round(cpu / total * 1e6, 3), "memory_mib": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build_dir")
    parser.add_argument("--records", type=int, default=250000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ["KPID_BIN_DIR"] = os.path.join(os.path.abspath(arguments.build_dir), "bin")
    kpid = os.path.join(os.environ["KPID_BIN_DIR"], "kpid")

    best = {}
    with servers.Kafka(heap="1g") as kafka:
        kafka.create_topic(*TOPICS, partitions=4)
        kafka.create_topic("kpid-dead-letters")
        begin = time.monotonic()
        subprocess.run([kpid, "simulate", "--records", str(arguments.records), "--days", "365", "--managers", "100",
                        "--teams", "10", "--garbage", "0", "--brokers", kafka.bootstrap], check=True,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        total = sum(end - first for topic in TOPICS for first, end in kafka.offsets(topic).values())
        print(json.dumps({"what": "fill", "events": total, "seconds": round(time.monotonic() - begin, 3)}), flush=True)
        for _ in range(arguments.rounds):
            for result in (json.loads(kafka.tool("bench-drain", *TOPICS)), run_kpid(kpid, kafka, total)):
                if result["events"] != total:
                    sys.exit(f"{result['what']}: {result['events']} events, not {total}")
                print(json.dumps(result), flush=True)
                what = result["what"]
                if what not in best or result["events_per_s"] > best[what]["events_per_s"]:
                    best[what] = result
    drain, kpid = best["drain"], best["kpid"]
    for name, r in (("raw drain", drain), ("kpid", kpid)):
        print(f"{name:10} {r['events_per_s']:>10,} events/s {r['cpu_s_per_million']:>8.2f} CPU-s/million",
              file=sys.stderr)
    print(f"kpid needs {kpid['cpu_s_per_million'] / drain['cpu_s_per_million']:.1f} times the CPU of a raw drain; "
          f"{kpid['memory_mib']} MiB", file=sys.stderr)


if __name__ == "__main__":
    main()
