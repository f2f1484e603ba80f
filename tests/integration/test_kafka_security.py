"""TLS and SASL settings pass through to librdkafka (kafka.properties), and what is wrong with them is said plainly, once:
a broker that wants both, with the right password, a wrong one, a foreign authority, and no encryption at all.
"""

import json
import tempfile

from certificates import Authority
from daemon import Daemon
from servers import Kafka, Redis, free_port

TOPICS = ("leads", "deals", "payments", "feedback")
PASSWORD = "correct horse"
CONFIG = """
kafka:
  brokers: 127.0.0.1:{port},localhost:{port}
  metadata_refresh: 1s
  sasl_password_env: KAFKA_PASSWORD
  properties:
    security.protocol: {protocol}
    sasl.mechanism: PLAIN
    sasl.username: kpid
    ssl.ca.location: {authority}
"""
REFUSED = "kafka refuses to let kpid in"
NOT_ENCRYPTED = "no encrypted connection to kafka"


def listener(keystore):
    """What a broker needs for a listener with SASL over TLS."""
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return {
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keystore,
        "listener.name.secure.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.secure.plain.sasl.jaas.config": f'{module} required user_kpid="{PASSWORD}";',
    }


class Secure(Kafka):
    def __init__(self, keystore):
        super().__init__()
        self.secure_port = free_port()
        both = f"PLAINTEXT://127.0.0.1:{self.port},SECURE://127.0.0.1:{self.secure_port}"
        self.config = {**listener(keystore), "advertised.listeners": both,
                       "listeners": f"{both},CONTROLLER://127.0.0.1:{self.controller_port}"}


def start(kafka, redis, authority, protocol="SASL_SSL", password=PASSWORD):
    return Daemon("--redis", redis.address,
                  config=CONFIG.format(port=kafka.secure_port, authority=authority, protocol=protocol),
                  environment={"KAFKA_PASSWORD": password})


def refused(kpid, message):
    """Said once for both addresses; after that ever more rarely."""
    kpid.wait_log(message)
    kpid.wait_for("both have failed", lambda: kpid.metric("kpid_kafka_errors_total") >= 2)
    kpid.wait_log("kafka does not answer; waiting for it")
    lines = [line for line in kpid.log().splitlines() if message in line]
    ages = [int(line.split("refused_ms=")[1]) for line in lines]
    assert all(age >= 5000 * (2**n - 1) for n, age in enumerate(ages)), lines
    assert PASSWORD not in kpid.log() and "wrong" not in lines[0], lines
    status, text = kpid.page("/readyz")
    assert status == 503 and "kafka: no connection" in text, (status, text)
    assert kpid.page("/livez")[0] == 200
    errors = [line for line in kpid.log().splitlines() if "level=error" in line and message not in line]
    assert not errors, errors
    assert kpid.stop() == 0


def main():
    with tempfile.TemporaryDirectory(prefix="kpid-security-") as folder:
        broker = Authority(folder, "broker")
        authority, foreign = broker.certificate, Authority(folder, "foreign").certificate
        with Secure(broker.self_signed()) as kafka, Redis() as redis:
            kafka.create_topic(*TOPICS, "kpid-dead-letters")
            deal = {"deal_id": "d1", "occurred_at": "2026-01-05T10:00:00Z", "stage": "won", "amount": "10"}
            kafka.produce_one("deals", json.dumps(deal))
            kafka.produce_one("deals", "no JSON")
            with start(kafka, redis, authority) as kpid:
                kpid.wait_ready()
                accounts = kpid.accounts()
                assert accounts["applied"] == 1 and accounts["dead_lettered"] == 1, accounts
                # the producer of dead letters has the same settings
                kpid.wait_for("the letter", lambda: kpid.metric("kpid_dead_letters_delivered_total") == 1)
                assert "level=error" not in kpid.log()
                assert kpid.stop() == 0
            with start(kafka, redis, authority, password="wrong") as kpid:
                refused(kpid, REFUSED)
            with start(kafka, redis, foreign) as kpid:
                refused(kpid, NOT_ENCRYPTED)
            with start(kafka, redis, authority, protocol="SASL_PLAINTEXT") as kpid:
                kpid.wait_log("may want another security.protocol")
                assert kpid.stop() == 0
    print("TLS and SASL: read with the right ones, the wrong ones are told once each")


if __name__ == "__main__":
    main()
