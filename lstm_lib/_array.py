"""The one name for a NumPy array of any shape and dtype, and the one way to read named ones from a file."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]  # shapes stand in the docstrings


def read_npz(path: Path) -> dict[str, Array]:
    """Read the arrays of an .npz by name, never code; whoever calls puts the file's name before an error.

    Raises:
        ValueError: If there is no such file, or it is damaged or of another kind.

    Example:
        >>> read_npz(Path("no-such-file.npz"))
        Traceback (most recent call last):
        ...
        ValueError: got a file that is not .npz with arrays of numbers, or is damaged
    """
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return {name: np.asarray(file[name]) for name in file.files}
    except (ValueError, TypeError, OSError, EOFError, KeyError, zipfile.BadZipFile):
        raise ValueError("got a file that is not .npz with arrays of numbers, or is damaged") from None
