"""Foretell a column of a table: split in time, scaled by the training part alone, asked beside what needs no network.

At row t a network has read rows up to t, and says how far the target will have moved after 1 to K rows. The unit of
each of these K distances is the usual move of the training part: who repeats the last value has a loss of about 1.

Shapes: N rows, D columns, K steps ahead, T rows of a window, B windows or questions.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.applied.tables import Table

PARTS = ("train", "look", "test")
CELLS = ("standard", "peephole", "coupled", "janet", "no-forget", "drawn")  # those into which scaling can be folded


class Plan(NamedTuple):
    """What a network must know of its data: the columns it reads, how they are scaled, and what it foretells.

    columns: D names, the target among them. mean, scale: of each column. moves: K units, the usual moves of the target.
    """

    target: str
    columns: tuple[str, ...]
    horizon: int
    window: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    moves: tuple[float, ...]


class Series(NamedTuple):
    """A table that is ready for training.

    inputs: (N, D), scaled, holes filled with what came before. truth: (N,), the target in its own units, NaN where
    nothing is. last: (N,), its last known value. cuts: the rows where "look" and "test" begin. times: (N,), as written.
    average: of the target in the training part. notes: what was left out, in sentences.
    """

    plan: Plan
    inputs: Array
    truth: Array
    last: Array
    cuts: tuple[int, int]
    times: tuple[str, ...]
    average: float
    notes: tuple[str, ...]


def prepare(
    table: Table,
    target: str,
    *,
    horizon: int = 1,
    window: int | None = None,
    columns: Sequence[str] | None = None,
    hold_out: float = 0.1,
) -> Series:
    """Split a table in time, and scale it by what the training part alone says.

    Args:
        table: Rows in order of time.
        target: The column to foretell.
        horizon: K, rows ahead.
        window: Rows that a network reads before it answers; None takes 64, or less where the table is short.
        columns: What it reads; None for all numbers. The target is always read.
        hold_out: Share of the rows to be judged by, at the end, and as many to look at before them.

    Raises:
        ValueError: If there is no such column, or too few rows for the window and the horizon.

    Example:
        >>> times = tuple("abcdefghij" * 10)
        >>> table = Table(("level",), np.arange(100.0)[:, None], times, None, None, ())
        >>> series = prepare(table, "level", horizon=2)
        >>> series.cuts, series.plan.window, series.plan.moves
        ((80, 90), 20, (1.0, 2.0))
    """
    names = _columns(table, target, columns)
    truth, N = table.column(target), len(table.values)
    if horizon < 1:
        raise ValueError(f"got horizon {horizon}, expected at least 1 row ahead")
    if not 0 < hold_out < 0.5:
        raise ValueError(f"got hold_out {hold_out}, expected a share above 0 and below 0.5")
    held = round(N * hold_out)
    cuts = (N - 2 * held, N - held)
    window = max(4, min(64, cuts[0] // 4)) if window is None else window
    _expect_rows(N, cuts, window, horizon)
    notes = list(table.notes)
    means, scales = _scaling(table, names, cuts[0], notes)
    if target not in means:
        raise ValueError(f"got column {target!r}, which never changes in the first {cuts[0]} rows, expected it to move")
    names = tuple(name for name in names if name in means)
    notes += holes(table, [name for name in names if name != target], N)
    filled = {name: fill(table.column(name), means[name]) for name in names}
    inputs = np.column_stack([(filled[name] - means[name]) / scales[name] for name in names])
    last = fill(truth, np.nan)
    moves = tuple(_usual_move(truth[: cuts[0]], last[: cuts[0]], k) for k in range(1, horizon + 1))
    plan = Plan(target, names, horizon, window, tuple(means.values()), tuple(scales.values()), moves)
    series = Series(plan, inputs, truth, last, cuts, table.times, means[target], tuple(notes))
    for part in PARTS:
        if not len(rows_of(series, part)):
            raise ValueError(f"got no known {target!r} to foretell in the part {part!r}, expected fewer holes")
    return series


def _columns(table: Table, target: str, columns: Sequence[str] | None) -> tuple[str, ...]:
    table.column(target)
    for name in columns or ():
        table.column(name)
    return table.names if columns is None else tuple(dict.fromkeys([*columns, target]))


def _expect_rows(N: int, cuts: tuple[int, int], window: int, horizon: int) -> None:
    if window < 2:
        raise ValueError(f"got window {window}, expected at least 2 rows")
    if cuts[1] - cuts[0] < horizon:
        what = f"got {N} rows, of which {cuts[1] - cuts[0]} are looked at and {N - cuts[1]} are to be judged by"
        raise ValueError(f"{what}, expected at least {horizon} of each for horizon {horizon}")
    if cuts[0] < window + horizon:
        what = f"got {N} rows, of which {cuts[0]} are to train on"
        need = f"expected at least {window + horizon} of these for window {window} and horizon {horizon}"
        raise ValueError(f"{what}, {need}: more rows, or a smaller window")


def _scaling(
    table: Table, names: Sequence[str], rows: int, notes: list[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return mean and spread of each column in the training part, but of those that never change there."""
    means, scales = {}, {}
    for name in names:
        known = table.column(name)[:rows]
        known = known[~np.isnan(known)]
        with np.errstate(over="ignore"):
            spread = float(known.std()) if len(known) else 0.0
        if not np.isfinite(spread):
            most = np.abs(known).max()
            raise ValueError(f"got column {name!r} with numbers up to {most:.3g}, expected some that can be squared")
        if spread <= 1e-12 * max(1.0, float(np.abs(known).max(initial=0.0))):
            notes.append(f"column {name!r} is left out: it never changes in the training part")
        else:
            means[name], scales[name] = float(known.mean()), spread
    return means, scales


