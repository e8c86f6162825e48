"""Tables of numbers from CSV files as people have them: any delimiter, encodings, dates, decimal commas, holes.

What can be meant in one way only is read, and said in ``notes``; anything else is refused with the place in the file,
what came, and what was expected.
"""

import csv
import difflib
import io
import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.applied import dates, numerals, texts

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# Rows through which a column must rise, or fall, so that it is taken for a clock: of whole numbers, and of others,
# which may as well be measured.
ROWS_WHOLE, ROWS_OTHER = 8, 50


class Table(NamedTuple):
    """Columns of numbers in order of time.

    names: D columns. values: (rows, D), NaN where nothing is. times: what the column of dates says for each row, as it
    is written; the number of the row, from 1, where there is none. clock: the name of that column, or None. days: the
    dates read, or None. notes: what was left out or turned round, in sentences.
    """

    names: tuple[str, ...]
    values: Array
    times: tuple[str, ...]
    clock: str | None
    days: tuple[datetime, ...] | None
    notes: tuple[str, ...]

    def column(self, name: str) -> Array:
        """Return a column by name.

        Raises:
            ValueError: If there is none of numbers of that name.
        """
        if name not in self.names:
            raise ValueError(no_such_column(name, self.names, self.notes))
        return np.asarray(self.values[:, self.names.index(name)])


