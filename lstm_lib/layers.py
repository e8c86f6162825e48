"""Cells over time: whole sequences forward and backward, for the RNN, the standard LSTM and the drawn LSTM.

Shapes: T steps, B batch, D features, H hidden units; sequences are time-first.
``unroll`` and ``unroll_backward`` are the readable loop that works for every cell.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from lstm_lib import cells
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
    """What a backward pass needs: the parameters as used, which gates were clamped, and what each step left."""

    used: Any
    clamped: tuple[str, ...]
    has_tokens: bool
    steps: Any


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
    xs, state, has_tokens = _open_door(params, xs, state, check_finite)
    states, steps = unroll(cells.rnn_step, params, xs, state)
    return RNNRun(np.stack([s.h for s in states]), Tape(params, (), has_tokens, steps))


def rnn_backward(
    params: RNNParams, run: RNNRun, dhs: Array, dstate: RNNState | None = None, *, need_dx: bool = True
) -> tuple[RNNParams, Array | None, RNNState]:
    """Send gradients back through a whole RNN run.

    Args:
        params: RNNParams of the forward run.
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
    dstate = _open_back_door(run, dhs, dstate, RNNState)
    dparams, dxs, dfirst = unroll_backward(cells.rnn_step_backward, params, run.tape.steps, dhs, dstate)
    return dparams, dxs if need_dx and not run.tape.has_tokens else None, dfirst


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
    xs, state, has_tokens = _open_door(params, xs, state, check_finite)
    used = _clamp(params, clamp)
    states, steps = unroll(cells.lstm_step, used, xs, state)
    hs, cs = (np.stack(column) for column in zip(*states, strict=True))
    return Run(hs, cs, Tape(used, tuple(clamp or ()), has_tokens, steps))


def lstm_backward(
    params: LSTMParams, run: Run, dhs: Array, dstate: LSTMState | None = None, *, need_dx: bool = True
) -> tuple[LSTMParams, Array | None, LSTMState]:
    """Send gradients back through a whole LSTM run.

    Args:
        params: LSTMParams of the forward run.
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
    dstate = _open_back_door(run, dhs, dstate, LSTMState)
    dparams, dxs, dfirst = unroll_backward(cells.lstm_step_backward, run.tape.used, run.tape.steps, dhs, dstate)
    return _unclamp(dparams, run.tape), dxs if need_dx and not run.tape.has_tokens else None, dfirst


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
    xs, state, has_tokens = _open_door(params, xs, state, check_finite)
    used = _clamp(params, clamp)
    states, steps = unroll(cells.drawn_step, used, xs, state)
    hs, cs = (np.stack(column) for column in zip(*states, strict=True))
    return Run(hs, cs, Tape(used, tuple(clamp or ()), has_tokens, steps))


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
    dstate = _open_back_door(run, dhs, dstate, LSTMState)
    dparams, dxs, dfirst = unroll_backward(cells.drawn_step_backward, run.tape.used, run.tape.steps, dhs, dstate)
    return _unclamp(dparams, run.tape), dxs if need_dx and not run.tape.has_tokens else None, dfirst


# ---------------------------------------------------------------- clamped gates

GATES = ("i", "f", "g", "o")
SURE = 80.0  # σ(80) and tanh(80) are 1 to the last bit, and so is a gate that is clamped to 1


def _clamp(params: Any, clamp: Mapping[str, float] | None) -> Any:
    """Return parameters whose clamped gates ignore z: weights zero, and the bias that gives the value."""
    if not clamp:
        return params
    W, b = params.W.copy(), params.b.copy()
    for gate, value in clamp.items():
        low = -1.0 if gate == "g" else 0.0
        if gate not in GATES or not low <= value <= 1.0:
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


def _open_door(params: Any, xs: Array, state: Any, check_finite: bool) -> tuple[Array, Any, bool]:
    """Check a forward call; return xs as (T, B, D), the initial state, and whether xs were tokens."""
    D, H = cells.expect_params(params)
    xs = np.asarray(xs)
    has_tokens = np.issubdtype(xs.dtype, np.integer)
    _expect_xs(xs, D, has_tokens)
    if has_tokens:
        xs = np.eye(D, dtype=params.W.dtype)[xs]
    B = xs.shape[1]
    if state is None:
        zeros = cells.zero_rnn_state if isinstance(params, RNNParams) else cells.zero_state
        state = zeros(B, H, dtype=params.W.dtype)
    cells.expect_state(state, B, H)
    cells.expect_one_dtype(params=params, xs=xs, state=state)
    if check_finite and not np.isfinite(xs).all():
        bad = ~np.isfinite(xs)
        t, n, d = (int(k) for k in np.argwhere(bad)[0])
        raise ValueError(f"got {xs[t, n, d]} in xs first at step {t} (sequence {n}, feature {d}), expected finite numbers")
    return xs, state, has_tokens


def _expect_xs(xs: Array, D: int, has_tokens: bool) -> None:
    expected = "(T, B) of token numbers" if has_tokens else "(T, B, D)"
    if xs.ndim != (2 if has_tokens else 3) or 0 in xs.shape[:2]:
        raise ValueError(f"got xs of shape {xs.shape} and dtype {xs.dtype}, expected {expected} with T and B at least 1")
    if has_tokens and (xs.min() < 0 or xs.max() >= D):
        raise ValueError(f"got tokens from {xs.min()} to {xs.max()}, expected 0 to D - 1 = {D - 1}")
    if not has_tokens and xs.shape[2] != D:
        raise ValueError(f"got xs with {xs.shape[2]} features, expected D = {D} (from W)")


def _open_back_door(run: Any, dhs: Array, dstate: Any, state_type: Any) -> Any:
    """Check a backward call; return the gradient of the last state, zeros if None came."""
    T, B, H = run.hs.shape
    if np.shape(dhs) != (T, B, H):
        raise ValueError(f"got dhs of shape {np.shape(dhs)}, expected that of run.hs, (T, B, H) = ({T}, {B}, {H})")
    if dstate is None:
        dstate = state_type(*(np.zeros((B, H), run.hs.dtype) for _ in state_type._fields))
    cells.expect_state(dstate, B, H)
    cells.expect_one_dtype(run_hs=run.hs, dhs=dhs, dstate=dstate)
    return dstate
