"""The map of the cell: one description of parts and wires, for figures, for the website and for the explorables.

Positions are in the units of the drawing: time runs to the right, the long-term memory along the top.
"""

from typing import Any, NamedTuple


class Part(NamedTuple):
    """A box or a sign of the picture: what is written in it, where its middle is, how large it is, whose colour."""

    text: str
    x: float
    y: float
    width: float
    height: float
    family: str


class Wire(NamedTuple):
    """An arrow: the points that it passes, its label, which gate's colour it has, and which number runs along it."""

    points: tuple[tuple[float, float], ...]
    family: str
    label: str = ""
    label_at: tuple[float, float] = (0.0, 0.0)
    carries: str = ""  # its name in a step of ``lstm_lib.cells``; both_uses() has them


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


def both_uses() -> Diagram:
    """Describe one cell with both use gates, where each wire says which number it carries.

    The standard one lies below the memory and reads it after the sum; the drawn one lies above and reads what was kept.

    Returns:
        The description; the parts and numbers of the drawn gate have names that begin with "drawn".

    Example:
        >>> sorted(set(both_uses().parts) - set(full().parts))
        ['drawn u', 'drawn use']
        >>> [wire.family for wire in both_uses().wires if wire.carries == "learned"]
        ['learn']
    """
    parts = full().parts | {
        "learn": Part("×", 6.45, 3.3, 0.55, 0.55, "learn"),
        "remember": Part("+", 6.45, 4.5, 0.55, 0.55, "remember"),
        "o": Part("σ", 8.1, 2.0, 0.7, 0.6, "use"),
        "u": Part("tanh", 9.6, 3.4, 0.9, 0.6, "use"),
        "use": Part("×", 9.6, 2.0, 0.55, 0.55, "use"),
        "drawn u": Part("tanh", 5.0, 5.7, 0.9, 0.6, "use"),
        "drawn use": Part("×", 8.1, 5.7, 0.55, 0.55, "use"),
    }
    wires = (
        Wire(((0.3, 4.5), (2.3, 4.5)), "remember", "c_{t−1}", (0.35, 4.72), "c_prev"),
        Wire(((0.3, 1.1), (0.8, 1.1)), "use", "h_{t−1}", (0.1, 1.35), "h_prev"),
        Wire(((0.3, 0.7), (0.8, 0.7)), "event", "x_{t}", (0.1, 0.25), "x"),
        Wire(((1.8, 0.9), (2.6, 0.9), (2.6, 1.7)), "event", carries="z"),
        Wire(((2.6, 0.9), (4.2, 0.9), (4.2, 1.7)), "event", carries="z"),
        Wire(((4.2, 0.9), (5.6, 0.9), (5.6, 1.7)), "event", carries="z"),
        Wire(((5.6, 0.9), (8.1, 0.9), (8.1, 1.7)), "event", carries="z"),
        Wire(((2.6, 2.3), (2.6, 4.2)), "forget", "f", (2.75, 3.2), "f"),
        Wire(((2.88, 4.5), (6.15, 4.5)), "forget", "kept", (4.0, 4.72), "kept"),
        Wire(((4.2, 2.3), (4.2, 2.75), (6.3, 2.75), (6.3, 3.03)), "learn", "i", (4.35, 2.95), "i"),
        Wire(((6.05, 2.0), (6.6, 2.0), (6.6, 3.03)), "learn", "g", (6.71, 2.55), "g"),
        Wire(((6.45, 3.58), (6.45, 4.2)), "learn", "i·g", (6.6, 3.7), "learned"),
        Wire(((6.73, 4.5), (9.6, 4.5)), "remember", "c_{t}", (8.25, 4.72), "c"),
        Wire(((9.6, 4.5), (10.9, 4.5)), "remember", carries="c_next"),
        Wire(((9.6, 4.5), (9.6, 3.7)), "remember", carries="c_read"),
        Wire(((9.6, 3.1), (9.6, 2.3)), "use", "u", (9.75, 2.55), "u"),
        Wire(((8.45, 2.0), (9.3, 2.0)), "use", "o", (8.25, 2.55), "o"),
        Wire(((9.88, 2.0), (10.9, 2.0)), "use", "h_{t}", (10.1, 1.45), "h"),
        Wire(((3.6, 4.5), (3.6, 5.7), (4.55, 5.7)), "forget", carries="drawn kept"),
        Wire(((5.45, 5.7), (7.8, 5.7)), "use", "u drawn", (5.8, 5.9), "drawn u"),
        Wire(((8.1, 2.3), (8.1, 5.4)), "use", carries="drawn o"),
        Wire(((8.38, 5.7), (10.9, 5.7)), "use", "h drawn", (8.9, 5.9), "drawn h"),
    )
    return Diagram(parts, wires, (11.2, 6.4))


def plain(diagram: Diagram) -> dict[str, Any]:
    """Return a description as lists and dictionaries, for an explorable.

    Example:
        >>> plain(both_uses())["parts"]["f"]["text"], plain(both_uses())["size"]
        ('σ', [11.2, 6.4])
    """
    wires = [
        wire._asdict() | {"points": [list(point) for point in wire.points], "label_at": list(wire.label_at)}
        for wire in diagram.wires
    ]
    parts = {name: part._asdict() for name, part in diagram.parts.items()}
    return {"parts": parts, "wires": wires, "size": list(diagram.size)}


def ends_at(wire: Wire, part: Part) -> bool:
    """Say whether an arrow's head touches a part.

    Example:
        >>> map_ = simplified()
        >>> [part for part in map_.parts if ends_at(map_.wires[0], map_.parts[part])]
        ['forget']
    """
    x, y = wire.points[-1]
    return abs(x - part.x) <= part.width / 2 + 0.05 and abs(y - part.y) <= part.height / 2 + 0.05


def _expect_use(use: str) -> None:
    if use not in ("standard", "drawn"):
        raise ValueError(f"got use {use!r}, expected 'standard' or 'drawn'")
