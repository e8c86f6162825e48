"""The simplest thing that finds text: where many edges lie close together.

Shapes: H rows, W columns of pixels. A box is (left, top, right, bottom).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lstm_lib.applied.lettering import Numbers


class Edges(NamedTuple):
    """What counts as text.

    Attributes:
        level: Mean change from a pixel to its right neighbour that is dense, in times the picture's mean change.
        high: Rows over which the mean is taken.
        wide: Columns over which the mean is taken.
    """

    level: float = 1.8
    high: int = 7
    wide: int = 21


def density(picture: NDArray[Any], how: Edges) -> NDArray[np.float32]:
    """Return how dense edges are at each pixel, in times their mean over the picture (H, W).

    Example:
        >>> stripes = np.zeros((20, 60)); stripes[6:14, 20:40:2] = 1
        >>> dense = density(stripes, Edges(high=3, wide=9))
        >>> bool(dense[10, 30] > 5 * dense[2, 5])
        True
    """
    changes = np.abs(np.diff(np.asarray(picture, np.float32), axis=1, prepend=picture[:, :1]))
    return np.asarray(ndimage.uniform_filter(changes, (how.high, how.wide)) / (changes.mean() + 1e-6), np.float32)


def find(picture: NDArray[Any], how: Edges = Edges()) -> list[Numbers]:  # noqa: B008  (a named tuple cannot change)
    """Return boxes around connected pieces where edges are dense, wider than high and at least 6 pixels high.

    Example:
        >>> stripes = np.zeros((20, 60)); stripes[6:14, 20:40:2] = 1
        >>> [box.tolist() for box in find(stripes, Edges(high=3, wide=9))]
        [[21.0, 6.0, 39.0, 14.0]]
    """
    pieces, _ = ndimage.label(density(picture, how) > how.level)
    boxes = []
    for down, along in ndimage.find_objects(pieces):
        # A mean over some pixels spreads by half of them on either side: a third of it is given back.
        across, rise = how.wide // 3, how.high // 3
        box = np.array([along.start + across, down.start + rise, along.stop - across, down.stop - rise], float)
        if box[3] - box[1] >= 6 and box[2] - box[0] >= box[3] - box[1]:
            boxes.append(box)
    return boxes
