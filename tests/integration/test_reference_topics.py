"""What facts are judged by, through real Kafka: exchange rates, the organisation and targets on topics of their own.

Deals come first, then a rate, moves and targets, late and corrected: what stands in Redis must at the end be what
`kpid replay` says of the same events, field by field, with the marks gone, the team's lead, and a number's targets. An
audit by SIGUSR1 finds nothing.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from daemon import Daemon
from servers import Kafka, Redis

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from harness import replay, values  # noqa: E402

CONFIG = """company: {base_currency: EUR}
windows: [month, quarter, all, now]
kafka: {metadata_refresh: 1s}
inputs: [{kind: lead}, {kind: deal}, {kind: payment}, {kind: feedback}, {kind: rate}, {kind: member}, {kind: target}]
calendars: {default: {days: [monday, tuesday, wednesday, thursday, friday], hours: 09:00-17:00}}
kpis: [{name: pro_check, formula: won_amount / won, filter: 'product = "Pro"', unit: money, sample: won}]
"""
DEALS = 300
PREFIX = "kpid:{default}:"


def deals():
    for n in range(DEALS):
        month, day = 1 + n % 3, 1 + n % 28
        yield {
            "deal_id": f"D{n}",
            "occurred_at": f"2024-{month:02}-{day:02}T10:00:00Z",
            "created_at": f"2024-{month:02}-{day:02}T09:00:00Z",
            "stage": ("won", "lost", "offer")[n % 3],
            "manager_id": ("Ann", "Bob")[n % 2],
            "product": ("Pro", "Basic")[n // 2 % 2],
            "amount": f"{n}.50",
            "currency": ("EUR", "USD")[n // 3 % 2],
        }


LATER = {
    "members": [
        {"member_id": "a1", "occurred_at": "2024-01-01T00:00:00Z", "manager_id": "Ann", "team_id": "North"},
        {"member_id": "a2", "occurred_at": "2024-03-01T00:00:00Z", "manager_id": "Ann", "team_id": "South",
         "starts_at": "2024-02-15T00:00:00Z", "lead": True, "name": "Ann Lee"},
        {"member_id": "b1", "occurred_at": "2024-01-01T00:00:00Z", "manager_id": "Bob", "team_id": "North"},
    ],
    "rates": [
        {"rate_id": "usd", "occurred_at": "2024-03-05T00:00:00Z", "currency": "USD", "day": "2024-01-01", "rate": "0.5"},
        {"rate_id": "usd", "occurred_at": "2024-03-06T00:00:00Z", "rate": "0.75"},
        {"rate_id": "usd", "occurred_at": "2024-03-07T00:00:00Z", "rate": 0},
    ],
    "targets": [
        {"target_id": "t", "occurred_at": "2024-01-01T00:00:00Z", "dimension": "manager", "entity": "Ann",
         "kpi": "sales_volume", "period": "quarter", "value": 90000, "starts_on": "2024-01-01"},
    ],
}


def produce(kafka, folder, topic, events):
    path = os.path.join(folder, f"{topic}.ndjson")
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(event) + "\n" for event in events)
    kafka.produce(topic, path)


def expected(folder, as_of):
    """{(dimension, window, entity): {field: text}} by replay at the instant that Redis speaks for."""
    files = {topic: Path(folder) / f"{topic}.ndjson" for topic in ("deals", *LATER)}
    config = Path(folder) / "kpid.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    output, _ = replay(files, [as_of], config)
    found = {}
    for (_, dimension, entity, window, kpi), line in values(output).items():
        fields = found.setdefault((dimension, window, entity), {})
        for member, suffix in (("value", ""), ("n", ".n"), ("prev", ".prev"), ("mark", ".mark")):
            if member in line:
                fields[kpi + suffix] = str(line[member])
    return found


def compare(redis, folder):
    """Numbers of fields compared and wrong."""
    with redis.client() as client:
        meta = client.hash(PREFIX + "meta")
        if meta.get("state") != "live":
            return 0, [f"meta: {meta}"]
        wanted = expected(folder, meta["as_of"])
        count, wrong = 0, []
        for (dimension, window, entity), fields in wanted.items():
            got = client.hash(f"{PREFIX}kpi:{dimension}:{window}:{entity}")
            for name, text in fields.items():
                count += 1
                if got.get(name) != text:
                    wrong.append(f"{dimension} {window} {entity} {name}: Redis {got.get(name)}, replay {text}")
            extra = {n for n in got if not n.endswith((".low", ".high")) and n not in ("as_of", "seq")} - fields.keys()
            wrong += [f"{dimension} {window} {entity} {name}: in Redis only" for name in extra]
        keys = {":".join(key) for key in wanted}
        for key in client.command("KEYS", f"{PREFIX}kpi:*"):
            name = (key.decode() if isinstance(key, bytes) else key).removeprefix(f"{PREFIX}kpi:")
            if name not in keys:
                wrong.append(f"{name}: in Redis only")
        return count, wrong


def main():
    with Kafka() as kafka, Redis() as redis, tempfile.TemporaryDirectory(prefix="kpid-reference-") as folder:
        kafka.create_topic("leads", "deals", "payments", "feedback", "rates", "members", "targets", "kpid-dead-letters")
        produce(kafka, folder, "deals", deals())
        with Daemon("--brokers", kafka.bootstrap, "--redis", redis.address, config=CONFIG) as kpid:
            kpid.wait_read(DEALS)
            kpid.wait_ready()

            def marked():
                with redis.client() as client:
                    return client.hash(PREFIX + "kpi:company:all:all").get("sales_volume.mark") == "rate_missing"

            kpid.wait_for("values that lack a rate", marked)
            count = DEALS
            for topic, events in LATER.items():
                produce(kafka, folder, topic, events)
                count += len(events)
            kpid.wait_read(count)

            def as_replay():
                count, wrong = compare(redis, folder)
                return count if not wrong else None

            compared = kpid.wait_for("what replay says", as_replay)
            assert kpid.metric('kpid_dead_letters_total{reason="bad_rate"}') == 1
            with redis.client() as client:
                ann = client.hash(PREFIX + "entity:manager:Ann")
                assert (ann["name"], ann["team"]) == ("Ann Lee", "South"), ann
                assert client.hash(PREFIX + "entity:team:South")["lead"] == "Ann"
                assert "filter" in json.loads(client.hash(PREFIX + "catalogue")["pro_check"])
            before = kpid.metric("kpid_audited_entities_total")
            kpid.send(signal.SIGUSR1)
            kpid.wait_log("audit: done")
            assert kpid.metric("kpid_audited_entities_total") > before
            assert kpid.metric("kpid_audit_differences_total") == 0
            assert kpid.stop() == 0
        print(f"rates, members and targets by topics: {compared} fields in Redis as replay has them, an audit finds nothing")


if __name__ == "__main__":
    main()
