"""What scenes are made of: photographs, textures and fonts, and which of them are held out.

Three lots share nothing: "train"; "choose", for thresholds and every other choice; and "test", asked once, at the end.
They differ in photographs, in the kinds of texture, and in the families of fonts, all of which come with the packages:
two photographs with scikit-learn (danielbuechele and vultilion, CC BY 2.0), the others with matplotlib.

Shapes: H rows, W columns of pixels; grey runs from 0 to 1.
"""

import functools
import gzip
import hashlib
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFont

from lstm_lib._extras import need

Grey = NDArray[np.float32]


STAND_INS = {"cmti10": "cmr10"}  # matplotlib has Computer Modern's italics since 3.11; before, the upright letters


@functools.cache
def font_file(name: str) -> Path:
    """Return the file of one of matplotlib's fonts, or of the one that stands in for it in an older matplotlib.

    Raises:
        ModuleNotFoundError: If there is no matplotlib.

    Example:
        >>> font_file("cmr10").name
        'cmr10.ttf'
    """
    need("matplotlib", "rendered texts and scenes", "uses")
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    file = folder / f"{name}.ttf"
    return file if file.is_file() or name not in STAND_INS else folder / f"{STAND_INS[name]}.ttf"


class Lot(NamedTuple):
    """Names of photographs, of textures, and of font files: a scene is made from one lot only."""

    photographs: tuple[str, ...]
    textures: tuple[str, ...]
    fonts: tuple[str, ...]


def _styles(family: str, *styles: str) -> tuple[str, ...]:
    return tuple(family + style for style in styles)


_FOUR = ("", "-Bold", "-Oblique", "-BoldOblique")
LOTS = {
    "train": Lot(
        ("pagoda", "valley"),
        ("clouds", "waves", "tiles"),
        _styles("DejaVuSans", *_FOUR)
        + _styles("DejaVuSerif", "", "-Bold", "-Italic", "-BoldItalic")
        + _styles("STIXGeneral", "", "Bol", "Italic", "BolIta"),
    ),
    "choose": Lot(("parcel", "head"), ("stripes",), _styles("DejaVuSansMono", *_FOUR)),
    "test": Lot(("dahlia", "officer"), ("bricks", "weave"), ("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10")),
}


def _sample(name: str) -> Image.Image:
    from sklearn.datasets import load_sample_image  # here, because it takes a second to load

    return Image.fromarray(load_sample_image(name))


def _file(name: str) -> str:
    """Return the path of one of matplotlib's samples, which not every version opens alike."""
    need("matplotlib", "scenes", "uses")
    from matplotlib import cbook

    return str(cbook.get_sample_data(name, asfileobj=False))


def _officer() -> Image.Image:
    """Grace Hopper down to her collar: below it, a name tag bears text that no list of ours knows of."""
    return Image.open(_file("grace_hopper.jpg")).convert("L").crop((0, 0, 512, 420))


def _parcel() -> Image.Image:
    picture = Image.open(_file("Minduka_Present_Blue_Pack.png")).convert("RGBA")
    ground = Image.new("RGBA", picture.size, (200, 200, 200, 255))
    return Image.alpha_composite(ground, picture).convert("L").resize((384, 384), Image.Resampling.BICUBIC)


def _head() -> Image.Image:
    with gzip.open(_file("s1045.ima.gz")) as file:
        slices = np.frombuffer(file.read(), np.uint16).reshape(256, 256)
    return Image.fromarray(np.uint8(np.clip(slices / 1200, 0, 1) * 255))


def _valley() -> Image.Image:
    """Jacksboro Fault seen from above, with the sun in the north-west."""
    with np.load(_file("jacksboro_fault_dem.npz")) as heights:
        down, right = np.gradient(heights["elevation"].astype(float))
    return Image.fromarray(np.uint8(np.clip(0.5 + (down + right) / 90, 0, 1) * 255))


PHOTOGRAPHS: dict[str, Callable[[], Image.Image]] = {
    "pagoda": lambda: _sample("china.jpg"),
    "valley": _valley,
    "parcel": _parcel,
    "head": _head,
    "dahlia": lambda: _sample("flower.jpg"),
    "officer": _officer,
}


@functools.cache
def photograph(name: str) -> Image.Image:
    """Return a photograph in grey.

    Example:
        >>> photograph("officer").size
        (512, 420)
    """
    return PHOTOGRAPHS[name]().convert("L")


