"""working_time - working calendars, and the periods that targets are for.

A calendar says which local days are worked, and from when to when. The days of a period are its civil dates, also one
that the zone left out: it has no working time, but it is a day.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache

from windows import MINUTE, WEEKDAYS, months_back

PERIODS = ("day", "week", "month", "quarter", "year")
WINDOWS = {"today": "day", "yesterday": "day"}
WINDOWS.update({prefix + name: name for name in PERIODS[1:] for prefix in ("", "last_")})
ONE_DAY = timedelta(days=1)


class WorkingCalendar:
    def __init__(self, zone, days=WEEKDAYS, hours="00:00-24:00", holidays=()):
        """zone: the company's windows.Calendar; the others as they stand in the configuration."""
        self.zone = zone
        self.days = {WEEKDAYS.index(day) for day in days}
        self.opens, self.closes = (int(edge[:2]) * 60 + int(edge[3:]) for edge in hours.split("-"))
        self.holidays = {date.fromisoformat(day) for day in holidays}
        self.hours = lru_cache(None)(self._hours)

    def works(self, day):
        return day.weekday() in self.days and day not in self.holidays

    def day_us(self):
        """A full working day, whatever the clocks do on it."""
        return (self.closes - self.opens) * MINUTE

    def _hours(self, day):
        def at(minute):
            midnight = datetime(day.year, day.month, day.day)
            return self.zone.instant(midnight + timedelta(minutes=minute))  # 24:00 is the first instant of the next day

        return at(self.opens), at(self.closes)

    def worked(self, start, stop):
        """Microseconds of working time in [start, stop)."""
        if stop <= start:
            return 0
        # a day more: where clocks go back over midnight the next date has begun although it is still the one before
        day, last = self.zone.day_of(start), self.zone.day_of(stop) + ONE_DAY
        total = 0
        while day <= last:
            if self.works(day):
                opens, closes = self.hours(day)
                total += max(0, min(closes, stop) - max(opens, start))
            day += ONE_DAY
        return total


class Calendars:
    """Which entity works by which calendar."""

    def __init__(self, zone, organisation, calendars=None, teams=None):
        """calendars: {name: {days, hours, holidays}}, teams: {team: {calendar, name}}."""
        self.organisation, self.teams = organisation, teams or {}
        self.named = {"default": WorkingCalendar(zone)}
        self.named.update((name, WorkingCalendar(zone, **given)) for name, given in (calendars or {}).items())

    def of(self, dimension, entity, as_of):
        team = {"team": entity, "manager": self.organisation.team(entity, as_of)}.get(dimension)
        return self.named[self.teams.get(team, {}).get("calendar", "default")]


class Period:
    """A whole day, week, month, quarter or year of the company's calendar."""

    def __init__(self, zone, kind, day):
        """The one that has a date."""
        self.zone, self.kind = zone, kind
        if kind == "day":
            self.first, self.next = day, day + ONE_DAY
            self.index = day.toordinal()
        elif kind == "week":
            self.first = day - timedelta(days=(day.weekday() - zone.week_start) % 7)
            self.next = self.first + timedelta(days=7)
            self.index = self.first.toordinal() // 7
        else:
            months = {"month": 1, "quarter": 3, "year": 12}[kind]
            since = day.year * 12 + day.month - zone.fiscal_month
            self.index = since // months
            self.first = months_back(day.replace(day=1), since % months)
            self.next = months_back(self.first, -months)
        self.start, self.end = zone.start(self.first), zone.start(self.next)

    def days(self):
        day = self.first
        while day < self.next:
            yield day
            day += ONE_DAY

    def before(self):
        return Period(self.zone, self.kind, self.first - ONE_DAY)


def period_of(zone, window, as_of):
    """(Period, whether it is past) of a window; None for one that is no calendar period."""
    if window not in WINDOWS:
        return None
    period = Period(zone, WINDOWS[window], zone.day_of(as_of))
    past = window == "yesterday" or window.startswith("last_")
    return (period.before() if past else period), past
