"""Figures on dark pages: their twins keep the hues, can be read, and are the only ones that a dark page loads."""

import math
import sys

import numpy as np
import pytest
from conftest import ROOT, SITE, missing, notebooks
from explorable_helpers import soup
from PIL import Image
from playwright.sync_api import Browser, expect

from lstm_lib.notation import FAMILIES, FILMS, GRID, INK, PAGE

sys.path.insert(0, str(ROOT / "website" / "build"))
import dark


def rgb(tone: str) -> np.ndarray:
    return np.array(list(bytes.fromhex(tone[1:])))


def brightness(colour: np.ndarray) -> float:
    share = np.asarray(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(colour: np.ndarray) -> float:
    return (brightness(colour) + 0.05) / (brightness(rgb(PAGE.on_dark)) + 0.05)


@pytest.mark.parametrize("name", [*FAMILIES, *FILMS])
def test_a_colour_of_the_course_stays_that_colour(name: str) -> None:
    family = (FAMILIES | FILMS)[name]
    for tone in (family.hue, family.on_light):
        before, after = dark.to_lab(rgb(tone)), dark.to_lab(dark.turned(rgb(tone)))
        assert contrast(dark.turned(rgb(tone))) >= 4.5
        if name == "event":
            assert abs(after[1:]).max() < 0.002
            continue
        turn = math.atan2(after[2], after[1]) - math.atan2(before[2], before[1])
        assert abs(math.degrees(math.remainder(turn, 2 * math.pi))) < 6


def test_paper_ink_and_grid_are_those_of_a_dark_page() -> None:
    np.testing.assert_array_equal(dark.turned(rgb(PAGE.hue)), rgb(PAGE.on_dark))
    np.testing.assert_allclose(dark.turned(rgb(INK.hue)), rgb(INK.on_dark).astype(int), atol=3)
    assert 1.2 < contrast(dark.turned(rgb(GRID.hue))) < 2


def test_what_shows_numbers_as_colours_is_left_as_it_is() -> None:
    assert {"heat", "success_map", "inside", "pictures", "text"} <= dark.shows_colours_as_numbers()
    assert not {"lines", "runs", "spread", "film", "stream"} & dark.shows_colours_as_numbers()
    turns = dict(dark.drawn(ROOT / "chapters" / "08_learning_to_remember.ipynb"))
    assert {alt: "eat map" not in alt and "solved runs" not in alt for alt in turns} == turns


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_every_figure_that_can_be_turned_has_its_twin(path) -> None:
    page = SITE / "chapters" / f"{path.stem}.html"
    if not page.is_file():
        missing("there is no website to test: run `make book` first")
    parsed = soup(f"chapters/{path.stem}")
    wanted = [alt for alt, turns in dark.drawn(path) if turns]
    maps = {place["aria-label"] for place in parsed.select(".cell-map")}
    assert [one["alt"] for one in parsed.select("img.on-light")] == [alt for alt in wanted if alt not in maps]
    for light, twin in zip(parsed.select("img.on-light"), parsed.select("img.on-dark"), strict=True):
        assert light["alt"] == twin["alt"]
        assert light.find_next_sibling("img") is twin
        pictures = [np.asarray(Image.open(page.parent / one["src"]).convert("RGB")) for one in (light, twin)]
        np.testing.assert_array_equal(pictures[1], dark.turned(pictures[0]))


def test_a_page_shows_and_loads_the_figures_of_its_theme(browser: Browser, site: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.add_init_script("localStorage.setItem('mode', 'dark')")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/chapters/02_memory_loss.html")
    figures = page.locator("img.on-light")
    twin = page.locator("img.on-dark").first
    twin.scroll_into_view_if_needed()
    expect(twin).to_be_visible()
    expect(twin).to_have_js_property("complete", True)
    assert figures.count() > 1
    for n in range(figures.count()):
        expect(figures.nth(n)).to_be_hidden()
    pictures = [url for url in asked if "/_images/" in url]
    assert pictures
    assert all(url.endswith("-dark.png") for url in pictures)
    page.emulate_media(media="print")
    expect(figures.first).to_be_visible()
    expect(twin).to_be_hidden()
    page.close()
