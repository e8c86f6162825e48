"""How often the doctor names the fault: ``python -m benchmarks.doctor``.

The patients of ``tests/doctor/patients.py`` could be looked at while the doctor was written, those of ``kept.py`` were
written before it and kept apart; both halves are reported. Mistakes around an LSTM were planted later, and the doctor
was then taught to see them: they are a third row. The faults of the fourth were written in five turns, the first and
the last without a look at how the doctor finds anything, and it was taught those of a turn before the next was written.
The last is of ordinary mistakes alone. These two rows say nothing of mistakes that it has not met. Each patient is
built from three seeds. A fault counts as named if it, or for the fourth row one of the names that are right for it, is
the first or the second finding; a false alarm is any finding on a healthy network.

Rows with "fault" say how often the doctor's first and second finding on such patients were what. What is printed are
totals only, so that the half that is kept apart stays so; times are processor time of one examination.
"""

import statistics
import time
import warnings
from collections import Counter
from typing import Any

from benchmarks import _record
from lstm_lib import doctor
from tests.doctor import (
    fitting,
    fresh,
    fresh_after,
    fresh_last,
    fresh_more,
    fresh_once_more,
    fresh_ordinary,
    fresh_ordinary_beside,
    fresh_ordinary_ends,
    fresh_ordinary_more,
    fresh_ordinary_near,
    fresh_ordinary_numbers,
    fresh_ordinary_rest,
    fresh_ordinary_sound,
    fresh_ordinary_states,
    fresh_ordinary_well,
    fresh_text,
    fresh_well,
    kept,
    later,
    patients,
    well,
    wiring,
)

AROUND = [*wiring.PATIENTS, *fitting.PATIENTS, *well.PATIENTS, *later.PATIENTS]
TURNS = (fresh, fresh_text, fresh_more, fresh_well, fresh_after, fresh_last, fresh_once_more)
ORDINARY = (
    *(fresh_ordinary, fresh_ordinary_ends, fresh_ordinary_states, fresh_ordinary_numbers, fresh_ordinary_well),
    *(fresh_ordinary_more, fresh_ordinary_rest, fresh_ordinary_sound),
    *(fresh_ordinary_beside, fresh_ordinary_near),
)
FRESH = [patient for module in (*TURNS, *ORDINARY) for patient in module.PATIENTS]
HALVES = {
    "looked at": patients.PATIENTS,
    "kept apart": kept.PATIENTS,
    "around, looked at": AROUND,
    "in other writing, looked at": FRESH,
}
SEEDS = (0, 1, 2)
NOTHING = "nothing"


def right_for(patient: Any) -> set[str]:
    """Return the findings of which one must come first or second; none for a healthy network."""
    return set(patient.right) if hasattr(patient, "right") else {patient.fault} - {None}


def examine(patient: Any, seed: int) -> tuple[list[str], float]:
    """Build a patient, examine it, and return the keys of the findings and the seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dropout on one layer warns, as it should
        case = patient.build(seed)
        start = time.process_time()
        report = doctor.examine(**case._asdict())
    return [one.key for one in report.findings], time.process_time() - start


def measure(half: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Examine one half; return its totals and its confusion table."""
    table: Counter[tuple[str, str, str]] = Counter()
    counts: Counter[str] = Counter()
    seconds = []
    for patient in HALVES[half]:
        right = right_for(patient)
        for seed in SEEDS:
            keys, taken = examine(patient, seed)
            seconds.append(taken)
            first, second = [*keys, NOTHING, NOTHING][:2]
            table[" or ".join(sorted(right)) or NOTHING, first, second] += 1
            counts["ill" if right else "healthy"] += 1
            counts["false alarms"] += not right and bool(keys)
            counts["first"] += first in right
            counts["first or second"] += bool(right & {first, second})
    totals = {
        "half": half,
        "ill": counts["ill"],
        "named first": counts["first"],
        "named first or second": counts["first or second"],
        "share named": round(counts["first or second"] / counts["ill"], 3),
        "healthy": counts["healthy"],
        "false alarms": counts["false alarms"],
        "median seconds": round(statistics.median(seconds), 2),
        "longest seconds": round(max(seconds), 2),
    }
    rows = [
        {"half": half, "fault": fault, "first": first, "second": second, "count": count}
        for (fault, first, second), count in sorted(table.items())
    ]
    return totals, rows


def main() -> None:
    """Examine both halves, print the totals, and write the record."""
    measured = {half: measure(half) for half in HALVES}
    for totals, _ in measured.values():
        print(totals)
    rows = [totals for totals, _ in measured.values()] + [row for _, table in measured.values() for row in table]
    _record.write("doctor", rows, seeds=SEEDS, packages=("numpy", "torch"))


if __name__ == "__main__":
    _record.expect_no_arguments(__doc__)
    main()
