"""The checks at the public door of ``cells`` and ``layers``: a ValueError says what came and what was expected.

Shapes: T steps, B batch, D features, H hidden units.
"""

from typing import Any

import numpy as np

from lstm_lib.from_scratch._table import Cell


def expect_sizes(input_size: int, hidden_size: int) -> None:
    """Raise a ValueError unless both sizes are at least 1."""
    if input_size < 1 or hidden_size < 1:
        raise ValueError(f"got input_size {input_size} and hidden_size {hidden_size}, expected both at least 1")


def expect_array(name: str, value: Any) -> None:
    """Raise a ValueError unless the value is a NumPy array."""
    if not isinstance(value, np.ndarray):
        raise ValueError(f"got {name} of type {type(value).__name__}, expected a NumPy array")


def expect_params(cell: Cell, params: Any) -> tuple[int, int]:
    """Return (D, H), or raise a ValueError that names the array whose shape does not fit.

    Example:
        >>> from lstm_lib.from_scratch.cells import CELLS, RNNParams
        >>> expect_params(CELLS["rnn"], RNNParams(np.zeros((2, 5)), np.zeros(2)))
        (3, 2)
    """
    if getattr(params, "_fields", None) != tuple(cell.shapes):
        expected = f"{cell.params.__name__}({', '.join(cell.shapes)})"
        raise ValueError(f"got parameters of type {type(params).__name__}, expected {expected}")
    for name in cell.shapes:
        expect_array(name, getattr(params, name))
    H = np.shape(params.b)[-1] if np.ndim(params.b) else 0
    D = np.shape(params.W)[-1] - H if np.ndim(params.W) else 0
    sizes = {"H": H, "H+D": H + D}
    for name, legend in cell.shapes.items():
        got = np.shape(getattr(params, name))
        if got != tuple([sizes[size] if size in sizes else int(size) for size in legend.split(", ")]) or H < 1 or D < 1:
            expected = f"expected ({legend}) with H = {H} (from b) and D at least 1"
            raise ValueError(f"got {name} of shape {got}, {expected}")
    return D, H


def expect_state(cell: Cell, state: Any, B: int, H: int) -> None:
    """Raise a ValueError unless the state is of the cell's kind and every array of it is (B, H)."""
    fields = cell.state._fields
    if getattr(state, "_fields", None) != fields:
        expected = f"{cell.state.__name__}({', '.join(fields)})"
        raise ValueError(f"got a state of type {type(state).__name__}, expected {expected}")
    for field, array in state._asdict().items():
        if np.shape(array) != (B, H):
            raise ValueError(f"got state.{field} of shape {np.shape(array)}, expected (B, H) = ({B}, {H})")


def expect_one_dtype(**named: Any) -> None:
    """Raise a ValueError unless all arrays have one floating (or complex) dtype."""
    seen: dict[np.dtype[Any], str] = {}
    for name, value in named.items():
        parts = value._asdict().items() if hasattr(value, "_asdict") else [("", value)]
        for part, array in parts:
            full_name = f"{name}.{part}" if part else name
            expect_array(full_name, array)
            seen.setdefault(array.dtype, full_name)
    if len(seen) > 1 or not all(np.issubdtype(dtype, np.inexact) for dtype in seen):
        what = ", ".join(f"{name} {dtype}" for dtype, name in seen.items())
        raise ValueError(f"got dtypes {what}; expected one floating dtype for all arrays")


def expect_step(cell: Cell, params: Any, x: Any, state: Any) -> None:
    """Raise a ValueError unless x and state fit the parameters of one step."""
    D, H = expect_params(cell, params)
    shape = np.shape(x)
    if len(shape) != 2 or shape[1] != D or shape[0] == 0:
        raise ValueError(f"got x of shape {shape}, expected (B, D) with B at least 1 and D = {D}")
    expect_state(cell, state, shape[0], H)
    expect_one_dtype(params=params, x=x, state=state)


def expect_step_gradient(cell: Cell, tape: Any, dstate: Any) -> None:
    """Raise a ValueError unless dstate fits the step that left the tape."""
    expect_state(cell, dstate, *tape[1].shape)  # tape[0] is z, everything else is (B, H)
    expect_one_dtype(tape=tape, dstate=dstate)


def expect_sequence(xs: Any, D: int) -> None:
    """Raise a ValueError unless xs are (T, B, D), or (T, B) token numbers from 0 to D - 1."""
    has_tokens = np.issubdtype(xs.dtype, np.integer)
    expected = "(T, B) of token numbers" if has_tokens else "(T, B, D)"
    if xs.ndim != (2 if has_tokens else 3) or 0 in xs.shape[:2]:
        got = f"got xs of shape {xs.shape} and dtype {xs.dtype}"
        raise ValueError(f"{got}, expected {expected} with T and B at least 1")
    if has_tokens and (xs.min() < 0 or xs.max() >= D):
        raise ValueError(f"got tokens from {xs.min()} to {xs.max()}, expected 0 to D - 1 = {D - 1}")
    if not has_tokens and xs.shape[2] != D:
        raise ValueError(f"got xs with {xs.shape[2]} features, expected D = {D} (from W)")


def expect_finite(xs: Any) -> None:
    """Raise a ValueError that names the first step at which NaN or inf appears in xs (T, B, D)."""
    finite = np.isfinite(xs)
    if not finite.all():
        t, n, d = (int(k) for k in np.argwhere(~finite)[0])
        raise ValueError(
            f"got {xs[t, n, d]} in xs first at step {t} (sequence {n}, feature {d}), expected finite numbers"
        )


def expect_gradient(cell: Cell, params: Any, run: Any, dhs: Any, dstate: Any) -> None:
    """Raise a ValueError unless params, dhs and dstate fit a run."""
    if run.tape.kind != cell.params.__name__:
        raise ValueError(f"got a run made with {run.tape.kind}, expected one made with {cell.params.__name__}")
    shapes, expected = ([np.shape(array) for array in group] for group in (params, run.tape.used))
    if shapes != expected:
        raise ValueError(f"got parameters of shapes {shapes}, expected those of the forward run, {expected}")
    T, B, H = run.hs.shape
    if np.shape(dhs) != (T, B, H):
        raise ValueError(f"got dhs of shape {np.shape(dhs)}, expected that of run.hs, (T, B, H) = ({T}, {B}, {H})")
    expect_state(cell, dstate, B, H)
    expect_one_dtype(params=params, run_hs=run.hs, dhs=dhs, dstate=dstate)
