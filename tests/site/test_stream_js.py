"""The stream in the page: what a network sees, what an answer can be, and what the players say, as in Python."""

import json

import numpy as np
import pytest
from explorable_helpers import module, node

from lstm_lib import tasks
from lstm_lib.applied import gatekeepers, models, stream_players
from lstm_lib.tasks import answers
from lstm_lib.widgets import be_the_gate, play_the_stream

FILE = models.FOLDER / "stream.safetensors"
LEVELS = stream_players.LEVELS
RNG = np.random.default_rng(5)
BATCHES = {name: stream_players.draw(level, RNG, 40) for name, level in LEVELS.items()}
UNITS = gatekeepers.draw(RNG, 40)
GUESSES = {name: RNG.integers(4, size=int(batch.mask.sum())) for name, batch in BATCHES.items()}


def as_steps(xs: np.ndarray, boxes: int) -> list[list[dict]]:
    """Write the inputs of a batch as the page does, one list of steps for each sequence."""
    symbols, writes, asks = tasks.stream_parts(xs, boxes=boxes)

    def one(t: int, n: int) -> dict:
        if asks[t, n].any():
            return {"kind": "ask", "symbol": -1, "box": int(asks[t, n].argmax())}
        if writes[t, n].any():
            return {"kind": "write", "symbol": int(symbols[t, n].argmax()), "box": int(writes[t, n].argmax())}
        return {"kind": "pass", "symbol": int(symbols[t, n].argmax()), "box": -1}

    return [[one(t, n) for t in range(len(xs))] for n in range(xs.shape[1])]


def by_sequence(values: np.ndarray, mask: np.ndarray) -> list[list]:
    """Sort what belongs to the questions of a batch, in the order of its mask, by sequence."""
    which = np.nonzero(mask)[1]
    return [values[which == n].tolist() for n in range(mask.shape[1])]


