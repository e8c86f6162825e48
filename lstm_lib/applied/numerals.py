"""Numbers and dates as people write them into tables: 1.5, 1,5, 1.234,5, 31.12.2026, 2026-12-31T23:00.

Whole columns are read at once, because a cell alone often does not say which of its marks is the decimal one.
"""

import itertools
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from lstm_lib._array import Array

MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?", ".", "missing"}
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
BLANKS = str.maketrans({" ": "", "\u00a0": "", "\u202f": "", "\u2009": "", "\u2212": "-"})
DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def is_missing(cell: str) -> bool:
    """Say whether a cell holds nothing, or one of the words for it.

    Example:
        >>> is_missing(" N/A "), is_missing("0")
        (True, False)
    """
    return cell.strip().lower() in MISSING


def marks(cells: Sequence[str]) -> str | None:
    """Say which mark is the decimal one in a column: ".", ",", "?" where both can be meant, "" for whole numbers.

    None where not all of it is numbers.

    Example:
        >>> marks(["1.5", "2"]), marks(["1,5", "2"]), marks(["1.234,5"]), marks(["1,234.5"]), marks(["1,234", "2,500"])
        ('.', ',', ',', '.', '?')
    """
    told = [cell.strip().translate(BLANKS) for cell in cells if not is_missing(cell)]
    fits = [mark for mark in ".," if told and all(_fits(cell, mark) for cell in told)]
    if len(fits) == 2:
        return "?" if any("," in cell or "." in cell for cell in told) else ""
    return fits[0] if fits else None


def numbers(cells: Sequence[str], mark: str) -> Array:
    """Turn a column into numbers, NaN where nothing is.

    Args:
        cells: As they are written.
        mark: "." or ",", the decimal mark; the other one may stand between thousands.

    Raises:
        ValueError: If a cell is no number; its ``args`` hold the cell and its place in the column.

    Example:
        >>> numbers(["1.234,5", "", "-2"], ",").tolist()
        [1234.5, nan, -2.0]
    """
    found = np.full(len(cells), np.nan)
    for n, cell in enumerate(cells):
        if is_missing(cell):
            continue
        told = cell.strip().translate(BLANKS)
        if not _fits(told, mark):
            raise ValueError(cell, n)
        found[n] = float(told.replace("." if mark == "," else ",", "").replace(",", "."))
        if not np.isfinite(found[n]):
            raise ValueError(cell, n)
    return found


def _fits(cell: str, mark: str) -> bool:
    """Say whether a cell is a number with this decimal mark, and the other one between thousands or nowhere."""
    other = "." if mark == "," else ","
    whole, _, rest = cell.partition(mark)
    if other in whole:
        if not re.fullmatch(rf"[+-]?\d{{1,3}}({re.escape(other)}\d{{3}})+", whole):
            return False
        whole = whole.replace(other, "")
    return other not in rest and PLAIN.fullmatch(f"{whole}.{rest}" if mark in cell else whole) is not None


def dates(cells: Sequence[str]) -> list[list[datetime]]:
    """Read a column of dates, all written in one way: in each reading that makes sense, the likeliest first.

    Where day and month could be exchanged (03/04/2026), only readings in order of time make sense if there are some,
    and the likeliest has the steps that are most alike. There is none if the first cell that is not empty is no date.

    Raises:
        ValueError: If another cell is not written as that one is; its ``args`` hold the cell and its place.

    Example:
        >>> [[str(day.date()) for day in reading] for reading in dates(["31.12.2026", "01.01.2027"])]
        [['2026-12-31', '2027-01-01']]
        >>> [str(reading[1].date()) for reading in dates(["05/04/2027", "06/04/2027", "07/04/2027"])]
        ['2027-04-06', '2027-06-04']
        >>> dates(["soon", "2026-12-31"])
        []
    """
    told = [cell.strip() for cell in cells]
    first = next((cell for cell in told if not is_missing(cell)), "")
    ways = _ways(first) if any(mark in first for mark in "-./") else []
    if not ways:
        return []
    tried = [_all(told, way) for way in ways]
    readings = [found for found, stop in tried if stop is None]
    if not readings:
        n = max(stop for _, stop in tried if stop is not None)
        raise ValueError(cells[n], n)
    best = min(map(_disorder, readings))
    found = [found for n, found in enumerate(readings) if found not in readings[:n] and _disorder(found) == best]
    return sorted(found, key=lambda reading: len(set(_steps(reading))))


def is_date(cell: str) -> bool:
    """Say whether a cell is a date, written in any of the ways that are known.

    Example:
        >>> is_date("31.12.2026"), is_date("31.12.")
        (True, False)
    """
    return bool(_ways(cell.strip()))


def _disorder(reading: list[datetime]) -> int:
    """Rank a reading: the newest last, the newest first, no order of time."""
    steps = _steps(reading)
    return 0 if all(step > timedelta(0) for step in steps) else 1 if all(step < timedelta(0) for step in steps) else 2


def _steps(reading: list[datetime]) -> list[timedelta]:
    return [b - a for a, b in itertools.pairwise(reading)]


def _ways(cell: str) -> list[str]:
    """List the ways to write a date that a cell fits; "" stands for ISO 8601."""
    ways = ["", *(day + clock for day in DAYS for clock in CLOCKS)]
    return [way for way in ways if _all([cell], way)[1] is None]


def _all(cells: Sequence[str], way: str) -> tuple[list[datetime], int | None]:
    """Read cells as dates; return them, and where one is written otherwise, or None."""
    found: list[datetime] = []
    for n, cell in enumerate(cells):
        try:
            day = datetime.strptime(cell, way) if way else datetime.fromisoformat(cell)
        except ValueError:
            return found, n
        if found and (day.tzinfo is None) != (found[0].tzinfo is None):
            return found, n
        found.append(day)
    return found, None
