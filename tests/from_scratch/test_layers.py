"""Whole sequences: equal to torch, to the readable loop and to the complex step; what goes in stays as it was."""

import re
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lib import cells, checks, layers
from lstm_lib.from_scratch import _fast
from lstm_lib.from_scratch.cells import DrawnParams, LSTMParams, LSTMState, RNNParams, RNNState


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
NAMES = {cell: name for name, cell in CELLS.items()}
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
    """List the arrays in nested tuples and lists."""
    arrays = []
    for value in values:
        arrays += flatten(*value) if isinstance(value, tuple | list) else [value]
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


def assert_refused(function: Any, arguments: tuple[Any, ...], message: str) -> None:
    """Hold that a call raises a ValueError with this in its text."""
    with pytest.raises(ValueError, match=re.escape(message)):
        function(*arguments)


def convert(value: Any, dtype: Any) -> Any:
    """Return nested tuples of arrays in another dtype."""
    return type(value)(*(convert(v, dtype) for v in value)) if isinstance(value, tuple) else value.astype(dtype)


def turn(value: Any) -> Any:
    """Return nested tuples of equal arrays in Fortran's order."""
    return type(value)(*map(turn, value)) if isinstance(value, tuple) else np.asfortranarray(value)


def pick(case: Case, batch: slice) -> Case:
    """Return some sequences of a case's batch."""
    state, dstate = (type(s)(*(part[batch] for part in s)) for s in (case.state, case.dstate))
    return Case(case.params, case.xs[:, batch], state, case.dhs[:, batch], dstate)


# ---------------------------------------------------------------- against torch and the readable loop


def run_torch(case: Case) -> tuple[Any, ...]:
    """Run ``torch.nn.LSTM`` on a case: hs, last c, and the gradients of W, b, xs, h0, c0."""
    torch = pytest.importorskip("torch")
    from lstm_lib import convert as weights  # it needs torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # at these sizes threads only wait for each other
    _, H, width = case.params.W.shape
    lstm = torch.nn.LSTM(width - H, H, dtype=torch.float64)
    weights.numpy_to_torch(case.params, lstm)
    xs, h0, c0 = (torch.tensor(a, requires_grad=True) for a in (case.xs, *case.state))
    hs, (h, c) = lstm(xs, (h0[None], c0[None]))
    torch.autograd.backward((hs, h[0], c[0]), tuple(torch.tensor(g) for g in (case.dhs, *case.dstate)))
    torch.set_num_threads(threads)
    hs, c, dxs, dh0, dc0 = (r.detach().numpy() for r in (hs, c[0], xs.grad, h0.grad, c0.grad))
    return hs, c, *weights.torch_to_numpy(lstm, gradients=True), dxs, dh0, dc0


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


@settings(max_examples=25, deadline=None, derandomize=True)
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


