"""messages - section 1 of the contract: one line of a file to an event, or the reason why it cannot be one.

decode() returns an Event or raises Bad. Values of an event: text for names, integers of millionths for decimals,
microseconds since the epoch for times, None where the message says null.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from exact import DECIMALS, MICRO, half_even, parse_micro

LATEST_US = (datetime(2200, 1, 1) - datetime(1970, 1, 1)) // timedelta(microseconds=1)
SKEW_US = 300 * MICRO
MINOR_MAX = 10**13
UNITS_MAX = 9 * 10**12
DEPTH_MAX = 64  # levels of a message; where the limit lies is no matter of the contract, that there is one is
INT64 = range(-(1 << 63), 1 << 63)

SEATS = {
    "manager_id": "id",
    "team_id": "id",
    "product": "name",
    "region": "name",
    "source": "name",
    "customer_id": "id",
}
FIELDS = {
    "lead": {
        **SEATS,
        "status": "status",
        "cost": "positive",
        "currency": "currency",
        "created_at": "time",
        "first_contact_at": "time",
        "closed_at": "time",
    },
    "deal": {
        **SEATS,
        "stage": "name",
        "amount": "money",
        "currency": "currency",
        "quantity": "positive",
        "lead_id": "id",
        "loss_reason": "name",
        "competitor": "name",
        "probability": "probability",
        "created_at": "time",
        "closed_at": "time",
        "expected_close_at": "time",
    },
    "payment": {
        **SEATS,
        "kind": "payment kind",
        "amount": "positive",
        "currency": "currency",
        "margin": "probability",  # a fraction
        "deal_id": "id",
        "paid_at": "time",
    },
    "feedback": {
        **SEATS,
        "kind": "feedback kind",
        "score": "decimal",
        "scale": "decimal",
        "deal_id": "id",
        "answered_at": "time",
    },
    "rate": {"currency": "currency", "day": "day", "rate": "rate"},
    "member": {
        "manager_id": "id",
        "team_id": "id",
        "name": "name",
        "active": "flag",
        "lead": "flag",
        "starts_at": "time",
        "ends_at": "time",
    },
    "target": {
        "dimension": "dimension",
        "entity": "name",
        "kpi": "name",
        "period": "period",
        "value": "positive",
        "starts_on": "day",
        "ends_on": "day",
        "ramp_periods": "ramp",
        "restate": "flag",
    },
}
META = {"event_id", "version", "occurred_at", "deleted", "kafka_timestamp", "kafka_key"}
WORDS = {
    "status": ("new", "contacted", "qualified", "converted", "lost"),
    "payment kind": ("payment", "refund", "chargeback"),
    "feedback kind": ("csat", "nps"),
    "dimension": ("company", "team", "manager", "product", "region", "source", "loss_reason", "competitor"),
    "period": ("day", "week", "month", "quarter", "year"),
}


class Bad(Exception):
    """The message is a dead letter; the text says why."""


class Number(str):
    """A JSON number as it is written."""


@dataclass
class Event:
    key: str
    stamp: tuple  # (occurred_at, version or 0, content): the greatest wins
    occurred: int
    deleted: bool
    fields: dict  # what the message carries


def _refuse_constant(text):
    raise Bad(f"not JSON: {text}")


class Object(dict):
    """A JSON object that knows which of its keys stand twice."""

    def __init__(self, pairs):
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.twice = {name for name in names if names.count(name) > 1} if len(self) < len(names) else set()


def depth(line):
    """The deepest level of objects and arrays, without a JSON parser: text between quotes is skipped."""
    level = deepest = 0
    for mark in re.findall(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', line, re.S):
        if mark in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif mark in b"]}":
            level -= 1
    return deepest


def parse_json(line):
    if line.count(b"[") + line.count(b"{") > DEPTH_MAX and depth(line) > DEPTH_MAX:
        raise Bad("too deep")
    try:
        text = line.decode("utf-8")
        value = json.loads(
            text, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant, object_pairs_hook=Object
        )
        # a lone surrogate is an escape that stands for no character
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as problem:
        raise Bad(f"not JSON: {problem}") from None
    if not isinstance(value, dict):
        raise Bad("not an object")
    return value


def parse_name(value):
    if not isinstance(value, str) or isinstance(value, Number):
        raise Bad("not a text")
    if not 1 <= len(value.encode("utf-8")) <= 256:
        raise Bad("not 1 to 256 bytes")
    if any(unicodedata.category(c) == "Cc" for c in value):
        raise Bad("a control character")
    return value


def parse_id(value):
    """A name; or a whole number, as it is written."""
    if isinstance(value, Number) and re.fullmatch(r"-?\d+", value):
        value = str(value)
    return parse_name(value)


def parse_decimal(value):
    if not isinstance(value, str):
        raise Bad("not a decimal")
    signed = value[:1] == "+" and value[1:2].isdigit() and not isinstance(value, Number)
    micro = parse_micro(value[1:] if signed else value)
    if micro is None or abs(micro) > UNITS_MAX * MICRO:
        raise Bad("not a decimal, or too large")
    return micro


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d)))?", re.ASCII
)


def parse_time(value, calendar):
    if isinstance(value, Number):
        if not re.fullmatch(r"-?\d+", value):
            raise Bad("not whole milliseconds")
        us = int(value) * 1000 if len(value) < 20 else -1
    elif isinstance(value, str):
        match = _TIME.fullmatch(value)
        if not match:
            raise Bad("neither RFC 3339 nor a date")
        year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
        try:
            that_day = date(int(year), int(month), int(day))
        except ValueError:
            raise Bad("no such day") from None
        if hour is None:
            if not 1969 <= that_day.year <= 2200:
                raise Bad("outside 1970 to 2200")
            us = calendar.start(that_day)
        else:
            if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
                raise Bad("no such time of day")
            us = (that_day - date(1970, 1, 1)).days * 86400 + int(hour) * 3600 + int(minute) * 60 + int(second)
            if sign:
                if int(off_hour) > 23 or int(off_minute) > 59:
                    raise Bad("no such zone")
                away = int(off_hour) * 3600 + int(off_minute) * 60
                us += away if sign == "-" else -away
            us = us * MICRO + int(((fraction or "") + "000000")[:6])
    else:
        raise Bad("not a time")
    if not 0 <= us < LATEST_US:
        raise Bad("outside 1970 to 2200")
    return us


def parse_day(value):
    """The day as YYYY-MM-DD."""
    if not isinstance(value, str) or isinstance(value, Number) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        raise Bad("no day")
    try:
        day = date(int(value[:4]), int(value[5:7]), int(value[8:]))
    except ValueError:
        raise Bad("no such day") from None
    if not 1970 <= day.year < 2200:
        raise Bad("outside 1970 to 2200")
    return value


def parse_rate(value):
    """(numerator, denominator) of a decimal above 0 with at most nine places."""
    match = re.fullmatch(r"(\d+)(?:\.(\d{1,9}))?", value, re.ASCII) if isinstance(value, str) else None
    if not match or len(match[1].lstrip("0")) > 9:
        raise Bad("no rate")
    nano = int(match[1]) * 10**9 + int((match[2] or "").ljust(9, "0"))
    if nano == 0:
        raise Bad("a rate of 0")
    return nano, 10**9


class Decoder:
    def __init__(self, calendar, base_currency="USD"):
        self.calendar = calendar
        self.base = base_currency

    def decode(self, kind, line):
        """An Event; Bad if the line cannot be one."""
        message = parse_json(line)
        get = message.get
        if message.twice & (FIELDS[kind].keys() | META | {f"{kind}_id"}):
            raise Bad("a key stands twice")
        if not isinstance(get("kafka_key"), (str, type(None))):
            raise Bad("kafka_key is no text")
        tombstone = "kafka_key" in message and not message.keys() - {"kafka_key", "kafka_timestamp"}
        key = get("kafka_key" if tombstone else f"{kind}_id")
        if key is None:
            raise Bad("no key")
        key = parse_id(key)
        kafka_us = None
        if get("kafka_timestamp") is not None:
            if not isinstance(get("kafka_timestamp"), Number):
                raise Bad("kafka_timestamp is no number")
            kafka_us = parse_time(get("kafka_timestamp"), self.calendar)
        occurred = kafka_us if get("occurred_at") is None else parse_time(get("occurred_at"), self.calendar)
        if occurred is None:
            raise Bad("no occurred_at")
        if kafka_us is not None and occurred > kafka_us + SKEW_US:
            raise Bad("occurred_at ahead of the Kafka time stamp")
        version = 0
        if get("version") is not None:
            if (
                not isinstance(get("version"), Number)
                or not re.fullmatch(r"-?\d{1,19}", get("version"))
                or int(get("version")) not in INT64
            ):
                raise Bad("version is no integer")
            version = int(get("version"))
        event_id = "" if get("event_id") is None else parse_id(get("event_id"))
        deleted = True if tombstone else get("deleted")
        if deleted is not None and not isinstance(deleted, bool):
            raise Bad("deleted is neither true nor false")
        fields = {}
        if not deleted:
            for name, form in FIELDS[kind].items():
                if name in message:
                    try:
                        fields[name] = None if message[name] is None else self.value(form, message[name])
                    except Bad as problem:
                        raise Bad(f"{name}: {problem}") from None
            self._judge(fields)
        content = json.dumps([event_id, bool(deleted), sorted((k, v) for k, v in fields.items())])
        return Event(key, (occurred, version, content), occurred, bool(deleted), fields)

    def value(self, form, value):
        if form == "id":
            return parse_id(value)
        if form == "name":
            return parse_name(value)
        if form == "time":
            return parse_time(value, self.calendar)
        if form == "day":
            return parse_day(value)
        if form == "rate":
            return parse_rate(value)
        if form == "flag":
            if not isinstance(value, bool):
                raise Bad("neither true nor false")
            return value
        if form == "ramp":
            if not isinstance(value, Number) or not re.fullmatch(r"[1-9]\d{0,8}", value):
                raise Bad("no number of periods")
            return int(value)
        if form in WORDS:
            if not isinstance(value, str) or isinstance(value, Number) or value not in WORDS[form]:
                raise Bad("not one of " + ", ".join(WORDS[form]))
            return value
        if form == "currency":
            if not isinstance(value, str) or value not in DECIMALS:
                raise Bad("no currency of ISO 4217")
            return value
        micro = parse_decimal(value)
        if form == "positive" and micro < 0:
            raise Bad("negative")
        if form == "probability" and not 0 <= micro <= MICRO:
            raise Bad("outside 0 to 1")
        return micro

    def _judge(self, fields):
        """What only the fields of a message together can say, and only those of this message."""
        decimals = DECIMALS[fields.get("currency") or self.base]
        for name in ("amount", "cost"):
            if fields.get(name) is not None and abs(half_even(fields[name] * 10**decimals, MICRO)) > MINOR_MAX:
                raise Bad(f"{name}: beyond the limit")
        if all(fields.get(name) is not None for name in ("kind", "scale", "score")):
            if not 0 <= fields["score"] <= fields["scale"]:
                raise Bad("score: outside its scale")
