"""Curves and points: arrays in, Axes out. Shapes: K points on a curve, S seeds."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator

from lstm_lib._array import Array
from lstm_lib.notation import FAMILIES, GRID, INK, LINES, SYMBOLS, colour


def blank(
    ax: Axes | None = None,
    *,
    x: str,
    y: str,
    size: tuple[float, float] = (4.4, 2.6),
    ylim: tuple[float, float] | None = None,
    log: bool = False,
    level: tuple[str, float] | None = None,
) -> Axes:
    """Return Axes in the course's look: named axes, light grid, no top and right spines.

    Args:
        ax: Axes to dress; a new figure if None.
        x: Label of the x axis, with its unit.
        y: Label of the y axis, with its unit.
        size: Width and height of a new figure in inches.
        ylim: Range of y.
        log: Whether y is logarithmic.
        level: Name and height of a thin line across, such as ("chance", 0.25).

    Returns:
        The Axes.

    Example:
        >>> blank(x="step t", y="h").get_xlabel()
        'step t'
    """
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color=GRID.hue, linewidth=0.6)
    ax.set_axisbelow(True)
    if log:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(lambda y, _: power(y))
        ax.yaxis.set_minor_formatter(lambda y, _: _between_powers(ax, y))
    if ylim is not None:
        ax.set_ylim(ylim)
    if level is not None:
        name, height = level
        ax.axhline(height, color=FAMILIES["event"].hue, linewidth=1)
        place: dict[str, Any] = {"xytext": (2, 2), "textcoords": "offset points", "ha": "left", "fontsize": 9}
        place |= {"bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.75}, "zorder": 5}
        ax.annotate(name, (0, height), xycoords=ax.get_yaxis_transform(), color=FAMILIES["event"].on_light, **place)
    return ax


def lines(
    xs: Sequence[float] | Array,
    curves: Mapping[str, Sequence[float] | Array],
    *,
    colours: Mapping[str, str] | None = None,
    kind: str = "memory",
    dots: bool = False,
    **dress: Any,
) -> Axes:
    """Draw curves over one x, each named at its right end.

    Args:
        xs: Places (K,).
        curves: Name to values (K,).
        colours: Name to a symbol of the table or to a colour; the rest is drawn in shades of ink.
        kind: Kind of number, a key of ``notation.LINES``.
        dots: Whether to mark the points.
        dress: What ``blank`` takes: ax, x, y, size, ylim, log, level.

    Returns:
        The Axes.

    Example:
        >>> ax = lines([0, 1, 2], {"kept": [1, 0.5, 0.25]}, x="step t", y="share of the state")
        >>> ax.texts[0].get_text()
        'kept'
    """
    ax = blank(**dress)
    style = LINES[kind]
    ends = []
    for n, (name, ys) in enumerate(curves.items()):
        tone = _tone((colours or {}).get(name), n, len(curves))
        ax.plot(xs, ys, style.style, color=tone, linewidth=style.width, marker="o" if dots else None, markersize=4)
        ends.append((name, float(np.asarray(ys)[-1]), tone))
    _name_ends(ax, float(np.asarray(xs)[-1]), ends)
    _count_in_whole_steps(ax, xs)
    return ax


def runs(
    xs: Sequence[float] | Array,
    groups: Mapping[str, Array],
    *,
    colours: Mapping[str, str] | None = None,
    kind: str = "memory",
    **dress: Any,
) -> Axes:
    """Draw quantities of several seeds: each seed thin, each median thick and named at its right end.

    Args:
        xs: Places (K,).
        groups: Name to values (S, K), one row a seed.
        colours: Name to a symbol of the table or to a colour; the rest is drawn in shades of ink.
        kind: Kind of number, a key of ``notation.LINES``.
        dress: What ``blank`` takes: ax, x, y, size, ylim, log, level.

    Returns:
        The Axes.

    Raises:
        ValueError: If a group has not one row a seed and one column a place.

    Example:
        >>> ax = runs([0, 1], {"RNN": np.array([[0.0, 1.0], [0.2, 0.8]])}, x="delay", y="accuracy")
        >>> len(ax.lines)  # two seeds and their median
        3
    """
    ax = blank(**dress)
    style, ends = LINES[kind], []
    for n, (name, ys) in enumerate(groups.items()):
        ys = np.asarray(ys)
        if ys.ndim != 2 or ys.shape[1] != len(xs):
            raise ValueError(f"got {name} of shape {ys.shape}, expected (S, K) with K = {len(xs)}")
        tone = _tone((colours or {}).get(name), n, len(groups))
        for row in ys:
            ax.plot(xs, row, style.style, color=tone, linewidth=0.8, alpha=0.45)
        median = np.median(ys, axis=0)
        ax.plot(xs, median, style.style, color=tone, linewidth=style.width)
        ends.append((name, float(median[-1]), tone))
    _name_ends(ax, float(np.asarray(xs)[-1]), ends)
    _count_in_whole_steps(ax, xs)
    return ax


def spread(
    groups: Mapping[str, Sequence[float] | Array], *, colours: Mapping[str, str] | None = None, **dress: Any
) -> Axes:
    """Draw one row a group: a dot for each seed and a bar at the median.

    Args:
        groups: Name to values (S,), drawn from the top.
        colours: Name to a symbol of the table or to a colour; the rest is drawn in ink.
        dress: What ``blank`` takes but y: ax, x, size.

    Returns:
        The Axes.

    Example:
        >>> ax = spread({"RNN": [0.4, 0.5], "LSTM": [1.0, 1.0]}, x="accuracy")
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['RNN', 'LSTM']
    """
    ax = blank(**{"size": (4.4, 0.45 * len(groups) + 0.9)} | dress, y="")
    for row, (name, values) in enumerate(groups.items()):
        tone = _tone((colours or {}).get(name), 0, 1)
        ax.plot(values, np.full(len(values), row), "o", color=tone, markersize=6, alpha=0.6, markeredgewidth=0)
        ax.plot([np.median(values)] * 2, [row - 0.3, row + 0.3], color=tone, linewidth=3)
    ax.set(yticks=range(len(groups)), yticklabels=[typeset(name) for name in groups], ylim=(len(groups) - 0.5, -0.5))
    ax.grid(visible=False, axis="y")
    return ax


def typeset(name: str) -> str:
    """Return a name with its symbols as formulas: b_f becomes b with a small f below it.

    Example:
        >>> typeset("b_f = 5, chrono")
        '$b_f$ = 5, chrono'
    """
    return re.sub(r"\b([A-Za-z])_([a-z])\b", r"$\1_\2$", name)


def power(number: float) -> str:
    """Return a number of a logarithmic axis as code prints it: the exponent of 10⁻⁴ would be too small on a telephone.

    Example:
        >>> power(1e-4), power(0.01), power(1000)
        ('1e-4', '0.01', '1000')
    """
    plain = 0.01 <= number < 1e5
    return f"{number:g}" if plain else np.format_float_scientific(number, trim="-", exp_digits=1)


def _between_powers(ax: Axes, y: float) -> str:
    """Name 2 and 5 times a power of ten where the axis shows fewer than two powers, which alone would say nothing."""
    low, high = np.log10(ax.get_ylim())
    first = round(y / 10 ** np.floor(np.log10(y)))
    return power(y) if np.floor(high) <= np.ceil(low) and first in (2, 5) else ""


def _tone(wanted: str | None, n: int, count: int) -> Any:
    """Return a line colour: of a symbol, as given, or the n-th shade of ink."""
    if wanted in SYMBOLS:
        return colour(str(wanted))
    if wanted is not None:
        return wanted
    dark = np.array(to_rgb(INK.hue))
    return tuple(dark + (0.5 - dark) * (n / max(count - 1, 1)))


def _count_in_whole_steps(ax: Axes, xs: Sequence[float] | Array) -> None:
    """Put no ticks between two steps."""
    if np.issubdtype(np.asarray(xs).dtype, np.integer):
        ax.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))


def _name_ends(ax: Axes, x: float, ends: list[tuple[str, float, Any]]) -> None:
    """Write each curve's name right of its end and of the axes, pushed apart where they would touch."""
    ax.margins(x=0.01)  # no line across runs on into the names
    log = ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    scale = (lambda y: np.log10(max(y, low))) if log else (lambda y: y)
    gap = 0.09 * (scale(high) - scale(low)) * 200 / ax.bbox.height
    last = -np.inf
    for name, y, tone in sorted(ends, key=lambda end: end[1]):
        place = max(scale(y), last + gap)
        last = place
        ax.annotate(
            typeset(name),
            (x, 10**place if log else place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=tone,
            fontsize=9,
            annotation_clip=False,
        )
