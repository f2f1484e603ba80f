"""contenders.py - what pipeline.py measures: each is a process that reads the topics to their end, with its processor time
and memory sampled from outside.

run(name, kafka, total) gives {what, events, seconds, events_per_s, cpu_s_per_million, memory_mib, start_s, start_cpu_s} and,
of all but the drain, what stands in Redis at the end: {(dimension, entity, window): {field: text}} and its instant.
"""

import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import published  # noqa: E402
import servers  # noqa: E402
from resp import Client  # noqa: E402

TOPICS = ["leads", "deals", "payments", "feedback"]
NAMES = ["drain", "kpid", "kpid-as-peers", "java", "python", "streams", "streams-rocksdb", "flink"]
KPID = ("kpid", "kpid-as-peers")
# What of kpid's work the peers do not do and kpid can be told to leave: their windows, and a publish a second.
AS_PEERS = """windows: [today, week, month, quarter, year, all, now]
publish: {tick: 1s}
boards: {windows: []}
"""
HEAP = {"java": "1g", "streams": "2g", "streams-rocksdb": "2g", "flink": "2g"}
SAMPLE_S = 0.01
LONGEST_S = 900
FLINK_OPENS = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("lang", "util", "time", "nio", "net")]


class Sampler(threading.Thread):
    """Follows a process: processor time (user and system, with all threads and ended children), greatest resident size."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.samples, self.memory_mib, self.ended = pid, [], 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(SAMPLE_S):
            try:
                self.sample()
            except (OSError, AttributeError):  # it has ended
                return

    def sample(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
            self.memory_mib = int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) // 1024
        self.samples.append((time.time(), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")))

    def cpu_at(self, when):
        """Between two samples in proportion to the time."""
        before = (self.samples[0][0], 0.0)
        for after in self.samples:
            if after[0] >= when:
                share = (when - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 1
                return before[1] + max(0, share) * (after[1] - before[1])
            before = after
        return before[1]


def jars(peer):
    """The folder into which ./dev setup bench has copied what the peer's pom.xml names."""
    with open(os.path.join(HERE, "peers", peer, "pom.xml"), "rb") as pom:
        return os.path.join(servers.cache_dir(), f"peers-{peer}-{hashlib.sha256(pom.read()).hexdigest()[:12]}")


def compile_java(peer, out, *more):
    """Compiles the sources of a Java peer, which are few, at each start."""
    sources = sorted(glob.glob(os.path.join(HERE, "peers", peer, "*.java"))) + list(more)
    os.makedirs(out, exist_ok=True)
    subprocess.run(["javac", "-Xlint:all,-processing,-classfile", "-cp", os.path.join(jars(peer), "*"), "-d", out, *sources],
                   check=True)


