"""Measure the text of figures as a telephone shows them: in CSS pixels, on a page that is 390 of them wide.

A picture of W pixels is shown SHOWN pixels wide there, or W where it is narrower, and its text shrinks with it. What is
drawn is measured while it is drawn: run by a kernel before anything else, this file appends a line of JSON for each
figure of a notebook to the file that ``LSTM_FIGURES`` names.
"""

import json
import os
import re
import struct
from typing import Any

SHOWN = 358  # CSS pixels that are left for a figure on a page of 390
LEGIBLE = 9.0  # CSS pixels from one line to the next that text needs
POINTS = 9.0  # the smallest text that a figure of the course may hold: with LEGIBLE it says how wide one may be
INDEX = re.compile(r"\$[A-Za-z]_(?:[a-z]|\{[^}]*\})\$")  # a symbol whose index is smaller, as typesetting has it


def on_screen(points: float, dpi: float, width: float, shown: float = SHOWN) -> float:
    """Return how many CSS pixels text has in a picture of some width, where it is shown.

    Example:
        >>> round(on_screen(9, dpi=100, width=451), 1), round(on_screen(9, dpi=100, width=711), 1)
        (9.9, 6.3)
    """
    return points * dpi / 72 * min(1.0, shown / width)


def sizes(figure: Any) -> dict[str, float]:
    """Return the text of a figure, and the points of its smallest letter, exponents with it.

    Example:
        >>> from matplotlib.figure import Figure
        >>> figure = Figure()
        >>> _ = figure.text(0, 0, "a state", fontsize=8), figure.text(0, 0, "$10^{-4}$"), figure.text(0, 0, "$b_f$")
        >>> {name: round(points, 1) for name, points in sizes(figure).items()}
        {'a state': 8.0, '$10^{-4}$': 7.0, '$b_f$': 10.0}
    """
    from matplotlib.mathtext import MathTextParser
    from matplotlib.text import Text

    found: dict[str, float] = {}
    for text in figure.findobj(Text):
        name, points = text.get_text(), text.get_fontsize()
        if not text.get_visible() or not name.strip():
            continue
        if "$" in INDEX.sub("", name):
            glyphs = MathTextParser("path").parse(name, 72, text.get_fontproperties()).glyphs
            points = min(size for _, size, *_ in glyphs)
        found[name] = min(points, found.get(name, points))
    return found


def illegible(sizes: dict[str, float], dpi: float, width: float) -> dict[str, float]:
    """Return the text that is too small on a telephone, with its CSS pixels.

    Example:
        >>> illegible({"step t": 10, "33%": 8}, dpi=100, width=451)
        {'33%': 8.8}
    """
    pixels = {name: on_screen(points, dpi, width) for name, points in sizes.items()}
    return {name: round(size, 1) for name, size in pixels.items() if size < LEGIBLE}


def record(path: str) -> None:
    """Append to a file, from now on, the text of each figure that is turned into a PNG in memory, as Jupyter does."""
    from matplotlib.backend_bases import FigureCanvasBase

    plain = FigureCanvasBase.print_figure

    def print_figure(self: Any, filename: Any, *args: Any, **options: Any) -> Any:
        done = plain(self, filename, *args, **options)
        start = filename.getvalue()[:24] if hasattr(filename, "getvalue") else b""
        if start.startswith(b"\x89PNG"):
            row = {"dpi": self.figure.dpi, "width": struct.unpack(">I", start[16:20])[0], "sizes": sizes(self.figure)}
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return done

    FigureCanvasBase.print_figure = print_figure  # type: ignore[method-assign]


if "LSTM_FIGURES" in os.environ:
    record(os.environ["LSTM_FIGURES"])
