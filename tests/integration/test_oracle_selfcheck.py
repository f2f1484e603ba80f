"""The oracle itself, on cases small enough to compute by hand: a wrong oracle would agree with a wrong kpid."""

import json
import sys
import tempfile
import unittest
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

import exact  # noqa: E402
import oracle  # noqa: E402
import windows  # noqa: E402
from messages import Bad, Decoder, Number, parse_time  # noqa: E402
from records import Ledger, closing_time  # noqa: E402

UTC = windows.Calendar()
BERLIN = windows.Calendar("Europe/Berlin")


def us(text):
    return parse_time(text, UTC)


def text(instant):
    return oracle.instant_text(instant)


def ledger_of(kind, *events, base="USD"):
    """A ledger after events; each a dict that lacks only its key, or has it."""
    ledger, decoder = Ledger(), Decoder(UTC, base)
    for event in events:
        ledger.apply(kind, decoder.decode(kind, json.dumps({f"{kind}_id": "1", **event}).encode()))
    return ledger


def kpis(
    as_of, window="all", dimension="company", entity="all", calendar=UTC, base="USD", rates=None, stages=None, **kinds
):
    """{kpi: (value, n, prev)} of one entity and window over lists of events of the kinds."""
    ledger, decoder = Ledger(), Decoder(calendar, base)
    for kind, events in kinds.items():
        for event in events:
            ledger.apply(kind, decoder.decode(kind, json.dumps(event).encode()))
    lines = oracle.Oracle(ledger, calendar, base, rates, "all", stages).lines([window], us(as_of))
    found = map(json.loads, lines)
    return {
        f["kpi"]: (f.get("value"), f.get("n"), f.get("prev"))
        for f in found
        if (f["dimension"], f["entity"]) == (dimension, entity)
    }


class Exact(unittest.TestCase):
    def test_half_even(self):
        for numerator, denominator, nearest in (
            (5, 10, 0),
            (15, 10, 2),
            (25, 10, 2),
            (-5, 10, 0),
            (-15, 10, -2),
            (26, 10, 3),
            (-26, 10, -3),
            (7, 1, 7),
        ):
            self.assertEqual(exact.half_even(numerator, denominator), nearest, (numerator, denominator))

    def test_decimals_are_read_digit_by_digit(self):
        for written, micro in (
            ("1", 10**6),
            ("-0.1", -(10**5)),
            ("0.0000005", 0),
            ("0.0000015", 2),
            ("0.00000051", 1),
            ("1e3", 10**9),
            ("12.5E-1", 1250000),
            ("0e999999999", 0),
            ("1e-999999", 0),
            ("9007199254740993.000001", 9007199254740993000001),
        ):
            self.assertEqual(exact.parse_micro(written), micro, written)
        for written in ("", "1.", ".5", "+1", "1e", "NaN", "1e400", " 1", "1,5", "0x10"):
            self.assertIsNone(exact.parse_micro(written), written)

    def test_text_forms(self):
        self.assertEqual(exact.fixed(-5, 2), "-0.05")
        self.assertEqual(exact.fixed(115321400, 2), "1153214.00")
        self.assertEqual(exact.fixed(7, 0), "7")
        self.assertEqual(exact.shortest(2500000), "2.5")
        self.assertEqual(exact.shortest(30000000), "30")

    def test_buckets_are_within_half_a_percent(self):
        self.assertEqual(
            [exact.bucket(s) for s in (0, 255, 256, 257, 258, 511, 512)], [0, 255, 257, 257, 259, 511, 514]
        )
        for seconds in range(1, 10_000_000, 4999):
            self.assertLessEqual(abs(exact.bucket(seconds) - seconds) / seconds, 1 / 256)