class Contenders:
    def __init__(self, build_dir, names):
        self.bin = os.path.join(build_dir, "bin")
        self.classes = os.path.join(build_dir, "bench", "peers")
        if {"java", "streams", "streams-rocksdb"} & set(names):
            compile_java("java", os.path.join(self.classes, "java"))
        if "flink" in names:
            shared = [os.path.join(HERE, "peers", "java", name) for name in ("Board.java", "Fact.java", "Row.java", "Event.java", "Report.java")]
            compile_java("flink", os.path.join(self.classes, "flink"), *shared)

    def command(self, name, kafka, redis, total, folder):
        arguments = [kafka.bootstrap, redis.address, str(total)]
        if name == "python":
            return ["/usr/bin/python3", os.path.join(HERE, "peers", "python", "peer.py"), *arguments]
        peer = "flink" if name == "flink" else "java"
        java = ["java", "-XX:+UseParallelGC", f"-Xmx{HEAP[name]}", f"-Djava.io.tmpdir={folder}", *(FLINK_OPENS if name == "flink" else []), "-cp",
                os.path.join(self.classes, peer) + ":" + os.path.join(jars(peer), "*")]
        main = {"java": ["peers.Plain"], "streams": ["peers.Streams"], "streams-rocksdb": ["peers.Streams"],
                "flink": ["peers.Flink"]}[name]
        return [*java, *main, *arguments, *(["rocksdb"] if name == "streams-rocksdb" else [])]

    def run(self, name, kafka, total):
        if name == "drain":
            return self.run_drain(kafka, total), None
        with servers.Redis() as redis, tempfile.TemporaryDirectory(prefix="kpid-bench-") as folder:
            if name in KPID:
                return self.run_kpid(name, kafka, redis, total, folder)
            return self.run_peer(name, self.command(name, kafka, redis, total, folder), redis, total)

    def run_drain(self, kafka, total):
        """It measures itself, from before the client is made to the end of the last partition."""
        process = subprocess.Popen([os.path.join(self.bin, "kafka_tool"), "bench-drain", "-b", kafka.bootstrap, *TOPICS],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        sampler = Sampler(process.pid)
        result = json.loads(process.communicate()[0])
        return dict(result, memory_mib=sampler.memory_mib, start_s=0, start_cpu_s=0)

    def run_kpid(self, name, kafka, redis, total, folder):
        """From its start until Redis has the snapshot that all events are in."""
        config = os.path.join(folder, "kpid.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(AS_PEERS if name == "kpid-as-peers" else "")
        begin = time.time()
        process = subprocess.Popen([os.path.join(self.bin, "kpid"), "run", "--config", config, "--brokers", kafka.bootstrap, "--redis",
                                    redis.address, "--http-port", str(servers.free_port())],
                                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sampler = Sampler(process.pid)
        try:
            with Client(redis.port) as client:
                def all_there():
                    if process.poll() is not None:
                        raise RuntimeError(f"kpid ended with {process.returncode}")
                    state, accounts = client.command("HMGET", published.PREFIX + "meta", "state", "accounts")
                    return state == "live" and f'"read":{total},' in accounts
                servers.wait_until("kpid: all events in Redis", all_there, LONGEST_S)
                end = time.time()
                sampler.sample()
                meta, hashes = published.look(client)
        finally:
            process.terminate()
            process.wait()
        return result_of(name, total, begin, begin, end, sampler), (meta["as_of"], by_entity(hashes, "kpi:"))

    def run_peer(self, name, command, redis, total):
        """From when it says that it begins to read until it says that all is in Redis."""
        begin = time.time()
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        sampler = Sampler(process.pid)
        watchdog = threading.Timer(LONGEST_S, process.kill)
        watchdog.start()
        told = {}
        try:
            for line in process.stdout:
                told.update(json.loads(line))
                if "applied" in told:
                    break
            if "applied" not in told:
                raise RuntimeError(f"{name} ended with {process.wait()}")
            sampler.sample()
            standing = look(redis)
        finally:
            watchdog.cancel()
            process.kill()
            process.wait()
        return result_of(name, total, begin, told["ready"] / 1e3, told["applied"] / 1e3, sampler), standing


def look(redis):
    with Client(redis.port) as client:
        prefix = published.PREFIX + "kpi:"
        hashes = client.hashes(client.scan(prefix + "*"))
        return client.command("HGET", published.PREFIX + "meta", "as_of"), by_entity(hashes, prefix)


def by_entity(hashes, prefix):
    """{(dimension, entity, window): fields} of {key: fields}."""
    parts = {key: key[len(prefix):].split(":", 2) for key in hashes}
    return {(dimension, entity, window): hashes[key] for key, (dimension, window, entity) in parts.items()}


def result_of(name, total, begin, ready, end, sampler):
    sampler.ended.set()
    seconds, start_cpu = end - ready, sampler.cpu_at(ready) if ready > begin else 0.0
    return {"what": name, "events": total, "seconds": round(seconds, 3), "events_per_s": round(total / seconds),
            "cpu_s_per_million": round((sampler.cpu_at(end) - start_cpu) / total * 1e6, 3),
            "memory_mib": sampler.memory_mib, "start_s": round(ready - begin, 2), "start_cpu_s": round(start_cpu, 2)}
