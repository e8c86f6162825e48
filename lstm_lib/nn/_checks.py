"""The checks at the public door of ``nn.LSTM``: same types of error as torch's, saying what came and what was expected.

Shapes: T steps, B batch, D features, H hidden units, P projected units, L layers times directions.
"""

import numbers
import warnings
from typing import Any

from torch import Tensor

from lstm_lib.nn.backends import NAMES
from lstm_lib.nn.backends.interface import autocasts
from lstm_lib.nn.steps import CELLS, State


def expect_sizes(input_size: Any, hidden_size: Any, num_layers: Any, proj_size: Any) -> None:
    """Raise a TypeError or a ValueError unless the four sizes make an LSTM."""
    sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers, "proj_size": proj_size}
    for name, size in sizes.items():
        if not isinstance(size, numbers.Integral) or isinstance(size, bool):
            raise TypeError(f"got {name} of type {type(size).__name__}, expected int")
        least = 0 if name == "proj_size" else 1
        if size < least:
            raise ValueError(f"got {name} {size}, expected at least {least}")
    if proj_size >= hidden_size:
        raise ValueError(f"got proj_size {proj_size}, expected less than hidden_size {hidden_size}")


def expect_options(bias: Any, batch_first: Any, dropout: Any, num_layers: int) -> None:
    """Raise a TypeError or a ValueError unless the options are what torch takes; warn of dropout that does nothing."""
    for name, flag in {"bias": bias, "batch_first": batch_first}.items():
        if not isinstance(flag, bool):
            raise TypeError(f"got {name} of type {type(flag).__name__}, expected bool")
    if not _is_probability(dropout):
        raise ValueError(f"got dropout {dropout!r}, expected the probability of a zero, a number in [0, 1]")
    if dropout > 0 and num_layers == 1:
        message = f"got dropout {dropout} with num_layers 1, expected more layers: dropout acts between layers only"
        warnings.warn(message, stacklevel=3)


def _is_probability(p: Any) -> bool:
    """Say whether p is a number in [0, 1], of Python or of NumPy."""
    return isinstance(p, numbers.Real) and not isinstance(p, bool) and 0 <= float(p) <= 1


def expect_backend(cell: str, backend: str, proj_size: int) -> None:
    """Raise unless there are such a cell and such a backend, and the cell projects if it is asked to.

    Example:
        >>> expect_backend("gates", "auto", 0)
        Traceback (most recent call last):
        ...
        ValueError: got cell 'gates', expected one of 'standard', 'drawn', 'peephole', 'coupled', 'janet', \
'no-forget', 'layernorm'
    """
    if cell not in CELLS:
        raise ValueError(f"got cell {cell!r}, expected one of {', '.join(map(repr, CELLS))}")
    if backend not in NAMES:
        raise ValueError(f"got backend {backend!r}, expected one of {', '.join(map(repr, NAMES))}")
    if cell != "standard" and proj_size:
        raise ValueError(f"got proj_size {proj_size} with cell {cell!r}, expected 0: cell 'standard' alone projects")


def expect_noise(variational: Any, recurrent: Any, zoneout: Any) -> tuple[float, float, tuple[float, float]]:
    """Return the rates of dropout inside the layer, zoneout as a pair (h, c), or raise a ValueError.

    Example:
        >>> expect_noise(0.1, 0, 0.2)
        (0.1, 0.0, (0.2, 0.2))
    """
    pair = zoneout if isinstance(zoneout, tuple | list) else (zoneout, zoneout)
    if len(pair) != 2:
        raise ValueError(f"got zoneout {zoneout!r}, expected one probability, or a pair for h and c")
    named = [("variational_dropout", variational), ("recurrent_dropout", recurrent)]
    named += [("zoneout", p) for p in pair]
    for name, p in named:
        if not _is_probability(p):
            raise ValueError(f"got {name} {p!r}, expected a probability, a number in [0, 1]")
    return float(variational), float(recurrent), (float(pair[0]), float(pair[1]))


