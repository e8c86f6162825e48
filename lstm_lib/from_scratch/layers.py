"""Cells over time: whole sequences forward and backward, for the RNN, the standard LSTM and the drawn LSTM.

Shapes: T steps, B batch, D features, H hidden units; sequences are time-first.
``unroll`` and ``unroll_backward`` are the readable loop that works for every cell and every dtype. ``forward`` and
``backward`` run any cell of ``cells.CELLS`` by its name; the functions of the three cells, which say what goes in and
what comes out, are doors to them. For float32 and float64 they call ``_fast``, which computes the same numbers sooner;
the tests hold one to the other.
"""

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.from_scratch import _door, _fast, cells
from lstm_lib.from_scratch._table import Cell
from lstm_lib.from_scratch.cells import DrawnParams, LSTMParams, LSTMState, RNNParams, RNNState


class Run(NamedTuple):
    """What a sequence leaves: hs and cs (T, B, H) without the initial state, and the tape for the backward pass."""

    hs: Array
    cs: Array
    tape: "Tape"


class RNNRun(NamedTuple):
    """What a sequence leaves in an RNN: hs (T, B, H) without the initial state, and the tape."""

    hs: Array
    tape: "Tape"


class Tape(NamedTuple):
    """What a backward pass needs: type and values of the parameters, the clamped gates, and what the steps left.

    ``steps`` is the list of the steps' tapes after ``unroll``, and whatever ``_fast`` left otherwise.
    """

    kind: str
    used: Any
    clamped: tuple[str, ...]
    has_tokens: bool
    steps: Any


class Gates(NamedTuple):
    """The inside of an LSTM run, each (T, B, H): four gates, kept = f c_prev, and u, what o multiplies: h = o u."""

    i: Array
    f: Array
    g: Array
    o: Array
    kept: Array
    u: Array


# ---------------------------------------------------------------- the readable loop


def unroll(step: Callable[..., Any], params: Any, xs: Array, state: Any) -> tuple[list[Any], list[Any]]:
    """Run one cell over time: state, tape = step(params, x, state), T times.

    Args:
        step: ``rnn_step``, ``lstm_step`` or ``drawn_step``.
        params: Parameters of that cell.
        xs: Inputs (T, B, D).
        state: Initial state of that cell.

    Returns:
        The T states and the T tapes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params = cells.init_lstm(rng, 3, 2)
        >>> states, tapes = unroll(cells.lstm_step, params, rng.standard_normal((5, 4, 3)), cells.zero_state(4, 2))
        >>> len(states), states[-1].h.shape
        (5, (4, 2))
    """
    states, tapes = [], []
    for x in xs:
        state, tape = step(params, x, state)
        states.append(state)
        tapes.append(tape)
    return states, tapes


def unroll_backward(
    step_backward: Callable[..., Any], params: Any, tapes: list[Any], dhs: Array, dstate: Any
) -> tuple[Any, Array, Any]:
    """Run one cell's backward step from the last step to the first: backpropagation through time.

    Args:
        step_backward: ``rnn_step_backward``, ``lstm_step_backward`` or ``drawn_step_backward``.
        params: Parameters of that cell.
        tapes: The T tapes of ``unroll``.
        dhs: Gradient of the loss with respect to every h (T, B, H).
        dstate: Gradient with respect to the last state, beyond what dhs holds.

    Returns:
        Gradients of the parameters (summed over time), of xs (T, B, D), and of the initial state.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params, state = cells.init_lstm(rng, 3, 2), cells.zero_state(4, 2)
        >>> states, tapes = unroll(cells.lstm_step, params, rng.standard_normal((5, 4, 3)), state)
        >>> dhs = np.ones((5, 4, 2))
        >>> dparams, dxs, dstate = unroll_backward(cells.lstm_step_backward, params, tapes, dhs, state)
        >>> dparams.W.shape, dxs.shape
        ((4, 2, 5), (5, 4, 3))

    Reference:
        Werbos 1990 (werbos1990backpropagation).
    """
    total = type(params)(*(np.zeros_like(p) for p in params))
    dxs = []
    for tape, dh in zip(reversed(tapes), dhs[::-1], strict=True):
        dstate = dstate._replace(h=dstate.h + dh)
        dparams, dx, dstate = step_backward(params, tape, dstate)
        total = type(params)(*(t + d for t, d in zip(total, dparams, strict=True)))
        dxs.append(dx)
    return total, np.stack(dxs[::-1]), dstate


