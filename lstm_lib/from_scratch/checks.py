"""Gradient checks: is a backward pass the derivative of its forward pass? Answered with one dot product.

Shapes: T steps, B batch, D features, H hidden units.

A function's directional derivative comes from the complex step, Im f(x + iεd) / ε, which subtracts nothing and so is
exact to rounding. The cells are written to work on complex numbers. A backward pass takes v to Jᵀv; for random d and v
the two sides of ⟨v, J d⟩ = ⟨Jᵀv, d⟩ must agree, and a wrong entry anywhere in Jᵀv makes them differ.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lstm_lib._array import Array
from lstm_lib.from_scratch import cells, layers

STEP = 1e-30  # small enough that ε² vanishes beside 1; nothing is subtracted, so nothing is lost


def complex_step(function: Callable[[Any], Any], at: Array, direction: Array) -> Any:
    """Take a directional derivative without a difference: J d = Im f(x + iεd) / ε.

    Args:
        function: Takes an array and gives a number or an array; it must work on complex numbers.
        at: The point x, float64.
        direction: The direction d, of the shape of x.

    Returns:
        J d, of the shape of what the function gives.

    Raises:
        ValueError: If x is not float64, or the shapes differ.

    Example:
        >>> complex_step(np.sin, np.array(0.0), np.array(2.0))
        np.float64(2.0)

    Reference:
        Squire and Trapp 1998 (squire1998complex).
    """
    if at.dtype != np.float64 or at.shape != direction.shape:
        raise ValueError(
            f"got a point {at.dtype} {at.shape} and a direction {direction.shape}, expected float64 and equal shapes"
        )
    return np.imag(function(at + 1j * STEP * direction)) / STEP


def vjp_error(
    function: Callable[[Any], tuple[Array, ...]],
    at: Array,
    gradient: Array,
    cotangents: tuple[Array, ...],
    rng: np.random.Generator,
) -> float:
    """Hold a gradient Jᵀv against the complex step: how far apart are ⟨v, J d⟩ and ⟨Jᵀv, d⟩, d a random direction?

    Args:
        function: Takes an array and gives a tuple of arrays; it must work on complex numbers.
        at: The point at which the gradient was taken, float64.
        gradient: Jᵀv, what the backward pass gave, of the shape of the point.
        cotangents: v, one array for each that the function gives.
        rng: Source of the direction.

    Returns:
        The difference relative to the root of the summed squares of ⟨Jᵀv, d⟩'s terms; about 1e-15 when the gradient
        is right. Where that root is zero, the gradient being zero, the difference itself.

    Raises:
        ValueError: If the gradient has not the shape of the point, or the point is not float64.

    Example:
        >>> rng, x, v = np.random.default_rng(0), np.array([0.5, -1.0]), np.array([2.0, 3.0])
        >>> vjp_error(lambda x: (np.tanh(x),), x, v * (1 - np.tanh(x) ** 2), (v,), rng) < 1e-14
        True
        >>> vjp_error(lambda x: (np.tanh(x),), x, v * (1 - np.tanh(x)), (v,), rng) < 1e-3
        False
    """
    if gradient.shape != at.shape:
        raise ValueError(f"got a gradient of shape {gradient.shape}, expected that of the point, {at.shape}")

    def weighted_sum(x: Array) -> Any:
        return sum((v * y).sum() for v, y in zip(cotangents, function(x), strict=True))

    direction = np.asarray(rng.standard_normal(at.shape))
    terms = gradient * direction
    return float(abs(complex_step(weighted_sum, at, direction) - terms.sum()) / (np.sqrt((terms**2).sum()) or 1.0))


def step_errors(cell: str, params: Any, x: Array, state: Any, rng: np.random.Generator) -> dict[str, float]:
    """Check one step of a cell, backward against forward, for every array that goes in.

    Args:
        cell: Key of ``cells.CELLS``: "rnn", "lstm" or "drawn".
        params: Parameters of that cell, float64.
        x: Input (B, D).
        state: State before the step.
        rng: Source of the directions and of the gradients that come in.

    Returns:
        The relative error by name: W, b, (W_u, b_u,) x, h, (c).

    Raises:
        ValueError: If the cell is unknown or anything is not float64.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params, state = cells.init_lstm(rng, 3, 2), cells.LSTMState(*rng.standard_normal((2, 4, 2)))
        >>> errors = step_errors("lstm", params, rng.standard_normal((4, 3)), state, rng)
        >>> list(errors), max(errors.values()) < 1e-12
        (['W', 'b', 'x', 'h', 'c'], True)
    """
    entry = cells.look_up(cell)
    dstate = type(state)(*(rng.standard_normal(part.shape) for part in state))
    _, tape = entry.step(params, x, state)
    dparams, dx, dprev = entry.step_backward(params, tape, dstate)
    gradients = {**dparams._asdict(), "x": dx, **dprev._asdict()}

    def run(params: Any, x: Any, state: Any) -> tuple[Array, ...]:
        return tuple(entry.step(params, x, state)[0])

    return _errors(run, params, "x", x, state, gradients, tuple(dstate), rng)


def sequence_errors(
    cell: str,
    params: Any,
    xs: Array,
    state: Any,
    rng: np.random.Generator,
    *,
    clamp: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Check a cell over a whole sequence, backward against forward, for every array that goes in.

    The complex step goes through the readable loop, the gradient comes from the fast path: one holds the other.

    Args:
        cell: Key of ``cells.CELLS``: "rnn", "lstm" or "drawn".
        params: Parameters of that cell, float64.
        xs: Inputs (T, B, D).
        state: Initial state.
        rng: Source of the directions and of the gradients that come in, at every h and at the last state.
        clamp: Gates held at a fixed value, as in ``layers.lstm_forward``.

    Returns:
        The relative error by name: W, b, (W_u, b_u,) xs, h, (c).

    Raises:
        ValueError: If the cell is unknown or anything is not float64.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> params, state = cells.init_drawn(rng, 3, 2), cells.LSTMState(*rng.standard_normal((2, 4, 2)))
        >>> errors = sequence_errors("drawn", params, rng.standard_normal((5, 4, 3)), state, rng)
        >>> list(errors), max(errors.values()) < 1e-12
        (['W', 'b', 'W_u', 'b_u', 'xs', 'h', 'c'], True)
    """
    run = layers.forward(cell, params, xs, state, clamp=clamp)
    dhs, dstate = rng.standard_normal(run.hs.shape), type(state)(*(rng.standard_normal(part.shape) for part in state))
    dparams, dxs, dfirst = layers.backward(cell, params, run, dhs, dstate)
    gradients = {**dparams._asdict(), "xs": dxs, **dfirst._asdict()}

    def outcome(params: Any, xs: Any, state: Any) -> tuple[Array, ...]:
        run = layers.forward(cell, params, xs, state, clamp=clamp)
        return run.hs, *(column[-1] for column in run[:-1])

    return _errors(outcome, params, "xs", xs, state, gradients, (dhs, *dstate), rng)


def _errors(
    run: Callable[[Any, Any, Any], tuple[Array, ...]],
    params: Any,
    x_name: str,
    x: Array,
    state: Any,
    gradients: dict[str, Array],
    cotangents: tuple[Array, ...],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Check every array that goes in by itself, the others held."""
    inputs = {**params._asdict(), x_name: x, **state._asdict()}

    def run_with(name: str, value: Array) -> tuple[Array, ...]:
        every = {key: np.asarray(array, np.complex128) for key, array in {**inputs, name: value}.items()}
        used = type(params)(*(every[field] for field in params._fields))
        return run(used, every[x_name], type(state)(*(every[field] for field in state._fields)))

    return {
        name: vjp_error(lambda value, name=name: run_with(name, value), at, gradients[name], cotangents, rng)  # type: ignore[misc]
        for name, at in inputs.items()
    }
