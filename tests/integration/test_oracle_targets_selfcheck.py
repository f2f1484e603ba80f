"""The oracle's targets, own KPIs, strengths, intervals and series, on cases small enough to compute by hand."""

import json
import sys
import unittest
from datetime import date
from fractions import Fraction
from math import sqrt
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

import intervals  # noqa: E402
import measures  # noqa: E402
import nasty  # noqa: E402
import oracle  # noqa: E402
import own_kpis  # noqa: E402
import series  # noqa: E402
import strengths  # noqa: E402
from messages import Decoder, Event, parse_time  # noqa: E402
from organisation import Organisation  # noqa: E402
from records import Ledger  # noqa: E402
from targets import Targets, keep_expected  # noqa: E402
from windows import BEGINNING, HOUR, Calendar, bounds  # noqa: E402
from working_time import Calendars, Period, WorkingCalendar, period_of  # noqa: E402

UTC = Calendar()
BERLIN = Calendar("Europe/Berlin")
OFFICE = {"days": ["monday", "tuesday", "wednesday", "thursday", "friday"], "hours": "09:00-17:00"}


def us(text):
    return parse_time(text, UTC)


def world(members=(), calendar=UTC, base="USD", **kinds):
    """An Oracle of lists of events by kind."""
    ledger, decoder = Ledger(), Decoder(calendar, base)
    for kind, events in kinds.items():
        for event in events:
            ledger.apply(kind, decoder.decode(kind, json.dumps({"occurred_at": 0, **event}).encode()))
    found = oracle.Oracle(ledger, calendar, base, organisation=Organisation(ledger, calendar, members))
    keep_expected(found, ledger)
    return found


def won(key, at, amount, **others):
    return {"deal_id": key, "stage": "won", "created_at": at, "closed_at": at, "amount": amount, **others}


def said(at, deleted=False, version=0, **fields):
    """An event of a target record; a value is in millionths."""
    if fields.get("value") is not None:
        fields["value"] = fields["value"] * 10**6
    return Event("", (us(at), version, ""), us(at), deleted, fields)


def goal(
    value, kpi="sales_volume", dimension="manager", entity="Ann", period="month", starts_on="2024-01-01", **others
):
    row = {"dimension": dimension, "entity": entity, "kpi": kpi, "period": period, "value": value}
    return {**row, "starts_on": starts_on, **others}


