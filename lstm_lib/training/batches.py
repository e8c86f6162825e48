"""Batches: by number, from a DataLoader, cut into windows, shared out among processes.

Shapes: T steps, B batch, D features.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import length_hint
from typing import Any

import numpy as np
import torch

from lstm_lib.tasks import Batch
from lstm_lib.training.losses import TAGGING
from lstm_lib.training.parts import Parts, cut, leaves

Epochs = Iterable[Any] | Callable[[int], Iterable[Any]]


def numbered(draw: Callable[[np.random.Generator], Batch], seed: int = 0) -> Callable[[int], Batch]:
    """Make every batch a function of its number: the same number gives the same batch, in any process, at any time.

    That is what lets training go on from a checkpoint as if it had never stopped.

    Args:
        draw: Draws one batch.
        seed: Of the whole series.

    Returns:
        A function from n to batch n.

    Example:
        >>> from lstm_lib import tasks
        >>> sample = numbered(lambda rng: tasks.delay(rng, 32, 10), seed=1)
        >>> bool((sample(7).xs == sample(7).xs).all()), bool((sample(7).xs == sample(8).xs).all())
        (True, False)
    """
    return lambda n: draw(np.random.default_rng([seed, n]))


def epochs(data: Epochs, seed: int = 0) -> Callable[[int], Any]:
    """Number the batches of a ``DataLoader``, or of anything that can be gone through again and again.

    Batch n is found by going through the data: asked for in order, each costs what it costs; after a stop, those of
    the epoch up to n are drawn once more and thrown away (all epochs before it too, where ``len(data)`` is unknown).

    The same n gives the same batch, so that going on from a checkpoint is exact, as far as all that is random comes
    from the generators of torch, NumPy (``np.random``) and ``random``, and from the loader's own ``generator``, which
    are seeded for every batch here, and in the loader's workers by torch. Not exact: a dataset or sampler with a
    generator of its own that nobody seeds, files that change, workers that stay (``persistent_workers=True``).

    Args:
        data: What one epoch goes through; or a function from the epoch's number to that, for an order of your own.
        seed: Of the whole series.

    Returns:
        A function from n to batch n.

    Raises:
        ValueError: If the data can be gone through once only, or an epoch is empty.

    Example:
        >>> sample = epochs(["a", "b", "c"])
        >>> [sample(n) for n in (0, 1, 2, 3, 8)]
        ['a', 'b', 'c', 'a', 'c']
    """
    if isinstance(data, Iterator):
        expected = "expected a list, a DataLoader, or a function from the number of an epoch to what it goes through"
        raise ValueError(f"got a {type(data).__name__}, which can be gone through once, {expected}")
    at: tuple[int, Iterator[Any]] = -1, iter(())  # the number of the batch that came last, and where the rest is

    def sample(n: int) -> Any:
        nonlocal at
        last, rest = at
        if n != last + 1 or last < 0:
            last, rest = _count_to(data, seed, n)
        with _seeded(seed, n):
            batch = next(rest)
        at = n, rest
        return batch

    return sample


def _count_to(data: Epochs, seed: int, n: int) -> tuple[int, Iterator[Any]]:
    """Go through the data until batch n comes next."""
    size = length_hint(data)  # 0 for a loader of a stream, which has __len__ and refuses to answer
    epoch = n // size if size else 0
    rest = _all_epochs(data, seed, epoch, size)
    for before in range(epoch * size, n):
        with _seeded(seed, before):
            next(rest)
    return n - 1, rest


def _all_epochs(data: Epochs, seed: int, epoch: int, size: int) -> Iterator[Any]:
    """Go through epoch after epoch, each with a seed of its own for the loader's generator and its sampler."""
    while True:
        count = 0
        for sampler in (data, getattr(data, "sampler", None), getattr(data, "batch_sampler", None)):
            if isinstance(generator := getattr(sampler, "generator", None), torch.Generator):
                generator.manual_seed(_number(seed, epoch))
            if set_epoch := getattr(sampler, "set_epoch", None):
                set_epoch(epoch)
        for batch in data(epoch) if callable(data) else data:
            count += 1
            yield batch
        if count == 0 or size not in (0, count):
            expected = f"expected {size}, as len() says" if count else "expected at least one"
            raise ValueError(f"got {count} batches in epoch {epoch}, {expected}")
        epoch += 1


def _number(*seeds: int) -> int:
    return int(np.random.SeedSequence(seeds).generate_state(1)[0])


@contextmanager
def _seeded(seed: int, n: int) -> Iterator[None]:
    """Seed the generators that datasets draw from, and give them back as they were: training has its own numbers."""
    number = _number(seed, n, 1)
    plain, numpy, state = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002
    torch.default_generator.manual_seed(number)
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(state)


def windows(batch: Any, length: int | None, parts: Parts = TAGGING.parts) -> Iterator[Any]:
    """Cut a batch along time into pieces of ``length`` steps; the last one may be shorter. None leaves it whole.

    Args:
        batch: Batch, or whatever ``parts`` describes.
        length: Steps of a piece.
        parts: What the batch consists of; parts without an axis T stay whole.

    Raises:
        ValueError: If ``length`` is below 1, or the batch has no time.

    Example:
        >>> from lstm_lib import tasks
        >>> batch = tasks.delay(np.random.default_rng(0), 4, 9)
        >>> [len(piece.xs) for piece in windows(batch, 5)]
        [5, 5, 1]
    """
    if length is None:
        yield batch
        return
    if length < 1:
        raise ValueError(f"got windows of {length} steps, expected at least 1")
    T = size_of(batch, parts, "T")
    if T is None:
        raise ValueError(f"got windows of {length} steps of {', '.join(parts)}, expected a part with an axis T")
    for start in range(0, T, length):
        yield cut(batch, parts, "T", slice(start, start + length))


def share(batch: Any, rank: int, size: int, parts: Parts = TAGGING.parts) -> Any:
    """Return every size-th sequence of a batch, beginning with number ``rank``.

    Raises:
        ValueError: If there are fewer sequences than processes.

    Example:
        >>> from lstm_lib import tasks
        >>> batch = tasks.delay(np.random.default_rng(0), 5, 3)
        >>> [share(batch, rank, 2).xs.shape[1] for rank in (0, 1)]
        [3, 2]
    """
    if size == 1:
        return batch
    B = size_of(batch, parts, "B")
    if B is None:
        raise ValueError(f"got {size} processes for a batch of {', '.join(parts)}, expected a part with an axis B")
    if size > B:
        raise ValueError(f"got {size} processes for a batch of {B} sequences, expected at most one for each")
    return cut(batch, parts, "B", slice(rank, None, size))


def size_of(batch: Any, parts: Parts, letter: str) -> int | None:
    """Return how long an axis of a batch is, such as B for its sequences; None if no part has it."""
    for _, value, shape in leaves(batch, parts):
        if shape and letter in shape.axes:
            return int(value.shape[shape.axes.index(letter)])
    return None


def is_one(batch: Any) -> bool:
    """Say whether something is one batch: a named tuple, a dictionary, or a tuple or list that begins with numbers."""
    if isinstance(batch, (tuple, list)) and not hasattr(batch, "_fields"):
        return len(batch) > 0 and isinstance(batch[0], (np.ndarray, torch.Tensor))
    return isinstance(batch, dict) or hasattr(batch, "_fields")