GIVEN = {
    name: {
        "boxes": LEVELS[name].boxes,
        "streams": as_steps(batch.xs, LEVELS[name].boxes),
        "guesses": by_sequence(GUESSES[name], batch.mask),
    }
    for name, batch in BATCHES.items()
}
SCRIPT = f"""
import * as stream from {module("stream")};
import * as play from {module("play_the_stream")};
import * as gate from {module("be_the_gate")};
import {{ readFileSync }} from "node:fs";
const given = {json.dumps(GIVEN)}, units = {json.dumps(as_steps(UNITS.xs, 1))};
const {{ card, players }} = stream.openPlayers(readFileSync({json.dumps(str(FILE))}));
const level = ({{ boxes, streams, guesses }}) => streams.map((steps, n) => {{
  const xs = steps.map((step) => stream.features(step, boxes));
  const asked = stream.questions(steps, boxes);
  const says = (name) => xs.map(stream.listener(players[`boxes_${{boxes}}_${{name}}`]));
  const shares = Object.fromEntries(Object.keys(play.PLAYERS).map((name) => [name, says(name)]));
  const kinds = guesses[n].map((answer, q) => stream.kindsOf(answer, asked[q]));
  return {{ xs, asked, shares, kinds, count: stream.score(guesses[n], asked) }};
}});
const choices = units.map((_, n) => gate.read("ifo", "A0A39505A".repeat(6).slice(0, 48), 16));
const seeds = (count, each) => Array.from({{ length: count }}, (_, n) => each(n + 1));
const drawn = Object.entries(play.LEVELS).map(([name, level]) => [
  name, seeds(300, (seed) => stream.drawStream(level, seed, 1)),
]);
const long = Object.keys(play.LEVELS).map((name) => seeds(100, (seed) => play.open(name, seed).asked.length));
const unit = (name, steps) => gate.unit(players[`unit_${{name}}`], steps);
const seven = () => JSON.stringify(stream.drawStream(play.LEVELS.two, 7, 5));
console.log(JSON.stringify({{
  card, levels: play.LEVELS, one: gate.STREAM, values: gate.VALUES, spoken: gate.SPOKEN,
  played: Object.fromEntries(Object.entries(given).map(([name, one]) => [name, level(one)])),
  units: Object.fromEntries(Object.keys(gate.STAGES).map((name) => [name, units.map((steps) => unit(name, steps))])),
  mine: units.map((steps, n) => gate.turns(steps, choices[n])),
  judged: units.map((steps) => {{
    const hs = unit("rnn", steps).map(({{ h }}) => h);
    return gate.judged(hs, {{ steps, asked: stream.questions(steps, 1) }});
  }}),
  drawn: Object.fromEntries(drawn), long,
  again: seven() === seven(),
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    """Play in JavaScript what was drawn in Python."""
    return node(SCRIPT)


@pytest.fixture(scope="module")
def network() -> stream_players.Players:
    return models.load_as(stream_players.Players, FILE, "stream of boxes")[0]


@pytest.mark.parametrize("level", LEVELS)
def test_a_network_in_the_page_sees_the_stream_of_the_library(told: dict, level: str) -> None:
    xs = np.array([one["xs"] for one in told["played"][level]])
    np.testing.assert_array_equal(xs.swapaxes(0, 1), BATCHES[level].xs)


@pytest.mark.parametrize("stage", stream_players.STAGES)
@pytest.mark.parametrize("level", LEVELS)
def test_every_player_gives_the_probabilities_of_numpy(told: dict, network, level: str, stage: str) -> None:
    shares = np.array([one["shares"][stage] for one in told["played"][level]]).swapaxes(0, 1)
    expected = stream_players.probabilities(network[f"boxes_{LEVELS[level].boxes}_{stage}"], BATCHES[level].xs)
    np.testing.assert_allclose(shares, expected, rtol=0, atol=1e-12)
    assert np.ptp(expected) > 0.5  # not all the same


@pytest.mark.parametrize("level", LEVELS)
def test_what_an_answer_can_be_is_what_the_library_says(told: dict, level: str) -> None:
    batch, boxes = BATCHES[level], LEVELS[level].boxes
    possible = by_sequence(answers.possible_answers(batch.xs, boxes=boxes), batch.mask)
    asked = [one["asked"] for one in told["played"][level]]
    ours = [[[q["right"], q["stale"], *q["others"], q["intruder"]] for q in one] for one in asked]
    assert ours == possible
    for one, rows, guesses in zip(told["played"][level], possible, GIVEN[level]["guesses"], strict=True):
        for kinds, row, guess in zip(one["kinds"], rows, guesses, strict=True):
            fits = {"stale": guess == row[1], "other box": guess in row[2:-1], "intruder": guess == row[-1]}
            assert kinds == (["right"] if guess == row[0] else [kind for kind, is_so in fits.items() if is_so])


def test_where_all_symbols_differ_the_counts_are_the_shares_of_the_library(told: dict) -> None:
    batch, says = BATCHES["two"], GUESSES["two"]
    counts = np.zeros(4)
    for one in told["played"]["two"]:
        for q, kinds in zip(one["asked"], one["kinds"], strict=True):
            candidates = [q["right"], q["stale"], *q["others"], q["intruder"]]
            if len(set(candidates)) == 4 and -1 not in candidates:
                (kind,) = kinds
                counts[answers.KINDS.index(kind)] += 1
    np.testing.assert_allclose(counts / counts.sum(), answers.kinds_of_answers(says, batch.xs, boxes=2), atol=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_the_score_counts_what_the_library_counts(told: dict, level: str) -> None:
    expected = stream_players.wrong_answers(GUESSES[level], BATCHES[level].xs, LEVELS[level].boxes)
    count = {key: sum(one["count"][key] for one in told["played"][level]) for key in told["played"][level][0]["count"]}
    wrong = count["given"] - count["right"]
    assert count["right"] / count["given"] == pytest.approx(expected["right"])
    for kind, name in (("stale",) * 2, ("other box",) * 2, ("intruder",) * 2, ("none", "none of these")):
        assert count[kind] / wrong == pytest.approx(expected[name]), kind


def test_streams_of_the_page_follow_the_rule_of_the_task(told: dict) -> None:
    assert told["again"]
    assert np.min(told["long"]) >= 5
    for name, streams in told["drawn"].items():
        level = LEVELS[name]
        later = [step["kind"] for steps in streams for step in steps[level.boxes : -1]]
        for steps in streams:
            assert len(steps) == level.T
            assert [(s["kind"], s["box"]) for s in steps[: level.boxes]] == [("write", n) for n in range(level.boxes)]
            assert steps[-1]["kind"] == "ask"
        assert np.mean(np.array(later) == "write") == pytest.approx(level.p_write, abs=0.02), name
        assert np.mean(np.array(later) == "ask") == pytest.approx(level.p_ask, abs=0.02), name
        symbols = [step["symbol"] for steps in streams for step in steps if step["kind"] != "ask"]
        np.testing.assert_allclose(np.bincount(symbols) / len(symbols), 0.25, atol=0.02)


def test_levels_and_values_are_the_same_in_both_languages(told: dict) -> None:
    for name, level in told["levels"].items():
        assert stream_players.Level(*(level[field] for field in stream_players.Level._fields)) == LEVELS[name]
    assert tuple(told["levels"]) == tuple(LEVELS) == play_the_stream.LEVELS
    assert tuple(told["values"]) == stream_players.VALUES
    assert told["spoken"] == pytest.approx(gatekeepers.SPOKEN, abs=1e-15)
    one = {"boxes": 1, "T": gatekeepers.LENGTH, "p_write": gatekeepers.P_WRITE, "p_ask": gatekeepers.P_ASK}
    assert told["one"] == one
    assert be_the_gate.GATES == ("i", "if", "o", "ifo")


@pytest.mark.parametrize("stage", stream_players.STAGES)
def test_units_in_the_page_do_what_they_do_in_numpy(told: dict, network, stage: str) -> None:
    weights = stream_players.weights_of(network[f"unit_{stage}"])
    expected = gatekeepers.run(stage, weights, UNITS.xs)
    for name, values in zip(expected._fields[:-1], expected[:-1], strict=True):
        ours = np.array([[step[name[0]] for step in one] for one in told["units"][stage]]).T
        np.testing.assert_allclose(ours, values[..., 0], rtol=0, atol=1e-12, err_msg=name)


def test_the_readers_own_gates_are_those_of_the_cell(told: dict) -> None:
    digits = ("A0A39505A" * 6)[:48]
    gates = np.array(["0123456789A".index(digit) / 10 for digit in digits]).reshape(16, 3)
    symbols, _, asks = tasks.stream_parts(UNITS.xs, boxes=1)
    for n, turns in enumerate(told["mine"]):
        c = 0.0
        for t, (i, f, o) in enumerate(gates):
            c = f * c + i * float(symbols[t, n] @ np.array(stream_players.VALUES))
            assert turns[t]["c"] == pytest.approx(c, abs=1e-15)
            assert turns[t]["h"] == pytest.approx(o * np.tanh(c), abs=1e-15)


def test_a_unit_is_judged_as_in_python(told: dict, network) -> None:
    hs = gatekeepers.run("rnn", stream_players.weights_of(network["unit_rnn"]), UNITS.xs).hs[..., 0]
    expected = stream_players.wrong_answers(gatekeepers.said(hs[UNITS.mask]), UNITS.xs, 1)
    count = {key: sum(one[key] for one in told["judged"]) for key in told["judged"][0]}
    assert count["right"] / count["given"] == pytest.approx(expected["right"])
    assert count["unasked"] == int((np.abs(hs[~UNITS.mask]) > gatekeepers.SPOKEN).sum())
