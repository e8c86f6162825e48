"""Lines of writing to learn from: handwritten digits in a row, and words in the fonts that matplotlib brings along.

Everything is drawn from an ``np.random.Generator``: the same seed gives the same pictures.

Shapes: B lines, R rows, W columns, N characters of the longest label.
"""

import functools
import math
import re
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from lstm_lib._array import Array
from lstm_lib.applied.backgrounds import font_file

SEEN = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-BoldOblique",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSerif",
    "DejaVuSerif-BoldItalic",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBolIta",
    "STIXGeneralItalic",
    "cmb10",
    "cmr10",
    "cmti10",
)
# Three have a sister among the fonts to train on; of cmss10 and cmtt10, the roman of Computer Modern is there.
UNSEEN = ("DejaVuSansMono-Oblique", "DejaVuSerif-Bold", "STIXGeneralBol", "cmss10", "cmtt10")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PARTS = ("train", "validation", "test")


class Lines(NamedTuple):
    """A batch: ink (B, R, W), columns of each line (B,), labels (B, N) as numbers from 1, and their lengths (B,)."""

    xs: Array
    steps: Array
    labels: Array
    sizes: Array


def batch(pictures: Sequence[Array], texts: Sequence[str], characters: str) -> Lines:
    """Put lines of one height into a batch, padded with ground and with zeros.

    Args:
        pictures: Ink (R, W), each of its own width.
        texts: What each says.
        characters: The alphabet; the first is class 1, because 0 is the blank of CTC.

    Raises:
        ValueError: If a character is not in the alphabet.

    Example:
        >>> batch([np.ones((2, 3), np.float32), np.ones((2, 5), np.float32)], ["b", "ab"], "ab").labels
        array([[2, 0],
               [1, 2]])
    """
    number = {character: k for k, character in enumerate(characters, 1)}
    strange = sorted({character for text in texts for character in text} - set(number))
    if strange:
        raise ValueError(f"got {''.join(strange)!r} in a label, expected characters of {characters!r}")
    steps = np.array([picture.shape[1] for picture in pictures])
    sizes = np.array([len(text) for text in texts])
    xs = np.zeros((len(pictures), pictures[0].shape[0], steps.max()), np.float32)
    labels = np.zeros((len(texts), max(1, sizes.max())), np.int64)
    for k, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        xs[k, :, : steps[k]] = picture
        labels[k, : sizes[k]] = [number[character] for character in text]
    return Lines(xs, steps, labels, sizes)


def side_by_side(rng: np.random.Generator, pictures: Sequence[Array], texts: Sequence[str], characters: str) -> Lines:
    """Put lines into a batch in which all have one width: each lies anywhere on its ground.

    A batch to train on needs no padding then, and nothing is packed.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> side_by_side(rng, [np.ones((2, 3), np.float32), np.ones((2, 5), np.float32)], ["b", "ab"], "ab").steps
        array([5, 5])
    """
    width = max(picture.shape[1] for picture in pictures)
    wide = []
    for picture in pictures:
        before = int(rng.integers(width - picture.shape[1] + 1))
        wide.append(np.pad(picture, ((0, 0), (before, width - picture.shape[1] - before))))
    return batch(wide, texts, characters)


# ---------------------------------------------------------------- handwritten digits


class Digits(NamedTuple):
    """Handwritten digits: ink (N, 8, 8) from 0 to 1, and what each is (N,)."""

    images: Array
    names: Array

    def only(self, which: Array) -> "Digits":
        """Return some of them, by their place."""
        return Digits(self.images[which], self.names[which])


def digits() -> Digits:
    """Load scikit-learn's handwritten digits, in file order: the writers at the end are others than at the start."""
    from sklearn.datasets import load_digits  # here, because only some uses need it

    found = load_digits()
    return Digits((found.images / 16).astype(np.float32), found.target.astype(np.int64))


def split(count: int, how: str, seed: int = 0) -> dict[str, Array]:
    """Split digits into training, validation and test, before any choice.

    Args:
        count: How many there are.
        how: "random", or "file order", where the last fifth is for testing and the tenth before it for validation.
        seed: Of the random split.

    Example:
        >>> {part: len(where) for part, where in split(1797, "file order").items()}
        {'train': 1258, 'validation': 180, 'test': 359}
    """
    if how not in ("random", "file order"):
        raise ValueError(f"got split {how!r}, expected 'random' or 'file order'")
    order = np.random.default_rng(seed).permutation(count) if how == "random" else np.arange(count)
    first, second = round(0.7 * count), round(0.8 * count)
    return dict(zip(PARTS, np.split(order, [first, second]), strict=True))


