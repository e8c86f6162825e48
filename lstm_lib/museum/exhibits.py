"""The exhibits: one function each, which takes the place of a part of the healthy machine.

Each is written anew after a mistake that was published and reported; its source is a key of references.bib. The page
``chapters/mistakes.ipynb`` shows the same lines, which a test holds. Do not read on before you have guessed there.
"""

# mypy: disable-error-code="no-any-return"

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.from_scratch import cells
from lstm_lib.from_scratch.cells import LSTMParams, LSTMState, sigmoid
from lstm_lib.museum.parts import HEALTHY, Machine, finish, orthogonal, run, sums, with_recurrent

# ---------------------------------------------------------------- the cell


def one_bias(params: LSTMParams, x: Array, state: LSTMState) -> LSTMState:  # noqa: D103
    W, b = params
    z = np.concatenate([state.h, x], axis=1)
    a_i = z @ W[0].T + b[3]
    a_f = z @ W[1].T + b[3]
    a_g = z @ W[2].T + b[2]
    a_o = z @ W[3].T + b[3]
    return finish((a_i, a_f, a_g, a_o), state.c)


def plus_for_times(params: LSTMParams, x: Array, state: LSTMState) -> LSTMState:  # noqa: D103
    a_i, a_f, a_g, a_o = sums(params, x, state.h)
    learned = sigmoid(a_i) + np.tanh(a_g)
    c = sigmoid(a_f) * state.c + learned
    return LSTMState(sigmoid(a_o) * np.tanh(c), c)


def late_bias(params: LSTMParams, x: Array, state: LSTMState) -> LSTMState:  # noqa: D103
    W, b = params
    z = np.concatenate([state.h, x], axis=1)
    f = sigmoid(z @ W[1].T) + b[1]
    a_i, _, a_g, a_o = sums(params, x, state.h)
    c = f * state.c + sigmoid(a_i) * np.tanh(a_g)
    return LSTMState(sigmoid(a_o) * np.tanh(c), c)


def bias_twice(params: LSTMParams, x: Array, state: LSTMState) -> LSTMState:  # noqa: D103
    W, b = params
    H = b.shape[1]
    of_x = [x @ W[k, :, H:].T + b[k] for k in range(4)]
    a = [state.h @ W[k, :, :H].T + of_x[k] + b[k] for k in range(4)]
    return finish(a, state.c)


# ---------------------------------------------------------------- the start, the way back


def one_for_four(rng: np.random.Generator, D: int, H: int) -> LSTMParams:  # noqa: D103
    W_h = orthogonal(rng, 4 * H, H).reshape(4, H, H)
    return with_recurrent(rng, W_h, D)


def random_start(rng: np.random.Generator, B: int, H: int) -> LSTMState:  # noqa: D103
    h = rng.standard_normal((B, H))
    c = rng.standard_normal((B, H))
    return LSTMState(h, c)


def nothing_handed_on(params: LSTMParams, xs: Array, dhs: Array) -> tuple[LSTMParams, Array]:  # noqa: D103
    state = dnext = cells.zero_state(xs.shape[1], params.b.shape[1])
    tapes, total, dxs = [], [np.zeros_like(p) for p in params], []
    for x in xs:
        state, tape = cells.lstm_step(params, x, state)
        tapes.append(tape)
    for tape, dh in zip(tapes[::-1], dhs[::-1], strict=True):
        d = LSTMState(dh + dnext.h, dnext.c)
        here, dx, dprev = cells.lstm_step_backward(params, tape, d)
        total = [a + b for a, b in zip(total, here, strict=True)]
        dxs.append(dx)
    return LSTMParams(*total), np.array(dxs[::-1])


# ---------------------------------------------------------------- the batch


def batch_for_time(params: LSTMParams, batch: Array) -> Array:  # noqa: D103
    hs = run(params, batch)
    return hs[:, -1]


def padding_read(hs: Array, lengths: Array) -> Array:  # noqa: D103
    return hs[-1]


def one_step_back(ahead: Array, behind: Array) -> Array:  # noqa: D103
    return np.concatenate([ahead[-1], behind[-1]], axis=1)


def rows_mixed(h_n: Array) -> Array:  # noqa: D103
    _, B, H = h_n.shape
    return h_n.reshape(B, 2 * H)


# ---------------------------------------------------------------- the training, the report


def weights_melt(rng: np.random.Generator, layer: dict[str, Array], p: float = 0.5) -> Array:  # noqa: D103
    keep = rng.random(layer["W"].shape) > p
    layer["W"] = layer["W"] * keep / (1 - p)
    return layer["W"]


def future_scaled(series: Array, split: int) -> tuple[Array, Array]:  # noqa: D103
    low, high = series.min(), series.max()
    scaled = (series - low) / (high - low)
    return scaled[:split], scaled[split:]


def no_yesterday(truth: Array, forecast: Array) -> float:  # noqa: D103
    error = np.mean((truth[1:] - forecast) ** 2)
    return float(1 - error / truth[1:].var())


class Exhibit(NamedTuple):
    """One exhibit: its title on the page, the part it replaces, the code, the test that exposes it, its source."""

    title: str
    part: str
    code: Callable[..., Any]
    test: str
    source: str


EXHIBITS = {
    exhibit.code.__name__.replace("_", "-"): exhibit
    for exhibit in (
        Exhibit("Three doors, one key", "step", one_bias, "torch", "numpyml2019"),
        Exhibit("The memory that only climbs", "step", plus_for_times, "torch", "torchrecurrent2025"),
        Exhibit("The bias that came late", "step", late_bias, "torch", "tvm2019"),
        Exhibit("The bias that came twice", "step", bias_twice, "half-life", "theanotutorials2015"),
        Exhibit("One matrix for four", "init", one_for_four, "turning", "cleanrl2023"),
        Exhibit("A dream at the start", "start", random_start, "twice", "cratpred2023"),
        Exhibit("The letter nobody passed on", "back", nothing_handed_on, "gradient", "numpyrnn2023"),
        Exhibit("Strangers in a queue", "read", batch_for_time, "company", "videoclassification2020"),
        Exhibit("Reading the blank pages", "last", padding_read, "company", "ray2022"),
        Exhibit("The reader who turned one page", "both", one_step_back, "heard", "pytorchtutorial2018"),
        Exhibit("The shuffled files", "joined", rows_mixed, "company", "sentencevae2019"),
        Exhibit("The weights that melt", "dropped", weights_melt, "weights", "betterlstm2020"),
        Exhibit("A ruler from the future", "scale", future_scaled, "future", "mlpack2020"),
        Exhibit("The prophet of yesterday", "score", no_yesterday, "yesterday", "powerforecast2017"),
    )
}


def broken(name: str) -> Machine:
    """Return the healthy machine with the part of one exhibit in its place.

    Args:
        name: Key of ``EXHIBITS``.

    Raises:
        ValueError: If there is no such exhibit.

    Example:
        >>> broken("padding-read").last(np.array([[[1.0]], [[0.0]]]), np.array([1]))
        array([[0.]])
    """
    if name not in EXHIBITS:
        raise ValueError(f"got exhibit {name!r}, expected one of {', '.join(EXHIBITS)}")
    exhibit = EXHIBITS[name]
    return HEALTHY._replace(**{exhibit.part: exhibit.code})
