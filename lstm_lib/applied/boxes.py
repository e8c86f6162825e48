"""From answers of anchors to lines of text, and how well the lines are found.

Shapes: R rows and C columns of cells, K anchors a cell. A box is (left, top, right, bottom) in pixels.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lstm_lib.applied.detection import ACROSS, DOWN, HEIGHTS, Detector, overlap, prepare
from lstm_lib.applied.lettering import Numbers

ALIKE = 0.5  # how much two slices of one line must overlap in height


class How(NamedTuple):
    """How slices become lines; chosen on scenes that are neither trained on nor asked in the end.

    Attributes:
        sure: Probability from which an anchor is a slice of text.
        line: Mean probability from which a line stays.
        reach: Columns over which two slices are joined; 1 joins neighbours only.
        least: Columns that a line has at least.
    """

    sure: float = 0.5
    line: float = 0.6
    reach: int = 2
    least: int = 2


class Slices(NamedTuple):
    """Proposals: column, top, bottom and probability of each, (N,), column by column."""

    columns: NDArray[np.int64]
    tops: Numbers
    bottoms: Numbers
    chances: Numbers


class Found(NamedTuple):
    """A line that was found: corners (4, 2) as in a scene's Line, and its mean probability."""

    corners: Numbers
    chance: float

    @property
    def box(self) -> Numbers:
        """The smallest box around the corners (4,)."""
        return np.concatenate([self.corners.min(0), self.corners.max(0)])


def propose(answers: NDArray[Any], sure: float) -> Slices:
    """Turn answers into slices; of those that overlap in a column, the surest stays.

    Args:
        answers: (R, C, K, 3) as a Detector gives them.
        sure: Probability from which an anchor counts.

    Example:
        >>> answers = np.full((24, 24, 4, 3), -5.0)
        >>> answers[5:7, 3, 1] = [[2, 0, 0], [3, 0, 0]]
        >>> found = propose(answers, 0.5)
        >>> found.columns.tolist(), found.tops.tolist(), found.bottoms.tolist()
        ([3], [19.5], [32.5])
    """
    chances = 1 / (1 + np.exp(-answers[..., 0].astype(float)))
    rows, columns, kinds = np.nonzero(chances >= sure)
    heights = np.array(HEIGHTS)[kinds]
    shift, stretch = answers[rows, columns, kinds, 1:].T.astype(float)
    middle = DOWN * (rows + 0.5) + shift * heights
    half = heights * np.exp(np.clip(stretch, -2, 2)) / 2
    tops, bottoms, chances = middle - half, middle + half, chances[rows, columns, kinds]
    kept = []
    for column in np.unique(columns):
        here = np.flatnonzero(columns == column)
        here = here[np.argsort(-chances[here], kind="stable")]
        while len(here):
            best, rest = here[0], here[1:]
            kept.append(best)
            here = rest[overlap(tops[rest], bottoms[rest], tops[best], bottoms[best]) < 0.2]
    order = np.array(kept, int)
    return Slices(columns[order], tops[order], bottoms[order], chances[order])


def _best(slices: Slices, n: int, way: int, reach: int) -> int:
    """Return the slice that goes on from slice n to the right (way 1) or left (-1): nearest, then surest; or -1."""
    for step in range(1, reach + 1):
        there = np.flatnonzero(slices.columns == slices.columns[n] + way * step)
        shared = overlap(slices.tops[there], slices.bottoms[there], slices.tops[n], slices.bottoms[n])
        there = there[shared >= ALIKE]
        if len(there):
            return int(there[np.argmax(slices.chances[there])])
    return -1


def join(slices: Slices, how: How = How()) -> list[Found]:  # noqa: B008  (a named tuple cannot change)
    """Join slices into lines: two belong together if each is the other's best neighbour.

    Args:
        slices: Proposals.
        how: See How.

    Returns:
        The lines, the surest first; of those that cover each other by half, the surest only.

    Example:
        >>> three = Slices(np.array([2, 3, 5]), np.full(3, 10.0), np.full(3, 22.0), np.full(3, 0.9))
        >>> [line.box.round(6).tolist() for line in join(three, How(reach=2))]
        [[16.0, 10.0, 48.0, 22.0]]
        >>> [line.box.round(6).tolist() for line in join(three, How(reach=1))]
        [[16.0, 10.0, 32.0, 22.0]]
    """
    after = {n: _best(slices, n, 1, how.reach) for n in range(len(slices.columns))}
    before = {n: _best(slices, n, -1, how.reach) for n in after}
    links = {n: m for n, m in after.items() if m >= 0 and before[m] == n}
    lines = []
    for n in after.keys() - links.values():
        chain = [n]
        while chain[-1] in links:
            chain.append(links[chain[-1]])
        mean = float(slices.chances[chain].mean())
        if slices.columns[chain[-1]] - slices.columns[n] + 1 >= how.least and mean >= how.line:
            lines.append(Found(_corners(slices, chain), mean))
    lines.sort(key=lambda line: (-line.chance, *line.box))
    kept: list[Found] = []
    for line in lines:
        if all(_hidden(line.box, other.box) < 0.5 for other in kept):
            kept.append(line)
    return kept


