"""The one table: every page, figure and framework order that repeats it says the same."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lstm_lib import notation, plots, tasks

PAGE = (Path(__file__).parent.parent / "notation.md").read_text(encoding="utf-8")


def luminance(colour):
    channels = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("family", [*notation.FAMILIES.values(), notation.INK])
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
    cells = (Path(notation.__file__).parent / "cells.py").read_text(encoding="utf-8")
    intro = (Path(__file__).parent.parent / "intro.md").read_text(encoding="utf-8")
    assert re.search(rf"^    {re.escape(line)} +# {verb} gate", cells, re.MULTILINE)
    for page in (PAGE, intro):
        assert re.search(rf"gate-{verb}\">{verb}</span>.*`{re.escape(line)}`", page)


def test_an_unknown_symbol_is_named():
    with pytest.raises(ValueError, match="got symbol 'q', expected one of x, i, g"):
        notation.colour("q")


def test_curves_carry_the_colour_of_their_symbol_and_their_name_at_the_end():
    ax = plots.lines([0, 1], {"forget": [1, 0.5], "other": [0, 0.5]}, colours={"forget": "f"}, x="step t", y="f")
    assert ax.lines[0].get_color() == notation.FAMILIES["forget"].hue
    assert [text.get_text() for text in ax.texts] == ["forget", "other"]
    heights = [text.xy[1] for text in ax.texts]
    assert heights[1] > heights[0]  # both end at 0.5; the second name is pushed up
    plt.close(ax.figure)


def test_the_picture_of_the_stream_shows_every_write_question_and_passing_symbol():
    batch = tasks.recall_stream(np.random.default_rng(4), 3, 24, boxes=2)
    ax = plots.stream(batch, sequence=1, boxes=2)
    shown = sorted(text.get_text() for text in ax.texts)
    xs, expected = batch.xs[:, 1], []
    for t in range(24):
        letter = "abcd"[xs[t, :4].argmax()]
        if xs[t, 6:].any():
            expected.append("ABCD"[batch.targets[t, 1]] + "?")
        else:
            expected.append(letter.upper() if xs[t, 4:6].any() else letter)
    assert shown == sorted(expected)
    plt.close(ax.figure)


def test_a_plot_refuses_arrays_of_another_form():
    with pytest.raises(ValueError, match=r"got RNN of shape \(3,\), expected \(S, K\) with K = 3"):
        plots.runs([0, 1, 2], {"RNN": np.zeros(3)}, x="delay", y="accuracy")
    with pytest.raises(ValueError, match="got kind 'state', expected one of gate, memory, gradient"):
        plots.heat(np.eye(2), x="step t", y="unit", bar="h", kind="state")


def test_steps_and_units_are_counted_in_whole_numbers():
    for ax in (
        plots.lines(range(8), {"h": np.linspace(0, 1, 8)}, x="step t", y="h"),
        plots.heat(np.eye(8), x="step t", y="unit", bar="f"),
    ):
        ax.figure.canvas.draw()
        for tick in (*ax.get_xticks(), *(ax.get_yticks() if ax.get_ylabel() == "unit" else [])):
            assert tick == round(tick)
        plt.close(ax.figure)