class Cells(NamedTuple):
    """A file cut into cells: the header, the rows, and the line of the file where each row ends."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]


def read_table(
    path: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    clock: str | None = None,
    wanted: Sequence[str] = (),
) -> Table:
    r"""Read a CSV file with a line of names first.

    Args:
        path: The file.
        encoding: Such as "cp1252"; None for UTF-8, or what the file's byte order mark says.
        delimiter: What stands between cells; None looks for commas, semicolons, tabs and bars.
        decimal: "." or ","; None finds out, column by column.
        clock: Name of the column that says when; None takes the first one of dates, or one that only counts; "" for
            none, where rows are in order of time as they stand.
        wanted: Columns that must be numbers; others that are not are left out.

    Raises:
        ValueError: If there is no such file, or it cannot be read as a table of numbers in order of time; the message
            names the file and the line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "days.csv"
        ...     _ = path.write_text("day;heat;who\n1.1.2027;1,5;Ada\n2.1.2027;;Bo\n", encoding="utf-8")
        ...     table = read_table(path)
        >>> table.names, table.values.tolist(), table.clock
        (('heat',), [[1.5], [nan]], 'day')
        >>> table.notes
        ("column 'who' is left out: it holds text, first 'Ada' in line 2",)
    """
    path = Path(path)
    if decimal not in (None, ".", ","):
        raise ValueError(f"got decimal {decimal!r}, expected a point or a comma")
    try:
        advice = "; if a spreadsheet wrote it, try encoding cp1252"
        cells = cut(texts.read(path, encoding, kind="a CSV file", advice=advice), delimiter)
        return _table(cells, decimal, clock, tuple(wanted))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def cut(text: str, delimiter: str | None = None) -> Cells:
    """Cut a text into a header and rows of equal length.

    Raises:
        ValueError: If a row has another number of cells, names are missing or come twice, or there are no rows.
    """
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own line
        delimiter, text = delimiter or first.strip()[4], "\n" + rest
    delimiter = delimiter or find_delimiter(text)
    if len(delimiter) != 1:
        raise ValueError(f"got delimiter {delimiter!r}, expected one character")
    lines: list[int] = []
    rows: list[list[str]] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ValueError(f"got line {reader.line_num}, where a quotation mark is out of place ({error})") from None
    header, rows, lines = rows[0], rows[1:], lines[1:]
    while len(header) > 1 and not header[-1] and all(len(r) < len(header) or not r[-1] for r in rows):
        rows = [row[: len(header) - 1] for row in rows]  # every line ends in a delimiter
        header = header[:-1]
    between = DELIMITERS.get(delimiter, f"{delimiter!r}")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(header):
            expected = f"expected {len(header)}, as in the first line (cells are cut at {between})"
            hint = "; a decimal comma beside commas needs quotation marks" if delimiter == "," else ""
            raise ValueError(f"got {len(row)} cells in line {line}, {expected}{hint}")
    _expect_names(header)
    if not rows:
        raise ValueError("got a line of names and no rows, expected rows of numbers")
    return Cells(header, rows, lines)


def find_delimiter(text: str) -> str:
    r"""Return the delimiter that cuts the first lines into the same number of cells, most of them numbers.

    Example:
        >>> find_delimiter("day;heat, in degrees\n1;2,5\n"), find_delimiter("one\n1\n")
        (';', ',')
    """
    some = "\n".join(text.splitlines()[:50])
    scores = {}
    for mark in DELIMITERS:
        try:
            rows = [row for row in csv.reader(io.StringIO(some, newline=""), delimiter=mark) if row]
        except csv.Error:
            continue
        widths = [len(row) for row in rows]
        (width, count), *_ = Counter(widths).most_common(1)
        cells = [cell for row in rows[1:] for cell in row]
        share = sum(numerals.marks([cell]) is not None for cell in cells) / max(1, len(cells))
        scores[mark] = (width > 1, count / len(widths), widths[0] == width, share, width)
    return max(scores, key=lambda mark: scores[mark]) if scores else ","


def _expect_names(header: list[str]) -> None:
    if all(numerals.PLAIN.fullmatch(cell) for cell in header):
        raise ValueError(f"got {', '.join(header[:3])} in the first line, expected the names of the columns there")
    header[:] = [name or f"column {n}" for n, name in enumerate(header, 1)]
    for name in header:
        places = [str(n) for n, other in enumerate(header, 1) if other == name]
        if len(places) > 1:
            raise ValueError(f"got {name!r} as the name of columns {' and '.join(places)}, expected each name once")


# ---------------------------------------------------------------- from cells to numbers


def _table(cells: Cells, decimal: str | None, clock: str | None, wanted: tuple[str, ...]) -> Table:
    for name in [*wanted, *([clock] if clock else [])]:
        if name not in cells.header:
            raise ValueError(no_such_column(name, cells.header))
    columns = {name: [row[n] for row in cells.rows] for n, name in enumerate(cells.header)}
    notes: list[str] = []
    clock, days = _clock(columns, clock, wanted, cells.lines, notes)
    times = tuple(columns.pop(clock) if clock is not None else map(str, range(1, len(cells.rows) + 1)))
    usual = {numerals.marks(column) for column in columns.values()} - {None, "", "?"}
    found: dict[str, Array] = {}
    for name, column in columns.items():
        numbers = _numbers(column, decimal, usual, cells.lines)
        if not isinstance(numbers, str):
            found[name] = numbers
        elif name in wanted:
            raise ValueError(f"got column {name!r}, which {numbers}, expected numbers")
        else:
            notes.append(f"column {name!r} is left out: it {numbers}")
    if not found:
        raise ValueError(f"got no numbers ({'; '.join(notes) or 'dates alone'}), expected a column of them")
    values = np.column_stack(list(found.values()))
    table = Table(tuple(found), values, times, clock, None if days is None else tuple(days), tuple(notes))
    return _counted(table) if days is None else _in_order(table, cells.lines)


def _clock(
    columns: dict[str, list[str]], clock: str | None, wanted: tuple[str, ...], lines: list[int], notes: list[str]
) -> tuple[str | None, list[datetime] | None]:
    """Find the column that says when: of dates, or of numbers that only count."""
    if clock == "":
        return None, None
    for name in [clock] if clock is not None else [name for name in columns if name not in wanted]:
        try:
            if readings := dates.dates(columns[name], surely=clock is not None):
                notes += _exchanged(name, columns[name], readings)
                return name, readings[0]
        except ValueError as error:
            cell, n = error.args
            raise ValueError(_odd_date(name, columns[name], cell, n, lines)) from None
    if clock is None:
        return _count({name: column for name, column in columns.items() if name not in wanted}, notes), None
    if not _counts(columns[clock], any_step=True) and not _counts(columns[clock][::-1], any_step=True):
        what = f"got {columns[clock][0][:40]!r} in column {clock!r}"
        raise ValueError(f"{what}, expected dates written in one way, or numbers that rise")
    return clock, None


def _count(columns: dict[str, list[str]], notes: list[str]) -> str | None:
    """Find a column that only counts: in equal steps, or in whole numbers that rise at each of some rows.

    Raises:
        ValueError: If one falls so, or at each of many rows: a clock whose newest row came first, or what runs out?
    """
    falling = next((name for name, column in columns.items() if _is_count(column[::-1], measured=True)), None)
    rising = next((name for name, column in columns.items() if len(column) > 2 and _counts(column)), None)
    more = next((name for name, column in columns.items() if _is_count(column)), None)
    clock = rising or more
    if falling is not None:
        what = f"got column {falling!r}, which falls at every row" + (f", while {clock!r} rises" if clock else "")
        told = f"expected to be told which column says when (clock): --time {falling!r} if the newest row came first"
        raise ValueError(f"{what}, {told}, --time '' if rows are in order of time as they stand")
    if rising is None and more is not None:
        notes.append(f"column {more!r} rises at every row: taken as what says when, and not read (--time '' reads it)")
    return clock


def _is_count(column: list[str], *, measured: bool = False) -> bool:
    """Say whether a column rises in equal steps, or through so many rows that it is not by chance.

    With ``measured``, its numbers need not be whole ones.
    """
    if len(column) > 2 and _counts(column):
        return True
    whole = all(cell.isdecimal() for cell in column)
    enough = ROWS_WHOLE if whole else ROWS_OTHER
    return (whole or measured) and len(column) >= enough and _counts(column, any_step=True)


def _exchanged(name: str, column: list[str], readings: list[list[datetime]]) -> list[str]:
    """Say how a column of dates was read that has two readings."""
    if len(readings) == 1:
        return []
    (n, taken, other) = next((n, a, b) for n, (a, b) in enumerate(zip(*readings[:2], strict=True)) if a != b)
    return [f"{column[n]!r} in column {name!r} is read as {taken:%Y-%m-%d}, though it could be {other:%Y-%m-%d}"]


def _odd_date(name: str, column: list[str], cell: str, n: int, lines: list[int]) -> str:
    """Say which cell of a column of dates is written in another way than the first one."""
    first = next(k for k, other in enumerate(column) if not numerals.is_missing(other))
    what = f"got {cell[:40]!r} in column {name!r} of line {lines[n]}"
    how = "every date written" if dates.is_date(cell) else "a date"
    return f"{what}, expected {how} as in line {lines[first]}, {column[first]!r}"


def _counts(column: list[str], *, any_step: bool = False) -> bool:
    """Say whether a column does nothing but count in equal steps: 0, 1, 2 … (with any step: whether it rises)."""
    if not all(numerals.PLAIN.fullmatch(cell) for cell in column):
        return False
    steps = np.diff([float(cell) for cell in column])
    return bool((steps > 0).all() and (any_step or (steps == steps[:1]).all()))


def _numbers(column: list[str], decimal: str | None, usual: set[str | None], lines: list[int]) -> Array | str:
    """Return the numbers of a column, or what is the matter with it."""
    mark = decimal or numerals.marks(column)
    if mark == "?":  # 1,234 or 1.234: what the other columns do decides, else a point is a point
        mark = next(iter(usual)) if len(usual) == 1 else "?" if usual or any("," in cell for cell in column) else "."
    if mark == "?":
        some = next(cell for cell in column if "," in cell or "." in cell)
        return f"holds {some!r}, which can be two numbers: say which mark is the decimal one"
    try:
        found = numerals.numbers(column, mark or ".")
    except ValueError as error:
        cell, n = error.args
        kind = "a number without end" if numerals.INFINITE.fullmatch(cell) else "text"
        return f"holds {kind}, first {cell[:40]!r} in line {lines[n]}"
    return "holds nothing" if np.isnan(found).all() else found


def _in_order(table: Table, lines: list[int]) -> Table:
    """Bring the newest row last; refuse what is in no order, or holds a time twice; say where rows are missing."""
    if len(table.days or ()) > 1 and all(a > b for a, b in itertools.pairwise(table.days or ())):
        table, lines = _turned(table), lines[::-1]
    days, notes = table.days or (), list(table.notes)
    for n, (a, b) in enumerate(zip(days, days[1:], strict=False)):
        if a == b:
            what = f"got {table.times[n]} in column {table.clock!r} twice, in lines {lines[n]} and {lines[n + 1]}"
            raise ValueError(f"{what}, expected one row for each time, and one file for each series")
        if a > b:
            what = f"got {table.times[n + 1]} in line {lines[n + 1]} after {table.times[n]}"
            raise ValueError(f"{what}, expected rows in order of time (column {table.clock!r})")
    if steps := dates.steps_of(days):
        longer = [n for n, (a, b) in enumerate(itertools.pairwise(days)) if b > steps.after(a)]
        if longer:
            first = f"the first after {table.times[longer[0]]}"
            notes.append(f"{len(longer)} steps of time are longer than the usual {steps}, {first}: taken as one each")
    return table._replace(notes=tuple(notes))


def _counted(table: Table) -> Table:
    """Bring the newest row last where a column of numbers was said to be the clock, and falls."""
    return _turned(table) if table.clock is not None and float(table.times[0]) > float(table.times[-1]) else table


def _turned(table: Table) -> Table:
    days = None if table.days is None else table.days[::-1]
    notes = (*table.notes, "the newest row came first: turned round")
    return table._replace(values=table.values[::-1].copy(), times=table.times[::-1], days=days, notes=notes)


def no_such_column(name: str, names: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Say that there is no such column, which ones there are, and which one may be meant."""
    near = difflib.get_close_matches(name.lower(), [other.lower() for other in names], n=1)
    meant = next((f"; did you mean {other!r}?" for other in names if near and other.lower() == near[0]), "")
    why = next((f" ({note})" for note in notes if note.startswith(f"column {name!r}")), "")
    listed = ", ".join(map(repr, names[:12])) + (" …" if len(names) > 12 else "")
    return f"got column {name!r}{why}, expected one of {listed}{meant}"
