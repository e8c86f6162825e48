"""A walk through the whole cell: one part after the other, with the number on every wire, and the gradients back."""

import json
from collections.abc import Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets

from lstm_lib._cell_map import both_uses, plain
from lstm_lib.from_scratch.cells import LSTMParams
from lstm_lib.widgets._base import css, esm, expect_within

# The cell of the pencil: one unit, one feature, gates in the order i, f, g, o, each with its weights of h and of x.
PENCIL = LSTMParams(
    W=np.array([[[0.0, 2.0]], [[0.0, -2.0]], [[0.5, 1.0]], [[1.0, 0.0]]]), b=np.array([[-1.0], [1.0], [0.0], [0.0]])
)
EVENTS = (1.0, -1.0, 1.0)
LONGEST = 8  # steps


class CellWalk(anywidget.AnyWidget):
    """Step through a short sequence, part by part, forwards or backwards, and read the number on every wire.

    Forwards, the standard use gate and the drawn one stand side by side, with the same i·g and the same o; the
    standard one is listened to. Backwards, the gradient of one h runs back on the same wires. All of its logic is in
    ``cell_walk.js``, so that it reacts on a static page too.

    Args:
        mode: "forward", or "back" for the gradients.
        params: W (4, 1, 2), b (4, 1) of a standard LSTM with one unit and one feature.
        xs: The events, one to eight numbers.
        start: h and c before the first step.
        drawn: w_u and b_u of the drawn use gate.
        question: False leaves out the question that comes first.

    Raises:
        ValueError: If there is no such mode, the cell has not one unit and one feature, or events are too many.

    Example:
        >>> CellWalk(mode="back", xs=[1.0, -1.0])
        CellWalk(mode='back', steps=2)
    """

    _esm = esm("cell_walk")
    _css = css("cell_walk")

    mode = traitlets.Enum(["forward", "back"], "forward").tag(sync=True)
    weights = traitlets.Dict(read_only=True).tag(sync=True)  # W, b, W_u, b_u as nested lists
    start = traitlets.Dict(read_only=True).tag(sync=True)  # h and c
    xs = traitlets.List(traitlets.Float(), read_only=True).tag(sync=True)
    map = traitlets.Unicode(json.dumps(plain(both_uses())), read_only=True).tag(sync=True)  # the drawing, as JSON

    # How far the reader has walked, and the step, from 1, whose h is the loss.
    at = traitlets.Int(0).tag(sync=True)
    loss = traitlets.Int().tag(sync=True)
    # What the reader guessed: "" before the question, "skipped", or one of the answers of the mode.
    guess = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        mode: str = "forward",
        *,
        params: LSTMParams = PENCIL,
        xs: Sequence[float] = EVENTS,
        start: tuple[float, float] = (0.5, 1.2),
        drawn: tuple[float, float] = (1.0, 0.0),
        question: bool = True,
    ) -> None:
        """Check the cell and the events, and lay them out for the page."""
        if mode not in ("forward", "back"):
            raise ValueError(f"got mode {mode!r}, expected 'forward' or 'back'")
        shapes = np.shape(params.W), np.shape(params.b)
        if shapes != ((4, 1, 2), (4, 1)):
            raise ValueError(f"got W and b of shapes {shapes[0]} and {shapes[1]}, expected (4, 1, 2) and (4, 1)")
        expect_within({"number of events": (len(xs), 1, LONGEST)})
        weights: dict[str, Any] = {"W": np.asarray(params.W, float).tolist(), "b": np.asarray(params.b, float).tolist()}
        self.set_trait("weights", weights | {"W_u": [[float(drawn[0])]], "b_u": [float(drawn[1])]})
        self.set_trait("start", {"h": float(start[0]), "c": float(start[1])})
        self.set_trait("xs", [float(x) for x in xs])
        super().__init__(mode=mode, loss=len(xs), guess="" if question else "skipped")

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"CellWalk(mode={self.mode!r}, steps={len(self.xs)})"
