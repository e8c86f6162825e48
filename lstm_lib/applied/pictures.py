"""Pictures of writing, from a file to what a reader takes: grey, ink as 1 on ground as 0, brought to one height.

Shapes: R rows, W columns of a picture.
"""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lstm_lib._array import Array

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
LARGEST = 40_000_000  # pixels of a file that is opened
WIDEST = 4000  # columns at the reader's height
FLAT = 0.05  # less contrast than this is no writing
MARGIN = 0.08  # ground above, below, left and right of the ink, in heights of the ink
DAMAGE = (OSError, SyntaxError, EOFError, struct.error, zlib.error, IndexError, KeyError, TypeError)


def open_picture(path: str | Path) -> Array:
    """Read a picture from a file, in grey.

    A transparent ground is made white; the orientation that a camera noted is applied; 16 bits are kept as fractions.

    Args:
        path: PNG, JPEG, BMP, GIF, TIFF, WebP or PPM, with one frame.

    Returns:
        Brightness (R, W) from 0, black, to 1, white.

    Raises:
        ValueError: If there is no such file, or it is empty, damaged, cut short, mislabelled, animated, too large, or
            holds something else than a picture in grey or colour. The message begins with the file's name.

    Example:
        >>> open_picture("no-such-file.png")
        Traceback (most recent call last):
        ...
        ValueError: no-such-file.png: got no such file, expected a picture
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: got no such file, expected a picture")
    if not path.is_file():
        raise ValueError(f"{path}: got a folder or a device, expected a picture")
    try:
        if path.stat().st_size == 0:
            raise ValueError(f"{path}: got an empty file, expected a picture")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damage that is refused below, and of sizes
            with Image.open(path, formats=FORMATS) as picture:
                _expect_one_of_fair_size(path, picture)
                _load(path, picture)
                return grey(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError:
        expected = f"expected a picture in {', '.join(FORMATS)}"
        raise ValueError(f"{path}: got a file that is no picture, or whose beginning is damaged; {expected}") from None
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: got a picture that is too large ({error})") from None
    except DAMAGE as error:
        raise _damaged(path, error) from None
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: {error}") from None


def _load(path: Path, picture: Image.Image) -> None:
    """Read the pixels; older versions of Pillow raise a ValueError where there are too few."""
    try:
        picture.load()
    except ValueError as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: got a file that is damaged, cut short, or cannot be read ({error})")


def _expect_one_of_fair_size(path: Path, picture: Image.Image) -> None:
    """Raise a ValueError for what is not one picture of a size that a line of writing may have."""
    found, named = str(picture.format), Image.registered_extensions().get(path.suffix.lower())
    same = {"MPO": "JPEG"}
    if named is not None and same.get(named, named) != same.get(found, found):
        raise ValueError(f"{path}: got {found} in a file whose name says {named}, expected a name that is true")
    width, height = picture.size
    if width < 1 or height < 1:
        raise ValueError(f"{path}: got {width} × {height} pixels, expected at least 1 × 1")
    if width * height > LARGEST:
        raise ValueError(f"{path}: got {width} × {height} pixels, expected at most {LARGEST:,} in all")
    frames = getattr(picture, "n_frames", 1)
    if frames != 1:
        raise ValueError(f"{path}: got {frames} frames or pages, expected one picture")


def grey(picture: Image.Image) -> Array:
    """Turn a picture of Pillow into brightness.

    Raises:
        ValueError: If its numbers are no brightness, such as 32-bit integers or fractions without a scale.

    Example:
        >>> grey(Image.new("RGBA", (3, 2), (0, 0, 0, 0)))  # nothing but transparency: white
        array([[1., 1., 1.],
               [1., 1., 1.]], dtype=float32)
    """
    mode = picture.mode
    if mode.startswith("I;16"):
        return np.asarray(picture, dtype=np.float32) / 65535
    if mode in ("I", "F"):
        raise ValueError(f"got 32-bit numbers without a scale (mode {mode}), expected 8 or 16 bits a colour")
    if mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        over = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    elif mode not in ("1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV"):
        raise ValueError(f"got colours of mode {mode}, expected grey, RGB, CMYK or a palette")
    return np.asarray(picture.convert("RGB").convert("L"), dtype=np.float32) / 255


def ink(brightness: Array) -> Array:
    """Find the ground, and return how far each pixel is from it: 1 for full ink, 0 for ground.

    The ground is the median of the picture's edge; the ink is dark or light, whichever side of it the mean lies.

    Args:
        brightness: (R, W), any scale.

    Raises:
        ValueError: If it is no picture in grey, or all of one brightness.

    Example:
        >>> white = np.ones((3, 4)); white[1, 1:3] = 0.5
        >>> (ink(white) == ink(1 - white)).all(), ink(white).max()
        (np.True_, np.float32(1.0))
    """
    given = np.asarray(brightness, dtype=np.float32)
    if given.ndim != 2 or min(given.shape) < 1:
        raise ValueError(f"got an array of shape {given.shape}, expected rows and columns of brightness")
    if not np.isfinite(given).all():
        raise ValueError("got NaN or inf among the pixels, expected brightness")
    edge = np.concatenate([given[0], given[-1], given[:, 0], given[:, -1]])
    ground = np.median(edge)
    away = given - ground if given.mean() > ground else ground - given
    most = np.percentile(away, 99.5) if away.size > 400 else away.max()
    most = max(most, 0.5 * away.max())
    if not most >= FLAT * max(1.0, float(np.abs(given).max())):
        raise ValueError("got a picture of one brightness, expected writing in ink that differs from its ground")
    relative: Array = np.clip(away / most, 0, 1).astype(np.float32)
    return relative


def trim(picture: Array, margin: float = MARGIN) -> Array:
    """Cut off the ground around the ink, and leave a margin, in heights of the ink.

    Example:
        >>> picture = np.zeros((50, 40), np.float32); picture[10:30, 5:25] = 1
        >>> trim(picture, 0.1).shape
        (24, 24)
    """
    is_ink = picture > 0.35
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    cut = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.pad(cut, max(1, round(margin * len(cut))))


def to_height(picture: Array, height: int) -> Array:
    """Scale a picture to a height; its width follows.

    Raises:
        ValueError: If it would be wider than ``WIDEST``: then it is no line of writing.

    Example:
        >>> to_height(np.zeros((8, 20), np.float32), 16).shape
        (16, 40)
    """
    rows, columns = picture.shape
    width = max(1, round(columns * height / rows))
    if width > WIDEST:
        expected = f"expected one line, at most {WIDEST // height} times as wide as high"
        raise ValueError(f"got a picture of {columns} × {rows} pixels, {expected}")
    scaled = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(scaled, dtype=np.float32)


def line(brightness: Array, height: int) -> Array:
    """Bring a picture of one line of writing to what a reader takes.

    Args:
        brightness: (R, W), ink dark or light, with or without ground around it.
        height: Rows that the reader has.

    Returns:
        Ink (height, W') from 0 to 1.

    Raises:
        ValueError: If there is no ink, or it is no line.

    Example:
        >>> page = np.ones((60, 200)); page[20:40, 30:150] = 0
        >>> line(page, 16).shape
        (16, 83)
    """
    return to_height(trim(ink(brightness)), height)
