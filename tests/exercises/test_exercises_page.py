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
        ("1,024", "1,024 may be a thousand or a decimal: write 1024 or 1.024."),
        ("sigmoid(2)^30", "Python writes a power with two stars: 0.95 ** 30 and not 0.95^30."),
        ("x = 1", "This exercise wants a number, or an expression that gives one."),
        ("sigmoid(1", "SyntaxError: '(' was never closed"),
        ("ln(2) / 0.05", "NameError: Python writes ln as log."),
        (
            "dot(2 x)",
            "SyntaxError: invalid syntax. Perhaps you forgot a comma? "
            "Or, between two factors, a star: 2 * x?",
        ),
        ("numpy", "NameError: name 'numpy' is not defined"),
    ],
)
def test_a_number_that_is_none_is_told_why(typed: str, words: str) -> None:
    reply = ask(do="check", id="thirty-steps", source=typed)
    assert reply["verdict"] is None
    assert reply["error"]["words"].startswith(words)


@pytest.mark.parametrize(
    ("id", "typed", "note"),
    [
        ("half-life", "13,5", "13,5 is read as 13.5."),
        ("half-life", "half_life = 13,5", "13,5 is read as 13.5."),
        ("half-life", "-log(2) / log(0,95)", None),  # two arguments
        ("thirty-steps", "0,8808 ** 30", "0,8808 is read as 0.8808."),
        ("thirty-steps", "2,22 %", "2,22 is read as 2.22."),
        ("thirty-steps", "2,22e-2", "2,22 is read as 2.22."),
    ],
)
def test_a_decimal_comma_is_read_and_said(id: str, typed: str, note: str | None) -> None:
    verdict = (ask(do="check", id=id, source=typed))["verdict"]
    assert (verdict is not None and verdict["passed"]) == (note is not None)
    assert note is None or verdict["message"].startswith(f"{note} Right, ")


@pytest.mark.parametrize(
    ("typed", "number"), [("0,5", 0.5), ("13,5", 13.5), ("-0,5", 0.5), ("-3,25", -3.25), ("7,0", 7.0), ("1,25", 1.25)]
)
def test_in_a_notebook_python_makes_a_pair_of_it_which_is_read(typed: str, number: float) -> None:
    exercise = EXERCISES["half-life"]
    told = exercise.check(eval(typed)).message
    note, _, rest = told.partition(" is read as ")
    assert note == typed.replace("-0", "0")  # Python keeps no sign of a zero
    assert rest == f"{number}. {exercise.check(number).message}"
    assert exercise.check((1, 234)).message == "1,234 may be a thousand or a decimal: write 1234 or 1.234."
    assert "with a point" in exercise.check((0.5, 3.0)).message


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
