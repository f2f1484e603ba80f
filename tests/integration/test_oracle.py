"""`kpid replay` against the oracle: every KPI, entity, window and previous period, at several instants.

An independent program (tests/oracle) computes the same from the same files by SQL over the latest records.
Inputs are simulated sales floors with all their corrections, worlds made of edges only, and entangled customers.
Each case has its
own zone, week, fiscal year and currency, and is looked at where calendars are hard.

The accounting is compared as well: how many events were applied, duplicate, superseded or dead letters.
ORACLE_SCALE multiplies the records, ORACLE_WORLDS says how many worlds of each kind, SEED replaces the seeds.
"""

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

import nasty  # noqa: E402
from agreement import check  # noqa: E402
from customers import Customers  # noqa: E402
from dated import Dated  # noqa: E402
from harness import (  # noqa: E402
    Stopwatch,
    interleave,
    scale,
    scratch,
    show,
    simulate,
    worlds,
)
from messages import FIELDS, Decoder  # noqa: E402
from oracle import read  # noqa: E402
from records import Ledger  # noqa: E402
from windows import Calendar  # noqa: E402

RATES = [
    (currency, (datetime(2022, 1, 5) + timedelta(days=every * k)).strftime("%Y-%m-%d"), rate % (1 + k % 7))
    for currency, every, rate in (
        ("EUR", 9, "1.0%d37"),
        ("JPY", 1, "0.00%d71234"),
        ("KWD", 30, "3.2%d5"),
        ("GBP", 61, "1.2%d"),
    )
    for k in range(950 // every)
]
STAGES = {"offer": "0.4", "talk": "0.123456", "proposal": "0.5", "negotiation": "0.7"}

BERLIN = dict(
    zone="Europe/Berlin",
    base_currency="EUR",
    stages=STAGES,
    company="Floor & Söhne",
    rates=[(c if c != "EUR" else "USD", day, rate) for c, day, rate in RATES],
)
INDIA = dict(zone="Asia/Kolkata", week_start="sunday", fiscal_year_start=4, base_currency="INR", rates=RATES)
PLAIN = dict(rates=RATES, stages=STAGES)

# Each: what makes it hard, settings, instants (None: the latest event of a simulation)
EDGES = [
    (
        "the night of 23 hours",
        BERLIN,
        ["2024-03-31T00:59:59.999Z", "2024-03-31T01:00:00Z", "2024-04-01T00:30:00Z", "2024-04-01T21:59:59Z"],
    ),
    (
        "the night of 25 hours",
        BERLIN,
        ["2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z", "2024-10-27T23:00:00Z", "2024-10-28T01:30:00Z"],
    ),
    (
        "a leap day and month ends",
        PLAIN,
        ["2024-02-29T10:07:13Z", "2024-03-31T23:59:59.999Z", "2024-05-31T00:00:00Z", "2024-12-31T12:34:56Z"],
    ),
    (
        "a fiscal year from April, a week from Sunday",
        INDIA,
        ["2024-03-31T18:29:59Z", "2024-03-31T18:30:00Z", "2024-05-04T18:30:00Z", "2024-02-29T20:00:00Z"],
    ),
    (
        "midnights that are missing or come twice",
        dict(PLAIN, zone="Atlantic/Azores"),
        ["2024-03-31T00:59:59Z", "2024-03-31T12:00:00Z", "2024-10-27T00:10:00Z", "2024-10-27T01:10:00Z"],
    ),
    (
        "a day that goes back over midnight, at 00:01",
        dict(PLAIN, zone="America/St_Johns", week_start="sunday"),
        ["2010-11-07T02:30:30Z", "2010-11-07T02:30:59.999Z", "2010-11-07T03:30:00Z", "2010-11-08T12:00:00Z"],
    ),
    (
        "a day that never was",
        dict(PLAIN, zone="Pacific/Apia"),
        ["2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z", "2012-01-01T00:00:00Z", "2012-01-29T22:00:00Z"],
    ),
    (
        "a zone of quarter hours",
        dict(PLAIN, zone="Asia/Kathmandu", week_start="saturday", fiscal_year_start=7),
        ["2024-07-31T18:14:59Z", "2024-07-31T18:15:00Z", "2024-09-30T06:07:08.901Z"],
    ),
    (
        "half an hour of summer time",
        dict(PLAIN, zone="Australia/Lord_Howe", fiscal_year_start=7),
        ["2024-04-06T15:10:00Z", "2024-10-05T15:31:00Z", "2024-06-30T13:30:00Z"],
    ),
]


# What depends on several records: a comparison in which these do not take many values shows nothing.
LINKED = (
    "new_customers",
    "repeat_rate",
    "conversion_cohort",
    "lead_cost",
    "cac",
    "payback_p50",
    "payback_p90",
    "payback_share",
    "leads_waiting",
    "leads_waiting_since",
    "leads_waiting_oldest",
    "velocity",
)
occurred = {kpi: set() for kpi in LINKED}


def instant(text):
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - nasty.EPOCH) // timedelta(microseconds=1)


def note(line):
    if line["kpi"] in occurred:
        occurred[line["kpi"]].add(line.get("value"))


