#!/usr/bin/env python3
"""faults.py - what Redis, receivers of webhooks and disks that fail do to ingest, memory and numbers: real Kafka, real
Redis, `kpid run` with a checkpoint, corrections at a steady rate.

    faults.py BUILD_DIR          each fault in turn: before, during, after; a table
    faults.py BUILD_DIR soak     kills, restarts and faults at random, audits; slopes of memory and descriptors

Environment: FAULT_SECONDS (a fault lasts so long: 600), FAULT_AROUND (before and after: 60), FAULT_ONLY (names, with
commas), FAULT_RATE (events/s: 20000), FAULT_DEALS (that are corrected: 5000), SOAK_SECONDS (7200), SOAK_COMPARE (seconds
between two comparisons of all of Redis: 300), FAULT_SEED (1).

Nothing judges a duration. It fails where kpid ends, where no event is read in a second in which more than a second's worth
of them lies there, where a fault was not felt, where its own memory passes 1.5 times what it was, 6,000 bytes for each new record and 256 MiB more, where an audit finds a
difference, and where at the end of a fault Redis holds anything else than `kpid replay` prints of the same events.
"""

import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tests", "support")]
from daemon import Daemon  # noqa: E402
from faults_floor import Corrections, Receiver, Way  # noqa: E402
from published import compare  # noqa: E402
from servers import Kafka, Redis  # noqa: E402

MIB = 1 << 20
DISK = 512 * MIB
RECORD_BYTES = 6000  # what a new one may take, for it is corrected as well, and keeps 64 statements of its stage

CONFIG = """
windows: [5m, 24h, today, yesterday, month, all, now]
checkpoint: {{every: 2s}}
alerts:
  every: 1s
  receivers:
    - {{name: hook, url: "http://127.0.0.1:{hook}/", timeout: 3s}}
  rules:
    - {{name: average check, kpi: average_check, dimension: manager, window: all, below: 450100, receivers: [hook]}}
"""


def records(m):
    return sum(n for name, n in m.items() if name.startswith("kpid_records{"))


