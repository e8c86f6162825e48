"""Dates as people write them into tables, and the dates that follow: 31.12.2026, 2026-12-31T23:00, 18 Jul 2024, 2024Q3.

Whole columns are read at once, because a cell alone often does not say which of its numbers is the month. What follows
is written as the column is.
"""

import calendar
import functools
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from lstm_lib.applied.numerals import PLAIN, is_missing

NUMBERS = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y")
WORDS = ("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d. %b %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y")
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y %b", "%Y-%b")
QUARTERS = ("%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y")  # %q is ours: 1 to 4
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
COMPACT = "%Y%m%d"
WAYS = ("", *(day + clock for day in (*NUMBERS, *WORDS) for clock in CLOCKS), *MONTHS, *QUARTERS)  # "" is ISO 8601
DAY = timedelta(days=1)


def dates(cells: Sequence[str], *, surely: bool = False) -> list[list[datetime]]:
    """Read a column of dates, all written in one way: in each reading that makes sense, the likeliest first.

    Where day and month could be exchanged (03/04/2026), only readings in order of time make sense if there are some,
    and the likeliest has the steps that are most alike. There is none if the first cell that is not empty is no date.
    Eight digits (20260403) are a date where all of the column are, and rise or fall at every row.

    Args:
        cells: As they are written.
        surely: Whether the column was said to be one of dates: eight digits are one then, in any order.

    Raises:
        ValueError: If another cell is not written as that one is; its ``args`` hold the cell and its place.

    Example:
        >>> [[str(day.date()) for day in reading] for reading in dates(["31.12.2026", "01.01.2027"])]
        [['2026-12-31', '2027-01-01']]
        >>> [str(reading[1].date()) for reading in dates(["05/04/2027", "06/04/2027", "07/04/2027"])]
        ['2027-04-06', '2027-06-04']
        >>> dates(["soon", "2026-12-31"]), [str(day.date()) for day in dates(["Q1 2027", "Q2 2027"])[0]]
        ([], ['2027-01-01', '2027-04-01'])
    """
    told = [cell.strip() for cell in cells]
    first = next((cell for cell in told if not is_missing(cell)), "")
    if PLAIN.fullmatch(first):
        return _compact(told, surely)
    ways = _ways(first)
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


def _steps(reading: Sequence[datetime]) -> list[timedelta]:
    return [b - a for a, b in itertools.pairwise(reading)]


def _ways(cell: str) -> list[str]:
    """List the ways to write a date that a cell fits; "" stands for ISO 8601."""
    return [way for way in WAYS if _all([cell], way)[1] is None]


def _all(cells: Sequence[str], way: str) -> tuple[list[datetime], int | None]:
    """Read cells as dates; return them, and where one is written otherwise, or None."""
    found: list[datetime] = []
    for n, cell in enumerate(cells):
        try:
            day = _one(cell, way)
        except ValueError:
            return found, n
        if found and (day.tzinfo is None) != (found[0].tzinfo is None):
            return found, n
        found.append(day)
    return found, None


def _one(cell: str, way: str) -> datetime:
    if "%q" in way:
        pattern = way.replace("%Y", r"(?P<year>\d{4})").replace("%q", "(?P<quarter>[1-4])")
        if (told := re.fullmatch(pattern, cell)) is None:
            raise ValueError(cell)
        return datetime(int(told["year"]), 3 * int(told["quarter"]) - 2, 1)
    return datetime.strptime(cell, way) if way else datetime.fromisoformat(cell)


def _compact(cells: Sequence[str], surely: bool) -> list[list[datetime]]:
    if not all(re.fullmatch(r"(1[89]|2[01])\d{6}", cell) for cell in cells):
        return []
    found, stop = _all(cells, COMPACT)
    return [found] if stop is None and (surely or (len(found) > 2 and _disorder(found) < 2)) else []


# ---------------------------------------------------------------- what follows


class Steps(NamedTuple):
    """How far it is from row to row of most rows.

    months: whole months of the calendar, 0 for none. day: of the month, 31 for its last. span: if it is not months.
    weekdays: whether Saturdays and Sundays are passed over.
    """

    months: int
    day: int
    span: timedelta
    weekdays: bool

    def __str__(self) -> str:
        """Say it in words."""
        if self.months:
            return "1 month" if self.months == 1 else f"{self.months} months"
        return "weekday" if self.weekdays else str(self.span)

    def after(self, day: datetime) -> datetime:
        """Return the date that follows.

        Example:
            >>> Steps(1, 31, timedelta(0), False).after(datetime(2027, 1, 31)).day
            28
        """
        if self.months:
            year, month = divmod(12 * day.year + day.month - 1 + self.months, 12)
            return day.replace(year=year, month=month + 1, day=min(self.day, _length(year, month + 1)))
        following = day + self.span
        while self.weekdays and following.weekday() > 4:
            following += DAY
        return following


