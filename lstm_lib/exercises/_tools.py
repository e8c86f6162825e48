"""The three functions that answers are written with; each takes a number, a list, or an array. No numpy is needed."""

import math
from typing import Any

from lstm_lib.exercises._array import Array


def tanh(a: Any) -> Any:
    """Squash any number into (-1, 1).

    Args:
        a: A number, a list (squashed number by number), a NumPy array or a torch tensor.

    Returns:
        tanh(a), of the same kind.

    Example:
        >>> tanh([0.0, 100.0])
        [0.0, 1.0]
    """
    if isinstance(a, (list, tuple)):
        return [tanh(each) for each in a]
    if isinstance(a, (int, float)):
        return math.tanh(a)
    if hasattr(a, "tanh"):  # a torch tensor, or an array of our own
        return a.tanh()
    try:
        import numpy as np
    except ImportError:
        raise TypeError(f"tanh got {type(a).__name__}, expected a number, a list or an array") from None
    return np.tanh(a)


def sigmoid(a: Any) -> Any:
    """Squash any number into (0, 1): σ(a) = (1 + tanh(a/2)) / 2, which never overflows.

    Args:
        a: A number, a list (squashed number by number), a NumPy array or a torch tensor.

    Returns:
        σ(a), of the same kind.

    Example:
        >>> sigmoid(0.0), sigmoid([-1000.0, 1000.0])
        (0.5, [0.0, 1.0])
    """
    if isinstance(a, (list, tuple)):
        return [sigmoid(each) for each in a]
    return 0.5 * (1 + tanh(0.5 * a))


def dot(w: Any, z: Any) -> Any:
    """Multiply weights with numbers, pair by pair, and add up: Σ w z.

    Args:
        w: A number, a row of N weights, or a table of H such rows.
        z: A number, N numbers, or a batch (B, N).

    Returns:
        One sum for each row of ``w`` and each entry of the batch: a number, H numbers, (B,) or (B, H).

    Raises:
        ValueError: If there are not as many weights as numbers.

    Example:
        >>> dot(2.0, 3.0), dot([1.0, 2.0], [3.0, 4.0]), dot([[1.0, 2.0], [0.0, 1.0]], [3.0, 4.0])
        (6.0, 11.0, [11.0, 4.0])
    """
    if _is_number(w) or _is_number(z):
        if isinstance(w, (list, tuple)) or isinstance(z, (list, tuple)):
            raise ValueError(f"dot got {_say(w)} and {_say(z)}, expected as many weights as numbers")
        return w * z
    if not (isinstance(w, (list, tuple)) and isinstance(z, (list, tuple))):
        return _dot_arrays(w, z)
    if not _is_number(w[0]):
        return [dot(row, z) for row in w]
    if not _is_number(z[0]):
        return [dot(w, each) for each in z]
    if len(w) != len(z):
        raise ValueError(f"dot got {_say(w)} and {_say(z)}, expected as many weights as numbers")
    return sum(a * b for a, b in zip(w, z, strict=True))


def _dot_arrays(w: Any, z: Any) -> Any:
    array = Array.of if isinstance(w, Array) or isinstance(z, Array) else _asarray
    w, z = (array(each) if isinstance(each, (list, tuple)) else each for each in (w, z))
    if w.shape[-1] != z.shape[-1]:
        raise ValueError(f"dot got shapes {tuple(w.shape)} and {tuple(z.shape)}, expected equal last numbers")
    return z @ (w if w.ndim == 1 else w.swapaxes(-1, -2))


def _asarray(tree: Any) -> Any:
    import numpy as np  # one of the two is an array of it, or of torch

    return np.asarray(tree)


def _is_number(value: Any) -> bool:
    return not isinstance(value, (list, tuple)) and getattr(value, "ndim", 0) == 0


def _say(value: Any) -> str:
    return "a number" if _is_number(value) else f"{len(value)} numbers"
