"""`kpid replay` of the CRM data against its published answers: company, agent, team, region, month, quarter,
peak day, month of engagement, and all 300 rows of agent and month. Money, counts and ratios exactly."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from harness import Options, Stopwatch, replay, scratch, show, values  # noqa: E402

import crm_answers  # noqa: E402
import crm_events  # noqa: E402

FACTS = 3590


def main():
    watch = Stopwatch()
    with scratch() as directory:
        files = {kind: path for kind, (path, _) in crm_events.write(directory).items()}
        config = Options(windows=crm_answers.WINDOWS).write_config(Path(directory) / "kpid.yaml")
        output, counted = replay(files, crm_answers.INSTANTS, config)
    found = values(output)

    def value(dimension, entity, window, kpi, as_of):
        return found.get((as_of, dimension, entity, window, kpi), {}).get("value")

    facts, wrong = crm_answers.Answers(value).compare()
    if counted["read"] != 21338 or counted["applied"] != 21338:
        wrong.append(f"accounting: {counted}")
    if facts != FACTS:
        wrong.append(f"{facts} facts instead of {FACTS}: the answers were not read in full")
    print(f"{facts} facts compared, {len(wrong)} wrong ({watch})")
    show(wrong)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
