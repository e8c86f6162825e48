"""Whole sequences at speed, forward and backward: what ``layers`` calls for float32 and float64.

Shapes: T steps, B batch, D features, H hidden units. Everything inside is feature-major, (T, rows, B).

The loops in ``layers`` (``unroll``, ``unroll_backward``) say what is computed and are the oracle in the tests; this
module computes the same numbers with fewer and longer NumPy calls. What it does differently:

- z = [h; x; 1], so that one product a step gives the pre-activations of all gates, biases included;
- the rows of a step lie in the order c_prev, g, f, i, o, each one contiguous block: one tanh serves all four gates
  (σ(a) = ½ + ½ tanh(½a), the inner ½ folded into the weights), and [f; i] · [c_prev; g] is one call;
- backward, every factor that does not depend on the gradient is computed ahead for a block of steps, so that a step
  is five calls, in place; the weights' gradient is one product after the loop.

``python -m benchmarks.numpy_lstm`` measures what that gains (``benchmarks/results/numpy_lstm.json``).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lstm_lib.cells import Array, DrawnParams, LSTMParams, LSTMState, RNNParams, RNNState

FORWARD_ORDER = [2, 1, 0, 3]   # g, f, i, o: where i, f, g, o are fetched from
BACKWARD_ORDER = [1, 2, 0, 3]  # f, g, i, o
FROM_BACKWARD = [2, 0, 1, 3]   # and back to i, f, g, o
BLOCK = 1 << 18                # numbers in the factors of one block of steps: about what a core's cache holds


class Memo(NamedTuple):
    """What a fast LSTM run leaves: Z (T+1, H+D+1, B) = [h; x; 1], G (T+1, 5H, B) = [c_prev; g; f; i; o], U (T, H, B).

    U is what o multiplies: tanh(c), or in the drawn cell tanh(W_u kept + b_u).
    """

    Z: Array
    G: Array
    U: Array


# ---------------------------------------------------------------- the standard LSTM


def lstm_forward(params: LSTMParams, xs: Array, state: LSTMState) -> tuple[Array, Array, Memo]:
    """Run a standard LSTM; return hs, cs (T, B, H) and what the backward pass needs."""
    T, (B, H) = len(xs), state.h.shape
    W = _gate_weights(params.W, params.b)
    Z, G, U = _inputs(params, xs, state.h), _rows(T, state.c), np.empty((T, H, B), W.dtype)
    P = np.empty((2 * H, B), W.dtype)
    for t in range(T):
        _activate(W, Z[t], G[t], H)
        np.multiply(G[t, : 2 * H], G[t, 2 * H : 4 * H], out=P)  # forget gate, learn gate
        c = np.add(P[:H], P[H:], out=G[t + 1, :H])              # remember gate
        np.tanh(c, out=U[t])
        np.multiply(G[t, 4 * H :], U[t], out=Z[t + 1, :H])      # use gate
    return _time_major(Z[1:, :H]), _time_major(G[1:, :H]), Memo(Z, G, U)


def lstm_backward(
    params: LSTMParams, memo: Memo, dhs: Array, dstate: LSTMState, *, need_dx: bool
) -> tuple[LSTMParams, Array | None, LSTMState]:
    """Send gradients back through ``lstm_forward``."""
    T, H, B = memo.U.shape
    W, dhs = params.W[BACKWARD_ORDER].reshape(4 * H, -1), _feature_major(dhs)
    W_h, A = np.ascontiguousarray(W[:, :H].T), np.empty((4, H, T, B), W.dtype)
    dh, dh_next, dc, dc_next = np.empty_like(dhs[0]), dstate.h.T, np.empty_like(dhs[0]), dstate.c.T
    for block in _blocks(T, 6 * H * B):
        K = _factors(memo, block)
        for t in reversed(range(len(K))):
            by_c, by_h = K[t, :4], K[t, 4:]
            np.add(dhs[block][t], dh_next, out=dh)
            np.multiply(dh, by_h, out=by_h)      # ∂h to a_o and, through tanh, to c
            np.add(by_h[1], dc_next, out=dc)
            np.multiply(dc, by_c, out=by_c)      # ∂c to c_prev and to a_f, a_g, a_i
            dc_next, dh_next = by_c[0], W_h @ K[t, 1:5].reshape(4 * H, B)
        A[:, :, block] = K[:, 1:5].transpose(1, 2, 0, 3)
    dW, db = _weight_gradient(A, memo.Z)
    return LSTMParams(dW, db), _input_gradient(A, W[:, H:], need_dx), LSTMState(_own(dh_next), _own(dc_next))


# ---------------------------------------------------------------- the drawn LSTM


def drawn_forward(params: DrawnParams, xs: Array, state: LSTMState) -> tuple[Array, Array, Memo]:
    """Run the drawn LSTM; return hs, cs (T, B, H) and what the backward pass needs."""
    T, (B, H) = len(xs), state.h.shape
    W, W_u = _gate_weights(params.W, params.b), np.concatenate([params.b_u[:, None], params.W_u], axis=1)
    Z, G, U = _inputs(params, xs, state.h), _rows(T, state.c), np.empty((T, H, B), W.dtype)
    P = np.empty((2 * H + 1, B), W.dtype)
    P[0] = 1
    for t in range(T):
        _activate(W, Z[t], G[t], H)
        np.multiply(G[t, : 2 * H], G[t, 2 * H : 4 * H], out=P[1:])  # forget gate, learn gate
        np.add(P[1 : H + 1], P[H + 1 :], out=G[t + 1, :H])          # remember gate
        u = np.matmul(W_u, P[: H + 1], out=U[t])
        np.tanh(u, out=u)
        np.multiply(G[t, 4 * H :], u, out=Z[t + 1, :H])             # use gate, as drawn
    return _time_major(Z[1:, :H]), _time_major(G[1:, :H]), Memo(Z, G, U)


def drawn_backward(
    params: DrawnParams, memo: Memo, dhs: Array, dstate: LSTMState, *, need_dx: bool
) -> tuple[DrawnParams, Array | None, LSTMState]:
    """Send gradients back through ``drawn_forward``."""
    T, H, B = memo.U.shape
    W, dhs = params.W[BACKWARD_ORDER].reshape(4 * H, -1), _feature_major(dhs)
    W_h, W_u = np.ascontiguousarray(W[:, :H].T), np.ascontiguousarray(params.W_u.T)
    A = np.empty((5, H, T, B), W.dtype)
    dh, dh_next, dkept, dc = np.empty_like(dhs[0]), dstate.h.T, np.empty_like(dhs[0]), dstate.c.T
    for block in _blocks(T, 6 * H * B):
        K = _factors(memo, block)
        for t in reversed(range(len(K))):
            by_kept, by_c, by_h = K[t, :2], K[t, 2:4], K[t, 4:]
            np.add(dhs[block][t], dh_next, out=dh)
            np.multiply(dh, by_h, out=by_h)               # ∂h to a_o and a_u
            np.multiply(dc, by_c, out=by_c)               # ∂c to a_g, a_i
            np.add(dc, W_u @ by_h[1], out=dkept)
            np.multiply(dkept, by_kept, out=by_kept)      # ∂kept to c_prev and a_f
            dc, dh_next = by_kept[0], W_h @ K[t, 1:5].reshape(4 * H, B)
        A[:, :, block] = K[:, 1:].transpose(1, 2, 0, 3)
    dW, db = _weight_gradient(A[:4], memo.Z)
    kept = memo.G[:T, 2 * H : 3 * H] * memo.G[:T, :H]
    dW_u, db_u = A[4].reshape(H, -1) @ _flat(kept).T, A[4].sum(axis=(1, 2))
    dxs = _input_gradient(A[:4], W[:, H:], need_dx)
    return DrawnParams(dW, db, dW_u, db_u), dxs, LSTMState(_own(dh_next), _own(dc))


# ---------------------------------------------------------------- the tanh RNN


def rnn_forward(params: RNNParams, xs: Array, state: RNNState) -> tuple[Array, Array]:
    """Run a tanh RNN; return hs (T, B, H) and Z (T+1, H+D+1, B)."""
    H = state.h.shape[1]
    W, Z = np.concatenate([params.W, params.b[:, None]], axis=1), _inputs(params, xs, state.h)
    for t in range(len(xs)):
        h = np.matmul(W, Z[t], out=Z[t + 1, :H])
        np.tanh(h, out=h)
    return _time_major(Z[1:, :H]), Z


def rnn_backward(
    params: RNNParams, Z: Array, dhs: Array, dstate: RNNState, *, need_dx: bool
) -> tuple[RNNParams, Array | None, RNNState]:
    """Send gradients back through ``rnn_forward``."""
    T, B, H = dhs.shape
    W_h, dhs = np.ascontiguousarray(params.W[:, :H].T), _feature_major(dhs)
    K = Z[1:, :H] ** 2
    np.subtract(1, K, out=K)
    dh, dh_next = np.empty_like(dhs[0]), dstate.h.T
    for t in reversed(range(T)):
        np.add(dhs[t], dh_next, out=dh)
        np.multiply(dh, K[t], out=K[t])
        dh_next = W_h @ K[t]
    A = np.ascontiguousarray(K.transpose(1, 0, 2))[None]
    dW, db = _weight_gradient(A, Z)
    return RNNParams(dW[0], db[0]), _input_gradient(A, params.W[:, H:], need_dx), RNNState(_own(dh_next))


# ---------------------------------------------------------------- what the three share


def gates(memo: Memo) -> tuple[Array, ...]:
    """Return i, f, g, o, kept and u (T, B, H) of an LSTM run."""
    T, H, B = memo.U.shape
    c_prev, g, f, i, o = memo.G[:T].reshape(T, 5, H, B).swapaxes(0, 1)
    return tuple(_time_major(rows) for rows in (i, f, g, o, f * c_prev, memo.U))


def _gate_weights(W: Array, b: Array) -> Array:
    """Return (4H, H+D+1): [W, b] in the order g, f, i, o, halved where a σ follows."""
    stacked = np.concatenate([W, b[:, :, None]], axis=2)[FORWARD_ORDER]
    stacked[1:] *= 0.5
    return stacked.reshape(-1, stacked.shape[2])


def _inputs(params: LSTMParams | DrawnParams | RNNParams, xs: Array, h: Array) -> Array:
    """Return Z (T+1, H+D+1, B) with the initial h, x (token numbers become one-hot) and 1 in place."""
    T, (B, H), dtype = len(xs), h.shape, params.W.dtype
    Z = np.empty((T + 1, params.W.shape[-1] + 1, B), dtype)
    Z[0, :H] = h.T
    if xs.ndim == 3:
        Z[:T, H:-1] = xs.transpose(0, 2, 1)
    else:
        Z[:T, H:-1] = 0
        Z[np.arange(T)[:, None], H + xs.astype(np.intp), np.arange(B)] = 1
    Z[:, -1] = 1
    return Z


def _rows(T: int, c: Array) -> Array:
    """Return room for [c_prev; g; f; i; o] of every step and for the last c, with the initial c in place."""
    B, H = c.shape
    G = np.empty((T + 1, 5 * H, B), c.dtype)
    G[0, :H] = c.T
    return G


def _activate(W: Array, z: Array, gates: Array, H: int) -> None:
    """Fill rows g, f, i, o of one step."""
    a = np.matmul(W, z, out=gates[H:])
    np.tanh(a, out=a)
    sigmoids = a[H:]
    sigmoids *= 0.5
    sigmoids += 0.5


def _factors(memo: Memo, block: slice) -> Array:
    """Return K (steps, 6, H, B), what each gradient is multiplied by on its way back through one step.

    Rows: ∂c → c_prev, ∂c → a_f, ∂c → a_g, ∂c → a_i, ∂h → a_o, ∂h → c (in the drawn cell: to a_u). The products are
    then written over the factors.
    """
    u = memo.U[block]
    c_prev, g, f, i, o = memo.G[block].reshape(len(u), 5, *u.shape[1:]).swapaxes(0, 1)
    K = np.empty((len(u), 6, *u.shape[1:]), u.dtype)
    K[:, 0] = f
    K[:, 1] = (f - f * f) * c_prev
    K[:, 2] = (1 - g * g) * i
    K[:, 3] = (i - i * i) * g
    K[:, 4] = (o - o * o) * u
    K[:, 5] = (1 - u * u) * o
    return K


def _blocks(T: int, size: int) -> Iterator[slice]:
    """Cut T steps into blocks of about BLOCK numbers, the last block first."""
    steps = max(1, BLOCK // size)
    for end in range(T, 0, -steps):
        yield slice(max(0, end - steps), end)


def _weight_gradient(A: Array, Z: Array) -> tuple[Array, Array]:
    """Return ∂W = Σ ∂a zᵀ and ∂b from all ∂a (gates, H, T, B), gates in the backward order or a single one."""
    gates, H, T, B = A.shape
    dWb = (A.reshape(gates * H, T * B) @ _flat(Z[:T]).T).reshape(gates, H, -1)
    if gates == 4:
        dWb = dWb[FROM_BACKWARD]
    return np.ascontiguousarray(dWb[:, :, :-1]), dWb[:, :, -1].copy()


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
    """Return (T, H, B) of (T, B, H)."""
    return np.ascontiguousarray(dhs.transpose(0, 2, 1))


def _own(rows: Array) -> Array:
    """Return (B, H) of (H, B), an array of its own."""
    return np.array(rows.T, order="C")
