"""Two instances, real Kafka and Redis, a floor of sales under way, and a receiver of alerts that refuses some.

The one that publishes is killed, ended in order, and stopped past its lease and continued, again and again; the other one
takes over each time. Each has a checkpoint of its own and goes on from it. Meanwhile deals of some managers are opened and closed, each step only when the one before was told,
and Redis tells by MONITOR whose connection has written what. So it is known:

* no write of an instance that was overtaken was accepted: every publish came from the connection that claimed last, which
  had the lease when it claimed, and their numbers have neither a gap nor a repeat;
* no alert is lost: a step that is not told ends the test; none is doubled: as many keys as steps, and the same bytes
  with each repeat of a key;
* in the end Redis holds what `kpid replay` prints of the same events.

INSTANCES_STOPS, INSTANCES_KILLS, INSTANCES_ENDS: rounds of each (4, 3, 2). INSTANCES_LEASE: its length (10s, so that on
a busy machine nobody loses it who is only slow).
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import servers
from daemon import WAIT_S, Daemon
from published import PREFIX, TOPICS, as_replay, program
from resp import Client
from servers import Kafka, Redis, wait_until

STOPS = int(os.environ.get("INSTANCES_STOPS", "4"))
KILLS = int(os.environ.get("INSTANCES_KILLS", "3"))
ENDS = int(os.environ.get("INSTANCES_ENDS", "2"))
LEASE = os.environ.get("INSTANCES_LEASE", "10s")
WATCHED = ("T0", "T1", "T2")
REFUSED = 9  # every so manieth message, the first time that it comes
CONFIG = """
windows: [5m, today, month, all, now]
redis: {{lease: {lease}, timeout: 30s}}
alerts:
  every: 1s
  without_redis: 0s
  receivers:
    - {{name: sales, url: "http://127.0.0.1:{port}/"}}
  rules:
    - {{name: open, kpi: open_deals, dimension: manager, window: now, entities: [{names}], above: 0}}
    - {{name: long open, kpi: open_deals, dimension: manager, window: now, entities: [{names}], above: 0, for: 2s}}
