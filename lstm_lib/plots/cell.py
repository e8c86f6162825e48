"""The map of the cell: one description of parts and wires draws the simplified and the full picture.

Positions are in the units of the drawing: time runs to the right, the long-term memory along the top.
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lstm_lib.notation import FAMILIES, INK, PAGE


class Part(NamedTuple):
    """A box or a sign of the picture: what is written in it, where its middle is, how large it is, whose colour."""

    text: str
    x: float
    y: float
    width: float
    height: float
    family: str


class Wire(NamedTuple):
    """An arrow: the points that it passes, its label, and which gate's colour it carries."""

    points: tuple[tuple[float, float], ...]
    family: str
    label: str = ""
    label_at: tuple[float, float] = (0.0, 0.0)


class Diagram(NamedTuple):
    """Parts by name, wires, and the size of the drawing."""

    parts: dict[str, Part]
    wires: tuple[Wire, ...]
    size: tuple[float, float]


def simplified(use: str = "standard") -> Diagram:
    """Describe the cell as four gates, in everyday words.

    Args:
        use: "standard", where the use gate reads the new long-term memory, or "drawn", where it reads what was kept.

    Returns:
        The description, which ``draw`` turns into a picture.

    Raises:
        ValueError: If ``use`` is neither.

    Example:
        >>> sorted(simplified().parts)
        ['forget', 'learn', 'remember', 'together', 'use']
    """
    _expect_use(use)
    parts = {
        "together": Part("STM and\nevent", 2.1, 1.2, 1.5, 0.9, "event"),
        "forget": Part("forget\ngate", 3.9, 4.0, 1.7, 1.1, "forget"),
        "learn": Part("learn\ngate", 4.5, 1.2, 1.7, 1.1, "learn"),
        "remember": Part("remember\ngate", 7.0, 4.0, 1.9, 1.1, "remember"),
        "use": Part("use\ngate", 9.2, 1.2, 1.7, 1.1, "use"),
    }
    if use == "standard":
        reading = Wire(((9.2, 4.0), (9.2, 1.75)), "remember")
    else:
        reading = Wire(((5.4, 4.0), (5.4, 2.6), (8.8, 2.6), (8.8, 1.75)), "forget")
    wires = (
        Wire(((0.3, 4.0), (3.05, 4.0)), "remember", "LTM before", (0.35, 4.3)),
        Wire(((0.3, 1.45), (1.4, 1.45)), "use", "STM before", (0.1, 1.85)),
        Wire(((0.3, 0.95), (1.4, 0.95)), "event", "event", (0.3, 0.5)),
        Wire(((2.4, 1.65), (2.4, 3.6), (3.05, 3.6)), "event"),
        Wire(((2.8, 1.2), (3.65, 1.2)), "event"),
        Wire(((2.4, 0.75), (2.4, 0.25), (7.9, 0.25), (7.9, 0.95), (8.35, 0.95)), "event"),
        Wire(((4.75, 4.0), (6.05, 4.0)), "forget", "kept", (5.1, 4.25)),
        Wire(((5.35, 1.4), (6.75, 1.4), (6.75, 3.45)), "learn", "learned", (5.45, 1.65)),
        Wire(((7.95, 4.0), (10.9, 4.0)), "remember", "LTM after", (9.6, 4.3)),
        reading,
        Wire(((10.05, 1.2), (10.9, 1.2)), "use", "STM after", (9.85, 1.9)),
    )
    return Diagram(parts, wires, (11.2, 4.9))


