"""Cells over time: whole sequences forward and backward, for the RNN, the standard LSTM and the drawn LSTM.

Shapes: T steps, B batch, D features, H hidden units; sequences are time-first.
``unroll`` and ``unroll_backward`` are the readable loop that works for every cell and every dtype. For float32 and
float64 the functions below call ``_fast``, which computes the same numbers sooner; the tests hold one to the other.
"""

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from lstm_lib import _door, _fast, cells
from lstm_lib.cells import Array, DrawnParams, LSTMParams, LSTMState, RNNParams, RNNState


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
    """What a backward pass needs: kind and values of the parameters, the clamped gates, and what the steps left.

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
    xs, state = _open_door("RNNParams", params, xs, state, check_finite)
    if _has_fast_path(params):
        hs, memo = _fast.rnn_forward(params, xs, state)
        return RNNRun(hs, Tape("RNNParams", params, (), xs.ndim == 2, memo))
    states, steps = unroll(cells.rnn_step, params, one_hot(xs, params), state)
    return RNNRun(np.stack([s.h for s in states]), Tape("RNNParams", params, (), xs.ndim == 2, steps))


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
    dstate = _open_back_door("RNNParams", params, run, dhs, dstate)
    need_dx = need_dx and not run.tape.has_tokens
    if _has_fast_path(params):
        return _fast.rnn_backward(run.tape.used, run.tape.steps, dhs, dstate, need_dx=need_dx)
    dparams, dxs, dfirst = unroll_backward(cells.rnn_step_backward, run.tape.used, run.tape.steps, dhs, dstate)
    return dparams, dxs if need_dx else None, dfirst


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
    xs, state = _open_door("LSTMParams", params, xs, state, check_finite)
    used, clamped = _clamp(params, clamp), tuple(clamp or ())
    if _has_fast_path(params):
        hs, cs, memo = _fast.lstm_forward(used, xs, state)
        return Run(hs, cs, Tape("LSTMParams", used, clamped, xs.ndim == 2, memo))
    states, steps = unroll(cells.lstm_step, used, one_hot(xs, params), state)
    hs, cs = (np.stack(column) for column in zip(*states, strict=True))
    return Run(hs, cs, Tape("LSTMParams", used, clamped, xs.ndim == 2, steps))


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
    dstate = _open_back_door("LSTMParams", params, run, dhs, dstate)
    need_dx = need_dx and not run.tape.has_tokens
    if _has_fast_path(params):
        dparams, dxs, dfirst = _fast.lstm_backward(run.tape.used, run.tape.steps, dhs, dstate, need_dx=need_dx)
    else:
        dparams, dxs, dfirst = unroll_backward(cells.lstm_step_backward, run.tape.used, run.tape.steps, dhs, dstate)
    return _unclamp(dparams, run.tape), dxs if need_dx else None, dfirst


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
    xs, state = _open_door("DrawnParams", params, xs, state, check_finite)
    used, clamped = _clamp(params, clamp), tuple(clamp or ())
    if _has_fast_path(params):
        hs, cs, memo = _fast.drawn_forward(used, xs, state)
        return Run(hs, cs, Tape("DrawnParams", used, clamped, xs.ndim == 2, memo))
    states, steps = unroll(cells.drawn_step, used, one_hot(xs, params), state)
    hs, cs = (np.stack(column) for column in zip(*states, strict=True))
    return Run(hs, cs, Tape("DrawnParams", used, clamped, xs.ndim == 2, steps))


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
    dstate = _open_back_door("DrawnParams", params, run, dhs, dstate)
    need_dx = need_dx and not run.tape.has_tokens
    if _has_fast_path(params):
        dparams, dxs, dfirst = _fast.drawn_backward(run.tape.used, run.tape.steps, dhs, dstate, need_dx=need_dx)
    else:
        dparams, dxs, dfirst = unroll_backward(cells.drawn_step_backward, run.tape.used, run.tape.steps, dhs, dstate)
    return _unclamp(dparams, run.tape), dxs if need_dx else None, dfirst


# The passes over time of each cell, forward and backward.
PASSES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "rnn": (rnn_forward, rnn_backward),
    "lstm": (lstm_forward, lstm_backward),
    "drawn": (drawn_forward, drawn_backward),
}


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

GATES = ("i", "f", "g", "o")
SURE = 80.0  # σ(80) and tanh(80) are 1 to the last bit, and so is a gate that is clamped to 1


def _clamp(params: Any, clamp: Mapping[str, float] | None) -> Any:
    """Return parameters whose clamped gates ignore z: weights zero, and the bias that gives the value."""
    if not clamp:
        return params
    if not isinstance(clamp, Mapping):
        raise ValueError(f"got clamp of type {type(clamp).__name__}, expected a mapping such as {{'f': 1.0}}")
    W, b = params.W.copy(), params.b.copy()
    for gate, value in clamp.items():
        low = -1.0 if gate == "g" else 0.0
        if gate not in GATES or not isinstance(value, Real) or not low <= value <= 1.0:
            raise ValueError(f"got clamp {gate!r}: {value!r}, expected i, f or o in [0, 1] or g in [-1, 1]")
        with np.errstate(divide="ignore"):
            bias = np.arctanh(value) if gate == "g" else np.log(value) - np.log1p(-value)
        W[GATES.index(gate)] = 0
        b[GATES.index(gate)] = np.clip(bias, -SURE, SURE)
    return params._replace(W=W, b=b)


def _unclamp(dparams: Any, tape: Tape) -> Any:
    """Zero the gradients of the clamped gates."""
    for gate in tape.clamped:
        dparams.W[GATES.index(gate)] = 0
        dparams.b[GATES.index(gate)] = 0
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


def _has_fast_path(params: Any) -> bool:
    """Say whether ``_fast`` takes this dtype; complex numbers (gradient checks) go through the readable loop."""
    return params.W.dtype in (np.float32, np.float64)


def _open_door(kind: str, params: Any, xs: Array, state: Any, check_finite: bool) -> tuple[Array, Any]:
    """Check a forward call; return xs as an array and the initial state, zeros if None came."""
    D, H = _door.expect_params(kind, params)
    xs = np.asarray(xs)
    _door.expect_sequence(xs, D)
    if state is None:
        state = _zeros(kind, xs.shape[1], H, params.W.dtype)
    _door.expect_state(kind, state, xs.shape[1], H)
    if xs.ndim == 3:
        _door.expect_one_dtype(params=params, xs=xs, state=state)
        if check_finite:
            _door.expect_finite(xs)
    else:
        _door.expect_one_dtype(params=params, state=state)
    return xs, state


def _open_back_door(kind: str, params: Any, run: Any, dhs: Array, dstate: Any) -> Any:
    """Check a backward call; return the gradient of the last state, zeros if None came."""
    if dstate is None:
        _, B, H = run.hs.shape
        dstate = _zeros(kind, B, H, run.hs.dtype)
    _door.expect_gradient(kind, params, run, dhs, dstate)
    return dstate


def _zeros(kind: str, B: int, H: int, dtype: Any) -> Any:
    zeros = cells.zero_rnn_state if kind == "RNNParams" else cells.zero_state
    return zeros(B, H, dtype=dtype)
