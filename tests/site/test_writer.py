"""The page that writes: its arithmetic held to PyTorch's, and its hands in a browser."""

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from anywidget import AnyWidget
from explorable_helpers import axe, module, node
from playwright.sync_api import Locator, expect

from lstm_lib.applied import cells_to_read, language, models
from lstm_lib.widgets import Writer

FILE = models.FOLDER / "shakespeare.safetensors"
BEGINNING = "JULIET:\nO Romeo"
SCORES = [0.5, -1.0, 2.0, 1.9]

SCRIPT = f"""
import * as writer from {module("writer")};
import {{ whole }} from {module("engine")};
import {{ random }} from {module("parts")};
import {{ readFileSync }} from "node:fs";
const network = writer.open(readFileSync({json.dumps(str(FILE))}));
const likeliest = {{ temperature: 0, chance: () => 0 }};
const steps = [], nothing = [];
whole(writer.write(network, {json.dumps(BEGINNING)}, {{ ...likeliest, length: 60, each: (s) => steps.push(s) }}));
whole(writer.write(network, "", {{ ...likeliest, length: 3, each: (s) => nothing.push(s) }}));
const draws = random(1);
console.log(JSON.stringify({{
  text: steps.map((s) => s.character).join(""),
  written: steps.filter((s) => s.written).length,
  memory: [...steps.at(-1).memory],
  scores: [...steps.at(-1).scores],
  nothing: nothing.map((s) => s.character).join(""),
  shares: [0, 0.5, 1, 3].map((t) => [...writer.shares({json.dumps(SCORES)}, t)]),
  picked: [0, 0.09, 0.11, 0.99999].map((u) => writer.pick([0.1, 0.2, 0, 0.7], u)),
  draws: Array.from({{ length: 4000 }}, draws),
  words: writer.placeWords(network, steps, 6, 485),
  strangers: ["ROMEO é", "fine"].map((text) => writer.stranger(network, text) ?? null),
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    """Run the functions of the ES module under node and return what they give."""
    return node(SCRIPT)


def test_it_writes_what_pytorch_writes(told):
    network, card = models.load("shakespeare")
    vocabulary = language.Vocabulary(card["characters"])
    text = language.generate(network, vocabulary, BEGINNING, 60, temperature=0)
    assert told["text"] == text
    assert told["written"] == 60
    tokens = vocabulary.encode(text)
    np.testing.assert_allclose(told["memory"], cells_to_read.memories(network, tokens)[-1], rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        scores = network(torch.from_numpy(tokens)[:, None], None)[0][-1, 0]
    np.testing.assert_allclose(told["scores"], scores.numpy(), rtol=1e-4, atol=1e-4)
    assert told["nothing"] == language.generate(network, vocabulary, "", 3, temperature=0)


def test_the_shares_are_those_of_the_library(told):
    for temperature, got in zip([0, 0.5, 1, 3], told["shares"], strict=True):
        np.testing.assert_allclose(got, language.shares(torch.tensor(SCORES), temperature), rtol=1e-6, atol=1e-7)


def test_a_number_picks_the_share_it_falls_into_and_never_an_empty_one(told):
    assert told["picked"] == [0, 0, 1, 3]
    draws = np.array(told["draws"])
    assert draws.min() >= 0
    assert draws.max() < 1
    np.testing.assert_allclose(np.histogram(draws, 10, (0, 1))[0] / len(draws), 0.1, atol=0.02)


def test_the_words_say_what_is_expected_and_what_came(told):
    assert told["words"].startswith("After “:”, character 7 of 75, the network expects line break 100")
    assert "; line break came. Cell 485 holds 0." in told["words"]
    assert told["strangers"] == ["é", None]


def test_what_does_not_fit_is_refused_with_what_came(tmp_path):
    for wrong, message in [
        ({"temperature": 2.0}, "got temperature 2.0, expected 0 to 1.5"),
        ({"length": 0}, "got length 0, expected 1 to 2000"),
        ({"cell": -1}, "got cell -1, expected at least 0"),
        ({"model": tmp_path / "none"}, "none: got no file"),
    ]:
        with pytest.raises(ValueError, match=message):
            Writer(**wrong)


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def explore(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    """Give a function that opens an explorable and lets it write."""

    def open_page(*, write: bool = True, **options: object) -> Locator:
        explorer = alone(Writer(**{"length": 60, "temperature": 0, "cell": 485, **options}))
        if write:
            explorer.get_by_role("button", name="Write").press("Enter")
            expect(explorer.get_by_role("status").first).to_contain_text("It has written", timeout=20_000)
        return explorer

    return open_page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_window_and_axe_finds_nothing(explore: Callable[..., Locator], width: int, theme: str) -> None:
    explorer = explore(write=False)
    page = explorer.page
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert axe(page) == []
    explorer.get_by_role("button", name="Write").press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("It has written", timeout=20_000)
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_it_writes_in_the_page_what_pytorch_writes(explore: Callable[..., Locator]) -> None:
    explorer = explore(beginning="ROMEO:\n")
    network, card = models.load("shakespeare")
    text = language.generate(network, language.Vocabulary(card["characters"]), "ROMEO:\n", 60, temperature=0)
    assert explorer.get_by_role("region").inner_text().replace("⏎", "") == text


def test_what_the_reader_types_goes_first_and_a_seed_writes_the_same_again(explore: Callable[..., Locator]) -> None:
    explorer = explore(temperature=1.0, seed=5)
    region, status = explorer.get_by_role("region"), explorer.get_by_role("status").first
    first = region.inner_text()
    explorer.get_by_role("button", name="Write").press("Enter")
    expect(status).to_contain_text("It has written 60")
    assert region.inner_text() == first
    explorer.get_by_label("A beginning").fill("Thou ")
    explorer.get_by_role("button", name="Write").press("Enter")
    expect(status).to_contain_text("It has written 60")
    assert region.inner_text().startswith("Thou ")


def test_a_character_that_it_does_not_know_is_named_and_nothing_is_lost(explore: Callable[..., Locator]) -> None:
    explorer = explore()
    before = explorer.get_by_role("region").inner_text()
    explorer.get_by_label("A beginning").fill("naïve")
    explorer.get_by_role("button", name="Write").press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("does not know “ï” (U+00EF)")
    assert explorer.get_by_role("region").inner_text() == before
    assert explorer.get_by_label("A beginning").input_value() == "naïve"
    expect(explorer.get_by_role("button", name="Write")).to_be_focused()


def test_the_text_of_another_beginning_is_greyed_and_named_until_the_next_is_written(
    explore: Callable[..., Locator],
) -> None:
    explorer = explore()
    old = explorer.locator(".wr-old").get_by_role("region")
    expect(old).to_have_count(0)
    explorer.get_by_label("A beginning").fill("naïve")
    explorer.get_by_role("button", name="Write").press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("The text below is the one before.")
    expect(old).to_have_count(1)
    assert axe(explorer.page) == []
    explorer.get_by_label("A beginning").fill("naive")
    explorer.get_by_role("button", name="Write").press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("It has written")
    expect(old).to_have_count(0)


def test_of_a_long_beginning_the_end_is_read_and_that_is_said(explore: Callable[..., Locator]) -> None:
    explorer = explore(write=False)
    explorer.get_by_label("A beginning").fill("O Romeo, " * 600)
    explorer.get_by_role("button", name="Write").press("Enter")
    status = explorer.get_by_role("status").first
    expect(status).to_contain_text("It has read the last 500 of 5400 characters, and has written 60", timeout=20_000)
    assert len(explorer.get_by_role("region").inner_text().replace("⏎", "")) == 560


def test_keys_move_along_the_text_and_choose_a_cell(explore: Callable[..., Locator]) -> None:
    explorer = explore()
    words = explorer.get_by_role("status").nth(1)
    place = explorer.get_by_role("slider", name="Character to look at")
    place.focus()
    page = explorer.page
    page.keyboard.press("Home")
    expect(words).to_contain_text("After “R”, character 1 of 67")
    page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("After “O”, character 2 of 67")
    expect(words).to_contain_text("Cell 485 holds")
    cell = explorer.get_by_role("slider", name="Cell that colours the text")
    cell.focus()
    page.keyboard.press("Home")
    expect(words).to_contain_text("Cell 0 holds")
    counts = explorer.get_by_role("button", name="counts along the line")
    counts.press("Enter")
    assert counts.get_attribute("aria-pressed") == "true"
    expect(words).not_to_contain_text("Cell 0 holds")


def test_the_colour_follows_the_cell_and_the_mouse_the_text(explore: Callable[..., Locator]) -> None:
    explorer = explore()
    letter = explorer.locator(".wr-text span").nth(3)
    colour = letter.evaluate("e => getComputedStyle(e).backgroundColor")
    explorer.locator(".wr-cell").nth(7).click()
    assert letter.evaluate("e => getComputedStyle(e).backgroundColor") != colour
    letter.hover()
    expect(explorer.get_by_role("status").nth(1)).to_contain_text("character 4 of 67")
    expect(explorer.get_by_role("status").nth(1)).to_contain_text("Cell 7 holds")


def test_the_keyboard_reaches_the_text_when_it_scrolls(explore: Callable[..., Locator]) -> None:
    assert explore(length=20).get_by_role("region").get_attribute("tabindex") is None
    assert explore(length=700).get_by_role("region").get_attribute("tabindex") == "0"


def test_it_can_be_stopped_and_the_focus_stays(explore: Callable[..., Locator]) -> None:
    explorer = explore(write=False, length=1900)
    explorer.get_by_role("button", name="Write").press("Enter")
    stop = explorer.get_by_role("button", name="Stop")
    expect(stop).to_be_focused(timeout=20_000)
    stop.press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("and was stopped")
    expect(explorer.get_by_role("button", name="Write")).to_be_focused()