def expect_pieces(every: Any, variational: Any) -> int:
    """Return after how many steps gradients are checkpointed, or raise.

    Example:
        >>> expect_pieces(10, 0.5)
        Traceback (most recent call last):
        ...
        ValueError: got checkpoint_every 10 with variational_dropout 0.5, expected one of them 0: its mask is for the \
whole sequence
    """
    if not isinstance(every, numbers.Integral) or isinstance(every, bool):
        raise TypeError(f"got checkpoint_every of type {type(every).__name__}, expected int")
    if every < 0:
        raise ValueError(f"got checkpoint_every {every}, expected 0 or a number of steps")
    if every and variational:
        words = f"got checkpoint_every {every} with variational_dropout {variational}, expected one of them 0"
        raise ValueError(f"{words}: its mask is for the whole sequence")
    return int(every)


def expect_input(xs: Any, weight: Tensor, *, is_packed: bool) -> None:
    """Raise unless the input is (T, B, D), (T, D), or packed (N, D), of the weights' dtype, with D features."""
    D = weight.shape[1]
    if not isinstance(xs, Tensor):
        raise TypeError(f"got input of type {type(xs).__name__}, expected a Tensor or a PackedSequence")
    if is_packed and xs.dim() != 2:
        raise RuntimeError(f"got packed input of shape {tuple(xs.shape)}, expected (N, D) with D = {D}")
    if xs.dim() not in (2, 3):
        raise ValueError(f"got input of {xs.dim()} dimensions, expected 3 (a batch) or 2 (one sequence)")
    if xs.dtype != weight.dtype and not autocasts(xs):
        kind = RuntimeError if is_packed else ValueError  # as torch has it
        raise kind(f"got input of dtype {xs.dtype}, expected that of the weights, {weight.dtype}")
    if xs.shape[-1] != D:
        raise RuntimeError(f"got input with {xs.shape[-1]} features, expected input_size = {D}")


def expect_steps(T: int) -> None:
    """Raise a RuntimeError unless there is at least one step."""
    if T < 1:
        raise RuntimeError("got input of 0 steps, expected at least 1")


def expect_state(hx: Any, shapes: tuple[tuple[int, ...], ...], xs: Tensor) -> State:
    """Return the state as a State, or raise unless h and c have the shapes and the dtype that the input calls for."""
    is_pair = isinstance(hx, (tuple, list)) and len(hx) == 2
    if not is_pair or not isinstance(hx[0], Tensor) or not isinstance(hx[1], Tensor):
        raise TypeError(f"got a state of type {type(hx).__name__}, expected a pair of tensors (h_0, c_0)")
    h, c = hx
    if (h.shape, c.shape) == shapes and h.dtype == c.dtype == xs.dtype:  # as nearly always
        return State(h, c)
    for name, part, expected in zip(("h_0", "c_0"), hx, shapes, strict=True):
        if part.shape != expected:
            raise RuntimeError(f"got {name} of shape {tuple(part.shape)}, expected {expected}")
        if part.dtype != xs.dtype and not autocasts(xs):
            raise RuntimeError(f"got {name} of dtype {part.dtype}, expected that of the input, {xs.dtype}")
    return State(*hx)


def expect_event(x: Any, hx: Any, weight: Tensor, H: int) -> None:
    """Raise unless the input of a cell is (B, D) or (D), and the state, if any, a pair that goes with it."""
    D = weight.shape[1]
    if not isinstance(x, Tensor):
        raise TypeError(f"got input of type {type(x).__name__}, expected a Tensor")
    if x.dim() not in (1, 2):
        raise ValueError(f"got input of {x.dim()} dimensions, expected 2 (a batch) or 1 (one event)")
    if x.shape[-1] != D:
        raise RuntimeError(f"got input with {x.shape[-1]} features, expected input_size = {D}")
    if x.dtype != weight.dtype and not autocasts(x):
        raise RuntimeError(f"got input of dtype {x.dtype}, expected that of the weights, {weight.dtype}")
    if hx is not None:
        for name, part in zip(("h", "c"), hx, strict=False):
            if isinstance(part, Tensor) and part.dim() not in (1, 2):
                raise ValueError(f"got {name} of {part.dim()} dimensions, expected 2 (a batch) or 1 (one event)")
        shape = (*x.shape[:-1], H)
        expect_state(hx, (shape, shape), x)