# ---------------------------------------------------------------- any cell

RUNS = {("h",): RNNRun, ("h", "c"): Run}  # what a forward pass leaves, by what the cell carries


def forward(
    cell: str,
    params: Any,
    xs: Array,
    state: Any = None,
    *,
    clamp: Mapping[str, float] | None = None,
    check_finite: bool = False,
) -> Any:
    """Run a cell over a sequence.

    Args:
        cell: Key of ``cells.CELLS``.
        params: Parameters of that cell.
        xs: Inputs (T, B, D), or token numbers (T, B) of an integer dtype, which stand for one-hot rows.
        state: Initial state of that cell; zeros if None.
        clamp: Gates held at a fixed value, such as {"f": 1.0}; their gradients are zero.
        check_finite: Look for NaN and inf in xs, and name the first step that has one.

    Returns:
        Run with hs and cs (T, B, H), or RNNRun with hs where the cell carries no c.

    Raises:
        ValueError: If the cell is unknown, or a shape, a dtype, a clamp or (when asked) a value does not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> forward("drawn", cells.init_drawn(rng, 3, 2), rng.standard_normal((5, 4, 3))).hs.shape
        (5, 4, 2)
    """
    entry = cells.look_up(cell)
    xs, state = _open_door(entry, params, xs, state, check_finite)
    used, clamped = _clamp(params, clamp, entry.gates), tuple(clamp or ())
    if _has_fast_path(cell, params):
        *columns, steps = _fast.PASSES[cell].forward(used, xs, state)
    else:
        states, steps = unroll(entry.step, used, one_hot(xs, params), state)
        columns = [np.stack(column) for column in zip(*states, strict=True)]
    tape = Tape(entry.params.__name__, used, clamped, xs.ndim == 2, steps)
    return RUNS[entry.state._fields](*columns, tape)


def backward(cell: str, params: Any, run: Any, dhs: Array, dstate: Any = None, *, need_dx: bool = True) -> Any:
    """Send gradients back through a whole run.

    Args:
        cell: Key of ``cells.CELLS``.
        params: Parameters of the forward run, unchanged since.
        run: What ``forward`` returned.
        dhs: Gradient of the loss with respect to every h (T, B, H).
        dstate: Gradient with respect to the last state, beyond what dhs holds; zeros if None.
        need_dx: Whether the gradient of xs is wanted.

    Returns:
        Gradients of the parameters, of xs (T, B, D) (None for tokens or when not wanted), and of the initial state.

    Raises:
        ValueError: If the cell is unknown, or a shape or a dtype does not fit the run.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params = cells.init_rnn(rng, 3, 2)
        >>> run = forward("rnn", params, rng.standard_normal((5, 4, 3)))
        >>> backward("rnn", params, run, np.ones_like(run.hs))[0].W.shape
        (2, 5)
    """
    entry = cells.look_up(cell)
    dstate = _open_back_door(entry, params, run, dhs, dstate)
    used, steps, need_dx = run.tape.used, run.tape.steps, need_dx and not run.tape.has_tokens
    if _has_fast_path(cell, params):
        dparams, dxs, dfirst = _fast.PASSES[cell].backward(used, steps, dhs, dstate, need_dx=need_dx)
    else:
        dparams, dxs, dfirst = unroll_backward(entry.step_backward, used, steps, dhs, dstate)
    return _unclamp(dparams, run.tape.clamped, entry.gates), dxs if need_dx else None, dfirst


