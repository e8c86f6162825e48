"""What was measured near a call on a processor: the record of ``benchmarks.torch_lstm_cpu``, looked up.

Only where torch's own LSTM leaves oneDNN, for a loop that autograd follows: packed sequences, float64, projections;
and for tokens, of which torch's own needs the rows. Elsewhere torch's own kernels stay, and so do their numbers, to the
last digit (of a single step, to rounding: ``native.is_one_step``).
"""

import functools
from typing import NamedTuple

import torch

from lstm_lib import recorded
from lstm_lib.nn.backends._compiled import is_built
from lstm_lib.nn.backends._measured import asked, nearest_of, said
from lstm_lib.nn.backends.interface import Call, autocast_dtype

HERE = 1.05       # how many times faster a measurement on this kind of processor must be to count as faster
ELSEWHERE = 1.5   # and one on another kind, or with another number of threads


class Measured(NamedTuple):
    """What was measured nearest to a call: milliseconds of torch's own kernels and of the derivation by hand.

    The latter with its steps in C++, where they are compiled.
    """

    size: tuple[int, int, int, int]
    native_ms: float
    own_ms: float
    processor: str
    threads: int

    @property
    def gain(self) -> float:
        """How many times faster the derivation by hand was."""
        return self.native_ms / self.own_ms

    def __str__(self) -> str:
        """Say it in words."""
        where = f"{self.processor}, {self.threads} thread{'s' * (self.threads != 1)}"
        return said(self.own_ms, self.native_ms, self.size, where)


def faster(call: Call) -> str:
    """Say by which measurement the derivation by hand is faster for this call; "" where none says so.

    Example:
        >>> from lstm_lib.nn import LSTM
        >>> faster(LSTM(3, 2).request(torch.ones(5, 4, 3)))
        ''
    """
    found = measured(call)
    return str(found) if found is not None and _counts(found) else ""


def stays(size: tuple[int, int, int]) -> bool:
    """Say whether torch's own kernels stay for a batch of T, B, H in float64, because no measurement is against them.

    Example:
        >>> stays((3, 1, 4))
        True
    """
    passes = "both" if torch.is_grad_enabled() else "forward"
    found = nearest("cpp" if is_built() else "fused", "float64", "batch", False, passes, size)
    return found is None or not _counts(found)


def _counts(found: Measured) -> bool:
    is_here = (found.processor, found.threads) == (recorded.processor(), torch.get_num_threads())
    return found.gain > (HERE if is_here else ELSEWHERE)


def measured(call: Call) -> Measured | None:
    """Return the measurement nearest to a call, in its precision and form, with gradients or without as now."""
    is_packed, projects = call.batch_sizes is not None, "weight_hr" in call.weights[0]
    dtype = call.xs.dtype
    leaves_onednn = is_packed or projects or dtype == torch.float64
    if call.xs.device.type != "cpu" or not (leaves_onednn or call.tokens):
        return None
    if dtype not in (torch.float32, torch.float64) or autocast_dtype(call.xs) is not None:
        return None
    form, passes, size = asked(call)
    rung = "cpp" if is_built() else "fused"
    about = (rung, str(dtype).removeprefix("torch."), form, projects, passes, size)
    found = nearest(*about, tokens=True) if call.tokens else None
    return found or (nearest(*about) if leaves_onednn else None)  # with rows, if nothing was measured with tokens


@functools.cache
def nearest(
    rung: str,
    precision: str,
    form: str,
    projects: bool,
    passes: str,
    size: tuple[int, int, int],
    *,
    tokens: bool = False,
) -> Measured | None:
    """Return what was measured nearest to T, B, H: in B and H a factor of 2 away at most, in T 8.

    Example:
        >>> nearest("fused", "float8", "batch", False, "both", (100, 32, 128)) is None
        True
    """
    return nearest_of(_record(rung, precision, form, projects, passes, tokens), size)


@functools.cache
def _record(rung: str, precision: str, form: str, projects: bool, passes: str, tokens: bool) -> list[Measured]:
    """Read what was recorded."""
    if not (recorded.FOLDER / "torch_lstm_cpu.json").is_file():
        return []
    record = recorded.load("torch_lstm_cpu")
    about = {"what": "time", "precision": precision, "form": form, "passes": passes, "cell": "standard"}
    found: dict[tuple[int, int, int, int, int], dict[str, float]] = {}
    for row in record["rows"]:
        kind = (bool(row.get("proj")), bool(row.get("vocabulary")))
        if about.items() <= row.items() and kind == (projects, tokens):
            times = found.setdefault((row["T"], row["B"], row["D"], row["H"], row["threads"]), {})
            times[row["rung"]] = row["median_ms"]
    cpu = record["machine"]["cpu"]
    return [
        Measured(size[:4], times["native"], times[rung], cpu, size[4])
        for size, times in found.items()
        if {"native", rung} <= times.keys()
    ]


def forget() -> None:
    """Forget what was read of the record, because it was written anew."""
    _record.cache_clear()
    nearest.cache_clear()
