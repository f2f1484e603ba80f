"""`kpid explain`: the records that it lists add up to the numbers of `kpid replay`, on simulated floors.

Numbers are drawn at random from all counts, sums, ratios and means that replay prints; each is computed again here from
the lines that explain lists. Also: what --against tells of an edit, names that are wrong, and `kpid replay --audit`.
EXPLAIN_NUMBERS: how many (150, for continuous integration); SEED: of the floor and of the choice.
"""

import json
import os
import random
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from exact import MICRO, half_even  # noqa: E402
from harness import file_arguments, kpid, replay, run, scratch, show, simulate  # noqa: E402

# What a KPI is of the sums of its records: (numerator, denominator), money in cents.
FORMULAS = {
    "leads_created": lambda s: (s["leads"], 1),
    "deals_created": lambda s: (s["deals"], 1),
    "deals_won": lambda s: (s["won"], 1),
    "sales_volume": lambda s: (s["won_amount"], 100),
    "units": lambda s: (s["won_quantity"], MICRO),
    "deals_lost": lambda s: (s["lost"], 1),
    "lost_volume": lambda s: (s["lost_amount"], 100),
    "average_check": lambda s: (s["won_amount"], 100 * s["won_with_amount"]),
    "win_rate": lambda s: (s["won"], s["won"] + s["lost"]),
    "win_rate_cohort": lambda s: (s["deals_won_since"], s["deals"]),
    "conversion": lambda s: (s["won"], s["leads"]),
    "conversion_cohort": lambda s: (s["leads_converted"], s["leads"]),
    "cycle_time_mean": lambda s: (s["cycle_us"], MICRO * s["cycles"]),
    "response_time_mean": lambda s: (s["response_us"], MICRO * s["responses"]),
    "open_deals": lambda s: (s["open"], 1),
    "pipeline": lambda s: (s["open_amount"], 100),
    "weighted_pipeline": lambda s: (s["open_weighted"], 100),
    "revenue": lambda s: (s["revenue"], 100),
    "revenue_gross": lambda s: (s["revenue"] + s["refunds"], 100),
    "refunds": lambda s: (s["refunds"], 100),
    "csat": lambda s: (s["csat_satisfied"], s["csat_answers"]),
    "csat_mean": lambda s: (s["csat_score"], MICRO * s["csat_answers"]),
    "nps": lambda s: (100 * (s["nps_promoters"] - s["nps_detractors"]), s["nps_answers"]),
    "new_customers": lambda s: (s["new_customers"], 1),
    "repeat_rate": lambda s: (s["repeat_deals"], s["customer_deals"]),
    "lead_cost": lambda s: (s["lead_cost"], 100),
    "cac": lambda s: (s["lead_cost"], 100 * s["new_customers"]),
    "payback_share": lambda s: (s["new_paid_back"], s["new_with_cost"]),
    "leads_waiting": lambda s: (s["waiting"], 1),
}


class Sums(dict):
    def __missing__(self, key):
        return 0


def lines(files, arguments, status=0):
    done = run([kpid(), "explain", "--format", "ndjson", *arguments, *file_arguments(files)], check=False)
    if done.returncode != status:
        sys.exit(f"exit {done.returncode}, not {status}: {arguments}\n{done.stderr.decode()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def check_numbers(files, count, chooser):
    output, _ = replay(files)
    numbers = [json.loads(line) for line in output.splitlines()]
    numbers = [number for number in numbers if "value" in number and number["kpi"] in FORMULAS]
    wrong, records = [], 0
    for number in chooser.sample(numbers, min(count, len(numbers))):
        chosen = [f"--{name}={number[name]}" for name in ("dimension", "entity", "window", "kpi")]
        *rows, last = lines(files, chosen)[0]
        sums = Sums()
        for row in rows:
            for measure, value in row["adds"].items():
                sums[measure] += value
        records += len(rows)
        above, below = FORMULAS[number["kpi"]](sums)
        places = -Decimal(number["value"]).as_tuple().exponent
        mine = half_even(above * 10**places, below) if below else None
        if mine is None or Fraction(mine, 10**places) != Fraction(number["value"]) or last["value"] != number["value"]:
            wrong.append(f"{number}: from its records {mine} at {places} places, explain says {last}")
    print(f"{min(count, len(numbers))} numbers explained by {records} records, {len(wrong)} wrong")
    show(wrong)
    return len(wrong)


def check_change(directory):
    """A deal that is edited, and one that comes late: what was told before, and what changed."""
    deals = Path(directory) / "deals.ndjson"
    base = {"manager_id": "Ann", "stage": "won", "closed_at": "2024-03-10T00:00:00Z"}
    events = [
        {"deal_id": "A", "occurred_at": "2024-03-10T00:00:00Z", "amount": "100", **base},
        {"deal_id": "B", "occurred_at": "2024-03-11T00:00:00Z", "amount": "50", **base},
        {"deal_id": "A", "occurred_at": "2024-03-20T00:00:00Z", "amount": "80"},
        {"deal_id": "C", "occurred_at": "2024-03-21T00:00:00Z", "amount": "7", **base},
    ]
    deals.write_text("".join(json.dumps(event) + "\n" for event in events))
    files = {"deals": deals}
    asked = ["--kpi=sales_volume", "--window=month", "--as-of=2024-03-31T00:00:00Z"]
    *changes, before, now = lines(files, [*asked, "--against=2024-03-15T00:00:00Z"])[0]
    got = sorted((c["change"], c["key"], c["adds"]["won_amount"]) for c in changes)
    assert got == [("came", "A", 8000), ("came", "C", 700), ("went", "A", 10000)], got
    assert (before["value"], now["value"]) == ("150.00", "137.00"), (before, now)
    for arguments, status, word in (
        (["--kpi=sales_volumes", "--window=month"], 64, "there is no KPI"),
        (["--kpi=sales_volume", "--window=fortnight"], 64, "keeps no window"),
        (["--kpi=pipeline", "--window=month"], 64, "window 'now'"),
        (["--kpi=sales_volume", "--window=month", "--dimension=manager"], 64, "whose?"),
        (["--kpi=sales_volume", "--window=month", "--dimension=manager", "--entity=Bob"], 1, "no record names"),
    ):
        assert word in lines(files, arguments, status)[1], arguments


def main():
    seed = int(os.environ.get("SEED", "11"))
    with scratch() as directory:
        check_change(directory)
        files = simulate(seed, 1500, Path(directory) / "floor", ("--days", "60", "--corrections", "40"))
        _, told = lines(files, ["--kpi=sales_volume", "--window=month", "--against=2300-01-01"], status=64)
        assert "--against '2300-01-01'" in told, told
        wrong = check_numbers(files, int(os.environ.get("EXPLAIN_NUMBERS", "150")), random.Random(seed))
        done = run([kpid(), "replay", "--audit", *file_arguments(files)])
        audited = [line for line in done.stderr.decode().splitlines() if "audit:" in line]
        print(*audited, sep="\n")
        wrong += not audited or not audited[-1].endswith(", 0 differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
