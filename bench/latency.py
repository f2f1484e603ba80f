#!/usr/bin/env python3
"""latency.py - how old an event is when its number stands in Redis, at fixed rates, beside a bare consumer of the same run.

    latency.py BUILD_DIR [--rates N,N...] [--seconds N] [--ticks T,T...]

Real Kafka and Redis; bench/bench_latency.c produces in an open loop and measures, and says how. Each run has a kpid, a topic and a
Redis of its own. The ticks are publish.tick: its smallest value and its default; cores are what kpid, Redis, the broker, of that its
compilers, and the producer with its consumer and subscriber took of the processors. A broker that has just started is compiled while it runs: at 20,000 events a second that takes one of two
cores for ten seconds and more, and what is produced meanwhile waits before the broker for up to a second. So it is driven, and not
measured, until that is over.
Goals: at 20,000 events a second with the smallest tick half of the events are visible within 5 ms, 99 of 100 within 20 ms.
"""

import argparse
import json
import os
import resource
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
import servers  # noqa: E402
from daemon import Daemon  # noqa: E402

CONFIG = """
inputs: [{{kind: deal, topic: {topic}}}]
publish: {{tick: {tick}}}
"""
GOAL_RATE, GOAL_P50_MS, GOAL_P99_MS = 20000, 5, 20
WARM_UP_S, WARM_UPS_MAX, COMPILING_CORES = 10, 8, 0.1


def name_and_cpu_s(stat):
    """User and system time so far of a process or thread, by the file that Linux has about it."""
    with open(stat, encoding="utf-8") as file:
        name, fields = file.read().split("(", 1)[1].rsplit(")", 1)
    return name, sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    return name_and_cpu_s(f"/proc/{pid}/stat")[1]


def compilers_s(pid):
    """The same of a Java program's compilers."""
    total_s = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            name, of_task_s = name_and_cpu_s(f"/proc/{pid}/task/{task}/stat")
        except OSError:
            continue  # it has just ended
        if name.startswith(("C1 Comp", "C2 Comp")):
            total_s += of_task_s
    return total_s


def children_s():
    """The same of the programs that have ended: of bench_latency, between two looks at it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fetch_wait_ms(tick):
    """As kpid's consumer waits: consumers/kafka.c, make_client."""
    return str(min(int(tick.removesuffix("ms")) // 5, 10))


def measure(kafka, program, topic, tick, rate, seconds):
    kafka.create_topic(topic, partitions=4)
    with servers.Redis() as redis, Daemon("--brokers", kafka.bootstrap, "--redis", redis.address,
                                          config=CONFIG.format(topic=topic, tick=tick)) as kpid:
        kpid.wait_ready()
        before = cpu_s(kpid.process.pid), cpu_s(redis.pid), compilers_s(kafka.pid), cpu_s(kafka.pid), children_s()
        line = subprocess.run([program, kafka.bootstrap, str(redis.port), topic, str(rate), str(seconds), fetch_wait_ms(tick)],
                              check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
        result = json.loads(line)
        result["cores"] = (cpu_s(kpid.process.pid) - before[0]) / seconds
        result["redis_cores"] = (cpu_s(redis.pid) - before[1]) / seconds
        result["compiling_cores"] = (compilers_s(kafka.pid) - before[2]) / seconds
        result["broker_cores"] = (cpu_s(kafka.pid) - before[3]) / seconds
        result["bench_cores"] = (children_s() - before[4]) / seconds
        result["publishes"] = int(kpid.metric("kpid_publish_total"))
        kpid.stop()
    kafka.tool("delete-topic", topic)
    return result


def warm_up(kafka, program):
    for round_ in range(WARM_UPS_MAX):
        if measure(kafka, program, f"warm-up-{round_}", "100ms", GOAL_RATE, WARM_UP_S)["compiling_cores"] < COMPILING_CORES:
            break


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build_dir")
    parser.add_argument("--rates", default="1000,20000,100000")
    parser.add_argument("--ticks", default="10ms,100ms")
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    os.environ["KPID_BIN_DIR"] = os.path.join(os.path.abspath(arguments.build_dir), "bin")
    program = os.path.join(arguments.build_dir, "bench", "bench_latency")
    smallest = arguments.ticks.split(",")[0]
    goal = None
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")

    names = ("stored", "Kafka", "in Redis", "difference")
    print(f"{'':>6} {'events/s':>9} {'sent/s':>8} {'publishes/s':>11} {'cores: kpid, Redis, broker, compilers, bench':>45} " +
          "".join(f"  {name + ', ms':^22} " for name in names))
    print(f"{'tick':>6} {'':>9} {'':>8} {'':>11} {'':>45} " + f"  {'p50':>6} {'p99':>7} {'max':>7} " * len(names))
    with servers.Kafka(heap="1g") as kafka:
        kafka.create_topic("kpid-dead-letters")
        warm_up(kafka, program)
        for tick in arguments.ticks.split(","):
            for rate in map(int, arguments.rates.split(",")):
                r = measure(kafka, program, f"deals-{tick}-{rate}", tick, rate, arguments.seconds)
                figures = "".join(f"  {r[of]['p50_ms']:>6.1f} {r[of]['p99_ms']:>7.1f} {r[of]['max_ms']:>7.1f} "
                                  for of in ("stored", "kafka", "redis", "difference"))
                print(f"{tick:>6} {rate:>9,} {r['sent_a_second']:>8,.0f} {r['publishes'] / arguments.seconds:>11.0f} "
                      f"{r['cores']:>13.2f} {r['redis_cores']:>7.2f} {r['broker_cores']:>7.2f} {r['compiling_cores']:>8.2f} {r['bench_cores']:>6.2f}"
                      f"{figures}", flush=True)
                if r["lost"] or r["refused"]:
                    sys.exit(f"latency: {r['lost']} probes were never seen, {r['refused']} messages refused")
                if tick == smallest and rate == GOAL_RATE:
                    goal = r["redis"]
    if goal:
        met = goal["p50_ms"] <= GOAL_P50_MS and goal["p99_ms"] <= GOAL_P99_MS
        print(f"goal at {GOAL_RATE:,}/s, tick {smallest}: p50 {goal['p50_ms']:.1f} of {GOAL_P50_MS} ms, "
              f"p99 {goal['p99_ms']:.1f} of {GOAL_P99_MS} ms: {'met' if met else 'missed'}")


if __name__ == "__main__":
    main()
