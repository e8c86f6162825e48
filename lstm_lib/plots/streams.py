"""Sequences as rows of tiles. Shapes: T steps, B batch."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from lstm_lib.notation import FAMILIES, GRID, INK
from lstm_lib.plots.maps import heat
from lstm_lib.tasks import Array, Batch, stream_parts


def stream(batch: Batch, *, sequence: int = 0, boxes: int, ax: Axes | None = None, width: float = 4.6) -> Axes:
    """Draw one sequence of the stream of boxes: a row a box for writes and questions, a row for passing symbols.

    Args:
        batch: Batch of ``recall_stream`` or ``delay``.
        sequence: Which of the B sequences.
        boxes: N, as handed to the task.
        ax: Axes to draw on; a new figure if None.
        width: Width of a new figure in inches.

    Returns:
        The Axes.

    Example:
        >>> import numpy as np
        >>> from lstm_lib import tasks
        >>> batch = tasks.recall_stream(np.random.default_rng(0), 2, 12)
        >>> stream(batch, boxes=2).get_xlabel()
        'step t'
    """
    parts = stream_parts(batch.xs[:, sequence], boxes=boxes)
    T = len(parts.symbols)
    if ax is None:
        _, ax = plt.subplots(figsize=(width, 0.42 * boxes + 1.1), layout="constrained")
    for t, (shown, written, asked) in enumerate(zip(*parts, strict=True)):
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
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(left=False)
    return ax


def inside(
    batch: Batch,
    values: Array,
    *,
    boxes: int,
    bar: str,
    sequence: int = 0,
    size: tuple[float, float] = (4.6, 3.4),
    **look: Any,
) -> Axes:
    """Draw what goes on in each unit while a sequence passes: its symbols on top, a heat map of the units below them.

    A written symbol stands on a filled tile, an answer that is asked for in a frame, and what passes by is a small
    letter.

    Args:
        batch: Batch of ``recall_stream`` or ``delay``.
        values: What to show of each unit in that sequence (T, H); the first T steps are drawn.
        boxes: N, as handed to the task.
        bar: Label of the colour bar.
        sequence: Which of the B sequences.
        size: Width and height of the figure in inches.
        look: More that ``heat`` takes: kind, limit.

    Returns:
        The Axes of the heat map.

    Raises:
        ValueError: If there are more rows than steps.

    Example:
        >>> import numpy as np
        >>> from lstm_lib import tasks
        >>> batch = tasks.delay(np.random.default_rng(0), 2, 4)
        >>> inside(batch, np.zeros((6, 3)), boxes=1, bar="memory c", kind="memory").get_ylabel()
        'unit'
    """
    T = len(values)
    if len(batch.xs) < T:
        raise ValueError(f"got values of {T} steps, expected at most the {len(batch.xs)} of the batch")
    strip = {"height_ratios": [0.22, size[1] - 0.22]}
    axes: list[Axes]
    _, axes = plt.subplots(2, 1, figsize=size, layout="constrained", sharex=True, gridspec_kw=strip)
    top, ax = axes
    heat(values.T, x="step t", y="unit", bar=bar, below=True, ax=ax, **look)
    parts = stream_parts(batch.xs[:T, sequence], boxes=boxes)
    for t, (shown, written, asked) in enumerate(zip(*parts, strict=True)):
        letter = ascii_uppercase[int(shown.argmax())]
        if asked.any():
            _tile(top, t, 0, ascii_uppercase[int(batch.targets[t, sequence])], FAMILIES["use"].hue, filled=False)
        elif written.any():
            _tile(top, t, 0, letter, FAMILIES["learn"].hue, filled=True)
        else:
            top.text(t, 0, letter.lower(), ha="center", va="center", fontsize=9, color=FAMILIES["event"].hue)
    top.set(ylim=(0.55, -0.55))
    top.set_axis_off()
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
        _, ax = plt.subplots(figsize=(4.6, 0.42 * B + 0.9), layout="constrained")
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


def _tile(ax: Axes, t: int, row: int, text: str, tone: str, *, filled: bool) -> None:
    face = tone if filled else "none"
    ax.add_patch(Rectangle((t - 0.42, row - 0.38), 0.84, 0.76, facecolor=face, edgecolor=tone, linewidth=1.6))
    ax.text(t, row, text, ha="center", va="center", fontsize=9, color="white" if filled else INK.hue, weight="bold")
