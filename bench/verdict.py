"""verdict.py - whether what a contender left in Redis is right: against tests/oracle, which computes the same from the files.

kpid is held to every value, number of records and previous value of its default configuration. The peers compute a part:
PEER_KPIS over PEER_WINDOWS, and are held to that.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "oracle"))
import harness  # noqa: E402

KPID_WINDOWS = ("1h", "24h", "7d", "today", "yesterday", "week", "month", "last_month", "quarter", "year", "all", "now")
PEER_WINDOWS = ("today", "week", "month", "quarter", "year", "all", "now")
PEER_KPIS = ("leads_created", "deals_won", "deals_lost", "sales_volume", "win_rate", "average_check", "cycle_time_mean",
             "open_deals", "pipeline")
PEER_DIMENSIONS = ("company", "team", "manager", "product", "region", "source")
MOVES = "leads_waiting_oldest"  # with the clock: kpid does not publish it


class Oracle:
    """The right values of one data set. Its files are read again for each instant, since the oracle does nothing twice."""

    def __init__(self, files, folder):
        self.files, self.folder, self.lines = files, folder, {}

    def at(self, as_of):
        if as_of not in self.lines:
            options = harness.Options(windows=KPID_WINDOWS, plan=None)
            output, counted = harness.ask_oracle(self.files, [as_of], options, self.folder)
            if counted["ties"]:
                sys.exit(f"{counted['ties']} events tie: the input cannot be compared")
            self.lines[as_of] = [json.loads(line) for line in output.splitlines()]
        return self.lines[as_of]

    def judge_kpid(self, as_of, standing):
        """(number compared, differences)"""
        want = {}
        for line in self.at(as_of):
            for part, suffix in (("value", ""), ("n", ".n"), ("prev", ".prev")):
                if part in line and line["kpi"] != MOVES:
                    want[line["dimension"], line["entity"], line["window"], line["kpi"] + suffix] = str(line[part])
        names = {key[3].split(".")[0] for key in want}
        have = {}
        for key, fields in standing.items():
            for field, text in fields.items():
                kpi, _, suffix = field.partition(".")
                if kpi in names and suffix in ("", "n", "prev"):
                    have[*key, field] = text
        return compare(want, have)

    def judge_peer(self, as_of, standing):
        """By the calendar's windows the instant does not matter within a day: nothing in the data is ahead of it."""
        known = next((at for at in self.lines if at[:10] == as_of[:10]), as_of)
        want = {(line["dimension"], line["entity"], line["window"], line["kpi"]): line["value"] for line in self.at(known)
                if line["kpi"] in PEER_KPIS and line["window"] in PEER_WINDOWS and line["dimension"] in PEER_DIMENSIONS
                and "value" in line}
        have = {(*key, kpi): text for key, fields in standing.items() for kpi, text in fields.items()
                if kpi in PEER_KPIS and key[0] in PEER_DIMENSIONS}
        return compare(want, have)


def compare(want, have):
    keys = sorted({*want, *have})
    return len(keys), [f"{' '.join(key)}: {have.get(key)}, right is {want.get(key)}" for key in keys
                       if want.get(key) != have.get(key)]


def text_of(verdict):
    if verdict is None:
        return ""
    count, wrong = verdict
    return f"wrong: {len(wrong):,} of {count:,}" if wrong else f"right: {count:,}"
