"""The tests of the museum: each takes a machine, and raises an AssertionError that says what is wrong with it.

Shapes: T steps, B batch, D features, H hidden units. Sizes all differ, nothing is zero, and weights are random: what is
too even hides mistakes. The two naive tests do as many do, and are there to be compared.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lstm_lib import convert
from lstm_lib._array import Array
from lstm_lib.from_scratch import cells, checks, layers
from lstm_lib.from_scratch.cells import LSTMParams, LSTMState
from lstm_lib.museum.exhibits import EXHIBITS, broken
from lstm_lib.museum.parts import HEALTHY, Machine, run

T, B, D, H = 7, 4, 3, 5


def draw(seed: int = 0) -> tuple[np.random.Generator, LSTMParams, Array, LSTMState]:
    """Draw parameters, xs (T, B, D) and a state, nothing of it zero."""
    rng = np.random.default_rng(seed)
    params = LSTMParams(rng.standard_normal((4, H, H + D)) / 2, rng.standard_normal((4, H)))
    return rng, params, rng.standard_normal((T, B, D)), LSTMState(*rng.standard_normal((2, B, H)))


def steps(machine: Machine, params: LSTMParams, xs: Array, state: LSTMState) -> LSTMState:
    """Walk a machine's step over xs."""
    for x in xs:
        state = machine.step(params, x, state)
    return state


def by_torch(params: LSTMParams, xs: Array, state: LSTMState) -> LSTMState:
    """Let ``torch.nn.LSTM`` do the same."""
    layer = torch.nn.LSTM(xs.shape[2], state.h.shape[1], dtype=torch.float64)
    convert.numpy_to_torch(params, layer)
    before: Any = tuple(torch.tensor(part[None]) for part in state)
    with torch.no_grad():
        _, after = layer(torch.tensor(xs), before)
    return LSTMState(*(part[0].numpy() for part in after))


# ---------------------------------------------------------------- two tests as they are often written


def fits(machine: Machine) -> None:
    """The shapes are right."""
    rng, params, xs, state = draw()
    hs, lengths = run(params, xs), np.full(B, T)
    same(steps(machine, params, xs, state).h.shape, (B, H))
    same(machine.init(rng, D, H).W.shape, params.W.shape)
    same(machine.start(rng, B, H).c.shape, (B, H))
    same(machine.back(params, xs, hs)[1].shape, xs.shape)
    same(machine.read(params, xs.swapaxes(0, 1)).shape, (B, H))
    same(machine.last(hs, lengths).shape, (B, H))
    same(machine.both(hs, hs).shape, (B, 2 * H))
    same(machine.joined(hs[:2]).shape, (B, 2 * H))
    same(machine.dropped(rng, {"W": params.W}, 0.5).shape, params.W.shape)
    same(machine.scale(xs.ravel(), 50)[0].shape, (50,))


def zeros(machine: Machine) -> None:
    """One step, one sequence, no biases and an empty memory: as torch."""
    _, params, xs, _ = draw()
    params, empty = params._replace(b=np.zeros((4, H))), cells.zero_state(1, H)
    near(steps(machine, params, xs[:1, :1], empty), by_torch(params, xs[:1, :1], empty), "h and c")
    grads, _ = machine.back(params, xs[:1, :1], np.ones((1, 1, H)))
    near(grads, HEALTHY.back(params, xs[:1, :1], np.ones((1, 1, H)))[0], "the gradient")


# ---------------------------------------------------------------- the tests that find


def as_torch(machine: Machine) -> None:
    """The numbers of torch.nn.LSTM come out, from random weights, biases and states."""
    _, params, xs, state = draw()
    near(steps(machine, params, xs, state), by_torch(params, xs, state), "h and c")


def half_life(machine: Machine) -> None:
    """A fresh forget gate with bias 1 keeps σ(1) = 0.73 of a memory when nothing comes in."""
    params = HEALTHY.init(np.random.default_rng(0), D, H)
    state = LSTMState(np.zeros((1, H)), np.ones((1, H)))
    kept = machine.step(params, np.zeros((1, D)), state).c.mean()
    assert abs(kept - cells.sigmoid(1.0)) < 1e-12, f"{kept:.2f} of the memory is left after a step, expected 0.73"


def turning(machine: Machine) -> None:
    """Each gate's recurrent block is orthogonal: it turns h and keeps its length."""
    W_h = machine.init(np.random.default_rng(0), D, H).W[..., :H]
    lengths = np.linalg.norm(W_h @ np.eye(H)[0], axis=1)
    worst = max(np.abs(W.T @ W - np.eye(H)).max() for W in W_h)
    assert worst < 1e-12, f"a unit vector comes out as long as {', '.join(f'{x:.2f}' for x in lengths)}, expected 1"


def twice(machine: Machine) -> None:
    """The same sequence, read twice, gives the same state."""
    rng, params, xs, _ = draw()
    one, other = (steps(HEALTHY, params, xs[:2], machine.start(rng, B, H)) for _ in range(2))
    near(one, other, "the second reading")


