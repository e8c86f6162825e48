"""Seeded tasks for memory, made on the spot as NumPy arrays: the stream of boxes, and the classics beside it.

Shapes: T steps, B batch, D features; every task returns a Batch, time-first.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lstm_lib._array import Array as Array

NO_TARGET = -1  # stands in targets where nothing is asked


class Batch(NamedTuple):
    """One batch: xs (T, B, D), targets (T, B), and mask (T, B), True where an answer is asked for.

    Targets are class numbers (int64, -1 where nothing is asked) but for ``adding``, where they are float numbers.
    """

    xs: Array
    targets: Array
    mask: Array


class StreamParts(NamedTuple):
    """The named parts of the inputs of ``recall_stream`` or ``delay``: views, so that nothing is copied.

    symbols (..., S): the symbol one-hot, zero at a question. writes, asks (..., N): one flag a box.
    """

    symbols: Array
    writes: Array
    asks: Array


def stream_parts(xs: Array, *, boxes: int) -> StreamParts:
    """Split the features of the stream of boxes (or of ``delay``, which has one box) into their named parts.

    Args:
        xs: Inputs (..., D) with D = symbols + 2 boxes, as the task has drawn them; any leading shape.
        boxes: N, as handed to the task.

    Returns:
        StreamParts, views of xs.

    Raises:
        ValueError: If D leaves fewer than two symbols.

    Example:
        >>> batch = delay(np.random.default_rng(0), 32, 10)
        >>> symbols, writes, asks = stream_parts(batch.xs, boxes=1)
        >>> symbols.shape, writes[0].all(), asks[-1].all()
        ((12, 32, 4), np.True_, np.True_)
    """
    symbols = np.shape(xs)[-1] - 2 * boxes if np.ndim(xs) else 0
    if boxes < 1 or symbols < 2:
        raise ValueError(f"got xs of shape {np.shape(xs)} for {boxes} boxes, expected at least 2 + 2 boxes features")
    return StreamParts(xs[..., :symbols], xs[..., symbols : symbols + boxes], xs[..., symbols + boxes :])


def recall_stream(
    rng: np.random.Generator,
    batch_size: int,
    T: int,
    *,
    boxes: int = 2,
    symbols: int = 4,
    p_write: float = 0.25,
    p_ask: float = 0.25,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw the stream of boxes: symbols are written into boxes, shown in passing, and asked for.

    The first N = boxes steps fill the boxes in order. Each later step writes a symbol into a random box (chance
    p_write), asks for a random box and shows no symbol (chance p_ask), or shows a symbol that goes into no box, a
    distractor. The answer to a question is the symbol written last into that box.

    Args:
        rng: Source of randomness.
        batch_size: B, sequences.
        T: Steps; at least ``boxes``.
        boxes: N, boxes.
        symbols: Different symbols; guessing is right once in ``symbols``.
        p_write: Chance of a write at a step.
        p_ask: Chance of a question at a step.
        dtype: Of xs.

    Returns:
        Batch; xs has D = symbols + 2 boxes features: the symbol one-hot, the write flags, the ask flags.

    Raises:
        ValueError: If a size is too small or the chances do not fit.

    Example:
        >>> batch = recall_stream(np.random.default_rng(0), 32, 30)
        >>> batch.xs.shape, batch.targets.shape, batch.mask[:2].any()
        ((30, 32, 8), (30, 32), np.False_)
    """
    _expect_at_least(batch_size=(batch_size, 1), boxes=(boxes, 1), symbols=(symbols, 2), T=(T, boxes))
    if not (p_write >= 0 and p_ask >= 0 and p_write + p_ask <= 1):
        raise ValueError(f"got p_write {p_write} and p_ask {p_ask}, expected both from 0 and together up to 1")
    shown = rng.integers(symbols, size=(T, batch_size))
    box = rng.integers(boxes, size=(T, batch_size))
    chance = rng.random((T, batch_size))
    writes = chance < p_write
    asks = ~writes & (chance < p_write + p_ask)
    box[:boxes], writes[:boxes], asks[:boxes] = np.arange(boxes)[:, None], True, False

    targets = np.full((T, batch_size), NO_TARGET)
    contents = np.zeros((batch_size, boxes), int)
    for t in range(T):
        contents[writes[t], box[t, writes[t]]] = shown[t, writes[t]]
        targets[t, asks[t]] = contents[asks[t], box[t, asks[t]]]
    symbol, which = _one_hot(shown, symbols), _one_hot(box, boxes)
    xs = np.concatenate([symbol & ~asks[..., None], which & writes[..., None], which & asks[..., None]], axis=2)
    return Batch(xs.astype(dtype), targets, asks)


