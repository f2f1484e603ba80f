"""docs/kpis.md and docs/ru/kpis.md against the catalogue (config/kpi_table.h) and against `kpid replay`.

Each KPI is defined once in each page, by the labels, units and formulas of the catalogue, in a section that says what it
means, by which date it counts, what corrections do, what small samples do, and that shows it in an example. Every
example is a table under a comment that names events in tests/stories/kpis and an instant:

    <!-- kpid march@2024-03-31T18:00:00Z -->                  columns: KPI, whose, window, value, n, previous
    <!-- kpid march@… march+edited@… -->                      columns: KPI, whose, window, a value for each
    <!-- records march deals -->                              columns: fields of the records that stand

All numbers in them are compared, and so are those of the text that stand between back quotes. Both pages must have the
same examples.
"""

import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from harness import KINDS, ROOT, Stopwatch, file_arguments, kpid, run, show, values  # noqa: E402

SOURCE = Path(os.environ.get("SOURCE_DIR", ROOT))
WORLDS = SOURCE / "tests" / "stories" / "kpis"
BASE = "march"  # its kpid.yaml is that of all
NOTHING = "—"

ENGLISH = {
    "label": 7,
    "units": {},
    "better": {"UP": "up", "DOWN": "down"},
    "absent": {"ZERO": "0", "NONE": "none"},
    "parts": ("**Meaning.**", "**Date.**", "**Corrections.**", "**Small samples.**", "**Example.**"),
    "whose": {name: name for name in ("company", "team", "manager", "product", "region", "source", "loss_reason", "competitor")},
}
RUSSIAN = {
    "label": 8,
    "units": {
        "count": "штуки",
        "money": "деньги",
        "ratio": "доля",
        "seconds": "секунды",
        "score": "баллы",
        "nps": "пункты",
        "quantity": "количество",
        "instant": "момент",
    },
    "better": {"UP": "выше", "DOWN": "ниже"},
    "absent": {"ZERO": "0", "NONE": "нет"},
    "parts": ("**Смысл.**", "**Дата.**", "**Исправления.**", "**Малые выборки.**", "**Пример.**"),
    "whose": {
        "компания": "company",
        "команда": "team",
        "менеджер": "manager",
        "продукт": "product",
        "регион": "region",
        "источник": "source",
        "причина отказа": "loss_reason",
        "конкурент": "competitor",
    },
}
ROW = re.compile(r'X\((\w+), "(\w+)", (\w+), (\w+), (\w+), (\w+), "([^"]*)", "([^"]*)", "([^"]*)"\)')


class Kpi:
    def __init__(self, found):
        _, self.name, self.unit, self.better, self.absent, _, self.formula, *labels = found
        self.labels = {7: labels[0], 8: labels[1]}


def table_text():
    """The table with each row on a line, and adjacent literals joined, however it is wrapped."""
    text = (SOURCE / "config" / "kpi_table.h").read_text(encoding="utf-8")
    return re.sub(r"\s*\\?\n\s*", " ", text).replace('" "', "")


def catalogue():
    return {kpi.name: kpi for kpi in map(Kpi, ROW.findall(table_text()))}


class Replays:
    """Output of each set of events at an instant, made once."""

    def __init__(self):
        self.known, self.worlds = {}, set()

    def at(self, spec):
        names, as_of = spec.rsplit("@", 1)
        if spec not in self.known:
            command = [kpid(), "replay", "--format", "ndjson", "--strict", "--as-of", as_of]
            command += ["--config", str(WORLDS / BASE / "kpid.yaml")]
            for name in names.split("+"):
                self.worlds.add(name)
                files = {kind: WORLDS / name / f"{kind}.ndjson" for kind in KINDS}
                command += file_arguments({kind: path for kind, path in files.items() if path.exists()})
            found = values(run(command).stdout)
            self.known[spec] = {key[1:]: fields for key, fields in found.items() if key[0] == as_of}
            if not self.known[spec]:
                sys.exit(f"no values at all for {spec}")
        return self.known[spec]


