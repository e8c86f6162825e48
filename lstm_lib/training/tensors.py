"""The one place where a file of torch is read: tensors and plain values, never code."""

import io
from pathlib import Path
from typing import Any

import torch

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
