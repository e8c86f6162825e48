"""From lines that were found to words: each is cut out, made level, and given to chapter 14's reader."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lstm_lib.applied import models, ocr
from lstm_lib.applied.boxes import Found, match
from lstm_lib.applied.lettering import Numbers, perspective, sheet_of
from lstm_lib.applied.scenes import Line

TALL = 32  # rows of what is cut out
AROUND = 0.15  # of the line's height, that is cut out above, below, left and right of it


def load(source: str) -> ocr.Reader:
    """Load a reader.

    Raises:
        ValueError: If the model is for something else.
        CheckpointError: If there is no such model, or its file is damaged.
    """
    network, _ = models.load(source, kind="reading")
    if not isinstance(network, ocr.Reader):
        raise ValueError(f"{source}: got a {type(network).__name__}, expected a Reader")
    return network


def cut_out(picture: NDArray[Any], corners: Numbers) -> NDArray[np.float32]:
    """Cut a line out of a picture and make it level.

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
    unit = across / long * AROUND * high
    way = down * AROUND
    wider = corners + np.array([-unit - way, unit - way, unit + way, -unit + way])
    size = (max(4, round(TALL * (long / high + 2 * AROUND) / (1 + 2 * AROUND))), TALL)
    how = perspective(sheet_of(*size), wider)
    sheet = Image.fromarray(np.asarray(picture, np.float32))
    level = sheet.transform(size, Image.Transform.PERSPECTIVE, tuple(how), Image.Resampling.BILINEAR)
    return np.asarray(level, np.float32)


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
        flat = piece.max() - piece.min() < 0.05 * max(1.0, float(np.abs(piece).max()))
        texts.append("" if flat else ocr.read(reader, piece).text)
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
