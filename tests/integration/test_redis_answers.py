"""The table of what Redis answers when it cannot do what it is asked: each is provoked from a real one while events come
in. Ingest goes on, the log says it once, and afterwards Redis holds what `kpid replay` prints of the same events.

Not here: OOM, a refused connection and time-outs (test_redis_faults.py); NOSCRIPT, ASK and TRYAGAIN, which no real Redis
gives to what kpid sends outside of a moving cluster, and each answer at each step, from a scripted one
(tests/publishers/test_trouble.c).

ANSWERS_RECORDS: how many records (11,000).
"""

import os
import re
import tempfile

from daemon import Daemon
from published import TOPICS, Events, compare
from resp import Client
from servers import Kafka, Redis, RedisClient, RedisError, free_port, wait_until

CONFIG = """
windows: [24h, today, month, all, now]
redis:
  timeout: 30s
  backoff_max: 200ms
"""


class LoadingRedis(Redis):
    """Counts as started while it is loading."""

    def answers(self):
        try:
            with RedisClient(self.port, 1) as client:
                return client.command("PING") == "PONG"
        except RedisError as error:
            return str(error).startswith("LOADING")
        except OSError:
            return False


# So that a test may move its folder away.
ARGUMENTS = ("--enable-protected-configs", "yes")


def restart(redis, *arguments):
    redis.kill()
    redis.arguments = [*ARGUMENTS, *arguments]
    redis.start()


class Answers:
    """Each method: provokes, then yields while the trouble lasts, then ends it. Its name is the trouble's."""

    def __init__(self, redis):
        self.redis = redis

    def readonly(self):
        self.redis.command("REPLICAOF", "127.0.0.1", "1")
        yield
        self.redis.command("REPLICAOF", "NO", "ONE")

    def masterdown(self):
        self.redis.command("CONFIG", "SET", "replica-serve-stale-data", "no")
        self.redis.command("REPLICAOF", "127.0.0.1", "1")
        yield
        self.redis.command("REPLICAOF", "NO", "ONE")

    def busy(self):
        self.redis.command("CONFIG", "SET", "busy-reply-threshold", "10")
        with Client(self.redis.port) as client:
            client.send("EVAL", "while true do end", "0")
            yield
            self.redis.command("SCRIPT", "KILL")
            client.read()

    def misconf(self):
        with tempfile.TemporaryDirectory(prefix="kpid-answers-") as folder:
            gone = os.path.join(folder, "gone")
            os.mkdir(gone)
            self.redis.command("CONFIG", "SET", "dir", gone)
            os.rmdir(gone)
            self.redis.command("CONFIG", "SET", "save", "3600 1")
            self.redis.command("BGSAVE")
            yield
            self.redis.command("CONFIG", "SET", "save", "")
            self.redis.command("CONFIG", "SET", "dir", self.redis.folder)

    def noreplicas(self):
        self.redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
        yield
        self.redis.command("CONFIG", "SET", "min-replicas-to-write", "0")

    def noperm(self):
        self.redis.command("ACL", "SETUSER", "default", "-publish")
        yield
        self.redis.command("ACL", "SETUSER", "default", "+@all")

    def noauth(self):
        with Client(self.redis.port) as client:
            client.command("CONFIG", "SET", "requirepass", "unknown-to-kpid")
            client.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            yield
            client.command("CONFIG", "SET", "requirepass", "")

    def wrongtype(self):
        self.redis.command("SET", "kpid:{default}:fence", "no hash")
        yield
        self.redis.command("DEL", "kpid:{default}:fence")

    def clusterdown(self):
        restart(self.redis, "--cluster-enabled", "yes", "--cluster-config-file", "down.conf", "--cluster-port",
                str(free_port()))
        yield
        restart(self.redis)

    def moved(self):
        bus = free_port()
        with Redis(arguments=["--cluster-enabled", "yes", "--cluster-port", str(bus)]) as other:
            other.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            restart(self.redis, "--cluster-enabled", "yes", "--cluster-config-file", "moved.conf", "--cluster-port",
                    str(free_port()))
            self.redis.command("CLUSTER", "MEET", "127.0.0.1", str(other.port), str(bus))
            wait_until("the cluster", lambda: "cluster_state:ok" in self.redis.command("CLUSTER", "INFO"))
            yield
            restart(self.redis)

    def loading(self):
        self.redis.command("SAVE")
        restart(self.redis, "--key-load-delay", "300000", "--loading-process-events-interval-bytes", "1024")
        yield
        self.redis.command("CONFIG", "SET", "key-load-delay", "0")


ROWS = ("readonly", "masterdown", "busy", "misconf", "noreplicas", "noperm", "noauth", "wrongtype", "clusterdown",
        "moved", "loading")


def troubles(kpid, kind):
    return kpid.metric(f'kpid_redis_troubles_total{{trouble="{kind}"}}')


def told(kpid, kind):
    return len(re.findall(rf"redis: not published.*\btrouble=\"?{kind}\b", kpid.log()))


def main():
    redis = LoadingRedis(arguments=ARGUMENTS)
    try:
        with Kafka() as kafka, tempfile.TemporaryDirectory(prefix="kpid-answers-") as folder:
            redis.start()
            kafka.create_topic(*TOPICS, "kpid-dead-letters", partitions=2)
            events = Events(kafka, folder, len(ROWS) + 1, int(os.environ.get("ANSWERS_RECORDS", "11000")))
            with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address, config=CONFIG) as kpid:
                events.send(0)
                compare(events, kpid, redis, "at the start")
                for n, kind in enumerate(ROWS, 1):
                    row(kpid, redis, events, kind, n)
                assert kpid.stop() == 0
    finally:
        redis.close()


def row(kpid, redis, events, kind, part):
    provoked = getattr(Answers(redis), kind)()
    next(provoked)
    kpid.wait_for(kind, lambda: troubles(kpid, kind) > 0)
    # The trouble lasts: whatever is read now is read without Redis.
    beats = kpid.metric("kpid_writer_beats_total")
    events.send(part)
    kpid.wait_read(events.count)
    kpid.wait_for("the writer's beats", lambda: kpid.metric("kpid_writer_beats_total") > beats)
    more = troubles(kpid, kind)
    kpid.wait_for("attempts that go on", lambda: troubles(kpid, kind) > more + 1)
    attempts = int(troubles(kpid, kind))
    for _ in provoked:
        raise AssertionError("a provocation yields once")
    compare(events, kpid, redis, kind)
    assert told(kpid, kind) == 1, (kind, told(kpid, kind), attempts)
    print(f"{kind}: {attempts} attempts or more, told once")


if __name__ == "__main__":
    main()
