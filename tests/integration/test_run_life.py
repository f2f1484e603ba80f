"""The life of `kpid run` with real Kafka and Redis: start, health, metrics, signals, exit codes, what systemd hears.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading

import servers
from daemon import Daemon
from servers import Kafka, Redis

TOPICS = ("leads", "deals", "payments", "feedback")
GARBAGE = ("upstream error", "[1,2]", '{"deal_id":"g1","amount":1e400}', '{"amount":1}', '{"deal_id":"g2","amount":"1","currency":"ZZZ"}')


def deal(number, **more):
    fields = {"deal_id": f"d{number}", "event_id": f"e{number}", "occurred_at": "2026-01-05T10:00:00Z", "stage": "won",
              "manager_id": f"m{number % 7}", "amount": "10.50", "created_at": "2026-01-02T10:00:00Z",
              "closed_at": "2026-01-05T10:00:00Z"}
    return json.dumps({**fields, **more})


def produce(kafka, folder, lines):
    path = os.path.join(folder, "lines")
    with open(path, "w", encoding="utf-8") as out:
        out.write("".join(line + "\n" for line in lines))
    kafka.produce("deals", path, key_field="deal_id")


def addresses(kafka, redis):
    return ("--brokers", kafka.bootstrap, "--redis", redis.address)


def volume(redis):
    with redis.client() as client:
        return client.hash("kpid:{default}:kpi:company:all:all").get("sales_volume")


def ready_and_accounted(kafka, redis, folder):
    """/readyz, /livez, and the identity in every scrape while events come in."""
    with Daemon(*addresses(kafka, redis)) as kpid:
        kpid.wait_page("/livez", 200)
        kpid.wait_for("/readyz", lambda: kpid.page("/readyz") == (200, "ok\n"))
        assert kpid.page("/nowhere")[0] == 404

        done = threading.Event()
        scrapes = []

        def scrape():
            while not done.is_set():
                scrapes.append(kpid.accounts())
        scraper = threading.Thread(target=scrape)
        scraper.start()
        lines = [deal(n) for n in range(20000)] + [deal(n) for n in range(5000)] + list(GARBAGE)
        lines += [json.dumps({"deal_id": f"d{n}", "occurred_at": "2026-01-04T10:00:00Z", "amount": 1}) for n in range(100)]
        produce(kafka, folder, lines)
        kpid.wait_read(len(lines))
        kpid.wait_for("scrapes", lambda: len(scrapes) > 5 or not scraper.is_alive())
        done.set()
        scraper.join()
        last = kpid.accounts()
        assert last == {"read": 25105, "applied": 20000, "duplicate": 5000, "superseded": 100, "dead_lettered": 5,
                        "filtered": 0}, last
        assert len(scrapes) > 5
        metrics = kpid.metrics()
        assert metrics['kpid_records{kind="deal"}'] == 20000
        assert metrics["kpid_kafka_partitions"] == 16 == metrics["kpid_kafka_partitions_ended"]
        assert metrics["kpid_live"] == 1
        kpid.wait_for("Redis", lambda: kpid.metric("kpid_redis_up") == 1)
        assert metrics["process_resident_memory_bytes"] > 1e6
        kpid.wait_for("the volume in Redis", lambda: volume(redis) == "210000.00")
        kpid.wait_for("dead letters delivered", lambda: kpid.metric("kpid_dead_letters_delivered_total") == 5)
        assert kpid.stop() == 0
        assert f'msg=stopped read={last["read"]}' in kpid.log()


def stop_publishes_what_was_read(kafka, redis, folder):
    """SIGTERM in the middle of a stream: what the writer counted as read is what Redis holds. A stop does not wait for a
    Redis that is late; where the log says that it was, it is tried once more."""
    signals, tries = [signal.SIGTERM, signal.SIGINT], 0
    while signals:
        tries += 1
        with Daemon(*addresses(kafka, redis)) as kpid:
            before = 25105
            kpid.wait_read(before)
            kpid.wait_ready()
            start = int(volume(redis).split(".")[0])
            produce(kafka, folder, [deal(100000 + n + tries * 10000, amount="1") for n in range(5000)])
            assert kpid.stop(signals[0]) == 0
            # Whatever part of it was read: stopped with it, published with it.
            read = int(kpid.log().split("msg=stopped read=")[1].split()[0])
            sums = [int(volume(redis).split(".")[0])]
            with redis.client() as client:
                offsets = json.loads(client.hash("kpid:{default}:fence")["offsets"])
            published = sum(sum(p.values()) if isinstance(p, dict) else sum(p) for p in offsets.values())
            assert published == read or "redis: not published" in kpid.log(), (offsets, read)
            signals = signals[published == read :]
            assert start <= sums[0] <= start + 5000
        # The next one goes on with the rest.
        with Daemon(*addresses(kafka, redis), "--exit-at-end") as kpid:
            assert kpid.wait_end() == 0
            assert int(volume(redis).split(".")[0]) == start + 5000


def second_signal_ends_at_once(kafka, redis):
    """Redis stands still, so the orderly stop waits for its time-outs; whoever cannot wait sends a second signal."""
    config = "redis: {timeout: 1m}\n"
    with Daemon(*addresses(kafka, redis), config=config) as kpid:
        kpid.wait_ready()
        redis.pause()
        try:
            kpid.wait_page("/readyz", 503)
            kpid.send(signal.SIGTERM)
            kpid.wait_log("msg=stopping")
            kpid.send(signal.SIGTERM)
            status = kpid.wait_end()
        finally:
            redis.resume()
        assert status == 1, status
        assert "msg=stopped" not in kpid.log()


def hangup_checks_the_file(kafka, redis):
    with Daemon(*addresses(kafka, redis), config="publish: {tick: 50ms}\n") as kpid:
        kpid.wait_ready()
        kpid.send(signal.SIGHUP)
        kpid.wait_log("the configuration file is good")
        kpid.write_config("publish: {tik: 50ms}\n")
        kpid.send(signal.SIGHUP)
        kpid.wait_log("the configuration file is wrong")
        assert "did you mean" in kpid.log()
        kpid.wait_ready()
        assert kpid.stop() == 0


def the_manager_hears(kafka, redis):
    """sd_notify: ready when live numbers are in Redis, a watchdog while the writer makes progress, stopping."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(os.path.join(folder, "notify"))
        manager.settimeout(60)
        heard = []

        def hear(word):
            while word not in heard:
                heard.extend(line.split("=")[0] if not line.startswith(("READY", "STOPPING", "WATCHDOG=")) else line
                             for line in manager.recv(4096).decode().splitlines())

        environment = {"NOTIFY_SOCKET": os.path.join(folder, "notify"), "WATCHDOG_USEC": "800000"}
        with Daemon(*addresses(kafka, redis), environment=environment) as kpid:
            hear("READY=1")
            assert "msg=ready\n" in kpid.log()  # which it says before; /readyz may have changed its mind by now
            kpid.wait_ready()
            hear("WATCHDOG=1")
            heard.clear()
            hear("WATCHDOG=1")  # again and again
            hear("STATUS")
            kpid.send(signal.SIGTERM)
            hear("STOPPING=1")
            assert kpid.wait_end() == 0


