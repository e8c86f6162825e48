"""Where is the text? Its arithmetic held to the library's, and its hands in a browser."""

import base64
import json
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from anywidget import AnyWidget
from explorable_helpers import axe, module, node
from PIL import Image
from playwright.sync_api import Locator, expect

from lstm_lib.applied import boxes, models, ocr
from lstm_lib.applied.backgrounds import LOTS
from lstm_lib.applied.detection import prepare
from lstm_lib.applied.scenes import LOOKS, scene
from lstm_lib.widgets import TextFinder

FILE = models.FOLDER / "detection.safetensors"
SCENES = [scene(np.random.default_rng([3, n]), LOTS["test"], LOOKS[look]) for n, look in enumerate(LOOKS)]
PICTURES = [one.picture for one in SCENES] + [SCENES[0].picture[:50, :101]]  # the last one is not made of whole cells

SCRIPT = f"""
import * as finder from {module("text_finder")};
import {{ whole }} from {module("engine")};
import {{ readFileSync }} from "node:fs";
const network = finder.open(readFileSync({json.dumps(str(FILE))}));
const told = {json.dumps([picture.tolist() for picture in PICTURES])}.map((rows) => {{
  const ready = finder.prepare({{ height: rows.length, width: rows[0].length, data: rows.flat() }});
  const start = performance.now();
  const {{ together, alone }} = whole(finder.look(network.weights, ready));
  const milliseconds = performance.now() - start;
  const flat = (answers) => answers.map((row) => row.map((cell) => [...cell]));
  const lines = finder.join(finder.propose(together, network.how.sure), network.how);
  const words = finder.foundWords(lines, rows[0].length);
  const sure = [together, alone].map(finder.sureness);
  return {{ ready: [...ready.data], together: flat(together), alone: flat(alone), lines, words, sure, milliseconds }};
}});
const words = {{ empty: ["", []], fine: ["way out", [15]], many: ["a\\n\\nb\\nc\\nd\\ne", [9, 9, 9]] }};
Object.assign(words, {{ long: ["x".repeat(80), [2.4]], strange: ["выход\\nexit", [12, 12]] }});
const wrong = Object.values(words).map((one) => finder.wrongWords(...one));
console.log(JSON.stringify({{ wrong, told, how: network.how, nothing: finder.foundWords([], 9) }}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    """Run the functions of the ES module under node and return what they give."""
    return node(SCRIPT)


def test_it_looks_at_pictures_as_pytorch_does(told):
    network = models.load("detection").network
    for picture, page in zip(PICTURES, told["told"], strict=True):
        np.testing.assert_allclose(page["ready"], prepare(picture).ravel(), rtol=1e-4, atol=1e-5)
        (answers,) = boxes.look(network, [picture])
        np.testing.assert_allclose(np.reshape(page["together"], answers.shape), answers, rtol=1e-4, atol=1e-4)


def test_it_finds_the_lines_that_the_library_finds(told):
    network, card = models.load("detection")
    assert told["how"] == card["how"]
    count = 0
    for picture, page in zip(PICTURES, told["told"], strict=True):
        (answers,) = boxes.look(network, [picture])
        how = boxes.How(**card["how"])
        lines = boxes.join(boxes.propose(answers, how.sure), how)
        count += len(lines)
        assert len(lines) == len(page["lines"])
        for line, other in zip(lines, page["lines"], strict=True):
            np.testing.assert_allclose(other["corners"], line.corners, rtol=1e-4, atol=1e-2)
            assert other["chance"] == pytest.approx(line.chance, abs=1e-4)
    assert count >= len(LOOKS)


def test_without_its_memory_a_cell_knows_what_stands_in_it_only(told):
    page = told["told"][list(LOOKS).index("covered")]
    together, alone = (np.array(sure) for sure in page["sure"])
    assert together.shape == alone.shape == (24, 24)
    assert together.max() > 0.7
    assert np.abs(together - alone).max() > 0.2


def test_the_words_say_what_was_found_and_where(told):
    assert told["nothing"] == "It finds no text."
    for page in told["told"]:
        assert page["words"].count(" sure") == len(page["lines"])


def test_words_that_cannot_be_shown_or_known_are_named(told):
    empty, fine, many, long, strange = told["wrong"]
    assert empty == "No words: the scene is without text."
    assert fine == ""
    assert many == "There is room for 3 lines only: the other 2 are left out."
    assert long == "Line 1 does not fit: its 80 characters become 2 pixels high, too small to be found."
    assert strange == "The networks have learned no such letters: в ы х о д."


def test_what_does_not_fit_is_refused_with_what_came(tmp_path):
    for wrong, message in [
        ({"blur": 3.0}, "got blur 3.0, expected 0 to 2"),
        ({"clutter": -1}, "got clutter -1, expected 0 to 20"),
        ({"contrast": 0.0}, "got contrast 0.0, expected 0.1 to 1"),
        ({"ground": "sea"}, "got ground 'sea', expected one of wall, bricks, leaves, tiles"),
        ({"view": "all"}, "got view 'all', expected one of boxes"),
        ({"model": tmp_path / "none"}, "none: got no file"),
    ]:
        with pytest.raises(ValueError, match=message):
            TextFinder(**wrong)


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def explore(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    """Give a function that opens an explorable and lets it look."""

    def open_page(*, look: bool = True, **options: object) -> Locator:
        finder = alone(TextFinder(**{"text": "way out", "ground": "wall", "clutter": 0, "contrast": 1.0, **options}))
        if look:
            finder.get_by_role("button", name="Find the text").press("Enter")
            expect(finder.get_by_role("status")).to_contain_text("It finds", timeout=20_000)
        return finder

    return open_page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_window_and_axe_finds_nothing(explore: Callable[..., Locator], width: int, theme: str) -> None:
    finder = explore(look=False)
    page = finder.page
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert axe(page) == []
    finder.get_by_role("button", name="Find the text").press("Enter")
    expect(finder.get_by_role("status")).to_contain_text("It finds", timeout=20_000)
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_words_on_a_plain_wall_are_found_and_told(explore: Callable[..., Locator]) -> None:
    finder = explore()
    expect(finder.get_by_role("status")).to_contain_text("It finds one line")
    assert finder.locator(".tf-line").count() == 1
    label = finder.get_by_role("img").get_attribute("aria-label")
    assert "the words way out on a plain wall" in label
    assert "It finds one line" in label


def test_a_wall_without_words_has_no_text(explore: Callable[..., Locator]) -> None:
    finder = explore(text="")
    expect(finder.get_by_role("status")).to_have_text("It finds no text.")


def test_keys_change_the_words_the_view_and_the_scene(explore: Callable[..., Locator]) -> None:
    finder = explore()
    page = finder.page
    finder.get_by_label("Your words").fill("station\nmuseum")
    finder.get_by_label("Your words").press("Tab")
    looked = re.compile("the words station, museum on a plain wall. It finds")
    expect(finder.get_by_role("img")).to_have_attribute("aria-label", looked, timeout=20_000)
    finder.get_by_role("radio", name="lines").focus()
    page.keyboard.press("ArrowDown")
    assert finder.locator(".tf-slice").count() > 3
    page.keyboard.press("ArrowDown")
    assert finder.locator(".tf-cell").count() == 24 * 24
    sure = finder.locator(".tf-cell").evaluate_all("cells => cells.map((c) => Number(c.getAttribute('fill-opacity')))")
    page.keyboard.press("ArrowDown")
    own = finder.locator(".tf-cell").evaluate_all("cells => cells.map((c) => Number(c.getAttribute('fill-opacity')))")
    assert sum(sure) > sum(own)
    before = finder.locator("canvas").evaluate("c => c.toDataURL()")
    finder.get_by_role("button", name="Another scene").press("Enter")
    assert finder.locator("canvas").evaluate("c => c.toDataURL()") != before


def test_what_was_found_before_is_not_told_of_another_scene(explore: Callable[..., Locator]) -> None:
    finder = explore()
    type_into = """area => {
        area.value = "xx";
        area.dispatchEvent(new Event("input", { bubbles: true }));
        const root = area.closest(".text-finder");
        const said = root.querySelector("[role=status]").textContent;
        return [said, root.querySelector("canvas").getAttribute("aria-label")];
    }"""
    said, label = finder.get_by_label("Your words").evaluate(type_into)
    assert said == "It looks …"
    assert label == "A scene with the words xx on a plain wall. Not yet looked at."
    expect(finder.get_by_role("status")).to_contain_text("It finds", timeout=20_000)


def test_words_without_room_are_named_in_the_page(explore: Callable[..., Locator]) -> None:
    finder = explore(look=False)
    hint = finder.locator(".tf-hint")
    expect(hint).to_have_text("")
    finder.get_by_label("Your words").fill("x" * 80)
    expect(hint).to_contain_text("Line 1 does not fit: its 80 characters")
    finder.get_by_label("Your words").fill("way out")
    expect(hint).to_have_text("")


def test_clutter_blur_contrast_and_a_post_change_the_scene(explore: Callable[..., Locator]) -> None:
    finder = explore(look=False)
    seen = [finder.locator("canvas").evaluate("c => c.toDataURL()")]
    for name in ("Clutter", "Blur", "Contrast"):
        finder.get_by_role("slider", name=name).press("ArrowLeft" if name == "Contrast" else "ArrowRight")
        seen.append(finder.locator("canvas").evaluate("c => c.toDataURL()"))
    finder.get_by_role("checkbox", name="a post in front").press("Space")
    finder.get_by_label("Behind them").select_option("bricks")
    seen.append(finder.locator("canvas").evaluate("c => c.toDataURL()"))
    assert len(set(seen)) == 5


def test_a_picture_of_ones_own_is_looked_at_and_goes_nowhere(explore: Callable[..., Locator], tmp_path) -> None:
    finder = explore()
    asked: list[str] = []
    finder.page.on("request", lambda request: asked.append(request.url))
    Image.fromarray(SCENES[0].picture).resize((1152, 576)).save(tmp_path / "street.png")
    finder.get_by_label("Or a picture of your own").set_input_files(tmp_path / "street.png")
    label = finder.get_by_role("img")
    expect(label).to_have_attribute("aria-label", re.compile("Your picture. It finds"), timeout=20_000)
    assert finder.locator("canvas").evaluate("c => [c.width, c.height]") == [288, 144]
    finder.get_by_role("button", name="Back to the scene").press("Enter")
    expect(label).to_have_attribute("aria-label", re.compile("the words way out"))
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == []


def test_a_file_that_is_no_picture_is_named(explore: Callable[..., Locator], tmp_path) -> None:
    finder = explore()
    (tmp_path / "song.png").write_bytes(b"no picture")
    finder.get_by_label("Or a picture of your own").set_input_files(tmp_path / "song.png")
    expect(finder.get_by_role("status")).to_have_text("song.png could not be opened as a picture.")


def test_the_words_that_were_read_are_told_where_there_is_a_reader(alone, monkeypatch, tmp_path) -> None:
    torch.manual_seed(1)
    network = ocr.Reader("abcdefgh", height=24, channels=(6, 8, 10), hidden=7)
    path = models.save(tmp_path / "reader.safetensors", network, {"kind": "reading"})
    finder = TextFinder(text="way out", ground="wall", clutter=0, contrast=1.0, reader=path)
    assert finder.reader
    page = alone(finder)
    text = base64.b64encode(path.read_bytes()).decode("ascii")
    page.page.evaluate("text => { (window.lstmModels ??= {}).ocr_words = text }", text)
    page.page.route("**/ocr_words.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.get_by_role("button", name="Find the text").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("read “", timeout=20_000)
