"""The pad: its arithmetic held to PyTorch's, digits that it must read, and its hands in a browser."""

import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from anywidget import AnyWidget
from explorable_helpers import axe, module, node
from PIL import Image
from playwright.sync_api import Locator, expect

from lstm_lib.applied import lines, models, ocr
from lstm_lib.widgets import NumberPad

BOTH = re.compile(r"^\d+ columns; read: 4 at columns \d+ to \d+, 0 at columns \d+ to \d+\.$")
FILE = models.FOLDER / "ocr_digits.safetensors"


def drawn() -> np.ndarray:
    """Draw the line that both languages read."""
    return lines.digit_line(np.random.default_rng(3), lines.digits(), count=4)[0]


def shaken(seed: int, count: int = 60) -> list[dict]:
    """Return numbers to be written with the sample strokes, each point and each digit moved a little."""
    rng = np.random.default_rng(seed)
    return [
        {
            "number": "".join(map(str, rng.integers(10, size=rng.integers(1, 4)))),
            "noise": rng.uniform(-1, 1, 400).tolist(),
        }
        for _ in range(count)
    ]


SCRIPT = f"""
import * as pad from {module("number_pad")};
import {{ look, openReader, spell }} from {module("line_reader")};
import {{ whole }} from {module("engine")};
import {{ readFileSync }} from "node:fs";
const network = openReader(readFileSync({json.dumps(str(FILE))}));
const given = {{ shape: GIVEN_SHAPE, data: Float32Array.from(GIVEN) }};
const {{ logs, cs }} = whole(look(network, given));
const read = (strokes) => {{
  const seen = whole(look(network, pad.picture(strokes)));
  return spell(network, seen.logs).map(({{ character }}) => character).join("");
}};
const shake = ({{ number, noise }}) => {{
  let n = 0;
  const next = () => noise[n++ % noise.length];
  return pad.compose(number).map((stroke) => {{
    const [right, lower] = [4 * next(), 4 * next()];
    const slant = 0.12 * next();
    return stroke.map(([x, y]) => [x + right + slant * (90 - y) + 1.5 * next(), y + lower + 1.5 * next()]);
  }});
}};
const small = {{ shape: [1, 8, 5], data: Float32Array.from({{ length: 40 }}, (_, n) => (n * 7 % 17) / 16) }};
const dash = pad.bitmap([[[10, 50], [200, 50]]]);
const dot = pad.bitmap([[[10, 50]]]);
const square = pad.bitmap([[[0, 0], [100, 0], [100, 100], [0, 100], [0, 0]]]);
console.log(JSON.stringify({{
  logs: logs.map((log) => [...log]),
  cs: cs.map((c) => [...c]),
  spelled: spell(network, logs),
  doubled: [...pad.doubled(small).data],
  small: [...small.data],
  blocks: [...pad.blocks(square).data],
  across: square.width / 4,
  sizes: [dash, dot].map(({{ rows, width }}) => [rows.length, width, String(rows).match(/1/g).length]),
  samples: Object.keys(pad.SAMPLES).map((digit) => read(pad.compose(digit))),
  shaken: SHAKEN.map((one) => read(shake(one))),
  cross: spell(network, whole(look(network, pad.picture([[[20, 30], [90, 140]], [[90, 30], [20, 140]]]))).logs),
  words: [pad.words([]), pad.words([{{ character: "4", chance: 0.987 }}, {{ character: "2", chance: 0.5 }}])],
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    """Run the functions of the ES module under node and return what they give."""
    picture = drawn()
    script = SCRIPT.replace("GIVEN_SHAPE", json.dumps([1, *picture.shape])).replace("SHAKEN", json.dumps(shaken(0)))
    return node(script.replace("GIVEN", json.dumps(picture.ravel().tolist())))


def test_it_reads_what_pytorch_reads(told):
    network, _ = models.load("ocr_digits")
    (log_probs,) = ocr.look(network, [drawn()])
    np.testing.assert_allclose(told["logs"], log_probs, rtol=1e-4, atol=1e-4)
    reading = ocr.read_ink(network, drawn(), beam=1)
    assert "".join(row["character"] for row in told["spelled"]) == reading.text
    assert len(told["cs"][0]) == 2 * network.lstm.hidden_size


def test_it_doubles_a_picture_as_pillow_does(told):
    small = Image.fromarray(np.array(told["small"], np.float32).reshape(8, 5))
    doubled = np.asarray(small.resize((10, 16), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(np.array(told["doubled"]).reshape(16, 10), doubled, atol=1e-6)


def test_a_drawing_becomes_counts_of_blocks_as_scikit_learn_counted_them(told):
    counts = np.array(told["blocks"]).reshape(8, told["across"]) * 16
    np.testing.assert_array_equal(counts, counts.round())
    assert counts.shape == (8, 10)
    assert counts.max() == 16
    assert counts[3, 3] == 0  # a square drawn as its four sides is empty inside
    assert (counts[0] >= 8).all()
    (rows, _, dash), (_, width, dot) = told["sizes"]
    assert rows == 32
    assert dash < 0.3 * 32 * told["sizes"][0][1]  # a dash is not blown up to the full height
    assert width == 8
    assert 20 <= dot <= 36


def test_it_reads_the_samples_and_most_of_what_differs_a_little(told):
    assert told["samples"] == list("0123456789")
    numbers = [one["number"] for one in shaken(0)]
    right = np.mean([one == other for one, other in zip(numbers, told["shaken"], strict=True)])
    assert right > 0.85


def test_a_cross_is_read_as_a_digit_and_surely(told):
    assert told["cross"]
    assert told["cross"][0]["chance"] > 0.5


def test_the_words_name_each_digit_and_its_chance(told):
    assert told["words"] == ["It reads nothing: every column is blank.", "It reads 42: 4 with 99 %, 2 with 50 %."]


def test_what_does_not_fit_is_refused_with_what_came(tmp_path):
    for wrong, message in [
        ({"number": "12a"}, "got number '12a', expected at most four digits"),
        ({"number": "12345"}, "got number '12345'"),
        ({"model": tmp_path / "none"}, "none: got no file"),
    ]:
        with pytest.raises(ValueError, match=message):
            NumberPad(**wrong)


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def explore(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    """Give a function that opens the pad."""
    return lambda **options: alone(NumberPad(**options))


def heard(explorer: Locator, text: str) -> None:
    expect(explorer.get_by_role("status")).to_contain_text(text, timeout=20_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_window_and_axe_finds_nothing(explore: Callable[..., Locator], width: int, theme: str) -> None:
    explorer = explore()
    page = explorer.page
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert axe(page) == []
    explorer.get_by_role("button", name="7", exact=True).press("Enter")
    heard(explorer, "It reads 7")
    page.emulate_media(reduced_motion="reduce")
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_a_number_is_written_and_taken_back_by_keys_alone(explore: Callable[..., Locator]) -> None:
    explorer = explore()
    assert explorer.get_by_role("button", name="Clear").is_disabled()
    for digit in "40":
        explorer.get_by_role("button", name=digit, exact=True).press("Enter")
    heard(explorer, "It reads 40: 4 with")
    expect(explorer.locator(".np-chart")).to_have_attribute("aria-label", BOTH)
    explorer.get_by_role("button", name="Take back a stroke").press("Enter")
    heard(explorer, "It reads 4: ")
    explorer.get_by_role("button", name="Clear").press("Enter")
    heard(explorer, "Draw a number on the pad")
    expect(explorer.get_by_role("button", name="0", exact=True)).to_be_focused()
    assert explorer.locator(".np-chart").count() == 0


def test_a_full_pad_keeps_its_reading(explore: Callable[..., Locator]) -> None:
    explorer = explore()
    one = explorer.get_by_role("button", name="0", exact=True)
    for _ in range(5):
        one.press("Enter")
    heard(explorer, "It reads 00000")
    for _ in range(3):
        one.press("Enter")
    heard(explorer, "The pad is full. It reads 00000")


def test_it_reads_what_the_mouse_draws_while_it_is_drawn(explore: Callable[..., Locator]) -> None:
    explorer = explore()
    pad = explorer.locator(".np-pad")
    box = pad.bounding_box()
    mouse = explorer.page.mouse
    x, y, size = box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"], 0.6 * box["height"]
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 0.5 * size, y, steps=6)
    heard(explorer, "It reads")
    mouse.move(x + 0.15 * size, y + size, steps=8)
    mouse.up()
    heard(explorer, "It reads 7")
    mouse.move(x, y)  # without the button nothing is drawn
    expect(pad).to_have_attribute("aria-label", "The pad: 1 stroke.")
