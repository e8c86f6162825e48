"""Gate failures: hold gates of a trained LSTM open, and see which errors it makes."""

import json
from pathlib import Path

import anywidget
import traitlets

from lstm_lib.widgets._base import css, esm

FILE = Path(__file__).with_suffix(".json")  # made by ``python -m benchmarks.gate_failures --ship``


class GateFailures(anywidget.AnyWidget):
    """Hold the gates of a trained LSTM at 1, each by a switch, and sort its answers: right, or which kind of error.

    The network has 24 units and was trained on two boxes, as in Chapter 7; it reads 46 streams. All of its logic is in
    ``gate_failures.js``, so that it reacts on a static page too.

    Args:
        question: False leaves out the question that comes first.

    Example:
        >>> GateFailures()
        GateFailures()
    """

    _esm = esm("gate_failures")
    _css = css("gate_failures")

    # W (4, 24, 32), b (4, 24), readout_W (4, 24), readout_b (4) as JSON: a notebook would give each number a line. And
    # two characters a step: A1, A., ?1.
    network = traitlets.Unicode(read_only=True).tag(sync=True)
    streams = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)

    # Which gates are held at 1: letters out of i, f, o, in this order; and the stream that is shown, from 1.
    held = traitlets.Enum(["", "i", "f", "o", "if", "io", "fo", "ifo"], "").tag(sync=True)
    stream = traitlets.Int(1).tag(sync=True)
    # What the reader guessed: "" before the question, "skipped", or one of the three errors.
    guess = traitlets.Enum(["", "skipped", "stale", "other", "intruder"], "").tag(sync=True)

    def __init__(self, *, question: bool = True) -> None:
        """Read the network and the streams."""
        stored = json.loads(FILE.read_text(encoding="utf-8"))
        self.set_trait("streams", stored.pop("streams"))
        network = {name: stored[name] for name in ("W", "b", "readout_W", "readout_b")}
        self.set_trait("network", json.dumps(network, separators=(",", ":")))
        super().__init__(guess="" if question else "skipped")

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return "GateFailures()"
