"""The healthy machine: an LSTM and what surrounds it, in small parts, each of which an exhibit replaces.

Shapes: T steps, B batch, D features, H hidden units. Data come batch-first (B, T, D), as they often do; cells and
loops are time-first. Parameters are those of ``cells``: W (4, H, H+D) acts on z = [h, x], b (4, H), order i, f, g, o.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.from_scratch import cells, layers
from lstm_lib.from_scratch.cells import LSTMParams, LSTMState, sigmoid


class Machine(NamedTuple):
    """An LSTM and what surrounds it.

    init: (rng, D, H) to parameters. start: (rng, B, H) to the first state. step: (params, x, state) to the next one.
    back: (params, xs, dhs) to the gradients of the parameters and of xs (T, B, D). read: (params, batch) to the last h
    of each sequence (B, H). last: (hs, lengths) to the last real h (B, H). both: (ahead, behind), the hs of the two
    directions, to a summary (B, 2H). joined: (2, B, H), the last h of both directions, to (B, 2H). dropped:
    (rng, layer, p) to its recurrent weights with noise. scale: (series, split) to a part to learn from and one to be
    tested on. score: (truth, forecast) to a number, 1 for a perfect forecast.
    """

    init: Callable[[np.random.Generator, int, int], LSTMParams]
    start: Callable[[np.random.Generator, int, int], LSTMState]
    step: Callable[[LSTMParams, Array, LSTMState], LSTMState]
    back: Callable[[LSTMParams, Array, Array], tuple[LSTMParams, Array]]
    read: Callable[[LSTMParams, Array], Array]
    last: Callable[[Array, Array], Array]
    both: Callable[[Array, Array], Array]
    joined: Callable[[Array], Array]
    dropped: Callable[[np.random.Generator, dict[str, Array], float], Array]
    scale: Callable[[Array, int], tuple[Array, Array]]
    score: Callable[[Array, Array], float]


# ---------------------------------------------------------------- what exhibits share


def sums(params: LSTMParams, x: Array, h: Array) -> list[Array]:
    """Return the four sums before squashing, a_i, a_f, a_g, a_o, each (B, H).

    Example:
        >>> params = cells.init_lstm(np.random.default_rng(0), 3, 2)
        >>> [a.shape for a in sums(params, np.zeros((4, 3)), np.zeros((4, 2)))]
        [(4, 2), (4, 2), (4, 2), (4, 2)]
    """
    z = np.concatenate([h, x], axis=1)
    return [z @ W.T + b for W, b in zip(*params, strict=True)]


def finish(a: Any, c_prev: Array) -> LSTMState:
    """Go from the four sums and the old memory to the new state: the four lines of the cell.

    Example:
        >>> finish([np.zeros((1, 1))] * 4, np.ones((1, 1))).c
        array([[0.5]])
    """
    a_i, a_f, a_g, a_o = a
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    c = f * c_prev + i * g
    return LSTMState(o * np.tanh(c), c)


def run(params: LSTMParams, xs: Array) -> Array:
    """Run the sound cell over xs (T, B, D) from an empty memory; return hs (T, B, H).

    Example:
        >>> run(cells.init_lstm(np.random.default_rng(0), 3, 2), np.zeros((5, 4, 3))).shape
        (5, 4, 2)
    """
    return layers.lstm_forward(params, xs).hs


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """Draw a matrix whose columns have length 1 and stand at right angles.

    Example:
        >>> Q = orthogonal(np.random.default_rng(0), 8, 2)
        >>> bool(np.allclose(Q.T @ Q, np.eye(2)))
        True
    """
    Q, _ = np.linalg.qr(rng.standard_normal((rows, columns)))
    return np.asarray(Q)


def with_recurrent(rng: np.random.Generator, W_h: Array, D: int) -> LSTMParams:
    """Put recurrent weights (4, H, H) beside input weights U(±1/√H); biases are zero, the forget gate's are 1.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> with_recurrent(rng, np.zeros((4, 2, 2)), 3).W.shape
        (4, 2, 5)
    """
    params = cells.init_lstm(rng, D, W_h.shape[1])
    params.W[..., : W_h.shape[1]] = W_h
    return params


# ---------------------------------------------------------------- the healthy parts


def init(rng: np.random.Generator, D: int, H: int) -> LSTMParams:
    """Draw an orthogonal matrix for each gate."""
    W_h = np.stack([orthogonal(rng, H, H) for _ in range(4)])
    return with_recurrent(rng, W_h, D)


def start(rng: np.random.Generator, B: int, H: int) -> LSTMState:
    """Start from an empty memory."""
    return cells.zero_state(B, H)


def step(params: LSTMParams, x: Array, state: LSTMState) -> LSTMState:
    """Take one step."""
    return finish(sums(params, x, state.h), state.c)


def back(params: LSTMParams, xs: Array, dhs: Array) -> tuple[LSTMParams, Array]:
    """Send the gradients at every h back through time."""
    dparams, dxs, _ = layers.lstm_backward(params, layers.lstm_forward(params, xs), dhs)
    return dparams, np.asarray(dxs)


def read(params: LSTMParams, batch: Array) -> Array:
    """Read each sequence of a batch (B, T, D) to its end."""
    return np.asarray(run(params, batch.swapaxes(0, 1))[-1])


def last(hs: Array, lengths: Array) -> Array:
    """Take h at the last real step of each sequence."""
    return np.asarray(hs[lengths - 1, np.arange(len(lengths))])


def both(ahead: Array, behind: Array) -> Array:
    """Join the ends of both directions; the backward one ends at step 0."""
    return np.concatenate([ahead[-1], behind[0]], axis=1)


def joined(h_n: Array) -> Array:
    """Put the two directions of each sequence side by side."""
    return np.concatenate([h_n[0], h_n[1]], axis=1)


def dropped(rng: np.random.Generator, layer: dict[str, Array], p: float = 0.5) -> Array:
    """Drop a share p of the recurrent weights for one pass."""
    keep = rng.random(layer["W"].shape) > p
    return np.asarray(layer["W"] * keep / (1 - p))


def scale(series: Array, split: int) -> tuple[Array, Array]:
    """Scale a series by what is known before the split."""
    low, high = series[:split].min(), series[:split].max()
    scaled = (series - low) / (high - low)
    return scaled[:split], scaled[split:]


def score(truth: Array, forecast: Array) -> float:
    """Compare a forecast of truth[1:] with yesterday's value: 1 is perfect, 0 no better than that."""
    error = np.mean((truth[1:] - forecast) ** 2)
    yesterday = np.mean((truth[1:] - truth[:-1]) ** 2)
    return float(1 - error / yesterday)


HEALTHY = Machine(init, start, step, back, read, last, both, joined, dropped, scale, score)
