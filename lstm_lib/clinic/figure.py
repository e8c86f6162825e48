"""Draw a patient's chart beside the healthy one. Shapes: T steps, H hidden units."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lstm_lib import plots
from lstm_lib.clinic.charts import KINDS, Chart
from lstm_lib.notation import FAMILIES, GRID, INK

BATCHES = 20  # the loss is shown as means of so many


def draw(chart: Chart, healthy: Chart) -> dict[str, Axes]:
    """Draw losses, kinds of answers, and what happens inside during one sequence.

    Args:
        chart: The patient's.
        healthy: That of the network in which nothing is wrong; its losses and answers stand beside the patient's.

    Returns:
        Axes by name: "loss", "answers", "stream", "gates", "memory".

    Example:
        >>> from lstm_lib.clinic import examine
        >>> chart = examine(0, batches=20)
        >>> draw(chart, chart)["gates"].get_ylabel()
        'gate, mean'
    """
    rows: Any = [["loss", "answers"], ["stream"] * 2, ["gates"] * 2, ["memory"] * 2]
    figure = plt.figure(figsize=(7.0, 7.0), layout="constrained")
    axes: dict[str, Axes] = figure.subplot_mosaic(rows, height_ratios=[2.2, 1.3, 1.8, 2])
    losses = {
        name: c.losses.reshape(-1, BATCHES).mean(axis=1) for name, c in (("healthy", healthy), ("patient", chart))
    }
    places = np.arange(0, len(chart.losses), BATCHES)
    tones = {"healthy": FAMILIES["event"].hue, "patient": INK.hue}
    guessing = ("guessing", float(np.log(4)))
    plots.lines(places, losses, colours=tones, ax=axes["loss"], x="batch", y="loss (nats)", level=guessing)
    axes["loss"].xaxis.set_major_locator(MaxNLocator(4))
    _answers(axes["answers"], chart, healthy)

    plots.stream(chart.sequence, boxes=2, ax=axes["stream"])
    T = len(chart.i)
    means = {name: getattr(chart, name).mean(axis=1) for name in "ifo"}
    look: dict[str, Any] = {"x": "step t", "y": "gate, mean", "kind": "gate", "ylim": (0, 1)}
    plots.lines(range(T), means, colours={name: name for name in "ifo"}, ax=axes["gates"], **look)
    plots.heat(chart.c.T, x="step t", y="unit", bar="c", kind="memory", ax=axes["memory"])
    for name in ("stream", "gates", "memory"):
        axes[name].set_xlim(-0.7, T - 0.3)
    return axes


def _answers(ax: Axes, chart: Chart, healthy: Chart) -> None:
    """Draw bars for the kinds of answers, the patient's below the healthy one's."""
    places = np.arange(len(KINDS))
    ax.barh(places - 0.2, healthy.kinds, 0.36, color=GRID.hue, edgecolor=FAMILIES["event"].hue, label="healthy")
    ax.barh(places + 0.2, chart.kinds, 0.36, color=INK.hue, label="patient")
    for place, share in zip(places, chart.kinds, strict=True):
        ax.annotate(f"{share:.2f}", (share, place + 0.2), (3, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set(yticks=places, yticklabels=KINDS, xlim=(0, 1.15), xticks=[0, 0.5, 1], xlabel="share of answers")
    ax.set_title("outlined: healthy; filled: patient", fontsize=9, loc="left")
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
