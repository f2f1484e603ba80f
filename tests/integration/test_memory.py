"""Memory at its limit: kpid stops reading and says so, and everything else goes on; with more memory it reads on from its
checkpoint, and all numbers are `kpid replay`'s: nothing was lost or counted twice.

MEMORY_RECORDS: how many records (60,000).
"""

import os
import re
import subprocess
import tempfile

from daemon import Daemon
from published import PREFIX, TOPICS, Events, compare, program
from servers import Kafka, Redis

MIB = 1 << 20
# What is counted is looked at every thousand messages. On top of that comes what lies in the ring and what librdkafka has fetched, and
# what follows from up to 65,536 records that were read and not derived yet: some 25 in all.
SLACK = 32 * MIB
CONFIG = """
windows: [24h, month, all, now]
checkpoint: {{every: 500ms}}
kafka: {{queue_size_max: 1MiB}}
limits: {{ring_size: 1MiB, memory_max: {most}MiB}}
"""


def start(kafka, redis, folder, most):
    return Daemon("--brokers", kafka.bootstrap, "--redis", redis.address, "--checkpoint", folder,
                  config=CONFIG.format(most=most))


def read_until_checkpoint(folder):
    """How many messages had been read at the instant of the checkpoint; also while kpid writes there."""
    info = subprocess.run([program(), "checkpoint", "info", folder], stdout=subprocess.PIPE, text=True, check=False).stdout
    found = re.search(r"^messages +(\d+) = ", info, re.M)
    return int(found[1]) if found else None


def held(kpid):
    m = kpid.metrics()
    return m if m["kpid_kafka_held"] == 1 and m["kpid_kafka_lag_messages"] > 0 else None


def main():
    with Kafka() as kafka, Redis() as redis, tempfile.TemporaryDirectory(prefix="kpid-memory-") as folder:
        kafka.create_topic(*TOPICS, "kpid-dead-letters")
        events = Events(kafka, folder, 1, int(os.environ.get("MEMORY_RECORDS", "60000")))
        store = os.path.join(folder, "store")
        os.mkdir(store)
        with start(kafka, redis, store, 1024) as kpid:
            kpid.wait_for("nothing to read", lambda: kpid.metric("kpid_live") == 1)
            empty = kpid.metric("kpid_memory_own_bytes")
            assert kpid.stop() == 0
        most = int(empty / MIB) + 40
        events.send(0)
        with start(kafka, redis, store, most) as kpid:
            kpid.wait_for("a limit", lambda: held(kpid))
            kpid.wait_log("memory is at its limit")
            read = kpid.accounts()["read"]
            assert read < events.count, (read, events.count)
            # What goes on: checkpoints, and publishes of what was read. It may read a little more when memory is given back.
            kpid.wait_for("a checkpoint of all that was read",
                          lambda: read_until_checkpoint(store) == kpid.accounts()["read"] and held(kpid))
            seq = int(redis.hash(PREFIX + "fence")["seq"])
            kpid.wait_for("a publish", lambda: int(redis.hash(PREFIX + "fence")["seq"]) > seq)
            m = kpid.wait_for("a limit, and what lies behind it", lambda: held(kpid))
            assert m["kpid_memory_own_bytes"] < most * MIB + SLACK, (m["kpid_memory_own_bytes"] / MIB, most)
            kpid.wait_page("/readyz", 503, "memory: at limits.memory_max")
            assert kpid.page("/livez")[0] == 200
            assert kpid.stop() == 0
        with start(kafka, redis, store, 1024) as kpid:
            compare(events, kpid, redis, "with more memory")
            accounts = kpid.accounts()
            assert accounts["read"] == events.count, (accounts, events.count)
            assert kpid.stop() == 0
        print(f"held at {read} of {events.count} messages, {m['kpid_memory_own_bytes'] / MIB:.0f} MiB of {most}; all read after that")


if __name__ == "__main__":
    main()
