"""How long a chapter takes to read is counted from what it shows."""

import json

import pytest

from tools import reading

CELLS = [
    {"cell_type": "markdown", "metadata": {}, "source": ["# Four words are here\n", "**Time:** 99 minutes to read"]},
    {"cell_type": "markdown", "metadata": {}, "source": ["<details>\n", "Nobody counts this.\n", "</details>"]},
    {"cell_type": "markdown", "metadata": {"exercise": "gate"}, "source": ["Not counted as words."]},
    {"cell_type": "code", "metadata": {}, "source": ["a = 1\n", "\n", "longer = 2"]},
    {"cell_type": "code", "metadata": {"tags": ["hide-input"]}, "source": ["x = 1"]},
    {"cell_type": "code", "metadata": {"exercise": "gate"}, "source": ["def gate(): ..."]},
]


@pytest.fixture
def chapter(tmp_path):
    path = tmp_path / "90_chapter.ipynb"
    path.write_text(json.dumps({"cells": CELLS}), encoding="utf-8")
    return path


def test_folds_and_exercises_are_left_out_of_words_and_lines(chapter):
    found = reading.measure(chapter)
    assert (found.words, found.lines, found.widest, found.exercises) == (9, 2, len("longer = 2"), 1)


def test_minutes_follow_the_formula(chapter):
    assert reading.measure(chapter).minutes == 2  # 9 / 180 + 2 / 12 + 1.5 = 1.72, rounded up


def test_the_minutes_of_the_opening_are_written_by_the_tool(chapter):
    reading.write(chapter)
    assert "**Time:** 2 minutes to read" in chapter.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("> **Title**\n>\n> Seen.", [">", "**Title**", ">", ">", "Seen."]),
        ("<details>\n<summary>A</summary>\n\nFolded.\n</details>\nSeen.", ["Seen."]),
        ("<details>\n<details>\nFolded.\n</details>\nFolded.\n</details>\nSeen.", ["Seen."]),
    ],
)
def test_what_is_folded_is_not_read(source, words):
    assert reading.visible_text(source).split() == words


def test_a_citation_is_one_word():
    text = "([A and B, 1990](../references.md#a); [C, 1991](../references.md#c)), as [D (1992)](references.md#d) says."
    assert len(reading.WORD.findall(reading.visible_text(text))) == 4