def digit_line(
    rng: np.random.Generator,
    of: Digits,
    *,
    count: int = 5,
    distortion: float = 0.0,
    height: int = 16,
    closest: int = -3,
) -> tuple[Array, str]:
    """Put random digits into a row, with random gaps; some touch.

    Args:
        rng: Source of randomness.
        of: Digits to draw from.
        count: How many.
        distortion: 0 leaves each digit as it is; 1 turns, slants, stretches and moves each one.
        height: Rows of the line.
        closest: Columns of the smallest gap; below 0, the boxes of neighbours overlap.

    Returns:
        Ink (height, W), and the digits as a text.

    Example:
        >>> eight = Digits(np.ones((1, 8, 8), np.float32), np.array([8]))
        >>> picture, text = digit_line(np.random.default_rng(0), eight, count=2)
        >>> picture.shape[0], text
        (16, '88')
    """
    chosen = rng.integers(len(of.names), size=count)
    gaps = rng.integers(closest, height // 2, size=count).tolist()
    pieces = []
    for k in chosen:
        image = Image.fromarray(of.images[k]).resize((height, height), Image.Resampling.BILINEAR)
        pieces.append(_bent(rng, image, distortion) if distortion else np.asarray(image))
    places = np.cumsum([rng.integers(4), *(piece.shape[1] + gap for piece, gap in zip(pieces, gaps, strict=True))])
    line = np.zeros((height, places[-1] - min(0, gaps[-1])), np.float32)
    for piece, left in zip(pieces, places, strict=False):
        under = line[:, left : left + piece.shape[1]]
        np.maximum(under, piece, out=under)
    return line, "".join(str(of.names[k]) for k in chosen)


def _bent(rng: np.random.Generator, image: Image.Image, much: float) -> Array:
    """Turn, slant, stretch and move one digit, and change how hard the pen was pressed."""
    height = image.size[1]
    width = height + 4
    turn, slant, across, down, right, lower, press = (rng.uniform(-1, 1, 7) * much).tolist()
    cos, sin = math.cos(0.25 * turn), math.sin(0.25 * turn)
    across, down, slant = math.exp(0.22 * across), math.exp(0.22 * down), 0.35 * slant
    a, b, c, d = cos * across, (cos * slant - sin) * down, sin * across, (sin * slant + cos) * down
    x = height / 2 + 1.5 * right - a * width / 2 - b * height / 2
    y = height / 2 + 1.5 * lower - c * width / 2 - d * height / 2
    sheet = image.transform((width, height), Image.Transform.AFFINE, (a, b, x, c, d, y), Image.Resampling.BILINEAR)
    pressed: Array = np.asarray(sheet) ** np.float32(math.exp(0.4 * press))
    return pressed


# ---------------------------------------------------------------- words in fonts


@functools.lru_cache(maxsize=512)
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """Open one of matplotlib's fonts.

    Raises:
        ValueError: If there is none of that name.

    Example:
        >>> font("cmr10", 20).getname()[0]
        'cmr10'
    """
    if name not in SEEN + UNSEEN:
        raise ValueError(f"got font {name!r}, expected one of {', '.join(SEEN + UNSEEN)}")
    return ImageFont.truetype(font_file(name), size)


def draw_word(text: str, name: str, size: int) -> Image.Image:
    """Draw a text in a font, cut to its ink.

    Args:
        text: What to draw.
        name: One of ``SEEN`` or ``UNSEEN``.
        size: Of the font, in pixels.

    Returns:
        A picture of Pillow, mode L: ink 255 on 0.

    Raises:
        ValueError: If there is nothing to draw, or no such font.

    Example:
        >>> draw_word("lstm", "cmr10", 30).getextrema()[1]
        255
    """
    sheet = Image.new("L", (round(1.2 * size * (len(text) + 1)), 2 * size))
    ImageDraw.Draw(sheet).text((size // 2, size // 2), text, fill=255, font=font(name, size))
    box = sheet.getbbox()
    if box is None:
        raise ValueError(f"got the text {text!r}, expected something to draw")
    return sheet.crop(box)


def render_word(
    text: str,
    name: str,
    rng: np.random.Generator,
    *,
    height: int = 24,
    distortion: float = 1.0,
) -> Array:
    """Draw a word as a reader might meet it: turned, slanted, thick or thin, blurred, on a ground that is not even.

    Args:
        text: What to draw.
        name: One of ``SEEN`` or ``UNSEEN``.
        rng: Source of randomness.
        height: Rows of the picture.
        distortion: 0 for the plain word with its margin, 1 for the usual amount.

    Returns:
        Ink (height, W) from 0 to 1.

    Example:
        >>> picture = render_word("gate", "cmr10", np.random.default_rng(0))
        >>> picture.shape[0], 0 <= picture.min() <= picture.max() <= 1
        (24, np.True_)
    """
    sheet, much = draw_word(text, name, round(1.5 * height)), distortion
    pen, turn, slant, stretch, top, bottom, left, right = (rng.uniform(-1, 1, 8) * much).tolist()
    if pen > 0.6:
        sheet = Image.blend(sheet, sheet.filter(ImageFilter.MaxFilter(3)), 2 * (pen % 1) - 1.2)
    elif pen < -0.8:
        sheet = Image.blend(sheet, sheet.filter(ImageFilter.MinFilter(3)), 0.4)
    top, bottom, left, right = (height * (0.11 + 0.09 * side) for side in (top, bottom, left, right))
    turned = np.array([[1, -0.05 * turn], [0.05 * turn, 1]]) @ [[1, 0.25 * slant], [0, 1]]
    across, down = np.abs(turned) @ sheet.size  # the box of the turned word
    scale = (height - top - bottom) / down
    wide = scale * np.exp(0.2 * stretch)
    back = np.linalg.inv(turned) @ np.diag([1 / wide, 1 / scale])
    shift = np.array(sheet.size) / 2 - back @ [left + across * wide / 2, top + down * scale / 2]
    told = (*back[0], shift[0], *back[1], shift[1])
    size = max(1, round(across * wide + left + right)), height
    picture = sheet.transform(size, Image.Transform.AFFINE, told, Image.Resampling.BILINEAR)
    return _worn(rng, picture, much)


def bend(rng: np.random.Generator, picture: Array, distortion: float = 1.0) -> Array:
    """Turn, slant and stretch a line that is there already, and wear it as ``render_word`` does.

    Example:
        >>> bend(np.random.default_rng(0), np.ones((24, 50), np.float32)).shape[0]
        24
    """
    if not distortion:
        return picture
    turn, slant = rng.uniform(-0.03, 0.03) * distortion, rng.uniform(-0.2, 0.2) * distortion
    stretch, size = np.exp(rng.uniform(-0.15, 0.15, 2) * distortion)
    rows, columns = picture.shape
    width = max(1, round(columns * stretch))
    back = np.array([[1 / stretch, slant], [turn, size]])
    shift = np.array([columns / 2, rows / 2]) - back @ [width / 2, rows / 2]
    told = (*back[0], shift[0], *back[1], shift[1])
    sheet = Image.fromarray((255 * picture).astype(np.uint8))
    bent = sheet.transform((width, rows), Image.Transform.AFFINE, told, Image.Resampling.BILINEAR)
    return _worn(rng, bent, 0.7 * distortion)


def _worn(rng: np.random.Generator, sheet: Image.Image, much: float) -> Array:
    """Blur a picture (mode L), and give it an uneven ground, pale ink, and noise."""
    blur, cloudy, ground, pale, rough = rng.random(5).tolist()
    if much and blur > 0.5:
        sheet = sheet.filter(ImageFilter.GaussianBlur(float(1.6 * blur - 0.7) * much))
    picture: Array = np.asarray(sheet, dtype=np.float32) / 255
    if not much:
        return picture
    if cloudy > 0.5:
        coarse = Image.fromarray(rng.random((3, 6), dtype=np.float32))
        cloud = np.asarray(coarse.resize(sheet.size, Image.Resampling.BILINEAR)) * (0.7 * cloudy - 0.35) * much
        picture = picture * (1 - cloud) + cloud * ground
    picture = picture * (1 - 0.25 * much * pale)
    picture = picture + rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(0.08 * rough * much)
    return np.clip(picture, 0, 1, out=picture)


@functools.lru_cache(maxsize=1)
def vocabulary() -> dict[str, tuple[str, ...]]:
    """Return English words of 3 to 10 letters from Python's own help, apart in training, validation and test.

    A word's part follows from its letters alone, so that it is the same in every version of Python.

    Example:
        >>> parts = vocabulary()
        >>> set(parts["train"]) & set(parts["test"]), len(parts["train"]) > 1000
        (set(), True)
    """
    from pydoc_data.topics import topics

    words = sorted(set(re.findall(r"\b[a-z]{3,10}\b", " ".join(topics.values()).lower())))
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for word in words:
        place = zlib.crc32(word.encode()) % 10
        parts["test" if place < 2 else "validation" if place < 3 else "train"].append(word)
    return {part: tuple(found) for part, found in parts.items()}


@functools.lru_cache(maxsize=64)
def _of_length(part: str, length: int) -> tuple[str, ...]:
    words = vocabulary()[part]
    return tuple(word for word in words if len(word) == length)


def draw_text(rng: np.random.Generator, part: str, length: int | None = None) -> str:
    """Draw a text to render: a word (three times in four), a number, or random letters.

    Args:
        rng: Source of randomness.
        part: Of the vocabulary: "train", "validation" or "test".
        length: Characters; None for 3 to 10.

    Example:
        >>> set(draw_text(np.random.default_rng(0), "train", 5)) <= set(LETTERS)
        True
    """
    kind = rng.random()
    length = int(rng.integers(3, 11)) if length is None else length
    fitting = _of_length(part, length)
    if kind < 0.75 and fitting:
        return fitting[rng.integers(len(fitting))]
    letters = LETTERS[26:] if kind > 0.87 else LETTERS[:26]
    return "".join(letters[k] for k in rng.integers(len(letters), size=length))
