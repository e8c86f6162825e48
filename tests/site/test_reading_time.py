"""A chapter can be read in the time that it announces, and shows no more code than a reader should own."""

import pytest
from conftest import notebooks

from tools import reading

CHAPTERS = notebooks()
LONG = {"09", "10", "11"}  # where code is the subject


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_announces_the_time_that_it_takes(path):
    assert f"**Time:** {reading.measure(path).minutes} minutes" in path.read_text(encoding="utf-8")


def test_the_front_page_says_how_long_each_chapter_takes_and_all_of_them():
    text = reading.INTRO.read_text(encoding="utf-8")
    assert reading.way_through(text, reading.numbered()) == text


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_takes_25_minutes_at_most(path):
    assert reading.measure(path).minutes <= 25


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_visible_code_is_short_and_fits_its_box(path):
    found = reading.measure(path)
    assert found.lines <= (200 if path.stem[:2] in LONG else 120)
    assert found.widest <= 76
