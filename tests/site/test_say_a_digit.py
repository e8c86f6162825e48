"""Say a digit: features, resampling, beam and network held to Python's numbers, and its hands in a browser."""

import base64
import json
from collections.abc import Callable

import numpy as np
import pytest
from anywidget import AnyWidget
from explorable_helpers import axe, module, node
from playwright.sync_api import Locator, expect

from lstm_lib.applied import ctc, formants, models, sound, voice
from lstm_lib.widgets import SayADigit
from lstm_lib.widgets.say_a_digit import SOUNDS

FILE = models.FOLDER / "voice.safetensors"
SAMPLES = formants.utter(np.random.default_rng(0), [1, 5, 8, 3], noise=0.01).samples.astype(np.float32)
FAST = {rate: np.random.default_rng(1).normal(0, 0.1, 6000).astype(np.float32) for rate in (44100, 48000, 16000)}
LOG = np.log(np.random.default_rng(2).dirichlet(np.ones(5), 12))

SCRIPT = f"""
import * as hearing from {module("hearing")};
import {{ chance, decode, readAs, stepWords }} from {module("say_a_digit")};
import {{ whole }} from {module("engine")};
import {{ readFileSync }} from "node:fs";
const samples = Float32Array.from({json.dumps(SAMPLES.tolist())});
const frames = [];
for (let at = 0; at + hearing.FRAME <= samples.length; at += hearing.HOP)
  frames.push([...hearing.logMel(samples.subarray(at, at + hearing.FRAME))]);
const fast = {json.dumps({rate: samples.tolist() for rate, samples in FAST.items()})};
const slow = Object.fromEntries(Object.entries(fast).map(([rate, all]) => {{
  const push = hearing.resampler(Number(rate));
  const pieces = [];
  for (let at = 0; at < all.length; at += 997) pieces.push(...push.push(Float32Array.from(all.slice(at, at + 997))));
  return [rate, pieces];
}}));
let beam = hearing.silence();
for (const log of {json.dumps(LOG.tolist())}) beam = hearing.beamStep(beam, log, 6);
const network = hearing.open(readFileSync({json.dumps(str(FILE))}));
const listen = (pieces) => {{
  const steps = [];
  const listener = hearing.ear(network, {{ each: (step) => steps.push(step) }});
  for (const piece of pieces) whole(listener.hear(piece));
  return steps;
}};
const steps = listen([samples]);
const cut = listen([samples.slice(0, 777), samples.slice(777, 790), samples.slice(790)]);
const texts = [{{ labels: [4, 2], all: Math.log(0.75) }}, {{ labels: [], all: Math.log(0.2) }}];
const sounds = {SOUNDS.read_text(encoding="utf-8")};
console.log(JSON.stringify({{
  frames, slow,
  beam: beam.map(({{ labels, all }}) => [labels, all]),
  logs: steps.map(({{ log }}) => [...log]),
  cut: cut.map(({{ log }}) => [...log]),
  sounds: sounds.map(({{ samples }}) => readAs(listen([decode(samples)]).at(-1).beam[0].labels, network.labels)),
  decoded: [...decode(sounds[0].samples)],
  chances: [0, 1e-9, 0.0004, 0.002, 0.5, 0.9996, 1].map(chance),
  words: stepWords([{{ beam: texts }}], 0, network.labels, () => 0.3),
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    """Run the functions of the ES modules under node and return what they give."""
    return node(SCRIPT)


def hear(samples):
    """Return the log chances of the shipped network, (T', K)."""
    return voice.log_chances(models.load("voice").network, [sound.log_mel(samples)])[0]


def decoded(one):
    """Return the samples of a built-in sound with quiet around them, as the page hears them."""
    numbers = np.frombuffer(base64.b64decode(one["samples"]), np.uint8)
    return np.pad((numbers.astype(np.float32) - 128) / 127, (800, 2400))


def test_the_features_are_those_of_the_library(told):
    np.testing.assert_allclose(told["frames"], sound.log_mel(SAMPLES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rate", FAST)
def test_a_sound_is_resampled_piece_by_piece_as_in_one(told, rate):
    expected = sound.resample(FAST[rate], rate, 8000)
    found = told["slow"][str(rate)]
    assert len(expected) - 40 < len(found) <= len(expected)  # the last ones wait for what comes next
    np.testing.assert_allclose(found, expected[: len(found)], atol=1e-6)


def test_the_beam_is_that_of_the_library(told):
    expected = ctc.beam(LOG, 6)
    assert [tuple(labels) for labels, _ in told["beam"]] == [reading.labels for reading in expected]
    np.testing.assert_allclose([value for _, value in told["beam"]], [one.log_chance for one in expected], rtol=1e-6)


def test_the_network_hears_what_pytorch_hears_however_the_sound_is_cut(told):
    np.testing.assert_allclose(told["logs"], hear(SAMPLES), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(told["cut"], told["logs"], rtol=1e-6)


def test_the_built_in_sounds_are_understood_as_python_understands_them(told):
    labels = models.load("voice").card["labels"]
    sounds = json.loads(SOUNDS.read_text(encoding="utf-8"))
    np.testing.assert_allclose(told["decoded"], decoded(sounds[0]), atol=1e-6)
    for one, read in zip(sounds, told["sounds"], strict=True):
        expected = " ".join(labels[k - 1] for k in ctc.beam(hear(decoded(one)))[0].labels)
        assert read == expected
    assert all("CC BY-SA 4.0" in one["by"] for one in sounds)
    assert SOUNDS.stat().st_size < 40_000


def test_the_words_say_what_was_heard_and_what_else_it_may_be(told):
    expected = "After 0.30 seconds: three one, with a chance of 75.0 %; next, (nothing) with 20.0 %."
    assert told["words"].replace("\u00a0", " ").replace("\u202f", " ") == expected


def test_a_chance_is_never_shown_as_none_or_all_that_is_not(told):
    chances = [text.replace("\u00a0", " ").replace("\u202f", " ") for text in told["chances"]]
    assert chances == ["0.0 %", "< 0.1 %", "< 0.1 %", "0.2 %", "50.0 %", "> 99.9 %", "100.0 %"]


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def explore(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    """Give a function that opens the explorable and plays the first built-in sound to it, silently."""

    def open_page(*, listen: bool = True) -> Locator:
        explorer = alone(SayADigit())
        explorer.get_by_role("checkbox").uncheck()
        if listen:
            explorer.get_by_role("group", name="Built-in sounds").get_by_role("button").first.press("Enter")
            expect(explorer.get_by_role("status").first).to_contain_text("Heard:", timeout=20_000)
        return explorer

    return open_page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_window_and_axe_finds_nothing(explore: Callable[..., Locator], width: int, theme: str) -> None:
    explorer = explore(listen=False)
    page = explorer.page
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert axe(page) == []
    explorer.get_by_role("group", name="Built-in sounds").get_by_role("button").first.press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("Heard:", timeout=20_000)
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_keys_move_through_the_moments_and_the_end_says_what_was_heard(explore: Callable[..., Locator]) -> None:
    explorer = explore()
    words = explorer.get_by_role("status").nth(1)
    moment = explorer.get_by_role("slider", name="Moment")
    moment.focus()
    page = explorer.page
    page.keyboard.press("Home")
    expect(words).to_contain_text("After 0.03 seconds: (nothing)")
    expect(explorer.locator(".sd-bars li")).not_to_have_count(0)
    page.keyboard.press("End")
    heard = explorer.locator(".sd-verdict").inner_text()
    expect(words).to_contain_text(f"seconds: {heard}, with a chance of")
    expect(explorer.locator(".sd-bars li")).to_have_count(12)


def test_the_focus_stays_on_the_sound_that_was_chosen(explore: Callable[..., Locator]) -> None:
    explorer = explore()
    sound = explorer.get_by_role("group", name="Built-in sounds").get_by_role("button").first
    expect(sound).to_be_focused()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotFoundError", "No microphone was found. The built-in sounds need none."),
        ("NotAllowedError", "The microphone was not allowed. The built-in sounds need none."),
    ],
)
def test_without_a_microphone_it_says_what_can_be_done(explore: Callable[..., Locator], name: str, words: str) -> None:
    explorer = explore(listen=False)
    explorer.page.evaluate(
        """(name) => {
      const getUserMedia = async () => { throw new DOMException("Requested device not found", name); };
      Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
    }""",
        name,
    )
    explorer.get_by_role("button", name="Speak into the microphone").press("Enter")
    expect(explorer.get_by_role("status").first).to_have_text(words)


def test_the_microphone_is_asked_for_by_a_click_only_and_a_refusal_is_said(explore: Callable[..., Locator]) -> None:
    explorer = explore(listen=False)
    page = explorer.page
    page.evaluate("""() => {
      window.asked = 0;
      const getUserMedia = async () => { window.asked += 1; throw new Error("not allowed"); };
      Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
    }""")
    explorer.get_by_role("group", name="Built-in sounds").get_by_role("button").first.press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("Heard:", timeout=20_000)
    assert page.evaluate("window.asked") == 0
    explorer.get_by_role("button", name="Speak into the microphone").press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("That did not work: not allowed.")
    assert page.evaluate("window.asked") == 1


def test_a_voice_is_heard_through_the_microphone_until_stop(explore: Callable[..., Locator]) -> None:
    explorer = explore(listen=False)
    page = explorer.page
    page.evaluate("""() => {
      const getUserMedia = async () => {
        const context = new AudioContext();
        await context.resume();
        const tone = context.createOscillator();
        const out = context.createMediaStreamDestination();
        tone.connect(out);
        tone.start();
        return out.stream;
      };
      Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
    }""")
    explorer.get_by_role("button", name="Speak into the microphone").click()
    expect(explorer.get_by_role("status").first).to_contain_text("stays in this page", timeout=20_000)
    expect(explorer.locator(".sd-bars li")).not_to_have_count(0, timeout=20_000)
    explorer.get_by_role("button", name="Stop").press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("Heard:", timeout=20_000)
    expect(explorer.get_by_role("button", name="Speak into the microphone")).to_be_focused()
