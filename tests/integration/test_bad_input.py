"""Bad input through real Kafka: each message ends as a dead letter with its reason, or by the rule that the contract
has for it, and nothing around it is lost; then a person lists the letters, mends them and sends them again.
"""

import json
import os
import subprocess
import tempfile

import servers
from daemon import Daemon
from servers import Kafka, Redis

TOPICS = ("leads", "deals", "payments", "feedback")
LETTERS = "kpid-dead-letters"
NOW = 1767607200000  # 2026-01-05T10:00:00Z
LETTER_LIMIT = 200_000  # bytes that the dead-letter topic takes


def deal(record, **fields):
    return json.dumps({"deal_id": record, "stage": "won", "amount": "1.50", "manager_id": "m", **fields}).encode()


def bad_messages():
    """(topic, value, key, time stamp, reason or None where it is no dead letter)"""
    rows = [
        ("deals", b"upstream connect error", "not_json"),
        ("deals", b"[1, 2]", "not_json"),
        ("deals", b'{"deal_id":"x","amount":12', "not_json"),
        ("deals", b'{"deal_id":"x","amount":NaN}', "not_json"),
        ("deals", b'{"deal_id":"x","amount":1e400}', "bad_amount"),
        ("deals", b'{"deal_id":"x","amount":"100000000000.01"}', "bad_amount"),
        ("deals", b'{"deal_id":"\xff\xfe"}', "invalid_utf8"),
        ("deals", b'{"deal_id":"x","deal_id":"y"}', "duplicate_key"),
        ("deals", b'{"amount":1}', "missing_key"),
        ("deals", b'{"deal_id":""}', "bad_text"),
        ("deals", b'{"deal_id":"a\\u0000b"}', "bad_text"),
        ("deals", b'{"deal_id":"' + b"x" * 257 + b'"}', "bad_text"),
        ("deals", b'{"deal_id":["x"]}', "wrong_type"),
        ("deals", b'{"deal_id":"x","region":7}', "wrong_type"),
        ("deals", b'{"deal_id":"x","amount":true}', "wrong_type"),
        ("deals", b'{"deal_id":"x","currency":"ZZZ"}', "unknown_currency"),
        ("deals", b'{"deal_id":"x","closed_at":"9999-01-01T00:00:00Z"}', "bad_time"),
        ("deals", b'{"deal_id":"x","occurred_at":"2026-01-05"T}', "not_json"),
        ("deals", b'{"deal_id":"x","occurred_at":"2026-01-05T10:00:00"}', "bad_time"),
        ("deals", b'{"deal_id":"x","occurred_at":1767607500001}', "from_the_future"),
        ("deals", b'{"deal_id":"x","probability":1.5}', "bad_probability"),
        ("deals", b'{"deal_id":"x","quantity":-1}', "negative"),
        ("deals", b'{"deal_id":"x","quantity":"many"}', "bad_number"),
        ("deals", b'{"deal_id":"x","a":' + b"[" * 5000 + b"]" * 5000 + b"}", "too_deep"),
        ("deals", b"{" * 100_000, "not_json"),
        ("deals", b'{"deal_id":"x","note":"' + b"y" * 10_000_000 + b'"}', "too_large"),
        ("deals", b'{"deal_id":"x","amount":"' + b"9" * 300_000 + b'"}', "bad_amount"),  # larger than the letters' topic takes
        ("payments", b'{"payment_id":"x","amount":-1}', "negative"),
        ("payments", b'{"payment_id":"x","kind":"gift"}', "bad_choice"),
        ("feedback", b'{"feedback_id":"x","kind":"csat","score":6,"scale":5}', "bad_score"),
        ("leads", b'{"lead_id":"x","version":1.5}', "wrong_type"),
        ("leads", b'{"lead_id":"x","deleted":"perhaps"}', "wrong_type"),
    ]
    out = [(topic, value, "the key", NOW, reason) for topic, value, reason in rows]
    # An empty value deletes the record of the message's key; without a key it says nothing.
    out += [("deals", None, "gone", NOW, None), ("deals", b"", "gone", NOW, None), ("deals", None, None, NOW, "missing_key")]
    return out


def load(kafka):
    """Bad messages with a good deal before each of them. {(topic, partition, offset): (value, key, reason)} and the
    number of good ones."""
    expected, good, ends = {}, 0, {}
    kafka.produce_one("deals", deal("gone"), key="gone", timestamp_ms=NOW - 1000, partition=0)
    ends["deals"] = 1
    for topic, value, key, stamp, reason in bad_messages():
        kafka.produce_one("deals", deal(f"good-{good}"), key=f"good-{good}", timestamp_ms=NOW, partition=0)
        good += 1
        ends["deals"] += 1
        kafka.produce_one(topic, value, key=key, timestamp_ms=stamp, headers={"trace": "t1"}, partition=0)
        if reason:
            expected[(topic, 0, ends.get(topic, 0))] = (value, key, reason)
        ends[topic] = ends.get(topic, 0) + 1
    return expected, good, sum(ends.values())