# ---------------------------------------------------------------- the tanh RNN


def rnn_forward(params: RNNParams, xs: Array, state: RNNState | None = None, *, check_finite: bool = False) -> RNNRun:
    """Run a tanh RNN over a sequence.

    Args:
        params: RNNParams with W (H, H+D), b (H,).
        xs: Inputs (T, B, D), or token numbers (T, B) of an integer dtype, which stand for one-hot rows.
        state: Initial state; zeros if None.
        check_finite: Look for NaN and inf in xs, and name the first step that has one.

    Returns:
        RNNRun with hs (T, B, H).

    Raises:
        ValueError: If a shape, a dtype or (when asked) a value does not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> rnn_forward(cells.init_rnn(rng, 3, 2), rng.standard_normal((5, 4, 3))).hs.shape
        (5, 4, 2)
    """
    run: RNNRun = forward("rnn", params, xs, state, check_finite=check_finite)
    return run


def rnn_backward(
    params: RNNParams, run: RNNRun, dhs: Array, dstate: RNNState | None = None, *, need_dx: bool = True
) -> tuple[RNNParams, Array | None, RNNState]:
    """Send gradients back through a whole RNN run.

    Args:
        params: RNNParams of the forward run, unchanged since.
        run: What ``rnn_forward`` returned.
        dhs: Gradient of the loss with respect to every h (T, B, H).
        dstate: Gradient with respect to the last state, beyond what dhs holds; zeros if None.
        need_dx: Whether the gradient of xs is wanted.

    Returns:
        Gradients of the parameters, of xs (T, B, D) (None for tokens or when not wanted), and of the initial state.

    Raises:
        ValueError: If a shape or a dtype does not fit the run.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params = cells.init_rnn(rng, 3, 2)
        >>> run = rnn_forward(params, rng.standard_normal((5, 4, 3)))
        >>> dparams, dxs, dstate = rnn_backward(params, run, np.ones_like(run.hs))
        >>> dparams.W.shape, dxs.shape, dstate.h.shape
        ((2, 5), (5, 4, 3), (4, 2))
    """
    gradients: tuple[RNNParams, Array | None, RNNState] = backward("rnn", params, run, dhs, dstate, need_dx=need_dx)
    return gradients


# ---------------------------------------------------------------- the standard LSTM


def lstm_forward(
    params: LSTMParams,
    xs: Array,
    state: LSTMState | None = None,
    *,
    clamp: Mapping[str, float] | None = None,
    check_finite: bool = False,
) -> Run:
    """Run a standard LSTM over a sequence.

    Args:
        params: LSTMParams with W (4, H, H+D), b (4, H).
        xs: Inputs (T, B, D), or token numbers (T, B) of an integer dtype, which stand for one-hot rows.
        state: Initial state; zeros if None.
        clamp: Gates held at a fixed value, such as {"f": 1.0}, the LSTM of 1997; their gradients are zero.
        check_finite: Look for NaN and inf in xs, and name the first step that has one.

    Returns:
        Run with hs and cs (T, B, H).

    Raises:
        ValueError: If a shape, a dtype, a clamp or (when asked) a value does not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> run = lstm_forward(cells.init_lstm(rng, 3, 2), rng.standard_normal((5, 4, 3)))
        >>> run.hs.shape, run.cs.shape
        ((5, 4, 2), (5, 4, 2))
    """
    run: Run = forward("lstm", params, xs, state, clamp=clamp, check_finite=check_finite)
    return run


