"""One gate of one unit under the finger: what it reads, what it decides, and what it lets through."""

from collections.abc import Mapping

import anywidget
import traitlets

from lstm_lib.notation import SYMBOLS
from lstm_lib.widgets._base import css, esm

# Where each gate starts: one unit (H = 1), one feature (D = 1). h and x stand for h_{t-1} and x_t; c is the memory that
# the gate reads: c_{t-1}, but the new c_t in the standard use gate. w_fh is the weight of h in the forget gate f.
START: dict[str, dict[str, float]] = {
    "remember": {"f": 0.7, "c": 1.2, "i": 0.3, "g": 0.8},
    "learn": {"h": 0.5, "x": 1.0, "w_ih": 1.0, "w_ix": -1.0, "b_i": -0.5, "w_gh": 1.0, "w_gx": 1.0, "b_g": -0.5},
    "forget": {"h": 0.5, "x": 1.0, "c": 1.2, "w_fh": 1.2, "w_fx": 0.4, "b_f": -0.2},
    "use": {"h": 0.5, "x": 1.0, "c": 1.2, "w_oh": 1.2, "w_ox": 0.4, "b_o": -0.2},
    "drawn use": {
        "h": 0.5, "x": 1.0, "c": 1.2, "f": 0.7, "w_oh": 1.2, "w_ox": 0.4, "b_o": -0.2, "w_u": 1.5, "b_u": 0.0,
    },
    "both uses": {"c": 1.2, "f": 0.27, "i": 0.73, "g": 0.85, "o": 0.62, "w_u": 1.0, "b_u": 0.0},
}  # fmt: skip

# Situations worth seeing: what each changes at the start.
PRESETS: dict[str, dict[str, dict[str, float]]] = {
    "remember": {
        "carry it on": {"f": 1.0, "i": 0.0},
        "overwrite": {"f": 0.0, "i": 1.0, "g": -0.8},
        "add up": {"f": 1.0, "i": 1.0, "g": 1.0},
    },
    "learn": {
        "write when the flag x is on": {
            "x": 1.0, "w_ih": 0.0, "w_ix": 12.0, "b_i": -6.0, "w_gh": 0.0, "w_gx": 2.0, "b_g": 0.0,
        },
        "ignore everything": {"w_ih": 0.0, "w_ix": 0.0, "b_i": -5.0},
        "ignore nothing": {"w_ih": 0.0, "w_ix": 0.0, "b_i": 5.0},
    },
    "forget": {
        "keep everything": {"w_fh": 0.0, "w_fx": 0.0, "b_f": 5.0},
        "keep half": {"w_fh": 0.0, "w_fx": 0.0, "b_f": 0.0},
        "forget when x is on": {"x": 1.0, "w_fh": 0.0, "w_fx": -6.0, "b_f": 3.0},
    },
    "use": {
        "speak when x is on": {"x": 1.0, "w_oh": 0.0, "w_ox": 6.0, "b_o": -3.0},
        "keep silent": {"w_oh": 0.0, "w_ox": 0.0, "b_o": -5.0},
        "a very full memory": {"c": 3.0},
    },
    "drawn use": {
        "an empty memory": {"c": 0.0, "b_u": 0.5},
        "everything forgotten": {"f": 0.0, "b_u": 0.5},
        "nearest to the standard": {"f": 1.0, "w_u": 1.0, "b_u": 0.0},
    },
    "both uses": {
        "learn the opposite": {"g": -0.85},
        "learn nothing": {"i": 0.0},
        "keep nothing": {"f": 0.0},
    },
}  # fmt: skip


def presets(gate: str, start: Mapping[str, float]) -> list[dict[str, object]]:
    """List the situations of a gate, the start first, each with a value for every slider.

    Args:
        gate: One of the keys of ``START``.
        start: Where the explorable starts.

    Returns:
        Rows of ``{"name": …, "values": {…}}``.

    Example:
        >>> [row["name"] for row in presets("forget", START["forget"])]
        ['start', 'keep everything', 'keep half', 'forget when x is on']
    """
    situations = {"start": dict(start)} | {name: dict(start) | changes for name, changes in PRESETS[gate].items()}
    return [{"name": name, "values": values} for name, values in situations.items()]


class GateExplorer(anywidget.AnyWidget):
    """Explore one gate of one unit: sliders, the formula with the numbers put in, and what is let through.

    All of its logic is in ``gate_explorer.js``, so that it reacts on a static page too.

    Args:
        gate: "remember", "learn", "forget", "use" (the standard use gate), "drawn use" (the article's) or "both
            uses" side by side.
        question: What to ask before the reader moves a slider; nothing where it is empty.
        values: Where some sliders start, by the keys of ``START[gate]``; the others keep their place.

    Raises:
        ValueError: If there is no such gate or no such slider.

    Example:
        >>> explorer = GateExplorer("forget", values={"c": -0.4})
        >>> explorer.values["c"], explorer.values["w_fh"]
        (-0.4, 1.2)
    """

    _esm = esm("gate_explorer")
    _css = css("gate_explorer")

    gate = traitlets.Enum(list(START), "learn").tag(sync=True)
    question = traitlets.Unicode("").tag(sync=True)
    values = traitlets.Dict().tag(sync=True)  # where the sliders stand
    presets = traitlets.List(traitlets.Dict()).tag(sync=True)  # [{"name": …, "values": {…}}, …], the start first

    # Both vocabularies, from the one table.
    symbols = traitlets.Dict(
        {name: {"everyday": s.everyday, "standard": s.standard, "family": s.family} for name, s in SYMBOLS.items()},
        read_only=True,
    ).tag(sync=True)

    def __init__(self, gate: str = "learn", *, question: str = "", values: Mapping[str, float] | None = None) -> None:
        """Check the names of the gate and of the sliders, and lay out the situations."""
        if gate not in START:
            raise ValueError(f"got gate {gate!r}, expected one of {', '.join(START)}")
        start = START[gate] | dict(values or {})
        if unknown := start.keys() - START[gate].keys():
            raise ValueError(f"got values for {', '.join(sorted(unknown))}, expected some of {', '.join(START[gate])}")
        super().__init__(gate=gate, question=question, values=start, presets=presets(gate, start))

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"GateExplorer(gate={self.gate!r})"
