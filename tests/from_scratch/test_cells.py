"""One step of each cell: equal to arithmetic on plain numbers, to the complex step and to torch's cells."""

import math
from typing import Any

import numpy as np
import pytest

from lstm_lib import cells, checks
from lstm_lib.from_scratch.cells import DrawnParams, LSTMParams, LSTMState, RNNState

B, D, H = 3, 5, 4
CELLS = ("rnn", "lstm", "drawn")
STATES = {"rnn": RNNState, "lstm": LSTMState, "drawn": LSTMState}


def make(rng: np.random.Generator, cell: str, dtype: Any = np.float64) -> tuple[Any, Any, Any]:
    """Draw parameters, x and a state of one cell, nothing zero."""
    params = getattr(cells, f"init_{cell}")(rng, D, H, dtype=dtype)
    params = type(params)(*(rng.standard_normal(p.shape).astype(dtype) * dtype(0.5) for p in params))
    state = STATES[cell](*(rng.standard_normal((B, H)).astype(dtype) for _ in STATES[cell]._fields))
    return params, rng.standard_normal((B, D)).astype(dtype), state


def sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def by_pencil(cell: str, params: Any, x: Any, state: Any) -> list[list[list[float]]]:
    """Take one step with numbers instead of arrays, straight from the published equations."""

    def affine(W: Any, b: Any, z: list[float]) -> list[float]:
        return [sum(w * s for w, s in zip(row, z, strict=True)) + bias for row, bias in zip(W, b, strict=True)]

    new: list[list[list[float]]] = [[] for _ in state]
    for n in range(B):
        z = [*state.h[n], *x[n]]
        if cell == "rnn":
            new[0].append([math.tanh(a) for a in affine(params.W, params.b, z)])
            continue
        a = [affine(W, b, z) for W, b in zip(params.W, params.b, strict=True)]
        i, f, g, o = [*map(sigmoid, a[0])], [*map(sigmoid, a[1])], [*map(math.tanh, a[2])], [*map(sigmoid, a[3])]
        kept = [f[k] * state.c[n][k] for k in range(H)]
        c = [kept[k] + i[k] * g[k] for k in range(H)]
        if cell == "lstm":
            u = [math.tanh(c[k]) for k in range(H)]
        else:
            u = [math.tanh(a) for a in affine(params.W_u, params.b_u, kept)]
        new[0].append([o[k] * u[k] for k in range(H)])
        new[1].append(c)
    return new


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_equals_the_equations_on_plain_numbers(cell: str) -> None:
    params, x, state = make(np.random.default_rng(1), cell)
    new, _ = getattr(cells, f"{cell}_step")(params, x, state)
    for got, expected in zip(new, by_pencil(cell, params, x, state), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seed", range(3))
def test_a_backward_step_equals_the_complex_step(cell: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    errors = checks.step_errors(cell, *make(rng, cell), rng)
    assert max(errors.values()) < 1e-10, errors


def test_the_rnn_and_the_lstm_step_equal_torch_cells() -> None:
    torch = pytest.importorskip("torch")
    for cell, torch_cell in (("rnn", torch.nn.RNNCell), ("lstm", torch.nn.LSTMCell)):
        params, x, state = make(np.random.default_rng(2), cell)
        module = torch_cell(D, H, dtype=torch.float64)
        # The layout, written out: this is the check of it that does not go through lstm_lib.convert.
        W, b = params.W.reshape(-1, H + D), params.b.reshape(-1)
        values = {"weight_hh": W[:, :H], "weight_ih": W[:, H:], "bias_ih": b, "bias_hh": np.zeros_like(b)}
        module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
        given = tuple(map(torch.tensor, state))
        expected = module(torch.tensor(x), given if cell == "lstm" else given[0])
        new, _ = getattr(cells, f"{cell}_step")(params, x, state)
        for got, e in zip(new, expected if cell == "lstm" else (expected,), strict=True):
            np.testing.assert_allclose(got, e.detach().numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_a_float32_step_stays_float32_and_changes_nothing_given(cell: str) -> None:
    params, x, state = make(np.random.default_rng(3), cell, np.float32)
    for array in (*params, x, *state):
        array.setflags(write=False)  # writing to it would raise
    new, tape = getattr(cells, f"{cell}_step")(params, x, state)
    dparams, dx, dprev = getattr(cells, f"{cell}_step_backward")(params, tape, state)
    assert {array.dtype for array in (*new, *tape, *dparams, dx, *dprev)} == {np.dtype(np.float32)}


def test_the_drawn_cell_cannot_say_in_the_same_step_what_it_learned() -> None:
    params, x, state = make(np.random.default_rng(4), "drawn")
    changed = params._replace(W=params.W.copy())
    changed.W[2] += 1.0  # another candidate g
    for step, p, q in (
        (cells.drawn_step, params, changed),
        (cells.lstm_step, LSTMParams(params.W, params.b), LSTMParams(changed.W, changed.b)),
    ):
        (h, c), _ = step(p, x, state)
        (h_changed, c_changed), _ = step(q, x, state)
        assert not np.allclose(c, c_changed)
        assert np.array_equal(h, h_changed) == (step is cells.drawn_step)


def test_the_first_output_of_the_drawn_cell_is_a_constant_times_o() -> None:
    params, x, _ = make(np.random.default_rng(5), "drawn")
    (h, _), tape = cells.drawn_step(params, x, cells.zero_state(B, H))
    np.testing.assert_allclose(h, np.tanh(params.b_u) * tape.o, rtol=0, atol=1e-15)


def test_sigmoid_agrees_with_its_definition_and_does_not_overflow() -> None:
    a = np.linspace(-30, 30, 601)
    one_rounding = np.finfo(float).eps  # each of the two formulas may be off by one in the last place of 1
    np.testing.assert_allclose(cells.sigmoid(a), 1 / (1 + np.exp(-a)), rtol=0, atol=2 * one_rounding)
    np.testing.assert_array_equal(cells.sigmoid(np.array([-1e30, 1e30], np.float32)), np.array([0, 1], np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_initial_weights_are_as_documented(dtype: Any) -> None:
    lstm = cells.init_lstm(np.random.default_rng(6), 30, 16, forget_bias=2.5, dtype=dtype)
    drawn = cells.init_drawn(np.random.default_rng(6), 30, 16, forget_bias=2.5, dtype=dtype)
    rnn = cells.init_rnn(np.random.default_rng(6), 30, 16, dtype=dtype)
    for array in (*lstm, *drawn, *rnn):
        assert array.dtype == dtype
    for W in (lstm.W, drawn.W, drawn.W_u, rnn.W[:, 16:]):
        assert 0.23 < np.abs(W).max() <= 0.25  # 1/√16
        assert abs(W.mean()) < 0.02
    np.testing.assert_array_equal(lstm.b, np.array([0, 2.5, 0, 0])[:, None] * np.ones(16))
    np.testing.assert_array_equal(drawn.b_u, np.zeros(16))
    np.testing.assert_allclose(rnn.W[:, :16] @ rnn.W[:, :16].T, np.eye(16), rtol=0, atol=1e-6)


def test_the_same_seed_gives_the_same_weights_and_another_gives_others() -> None:
    for init in (cells.init_rnn, cells.init_lstm, cells.init_drawn):
        first, same, other = (init(np.random.default_rng(seed), D, H).W for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, same)
        assert not np.array_equal(first, other)


def test_zero_states_are_zero_and_do_not_share_memory() -> None:
    h, c = cells.zero_state(B, H, dtype=np.float32)
    assert h.shape == c.shape == (B, H)
    assert h.dtype == c.dtype == cells.zero_rnn_state(B, H, dtype=np.float32).h.dtype == np.float32
    assert not h.any()
    assert not c.any()
    assert not np.shares_memory(h, c)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("cell", CELLS)
def test_bad_input_to_a_step_is_refused_with_what_came_and_what_was_expected(cell: str) -> None:
    step = getattr(cells, f"{cell}_step")
    params, x, state = make(np.random.default_rng(7), cell)
    legend = "(H, H+D)" if cell == "rnn" else "(4, H, H+D)"
    kind = type(params).__name__
    other = LSTMParams(params.W, params.b) if cell == "drawn" else DrawnParams(*params, params.W, params.b)
    narrow = params._replace(W=params.W[..., :H])
    other_state = LSTMState(state.h, state.h) if cell == "rnn" else RNNState(state.h)
    for bad, message in (
        ((params, x[:, :-1], state), f"got x of shape (3, 4), expected (B, D) with B at least 1 and D = {D}"),
        ((params, x[0], state), f"got x of shape (5,), expected (B, D) with B at least 1 and D = {D}"),
        ((params, x[:0], state), f"got x of shape (0, 5), expected (B, D) with B at least 1 and D = {D}"),
        ((params, x, state._replace(h=state.h[1:])), "got state.h of shape (2, 4), expected (B, H) = (3, 4)"),
        ((params, x.astype(np.float32), state), "got dtypes params.W float64, x float32; expected one floating dtype"),
        ((narrow, x, state), f"got W of shape {narrow.W.shape}, expected {legend} with H = 4 (from b)"),
        ((params._replace(b=params.b[..., None]), x, state), f"expected {legend} with H = 1 (from b) and D at least 1"),
        ((params, x, other_state), f"got a state of type {type(other_state).__name__}, expected"),
        ((other, x, state), f"got parameters of type {type(other).__name__}, expected {kind}(W, b"),
        ((params, x.tolist(), state), "got x of type list, expected a NumPy array"),
        ((params, x, state._replace(h=state.h.tolist())), "got state.h of type list, expected a NumPy array"),
        ((tuple(params), x, state), f"got parameters of type tuple, expected {kind}(W, b"),
    ):
        with pytest.raises(ValueError) as error:  # noqa: PT011  (the whole message is compared below)
            step(*bad)
        assert message in str(error.value)


@pytest.mark.parametrize("cell", CELLS)
def test_a_gradient_that_does_not_fit_its_step_is_refused(cell: str) -> None:
    params, x, state = make(np.random.default_rng(9), cell)
    _, tape = getattr(cells, f"{cell}_step")(params, x, state)
    other_state = LSTMState(state.h, state.h) if cell == "rnn" else RNNState(state.h)
    for bad, message in (
        (state._replace(h=state.h[:1]), "got state.h of shape (1, 4), expected (B, H) = (3, 4)"),
        (state._replace(h=state.h.astype(np.float32)), "expected one floating dtype for all arrays"),
        (other_state, f"got a state of type {type(other_state).__name__}, expected"),
    ):
        with pytest.raises(ValueError) as error:  # noqa: PT011
            getattr(cells, f"{cell}_step_backward")(params, tape, bad)
        assert message in str(error.value)


def test_the_drawn_use_gate_has_its_own_shapes_to_hold() -> None:
    params, x, state = make(np.random.default_rng(8), "drawn")
    for bad, message in (
        (params._replace(W_u=params.W_u[:, 1:]), "got W_u of shape (4, 3), expected (H, H) with H = 4 (from b)"),
        (params._replace(b_u=params.b_u[:2]), "got b_u of shape (2,), expected (H) with H = 4 (from b)"),
    ):
        assert isinstance(bad, DrawnParams)
        with pytest.raises(ValueError) as error:  # noqa: PT011
            cells.drawn_step(bad, x, state)
        assert message in str(error.value)


def test_sizes_below_one_are_refused() -> None:
    for init in (cells.init_rnn, cells.init_lstm, cells.init_drawn):
        for sizes in ((0, 4), (4, 0), (-1, 4)):
            message = f"got input_size {sizes[0]} and hidden_size {sizes[1]}, expected both at least 1"
            with pytest.raises(ValueError, match=message):
                init(np.random.default_rng(0), *sizes)
