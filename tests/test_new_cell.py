"""A new NumPy cell needs one entry of the table: the door, the loop, the checks and training then take it."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from lstm_lib import cells, checks, experiment, layers, tasks
from lstm_lib.from_scratch._door import expect_sizes, expect_step, expect_step_gradient
from lstm_lib.from_scratch._table import Cell

T, B, D, H = 6, 3, 5, 4


class MGUParams(NamedTuple):
    """Weights of the minimal gated unit of Zhou et al. 2016: W (2, H, H+D), b (2, H), for f and the candidate n."""

    W: Any
    b: Any


class MGUState(NamedTuple):
    h: Any


class MGUTape(NamedTuple):
    z: Any
    h_prev: Any
    f: Any
    n: Any


def init_mgu(rng: np.random.Generator, input_size: int, hidden_size: int, *, dtype: Any = np.float64) -> MGUParams:
    expect_sizes(input_size, hidden_size)
    bound = hidden_size**-0.5
    W = rng.uniform(-bound, bound, (2, hidden_size, hidden_size + input_size)).astype(dtype)
    return MGUParams(W, np.zeros((2, hidden_size), dtype))


def mgu_step(params: MGUParams, x: Any, state: MGUState) -> tuple[MGUState, MGUTape]:
    expect_step(cells.look_up("mgu"), params, x, state)
    (W_f, W_n), (b_f, b_n) = params
    z = np.concatenate([state.h, x], axis=1)
    f = cells.sigmoid(z @ W_f.T + b_f)
    n = np.tanh(np.concatenate([f * state.h, x], axis=1) @ W_n.T + b_n)
    return MGUState((1 - f) * state.h + f * n), MGUTape(z, state.h, f, n)


def mgu_step_backward(params: MGUParams, tape: MGUTape, dstate: MGUState) -> tuple[MGUParams, Any, MGUState]:
    expect_step_gradient(cells.look_up("mgu"), tape, dstate)
    (z, h_prev, f, n), dh = tape, dstate.h
    units = h_prev.shape[1]
    z_n = np.concatenate([f * h_prev, z[:, units:]], axis=1)
    da_n = dh * f * (1 - n**2)
    dz_n = da_n @ params.W[1]
    da_f = (dh * (n - h_prev) + dz_n[:, :units] * h_prev) * f * (1 - f)
    dz = da_f @ params.W[0]
    dh_prev = dh * (1 - f) + dz_n[:, :units] * f + dz[:, :units]
    dW = np.stack([da_f.T @ z, da_n.T @ z_n])
    return MGUParams(dW, np.stack([da_f.sum(0), da_n.sum(0)])), dz[:, units:] + dz_n[:, units:], MGUState(dh_prev)


MGU = Cell(MGUParams, MGUState, {"W": "2, H, H+D", "b": "2, H"}, "", init_mgu, mgu_step, mgu_step_backward)


@pytest.fixture(autouse=True)
def _one_more_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "CELLS", {**cells.CELLS, "mgu": MGU})


def make(rng: np.random.Generator, dtype: Any = np.float64) -> tuple[MGUParams, Any, MGUState]:
    """Draw parameters, inputs and a state, nothing zero."""
    params = init_mgu(rng, D, H, dtype=dtype)._replace(b=rng.standard_normal((2, H)).astype(dtype))
    return params, rng.standard_normal((T, B, D)).astype(dtype), MGUState(rng.standard_normal((B, H)).astype(dtype))


def test_the_checks_take_it_and_find_its_gradients_right_for_a_step_and_a_sequence() -> None:
    rng = np.random.default_rng(0)
    params, xs, state = make(rng)
    one_step, sequence = (
        checks.step_errors("mgu", params, xs[0], state, rng),
        checks.sequence_errors("mgu", params, xs, state, rng),
    )
    assert list(one_step) == ["W", "b", "x", "h"]
    assert list(sequence) == ["W", "b", "xs", "h"]
    assert max(*one_step.values(), *sequence.values()) < 1e-12


def test_the_checks_find_a_bug_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(params: MGUParams, tape: MGUTape, dstate: MGUState) -> Any:
        return mgu_step_backward(params, tape._replace(f=tape.f * (1 + 1e-6)), dstate)

    rng = np.random.default_rng(1)
    monkeypatch.setitem(cells.CELLS, "mgu", MGU._replace(step_backward=wrong))
    params, xs, state = make(rng)
    assert min(checks.sequence_errors("mgu", params, xs, state, rng).values()) > 1e-9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_whole_sequence_is_the_steps_one_after_the_other(dtype: Any) -> None:
    params, xs, state = make(np.random.default_rng(2), dtype)
    run = layers.forward("mgu", params, xs, state)
    for x, h in zip(xs, run.hs, strict=True):
        state, _ = mgu_step(params, x, state)
        np.testing.assert_array_equal(h, state.h)
        assert h.dtype == dtype
    tokens = np.array([[0, 4, 2], [3, 1, 1]])
    as_rows = layers.forward("mgu", params, np.eye(D, dtype=dtype)[tokens])
    np.testing.assert_array_equal(layers.forward("mgu", params, tokens).hs, as_rows.hs)


def test_the_door_names_its_types_and_shapes() -> None:
    params, xs, state = make(np.random.default_rng(3))
    lstm = cells.init_lstm(np.random.default_rng(0), D, H)
    for arguments, message in (
        ((params._replace(W=params.W[:1]), xs), r"got W of shape \(1, 4, 9\), expected \(2, H, H\+D\) with H = 4"),
        ((lstm._replace(b=lstm.b[:2]), xs), r"got W of shape \(4, 4, 9\), expected \(2, H, H\+D\)"),
        (((1, 2), xs), r"got parameters of type tuple, expected MGUParams\(W, b\)"),
        ((params, xs, cells.zero_state(B, H)), r"got a state of type LSTMState, expected MGUState\(h\)"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.forward("mgu", *arguments)
    with pytest.raises(ValueError, match=r"got clamp {'f': 1.0}, expected none for MGUParams, which has no gates"):
        layers.forward("mgu", params, xs, clamp={"f": 1.0})
    rnn, run = cells.init_rnn(np.random.default_rng(0), D, H), layers.forward("mgu", params, xs, state)
    with pytest.raises(ValueError, match="got a run made with MGUParams, expected one made with RNNParams"):
        layers.rnn_backward(rnn, run, np.zeros((T, B, H)))


def test_it_trains() -> None:
    def sample(rng: np.random.Generator) -> tasks.Batch:
        return tasks.delay(rng, 32, 1, dtype=np.float32)

    rng = np.random.default_rng(0)
    start = experiment.init_weights(rng, "mgu", 6, 12, 4)
    weights, _ = experiment.train(rng, "mgu", start, sample, iterations=400, lr=0.01)
    assert experiment.accuracy("mgu", weights, sample(rng)) > 0.95


@pytest.mark.parametrize("cell", ["rnn", "lstm", "drawn"])
def test_a_door_of_a_cell_leads_to_that_cell_and_hands_everything_on(cell: str) -> None:
    rng = np.random.default_rng(4)
    params = cells.CELLS[cell].init(rng, D, H)
    state, dstate = (
        cells.CELLS[cell].state(*rng.standard_normal((2, B, H))[: 1 if cell == "rnn" else 2]) for _ in "ab"
    )
    xs, dhs = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    options: dict[str, Any] = {} if cell == "rnn" else {"clamp": {"f": 0.5}}
    door, back_door = getattr(layers, f"{cell}_forward"), getattr(layers, f"{cell}_backward")
    run, same = door(params, xs, state, **options), layers.forward(cell, params, xs, state, **options)
    assert run.tape.kind == type(params).__name__
    np.testing.assert_array_equal(run.hs, same.hs)
    ours, theirs = back_door(params, run, dhs, dstate), layers.backward(cell, params, same, dhs, dstate)
    for a, b in zip((*ours[0], ours[1], *ours[2]), (*theirs[0], theirs[1], *theirs[2]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert back_door(params, run, dhs, dstate, need_dx=False)[1] is None
    xs[2, 1, 3] = np.nan
    with pytest.raises(ValueError, match="got nan in xs first at step 2"):
        door(params, xs, check_finite=True)
