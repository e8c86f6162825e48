"""Play the stream: its words, and its hands in a browser, on a page of its own and on the front page."""

import json
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from anywidget import AnyWidget
from conftest import HOST, ROOT, SITE
from explorable_helpers import axe, module, node, wait_until
from playwright.sync_api import Browser, Locator, Page, expect

from lstm_lib import recorded
from lstm_lib.applied import models, stream_players
from lstm_lib.widgets import PlayTheStream
from lstm_lib.widgets.play_the_stream import LEVELS

FILE = models.FOLDER / "stream.safetensors"


def shares(level: str, player: str) -> dict:
    """Return the record of the player that is shipped."""
    rows = recorded.rows("stream_players", level=level, player=player)
    return next(row for row in rows if row.get("shipped", True))


def steps_of(level: str, seed: int) -> dict:
    """Return the stream of a level and a seed, and its questions, from JavaScript."""
    script = f"import {{ open }} from {module('play_the_stream')};\n"
    return node(f"{script}console.log(JSON.stringify(open('{level}', {seed})));")


# ---------------------------------------------------------------- logic and words

SCRIPT = f"""
import * as play from {module("play_the_stream")};
import {{ openPlayers, likeliest, score }} from {module("stream")};
import {{ readFileSync }} from "node:fs";
const network = openPlayers(readFileSync({json.dumps(str(FILE))}));
const game = play.open("two", 5);
const [first, right] = [game.asked[0].t + 1, game.asked[0].right];
const at = (step, answers) => play.position(game, step, answers);
const many = Object.keys(play.LEVELS).map((level) => {{
  const counts = Object.fromEntries(Object.keys(play.PLAYERS).map((name) => [name, [0, 0]]));
  for (let seed = 1; seed <= 60; seed++) {{
    const game = play.open(level, seed);
    for (const [name, shares] of Object.entries(play.answersOf(game, network))) {{
      const {{ right, given }} = score(shares.map(likeliest), game.asked);
      counts[name] = [counts[name][0] + right, counts[name][1] + given];
    }}
  }}
  return [level, Object.fromEntries(Object.entries(counts).map(([name, [right, given]]) => [name, right / given]))];
}});
console.log(JSON.stringify({{
  game, first, many: Object.fromEntries(many), card: network.card,
  positions: [
    at(0, ""), at(first - 1, ""), at(first, ""), at(first + 5, ""), at(first, "3"),
    at(99, "0".repeat(40)), at(-3, "x"), at(2.7, "1"),
  ],
  words: [at(0, ""), at(1, ""), at(first, ""), at(first, `${{right}}`)].map((now) => play.stepWords(game, now)),
  wrong: [0, 1, 2, 3].filter((n) => n !== game.asked[0].right).map((n) => play.stepWords(game, at(first, `${{n}}`))),
  verdicts: ["two", "lstm"].map((guess) => play.verdict(guess, network.card.measured)),
  short: [["right"], ["stale", "intruder"], []].map(play.short),
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    return node(SCRIPT)


def test_the_game_waits_at_a_question_and_takes_no_answer_before_it(told: dict) -> None:
    first, T = told["first"], len(told["game"]["steps"])
    start, before, asked, beyond, answered, end, odd, half = told["positions"]
    assert (start["shown"], before["shown"], asked["shown"]) == (0, first - 1, first)
    assert [p["open"] for p in (start, before, asked, answered)] == [False, False, True, False]
    assert beyond["shown"] == first
    assert answered["given"] == [3]
    assert end["over"]
    assert end["shown"] == T + 1
    assert len(end["given"]) == len(told["game"]["asked"])
    assert (odd["shown"], odd["given"]) == (0, [])
    assert (half["shown"], half["given"]) == (2, [])


def test_the_words_say_what_is_shown_and_never_what_is_in_a_box_before_the_answer(told: dict) -> None:
    start, write, ask, right = told["words"]
    assert start.startswith("Two boxes, closed.")
    assert re.fullmatch(r"Step 1 of 18\. [ABCD] goes into box 1\.", write)
    assert re.fullmatch(r"Step \d+ of 18\. What is in box [12]\?", ask)
    assert right.endswith(": right.")
    symbol = "ABCD"[told["game"]["asked"][0]["right"]]
    for words in told["wrong"]:
        assert f"is {symbol}. " in words
        assert re.search("another box|overwritten|passed by last|in no box", words)
    assert told["short"] == ["right", "stale, passer-by", "none"]


def test_on_many_streams_of_the_page_the_players_score_as_recorded(told: dict) -> None:
    for level, scores in told["many"].items():
        for player, right in scores.items():
            assert right == pytest.approx(shares(level, player)["right"], abs=0.1), (level, player)


def test_the_verdict_gives_the_recorded_numbers(told: dict) -> None:
    right, wrong = told["verdicts"]
    assert right.startswith("Your guess was right. At two boxes the RNN has")
    assert "It is not so." in wrong
    for row in told["card"]["measured"]:
        if row["player"] != "guessing":
            assert row["right"] == shares(row["level"], row["player"])["right"]
    for level, player in (("two", "rnn"), ("two", "memory"), ("four", "learn")):
        assert f"{100 * shares(level, player)['right']:.0f} %" in right


def test_the_front_page_gives_the_recorded_numbers() -> None:
    page = (ROOT / "intro.md").read_text(encoding="utf-8")
    which = [(level, player) for level in ("two", "four") for player in ("rnn", "lstm")]
    percents = {one: round(100 * shares(*one)["right"]) for one in which}
    assert f"is right {percents['two', 'rnn']} times out of 100, and the LSTM every time" in page
    assert f"with four boxes it is {percents['four', 'rnn']} against {percents['four', 'lstm']}" in page
    assert percents["two", "lstm"] == 100
    assert shares("two", "lstm")["right"] == 1


def test_every_seed_was_measured_and_the_best_on_validation_is_shipped() -> None:
    for level in LEVELS:
        for player in stream_players.STAGES:
            rows = recorded.rows("stream_players", level=level, player=player)
            assert [row["seed"] for row in rows] == [0, 1, 2, 3, 4]
            assert max(row["validation"] for row in rows) == shares(level, player)["validation"]


def test_what_does_not_fit_is_refused_with_what_came() -> None:
    for wrong, message in [
        ({"level": "three"}, "got level 'three', expected one of two, four, passers, waits"),
        ({"seed": 0}, "got seed 0, expected 1 to 9999"),
        ({"players": ["gru"]}, r"got players \['gru'\], expected some of rnn"),
    ]:
        with pytest.raises(ValueError, match=message):
            PlayTheStream(**wrong)


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def explore(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    def open_page(**options: object) -> Locator:
        return alone(PlayTheStream(**{"seed": 5, "guess": "skipped", **options}))

    return open_page


def play(page: Page, game: dict, answer: Callable[[int], int]) -> None:
    """Play a stream to its end by the keyboard alone."""
    questions = {question["t"]: n for n, question in enumerate(game["asked"])}
    page.get_by_role("button", name="Start").press("Enter")
    for t in range(len(game["steps"])):
        if t in questions:
            page.keyboard.press(str(answer(questions[t]) + 1))
        page.keyboard.press("ArrowRight")


def test_the_keyboard_plays_a_stream_to_its_end_and_all_are_counted(explore: Callable[..., Locator]) -> None:
    game = steps_of("two", 5)
    explorer = explore()
    play(explorer.page, game, lambda n: game["asked"][n]["right"])
    explorer.page.keyboard.press("ArrowRight")  # one too many loses nothing
    count = len(game["asked"])
    expect(explorer.get_by_role("status").last).to_contain_text(f"You had {count} of {count} right.")
    you = explorer.get_by_role("row", name="You")
    expect(you).to_contain_text(f"{count}/{count}")
    expect(you).to_contain_text("no error")
    expect(explorer.get_by_role("row", name="LSTM")).to_contain_text(f"{count}/{count}")


def test_machines_answer_after_the_reader_with_the_probabilities_of_numpy(explore: Callable[..., Locator]) -> None:
    game = steps_of("two", 5)
    explorer = explore()
    page, first = explorer.page, game["asked"][0]
    explorer.get_by_role("button", name="Start").press("Enter")
    for _ in range(first["t"]):
        page.keyboard.press("ArrowRight")
    rnn = explorer.get_by_role("row", name="RNN")
    expect(explorer.get_by_role("button", name="Answer first")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("ArrowRight")  # does not help
    expect(explorer.get_by_role("status").last).to_contain_text("What is in box")
    expect(rnn).to_contain_text("0/0")
    assert rnn.locator(".ps-share").count() == 0
    explorer.get_by_role("button", name="B 2").click()
    xs = np.zeros((first["t"] + 1, 1, 8))
    for t, step in enumerate(game["steps"][: first["t"] + 1]):
        if step["kind"] != "ask":
            xs[t, 0, step["symbol"]] = 1
        if step["kind"] != "pass":
            xs[t, 0, (4 if step["kind"] == "write" else 6) + step["box"]] = 1
    network = models.load(FILE).network
    expected = stream_players.probabilities(network["boxes_2_rnn"], xs)[-1, 0]
    expect(rnn.locator(".ps-share").first).to_be_visible()
    assert rnn.locator(".ps-share").all_inner_texts() == [f"{100 * share:.0f}" for share in expected]


def test_what_was_written_is_gone_at_the_next_step(explore: Callable[..., Locator]) -> None:
    explorer = explore(level="four")
    start = explorer.get_by_role("button", name="Start")
    start.press("Enter")
    letters = explorer.locator("svg text").filter(has_text=re.compile("[ABCD]"))
    for _ in range(4):
        expect(letters).to_have_count(1)
        explorer.page.keyboard.press("ArrowRight")
    expect(explorer.locator("svg text").filter(has_text=re.compile("^[1-4]$"))).to_have_count(4)


def test_the_question_comes_first_and_its_answer_at_the_end(explore: Callable[..., Locator]) -> None:
    game = steps_of("two", 5)
    explorer = explore(guess="")
    expect(explorer.get_by_role("button", name="Start")).to_be_hidden()
    explorer.get_by_label("The LSTM, at long waits").check()
    explorer.get_by_role("button", name="Check my guess").press("Enter")
    expect(explorer.get_by_role("button", name="Start")).to_be_focused()
    verdict = explorer.locator(".lw-verdict")
    expect(verdict).to_contain_text("Play one stream to its end")
    play(explorer.page, game, lambda n: 0)
    expect(verdict).to_contain_text("It is not so. At two boxes the RNN has 74 % right")


def test_a_link_restores_the_game(explore: Callable[..., Locator]) -> None:
    game = steps_of("four", 17)
    explorer = explore(level="four", seed=17)
    play(explorer.page, {**game, "steps": game["steps"][:10]}, lambda n: 2)
    page = explorer.page
    wait_until(page, "() => location.hash.includes('at:11') || location.hash.includes('at:10')")
    address, words = page.url, explorer.get_by_role("status").last.inner_text()
    rows = explorer.get_by_role("row").all_inner_texts()
    page.goto("about:blank")
    page.goto(address)
    explorer.wait_for()
    expect(explorer.get_by_role("status").last).to_have_text(words)
    expect(explorer.get_by_role("row", name="LSTM")).to_contain_text("/")
    assert explorer.get_by_role("row").all_inner_texts() == rows
    page.goto("about:blank")
    page.goto(f"{HOST}page.html#stream=level:nine,seed:-4,at:99,answers:xx")
    expect(explorer.get_by_role("button", name="Start")).to_be_visible()  # nonsense is not taken


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_one_screen_and_axe_finds_nothing(explore: Callable[..., Locator], width: int, theme: str) -> None:
    game = steps_of("four", 5)
    explorer = explore(level="four")
    page = explorer.page
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert axe(page) == []
    explorer.get_by_role("button", name="Start").press("Enter")
    for _ in range(game["asked"][0]["t"]):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("1")
    expect(explorer.locator(".ps-share").first).to_be_visible()
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    box = explorer.bounding_box()
    assert box
    assert box["height"] <= 700  # with what the page has above it, on a telephone of 844
    picture, next_step = explorer.locator(".ps-picture").bounding_box(), explorer.locator(".ps-next").bounding_box()
    assert next_step["y"] + next_step["height"] - picture["y"] < 400  # what moves and what moves it, in one look
    assert all(key.bounding_box()["height"] >= 44 for key in explorer.locator(".ps-keys button").all())


# ---------------------------------------------------------------- on the front page


@pytest.fixture(scope="module")
def front(browser: Browser, site: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{site}/intro.html")
    yield page
    page.close()


def test_the_front_page_is_alive_without_a_notebook(front: Page) -> None:
    asked = []
    front.on("request", lambda request: asked.append(request.url) if "/models/" in request.url else None)
    explorer = front.locator(".lstm-widget")
    expect(explorer).to_have_count(1)
    expect(front.get_by_text("Here the website has the game")).to_have_count(0)
    assert not asked  # the networks come when somebody plays
    explorer.get_by_role("button", name="Start").press("Enter")
    expect(explorer.get_by_role("status").last).to_contain_text("Step 1 of 18")
    expect(explorer.get_by_role("row")).to_have_count(4)  # the heads, you, the RNN, the LSTM
    expect(explorer.get_by_role("row", name="LSTM")).to_contain_text("0/0")
    assert [url.rpartition("/")[2] for url in asked] == ["stream.js"]
    wait_until(front, "() => location.hash === '#stream=at:1'")


def test_the_machines_come_on_a_front_page_that_is_opened_from_disk(browser: Browser) -> None:
    page = browser.new_page()
    page.goto((SITE / "intro.html").as_uri())
    explorer = page.locator(".lstm-widget")
    explorer.get_by_role("button", name="Start").press("Enter")
    expect(explorer.get_by_role("row", name="LSTM")).to_contain_text("0/0")
    page.close()


def test_the_text_below_does_not_move_when_the_game_starts(browser: Browser, site: str) -> None:
    for width in (390, 1280):
        page = browser.new_page(viewport={"width": width, "height": 844})
        page.goto(f"{site}/intro.html")
        explorer = page.locator(".lstm-widget")
        explorer.wait_for()
        place = page.locator("[data-explorable]")
        height = place.bounding_box()["height"]
        explorer.evaluate("element => element.remove()")
        assert place.bounding_box()["height"] == pytest.approx(height, abs=1), width
        page.close()