def fill(column: Array, before: float) -> Array:
    """Fill each hole with what came before it, never with what comes after; ``before`` stands for what is unknown.

    Example:
        >>> fill(np.array([np.nan, 1.0, np.nan, 2.0]), 0.0).tolist()
        [0.0, 1.0, 1.0, 2.0]
    """
    places = np.maximum.accumulate(np.where(np.isnan(column), -1, np.arange(len(column))))
    return np.where(places < 0, before, column[places])


def holes(table: Table, names: Sequence[str], rows: int) -> list[str]:
    """Say which columns hold nothing in some of the last rows, and what stands there instead.

    Example:
        >>> table = Table(("rain",), np.array([[np.nan], [1.0], [np.nan]]), ("a", "b", "c"), None, None, ())
        >>> holes(table, ["rain"], 3)
        ["column 'rain' holds nothing in 2 of 3 rows (first a, last c): filled with what came before"]
    """
    found, times = [], table.times[-rows:]
    for name in names:
        places = np.flatnonzero(np.isnan(table.column(name)[-rows:]))
        if len(places):
            first, last = times[places[0]], times[places[-1]]
            where = f"first {first}, last {last}" if len(places) > 1 else first
            what = f"column {name!r} holds nothing in {len(places)} of {len(times)} rows ({where})"
            found.append(f"{what}: filled with what came before")
    return found


def _usual_move(truth: Array, last: Array, k: int) -> float:
    moves = truth[k:] - last[:-k]
    moves = moves[~np.isnan(moves)]
    return float(np.sqrt((moves**2).mean())) if moves.any() else 1.0


# ---------------------------------------------------------------- questions and batches


def answers(series: Series, rows: Array) -> Array:
    """Return what comes 1 to K rows after some rows, in the target's units: (B, K), NaN where unknown.

    Args:
        series: The series.
        rows: (B,), or of any shape, to which an axis K is added.
    """
    end = len(series.truth)
    places = np.asarray(rows)[..., None] + np.arange(1, series.plan.horizon + 1)
    return np.where(places < end, series.truth[np.minimum(places, end - 1)], np.nan)


