"""Train one cell on one task in NumPy: readout, loss, training loop, accuracy.

Shapes: T steps, B batch, D features, H hidden units, K classes, M questions asked in a batch.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lstm_lib._array import Array
from lstm_lib.from_scratch import cells, layers, optim
from lstm_lib.tasks import Batch


class Recipe(NamedTuple):
    """Which cell, and which of its gates are held fixed."""

    cell: str
    clamp: Mapping[str, float]


RECIPES = {
    "rnn": Recipe("rnn", {}),
    "memory": Recipe("lstm", {"i": 1.0, "f": 1.0, "o": 1.0}),
    "learn": Recipe("lstm", {"f": 1.0, "o": 1.0}),
    "forget": Recipe("lstm", {"o": 1.0}),
    "lstm": Recipe("lstm", {}),
    "no-forget": Recipe("lstm", {"f": 1.0}),
    "drawn": Recipe("drawn", {}),
}


class Readout(NamedTuple):
    """The linear layer that turns h into one score a class: W (K, H), b (K,)."""

    W: Array
    b: Array


class Weights(NamedTuple):
    """All that is trained: the parameters of the cell and the readout."""

    cell: Any
    readout: Readout


class History(NamedTuple):
    """What training leaves: losses in nats and gradient norms before clipping, one each an iteration."""

    losses: Array
    norms: Array


def init_weights(
    rng: np.random.Generator,
    recipe: str,
    input_size: int,
    hidden_size: int,
    classes: int,
    *,
    forget_bias: float | Array = 1.0,
    input_bias: float | Array = 0.0,
    dtype: DTypeLike = np.float32,
) -> Weights:
    """Draw the weights of a cell and of its readout.

    Args:
        rng: Source of randomness.
        recipe: Key of ``RECIPES``, or of ``cells.CELLS``.
        input_size: D.
        hidden_size: H.
        classes: K.
        forget_bias: Start of b_f, one number or one a unit (H,); an RNN has none.
        input_bias: Start of b_i, likewise.
        dtype: float32 or float64.

    Returns:
        Weights.

    Raises:
        ValueError: If the recipe is unknown.

    Example:
        >>> init_weights(np.random.default_rng(0), "lstm", 8, 16, 4).readout.W.shape
        (4, 16)
    """
    cell = cells.look_up(_recipe(recipe).cell)
    bound = hidden_size**-0.5
    readout = Readout(rng.uniform(-bound, bound, (classes, hidden_size)).astype(dtype), np.zeros(classes, dtype))
    params = cell.init(rng, input_size, hidden_size, dtype=dtype)
    for gate, bias in (("i", input_bias), ("f", forget_bias)):
        if gate in cell.gates:
            params.b[cell.gates.index(gate)] = bias
    return Weights(params, readout)


def chrono_bias(rng: np.random.Generator, hidden_size: int, longest: int) -> Array:
    """Draw forget biases whose gates last from one step to ``longest`` steps: ln U[1, longest - 1].

    The input biases that go with them are their negatives.

    Args:
        rng: Source of randomness.
        hidden_size: H.
        longest: Longest lag in steps, at least 3.

    Returns:
        Biases (H,).

    Raises:
        ValueError: If ``longest`` is below 3.

    Example:
        >>> biases = chrono_bias(np.random.default_rng(0), 1000, 60)
        >>> bool(0 <= biases.min() and biases.max() <= np.log(59))
        True

    Reference:
        Tallec and Ollivier 2018 (tallec2018can).
    """
    if longest < 3:
        raise ValueError(f"got longest {longest}, expected at least 3 steps")
    return np.asarray(np.log(rng.uniform(1, longest - 1, hidden_size)))


def run(recipe: str, weights: Weights, xs: Array, state: Any = None) -> Any:
    """Run the cell over xs (T, B, D) from a state (zeros if None), with the recipe's gates fixed; returns its Run.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> weights = init_weights(rng, "memory", 3, 2, 4, dtype=np.float64)
        >>> run("memory", weights, rng.standard_normal((5, 6, 3))).hs.shape
        (5, 6, 2)
    """
    name, clamp = _recipe(recipe)
    return layers.forward(name, weights.cell, xs, state, clamp=clamp)


def loss_and_grads(recipe: str, weights: Weights, batch: Batch) -> tuple[float, Weights]:
    """Return the mean cross-entropy over the questions of a batch, and its gradients.

    Args:
        recipe: Key of ``RECIPES``, or of ``cells.CELLS``.
        weights: Weights.
        batch: Batch with class targets.

    Returns:
        Loss in nats and gradients in the form of Weights.

    Raises:
        ValueError: If nothing is asked in the batch.

    Example:
        >>> from lstm_lib import tasks
        >>> rng = np.random.default_rng(0)
        >>> weights = init_weights(rng, "lstm", 6, 16, 4)
        >>> loss, grads = loss_and_grads("lstm", weights, tasks.delay(rng, 32, 5, dtype=np.float32))
        >>> round(loss, 1), grads.readout.W.shape  # ln 4 = 1.39 is the loss of guessing
        (1.4, (4, 16))
    """
    this = run(recipe, weights, batch.xs)
    asked = this.hs[batch.mask]
    logits = _scores(weights.readout, asked)
    loss, dlogits = softmax_cross_entropy(logits, batch.targets[batch.mask])

    dreadout = Readout(dlogits.T @ asked, dlogits.sum(axis=0))
    dhs = np.zeros_like(this.hs)
    dhs[batch.mask] = dlogits @ weights.readout.W
    dcell, _, _ = layers.backward(_recipe(recipe).cell, weights.cell, this, dhs, need_dx=False)
    return loss, Weights(dcell, dreadout)


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[float, Array]:
    """Return the mean surprise -ln p(target), p = softmax(logits), and its gradient (p - one-hot) / M.

    Args:
        logits: Scores (M, K).
        targets: Class numbers (M,).

    Returns:
        Loss in nats and its gradient (M, K).

    Raises:
        ValueError: If there is no question, M = 0.

    Example:
        >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 2)), np.array([1]))
        >>> round(loss, 4), dlogits
        (0.6931, array([[ 0.5, -0.5]]))
    """
    M = len(targets)
    if M == 0:
        raise ValueError("got a batch that asks nothing, expected at least one True in its mask")
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    p /= p.sum(axis=1, keepdims=True)
    picked = np.arange(M), targets
    loss = -np.log(np.maximum(p[picked], np.finfo(p.dtype).tiny)).mean()
    p[picked] -= 1
    return float(loss), p / M


def answers(recipe: str, weights: Weights, batch: Batch) -> Array:
    """Return the class that the network names at each question of a batch (M,), in the order of batch.mask.

    Example:
        >>> from lstm_lib import tasks
        >>> rng = np.random.default_rng(0)
        >>> answers("rnn", init_weights(rng, "rnn", 6, 8, 4), tasks.delay(rng, 10, 5, dtype=np.float32)).shape
        (10,)
    """
    asked = run(recipe, weights, batch.xs).hs[batch.mask]
    return np.asarray(np.argmax(_scores(weights.readout, asked), axis=1))


def accuracy(recipe: str, weights: Weights, batch: Batch) -> float:
    """Return the share of questions of a batch that the network answers right.

    Example:
        >>> from lstm_lib import tasks
        >>> rng = np.random.default_rng(0)
        >>> weights = init_weights(rng, "rnn", 6, 8, 4)
        >>> 0 <= accuracy("rnn", weights, tasks.delay(rng, 10, 5, dtype=np.float32)) <= 1
        True
    """
    return float(np.mean(answers(recipe, weights, batch) == batch.targets[batch.mask]))


def train(
    rng: np.random.Generator,
    recipe: str,
    weights: Weights,
    sample: Callable[[np.random.Generator], Batch],
    *,
    iterations: int,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.99),
    max_norm: float = 1.0,
    watch: Callable[[int, Weights], None] | None = None,
    every: int = 100,
) -> tuple[Weights, History]:
    """Train with Adam on fresh batches, gradients clipped by norm.

    Args:
        rng: Source of randomness, handed to ``sample``.
        recipe: Key of ``RECIPES``, or of ``cells.CELLS``.
        weights: Where to start.
        sample: Draws one batch.
        iterations: Batches.
        lr: Learning rate.
        betas: Decays of Adam.
        max_norm: Longest gradient.
        watch: Called with the iteration and the weights after every ``every`` iterations.
        every: Iterations between two calls of ``watch``.

    Returns:
        Trained weights and the history.

    Raises:
        FloatingPointError: If the loss or the gradient is no longer finite; says at which iteration.

    Example:
        >>> from lstm_lib import tasks
        >>> rng = np.random.default_rng(0)
        >>> start = init_weights(rng, "rnn", 6, 8, 4)
        >>> short = lambda rng: tasks.delay(rng, 32, 1, dtype=np.float32)
        >>> weights, history = train(rng, "rnn", start, short, iterations=200, lr=0.01)
        >>> accuracy("rnn", weights, short(rng))
        1.0
    """
    adam = optim.adam_init(weights)
    losses, norms = np.zeros(iterations), np.zeros(iterations)
    for n in range(iterations):
        loss, grads = loss_and_grads(recipe, weights, sample(rng))
        grads, length = optim.clip_by_norm(grads, max_norm)
        if not np.isfinite(loss + length):
            what = f"loss {loss} and gradient norm {length} at iteration {n}"
            raise FloatingPointError(f"got {what}, expected finite numbers")
        weights, adam = optim.adam_step(weights, grads, adam, lr=lr, betas=betas)
        losses[n], norms[n] = loss, length
        if watch is not None and (n + 1) % every == 0:
            watch(n + 1, weights)
    return weights, History(losses, norms)


def _scores(readout: Readout, hs: Array) -> Array:
    """Return one score for each class, (…, K), from h (…, H)."""
    return np.asarray(hs @ readout.W.T + readout.b)


def _recipe(name: str) -> Recipe:
    if name in cells.CELLS:
        return RECIPES.get(name, Recipe(name, {}))
    if name not in RECIPES:
        raise ValueError(f"got recipe {name!r}, expected one of {', '.join(RECIPES)}")
    return RECIPES[name]