def texture(rng: np.random.Generator, name: str, height: int, width: int) -> Grey:
    """Draw a texture.

    Args:
        rng: Where randomness comes from.
        name: clouds, waves, tiles, stripes, bricks or weave.
        height: H.
        width: W.

    Returns:
        (H, W), mean about a half.

    Example:
        >>> texture(np.random.default_rng(0), "bricks", 4, 6).shape
        (4, 6)
    """
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 30)
    across = np.cos(angle) * x + np.sin(angle) * y
    along = np.cos(angle) * y - np.sin(angle) * x
    if name == "clouds":  # many waves, the longer the stronger
        waves = np.fft.fftfreq(height)[:, None] ** 2 + np.fft.fftfreq(width) ** 2
        grey = np.fft.ifft2(np.fft.fft2(rng.normal(size=(height, width))) / (waves + 1e-4) ** 0.6).real
    elif name == "waves":
        grey = np.sin(6.28 / period * across + 2 * np.sin(6.28 / (3 * period) * along))
    elif name == "tiles":
        shades = rng.normal(size=(60, 60))
        grey = shades[(across // period).astype(int) % 60, (along // period).astype(int) % 60]
    elif name == "stripes":
        grey = np.sign(np.sin(6.28 / period * across))
    elif name == "bricks":
        row = (y // (period / 2)).astype(int)
        place = x + row % 2 * period
        shades = rng.normal(size=(97, 97))
        joint = (y % (period / 2) < 2) | (place % (2 * period) < 2)
        grey = np.where(joint, 2.5, shades[row % 97, (place // (2 * period)).astype(int) % 97])
    elif name == "weave":
        grey = np.sin(6.28 / period * across) * np.sin(6.28 / period * along)
    else:
        raise ValueError(f"got texture {name!r}, expected clouds, waves, tiles, stripes, bricks or weave")
    grey = (grey - grey.mean()) / (grey.std() + 1e-6)
    return np.asarray((0.5 + 0.2 * grey).clip(0, 1), np.float32)


def background(rng: np.random.Generator, lot: Lot, height: int, width: int) -> Grey:
    """Draw a piece of a photograph of the lot, or in one of four cases a texture; its brightness varies.

    Args:
        rng: Where randomness comes from.
        lot: What may be taken.
        height: H.
        width: W.

    Returns:
        (H, W).

    Example:
        >>> background(np.random.default_rng(0), LOTS["train"], 96, 192).shape
        (96, 192)
    """
    if rng.random() < 0.25:
        grey: Grey = texture(rng, str(rng.choice(lot.textures)), height, width)
    else:
        picture = photograph(str(rng.choice(lot.photographs)))
        most = min(picture.width / width, picture.height / height)
        scale = rng.uniform(0.4, 1.0) * most
        w, h = scale * width, scale * height
        left, top = rng.uniform(0, picture.width - w), rng.uniform(0, picture.height - h)
        piece = picture.resize((width, height), Image.Resampling.BILINEAR, box=(left, top, left + w, top + h))
        grey = np.asarray(np.asarray(piece, np.float32) / 255, np.float32)
    if rng.random() < 0.5:
        grey = grey[:, ::-1]
    span = rng.uniform(0.3, 1.0)
    grey = grey * np.float32(span) + np.float32(rng.uniform(0, 1 - span))
    return 1 - grey if rng.random() < 0.25 else grey


# ---------------------------------------------------------------- what is held out is held out


@functools.cache
def family(font: str) -> str:
    """Return the family that a font file says it belongs to.

    Example:
        >>> family("DejaVuSans-Bold"), family("cmtt10")
        ('DejaVu Sans', 'cmtt10')
    """
    return str(ImageFont.truetype(font_file(font), 10).getname()[0])


def _traces(lot: Lot) -> dict[str, str]:
    """Return what a lot consists of, by content: pixels for photographs, the file's own word for fonts."""
    traces = {f"texture {name}": f"texture {name}" for name in lot.textures}
    traces |= {f"font {name}": f"family {family(name)}" for name in lot.fonts}
    for name in lot.photographs:
        traces[f"photograph {name}"] = hashlib.sha256(photograph(name).tobytes()).hexdigest()
    return traces


def expect_apart(lots: Mapping[str, Lot]) -> None:
    """Raise a ValueError if two lots share a photograph, a kind of texture, or a family of fonts.

    Content counts, not names: the same pixels under another name are the same photograph, and the bold face of a
    family that was trained on is no new font.

    Example:
        >>> expect_apart(LOTS)
        >>> leaking = LOTS["test"]._replace(fonts=("DejaVuSans-Bold", "cmr10"))
        >>> expect_apart({"train": LOTS["train"], "test": leaking})
        Traceback (most recent call last):
        ...
        ValueError: got font DejaVuSans-Bold in test, and font DejaVuSans in train: expected lots that share nothing
    """
    for (one, first), (other, second) in combinations(lots.items(), 2):
        seen = {trace: name for name, trace in reversed(_traces(first).items())}
        for name, trace in _traces(second).items():
            if trace in seen:
                raise ValueError(f"got {name} in {other}, and {seen[trace]} in {one}: expected lots that share nothing")