def rows_of(series: Series, part: str) -> Array:
    """Return the rows after which a part is asked: all K answers lie in it, and one at least is known.

    What a network has read before may lie in an earlier part: that is the past, and known when it is asked.

    Raises:
        ValueError: If there is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"got part {part!r}, expected one of {', '.join(PARTS)}")
    T, K, (a, b) = series.plan.window, series.plan.horizon, series.cuts
    first, end = {"train": (T, a), "look": (a, b), "test": (b, len(series.truth))}[part]
    rows = np.arange(first - 1, end - K)
    known = ~np.isnan(answers(series, rows) - series.last[rows, None])
    return np.asarray(rows[known.any(axis=1)])


class Batch(NamedTuple):
    """Windows xs (T, B, D), and the moves ys (S, B, K) after the last S of their rows, NaN where nothing is asked."""

    xs: Array
    ys: Array


def sample(series: Series, batch_size: int = 32, seed: int = 0) -> Callable[[int], Batch]:
    """Make batch n: windows from anywhere in the training part, asked in their second half.

    Raises:
        ValueError: If a batch has no window.
    """
    if batch_size < 1:
        raise ValueError(f"got batch_size {batch_size}, expected at least 1")
    T = series.plan.window
    last_rows = rows_of(series, "train")  # of each window that can be drawn: all its answers lie in the part

    def draw(n: int) -> Batch:
        rows = np.random.default_rng([seed, n]).choice(last_rows, batch_size)
        asked = rows + np.arange(-(T // 2) + 1, 1)[:, None]  # (S, B)
        return Batch(_read(series, rows), _moves(series, asked))

    return draw


def in_order(series: Series, part: str, size: int = 256) -> list[Batch]:
    """Return the questions of a part in order of time, asked at the last row of a window each."""
    rows = rows_of(series, part)
    some = [rows[n : n + size] for n in range(0, len(rows), size)]
    return [Batch(_read(series, each), _moves(series, each[None])) for each in some]


def _read(series: Series, rows: Array) -> Array:
    """Return the windows that end with some rows: (T, B, D)."""
    return np.asarray(series.inputs[rows + np.arange(-series.plan.window + 1, 1)[:, None]])


def _moves(series: Series, rows: Array) -> Array:
    return np.asarray((answers(series, rows) - series.last[rows][..., None]) / np.array(series.plan.moves))


# ---------------------------------------------------------------- what needs no network


def without_network(series: Series, rows: Array, season: int | None = None) -> dict[str, Array]:
    """Foretell without a network: the last value, the training part's mean, and the value a season ago.

    Returns:
        Name of the rule, and what it says after each row: (B, K), in the target's units.

    Raises:
        ValueError: If the season is below 1, or longer than what was read before the first row.
    """
    K = series.plan.horizon
    found = {"persistence": np.repeat(series.last[rows][:, None], K, axis=1)}
    found["mean"] = np.full((len(rows), K), series.average)
    if season is not None:
        if not 1 <= season <= rows[0] + 1:
            raise ValueError(f"got season {season}, expected 1 to {rows[0] + 1} rows")
        ahead = np.arange(1, K + 1)
        back = season * -(-ahead // season)  # whole seasons, so that what is read is known
        found["season"] = series.last[np.asarray(rows)[:, None] + ahead - back]
    return found


def errors(said: Array, truth: Array) -> Array:
    """Return the root mean squared error of each distance: (K,), over what is known."""
    return np.asarray(np.sqrt(np.nanmean((said - truth) ** 2, axis=0)))


def loss_of(series: Series, rows: Array, said: Array) -> float:
    """Return the loss that training would give to some forecasts: squared errors in the units of the usual moves."""
    off = (said - answers(series, rows)) / np.array(series.plan.moves)
    return float(np.nanmean(off**2))


def example(rng: np.random.Generator, rows: int = 1000) -> Iterator[tuple[str, float, float]]:
    """Make up a series: days, visitors of a place, and rain, which keeps some of them away.

    A week, a slow rise, rain that comes in spells, and noise: visitors = 200 + 0.05·t + week - 30·rain + noise.

    Example:
        >>> day, visitors, rain = next(example(np.random.default_rng(0)))
        >>> day
        '2024-01-01'
    """
    start, wet = np.datetime64("2024-01-01"), 0.0
    week = (-25.0, -20.0, -10.0, -5.0, 10.0, 40.0, 30.0)
    for t in range(rows):
        wet = 0.8 * wet + rng.normal()
        rain = max(0.0, wet)
        visitors = 200 + 0.05 * t + week[t % 7] - 30 * rain + 6 * rng.normal()
        yield str(start + t), round(visitors, 1), round(rain, 2)