def lstm_backward(
    params: LSTMParams, run: Run, dhs: Array, dstate: LSTMState | None = None, *, need_dx: bool = True
) -> tuple[LSTMParams, Array | None, LSTMState]:
    """Send gradients back through a whole LSTM run.

    Args:
        params: LSTMParams of the forward run, unchanged since.
        run: What ``lstm_forward`` returned.
        dhs: Gradient of the loss with respect to every h (T, B, H).
        dstate: Gradient with respect to the last state, beyond what dhs holds; zeros if None.
        need_dx: Whether the gradient of xs is wanted.

    Returns:
        Gradients of the parameters, of xs (T, B, D) (None for tokens or when not wanted), and of the initial state.

    Raises:
        ValueError: If a shape or a dtype does not fit the run.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params = cells.init_lstm(rng, 3, 2)
        >>> run = lstm_forward(params, rng.standard_normal((5, 4, 3)))
        >>> dparams, dxs, dstate = lstm_backward(params, run, np.ones_like(run.hs))
        >>> dparams.W.shape, dxs.shape, dstate.c.shape
        ((4, 2, 5), (5, 4, 3), (4, 2))
    """
    gradients: tuple[LSTMParams, Array | None, LSTMState] = backward("lstm", params, run, dhs, dstate, need_dx=need_dx)
    return gradients


# ---------------------------------------------------------------- the drawn LSTM


def drawn_forward(
    params: DrawnParams,
    xs: Array,
    state: LSTMState | None = None,
    *,
    clamp: Mapping[str, float] | None = None,
    check_finite: bool = False,
) -> Run:
    """Run the drawn LSTM over a sequence; arguments and results as in ``lstm_forward``.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> drawn_forward(cells.init_drawn(rng, 3, 2), rng.standard_normal((5, 4, 3))).hs.shape
        (5, 4, 2)
    """
    run: Run = forward("drawn", params, xs, state, clamp=clamp, check_finite=check_finite)
    return run


def drawn_backward(
    params: DrawnParams, run: Run, dhs: Array, dstate: LSTMState | None = None, *, need_dx: bool = True
) -> tuple[DrawnParams, Array | None, LSTMState]:
    """Send gradients back through a whole drawn run; arguments and results as in ``lstm_backward``.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params = cells.init_drawn(rng, 3, 2)
        >>> run = drawn_forward(params, rng.standard_normal((5, 4, 3)))
        >>> drawn_backward(params, run, np.ones_like(run.hs))[0].W_u.shape
        (2, 2)
    """
    gradients: tuple[DrawnParams, Array | None, LSTMState]
    gradients = backward("drawn", params, run, dhs, dstate, need_dx=need_dx)
    return gradients


# ---------------------------------------------------------------- looking inside


def gates(run: Run) -> Gates:
    """Take the gates out of a run of the standard or the drawn LSTM, to look at them or to plot them.

    kept = f c_prev;  h = o u, where u = tanh(c) in the standard cell and tanh(W_u kept + b_u) in the drawn one.

    Args:
        run: What ``lstm_forward`` or ``drawn_forward`` returned.

    Returns:
        Gates with i, f, g, o, kept and u, each (T, B, H) and an array of its own.

    Raises:
        ValueError: If the run is that of an RNN, which has no gates.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> run = lstm_forward(cells.init_lstm(rng, 3, 2), rng.standard_normal((5, 4, 3)))
        >>> i, f, g, o, kept, u = gates(run)
        >>> np.allclose(run.cs, kept + i * g), np.allclose(run.hs, o * u)
        (True, True)
    """
    if not isinstance(run, Run):
        raise ValueError(f"got {type(run).__name__}, expected the Run of an LSTM: an RNN has no gates")
    if isinstance(run.tape.steps, _fast.Memo):
        return Gates(*_fast.gates(run.tape.steps))
    steps = run.tape.steps
    i, f, g, o, c_prev = (np.stack([getattr(step, name) for step in steps]) for name in ("i", "f", "g", "o", "c_prev"))
    is_drawn = isinstance(steps[0], cells.DrawnTape)
    return Gates(i, f, g, o, f * c_prev, np.stack([step.u for step in steps]) if is_drawn else np.tanh(run.cs))


