"""Draw what the doctor has measured inside. Shapes: T steps, H hidden units."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lstm_lib import plots
from lstm_lib.notation import FAMILIES, colour

Numbers = dict[str, Any]
LONGEST = 1e5  # half-lives beyond it are drawn at it


def draw(layers: list[Numbers]) -> dict[str, Axes]:
    """Draw each layer and direction: its half-lives, gates, memories, and the gradient's reach.

    Args:
        layers: What was measured of them, ``Report.layers``.

    Returns:
        Axes by name: "half-lives", "gates", "memory", "gradient".

    Raises:
        ValueError: If there is none.

    Example:
        >>> import torch
        >>> from lstm_lib import doctor
        >>> from lstm_lib.nn import LSTM
        >>> axes = doctor.examine(LSTM(3, 8), torch.randn(20, 4, 3)).plot()
        >>> axes["gradient"].get_xlabel()
        'lag (steps)'
    """
    if not layers:
        raise ValueError("got a report without layers that were looked into, expected one at least")
    names = [row["where"] for row in layers] if len(layers) > 1 else [""]
    figure = plt.figure(figsize=(4.6, 8.4 + 0.3 * len(layers)), layout="constrained")
    rows: Any = [["half-lives"], ["gates"], ["memory"], ["gradient"]]
    heights = [1 + 0.3 * len(layers), 1.2 + 0.3 * len(layers), 1.6, 1.8]
    axes: dict[str, Axes] = figure.subplot_mosaic(rows, height_ratios=heights)
    _half_lives(axes["half-lives"], layers, names)
    _gates(axes["gates"], layers, names)
    _curves(axes["memory"], layers, "memory at each step", x="step t", y="|c|, mean", kind="memory", hue="c")
    _curves(axes["gradient"], layers, "gradient by lag", x="lag (steps)", y="gradient", kind="gradient", hue="c")
    return axes


def _half_lives(ax: Axes, layers: list[Numbers], names: list[str]) -> None:
    """Draw a dot for each unit, and a line at the lag."""
    plots.blank(ax, x="half-life (steps), a dot a unit", y="")
    for n, row in enumerate(layers):
        values = np.minimum(row["half-lives"], LONGEST)
        ax.plot(values, np.full(len(values), n), "o", color=colour("f"), alpha=0.5, markeredgewidth=0)
    lag = layers[0]["lag"]
    ax.axvline(lag, color=FAMILIES["event"].hue, linewidth=1)
    ax.annotate(f"{lag} steps", (lag, 1), xycoords=ax.get_xaxis_transform(), fontsize=9, ha="right", va="bottom")
    ax.set_xscale("log")
    ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(layers) - 0.5, -0.5))


def _gates(ax: Axes, layers: list[Numbers], names: list[str]) -> None:
    """Draw each gate's mean as a dot."""
    plots.blank(ax, x="gate, mean", y="")
    ticks, labels = [], []
    for n, row in enumerate(layers):
        for k, (name, gate) in enumerate(row["gates"].items()):
            place = n + 0.25 * k
            ax.plot([gate["mean"]], [place], "o", color=colour(name), markersize=7)
            ticks.append(place)
            labels.append(f"{names[n]} {name}".strip())
    ax.set(yticks=ticks, yticklabels=labels, xlim=(-0.02, 1.02), ylim=(max(ticks) + 0.25, -0.25))


def _curves(ax: Axes, layers: list[Numbers], what: str, *, x: str, y: str, kind: str, hue: str) -> None:
    """Draw one curve a layer, named by its place in the list where there are several."""
    for n, row in enumerate(layers):
        values = np.asarray(row.get(what, []), float)
        values = np.where(values > 0, values, np.nan) if kind == "gradient" else values
        name = "" if len(layers) == 1 else str(n + 1)
        if np.isfinite(values).any():
            plots.lines(range(len(values)), {name: values}, colours={name: hue}, kind=kind, ax=ax, x=x, y=y)
    if kind == "gradient":
        plots.blank(ax, x=x, y=y, log=True)
