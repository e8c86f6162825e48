"""Whole sequences: equal to torch, to the readable loop and to the complex step; what goes in stays as it was."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lib import _fast, cells, layers
from lstm_lib.cells import DrawnParams, LSTMParams, LSTMState, RNNParams, RNNState


class Cell(NamedTuple):
    """One of the three cells, with the functions that run it."""

    params_type: Any
    state_type: Any
    step: Any
    step_backward: Any
    forward: Any
    backward: Any


CELLS = {
    "rnn": Cell(RNNParams, RNNState, cells.rnn_step, cells.rnn_step_backward, layers.rnn_forward, layers.rnn_backward),
    "lstm": Cell(
        LSTMParams, LSTMState, cells.lstm_step, cells.lstm_step_backward, layers.lstm_forward, layers.lstm_backward
    ),
    "drawn": Cell(
        DrawnParams, LSTMState, cells.drawn_step, cells.drawn_step_backward, layers.drawn_forward, layers.drawn_backward
    ),
}
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
gated_cells = pytest.mark.parametrize("cell", [CELLS["lstm"], CELLS["drawn"]], ids=["lstm", "drawn"])


class Case(NamedTuple):
    """A sequence with everything non-zero, and a random gradient for everything that comes out."""

    params: Any
    xs: Any
    state: Any
    dhs: Any
    dstate: Any


def make_case(rng: np.random.Generator, cell: Cell, T: int, B: int, D: int, H: int, dtype: Any = np.float64) -> Case:
    """Draw a case; weights scaled so that gates are neither open nor shut, nothing zero."""
    gates = () if cell.params_type is RNNParams else (4,)
    shapes = [(*gates, H, H + D), (*gates, H), (H, H), (H,)][: len(cell.params_type._fields)]

    def draw(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(dtype)

    params = cell.params_type(*(draw(*shape) * dtype((H + D) ** -0.5) for shape in shapes))
    state = cell.state_type(*(draw(B, H) for _ in cell.state_type._fields))
    dstate = cell.state_type(*(draw(B, H) for _ in cell.state_type._fields))
    return Case(params, draw(T, B, D), state, draw(T, B, H), dstate)


def flatten(*values: Any) -> list[Any]:
    """List the arrays in nested tuples."""
    arrays = []
    for value in values:
        arrays += flatten(*value) if isinstance(value, tuple) else [value]
    return arrays


def assert_close(actual: Any, expected: Any, tolerance: float = 1e-12) -> None:
    """Hold the largest error of each array below a fraction of the array's largest entry."""
    for a, e in zip(flatten(actual), flatten(expected), strict=True):
        assert a.shape == e.shape
        assert np.abs(a - e).max() <= tolerance * np.abs(e).max()


def assert_same(actual: Any, expected: Any) -> None:
    """Hold arrays in nested tuples equal to the last bit."""
    for a, e in zip(flatten(actual), flatten(expected), strict=True):
        np.testing.assert_array_equal(a, e)


# ---------------------------------------------------------------- against torch and the readable loop


def run_torch(case: Case) -> tuple[Any, ...]:
    """Run ``torch.nn.LSTM`` on a case: hs, last c, and the gradients of W, b, xs, h0, c0."""
    torch = pytest.importorskip("torch")
    _, H, width = case.params.W.shape
    lstm = torch.nn.LSTM(width - H, H, dtype=torch.float64)
    W, b = case.params.W.reshape(4 * H, -1), case.params.b.reshape(4 * H)
    values = {"weight_hh_l0": W[:, :H], "weight_ih_l0": W[:, H:], "bias_ih_l0": b, "bias_hh_l0": np.zeros_like(b)}
    lstm.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    xs, h0, c0 = (torch.tensor(a, requires_grad=True) for a in (case.xs, *case.state))
    hs, (h, c) = lstm(xs, (h0[None], c0[None]))
    torch.autograd.backward((hs, h[0], c[0]), tuple(torch.tensor(g) for g in (case.dhs, *case.dstate)))
    dW = torch.cat([lstm.weight_hh_l0.grad, lstm.weight_ih_l0.grad], dim=1).reshape(4, H, width)
    results = (hs, c[0], dW, lstm.bias_ih_l0.grad.reshape(4, H), xs.grad, h0.grad, c0.grad)
    return tuple(r.detach().numpy() for r in results)


def run_ours(cell: Cell, case: Case) -> tuple[Any, ...]:
    run = cell.forward(case.params, case.xs, case.state)
    dparams, dxs, dfirst = cell.backward(case.params, run, case.dhs, case.dstate)
    last = () if cell.state_type is RNNState else (run.cs[-1],)
    return (run.hs, *last, *dparams, dxs, *dfirst)


def run_readable(cell: Cell, case: Case) -> tuple[Any, ...]:
    states, tapes = layers.unroll(cell.step, case.params, case.xs, case.state)
    dparams, dxs, dfirst = layers.unroll_backward(cell.step_backward, case.params, tapes, case.dhs, case.dstate)
    return (np.stack([s.h for s in states]), *states[-1][1:], *dparams, dxs, *dfirst)


SIZES = [(5, 2, 3, 4), (7, 6, 5, 2), (31, 4, 9, 13), (200, 3, 7, 11), (12, 5, 3, 66), (1, 2, 3, 4), (6, 1, 3, 4)]
EDGES = [(6, 2, 1, 4), (6, 2, 3, 1), (1, 1, 1, 1), (200, 1, 1, 1)]


@pytest.mark.parametrize("sizes", SIZES + EDGES, ids=str)
def test_the_lstm_equals_torch_forward_and_backward(sizes: tuple[int, ...]) -> None:
    case = make_case(np.random.default_rng(sum(sizes)), CELLS["lstm"], *sizes)
    assert_close(run_ours(CELLS["lstm"], case), run_torch(case))


@settings(max_examples=25, deadline=None)
@given(sizes=st.permutations(range(2, 15)), T=st.integers(15, 60), seed=st.integers(0, 2**32 - 1))
def test_the_lstm_equals_torch_at_any_sizes(sizes: list[int], T: int, seed: int) -> None:
    case = make_case(np.random.default_rng(seed), CELLS["lstm"], T, *sizes[:3])
    assert_close(run_ours(CELLS["lstm"], case), run_torch(case))


@every_cell
@pytest.mark.parametrize("sizes", SIZES + EDGES, ids=str)
def test_the_fast_path_equals_the_readable_loop(cell: Cell, sizes: tuple[int, ...]) -> None:
    case = make_case(np.random.default_rng(sum(sizes)), cell, *sizes)
    assert_close(run_ours(cell, case), run_readable(cell, case))


@every_cell
def test_the_length_of_the_blocks_changes_nothing(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(np.random.default_rng(5), cell, 23, 3, 5, 4)
    whole = run_ours(cell, case)
    for numbers in (1, 6 * 4 * 3 * 5, 6 * 4 * 3 * 22):  # blocks of 1, 5 and 22 steps
        monkeypatch.setattr(_fast, "BLOCK", numbers)
        assert_close(run_ours(cell, case), whole)
