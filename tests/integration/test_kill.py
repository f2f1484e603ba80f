"""kill -9 at random moments under load, with real Kafka and Redis: each time kpid begins again from its checkpoint, and
Redis then holds, field by field, what `kpid replay` prints of all events; each message is counted once. At the end the
checkpoint holds, byte by byte, the records that one holds which was made in a single reading.

KILL_ROUNDS: how often (50). KILL_SEED: of the moments. KILL_COMPARE: after how many rounds all is compared (10).
"""

import os
import random
import subprocess
import tempfile

from daemon import Daemon
from published import TOPICS, Events, compare, program
from servers import Kafka, Redis

CONFIG = """
windows: [5m, 24h, today, yesterday, month, last_month, all, now]
publish: {tick: 50ms}
checkpoint: {every: 100ms}
"""
PARTS = 40


def settle(events, kpid, redis, what):
    values = compare(events, kpid, redis, what)
    kpid.wait_read(events.count)  # the writer cuts for Redis, and then shows its numbers
    assert kpid.accounts()["read"] == events.count
    return values


def checkpoint(action, folder):
    done = subprocess.run([program(), "checkpoint", action, folder], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, (action, folder, done.returncode)
    return done.stdout


def single_reading(kafka, redis, folder):
    """The export of a checkpoint of another kpid that reads everything once, beside in the same Redis."""
    with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address, "--checkpoint", folder, "--exit-at-end",
                config=CONFIG + "redis: {namespace: other}\n") as kpid:
        assert kpid.wait_end() == 0
    return checkpoint("export", folder)


def main():
    rounds, every = int(os.environ.get("KILL_ROUNDS", "50")), int(os.environ.get("KILL_COMPARE", "10"))
    seed = int(os.environ.get("KILL_SEED", "1"))
    print(f"KILL_SEED={seed}")
    dice = random.Random(seed)
    with Kafka() as kafka, Redis() as redis, tempfile.TemporaryDirectory(prefix="kpid-kill-") as folder:
        kafka.create_topic(*TOPICS, "kpid-dead-letters", partitions=3)
        events = Events(kafka, folder, PARTS, int(os.environ.get("KILL_RECORDS", "6000")))
        state = os.path.join(folder, "state")
        arguments = ("--brokers", kafka.bootstrap, "--redis", redis.address, "--checkpoint", state)
        values = compared = restored = stops = 0
        for number in range(rounds + 1):
            with Daemon(*arguments, config=CONFIG) as kpid:
                before = events.count
                events.send(number % PARTS, again=number >= PARTS)
                if number % every == every - 1 or number == rounds:
                    values += settle(events, kpid, redis, f"round {number}")
                    compared += 1
                else:
                    kpid.wait_read(dice.randint(before // 2, events.count))
                restored += "restored from the checkpoint" in kpid.log()
                if number == rounds or dice.random() < 0.1:
                    assert kpid.stop() == 0
                    stops += 1
                else:
                    kpid.process.kill()
                    kpid.process.wait()
        assert restored > rounds * 0.8, restored
        print(checkpoint("verify", state) + checkpoint("info", state), end="")
        records = checkpoint("export", state)
        assert records.count("\n") > 1000 and records == single_reading(kafka, redis, os.path.join(folder, "other"))
        print(f"{rounds} rounds: {rounds + 1 - stops} kills, {stops} orderly stops, {restored} restored; {events.count} messages, "
              f"each counted once; {values} fields compared in {compared} rounds, 0 wrong; {len(records.splitlines())} records as in a single reading")


if __name__ == "__main__":
    main()