# ---------------------------------------------------------------- clamped gates

SURE = 80.0  # σ(80) and tanh(80) are 1 to the last bit, and so is a gate that is clamped to 1


def _clamp(params: Any, clamp: Mapping[str, float] | None, gates: str) -> Any:
    """Return parameters whose clamped gates ignore z: weights zero, and the bias that gives the value."""
    if not clamp:
        return params
    if not isinstance(clamp, Mapping):
        raise ValueError(f"got clamp of type {type(clamp).__name__}, expected a mapping such as {{'f': 1.0}}")
    if not gates:
        raise ValueError(f"got clamp {dict(clamp)}, expected none for {type(params).__name__}, which has no gates")
    W, b = params.W.copy(), params.b.copy()
    for gate, value in clamp.items():
        low = -1.0 if gate == "g" else 0.0
        if gate not in tuple(gates) or not isinstance(value, Real) or not low <= value <= 1.0:
            raise ValueError(f"got clamp {gate!r}: {value!r}, expected i, f or o in [0, 1] or g in [-1, 1]")
        with np.errstate(divide="ignore"):
            bias = np.arctanh(value) if gate == "g" else np.log(value) - np.log1p(-value)
        W[gates.index(gate)] = 0
        b[gates.index(gate)] = np.clip(bias, -SURE, SURE)
    return params._replace(W=W, b=b)


def _unclamp(dparams: Any, clamped: tuple[str, ...], gates: str) -> Any:
    """Zero the gradients of the clamped gates."""
    for gate in clamped:
        dparams.W[gates.index(gate)] = 0
        dparams.b[gates.index(gate)] = 0
    return dparams


# ---------------------------------------------------------------- the public door


def one_hot(xs: Array, params: Any) -> Array:
    """Turn token numbers (T, B) into one-hot rows (T, B, D) of the parameters' dtype; leave other inputs alone.

    Example:
        >>> one_hot(np.array([[1], [0]]), cells.init_rnn(np.random.default_rng(0), 3, 2))
        array([[[0., 1., 0.]],
        <BLANKLINE>
               [[1., 0., 0.]]])
    """
    D = params.W.shape[-1] - params.b.shape[-1]
    return np.eye(D, dtype=params.W.dtype)[xs] if xs.ndim == 2 else xs


def _has_fast_path(cell: str, params: Any) -> bool:
    """Say whether ``_fast`` has this cell and dtype; complex numbers (gradient checks) go through the readable loop."""
    return cell in _fast.PASSES and params.W.dtype in (np.float32, np.float64)


def _open_door(cell: Cell, params: Any, xs: Array, state: Any, check_finite: bool) -> tuple[Array, Any]:
    """Check a forward call; return xs as an array and the initial state, zeros if None came."""
    D, H = _door.expect_params(cell, params)
    xs = np.asarray(xs)
    _door.expect_sequence(xs, D)
    if state is None:
        state = _zeros(cell, xs.shape[1], H, params.W.dtype)
    _door.expect_state(cell, state, xs.shape[1], H)
    if xs.ndim == 3:
        _door.expect_one_dtype(params=params, xs=xs, state=state)
        if check_finite:
            _door.expect_finite(xs)
    else:
        _door.expect_one_dtype(params=params, state=state)
    return xs, state


def _open_back_door(cell: Cell, params: Any, run: Any, dhs: Array, dstate: Any) -> Any:
    """Check a backward call; return the gradient of the last state, zeros if None came."""
    if dstate is None:
        _, B, H = run.hs.shape
        dstate = _zeros(cell, B, H, run.hs.dtype)
    _door.expect_gradient(cell, params, run, dhs, dstate)
    return dstate


def _zeros(cell: Cell, B: int, H: int, dtype: Any) -> Any:
    return cell.state(*(np.zeros((B, H), dtype) for _ in cell.state._fields))
