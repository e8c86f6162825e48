"""Scenes: words in perspective on photographs and textures, and where each line of them is.

A line is a row of words in one font, size and colour; its truth is four corners around its ink, gaps between its words
included. A scene is a function of its random numbers.

Shapes: H rows, W columns of pixels. A box is (left, top, right, bottom) in pixels, right and bottom excluded.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from lstm_lib.applied.backgrounds import Grey, Lot, background
from lstm_lib.applied.lettering import FINE, Numbers, Setting, ink, perspective, set_words, sheet_of, word

HEIGHT, WIDTH = 96, 192  # of the scenes of the course
Pixels = NDArray[np.uint8]


class Look(NamedTuple):
    """What scenes look like; pairs are ranges.

    Attributes:
        lines: At most so many.
        size: Of the font, in pixels.
        words: Of a line.
        letters: Of a word.
        gap: Between words, in sizes of the font.
        contrast: Between letters and what is behind them, of 1.
        blur: Radius in pixels.
        clutter: Strokes and boxes that are no text, at most.
        thin: Share of lines whose strokes are made thinner.
        covered: Share of lines with a piece hidden behind something.
        tilt: Largest slope, in degrees.
        lower: Whether there are no capitals.
    """

    lines: int = 3
    size: tuple[float, float] = (13, 30)
    words: tuple[int, int] = (1, 3)
    letters: tuple[int, int] = (2, 8)
    gap: tuple[float, float] = (0.25, 0.6)
    contrast: tuple[float, float] = (0.25, 0.9)
    blur: tuple[float, float] = (0.0, 1.2)
    clutter: int = 8
    thin: float = 0.2
    covered: float = 0.0
    tilt: float = 5.0
    lower: bool = False


USUAL = Look()
LOOKS = {
    "usual": USUAL,
    "gaps": USUAL._replace(lines=2, words=(2, 4), letters=(1, 4), gap=(1.5, 3.5), size=(13, 20)),
    "covered": USUAL._replace(lines=2, words=(1, 2), letters=(6, 9), covered=1.0),
    "thin": USUAL._replace(thin=1.0, contrast=(0.15, 0.4)),
    "long": USUAL._replace(words=(3, 5), letters=(4, 8), size=(11, 16), lines=2),
}
MIXED = USUAL._replace(words=(1, 4), letters=(1, 9), gap=(0.25, 3.0), contrast=(0.18, 0.9), thin=0.3, covered=0.25)


class Line(NamedTuple):
    """A line of text: its words, where it is, and its font.

    Attributes:
        text: The words, with one blank between them.
        corners: (4, 2) as (x, y): top left, top right, bottom right, bottom left.
        font: Name of the file.
        post: Columns of pixels that something in front hides, first and after the last; None if nothing does.
    """

    text: str
    corners: Numbers
    font: str
    post: tuple[int, int] | None = None

    @property
    def box(self) -> Numbers:
        """The smallest box around the corners (4,)."""
        return np.concatenate([self.corners.min(0), self.corners.max(0)])


class Scene(NamedTuple):
    """A picture (H, W) in 256 greys, and the lines in it from top to bottom."""

    picture: Pixels
    lines: tuple[Line, ...]


def scene(
    rng: np.random.Generator,
    lot: Lot,
    look: Look = USUAL,
    *,
    height: int = HEIGHT,
    width: int = WIDTH,
    texts: list[str] | None = None,
) -> Scene:
    """Draw a scene.

    Args:
        rng: Where randomness comes from.
        lot: Photographs, textures and fonts that may be used.
        look: What it looks like.
        height: H.
        width: W.
        texts: What the lines say, words with blanks between; None draws words. What finds no room stays out.

    Returns:
        The scene; about one in twenty has no text.

    Example:
        >>> from lstm_lib.applied.backgrounds import LOTS
        >>> found = scene(np.random.default_rng(3), LOTS["train"], texts=["way out"])
        >>> found.picture.shape, [line.text for line in found.lines]
        ((96, 192), ['way out'])
    """
    grey = np.array(background(rng, lot, height, width))
    _scatter(rng, grey, int(rng.integers(look.clutter + 1)))
    count = int(rng.integers(1, look.lines + 1)) * int(rng.random() > 0.05)
    lines: list[Line] = []
    for text in [None] * count if texts is None else texts:
        for _ in range(12):
            words = text.split() if text else _words(rng, look)
            line, setting = _place(rng, words, lot, look, (height, width))
            if line is not None and all(_apart(line.box, other.box) for other in lines):
                post = _write(rng, grey, line, ink(setting, thin=bool(rng.random() < look.thin)), look)
                lines.append(line._replace(post=post))
                break
    sheet = Image.fromarray(np.uint8(grey.clip(0, 1) * 255))
    sheet = sheet.filter(ImageFilter.GaussianBlur(rng.uniform(*look.blur)))
    noise = rng.normal(scale=255 * rng.uniform(0, 0.04), size=grey.shape)
    picture = (np.asarray(sheet) + noise).round().clip(0, 255).astype(np.uint8)
    return Scene(picture, tuple(sorted(lines, key=lambda line: float(line.box[1]))))


def _words(rng: np.random.Generator, look: Look) -> list[str]:
    words = [word(rng, *look.letters) for _ in range(int(rng.integers(look.words[0], look.words[1] + 1)))]
    return [text.lower() for text in words] if look.lower else words


def _apart(one: Numbers, other: Numbers, margin: float = 4.0) -> bool:
    """Say whether two boxes have some pixels between them."""
    return bool((one[:2] > other[2:] + margin).any() or (other[:2] > one[2:] + margin).any())


def _scatter(rng: np.random.Generator, grey: Grey, count: int) -> None:
    """Strew strokes and boxes over a background, in place: fences, wires, frames."""
    height, width = grey.shape
    sheet = Image.fromarray(np.uint8(grey * 255))
    pen = ImageDraw.Draw(sheet)
    for _ in range(count):
        x, y, shade = rng.uniform(0, width), rng.uniform(0, height), int(rng.integers(256))
        w, h, kind = rng.uniform(4, 70), rng.uniform(4, 30), int(rng.integers(4))
        if kind == 0:
            pen.line((x, y, x + w, y + rng.uniform(-h, h)), shade, int(rng.integers(1, 4)))
        elif kind == 1:
            pen.rectangle((x, y, x + w, y + h), None if rng.random() < 0.5 else shade, shade)
        elif kind == 2:
            pen.ellipse((x, y, x + h, y + h), None if rng.random() < 0.5 else shade, shade, int(rng.integers(1, 4)))
        else:  # upright bars in a row, the likest to letters
            for n in range(int(rng.integers(3, 9))):
                at = x + n * rng.uniform(4, 6)
                pen.line((at, y, at, y + h), shade, int(rng.integers(1, 3)))
    grey[:] = np.asarray(sheet, np.float32) / 255


def _place(
    rng: np.random.Generator, words: list[str], lot: Lot, look: Look, size: tuple[int, int]
) -> tuple[Line | None, Setting]:
    """Find a place for a line; None where it does not fit. Words that are too many are left out at the end."""
    height, width = size
    font = lot.fonts[int(rng.integers(len(lot.fonts)))]
    points, gap = rng.uniform(*look.size), rng.uniform(*look.gap)
    setting = set_words(words, font, points, gap)
    while setting.extent[0] > FINE * (width - 12) and len(words) > 1:
        words = words[:-1]
        setting = set_words(words, font, points, gap)
    half = np.array(setting.extent) / FINE / 2
    wedge, slant = rng.uniform(-0.12, 0.12), rng.uniform(-0.2, 0.2)  # one end is nearer; italics of one's own
    flat = np.array([[-1, -1 - wedge], [1, -1 + wedge], [1, 1 - wedge], [-1, 1 + wedge]]) * half
    flat[:, 0] -= slant * flat[:, 1]
    angle = np.deg2rad(rng.uniform(-look.tilt, look.tilt))
    corners = flat @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    low, high = 2 - corners.min(0), np.array([width, height]) - 2 - corners.max(0)
    if (high <= low).any():
        return None, setting
    return Line(" ".join(words), corners + rng.uniform(low, high), font), setting


def _write(
    rng: np.random.Generator, grey: Grey, line: Line, letters: Image.Image, look: Look
) -> tuple[int, int] | None:
    """Put letters into a scene, in place; what is behind them is calmed where it would drown them. Return the post."""
    how = perspective(line.corners, sheet_of(*letters.size))
    size = (grey.shape[1], grey.shape[0])
    mask = letters.transform(size, Image.Transform.PERSPECTIVE, tuple(how), Image.Resampling.BICUBIC)
    left, top, right, bottom = (int(side) for side in line.box + [-4, -3, 5, 4])
    behind = grey[max(0, top) : bottom, max(0, left) : right]
    mean, contrast = float(behind.mean()), rng.uniform(*look.contrast)
    behind[:] = mean + (behind - mean) * min(1.0, contrast / (2.5 * float(behind.std()) + 1e-6))
    sign = 1 if mean + contrast < 1 and (mean - contrast < 0 or rng.random() < 0.5) else -1
    if not 0 <= mean + sign * contrast <= 1:
        sign = 1 if mean < 0.5 else -1
    shade, alpha = float(np.clip(mean + sign * contrast, 0, 1)), np.asarray(mask, np.float32) / 255
    grey += alpha * (shade - grey)
    if not rng.random() < look.covered:
        return None
    thick = rng.uniform(0.8, 1.8) * (bottom - top)
    at = int(rng.uniform(left + 10, max(left + 11, right - thick - 10)))
    post = grey[max(0, top - 6) : bottom + 6, at : at + int(thick)]
    post[:] = rng.uniform(0, 1) + 0.1 * (post - post.mean()) * rng.uniform(0, 1)
    return at, at + int(thick)
