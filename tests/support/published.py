"""published.py - a simulated floor in Kafka, and what Redis must hold of it: field by field what `kpid replay` prints of
the same events for the instant in meta.
"""

import json
import os
import subprocess
from datetime import datetime, timedelta, timezone

from resp import Client
from servers import RedisError, bin_dir

TOPICS = ("leads", "deals", "payments", "feedback")
PREFIX = "kpid:{default}:"
DAYS = 15
META_FIELDS = ("as_of", "seq")
# It changes every second, so that readers make it from leads_waiting_since and the clock.
NOT_PUBLISHED = ("leads_waiting_oldest",)


def program():
    return os.environ.get("KPID") or os.path.join(bin_dir(), "kpid")


class Events:
    """A floor with garbage and corrections, cut into parts that are sent one after the other."""

    def __init__(self, kafka, folder, parts, records=12000):
        self.kafka, self.folder, self.sent = kafka, folder, {topic: [] for topic in TOPICS}
        start = (datetime.now(timezone.utc) - timedelta(days=DAYS)).strftime("%Y-%m-%d")
        subprocess.run([program(), "simulate", "--seed", "5", "--records", str(records),
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

    def files(self):
        """What was sent, as words for replay."""
        return [word for topic in TOPICS for path in self.sent[topic] for word in ("--" + topic, path)]


def replayed(files, config_path, as_of):
    """{key: {field: text}} as Redis should have it."""
    out = subprocess.run([program(), "replay", "--config", config_path, "--as-of", as_of, "--format", "ndjson", "--intervals",
                          *files], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    want = {}
    for line in out.splitlines():
        row = json.loads(line)
        if row["kpi"] in NOT_PUBLISHED:
            continue
        fields = want.setdefault(f"kpi:{row['dimension']}:{row['window']}:{row['entity']}", {})
        for part, suffix in (("value", ""), ("n", ".n"), ("prev", ".prev")):
            if part in row:
                fields[row["kpi"] + suffix] = str(row[part])
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


def as_replay(files, kpid, redis, what):
    """(meta, {key: {field: text}}): all that Redis has, which is what replay has at meta's instant. While everything is
    being written anew, as after each trouble with Redis, it is of two instants, and meta says so."""
    def live():
        with Client(redis.port) as client:
            meta, have = look(client)
        return meta.get("state") == "live" and (meta, have)
    meta, have = kpid.wait_for(f"live numbers in Redis {what}", live)
    want = replayed(files, kpid.config_path, meta["as_of"])
    have = {key: {f: v for f, v in fields.items() if f not in META_FIELDS} for key, fields in have.items()}
    wrong = [(key, want.get(key), have.get(key)) for key in sorted({*want, *have}) if want.get(key) != have.get(key)]
    assert not wrong, (what, len(wrong), wrong[:3])
    return meta, want


def compare(events, kpid, redis, what):
    """All that Redis has against replay at meta's instant; how many values."""
    def settled():
        try:
            with Client(redis.port) as client:
                accounts = client.command("HGET", PREFIX + "meta", "accounts") or ""
                state = client.command("HGET", PREFIX + "meta", "state")
        except (OSError, RedisError):  # it is loading; or a sentinel gives it another part, which ends its connections
            return False
        return state == "live" and f'"read":{events.count},' in accounts
    kpid.wait_for(f"the state in Redis {what}", settled)
    meta, want = as_replay(events.files(), kpid, redis, what)
    values = sum(map(len, want.values()))
    print(f"{what}: seq {meta['seq']}, epoch {meta['epoch']}, {values} fields in {len(want)} keys as in replay")
    return values