"""
RULES = ("open", "long open")


class Receiver(ThreadingHTTPServer):
    """What it took, in order, and whether a key ever came with other bytes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.bodies, self.asked, self.repeats, self.differ = {}, set(), 0, []
        self.keys = defaultdict(list)  # (rule, entity, status) -> keys, in the order in which they came
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self, key, body):
        """False: refused."""
        with self.lock:
            if key not in self.asked:
                self.asked.add(key)
                if len(self.asked) % REFUSED == 0:
                    return False
            if key in self.bodies:
                self.repeats += 1
                if self.bodies[key] != body:
                    self.differ.append(key)
                return True
            self.bodies[key] = body
            alert = json.loads(body)["alerts"][0]
            self.keys[alert["labels"]["alertname"], alert["labels"]["entity"], alert["status"]].append(key)
            return True

    def told(self):
        with self.lock:
            return len(self.bodies)

    def count(self, rule, entity, status):
        with self.lock:
            return len(self.keys[rule, entity, status])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        taken = self.server.take(self.headers["Idempotency-Key"], body)
        self.send_response(200 if taken else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Monitor(threading.Thread):
    """Who wrote, as Redis saw it: claims and publishes by connection. Commands of a transaction that was refused are not
    carried out and so not seen."""

    LINE = re.compile(r'^\S+ \[\d+ (\S+)\] "([^"]*)" "kpid:\{default\}:(fence|lease)"(.*)$')
    END = "the end of what Redis did"

    def __init__(self, redis):
        super().__init__(daemon=True)
        self.redis, self.client = redis, Client(redis.port, timeout=None)
        assert self.client.command("MONITOR") == "OK"
        self.claimer = self.holder = None
        self.seq, self.claims, self.publishes, self.stale = 0, 0, 0, []
        self.failure, self.at_end = None, threading.Event()
        self.start()

    def catch_up(self):
        """Until it has seen all that Redis has carried out so far."""
        self.redis.command("ECHO", self.END)
        wait_until("the monitor's end", lambda: self.at_end.is_set() or self.failure is not None)

    def run(self):
        try:
            while True:
                self.see(self.client.read())
        except (OSError, ValueError) as why:
            self.failure = why

    def see(self, line):
        m = self.LINE.match(line)
        if m is None:
            if line.endswith(f'"ECHO" "{self.END}"'):
                self.at_end.set()
            return
        who, command, key, rest = m[1], m[2], m[3], re.findall(r'"((?:[^"\\]|\\.)*)"', m[4])
        if key == "lease" and command == "SET":
            self.holder = who
        elif key == "fence" and command == "HSET" and rest[0] == "epoch":
            self.claims += 1
            if who != self.holder:
                self.stale.append(("a claim without the lease", line))
            self.claimer = who
        elif key == "fence" and command == "HSET":
            self.publishes += 1
            seq = int(rest[1])
            if who != self.claimer or seq != self.seq + 1:
                self.stale.append((f"by {who} instead of {self.claimer}, after {self.seq}", line))
            self.seq = seq


class Toggler(threading.Thread):
    """A deal of a manager is opened, and when both rules have told so closed, and so on. Each step is told once by each."""

    def __init__(self, name, kafka, receiver):
        super().__init__(daemon=True)
        self.name_, self.kafka, self.receiver = name, kafka, receiver
        self.opened = self.closed = 0
        self.ending, self.failure = threading.Event(), None
        self.start()

    def send(self, stage):
        now = datetime.now(timezone.utc).isoformat()
        deal = {"deal_id": f"{self.name_}-{self.opened}", "manager_id": self.name_, "stage": stage, "occurred_at": now}
        deal["closed_at" if stage == "lost" else "created_at"] = now
        self.kafka.produce_one("deals", json.dumps(deal), key=deal["deal_id"])

    def wait_told(self, status, count):
        for rule in RULES:
            wait_until(f"{count}. {status} of {rule}, {self.name_}",
                       lambda: self.receiver.count(rule, self.name_, status) >= count, WAIT_S, 0.1)

    def run(self):
        try:
            while not self.ending.is_set():
                self.opened += 1
                self.send("open")
                self.wait_told("firing", self.opened)
                self.send("lost")
                self.closed += 1
                self.wait_told("resolved", self.closed)
        except Exception as why:  # shown by the main thread
            self.failure = why


class Pair:
    def __init__(self, kafka, redis, config, folder):
        self.kafka, self.redis, self.config, self.folder = kafka, redis, config, folder
        self.instances, self.took = {}, defaultdict(list)

    def start(self, name):
        self.instances[name] = Daemon("--brokers", self.kafka.bootstrap, "--redis", self.redis.address, "--instance", name,
                                      "--checkpoint", os.path.join(self.folder, "checkpoint-" + name), config=self.config)

    def close(self, failed):
        for kpid in self.instances.values():
            kpid.send(signal.SIGCONT)
            kpid.__exit__(RuntimeError if failed else None)

    def is_in(self, name, state):
        status, text = self.instances[name].page("/metrics")
        return status == 200 and f'kpid_publisher_state{{state="{state}"}} 1\n' in text

    def wait_in(self, name, state):
        self.instances[name].wait_for(f"{name} {state}", lambda: self.is_in(name, state))

    def roles(self):
        """(who publishes, who stands by)"""
        def settled():
            for one, other in (("a", "b"), ("b", "a")):
                if self.is_in(one, "current") and self.is_in(other, "standby"):
                    return one, other
            return None
        return wait_until("one that publishes and one that stands by", settled, WAIT_S)

    def wait_takeover(self, what, heir):
        """Until the heir's numbers are in Redis; measured, not judged."""
        start = time.monotonic()
        def done():
            meta = self.redis.hash(PREFIX + "meta")
            return meta.get("instance") == heir and meta["state"] == "live"
        self.instances[heir].wait_for(f"{heir} publishes", done)
        self.took[what].append(time.monotonic() - start)

    def kill(self):
        holder, heir = self.roles()
        self.instances[holder].process.kill()
        self.instances[holder].process.wait()
        self.wait_takeover("kill -9", heir)
        self.start(holder)

    def end(self):
        holder, heir = self.roles()
        self.instances[holder].send(signal.SIGTERM)
        self.wait_takeover("SIGTERM", heir)
        assert self.instances[holder].wait_end() == 0
        self.start(holder)

    def stop(self):
        """Past its lease and continued. It must have stood by before it could take over again."""
        holder, heir = self.roles()
        losses = {name: kpid.metric("kpid_lease_losses_total") for name, kpid in self.instances.items()}
        self.instances[holder].send(signal.SIGSTOP)
        self.wait_takeover("SIGSTOP", heir)
        self.instances[holder].send(signal.SIGCONT)
        self.wait_in(holder, "standby")
        m = self.instances[holder].metrics()
        assert m["kpid_lease_losses_total"] == losses[holder] + 1, (m["kpid_lease_losses_total"], losses)
        assert m["kpid_lease_held"] == 0
        self.wait_in(heir, "current")
        assert self.instances[heir].metric("kpid_lease_losses_total") == losses[heir], "no flapping"


def everything(kafka, folder):
    """The topics as files for replay; how many messages."""
    words, count = [], 0
    for topic in TOPICS:
        path = os.path.join(folder, topic)
        with open(path, "w", encoding="utf-8") as out:
            for message in kafka.consume(topic):
                count += 1
                line = json.loads(message["value"]) if message["value"] is not None else {"kafka_key": message["key"]}
                out.write(json.dumps({**line, "kafka_timestamp": message["timestamp"]}) + "\n")
        words += ["--" + topic, path]
    return words, count


def compare(pair, folder):
    words, count = everything(pair.kafka, folder)
    holder, _ = pair.roles()
    def settled():
        meta = pair.redis.hash(PREFIX + "meta")
        return meta.get("state") == "live" and f'"read":{count},' in meta.get("accounts", "")
    pair.instances[holder].wait_for(f"{count} messages in Redis", settled)
    _, want = as_replay(words, pair.instances[holder], pair.redis, "at the end")
    return count, sum(map(len, want.values())), len(want)


def check_alerts(receiver, togglers, redis):
    """How many alerts were told."""
    assert not receiver.differ, receiver.differ
    for t in togglers:
        for rule in RULES:
            fired, resolved = receiver.keys[rule, t.name_, "firing"], receiver.keys[rule, t.name_, "resolved"]
            assert len(fired) == t.opened == t.closed == len(resolved), (rule, t.name_, t.opened, fired, resolved)
            assert [k.replace("-firing-", "-resolved-") for k in fired] == resolved, (fired, resolved)
    for key in ("alerts:active", "alerts:unsent"):
        wait_until(f"nothing in {key}", lambda: redis.command("HLEN", PREFIX + key) == 0, WAIT_S)
    return sum(len(keys) for (_, _, status), keys in receiver.keys.items() if status == "firing")


def join(togglers):
    for t in togglers:
        t.ending.set()
    for t in togglers:
        t.join()
        if t.failure is not None:
            raise t.failure


def rounds(pair, togglers, receiver):
    """Between two of them something is told, so that they meet alerts in every state."""
    plan = []
    for n in range(max(STOPS, KILLS, ENDS)):
        plan += [pair.stop] * (n < STOPS) + [pair.kill] * (n < KILLS) + [pair.end] * (n < ENDS)
    for step in plan:
        step()
        before = receiver.told()
        wait_until("the next message", lambda: receiver.told() > before or any(t.failure for t in togglers), WAIT_S)
        for t in togglers:
            if t.failure is not None:
                raise t.failure


def of_two(kafka, redis, folder):
    receiver = Receiver()
    config = CONFIG.format(lease=LEASE, port=receiver.server_address[1], names=", ".join(WATCHED))
    load = subprocess.Popen([program(), "simulate", "--from-now", "--records", "2000", "--days", "5", "--rate", "60",
                             "--garbage", "0", "--brokers", kafka.bootstrap], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=servers._die_with_parent)
    monitor, pair, failed = Monitor(redis), Pair(kafka, redis, config, folder), True
    try:
        pair.start("a")
        pair.start("b")
        pair.roles()
        togglers = [Toggler(name, kafka, receiver) for name in WATCHED]
        rounds(pair, togglers, receiver)
        join(togglers)
        load.terminate()
        load.wait()
        count, values, keys = compare(pair, folder)
        told = check_alerts(receiver, togglers, redis)
        monitor.catch_up()
        assert monitor.failure is None, monitor.failure
        assert not monitor.stale, monitor.stale[:3]
        assert monitor.claims >= STOPS + KILLS + ENDS
        failed = False
    finally:
        load.kill()
        pair.close(failed)
        receiver.shutdown()
    for what, times in pair.took.items():
        print(f"{what}: {len(times)} take-overs in {min(times):.1f} to {max(times):.1f} s (lease {LEASE})")
    print(f"{monitor.publishes} publishes under {monitor.claims} claims, of stale instances accepted: 0; {told} alerts told and "
          f"resolved, lost: 0, doubled: 0, repeats of a key: {receiver.repeats}; {values} fields in {keys} keys as in replay of "
          f"{count} messages")


def of_one(kafka, redis):
    """The only instance is killed: it need not wait for its own lease, which lasts for ever here. One of another name does
    wait."""
    addresses = ("--brokers", kafka.bootstrap, "--redis", redis.address, "--instance", "only")
    with Daemon(*addresses) as first:
        first.wait_ready()
        with redis.client() as client:
            lease = wait_until("its lease", lambda: client.command("GET", PREFIX + "lease"))
            first.process.kill()
            first.process.wait()
            client.command("SET", PREFIX + "lease", lease)  # without an end, also where it has run out by now
    with Daemon(*addresses[:-1], "other") as other:
        other.wait_page("/readyz", 200, "ok, standing by\n")
        assert other.stop() == 0
    with Daemon(*addresses) as again:
        again.wait_page("/readyz", 200, "ok\n")
        again.wait_for("its lease", lambda: again.metric("kpid_lease_held") == 1)
        assert again.stop() == 0
    assert redis.command("EXISTS", PREFIX + "lease") == 0
    print("the only one, killed: its own lease does not hold it up")


def main():
    # When a shell ends whose process group holds a stopped process, the kernel continues that one. Not in a session apart.
    if os.getpgrp() != os.getpid():
        os.setsid()
    with Kafka() as kafka, Redis() as redis, tempfile.TemporaryDirectory(prefix="kpid-instances-") as folder:
        kafka.create_topic(*TOPICS, "kpid-dead-letters", partitions=2)
        of_one(kafka, redis)
        redis.command("FLUSHALL")
        of_two(kafka, redis, folder)


if __name__ == "__main__":
    main()
