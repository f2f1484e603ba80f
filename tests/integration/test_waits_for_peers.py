"""Kafka or Redis away: at the start kpid waits, says so, is not ready, and goes on when they come; in mid-run ingest
goes on without Redis in bounded memory, and on return Redis holds the exact state.
"""

import json
import os
import tempfile

from daemon import Daemon
from servers import Kafka, Redis

TOPICS = ("leads", "deals", "payments", "feedback", "kpid-dead-letters")


class Deals:
    """Won deals of 2 each into the topic; what Redis must show for them."""

    def __init__(self, kafka, folder):
        self.kafka, self.folder, self.count = kafka, folder, 0

    def produce(self, count):
        path = os.path.join(self.folder, "lines")
        with open(path, "w", encoding="utf-8") as out:
            for number in range(self.count, self.count + count):
                out.write(json.dumps({
                    "deal_id": f"d{number}", "event_id": f"e{number}", "occurred_at": "2026-01-05T10:00:00Z",
                    "stage": "won", "amount": 2, "manager_id": f"m{number % 50}", "closed_at": "2026-01-05T10:00:00Z",
                    "created_at": "2026-01-02T10:00:00Z"}) + "\n")
        self.kafka.produce("deals", path, key_field="deal_id")
        self.count += count

    def are_in(self, redis):
        with redis.client() as client:
            company = client.hash("kpid:{default}:kpi:company:all:all")
            managers = [client.hash(f"kpid:{{default}}:kpi:manager:all:m{n}") for n in range(50)]
        return (company.get("sales_volume") == f"{2 * self.count}.00" and company.get("deals_won") == str(self.count)
                and sum(int(m.get("deals_won", 0)) for m in managers) == self.count)


def addresses(kafka, redis):
    return ("--brokers", kafka.bootstrap, "--redis", redis.address)


def both_away_at_the_start(kafka, redis, deals):
    """Redis comes first, then Kafka without topics, then the topics."""
    with Daemon(*addresses(kafka, redis)) as kpid:
        kpid.wait_page("/readyz", 503, "kafka: no connection\nredis: no connection\n")
        kpid.wait_page("/livez", 200)
        kpid.wait_log("level=warning")
        redis.start()
        kpid.wait_for("Redis", lambda: kpid.metric("kpid_redis_up") == 1)
        kpid.wait_page("/readyz", 503, "kafka: no connection\n")
        kafka.start()
        kpid.wait_page("/readyz", 503, "kafka: none of the topics exists\n")
        kafka.create_topic(*TOPICS, partitions=2)
        deals.produce(1000)
        kpid.wait_read(deals.count)
        kpid.wait_ready()
        kpid.wait_for("the deals in Redis", lambda: deals.are_in(redis))
        assert kpid.stop() == 0


def redis_away_at_the_start(kafka, redis, deals):
    """Ingest does not wait for Redis."""
    redis.stop()
    with Daemon(*addresses(kafka, redis)) as kpid:
        kpid.wait_read(deals.count)
        kpid.wait_page("/readyz", 503, "redis: no connection\n")
        redis.start()
        kpid.wait_ready()
        kpid.wait_for("the deals in Redis", lambda: deals.are_in(redis))
        assert kpid.stop() == 0


def redis_away_in_mid_run(kafka, redis, deals):
    """A Redis that is gone, and one that stands still: events are read, memory stays, the state comes back exactly."""
    with Daemon(*addresses(kafka, redis)) as kpid:
        kpid.wait_ready()
        for leave, come in ((redis.kill, redis.start), (redis.pause, redis.resume)):
            deals.produce(2000)
            kpid.wait_for("the deals in Redis", lambda: deals.are_in(redis))
            leave()
            kpid.wait_page("/readyz", 503)
            before = kpid.metric("process_resident_memory_bytes")
            for _ in range(10):
                deals.produce(2000)
            kpid.wait_read(deals.count)
            kpid.wait_page("/livez", 200)
            # What 20,000 deals cost, with room for a sanitizer; tests/daemon/test_writer.c counts the snapshots.
            grown = kpid.metric("process_resident_memory_bytes") - before
            assert grown < 200e6, grown
            come()
            kpid.wait_ready()
            kpid.wait_for("the deals in Redis", lambda: deals.are_in(redis))
        assert kpid.stop() == 0


def kafka_away_in_mid_run(kafka, redis, deals):
    with Daemon(*addresses(kafka, redis)) as kpid:
        kpid.wait_ready()
        kafka.stop()
        kpid.wait_page("/readyz", 503, "kafka: no connection\n")
        kpid.wait_page("/livez", 200)
        kafka.start()
        deals.produce(1000)
        kpid.wait_read(deals.count)
        kpid.wait_ready()
        kpid.wait_for("the deals in Redis", lambda: deals.are_in(redis))
        assert kpid.stop() == 0


def main():
    kafka, redis = Kafka(), Redis()
    try:
        with tempfile.TemporaryDirectory(prefix="kpid-peers-") as folder:
            deals = Deals(kafka, folder)
            both_away_at_the_start(kafka, redis, deals)
            redis_away_at_the_start(kafka, redis, deals)
            redis_away_in_mid_run(kafka, redis, deals)
            kafka_away_in_mid_run(kafka, redis, deals)
            print(f"servers away: {deals.count} deals, all in Redis")
    finally:
        kafka.close()
        redis.close()


if __name__ == "__main__":
    main()
