"""crm_answers - the published answers to the CRM data (FACTS.md, agent_month.csv), and which KPIs they are.

Each fact is derived from published values only:

    won, lost, volume        deals_won, deals_lost, sales_volume (and revenue: each won deal is paid in full)
    average_check            average_check to the cent; sales_volume / deals_won to the four decimals given
    leads                    leads_created, and the leads without a date, which no KPI counts (Prospecting)
    open                     open_deals, and the same leads: no deal has been opened for them
    won_of_all_pct           deals_won / leads as above
    won_of_closed_pct        win_rate; won_of_engaged_pct: conversion
    won_cycle_mean           cycle_time_mean in days; won_cycle_median: cycle_time_p50 within 1 % of the exact
                             nearest rank, which is computed from the CSV, since the answers take the mean of
                             the two middle values
    leads and won of a month of engagement   leads_created and win_rate_cohort of rolling windows that begin at
                             the months: a month is the difference of two

Median and mean over lost deals and the median of the amounts are no KPIs of kpid.
The company's zone is UTC, the base currency USD.
"""

import re
from calendar import monthrange
from datetime import date
from fractions import Fraction

from crm_events import data_directory, read_csv

END = "2017-12-31T23:59:59Z"
MONTHS = [f"2017-{month:02d}" for month in range(3, 13)]
PEAK_DAYS = ["2017-05-20", "2017-05-22", "2017-05-26", "2017-06-11", "2017-08-11"]
COHORTS = [f"2016-{month}" for month in (10, 11, 12)] + [f"2017-{month:02d}" for month in range(1, 13)]


def month_end(month):
    year, number = map(int, month.split("-"))
    return f"{month}-{monthrange(year, number)[1]:02d}T23:59:59Z"


INSTANTS = sorted({month_end(month) for month in MONTHS} | {f"{day}T23:59:59Z" for day in PEAK_DAYS})


def cohort_window(month):
    """The rolling window that begins with the month and ends with 2017."""
    year, number = map(int, month.split("-"))
    return f"{(date(2018, 1, 1) - date(year, number, 1)).days}d"


WINDOWS = ["today", "month", "quarter", "year", "all", "now", *map(cohort_window, COHORTS)]


def tables():
    """{section number: list of rows} of FACTS.md, a row as {column: text}."""
    found = {}
    for part in re.split(r"^## ", (data_directory() / "FACTS.md").read_text(encoding="utf-8"), flags=re.M)[1:]:
        number = int(part.split(".")[0])
        lines = [
            [cell.strip() for cell in line.strip("|\n").split("|")]
            for line in part.splitlines()
            if line.startswith("|")
        ]
        found[number] = [dict(zip(lines[0], cells)) for cells in lines[2:] if len(cells) == len(lines[0])]
    found[8] = read_csv("agent_month.csv")  # the page shows the first rows only
    return found


NOT_PUBLISHED = object()  # a value that cannot be had where a test looks; its fact is left out


