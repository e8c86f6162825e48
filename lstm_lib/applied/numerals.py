"""Numbers as people write them into tables: 1.5, 1,5, 1.234,5.

Whole columns are read at once, because a cell alone often does not say which of its marks is the decimal one.
"""

import math
import re
from collections.abc import Sequence

import numpy as np

from lstm_lib._array import Array

MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?", ".", "missing"}
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
BLANKS = str.maketrans({" ": "", "\u00a0": "", "\u202f": "", "\u2009": "", "\u2212": "-"})


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


def written(value: float, step: float) -> str:
    """Write a number as tables have it: with a point, as many digits as it needs, and no exponent.

    Args:
        value: The number; nothing is written for NaN.
        step: How much such numbers usually change. Digits below a ten-thousandth of it are left out, unless they are
            among the first seven of the number; 0 keeps all digits.

    Example:
        >>> written(83000028.83271, 30.0), written(224.08513, 30.0), written(83000029.0, 0.0), written(np.nan, 0.0)
        ('83000028.833', '224.0851', '83000029', '')
    """
    if np.isnan(value):
        return ""
    size = abs(value)
    if size and not 1e-5 <= size < 1e16:
        return f"{value:.7g}" if step else repr(float(value))
    places = None
    if step:
        places = max(0, 6 - math.floor(math.log10(size or 1)), 4 - math.floor(math.log10(step)))
    return np.format_float_positional(value + 0.0, precision=places, trim="-")
