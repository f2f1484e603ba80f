"""Kafka's own troubles with real brokers: every codec, transactions, a kill and restart under load, a new leader, topics
deleted and made anew, records that retention took. After each of them Redis holds what `kpid replay` prints of the same
events for the instant in meta, every offset is the end of its partition, and the accounting identity holds.

FAULT_RECORDS: how many records (4,000).
"""

import contextlib
import json
import os
import re
import signal
import tempfile
import threading

from daemon import Daemon
from published import PREFIX, TOPICS, Events, as_replay
from resp import Client
from servers import Kafka, Redis

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
PARTITIONS = 4
SETTINGS = """
windows: [5m, 24h, today, yesterday, month, last_month, all, now]
kafka: {metadata_refresh: 1s}
checkpoint: {every: 100ms}
"""
ABORTED = ({"deal_id": "aborted", "stage": "won", "amount": "1000000", "occurred_at": "2026-01-02T10:00:00Z"},
           "no JSON at all")


class Stream(Events):
    """Its parts may be sent in any way, over and over."""

    def send_as(self, part, again=False, topics=TOPICS, **how):
        for topic in topics:
            path = self.parts[part][topic]
            self.kafka.produce(topic, path, key_field=topic.rstrip("s") + "_id", **how)
            if not again:
                self.sent[topic].append(path)

    def under_load(self, part, act):
        """act() while the part is being sent, and sent again; the last time begins after act(), so that every partition has
        a leader then."""
        done, failed = threading.Event(), []

        def load():
            try:
                self.send_as(part)
                last = False
                while not last:
                    last = done.is_set()
                    self.send_as(part, again=True)
            except Exception as why:  # noqa: BLE001: told by the test's own thread
                failed.append(why)
        thread = threading.Thread(target=load)
        thread.start()
        try:
            act()
        finally:
            done.set()
            thread.join()
        assert not failed, failed


def meta_of(redis):
    with Client(redis.port) as client:
        flat = client.command("HGETALL", PREFIX + "meta")
    return dict(zip(flat[::2], flat[1::2]))


def compare(events, kpid, redis, what):
    ends = {topic: {str(p): end for p, (_, end) in events.kafka.offsets(topic).items() if end > 0} for topic in TOPICS}

    def settled():
        meta = meta_of(redis)
        offsets = json.loads(meta.get("offsets", "{}"))
        have = {topic: {p: n for p, n in offsets.get(topic, {}).items() if n > 0} for topic in TOPICS}
        return meta.get("state") == "live" and have == ends
    kpid.wait_for(f"the ends of the topics in Redis: {what}", settled)
    meta, want = as_replay(events.files(), kpid, redis, what)
    kpid.wait_read(json.loads(meta["accounts"])["read"])  # the writer cuts for Redis, and then shows its numbers
    accounts = kpid.accounts()
    print(f"{what}: {sum(map(len, want.values()))} fields in {len(want)} keys as in replay; {accounts['read']} read, "
          f"gaps {meta['gaps']}", flush=True)
    return accounts


def codecs(events, kpid, redis):
    for part, codec in enumerate(CODECS):
        events.send_as(part, settings={"compression.type": codec})
    accounts = compare(events, kpid, redis, "codecs " + ", ".join(CODECS))
    assert accounts["dead_lettered"] == 0, accounts