def check_truth(name, files, settings, directory):
    """The oracle's records against what the simulation says that they are in the end."""
    decoder = Decoder(Calendar(settings.get("zone", "UTC")), settings.get("base_currency", "USD"))
    ledger, wrong, count = Ledger(), [], 0
    for kind, path in files.items():
        read(ledger, decoder, kind if kind == "feedback" else kind[:-1], path, lambda text: None)
    standing = {(kind, key): fields for kind in ledger.records for key, fields, _ in ledger.standing(kind)}
    for line in (Path(directory) / "truth.ndjson").read_bytes().splitlines():
        truth = json.loads(line)
        fields = standing.get((truth["kind"], truth["id"]))
        if (fields is not None) != truth["exists"]:
            wrong.append(f"{truth['kind']} {truth['id']}: exists {fields is not None}, in truth {truth['exists']}")
            continue
        for field, value in (truth["fields"] if fields is not None else {}).items():
            count += 1
            value = None if value is None else decoder.value(FIELDS[truth["kind"]][field], value)
            if fields.get(field) != value:
                wrong.append(f"{truth['kind']} {truth['id']} {field}: {fields.get(field)}, in truth {value}")
    print(f"{name}: {count} fields compared, {len(wrong)} wrong", flush=True)
    show(wrong)
    return 0, len(wrong)


def write_huge(directory):
    """Sums of amounts, costs and payments, and the products of velocity, that 64 bits do not hold."""
    price = {"occurred_at": "2024-01-01T00:00:00Z", "currency": "EUR", "created_at": "2024-02-01"}
    most = "99999999999.99"
    lines = {
        "leads": [{**price, "lead_id": f"l{k}", "cost": most, "customer_id": f"c{k % 3}"} for k in range(1500)],
        "deals": [
            {
                **price,
                "deal_id": f"d{k}",
                "amount": most,
                "customer_id": f"c{k % 3}",
                "stage": "won" if k % 2 else "talk",
                "closed_at": "2024-02-02",
            }
            for k in range(2000)
        ],
        "payments": [
            {
                **price,
                "payment_id": f"p{k}",
                "amount": most,
                "customer_id": "c0",
                "paid_at": (datetime(2024, 3, 1) + timedelta(hours=k)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for k in range(1600)
        ],
    }
    files = {kind: Path(directory) / f"{kind}.ndjson" for kind in lines}
    for kind, path in files.items():
        path.write_text("".join(json.dumps(line) + "\n" for line in lines[kind]))
    return files


def cases():
    for seed, _, (what, settings, as_of) in worlds(EDGES, 100):
        with scratch() as directory:
            near, zone = [instant(t) for t in as_of], settings.get("zone", "UTC")
            files = nasty.write(seed, int(2500 * scale()), directory, near, zone)
            yield check(f"edges, seed {seed}, {what}", files, as_of, settings, directory, note)
    for seed, number, (what, settings, as_of) in worlds(EDGES, 300):
        with scratch() as directory:
            near, zone = [instant(t) for t in as_of], settings.get("zone", "UTC")
            files = nasty.write(seed, int(2500 * scale()), directory, near, zone, Customers)
            parts = interleave(files, 1 + number)
            yield check(f"customers, seed {seed}, {what}", parts, as_of, settings, directory, note)
    for seed, number, (what, settings, as_of) in worlds(EDGES, 400):
        with scratch() as directory:
            near, zone = [instant(t) for t in as_of], settings.get("zone", "UTC")
            files = nasty.write(seed, int(1500 * scale()), directory, near, zone, Dated)
            settings = dict(settings, **Dated(seed, near, zone).settings())
            parts = interleave(files, 1 + number)
            yield check(f"dated, seed {seed}, {what}", parts, as_of, settings, directory, note)
    with scratch() as directory:
        settings = {"rates": [("EUR", "2024-01-01", "1000")], "windows": ["90d", "month", "all", "now"]}
        as_of = ["2024-03-12T00:00:00Z", "2024-06-01T00:00:00Z"]
        yield check("sums beyond 64 bits", write_huge(directory), as_of, settings, directory, note)
    for seed, _, (what, settings, as_of) in worlds(EDGES[:4], 200):
        with scratch() as directory:
            # from a month before the first instant to some days after the last, so that each looks into its life
            first, last = (datetime.fromisoformat(t[:10]) for t in (min(as_of), max(as_of)))
            start = first - timedelta(days=30)
            span = (
                "--start",
                start.strftime("%Y-%m-%d"),
                "--days",
                str((last - start).days + 4),
                "--corrections",
                "40",
            )
            money = ("--base", settings.get("base_currency", "USD"), "--currencies", "USD,EUR,JPY,KWD,CHF")
            zone = ("--zone", settings.get("zone", "UTC"))
            files = simulate(seed, int(10_000 * scale()), directory, (*span, *money, *zone))
            yield check(f"floor, seed {seed}, {what}", files, as_of, settings, directory, note)
            yield check_truth(f"floor, seed {seed}, truth", files, settings, directory)


def main():
    watch, done, total, wrong = Stopwatch(), 0, 0, 0
    for count, bad in cases():
        done, total, wrong = done + (count > 0), total + count, wrong + bad
    for kpi, found in occurred.items():
        if len(found) < 10:
            wrong += 1
            print(f"{kpi}: only {len(found)} different values, so that it is not tested")
    print(f"{done} worlds, {total} values compared, {wrong} wrong ({watch})")
    sys.exit(1 if wrong or not total else 0)


if __name__ == "__main__":
    main()
