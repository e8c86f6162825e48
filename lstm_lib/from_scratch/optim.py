"""SGD, Adam and clipping by norm, for parameters held in any nest of tuples and dictionaries of arrays.

State in, state out: no function changes the arrays that it was given. Settings may be any real numbers, NumPy's too:
they never change the dtype of the parameters.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class AdamState(NamedTuple):
    """What Adam carries from step to step: the steps taken so far, and two running means shaped as the parameters."""

    steps: int
    mean: Any
    mean_square: Any


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply a function to every array of a nest, and to the arrays at the same place in other nests.

    Args:
        function: Takes one array of each nest, returns one array.
        tree: Nest of tuples (named ones too) and dictionaries of arrays.
        others: Nests of the same form.

    Returns:
        A nest of the same form.

    Raises:
        ValueError: If the nests differ in form.

    Example:
        >>> tree_map(lambda p, g: p - g, {"w": np.array([3.0])}, {"w": np.array([1.0])})
        {'w': array([2.])}
    """
    if isinstance(tree, dict):
        if any(not isinstance(other, dict) or tree.keys() != other.keys() for other in others):
            raise ValueError(f"got {[list(o) for o in others]}, expected the keys {list(tree)}")
        return {key: tree_map(function, tree[key], *(other[key] for other in others)) for key in tree}
    if isinstance(tree, tuple):
        if any(not isinstance(other, tuple) or len(other) != len(tree) for other in others):
            raise ValueError(f"got nests of another form than {type(tree).__name__} of {len(tree)}")
        parts = [tree_map(function, *column) for column in zip(tree, *others, strict=True)]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    if any(isinstance(other, dict | tuple) or np.shape(other) != np.shape(tree) for other in others):
        raise ValueError(f"got arrays of shapes {[np.shape(o) for o in others]}, expected {np.shape(tree)}")
    return function(tree, *others)


def leaves(tree: Any) -> list[Any]:
    """Return the arrays of a nest in order.

    Example:
        >>> len(leaves((np.zeros(2), {"w": np.zeros(3)})))
        2
    """
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, tuple) else [tree]


def norm(tree: Any) -> float:
    """Return the length of all arrays of a nest taken as one long vector.

    Example:
        >>> norm((np.array([3.0]), np.array([[4.0]])))
        5.0
    """
    return float(np.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in leaves(tree))))


def clip_by_norm(grads: Any, max_norm: float) -> tuple[Any, float]:
    """Shorten a gradient to max_norm if it is longer; its direction stays.

    Args:
        grads: Nest of arrays.
        max_norm: Longest length allowed.

    Returns:
        The gradient, shortened or as it came, and its length before.

    Raises:
        ValueError: If max_norm is not positive.

    Example:
        >>> clip_by_norm(np.array([3.0, 4.0]), 1.0)
        (array([0.6, 0.8]), 5.0)

    Reference:
        Pascanu, Mikolov and Bengio 2013 (pascanu2013difficulty).
    """
    if not max_norm > 0:
        raise ValueError(f"got max_norm {max_norm}, expected a positive number")
    length = norm(grads)
    if length <= max_norm:
        return grads, length
    scale = float(max_norm) / length
    return tree_map(lambda g: g * scale, grads), length


def sgd_step(params: Any, grads: Any, *, lr: float) -> Any:
    """Take one step of gradient descent: p - lr ∂p.

    Example:
        >>> sgd_step(np.array([1.0]), np.array([2.0]), lr=0.1)
        array([0.8])
    """
    lr = float(lr)  # a NumPy scalar would turn float32 into float64
    return tree_map(lambda p, g: p - lr * g, params, grads)


def adam_init(params: Any) -> AdamState:
    """Return Adam's state before the first step: zeros.

    Example:
        >>> adam_init(np.array([1.0, 2.0])).mean
        array([0., 0.])
    """
    return AdamState(0, tree_map(np.zeros_like, params), tree_map(np.zeros_like, params))


def adam_step(
    params: Any,
    grads: Any,
    state: AdamState,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Any, AdamState]:
    """Take one step of Adam.

    m = β₁ m + (1 - β₁) ∂p;  v = β₂ v + (1 - β₂) ∂p²;  p - lr m̂ / (√v̂ + ε), with m̂ = m / (1 - β₁ⁿ), v̂ = v / (1 - β₂ⁿ).

    Args:
        params: Nest of arrays.
        grads: Gradients in the same form.
        state: What ``adam_init`` or the step before returned.
        lr: Learning rate.
        betas: Decay of the two running means.
        eps: Keeps the division finite.

    Returns:
        New parameters and new state.

    Example:
        >>> p = np.array([1.0])
        >>> p, state = adam_step(p, np.array([5.0]), adam_init(p), lr=0.1)
        >>> p
        array([0.9])

    Reference:
        Kingma and Ba 2015 (kingma2015adam).
    """
    (beta1, beta2), lr, eps = map(float, betas), float(lr), float(eps)
    n = state.steps + 1
    mean = tree_map(lambda m, g: beta1 * m + (1 - beta1) * g, state.mean, grads)
    mean_square = tree_map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state.mean_square, grads)
    unbias1, unbias2 = 1 - beta1**n, 1 - beta2**n
    params = tree_map(
        lambda p, m, v: p - (lr / unbias1) * m / (np.sqrt(v / unbias2) + eps), params, mean, mean_square
    )
    return params, AdamState(n, mean, mean_square)
