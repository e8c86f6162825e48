"""NaN and inf: training stops, and says at which batch, in which parameter, and what to try.

On a processor every update is looked at before it is made. A device that runs ahead decides by itself to leave out a
bad update and all after it; what had happened is told when its numbers are looked at.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lstm_lib.nn import LSTM, explain
from lstm_lib.training.devices import autocast
from lstm_lib.training.parts import leaves
from lstm_lib.training.run import Run, Update


class Diverged(FloatingPointError):
    """The loss or a gradient is no longer finite: the message says where, and what to try.

    Attributes:
        batch: Number of the batch, counted from 0.
        parameter: Name of the first parameter whose gradient (or value) is not finite, or None.
    """

    def __init__(self, message: str, batch: int, parameter: str | None) -> None:
        """Keep the place beside the message."""
        super().__init__(message)
        self.batch, self.parameter = batch, parameter


def expect_finite(run: Run, update: Update, numbers: Sequence[float]) -> None:
    """Raise Diverged unless loss and gradient are finite, or the scaler of float16 can still find a smaller scale.

    Args:
        run: The run, weights as they were before the update.
        update: The update.
        numbers: What ``update.numbers`` holds, on the host.
    """
    k = len(update.asked)
    losses, norm, scale = numbers[:k], numbers[k], numbers[k + 1]
    loss = sum(losses)
    if math.isfinite(loss) and math.isfinite(norm):
        return
    if run.scaler.is_enabled() and math.isfinite(loss) and scale > 1:
        return  # the scaler skips this update and halves its scale
    first, window, batches = update.place
    # With several batches in one update: the one whose inputs are bad, else whose loss is, else it is all of them.
    bad = [n for n in range(k) if _bad_part(run, batches[n])]
    bad = bad or [n for n in range(k) if not math.isfinite(losses[n])] or list(range(k))
    where = f"batches {first} to {first + k - 1}" if len(bad) == k > 1 else f"batch {first + bad[0]}"
    parameter, why = _find(run, update, numbers[k + 3 :])
    what = f"got loss {loss / sum(update.asked):.4g} and gradient norm {norm:.4g} at {where}, window {window}"
    raise Diverged(f"{what}, expected finite numbers; {why}", first + bad[0], parameter)


def guard(run: Run, losses: Tensor, norm: Tensor, scale: Tensor) -> Tensor:
    """Say on the device whether this update is to be left out, because it or one before it is not finite."""
    good, short = torch.isfinite(losses).all(), torch.isfinite(norm)
    fatal = ~good | (~short & (scale <= 1 if run.scaler.is_enabled() else True))
    run.broken = fatal if run.broken is None else run.broken | fatal
    return run.broken | ~short


def blame_precision(run: Run, batch: Any, state: Any, error: Exception) -> None:
    """Raise a ValueError that names the precision, if the network computes in float32 what it could not compute."""
    if run.settings.precision == "float32" or isinstance(error, torch.OutOfMemoryError):
        return
    try:
        with torch.no_grad(), torch.autocast(run.device.type, enabled=False):
            run.objective.run(run.network, batch, state)
    except (RuntimeError, NotImplementedError):
        return  # it fails in float32 too: the caller raises the first error
    reason = str(error).strip().splitlines()[0]
    what = f"got precision {run.settings.precision!r}, in which {run.device.type} cannot compute this network here"
    advice = "expected precision='float32', or, where it is lstm_lib.nn's LSTM that cannot, backend='reference'"
    raise ValueError(f"{what} (torch: {reason}), {advice}") from error


def note_precision(model: nn.Module, precision: str, device: torch.device) -> str:
    """Say which way a low precision goes on a processor whose kernels for LSTMs lack it; "" where nothing is to say.

    Example:
        >>> note_precision(LSTM(3, 2), "float32", torch.device("cpu"))
        ''
    """
    lstm = next((one for one in model.modules() if isinstance(one, LSTM) and one.backend == "auto"), None)
    if precision == "float32" or device.type != "cpu" or lstm is None:
        return ""
    xs = torch.zeros(2, 1, lstm.input_size, dtype=next(lstm.parameters()).dtype)
    usual = explain(lstm, xs)
    with autocast(device, precision):
        here = explain(lstm, xs)
    if here.backend == usual.backend:
        return ""
    return f"{precision}: {here.reason}, so backend {here.backend!r} computes it, in the place of {usual.backend!r}"


def _find(run: Run, update: Update, norms: Sequence[float]) -> tuple[str | None, str]:
    """Look for what is not finite: weights, inputs, gradients; return a parameter's name, and what to say."""
    values = dict(run.model.named_parameters())
    spoiled = _not_finite(values)
    if spoiled:
        return spoiled[0], f"the weights {spoiled[0]} held NaN or inf before this update: look where they come from"
    for batch in update.place.batches:
        where = _bad_part(run, batch)
        if where:
            return None, f"{where}: look where the batch is made"
    advice = f"try a smaller learning rate than {run.optimiser.param_groups[0]['lr']:.3g}"
    advice += "" if run.settings.clip is not None else ", or clip=1.0, which limits the gradient's length"
    if run.settings.precision == "float16":
        advice += f", or precision={_further(run.device)!r}, whose numbers reach further"
    if norms:
        gradients = [name for name, norm in zip(update.parameters, norms, strict=True) if not math.isfinite(norm)]
    else:
        gradients = _not_finite({name: p.grad for name, p in values.items() if p.grad is not None})
    if gradients:
        others = f" (and {len(gradients) - 1} more)" if len(gradients) > 1 else ""
        return gradients[0], f"the gradient of {gradients[0]}{others} is not finite: {advice}"
    largest = max(values, key=lambda name: float(values[name].detach().abs().max()))
    size = float(values[largest].detach().abs().max())
    return largest, f"the largest weight, {size:.3g}, is in {largest}: {advice}"


def _further(device: torch.device) -> str:
    """Name a precision whose numbers reach further than float16's.

    On a GPU torch's own LSTM kernels take float16 where bfloat16 is asked for.

    Example:
        >>> _further(torch.device("cpu")), _further(torch.device("cuda"))
        ('bfloat16', 'float32')
    """
    return "float32" if device.type == "cuda" else "bfloat16"


def _bad_part(run: Run, batch: Any) -> str:
    """Name the first place of the inputs that holds NaN or inf."""
    name, value, shape = next(leaves(batch, run.objective.parts))
    if shape is None or bool(torch.isfinite(value).all()):
        return ""
    spoiled = ~torch.isfinite(value)
    lead = len(shape.axes[:2])
    spoiled = spoiled.flatten(lead).any(-1) if value.ndim > lead else spoiled
    words, place = {"T": "step", "B": "sequence"}, torch.nonzero(spoiled)[0].tolist()
    spoken = {axis: f"{words.get(axis, axis)} {n}" for axis, n in zip(shape.axes[:2], place, strict=True)}
    where = " of ".join(spoken[axis] for axis in sorted(spoken, key="TB".find))
    return f"the {'inputs' if name == 'xs' else name} hold NaN or inf, first at {where}"


def _not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    return [name for name, value in tensors.items() if not torch.isfinite(value).all()]
