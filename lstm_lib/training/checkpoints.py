"""Checkpoints: written whole or not at all, and never trusted before their content fits their name.

A checkpoint is one file, ``batch-00000100-0123456789abcdef.pt``: the number of batches done, and the first 16 digits
of the SHA-256 of its content. A file that was cut off or altered no longer fits its name.
"""

import hashlib
import io
import os
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from lstm_lib.training.tensors import read_tensors

NAME = re.compile(r"batch-(\d{8,})-([0-9a-f]{16})\.pt")
Folder = str | os.PathLike[str]


class CheckpointError(ValueError):
    """A checkpoint that cannot be trusted; the message names the file."""


class CheckpointWarning(UserWarning):
    """A checkpoint was refused, and the one before it is used."""


def save_checkpoint(folder: Folder, batches: int, content: dict[str, Any], *, keep: int = 2) -> Path:
    """Write a checkpoint, then remove all but the newest ones.

    The content goes into a temporary file, reaches the disk, and only then gets its name, in one move: whoever looks,
    at any moment, finds a whole checkpoint or none.

    Args:
        folder: Where to; made if it is not there.
        batches: Batches done.
        content: Tensors, numbers, texts, and lists and dictionaries of them.
        keep: Checkpoints that stay, the new one among them.

    Returns:
        Path of the new file.

    Raises:
        ValueError: If ``keep`` is below 1.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = save_checkpoint(folder, 100, {"weight": torch.ones(2)})
        ...     path.name[:15], load_checkpoint(path)["weight"]
        ('batch-00000100-', tensor([1., 1.]))
    """
    if keep < 1:
        raise ValueError(f"got keep {keep}, expected at least 1: the new checkpoint stays")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path = folder / f"batch-{batches:08d}-{_digest(buffer.getvalue())}.pt"
    _write(path, buffer.getvalue())
    others = [other for other in checkpoints(folder) if other != path]
    for old in others[: max(0, len(others) + 1 - keep)]:
        old.unlink()
    for left in folder.glob("batch-*.pt.writing"):  # of a process that was killed while it wrote
        left.unlink()
    return path


def write_whole(path: Path, content: dict[str, Any]) -> Path:
    """Write tensors and plain values into a file that is there whole, or as it was before."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, buffer.getvalue())
    return path


def _write(path: Path, data: bytes) -> None:
    """Write a file under another name, wait for the disk, and give it its name in one move."""
    temporary = path.with_name(f"{path.name}.writing")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync(path.parent)


def expect_writable(folder: Folder) -> None:
    """Raise a CheckpointError unless files can be written into the folder, which is made if it is not there."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        what = f"got folder {os.fspath(folder)!r}, expected one that files can be written to"
        raise CheckpointError(f"{what}: {error.strerror or error}") from error


def load_checkpoint(path: Folder) -> dict[str, Any]:
    """Read one checkpoint, if its content fits its name. Only tensors and plain values are read, never code.

    Args:
        path: File that ``save_checkpoint`` wrote.

    Returns:
        The content, tensors on the CPU.

    Raises:
        CheckpointError: If the file is not there, has another kind of name, was cut off, or was altered.

    Example:
        >>> load_checkpoint("batch-00000100-0123456789abcdef.pt")
        Traceback (most recent call last):
        ...
        lstm_lib.training.checkpoints.CheckpointError: batch-00000100-0123456789abcdef.pt: there is no such file
    """
    path = Path(path)
    named = NAME.fullmatch(path.name)
    if named is None:
        expected = "expected batch-NUMBER-DIGITS.pt, as save_checkpoint names it: the digits prove the content"
        raise CheckpointError(f"{path}: got a file of this name, {expected}")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    if _digest(data) != named[2]:
        what = f"got {len(data)} bytes whose SHA-256 begins with {_digest(data)}, expected {named[2]}"
        raise CheckpointError(f"{path}: {what}; the file was cut off or altered")
    try:
        content = read_tensors(path, data)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: got a {type(content).__name__}, expected a dictionary")
    return content


def latest_checkpoint(folder: Folder) -> dict[str, Any] | None:
    """Read the newest checkpoint of a folder that can be trusted; warn of each newer one that cannot, by name.

    Args:
        folder: Where the checkpoints are.

    Returns:
        The content, or None if the folder holds no checkpoint (or is not there).

    Raises:
        CheckpointError: If there are checkpoints, and none can be trusted.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     latest_checkpoint(folder) is None
        True
    """
    refused = []
    for path in reversed(checkpoints(folder)):
        try:
            content = load_checkpoint(path)
        except CheckpointError as error:
            refused.append(str(error))
            continue
        for message in refused:
            warnings.warn(f"{message}; {path.name} is used instead", CheckpointWarning, stacklevel=2)
        return content
    if refused:
        raise CheckpointError("no checkpoint can be trusted:\n" + "\n".join(refused))
    return None


def set_aside(folder: Folder, batches: int) -> None:
    """Rename the checkpoints beyond a number of batches, so that those that are written now do not count them."""
    for path in checkpoints(folder):
        if _number(path) > batches:
            path.replace(path.with_suffix(".refused"))


def checkpoints(folder: Folder) -> list[Path]:
    """List the checkpoints of a folder, oldest first.

    Example:
        >>> checkpoints("no-such-folder")
        []
    """
    found = [path for path in Path(folder).glob("batch-*.pt") if NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: (_number(path), path.stat().st_mtime_ns))


def _number(path: Path) -> int:
    named = NAME.fullmatch(path.name)
    return int(named[1]) if named else -1


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _sync(folder: Path) -> None:
    """Make the new name reach the disk too, where the system can open a folder."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