def steps_of(days: Sequence[datetime]) -> Steps | None:
    """Find the step of time that most rows have: months of the calendar, days without weekends, or a span.

    Args:
        days: In order of time.

    Returns:
        The step; None if no step is that of more than half of the rows.

    Example:
        >>> steps_of([datetime(2027, month, 1) for month in (1, 4, 7, 10)]).months
        3
        >>> steps_of([datetime(2027, 1, day) for day in (1, 4, 5, 6, 7, 8, 11)]).weekdays
        True
        >>> steps_of([datetime(2027, 1, day) for day in (1, 2, 5, 9)]) is None
        True
    """
    if len(days) < 2:
        return None
    if months := _months(days):
        return months
    usual, count = Counter(_steps(days)).most_common(1)[0]
    if 2 * count <= len(days) - 1:
        return None
    weekdays = usual == DAY and all(day.weekday() < 5 for day in days) and 3 * DAY in _steps(days)
    return Steps(0, 0, usual, weekdays)


def _months(days: Sequence[datetime]) -> Steps | None:
    """Return the step of a column that has one day of the month, or always the last."""
    lasts = all(day.day == _length(day.year, day.month) for day in days)
    anchor = 31 if lasts else max(day.day for day in days)
    if any(day.day != min(anchor, _length(day.year, day.month)) or day.time() != days[0].time() for day in days):
        return None
    apart = [12 * (b.year - a.year) + b.month - a.month for a, b in itertools.pairwise(days)]
    usual, count = Counter(apart).most_common(1)[0]
    return Steps(usual, anchor, timedelta(0), False) if min(apart) > 0 and 2 * count > len(apart) else None


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def follow(cells: Sequence[str], days: Sequence[datetime], count: int) -> list[str]:
    """Return the dates that follow, written as a column is (in ISO 8601 if it is written in several ways).

    Args:
        cells: The column as it is written.
        days: What was read there, in order of time.
        count: How many.

    Returns:
        The dates; none if the rows have no usual step of time, or time as Python counts it ends.

    Example:
        >>> follow(["1.11.2027", "1.12.2027"], [datetime(2027, 11, 1), datetime(2027, 12, 1)], 2)
        ['1.1.2028', '1.2.2028']
    """
    steps = steps_of(days)
    if steps is None:
        return []
    found, last = [], days[-1]
    for _ in range(count):
        try:
            last = steps.after(last)
        except (OverflowError, ValueError):
            return []
        found.append(last)
    write = style(cells, days)
    return [write(day) for day in found]


def style(cells: Sequence[str], days: Sequence[datetime]) -> Callable[[datetime], str]:
    """Find how a column of dates is written.

    Returns:
        A function that writes a date so, or in ISO 8601 if no one way gives all cells.

    Example:
        >>> style(["31/1/27 ", "1 Feb 2027"], [datetime(2027, 1, 31), datetime(2027, 2, 1)])(datetime(2027, 3, 1))
        '2027-03-01'
        >>> style(["31 JAN 2027"], [datetime(2027, 1, 31)])(datetime(2027, 2, 1))
        '01 FEB 2027'
    """
    told = [cell.strip() for cell in cells]
    for write in _writers():
        if all(write(day) == cell for cell, day in zip(told, days, strict=True)):
            return write
    return lambda day: str(day.date() if day.time() == datetime.min.time() and day.tzinfo is None else day)


def _writers() -> Iterator[Callable[[datetime], str]]:
    for sep, exactly in itertools.product("T ", ("minutes", "seconds", "milliseconds", "microseconds", "hours")):
        yield functools.partial(_iso, sep=sep, exactly=exactly, zulu=False)
        yield functools.partial(_iso, sep=sep, exactly=exactly, zulu=True)
    both = (True, False)
    ways = (*WAYS[1:], COMPACT, "%G-W%V", "%GW%V")
    cases: tuple[Callable[[str], str], ...] = (str, str.upper, str.lower)
    for date_padded, hour_padded, case, way in itertools.product(both, both, cases, ways):
        yield functools.partial(_write, way=way, date_padded=date_padded, hour_padded=hour_padded, case=case)


def _iso(day: datetime, sep: str, exactly: str, zulu: bool) -> str:
    told = day.isoformat(sep, exactly)
    return told.replace("+00:00", "Z") if zulu else told


def _write(day: datetime, way: str, date_padded: bool, hour_padded: bool, case: Callable[[str], str]) -> str:
    way = way.replace("%q", str((day.month + 2) // 3))
    if not date_padded:
        way = way.replace("%d", str(day.day)).replace("%m", str(day.month))
    if not hour_padded:
        way = way.replace("%H", str(day.hour)).replace("%I", str(day.hour % 12 or 12))
    return case(day.strftime(way))
