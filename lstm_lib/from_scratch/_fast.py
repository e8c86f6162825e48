"""Whole sequences at speed, forward and backward: what ``layers`` calls for float32 and float64.

Shapes: T steps, B batch, D features, H hidden units. Everything inside is feature-major, (T, rows, B).

The loops in ``layers`` (``unroll``, ``unroll_backward``) say what is computed and are the oracle in the tests; this
module computes the same numbers with fewer and longer NumPy calls. What it does differently:

- z = [h; x; 1], so that one product a step gives the pre-activations of all gates, biases included;
- the rows of a step lie in the order c_prev, g, f, i, o, each one contiguous block: one tanh serves all four gates
  (σ(a) = ½ + ½ tanh(½a), the inner ½ folded into the weights), and [f; i] · [c_prev; g] is one call;
- functions write where their third argument says, and a run's memory comes in one piece: nothing new inside a loop;
- backward, every factor that does not depend on the gradient is computed ahead for a block of steps, so that a step
  is six calls, in place; the weights' gradient is one product after the loop.

``python -m benchmarks.numpy_lstm`` measures what that gains over the readable loop and how it compares with
``torch.nn.LSTM``: see ``recorded.load("numpy_lstm")``.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy import add, dot, multiply, tanh

from lstm_lib._array import Array
from lstm_lib.from_scratch.cells import DrawnParams, LSTMParams, LSTMState, RNNParams, RNNState

BLOCK = 1 << 18  # numbers in the factors of one block of steps: about what a core's cache holds
SMALLEST, LARGEST = 3 << 20, 31 << 20  # bytes of the piece of memory that a run is cut from


class Memo(NamedTuple):
    """What a fast LSTM run leaves: Z (T+1, rows, B) = [h; x; 1 …], G (T+1, 5H, B) = [c_prev; g; f; i; o], U (T, H, B).

    U is what o multiplies: tanh(c), or in the drawn cell tanh(W_u kept + b_u). K (steps of a block, 6, H, B) and
    A (4 or 5, H, T, B) are room for the backward pass, which may come more than once, but not in two threads at a time.
    """

    Z: Array
    G: Array
    U: Array
    K: Array
    A: Array


class Steps(NamedTuple):
    """Views of a memo that the forward loop reads and writes, each with the steps first; a step takes one of each.

    The loop unpacks them in this order: an access by name in each step would cost more than an add.
    """

    z: Array
    a: Array
    sigmoids: Array
    f_and_i: Array
    c_and_g: Array
    o: Array
    c: Array
    u: Array
    h: Array


# ---------------------------------------------------------------- the standard LSTM


def lstm_forward(params: LSTMParams, xs: Array, state: LSTMState) -> tuple[Array, Array, Memo]:
    """Run a standard LSTM; return hs, cs (T, B, H) and what the backward pass needs."""
    W, half = _gate_weights(params.W, params.b), np.array(0.5, params.b.dtype)
    memo, steps = _open_memo(params, xs, state)
    products = np.empty_like(memo.G[0, : 2 * len(memo.U[0])])
    kept, learned = np.split(products, 2)
    for z, a, sigmoids, f_and_i, c_and_g, o, c, u, h in zip(*steps, strict=True):
        dot(W, z, a)
        tanh(a, a)
        multiply(sigmoids, half, sigmoids)
        add(sigmoids, half, sigmoids)
        multiply(f_and_i, c_and_g, products)  # forget gate, learn gate
        add(kept, learned, c)                 # remember gate
        tanh(c, u)
        multiply(o, u, h)                     # use gate
    return *_outputs(memo), memo


def lstm_backward(
    params: LSTMParams, memo: Memo, dhs: Array, dstate: LSTMState, *, need_dx: bool
) -> tuple[LSTMParams, Array | None, LSTMState]:
    """Send gradients back through ``lstm_forward``."""
    (T, H, _), dhs = memo.U.shape, _feature_major(dhs)
    W_h, W_x = _split(params.W, H)
    dh, dh_next, dc, dc_next = np.empty_like(dhs[0]), _feature_major(dstate.h), np.empty_like(dhs[0]), dstate.c.T
    for block in _blocks(T, len(memo.K)):
        K = _factors(memo, block)
        views = dhs[block], K[:, :4], K[:, 4], K[:, 5], _rows(K[:, 1:5])
        for dh_here, by_c, da_o, dc_here, da in _backward_steps(*views):
            add(dh_here, dh_next, dh)
            multiply(dh, da_o, da_o)
            multiply(dh, dc_here, dc_here)  # ∂h to c, through tanh
            add(dc_here, dc_next, dc)
            multiply(dc, by_c, by_c)        # ∂c to c_prev and to a_i, a_f, a_g
            dot(W_h, da, dh_next)
            dc_next = by_c[0]
        dc_next = dc_next.copy()  # the next block writes over K
        memo.A[:, :, block] = K[:, 1:5].transpose(1, 2, 0, 3)
    dparams = LSTMParams(*_weight_gradient(memo.A, memo.Z, params.W.shape[2]))
    return dparams, _input_gradient(memo.A, W_x, need_dx), LSTMState(_own(dh_next), _own(dc_next))


# ---------------------------------------------------------------- the drawn LSTM


def drawn_forward(params: DrawnParams, xs: Array, state: LSTMState) -> tuple[Array, Array, Memo]:
    """Run the drawn LSTM; return hs, cs (T, B, H) and what the backward pass needs."""
    W, half, b_u = _gate_weights(params.W, params.b), np.array(0.5, params.b.dtype), params.b_u[:, None]
    memo, steps = _open_memo(params, xs, state)
    products = np.empty_like(memo.G[0, : 2 * len(b_u)])
    kept, learned = np.split(products, 2)
    for z, a, sigmoids, f_and_i, c_and_g, o, c, u, h in zip(*steps, strict=True):
        dot(W, z, a)
        tanh(a, a)
        multiply(sigmoids, half, sigmoids)
        add(sigmoids, half, sigmoids)
        multiply(f_and_i, c_and_g, products)  # forget gate, learn gate
        add(kept, learned, c)                 # remember gate
        dot(params.W_u, kept, u)
        add(u, b_u, u)
        tanh(u, u)
        multiply(o, u, h)                     # use gate, as drawn
    return *_outputs(memo), memo


def drawn_backward(
    params: DrawnParams, memo: Memo, dhs: Array, dstate: LSTMState, *, need_dx: bool
) -> tuple[DrawnParams, Array | None, LSTMState]:
    """Send gradients back through ``drawn_forward``."""
    (T, H, _), dhs, A = memo.U.shape, _feature_major(dhs), memo.A
    (W_h, W_x), W_u = _split(params.W, H), np.ascontiguousarray(params.W_u.T)
    dh, dh_next, dkept, dc = np.empty_like(dhs[0]), _feature_major(dstate.h), np.empty_like(dhs[0]), dstate.c.T
    for block in _blocks(T, len(memo.K)):
        K = _factors(memo, block)
        for dh_here, dc_next, da_i, da_f, da_g, da_o, da_u, da in _backward_steps(
            dhs[block], *K.swapaxes(0, 1), _rows(K[:, 1:5])
        ):
            add(dh_here, dh_next, dh)
            multiply(dh, da_o, da_o)
            multiply(dh, da_u, da_u)
            multiply(dc, da_i, da_i)
            multiply(dc, da_g, da_g)
            dot(W_u, da_u, dkept)
            add(dkept, dc, dkept)
            multiply(dkept, da_f, da_f)
            multiply(dkept, dc_next, dc_next)
            dot(W_h, da, dh_next)
            dc = dc_next
        dc = dc.copy()  # the next block writes over K
        A[:, :, block] = K[:, 1:].transpose(1, 2, 0, 3)
    dW, db = _weight_gradient(A[:4], memo.Z, params.W.shape[2])
    kept = memo.G[:T, 2 * H : 3 * H] * memo.G[:T, :H]
    dW_u, db_u = A[4].reshape(H, -1) @ _flat(kept).T, A[4].sum(axis=(1, 2))
    return DrawnParams(dW, db, dW_u, db_u), _input_gradient(A[:4], W_x, need_dx), LSTMState(_own(dh_next), _own(dc))


# ---------------------------------------------------------------- the tanh RNN


def rnn_forward(params: RNNParams, xs: Array, state: RNNState) -> tuple[Array, Array]:
    """Run a tanh RNN; return hs (T, B, H) and Z (T+1, H+D+1, B)."""
    (B, H), W = state.h.shape, np.concatenate([params.W, params.b[:, None]], axis=1)
    Z = np.empty((len(xs) + 1, W.shape[1], B), W.dtype)
    _fill_inputs(Z, xs, state.h, params.W.shape[1])
    a = np.empty_like(Z[0, :H])
    for z, h in zip(Z, Z[1:, :H], strict=False):
        dot(W, z, a)
        tanh(a, h)
    return _time_major(Z[1:, :H]), Z


def rnn_backward(
    params: RNNParams, Z: Array, dhs: Array, dstate: RNNState, *, need_dx: bool
) -> tuple[RNNParams, Array | None, RNNState]:
    """Send gradients back through ``rnn_forward``."""
    H = dhs.shape[2]
    W_h, dhs = np.ascontiguousarray(params.W[:, :H].T), _feature_major(dhs)
    K = Z[1:, :H] ** 2
    np.subtract(1, K, K)
    dh, dh_next = np.empty_like(dhs[0]), _feature_major(dstate.h)
    for dh_here, da in _backward_steps(dhs, K):
        add(dh_here, dh_next, dh)
        multiply(dh, da, da)
        dot(W_h, da, dh_next)
    A = np.ascontiguousarray(K.transpose(1, 0, 2))[None]
    dW, db = _weight_gradient(A, Z, params.W.shape[1])
    return RNNParams(dW[0], db[0]), _input_gradient(A, params.W[:, H:], need_dx), RNNState(_own(dh_next))


# ---------------------------------------------------------------- what the three share


def gates(memo: Memo) -> tuple[Array, ...]:
    """Return i, f, g, o, kept and u (T, B, H) of an LSTM run."""
    T, H, B = memo.U.shape
    c_prev, g, f, i, o = memo.G[:T].reshape(T, 5, H, B).swapaxes(0, 1)
    return tuple(_time_major(rows) for rows in (i, f, g, o, f * c_prev, memo.U))


def _gate_weights(W: Array, b: Array) -> Array:
    """Return (4H, rows of z): [W, b, 0] in the order g, f, i, o, halved where a σ follows."""
    spare = np.zeros((*b.shape, _spare_rows(W)), W.dtype)
    stacked = np.concatenate([W, b[:, :, None], spare], axis=2)[[2, 1, 0, 3]]
    stacked[1:] *= 0.5
    return stacked.reshape(-1, stacked.shape[2])


def _spare_rows(W: Array) -> int:
    """Return by how many rows of ones z = [h; x; 1] grows to a multiple of 4, which suits a product with one column."""
    return int(-(W.shape[2] + 1) % 4)


def _split(W: Array, H: int) -> tuple[Array, Array]:
    """Return W_h (H, 4H), turned and ready for a product a step, and W_x (4H, D)."""
    rows = W.reshape(4 * H, -1)
    return np.ascontiguousarray(rows[:, :H].T), rows[:, H:]


def _carve(dtype: Any, *shapes: tuple[int, ...]) -> list[Array]:
    """Return empty arrays cut from one piece of memory.

    Memory that is freed goes back to the system when there is more of it than the allocator (glibc's) has learnt to
    keep, and comes back with a page fault for every 4 kB: at small sizes that was a third of the time. It learns from
    the largest piece it has seen, up to 32 MB. So the piece is larger than needed; what is never written to costs
    nothing. Beyond 32 MB arrays do better each by itself.
    """
    size = np.dtype(dtype).itemsize
    lengths = [-(-math.prod(shape) * size // 64) * 64 // size for shape in shapes]  # each starts on a cache line
    needed = sum(lengths) * size
    if needed > LARGEST:
        return [np.empty(shape, dtype) for shape in shapes]
    piece = np.empty(min(max(4 * needed, SMALLEST), LARGEST) // size, dtype)
    starts = np.cumsum([0, *lengths])
    return [piece[k : k + math.prod(shape)].reshape(shape) for k, shape in zip(starts, shapes, strict=False)]


def _fill_inputs(Z: Array, xs: Array, h: Array, width: int) -> None:
    """Put the initial h and all x (token numbers become one-hot) into the first H+D rows of Z, 1 into the others."""
    T, (B, H) = len(xs), h.shape
    Z[0, :H] = h.T
    if xs.ndim == 3:
        Z[:T, H:width] = xs.transpose(0, 2, 1)
    else:
        Z[:T, H:width] = 0
        Z[np.arange(T)[:, None], H + xs.astype(np.intp), np.arange(B)] = 1
    Z[:, width:] = 1


def _open_memo(params: LSTMParams | DrawnParams, xs: Array, state: LSTMState) -> tuple[Memo, Steps]:
    """Return a memo with the inputs in place, and the views of it that the forward loop needs."""
    T, (B, H), width = len(xs), state.c.shape, params.W.shape[2] + 1 + _spare_rows(params.W)
    block, rows = min(T, max(1, BLOCK // (6 * H * B))), 5 if isinstance(params, DrawnParams) else 4
    shapes = (T + 1, width, B), (T + 1, 5 * H, B), (T, H, B), (block, 6, H, B), (rows, H, T, B)
    memo = Memo(*_carve(state.c.dtype, *shapes))
    Z, G, U = memo[:3]
    _fill_inputs(Z, xs, state.h, params.W.shape[2])
    G[0, :H] = state.c.T
    pre_activations, sigmoids, o = G[:T, H:], G[:T, 2 * H :], G[:T, 4 * H :]
    f_and_i, c_and_g = G[:T, 2 * H : 4 * H], G[:T, : 2 * H]
    c, h = G[1:, :H], Z[1:, :H]
    return memo, Steps(Z[:T], pre_activations, sigmoids, f_and_i, c_and_g, o, c, U, h)


def _outputs(memo: Memo) -> tuple[Array, Array]:
    H = memo.U.shape[1]
    return _time_major(memo.Z[1:, :H]), _time_major(memo.G[1:, :H])


def _factors(memo: Memo, block: slice) -> Array:
    """Return K (steps, 6, H, B): what each gradient is multiplied by on its way back through one step.

    Rows: ∂c → c_prev, ∂c → a_i, ∂c → a_f, ∂c → a_g, ∂h → a_o, ∂h → c (in the drawn cell: to a_u). The products are
    then written over the factors.
    """
    u = memo.U[block]
    gates = memo.G[block].reshape(len(u), 5, *u.shape[1:])
    c_prev, g, f, i, o = gates.swapaxes(0, 1)
    slopes = 1 - gates[:, 2:]
    slopes *= gates[:, 2:]  # σ' of f, i, o
    K = memo.K[: len(u)]
    K[:, 0] = f
    multiply(slopes[:, 1], g, K[:, 1])
    multiply(slopes[:, 0], c_prev, K[:, 2])
    multiply(1 - g * g, i, K[:, 3])
    multiply(slopes[:, 2], u, K[:, 4])
    multiply(1 - u * u, o, K[:, 5])
    return K


def _backward_steps(*views: Array) -> Iterator[Any]:
    """Yield the views' steps, the last step first."""
    return zip(*(view[::-1] for view in views), strict=True)


def _rows(K: Array) -> Array:
    """Return (T, rows, B) of (T, gates, H, B), a view."""
    T, gates, H, B = K.shape
    strides = K.strides[0], K.strides[2], K.strides[3]
    return np.lib.stride_tricks.as_strided(K, (T, gates * H, B), strides)


def _blocks(T: int, steps: int) -> Iterator[slice]:
    """Cut T steps into blocks of so many steps, the last block first."""
    for end in range(T, 0, -steps):
        yield slice(max(0, end - steps), end)


def _weight_gradient(A: Array, Z: Array, width: int) -> tuple[Array, Array]:
    """Return ∂W = Σ ∂a [h; x]ᵀ and ∂b = Σ ∂a from all ∂a (gates, H, T, B)."""
    gates, H, T, B = A.shape
    rows = A.reshape(gates * H, T * B)
    dW, db = rows @ _flat(Z[:T, :width]).T, rows @ np.ones(T * B, A.dtype)
    return dW.reshape(gates, H, -1), db.reshape(gates, H)


def _input_gradient(A: Array, W_x: Array, need_dx: bool) -> Array | None:
    gates, H, T, B = A.shape
    return (A.reshape(gates * H, T * B).T @ W_x).reshape(T, B, -1) if need_dx else None


def _flat(rows: Array) -> Array:
    """Return (rows, T·B) of (T, rows, B)."""
    return np.ascontiguousarray(rows.transpose(1, 0, 2)).reshape(rows.shape[1], -1)


def _time_major(rows: Array) -> Array:
    """Return (T, B, H) of (T, H, B), an array of its own."""
    return np.array(rows.transpose(0, 2, 1), order="C")


def _feature_major(dhs: Array) -> Array:
    """Return (..., H, B) of (..., B, H), an array of its own."""
    return np.array(dhs.swapaxes(-1, -2), order="C")


def _own(rows: Array) -> Array:
    """Return (B, H) of (H, B), an array of its own."""
    return np.array(rows.T, order="C")


class Passes(NamedTuple):
    """The passes of one cell: forward(params, xs, state) -> (hs, (cs,) memo), and backward."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]


# Which cells have a fast path, by their names in ``cells.CELLS``; the others go through the readable loop.
PASSES = {
    "rnn": Passes(rnn_forward, rnn_backward),
    "lstm": Passes(lstm_forward, lstm_backward),
    "drawn": Passes(drawn_forward, drawn_backward),
}
