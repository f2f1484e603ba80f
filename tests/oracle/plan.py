"""plan - what a configuration adds to the KPIs: working calendars, targets, own KPIs, and what replay shows on request.

The configuration is given as JSON with the sections of kpid's own: calendars, teams, targets, kpis, strengths, series.
"""

import intervals
import measures
import series
import strengths
from own_kpis import OwnKpi
from targets import Targets, keep_expected
from windows import BEGINNING
from working_time import Calendars


class Plan:
    def __init__(self, oracle, ledger, given, shows=()):
        """shows: of "strengths" and "intervals" those that are asked for."""
        self.oracle, self.given, self.shows = oracle, given, shows
        keep_expected(oracle, ledger)
        self.own = [OwnKpi(**kpi) for kpi in given.get("kpis", ())]
        calendars = Calendars(oracle.calendar, oracle.organisation, given.get("calendars"), given.get("teams"))
        records = {key: list(record.events.values()) for key, record in ledger.records["target"].items()}
        self.targets = Targets(oracle, calendars, given.get("targets", ()), records, self.own)

    def kpis(self, by, period, as_of):
        """{(entity, kpi): (text, n or None, mark)} of the own KPIs in a period."""
        found = {}
        for kpi in self.own:
            for entity, (text, n) in kpi.texts(self.oracle, by, period, as_of).items():
                found[entity, kpi.name] = (text, n, "")
        return found

    def lines(self, by, window, period, as_of):
        """The same of what is said about KPIs in a window: targets, and what is asked for."""
        found = self.targets.lines(by, window, as_of)
        if "intervals" in self.shows:
            found.update(intervals.texts(self.oracle, by, period, as_of))
        asked = self.given.get("strengths", {})
        if "strengths" in self.shows and by == "manager" and window in asked.get("windows", ()):
            found.update(strengths.texts(self.oracle, period, as_of, asked.get("k", 10)))
        return {key: (text, None, "") for key, text in found.items()}

    def series(self, as_of):
        """{key: JSON} of all series."""
        found = {}
        for wanted in self.given.get("series", ()):
            entities = wanted.get("entities")
            if entities is None:
                entities = sorted(measures.sums(self.oracle, wanted["dimension"], (BEGINNING, as_of + 1), as_of))
            found.update(series.series(self.oracle, {**wanted, "entities": entities}, as_of, self.own))
        return found
