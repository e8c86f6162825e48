"""Be the gate: set i, f and o of one unit at each step, beside units that have learned to."""

import traitlets

from lstm_lib.widgets._base import MODELS, WithModels, css, esm, expect_within

GATES = ("i", "if", "o", "ifo")


class BeTheGate(WithModels):
    """Let the reader set the gates of one unit, step by step, and compare with trained units.

    All of its logic is in ``be_the_gate.js``, so that it reacts on a static page too; the units run there.

    Args:
        gates: Which are in the reader's hand: "i", "if", "o" or "ifo". The others are 1; but with "o", i and f
            overwrite at each write, and the drawn use gate speaks beside the standard one.
        seed: 1 to 9999; the same seed gives the same stream.
        guess: "skipped" leaves the question out that comes first.

    Attributes:
        choices: What the reader has set so far, a character for each gate and step.

    Raises:
        ValueError: If the gates or the seed are unknown.

    Example:
        >>> BeTheGate(gates="if")
        BeTheGate(gates='if', seed=1)
    """

    _esm = esm("be_the_gate")
    _css = css("be_the_gate")

    gates = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)
    choices = traitlets.Unicode("").tag(sync=True)
    guess = traitlets.Unicode("").tag(sync=True)

    def __init__(self, *, gates: str = "ifo", seed: int = 1, guess: str = "") -> None:
        """Check what was given."""
        expect_within({"seed": (seed, 1, 9999)})
        if gates not in GATES:
            raise ValueError(f"got gates {gates!r}, expected one of {', '.join(GATES)}")
        super().__init__({"stream": MODELS / "stream.safetensors"}, gates=gates, seed=seed, guess=guess)

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"BeTheGate(gates={self.gates!r}, seed={self.seed})"
