"""What a batch holds, and how a network takes its inputs: as one, as several in a row, or by their names."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.doctor.traces import copied

Way = Callable[[nn.Module, Any, dict[str, Any]], Any]  # of the network, its inputs, and what is told by name


def parts_of(batch: Any, model: nn.Module) -> tuple[Any, Any, Any]:
    """Split a batch into inputs, targets and mask, arrays as tensors of the network's dtype and device."""
    if batch is None:
        return None, None, None
    if isinstance(batch, Mapping):
        batch = tuple(batch.values())
    single = isinstance(batch, Tensor | PackedSequence | np.ndarray)
    parts = [batch] if single else list(batch)
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"got a batch of {len(parts)} parts, expected inputs, targets and a mask at most")
    weight = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))

    def made(part: Any) -> Any:
        if isinstance(part, np.ndarray):
            tensor = torch.as_tensor(part, device=weight.device)
            return tensor.to(weight.dtype) if tensor.is_floating_point() else tensor
        if type(part) is dict:
            return {name: made(one) for name, one in part.items()}
        if type(part) in (tuple, list):
            return type(part)(map(made, part))
        return part

    inputs, targets, mask = [*(copied(made(part)) for part in parts), None, None][:3]
    return *(part.detach() if isinstance(part, Tensor) else part for part in (inputs, targets)), mask


# ---------------------------------------------------------------- how it is called


def as_one(model: nn.Module, inputs: Any, told: dict[str, Any]) -> Any:
    """Call model(inputs)."""
    return model(inputs, **told)


def in_a_row(model: nn.Module, inputs: Any, told: dict[str, Any]) -> Any:
    """Call model(*inputs)."""
    return model(*inputs, **told)


def by_name(model: nn.Module, inputs: Any, told: dict[str, Any]) -> Any:
    """Call model(**inputs)."""
    return model(**{**told, **inputs})


def way_of(model: nn.Module, inputs: Any, told: dict[str, Any]) -> Way:
    """Find out how a network takes its inputs: as they are if it can, else a tuple or list in a row, a dict by name.

    Raises:
        ValueError: If its forward does not take that many inputs, or not these names.

    Example:
        >>> import torch
        >>> state = torch.zeros(2, 1, 4, 2)
        >>> way_of(nn.LSTM(3, 2), (torch.zeros(5, 4, 3), tuple(state)), {}).__name__
        'in_a_row'
    """
    several = isinstance(inputs, Mapping | tuple | list) and not isinstance(inputs, PackedSequence)
    apart = by_name if isinstance(inputs, Mapping) else in_a_row
    fits = several and (not isinstance(inputs, Mapping) or all(isinstance(name, str) for name in inputs))
    if fits:
        own = ((), {**told, **inputs}) if isinstance(inputs, Mapping) else (tuple(inputs), told)
        fits = _takes(model, *own)
    if not _takes(model, (inputs,), told):
        if fits:
            return apart
        raise ValueError(_refusal(model, inputs))
    if not fits:
        return as_one
    try:
        as_one(model, copied(inputs), told)
    except Exception as error:  # of any kind: what comes of a tuple where a tensor was meant
        try:
            apart(model, copied(inputs), told)
        except Exception:
            raise error from None
        return apart
    return as_one


def _takes(model: nn.Module, args: tuple[Any, ...], told: dict[str, Any]) -> bool:
    try:
        inspect.signature(model.forward).bind(*args, **told)
    except TypeError:
        return False
    return True


def _refusal(model: nn.Module, inputs: Any) -> str:
    """Say what came and how a batch of several inputs is given."""
    if isinstance(inputs, Mapping):
        came = f"inputs by the names {', '.join(map(str, inputs))}"
    else:
        came = f"{len(inputs)} inputs" if isinstance(inputs, tuple | list) else "one input"
    names = inspect.signature(model.forward).parameters
    parameters = ", ".join(map(str, names.values()))
    if "lengths" in names and came == "one input" and _takes(model, (inputs,), {"lengths": None}):
        return f"got no lengths for {type(model).__name__}.forward({parameters}), expected examine(..., lengths=...)"
    ways = "((x, z), targets), which calls model(x, z), or ({'x': x, 'z': z}, targets), which calls model(x=x, z=z)"
    return f"got {came} for {type(model).__name__}.forward({parameters}), expected a batch such as {ways}; or a wrapper"
