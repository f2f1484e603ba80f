"""Redis away at the start, killed, standing still, full, and restarted empty in mid-run: ingest goes on, memory stays
bounded, and on return Redis holds exactly what `kpid replay` prints of the same events for the instant in meta.

FAULT_RECORDS: how many records (12,000).
"""

import json
import os
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone

from daemon import Daemon
from resp import Client
from servers import Kafka, Redis, bin_dir

TOPICS = ("leads", "deals", "payments", "feedback")
PREFIX = "kpid:{default}:"
DAYS = 15
CONFIG = """
windows: [5m, 24h, today, yesterday, month, last_month, all, now]
redis:
  timeout: 300ms
  backoff_max: 500ms
"""
META_FIELDS = ("as_of", "seq")
# It changes every second, so that readers make it from leads_waiting_since and the clock.
NOT_PUBLISHED = ("leads_waiting_oldest",)


def program():
    return os.environ.get("KPID") or os.path.join(bin_dir(), "kpid")


class Events:
    """A floor with garbage and corrections, cut into parts that are sent one after the other."""

    def __init__(self, kafka, folder, parts):
        self.kafka, self.folder, self.sent = kafka, folder, {topic: [] for topic in TOPICS}
        start = (datetime.now(timezone.utc) - timedelta(days=DAYS)).strftime("%Y-%m-%d")
        subprocess.run([program(), "simulate", "--seed", "5", "--records", os.environ.get("FAULT_RECORDS", "12000"),
                        "--days", str(DAYS), "--start", start, "--corrections", "40", "--garbage", "0", "--out", folder],
                       check=True, stderr=subprocess.DEVNULL)
        self.parts = [{} for _ in range(parts)]
        for topic in TOPICS:
            with open(os.path.join(folder, topic + ".ndjson"), encoding="utf-8") as lines:
                lines = lines.readlines()
            for n in range(parts):
                path = os.path.join(folder, f"{topic}-{n}")
                with open(path, "w", encoding="utf-8") as out:
                    out.writelines(lines[len(lines) * n // parts : len(lines) * (n + 1) // parts])
                self.parts[n][topic] = path
        self.count = 0

    def send(self, part, again=False):
        for topic, path in self.parts[part].items():
            self.kafka.produce(topic, path, key_field=topic.rstrip("s") + "_id")
            with open(path, encoding="utf-8") as lines:
                self.count += sum(1 for _ in lines)
            if not again:
                self.sent[topic].append(path)

    def replay(self, config_path, as_of):
        """{key: {field: text}} as Redis should have it."""
        files = [word for topic in TOPICS for path in self.sent[topic] for word in ("--" + topic, path)]
        out = subprocess.run([program(), "replay", "--config", config_path, "--as-of", as_of, "--format", "ndjson", "--intervals",
                              *files], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        want = {}
        for line in out.splitlines():
            row = json.loads(line)
            if row["kpi"] in NOT_PUBLISHED:
                continue
            fields = want.setdefault(f"kpi:{row['dimension']}:{row['window']}:{row['entity']}", {})
            if "value" in row:
                fields[row["kpi"]] = row["value"]
            if "n" in row:
                fields[row["kpi"] + ".n"] = str(row["n"])
            if "prev" in row:
                fields[row["kpi"] + ".prev"] = row["prev"]
        return want


def look(client):
    """(meta, {key: fields}) of one instant: the keys by the index, then all in one MULTI; again if a key was new."""
    while True:
        keys = sorted(k for k in client.command("SMEMBERS", PREFIX + "index") if k.startswith("kpi:"))
        answers = client.multi(["HGETALL", PREFIX + "meta"], ["SMEMBERS", PREFIX + "index"],
                               *(["HGETALL", PREFIX + key] for key in keys))
        meta, index = dict(zip(answers[0][::2], answers[0][1::2])), answers[1]
        if sorted(k for k in index if k.startswith("kpi:")) != keys:
            continue
        return meta, {key: dict(zip(flat[::2], flat[1::2])) for key, flat in zip(keys, answers[2:])}


def compare(events, kpid, redis, what):
    """All that Redis has against replay at meta's instant; how many values."""
    def settled():
        with Client(redis.port) as client:
            accounts = client.command("HGET", PREFIX + "meta", "accounts") or ""
            state = client.command("HGET", PREFIX + "meta", "state")
        return state == "live" and f'"read":{events.count},' in accounts
    kpid.wait_for(f"the state in Redis {what}", settled)
    with Client(redis.port) as client:
        meta, have = look(client)
    want = events.replay(kpid.config_path, meta["as_of"])
    have = {key: {f: v for f, v in fields.items() if f not in META_FIELDS} for key, fields in have.items()}
    wrong = [(key, want.get(key), have.get(key)) for key in sorted({*want, *have}) if want.get(key) != have.get(key)]
    assert not wrong, (what, len(wrong), wrong[:3])
    values = sum(map(len, want.values()))
    print(f"{what}: seq {meta['seq']}, epoch {meta['epoch']}, {values} fields in {len(want)} keys as in replay")
    return values


def troubles(kpid, kind):
    return kpid.metric(f'kpid_redis_troubles_total{{trouble="{kind}"}}')


def main():
    with Kafka() as kafka, tempfile.TemporaryDirectory(prefix="kpid-faults-") as folder:
        redis = Redis()
        try:
            run(kafka, redis, folder)
        finally:
            redis.close()


def run(kafka, redis, folder):
    kafka.create_topic(*TOPICS, "kpid-dead-letters", partitions=4)
    events = Events(kafka, folder, 6)
    with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address, config=CONFIG) as kpid:
        events.send(0)
        kpid.wait_read(events.count)
        kpid.wait_page("/readyz", 503)
        redis.start()
        compare(events, kpid, redis, "away at the start")

        redis.kill()
        events.send(1)
        kpid.wait_read(events.count)
        kpid.wait_page("/livez", 200)
        redis.start()
        compare(events, kpid, redis, "killed, and come back empty")

        redis.pause()
        events.send(2)
        kpid.wait_read(events.count)
        kpid.wait_for("a time-out", lambda: troubles(kpid, "timeout") > 0)
        redis.resume()
        compare(events, kpid, redis, "standing still")

        with Client(redis.port) as client:
            client.command("CONFIG", "SET", "maxmemory", "1")
            events.send(3)
            kpid.wait_read(events.count)
            kpid.wait_for("a refusal", lambda: troubles(kpid, "oom") > 0)
            client.command("CONFIG", "SET", "maxmemory", "0")
        compare(events, kpid, redis, "full")

        with Client(redis.port) as client:
            client.command("FLUSHALL")
        events.send(4)
        compare(events, kpid, redis, "flushed while connected")

        # What is read while Redis is away must not be kept for it: repeats change nothing in the ledger, so whatever
        # memory grows by would be a queue. The first round fills buffers that stay.
        redis.stop()
        for part in range(5):
            events.send(part, again=True)
        kpid.wait_read(events.count)
        before, first = kpid.metric("process_resident_memory_bytes"), events.count
        for _ in range(5):
            for part in range(5):
                events.send(part, again=True)
        kpid.wait_read(events.count)
        grown, repeated = kpid.metric("process_resident_memory_bytes") - before, events.count - first
        events.send(5)
        kpid.wait_read(events.count)
        redis.start()
        compare(events, kpid, redis, "away for long")
        print(f"{kpid.accounts()['read']} messages read; memory grew by {grown / 1e6:.1f} MB while {repeated} of them "
              "came again without Redis")
        assert grown < 64e6, grown
        assert kpid.stop() == 0


if __name__ == "__main__":
    main()