class Windows(unittest.TestCase):
    def spans(self, window, as_of, calendar=UTC):
        current, previous = windows.bounds(calendar, window, us(as_of))
        return " ".join(text(edge) for edge in (current[0], *(previous or ())))

    def test_rolling_windows_are_cut_at_steps(self):
        self.assertEqual(windows.rolling("5m"), (300 * 10**6, 10**6))
        self.assertEqual(windows.rolling("1h"), (3600 * 10**6, 10 * 10**6))
        self.assertEqual(windows.rolling("7d"), (7 * 86400 * 10**6, 900 * 10**6))
        self.assertRaises(ValueError, windows.rolling, "4501m")
        self.assertEqual(
            self.spans("1h", "2024-02-29T10:20:37.5Z"), "2024-02-29T09:20:40Z 2024-02-29T08:20:40Z 2024-02-29T09:20:40Z"
        )
        self.assertEqual(self.spans("7d", "2024-02-29T10:20:37Z")[:20], "2024-02-22T10:30:00Z")

    def test_a_day_of_23_and_of_25_hours(self):
        self.assertEqual(
            self.spans("today", "2024-03-31T21:59:59Z", BERLIN),
            "2024-03-30T23:00:00Z 2024-03-29T23:00:00Z 2024-03-30T22:45:00Z",
        )
        self.assertEqual(self.spans("today", "2024-10-27T22:59:59Z", BERLIN)[:20], "2024-10-26T22:00:00Z")
        current, _ = windows.bounds(BERLIN, "yesterday", us("2024-10-28T12:00:00Z"))
        self.assertEqual((current[1] - current[0]) // windows.HOUR, 25)

    def test_a_local_time_in_the_gap_is_its_end_and_a_double_one_its_first(self):
        # 02:30 on Monday, 1 April is 02:30 on Sunday, which did not exist: 03:00 CEST
        self.assertTrue(self.spans("today", "2024-04-01T00:30:00Z", BERLIN).endswith("2024-03-31T01:00:00Z"))
        # 02:30 on Monday, 28 October, and 02:30 on Sunday came twice: the first is CEST
        self.assertTrue(self.spans("today", "2024-10-28T01:30:00Z", BERLIN).endswith("2024-10-27T00:30:00Z"))

    def test_a_midnight_that_does_not_exist(self):
        sao_paulo = windows.Calendar("America/Sao_Paulo")
        self.assertEqual(text(sao_paulo.start(datetime(2018, 11, 4).date())), "2018-11-04T03:00:00Z")
        apia = windows.Calendar("Pacific/Apia")
        self.assertEqual(apia.start(datetime(2011, 12, 30).date()), apia.start(datetime(2011, 12, 31).date()))

    def test_a_midnight_that_comes_twice(self):
        st_johns = windows.Calendar("America/St_Johns")  # 00:01 went back to 23:01 of the day before
        self.assertEqual(text(st_johns.start(datetime(2010, 11, 7).date())), "2010-11-07T02:30:00Z")

    def test_a_day_that_the_month_before_lacks_is_the_end_of_that_month(self):
        self.assertEqual(
            self.spans("month", "2023-03-31T10:07:00Z"),
            "2023-03-01T00:00:00Z 2023-02-01T00:00:00Z 2023-03-01T00:00:00Z",
        )
        self.assertEqual(
            self.spans("quarter", "2023-05-31T10:07:00Z"),
            "2023-04-01T00:00:00Z 2023-01-01T00:00:00Z 2023-03-01T00:00:00Z",
        )
        self.assertEqual(
            self.spans("year", "2028-02-29T10:07:00Z"), "2028-01-01T00:00:00Z 2027-01-01T00:00:00Z 2027-03-01T00:00:00Z"
        )
        self.assertEqual(
            self.spans("month", "2023-05-30T10:17:00Z"),
            "2023-05-01T00:00:00Z 2023-04-01T00:00:00Z 2023-04-30T10:15:00Z",
        )

    def test_fiscal_year_and_week_start(self):
        india = windows.Calendar("Asia/Kolkata", "sunday", 4)
        self.assertEqual(self.spans("year", "2024-03-31T18:29:59Z", india)[:20], "2023-03-31T18:30:00Z")
        self.assertEqual(self.spans("year", "2024-03-31T18:30:00Z", india)[:20], "2024-03-31T18:30:00Z")
        self.assertEqual(self.spans("quarter", "2024-02-10T00:00:00Z", india)[:20], "2023-12-31T18:30:00Z")
        self.assertEqual(self.spans("week", "2024-02-10T18:29:00Z", india)[:20], "2024-02-03T18:30:00Z")
        self.assertEqual(
            self.spans("last_quarter", "2024-05-05T00:00:00Z", india),
            "2023-12-31T18:30:00Z 2023-09-30T18:30:00Z 2023-12-31T18:30:00Z",
        )


class Messages(unittest.TestCase):
    def refused(self, kind, line, calendar=UTC):
        with self.assertRaises(Bad, msg=line):
            Decoder(calendar).decode(kind, line if isinstance(line, bytes) else json.dumps(line).encode())

    def test_times(self):
        self.assertEqual(us("2024-02-29T12:00:60.1234567+02:30"), us("2024-02-29T09:31:00.123456Z"))
        self.assertEqual(parse_time(Number("1709200000123"), UTC), 1709200000123000)
        self.assertEqual(text(parse_time("2024-07-01", BERLIN)), "2024-06-30T22:00:00Z")
        for wrong in (
            "2023-02-29",
            "2024-01-01T00:00:00",
            "1969-12-31T23:59:59Z",
            "2200-01-01T00:00:00Z",
            "now",
            "2024-01-01T24:00:00Z",
            Number("1.5"),
            Number("-1"),
            True,
            "1709200000123",
        ):
            self.assertRaises(Bad, parse_time, wrong, UTC)

    def test_dead_letters(self):
        at = {"occurred_at": "2024-01-01T00:00:00Z"}
        for line in (b"", b"[]", b"{", b'{"deal_id":NaN}', b'{"deal_id":"\xff"}', b'{"deal_id":"\\ud800"}'):
            self.refused("deal", line)
        for fields in (
            {"deal_id": None},
            {"deal_id": ""},
            {"deal_id": "x" * 257},
            {"deal_id": "a\tb"},
            {"deal_id": "1", "occurred_at": None},
            {"deal_id": "1", "amount": "1e400"},
            {"deal_id": "1", "amount": "100000000000.01"},
            {"deal_id": "1", "currency": "ABC"},
            {"deal_id": "1", "probability": "1.000001"},
            {"deal_id": "1", "quantity": -1},
            {"deal_id": "1", "amount": True},
            {"deal_id": "1", "created_at": "9999-01-01"},
            {"deal_id": "1", "version": 1.5},
            {"deal_id": "1", "deleted": 1},
            {"deal_id": "1", "kafka_timestamp": 1704066899999},
        ):
            self.refused("deal", {**at, **fields})
        self.refused("payment", {**at, "payment_id": "1", "amount": "-0.01"})
        self.refused("payment", {**at, "payment_id": "1", "kind": "gift"})
        self.refused("feedback", {**at, "feedback_id": "1", "kind": "csat", "scale": 5, "score": 6})

    def test_a_message_is_judged_by_itself_alone(self):
        at = {"occurred_at": "2024-01-01T00:00:00Z"}
        decode = Decoder(UTC).decode
        decode("feedback", json.dumps({**at, "feedback_id": "1", "score": 9}).encode())
        decode("deal", json.dumps({**at, "deal_id": "1", "currency": "JPY", "amount": "9000000000000"}).encode())
        decode("deal", json.dumps({**at, "deal_id": "1", "deleted": True, "amount": []}).encode())
        self.assertEqual(
            decode("deal", json.dumps({"deal_id": "1", "kafka_timestamp": 1000}).encode()).occurred, 1000000
        )


class Records(unittest.TestCase):
    def standing(self, ledger, kind="deal"):
        return {name: value for _, values, _ in ledger.standing(kind) for name, value in values.items()}

    def at(self, day, **fields):
        return {"occurred_at": f"2024-01-{day:02d}T00:00:00Z", **fields}

    def closing(self, *events):
        for order in (events, events[::-1]):
            record = ledger_of("deal", *order).records["deal"]["1"]
            found = closing_time(record)
            yield None if found is None else text(found)[5:10]

    def test_the_greatest_stamp_wins_in_each_field(self):
        events = [self.at(1, amount="1", region="N"), self.at(3, amount="3"), self.at(2, amount="2", region=None)]
        for order in (events, events[::-1]):
            ledger = ledger_of("deal", *order)
            self.assertEqual(self.standing(ledger), {"amount": 3000000, "region": None})
        version = [self.at(1, version=2, amount="2"), self.at(1, version=1, amount="1")]
        self.assertEqual(self.standing(ledger_of("deal", *version)), {"amount": 2000000})

    def test_each_event_is_judged(self):
        ledger = ledger_of(
            "deal", self.at(2, amount="2"), self.at(2, amount="2"), self.at(1, amount="1"), self.at(1, region="N")
        )
        self.assertEqual((ledger.applied, ledger.duplicate, ledger.superseded), (2, 1, 1))

    def test_a_deletion_clears_what_is_older_for_ever(self):
        delete = self.at(3, deleted=True, amount="9")
        ledger = ledger_of("deal", self.at(2, amount="2", region="N"), delete, self.at(1, amount="1"))
        self.assertEqual(list(ledger.standing("deal")), [])
        ledger = ledger_of("deal", delete, self.at(4, amount="4"), self.at(2, region="N"))
        self.assertEqual(self.standing(ledger), {"amount": 4000000})

    def test_closing_time(self):
        self.assertEqual(set(self.closing(self.at(1, stage="won", closed_at="2024-01-20"))), {"01-20"})
        self.assertEqual(set(self.closing(self.at(1, stage="won"), self.at(5, stage="won"))), {"01-01"})
        # reopened: the old closed_at no longer counts
        self.assertEqual(
            set(
                self.closing(
                    self.at(1, stage="won", closed_at="2024-01-20"), self.at(5, stage="open"), self.at(7, stage="won")
                )
            ),
            {"01-07"},
        )
        self.assertEqual(set(self.closing(self.at(1, stage="won"), self.at(5, stage=None))), {None})
        # a late event between two equal ones
        self.assertEqual(
            set(self.closing(self.at(1, stage="won"), self.at(4, stage="won"), self.at(3, stage="open"))), {"01-04"}
        )
        self.assertEqual(set(self.closing(self.at(1, stage="won"), self.at(4, stage="lost"))), {"01-04"})


class Kpis(unittest.TestCase):
    deals = [
        {
            "deal_id": "a",
            "occurred_at": "2024-03-01T00:00:00Z",
            "stage": "won",
            "amount": "100",
            "created_at": "2024-01-10",
            "closed_at": "2024-02-10",
            "manager_id": "Ann",
            "quantity": "2.5",
        },
        {
            "deal_id": "b",
            "occurred_at": "2024-03-01T00:00:00Z",
            "stage": "won",
            "created_at": "2024-01-20",
            "closed_at": "2024-02-12",
            "manager_id": "Ann",
        },
        {
            "deal_id": "c",
            "occurred_at": "2024-03-01T00:00:00Z",
            "stage": "lost",
            "amount": "7.005",
            "created_at": "2024-01-30",
            "closed_at": "2024-03-02",
            "manager_id": "Bob",
        },
        {
            "deal_id": "d",
            "occurred_at": "2024-03-01T00:00:00Z",
            "stage": "talk",
            "amount": "10",
            "probability": "0.335",
            "created_at": "2024-02-01",
        },
    ]

    def test_deals(self):
        found = kpis("2024-03-01T00:00:00Z", deal=self.deals)
        self.assertEqual(
            found,
            {
                "deals_created": ("4", 4, None),
                "win_rate_cohort": ("0.500000", 4, None),
                "deals_won": ("2", 2, None),
                "sales_volume": ("100.00", 2, None),
                "units": ("3.5", 2, None),
                "average_check": ("100.00", 1, None),
                "win_rate": ("1.000000", 2, None),
                "cycle_time_mean": ("2332800", 2, None),  # 31 and 23 days: 27
                "cycle_time_p50": ("1986560", 2, None),
                "cycle_time_p90": ("2678784", 2, None),
                "velocity": ("7.41", 2, None),  # 2 open x 1 x 100.00 / 27 days
            },
        )

    def test_open_deals_and_a_deal_lost_later(self):
        self.assertEqual(
            kpis("2024-03-01T00:00:00Z", "now", deal=self.deals),
            {"open_deals": ("2", 2, None), "pipeline": ("17.00", 2, None), "weighted_pipeline": ("3.35", 2, None)},
        )
        self.assertEqual(kpis("2024-03-02T00:00:00Z", "now", deal=self.deals)["open_deals"], ("1", 1, None))
        # the stage's probability stands in: 7.00 x 0.5 for the deal not yet lost
        self.assertEqual(
            kpis("2024-03-01T00:00:00Z", "now", deal=self.deals, stages={"lost": 500000})["weighted_pipeline"],
            ("6.85", 2, None),
        )

    def test_a_month_and_the_month_before(self):
        found = kpis("2024-03-11T12:00:00Z", "month", deal=self.deals)
        self.assertEqual(found["deals_won"], (None, None, "1"))  # a on 10 February; b on the 12th is too late
        self.assertEqual(found["win_rate"], ("0.000000", 1, "1.000000"))
        self.assertNotIn("average_check", kpis("2024-03-12T00:00:00Z", "today", deal=self.deals))

    def test_currencies(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "rates.csv"
            path.write_text("currency,day,rate\nKWD,2024-02-09,3.2567891\nKWD,2024-02-11,4\nJPY,2024-02-01,0.0067\n")
            rates = oracle.Rates(path, "USD")
        deals = [
            dict(self.deals[0], amount="1.2345", currency="KWD"),  # 1.234 KWD x 3.2567891 = 4.0188…
            dict(self.deals[0], deal_id="j", amount="150.5", currency="JPY"),  # 150 JPY x 0.0067 = 1.005 -> 1.00
            dict(self.deals[0], deal_id="e", amount="5", currency="EUR"),
        ]  # no rate: as if missing
        found = kpis("2024-03-01T00:00:00Z", deal=deals, rates=rates)
        self.assertEqual(found["sales_volume"], ("5.02", 3, None))
        self.assertEqual(found["average_check"], ("2.51", 2, None))

    def test_leads_and_conversion(self):
        leads = [
            {"lead_id": str(k), "occurred_at": "2024-01-01T00:00:00Z", "created_at": "2024-01-01T00:00:00Z", **more}
            for k, more in enumerate(
                (
                    {"first_contact_at": "2024-01-01T00:04:00.5Z"},
                    {"first_contact_at": "2024-01-01T00:10:00Z"},
                    {"first_contact_at": "2023-12-31T00:00:00Z"},
                    {"created_at": None},
                )
            )
        ]
        found = kpis("2024-03-01T00:00:00Z", lead=leads, deal=self.deals)
        self.assertEqual(found["leads_created"], ("3", 3, None))
        self.assertEqual(found["conversion"], ("0.666667", 3, None))
        self.assertEqual(found["response_time_mean"], ("420", 2, None))
        self.assertEqual(found["response_time_p50"], ("240", 2, None))
        self.assertEqual(found["response_time_p90"], ("602", 2, None))

    def test_payments_inherit_one_by_one(self):
        lead = {
            "lead_id": "L",
            "occurred_at": "2024-01-01T00:00:00Z",
            "manager_id": "Ann",
            "team_id": "North",
            "source": "web",
        }
        deal = {"deal_id": "D", "occurred_at": "2024-01-01T00:00:00Z", "lead_id": "L", "product": "P"}
        payments = [
            {
                "payment_id": "1",
                "occurred_at": "2024-01-01T00:00:00Z",
                "paid_at": "2024-01-01",
                "amount": 10,
                "deal_id": "D",
            },
            {
                "payment_id": "2",
                "occurred_at": "2024-01-01T00:00:00Z",
                "paid_at": "2024-01-01",
                "amount": 4,
                "deal_id": "D",
                "kind": "refund",
            },
            {
                "payment_id": "3",
                "occurred_at": "2024-01-01T00:00:00Z",
                "paid_at": "2024-01-01",
                "amount": 1,
                "deal_id": "D",
                "manager_id": "Bob",
            },
        ]
        kinds = {"lead": [lead], "deal": [deal], "payment": payments}
        as_of = "2024-03-01T00:00:00Z"
        self.assertEqual(kpis(as_of, **kinds), {"revenue": ("7.00", 3, None), "refunds": ("4.00", 1, None), "revenue_gross": ("11.00", 2, None)},
        )
        self.assertEqual(kpis(as_of, dimension="manager", entity="Ann", **kinds)["revenue"], ("6.00", 2, None))
        self.assertEqual(kpis(as_of, dimension="manager", entity="Bob", **kinds)["revenue"], ("1.00", 1, None))
        self.assertEqual(kpis(as_of, dimension="team", entity="North", **kinds)["revenue"], ("6.00", 2, None))
        self.assertEqual(kpis(as_of, dimension="source", entity="web", **kinds)["revenue"], ("7.00", 3, None))
        gone = dict(kinds, lead=[lead, {"lead_id": "L", "occurred_at": "2024-01-02T00:00:00Z", "deleted": True}])
        self.assertEqual(kpis(as_of, dimension="source", entity="web", **gone), {})
        self.assertEqual(kpis(as_of, dimension="product", entity="P", **gone)["revenue"], ("7.00", 3, None))

    def test_feedback(self):
        answers = [
            ("csat", 5, None),
            ("csat", 4, None),
            ("csat", 3, None),
            ("csat", 6, None),
            ("csat", 9, 10),
            (None, 5, None),
            ("nps", 10, None),
            ("nps", 9, 10),
            ("nps", 6, 10),
            ("nps", 7, 10),
            ("nps", 5, 5),
        ]
        events = [
            {
                "feedback_id": str(k),
                "occurred_at": "2024-01-01T00:00:00Z",
                "answered_at": "2024-01-01",
                "kind": kind,
                "score": score,
                "scale": scale,
            }
            for k, (kind, score, scale) in enumerate(answers)
        ]
        self.assertEqual(
            kpis("2024-03-01T00:00:00Z", feedback=events),
            {"csat": ("0.750000", 4, None), "csat_mean": ("5.25", 4, None), "nps": ("25.0", 4, None)},
        )

    def test_what_is_zero_is_left_out(self):
        deals = [dict(self.deals[0], amount="5"), dict(self.deals[0], deal_id="z", amount="-5", quantity=None)]
        found = kpis("2024-03-01T00:00:00Z", deal=deals)
        self.assertNotIn("sales_volume", found)
        self.assertEqual(found["average_check"], ("0.00", 2, None))
        self.assertEqual(found["deals_won"], ("2", 2, None))


class Links(unittest.TestCase):
    """What depends on several records: customers, their leads, deals and payments."""

    AS_OF = "2024-06-01T00:00:00Z"

    def lead(self, lead_id, **fields):
        return {"lead_id": lead_id, "occurred_at": "2024-01-01T00:00:00Z", **fields}

    def deal(self, deal_id, closed_at=None, stage="won", **fields):
        return {
            "deal_id": deal_id,
            "occurred_at": "2024-01-01T00:00:00Z",
            "stage": stage,
            "closed_at": closed_at,
            **fields,
        }

    def payment(self, payment_id, paid_at, amount, **fields):
        return {
            "payment_id": payment_id,
            "occurred_at": "2024-01-01T00:00:00Z",
            "paid_at": paid_at,
            "amount": amount,
            **fields,
        }

    def test_the_first_deal_of_a_customer_is_the_least_by_closing_and_bytes(self):
        deals = [
            self.deal("9", "2024-03-01", customer_id="C", manager_id="Ann"),
            self.deal("10", "2024-03-01", customer_id="C", manager_id="Bob"),
            self.deal("1", "2024-04-01", lead_id="L", manager_id="Cem"),  # the customer is the lead's
            self.deal("2", "2024-02-01", "lost", customer_id="C"),
            self.deal("3", "2024-02-01"),  # no customer
            self.deal("4", "2024-02-01", lead_id="nowhere"),
        ]
        kinds = {"lead": [self.lead("L", customer_id="C")], "deal": deals}
        found = kpis(self.AS_OF, **kinds)
        self.assertEqual(found["new_customers"], ("1", 1, None))
        self.assertEqual(found["repeat_rate"], ("0.666667", 3, None))
        self.assertEqual(found["cac"], ("0.00", 1, None))
        for manager, new, repeat in (
            ("Bob", ("1", 1, None), "0.000000"),
            ("Ann", None, "1.000000"),
            ("Cem", None, "1.000000"),
        ):
            of_one = kpis(self.AS_OF, dimension="manager", entity=manager, **kinds)
            self.assertEqual((of_one.get("new_customers"), of_one["repeat_rate"]), (new, (repeat, 1, None)), manager)
        # without its lead the third deal is nobody's
        kinds["lead"].append({"lead_id": "L", "occurred_at": "2024-01-02T00:00:00Z", "deleted": True})
        self.assertEqual(kpis(self.AS_OF, **kinds)["repeat_rate"], ("0.500000", 2, None))

    def test_a_month_gains_by_a_deal_won_later(self):
        leads = [self.lead(k, created_at="2024-03-05") for k in "ABC"]
        deals = [
            self.deal("1", "2024-05-01", lead_id="A"),
            self.deal("2", "2024-02-01", lead_id="B"),  # before its lead: true from the lead on
            self.deal("3", "2024-05-01", "lost", lead_id="C"),
        ]
        for as_of, window, share in (
            ("2024-03-31T00:00:00Z", "month", ("0.333333", 3, None)),
            ("2024-04-30T23:59:59Z", "last_month", ("0.333333", 3, None)),
            ("2024-05-01T00:00:00Z", "last_month", (None, None, "0.666667")),
            ("2024-05-01T00:00:00Z", "all", ("0.666667", 3, None)),
        ):
            found = kpis(as_of, window, lead=leads, deal=deals)
            self.assertEqual(found["conversion_cohort"], share, (as_of, window))

    def test_lead_cost_and_cac(self):
        leads = [
            self.lead("A", created_at="2024-03-05", cost="10.005"),  # 10.00
            self.lead("B", created_at="2024-03-06", cost="0.01"),
            self.lead("C", created_at="2024-03-07"),
            self.lead("D", cost="5"),  # never created
            self.lead("E", created_at="2024-03-08", cost="5", currency="EUR"),  # no rate
            self.lead("F", created_at="2024-01-08", cost="0"),
        ]
        deals = [self.deal(k, "2024-03-09", customer_id=k) for k in "12"]
        found = kpis("2024-03-31T00:00:00Z", "month", lead=leads, deal=deals)
        self.assertEqual(found["lead_cost"], ("10.01", 4, None))
        self.assertEqual(found["cac"], ("5.00", 2, None))  # 5.005
        self.assertNotIn("lead_cost", kpis("2024-02-01T00:00:00Z", lead=leads))

    def payback(self, leads, deals, payments, as_of=AS_OF):
        found = kpis(as_of, lead=leads, deal=deals, payment=payments)
        return tuple(found.get(f"payback_{of}", (None, None))[:2] for of in ("p50", "share"))

    def test_the_moment_of_payback(self):
        day = 86400
        never = (None, None), ("0.000000", 1)
        leads = [
            self.lead("A", created_at="2024-01-01", cost="6", customer_id="C"),
            self.lead("B", created_at="2024-01-11", cost="4"),  # named by a lost deal of the customer
            self.lead("D", created_at="2024-03-01", cost="100", customer_id="C"),  # after the first deal
        ]
        deals = [self.deal("1", "2024-02-01", customer_id="C"), self.deal("2", None, "lost", customer_id="C")]
        deals[1]["lead_id"] = "B"

        def after(days):
            return (str(exact.bucket(days * day)), 1), ("1.000000", 1)

        pay = self.payment
        for payments, expected in (
            ([], never),
            ([pay("a", "2024-03-01", "10", customer_id="C")], after(60)),
            ([pay("a", "2024-01-05", "10", customer_id="C")], after(31)),  # paid before: at the closing
            ([pay("a", "2024-03-01", "9.99", customer_id="C")], never),
            ([pay("a", "2024-03-01", "20", deal_id="2", margin="0.5")], after(60)),
            ([pay("a", "2024-03-01", "20", deal_id="1", margin="0.49975")], after(60)),  # 9.995: 10.00
            ([pay("a", "2024-03-01", "20", deal_id="1", margin="0.499749")], never),
            ([pay("a", "2024-03-01", "20", deal_id="1", customer_id="other")], never),
            ([pay("a", "2024-03-01", "10", deal_id="nowhere")], never),
            # taken back later, or at the same instant
            (
                [
                    pay("a", "2024-03-01", "10", customer_id="C"),
                    pay("b", "2024-03-02", "1", customer_id="C", kind="refund"),
                ],
                after(60),
            ),
            (
                [
                    pay("a", "2024-03-01", "10", customer_id="C"),
                    pay("b", "2024-03-01", "1", customer_id="C", kind="chargeback"),
                ],
                never,
            ),
            # reached before the closing and taken back before it
            (
                [
                    pay("a", "2024-01-02", "10", customer_id="C"),
                    pay("b", "2024-01-03", "1", customer_id="C", kind="refund"),
                    pay("c", "2024-02-11", "1", customer_id="C"),
                ],
                after(41),
            ),
            ([pay("a", "2024-06-01", "10", customer_id="C")], after(152)),
            ([pay("a", "2024-06-01T00:00:00.001Z", "10", customer_id="C")], never),
        ):
            self.assertEqual(self.payback(leads, deals, payments), expected, payments)

    def test_who_is_not_measured_for_payback(self):
        deals = [self.deal("1", "2024-02-01", customer_id="C", lead_id="A")]
        nobody = ((None, None), (None, None))
        paid = [self.payment("a", "2024-03-01", "10", customer_id="C")]
        for fields in ({"cost": "0"}, {}, {"cost": "5", "created_at": None}, {"cost": "5", "created_at": "2024-02-02"}):
            leads = [self.lead("A", **{"created_at": "2024-01-01", **fields})]
            self.assertEqual(self.payback(leads, deals, paid), nobody, fields)
        leads = [self.lead("A", created_at="2024-02-01", cost="5")]
        self.assertEqual(self.payback(leads, deals, paid)[1], ("1.000000", 1))
        self.assertEqual(self.payback(leads, [dict(deals[0], stage="lost")], paid), nobody)

    def test_a_lead_of_two_customers_costs_both(self):
        leads = [self.lead("A", created_at="2024-01-01", cost="5", customer_id="C")]
        deals = [self.deal(k, "2024-02-01", customer_id=k, lead_id="A") for k in "CD"]
        self.assertEqual(self.payback(leads, deals, [])[1], ("0.000000", 2))

    def test_leads_that_wait(self):
        leads = [
            self.lead("A", created_at="2024-05-31T23:59:58.500Z", status="qualified", closed_at="2024-05-31"),
            self.lead("B", created_at="2024-05-31T12:00:00.123456Z", first_contact_at="2024-06-01T00:00:01Z"),
            self.lead("C", created_at="2024-05-31", first_contact_at="2024-06-01"),
            self.lead("D", created_at="2024-05-31", first_contact_at="2024-05-30"),  # never waited
            self.lead("E", created_at="2024-05-31", status="lost", closed_at="2024-06-01"),
            self.lead("F", created_at="2024-05-31", status="converted"),  # on 1 January: never waited
            self.lead("G", created_at="2024-06-02"),
            self.lead("H"),
        ]
        self.assertEqual(
            kpis(self.AS_OF, "now", lead=leads),
            {
                "leads_waiting": ("2", 2, None),
                "leads_waiting_since": ("2024-05-31T12:00:00.123Z", 2, None),
                "leads_waiting_oldest": ("43200", 2, None),  # 43199.876544
            },
        )
        one = kpis(self.AS_OF, "now", lead=leads[:1])
        self.assertEqual(one["leads_waiting_oldest"], ("2", 1, None))  # 1.5
        self.assertEqual(one["leads_waiting_since"], ("2024-05-31T23:59:58.500Z", 1, None))
        self.assertEqual(kpis(self.AS_OF, "now", lead=leads[2:]), {})

    def test_a_lead_opened_again_waits_again(self):
        def at(day, **fields):
            return {"lead_id": "1", "occurred_at": f"2024-03-{day:02d}T00:00:00Z", **fields}

        events = [
            at(1, created_at="2024-03-01", status="new"),
            at(2, status="lost", closed_at="2024-03-02"),
            at(3, status="contacted"),
            at(5, status="converted"),
        ]
        for upto, as_of, waiting in ((2, 4, False), (3, 4, True), (4, 4, True), (4, 5, False)):
            found = kpis(f"2024-03-{as_of:02d}T00:00:00Z", "now", lead=events[:upto])
            self.assertEqual("leads_waiting" in found, waiting, (upto, as_of))

    def test_velocity(self):
        deals = [
            self.deal("1", "2024-05-03", created_at="2024-05-01", amount="100"),
            self.deal("2", "2024-05-05", created_at="2024-05-01", amount="50.01"),
            self.deal("3", "2024-05-05", created_at="2024-05-06"),  # won without amount, closed before it was created
            self.deal("4", "2024-05-05", "lost", created_at="2024-05-01"),
        ]
        waiting = [self.deal(f"o{k}", None, "talk", created_at="2024-01-01") for k in range(3)]
        # 3 open x 3/4 x 75.005 / 3 days = 56.25375
        at = "2024-05-31T00:00:00Z"
        self.assertEqual(kpis(at, deal=deals + waiting)["velocity"], ("56.25", 3, None))
        self.assertEqual(kpis(at, "month", deal=deals + waiting)["velocity"], ("56.25", 3, None))
        self.assertEqual(kpis(at, deal=deals)["velocity"], ("0.00", 3, None))
        self.assertNotIn("velocity", kpis(at, deal=deals[2:] + waiting))
        self.assertNotIn("velocity", kpis(at, "now", deal=deals + waiting))
        self.assertNotIn("velocity", kpis("2024-06-30T00:00:00Z", "month", deal=deals + waiting))
        flat = [self.deal("1", "2024-05-01", created_at="2024-05-01", amount="100")]
        self.assertNotIn("velocity", kpis(at, deal=flat + waiting))


if __name__ == "__main__":
    unittest.main()
