"""An evening of films as a picture: casts, faces, beliefs, gates. Shapes: T frames, B batch, K films."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.patches import Polygon, Rectangle

from lstm_lib._array import Array
from lstm_lib.notation import FAMILIES, FILMS, INK, PAGE, SYMBOLS
from lstm_lib.plots.curves import blank
from lstm_lib.tasks import Batch
from lstm_lib.tasks import film as task

CAST_AT = (-4.0, -3.0, -2.0)  # where the columns of the cast stand, left of frame 0


def film(
    batch: Batch,
    *,
    sequence: int = 0,
    frames: int | None = None,
    beliefs: Mapping[str, Array],
    shares: Mapping[str, Array],
    colours: Mapping[str, str] | None = None,
    width: float = 4.4,
) -> list[Axes]:
    """Draw an evening from the top: who plays where and who is seen when, then beliefs, then gates.

    A face has the colours of the films in which it plays; scenery is grey. Upright lines are first frames of films.

    Args:
        batch: Batch of ``tasks.film.stream``.
        sequence: Which of the B sequences.
        frames: How many frames to draw, from the first; all if None.
        beliefs: Name to the probability of each film after each frame (T, B, K); each gets a panel of stacked bars.
        shares: Name to a number between 0 and 1 at each frame (T, B); all are drawn in the lowest panel.
        colours: Name of a share to a symbol of the table; the rest is drawn in ink.
        width: Width of the figure in inches.

    Returns:
        The Axes, from the top to the bottom.

    Raises:
        ValueError: If a belief or a share is not one for each frame of the batch.

    Example:
        >>> batch = task.stream(np.random.default_rng(0), 1, 12)
        >>> known = task.belief(batch.xs)
        >>> axes = film(batch, beliefs={"known": known}, shares={"Bat": known[..., 0]})
        >>> [ax.get_ylabel() for ax in axes]
        ['', 'known', '']
    """
    for name, given in {**beliefs, **shares}.items():
        if np.shape(given)[:2] != batch.targets.shape:
            raise ValueError(f"got {name} of shape {np.shape(given)}, expected {batch.targets.shape} first")
    xs, films = (array[:frames, sequence] for array in (batch.xs, batch.targets))
    beliefs, shares = ({name: a[:frames, sequence] for name, a in some.items()} for some in (beliefs, shares))
    faces, begins = task.frame_parts(xs)
    heights = (3.2, *[0.8] * len(beliefs), 1.0)
    look: dict[str, Any] = {"height_ratios": heights, "sharex": True, "layout": "constrained"}
    figure, grid = plt.subplots(len(heights), 1, figsize=(width, 0.5 + sum(heights)), **look)
    axes: list[Axes] = list(grid)

    _story(axes[0], faces.argmax(axis=1), films, np.flatnonzero(begins))
    for ax, (name, belief) in zip(axes[1:], beliefs.items(), strict=False):
        _belief(ax, name, belief)
    _shares(axes[-1], shares, colours or {})
    for ax in axes:
        ax.tick_params(labelsize=9)
        top = -1.9 if ax is axes[0] else 1
        ax.vlines(np.flatnonzero(begins) - 0.5, min(ax.get_ylim()[0], 7), top, color=FAMILIES["event"].hue, linewidth=1)
    axes[-1].set(xlim=(CAST_AT[0] - 0.7, len(xs) - 0.3), xticks=range(0, len(xs), 5))
    return axes


def _story(ax: Axes, seen: Array, films: Array, first: Array) -> None:
    """Draw the casts, the film that is shown, and a tile for the face at each frame."""
    for x, name in zip(CAST_AT, task.FILMS, strict=True):
        ax.text(x, -0.8, name, rotation=90, ha="center", va="bottom", color=FILMS[name].on_light, fontsize=9)
        for row, chance in enumerate(task.CASTS[task.FILMS.index(name)]):
            if chance and _says_something(row):
                _tile(ax, x, row, [name])
    for t, row in enumerate(seen):
        _tile(ax, t, row, [name for name, chance in zip(task.FILMS, task.CASTS[:, row], strict=True) if chance])
    ends = [*first[1:], len(seen)]
    for start, end in zip(first, ends, strict=True):
        name = task.FILMS[films[start]]
        ax.add_patch(Rectangle((start - 0.42, -1.9), end - start - 0.16, 1.1, facecolor=FILMS[name].hue))
        if end - start >= 0.6 * len(name):
            place: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9, "weight": "bold"}
            light = np.dot(to_rgb(FILMS[name].hue), (0.21, 0.72, 0.07)) > 0.5
            ax.text((start + end - 1) / 2, -1.35, name, color=INK.hue if light else PAGE.hue, **place)
    ax.text(-0.4, -2.2, "the film, hidden from the network", ha="left", va="bottom", fontsize=9, color=INK.hue)
    ax.set(ylim=(len(task.FACES) - 0.4, -3.1), yticks=range(len(task.FACES)), yticklabels=task.FACES)
    ax.spines[:].set_visible(False)
    ax.tick_params(left=False, bottom=False)


def _says_something(row: int) -> bool:
    return len(set(task.CASTS[:, row])) > 1


def _tile(ax: Axes, x: float, row: int, names: list[str]) -> None:
    """Draw a face in the colour of its film, or of its two films on both sides of the diagonal; scenery in grey."""
    left, right, top, bottom = x - 0.42, x + 0.42, row - 0.4, row + 0.4
    tones = [to_rgba(FILMS[name].hue) for name in names]
    if not _says_something(row):
        tones = [to_rgba(FAMILIES["event"].hue, 0.3)]
    corners = [(left, bottom), (left, top), (right, top), (right, bottom)]
    halves = [corners] if len(tones) == 1 else [corners[:3], [corners[2], corners[3], corners[0]]]
    for half, tone in zip(halves, tones, strict=True):
        ax.add_patch(Polygon(half, facecolor=tone, edgecolor="none"))


def _panel(ax: Axes, x: str) -> None:
    """Dress a lower panel: a scale from 0 to 1 that stands at frame 0, right of the casts."""
    blank(ax, x=x, y="", ylim=(0, 1))
    ax.set_yticks([0, 0.5, 1], ["0", "½", "1"])
    ax.xaxis.label.set_fontsize(9)
    ax.spines["left"].set_position(("data", -0.6))
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(bottom=False)
    ax.grid(visible=False)


def _belief(ax: Axes, name: str, belief: Array) -> None:
    """Draw the probabilities of the films as bars on one another."""
    _panel(ax, "")
    below = np.zeros(len(belief))
    for k, which in enumerate(task.FILMS):
        ax.bar(range(len(belief)), belief[:, k], bottom=below, width=0.84, color=FILMS[which].hue, linewidth=0)
        below = below + belief[:, k]
    ax.set_ylabel(name, fontsize=9)


def _shares(ax: Axes, shares: Mapping[str, Array], colours: Mapping[str, str]) -> None:
    """Draw shares over the frames, each named at the left."""
    _panel(ax, "frame")
    for n, (name, values) in enumerate(shares.items()):
        symbol = SYMBOLS.get(colours.get(name, ""))
        tone = FAMILIES[symbol.family] if symbol else INK
        ax.plot(range(len(values)), values, color=tone.hue, linewidth=1.8, marker="o", markersize=3)
        place: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "center", "fontsize": 9}
        ax.text(0.1, 1 - (n + 0.5) / len(shares), name, color=tone.on_light, **place)