class WorkingTime(unittest.TestCase):
    def test_hours_of_a_week(self):
        office = WorkingCalendar(UTC, **OFFICE, holidays=["2024-03-29"])
        week = us("2024-03-25T00:00:00Z"), us("2024-04-01T00:00:00Z")
        self.assertEqual(office.worked(*week), 4 * 8 * HOUR)  # Good Friday is none
        self.assertEqual(office.worked(us("2024-03-25T16:00:00Z"), us("2024-03-26T09:30:00Z")), 3 * HOUR // 2)
        self.assertEqual(office.worked(us("2024-03-25T17:00:00Z"), us("2024-03-26T09:00:00Z")), 0)
        self.assertEqual(office.worked(us("2024-03-26T10:00:00Z"), us("2024-03-26T09:00:00Z")), 0)
        self.assertEqual(office.day_us(), 8 * HOUR)

    def test_the_clock_moves_in_working_time(self):
        always = WorkingCalendar(BERLIN)
        self.assertEqual(always.worked(us("2024-03-30T23:00:00Z"), us("2024-03-31T22:00:00Z")), 23 * HOUR)
        self.assertEqual(always.worked(us("2024-10-26T22:00:00Z"), us("2024-10-27T23:00:00Z")), 25 * HOUR)
        self.assertEqual(always.day_us(), 24 * HOUR)
        night = WorkingCalendar(BERLIN, hours="02:30-06:00")  # from 03:00 on the day without 02:30
        self.assertEqual(
            night.worked(us("2024-03-30T00:00:00Z"), us("2024-04-01T00:00:00Z")), (3 * 60 + 30 + 180) * HOUR // 60
        )
        gap = WorkingCalendar(BERLIN, hours="02:00-03:00")
        self.assertEqual(gap.worked(us("2024-03-30T12:00:00Z"), us("2024-03-31T12:00:00Z")), 0)

    def test_a_date_that_never_was_is_a_day_without_time(self):
        apia = Calendar("Pacific/Apia")
        week = Period(apia, "week", date(2011, 12, 30))
        self.assertEqual(len(list(week.days())), 7)
        self.assertEqual(WorkingCalendar(apia).worked(week.start, week.end), 6 * 24 * HOUR)

    def test_an_evening_that_comes_twice(self):
        st_johns = Calendar("America/St_Johns")  # 00:01 went back to 23:01: the new date began, and the old came again
        sixth, seventh = (Period(st_johns, "day", date(2010, 11, d)) for d in (6, 7))
        always = WorkingCalendar(st_johns)
        self.assertEqual(always.worked(sixth.start, sixth.end), 24 * HOUR)
        self.assertEqual(always.worked(seventh.start, seventh.end), 25 * HOUR)
        self.assertEqual(always.worked(sixth.start, seventh.end), 49 * HOUR)
        self.assertEqual(always.worked(seventh.start, seventh.start + HOUR // 4), HOUR // 4)  # at 23:14 of the 6th

    def test_periods(self):
        def edges(calendar, kind, day):
            period = Period(calendar, kind, date.fromisoformat(day))
            return f"{period.first} {period.next}"

        india = Calendar("Asia/Kolkata", "sunday", 4)
        self.assertEqual(edges(UTC, "week", "2024-03-31"), "2024-03-25 2024-04-01")
        self.assertEqual(edges(india, "week", "2024-03-31"), "2024-03-31 2024-04-07")
        self.assertEqual(edges(india, "quarter", "2024-03-31"), "2024-01-01 2024-04-01")
        self.assertEqual(edges(india, "year", "2024-03-31"), "2023-04-01 2024-04-01")
        self.assertEqual(edges(Calendar("UTC", "monday", 12), "quarter", "2024-01-15"), "2023-12-01 2024-03-01")
        for kind in ("day", "week", "month", "quarter", "year"):
            period = Period(india, kind, date(2024, 3, 31))
            self.assertEqual(Period(india, kind, period.next).index, period.index + 1)
            self.assertEqual(period.before().next, period.first)

    def test_a_period_begins_where_its_window_does(self):
        for zone, fiscal in (("Asia/Kolkata", 4), ("America/St_Johns", 7), ("Pacific/Apia", 1)):
            calendar = Calendar(zone, "saturday", fiscal)
            for window in ("today", "yesterday", "week", "last_week", "month", "last_quarter", "year", "last_year"):
                for at in ("2010-11-07T02:30:30Z", "2011-12-30T10:00:00Z", "2024-02-29T18:31:00Z"):
                    period, past = period_of(calendar, window, us(at))
                    current, _ = bounds(calendar, window, us(at))
                    self.assertEqual(period.start, current[0])
                    if past:
                        self.assertEqual(period.end, current[1])

    def test_whose_calendar(self):
        members = [
            {"manager_id": "Ann", "team_id": "North", "ends_on": "2024-01-31"},
            {"manager_id": "Ann", "team_id": "South", "starts_on": "2024-02-01"},
        ]
        found = Calendars(UTC, world(members).organisation, {"office": OFFICE}, {"North": {"calendar": "office"}})
        for dimension, entity, at, opens in (
            ("team", "North", "2024-01-01", 540),
            ("team", "South", "2024-01-01", 0),
            ("manager", "Ann", "2024-01-31T23:59:59Z", 540),
            ("manager", "Ann", "2024-02-01", 0),
            ("product", "North", "2024-01-01", 0),
        ):
            self.assertEqual(found.of(dimension, entity, us(at)).opens, opens, (dimension, entity, at))


class Target(unittest.TestCase):
    def lines(self, as_of, window="month", by="manager", configured=(), records=None, own=(), calendars=None, **facts):
        found = world(**facts)
        own = [own_kpis.OwnKpi(**kpi) for kpi in own]
        teams = {"North": {"calendar": "office"}}
        calendars = Calendars(
            found.calendar, found.organisation, calendars, teams if "office" in (calendars or ()) else {}
        )
        targets = Targets(found, calendars, configured, records, own)
        return {f"{entity} {name}": text for (entity, name), text in targets.lines(by, window, us(as_of)).items()}

    def ann(self, *arguments, **named):
        found = self.lines(*arguments, **named)
        return {
            name[4:]: text for name, text in found.items() if name.startswith("Ann ") and not name.endswith("forecast")
        }

    def test_half_way(self):
        deal = won("1", "2024-04-10", "750", manager_id="Ann")
        # noon of the 16th of 30 days; the instant is floored to 12:00
        self.assertEqual(
            self.ann("2024-04-16T12:14:59Z", configured=[goal("1000")], deal=[deal]),
            {
                "sales_volume.target": "1000.00",
                "sales_volume.attainment": "0.750000",
                "sales_volume.pace": "1.451613",  # 750 / (1000 × 15.5 / 30)
                "sales_volume.required_rate": "17.24",  # 250 / 14.5
            },
        )
        self.assertEqual(
            self.ann("2024-05-16T12:00:00Z", "last_month", configured=[goal("1000")], deal=[deal]),
            {
                "sales_volume.target": "1000.00",
                "sales_volume.attainment": "0.750000",
                "sales_volume.pace": "0.750000",
            },
        )

    def test_only_windows_of_its_period(self):
        deal = won("1", "2024-04-10", "750", manager_id="Ann")
        for window in ("today", "week", "quarter", "year", "all", "30d", "last_year"):
            self.assertEqual(self.ann("2024-04-16T12:00:00Z", window, configured=[goal("1000")], deal=[deal]), {})

    def test_for_one_that_has_nothing(self):
        self.assertEqual(
            self.ann("2024-04-01T00:14:00Z", configured=[goal("2", "deals_won")]),
            {"deals_won.target": "2", "deals_won.attainment": "0.000000", "deals_won.required_rate": "0.07"},
        )  # no time has passed: no pace
        self.assertEqual(self.ann("2024-04-02", configured=[goal("0.5", "win_rate")]), {"win_rate.target": "0.500000"})

    def test_a_target_of_nothing(self):
        self.assertEqual(
            self.ann("2024-04-02", configured=[goal("0", "deals_won")]),
            {"deals_won.target": "0", "deals_won.required_rate": "0.00"},
        )

    def test_reached_leaves_nothing_to_do(self):
        found = self.ann("2024-04-02", configured=[goal("10")], deal=[won("1", "2024-04-01", "25", manager_id="Ann")])
        self.assertEqual((found["sales_volume.attainment"], found["sales_volume.required_rate"]), ("2.500000", "0.00"))

    def test_it_begins_within_a_period(self):
        rows = [goal("3000", starts_on="2024-04-11", ends_on="2024-04-20")]
        self.assertEqual(self.ann("2024-04-02", configured=rows)["sales_volume.target"], "1000.00")
        self.assertEqual(self.ann("2024-03-02", configured=rows), {})
        self.assertEqual(self.ann("2024-05-02", configured=rows), {})

    def test_by_working_days(self):
        members = [{"manager_id": "Ann", "team_id": "North"}]
        calendars = {"office": {**OFFICE, "holidays": ["2024-04-01", "2024-04-06"]}}  # Monday; a Saturday
        # April 2024 has 22 weekdays, less Easter Monday; from Monday 22nd there are 7
        rows = [goal("2100", starts_on="2024-04-22")]
        found = self.ann("2024-04-22T13:00:00Z", configured=rows, members=members, calendars=calendars)
        self.assertEqual(found["sales_volume.target"], "700.00")
        self.assertEqual(found["sales_volume.required_rate"], "107.69")  # 700 / 6.5
        # on a day off all days share, and there is no time to work
        rows = [goal("10", period="day")]
        found = self.ann("2024-04-01T13:00:00Z", "today", configured=rows, members=members, calendars=calendars)
        self.assertEqual(found, {"sales_volume.target": "10.00", "sales_volume.attainment": "0.000000"})
        calendars["office"]["holidays"] = [f"2024-04-{day:02d}" for day in range(8, 15)]
        rows = [goal("70", period="week", starts_on="2024-04-13")]
        found = self.ann("2024-04-10", "week", configured=rows, members=members, calendars=calendars)
        self.assertEqual(found, {"sales_volume.target": "20.00", "sales_volume.attainment": "0.000000"})
        calendars["office"]["holidays"] = []
        # a row that is in force on a day off only shares nothing
        rows = [goal("10", period="week", starts_on="2024-04-13", ends_on="2024-04-14")]
        self.assertEqual(self.ann("2024-04-10", "week", configured=rows, members=members, calendars=calendars), {})

    def test_the_latest_start_counts(self):
        rows = [
            goal("300"),
            goal("600", starts_on="2024-04-16"),
            goal("900", starts_on="2024-04-16", ends_on="2024-04-20"),
        ]
        # 15 days at 10, 5 at 30, 10 at 20
        self.assertEqual(self.ann("2024-04-02", configured=rows)["sales_volume.target"], "500.00")
        record = {"9": [said("2024-01-01", **goal(30, starts_on="2024-04-16"))]}
        self.assertEqual(self.ann("2024-04-02", configured=rows, records=record)["sales_volume.target"], "165.00")
        early = {"9": [said("2024-01-01", **goal(3000, starts_on="2024-04-15"))]}
        self.assertEqual(self.ann("2024-04-02", configured=rows, records=early)["sales_volume.target"], "590.00")
        record["a"] = [said("2024-01-01", **goal(60, starts_on="2024-04-16", ends_on="2024-04-16"))]
        self.assertEqual(self.ann("2024-04-02", configured=rows, records=record)["sales_volume.target"], "166.00")

    def test_a_ramp(self):
        rows = [goal("1200", starts_on="2024-01-31", ramp_periods=3)]
        for at, target in (("01", "9.68"), ("02", "600.00"), ("03", "900.00"), ("04", "1200.00"), ("09", "1200.00")):
            self.assertEqual(self.ann(f"2024-{at}-02", configured=rows)["sales_volume.target"], target)

    def test_what_is_set_later_changes_no_past_period(self):
        record = {"1": [said("2024-01-01", **goal(100)), said("2024-02-01", value=200)]}
        for at, target in (("01-15", "100.00"), ("02-15", "200.00"), ("03-15", "200.00")):
            self.assertEqual(self.ann(f"2024-{at}", records=record)["sales_volume.target"], target)
        self.assertEqual(self.ann("2024-02-15", "last_month", records=record)["sales_volume.target"], "100.00")
        record["1"][1].fields["restate"] = True
        self.assertEqual(self.ann("2024-02-15", "last_month", records=record)["sales_volume.target"], "200.00")
        # only the event that says so: the next one is late again, and its value is not seen
        record["1"].append(said("2024-03-05", value=300, restate=False))
        self.assertEqual(self.ann("2024-02-15", "last_month", records=record)["sales_volume.target"], "200.00")
        self.assertEqual(self.ann("2024-03-15", records=record)["sales_volume.target"], "300.00")

    def test_the_end_of_the_period_to_the_microsecond(self):
        for at, target in (("2024-01-31T23:59:59.999999Z", "200.00"), ("2024-02-01T00:00:00Z", "100.00")):
            record = {"1": [said("2024-01-01", **goal(100)), said(at, value=200)]}
            self.assertEqual(self.ann("2024-01-15", records=record)["sales_volume.target"], target)

    def test_a_deleted_target_was_one_before(self):
        record = {"1": [said("2024-01-01", **goal(100)), said("2024-02-10", deleted=True)]}
        self.assertEqual(self.ann("2024-01-15", records=record)["sales_volume.target"], "100.00")
        self.assertEqual(self.ann("2024-02-15", records=record), {})
        record["1"].append(said("2024-03-10", value=50))  # revived, but it has only a value
        self.assertEqual(self.ann("2024-03-15", records=record), {})
        record["1"].append(said("2024-03-11", **goal(70)))
        self.assertEqual(self.ann("2024-03-15", records=record)["sales_volume.target"], "70.00")

    def test_what_counts_nowhere(self):
        record = {"1": [said("2024-01-01", **goal(100, "won"))], "2": [said("2024-01-01", **goal(100, entity=None))]}
        self.assertEqual(self.ann("2024-01-15", records=record), {})
        found = world()
        targets = Targets(found, Calendars(UTC, found.organisation), [goal("1", entity="Bob")], record)
        self.assertEqual(targets.oddities({"manager": {"Ann"}}), {"target_unknown": 2, "target_entity": 1})

    def test_of_an_own_kpi(self):
        kpi = {"name": "pro", "formula": "won_amount", "filter": 'product = "Pro"', "unit": "money"}
        deals = [
            won("1", "2024-04-01", "30", manager_id="Ann", product="Pro"),
            won("2", "2024-04-01", "9", manager_id="Ann"),
        ]
        found = self.ann("2024-04-16", configured=[goal("60", "pro")], own=[kpi], deal=deals)
        self.assertEqual((found["pro.attainment"], found["pro.pace"]), ("0.500000", "1.000000"))
        kpi = {"name": "share", "formula": "won / (won + lost)", "unit": "ratio"}
        found = self.ann("2024-04-16", configured=[goal("0.5", "share")], own=[kpi], deal=deals)
        self.assertEqual(found, {"share.target": "0.500000", "share.attainment": "2.000000"})

    def test_forecast(self):
        def deal(key, at, expected, amount="100", probability="0.25", **others):
            found = {
                "deal_id": key,
                "stage": "talk",
                "created_at": at,
                "expected_close_at": expected,
                "manager_id": "Ann",
            }
            return {**found, "amount": amount, "probability": probability, **others}

        deals = [
            won("1", "2024-04-01", "50", manager_id="Ann"),
            deal("2", "2024-03-01", "2024-04-30T23:59:59.999999Z"),
            deal("3", "2024-03-01", "2024-05-01"),
            deal("4", "2024-03-01", "2024-04-01"),  # overdue, but this month
            deal("5", "2024-04-20", "2024-04-21"),  # not yet there
            deal("6", "2024-03-01", "2024-04-21", stage="lost", closed_at="2024-04-02"),
            deal("7", "2024-03-01", None),
            deal("8", "2024-03-01", "2024-04-21", "0", "0.005", manager_id="Bob"),
        ]
        self.assertEqual(
            self.lines("2024-04-16", deal=deals),
            {
                "Ann sales_volume.forecast": "100.00",
                "Ann deals_won.forecast": "1.50",
                "Bob deals_won.forecast": "0.00",  # half a cent of a deal, half to even
            },
        )
        self.assertEqual(self.lines("2024-04-16", "last_month", deal=deals), {})
        self.assertEqual(self.lines("2024-04-16", "30d", deal=deals), {})
        self.assertEqual(self.lines("2024-05-01", deal=deals)["Ann sales_volume.forecast"], "25.00")


class Own(unittest.TestCase):
    def value(self, formula, unit, filter=None, sample=None, absent=None, at="2024-02-01", **facts):
        found = world(**facts)
        kpi = own_kpis.OwnKpi("mine", formula, unit, filter=filter, sample=sample, absent=absent)
        return kpi.texts(found, "company", (BEGINNING, us(at)), us(at)).get("all")

    DEALS = [
        won("1", "2024-01-01", "100", product="Pro", source="web", quantity="2"),
        won("2", "2024-01-02", "50", product="B\"a\\s'c", source="fair"),
        {
            "deal_id": "3",
            "stage": "lost",
            "created_at": "2024-01-01",
            "closed_at": "2024-01-03",
            "loss_reason": "price",
        },
    ]

    def test_formulas(self):
        for formula, unit, text in (
            ("won_amount", "money", "150.00"),
            ("won_amount / won", "money", "75.00"),
            ("won + lost * 2 - deals", "count", "1"),
            ("won - lost - deals", "count", "-2"),
            ("deals / won / 0.5", "ratio", "3.000000"),
            ("2 * (won + lost)", "count", "6"),
            ("0.333 * won_amount", "money", "49.95"),
            ("won_amount / won_quantity", "money", "50.00"),
            ("won_quantity / won", "quantity", "1.5"),
            ("won / deals * won_amount", "money", "100.00"),
            ("won_amount / (won - lost - 1 * lost)", "money", None),
            ("won - won", "count", None),
            ("cycle_us", "seconds", None),
            ("payments / leads", "ratio", None),
        ):
            found = self.value(formula, unit, deal=self.DEALS)
            self.assertEqual(found and found[0], text, formula)

    def test_filters(self):
        for filter, text in (
            ('product = "Pro"', "1"),
            ('product = "B\\"a\\\\s\'c"', "1"),
            ('product != "Pro"', "2"),
            ('product in ("Pro", "x") or source = "fair"', "2"),
            ('product not in ("Pro", "x")', "2"),
            ('not product = "Pro" and source = "fair"', "1"),
            ('not (product = "Pro" or source = "fair")', "1"),
            ('source = "web" or source = "fair" and product = "Pro"', "1"),
            ('manager = ""', None),
            ('loss_reason = "price"', "1"),
        ):
            found = self.value("won + lost", "count", filter, deal=self.DEALS)
            self.assertEqual(found and found[0], text, filter)
        # the reason is a name of the loss, not of the deal
        self.assertIsNone(self.value("deals", "count", 'loss_reason = "price"', deal=self.DEALS))

    def test_absent_and_sample(self):
        self.assertEqual(self.value("won", "count", sample="deals", deal=self.DEALS), ("2", 3))
        self.assertEqual(self.value("won", "count", sample="leads", deal=self.DEALS), ("2", None))
        self.assertIsNone(self.value("won - 2 * lost", "count", deal=self.DEALS))
        self.assertEqual(self.value("won - 2 * lost", "count", absent="none", deal=self.DEALS), ("0", None))
        self.assertEqual(self.value("(won - 2 * lost) / deals", "ratio", deal=self.DEALS), ("0.000000", None))
        self.assertIsNone(self.value("(won - 2 * lost) / deals", "ratio", absent="zero", deal=self.DEALS))
        talk = {"deal_id": "1", "stage": "talk", "created_at": "2024-01-01"}
        self.assertIsNone(self.value("won - leads", "count", absent="none", sample="deals", deal=[talk]))

    def test_what_is_wrong(self):
        for formula, unit in (
            ("won + won_amount", "money"),
            ("won", "money"),
            ("won + 1", "count"),
            ("1", "count"),
            ("won_amount * won_amount", "money"),
            ("won / won_amount", "ratio"),
            ("1 / won_amount", "ratio"),
            ("won +", "count"),
            ("(won", "count"),
            ("won)", "count"),
            ("won lost", "count"),
            ("win_rate", "ratio"),
            ("open", "count"),
            ("-won", "count"),
            ("won % lost", "count"),
            ("", "count"),
            ("won", "days"),
        ):
            self.assertRaises(own_kpis.Wrong, own_kpis.OwnKpi, "mine", formula, unit)
        for filter in (
            'team = "a"',
            "product = a",
            'product = "a',
            "product in ()",
            'product "a"',
            'product = "a" and',
            "",
            "not",
        ):
            self.assertRaises(own_kpis.Wrong, own_kpis.OwnKpi, "mine", "won", "count", filter=filter)
        for name in ("win_rate", "Mine", "1st", "a.b", ""):
            self.assertRaises(own_kpis.Wrong, own_kpis.OwnKpi, name, "won", "count")

    def test_one_sum(self):
        for formula, one in (("won + lost * 2 - deals / 3", True), ("won * lost", False), ("won / lost", False)):
            self.assertEqual(own_kpis.degree(own_kpis.parse_formula(formula)) == 1, one, formula)


class Intervals(unittest.TestCase):
    def test_against_the_formula(self):
        for x, n in ((1, 1), (45, 50), (0, 1), (1, 2), (7, 10), (50, 100), (999, 1000), (0, 7), (123456, 10**6)):
            low, high = intervals.wilson(x, n)
            p, z = x / n, 1.96
            middle = (p + z * z / (2 * n)) / (1 + z * z / n)
            half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
            self.assertAlmostEqual(low / 1e6, middle - half, delta=1.01e-6)
            self.assertAlmostEqual(high / 1e6, middle + half, delta=1.01e-6)
            self.assertLessEqual(low / 1e6, middle - half + 1e-12)
            self.assertGreaterEqual(high / 1e6, middle + half - 1e-12)

    def test_edges_are_exact(self):
        self.assertEqual(intervals.wilson(0, 1), (0, 793457))  # 3.8416 / 4.8416 = 0.793456…
        self.assertEqual(intervals.wilson(1, 1), (206543, 10**6))
        self.assertLess(intervals.wilson(1, 1)[0], intervals.wilson(45, 50)[0])

    def test_lines(self):
        found = world(deal=[won("1", "2024-01-01", "1"), {"deal_id": "2", "stage": "talk", "created_at": "2024-01-01"}])
        lines = intervals.texts(found, "company", (0, us("2024-02-01")), us("2024-02-01"))
        self.assertEqual(
            {name: text for (_, name), text in lines.items()},
            {
                "win_rate.low": "0.206543",
                "win_rate.high": "1.000000",
                "win_rate_cohort.low": "0.094528",  # (5.8416 - 1.96 × 2.41694) / 11.6832
                "win_rate_cohort.high": "0.905472",
            },
        )


class Strengths(unittest.TestCase):
    MEMBERS = [{"manager_id": name, "team_id": "North"} for name in ("Ann", "Bob")] + [
        {"manager_id": "Zoe", "team_id": "South"},
        {"manager_id": "Old", "team_id": "North", "ends_on": "2023-12-31"},
    ]

    def lines(self, k=10, members=None, deals=None):
        found = world(members or self.MEMBERS, deal=self.deals() if deals is None else deals)
        return strengths.texts(found, (0, us("2024-02-01")), us("2024-02-01"), k)

    def deals(self):
        """Ann: 8 won of 10 at 100, a day each. Bob: 2 of 10 at 400, two days each, and 10 open."""
        found = []
        for name, wins, price, days, extra in (("Ann", 8, "100", "2024-01-02", 0), ("Bob", 2, "400", "2024-01-03", 10)):
            for number in range(10 + extra):
                stage = "talk" if number >= 10 else "won" if number < wins else "lost"
                deal = {"deal_id": f"{name}{number}", "stage": stage, "manager_id": name, "created_at": "2024-01-01"}
                found.append({**deal, "amount": price, "closed_at": days, "team_id": "South"})
        return found

    def test_by_hand(self):
        found = self.lines()
        self.assertEqual({manager for manager, _ in found}, {"Ann", "Bob"})  # Zoe has no peers, Old is gone
        self.assertEqual(
            {name: text for (manager, name), text in found.items() if manager == "Ann"},
            {
                "strengths.team": "North",
                "strengths.peers": "2",
                "win_rate.team": "0.500000",
                "win_rate.shrunk": "0.650000",  # (8 + 5) / 20
                "win_rate.index": "1.300000",
                "average_check.team": "160.00",  # 1600 / 10
                "average_check.shrunk": "133.33",  # (800 + 1600) / 18
                "average_check.index": "0.833333",
                "cycle_time.team": "103680",  # 12 days / 10
                "cycle_time.shrunk": "96000",  # (8 + 12) / 18 days
                "cycle_time.index": "1.080000",
                "deals.team": "15.00",
                "deals.shrunk": "10",
                "deals.index": "0.666667",
                "win_rate.size": "-200.00",  # 10 × -0.15 × 133.33
                "average_check.size": "173.33",  # 10 × 0.65 × 26.67
                "cycle_time.size": "-64.20",  # 866.67 × (96000 / 103680 - 1)
                "deals.size": "433.33",  # 5 × 0.65 × 133.33
                "strengths.weakest": "deals",
                "strengths.strongest": "win_rate",
            },
        )

    def test_without_shrinking(self):
        found = self.lines(k=0)
        self.assertEqual(found["Bob", "win_rate.shrunk"], "0.200000")
        self.assertEqual(found["Bob", "average_check.size"], "-480.00")  # 10 × 0.2 × (160 - 400)
        self.assertEqual(found["Bob", "win_rate.size"], "1200.00")  # 10 × 0.3 × 400

    def test_one_without_records_stands_at_the_mean(self):
        members = self.MEMBERS + [{"manager_id": "New", "team_id": "North"}]
        found = self.lines(members=members)
        self.assertEqual(found["New", "win_rate.shrunk"], found["New", "win_rate.team"])
        self.assertEqual(found["New", "win_rate.size"], "0.00")
        self.assertEqual(found["New", "deals.size"], "800.00")  # (10 - 0) × 0.5 × 160
        self.assertNotIn(("New", "deals.index"), found)
        self.assertEqual(found["New", "strengths.weakest"], "deals")
        self.assertNotIn(("New", "strengths.strongest"), found)
        self.assertNotIn(("New", "win_rate.shrunk"), self.lines(k=0, members=members))

    def test_equal_ones_have_neither_strength_nor_weakness(self):
        deals = [won(name, "2024-01-01", "10", manager_id=name) for name in ("Ann", "Bob")]
        found = self.lines(deals=deals)
        self.assertEqual(found["Ann", "deals.size"], "0.00")
        self.assertEqual(
            {name for _, name in found if name.startswith("strengths")}, {"strengths.team", "strengths.peers"}
        )
        # no time at all from creation to closing: a mean of 0 cannot be compared with
        self.assertEqual(found["Ann", "cycle_time.team"], "0")
        self.assertEqual(
            {name for _, name in found if name.startswith("cycle")}, {"cycle_time.team", "cycle_time.shrunk"}
        )

    def test_nothing_to_compare(self):
        found = self.lines(deals=[])
        self.assertEqual(
            {name: text for (manager, name), text in found.items() if manager == "Ann"},
            {"strengths.team": "North", "strengths.peers": "2", "deals.team": "0.00", "deals.shrunk": "0"},
        )


class Series(unittest.TestCase):
    def test_days(self):
        found = world(
            calendar=BERLIN,
            deal=[
                won("1", "2024-03-31T21:59:59Z", "5"),
                won("2", "2024-03-31T22:00:00Z", "7"),
                won("3", "2024-04-01T09:00:00Z", "9"),
            ],
        )
        wanted = {"dimension": "company", "kpis": ["sales_volume", "win_rate"], "every": "day", "points": 3}
        made = series.series(found, {**wanted, "entities": ["all"]}, us("2024-04-01T08:59:59Z"))
        self.assertEqual(
            made["series:company:all:sales_volume"],
            '{"every":"day","points":[["2024-03-29T23:00:00Z","0.00"],["2024-03-30T23:00:00Z","5.00"],'
            '["2024-03-31T22:00:00Z","7.00"]]}',
        )
        self.assertEqual(json.loads(made["series:company:all:win_rate"])["points"][0], ["2024-03-29T23:00:00Z", None])

    def test_a_day_that_begins_now(self):
        spans = series.spans(UTC, "day", 2, us("2024-04-01"))
        self.assertEqual([start for start, _ in spans], [us("2024-03-31"), us("2024-04-01")])

    def test_hours(self):
        def starts(calendar, points, as_of):
            return " ".join(
                oracle.instant_text(start)[11:16] for start, _ in series.spans(calendar, "hour", points, us(as_of))
            )

        self.assertEqual(starts(BERLIN, 3, "2024-03-31T01:30:00Z"), "23:00 00:00 01:00")
        self.assertEqual(starts(Calendar("Asia/Kathmandu"), 2, "2024-03-31T01:30:00Z"), "00:15 01:15")
        # half an hour back at 15:00 UTC: the last hour of the day has half an hour
        self.assertEqual(starts(Calendar("Australia/Lord_Howe"), 3, "2024-04-07T14:00:00Z"), "12:00 13:00 13:30")


class BothViews(unittest.TestCase):
    """The measures and the SELECTs of oracle.py give the same KPIs, on records that are all edges."""

    def test_every_kpi(self):
        as_of = us("2024-02-29T10:07:13Z")
        ledger, decoder = Ledger(), Decoder(BERLIN, "EUR")
        for kind, lines in nasty.World(5, [as_of], "Europe/Berlin").generate(1500).items():
            for line in lines:
                try:
                    ledger.apply(kind, decoder.decode(kind, line))
                except oracle.Bad:
                    pass
        members = [{"manager_id": name, "team_id": "T", "starts_on": "2024-02-10"} for name in nasty.MANAGERS[:5]]
        found = oracle.Oracle(ledger, BERLIN, "EUR", organisation=Organisation(ledger, BERLIN, members))
        count = 0
        for by in oracle.DIMENSIONS:
            for window in ("7d", "today", "month", "last_month", "year", "all"):
                current, previous = bounds(BERLIN, window, as_of)
                written = found.values(by, window, current, as_of)
                written.update(found.velocity(by, current, as_of))
                if previous:
                    written.update(found.growth(by, current, previous, as_of))
                exact = measures.values(found, by, window, (current, previous), as_of)
                self.assertEqual(exact.keys(), written.keys(), (by, window))
                for (entity, kpi), value in exact.items():
                    count += 1
                    text = measures.text(measures.UNITS[kpi], value, 2)
                    self.assertEqual(text, written[entity, kpi][0], (by, window, entity, kpi))
        self.assertGreater(count, 3000)


if __name__ == "__main__":
    unittest.main()