def records(world, kind):
    """{id: fields} that stand after all events of one kind: later ones are later lines."""
    key = "feedback_id" if kind == "feedback" else f"{kind[:-1]}_id"
    standing = {}
    for line in (WORLDS / world / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        standing.setdefault(event[key], {}).update(event)
    return standing


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def bare(cell):
    return cell.strip("`")


def short_time(text):
    """2024-03-02T09:00:00Z as the pages write it: 03-02 09:00."""
    return re.sub(r"^2024-(\d\d-\d\d)T(\d\d:\d\d):00Z$", r"\1 \2", text)


class Page:
    def __init__(self, path, language, kpis, replays):
        self.path, self.language, self.kpis, self.replays = path, language, kpis, replays
        self.wrong, self.count, self.examples, self.defined = [], 0, [], []
        self.shown, self.told = set(), []  # cells of all examples; (section, number) of the text outside of KPIs
        self.lines = path.read_text(encoding="utf-8").splitlines()
        for title, lines in self.sections():
            self.check_section(title, lines)
        for name in kpis:
            self.equal("", f"definitions of {name}", self.defined.count(name), 1)
        self.check_numbers("", self.told, self.shown, "the page")

    def complain(self, where, what):
        self.wrong.append(f"{self.path.relative_to(SOURCE)} {where}: {what}")

    def equal(self, where, what, page, truth):
        self.count += 1
        if page != truth:
            self.complain(where, f"{what}: the page says {page!r}, it is {truth!r}")

    def sections(self):
        title, lines = "", []
        for line in self.lines:
            if re.match(r"##+ ", line):
                yield title, lines
                title, lines = line.lstrip("# "), []
            else:
                lines.append(line)
        yield title, lines

    def check_section(self, title, lines):
        defined, shown, numbers, prose = [], set(), set(), []
        at = 0
        while at < len(lines):
            comment = re.match(r"<!-- (\w+) (.*) -->$", lines[at])
            if not lines[at].startswith("|"):
                prose.append(lines[at])
                if not comment:
                    at += 1
                    continue
                at += 1
                while at < len(lines) and not lines[at]:
                    at += 1
            table = []
            while at < len(lines) and lines[at].startswith("|"):
                table.append(cells(lines[at]))
                at += 1
            if not comment:
                defined += self.check_definitions(title, table)
                prose += [" ".join(row) for row in table]
                continue
            for row in table:
                numbers.update(map(bare, row))
            if comment[1] == "kpid":
                shown.update(self.check_example(title, comment[2].split(), table))
            elif comment[1] == "records":
                self.check_records(title, *comment[2].split(), table)
            self.examples.append((comment[0], [[bare(c) for c in row[2:]] for row in table[2:]]))
        self.defined += defined
        self.shown |= numbers
        text = "\n".join(prose)
        told = [(title, number) for number in re.findall(r"`(-?\d[-\d.:TZ]*)`", text)]
        if not defined:
            self.told += told
            return
        self.check_numbers(title, told, numbers, "the section")
        for part in self.language["parts"]:
            self.equal(title, f"paragraphs {part}", text.count(part), 1)
        for name in defined:
            if name not in shown:
                self.complain(title, f"{name} has no value in the section's examples")

    def check_numbers(self, where, told, shown, scope):
        for title, number in told:
            self.count += 1
            if number not in shown:
                self.complain(where or title, f"{number} stands in the text and in no example of {scope}")

    def check_definitions(self, title, table):
        names = []
        for row in table[2:]:
            kpi = self.kpis.get(bare(row[0]))
            if kpi is None or len(row) != 7:
                continue
            _, label, unit, better, absent, _, formula = row
            names.append(kpi.name)
            unit_truth = kpi.unit.lower()
            self.equal(title, f"label of {kpi.name}", label, kpi.labels[self.language["label"]])
            self.equal(title, f"unit of {kpi.name}", unit, self.language["units"].get(unit_truth, unit_truth))
            self.equal(title, f"better of {kpi.name}", better, self.language["better"][kpi.better])
            self.equal(title, f"absent of {kpi.name}", absent, self.language["absent"][kpi.absent])
            if self.language is ENGLISH:
                self.equal(title, f"formula of {kpi.name}", formula.replace("×", "x"), kpi.formula)
            elif not formula:
                self.complain(title, f"{kpi.name} has no formula")
        return names

    def check_example(self, title, specs, table):
        """Names of the KPIs that have a value in it."""
        shown = set()
        outputs = [self.replays.at(spec) for spec in specs]
        if len(table) < 3:
            self.complain(title, f"{specs}: no example follows")
        for row in table[2:]:
            if len(row) != (6 if len(specs) == 1 else 3 + len(specs)):
                self.complain(title, f"an example has {len(row)} columns: {row}")
                continue
            kpi, (dimension, _, entity), window = bare(row[0]), bare(row[1]).partition(" "), bare(row[2])
            dimension = self.language["whose"].get(dimension)
            if kpi not in self.kpis or dimension is None:
                self.complain(title, f"no such KPI or dimension: {row}")
                continue
            found = [output.get((dimension, entity, window, kpi), {}) for output in outputs]
            truth = [fields.get("value", NOTHING) for fields in found]
            if len(specs) == 1:
                truth += [str(found[0].get("n", NOTHING)), found[0].get("prev", NOTHING)]
            for cell, value in zip(row[3:], truth):
                self.equal(title, f"{kpi} of {row[1]}, {window}", bare(cell), value)
            if any("value" in fields for fields in found):
                shown.add(kpi)
        return shown

    def check_records(self, title, world, kind, table):
        standing = records(world, kind)
        fields = [bare(cell) for cell in table[0]]
        self.equal(title, f"{kind}", [bare(row[0]) for row in table[2:]], list(standing))
        for row in table[2:]:
            record = standing.get(bare(row[0]), {})
            for field, cell in zip(fields, row):
                truth = str(record[field]) if field in record else NOTHING
                self.equal(title, f"{field} of {row[0]}", bare(cell), short_time(truth))


def main():
    watch, kpis, replays = Stopwatch(), catalogue(), Replays()
    declared = len(re.findall(r"\bX\((?!SYMBOL|symbol|X\))[A-Z]", table_text()))
    wrong = [] if len(kpis) == declared and kpis else [f"{len(kpis)} of the catalogue's {declared} rows could be read"]
    pages = [
        Page(SOURCE / "docs" / "kpis.md", ENGLISH, kpis, replays),
        Page(SOURCE / "docs" / "ru" / "kpis.md", RUSSIAN, kpis, replays),
    ]
    for page in pages:
        wrong += page.wrong
        print(f"{page.path.relative_to(SOURCE)}: {page.count} cells and numbers, {len(page.wrong)} wrong")
    for english, russian in zip(pages[0].examples, pages[1].examples):
        if english != russian:
            wrong.append(f"the pages differ:\n    {english}\n    {russian}")
            break
    if len(pages[0].examples) != len(pages[1].examples):
        wrong.append(f"{len(pages[0].examples)} examples in English, {len(pages[1].examples)} in Russian")
    unused = {path.name for path in WORLDS.iterdir() if path.is_dir()} - replays.worlds
    if unused:
        wrong.append(f"no page shows {sorted(unused)}")
    print(f"{len(kpis)} KPIs, {len(pages[0].examples)} examples a page, {len(wrong)} wrong ({watch})")
    show(wrong)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
