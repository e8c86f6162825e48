"""Lines of writing to learn from: handwritten digits in a row, and words in the fonts that matplotlib brings along.

Everything is drawn from an ``np.random.Generator``: the same seed gives the same pictures.

Shapes: B lines, R rows, W columns, N characters of the longest label.
"""

import functools
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from lstm_lib.applied.pictures import Array

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
# Of two of these, Computer Modern Sans and Typewriter, no relative is among the fonts to train on.
UNSEEN = ("DejaVuSansMono-Oblique", "DejaVuSerif-Bold", "STIXGeneralBol", "cmss10", "cmtt10")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PARTS = ("train", "validation", "test")


class Lines(NamedTuple):
    """A batch of lines: ink (B, R, W), columns of each (B,), labels (B, N) as numbers from 1, and their lengths (B,)."""

    xs: Array
    steps: NDArray[np.int64]
    labels: NDArray[np.int64]
    sizes: NDArray[np.int64]


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


# ---------------------------------------------------------------- handwritten digits


class Digits(NamedTuple):
    """Handwritten digits: ink (N, 8, 8) from 0 to 1, and what each is (N,)."""

    images: Array
    names: NDArray[np.int64]

    def only(self, which: NDArray[np.int64]) -> "Digits":
        """Return some of them, by their place."""
        return Digits(self.images[which], self.names[which])


def digits() -> Digits:
    """Load scikit-learn's handwritten digits, in file order: the writers at the end are others than at the start."""
    from sklearn.datasets import load_digits  # here, because only some uses need it

    found = load_digits()
    return Digits((found.images / 16).astype(np.float32), found.target.astype(np.int64))


