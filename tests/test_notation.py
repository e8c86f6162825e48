"""The one table: every page, figure and framework order that repeats it says the same."""

import re
from pathlib import Path

import numpy as np
import pytest

from lstm_lib import notation

PAGE = (Path(__file__).parent.parent / "notation.md").read_text(encoding="utf-8")


def luminance(colour):
    channels = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("family", [*notation.FAMILIES.values(), *notation.FILMS.values(), notation.INK])
def test_words_can_be_read_and_lines_can_be_seen_on_both_pages(family):
    assert contrast(family.on_light, notation.PAGE.on_light) >= 4.5
    assert contrast(family.on_dark, notation.PAGE.on_dark) >= 4.5
    assert contrast(family.hue, notation.PAGE.on_light) >= 3.0


@pytest.mark.parametrize("symbol", notation.SYMBOLS.values(), ids=lambda s: s.symbol)
def test_the_notation_page_has_a_row_for_each_symbol(symbol):
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| ${symbol.symbol}$ "))
    assert f"| {symbol.everyday} | {symbol.standard} |" in row
    assert f">{symbol.family}</span>" in row


@pytest.mark.parametrize("framework", notation.GATE_ORDERS)
def test_the_notation_page_has_the_gate_order_of_each_framework(framework):
    assert f"| {framework} | {', '.join(notation.GATE_ORDERS[framework])} |" in PAGE


@pytest.mark.parametrize(("verb", "line"), notation.VERBS.items())
def test_the_four_lines_stand_in_the_cell_and_on_the_pages(verb, line):
    cells = (Path(notation.__file__).parent / "from_scratch" / "cells.py").read_text(encoding="utf-8")
    intro = (Path(__file__).parent.parent / "intro.md").read_text(encoding="utf-8")
    assert re.search(rf"^    {re.escape(line)} +# {verb} gate", cells, re.MULTILINE)
    for page in (PAGE, intro):
        assert re.search(rf"gate-{verb}\">{verb}</span>.*`{re.escape(line)}`", page)


def test_an_unknown_symbol_is_named():
    with pytest.raises(ValueError, match="got symbol 'q', expected one of x, i, g"):
        notation.colour("q")
