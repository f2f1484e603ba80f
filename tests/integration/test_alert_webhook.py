"""A manager's win rate falls below a rule's threshold: real Kafka, `kpid run`, real Redis, and a webhook receiver.

Told once when it falls, not while it stays between threshold and clearing threshold, not again after kpid was killed
and started anew, once when it recovers. alerts:active and alerts:log say the same. A receiver that fails at first
gets the same again, with the same key. A manager with too few deals, however bad, is never told of.
"""

import hashlib
import hmac
import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from harness import KINDS, Stopwatch, kpid, scratch, show  # noqa: E402

from daemon import WAIT_S  # noqa: E402
from servers import Kafka, Redis, free_port, wait_until  # noqa: E402

SECRET = "webhook secret"
PREFIX = "kpid:{default}:"
CONFIG = """
windows: [all, now]
kafka:
  brokers: {brokers}
redis:
  host: 127.0.0.1
  port: {redis}
http:
  port: {http}
alerts:
  every: 1s
  without_redis: 0s
  receivers:
    - name: sales
      url: http://127.0.0.1:{receiver}/alerts
      timeout: 2m
      hmac_secret_env: WEBHOOK_SECRET
    - name: shaky
      url: http://127.0.0.1:{receiver}/shaky
      timeout: 2m
  rules:
    - name: win rate low
      kpi: win_rate
      dimension: manager
      window: all
      below: 0.25
      clear: 0.35
      sample_min: 10
      severity: critical
"""


class Receiver(ThreadingHTTPServer):
    """Keeps what it gets, by path. /shaky answers 503 to the first, and takes what comes again."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.taken = {"/alerts": [], "/shaky": []}
        self.refused = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, path):
        with self.lock:
            return len(self.taken[path])


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            refuse = self.path == "/shaky" and not self.server.refused
            (self.server.refused if refuse else self.server.taken[self.path]).append((self.headers, body))
        self.send_response(503 if refuse else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Daemon:
    def __init__(self, config, http_port, log):
        self.config, self.http_port, self.log = config, http_port, log
        self.process = None

    def start(self):
        with open(self.log, "ab") as err:
            self.process = subprocess.Popen(
                [kpid(), "run", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stderr=err,
                env={"PATH": "/usr/bin:/bin", "WEBHOOK_SECRET": SECRET},
            )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def metrics(self):
        """{name with labels: number}; {} while nobody listens."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=WAIT_S)
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except OSError:
            return {}
        return {m[1]: float(m[2]) for m in re.finditer(r"^(kpid_[^ ]*(?:\{[^}]*\})?) (\S+)$", text, re.M)}

    def decisions(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"kpid ended with {self.process.returncode}")
        return self.metrics().get("kpid_alert_decisions_total", 0)


