"""Measure the claims of all chapters, or of some, and write ``results/chapters.json``."""

import argparse
import importlib
import json
import pkgutil
import time
from typing import Any

from benchmarks import _record, chapters


def modules() -> dict[int, str]:
    """Return the modules that measure: chapter number to name."""
    names = [module.name for module in pkgutil.iter_modules(chapters.__path__) if module.name.startswith("chapter_")]
    return {int(name.removeprefix("chapter_")): name for name in sorted(names)}


def stored_rows() -> list[dict[str, Any]]:
    """Return the rows that are on record."""
    path = _record.RESULTS / "chapters.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["rows"]) if path.is_file() else []


def store(chapter: int, measured: list[dict[str, Any]]) -> None:
    """Put the rows of one chapter in the place of those on record, which another run may have written meanwhile."""
    rows = [row for row in stored_rows() if row["chapter"] != chapter]
    rows += [{"chapter": chapter, **row} for row in measured]
    rows.sort(key=lambda row: row["chapter"])
    seeds = sorted({row["seed"] for row in rows})
    _record.write("chapters", rows, seeds=seeds, packages=["numpy", "torch"])


def main() -> None:
    """Read the command line, measure, and write."""
    known = modules()
    parser = argparse.ArgumentParser("python -m benchmarks.chapters", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", choices=known, metavar="N", help="these chapters only")
    chosen = parser.parse_args().only or list(known)
    for number in chosen:
        start = time.perf_counter()
        measured = list(importlib.import_module(f"{chapters.__name__}.{known[number]}").measure())
        store(number, measured)
        print(f"chapter {number}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
