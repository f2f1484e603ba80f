"""Redis away at the start, killed, standing still, full, and restarted empty in mid-run: ingest goes on, memory stays
bounded, and on return Redis holds exactly what `kpid replay` prints of the same events for the instant in meta.

FAULT_RECORDS: how many records (12,000).
"""

import os
import tempfile

from daemon import Daemon
from published import TOPICS, Events, compare
from resp import Client
from servers import Kafka, Redis

CONFIG = """
windows: [5m, 24h, today, yesterday, month, last_month, all, now]
redis:
  timeout: 300ms
  backoff_max: 500ms
"""


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
    events = Events(kafka, folder, 6, int(os.environ.get("FAULT_RECORDS", "12000")))
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
