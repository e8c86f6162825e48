"""One step of three recurrent cells, forward and backward: RNN, standard LSTM, and the article's drawn LSTM.

Shapes: B batch, D features, H hidden units. A cell is one step; time is the loop in ``layers``.
Every tape holds what the backward step needs, nothing else. It shares arrays with the states: change neither in place.
``CELLS``, at the end, is the one table of cells: what checks, loops over time and training know of a cell is there.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lstm_lib._array import Array as Array
from lstm_lib.from_scratch._door import expect_sizes, expect_step, expect_step_gradient
from lstm_lib.from_scratch._table import Cell


class LSTMParams(NamedTuple):
    """Weights of a standard LSTM: W (4, H, H+D) acts on z = [h, x], b (4, H); gate order i, f, g, o."""

    W: Array
    b: Array


class LSTMState(NamedTuple):
    """What an LSTM carries from step to step: h (B, H) the short-term memory, c (B, H) the long-term memory."""

    h: Array
    c: Array


class LSTMTape(NamedTuple):
    """What one LSTM step leaves for its backward step: z (B, H+D), everything else (B, H)."""

    z: Array
    i: Array
    f: Array
    g: Array
    o: Array
    c_prev: Array
    c: Array


class DrawnParams(NamedTuple):
    """Weights of the drawn LSTM: those of the standard one, and W_u (H, H), b_u (H,) of its use gate."""

    W: Array
    b: Array
    W_u: Array
    b_u: Array


class DrawnTape(NamedTuple):
    """What one drawn step leaves for its backward step: z (B, H+D), everything else (B, H)."""

    z: Array
    i: Array
    f: Array
    g: Array
    o: Array
    c_prev: Array
    kept: Array
    u: Array


class RNNParams(NamedTuple):
    """Weights of a tanh RNN: W (H, H+D) acts on z = [h, x], b (H,)."""

    W: Array
    b: Array


class RNNState(NamedTuple):
    """What an RNN carries from step to step: h (B, H)."""

    h: Array


class RNNTape(NamedTuple):
    """What one RNN step leaves for its backward step: z (B, H+D), h (B, H)."""

    z: Array
    h: Array


def sigmoid(a: Any) -> Any:
    """Squash any number to between 0 and 1: σ(a) = 1 / (1 + exp(-a)), written as (1 + tanh(a/2)) / 2.

    The second form never overflows, keeps the dtype, and is defined for complex numbers.

    Args:
        a: A number or an array of any shape.

    Returns:
        σ(a), of the shape of ``a``.

    Example:
        >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
        array([0. , 0.5, 1. ])
    """
    return 0.5 * (1 + np.tanh(0.5 * a))


# ---------------------------------------------------------------- the tanh RNN


def init_rnn(
    rng: np.random.Generator, input_size: int, hidden_size: int, *, dtype: DTypeLike = np.float64
) -> RNNParams:
    """Draw the weights of a tanh RNN: an orthogonal recurrent block, input weights U(±1/√H), bias zero.

    Args:
        rng: Source of randomness.
        input_size: D, features of x.
        hidden_size: H, units.
        dtype: float32 or float64.

    Returns:
        RNNParams with W (H, H+D) and b (H,).

    Raises:
        ValueError: If a size is below 1.

    Example:
        >>> init_rnn(np.random.default_rng(0), 3, 2).W.shape
        (2, 5)

    Reference:
        Saxe, McClelland and Ganguli 2014 (saxe2014exact), for the orthogonal start.
    """
    expect_sizes(input_size, hidden_size)
    W_h, _ = np.linalg.qr(rng.standard_normal((hidden_size, hidden_size)))
    bound = hidden_size**-0.5
    W_x = rng.uniform(-bound, bound, (hidden_size, input_size))
    return RNNParams(np.concatenate([W_h, W_x], axis=1).astype(dtype), np.zeros(hidden_size, dtype))


def zero_rnn_state(batch_size: int, hidden_size: int, *, dtype: DTypeLike = np.float64) -> RNNState:
    """Return an empty memory: h (B, H) of zeros.

    Example:
        >>> zero_rnn_state(2, 3).h.shape
        (2, 3)
    """
    return RNNState(np.zeros((batch_size, hidden_size), dtype))


def rnn_step(params: RNNParams, x: Array, state: RNNState) -> tuple[RNNState, RNNTape]:
    """Take one step of a tanh RNN: h = tanh(W [h, x] + b).

    Args:
        params: RNNParams with W (H, H+D), b (H,).
        x: Input (B, D).
        state: RNNState with h (B, H).

    Returns:
        The new state and the tape for ``rnn_step_backward``.

    Raises:
        ValueError: If a shape or a dtype does not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> state, tape = rnn_step(init_rnn(rng, 3, 2), rng.standard_normal((4, 3)), zero_rnn_state(4, 2))
        >>> state.h.shape
        (4, 2)

    Reference:
        Elman 1990 (elman1990finding).
    """
    expect_step(CELLS["rnn"], params, x, state)
    z = np.concatenate([state.h, x], axis=1)
    h = np.tanh(z @ params.W.T + params.b)
    return RNNState(h), RNNTape(z, h)


def rnn_step_backward(params: RNNParams, tape: RNNTape, dstate: RNNState) -> tuple[RNNParams, Array, RNNState]:
    """Send a gradient back through one RNN step.

    ∂a = ∂h (1 - h²);  ∂W = ∂aᵀ z,  ∂b = Σ ∂a,  [∂h_prev, ∂x] = ∂a W.

    Args:
        params: RNNParams of the forward step.
        tape: Tape of the forward step.
        dstate: Gradient of the loss with respect to the new state, h (B, H).

    Returns:
        Gradients of the parameters, of x (B, D), and of the old state.

    Raises:
        ValueError: If dstate does not fit the step.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params, x = init_rnn(rng, 3, 2), rng.standard_normal((4, 3))
        >>> state, tape = rnn_step(params, x, zero_rnn_state(4, 2))
        >>> dparams, dx, dprev = rnn_step_backward(params, tape, state)
        >>> dparams.W.shape, dx.shape, dprev.h.shape
        ((2, 5), (4, 3), (4, 2))
    """
    expect_step_gradient(CELLS["rnn"], tape, dstate)
    hidden_size = params.b.shape[0]
    da = dstate.h * (1 - tape.h**2)
    dz = da @ params.W
    return RNNParams(da.T @ tape.z, da.sum(axis=0)), dz[:, hidden_size:], RNNState(dz[:, :hidden_size])


# ---------------------------------------------------------------- the standard LSTM


def init_lstm(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    *,
    forget_bias: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> LSTMParams:
    """Draw the weights of a standard LSTM: W from U(±1/√H), b zero but for the forget gate.

    Args:
        rng: Source of randomness.
        input_size: D, features of x.
        hidden_size: H, units.
        forget_bias: Start of the forget gate's bias; 1.0 keeps σ(1) = 0.73 of the memory a step.
        dtype: float32 or float64.

    Returns:
        LSTMParams with W (4, H, H+D) and b (4, H).

    Raises:
        ValueError: If a size is below 1.

    Example:
        >>> params = init_lstm(np.random.default_rng(0), 3, 2)
        >>> params.W.shape, params.b[1]
        ((4, 2, 5), array([1., 1.]))

    Reference:
        Gers, Schmidhuber and Cummins 2000 (gers2000learning) for the bias; Jozefowicz et al. 2015 (jozefowicz2015).
    """
    expect_sizes(input_size, hidden_size)
    bound = hidden_size**-0.5
    W = rng.uniform(-bound, bound, (4, hidden_size, hidden_size + input_size)).astype(dtype)
    b = np.zeros((4, hidden_size), dtype)
    b[1] = forget_bias
    return LSTMParams(W, b)


def zero_state(batch_size: int, hidden_size: int, *, dtype: DTypeLike = np.float64) -> LSTMState:
    """Return two empty memories: h and c (B, H) of zeros.

    Example:
        >>> zero_state(2, 3).c.shape
        (2, 3)
    """
    return LSTMState(np.zeros((batch_size, hidden_size), dtype), np.zeros((batch_size, hidden_size), dtype))


def lstm_step(params: LSTMParams, x: Array, state: LSTMState) -> tuple[LSTMState, LSTMTape]:
    """Take one step of a standard LSTM.

    i = σ(W_i z + b_i), f = σ(W_f z + b_f), g = tanh(W_g z + b_g), o = σ(W_o z + b_o) with z = [h, x];
    c = f c_prev + i g;  h = o tanh(c).

    Args:
        params: LSTMParams with W (4, H, H+D), b (4, H).
        x: Input (B, D), the event.
        state: LSTMState with h (B, H), c (B, H).

    Returns:
        The new state and the tape for ``lstm_step_backward``.

    Raises:
        ValueError: If a shape or a dtype does not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> state, tape = lstm_step(init_lstm(rng, 3, 2), rng.standard_normal((4, 3)), zero_state(4, 2))
        >>> state.h.shape, state.c.shape
        ((4, 2), (4, 2))

    Reference:
        Hochreiter and Schmidhuber 1997 (hochreiter1997long); forget gate: Gers et al. 2000 (gers2000learning).
    """
    expect_step(CELLS["lstm"], params, x, state)
    c_prev = state.c
    z = np.concatenate([state.h, x], axis=1)
    a_i, a_f, a_g, a_o = (z @ W.T + b for W, b in zip(*params, strict=True))

    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)

    learned = i * g          # learn gate
    kept = f * c_prev        # forget gate
    c = kept + learned       # remember gate
    h = o * np.tanh(c)       # use gate
    return LSTMState(h, c), LSTMTape(z, i, f, g, o, c_prev, c)


def lstm_step_backward(params: LSTMParams, tape: LSTMTape, dstate: LSTMState) -> tuple[LSTMParams, Array, LSTMState]:
    """Send a gradient back through one LSTM step.

    ∂o = ∂h tanh(c);  ∂c = ∂c' + ∂h o (1 - tanh²c);  ∂i = ∂c g, ∂g = ∂c i, ∂f = ∂c c_prev, ∂c_prev = ∂c f;
    then through each squashing function to ∂a, and ∂W = ∂aᵀ z, ∂b = Σ ∂a, [∂h_prev, ∂x] = Σ ∂a W.

    Args:
        params: LSTMParams of the forward step.
        tape: Tape of the forward step.
        dstate: Gradient of the loss with respect to the new state, h and c (B, H).

    Returns:
        Gradients of the parameters, of x (B, D), and of the old state.

    Raises:
        ValueError: If dstate does not fit the step.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params, x = init_lstm(rng, 3, 2), rng.standard_normal((4, 3))
        >>> state, tape = lstm_step(params, x, zero_state(4, 2))
        >>> dparams, dx, dprev = lstm_step_backward(params, tape, state)
        >>> dparams.W.shape, dx.shape, dprev.c.shape
        ((4, 2, 5), (4, 3), (4, 2))
    """
    expect_step_gradient(CELLS["lstm"], tape, dstate)
    z, i, f, g, o, c_prev, c = tape
    u = np.tanh(c)
    do = dstate.h * u
    dc = dstate.c + dstate.h * o * (1 - u**2)
    di, df, dg = dc * g, dc * c_prev, dc * i

    da_i, da_f, da_g, da_o = di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)
    return _gates_backward(params, z, (da_i, da_f, da_g, da_o), dc * f)


def _gates_backward(
    params: LSTMParams | DrawnParams, z: Array, das: tuple[Array, ...], dc_prev: Array
) -> tuple[LSTMParams, Array, LSTMState]:
    """Send the four pre-activation gradients (B, H) back to the weights and to z = [h, x]."""
    hidden_size = params.b.shape[1]
    dW = np.stack([da.T @ z for da in das])
    db = np.stack([da.sum(axis=0) for da in das])
    dz = sum(da @ W for da, W in zip(das, params.W, strict=True))
    return LSTMParams(dW, db), dz[:, hidden_size:], LSTMState(dz[:, :hidden_size], dc_prev)


# ---------------------------------------------------------------- the drawn LSTM


def init_drawn(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    *,
    forget_bias: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> DrawnParams:
    """Draw the weights of the drawn LSTM: as ``init_lstm``, and W_u from U(±1/√H), b_u zero.

    Example:
        >>> init_drawn(np.random.default_rng(0), 3, 2).W_u.shape
        (2, 2)
    """
    W, b = init_lstm(rng, input_size, hidden_size, forget_bias=forget_bias, dtype=dtype)
    bound = hidden_size**-0.5
    W_u = rng.uniform(-bound, bound, (hidden_size, hidden_size)).astype(dtype)
    return DrawnParams(W, b, W_u, np.zeros(hidden_size, dtype))


def drawn_step(params: DrawnParams, x: Array, state: LSTMState) -> tuple[LSTMState, DrawnTape]:
    """Take one step of the LSTM as the article draws it: its use gate reads the memory before it is updated.

    i, f, g, o as in ``lstm_step`` (the article calls g N and o V);
    kept = f c_prev;  c = kept + i g;  h = o tanh(W_u kept + b_u).

    What g brings cannot reach h in the same step. This is not the standard cell and cannot equal ``torch.nn.LSTM``.

    Args:
        params: DrawnParams with W (4, H, H+D), b (4, H), W_u (H, H), b_u (H,).
        x: Input (B, D), the event.
        state: LSTMState with h (B, H), the article's STM, and c (B, H), its LTM.

    Returns:
        The new state and the tape for ``drawn_step_backward``.

    Raises:
        ValueError: If a shape or a dtype does not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> state, tape = drawn_step(init_drawn(rng, 3, 2), rng.standard_normal((4, 3)), zero_state(4, 2))
        >>> state.h  # from an empty memory the first output is tanh(b_u) times o, here zero
        array([[0., 0.],
               [0., 0.],
               [0., 0.],
               [0., 0.]])

    Reference:
        Bais 2021 (bais2021lstm).
    """
    expect_step(CELLS["drawn"], params, x, state)
    c_prev = state.c
    z = np.concatenate([state.h, x], axis=1)
    a_i, a_f, a_g, a_o = (z @ W.T + b for W, b in zip(params.W, params.b, strict=True))

    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)

    learned = i * g          # learn gate
    kept = f * c_prev        # forget gate
    c = kept + learned       # remember gate
    u = np.tanh(kept @ params.W_u.T + params.b_u)
    h = o * u                # use gate, as drawn
    return LSTMState(h, c), DrawnTape(z, i, f, g, o, c_prev, kept, u)


def drawn_step_backward(
    params: DrawnParams, tape: DrawnTape, dstate: LSTMState
) -> tuple[DrawnParams, Array, LSTMState]:
    """Send a gradient back through one drawn step.

    ∂o = ∂h u;  ∂a_u = ∂h o (1 - u²);  ∂kept = ∂c + ∂a_u W_u;
    ∂i = ∂c g, ∂g = ∂c i, ∂f = ∂kept c_prev, ∂c_prev = ∂kept f.

    Args:
        params: DrawnParams of the forward step.
        tape: Tape of the forward step.
        dstate: Gradient of the loss with respect to the new state, h and c (B, H).

    Returns:
        Gradients of the parameters, of x (B, D), and of the old state.

    Raises:
        ValueError: If dstate does not fit the step.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params, x = init_drawn(rng, 3, 2), rng.standard_normal((4, 3))
        >>> state, tape = drawn_step(params, x, zero_state(4, 2))
        >>> dparams, dx, dprev = drawn_step_backward(params, tape, state)
        >>> dparams.W_u.shape, dx.shape, dprev.c.shape
        ((2, 2), (4, 3), (4, 2))
    """
    expect_step_gradient(CELLS["drawn"], tape, dstate)
    z, i, f, g, o, c_prev, kept, u = tape
    do = dstate.h * u
    da_u = dstate.h * o * (1 - u**2)
    dc, dkept = dstate.c, dstate.c + da_u @ params.W_u
    di, df, dg = dc * g, dkept * c_prev, dc * i

    das = di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)
    (dW, db), dx, dprev = _gates_backward(params, z, das, dkept * f)
    return DrawnParams(dW, db, da_u.T @ kept, da_u.sum(axis=0)), dx, dprev


# ---------------------------------------------------------------- the table

CELLS = {
    "rnn": Cell(RNNParams, RNNState, {"W": "H, H+D", "b": "H"}, "", init_rnn, rnn_step, rnn_step_backward),
    "lstm": Cell(
        LSTMParams, LSTMState, {"W": "4, H, H+D", "b": "4, H"}, "ifgo", init_lstm, lstm_step, lstm_step_backward
    ),
    "drawn": Cell(
        DrawnParams,
        LSTMState,
        {"W": "4, H, H+D", "b": "4, H", "W_u": "H, H", "b_u": "H"},
        "ifgo",
        init_drawn,
        drawn_step,
        drawn_step_backward,
    ),
}


def look_up(name: str) -> Cell:
    """Return a cell of the table, or raise a ValueError that says which there are.

    Example:
        >>> look_up("drawn").state.__name__
        'LSTMState'
    """
    if name not in CELLS:
        raise ValueError(f"got cell {name!r}, expected one of {', '.join(CELLS)}")
    return CELLS[name]
