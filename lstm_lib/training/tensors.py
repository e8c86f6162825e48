"""The one place where files of tensors are read, of torch and safetensors: tensors and plain values, never code."""

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

REFUSED = "got a file that torch refuses to read as tensors and plain values"


def read_tensors(path: Path, data: bytes | None = None) -> Any:
    """Read what ``torch.save`` wrote, tensors onto the CPU; whoever calls puts the file's name before an error.

    Args:
        path: The file.
        data: Its bytes, where they were read already.

    Raises:
        ValueError: If there is no such file, it is damaged or of another kind, or Python objects are in it.

    Example:
        >>> read_tensors(Path("no-such-file.pt"))
        Traceback (most recent call last):
        ...
        ValueError: there is no such file
    """
    if data is None and not path.exists():
        raise ValueError("there is no such file")
    if data is None and path.is_dir():
        raise ValueError("got a folder, expected a file")
    try:
        return torch.load(path if data is None else io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a file that was altered makes torch raise errors of every kind
        if "Unsupported global" in str(error) or "GLOBAL" in str(error):
            advice = "save its state_dict instead: torch.save(model.state_dict(), path)"
            raise ValueError(f"got a file with Python objects in it, which could run code; {advice}") from error
        raise ValueError(f"{REFUSED}; it is of another kind, cut off or altered") from error


def read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Read a .safetensors: its metadata, and its tensors by name; whoever calls puts the file's name before an error.

    Raises:
        ValueError: If there is no such file, or it is damaged or of another kind.

    Example:
        >>> read_safetensors(Path("no-such-file.safetensors"))
        Traceback (most recent call last):
        ...
        ValueError: got a file that is not safetensors, or is damaged (No such file or directory: ...
    """
    from safetensors import SafetensorError, safe_open  # here, because a .pt does without safetensors

    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"got a file that is not safetensors, or is damaged ({error})") from None
