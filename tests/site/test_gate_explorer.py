"""The gate explorer: its arithmetic against the cells in NumPy, and its hands in a browser, gate by gate."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from anywidget import AnyWidget
from explorable_helpers import axe, module, node, text_sizes
from playwright.sync_api import Locator, expect

from lstm_lib.from_scratch.cells import DrawnParams, LSTMParams, LSTMState, drawn_step, lstm_step
from lstm_lib.notation import FAMILIES, SYMBOLS
from lstm_lib.widgets import GateExplorer
from lstm_lib.widgets.gate_explorer import PRESETS, START

GATES = list(START)
Values = dict[str, float]


def situations(gate: str) -> list[Values]:
    """List where the sliders of a gate may stand: its presets, and 20 places drawn at random."""
    rng = np.random.default_rng(GATES.index(gate))
    reach = dict.fromkeys("fio", (0.01, 0.99)) | {"g": (-0.99, 0.99), "h": (-1, 1), "x": (-2, 2), "c": (-3, 3)}
    drawn = [{key: rng.uniform(*reach.get(key, (-6, 6))) for key in START[gate]} for _ in range(20)]
    return [row["values"] for row in GateExplorer(gate).presets] + drawn


SCRIPT = f"""
import {{ COMPUTE, GATES, range }} from {module("gate_explorer")};
import {{ percent, squashed }} from {module("parts")};
const situations = {json.dumps({gate: situations(gate) for gate in GATES})};
const say = (gate, v) => GATES[gate].words(v, COMPUTE[gate](v)).join(" ");
const line = ({{ left, steps }}) => [left, ...steps].join(" = ");
const show = (gate, v) => GATES[gate].equations(v, COMPUTE[gate](v)).map(line);
const each = (use) => Object.fromEntries(Object.entries(situations).map(([g, all]) => [g, all.map((v) => use(g, v))]));
console.log(JSON.stringify({{
  numbers: each((gate, v) => COMPUTE[gate](v)),
  words: each(say),
  equations: each(show),
  sliders: Object.fromEntries(Object.entries(GATES).map(([g, {{ groups }}]) => [g, groups.flatMap(([, ...k]) => k)])),
  ranges: Object.fromEntries(Object.entries(GATES).map(([g, {{ groups }}]) => [
    g, Object.fromEntries(groups.flatMap(([, ...k]) => k.map((key) => [key, range(key, g)]))),
  ])),
  squashed: [0, 1, -1, 0.5, -0.004, 0.9991, -0.9999999, 1.5].map(squashed),
  percents: [0, 1, 0.694, 0.0002, 0.9975].map((share) => percent(share)),
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict[str, dict]:
    """Run the functions of the ES module under node and return what they give."""
    return node(SCRIPT)


# ---------------------------------------------------------------- the same numbers as the cells

ORDER = "ifgo"
ROW = np.random.default_rng(7).uniform(-1, 1, (4, 3))  # weights of h and x and the bias of gates that are not looked at


def weights(v: Values, fixed: Values) -> tuple[np.ndarray, np.ndarray]:
    """Return W (4, 1, 2) and b (4, 1): the explorer's weights where it has some, gates in ``fixed`` from their bias."""
    rows = ROW.copy()
    for n, gate in enumerate(ORDER):
        if f"b_{gate}" in v:
            rows[n] = v[f"w_{gate}h"], v[f"w_{gate}x"], v[f"b_{gate}"]
        if gate in fixed:
            value = fixed[gate]
            inverse = np.arctanh if gate == "g" else lambda p: 2 * np.arctanh(2 * p - 1)
            edge = value in (0, 1) if gate != "g" else abs(value) == 1
            rows[n] = 0, 0, (60 * np.sign(value - 0.5 * (gate != "g")) if edge else inverse(value))
    return rows[:, None, :2], rows[:, 2:]


def learn(v: Values) -> Values:
    W, b = weights(v, {})
    _, tape = lstm_step(LSTMParams(W, b), np.array([[v["x"]]]), LSTMState(np.array([[v["h"]]]), np.array([[0.9]])))
    return {"i": tape.i, "g": tape.g, "learned": tape.c - tape.f * tape.c_prev}


def forget(v: Values) -> Values:
    W, b = weights(v, {"i": 0.0})  # nothing is learned: the new memory is what was kept
    state = LSTMState(np.array([[v["h"]]]), np.array([[v["c"]]]))
    after, tape = lstm_step(LSTMParams(W, b), np.array([[v["x"]]]), state)
    return {"f": tape.f, "kept": after.c}


def remember(v: Values) -> Values:
    W, b = weights({}, v)
    state = LSTMState(np.array([[0.3]]), np.array([[v["c"]]]))
    after, tape = lstm_step(LSTMParams(W, b), np.array([[0.7]]), state)
    return {"kept": tape.f * state.c, "learned": tape.i * tape.g, "c": after.c}


def use(v: Values) -> Values:
    W, b = weights(v, {"f": 1.0, "i": 0.0})  # the memory passes through: the new c is the slider's
    state = LSTMState(np.array([[v["h"]]]), np.array([[v["c"]]]))
    after, tape = lstm_step(LSTMParams(W, b), np.array([[v["x"]]]), state)
    return {"o": tape.o, "h": after.h, "u": np.tanh(after.c)}


def drawn_use(v: Values) -> Values:
    W, b = weights(v, {"f": v["f"]})  # i and g have weights at random: they must not matter
    params = DrawnParams(W, b, np.array([[v["w_u"]]]), np.array([v["b_u"]]))
    state = LSTMState(np.array([[v["h"]]]), np.array([[v["c"]]]))
    after, tape = drawn_step(params, np.array([[v["x"]]]), state)
    return {"o": tape.o, "kept": tape.kept, "u": tape.u, "h": after.h}


def both_uses(v: Values) -> Values:
    W, b = weights({}, v)
    x, state = np.array([[0.7]]), LSTMState(np.array([[0.3]]), np.array([[v["c"]]]))
    after, tape = lstm_step(LSTMParams(W, b), x, state)
    params = DrawnParams(W, b, np.array([[v["w_u"]]]), np.array([v["b_u"]]))
    drawn, drawn_tape = drawn_step(params, x, state)
    memory = {"kept": drawn_tape.kept, "learned": tape.i * tape.g, "c": after.c}
    return memory | {"u": np.tanh(after.c), "h": after.h, "drawn_u": drawn_tape.u, "drawn_h": drawn.h}


CELLS: dict[str, Callable[[Values], Values]] = {
    "remember": remember, "learn": learn, "forget": forget, "use": use, "drawn use": drawn_use,
    "both uses": both_uses,
}  # fmt: skip


@pytest.mark.parametrize("gate", GATES)
def test_every_number_of_a_gate_is_the_one_of_the_cell(told: dict[str, dict], gate: str) -> None:
    for v, numbers in zip(situations(gate), told["numbers"][gate], strict=True):
        for name, expected in CELLS[gate](v).items():
            np.testing.assert_allclose(numbers[name], np.squeeze(expected), rtol=0, atol=1e-12, err_msg=f"{name}, {v}")


@pytest.mark.parametrize("gate", GATES)
def test_every_value_has_one_slider(told: dict[str, dict], gate: str) -> None:
    assert sorted(told["sliders"][gate]) == sorted(START[gate])
    for changes in PRESETS[gate].values():
        assert changes.keys() <= START[gate].keys()


ASKED = {  # by the chapters
    "remember": {"f": 0.5, "c": 1, "i": 0.5, "g": 1},
    "learn": {"w_ix": 12, "b_i": -6},
    "forget": {"w_fx": -12, "b_f": 6},
}


@pytest.mark.parametrize("gate", GATES)
def test_the_sliders_reach_what_presets_and_prose_ask_for(told: dict[str, dict], gate: str) -> None:
    for values in [row["values"] for row in GateExplorer(gate).presets] + [ASKED.get(gate, {})]:
        for key, value in values.items():
            low, high, step = told["ranges"][gate][key]
            assert low <= value <= high, key
            np.testing.assert_allclose((value - low) / step, np.round((value - low) / step), atol=1e-9, err_msg=key)


# ---------------------------------------------------------------- words


def test_the_presets_show_what_their_names_say(told: dict[str, dict]) -> None:
    at = {
        gate: dict(zip(["start", *PRESETS[gate]], told["numbers"][gate][:4], strict=True)) for gate in GATES
    }
    assert at["forget"]["keep everything"]["f"] > 0.99
    assert at["forget"]["keep half"]["f"] == 0.5
    assert at["forget"]["forget when x is on"]["f"] < 0.05
    flag = at["learn"]["write when the flag x is on"]
    assert flag["i"] > 0.99
    assert flag["g"] == np.tanh(2)  # the event, not the short-term memory
    assert at["learn"]["ignore everything"]["i"] < 0.01
    assert at["learn"]["ignore nothing"]["i"] > 0.99
    assert at["remember"]["carry it on"]["c"] == START["remember"]["c"]
    assert at["remember"]["overwrite"]["c"] == -0.8
    assert at["use"]["speak when x is on"]["o"] > 0.95
    assert at["use"]["keep silent"]["o"] < 0.01
    assert at["use"]["a very full memory"]["u"] > 0.99
    both = at["both uses"]
    assert both["start"]["drawn_h"] == both["learn the opposite"]["drawn_h"] == both["learn nothing"]["drawn_h"]
    assert both["learn nothing"]["h"] == both["learn nothing"]["drawn_h"]
    assert both["learn the opposite"]["h"] < 0 == both["keep nothing"]["drawn_h"] < both["keep nothing"]["h"]
    assert at["drawn use"]["an empty memory"]["h"] == at["drawn use"]["everything forgotten"]["h"] != 0


def test_the_words_say_what_is_easily_missed(told: dict[str, dict]) -> None:
    said = {gate: dict(zip(["start", *PRESETS[gate]], told["words"][gate][:4], strict=True)) for gate in GATES}
    assert "keeps 69 % of the long-term memory: of 1.20, 0.83 is kept and 0.37 is forgotten" in said["forget"]["start"]
    assert "gone after 1.0 steps" in said["forget"]["keep half"]
    assert "an ignore factor of 1 means that nothing is ignored" in said["learn"]["ignore nothing"]
    assert "of 0.76, 0.20 is learned and 0.56 is ignored" in said["learn"]["start"]  # adds up
    assert "an ignore factor of 0 means that everything is ignored" in said["learn"]["ignore everything"]
    assert "no gate: it has no weights" in said["remember"]["start"]
    assert "h stays between −0.69 and 0.69" in said["use"]["start"]
    assert "tanh is saturated" in said["use"]["a very full memory"]
    assert "not in the formula" in said["drawn use"]["start"]
    assert "the standard gate 0.46, the drawn gate 0.19." in said["both uses"]["start"]  # the chapter's pencil
    assert "both say the same" in said["both uses"]["learn nothing"]
    assert "a bias, not a memory" in said["drawn use"]["everything forgotten"]


def test_the_formula_is_shown_with_its_numbers(told: dict[str, dict]) -> None:
    squashing, kept = told["equations"]["forget"][0]
    assert squashing.replace("\u00a0", " ").endswith(
        "σ(1.20·[use:0.50] + 0.40·[event:1.00] − 0.20) = σ(0.80) = [forget:0.69]"
    )
    assert kept.endswith("[forget:0.69]·[remember:1.20] = 0.83")
    assert all("[learn:" not in line for line in told["equations"]["drawn use"][0])


def test_a_gate_that_is_nearly_shut_is_not_shown_as_shut(told: dict[str, dict]) -> None:
    assert told["squashed"] == ["0.00", "1.00", "−1.00", "0.50", "−0.004", "0.999", "−1.0000", "1.50"]
    assert told["percents"] == ["0 %", "100 %", "69 %", "0.02 %", "99.8 %"]


def test_a_wrong_gate_or_slider_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"got gate 'input', expected one of remember, learn"):
        GateExplorer("input")
    with pytest.raises(ValueError, match=r"got values for w_ih, expected some of h, x, c, w_fh"):
        GateExplorer("forget", values={"w_ih": 1.0})


# ---------------------------------------------------------------- in a browser

@pytest.fixture
def explore(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    """Give a function that opens an explorer on a page of 390 px."""
    return lambda gate, **options: alone(GateExplorer(gate, **options))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("gate", GATES)
def test_a_gate_fits_a_telephone_and_axe_finds_nothing(explore: Callable[..., Locator], gate: str, theme: str) -> None:
    explorer = explore(gate, question="What do you expect?")
    page = explorer.page
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    expect(explorer).to_contain_text("What do you expect?")
    expect(explorer.locator("input[type=range]")).to_have_count(len(START[gate]))
    page.add_style_tag(content="body { margin: 0 16px } .anyhost { border: 1px solid; padding: 1rem }")
    for fold in explorer.locator("summary").all() or [None]:
        if fold and not fold.evaluate("f => f.parentElement.open"):
            fold.click()
        expect(explorer.locator("details[open]")).to_have_count(1 if fold else 0)
        seen = [slider.bounding_box() for slider in explorer.get_by_role("slider").all()]
        assert 2 <= len(seen) <= 4
        bars = explorer.locator(".ge-bars").bounding_box()
        assert bars["y"] + bars["height"] - seen[0]["y"] <= 800  # what moves and its sliders are on one screen
        sizes = text_sizes(explorer)
        assert min(sizes, default=9) >= 9
    for button in explorer.get_by_role("button").all():
        button.press("Enter")
        expect(button).to_have_attribute("aria-pressed", "true")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert axe(page) == []


def test_the_sliders_answer_to_keys(explore: Callable[..., Locator]) -> None:
    explorer = explore("forget")
    page, words = explorer.page, explorer.get_by_role("status")
    explorer.locator("summary", has_text="Weights of the forget factor").press("Enter")
    bias = explorer.get_by_role("slider", name="bf bias")
    event = explorer.get_by_role("slider", name="xt event")
    expect(words).to_contain_text("keeps 69 %")

    bias.press("End")
    expect(words).to_contain_text("keeps 99.9 %")
    expect(explorer.locator(".ge-equations")).to_contain_text("= σ(7.00) = 0.999")
    assert bias.get_attribute("aria-valuetext") == "6.00"
    bias.press("Home")
    expect(words).to_contain_text("keeps 1 %")

    explorer.locator("summary", has_text="What the gate reads").press("Enter")
    expect(bias).to_be_hidden()
    event.focus()
    page.keyboard.press("ArrowRight")
    assert event.get_attribute("aria-valuetext") == "1.10"
    assert words.get_attribute("aria-busy") == "false"
    assert event.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    assert event.evaluate("e => e.dataset.lmSuppressShortcuts") == "true"


def test_a_situation_moves_the_sliders_and_start_brings_them_back(explore: Callable[..., Locator]) -> None:
    explorer = explore("learn", values={"h": -0.3})
    memory = explorer.get_by_role("slider", name="short-term memory (STM)")
    start = explorer.get_by_role("button", name="start")
    expect(start).to_have_attribute("aria-pressed", "true")
    explorer.get_by_role("button", name="ignore nothing").press("Enter")
    expect(explorer.get_by_role("status")).to_contain_text("nothing is ignored")
    expect(start).to_have_attribute("aria-pressed", "false")
    memory.press("Home")
    start.press("Enter")
    expect(memory).to_have_value("-0.3")


def test_the_new_information_has_no_slider_in_the_drawn_use_gate(explore: Callable[..., Locator]) -> None:
    explorer = explore("drawn use")
    row = explorer.get_by_role("listitem").filter(has_text="not in this formula")
    expect(row).to_contain_text("learned i·g")
    expect(explorer.get_by_role("slider", name="candidate")).to_have_count(0)


def test_the_bars_are_as_long_as_their_numbers(explore: Callable[..., Locator]) -> None:
    explorer = explore("use", values={"c": -3.0, "w_oh": 0.0, "w_ox": 0.0, "b_o": 0.0})
    styles = explorer.locator(".ge-bar").evaluate_all("bars => bars.map((b) => [b.style.left, b.style.width])")
    left, width = np.array([[float(part.rstrip("%")) for part in style] for style in styles]).T
    memory, offered, said, unsaid = 50, 50 * np.tanh(3) / 3, 25 * np.tanh(3) / 3, 25 * np.tanh(3) / 3
    np.testing.assert_allclose(width, [memory, offered, said, unsaid], rtol=1e-3)
    np.testing.assert_allclose(left, [0, 50 - offered, 50 - said, 50 - offered], atol=0.01)
    marks = explorer.locator(".ge-limit").evaluate_all("marks => marks.map((m) => parseFloat(m.style.left))")
    np.testing.assert_allclose(marks, [50 - 50 * 0.5 / 3, 50 + 50 * 0.5 / 3], rtol=1e-3)


@pytest.mark.parametrize(("theme", "tone"), [("light", "on_light"), ("dark", "on_dark")])
def test_words_and_colours_come_from_the_one_table(explore: Callable[..., Locator], theme: str, tone: str) -> None:
    explorer = explore("learn")
    explorer.page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    red, green, blue = bytes.fromhex(getattr(FAMILIES["learn"], tone)[1:])
    shown = explorer.locator(".ge-equations .lw-learn").first.evaluate("e => getComputedStyle(e).color")
    assert shown == f"rgb({red}, {green}, {blue})"
    for symbol in "ig":
        caption = explorer.locator(".ge-squashing").filter(has_text=SYMBOLS[symbol].everyday)
        expect(caption).to_contain_text(SYMBOLS[symbol].standard)
