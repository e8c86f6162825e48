"""How often a check names the mistake: ``python -m benchmarks.checks``.

The answers of ``tests/exercises/answers`` were invented from the statements alone. Lines with an even number could be
looked at while the checks were improved, the others could not; both halves are reported. An answer counts as named if
the check tells a mistake of the catalogue, or the smallest change of the solution that gives the same. Times are
processor time of one check: right answers, the first wrong one of an exercise, later ones.

Of the half that may be looked at, each mistake is recorded with how often it was met, for the page for teachers.
"""

import itertools
import json
import linecache
import math
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import _record
from lstm_lib.exercises import EXERCISES, dot, sigmoid, tanh
from lstm_lib.exercises._exercise import Exercise

ANSWERS = Path(__file__).resolve().parent.parent / "tests" / "exercises" / "answers"
HALVES = ("looked at", "kept apart")
_count = itertools.count(1)


def answers() -> list[tuple[str, dict[str, str]]]:
    """Return every invented answer with its half."""
    found = []
    for path in sorted(ANSWERS.glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [(HALVES[n % 2], json.loads(line)) for n, line in enumerate(lines)]
    return found


def run(exercise: Exercise, source: str) -> Any:
    """Return what an answer is: a function, or a number."""
    scope: dict[str, Any] = {"dot": dot, "sigmoid": sigmoid, "tanh": tanh, "math": math}
    if "np." in source:
        import numpy

        scope["np"] = numpy
    if exercise.kind != "code":
        return eval(source, scope)
    name = f"<answer {next(_count)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # as notebooks and the page do
    exec(compile(source, name, "exec"), scope)
    return scope[exercise.name]


def what_came(kind: str, verdict: Any) -> str:
    """Say in one word what a check did with an answer."""
    if kind == "right":
        return "passed" if verdict.passed else "refused"
    return "let through" if verdict.passed else "named" if verdict.mistake else "not named"


def main() -> None:
    """Check every answer, and write the counts and the times."""
    counts: dict[str, dict[str, int]] = {half: {} for half in HALVES}
    taken: dict[str, list[float]] = {"right": [], "first wrong": [], "later wrong": []}
    met: Counter[tuple[str, str]] = Counter()
    begun = set()
    for half, told in answers():
        exercise = EXERCISES[told["exercise"]]
        answer = run(exercise, told["answer"])
        start = time.process_time()
        verdict = exercise.check(answer)
        seconds = time.process_time() - start
        word = what_came(told["kind"], verdict)
        counts[half][word] = counts[half].get(word, 0) + 1
        if half == HALVES[0] and word == "named":
            met[exercise.id, verdict.mistake] += 1
        first = not verdict.passed and exercise.id not in begun
        if not verdict.passed:
            begun.add(exercise.id)
        taken["right" if verdict.passed else "first wrong" if first else "later wrong"].append(seconds)
    rows: list[dict[str, Any]] = []
    for half, count in counts.items():
        wrong = sum(count.get(word, 0) for word in ("named", "not named", "let through"))
        rows.append({"half": half, **count, "share named": round(count["named"] / wrong, 3)})
    for name, times in taken.items():
        median, longest = statistics.median(times), max(times)
        rows.append({"check": name, "median ms": round(1000 * median, 1), "longest ms": round(1000 * longest, 1)})
    print(*rows, sep="\n")
    rows += [{"exercise": id, "mistake": mistake, "met": count} for (id, mistake), count in met.items()]
    _record.write("checks", rows, seeds=[], packages=("numpy",))


if __name__ == "__main__":
    _record.expect_no_arguments(__doc__)
    main()