class Story:
    def __init__(self, kafka, redis, daemon, receiver):
        self.kafka, self.redis, self.daemon, self.receiver = kafka, redis, daemon, receiver
        self.deals = 0
        self.wrong = []

    def expect(self, what, got, wanted):
        if got != wanted:
            self.wrong.append(f"{what}: {got!r} instead of {wanted!r}")

    def close_deals(self, manager, won, lost):
        lines = []
        for stage in ["won"] * won + ["lost"] * lost:
            self.deals += 1
            lines.append(
                json.dumps(
                    {
                        "deal_id": f"d{self.deals}",
                        "stage": stage,
                        "manager_id": manager,
                        "created_at": "2024-01-01T00:00:00Z",
                        "closed_at": "2024-02-01T00:00:00Z",
                        "occurred_at": "2024-02-01T00:00:00Z",
                    }
                )
            )
        path = Path(self.redis.folder) / "deals.ndjson"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.kafka.produce("deals", path, key_field="deal_id")

    def wait_for(self, manager, win_rate):
        """Until Redis shows the value, and the rules were looked at with it: two snapshots from before may be on their way
        to them."""

        def shown():
            self.daemon.decisions()  # ends the test when kpid has ended
            return self.redis.hash(f"{PREFIX}kpi:manager:all:{manager}").get("win_rate") == win_rate

        wait_until(f"{manager} has no win_rate {win_rate}", shown)
        self.wait_decisions(3)

    def wait_decisions(self, count):
        before = self.daemon.decisions()
        wait_until("the rules are not looked at", lambda: self.daemon.decisions() >= before + count)

    def wait_told(self, count):
        for path in self.receiver.taken:
            wait_until(f"{path} has not {count}", lambda: self.receiver.count(path) >= count)
        # The receiver counts before it answers, and what has not been answered would come again after a kill.
        wait_until("a message counts as unsent", lambda: self.redis.command("HLEN", f"{PREFIX}alerts:unsent") == 0)

    def active(self):
        return {key: json.loads(value) for key, value in self.redis.hash(f"{PREFIX}alerts:active").items()}

    def log(self):
        """[(from, to, entity)] of alerts:log, oldest first."""
        entries = []
        for _, flat in self.redis.command("XRANGE", f"{PREFIX}alerts:log", "-", "+"):
            for value in flat[1::2]:
                if value.startswith("{"):
                    entry = json.loads(value)
                    entries.append((entry["from"], entry["to"], entry["entity"]))
        return entries

    def run(self):
        self.close_deals("Anna", 4, 6)
        self.close_deals("Boris", 0, 3)
        self.daemon.start()
        self.wait_for("Anna", "0.400000")
        self.expect("told before anything happened", self.receiver.count("/alerts"), 0)
        self.expect("active before anything happened", self.active(), {})

        self.close_deals("Anna", 0, 7)  # 4 of 17
        self.wait_told(1)
        wait_until("alerts:active has nothing", self.active)
        self.wait_for("Anna", "0.235294")
        active = self.active()
        self.expect("active", [(a["entity"], a["value"], a["n"]) for a in active.values()], [("Anna", "0.235294", 17)])
        self.expect("log", self.log(), [("inactive", "firing", "Anna")])

        self.close_deals("Anna", 2, 0)  # 6 of 19: between the thresholds
        self.wait_for("Anna", "0.315789")
        self.expect("active between the thresholds", self.active(), active)

        self.daemon.kill()
        self.daemon.start()
        wait_until("kpid is not live again", lambda: self.daemon.decisions() >= 3)
        self.expect("active after a kill", self.active(), active)
        self.expect("log after a kill", len(self.log()), 1)

        self.close_deals("Anna", 3, 0)  # 9 of 22: recovered
        self.wait_told(2)
        self.wait_for("Anna", "0.409091")
        wait_until("alerts:active is not empty", lambda: not self.active())
        self.expect("log", self.log(), [("inactive", "firing", "Anna"), ("firing", "resolved", "Anna")])
        metrics = self.daemon.metrics()
        self.expect("firing", metrics.get('kpid_alerts{state="firing"}'), 0)
        self.expect("resolved since the kill", metrics.get('kpid_alert_transitions_total{state="resolved"}'), 1)
        self.expect("exit", self.daemon.stop(), 0)
        self.check_messages(next(iter(active.values())))

    def check_messages(self, alert):
        for path, messages in self.receiver.taken.items():
            bodies = [json.loads(body) for _, body in messages]
            self.expect(f"{path}: told", [body["status"] for body in bodies], ["firing", "resolved"])
            keys = [headers["Idempotency-Key"] for headers, _ in messages]
            self.expect(f"{path}: keys", len(set(keys)), 2)
            self.expect(f"{path}: keys in the bodies", [body["idempotencyKey"] for body in bodies], keys)
            for body in bodies:
                self.expect("version", body["version"], "4")
                self.expect("alerts", len(body["alerts"]), 1)
                one = body["alerts"][0]
                labels = {"alertname": "win rate low", "severity": "critical", "kpi": "win_rate", "window": "all"}
                self.expect("labels", one["labels"], {**labels, "dimension": "manager", "entity": "Anna"})
                self.expect("fingerprint", one["fingerprint"], alert["fingerprint"])
                self.expect("startsAt", one["startsAt"], alert["starts_at"])
            summary = bodies[0]["alerts"][0]["annotations"]["summary"]
            self.expect("summary", summary, "win rate of Anna, all: 0.235294 below 0.25 (n 17)")
        for headers, body in self.receiver.taken["/alerts"]:
            signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            self.expect("signature", headers["X-Kpid-Signature"], signature)
        self.expect("refused", len(self.receiver.refused), 1)
        refused, again = self.receiver.refused[0], self.receiver.taken["/shaky"][0]
        self.expect("key of the repeat", again[0]["Idempotency-Key"], refused[0]["Idempotency-Key"])
        self.expect("body of the repeat", again[1], refused[1])


def main():
    watch = Stopwatch()
    receiver = Receiver()
    with scratch() as directory, Kafka() as kafka, Redis() as redis:
        kafka.create_topic(*KINDS, "kpid-dead-letters", partitions=2)
        config, log, http_port = Path(directory) / "kpid.yaml", Path(directory) / "kpid.log", free_port()
        config.write_text(
            CONFIG.format(
                brokers=kafka.bootstrap, redis=redis.port, http=http_port, receiver=receiver.server_address[1]
            ),
            encoding="utf-8",
        )
        daemon = Daemon(config, http_port, log)
        story = Story(kafka, redis, daemon, receiver)
        try:
            story.run()
        except BaseException:
            sys.stderr.write(log.read_text(errors="replace")[-6000:] if log.exists() else "")
            raise
        finally:
            if daemon.process and daemon.process.poll() is None:
                daemon.kill()
        if story.wrong:
            sys.stderr.write(log.read_text(errors="replace")[-6000:])
    print(f"one alert told and resolved, over a kill; {len(story.wrong)} wrong ({watch})")
    show(story.wrong)
    sys.exit(1 if story.wrong else 0)


if __name__ == "__main__":
    main()
