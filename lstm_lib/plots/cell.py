"""The map of the cell as a figure: the description in ``lstm_lib._cell_map``, drawn."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lstm_lib._cell_map import Diagram as Diagram
from lstm_lib._cell_map import Part as Part
from lstm_lib._cell_map import Wire as Wire
from lstm_lib._cell_map import ends_at as ends_at
from lstm_lib._cell_map import full as full
from lstm_lib._cell_map import simplified as simplified
from lstm_lib.notation import FAMILIES, INK, PAGE


def draw(diagram: Diagram, *, here: str | None = None, ax: Axes | None = None, width: float = 4.8) -> Axes:
    """Draw a description; with ``here``, everything is faded but one gate, what it reads, and what it gives.

    Args:
        diagram: What ``simplified`` or ``full`` returned.
        here: "learn", "forget", "remember" or "use"; None shows all alike.
        ax: Axes to draw on; a new figure if None.
        width: Width of a new figure in inches.

    Returns:
        The Axes.

    Raises:
        ValueError: If ``here`` is no gate.

    Example:
        >>> ax = draw(simplified(), here="forget")
        >>> sorted(text.get_text() for text in ax.texts)[:2]
        ['LTM after', 'LTM before']
    """
    if here is not None and here not in ("learn", "forget", "remember", "use"):
        raise ValueError(f"got here {here!r}, expected learn, forget, remember, use or None")
    if ax is None:
        _, ax = plt.subplots(figsize=(width, width * diagram.size[1] / diagram.size[0]), layout="constrained")
    ax.set(xlim=(0, diagram.size[0]), ylim=(0, diagram.size[1]), aspect="equal")
    ax.axis("off")
    gate = [part for part in diagram.parts.values() if part.family == here]
    for wire in diagram.wires:
        lit = here in (None, wire.family) or any(ends_at(wire, part) for part in gate)
        _draw_wire(ax, wire, 1.0 if lit else 0.25)
    for part in diagram.parts.values():
        _draw_part(ax, part, 1.0 if here in (None, part.family) else 0.25)
    return ax


def _draw_wire(ax: Axes, wire: Wire, alpha: float) -> None:
    tone = FAMILIES[wire.family]
    width = 3.0 if wire.family == "remember" else 1.6
    xs, ys = zip(*wire.points[:-1], strict=True)
    ax.plot(xs, ys, color=tone.hue, linewidth=width, alpha=alpha, solid_capstyle="round", zorder=1)
    arrow = FancyArrowPatch(
        wire.points[-2], wire.points[-1], arrowstyle="-|>", mutation_scale=12, shrinkA=0, shrinkB=0,
        color=tone.hue, linewidth=width, alpha=alpha, zorder=1,
    )  # fmt: skip
    ax.add_patch(arrow)
    if wire.label:
        ax.text(*wire.label_at, wire.label, color=tone.on_light, fontsize=9, alpha=alpha, zorder=3)


def _draw_part(ax: Axes, part: Part, alpha: float) -> None:
    tone = FAMILIES[part.family]
    corner = (part.x - part.width / 2, part.y - part.height / 2)
    rounding = min(part.width, part.height) * (0.5 if part.text in ("×", "+") else 0.2)
    style = f"round,pad=0,rounding_size={rounding}"
    for face, edge in ((PAGE.hue, "none"), (to_rgba(tone.hue, 0.16 * alpha), to_rgba(tone.hue, alpha))):
        box = FancyBboxPatch(corner, part.width, part.height, boxstyle=style, facecolor=face, edgecolor=edge, zorder=2)
        box.set_linewidth(1.8)
        ax.add_patch(box)
    ax.text(part.x, part.y, part.text, ha="center", va="center", color=INK.hue, fontsize=9, alpha=alpha, zorder=3)
