"""A reader that polls Redis with one MULTI during load never sees managers of a team that do not add up to the team,
nor a hash of a later publish than meta says: real Kafka, `kpid simulate`, `kpid run`, real Redis.

Two instances of kpid publish the same events into namespaces of their own: one with the default limits, one whose
publishes are nearly all too large for one transaction, so that they are staged and moved. Reads that see `loading`
are counted apart, as the contract says. TORN_RECORDS: how many records (30,000).
"""

import json
import os
import subprocess
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from daemon import Daemon
from resp import Client
from servers import Kafka, Redis, bin_dir, wait_until

TOPICS = ("leads", "deals", "payments", "feedback")
WINDOWS = ("24h", "7d", "month", "all", "now")
DAYS = 20
MANAGERS, TEAMS = 24, 4
RATE = 3000
# What adds up: counts and money with their previous, and the numbers of records behind ratios and means. The n of a
# sum is not among them: it is left out with a sum of 0.
SUMS = [name for kpi in ("leads_created", "deals_created", "deals_won", "sales_volume", "units", "deals_lost",
                         "lost_volume", "revenue", "refunds", "open_deals", "pipeline", "weighted_pipeline")
        for name in (kpi, kpi + ".prev")] + ["win_rate.n", "csat.n", "nps.n", "cycle_time_mean.n"]
CONFIG = """
windows: [{windows}]
redis:
  namespace: {namespace}
publish:
  tick: 50ms
  max_atomic: {max_atomic}
"""


def simulate(*arguments):
    program = os.environ.get("KPID") or os.path.join(bin_dir(), "kpid")
    start = (datetime.now(timezone.utc) - timedelta(days=DAYS)).strftime("%Y-%m-%d")
    return [program, "simulate", "--seed", "11", "--records", os.environ.get("TORN_RECORDS", "30000"),
            "--managers", str(MANAGERS), "--teams", str(TEAMS), "--days", str(DAYS), "--start", start,
            "--corrections", "40", "--all-owned", *arguments]


class Reader:
    """One namespace, seen as a wall sees it."""

    def __init__(self, client, namespace):
        self.client, self.prefix = client, f"kpid:{{{namespace}}}:"
        self.reads = self.loading = self.before = 0
        self.torn, self.seqs = [], set()
        self.compared = 0

    def names(self, dimension):
        return self.client.command("SMEMBERS", f"{self.prefix}entities:{dimension}")

    def read(self, window, teams):
        """teams: {team: [manager]}. One MULTI: meta, the company, all teams, all managers."""
        keys = [("company", "all")] + [("team", t) for t in teams] + [("manager", m) for ms in teams.values() for m in ms]
        answers = self.client.multi(
            ["HGETALL", self.prefix + "meta"],
            *(["HGETALL", f"{self.prefix}kpi:{dimension}:{window}:{name}"] for dimension, name in keys))
        meta, *hashes = [dict(zip(flat[::2], flat[1::2])) for flat in answers]
        if not meta:
            self.before += 1
            return
        if meta["state"] == "loading":
            self.loading += 1
            return
        self.reads += 1
        self.seqs.add(int(meta["seq"]))
        found = dict(zip(keys, hashes))
        for key, values in found.items():
            if values and (int(values["seq"]) > int(meta["seq"]) or values["as_of"] > meta["as_of"]):
                self.torn.append(f"{window} {key}: {values['seq']} of {values['as_of']}, meta says "
                                 f"{meta['seq']} of {meta['as_of']}")
        for team, managers in teams.items():
            self.expect(window, ("team", team), [("manager", m) for m in managers], found)
        self.expect(window, ("company", "all"), [("team", t) for t in teams], found)

    def expect(self, window, group, members, found):
        for name in SUMS:
            whole = Decimal(found[group].get(name, "0"))
            parts = sum(Decimal(found[m].get(name, "0")) for m in members)
            self.compared += 1
            if whole != parts:
                self.torn.append(f"{window} {name}: {group} has {whole}, its members {parts}")


def teams_of_floor(folder):
    """{team: [manager]}, from the same floor written to files: every event names both."""
    subprocess.run(simulate("--out", folder, "--garbage", "0"), check=True, stderr=subprocess.DEVNULL)
    teams = {}
    for topic in TOPICS:
        with open(os.path.join(folder, topic + ".ndjson"), encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line)
                if event.get("manager_id") is not None and event.get("team_id") is not None:
                    teams.setdefault(event["team_id"], set()).add(event["manager_id"])
    assert len(teams) == TEAMS and sum(map(len, teams.values())) == len(set.union(*teams.values())), teams
    return {team: sorted(managers) for team, managers in teams.items()}


def main():
    with Kafka() as kafka, Redis() as redis:
        kafka.create_topic(*TOPICS, "kpid-dead-letters", partitions=4)
        teams = teams_of_floor(redis.folder)
        peers = ("--brokers", kafka.bootstrap, "--redis", redis.address)
        config = {name: CONFIG.format(windows=", ".join(WINDOWS), namespace=name, max_atomic=limit)
                  for name, limit in (("whole", 2000), ("staged", 30))}
        with Daemon(*peers, config=config["whole"]) as whole, Daemon(*peers, config=config["staged"]) as staged:
            for kpid in (whole, staged):
                kpid.wait_ready()
            load = subprocess.Popen(simulate("--brokers", kafka.bootstrap, "--rate", str(RATE)),
                                    stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with Client(redis.port) as client:
                readers = [Reader(client, name) for name in config]
                began, turn = time.monotonic(), 0
                while load.poll() is None:
                    readers[turn % 2].read(WINDOWS[turn // 2 % len(WINDOWS)], teams)
                    turn += 1
                assert load.returncode == 0
                seconds = time.monotonic() - began
                count = sum(high for topic in TOPICS for _, high in kafka.offsets(topic).values())
                for kpid in (whole, staged):
                    kpid.wait_read(count)
                # Until the last publish is there the reader goes on; then it must see all, and that it adds up.
                for kpid, reader in zip((whole, staged), readers):
                    wait_until("the last publish", lambda: last_is_there(kpid, reader, teams))
                    for window in WINDOWS:
                        reader.read(window, teams)
                    missing = set(m for ms in teams.values() for m in ms) - set(reader.names("manager"))
                    assert not missing, missing
            for kpid in (whole, staged):
                assert kpid.accounts()["read"] == count
            moved = staged.metric("kpid_publish_staged_total")
            assert moved >= 20 and whole.metric("kpid_publish_staged_total") == 0, moved
            for kpid in (whole, staged):
                assert kpid.stop() == 0
    for name, reader in zip(config, readers):
        print(f"{name}: {reader.reads} reads in {seconds:.0f} s of load ({len(reader.seqs)} publishes seen), "
              f"{reader.compared} sums compared, {len(reader.torn)} torn; {reader.loading} reads said loading")
        for line in reader.torn[:10]:
            print("  " + line)
        assert not reader.torn
        # A load that is over before anybody looked shows nothing.
        assert reader.reads >= 100 and len(reader.seqs) >= 20, (reader.reads, len(reader.seqs))
    print(f"of the publishes of 'staged', {moved:.0f} were too large for one transaction")


def last_is_there(kpid, reader, teams):
    reader.read("all", teams)
    accounts = reader.client.command("HGET", reader.prefix + "meta", "accounts") or ""
    return f'"read":{kpid.accounts()["read"]},' in accounts


if __name__ == "__main__":
    main()
