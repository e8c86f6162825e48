"""Where to compute, in which precision, and whether to wait for it."""

import os
from typing import Any

import torch
from torch import Tensor, nn

# Devices that compute while the processor goes on, and whose optimisers can leave an update out by themselves.
RUNS_AHEAD = ("cuda", "xpu", "mps")


def pick_device(name: str | None = None) -> torch.device:
    """Return the device to use: the one that is named, else a GPU if there is one, else the processor.

    Under ``torchrun`` each process gets the GPU of its local number.

    Args:
        name: A device as torch names it, such as "cpu", "cuda" or "cuda:1"; None to choose.

    Raises:
        ValueError: If there is no such device here.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    has_gpu = torch.cuda.is_available()
    if name is None:
        name = "cuda" if has_gpu else "cpu"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise ValueError(f"got device {name!r}, expected a name such as 'cpu', 'cuda' or 'cuda:1'") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if has_gpu else 0
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)) if device.index is None else device.index)
        if device.index is not None and device.index >= count:
            raise ValueError(f"got device {name!r}, expected one of the {count} GPUs that torch sees here, or 'cpu'")
    elif device.type != "cpu":
        _expect_usable(device)
    return device


def _expect_usable(device: torch.device) -> None:
    """Raise a ValueError unless numbers can be kept on a device."""
    try:
        (torch.ones(1, device=device) + 1).item()
    except (RuntimeError, NotImplementedError, AssertionError):
        expected = "expected one that torch can compute on here, such as 'cpu'"
        raise ValueError(f"got device '{device}', {expected}") from None


def runs_ahead(device: torch.device, log_every: int | None) -> bool:
    """Say whether training looks at its numbers in groups, without waiting for the device in between."""
    return device.type in RUNS_AHEAD if log_every is None else log_every > 1


def place_of(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Say where a network is, and in which dtype its weights are.

    Raises:
        ValueError: If it has no weights.
    """
    for parameter in model.parameters():
        if parameter.is_floating_point():
            return parameter.device, parameter.dtype
    raise ValueError(f"got a {type(model).__name__} without parameters, expected a network with something to train")


def move(tensor: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """Put a tensor on the device, float numbers in the network's dtype; what is no tensor stays as it is.

    The dtype changes first: half the bytes travel, and not every device has float64. To a GPU it travels from memory
    that is pinned, so that the processor need not wait for it.
    """
    if not isinstance(tensor, Tensor):
        return tensor
    tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def on_device(number: Any, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Make a tensor of one number, without waiting for the device."""
    if isinstance(number, Tensor):
        return number.detach().to(device, dtype).reshape(())
    return torch.full((), float(number), device=device, dtype=dtype)


def fetch(numbers: list[Tensor]) -> list[list[float]]:
    """Bring rows of numbers from the device in one go: the one place where training waits for it."""
    flat = torch.cat(numbers).tolist()
    rows, start = [], 0
    for row in numbers:
        rows.append(flat[start : start + len(row)])
        start += len(row)
    return rows


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Compute in a precision; "float32" leaves dtypes alone."""
    low = precision != "float32"
    return torch.autocast(device.type, getattr(torch, precision) if low else None, enabled=low)
