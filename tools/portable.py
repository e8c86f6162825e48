"""Run the notebooks and the tests of numbers under other conditions, and say which cell and which test changed.

``python -m tools.portable`` (or ``make portable``) goes through ``tools.conditions.CONDITIONS``: other kernels of
torch, oneDNN and OpenBLAS, two threads, starts moved by a millionth, a busy machine. It works in a copy of the
checkout, so that nothing is stored and the checkout may change meanwhile. Cells are numbered as nbval numbers them.
The status is 0 where nothing changed and every condition that can run here took effect.
"""

import argparse
import contextlib
import functools
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tools import conditions, needs, rerun
from tools.conditions import CONDITIONS, Condition
from tools.rerun import Change, Outcome

LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "_build", "node_modules", "__pycache__")


class Result(NamedTuple):
    """What one condition did: why it did not run, if so; what the probe said; what the notebooks and tests did."""

    skipped: str = ""
    effect: str = ""
    outcomes: Mapping[str, Outcome] = {}


def run_condition(
    condition: Condition, root: Path, notebooks: list[Path], tests: list[str], *, plain: dict[str, Any], jobs: int = 1
) -> Result:
    """Run notebooks and tests under one condition.

    Args:
        condition: One of ``CONDITIONS``.
        root: The checkout, or a copy of it.
        notebooks: Notebooks in it.
        tests: What pytest shall run in it.
        plain: What the probe says under no condition.
        jobs: How many notebooks run at once.
    """
    env = conditions.environment(condition)
    said = conditions.ask(root, env) if condition.env else plain
    wrong = conditions.effect(condition, said, plain)
    print(f"  took effect: {f'no: {wrong}' if wrong else describe(said)}", flush=True)
    outcomes = {}
    with conditions.spinning() if condition.busy else contextlib.nullcontext([]) as spinners:
        if notebooks:
            tell = functools.partial(print, " ", flush=True)
            outcomes["notebooks"] = rerun.run_notebooks(notebooks, env, jobs=jobs, tell=tell)
        if tests:
            outcomes["tests"] = rerun.run_tests(root, tests, env)
        if condition.busy:
            print(f"  the spinning processes had {conditions.share(spinners):.2f} processors", flush=True)
    for what, outcome in outcomes.items():
        print(f"  {outcome.failed} of {outcome.count} {what} changed, {outcome.seconds:.0f} s", flush=True)
        for change in outcome.changes:
            print(f"    {change.where}: {change.how}", flush=True)
    return Result(effect=wrong, outcomes=outcomes)


def describe(said: Mapping[str, Any]) -> str:
    """Say in one line on what the probe ran."""
    return ", ".join(f"{name} {value}" for name, value in said.items() if name != "start")


# ---------------------------------------------------------------- the table


def table(results: Mapping[str, Result]) -> str:
    """Write the results as two tables in markdown: a row for each condition, and one for each change."""
    rows = [("condition", "notebooks", "tests", "seconds", "remark")]
    for name, result in results.items():
        cells = [summary(result.outcomes.get(what)) for what in ("notebooks", "tests")]
        seconds = sum(outcome.seconds for outcome in result.outcomes.values())
        remark = result.skipped or (f"no effect: {result.effect}" if result.effect else "")
        rows.append((name, *cells, f"{seconds:.0f}" if result.outcomes else "", remark))
    changes = [(name, change) for name, result in results.items() for change in changes_of(result)]
    detail = [("condition", "cell or test", "what changed")]
    detail += [(name, change.where, f"`{change.how.replace('`', '´')}`") for name, change in changes]
    parts = [markdown(rows), markdown(detail) if changes else "Nothing changed."]
    return "\n\n".join(parts) + "\n"


def summary(outcome: Outcome | None) -> str:
    """Say how many are as they were and how many changed.

    Example:
        >>> summary(Outcome(11, 2, [], 1.0)), summary(None)
        ('9 the same, 2 changed', 'not run')
    """
    return "not run" if outcome is None else f"{outcome.count - outcome.failed} the same, {outcome.failed} changed"


def changes_of(result: Result) -> list[Change]:
    """List all changes of a condition."""
    return [change for outcome in result.outcomes.values() for change in outcome.changes]


def markdown(rows: list[tuple[str, ...]]) -> str:
    """Write a table; the first row is its head.

    Example:
        >>> print(markdown([("a", "b"), ("1", "2")]))
        | a | b |
        |---|---|
        | 1 | 2 |
    """
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


# ---------------------------------------------------------------- the command


def run(
    names: list[str], root: Path, notebooks: list[Path], tests: list[str] | None, *, jobs: int, out: Path | None
) -> dict[str, Result]:
    """Run the named conditions on a copy of a checkout; the table is written after each, so that none is lost.

    Args:
        names: Keys of ``CONDITIONS``.
        root: The checkout.
        notebooks: Notebooks in it; none runs none.
        tests: What pytest shall run in it; None runs the tests of numbers.
        jobs: How many notebooks run at once.
        out: Where to write the table.
    """
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / root.name
        shutil.copytree(root, copy, ignore=LEFT_OUT, symlinks=True)
        there = [copy / path.resolve().relative_to(root) for path in notebooks]
        tests = rerun.number_tests(copy) if tests is None else tests
        plain = conditions.ask(copy, conditions.environment(CONDITIONS["plain"]))
        for name in names:
            condition = CONDITIONS[name]
            skipped = conditions.not_here(condition)
            print(f"{name}: {skipped or 'runs'}", flush=True)
            if skipped:
                results[name] = Result(skipped)
            else:
                results[name] = run_condition(condition, copy, there, tests, plain=plain, jobs=jobs)
            if out:
                out.parent.mkdir(parents=True, exist_ok=True)
                out.write_text(table(results), encoding="utf-8")
    return results


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conditions", default=",".join(CONDITIONS), help="names with commas between (default: all)")
    parser.add_argument("--root", type=Path, default=conditions.ROOT, help="the checkout to run (default: this one)")
    parser.add_argument("--notebooks", nargs="*", type=Path, help="notebooks to run (default: all)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--no-tests", action="store_true", help="run notebooks only")
    which.add_argument("--tests", nargs="+", help="tests to run, as pytest takes them (default: those of numbers)")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks that run at once (default: 1)")
    parser.add_argument("--out", type=Path, help="file to write the table to, in markdown")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, run, and print the table."""
    options = parser().parse_args(arguments)
    names = options.conditions.split(",")
    unknown = [name for name in names if name not in CONDITIONS]
    if unknown:
        parser().error(f"got condition {unknown[0]!r}, expected one of {', '.join(CONDITIONS)}")
    # SIGTERM ends with, try and finally as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    root = options.root.resolve()
    notebooks = options.notebooks
    if notebooks is None:
        notebooks = [path for path in sorted((root / "chapters").glob("*.ipynb")) if needs.lacking(path) is None]
    tests = [] if options.no_tests else options.tests
    results = run(names, root, notebooks, tests, jobs=options.jobs, out=options.out)
    print(f"\n{table(results)}", end="")
    return int(any(result.effect or changes_of(result) for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
