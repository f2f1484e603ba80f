"""Two Redis servers and a sentinel: the master is killed, a fail-over is ordered, and the sentinel names another one while
the old master still takes writes. Each time kpid goes on where the master is, and what stands there is `kpid replay`'s.

SENTINEL_RECORDS: how many records (6,000).
"""

import os
import tempfile

from daemon import Daemon
from published import PREFIX, TOPICS, Events, compare
from resp import Client
from servers import Kafka, Redis, RedisError, free_port, wait_until

PASSWORD = "of-sentinels"
PATIENT_MS, HASTY_MS = 120000, 500  # until a server counts as down: only the one that is killed shall
CONFIG = """
windows: [5m, 24h, today, month, all, now]
redis:
  sentinels: ["127.0.0.1:{away}", "127.0.0.1:{port}"]
  sentinel_master: floor
  sentinel_password_env: SENTINEL_PASSWORD
  timeout: 2s
  backoff_max: 500ms
  lease: 1s
"""


class Sentinel(Redis):
    def __init__(self, master_port):
        super().__init__()
        self.path = os.path.join(self.folder, "sentinel.conf")
        with open(self.path, "w", encoding="ascii") as out:
            out.write(f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\nrequirepass {PASSWORD}\n"
                      f"sentinel monitor floor 127.0.0.1 {master_port} 1\n"
                      f"sentinel down-after-milliseconds floor {PATIENT_MS}\nsentinel failover-timeout floor 5000\n")

    def command_line(self):
        return ["redis-server", self.path, "--sentinel"]

    def client(self, timeout=10):
        client = super().client(timeout)
        client.command("AUTH", PASSWORD)
        return client

    def answers(self):
        try:
            with self.client() as client:
                return client.command("PING") == "PONG"
        except (OSError, RedisError):
            return False

    def master_port(self):
        return int(self.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "floor")[1])

    def set_down_after(self, ms):
        self.command("SENTINEL", "SET", "floor", "down-after-milliseconds", ms)

    def fail_over(self):
        """False: it finds no replica good enough, or has not ended the fail-over before."""
        try:
            return self.command("SENTINEL", "FAILOVER", "floor") == "OK"
        except RedisError:
            return False

    def can_fail_over_to(self, redis):
        rows = (dict(zip(flat[::2], flat[1::2])) for flat in self.command("SENTINEL", "REPLICAS", "floor"))
        return any(row["port"] == str(redis.port) and row["flags"] == "slave" and row["master-link-status"] == "ok"
                   for row in rows)


def fence(redis):
    return redis.hash(PREFIX + "fence")


def troubles(kpid, kind):
    return kpid.metric(f'kpid_redis_troubles_total{{trouble="{kind}"}}')


def main():
    first, second = Redis(), Redis()
    second.arguments = ["--replicaof", "127.0.0.1", str(first.port)]
    sentinel = Sentinel(first.port)
    try:
        with Kafka() as kafka, tempfile.TemporaryDirectory(prefix="kpid-sentinel-") as folder:
            for server in (first, second, sentinel):
                server.start()
            wait_until("a replica that may take over", lambda: sentinel.can_fail_over_to(second))
            run(kafka, first, second, sentinel, folder)
    finally:
        for server in (first, second, sentinel):
            server.close()


def run(kafka, first, second, sentinel, folder):
    kafka.create_topic(*TOPICS, "kpid-dead-letters", partitions=2)
    events = Events(kafka, folder, 4, int(os.environ.get("SENTINEL_RECORDS", "6000")))
    config = CONFIG.format(port=sentinel.port, away=free_port())
    with Daemon("--brokers", kafka.bootstrap, config=config, environment={"SENTINEL_PASSWORD": PASSWORD}) as kpid:
        events.send(0)
        compare(events, kpid, first, "at the master")
        before = fence(first)
        # The replica has the fence and the lease, or the take-over would prove little.
        wait_until("the fence at the replica", lambda: int(fence(second).get("epoch", 0)) >= int(before["epoch"]))

        first.kill()
        sentinel.set_down_after(HASTY_MS)
        events.send(1)
        kpid.wait_read(events.count)
        wait_until("a fail-over", lambda: sentinel.master_port() == second.port)
        sentinel.set_down_after(PATIENT_MS)
        compare(events, kpid, second, "the master killed")
        after = fence(second)
        assert int(after["epoch"]) > int(before["epoch"]) and int(after["seq"]) > int(before["seq"]), (before, after)

        # What was the master comes back empty, as one. The sentinel makes a replica of it; then back by order.
        first.start()
        wait_until("the old master as replica", lambda: sentinel.can_fail_over_to(first))
        wait_until("the sentinel begins a fail-over", sentinel.fail_over)
        events.send(2)
        wait_until("an ordered fail-over", lambda: sentinel.master_port() == first.port)
        # As a replica it may have had all rows before it became the master; the claim is what comes after.
        wait_until("a new claim", lambda: int(fence(first)["epoch"]) > int(after["epoch"]))
        compare(events, kpid, first, "a fail-over by order")

        # Cut off from the sentinels, not from kpid: to itself, the old one is the master still, and takes writes.
        wait_until("the other one as replica", lambda: sentinel.can_fail_over_to(second))
        deposed = troubles(kpid, "deposed")
        sentinel.command("SENTINEL", "REMOVE", "floor")
        second.command("REPLICAOF", "NO", "ONE")
        sentinel.command("SENTINEL", "MONITOR", "floor", "127.0.0.1", str(second.port), "1")
        kpid.wait_for("the deposed one left", lambda: troubles(kpid, "deposed") > deposed)
        left = fence(first)
        events.send(3)
        compare(events, kpid, second, "the master deposed, but alive")
        with Client(first.port) as client:
            assert client.command("ROLE")[0] == "master"
        assert fence(first) == left, "written to the deposed one"
        assert kpid.stop() == 0
        print("4 masters in turn; nothing written to the deposed one")


if __name__ == "__main__":
    main()
