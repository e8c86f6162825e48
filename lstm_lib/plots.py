"""Figures of the course: arrays in, Axes out. Colours and lines come from ``notation``.

Shapes: T steps, B batch, K points on a curve, S seeds. Nothing here calls show, savefig or rcParams.
"""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from lstm_lib.notation import FAMILIES, GRID, INK, LINES, SYMBOLS, colour
from lstm_lib.tasks import Batch

Array = np.ndarray[Any, Any]


def blank(
    ax: Axes | None = None,
    *,
    x: str,
    y: str,
    size: tuple[float, float] = (7.0, 2.8),
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
    if ylim is not None:
        ax.set_ylim(ylim)
    if level is not None:
        name, height = level
        ax.axhline(height, color=FAMILIES["event"].hue, linewidth=1)
        place: dict[str, Any] = {"xytext": (2, 2), "textcoords": "offset points", "ha": "left", "fontsize": 9}
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
    ax = blank(**{"size": (7.0, 0.45 * len(groups) + 0.9)} | dress, y="")
    for row, (name, values) in enumerate(groups.items()):
        tone = _tone((colours or {}).get(name), 0, 1)
        ax.plot(values, np.full(len(values), row), "o", color=tone, markersize=6, alpha=0.6, markeredgewidth=0)
        ax.plot([np.median(values)] * 2, [row - 0.3, row + 0.3], color=tone, linewidth=3)
    ax.set(yticks=range(len(groups)), yticklabels=list(groups), ylim=(len(groups) - 0.5, -0.5))
    ax.grid(visible=False, axis="y")
    return ax


def stream(batch: Batch, *, sequence: int = 0, boxes: int, ax: Axes | None = None) -> Axes:
    """Draw one sequence of the stream of boxes: a row a box for writes and questions, a row for passing symbols.

    Args:
        batch: Batch of ``recall_stream`` or ``delay``.
        sequence: Which of the B sequences.
        boxes: N, as handed to the task.
        ax: Axes to draw on; a new figure if None.

    Returns:
        The Axes.

    Example:
        >>> from lstm_lib import tasks
        >>> batch = tasks.recall_stream(np.random.default_rng(0), 2, 12)
        >>> stream(batch, boxes=2).get_xlabel()
        'step t'
    """
    xs = batch.xs[:, sequence]
    T, symbols = len(xs), xs.shape[1] - 2 * boxes
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 0.42 * boxes + 1.1), layout="constrained")
    for t, x in enumerate(xs):
        shown, written, asked = np.split(x, [symbols, symbols + boxes])
        letter = ascii_uppercase[int(shown.argmax())]
        if asked.any():
            answer = ascii_uppercase[int(batch.targets[t, sequence])]
            _tile(ax, t, int(asked.argmax()), f"{answer}?", FAMILIES["use"].hue, filled=False)
        elif written.any():
            _tile(ax, t, int(written.argmax()), letter, FAMILIES["learn"].hue, filled=True)
        else:
            ax.text(t, boxes, letter.lower(), ha="center", va="center", color=FAMILIES["event"].hue)
    names = [f"box {n + 1}" for n in range(boxes)] + ["passing by"]
    ax.set(xlim=(-0.7, T - 0.3), ylim=(boxes + 0.6, -0.6), xlabel="step t", yticks=range(boxes + 1), yticklabels=names)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(left=False)
    return ax


def padded(lengths: Sequence[int] | Array, *, ax: Axes | None = None) -> Axes:
    """Draw a padded batch, a row a sequence: real steps filled, the last one in the use gate's colour, padding empty.

    A frame marks the last step of the batch, which ``output[-1]`` reads.

    Args:
        lengths: Real steps of each sequence (B,).
        ax: Axes to draw on; a new figure if None.

    Returns:
        The Axes.

    Example:
        >>> ax = padded([3, 5, 9])
        >>> len(ax.patches)  # 27 steps and the frame
        28
    """
    B, T = len(lengths), int(max(lengths))
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 0.42 * B + 0.9), layout="constrained")
    for row, length in enumerate(lengths):
        for t in range(T):
            family = FAMILIES["use" if t == length - 1 else "event"]
            if t < length:
                _tile(ax, t, row, "x", family.hue, filled=True)
            else:
                _tile(ax, t, row, "0", GRID.hue, filled=False)
    frame: dict[str, Any] = {"facecolor": "none", "edgecolor": FAMILIES["forget"].hue, "linewidth": 2.4}
    ax.add_patch(Rectangle((T - 1.5, -0.5), 1, B, **frame))
    ax.annotate("output[-1]", (T - 0.4, (B - 1) / 2), va="center", color=FAMILIES["forget"].on_light, fontsize=9)
    ax.set(xlim=(-0.7, T + 0.9), ylim=(B - 0.4, -0.6), xlabel="step t", yticks=range(B), xticks=range(T))
    ax.set_yticklabels([f"sequence {n + 1}" for n in range(B)])
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(left=False)
    return ax


