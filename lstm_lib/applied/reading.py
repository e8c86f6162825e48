"""From lines that were found to words: each is cut out, made level, and given to chapter 14's reader."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_lib.applied import ocr
from lstm_lib.applied.boxes import Found, match
from lstm_lib.applied.lettering import Numbers
from lstm_lib.applied.scenes import Line

TALL = 32  # rows of what is cut out
AROUND = 0.15  # of the line's height, that is cut out above, below, left and right of it


def cut_out(picture: NDArray[Any], corners: Numbers) -> NDArray[np.float32]:
    """Cut a line out of a picture and make it level; beyond the picture its edge goes on.

    Args:
        picture: (H, W) in grey, any scale.
        corners: (4, 2) of the line.

    Returns:
        (TALL, width), with the same scale of grey.

    Example:
        >>> cut_out(np.zeros((96, 192)), np.array([[10, 10], [70, 16], [70, 36], [10, 30.0]])).shape
        (32, 82)
    """
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    long, high = max(float(np.hypot(*across)), 1.0), max(float(np.hypot(*down)), 1.0)
    unit, way = across / long * AROUND * high, down * AROUND
    top_left, top_right, low_right, low_left = corners + np.array([-unit - way, unit - way, unit + way, way - unit])
    wide = max(4, round(TALL * (long / high + 2 * AROUND) / (1 + 2 * AROUND)))
    u = ((np.arange(wide) + 0.5) / wide)[None, :, None]
    v = ((np.arange(TALL) + 0.5) / TALL)[:, None, None]
    places = (1 - v) * ((1 - u) * top_left + u * top_right) + v * ((1 - u) * low_left + u * low_right) - 0.5
    height, width = picture.shape
    x, y = places[..., 0].clip(0, width - 1), places[..., 1].clip(0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    grey = np.asarray(picture, float)
    upper = grey[top, left] * (1 - x + left) + grey[top, right] * (x - left)
    lower = grey[bottom, left] * (1 - x + left) + grey[bottom, right] * (x - left)
    return np.asarray(upper * (1 - y + top) + lower * (y - top), np.float32)


def read(reader: ocr.Reader, picture: NDArray[Any], lines: Sequence[Found | Line]) -> list[str]:
    """Read each line; what has no ink in it says nothing.

    Args:
        reader: Chapter 14's network.
        picture: (H, W) in grey, any scale.
        lines: With their corners.

    Example:
        >>> flat = np.array([[10, 10], [70, 10], [70, 30], [10, 30.0]])
        >>> read(ocr.Reader("01"), np.zeros((96, 192)), [Found(flat, 0.9)])
        ['']
    """
    texts = []
    for line in lines:
        piece = cut_out(picture, line.corners)
        try:
            texts.append(ocr.read(reader, piece).text)
        except ValueError:  # no ink in it: the line was nothing, or nothing is left of it
            texts.append("")
    return texts


def words_right(found: Sequence[Found], texts: Sequence[str], truth: Sequence[Line]) -> int:
    """Count the lines of a scene that were found at IoU 0.5 and read without a mistake.

    Example:
        >>> flat = np.array([[10, 10], [70, 10], [70, 30], [10, 30.0]])
        >>> words_right([Found(flat, 0.9)], ["exit"], [Line("exit", flat, "")])
        1
    """
    pairs = match([line.box for line in found], [line.box for line in truth])
    return sum(texts[n] == truth[m].text for n, m in pairs)