def _corners(slices: Slices, chain: list[int]) -> Numbers:
    """Lay straight edges through the tops and bottoms of slices."""
    ends = ACROSS * np.array([slices.columns[chain[0]], slices.columns[chain[-1]] + 1.0])
    middles = ACROSS * (slices.columns[chain] + 0.5)
    top, bottom = (
        np.polyval(np.polyfit(middles, ys[chain], 1 if len(chain) > 2 else 0), ends)
        for ys in (slices.tops, slices.bottoms)
    )
    return np.array([[ends[0], top[0]], [ends[1], top[1]], [ends[1], bottom[1]], [ends[0], bottom[0]]])


def _areas(one: Numbers, other: Numbers) -> tuple[float, float, float]:
    """Return what two boxes share, and the area of each."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    return float(np.prod(sides.clip(0))), float(np.prod(one[2:] - one[:2])), float(np.prod(other[2:] - other[:2]))


def _hidden(one: Numbers, other: Numbers) -> float:
    """Return what two boxes share, of the smaller one."""
    common, first, second = _areas(one, other)
    return common / max(min(first, second), 1e-9)


def iou(one: Numbers, other: Numbers) -> float:
    """Divide what two boxes share by what they cover together.

    Example:
        >>> iou(np.array([0, 0, 4, 2.0]), np.array([2, 0, 6, 2.0]))
        0.3333333333333333
    """
    common, first, second = _areas(one, other)
    return common / max(first + second - common, 1e-9)


def match(found: Sequence[Numbers], truth: Sequence[Numbers], least: float = 0.5) -> list[tuple[int, int]]:
    """Pair boxes that were found with boxes that are there, one to one, the best pairs first.

    Args:
        found: Boxes.
        truth: Boxes.
        least: IoU of a pair at least.

    Returns:
        (number in found, number in truth) of each pair.

    Example:
        >>> there = [np.array([0, 0, 10, 10.0])]
        >>> match([np.array([0, 0, 10, 6.0]), np.array([0, 0, 10, 9.0])], there)
        [(1, 0)]
    """
    ious = [(iou(f, t), -n, -m) for n, f in enumerate(found) for m, t in enumerate(truth)]
    pairs: list[tuple[int, int]] = []
    for value, n, m in sorted(ious, reverse=True):
        if value >= least and all(-n != i and -m != j for i, j in pairs):
            pairs.append((-n, -m))
    return pairs


class Judged(NamedTuple):
    """How well boxes were found: how many there were, were found, and were right."""

    there: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        """Share of those found that are right; 1 where nothing was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of those there that were found; 1 where there was nothing."""
        return self.right / self.there if self.there else 1.0

    @property
    def f(self) -> float:
        """Harmonic mean of the two, which is 2 · right / (there + found); 1 where both are 0."""
        return 2 * self.right / (self.there + self.found) if self.there + self.found else 1.0


def judge(found: Sequence[Sequence[Numbers]], truth: Sequence[Sequence[Numbers]], least: float = 0.5) -> Judged:
    """Count over many pictures.

    Example:
        >>> box = np.array([0, 0, 4, 4.0])
        >>> judged = judge([[box, box + 9], []], [[box], [box]])
        >>> judged, judged.precision, judged.recall, judged.f
        (Judged(there=2, found=2, right=1), 0.5, 0.5, 0.5)
    """
    right = sum(len(match(f, t, least)) for f, t in zip(found, truth, strict=True))
    return Judged(sum(map(len, truth)), sum(map(len, found)), right)


def look(model: Detector, pictures: Sequence[NDArray[Any]], at_once: int = 32) -> list[NDArray[np.float32]]:
    """Return a network's answers (R, C, K, 3) for pictures (H, W) of any sizes."""
    answers: list[NDArray[np.float32]] = []
    ready = [prepare(picture) for picture in pictures]
    for start in range(0, len(ready), at_once):
        some = ready[start : start + at_once]
        alike = {picture.shape for picture in some} == {some[0].shape}
        with torch.no_grad():
            for group in [some] if alike else [[picture] for picture in some]:
                answers += list(model(torch.from_numpy(np.stack(group))).numpy())
    return answers


def detect(model: Detector, picture: NDArray[Any], how: How = How()) -> list[Found]:  # noqa: B008
    """Find the lines of text in a picture.

    Args:
        model: A Detector.
        picture: (H, W) in grey, any scale.
        how: See How.

    Example:
        >>> detect(Detector(), np.zeros((40, 60)))
        []
    """
    height, width = picture.shape
    lines = join(propose(look(model, [picture])[0], how.sure), how)
    return [line._replace(corners=np.clip(line.corners, 0, [width, height])) for line in lines]
