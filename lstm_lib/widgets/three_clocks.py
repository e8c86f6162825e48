"""Three clocks: how long a state lasts, how long its gradient lasts, over how long training can learn to store."""

import anywidget
import traitlets

from lstm_lib.widgets._base import css, esm


class ThreeClocks(anywidget.AnyWidget):
    """Compare a tanh unit with a forget gate: two sliders, and what is left of the state and of its gradient.

    The third clock trains the tanh unit to store a bit, for each delay up to 20 steps, as Chapter 2 does.

    All of its logic is in ``three_clocks.js``, so that it reacts on a static page too.

    Example:
        >>> ThreeClocks(w=0.9, forget_bias=2.0)
        ThreeClocks(w=0.9, forget_bias=2.0)
    """

    _esm = esm("three_clocks")
    _css = css("three_clocks")

    # The recurrent weight w of the tanh unit, and the bias b_f of the forget gate.
    w = traitlets.Float(1.5).tag(sync=True)
    forget_bias = traitlets.Float(1.0).tag(sync=True)

    # What the reader guessed: "" before the question, "skipped", or one of the four answers.
    guess = traitlets.Enum(["", "skipped", "state", "gradient", "both", "neither"], "").tag(sync=True)

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"ThreeClocks(w={self.w}, forget_bias={self.forget_bias})"
