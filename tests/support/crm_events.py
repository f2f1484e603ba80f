#!/usr/bin/env python3
"""crm_events - turns the CRM Sales Opportunities CSVs into lead, deal and payment events.

    crm_events.py OUT_DIRECTORY        writes leads.ndjson, deals.ndjson, payments.ndjson

One event a record, one JSON object a line, in the order of occurred_at:

    lead     each of the 8,800 opportunities; created_at is its engage_date. A Prospecting opportunity
             has none, so it stands in nothing that is counted by created_at.
    deal     each of the 8,300 that were engaged: stage engaging, won or lost. A Prospecting
             opportunity is a lead only: no deal has been opened for it.
    payment  one for each of the 4,238 won deals, the whole close_value on the close_date; whose it is
             comes from its deal.

A manager of kpid (a person who sells) is the CSV's sales_agent; a team is the CSV's manager.
The data has days only: occurred_at is an instant in the working hours of the day, made from the
opportunity's id, so each run writes the same bytes. The Kafka time stamp is up to 30 s later.

events(years=8) moves every day by whole years, for a test whose "now" is the clock's: neither October 2016 to
December 2017 nor the same months eight years later have a 29 February, so months and distances stay as they are.

The CSVs stand compressed in tests/data; KPID_SHARED names another directory that has
data/crm_sales_opportunities in it.
"""

import csv
import gzip
import json
import os
import sys
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
KINDS = ("leads", "deals", "payments")
PRODUCTS = {"GTXPro": "GTX Pro"}  # the pipeline's name for what products.csv calls GTX Pro
DATA_END = "2017-12-31"  # the day on which the Prospecting opportunities are seen


def data_directory():
    shared = os.environ.get("KPID_SHARED")
    if shared:
        return Path(shared) / "data" / "crm_sales_opportunities"
    return HERE.parent / "data" / "crm_sales_opportunities"


def read_csv(name):
    """Rows of a CSV as dicts of text, an empty field as None; NAME or NAME.gz."""
    path = data_directory() / name
    if path.exists():
        stream = open(path, encoding="utf-8", newline="")
    else:
        stream = gzip.open(str(path) + ".gz", "rt", encoding="utf-8", newline="")
    with stream:
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(stream)]


def instant_of(day, salt):
    """An instant between 09:00 and 18:00 of the day, always the same for the same salt."""
    seconds = 9 * 3600 + zlib.crc32(salt.encode()) % (9 * 3600)
    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc) + timedelta(seconds=seconds)


def moved(day, years):
    return day and f"{int(day[:4]) + years}{day[4:]}"


def message(key, record, day, fields):
    name = f"{key}-{record}"
    occurred = instant_of(day, name)
    lag_ms = zlib.crc32(b"lag " + name.encode()) % 30_000
    event = {
        "event_id": name,
        "occurred_at": occurred.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kafka_timestamp": int(occurred.timestamp()) * 1000 + lag_ms,
        f"{key}_id": record,
    }
    event.update((k, v) for k, v in fields.items() if v is not None)
    return event


def events(years=0):
    """{kind: list of events}, each in the order of occurred_at."""
    teams = {row["sales_agent"]: row for row in read_csv("sales_teams.csv")}
    out = {kind: [] for kind in KINDS}
    for row in read_csv("sales_pipeline.csv"):
        record, stage = row["opportunity_id"], row["deal_stage"].lower()
        engaged, closed, value = moved(row["engage_date"], years), moved(row["close_date"], years), row["close_value"]
        seats = {
            "manager_id": row["sales_agent"],
            "team_id": teams[row["sales_agent"]]["manager"],
            "region": teams[row["sales_agent"]]["regional_office"],
            "product": PRODUCTS.get(row["product"], row["product"]),
            "customer_id": row["account"],
        }
        status = "new" if engaged is None else "qualified"
        out["leads"].append(
            message(
                "lead", record, engaged or moved(DATA_END, years), {"status": status, "created_at": engaged, **seats}
            )
        )
        if engaged is None:
            continue
        out["deals"].append(
            message(
                "deal",
                record,
                closed or engaged,
                {
                    "stage": stage,
                    "lead_id": record,
                    "amount": value,
                    "created_at": engaged,
                    "closed_at": closed,
                    **seats,
                },
            )
        )
        if stage == "won":
            out["payments"].append(
                message("payment", record, closed, {"deal_id": record, "amount": value, "paid_at": closed})
            )
    for kind in KINDS:
        out[kind].sort(key=lambda e: (e["occurred_at"], e["event_id"]))
    return out


def write(directory, years=0):
    """Writes the three files and returns {kind: (path, number of events)}."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    written = {}
    for kind, list_of_events in events(years).items():
        path = directory / f"{kind}.ndjson"
        with open(path, "w", encoding="utf-8") as out:
            for event in list_of_events:
                out.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
        written[kind] = (path, len(list_of_events))
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for kind, (path, count) in write(sys.argv[1]).items():
        print(f"{path}: {count} {kind}", file=sys.stderr)
