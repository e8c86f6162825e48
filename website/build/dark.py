"""Figures on dark pages: each drawing has a twin whose lightness is turned over and whose hues stay.

In OKLab a colour is a lightness and a hue. The twin gives paper the lightness of a dark page and ink that of its words,
and moves the tones between, so that lines keep the colour of their gate. Where a picture shows numbers as colours, or a
photograph, nothing is turned over: bright would become dark. Those only lose their glare, by a rule of ``site.css``.
"""

import ast
import functools
import html
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

from lstm_lib._array import Array
from lstm_lib.notation import PAGE

PLOTS = Path(__file__).resolve().parent.parent.parent / "lstm_lib" / "plots"
SUFFIX = "-dark.png"
# Lightness on white paper, and on a dark page: black, ink, the darkest and the lightest hue of a gate, grid, paper.
ON_LIGHT = (0.0, 0.22, 0.53, 0.68, 0.90, 1.0)
ON_DARK = (0.97, 0.92, 0.68, 0.62, 0.34)  # and the page's own
TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def to_lab(colours: Array) -> Array:
    """Return the lightness and the hue, in OKLab, of colours (…, 3) from 0 to 255."""
    share = np.asarray(colours) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ TO_LMS.T) @ TO_LAB.T)


def from_lab(lab: Array) -> Array:
    """Return the colours of lightness and hue, the nearest that a screen can show."""
    linear = ((lab @ np.linalg.inv(TO_LAB).T) ** 3 @ np.linalg.inv(TO_LMS).T).clip(0, 1)
    share = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray((255 * share).round().astype(np.uint8))


PAPER = to_lab(np.array(list(bytes.fromhex(PAGE.on_dark[1:]))))  # not quite grey


def turned(colours: Array) -> Array:
    """Return colours (…, 3), numbers from 0 to 255, as they look on a dark page.

    Example:
        >>> turned(np.array([[255, 255, 255], [26, 26, 26], [0, 158, 115]])).tolist()
        [[20, 24, 30], [229, 229, 229], [25, 166, 122]]
    """
    lab = to_lab(colours)
    paper = np.interp(lab[..., 0], ON_LIGHT[-2:], (0, 1))
    lab[..., 0] = np.interp(lab[..., 0], ON_LIGHT, (*ON_DARK, PAPER[0]))
    lab[..., 1:] += paper[..., None] * PAPER[1:]
    return from_lab(lab)


@functools.cache
def shows_colours_as_numbers() -> set[str]:
    """Name the functions of ``lstm_lib.plots`` that call imshow, by themselves or by others.

    Example:
        >>> sorted(shows_colours_as_numbers() & {"heat", "success_map", "spread"})
        ['heat', 'success_map']
    """
    calls: dict[str, set[str]] = {}
    for file in PLOTS.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                called = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
                own = {one.id for one in called if isinstance(one, ast.Name)}
                methods = {one.attr for one in called if isinstance(one, ast.Attribute)}
                calls[node.name] = own | (methods & {"imshow"})
    found = {"imshow"}
    while more := {name for name, called in calls.items() if called & found} - found:
        found |= more
    return found - {"imshow"}


def drawn(notebook: Path) -> list[tuple[str, bool]]:
    """List the figures of a notebook: what each shows, in words, and whether it can be turned over."""
    names = "|".join(sorted(shows_colours_as_numbers()))
    kept = re.compile(rf"\bplots\.({names})\(|\bimshow\(")
    figures = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
            figures.append((alt, not kept.search("".join(cell["source"]))))
    return figures


def pair(body: str, notebook: Path) -> str:
    """Put a twin beside each figure of a page that can be turned over."""
    for alt, turns in drawn(notebook):
        words = html.escape(alt, quote=False).replace('"', "&quot;")
        picture = re.compile(rf'<img\b[^>]*\balt="{re.escape(words)}"[^>]*src="([^"]*)\.png"[^>]*>')
        if alt and turns:
            body = picture.sub(_twins, body, count=1)
    return body


def _twins(found: re.Match[str]) -> str:
    light = found[0].replace("<img", '<img class="on-light"', 1)
    dark = found[0].replace("<img", '<img class="on-dark" loading="lazy"', 1)
    return light + dark.replace(f"{found[1]}.png", f"{found[1]}{SUFFIX}")


def write(folder: Path, texts: list[str]) -> None:
    """Draw the twins that pages ask for, where they are not drawn yet."""
    wanted = {name for text in texts for name in re.findall(rf"_images/(\w+){SUFFIX}", text)}
    for name in wanted:
        twin, picture = folder / f"{name}{SUFFIX}", folder / f"{name}.png"
        if not twin.is_file():
            with Image.open(picture) as opened:
                Image.fromarray(turned(np.asarray(opened.convert("RGB")))).save(twin, optimize=True)
