"""What the page's Python answers: requests in, replies out, as JSON."""

import json

import pytest

from lstm_lib.exercises import EXERCISES
from lstm_lib.exercises._page import LIMIT, respond

TYPED = [one for one in EXERCISES.values() if one.kind != "judgement"]


def ask(**request: object) -> dict:
    """Send a request as the page does."""
    return json.loads(respond(json.dumps(request)))


@pytest.mark.parametrize("exercise", TYPED, ids=lambda one: one.id)
def test_a_stub_waits_and_a_solution_passes(exercise) -> None:
    stub = ask(do="check", id=exercise.id, source=exercise.stub_source)
    assert (stub["error"], stub["verdict"]["word"]) == (None, "Not answered yet")
    assert "press Check" in stub["verdict"]["message"]
    solved = ask(do="check", id=exercise.id, source=exercise.solution_source)
    assert (solved["error"], solved["verdict"]["passed"]) == (None, True)


def test_a_known_mistake_is_told_with_its_key() -> None:
    source = EXERCISES["forget-gate"].solution_source.replace("sigmoid(", "tanh(")
    assert ask(do="check", id="forget-gate", source=source)["verdict"]["mistake"] == "tanh-for-sigmoid"


@pytest.mark.parametrize(
    "typed",
    ["sigmoid(2) ** 30", "thirty_steps = sigmoid(2) ** 30", " 2.22e-02 ", "2.22 %", "n = 30\nsigmoid(2) ** n"],
)
def test_a_number_may_be_written_in_many_ways(typed: str) -> None:
    assert ask(do="check", id="thirty-steps", source=typed)["verdict"]["passed"], typed


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("0,5", "A decimal point, please: 0.5 and not 0,5."),
        ("sigmoid(2)^30", "Python writes a power with two stars: 0.95 ** 30 and not 0.95^30."),
        ("x = 1", "This exercise wants a number, or an expression that gives one."),
        ("sigmoid(1", "SyntaxError: '(' was never closed"),
        ("numpy", "NameError: name 'numpy' is not defined"),
    ],
)
def test_a_number_that_is_none_is_told_why(typed: str, words: str) -> None:
    reply = ask(do="check", id="thirty-steps", source=typed)
    assert reply["verdict"] is None
    assert reply["error"]["words"].startswith(words)


def test_a_missing_function_is_asked_for_by_its_first_line() -> None:
    reply = ask(do="check", id="forget-gate", source="def forgetgate():\n    return 1")
    assert reply["error"]["words"].endswith("Keep its first line: def forget_gate(z, c_prev, W_f, b_f):")


@pytest.mark.parametrize(
    ("source", "line", "text"),
    [
        ("a = 1\nb = c", 2, "b = c"),
        ("def f():\n    return 1 / 0\n\nf()", 2, "return 1 / 0"),
        ("a = 1\nb = (", 2, "b = ("),
        ("raise SystemExit", 1, "raise SystemExit"),
        ("def f():\n    f()\nf()", 2, "f()"),
    ],
)
def test_an_error_names_the_readers_last_line(source: str, line: int, text: str) -> None:
    error = ask(do="run", source=source)["error"]
    assert (error["line"], error["source"].strip()) == (line, text)


def test_a_module_that_the_page_lacks_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "numpy", None)
    assert "take its place" in ask(do="run", source="import numpy as np")["error"]["words"]
    source = EXERCISES["forget-gate"].solution_source.replace("sigmoid(", "np.tanh(")
    assert "take its place" in ask(do="check", id="forget-gate", source=source)["verdict"]["message"]


def test_endless_printing_is_cut_and_said_to_be() -> None:
    printed = ask(do="run", source="for n in range(100_000): print(n)")["printed"]
    assert len(printed) < LIMIT + 100
    assert printed.endswith("left out.")


def test_a_long_value_is_cut() -> None:
    assert len(ask(do="run", source="'x' * 10 ** 6")["value"]) < LIMIT + 10


def test_a_value_that_breaks_when_it_is_shown_is_an_error_of_the_reader() -> None:
    source = "class A:\n    def __repr__(self):\n        return 1 / 0\n\nA()"
    assert ask(do="run", source=source)["error"]["line"] == 3


def test_cells_go_on_from_those_above_and_leave_nothing_behind() -> None:
    assert ask(do="run", source="h * 2", above=["h = 4", "print(h)"]) == {"printed": "", "value": "8", "error": None}
    assert ask(do="run", source="h")["error"]["kind"] == "NameError"
    assert "begins with “1 / 0” stops" in ask(do="run", source="1", above=["1 / 0"])["error"]["words"]


def test_another_request_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'erase' to do"):
        ask(do="erase")