def full(use: str = "standard") -> Diagram:
    """Describe the cell as the field draws it: every product, sum and squashing function.

    Args:
        use: "standard", with h = o tanh(c), or "drawn", with h = o tanh(W_u kept + b_u).

    Returns:
        The description, which ``draw`` turns into a picture.

    Raises:
        ValueError: If ``use`` is neither.

    Example:
        >>> full().parts["f"].text, full("drawn").parts["u"].text.split()
        ('σ', ['tanh', '$W_u$'])
    """
    _expect_use(use)
    offered = "tanh" if use == "standard" else "tanh\n$W_u$"
    u_x, u_y = (9.2, 3.4) if use == "standard" else (5.0, 3.3)
    parts = {
        "z": Part("[h, x]", 1.3, 0.9, 1.0, 0.6, "event"),
        "f": Part("σ", 2.6, 2.0, 0.7, 0.6, "forget"),
        "i": Part("σ", 4.2, 2.0, 0.7, 0.6, "learn"),
        "g": Part("tanh", 5.6, 2.0, 0.9, 0.6, "learn"),
        "o": Part("σ", 7.9, 2.0, 0.7, 0.6, "use"),
        "forget": Part("×", 2.6, 4.5, 0.55, 0.55, "forget"),
        "learn": Part("×", 6.6, 3.3, 0.55, 0.55, "learn"),
        "remember": Part("+", 6.6, 4.5, 0.55, 0.55, "remember"),
        "u": Part(offered, u_x, u_y, 0.9, 0.75 if use == "drawn" else 0.6, "use"),
        "use": Part("×", 9.2, 2.0, 0.55, 0.55, "use"),
    }
    if use == "standard":
        reading = (Wire(((9.2, 4.5), (9.2, 3.7)), "remember"), Wire(((9.2, 3.1), (9.2, 2.3)), "use", "u", (9.32, 2.6)))
    else:
        reading = (
            Wire(((3.6, 4.5), (3.6, 3.3), (4.55, 3.3)), "forget"),
            Wire(((5.45, 3.3), (5.9, 3.3), (5.9, 2.75), (9.2, 2.75), (9.2, 2.3)), "use", "u", (8.6, 2.85)),
        )
    wires = (
        Wire(((0.3, 4.5), (2.3, 4.5)), "remember", "$c_{t-1}$", (0.35, 4.72)),
        Wire(((0.3, 1.1), (0.8, 1.1)), "use", "$h_{t-1}$", (0.1, 1.3)),
        Wire(((0.3, 0.7), (0.8, 0.7)), "event", "$x_t$", (0.1, 0.25)),
        Wire(((1.8, 0.9), (2.6, 0.9), (2.6, 1.7)), "event"),
        Wire(((2.6, 0.9), (4.2, 0.9), (4.2, 1.7)), "event"),
        Wire(((4.2, 0.9), (5.6, 0.9), (5.6, 1.7)), "event"),
        Wire(((5.6, 0.9), (7.9, 0.9), (7.9, 1.7)), "event"),
        Wire(((2.6, 2.3), (2.6, 4.2)), "forget", "f", (2.72, 2.9)),
        Wire(((2.88, 4.5), (6.3, 4.5)), "forget", "kept", (4.5, 4.72)),
        Wire(((4.2, 2.3), (4.2, 2.55), (6.45, 2.55), (6.45, 3.03)), "learn", "i", (4.3, 2.62)),
        Wire(((6.05, 2.0), (6.75, 2.0), (6.75, 3.03)), "learn", "g", (6.85, 2.2)),
        Wire(((6.6, 3.58), (6.6, 4.2)), "learn", "learned", (6.72, 3.8)),
        Wire(((6.88, 4.5), (10.9, 4.5)), "remember", "$c_t$", (10.4, 4.72)),
        Wire(((8.25, 2.0), (8.9, 2.0)), "use", "o", (8.5, 2.12)),
        *reading,
        Wire(((9.48, 2.0), (10.9, 2.0)), "use", "$h_t$", (10.4, 2.22)),
    )
    return Diagram(parts, wires, (11.2, 5.2))


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


def ends_at(wire: Wire, part: Part) -> bool:
    """Say whether an arrow's head touches a part.

    Example:
        >>> map_ = simplified()
        >>> [part for part in map_.parts if ends_at(map_.wires[0], map_.parts[part])]
        ['forget']
    """
    x, y = wire.points[-1]
    return abs(x - part.x) <= part.width / 2 + 0.05 and abs(y - part.y) <= part.height / 2 + 0.05


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


def _expect_use(use: str) -> None:
    if use not in ("standard", "drawn"):
        raise ValueError(f"got use {use!r}, expected 'standard' or 'drawn'")
