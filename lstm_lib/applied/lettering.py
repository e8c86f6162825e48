"""Words as ink: what a line says, how it is set on a flat sheet, and the perspective from a scene to that sheet."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lstm_lib.applied.backgrounds import font_file

FINE = 3  # letters are drawn so many times larger than they come to stand in the scene
Numbers = NDArray[np.float64]


def word(rng: np.random.Generator, shortest: int, longest: int) -> str:
    """Draw a word that one can pronounce, or in one of six cases a number.

    Example:
        >>> [word(np.random.default_rng(seed), 4, 7) for seed in range(4)]
        ['Jacafur', 'bawuh', 'Iwicequ', 'AVUQACE']
    """
    length = int(rng.integers(shortest, longest + 1))
    if rng.random() < 1 / 6:
        return "".join(str(digit) for digit in rng.integers(10, size=min(length, 4)))
    sounds = ("aeiou", "bcdfghjklmnpqrstvwxyz")
    first = int(rng.integers(2))
    letters = "".join(_one(rng, sounds[(first + n) % 2]) for n in range(length))
    return (letters, letters.upper(), letters.capitalize())[int(rng.integers(3))]


def _one(rng: np.random.Generator, letters: str) -> str:
    return letters[int(rng.integers(len(letters)))]


@functools.lru_cache(maxsize=2000)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(name), size)


class Setting(NamedTuple):
    """How a line is set: on a flat sheet, ``FINE`` times larger than in the scene.

    Attributes:
        words: The words.
        font: Name of the file.
        size: Of the font, in pixels of the sheet.
        starts: Where the ink of each word starts.
        boxes: Of the ink of each word, from where it starts and the line that it stands on.
    """

    words: list[str]
    font: str
    size: int
    starts: list[float]
    boxes: list[tuple[float, float, float, float]]

    @property
    def extent(self) -> tuple[int, int]:
        """Width and height of the ink."""
        left, _, right, _ = self.boxes[-1]
        rise = max(box[3] for box in self.boxes) - min(box[1] for box in self.boxes)
        return max(2, int(self.starts[-1] + right - left)), max(2, int(rise))


def set_words(words: list[str], font: str, size: float, gap: float) -> Setting:
    """Set the words of a line side by side.

    Example:
        >>> set_words(["no", "way"], "DejaVuSans", 20, 0.5).extent
        (226, 46)
    """
    points = round(FINE * size)
    boxes = [_font(font, points).getbbox(text, anchor="ls") for text in words]
    starts = [0.0]
    for left, _, right, _ in boxes[:-1]:
        starts.append(starts[-1] + right - left + gap * points)
    return Setting(words, font, points, starts, boxes)


def ink(setting: Setting, *, thin: bool = False) -> Image.Image:
    """Draw a line, white on black, as large as its extent.

    Args:
        setting: The line.
        thin: Whether a pixel of the sheet is taken off on each side of a stroke.

    Example:
        >>> ink(set_words(["no", "way"], "DejaVuSans", 20, 0.5)).size
        (226, 46)
    """
    sheet = Image.new("L", setting.extent)
    pen, top = ImageDraw.Draw(sheet), min(box[1] for box in setting.boxes)
    for text, start, box in zip(setting.words, setting.starts, setting.boxes, strict=True):
        pen.text((start - box[0], -top), text, 255, _font(setting.font, setting.size), anchor="ls")
    if not thin:
        return sheet
    grey = np.pad(np.asarray(sheet), 1)
    grey = np.minimum(np.minimum(grey[:, :-2], grey[:, 1:-1]), grey[:, 2:])
    return Image.fromarray(np.minimum(np.minimum(grey[:-2], grey[1:-1]), grey[2:]))


def perspective(seen: Numbers, sheet: Numbers) -> Numbers:
    """Find the perspective that takes four points of a scene to four points of a flat sheet.

    x' = (ax + by + c) / (gx + hy + 1) and y' = (dx + ey + f) / (gx + hy + 1), as Pillow wants them.

    Args:
        seen: (4, 2).
        sheet: (4, 2).

    Returns:
        a, b, c, d, e, f, g, h.

    Example:
        >>> square = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
        >>> (perspective(square, 2 * square) + 0).round(6).tolist()
        [2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]
    """
    rows = []
    for (x, y), (u, v) in zip(seen, sheet, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    found: Numbers = np.linalg.solve(np.array(rows, float), sheet.reshape(-1).astype(float))
    return found


def sheet_of(width: float, height: float) -> Numbers:
    """Return the corners of a sheet, in the order of a line's corners."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