def company(redis, kpi="sales_volume"):
    with redis.client() as client:
        return client.hash("kpid:{default}:kpi:company:all:all").get(kpi)


def letters_of(kafka, count):
    """{address: message} of the dead-letter topic."""
    out = {}
    for m in kafka.consume(LETTERS, count=count):
        h = m["headers"]
        address = (h["kpid-topic"], int(h["kpid-partition"]), int(h["kpid-offset"]))
        assert address not in out, f"{address} twice"
        out[address] = m
    return out


def is_value(message, value):
    """kafka_tool shows a byte that is no UTF-8 as the character of its number."""
    shown = message["value"]
    return shown is None if not value else shown is not None and value in (shown.encode(), shown.encode("latin-1", "replace"))


def every_message_has_its_end(kafka, redis, expected, good, read):
    reasons = {}
    for _, _, reason in expected.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address) as kpid:
        kpid.wait_ready()
        kpid.wait_read(read)
        accounts = kpid.accounts()
        assert accounts["dead_lettered"] == len(expected), accounts
        # two tombstones of one time stamp are one event
        assert accounts["applied"] == good + 2 and accounts["duplicate"] == 1, (accounts, good)
        metrics = kpid.metrics()
        for name, number in metrics.items():
            if name.startswith("kpid_dead_letters_total{"):
                reason = name.split('"')[1]
                assert number == reasons.get(reason, 0), (name, number, reasons)
        kpid.wait_for("delivered letters", lambda: kpid.metric("kpid_dead_letters_delivered_total") == len(expected))
        assert kpid.metric("kpid_dead_letters_without_value_total") == 2
        kpid.wait_for("no unsent letter", lambda: kpid.metric("kpid_dead_letters_unsent") == 0)  # counted after the other
        kpid.wait_for("the good deals", lambda: company(redis) == f"{1.5 * good:.2f}")
        assert kpid.stop() == 0

    letters = letters_of(kafka, len(expected))
    assert letters.keys() == expected.keys(), letters.keys() ^ expected.keys()
    for address, (value, key, reason) in expected.items():
        m = letters[address]
        headers = m["headers"]
        assert headers["kpid-reason"] == reason, (address, headers, reason)
        assert headers["kpid-timestamp"] == str(NOW) and headers["trace"] == "t1", headers
        assert m["key"] == key, m
        if value is not None and len(value) > LETTER_LIMIT:
            assert m["value"] is None and headers["kpid-size"] == str(len(value)) and len(headers["kpid-hash"]) == 16
        else:
            assert is_value(m, value), (address, m["value"][:200], value[:200])
            assert "kpid-size" not in headers


def dead_letters(kafka, *words, config=None, text=None, status=0):
    program = os.environ.get("KPID") or os.path.join(servers.bin_dir(), "kpid")
    more = ["--config", config] if config else []
    done = subprocess.run([program, "dead-letters", *words, "--brokers", kafka.bootstrap, *more], input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def listing(kafka, expected):
    listed, _ = dead_letters(kafka, "list")
    assert {(m["topic"], m["partition"], m["offset"]): m["reason"] for m in listed} == \
        {address: reason for address, (_, _, reason) in expected.items()}
    listed, _ = dead_letters(kafka, "list", "--reason", "negative")
    assert len(listed) == 2 and {m["topic"] for m in listed} == {"deals", "payments"}, listed
    listed, _ = dead_letters(kafka, "list", "--topic", "leads", "--limit", "1")
    assert len(listed) == 1 and listed[0]["topic"] == "leads"
    dead_letters(kafka, "list", "--reason", "negativ", status=64)
    dead_letters(kafka, "lst", status=64)
    _, err = dead_letters(kafka, "resend", "--reason", "too_large", status=1)
    assert "too large" in err, err


def mended_lines_are_sent_again(kafka, redis, good, expected):
    """One letter is mended in the line: a value as an object, a value as a text. The first time stamp counts."""
    currency, = dead_letters(kafka, "list", "--reason", "unknown_currency")[0]
    negative = [m for m in dead_letters(kafka, "list", "--reason", "negative")[0] if m["topic"] == "deals"][0]
    currency["value"] = {"deal_id": "x", "stage": "won", "amount": 1000, "currency": "USD"}
    negative["value"] = deal("y", amount="100")
    lines = "".join(json.dumps(m, default=bytes.decode) + "\n" for m in (currency, negative))
    shown, _ = dead_letters(kafka, "resend", "--from", "-", "--dry-run", text=lines)
    assert len(shown) == 2, shown
    _, err = dead_letters(kafka, "resend", "--from", "-", text=lines + "{broken\n", status=65)
    assert "standard input:3" in err and "2 sent again" in err, err
    # newer than the letter, older than its second sending: it must win
    kafka.produce_one("deals", deal("x", amount="7"), timestamp_ms=NOW + 1000, partition=0)
    left = dead_letters(kafka, "list")[0]
    assert len(left) == len(expected) - 2, len(left)
    assert len(dead_letters(kafka, "list", "--all")[0]) == len(expected)
    with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address) as kpid:
        kpid.wait_ready()
        kpid.wait_for("the mended deals", lambda: company(redis) == f"{1.5 * good + 107:.2f}")
        # read again from the start: the letters are written again, and listed once
        kpid.wait_for("delivered letters", lambda: kpid.metric("kpid_dead_letters_delivered_total") == len(expected))
        assert kpid.stop() == 0
    assert len(dead_letters(kafka, "list")[0]) == len(expected) - 2