def delay(
    rng: np.random.Generator, batch_size: int, k: int, *, symbols: int = 4, dtype: DTypeLike = np.float64
) -> Batch:
    """Draw the delay task: one write, k distractors, one question. The stream of one box at its simplest.

    Args:
        rng: Source of randomness.
        batch_size: B, sequences.
        k: Distractors between the write and the question; the sequence has T = k + 2 steps.
        symbols: Different symbols.
        dtype: Of xs.

    Returns:
        Batch; xs has D = symbols + 2 features: the symbol one-hot, the write flag, the ask flag.

    Raises:
        ValueError: If a size is too small.

    Example:
        >>> batch = delay(np.random.default_rng(0), 32, 10)
        >>> batch.xs.shape, batch.mask.sum(axis=0).max()
        ((12, 32, 6), np.int64(1))
    """
    _expect_at_least(batch_size=(batch_size, 1), k=(k, 0), symbols=(symbols, 2))
    T = k + 2
    shown = rng.integers(symbols, size=(T, batch_size))
    xs = np.zeros((T, batch_size, symbols + 2), dtype)
    xs[:-1, :, :symbols] = _one_hot(shown[:-1], symbols)
    xs[0, :, symbols] = 1
    xs[-1, :, symbols + 1] = 1
    return _asked_at_the_end(xs, shown[0])