def memory(process):
    """(own, mapped) in MiB: what kpid has allocated, and pages of the store, which the system may take back."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        kib = {n: int(v) for n, v in re.findall(r"(Rss\w+):\s+(\d+)", file.read())}
    return kib["RssAnon"] / 1024, (kib["RssFile"] + kib["RssShmem"]) / 1024


def number(name, default):
    return int(os.environ.get(name, default))


class Bench:
    """The servers, the floor and one kpid, which may be started again."""

    def __init__(self, kafka, redis, folder):
        self.redis = redis
        self.state = os.path.join(folder, "state")
        os.mkdir(self.state)
        # A disk of its own that can be filled; only root may have one.
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", self.state], check=False,
                                      stderr=subprocess.DEVNULL).returncode == 0
        kafka.create_topic("leads", "deals", "payments", "feedback", "kpid-dead-letters", partitions=4)
        self.way, self.hook = Way(redis.port), Receiver()
        self.floor = Corrections(kafka, folder, number("FAULT_RATE", 20000), number("FAULT_DEALS", 5000),
                                 number("FAULT_SEED", 1))
        self.arguments = ("--brokers", kafka.bootstrap, "--redis", self.way.address, "--checkpoint",
                          os.path.join(self.state, "kpid"))
        self.grow = 4  # new deals at a time while the disk is full, so that the store must grow
        self.kpid, self.values, self.audited = None, 0, 0

    def start(self):
        self.kpid = Daemon(*self.arguments, config=CONFIG.format(hook=self.hook.port))
        self.kpid.wait_for("its pages", lambda: self.kpid.page("/metrics")[0] == 200)

    def metrics(self):
        if self.kpid.process.poll() is not None:
            raise AssertionError(f"kpid ended with {self.kpid.process.returncode}")
        return self.kpid.metrics()

    def drop(self):
        """What is left of a kpid that has ended."""
        log = self.kpid.log()
        if "Sanitizer" in log:
            raise AssertionError(log[-4000:])
        self.kpid.__exit__(None)

    def compare(self, what):
        self.floor.pause()
        self.values += compare(self.floor, self.kpid, self.redis, what)
        self.kpid.accounts()
        self.floor.go_on()

    def close(self):
        self.floor.end()
        if self.kpid:
            self.kpid.__exit__(None)
        if self.mounted:
            subprocess.run(["umount", self.state], check=True)


# --- faults ---


class Fault:
    """A context: the fault is there inside of it. felt(metrics) grows while kpid notices."""

    def __init__(self, bench):
        self.bench = bench

    def felt(self, m):
        raise NotImplementedError

    def __exit__(self, *_):
        raise NotImplementedError


class RedisFault(Fault):
    def felt(self, m):
        return sum(n for name, n in m.items() if name.startswith("kpid_redis_troubles_total"))


class RedisSlow(RedisFault):
    mode = "slow"

    def __enter__(self):
        self.bench.way.mode = self.mode

    def __exit__(self, *_):
        self.bench.way.mode = "open"

    def felt(self, m):
        return self.bench.way.delayed


class RedisHalfOpen(RedisSlow):
    mode = "half-open"

    def felt(self, m):
        return RedisFault.felt(self, m)


class RedisStopped(RedisFault):
    def __enter__(self):
        self.bench.redis.pause()

    def __exit__(self, *_):
        self.bench.redis.resume()


class RedisDead(RedisFault):
    def __enter__(self):
        self.bench.redis.kill()

    def __exit__(self, *_):
        self.bench.redis.start()


class HookFault(Fault):
    mode = "dead"

    def __enter__(self):
        self.bench.hook.turn(self.mode)

    def __exit__(self, *_):
        self.bench.hook.turn("open")

    def felt(self, m):
        return m["kpid_notifications_retried_total"]


class HookSlow(HookFault):
    mode = "slow"

    def felt(self, m):
        return self.bench.hook.delayed


class HookHalfOpen(HookFault):
    mode = "half-open"


class DiskFull(Fault):
    """Not one byte is free, and the checkpoint must grow: new deals come."""

    def __enter__(self):
        self.filler = os.path.join(self.bench.state, "filler")
        self.bench.floor.grow = self.bench.grow
        with open(self.filler, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(bytes(4096))
            except OSError:
                pass

    def __exit__(self, *_):
        os.unlink(self.filler)
        self.bench.floor.grow = 0

    def felt(self, m):
        return m["kpid_checkpoint_failures_total"]


class DiskRefuses(Fault):
    """Nothing may be written behind the first MiB of a file: as read-only, for whoever has the file open already."""

    def limit(self, size):
        pid = self.bench.kpid.process.pid
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]))

    def __enter__(self):
        self.limit(MIB)

    def __exit__(self, *_):
        self.limit(resource.RLIM_INFINITY)

    def felt(self, m):
        return m["kpid_checkpoint_failures_total"]


FAULTS = {"redis-slow": RedisSlow, "redis-dead": RedisDead, "redis-half-open": RedisHalfOpen,
          "redis-stopped": RedisStopped, "hook-slow": HookSlow, "hook-dead": HookFault, "hook-half-open": HookHalfOpen,
          "disk-full": DiskFull, "disk-refuses": DiskRefuses}


# --- phases ---


class Phase:
    """Samples of every second, and what they say."""

    def __init__(self, bench, seconds, what):
        self.bench, self.rss, self.mapped, self.fds, self.ages, self.stood = bench, [], [], [], [], 0
        self.store_age = self.end_behind = 0
        self.fresh_after = None
        begun, sent0 = time.monotonic(), bench.floor.count
        before = first = bench.metrics()
        at, behind = begun, sent0 - before["kpid_events_read_total"]
        while True:
            time.sleep(max(0.0, at + 1 - time.monotonic()))
            at = time.monotonic()
            m = bench.metrics()
            if bench.floor.trouble:
                raise bench.floor.trouble
            # What lay there at the beginning of this second, some of it still in the producer.
            if m["kpid_events_read_total"] == before["kpid_events_read_total"] and behind > bench.floor.rate:
                self.stood += 1
            behind = bench.floor.count - m["kpid_events_read_total"]
            before = m
            own, mapped = memory(bench.kpid.process)
            self.rss.append(own)
            self.mapped.append(mapped)
            self.fds.append(m["process_open_fds"])
            self.ages.append(time.time() - m["kpid_publish_as_of_timestamp_seconds"] + behind / bench.floor.rate)
            self.store_age = max(self.store_age, m["kpid_checkpoint_age_seconds"])
            if self.fresh_after is None and self.ages[-1] < 2:
                self.fresh_after = at - begun
            if at >= begun + seconds:
                break
        took = at - begun
        self.first, self.last = first, m
        self.sent = (bench.floor.count - sent0) / took
        self.rate = (m["kpid_events_read_total"] - first["kpid_events_read_total"]) / took
        self.applied = self.grown('kpid_events_total{outcome="applied"}') / took
        self.end_behind = behind
        self.what = what
        assert self.stood == 0, f"{what}: {self.stood} seconds without an event read"

    def grown(self, name):
        return self.last[name] - self.first[name]

    def row(self):
        fresh = f"{self.fresh_after:.0f}" if self.fresh_after and self.what.endswith("after") else "-"
        return (f"{self.what:24} {self.sent:8.0f} {self.rate:8.0f} {self.applied:8.0f} {max(self.rss):5.0f} {max(self.mapped):6.0f} "
                f"{max(self.fds):4.0f} {self.grown('kpid_checkpoints_total'):5.0f} "
                f"{self.grown('kpid_checkpoint_failures_total'):5.0f} {self.store_age:7.1f} "
                f"{self.grown('kpid_notifications_delivered_total'):6.0f} {max(self.ages):7.1f} {fresh:>5} "
                f"{self.ages[-1]:6.2f}")


HEAD = (f"{'':24} {'sent/s':>8} {'read/s':>8} {'appl./s':>8} {'MiB':>5} {'mapped':>6} {'fds':>4} {'ckpts':>5} {'fail':>5} {'ck.age':>7} "
        f"{'hooks':>6} {'oldest':>7} {'fresh':>5} {'at end':>6}")
LEGEND = ("MiB (own memory), mapped (pages of the store), fds, ck.age: the most; ckpts, fail: checkpoints stored, not stored; hooks: notifications delivered; oldest, "
          "at end: age in Redis of an event (s), the most and the last; fresh: seconds from the fault's end until that was below 2 s")


def faults(bench):
    around, during = number("FAULT_AROUND", 60), number("FAULT_SECONDS", 600)
    rows = []
    only = [name for name in os.environ.get("FAULT_ONLY", "").split(",") if name]
    for name in only or FAULTS:
        if name == "disk-full" and not bench.mounted:
            rows.append(f"{name}: not tried: only root may mount a disk to fill")
            continue
        fault = FAULTS[name](bench)
        before = Phase(bench, around, f"{name}: before")
        felt = fault.felt(before.last)
        with fault:
            inside = Phase(bench, during, "  during")
            felt = fault.felt(inside.last) - felt
        after = Phase(bench, around, "  after")
        for phase in (before, inside, after):
            rows.append(phase.row())
            print(phase.row(), flush=True)
        new = records(after.last) - records(before.last)
        bound = 1.5 * max(before.rss) + 256 + new * RECORD_BYTES / MIB
        assert felt > 0, f"{name}: kpid did not notice"
        assert max(inside.rss + after.rss) < bound, (name, max(inside.rss + after.rss), bound)
        bench.compare(name)
    assert bench.kpid.stop() == 0
    print(f"\n{HEAD}\n" + "\n".join(rows) + f"\n{LEGEND}")
    print(f"{len(rows) // 3} faults of {during} s: {bench.floor.count} events, ingest never stood still, {bench.values} values "
          "in Redis compared, 0 wrong")


# --- soak ---


def slope(points):
    """Least squares, a hour of [(s, y)]."""
    n = len(points)
    if n < 3:
        return float("nan")
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    return 3600 * sum((x - mx) * (y - my) for x, y in points) / (sum((x - mx) ** 2 for x, _ in points) or 1)


class Soak:
    SETTLE_S = 20  # a start's own growth is not a slope

    def __init__(self, bench):
        self.bench, self.dice = bench, random.Random(number("FAULT_SEED", 1))
        bench.grow = 0  # a slope of memory is of the same deals all along
        self.done, self.points, self.started = {}, [], time.monotonic()

    def note(self, m):
        b = self.bench
        assert m["kpid_audit_differences_total"] == 0, b.kpid.log()[-4000:]
        if time.monotonic() - self.started > self.SETTLE_S:
            self.points.append((time.monotonic(), *memory(b.kpid.process), m["process_open_fds"]))

    def watch(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(1)
            self.note(self.bench.metrics())
            if self.bench.floor.trouble:
                raise self.bench.floor.trouble

    def again(self, kill):
        b = self.bench
        self.bench.audited += b.kpid.metric("kpid_audited_entities_total")
        if kill:
            b.kpid.process.kill()
            b.kpid.process.wait()
        else:
            assert b.kpid.stop() == 0
        b.drop()
        b.start()
        self.started = time.monotonic()

    def audit(self):
        b = self.bench
        dones = b.kpid.log().count("audit: done")
        b.kpid.send(signal.SIGUSR1)
        b.kpid.wait_for("an audit", lambda: b.kpid.log().count("audit: done") > dones)

    def act(self):
        b = self.bench
        what = self.dice.choice(["kill", "kill", "stop", "audit", "audit", "redis restart", *FAULTS])
        if what == "disk-full" and not b.mounted:
            what = "disk-refuses"
        self.done[what] = self.done.get(what, 0) + 1
        if what in ("kill", "stop"):
            self.again(what == "kill")
        elif what == "audit":
            self.audit()
        elif what == "redis restart":
            b.redis.kill()
            b.redis.start()
        else:
            with FAULTS[what](b):
                self.watch(self.dice.uniform(2, 15))
                # A kill within a fault as well, but for those that are the process's own.
                if not what.startswith("disk") and self.dice.random() < 0.3:
                    self.done["kill within"] = self.done.get("kill within", 0) + 1
                    self.again(True)
                    self.watch(2)

    def run(self):
        b, seconds, every = self.bench, number("SOAK_SECONDS", 7200), number("SOAK_COMPARE", 300)
        begun = compared = told = time.monotonic()
        while time.monotonic() < begun + seconds:
            self.watch(self.dice.uniform(1, max(2, min(40, seconds / 40))))
            self.act()
            if time.monotonic() > compared + every:
                b.compare(f"after {time.monotonic() - begun:.0f} s")
                compared = time.monotonic()
            if time.monotonic() > told + number("SOAK_TELL", 60):
                told = time.monotonic()
                print(f"{told - begun:6.0f} s: {b.floor.count} events, {memory(b.kpid.process)[0]:.0f} MiB, "
                      f"{self.done}", flush=True)
        b.compare("at the end")
        self.audit()
        m = b.kpid.metrics()
        self.note(m)
        b.audited += m["kpid_audited_entities_total"]
        assert b.kpid.stop() == 0
        # Of the second half: in the first one the store, allocator and Redis' clients find their sizes.
        half = [p for p in self.points if p[0] > begun + (time.monotonic() - begun) / 2]
        print(f"soak: {time.monotonic() - begun:.0f} s, {b.floor.count} events ({b.floor.count / (time.monotonic() - begun):.0f}/s), "
              f"done: {self.done}")
        print(f"soak: {b.values} values compared, 0 wrong; {b.audited:.0f} entities audited, differences 0")
        for name, points in (("all of it", self.points), ("second half", half)):
            if points:
                print(f"soak: {name}: memory {min(p[1] for p in points):.0f}-{max(p[1] for p in points):.0f} MiB, "
                      f"{slope([p[:2] for p in points]):+.1f} MiB/h; mapped at most {max(p[2] for p in points):.0f} MiB; descriptors "
                      f"{min(p[3] for p in points):.0f}-{max(p[3] for p in points):.0f}, "
                      f"{slope([(p[0], p[3]) for p in points]):+.1f}/h")


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["soak"]):
        sys.exit(__doc__)
    os.environ["KPID_BIN_DIR"] = os.path.join(os.path.abspath(sys.argv[1]), "bin")
    with Kafka(heap="1g", port=number("FAULT_KAFKA_PORT", 0), config={"log.retention.bytes": -1}) as kafka, \
            tempfile.TemporaryDirectory(prefix="kpid-faults-") as folder:
        redis = Redis(port=number("FAULT_REDIS_PORT", 0)).start()
        bench = Bench(kafka, redis, folder)
        try:
            bench.start()
            bench.floor.go_on()
            bench.kpid.wait_read(bench.floor.rate)
            bench.kpid.wait_ready()
            Soak(bench).run() if sys.argv[2:] else faults(bench)
        except BaseException:
            if bench.kpid:
                print(bench.kpid.log()[-6000:])
            raise
        finally:
            bench.close()
            redis.close()


if __name__ == "__main__":
    main()
