#!/usr/bin/env python3
"""servers.py - real servers for the tests: Apache Kafka and Redis on free ports of this machine.

    from servers import Kafka, Redis

    with Kafka() as kafka, Redis() as redis:
        kafka.create_topic("deals", partitions=4)
        kafka.produce("deals", "deals.ndjson", key_field="deal_id")
        redis.command("HGETALL", "kpid:{default}:meta")

start() returns when the server has answered; stop() ends it in order, kill() with -9, start() again takes the same
port and data. pause() and resume() stop and continue the process. Everything lies below a temporary folder that goes
with the object, unless `folder` is given. A server dies with the process that started it.

From the shell (what ./dev kafka and ./dev redis use), where the server outlives the command:

    servers.py kafka|redis start --dir FOLDER [--port PORT]     prints its address
    servers.py kafka|redis stop --dir FOLDER

Needs the Java packages in the cache (./dev setup), kafka_tool (KPID_BIN_DIR), redis-server.
"""

import argparse
import ctypes
import glob
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

SOURCE_DIR = os.environ.get("SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_S = 120  # a cold machine with two busy cores; it takes 4 s on an idle one


def bin_dir():
    """Where the built programs are."""
    return os.environ.get("KPID_BIN_DIR") or os.path.join(SOURCE_DIR, "build", "release", "bin")


def cache_dir():
    """Where ./dev setup keeps what is no Debian package."""
    if os.environ.get("KPID_CACHE"):
        return os.environ["KPID_CACHE"]
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "kpid")


def kafka_version():
    """The version that tests/support/kafka/pom.xml names."""
    pom = xml.etree.ElementTree.parse(os.path.join(SOURCE_DIR, "tests", "support", "kafka", "pom.xml"))
    return pom.find(".//{*}kafka.version").text


_reserved = []