class Answers:
    """Compares the answers with value(dimension, entity, window, kpi, as_of) -> text, None or NOT_PUBLISHED."""

    def __init__(self, value):
        self.value = value
        self.facts = 0
        self.wrong = []
        rows = read_csv("sales_pipeline.csv")
        teams = {row["sales_agent"]: row for row in read_csv("sales_teams.csv")}
        self.days, self.undated = {}, {}  # (dimension, entity) -> [(close_date, days)], number without date
        for row in rows:
            seats = (
                ("company", "all"),
                ("manager", row["sales_agent"]),
                ("team", teams[row["sales_agent"]]["manager"]),
                ("region", teams[row["sales_agent"]]["regional_office"]),
            )
            for seat in seats:
                if row["engage_date"] is None:
                    self.undated[seat] = self.undated.get(seat, 0) + 1
                elif row["deal_stage"] == "Won":
                    took = (date.fromisoformat(row["close_date"]) - date.fromisoformat(row["engage_date"])).days
                    self.days.setdefault(seat, []).append((row["close_date"], took))

    def fact(self, name, got, want):
        self.facts += 1
        if got != want:
            self.wrong.append(f"{name}: {got}, the answer is {want}")

    def near(self, name, got, want, tolerance):
        self.facts += 1
        if got is None or abs(got - want) > tolerance:
            self.wrong.append(f"{name}: {got}, the answer is {want}")

    def flows(self, name, seat, window, as_of, row):
        """won, lost, volume, average_check, share of won and cycle of one row."""

        def get(kpi):
            return self.value(*seat, window, kpi, as_of)

        won, volume = int(get("deals_won") or 0), get("sales_volume")
        self.fact(f"{name} won", str(won), row["won"])
        self.fact(f"{name} volume", volume, row["volume"] + ".00")
        self.fact(f"{name} revenue", get("revenue"), row["volume"] + ".00")
        if "lost" in row:
            self.fact(f"{name} lost", get("deals_lost") or "0", row["lost"])
        if "average_check" in row:
            exact = Fraction(volume or "0") / max(won, 1)
            self.fact(f"{name} average_check", digits(exact, 4), row["average_check"])
            if get("average_check") is not NOT_PUBLISHED:
                cents = round(exact * 100)
                self.fact(
                    f"{name} average_check to the cent", get("average_check"), f"{cents // 100}.{cents % 100:02d}"
                )
        if "won_of_closed_pct" in row:
            self.fact(f"{name} won_of_closed_pct", percent(get("win_rate")), row["won_of_closed_pct"])
        mean, median = (
            next((row[k] for k in row if k.startswith(f"won_cycle_{which}")), None) for which in ("mean", "median")
        )
        if mean:
            days = sorted(took for closed, took in self.days[seat] if in_window(closed, window, as_of))
            seconds = get("cycle_time_mean")
            # the answer has four decimals of a day, the KPI whole seconds
            self.near(
                f"{name} cycle mean",
                seconds and Fraction(seconds) / 86400,
                Fraction(mean),
                Fraction(1, 20000) + Fraction(1, 172800),
            )
            self.fact(f"{name} cycle mean in seconds", seconds, str(round(Fraction(sum(days) * 86400, len(days)))))
            exact = days[-(-len(days) // 2) - 1]
            p50 = get("cycle_time_p50")
            if p50 is NOT_PUBLISHED:
                return
            self.near(f"{name} cycle median", p50 and int(p50), exact * 86400, exact * 864)
            if len(days) % 2:
                self.near(
                    f"{name} cycle median as answered",
                    p50 and int(p50),
                    Fraction(median) * 86400,
                    Fraction(median) * 864,
                )

    def totals(self, name, seat, row):
        """leads, open and the shares of all leads."""
        undated = self.undated.get(seat, 0)
        leads = int(self.value(*seat, "all", "leads_created", END)) + undated
        won = int(self.value(*seat, "all", "deals_won", END))
        self.fact(f"{name} leads", str(leads), row["leads"])
        self.fact(f"{name} open", str(int(self.value(*seat, "now", "open_deals", END) or 0) + undated), row["open"])
        self.fact(f"{name} won_of_all_pct", digits(Fraction(100 * won, leads), 4), row["won_of_all_pct"])

    def compare(self):
        facts = tables()
        stages = {row["deal_stage"]: row for row in facts[1]}
        company = ("company", "all")
        for stage, window, kpi in (
            ("Engaging", "now", "open_deals"),
            ("Won", "all", "deals_won"),
            ("Lost", "all", "deals_lost"),
        ):
            self.fact(f"stage {stage}", self.value(*company, window, kpi, END), stages[stage]["n"])
        self.fact("engaged", self.value(*company, "all", "deals_created", END), stages["TOTAL"]["with_engage"])

        row = facts[2][0]
        self.flows("company", company, "all", END, row)
        self.flows("company, year", company, "year", END, row)
        leads = int(self.value(*company, "all", "leads_created", END)) + self.undated[company]
        self.fact(
            "company won_of_all_leads_pct",
            digits(Fraction(100 * int(row["won"]), leads), 4),
            row["won_of_all_leads_pct"],
        )
        self.fact(
            "company won_of_engaged_pct",
            percent(self.value(*company, "all", "conversion", END)),
            row["won_of_engaged_pct"],
        )
        for number, dimension, column in (
            (3, "manager", "sales_agent"),
            (4, "team", "manager"),
            (5, "region", "regional_office"),
        ):
            for row in facts[number]:
                seat = (dimension, row[column])
                self.flows(row[column], seat, "all", END, row)
                self.totals(row[column], seat, row)
        for row in facts[6]:
            self.flows(row["month"], company, "month", month_end(row["month"]), row)
        for row in facts[8]:
            self.flows(
                f"{row['sales_agent']} {row['month']}",
                ("manager", row["sales_agent"]),
                "month",
                month_end(row["month"]),
                row,
            )
        for row in facts[9]:
            last = {"1": "2017-03", "2": "2017-06", "3": "2017-09", "4": "2017-12"}[row["quarter"][-1]]
            self.flows(row["quarter"], company, "quarter", month_end(last), row)
        for row in facts[10]:
            as_of = f"{row['close_date']}T23:59:59Z"
            self.flows(row["close_date"], company, "today", as_of, row)
            closed = sum(int(self.value(*company, "today", kpi, as_of) or 0) for kpi in ("deals_won", "deals_lost"))
            self.fact(f"{row['close_date']} closed", str(closed), row["closed"])
        self.cohorts({row["month"]: row for row in facts[7]})
        return self.facts, self.wrong

    def cohorts(self, answers):
        company, later = ("company", "all"), (0, 0)
        for month in reversed(COHORTS):

            def get(kpi):
                return self.value(*company, cohort_window(month), kpi, END)

            leads, deals = int(get("leads_created")), int(get("deals_created"))
            won = round(Fraction(get("win_rate_cohort")) * deals)
            row = answers[month]
            self.fact(f"engaged in {month}", str(leads - later[0]), row["leads"])
            self.fact(f"engaged in {month}, won", str(won - later[1]), row["won"])
            self.fact(
                f"engaged in {month}, conversion_pct",
                digits(Fraction(100 * (won - later[1]), leads - later[0]), 4),
                row["conversion_pct"],
            )
            later = (leads, won)


def in_window(closed, window, as_of):
    size = {"all": 0, "year": 4, "month": 7, "today": 10}
    if window == "quarter":
        return closed[:4] == as_of[:4] and (int(closed[5:7]) - 1) // 3 == (int(as_of[5:7]) - 1) // 3
    return closed[: size[window]] == as_of[: size[window]]


def digits(exact, decimals):
    """As the answers are written: rounded, no trailing zeros."""
    scaled = round(exact * 10**decimals)
    text = f"{scaled // 10**decimals}.{scaled % 10**decimals:0{decimals}d}"
    return text.rstrip("0").rstrip(".")


def percent(ratio):
    return ratio and digits(Fraction(ratio) * 100, 4)
