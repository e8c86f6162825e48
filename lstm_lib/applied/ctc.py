"""Connectionist temporal classification (CTC): labels from frames, where nobody says which frame says which label.

A network scores K signs at each of T frames; sign 0 is the blank, "nothing new". A path is one sign a frame. It is
read by merging repeats, then dropping blanks: ``- 3 3 - 3`` reads 3 3. The likelihood of a label sequence is the sum
over all paths that read so. Everything is in logarithms, nats.

Shapes: T frames, K signs (blank included), L labels, S = 2 L + 1 states: blank, first label, blank, …, last, blank.

Reference: Graves et al. 2006 (graves2006connectionist).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from lstm_lib._array import Array

BLANK = 0
NEVER = -np.inf  # the logarithm of a chance of nothing


class Posterior(NamedTuple):
    """What a label sequence says of the frames: its log likelihood, and occupancy (T, K), the chance of each sign."""

    log_likelihood: float
    occupancy: Array


class Alignment(NamedTuple):
    """The likeliest path of a label sequence: signs (T,), its log chance, and (first, after last) frames a label."""

    signs: Array
    log_chance: float
    spans: list[tuple[int, int]]


class Reading(NamedTuple):
    """A label sequence that a beam has kept, and the logarithm of its chance."""

    labels: tuple[int, ...]
    log_chance: float


def _checked(log_probs: Array, labels: Iterable[int] = ()) -> tuple[Array, Array]:
    """Return log_probs, and the states that a path of these labels goes through, blanks between them."""
    log_probs, labels = np.asarray(log_probs), list(labels)
    if log_probs.ndim != 2 or len(log_probs) < 1 or log_probs.shape[1] < 2:
        raise ValueError(f"got log_probs of shape {log_probs.shape}, expected (T, K) with T >= 1, K >= 2")
    K = log_probs.shape[1]
    if wrong := [label for label in labels if not 1 <= label < K]:
        raise ValueError(f"got label {wrong[0]}, expected 1 to K - 1 = {K - 1} (0 is the blank)")
    states = np.full(2 * len(labels) + 1, BLANK)
    states[1::2] = labels
    return log_probs, states


def frames_needed(labels: Sequence[int]) -> int:
    """Return the fewest frames that can say these labels: one each, and a blank between two that are equal.

    Example:
        >>> frames_needed([3, 3, 1])
        4
    """
    return len(labels) + sum(one == next_one for one, next_one in zip(labels, labels[1:], strict=False))


def _may_skip(states: Array) -> Array:
    """Say into which states (S,) a path may jump over the blank before: labels that differ from the label before."""
    skips = np.zeros(len(states), bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    return skips


def _ways(alpha: Array, skips: Array) -> Array:
    """Return (3, S): log chances to come into each state by staying, from the state before, and by a skip."""
    ways = np.full((3, len(alpha)), NEVER, alpha.dtype)
    ways[0] = alpha
    ways[1, 1:] = alpha[:-1]
    ways[2, 2:] = np.where(skips[2:], alpha[:-2], NEVER)
    return ways


def _forward(log_probs: Array, states: Array, *, best: bool = False) -> Array:
    """Return log α (T, S): frames 0 to t are said, the last one in state s; all paths together, or the best one."""
    skips = _may_skip(states)
    log_alpha = np.full((len(log_probs), len(states)), NEVER, log_probs.dtype)
    log_alpha[0, :2] = log_probs[0, states[:2]]
    for t in range(1, len(log_probs)):
        ways = _ways(log_alpha[t - 1], skips)
        come = ways.max(axis=0) if best else np.logaddexp.reduce(ways, axis=0)
        log_alpha[t] = come + log_probs[t, states]
    return log_alpha


def log_likelihood(log_probs: Array, labels: Sequence[int]) -> float:
    """Add up all paths that read ``labels``.

    α_t(s) = (α_{t-1}(s) + α_{t-1}(s-1) + α_{t-1}(s-2) where no blank is needed) · p_t(state s)

    Args:
        log_probs: (T, K), logarithms of the chances of each sign at each frame.
        labels: L numbers from 1 to K - 1; none at all means silence.

    Returns:
        The logarithm of the chance; -inf where T is too short to say it (``frames_needed``).

    Raises:
        ValueError: If a shape or a label does not fit.

    Example:
        >>> even = np.log(np.full((2, 2), 0.5))  # four paths: --, -1, 1-, 11; three of them read 1
        >>> round(float(np.exp(log_likelihood(even, [1]))), 6)
        0.75
    """
    log_probs, states = _checked(log_probs, labels)
    return float(np.logaddexp.reduce(_forward(log_probs, states)[-1, -2:]))


def posterior(log_probs: Array, labels: Sequence[int]) -> Posterior:
    """Say how likely each sign is at each frame, given that the labels are right: forward and backward together.

    The gradient of -log likelihood is -occupancy with respect to log_probs, and softmax - occupancy with respect to the
    scores before a softmax.

    Args:
        log_probs: (T, K).
        labels: L numbers from 1 to K - 1.

    Returns:
        Posterior; each row of occupancy sums to 1.

    Raises:
        ValueError: If a shape or a label does not fit, or T is too short for the labels.

    Example:
        >>> even = np.log(np.full((2, 2), 0.5))
        >>> posterior(even, [1]).occupancy.round(4).tolist()
        [[0.3333, 0.6667], [0.3333, 0.6667]]
    """
    log_probs, states = _checked(log_probs, labels)
    log_alpha = _forward(log_probs, states)
    # Backward is forward with time and labels turned round; both count frame t, so that one is taken off.
    log_beta = _forward(log_probs[::-1], states[::-1])[::-1, ::-1]
    total = float(np.logaddexp.reduce(log_alpha[-1, -2:]))
    _expect_possible(total, log_probs, labels)
    with np.errstate(invalid="ignore"):
        both = log_alpha + log_beta - log_probs[:, states] - total
    chances = np.where(np.isnan(both), 0.0, np.exp(both))  # NaN: a sign without any chance
    occupancy = np.zeros_like(log_probs)
    np.add.at(occupancy.T, states, chances.T)
    return Posterior(total, occupancy)


def _expect_possible(log_chance: float, log_probs: Array, labels: Sequence[int]) -> None:
    if log_chance == NEVER:
        needed = frames_needed(list(labels))
        what = f"got {len(log_probs)} frames that cannot say {len(labels)} labels"
        raise ValueError(f"{what}, expected at least {needed}")


def align(log_probs: Array, labels: Sequence[int]) -> Alignment:
    """Find the likeliest path that reads ``labels`` (Viterbi): which frame said which label.

    Args:
        log_probs: (T, K).
        labels: L numbers from 1 to K - 1.

    Raises:
        ValueError: If a shape or a label does not fit, or T is too short for the labels.

    Example:
        >>> chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
        >>> align(np.log(chances), [1]).signs.tolist(), align(np.log(chances), [1]).spans
        ([0, 1, 1, 0], [(1, 3)])
    """
    log_probs, states = _checked(log_probs, labels)
    log_best, skips = _forward(log_probs, states, best=True), _may_skip(states)
    T, S = log_best.shape
    s = S - 1 if S == 1 or log_best[-1, S - 1] >= log_best[-1, S - 2] else S - 2
    log_chance = float(log_best[-1, s])
    _expect_possible(log_chance, log_probs, labels)
    path = np.empty(T, int)
    for t in range(T - 1, -1, -1):
        path[t] = s
        if t:
            s -= int(_ways(log_best[t - 1], skips)[:, s].argmax())
    frames = [np.flatnonzero(path == state) for state in range(1, S, 2)]
    return Alignment(states[path], log_chance, [(int(at[0]), int(at[-1]) + 1) for at in frames])


def read_path(signs: Iterable[int]) -> tuple[int, ...]:
    """Read a path: merge repeats, then drop blanks.

    Example:
        >>> read_path([0, 3, 3, 0, 3])
        (3, 3)
    """
    labels, before = [], BLANK
    for sign in signs:
        if sign not in (BLANK, before):
            labels.append(int(sign))
        before = sign
    return tuple(labels)


def greedy(log_probs: Array) -> tuple[int, ...]:
    """Take the likeliest sign of each frame and read that one path; another label sequence may be likelier in sum.

    Example:
        >>> chances = np.array([[0.6, 0.4], [0.6, 0.4]])
        >>> greedy(np.log(chances)), beam(np.log(chances))[0].labels  # -- has .36, but -1, 1- and 11 together .64
        ((), (1,))
    """
    log_probs, _ = _checked(log_probs)
    return read_path(log_probs.argmax(axis=1))


Beam = dict[tuple[int, ...], tuple[float, float]]
EMPTY: Beam = {(): (0.0, NEVER)}


def beam_step(beam: Beam, frame: Array, width: int = 12) -> Beam:
    """Read one more frame: every kept prefix stays, or grows by one label; equal ones are added up.

    Args:
        beam: For each prefix the log chances of its paths that end in a blank, and of those that end in its last label.
        frame: (K,), log chances of the signs at this frame.
        width: Prefixes that are kept.

    Returns:
        The beam after this frame, the likeliest prefix first.

    Example:
        >>> list(beam_step(EMPTY, np.log([0.3, 0.5, 0.2])))
        [(1,), (), (2,)]
    """
    grown: dict[tuple[int, ...], list[float]] = {}
    add, log = np.logaddexp, [float(value) for value in frame]

    def put(prefix: tuple[int, ...], at: int, log_chance: float) -> None:
        ends = grown.setdefault(prefix, [NEVER, NEVER])
        ends[at] = float(add(ends[at], log_chance))

    for prefix, (in_blank, in_label) in beam.items():
        both = float(add(in_blank, in_label))
        put(prefix, 0, both + log[BLANK])
        for label in range(1, len(log)):
            if prefix and label == prefix[-1]:
                put(prefix, 1, in_label + log[label])  # the same sound goes on
                put((*prefix, label), 1, in_blank + log[label])  # said again, after a blank
            else:
                put((*prefix, label), 1, both + log[label])
    ranked = sorted(grown.items(), key=lambda item: -float(add(item[1][0], item[1][1])))
    return {prefix: (ends[0], ends[1]) for prefix, ends in ranked[:width] if max(ends) > NEVER}


def beam(log_probs: Array, width: int = 12) -> list[Reading]:
    """Search the likeliest label sequences, each with its paths added up (prefix beam search).

    With a width of all prefixes it is exact; narrower, the chances are lower bounds.

    Args:
        log_probs: (T, K).
        width: Prefixes that are kept after each frame.

    Returns:
        Up to ``width`` readings, the likeliest first.

    Raises:
        ValueError: If the shape does not fit, or the width is below 1.
    """
    log_probs, _ = _checked(log_probs)
    if width < 1:
        raise ValueError(f"got width {width}, expected at least 1")
    kept = EMPTY
    for frame in log_probs:
        kept = beam_step(kept, frame, width)
    return [Reading(prefix, float(np.logaddexp(*ends))) for prefix, ends in kept.items()]


def edits(said: Sequence[object], read: Sequence[object]) -> int:
    """Count the insertions, deletions and exchanges that turn one sequence into the other (Levenshtein 1966).

    Example:
        >>> edits("kitten", "sitting"), edits([], [1, 2])
        (3, 2)
    """
    row = list(range(len(read) + 1))
    for i, one in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(read, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (one != other))
    return row[-1]


def error_rate(said: Sequence[Sequence[object]], read: Sequence[Sequence[object]]) -> float:
    """Return the label error rate: edits of all pairs, divided by the labels that were said. It can exceed 1.

    Raises:
        ValueError: If the lists differ in length, or nothing was said.

    Example:
        >>> error_rate([[1, 2], [3, 4]], [[1, 2], [3]])
        0.25
    """
    if len(said) != len(read):
        raise ValueError(f"got {len(said)} said and {len(read)} read sequences, expected as many")
    if not (labels := sum(map(len, said))):
        raise ValueError("got no labels that were said, expected at least one")
    return sum(edits(one, other) for one, other in zip(said, read, strict=True)) / labels