def free_port():
    """A port for a server of this test, now or later, also while it is between a stop and a start: to the end of this
    process the system gives it to nobody who asks for any. A bound socket that does not listen sees to that; who names
    the port and says SO_REUSEADDR, as servers do, may listen on it, and until then connections are refused."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    _reserved.append(s)
    return s.getsockname()[1]


def wait_until(what, true, seconds=START_S, every=0.02):
    """Polls until true() is; its last value. TimeoutError names what did not happen."""
    until = time.monotonic() + seconds
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(every)


def _die_with_parent():
    # PR_SET_PDEATHSIG: a test that is killed leaves no server behind.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


class Server:
    """What Kafka and Redis have in common: one process, its folder, its port."""

    name = "server"

    def __init__(self, folder=None, port=0, outlive=False):
        self.temporary = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix=f"kpid-{self.name}-")
        self.port = port or free_port()
        self.outlive = outlive
        self.process = None
        self.log_path = os.path.join(self.folder, f"{self.name}.log")
        os.makedirs(self.folder, exist_ok=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def prepare(self):
        """Before each start."""

    def command_line(self):
        raise NotImplementedError

    def answers(self):
        """True if the server itself has answered."""
        raise NotImplementedError

    def start(self):
        self.prepare()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command_line(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=None if self.outlive else _die_with_parent)
        try:
            wait_until(f"{self.name} did not answer", self._answers_or_ended)
        except BaseException:
            self.kill()
            sys.stderr.write(self.log_tail())
            raise
        return self

    def _answers_or_ended(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}")
        return self.answers()

    def log_tail(self, size=4000):
        with open(self.log_path, "rb") as log:
            return log.read()[-size:].decode(errors="replace")

    def stop(self, seconds=30):
        """In order; with -9 if it takes longer."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.process = None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self):
        """The process stands still: connections stay, nothing answers."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        self.kill()
        if self.temporary:
            shutil.rmtree(self.folder, ignore_errors=True)


class Kafka(Server):
    """One node of Apache Kafka in KRaft mode. Keeps messages of any age; takes messages up to 64 MB.

    joins: the first node of a cluster, which is its only controller; this one is its second broker."""

    name = "kafka"

    def __init__(self, folder=None, port=0, outlive=False, config=None, heap="512m", joins=None):
        super().__init__(folder, port, outlive)
        self.joins = joins
        self.controller_port = joins.controller_port if joins else free_port()
        self.config = config or {}
        self.heap = heap
        self.jars = os.path.join(cache_dir(), f"kafka-{kafka_version()}")
        if not glob.glob(os.path.join(self.jars, "kafka_*.jar")):
            raise FileNotFoundError(f"{self.jars}: no Kafka there; run ./dev setup")

    @property
    def bootstrap(self):
        return self.address

    def _java(self, *arguments, heap=None):
        return ["java", f"-Xmx{heap or self.heap}", "-Djava.awt.headless=true", "-XX:+ExitOnOutOfMemoryError", "-cp",
                os.path.join(self.jars, "*"), *arguments]

    def prepare(self):
        data = os.path.join(self.folder, "data")
        properties = os.path.join(self.folder, "server.properties")
        values = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": data,
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            # After a kill the node waits until its own old session has ended. Shorter, and a machine with busy cores
            # would fence its only broker.
            "broker.session.timeout.ms": 5000,
            "broker.heartbeat.interval.ms": 500,
            # The data of the tests is years old, or ahead.
            "log.retention.ms": -1,
            "log.message.timestamp.after.max.ms": 2**63 - 1,
            "message.max.bytes": 64000000,
            "replica.fetch.max.bytes": 64000000,
            "socket.request.max.bytes": 200000000,
            **({"process.roles": "broker", "node.id": 2, "listeners": f"PLAINTEXT://127.0.0.1:{self.port}"}
               if self.joins else {}),
            **self.config,
        }
        with open(properties, "w", encoding="utf-8") as out:
            out.writelines(f"{key}={value}\n" for key, value in values.items())
        if not os.path.exists(os.path.join(data, "meta.properties")):
            done = subprocess.run(
                self._java("kafka.tools.StorageTool", "format",
                           "--no-initial-controllers" if self.joins else "--standalone", "--cluster-id",
                           "a3BpZC10ZXN0cy1rYWZrYQ", "--config", properties, heap="128m"),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"kafka: format: {done.stdout}")

    def command_line(self):
        return self._java("kafka.Kafka", os.path.join(self.folder, "server.properties"))

    def answers(self):
        """A Metadata request (version 1, no topic) that lists a broker: it has registered and serves."""
        request = struct.pack(">hhih4si", 3, 1, 7, 4, b"kpid", 0)
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                s.sendall(struct.pack(">i", len(request)) + request)
                head = s.recv(12, socket.MSG_WAITALL)
                return len(head) == 12 and struct.unpack(">iii", head)[2] >= 1
        except OSError:
            return False

    def tool(self, command, *arguments, **run):
        """kafka_tool with this broker; what it wrote to standard output, as text."""
        run.setdefault("check", True)
        done = subprocess.run([os.path.join(bin_dir(), "kafka_tool"), command, "-b", self.bootstrap, *arguments],
                              stdout=subprocess.PIPE, stdin=run.pop("stdin", subprocess.DEVNULL), text=True, **run)
        return done.stdout

    def create_topic(self, *topics, partitions=1, config=None, replicas=1):
        pairs = [x for key, value in (config or {}).items() for x in ("--config", f"{key}={value}")]
        self.tool("create-topic", "--partitions", str(partitions), "--replicas", str(replicas), *pairs, *topics)

    def delete_topic(self, *topics):
        self.tool("delete-topic", *topics)

    def delete_records(self, topic, partition, before):
        """As retention does: the first offset is `before` from then on."""
        self.tool("delete-records", "-t", topic, "--partition", str(partition), "--before", str(before))

    def add_partitions(self, topic, total):
        self.tool("add-partitions", "--partitions", str(total), topic)

    def produce(self, topic, *files, key_field=None, partition=None, transaction=None, settings=None):
        """JSON lines of files; kafka_key and kafka_timestamp in a line are the message's own."""
        options = []
        if key_field:
            options += ["--key-field", key_field]
        if partition is not None:
            options += ["--partition", str(partition)]
        if transaction:
            options += ["--transaction", transaction]
        for name, value in (settings or {}).items():
            options += ["--set", f"{name}={value}"]
        self.tool("produce", "-t", topic, *options, *map(str, files))

    def produce_one(self, topic, value, key=None, timestamp_ms=None, headers=None, partition=None):
        """One message; value is text or bytes, None for a tombstone."""
        options = []
        if key is not None:
            options += ["--key", key]
        if timestamp_ms is not None:
            options += ["--timestamp", str(timestamp_ms)]
        if partition is not None:
            options += ["--partition", str(partition)]
        for name, text in (headers or {}).items():
            options += ["--header", f"{name}={text}"]
        if value is None:
            self.tool("produce-one", "-t", topic, "--null", *options)
            return
        with tempfile.NamedTemporaryFile() as file:
            file.write(value.encode() if isinstance(value, str) else value)
            file.flush()
            self.tool("produce-one", "-t", topic, "--value-file", file.name, *options)

    def consume(self, topic, count=None, timeout_ms=60000):
        """Messages as objects; with count, waits until that many have come."""
        options = [] if count is None else ["--count", str(count)]
        text = self.tool("consume", "-t", topic, "--timeout-ms", str(timeout_ms), *options)
        return [json.loads(line) for line in text.splitlines()]

    def offsets(self, topic):
        """{partition: (first, end)}"""
        rows = (line.split() for line in self.tool("offsets", "-t", topic).splitlines())
        return {int(p): (int(low), int(high)) for p, low, high in rows}


