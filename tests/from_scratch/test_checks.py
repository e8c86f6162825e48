"""The gradient checks: silent about right gradients, loud about wrong ones, in every array that goes in."""

from typing import Any

import numpy as np
import pytest

from lstm_lib import cells, checks, layers

ARRAYS = {
    "rnn": ["W", "b", "x", "h"],
    "lstm": ["W", "b", "x", "h", "c"],
    "drawn": ["W", "b", "W_u", "b_u", "x", "h", "c"],
}
every_cell = pytest.mark.parametrize("cell", ARRAYS)


def make(rng: np.random.Generator, cell: str) -> tuple[Any, Any, Any]:
    """Draw parameters, inputs (T, B, D) and a state, nothing zero."""
    params = getattr(cells, f"init_{cell}")(rng, 5, 4)
    params = params._replace(b=rng.standard_normal(params.b.shape))
    state_type = cells.RNNState if cell == "rnn" else cells.LSTMState
    state = state_type(*(rng.standard_normal((3, 4)) for _ in state_type._fields))
    return params, rng.standard_normal((6, 3, 5)), state


@every_cell
def test_right_gradients_pass_and_every_array_is_checked(cell: str) -> None:
    rng = np.random.default_rng(0)
    params, xs, state = make(rng, cell)
    one_step = checks.step_errors(cell, params, xs[0], state, rng)
    sequence = checks.sequence_errors(cell, params, xs, state, rng)
    assert list(one_step) == ARRAYS[cell]
    assert list(sequence) == [name if name != "x" else "xs" for name in ARRAYS[cell]]
    assert max(*one_step.values(), *sequence.values()) < 1e-10


@every_cell
@pytest.mark.parametrize("size", [1e-3, 1e-6], ids=str)
def test_one_wrong_entry_of_one_gradient_is_found_and_named(
    cell: str, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    params, xs, state = make(rng, cell)
    entry, over_time = cells.CELLS[cell], layers.backward
    for find, x, x_name in ((checks.step_errors, xs[0], "x"), (checks.sequence_errors, xs, "xs")):
        backward = entry.step_backward if x_name == "x" else over_time
        for name in [name if name != "x" else x_name for name in ARRAYS[cell]]:

            def wrong(*arguments: Any, name: str = name, backward: Any = backward) -> Any:
                dparams, dx, dstate = backward(*arguments)
                array = {**dparams._asdict(), "x": dx, "xs": dx, **dstate._asdict()}[name]
                array[(0,) * array.ndim] += size * np.abs(array).max()
                return dparams, dx, dstate

            with monkeypatch.context() as patch:
                if x_name == "x":
                    patch.setitem(cells.CELLS, cell, entry._replace(step_backward=wrong))
                else:
                    patch.setattr(layers, "backward", wrong)
                errors = find(cell, params, x, state, rng)
            assert errors[name] > 1e-4 * size
            assert max(error for other, error in errors.items() if other != name) < 1e-10


def test_the_complex_step_is_exact_where_differences_are_not() -> None:
    x, d = np.array([0.3, -2.0]), np.array([1.0, 0.5])
    exact = (1 - np.tanh(x) ** 2) * d
    np.testing.assert_allclose(checks.complex_step(np.tanh, x, d), exact, rtol=1e-15)
    assert np.abs((np.tanh(x + 1e-7 * d) - np.tanh(x)) / 1e-7 - exact).max() > 1e-9


def test_a_gradient_of_zero_must_be_zero() -> None:
    x, v, rng = np.array([0.3, -2.0]), np.array([1.0, 0.5]), np.random.default_rng(2)
    assert checks.vjp_error(lambda x: (0 * x,), x, 0 * v, (v,), rng) == 0
    assert checks.vjp_error(lambda x: (x,), x, 0 * v, (v,), rng) > 1e-3


def test_what_cannot_be_checked_is_refused() -> None:
    rng = np.random.default_rng(3)
    params, xs, state = make(rng, "lstm")
    v = (np.ones(2),)
    with pytest.raises(ValueError, match=r"got cell 'gru', expected one of rnn, lstm, drawn"):
        checks.sequence_errors("gru", params, xs, state, rng)
    with pytest.raises(ValueError, match=r"got a point float32 \(2,\) and a direction \(2,\), expected float64"):
        checks.complex_step(np.tanh, np.ones(2, np.float32), np.ones(2))
    with pytest.raises(ValueError, match=r"got a point float64 \(2,\) and a direction \(3,\), expected float64"):
        checks.complex_step(np.tanh, np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match=r"got a gradient of shape \(3,\), expected that of the point, \(2,\)"):
        checks.vjp_error(lambda x: (x,), np.ones(2), np.ones(3), v, rng)
