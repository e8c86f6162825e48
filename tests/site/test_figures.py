"""On a telephone, 390 CSS pixels wide, the text of every figure has at least 9 of them.

The browser says how wide a stored picture is shown; how large its text is at that width follows from the file, whose
dots per inch it names, and from the smallest text that a figure may hold. That none holds smaller text is measured when
it is drawn: of every plot here, of every notebook in tests/tools/test_run_elsewhere.py.
"""

import base64
import doctest
import json
import struct
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import Tabs, notebooks
from explorable_helpers import lay_out

from lstm_lib import plots
from tools import figures


def dots_per_inch(png: bytes) -> float:
    """Return what a PNG says of its size: dots a metre, in the chunk pHYs."""
    at = png.index(b"pHYs") + 4
    across, down, unit = struct.unpack(">IIB", png[at : at + 9])
    assert across == down
    assert unit == 1
    return across * 0.0254


def stored(path: Path) -> dict[int, float]:
    """Return the pictures of a notebook: their width in pixels, and their dots per inch."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    pictures = [output["data"] for cell in cells for output in cell.get("outputs", []) if "data" in output]
    pngs = [base64.b64decode("".join(data["image/png"])) for data in pictures if "image/png" in data]
    return {struct.unpack(">I", png[16:20])[0]: dots_per_inch(png) for png in pngs}


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_text_in_a_figure_has_nine_pixels_on_a_telephone(tab: Tabs, site: str, path: Path) -> None:
    page = tab(390, 844)
    page.goto(f"{site}/chapters/{path.stem}.html")
    lay_out(page)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
    seen = page.evaluate(
        # Figures for dark pages are not shown on light ones.
        """async () => Promise.all([...document.querySelectorAll(
            ".cell_output img:not(.on-dark)"
        )].map(async (image) => {
            image.loading = "eager";
            await image.decode();
            return [image.naturalWidth, image.getBoundingClientRect().width];
        }))"""
    )
    page.close()
    dpi = stored(path)
    for natural, shown in seen:
        assert shown == min(natural, figures.SHOWN)  # what the measurements elsewhere take for granted
        pixels = figures.on_screen(figures.POINTS, dpi[natural], natural, shown)
        assert pixels >= figures.LEGIBLE, f"a figure {natural} pixels wide: {figures.POINTS} points are {pixels:.1f} px"


@pytest.mark.parametrize("name", plots.__all__)
def test_no_plot_writes_smaller_than_a_telephone_can_show(name: str) -> None:
    example = doctest.DocTestFinder(recurse=False).find(getattr(plots, name), name)[0]
    example.globs = {**vars(plots), "np": np}
    doctest.DocTestRunner(verbose=False).run(example)
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
        assert min(figures.sizes(plt.figure(number)).values()) >= figures.POINTS
    plt.close("all")