def heat(
    values: Array,
    *,
    x: str,
    y: str,
    bar: str,
    kind: str = "gate",
    ax: Axes | None = None,
    size: tuple[float, float] = (7.0, 2.6),
) -> Axes:
    """Draw a matrix: gates in cividis from 0 to 1, memories in PuOr around 0, gradients in viridis on a log scale.

    Args:
        values: Matrix (rows, columns).
        x: Label of the columns.
        y: Label of the rows.
        bar: Label of the colour bar, with its unit.
        kind: "gate", "memory" or "gradient".
        ax: Axes to draw on; a new figure if None.
        size: Width and height of a new figure in inches.

    Returns:
        The Axes.

    Raises:
        ValueError: If the kind is unknown.

    Example:
        >>> heat(np.eye(3), x="step t", y="unit", bar="f").get_ylabel()
        'unit'
    """
    looks: dict[str, dict[str, Any]] = {
        "gate": {"cmap": "cividis", "vmin": 0, "vmax": 1},
        "memory": {"cmap": "PuOr", "vmin": -1, "vmax": 1},
        "gradient": {"cmap": "viridis", "norm": LogNorm()},
    }
    if kind not in looks:
        raise ValueError(f"got kind {kind!r}, expected one of {', '.join(looks)}")
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    image = ax.imshow(values, aspect="auto", interpolation="nearest", **looks[kind])
    ax.set(xlabel=x, ylabel=y)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    ax.figure.colorbar(image, ax=ax, label=bar)
    return ax


def success_map(
    solved: Array,
    *,
    delays: Sequence[int] | Array,
    forget_biases: Sequence[float] | Array = (),
    starts: Sequence[str] = (),
    left: Sequence[float] = (),
    ax: Axes | None = None,
    size: tuple[float, float] = (4.2, 3.2),
) -> Axes:
    """Draw the share of solved runs over delay and start, and lines on which f^k of a gradient is left.

    Args:
        solved: Shares from 0 to 1 (delays, starts).
        delays: k of the rows, ascending, in steps.
        forget_biases: b_f of the columns, ascending.
        starts: Names of the columns, where they are other starts than forget biases.
        left: For each share a line is drawn where σ(b_f)^k equals it; it needs ``forget_biases``.
        ax: Axes to draw on; a new figure if None.
        size: Width and height of a new figure in inches.

    Returns:
        The Axes.

    Raises:
        ValueError: If there is not one name or one forget bias for each column.

    Example:
        >>> ax = success_map(np.eye(2), delays=[10, 100], forget_biases=[0, 5], left=[0.1])
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['10', '100']
    """
    names = list(starts) or [f"{bias:g}" for bias in forget_biases]
    if np.shape(solved) != (len(delays), len(names)):
        expected = f"{(len(delays), len(names))} for {len(delays)} delays and {len(names)} starts"
        raise ValueError(f"got shares of shape {np.shape(solved)}, expected {expected}")
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    ax.imshow(solved, aspect="auto", interpolation="nearest", cmap="cividis", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(np.asarray(solved)):
        text = ax.annotate(f"{share:.0%}", (column, row - 0.28), ha="center", va="center", fontsize=7, zorder=4)
        tone, around = ("white", "black") if share < 0.5 else ("black", "white")
        text.set(color=tone, path_effects=[Stroke(linewidth=2, foreground=around), Normal()])  # readable on the lines
    for share in left:
        _where_is_left(ax, share, np.asarray(delays), np.asarray(forget_biases))
    ax.set(xlabel="start" if starts else "forget bias at the start", ylabel="delay (steps)")
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(delays)), [str(k) for k in delays])
    return ax


def _where_is_left(ax: Axes, share: float, delays: Array, biases: Array) -> None:
    """Draw the line on a success map on which σ(b_f)^k is the share."""
    rows, columns = np.arange(len(delays)), np.arange(len(biases))
    places = np.linspace(0, len(columns) - 1, 200)
    k = np.log(share) / np.log(1 / (1 + np.exp(-np.interp(places, columns, biases))))
    inside = (k >= delays[0]) & (k <= delays[-1])
    if not inside.any():
        return
    curve = places[inside], np.interp(np.log(k[inside]), np.log(delays), rows)
    ax.plot(*curve, color="white", linewidth=3.5)
    ax.plot(*curve, LINES["gradient"].style, color=FAMILIES["forget"].hue, linewidth=1.8)
    look: dict[str, Any] = {"fontsize": 7, "ha": "center", "va": "center", "color": FAMILIES["forget"].on_light}
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    name = f"{share:g}" if share >= 0.01 else np.format_float_scientific(share, trim="-", exp_digits=1)
    ax.annotate(name, (curve[0][-1], curve[1][-1] + 0.25), bbox=box, **look)


# ---------------------------------------------------------------- shared


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
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _tile(ax: Axes, t: int, row: int, text: str, tone: str, *, filled: bool) -> None:
    face = tone if filled else "none"
    ax.add_patch(Rectangle((t - 0.42, row - 0.38), 0.84, 0.76, facecolor=face, edgecolor=tone, linewidth=1.6))
    ax.text(t, row, text, ha="center", va="center", fontsize=9, color="white" if filled else INK.hue, weight="bold")


def _name_ends(ax: Axes, x: float, ends: list[tuple[str, float, Any]]) -> None:
    """Write each curve's name right of its end, pushed apart where they would touch."""
    log = ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    scale = (lambda y: np.log10(max(y, low))) if log else (lambda y: y)
    gap = 0.09 * (scale(high) - scale(low)) * 200 / ax.bbox.height
    last = -np.inf
    for name, y, tone in sorted(ends, key=lambda end: end[1]):
        place = max(scale(y), last + gap)
        last = place
        ax.annotate(
            name,
            (x, 10**place if log else place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=tone,
            fontsize=9,
            annotation_clip=False,
        )
