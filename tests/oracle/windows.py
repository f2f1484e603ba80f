"""windows - section 3 of the contract: which [from, to) a window and its previous period are at an instant.

Instants are microseconds since the Unix epoch. A period is half-open; the as_of itself counts, so the end of
a window to date is as_of + 1 us.
"""

import re
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86400 * SECOND
UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
STEPS = (HOUR, 15 * MINUTE, MINUTE, 10 * SECOND, SECOND)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NAMES = (
    "today",
    "yesterday",
    "week",
    "last_week",
    "month",
    "last_month",
    "quarter",
    "last_quarter",
    "year",
    "last_year",
    "all",
    "now",
)
BEGINNING = -(1 << 62)


def to_us(aware):
    return (aware - EPOCH) // timedelta(microseconds=1)


class Calendar:
    def __init__(self, zone="UTC", week_start="monday", fiscal_year_start=1):
        self.zone = ZoneInfo(zone)
        self.week_start = WEEKDAYS.index(week_start)
        self.fiscal_month = fiscal_year_start

    def local(self, us):
        """The local date and time of an instant, as a naive datetime."""
        return (EPOCH + timedelta(microseconds=us)).astimezone(self.zone).replace(tzinfo=None)

    def day_of(self, us):
        return self.local(us).date()

    def _instant(self, naive, fold):
        # offset by utcoffset, since subtraction of datetimes of one zone ignores it
        aware = naive.replace(tzinfo=self.zone, fold=fold)
        return (naive - datetime(1970, 1, 1) - aware.utcoffset()) // timedelta(microseconds=1)

    def instant(self, naive):
        """The instant of a local time: the first if it exists twice, the end of the gap if it does not exist."""
        early, late = self._instant(naive, 0), self._instant(naive, 1)
        if self.local(early) == naive:
            return early
        low, high = late, early  # in a gap: late lies before the jump, early after it
        offset_before = self._offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(middle) == offset_before:
                low = middle
            else:
                high = middle
        return high

    def _offset(self, us):
        return (EPOCH + timedelta(microseconds=us)).astimezone(self.zone).utcoffset()

    def start(self, day):
        """The first instant of a local day."""
        return self.instant(datetime(day.year, day.month, day.day))

    def periods(self, window, as_of):
        """((from, to), (from, to) of previous or None) of a calendar window."""
        day = self.day_of(as_of)
        if window in ("today", "yesterday"):
            first, back = day, lambda d, k: d - timedelta(days=k)
        elif window in ("week", "last_week"):
            first = day - timedelta(days=(day.weekday() - self.week_start) % 7)
            back = lambda d, k: d - timedelta(days=7 * k)
        else:
            months = {"month": 1, "quarter": 3, "year": 12}[window.replace("last_", "")]
            into = (day.month - self.fiscal_month) % 12 % months
            first = months_back(date(day.year, day.month, 1), into)
            back = lambda d, k: months_back(d, months * k)
        edges = [self.start(back(first, k)) for k in range(3)]  # this period, the one before, the one before that
        if window == "yesterday" or window.startswith("last_"):
            return (edges[1], edges[0]), (edges[2], edges[1])
        return (edges[0], as_of + 1), (edges[1], self._same_part(as_of, window, back))

    def _same_part(self, as_of, window, back):
        """Where the period before was as far on as this one is now, floored to 15 min."""
        now = self.local(as_of)
        if window in ("today", "week"):
            end = self.instant(datetime.combine(back(now.date(), 1), now.time()))
        else:
            month = back(now.date().replace(day=1), 1)
            if now.day <= days_in(month):
                end = self.instant(datetime.combine(month.replace(day=now.day), now.time()))
            else:
                end = self.start(months_back(month, -1))
        return end - end % (15 * MINUTE)


def months_back(first_of_month, months):
    index = first_of_month.year * 12 + first_of_month.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def days_in(first_of_month):
    return (months_back(first_of_month, -1) - first_of_month).days


def rolling(window):
    """Length and step of a rolling window; None if the name is not one."""
    match = re.fullmatch(r"([1-9]\d*)([mhd])", window)
    if not match:
        return None
    length = int(match[1]) * UNITS[match[2]]
    step = next((s for s in STEPS if s <= length // 300), SECOND)
    if length % step:
        raise ValueError(f"{window} is no multiple of its step of {step // SECOND} s")
    return length, step


def bounds(calendar, window, as_of):
    """((from, to), previous or None); None for `now`, which has no period."""
    if window == "now":
        return None
    if window == "all":
        return (BEGINNING, as_of + 1), None
    sizes = rolling(window)
    if sizes:
        length, step = sizes
        start = as_of - as_of % step + step - length
        return (start, as_of + 1), (start - length, start)
    if window not in NAMES:
        raise ValueError(f"no such window: {window}")
    return calendar.periods(window, as_of)
