"""Where the time goes: one training pass, split into products, pointwise work, calls and what lies between them."""

import json
from typing import Any

import anywidget
import traitlets

from lstm_lib import recorded
from lstm_lib.widgets._base import css, esm

UNITS, BATCHES, STEPS = (16, 64, 128, 256, 512), (1, 8, 32, 128), (30, 100)
PARTS = ("lowest_ms", "products_ms", "pointwise_ms", "calls_ms", "between_ms")
ON_GPU = {"loop": "hoisted", "kernel": "native", "launch": "triton"}


def measured_here() -> list[list[Any]]:
    """Return the recorded passes on a processor: way, T, B, H, then the milliseconds of ``PARTS``."""
    rows = recorded.rows("where_time_goes", what="pass")
    return [[row["way"], row["T"], row["B"], row["H"], *(row[part] for part in PARTS)] for row in rows]


def measured_on_gpu() -> list[list[Any]]:
    """Return the recorded passes in bfloat16 on a GPU: T, B, D, H, then milliseconds of ``ON_GPU`` or None."""
    about = {"what": "time", "device": "cuda", "passes": "both", "form": "batch", "precision": "bf16", "cell": None}
    times: dict[tuple[int, ...], dict[str, float]] = {}
    for row in recorded.rows("torch_lstm_gpu", **about):
        times.setdefault((row["T"], row["B"], row["D"], row["H"]), {})[row["rung"]] = row["median_ms"]
    ordered = sorted(times.items(), key=lambda item: (item[0][1] * item[0][3] * (item[0][2] + item[0][3]), item[0]))
    return [[*size, *(rungs.get(rung) for rung in ON_GPU.values())] for size, rungs in ordered]


class WhereTimeGoes(anywidget.AnyWidget):
    """Choose units, batch and steps, and see what a training pass of an LSTM spends its time on.

    On a processor both ways are split, the loop and torch's kernel, and the loop stands under the roofline of the
    machine; on a GPU it shows what was recorded there. All numbers are those of ``where_time_goes`` and
    ``torch_lstm_gpu`` in ``lstm_lib.recorded``. All of its logic is in ``where_time_goes.js``.

    Example:
        >>> WhereTimeGoes(H=128, B=32)
        WhereTimeGoes(H=128, B=32, T=100)
    """

    _esm = esm("where_time_goes")
    _css = css("where_time_goes")

    # Units, sequences and steps, each one of those that were recorded; the place in the list of sizes on the GPU.
    H = traitlets.Enum(UNITS, 16).tag(sync=True)
    B = traitlets.Enum(BATCHES, 1).tag(sync=True)
    T = traitlets.Enum(STEPS, 100).tag(sync=True)
    device = traitlets.Enum(["processor", "gpu"], "processor").tag(sync=True)
    size = traitlets.Int(0).tag(sync=True)

    # Three constants, how far off their predictions are, and the times, as JSON: a notebook would give each a line.
    machine = traitlets.Dict(read_only=True).tag(sync=True)
    model_error = traitlets.Dict(read_only=True).tag(sync=True)
    measured = traitlets.Unicode(read_only=True).tag(sync=True)
    on_gpu = traitlets.Unicode(read_only=True).tag(sync=True)
    names = traitlets.Dict(read_only=True).tag(sync=True)

    # What the reader guessed: "" before the question, "skipped", or one of the three answers.
    guess = traitlets.Enum(["", "skipped", "products", "pointwise", "calls"], "").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        """Read both records."""
        (constants,) = recorded.rows("where_time_goes", what="constants")
        (model,) = recorded.rows("where_time_goes", what="model")
        keys = ("seconds_a_call", "bytes_a_second", "flops_a_second")
        self.set_trait("machine", {key: constants[key] for key in keys})
        self.set_trait("model_error", {key: model[key] for key in ("sizes", "within", "near")})
        self.set_trait("measured", json.dumps(measured_here(), separators=(",", ":")))
        self.set_trait("on_gpu", json.dumps(measured_on_gpu(), separators=(",", ":")))
        (device,) = recorded.rows("torch_lstm_gpu", what="device")
        processor = recorded.load("where_time_goes")["machine"]["cpu"]
        self.set_trait("names", {"processor": processor, "gpu": device["name"]})
        super().__init__(**traits)

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"WhereTimeGoes(H={self.H}, B={self.B}, T={self.T})"
