"""Sequences as rows of tiles. Shapes: T steps, B batch."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lstm_lib.notation import FAMILIES, GRID, INK
from lstm_lib.tasks import Array, Batch, stream_parts


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
        >>> import numpy as np
        >>> from lstm_lib import tasks
        >>> batch = tasks.recall_stream(np.random.default_rng(0), 2, 12)
        >>> stream(batch, boxes=2).get_xlabel()
        'step t'
    """
    parts = stream_parts(batch.xs[:, sequence], boxes=boxes)
    T = len(parts.symbols)
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 0.42 * boxes + 1.1), layout="constrained")
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