def exit_codes(kafka, redis):
    program = os.environ.get("KPID") or os.path.join(servers.bin_dir(), "kpid")

    def run(*words):
        done = subprocess.run([program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    status, out, _ = run("--help")
    assert status == 0 and "replay" in out and "dead-letters" in out, out
    assert run("--version")[1].startswith("kpid ")
    assert run()[0] == 64
    status, _, err = run("rn")
    assert status == 64 and "did you mean 'run'?" in err, err
    for command in ("run", "check", "replay", "simulate", "top", "dead-letters"):
        for words in ((command, "--help"), ("help", command)):
            status, out, _ = run(*words)
            assert status == 0 and out, words
        status, out, err = run(command, "--no-such-option")
        assert status == 64 and not out and "no-such-option" in err, (command, status, err)
    assert run("run", "--redis", "host:0")[0] == 64
    assert run("run", "extra")[0] == 64

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "kpid.yaml")
        with open(path, "w", encoding="utf-8") as out:
            out.write("kafka: {properties: {no.such.property: 1}}\n")
        assert run("run", "--config", path, "--http-port", "0")[0] == 78
        with open(path, "w", encoding="utf-8") as out:
            out.write("wrong: 1\n")
        status, _, err = run("run", "--config", path)
        assert status == 78 and f"{path}:1:1" in err, err
    assert run("run", "--config", "/no/such/file")[0] == 78

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, _, err = run("run", *addresses(kafka, redis), "--http-port", str(taken.getsockname()[1]))
        assert status == 69 and "cannot listen" in err, (status, err)


def main():
    with Kafka() as kafka, Redis() as redis, tempfile.TemporaryDirectory(prefix="kpid-life-") as folder:
        kafka.create_topic(*TOPICS, "kpid-dead-letters", partitions=4)
        ready_and_accounted(kafka, redis, folder)
        stop_publishes_what_was_read(kafka, redis, folder)
        hangup_checks_the_file(kafka, redis)
        the_manager_hears(kafka, redis)
        second_signal_ends_at_once(kafka, redis)
        exit_codes(kafka, redis)
    print("the daemon's life: all as it should be")


if __name__ == "__main__":
    main()