class RedisError(Exception):
    """An error that Redis answered with."""


class RedisClient:
    """The protocol of Redis in a few lines, so that the tests need no package for it."""

    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *arguments):
        out = [b"*%d\r\n" % len(arguments)]
        for a in arguments:
            a = a if isinstance(a, bytes) else str(a).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(a), a))
        self.socket.sendall(b"".join(out))

    def read(self):
        """One answer; text where it is UTF-8, an error as a RedisError that is returned, not raised."""
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if int(rest) < 0:
                return None
            return self.file.read(int(rest) + 2)[:-2].decode(errors="surrogateescape")
        if kind == b"*":
            return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]
        raise ValueError(f"redis: {line!r}")

    def command(self, *arguments):
        self.send(*arguments)
        answer = self.read()
        if isinstance(answer, RedisError):
            raise answer
        return answer

    def hash(self, key):
        flat = self.command("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))

    def multi(self, *commands):
        """The answers of several commands, executed as one."""
        self.send("MULTI")
        for c in commands:
            self.send(*c)
        self.send("EXEC")
        answers = [self.read() for _ in range(len(commands) + 2)]
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return answers[-1]


class Redis(Server):
    """Debian's redis-server, nothing on disk."""

    name = "redis"

    def __init__(self, folder=None, port=0, outlive=False, arguments=()):
        super().__init__(folder, port, outlive)
        self.arguments = list(arguments)
        self._client = None

    def command_line(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--dir", self.folder, "--daemonize", "no", *self.arguments]

    def answers(self):
        try:
            with RedisClient(self.port, 1) as client:
                return client.command("PING") == "PONG"
        except (OSError, RedisError):
            return False

    def client(self, timeout=10):
        return RedisClient(self.port, timeout)

    def command(self, *arguments):
        """On a connection of its own each time: it may have been stopped in between."""
        with self.client() as client:
            return client.command(*arguments)

    def hash(self, key):
        with self.client() as client:
            return client.hash(key)


def _pid_of(folder, name):
    """The process that a start from the shell noted, if it is still that one."""
    try:
        with open(os.path.join(folder, f"{name}.pid"), encoding="ascii") as file:
            pid = int(file.read())
        # By its folder: Redis writes over its command line.
        return pid if os.path.samefile(f"/proc/{pid}/cwd", folder) else None
    except (OSError, ValueError):
        return None


def _shell_stop(folder, name):
    pid = _pid_of(folder, name)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    try:
        wait_until(name, lambda: _pid_of(folder, name) is None, 20)
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        wait_until(name, lambda: _pid_of(folder, name) is None, 20)
    os.unlink(os.path.join(folder, f"{name}.pid"))


def main():
    parser = argparse.ArgumentParser(description="Real servers for tests and trials.")
    parser.add_argument("server", choices=["kafka", "redis"])
    parser.add_argument("action", choices=["start", "stop"])
    parser.add_argument("--dir", required=True)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    folder = os.path.abspath(arguments.dir)
    _shell_stop(folder, arguments.server)
    if arguments.action == "stop":
        return
    # A new start from the shell is a new server: what an earlier one left is gone.
    shutil.rmtree(os.path.join(folder, "data"), ignore_errors=True)
    server = {"kafka": Kafka, "redis": Redis}[arguments.server](folder, arguments.port, outlive=True)
    server.start()
    with open(os.path.join(folder, f"{arguments.server}.pid"), "w", encoding="ascii") as file:
        file.write(str(server.pid))
    print(server.address)


if __name__ == "__main__":
    main()
