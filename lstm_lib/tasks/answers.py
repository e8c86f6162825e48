"""What an answer about the stream of boxes can be: right, stale, the other box's, or an intruder.

Shapes: T steps, B batch, D features, N boxes.
"""

import numpy as np

from lstm_lib._array import Array
from lstm_lib.tasks import stream_parts

KINDS = ("right", "stale", "other box", "intruder")
NOTHING = -1  # no such symbol yet


def possible_answers(xs: Array, *, boxes: int = 2) -> Array:
    """List for each question: the right symbol, the stale one, those of the other boxes, and the last that passed by.

    The stale symbol is the one that the asked box held before it was overwritten.

    Args:
        xs: Inputs (T, B, D) of ``recall_stream`` or ``delay``.
        boxes: N, as handed to the task.

    Returns:
        Symbols (questions, N + 2), -1 where there is none yet; the questions are in the order of ``Batch.mask``.

    Raises:
        ValueError: If xs is not (T, B, D), or D does not fit N.

    Example:
        >>> from lstm_lib import tasks
        >>> batch = tasks.recall_stream(np.random.default_rng(0), 32, 30)
        >>> possible = possible_answers(batch.xs)
        >>> possible.shape, bool((possible[:, 0] == batch.targets[batch.mask]).all())
        ((236, 4), True)
    """
    if np.ndim(xs) != 3:
        raise ValueError(f"got xs of shape {np.shape(xs)}, expected (T, B, D)")
    symbols, writes, asks = stream_parts(xs, boxes=boxes)
    B = xs.shape[1]
    rows, every = [], np.arange(B)
    now, before, passed = np.full((B, boxes), NOTHING), np.full((B, boxes), NOTHING), np.full(B, NOTHING)
    for symbol, write, ask in zip(symbols.argmax(axis=-1), writes > 0, asks > 0, strict=True):
        box = ask.argmax(axis=1)
        others = now[box[:, None] != np.arange(boxes)].reshape(B, boxes - 1)
        candidates = np.column_stack([now[every, box], before[every, box], others, passed])
        rows.append(candidates[ask.any(axis=1)])
        before, now = np.where(write, now, before), np.where(write, symbol[:, None], now)
        passed = np.where((write | ask).any(axis=1), passed, symbol)
    return np.concatenate(rows)


def kinds_of_answers(says: Array, xs: Array, *, boxes: int = 2) -> Array:
    """Return the shares of answers that are right, stale, of another box, or an intruder.

    Only questions count at which all symbols that could be named are different.

    Args:
        says: Class named at each question, in the order of ``Batch.mask``.
        xs: Inputs (T, B, D) of ``recall_stream`` or ``delay``.
        boxes: N, as handed to the task.

    Returns:
        Shares (4,), in the order of ``KINDS``; with as many symbols as candidates they add up to 1.

    Raises:
        ValueError: If there is not one answer for each question, or no question that counts.

    Example:
        >>> from lstm_lib import tasks
        >>> batch = tasks.recall_stream(np.random.default_rng(0), 32, 30)
        >>> kinds_of_answers(batch.targets[batch.mask], batch.xs)
        array([1., 0., 0., 0.])
    """
    possible = possible_answers(xs, boxes=boxes)
    if np.shape(says) != (len(possible),):
        raise ValueError(f"got {len(says)} answers, expected one for each of {len(possible)} questions")
    clear = (np.diff(np.sort(possible, axis=1), axis=1) > 0).all(axis=1) & (possible != NOTHING).all(axis=1)
    if not clear.any():
        what = f"no question with {boxes + 2} different symbols to name"
        raise ValueError(f"got {what}, expected longer or more sequences, or more symbols")
    named = np.asarray(says)[clear, None] == possible[clear]
    right, stale, *others, intruder = named.mean(axis=0)
    return np.array([right, stale, sum(others), intruder])
