"""Matrices as colours: heat maps, and the map of what is learned."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from lstm_lib._array import Array
from lstm_lib.notation import FAMILIES, INK, LINES
from lstm_lib.plots.curves import power, typeset


def heat(
    values: Array,
    *,
    x: str,
    y: str,
    bar: str,
    limit: float = 1.0,
    below: bool = False,
    kind: str = "gate",
    ax: Axes | None = None,
    size: tuple[float, float] = (4.4, 2.6),
) -> Axes:
    """Draw a matrix: gates in cividis from 0 to 1, memories in PuOr around 0, gradients in viridis on a log scale.

    Args:
        values: Matrix (rows, columns).
        x: Label of the columns.
        y: Label of the rows.
        bar: Label of the colour bar, with its unit.
        limit: Where the colours of a memory end.
        below: Whether the colour bar lies below, and leaves the width to the steps.
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
        "memory": {"cmap": "PuOr", "vmin": -limit, "vmax": limit},
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
    place: dict[str, Any] = {"location": "bottom", "aspect": 40} if below else {}
    ax.figure.colorbar(image, ax=ax, label=bar, **place)
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
        text = ax.annotate(f"{share:.0%}", (column, row - 0.28), ha="center", va="center", fontsize=9, zorder=4)
        tone, around = ("white", "black") if share < 0.5 else ("black", "white")
        text.set(color=tone, path_effects=[Stroke(linewidth=2, foreground=around), Normal()])  # readable on the lines
    for share in left:
        _where_is_left(ax, share, np.asarray(delays), np.asarray(forget_biases))
    ax.set(xlabel="start" if starts else "forget bias at the start", ylabel="delay (steps)")
    ax.set_xticks(range(len(names)), [typeset(name) for name in names])
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
    look: dict[str, Any] = {"fontsize": 9, "ha": "center", "va": "center", "color": FAMILIES["forget"].on_light}
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    name = power(share)
    ax.annotate(name, (curve[0][-1], curve[1][-1] + 0.25), bbox=box, **look)


def text(characters: str, values: Array, *, bar: str, ax: Axes | None = None, width: float = 4.6) -> Axes:
    r"""Draw a text with a colour behind each character: PuOr around 0, for a cell that follows the text.

    Args:
        characters: The text; a line break ends a row.
        values: One number between -1 and 1 for each character (T,).
        bar: Label of the colour bar.
        ax: Axes to draw on; a new figure if None.
        width: Width of a new figure in inches.

    Returns:
        The Axes.

    Raises:
        ValueError: If there is not one number a character.

    Example:
        >>> ax = text("if x:\n  y", np.linspace(-1, 1, 9), bar="tanh c")
        >>> [letter.get_text() for letter in ax.texts]
        ['i', 'f', 'x', ':', 'y']
    """
    if np.shape(values) != (len(characters),):
        what = f"got values of shape {np.shape(values)}"
        raise ValueError(f"{what}, expected one for each of {len(characters)} characters")
    rows = characters.split("\n")
    columns = max(len(row) for row in rows) + 1  # a line break has its place at the end of its row
    grid = np.full((len(rows), columns), np.nan)
    if ax is None:
        _, ax = plt.subplots(figsize=(width, 0.8 + 0.2 * len(rows)), layout="constrained")
    at = 0
    for row, line in enumerate(rows):
        held = values[at : at + len(line) + 1]
        grid[row, : len(held)] = held
        at += len(line) + 1
        for column, letter in enumerate(line):
            ink = "white" if abs(grid[row, column]) > 0.75 else INK.hue
            if letter != " ":
                ax.text(column, row, letter, color=ink, family="monospace", size=9, ha="center", va="center")
    image = ax.imshow(grid, aspect="auto", cmap="PuOr", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    ax.figure.colorbar(image, ax=ax, label=bar, location="bottom", aspect=40)
    return ax
