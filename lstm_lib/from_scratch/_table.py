"""What a cell of the NumPy side is: one entry of ``cells.CELLS``, from which checks, loops and training follow.

Shapes: D features, H hidden units.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Cell(NamedTuple):
    """A cell, by its types and functions.

    Attributes:
        params: NamedTuple of its parameters; W and b are among them, with H + D and H as their last sizes.
        state: NamedTuple of what it carries from step to step, each (B, H): h, or h and c.
        shapes: Shape of each parameter in letters, such as {"W": "4, H, H+D", "b": "4, H"}.
        gates: Which of i, f, g, o are the rows of W and b, in their order, and so can be held at a value; or nothing.
        init: Draws parameters: init(rng, input_size, hidden_size, *, dtype).
        step: step(params, x, state) -> (state, tape); works on complex numbers too. Of a tape, z comes first, and
            everything after it is (B, H).
        step_backward: step_backward(params, tape, dstate) -> (dparams, dx, dstate).
    """

    params: type[Any]
    state: type[Any]
    shapes: Mapping[str, str]
    gates: str
    init: Callable[..., Any]
    step: Callable[..., Any]
    step_backward: Callable[..., Any]
