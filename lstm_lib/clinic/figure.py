"""Draw a patient's chart beside the healthy one. Shapes: T steps, H hidden units."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from lstm_lib import plots
from lstm_lib.clinic.charts import Chart
from lstm_lib.notation import FAMILIES, GRID, INK, SYMBOLS, colour
from lstm_lib.tasks.answers import KINDS

BATCHES = 20  # the thick line of the loss shows means of so many
NAME = 0.19  # what the name of a gate takes of the height of its panel
STANDING = 0.05  # a gate this close to 0 or 1 hardly moves: its slope is below 0.05


def draw(chart: Chart, healthy: Chart) -> dict[str, Axes]:
    """Draw losses, kinds of answers, and what happens inside during one sequence.

    Args:
        chart: The patient's.
        healthy: That of the network in which nothing is wrong; its losses, answers and gates are shown with them.

    Returns:
        Axes by name: "loss", "answers", "stream", "gates", "memory".

    Example:
        >>> from lstm_lib.clinic import examine
        >>> chart = examine(0, batches=20)
        >>> draw(chart, chart)["gates"].get_ylabel()
        'gate, mean'
    """
    figure = plt.figure(figsize=(4.6, 9.6), layout="constrained")
    rows: Any = [["loss"], ["answers"], ["stream"], ["gates"], ["memory"]]
    axes: dict[str, Axes] = figure.subplot_mosaic(rows, height_ratios=[1.9, 1.7, 1.1, 1.9, 2.6])
    _losses(axes["loss"], chart, healthy)
    _answers(axes["answers"], chart, healthy)
    _stream(axes["stream"], chart)
    _gates(axes["gates"], chart, healthy)
    plots.heat(chart.c.T, x="step t", y="unit", bar="c, cut at ±1", kind="memory", below=True, ax=axes["memory"])
    bar: Any = axes["memory"].images[0].colorbar
    bar.set_ticks([-1, -0.5, 0, 0.5, 1])
    for name in ("stream", "gates", "memory"):
        axes[name].set_xlim(-0.7, len(chart.c) - 0.3)
    return axes


def _losses(ax: Axes, chart: Chart, healthy: Chart) -> None:
    """Draw each batch's loss as a thin line, and their means as a thick one."""
    both = {"healthy": healthy.losses, "patient": chart.losses}
    tones = {"healthy": FAMILIES["event"].hue, "patient": INK.hue}
    places = np.arange(0, len(chart.losses), BATCHES)
    means = {name: [losses[k : k + BATCHES].mean() for k in places] for name, losses in both.items()}
    guessing = ("guessing", float(np.log(4)))
    plots.lines(places + BATCHES / 2, means, colours=tones, ax=ax, x="batch", y="loss (nats)", level=guessing)
    for name, losses in both.items():
        ax.plot(losses, color=tones[name], linewidth=0.5, alpha=0.5)
    ax.set_ylim(0, None)
    ax.xaxis.set_major_locator(MaxNLocator(4))


def _stream(ax: Axes, chart: Chart) -> None:
    """Draw the sequence; a frame says that its letter is asked for, and 30 steps leave no room for a question mark."""
    plots.stream(chart.sequence, boxes=2, ax=ax)
    for text in ax.texts:
        text.set_text(text.get_text().rstrip("?"))


def _gates(ax: Axes, chart: Chart, healthy: Chart) -> None:
    """Draw the mean of each gate over the units, the healthy network's thin behind it; say how many stand still."""
    T = len(chart.i)
    means = {name: getattr(chart, name).mean(axis=1) for name in "ifo"}
    look: dict[str, Any] = {"x": "step t", "y": "gate, mean", "kind": "gate", "ylim": (0, 1)}
    plots.lines(range(T), means, colours={name: name for name in "ifo"}, ax=ax, **look)
    for name in "ifo":
        ax.plot(getattr(healthy, name).mean(axis=1), color=colour(name), linewidth=0.8, alpha=0.5)
    _part(ax)
    every = np.concatenate([chart.i, chart.f, chart.o])
    still = np.mean((every < STANDING) | (every > 1 - STANDING))
    ax.set_title(
        f"thin: healthy. Below {STANDING} or above {1 - STANDING}: {still:.0%} of all gates", fontsize=9, loc="left"
    )


def _part(ax: Axes) -> None:
    """Set the names at the ends of the gates bold, in the colours of words, and so far apart that none touches another.

    The panel is lower than ``lines`` could know when it placed them.
    """
    names = sorted((text for text in ax.texts if isinstance(text, Annotation)), key=lambda text: text.xy[1])
    top = 1.0
    for n, text in reversed(list(enumerate(names))):
        top = min(max(text.xy[1], NAME * n), top)
        text.xy = (text.xy[0], top)
        text.set(fontweight="bold", color=FAMILIES[SYMBOLS[text.get_text()].family].on_light)
        top -= NAME


def _answers(ax: Axes, chart: Chart, healthy: Chart) -> None:
    """Draw bars for the kinds of answers, the patient's below the healthy one's."""
    places = np.arange(len(KINDS))
    ax.barh(places - 0.2, healthy.kinds, 0.36, color=GRID.hue, edgecolor=FAMILIES["event"].hue, label="healthy")
    ax.barh(places + 0.2, chart.kinds, 0.36, color=INK.hue, label="patient")
    for place, share in zip(places, chart.kinds, strict=True):
        ax.annotate(f"{share:.2f}", (share, place + 0.2), (3, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set(yticks=places, yticklabels=KINDS, xlim=(0, 1.15), xticks=[0, 0.5, 1], xlabel="share of answers")
    ax.set_title("outlined: healthy; filled: patient", fontsize=9, loc="left")
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