def gradient(machine: Machine) -> None:
    """The gradient over several steps agrees with the complex step."""
    rng, params, xs, _ = draw()
    dhs = rng.standard_normal((T, B, H))
    grads, dxs = machine.back(params, xs, dhs)
    for name, at, given in (("W", params.W, grads.W), ("b", params.b, grads.b), ("xs", xs, dxs)):

        def outcome(value: Array, name: str = name) -> tuple[Array, ...]:
            used = {"W": params.W, "b": params.b, "xs": xs} | {name: value}
            parts = {key: np.asarray(array, np.complex128) for key, array in used.items()}
            return (layers.lstm_forward(LSTMParams(parts["W"], parts["b"]), parts["xs"]).hs,)

        error = checks.vjp_error(outcome, at, given, (dhs,), rng)
        assert error < 1e-12, f"the gradient of {name} is off by {error:.2f} of its size"


def company(machine: Machine) -> None:
    """A sequence gets the same answer alone as in company."""
    rng, params, xs, _ = draw()
    batch, lengths = xs.swapaxes(0, 1), np.array([2, 4, 7, 3])
    near(machine.read(params, batch)[1:2], machine.read(params, batch[1:2]), "the answer for one of four")
    padded = np.where(np.arange(T)[:, None, None] < lengths[:, None], xs, 0)
    alone = run(params, xs[:2, :1])
    near(machine.last(run(params, padded), lengths)[:1], machine.last(alone, lengths[:1]), "the answer for a short one")
    h_n = rng.standard_normal((2, B, H))
    near(machine.joined(h_n)[1:2], machine.joined(h_n[:, 1:2]), "the summary of one of four")
    near(machine.start(rng, B, H).c[:1], machine.start(rng, 1, H).c, "the start of one of four")


def heard(machine: Machine) -> None:
    """A change of the first event changes both halves of a summary, and what is read."""
    _, params, xs, _ = draw()
    changed = xs.copy()
    changed[0] += 1
    one, other = (machine.both(run(params, x), run(params, x[::-1])[::-1]) for x in (xs, changed))
    moved = np.abs(one - other)
    assert moved[:, :H].min() > 0, "the forward half has not heard the first event"
    assert moved[:, H:].min() > 0, "the backward half has not heard the first event"
    one, other = (machine.read(params, x.swapaxes(0, 1)) for x in (xs, changed))
    assert np.abs(one - other).min() > 0, "what is read has not heard the first event"


def weights(machine: Machine) -> None:
    """A forward pass leaves the weights as they were."""
    rng, params, _, _ = draw()
    layer = {"W": params.W.copy()}
    machine.dropped(rng, layer, 0.5)
    changed = np.mean(layer["W"] != params.W)
    assert changed == 0, f"{changed:.0%} of the weights were changed by looking"


def future(machine: Machine) -> None:
    """What is learned from does not depend on what comes after the split."""
    series = np.random.default_rng(0).standard_normal(100).cumsum()
    other = np.concatenate([series[:70], series[70:] + 10])
    near(machine.scale(series, 70)[0], machine.scale(other, 70)[0], "the past, when the future is another one")


def yesterday(machine: Machine) -> None:
    """A forecast that repeats yesterday's value has no skill: its score is 0."""
    series = np.random.default_rng(0).standard_normal(1000).cumsum()
    score = machine.score(series, series[:-1])
    assert abs(score) < 1e-12, f"repeating yesterday scores {score:.2f}, expected 0"


def same(got: Any, expected: Any) -> None:
    """Compare shapes."""
    assert got == expected, f"got shape {got}, expected {expected}"


def near(got: Any, expected: Any, what: str) -> None:
    """Compare numbers."""
    pairs = list(zip(got, expected, strict=True)) if isinstance(got, tuple) else [(got, expected)]
    worst = max(float(np.abs(a - b).max()) for a, b in pairs)
    assert worst < 1e-12, f"{what}: off by {worst:.2f}"


Check = Callable[[Machine], None]
NAIVE: dict[str, Check] = {"shapes": fits, "zeros": zeros}
CHECKS: dict[str, Check] = {
    "torch": as_torch,
    "half-life": half_life,
    "turning": turning,
    "twice": twice,
    "gradient": gradient,
    "company": company,
    "heard": heard,
    "weights": weights,
    "future": future,
    "yesterday": yesterday,
}
ALL = NAIVE | CHECKS


def look(name: str, machine: Machine) -> str | None:
    """Run one test on one machine; return what it found, or None.

    Args:
        name: Key of ``ALL``.
        machine: The healthy one, or one with an exhibit in it.

    Raises:
        ValueError: If there is no such test.

    Example:
        >>> look("company", HEALTHY), look("company", broken("padding-read"))
        (None, 'the answer for a short one: off by 0.15')
    """
    if name not in ALL:
        raise ValueError(f"got test {name!r}, expected one of {', '.join(ALL)}")
    try:
        ALL[name](machine)
    except AssertionError as error:
        return str(error).splitlines()[0]
    return None


def table() -> dict[str, dict[str, bool]]:
    """Run every test on the healthy machine and on every exhibit: which test finds something?

    Example:
        >>> found = table()
        >>> any(found["healthy"].values()), found["padding-read"]["company"]
        (False, True)
    """
    machines = {"healthy": HEALTHY} | {name: broken(name) for name in EXHIBITS}
    return {
        name: {test: look(test, machine) is not None for test in ALL} for name, machine in machines.items()
    }