def a_mended_configuration_is_enough(kafka, redis, folder):
    """The currency is made known; the letter itself is sent again as it is, and an amount that nobody mended comes back."""
    kafka.produce_one("deals", deal("z", amount="5", currency="ZZZ", closed_at=NOW), key="z", timestamp_ms=NOW, partition=0)
    kafka.produce_one("deals", deal("w", amount="five"), key="w", timestamp_ms=NOW, partition=0)
    config = os.path.join(folder, "kpid.yaml")
    before = len(dead_letters(kafka, "list")[0])
    with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address) as kpid:
        kpid.wait_for("two more letters", lambda: len(dead_letters(kafka, "list")[0]) == before + 2)
        assert kpid.stop() == 0
    with open(config, "w", encoding="utf-8") as out:
        out.write("currencies: {ZZZ: 2}\n")
    zzz = [m for m in dead_letters(kafka, "list", "--reason", "unknown_currency", config=config)[0] if m["key"] == "z"]
    assert len(zzz) == 1, zzz
    _, err = dead_letters(kafka, "resend", "--reason", "unknown_currency", config=config)
    assert "1 sent again, 0 not delivered" in err, err
    end = sum(high for _, high in kafka.offsets("deals").values())
    with open(config, encoding="utf-8") as text, \
            Daemon("--brokers", kafka.bootstrap, "--redis", redis.address, config=text.read()) as kpid:
        kpid.wait_ready()
        kpid.wait_for("all read", lambda: kpid.metric("kpid_kafka_lag_messages") == 0)
        assert kpid.metric('kpid_dead_letters_total{reason="unknown_currency"}') == 0
        assert kpid.stop() == 0
    _, err = dead_letters(kafka, "resend", "--reason", "bad_amount", "--limit", "1", config=config)
    assert "1 sent again" in err, err
    assert sum(high for _, high in kafka.offsets("deals").values()) == end + 1


def an_input_by_version_refuses_tombstones(kafka, redis):
    config = "inputs:\n  - {kind: lead, topic: versions, order_by: version}\n"
    kafka.create_topic("versions")
    kafka.produce_one("versions", b'{"lead_id":"l","version":3}', key="l")
    kafka.produce_one("versions", None, key="l")
    kafka.produce_one("versions", b'{"lead_id":"l"}', key="l")
    with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address, config=config) as kpid:
        kpid.wait_read(3)
        assert kpid.accounts()["applied"] == 1
        assert kpid.metric('kpid_dead_letters_total{reason="tombstone_refused"}') == 1
        assert kpid.metric('kpid_dead_letters_total{reason="no_stamp"}') == 1
        assert kpid.stop() == 0


def without_kafka():
    class Nowhere:
        bootstrap = f"127.0.0.1:{servers.free_port()}"
    _, err = dead_letters(Nowhere, "list", status=69)
    assert "does not answer" in err, err


def main():
    with Kafka() as kafka, Redis() as redis, tempfile.TemporaryDirectory(prefix="kpid-bad-") as folder:
        assert dead_letters(kafka, "list")[0] == []
        kafka.create_topic(*TOPICS, partitions=2)
        kafka.create_topic(LETTERS, partitions=2, config={"max.message.bytes": LETTER_LIMIT})
        expected, good, read = load(kafka)
        every_message_has_its_end(kafka, redis, expected, good, read)
        listing(kafka, expected)
        mended_lines_are_sent_again(kafka, redis, good, expected)
        a_mended_configuration_is_enough(kafka, redis, folder)
        an_input_by_version_refuses_tombstones(kafka, redis)
        without_kafka()
        print(f"bad input: {len(expected)} dead letters with their reasons, {good} good deals around them, none lost")


if __name__ == "__main__":
    main()
