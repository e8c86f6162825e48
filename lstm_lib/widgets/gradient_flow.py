"""Gradient flow: which past event does an output depend on, in an LSTM and in an RNN?"""

import anywidget
import traitlets

from lstm_lib.widgets._base import css, esm

# Fourteen events: a number each, and a flag at the third.
VALUES = [0.4, -0.6, 0.9, -0.3, 0.5, 0.7, -0.8, 0.2, -0.5, 0.6, -0.2, 0.8, -0.7, 0.3]
FLAGS = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]


class GradientFlow(anywidget.AnyWidget):
    """Send the gradient of one output back to all earlier events, through one LSTM unit and one tanh unit.

    All of its logic is in ``gradient_flow.js``, so that it reacts on a static page too.

    Example:
        >>> GradientFlow(forget_bias=5.0)
        GradientFlow(forget_bias=5.0, input_bias=-4.0)
    """

    _esm = esm("gradient_flow")
    _css = css("gradient_flow")

    values = traitlets.List(traitlets.Float(), VALUES).tag(sync=True)
    flags = traitlets.List(traitlets.Int(), FLAGS).tag(sync=True)

    # The biases of the forget gate and of the input gate, which a flag opens; and the output that is asked about, its
    # step counted from 1.
    forget_bias = traitlets.Float(5.0).tag(sync=True)
    input_bias = traitlets.Float(-4.0).tag(sync=True)
    # The weights of h and of x in the tanh unit.
    rnn_h = traitlets.Float(0.9).tag(sync=True)
    rnn_x = traitlets.Float(1.0).tag(sync=True)
    output = traitlets.Int(14).tag(sync=True)

    # What the reader guessed: "" before the question, "skipped", or one of the three answers.
    guess = traitlets.Enum(["", "skipped", "flagged", "latest", "equal"], "").tag(sync=True)

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"GradientFlow(forget_bias={self.forget_bias}, input_bias={self.input_bias})"
