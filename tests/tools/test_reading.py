"""How long a chapter takes to read is counted from what it shows."""

import json
import math

import pytest

from tools import reading

CELLS = [
    {"cell_type": "markdown", "metadata": {}, "source": ["# Four words are here\n", "**Time:** 99 minutes to read"]},
    {"cell_type": "markdown", "metadata": {}, "source": ["<details>\n", "Nobody counts this.\n", "</details>"]},
    {"cell_type": "markdown", "metadata": {"exercise": "gate"}, "source": ["Not counted as words."]},
    {"cell_type": "code", "metadata": {}, "source": ["a = 1\n", "\n", "longer = 2"]},
    {"cell_type": "code", "metadata": {"tags": ["hide-input"]}, "source": ["x = 1"]},
    {"cell_type": "code", "metadata": {"exercise": "gate"}, "source": ["def gate(): ..."]},
    {"cell_type": "code", "metadata": {"exercise": "gate", "tags": ["hide-cell"]}, "source": ["def gate(): return 1"]},
    {"cell_type": "code", "metadata": {"case": "patient", "tags": ["hide-input"]}, "source": ["ask()"]},
    {"cell_type": "markdown", "metadata": {}, "source": ["## Deeper: more\n", "\n", "This can wait."]},
    {"cell_type": "code", "metadata": {}, "source": ["deeper = 3"]},
    {"cell_type": "code", "metadata": {"case": "other", "tags": ["hide-input"]}, "source": ["ask()"]},
    {"cell_type": "markdown", "metadata": {}, "source": ["## Sources"]},
]


@pytest.fixture
def chapter(tmp_path):
    path = tmp_path / "90_chapter.ipynb"
    path.write_text(json.dumps({"cells": CELLS}), encoding="utf-8")
    return path


def test_folds_exercises_and_what_is_deeper_are_left_out_of_words_and_minutes(chapter):
    found = reading.measure(chapter)
    assert (found.words, found.exercises) == (10, 2)
    assert found.minutes == 4  # 10 / 180 + 2 / 12 + 2 · 1.5 = 3.22, rounded up


@pytest.mark.parametrize("path", sorted(reading.CHAPTERS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_minutes_of_sections_and_exercises_make_those_of_the_chapter(path):
    found = reading.measure(path)
    whole = sum(reading.sections(path).values()) + reading.MINUTES_AN_EXERCISE * found.exercises
    assert math.ceil(round(whole, 9)) == found.minutes
    headings = "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])
    assert all(f"## {title}" in headings for title in reading.sections(path) if title)


def test_the_front_page_lists_every_chapter_once_and_has_the_sum():
    line = "[one](chapters/01_one.ipynb) (1 minutes)"
    with pytest.raises(ValueError, match="got links with minutes to 01_one, expected 01_one, 02_two"):
        reading.way_through(line, {"01_one": 20, "02_two": 30})
    with pytest.raises(ValueError, match="got no sentence with"):
        reading.way_through(line, {"01_one": 20})


def test_every_line_that_is_shown_is_counted_and_measured_in_exercises_too(chapter):
    found = reading.measure(chapter)
    assert (found.lines, found.widest) == (4, len("def gate(): ..."))


def test_the_minutes_of_the_opening_are_written_by_the_tool(chapter):
    reading.write(chapter)
    assert "**Time:** 4 minutes to read" in chapter.read_text(encoding="utf-8")


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
