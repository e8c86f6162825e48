"""What was measured near a call on this kind of GPU: the record of ``benchmarks.torch_lstm_gpu``, looked up."""

import functools
import math
from collections.abc import Iterable
from typing import NamedTuple, Protocol, TypeVar

import torch

from lstm_lib import recorded
from lstm_lib.nn.backends.interface import Call, autocast_dtype

PRECISIONS = {torch.float32: "tf32", torch.bfloat16: "bf16", torch.float16: "fp16"}  # as the benchmark names them
UNDER_AUTOCAST = "fp16"  # in which torch's own kernels compute then on a GPU, bfloat16 asked for or not


class Measured(NamedTuple):
    """What was measured nearest to a call: milliseconds of torch's own kernels and of Triton's."""

    size: tuple[int, int, int, int]
    native_ms: float
    triton_ms: float
    gpu: str

    @property
    def gain(self) -> float:
        """How many times faster Triton's were."""
        return self.native_ms / self.triton_ms

    def __str__(self) -> str:
        """Say it in words."""
        return said(self.triton_ms, self.native_ms, self.size, self.gpu)


def measured(call: Call) -> Measured | None:
    """Return the measurement nearest to a call, in the call's precision and form, with gradients or without as now."""
    if call.xs.device.type != "cuda":
        return None
    low = autocast_dtype(call.xs)
    precision = PRECISIONS.get(low or call.xs.dtype, "")
    return nearest(_name(call.xs.device), precision, *asked(call), UNDER_AUTOCAST if low else precision)


@functools.cache
def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device)


def asked(call: Call) -> tuple[str, str, tuple[int, int, int]]:
    """Return the form of a call, its passes, and T, B, H, as the records name them; H units, projected or not."""
    form, passes = "batch" if call.batch_sizes is None else "packed", "both" if torch.is_grad_enabled() else "forward"
    T = call.xs.shape[0] if call.batch_sizes is None else len(call.batch_sizes)
    weights = call.weights[0]
    return form, passes, (T, call.state.h.shape[1], weights.get("weight_hr", weights["weight_hh"]).shape[1])


@functools.cache
def nearest(
    gpu: str, precision: str, form: str, passes: str, size: tuple[int, int, int], of_native: str = ""
) -> Measured | None:
    """Return what was measured on this kind of GPU nearest to T, B, H: in B and H a factor of 2 away at most, in T 8.

    ``of_native`` is the precision in which torch's own kernels would compute, if another one.

    Example:
        >>> nearest("a GPU that nobody has measured", "bf16", "batch", "both", (100, 32, 128)) is None
        True
    """
    return nearest_of(_record(gpu, precision, form, passes, of_native or precision), size)


class Sized(Protocol):
    """A measurement at T, B, D, H."""

    @property
    def size(self) -> tuple[int, int, int, int]:
        """Return T, B, D, H."""


Row = TypeVar("Row", bound=Sized)


def nearest_of(rows: Iterable[Row], size: tuple[int, int, int]) -> Row | None:
    """Return the row nearest to T, B, H: in B and H a factor of 2 away at most, in T 8."""
    near = []
    for row in rows:
        T, B, _, H = row.size
        away = [abs(math.log2(max(1, wanted) / there)) for wanted, there in zip(size, (T, B, H), strict=True)]
        if away[0] <= 3 and max(away[1:]) <= 1:
            near.append((sum(away), row))
    return min(near)[1] if near else None


def said(ours_ms: float, native_ms: float, size: tuple[int, int, int, int], where: str) -> str:
    """Say a measurement in words."""
    T, B, D, H = size
    return f"{ours_ms:.2f} ms against {native_ms:.2f} of torch's own kernels at T={T}, B={B}, D={D}, H={H} on {where}"


@functools.cache
def _record(gpu: str, precision: str, form: str, passes: str, of_native: str) -> list[Measured]:
    """Read what was recorded for a GPU by its name."""
    if not (recorded.FOLDER / "torch_lstm_gpu.json").is_file():
        return []
    rows = recorded.rows("torch_lstm_gpu")
    if not any(row["what"] == "device" and row["name"] == gpu for row in rows):
        return []
    about = {"what": "time", "device": "cuda", "form": form, "passes": passes}
    wanted = {"native": of_native, "triton": precision}
    found: dict[tuple[int, int, int, int], dict[str, float]] = {}
    for row in rows:
        is_asked = about.items() <= row.items() and "cell" not in row and row.get("median_ms") is not None
        if is_asked and wanted.get(row["rung"]) == row["precision"]:
            times = found.setdefault((row["T"], row["B"], row["D"], row["H"]), {})
            times.setdefault(row["rung"], row["median_ms"])  # the first: those that took turns with one another
    return [
        Measured(size, times["native"], times["triton"], gpu)
        for size, times in found.items()
        if {"native", "triton"} <= times.keys()
    ]


def forget() -> None:
    """Forget what was read of the record, because it was written anew."""
    _record.cache_clear()
    nearest.cache_clear()