def adding(rng: np.random.Generator, batch_size: int, T: int, *, dtype: DTypeLike = np.float64) -> Batch:
    """Draw the adding problem: a number a step, two of them marked; at the end, their sum.

    Args:
        rng: Source of randomness.
        batch_size: B, sequences.
        T: Steps, at least 2; one mark falls into each half.
        dtype: Of xs and of the targets.

    Returns:
        Batch with D = 2 (the number, uniform in [0, 1]; the mark) and float targets, asked at the last step. Always
        answering 1 gives a mean squared error of 1/6.

    Raises:
        ValueError: If a size is too small.

    Example:
        >>> batch = adding(np.random.default_rng(0), 20000, 10)
        >>> batch.xs.shape, round(float(((batch.targets[-1] - 1) ** 2).mean()), 2)
        ((10, 20000, 2), 0.17)

    Reference:
        Hochreiter and Schmidhuber 1997 (hochreiter1997long), experiment 4, as in Le et al. 2015 (le2015simple).
    """
    _expect_at_least(batch_size=(batch_size, 1), T=(T, 2))
    xs = np.zeros((T, batch_size, 2), dtype)
    xs[:, :, 0] = rng.random((T, batch_size))
    first, second = rng.integers(T // 2, size=batch_size), rng.integers(T // 2, T, size=batch_size)
    rows = np.arange(batch_size)
    xs[first, rows, 1] = xs[second, rows, 1] = 1
    return _asked_at_the_end(xs, (xs[..., 0] * xs[..., 1]).sum(axis=0))


def copy(
    rng: np.random.Generator,
    batch_size: int,
    k: int,
    *,
    length: int = 10,
    symbols: int = 8,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Draw the copy task: ``length`` symbols, k blanks, a signal, then the same symbols in the same order.

    Args:
        rng: Source of randomness.
        batch_size: B, sequences.
        k: Blanks between the symbols and the signal.
        length: Symbols to copy.
        symbols: Different symbols.
        dtype: Of xs.

    Returns:
        Batch with T = k + 2 length + 1 steps and D = symbols + 2 (symbols, blank, signal); the answers are asked at the
        last ``length`` steps, the signal falls on the step before them.

    Raises:
        ValueError: If a size is too small.

    Example:
        >>> copy(np.random.default_rng(0), 16, 20).xs.shape
        (41, 16, 10)

    Reference:
        Hochreiter and Schmidhuber 1997 (hochreiter1997long); in this form Arjovsky, Shah and Bengio 2016
        (arjovsky2016unitary).
    """
    _expect_at_least(batch_size=(batch_size, 1), k=(k, 0), length=(length, 1), symbols=(symbols, 2))
    T = k + 2 * length + 1
    shown = rng.integers(symbols, size=(length, batch_size))
    tokens = np.full((T, batch_size), symbols)
    tokens[:length] = shown
    tokens[length + k] = symbols + 1
    targets = np.full((T, batch_size), NO_TARGET)
    targets[-length:] = shown
    return Batch(_one_hot(tokens, symbols + 2).astype(dtype), targets, targets != NO_TARGET)


def temporal_order(rng: np.random.Generator, batch_size: int, T: int = 100, *, dtype: DTypeLike = np.float64) -> Batch:
    """Draw the temporal order task 6a: X or Y at two far places between distractors; at the end, in which order?

    Args:
        rng: Source of randomness.
        batch_size: B, sequences.
        T: Steps, at least 10; the symbols fall into [T/10, T/5) and [T/2, 3T/5) (the paper: T from 100 to 110).
        dtype: Of xs.

    Returns:
        Batch with D = 8 (X, Y, four distractors, begin, end); classes XX 0, XY 1, YX 2, YY 3, asked at the last step.

    Raises:
        ValueError: If a size is too small.

    Example:
        >>> temporal_order(np.random.default_rng(0), 16).xs.shape
        (100, 16, 8)

    Reference:
        Hochreiter and Schmidhuber 1997 (hochreiter1997long), experiment 6a.
    """
    _expect_at_least(batch_size=(batch_size, 1), T=(T, 10))
    tokens = rng.integers(2, 6, size=(T, batch_size))
    tokens[0], tokens[-1] = 6, 7
    first, second = rng.integers(2, size=(2, batch_size))
    rows = np.arange(batch_size)
    tokens[rng.integers(T // 10, T // 5, size=batch_size), rows] = first
    tokens[rng.integers(T // 2, T * 3 // 5, size=batch_size), rows] = second
    return _asked_at_the_end(_one_hot(tokens, 8).astype(dtype), 2 * first + second)


REBER_SYMBOLS = "BTPSXVE"
# From each node of the grammar: the symbols that may follow, and the node that each leads to; node 5 is the end.
REBER_GRAPH = {0: {"T": 1, "P": 2}, 1: {"S": 1, "X": 3}, 2: {"T": 2, "V": 4}, 3: {"X": 2, "S": 5}, 4: {"P": 3, "V": 5}}


def reber_string(rng: np.random.Generator) -> str:
    """Draw one embedded Reber string: B, T or P, a Reber string, the same T or P again, E.

    Example:
        >>> reber_string(np.random.default_rng(1))
        'BTBPVVETE'

    Reference:
        Hochreiter and Schmidhuber 1997 (hochreiter1997long), experiment 1.
    """
    frame, inner, node = "TP"[rng.integers(2)], "B", 0
    while node != 5:
        symbol = list(REBER_GRAPH[node])[rng.integers(2)]
        inner, node = inner + symbol, REBER_GRAPH[node][symbol]
    return "B" + frame + inner + "E" + frame + "E"


def embedded_reber(rng: np.random.Generator, batch_size: int, *, dtype: DTypeLike = np.float64) -> Batch:
    """Draw embedded Reber strings for next-symbol prediction; the last T or P repeats the second symbol.

    Args:
        rng: Source of randomness.
        batch_size: B, strings.
        dtype: Of xs.

    Returns:
        Batch with T one less than the longest string and D = 7 (B T P S X V E); at each step the next symbol is asked
        for. After a string's end xs is zero and nothing is asked.

    Raises:
        ValueError: If batch_size is below 1.

    Example:
        >>> batch = embedded_reber(np.random.default_rng(0), 16)
        >>> batch.xs.shape[1:], int(batch.mask.sum(axis=0).min())
        ((16, 7), 8)

    Reference:
        Hochreiter and Schmidhuber 1997 (hochreiter1997long), experiment 1.
    """
    _expect_at_least(batch_size=(batch_size, 1))
    strings = [reber_string(rng) for _ in range(batch_size)]
    tokens = np.full((max(map(len, strings)), batch_size), NO_TARGET)
    for n, string in enumerate(strings):
        tokens[: len(string), n] = [REBER_SYMBOLS.index(symbol) for symbol in string]
    targets = tokens[1:]
    xs = _one_hot(tokens[:-1], 7) & (targets != NO_TARGET)[..., None]
    return Batch(xs.astype(dtype), targets, targets != NO_TARGET)


# ---------------------------------------------------------------- shared


def _one_hot(numbers: Array, size: int) -> Array:
    return np.asarray(numbers[..., None] == np.arange(size))


def _asked_at_the_end(xs: Array, answers: Array) -> Batch:
    """Ask once, at the last step."""
    targets = np.full(xs.shape[:2], NO_TARGET, dtype=np.result_type(answers))
    mask = np.zeros(xs.shape[:2], bool)
    targets[-1], mask[-1] = answers, True
    return Batch(xs, targets, mask)


def _expect_at_least(**sizes: tuple[int, int]) -> None:
    for name, (value, least) in sizes.items():
        if value < least:
            raise ValueError(f"got {name} {value}, expected at least {least}")
