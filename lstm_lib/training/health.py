"""NaN and inf: training stops, and says at which batch, in which parameter, and what to try."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from lstm_lib.training.run import Run


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


def expect_finite(run: Run, loss: float, norm: float, xs: Tensor, place: str) -> None:
    """Raise Diverged unless loss and gradient are finite, or the scaler of float16 can still find a smaller scale."""
    if math.isfinite(loss) and math.isfinite(norm):
        return
    if run.scaler.is_enabled() and math.isfinite(loss) and run.scaler.get_scale() > 1:
        return  # the scaler skips this update and halves its scale
    parameter, why = _find(run, xs)
    message = f"got loss {loss:.4g} and gradient norm {norm:.4g} at {place}, expected finite numbers; {why}"
    raise Diverged(message, run.done, parameter)


def _find(run: Run, xs: Tensor) -> tuple[str | None, str]:
    """Look for what is not finite: weights, inputs, gradients; return a parameter's name, and what to say."""
    values = dict(run.model.named_parameters())
    spoiled = _not_finite(values)
    if spoiled:
        return spoiled[0], f"the weights {spoiled[0]} held NaN or inf before this update: look where they come from"
    if not torch.isfinite(xs).all():
        t, b = torch.nonzero(~torch.isfinite(xs.flatten(2)).all(-1))[0].tolist()
        return None, f"the inputs hold NaN or inf, first at step {t} of sequence {b}: look where the batch is made"
    advice = f"try a smaller learning rate than {run.optimiser.param_groups[0]['lr']:.3g}"
    advice += "" if run.settings.clip is not None else ", or clip=1.0, which limits the gradient's length"
    if run.settings.precision == "float16":
        advice += ", or precision='bfloat16', whose numbers reach further"
    gradients = _not_finite({name: p.grad for name, p in values.items() if p.grad is not None})
    if gradients:
        others = f" (and {len(gradients) - 1} more)" if len(gradients) > 1 else ""
        return gradients[0], f"the gradient of {gradients[0]}{others} is not finite: {advice}"
    largest = max(values, key=lambda name: float(values[name].detach().abs().max()))
    size = float(values[largest].detach().abs().max())
    return largest, f"the largest weight, {size:.3g}, is in {largest}: {advice}"


def _not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    return [name for name, value in tensors.items() if not torch.isfinite(value).all()]
