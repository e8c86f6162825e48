"""Be the gate: its words, and its hands in a browser."""

import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from anywidget import AnyWidget
from conftest import Blank
from explorable_helpers import axe, module, node, wait_until
from playwright.sync_api import Locator, expect

from lstm_lib import recorded
from lstm_lib.applied import models
from lstm_lib.from_scratch import cells
from lstm_lib.widgets import BeTheGate
from lstm_lib.widgets.be_the_gate import GATES

FILE = models.FOLDER / "stream.safetensors"
SEED = 3

SCRIPT = f"""
import * as gate from {module("be_the_gate")};
import {{ openPlayers }} from {module("stream")};
import {{ readFileSync }} from "node:fs";
const {{ players }} = openPlayers(readFileSync({json.dumps(str(FILE))}));
const game = gate.open({SEED});
const rule = (kind) => ({{ i: Number(kind === "write"), f: Number(kind !== "write"), o: Number(kind === "ask") }});
const perfect = gate.turns(game.steps, game.steps.map(({{ kind }}) => rule(kind)));
const lstm = gate.unit(players.unit_lstm, game.steps);
const through = (values) => gate.read("if", gate.written("if", values), 16)[0];
const shown = [0, 0.05, 0.3, 1].map((value) => through({{ i: value, f: 1 - value }}));
const open = {{ i: 1, f: 1, o: 1 }};
const hand = (steps) => steps.map(({{ kind }}) => ({{ ...open, o: Number(kind === "ask" || kind === "echo") }}));
function both(seed) {{
  const game = gate.open(seed, "o");
  const mine = gate.turns(game.steps, hand(game.steps), "o");
  const player = (name) => gate.judged(gate.unit(players[name], game.steps).map(({{ h }}) => h), game, "o");
  const speaks = (key) => gate.judged(mine.map((now) => now[key]), game, "o");
  return {{ steps: game.steps, mine, standard: speaks("h"), drawn: speaks("drawn"), lstm: player("unit_lstm") }};
}}
const echoed = gate.open({SEED}, "o");
const at = echoed.steps.findIndex(({{ kind }}) => kind === "echo");
console.log(JSON.stringify({{
  game, shown,
  perfect: gate.judged(perfect.map(({{ h }}) => h), game),
  all: Object.fromEntries(["i", "if", "o", "ifo"].map((gates) => [gates, gate.stageOf(gates)])),
  cut: [gate.read("ifo", "A0AA0", 16).length, gate.read("i", "A".repeat(40), 16).length],
  replay: gate.replayWords(perfect, lstm, "ifo"),
  preview: gate.previewWords(gate.turn({{ i: 0.5, f: 0.9, o: 1 }}, -0.25, 0.75)),
  uses: Array.from({{ length: 300 }}, (_, n) => both(n + 1)),
  words: gate.turnWords(echoed, gate.turns(echoed.steps, Array(at + 1).fill(open), "o"), "o"),
  end: gate.endWords({{ given: 5, right: 5 }}, {{ right: 5 }}, "o", {{ right: 3 }}),
  shut: gate.turnWords(echoed, gate.turns(echoed.steps, Array(at + 1).fill({{ ...open, o: 0 }}), "o"), "o"),
  heard: [-2, -0.5, -0.4, 0.3, 0.6].map(gate.heard),
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    return node(SCRIPT)


def test_whoever_sets_the_gates_by_the_rule_has_all_right_and_is_silent(told: dict) -> None:
    assert told["perfect"]["right"] == told["perfect"]["given"] >= 4
    assert told["perfect"]["unasked"] == 0


def test_what_is_asked_for_at_once_is_said_by_the_standard_use_gate_only(told: dict) -> None:
    for one in told["uses"]:
        asked = one["standard"]["given"]
        echoes = [t for t, step in enumerate(one["steps"]) if step["kind"] == "echo"]
        assert len(echoes) == 2 < asked
        assert one["standard"]["right"] == one["lstm"]["right"] == asked
        assert one["drawn"]["right"] == asked - 2
        assert one["drawn"]["silent"] == 2
        assert [one[player]["unasked"] for player in ("standard", "drawn", "lstm")] == [0, 0, 0]


def test_the_drawn_gate_in_the_page_is_the_library_s(told: dict) -> None:
    params = cells.DrawnParams(np.zeros((4, 1, 3)), np.zeros((4, 1)), np.ones((1, 1)), np.zeros(1))
    assert any(now["drawn"] for now in told["uses"][0]["mine"])
    for one in told["uses"][:20]:
        for now in one["mine"]:
            b = np.array([[logit(now["i"])], [logit(now["f"])], [np.arctanh(now["g"])], [logit(now["o"])]])
            before = cells.LSTMState(np.zeros((1, 1)), np.full((1, 1), float(now["c_prev"])))
            state, _ = cells.drawn_step(params._replace(b=b), np.zeros((1, 2)), before)
            assert now["drawn"] == pytest.approx(state.h[0, 0], abs=1e-12)
            assert now["c"] == pytest.approx(state.c[0, 0], abs=1e-12)


def logit(share: float) -> float:
    return 60.0 * (2 * share - 1)  # of 0 and 1


def test_the_words_tell_both_use_gates_apart(told: dict) -> None:
    said = re.fullmatch(r"In the box is (.)\. The standard gate said (.), the drawn one nothing\. ", told["words"])
    assert said
    assert said[1] == said[2]
    assert "The standard gate said nothing, the drawn one nothing." in told["shut"]
    assert told["end"] == (
        "You had 5 of 5 right with the standard gate, 3 with the drawn one; "
        "the trained unit, which has the standard one, had 5."
    )


def test_choices_survive_as_a_text(told: dict) -> None:
    shown = [(one["i"], one["f"], one["o"]) for one in told["shown"]]
    assert shown == [(0, 1, 1), (0.1, 1, 1), (0.3, 0.7, 1), (1, 0, 1)]
    assert told["cut"] == [1, 16]
    assert list(told["all"]) == list(GATES)


def test_the_words_say_what_the_gates_would_do(told: dict) -> None:
    assert told["preview"] == "Memory 0.75, then 0.68 − 0.13 = 0.55; said: 0.50, heard as D."
    assert told["heard"] == [0, 0, 1, 2, 3]


def test_the_replay_lists_where_both_opened(told: dict) -> None:
    writes = [str(t + 1) for t, step in enumerate(told["game"]["steps"]) if step["kind"] == "write"]
    asks = [str(t + 1) for t, step in enumerate(told["game"]["steps"]) if step["kind"] == "ask"]
    assert f"i was open: yours {', '.join(writes)}; the trained unit’s {', '.join(writes)}." in told["replay"]
    assert f"o was open: yours {', '.join(asks)}; the trained unit’s {', '.join(asks)}." in told["replay"]


def test_units_with_a_forget_gate_have_all_right_and_only_the_use_gate_is_silent() -> None:
    stages = ("learn", "forget", "lstm")
    rows = {stage: recorded.rows("stream_players", level="one unit", player=stage) for stage in stages}
    assert all(len(runs) == 5 for runs in rows.values())
    assert max(row["right"] for row in rows["learn"]) < 0.5
    assert min(row["right"] for stage in ("forget", "lstm") for row in rows[stage]) == 1
    assert max(row["speaks unasked"] for row in rows["lstm"]) == 0
    assert min(row["speaks unasked"] for row in rows["forget"]) == 1


def test_what_does_not_fit_is_refused_with_what_came() -> None:
    with pytest.raises(ValueError, match="got gates 'g', expected one of i, if, o, ifo"):
        BeTheGate(gates="g")
    with pytest.raises(ValueError, match="got seed 10000, expected 1 to 9999"):
        BeTheGate(seed=10000)


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def explore(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    def open_page(**options: object) -> Locator:
        return alone(BeTheGate(**{"seed": SEED, "guess": "skipped", **options}))

    return open_page


def play(explorer: Locator, game: dict, steps: int = 16) -> None:
    """Set the gates by the rule, with their keys, and take the steps with Enter."""
    page = explorer.page
    explorer.get_by_role("slider").first.focus()
    for step in game["steps"][:steps]:
        wanted = {"i": step["kind"] == "write", "f": step["kind"] != "write", "o": step["kind"] == "ask"}
        for gate, is_open in wanted.items():
            slider = explorer.locator(f"input[aria-keyshortcuts={gate}]")
            if slider.count() and (float(slider.input_value()) >= 0.5) != is_open:
                page.keyboard.press(gate)
        page.keyboard.press("Enter")


def test_the_keys_play_a_stream_to_its_end(explore: Callable[..., Locator], told: dict) -> None:
    explorer = explore()
    play(explorer, told["game"])
    count = told["perfect"]["given"]
    mine = f"You had {count} of {count} right, and you spoke unasked 0 times"
    words = f"{mine}; the trained unit with the same gates had {count}."
    expect(explorer.get_by_role("status").last).to_have_text(words)
    expect(explorer.get_by_role("row", name="You")).to_contain_text(f"{count}/{count}")
    expect(explorer.get_by_role("row")).to_have_count(7)
    expect(explorer.get_by_role("group", name="How it went")).to_be_focused()
    explorer.page.keyboard.press("Enter")  # one too many loses nothing
    expect(explorer.get_by_role("row")).to_have_count(7)
    expect(explorer.get_by_role("img")).to_have_attribute("aria-label", told["replay"])
    assert axe(explorer.page) == []


@pytest.mark.parametrize("gates", GATES)
def test_each_chapter_has_its_gates_and_its_question(explore: Callable[..., Locator], gates: str) -> None:
    explorer = explore(gates=gates, guess="")
    expect(explorer.get_by_role("slider")).to_have_count(0)
    explorer.get_by_role("radio").nth(1).check()
    explorer.get_by_role("button", name="Check my guess").press("Enter")
    expect(explorer.locator(".lw-verdict")).to_contain_text(re.compile("^Right"))
    expect(explorer.get_by_role("slider")).to_have_count(len(gates))
    expect(explorer.get_by_role("slider").first).to_be_focused()


def test_a_slider_moves_the_memory_before_the_step_is_taken(explore: Callable[..., Locator], told: dict) -> None:
    explorer = explore(gates="if")
    words, new = explorer.get_by_role("status").last, explorer.locator("circle.bg-new.lw-remember")
    before = new.get_attribute("cx")
    slider = explorer.get_by_role("slider").first
    slider.focus()
    slider.press("Home")
    assert new.get_attribute("cx") != before
    expect(words).to_contain_text("Memory 0.00, then 0.00 + 0.00 = 0.00; said: 0.00.")
    expect(words).to_contain_text("Step 1 of 16.")
    slider.press("End")
    assert new.get_attribute("cx") == before


def test_a_link_restores_the_game(explore: Callable[..., Locator], told: dict) -> None:
    explorer = explore()
    play(explorer, told["game"], 5)
    page = explorer.page
    wait_until(page, "() => /choices:[0-9A]{15}$/.test(location.hash)")
    address, words = page.url, explorer.get_by_role("status").last.inner_text()
    page.goto("about:blank")
    page.goto(address)
    explorer.wait_for()
    # the answer to the step before stands there too
    expect(explorer.get_by_role("status").last).to_have_text(words)
    expect(explorer.get_by_role("status").last).to_contain_text("Step 6 of 16.")


def test_with_the_use_gate_in_hand_both_use_gates_are_heard(explore: Callable[..., Locator], told: dict) -> None:
    explorer = explore(gates="o")
    expect(explorer.get_by_role("slider")).to_have_count(1)
    one = told["uses"][SEED - 1]
    play(explorer, {"steps": [{**s, "kind": s["kind"].replace("echo", "ask")} for s in one["steps"]]})
    count = one["standard"]["given"]
    expect(explorer.get_by_role("row", name="You, standard")).to_contain_text(f"{count}/{count}")
    expect(explorer.get_by_role("row", name="You, drawn")).to_contain_text(f"{count - 2}/{count}")
    expect(explorer.get_by_role("row", name="You, drawn")).to_contain_text("2 silent")
    assert axe(explorer.page) == []


def test_without_the_trained_units_the_reader_s_own_score_is_shown(
    explore: Callable[..., Locator], told: dict, blank: Blank
) -> None:
    script = blank.files.pop("models/stream.js")
    blank.files["models/stream.js"] = "// nothing came"
    explorer = explore(gates="o")
    one = told["uses"][SEED - 1]
    play(explorer, {"steps": [{**s, "kind": s["kind"].replace("echo", "ask")} for s in one["steps"]]})
    count = one["standard"]["given"]
    own = f"You had {count} of {count} right with the standard gate, {count - 2} with the drawn one."
    expect(explorer.get_by_role("status").last).to_contain_text(f"{own} The trained units could not come")
    expect(explorer.get_by_role("row", name="You, standard")).to_contain_text(f"{count}/{count}")
    blank.files["models/stream.js"] = script


def test_silence_at_a_question_is_no_answer(explore: Callable[..., Locator], told: dict) -> None:
    explorer = explore()
    at = next(t for t, step in enumerate(told["game"]["steps"]) if step["kind"] == "ask")
    explorer.get_by_role("slider").first.focus()
    explorer.page.keyboard.press("o")
    for _ in range(at + 1):
        explorer.page.keyboard.press("Enter")
    expect(explorer.get_by_role("status").last).to_contain_text("You said nothing; in the box is")


@pytest.mark.parametrize("gates", ["o", "ifo"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_one_screen_and_axe_finds_nothing(
    explore: Callable[..., Locator], width: int, theme: str, gates: str
) -> None:
    explorer = explore(gates=gates)
    page = explorer.page
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    box = explorer.bounding_box()
    assert box
    assert box["height"] <= 700
    explorer.get_by_role("button", name="Take the first step").press("Enter")
    assert axe(page) == []