def transactions(events, kpid, redis, folder):
    """What was aborted is not counted, not even what could not be read; a log that ends in a marker is read to its end."""
    before = kpid.accounts()["read"]
    path = os.path.join(folder, "aborted")
    with open(path, "w", encoding="utf-8") as out:
        out.write("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in ABORTED))
    events.send_as(5, transaction="commit")
    for partition in range(PARTITIONS):
        events.kafka.produce("deals", path, partition=partition, transaction="abort")
    accounts = compare(events, kpid, redis, "transactions")
    assert accounts["dead_lettered"] == 0, accounts
    messages = sum(1 for topic in TOPICS for _ in open(events.parts[5][topic], encoding="utf-8"))
    assert accounts["read"] == before + messages, (before, accounts)
    kpid.wait_for("no lag", lambda: kpid.metric("kpid_kafka_lag_messages") == 0)
    kpid.wait_ready()


def restart(events, kpid, redis):
    def killed():
        events.kafka.kill()
        events.kafka.start()
    events.under_load(6, killed)
    events.send_as(7)
    compare(events, kpid, redis, "the broker killed under load, and started again")
    assert kpid.metric("kpid_kafka_gaps_total") == 0


@contextlib.contextmanager
def standing_still(kpid):
    """What happens meanwhile, kpid meets all at once."""
    kpid.send(signal.SIGSTOP)
    try:
        yield
    finally:
        kpid.send(signal.SIGCONT)


def gone(events, kpid, topic):
    """Deleted, and kpid knows."""
    events.kafka.delete_topic(topic)
    kpid.wait_for("the topic is missed", lambda: kpid.metric("kpid_kafka_topics_missing") == 1)


def made_anew(events, kpid, redis):
    """Deleted and made again: shorter than before, then longer, then with fewer partitions."""
    events.kafka.delete_topic("payments")
    events.kafka.create_topic("payments", partitions=PARTITIONS)
    events.send_as(8)
    compare(events, kpid, redis, "a topic made anew, shorter than before")
    gaps = kpid.metric("kpid_kafka_gaps_total")
    assert gaps == PARTITIONS == int(meta_of(redis)["gaps"]), gaps
    assert "the partition ends before what was read" in kpid.log()

    gone(events, kpid, "payments")
    with standing_still(kpid):  # or it would meet a topic that is not longer yet
        events.kafka.create_topic("payments", partitions=PARTITIONS)
        for part in range(9):
            events.send_as(part, again=True, topics=("payments",))
    compare(events, kpid, redis, "a topic made anew, longer than before")
    assert kpid.metric("kpid_kafka_gaps_total") == 2 * PARTITIONS == int(meta_of(redis)["gaps"])
    assert "does not hold the message that was read last" in kpid.log()

    gone(events, kpid, "feedback")
    events.kafka.create_topic("feedback", partitions=1)
    for part in range(10):
        events.send_as(part, again=part < 9, topics=("feedback",))
    events.send_as(9, topics=("leads", "deals", "payments"))
    kpid.wait_for("fewer partitions", lambda: kpid.metric("kpid_kafka_partitions") == 3 * PARTITIONS + 1)
    compare(events, kpid, redis, "a topic made anew with fewer partitions")
    assert kpid.metric("kpid_gaps") == 3 * PARTITIONS == int(meta_of(redis)["gaps"])
    kpid.wait_page("/readyz", 200, f"kafka: {3 * PARTITIONS} gaps")


def overtaken(events, kpid):
    """Records are produced and taken while kpid stands still: (what it missed, the first and end offset then), or None if
    a fetch that was under way brought it all of them."""
    gaps, lost, read = kpid.metric("kpid_gaps"), kpid.metric("kpid_kafka_lost_offsets_total"), kpid.accounts()["read"]
    end = events.kafka.offsets("deals")[2][1]
    with standing_still(kpid):
        for _ in range(2):  # the first wakes such a fetch, the second comes too late for it
            events.kafka.produce("deals", events.parts[10]["deals"], partition=2)
        after = events.kafka.offsets("deals")[2][1]
        events.kafka.delete_records("deals", 2, after - 5)
    kpid.wait_for("a gap, or all of them", lambda: (
        kpid.accounts()["read"] + kpid.metric("kpid_kafka_lost_offsets_total") - lost == read + after - end))
    missed = kpid.metric("kpid_kafka_lost_offsets_total") - lost
    assert missed <= after - 5 - end, (missed, end, after)
    assert kpid.metric("kpid_gaps") == gaps + (missed > 0)
    return (missed, after - 5, after) if missed else None


def retention(events, kpid, redis):
    """Records go before they are read. They are missed and counted; when they come again, nothing is missing."""
    missed, first, end = next(filter(None, (overtaken(events, kpid) for _ in range(10))))
    assert f"first={first} last={end - 1}" in kpid.log()
    events.send_as(10)
    compare(events, kpid, redis, f"{missed:.0f} records taken by retention, and sent again")


def new_leader(events, kpid, redis, second):
    """Every partition has two replicas; the broker that leads half of them is killed, and comes back."""
    events.under_load(11, second.kill)
    compare(events, kpid, redis, "the leader of half of the partitions killed")
    second.start()
    events.send_as(12)
    compare(events, kpid, redis, "and come back")
    assert kpid.metric("kpid_kafka_gaps_total") == 0


def while_down(events, redis, folder):
    """Topics made anew, shorter and longer, and with fewer partitions, while nobody looks: the checkpoint knows. First with
    kafka.on_gap stop: the error says what and where and what to do, and Redis keeps what stood; then accepted."""
    kafka = events.kafka
    arguments = ("--brokers", kafka.bootstrap, "--redis", redis.address, "--checkpoint", os.path.join(folder, "state"))
    with Daemon(*arguments, config=SETTINGS) as kpid:
        compare(events, kpid, redis, "what stands before")
        assert kpid.stop() == 0
    before = meta_of(redis)
    kafka.delete_topic("payments", "deals", "feedback")
    kafka.create_topic("payments", "deals", partitions=PARTITIONS)
    kafka.create_topic("feedback", partitions=PARTITIONS - 1)
    events.send_as(13)
    for part in range(13):
        events.send_as(part, again=True, topics=("payments", "feedback"))
    with Daemon(*arguments, "--on-gap", "stop", config=SETTINGS) as kpid:
        assert kpid.wait_end() == 65
        log = kpid.log()
    lines = [line for line in log.splitlines() if "level=error" in line]
    assert len(lines) == 1, lines
    for part in ("topic=", "partition=", "position=", "first=0", "last=", "--on-gap continue"):
        assert part in lines[0], (part, lines)
    assert "why=\"a gap in a topic, and kafka.on_gap is stop\"" in log
    topic, partition, position = re.search(r"topic=(\S+) partition=(\d+) position=(\d+)", lines[0]).groups()
    for meta in (before, meta_of(redis)):
        assert json.loads(meta["offsets"])[topic][partition] == int(position), (lines[0], meta)
    gaps = str(3 * PARTITIONS)
    with Daemon(*arguments, config=SETTINGS) as kpid:
        kpid.wait_for("all gaps", lambda: kpid.page("/livez")[0] and kpid.metric("kpid_gaps") == 3 * PARTITIONS)
        compare(events, kpid, redis, "three topics made anew while kpid was down")
        log = kpid.log()
        for what in ("ends before what was read", "does not hold the message that was read last", "the partition is gone"):
            assert what in log, what
        assert kpid.stop() == 0
    with Daemon(*arguments, config=SETTINGS) as kpid:
        compare(events, kpid, redis, "and started once more")
        assert meta_of(redis)["gaps"] == gaps and kpid.metric("kpid_kafka_gaps_total") == 0, kpid.log()
        kpid.process.kill()
        kpid.process.wait()
    print("with --on-gap stop: ended with 65, and said why; accepted gaps are known after a restart")


def run(kafka, redis, folder):
    kafka.create_topic(*TOPICS, "kpid-dead-letters", partitions=PARTITIONS)
    events = Stream(kafka, folder, 14, int(os.environ.get("FAULT_RECORDS", "4000")))
    with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address, config=SETTINGS) as kpid:
        codecs(events, kpid, redis)
        transactions(events, kpid, redis, folder)
        restart(events, kpid, redis)
        made_anew(events, kpid, redis)
        retention(events, kpid, redis)
        assert kpid.stop() == 0
    # Redis still names the offsets of the topics before, so the next one begins with an empty one.
    with Redis() as empty:
        kafka.delete_topic(*TOPICS)
        kafka.create_topic(*TOPICS, partitions=PARTITIONS)
        events.sent = {topic: [] for topic in TOPICS}
        for part in range(13):
            events.send_as(part)
        while_down(events, empty, folder)
        kafka.delete_topic(*TOPICS)
    with Kafka(joins=kafka) as second, Redis() as empty:
        kafka.create_topic(*TOPICS, partitions=PARTITIONS, replicas=2)
        events.sent = {topic: [] for topic in TOPICS}
        with Daemon("--brokers", kafka.bootstrap, "--redis", empty.address, config=SETTINGS) as kpid:
            new_leader(events, kpid, empty, second)
            assert kpid.stop() == 0


def main():
    with Kafka() as kafka, Redis() as redis, tempfile.TemporaryDirectory(prefix="kpid-kafka-faults-") as folder:
        run(kafka, redis, folder)


if __name__ == "__main__":
    main()