def split(count: int, how: str, seed: int = 0) -> dict[str, NDArray[np.int64]]:
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
    rng: np.random.Generator, of: Digits, *, count: int = 5, distortion: float = 0.0, height: int = 16
) -> tuple[Array, str]:
    """Put random digits into a row, with random gaps.

    Args:
        rng: Source of randomness.
        of: Digits to draw from.
        count: How many.
        distortion: 0 leaves each digit as it is; 1 turns, slants, stretches and moves each one.
        height: Rows of the line.

    Returns:
        Ink (height, W), and the digits as a text.

    Example:
        >>> eight = Digits(np.ones((1, 8, 8), np.float32), np.array([8]))
        >>> picture, text = digit_line(np.random.default_rng(0), eight, count=2)
        >>> picture.shape[0], text
        (16, '88')
    """
    chosen = rng.integers(len(of.names), size=count)
    gaps = rng.integers(0, height // 2, size=count + 1)
    pieces = [np.zeros((height, gaps[0] // 2), np.float32)]
    for k, gap in zip(chosen, gaps[1:], strict=True):
        image = Image.fromarray(of.images[k]).resize((height, height), Image.Resampling.BILINEAR)
        pieces.append(_bent(rng, image, distortion) if distortion else np.asarray(image))
        pieces.append(np.zeros((height, gap), np.float32))
    return np.concatenate(pieces, axis=1), "".join(str(of.names[k]) for k in chosen)


def _bent(rng: np.random.Generator, image: Image.Image, much: float) -> Array:
    """Turn, slant, stretch and move one digit, and change how hard the pen was pressed."""
    height = image.size[1]
    width = height + 4
    turn, slant = rng.uniform(-0.25, 0.25) * much, rng.uniform(-0.35, 0.35) * much
    across, down = np.exp(rng.uniform(-0.22, 0.22, 2) * much)
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[1, slant], [0, 1]]
    linear = linear @ np.diag([across, down])
    centre = np.array([height / 2, height / 2]) + rng.uniform(-1.5, 1.5, 2) * much
    shift = centre - linear @ [width / 2, height / 2]
    told = (*linear[0], shift[0], *linear[1], shift[1])
    bent = np.asarray(image.transform((width, height), Image.Transform.AFFINE, told, Image.Resampling.BILINEAR))
    return np.clip(bent ** np.exp(rng.uniform(-0.4, 0.4) * much) * rng.uniform(1 - 0.2 * much, 1.0), 0, 1)


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
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", size)


def draw_word(text: str, name: str, size: int) -> Array:
    """Draw a text in a font, cut to its ink.

    Args:
        text: What to draw.
        name: One of ``SEEN`` or ``UNSEEN``.
        size: Of the font, in pixels.

    Returns:
        Ink (R, W) from 0 to 1.

    Example:
        >>> draw_word("lstm", "cmr10", 30).max()
        np.float32(1.0)
    """
    if not text.strip():
        raise ValueError(f"got the text {text!r}, expected something to draw")
    left, top, right, bottom = font(name, size).getbbox(text)
    sheet = Image.new("L", (round(right - left) + 2, round(bottom - top) + 2))
    ImageDraw.Draw(sheet).text((1 - left, 1 - top), text, fill=255, font=font(name, size))
    box = sheet.getbbox()
    return np.asarray(sheet.crop(box), dtype=np.float32) / 255


def render_word(
    text: str,
    name: str,
    rng: np.random.Generator,
    *,
    height: int = 24,
    distortion: float = 1.0,
    width: int | None = None,
) -> Array:
    """Draw a word as a reader might meet it: turned, slanted, thick or thin, blurred, on a ground that is not even.

    Args:
        text: What to draw.
        name: One of ``SEEN`` or ``UNSEEN``.
        rng: Source of randomness.
        height: Rows of the picture.
        distortion: 0 for the plain word with its margin, 1 for the usual amount.
        width: Columns of the picture; None takes what the word needs. Where there is room, the word lies anywhere.

    Returns:
        Ink (height, W) from 0 to 1.

    Example:
        >>> picture = render_word("gate", "cmr10", np.random.default_rng(0))
        >>> picture.shape[0], 0 <= picture.min() <= picture.max() <= 1
        (24, np.True_)
    """
    sheet = Image.fromarray(draw_word(text, name, round(1.6 * height)))
    much = distortion
    if (kind := rng.random()) < 0.3 * much:  # a thicker or a thinner pen
        filter_of = ImageFilter.MaxFilter if kind < 0.2 * much else ImageFilter.MinFilter
        full = Image.fromarray((np.asarray(sheet) * 255).astype(np.uint8)).filter(filter_of(3))
        share = rng.uniform(0.2, 0.8 if kind < 0.2 * much else 0.4)
        sheet = Image.fromarray((1 - share) * np.asarray(sheet) + share * np.asarray(full, np.float32) / 255)
    turn, slant = rng.uniform(-0.05, 0.05) * much, rng.uniform(-0.25, 0.25) * much
    stretch = np.exp(rng.uniform(-0.2, 0.2) * much)
    top, bottom, left, right = (0.08 + rng.uniform(-0.06, 0.12, 4) * much) * height
    columns, rows = sheet.size
    forward = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[1, slant], [0, 1]]
    across, down = np.abs(forward) @ [columns, rows]  # the box of the turned word
    scale = (height - top - bottom) / down
    needed = round(across * scale * stretch + left + right)
    width = needed if width is None else max(width, needed)
    left += rng.uniform(0, width - needed) if width > needed else 0.0
    back = np.linalg.inv(forward) / scale @ np.diag([1 / stretch, 1])
    middle = [left + across * scale * stretch / 2, top + down * scale / 2]
    shift = np.array([columns / 2, rows / 2]) - back @ middle
    told = (*back[0], shift[0], *back[1], shift[1])
    picture = sheet.transform((width, height), Image.Transform.AFFINE, told, Image.Resampling.BILINEAR)
    return _worn(rng, np.asarray(picture, dtype=np.float32), much) if much else np.asarray(picture, dtype=np.float32)


def _worn(rng: np.random.Generator, picture: Array, much: float) -> Array:
    """Blur a picture, and give it an uneven ground, pale ink, and noise."""
    height, width = picture.shape
    blur = max(0.0, rng.uniform(-0.6, 0.9)) * much
    if blur > 0.05:
        soft = Image.fromarray((picture * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
        picture = np.asarray(soft, dtype=np.float32) / 255
        picture = picture / max(float(picture.max()), 0.2)
    if rng.random() < 0.5 * much:
        coarse = Image.fromarray(rng.random((3, 6), dtype=np.float32))
        cloud = np.asarray(coarse.resize((width, height), Image.Resampling.BILINEAR)) * rng.uniform(0, 0.35) * much
        picture = picture * (1 - cloud) + cloud * rng.random()
    noise = rng.standard_normal((height, width), dtype=np.float32) * rng.uniform(0, 0.09) * much
    return np.clip(picture * rng.uniform(1 - 0.25 * much, 1.0) + noise, 0, 1).astype(np.float32)


@functools.lru_cache(maxsize=1)
def vocabulary() -> dict[str, tuple[str, ...]]:
    """Return English words of 3 to 10 letters from Python's own help, apart in training, validation and test.

    A word's part follows from its letters alone, so that it is the same in every version of Python.

    Example:
        >>> parts = vocabulary()
        >>> set(parts["train"]) & set(parts["test"]), "memory" in {*parts["train"], *parts["validation"], *parts["test"]}
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
def _of_length(words: tuple[str, ...], length: int) -> tuple[str, ...]:
    return tuple(word for word in words if len(word) == length) or words


def draw_text(rng: np.random.Generator, words: tuple[str, ...], length: int | None = None) -> tuple[str, str]:
    """Draw a text as it is printed, and what it reads as: a word, in capitals too, a number, or random letters.

    Args:
        rng: Source of randomness.
        words: Words to draw from.
        length: Characters; None for any.

    Returns:
        Such as ("Gate", "gate"): the reader does not tell capitals from small letters.
    """
    kind = rng.random()
    length = int(rng.integers(3, 11)) if length is None else length
    if kind < 0.6:
        fitting = _of_length(words, length)
        text = fitting[rng.integers(len(fitting))]
    else:
        letters = LETTERS[26:] if kind < 0.75 else LETTERS[:26]
        text = "".join(letters[k] for k in rng.integers(len(letters), size=length))
    form = rng.random()
    shown = text.upper() if form < 0.2 else text.capitalize() if form < 0.35 else text
    return shown, text
