"""Read the recorded measurements of ``benchmarks``: the JSON files beside this one, which travel with the package.

They have one home, in a checkout and in an installed package alike: this folder. ``benchmarks`` writes them here, and
``benchmarks/results`` in a checkout is another name of it.
"""

import functools
import json
import platform
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


@functools.cache
def processor() -> str:
    """Name this processor's model as the records do.

    Example:
        >>> bool(processor())
        True
    """
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def load(name: str) -> dict[str, Any]:
    """Return one result file: command, date, machine, versions, seeds and rows.

    Args:
        name: Name of the benchmark, such as "what_each_gate_buys".

    Raises:
        ValueError: If there is no such file; says which there are.

    Example:
        >>> load("numpy_lstm")["command"]
        'python -m benchmarks.numpy_lstm'
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        known = sorted(path.stem for path in FOLDER.glob("*.json"))
        raise ValueError(f"got {name!r}, expected one of {', '.join(known)}")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def rows(name: str, **where: Any) -> list[dict[str, Any]]:
    """Return the rows of a result file whose columns have the given values.

    Args:
        name: Name of the benchmark.
        where: Column and value.

    Raises:
        ValueError: If no row fits.

    Example:
        >>> len(rows("what_each_gate_buys", stage="final", task="delay 30", cell="rnn"))
        5
    """
    found = [row for row in load(name)["rows"] if all(row.get(key) == value for key, value in where.items())]
    if not found:
        raise ValueError(f"got {where}, which no row of {name!r} has")
    return found


def span(rows: Iterable[Mapping[str, Any]], column: str, *, digits: int = 2) -> str:
    """Say between which values a column lies, and its median.

    Args:
        rows: Rows of a result file.
        column: A column of numbers.
        digits: Digits after the point.

    Raises:
        ValueError: If there is no row.

    Example:
        >>> span([{"right": 0.5}, {"right": 0.9}, {"right": 1.0}], "right")
        '0.50 to 1.00, median 0.90'
    """
    values = [row[column] for row in rows]
    if not values:
        raise ValueError(f"got no rows, expected some with the column {column!r}")
    parts = (f"{value:.{digits}f}" for value in (min(values), max(values), statistics.median(values)))
    return "{} to {}, median {}".format(*parts)