@every_cell
@settings(max_examples=15, deadline=None, derandomize=True)
@given(sizes=st.permutations(range(2, 9)), T=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
def test_gradients_equal_the_complex_step(cell: Cell, sizes: list[int], T: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    params, xs, state, *_ = make_case(rng, cell, T, *sizes[:3])
    errors = checks.sequence_errors(NAMES[cell], params, xs, state, rng)
    assert max(errors.values()) < 1e-10, errors


@every_cell
def test_float32_stays_float32_and_close_to_float64(cell: Cell) -> None:
    exact = make_case(np.random.default_rng(6), cell, 40, 3, 5, 7)
    case = convert(exact, np.float32)
    results = run_ours(cell, case)
    assert {array.dtype for array in results} == {np.dtype(np.float32)}
    assert_close(results, run_ours(cell, exact), tolerance=2e-5)


# ---------------------------------------------------------------- tokens, clamps, gates


@every_cell
@pytest.mark.parametrize(("D", "dtype"), [(7, np.int64), (7, np.int32), (250, np.uint8)])
def test_tokens_mean_one_hot_rows(cell: Cell, D: int, dtype: Any) -> None:
    rng = np.random.default_rng(7)
    case = make_case(rng, cell, 9, 3, D, 11)
    tokens = rng.integers(0, D, (9, 3)).astype(dtype)
    tokens[0, 0], tokens[1, 1] = D - 1, 0
    run, run_rows = (cell.forward(case.params, xs, case.state) for xs in (tokens, np.eye(D)[tokens]))
    assert_same(run[:-1], run_rows[:-1])
    dparams, dxs, dfirst = cell.backward(case.params, run, case.dhs, case.dstate)
    dparams_rows, dxs_rows, dfirst_rows = cell.backward(case.params, run_rows, case.dhs, case.dstate)
    assert_same((dparams, dfirst), (dparams_rows, dfirst_rows))
    assert dxs is None
    assert dxs_rows.shape == (9, 3, D)


def test_tokens_work_in_the_readable_loop_too() -> None:
    rng = np.random.default_rng(8)
    cell = CELLS["lstm"]
    params, _, state, *_ = make_case(rng, cell, 6, 3, 5, 4)
    tokens = rng.integers(0, 5, (6, 3))
    complex_run = cell.forward(LSTMParams(*(p + 0j for p in params)), tokens, LSTMState(*(s + 0j for s in state)))
    assert_close(complex_run.hs.real, cell.forward(params, tokens, state).hs)


CLAMPS = [{"f": 1.0}, {"i": 1.0, "f": 1.0, "o": 1.0}, {"f": 0.3}, {"g": -0.25, "o": 0.0}, {"g": 1.0, "i": 0.9}]


@gated_cells
@pytest.mark.parametrize("clamp", CLAMPS, ids=str)
def test_a_clamped_gate_holds_its_value_and_learns_nothing(cell: Cell, clamp: dict[str, float]) -> None:
    case = make_case(np.random.default_rng(9), cell, 8, 3, 5, 4)
    run = cell.forward(case.params, case.xs, case.state, clamp=clamp)
    inside = layers.gates(run)
    dparams, *_ = cell.backward(case.params, run, case.dhs, case.dstate)
    for index, gate in enumerate("ifgo"):
        values = getattr(inside, gate)
        if gate in clamp:
            np.testing.assert_allclose(values, clamp[gate], rtol=0, atol=0 if clamp[gate] in (0, 1) else 2e-16)
            assert not dparams.W[index].any()
            assert not dparams.b[index].any()
        else:
            assert values.std() > 0.05
            assert dparams.W[index].all() or clamp.get("o") == 0.0  # nothing is said, so only c's own gradient flows
    np.testing.assert_allclose(inside.kept + inside.i * inside.g, run.cs, rtol=0, atol=1e-15)


@gated_cells
@pytest.mark.parametrize("clamp", CLAMPS, ids=str)
def test_the_gradients_around_a_clamp_equal_the_complex_step(cell: Cell, clamp: dict[str, float]) -> None:
    rng = np.random.default_rng(10)
    params, xs, state, *_ = make_case(rng, cell, 8, 3, 5, 4)
    errors = checks.sequence_errors(NAMES[cell], params, xs, state, rng, clamp=clamp)
    assert max(errors.values()) < 1e-10, errors


def test_with_three_gates_clamped_open_the_memory_only_adds() -> None:
    case = make_case(np.random.default_rng(11), CELLS["lstm"], 8, 3, 5, 4)
    run = layers.lstm_forward(case.params, case.xs, case.state, clamp={"i": 1.0, "f": 1.0, "o": 1.0})
    g = layers.gates(run).g
    np.testing.assert_allclose(run.cs, case.state.c + np.cumsum(g, axis=0), rtol=0, atol=1e-14)
    np.testing.assert_allclose(run.hs, np.tanh(run.cs), rtol=0, atol=1e-15)


@gated_cells
def test_gates_shows_the_same_inside_of_both_paths(cell: Cell) -> None:
    case = make_case(np.random.default_rng(12), cell, 8, 3, 5, 4)
    fast = layers.gates(cell.forward(case.params, case.xs, case.state))
    params, state = (type(group)(*(array + 0j for array in group)) for group in (case.params, case.state))
    readable = layers.gates(cell.forward(params, case.xs + 0j, state))
    _, tapes = layers.unroll(cell.step, case.params, case.xs, case.state)
    for name in ("i", "f", "g", "o"):
        expected = np.stack([getattr(tape, name) for tape in tapes])
        assert_close((getattr(fast, name), getattr(readable, name).real), (expected, expected))
    run = cell.forward(case.params, case.xs, case.state)
    c_prev = np.concatenate([case.state.c[None], run.cs[:-1]])
    assert_close((fast.kept, fast.o * fast.u), (fast.f * c_prev, run.hs))
    assert_close((readable.kept.real, readable.u.real), (fast.kept, fast.u))


# ---------------------------------------------------------------- what a caller may rely on


@every_cell
def test_without_dx_everything_else_is_the_same(cell: Cell) -> None:
    case = make_case(np.random.default_rng(13), cell, 8, 3, 5, 4)
    run = cell.forward(case.params, case.xs, case.state)
    dparams, dxs, dfirst = cell.backward(case.params, run, case.dhs, case.dstate)
    dparams_only, nothing, dfirst_only = cell.backward(case.params, run, case.dhs, case.dstate, need_dx=False)
    assert dxs is not None
    assert nothing is None
    assert_same((dparams_only, dfirst_only), (dparams, dfirst))


@every_cell
@pytest.mark.parametrize("sizes", [(8, 3, 5, 4), (8, 1, 5, 4), (8, 3, 1, 1), (1, 1, 1, 1)], ids=str)
def test_nothing_that_came_in_is_changed_and_nothing_that_goes_out_is_shared(cell: Cell, sizes: Any) -> None:
    case = make_case(np.random.default_rng(14), cell, *sizes)
    before = [array.copy() for array in flatten(*case)]
    for array in flatten(*case):
        array.setflags(write=False)
    if cell.state_type is LSTMState:
        clamped = cell.forward(case.params, case.xs, case.state, clamp={"f": 1.0, "g": 0.5})
        cell.backward(case.params, clamped, case.dhs, case.dstate)
    run = cell.forward(case.params, case.xs, case.state)
    dparams, dxs, dfirst = cell.backward(case.params, run, case.dhs, case.dstate)
    assert_same(flatten(*case), before)
    given, out = flatten(*case), flatten(*run[:-1], dparams, dxs, dfirst)
    for k, array in enumerate(out):
        assert array.flags.writeable
        assert not any(np.shares_memory(array, other) for other in given + out[:k])


@every_cell
def test_a_run_stays_valid_after_others_and_whatever_is_done_to_its_outputs(cell: Cell) -> None:
    rng = np.random.default_rng(15)
    first, second = (make_case(rng, cell, 8, 3, 5, 4) for _ in range(2))
    run = cell.forward(first.params, first.xs, first.state)
    hs = run.hs.copy()
    gradients = cell.backward(first.params, run, first.dhs, first.dstate)
    copies = [array.copy() for array in flatten(*gradients)]
    other = cell.forward(second.params, second.xs, second.state)
    cell.backward(second.params, other, second.dhs, second.dstate)
    assert_same((run.hs, *flatten(*gradients)), (hs, *copies))
    for array in flatten(*run[:-1], *gradients):
        array[...] = 0
    assert_same(flatten(*cell.backward(first.params, run, first.dhs, first.dstate)), copies)


@every_cell
def test_the_future_cannot_change_the_past(cell: Cell) -> None:
    case = make_case(np.random.default_rng(16), cell, 9, 3, 5, 4)
    changed = case.xs.copy()
    changed[5] += 1.0
    past, other = (cell.forward(case.params, xs, case.state).hs for xs in (case.xs, changed))
    assert_same(past[:5], other[:5])
    assert (past[5:] != other[5:]).any(axis=2).all()  # every later step of every sequence
    dhs, nothing = case.dhs.copy(), cell.state_type(*(0 * part for part in case.dstate))
    dhs[5:] = 0
    _, dxs, _ = cell.backward(case.params, cell.forward(case.params, case.xs, case.state), dhs, nothing)
    assert dxs[:5].all()
    assert not dxs[5:].any()


@every_cell
def test_the_sequences_of_a_batch_do_not_mix(cell: Cell) -> None:
    case = make_case(np.random.default_rng(17), cell, 9, 4, 5, 3)
    whole = run_ours(cell, case)
    alone = [run_ours(cell, pick(case, slice(n, n + 1))) for n in range(4)]
    count = len(cell.params_type._fields)
    first = 1 if cell.params_type is RNNParams else 2  # hs and last c come before the parameters' gradients
    for k, array in enumerate(whole):
        parts = [results[k] for results in alone]
        joined = sum(parts) if first <= k < first + count else np.concatenate(parts, axis=-2)
        assert_close(joined, array)


@every_cell
def test_a_sequence_in_pieces_with_the_state_carried_equals_one_run(cell: Cell) -> None:
    case = make_case(np.random.default_rng(18), cell, 11, 3, 5, 4)
    first, last = slice(0, 4), slice(4, 11)
    run_1 = cell.forward(case.params, case.xs[first], case.state)
    carried = cell.state_type(*(column[-1] for column in run_1[:-1]))
    run_2 = cell.forward(case.params, case.xs[last], carried)
    dparams_2, dxs_2, dcarried = cell.backward(case.params, run_2, case.dhs[last], case.dstate)
    dparams_1, dxs_1, dfirst = cell.backward(case.params, run_1, case.dhs[first], dcarried)
    dparams = tuple(one + two for one, two in zip(dparams_1, dparams_2, strict=True))
    pieces = (np.concatenate([run_1.hs, run_2.hs]), *(s[-1] for s in run_2[1:-1]), *dparams)
    assert_close((*pieces, np.concatenate([dxs_1, dxs_2]), *dfirst), run_ours(cell, case))


@every_cell
def test_no_state_means_zeros_in_both_directions(cell: Cell) -> None:
    case = make_case(np.random.default_rng(19), cell, 6, 3, 5, 4)
    zeros = cell.state_type(*(0 * part for part in case.state))
    run, run_zeros = cell.forward(case.params, case.xs), cell.forward(case.params, case.xs, zeros)
    assert_same(run[:-1], run_zeros[:-1])
    gradients = cell.backward(case.params, run, case.dhs)
    assert_same(gradients, cell.backward(case.params, run_zeros, case.dhs, zeros))


@every_cell
def test_arrays_may_come_in_any_memory_order(cell: Cell) -> None:
    case = make_case(np.random.default_rng(20), cell, 6, 3, 5, 4)
    turned = Case(*(turn(part) for part in case))
    assert_close(run_ours(cell, turned), run_ours(cell, case))


# ---------------------------------------------------------------- bad input


@every_cell
def test_bad_input_is_refused_with_what_came_and_what_was_expected(cell: Cell) -> None:
    case = make_case(np.random.default_rng(21), cell, 6, 3, 5, 4)
    params, xs, state = case[:3]
    tokens = np.zeros((6, 3), np.int64)
    at_least = "expected (T, B, D) with T and B at least 1"
    legend = "H, H+D" if cell.params_type is RNNParams else "4, H, H+D"
    kind = type(state).__name__
    wrong_state = RNNState(state.h) if cell.state_type is LSTMState else LSTMState(state.h, state.h)
    wrong_W = params._replace(W=params.W[..., 5:])
    for arguments, message in (
        ((params, xs[..., 1:]), "got xs with 4 features, expected D = 5 (from W)"),
        ((params, xs[0]), f"got xs of shape (3, 5) and dtype float64, {at_least}"),
        ((params, xs[:0]), f"got xs of shape (0, 3, 5) and dtype float64, {at_least}"),
        ((params, xs[:, :0]), f"got xs of shape (6, 0, 5) and dtype float64, {at_least}"),
        ((params, tokens[:0]), "got xs of shape (0, 3) and dtype int64, expected (T, B) of token numbers with T and B"),
        ((params, tokens[:, :, None]), "got xs of shape (6, 3, 1) and dtype int64, expected (T, B) of token numbers"),
        ((params, tokens - 1), "got tokens from -1 to -1, expected 0 to D - 1 = 4"),
        ((params, tokens + np.arange(6)[:, None]), "got tokens from 0 to 5, expected 0 to D - 1 = 4"),
        ((params, xs.astype(np.float32)), "got dtypes params.W float64, xs float32; expected one floating dtype"),
        ((params, xs > 0), "got dtypes params.W float64, xs bool; expected one floating dtype"),
        ((params, xs, convert(state, np.float32)), "got dtypes params.W float64, state.h float32; expected one"),
        ((convert(params, np.int64), tokens), "got dtypes params.W int64; expected one floating dtype"),
        ((params._replace(b=params.b.astype("f4")), xs), "got dtypes params.W float64, params.b float32; expected one"),
        ((params, xs, state._replace(h=state.h[:2])), "got state.h of shape (2, 4), expected (B, H) = (3, 4)"),
        ((params, xs, wrong_state), f"got a state of type {type(wrong_state).__name__}, expected {kind}(h"),
        ((wrong_W, xs), f"got W of shape {wrong_W.W.shape}, expected ({legend}) with H = 4 (from b)"),
    ):
        assert_refused(cell.forward, arguments, message)


@every_cell
def test_a_bad_gradient_is_refused_with_what_came_and_what_was_expected(cell: Cell) -> None:
    params, xs, state, dhs, dstate = make_case(np.random.default_rng(22), cell, 6, 3, 5, 4)
    run = cell.forward(params, xs, state)
    wrong_cell = CELLS["rnn" if cell is not CELLS["rnn"] else "lstm"]
    wrong_run = wrong_cell.forward(make_case(np.random.default_rng(22), wrong_cell, 6, 3, 5, 4).params, xs)
    wrong_kind = wrong_cell.params_type.__name__
    expected = "expected that of run.hs, (T, B, H) = (6, 3, 4)"
    other = make_case(np.random.default_rng(22), cell, 6, 3, 6, 4).params
    for arguments, message in (
        ((params, run, dhs[1:]), f"got dhs of shape (5, 3, 4), {expected}"),
        ((params, run, dhs[0]), f"got dhs of shape (3, 4), {expected}"),
        ((params, run, dhs.astype(np.float32)), "got dtypes params.W float64, dhs float32; expected one floating"),
        ((params, run, dhs, dstate._replace(h=dstate.h[1:])), "got state.h of shape (2, 4), expected (B, H) = (3, 4)"),
        ((params, run, dhs, convert(dstate, np.float32)), "got dtypes params.W float64, dstate.h float32; expected"),
        ((other, run, dhs), f"got parameters of shapes [{other.W.shape}, "),
        ((other, run, dhs), f"expected those of the forward run, [{params.W.shape}, "),
        ((params, wrong_run, dhs), f"got a run made with {wrong_kind}, expected one made with {type(params).__name__}"),
    ):
        assert_refused(cell.backward, arguments, message)


@every_cell
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
def test_a_number_that_is_not_finite_is_named_with_its_first_step_when_asked(cell: Cell, value: float) -> None:
    case = make_case(np.random.default_rng(23), cell, 6, 3, 5, 4)
    xs = case.xs.copy()
    xs[4, 0, 0] = xs[2, 1, 3] = value
    message = f"got {value} in xs first at step 2 (sequence 1, feature 3), expected finite numbers"
    assert_refused(lambda: cell.forward(case.params, xs, check_finite=True), (), message)
    if np.isnan(value):
        hs = cell.forward(case.params, xs).hs  # not asked: it goes through, from that step on
        assert np.isnan(hs[2:, 1]).all()
        assert np.isfinite(hs[:2]).all()


@gated_cells
def test_an_unknown_clamp_or_value_is_refused(cell: Cell) -> None:
    case = make_case(np.random.default_rng(24), cell, 6, 3, 5, 4)
    for clamp, what in (
        ({"x": 1.0}, "'x': 1.0"),
        ({"f": 1.1}, "'f': 1.1"),
        ({"i": -0.1}, "'i': -0.1"),
        ({"g": -1.5}, "'g': -1.5"),
        ({"o": float("nan")}, "'o': nan"),
        ({"f": "1"}, "'f': '1'"),
        ({"f": None}, "'f': None"),
    ):
        message = f"got clamp {what}, expected i, f or o in [0, 1] or g in [-1, 1]"
        assert_refused(lambda clamp=clamp: cell.forward(case.params, case.xs, clamp=clamp), (), message)
    message = "got clamp of type list, expected a mapping such as {'f': 1.0}"
    assert_refused(lambda: cell.forward(case.params, case.xs, clamp=[("f", 1.0)]), (), message)


@every_cell
def test_lists_and_parameters_of_another_dtype_are_refused(cell: Cell) -> None:
    case = make_case(np.random.default_rng(26), cell, 6, 3, 5, 4)
    as_lists = case.params._replace(W=case.params.W.tolist())
    assert_refused(lambda: cell.forward(as_lists, case.xs), (), "got W of type list, expected a NumPy array")
    run = cell.forward(case.params, case.xs, case.state)
    dhs = case.dhs.tolist()
    assert_refused(lambda: cell.backward(case.params, run, dhs), (), "got dhs of type list, expected a NumPy array")
    narrow = type(case.params)(*(p.astype(np.float32) for p in case.params))
    assert_refused(lambda: cell.backward(narrow, run, case.dhs), (), "expected one floating dtype for all arrays")


def test_an_rnn_has_no_gates_to_show() -> None:
    case = make_case(np.random.default_rng(25), CELLS["rnn"], 6, 3, 5, 4)
    run = layers.rnn_forward(case.params, case.xs)
    assert_refused(layers.gates, (run,), "got RNNRun, expected the Run of an LSTM: an RNN has no gates")
