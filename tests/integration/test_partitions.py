"""What only real Kafka can show of the consumer: partitions and topics that come later, transactions, compaction."""

import json
import os
import tempfile

from daemon import Daemon
from servers import Kafka, Redis

CONFIG = "kafka: {metadata_refresh: 1s}\n"


def produce(kafka, folder, first, count, **where):
    path = os.path.join(folder, "lines")
    with open(path, "w", encoding="utf-8") as out:
        for n in range(first, first + count):
            out.write(json.dumps({"deal_id": f"d{n}", "stage": "won", "amount": 1}) + "\n")
    kafka.produce("deals", path, **where)


def main():
    with Kafka() as kafka, Redis() as redis, tempfile.TemporaryDirectory(prefix="kpid-partitions-") as folder:
        kafka.create_topic("leads", "deals")
        kafka.create_topic("payments", config={"cleanup.policy": "compact"})
        produce(kafka, folder, 0, 100)
        with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address, config=CONFIG) as kpid:
            kpid.wait_read(100)
            assert kpid.metric("kpid_kafka_topics_missing") == 1
            # A topic that comes later, and more partitions of one that is read.
            kafka.create_topic("feedback", "kpid-dead-letters", partitions=2)
            kpid.wait_for("the topic", lambda: kpid.metric("kpid_kafka_topics_missing") == 0)
            kafka.add_partitions("deals", 3)
            produce(kafka, folder, 100, 50, partition=1)
            produce(kafka, folder, 150, 50, partition=2)
            kpid.wait_read(200)
            assert kpid.metric("kpid_kafka_partitions") == 7

            # What was taken back by its producer is never read; the position goes past it and past the markers.
            produce(kafka, folder, 1000, 500, partition=1, transaction="abort")
            produce(kafka, folder, 200, 20, partition=1, transaction="commit")
            produce(kafka, folder, 1500, 500, partition=2, transaction="abort")
            kpid.wait_read(220)
            kpid.wait_for("no lag", lambda: kpid.metric("kpid_kafka_lag_messages") == 0)
            kpid.wait_for("all ends", lambda: kpid.metric("kpid_kafka_partitions_ended") == 7)
            accounts = kpid.accounts()
            assert accounts["read"] == accounts["applied"] == 220, accounts
            assert kpid.metric("kpid_kafka_gaps_total") == 0

            # A compacted topic of changes: said, and counted.
            assert kpid.metric("kpid_kafka_topics_compacted") == 1
            assert "the topic is compacted" in kpid.log()
            kpid.wait_ready()
            company = "kpid:{default}:kpi:company:all:all"
            kpid.wait_for("the deals in Redis", lambda: redis.hash(company).get("deals_won") == "220")
            assert kpid.stop() == 0
        print("partitions: 2 topics and 4 partitions that came later, 1000 messages taken back, none of them read")


if __name__ == "__main__":
    main()
