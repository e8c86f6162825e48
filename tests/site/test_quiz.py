"""The four kinds of quiz, each answered by keyboard on a page of its own."""

import json
import re
from collections.abc import Callable

import nbformat
import pytest
from anywidget import AnyWidget
from conftest import notebooks
from explorable_helpers import axe
from playwright.sync_api import Locator, Page, expect

from lstm_lib.exercises import EXERCISES
from lstm_lib.widgets import Quiz

Show = Callable[[AnyWidget], Locator]

KINDS = {
    "single": Quiz(
        question="Half of 4?",
        options={"two": "2", "three": "3"},
        answer="two",
        because={"two": "2 + 2 = 4.", "three": "3 + 3 is 6."},
        name="half",
    ),
    "several": Quiz.several(
        question="Which are even?",
        options={"two": "2", "three": "3", "four": "4"},
        answers=["two", "four"],
        because={"two": "1 + 1.", "three": "One is left over.", "four": "2 + 2."},
        name="even",
    ),
    "number": Quiz.number(
        question="A half?",
        answer=0.5,
        because="Two of them make 1.",
        hint="Share 1 between two.",
        mistakes={2.0: "That is twice."},
        name="a-half",
    ),
    "order": Quiz.order(
        question="Count to three.",
        steps={"a": ("one", ""), "b": ("two", "Two comes after one."), "c": ("three", "Three comes after two.")},
        because="So it goes.",
        name="count",
    ),
}


@pytest.fixture
def told(alone: Show) -> Callable[[str], tuple[Locator, Page, Callable[[], list]]]:
    """Show a quiz, and listen to what it tells the page."""

    def show(kind: str):
        quiz = alone(KINDS[kind])
        page = quiz.page
        page.evaluate(
            "() => { window.done = []; document.addEventListener('lstm:done', (event) => done.push(event.detail)); }"
        )
        return quiz, page, lambda: page.evaluate("() => window.done")

    return show


def answer(kind, **more):
    names = {"single": "half", "several": "even", "number": "a-half", "order": "count"}
    return {"kind": "quiz", "id": names[kind], "widget": "quiz"} | more


def test_one_option_by_keyboard(told) -> None:
    quiz, page, done = told("single")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # from the first, where the focus is, to the second: three
    page.keyboard.press("Enter")
    expect(quiz.get_by_role("status")).to_have_text("Not so. 3 + 3 is 6.")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(quiz.get_by_role("status")).to_have_text("Right. 2 + 2 = 4.")
    assert done() == [
        answer("single", passed=False, mistake="three", answer="three"),
        answer("single", passed=True, mistake=None, answer="two"),
    ]


def test_several_options_by_keyboard(told) -> None:
    quiz, page, done = told("several")
    quiz.get_by_role("button", name="Check").press("Enter")
    expect(quiz.get_by_role("status")).to_contain_text("Choose at least one answer")
    boxes = quiz.get_by_role("checkbox")
    boxes.first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    said = quiz.get_by_role("status").locator("p")
    expect(said).to_have_text(["Not yet: 2 of 3 boxes are not set right.", "“3”: One is left over."])
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(said).to_have_text(["Right.", "“2”: 1 + 1.", "“3”: One is left over.", "“4”: 2 + 2."])
    assert [entry["answer"] for entry in done()] == ["two,three", "two,four"]


def test_a_number_by_keyboard(told) -> None:
    quiz, page, done = told("number")
    page.keyboard.press("Tab")
    for typed, says in [
        ("much", "Type a number first"),
        ("2", "Not so. That is twice."),
        ("50", "Did you mean percent"),
        ("1/2", "Right. Two of them make 1."),
        ("50 %", "Right."),
        (".5", "Right."),
    ]:
        quiz.get_by_role("textbox").fill("")
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        expect(quiz.get_by_role("status")).to_contain_text(says)
    assert [entry["answer"] for entry in done()] == ["2", "50", "1/2", "50 %", ".5"]


def test_an_order_by_keyboard(told) -> None:
    quiz, page, done = told("order")
    steps = quiz.get_by_role("listitem").locator("span:first-child")
    assert sorted(steps.all_inner_texts()) == ["one", "three", "two"] != steps.all_inner_texts()
    quiz.get_by_role("button", name="Check").press("Enter")
    expect(quiz.locator(".quiz-said")).to_contain_text("Not yet: “")
    for text, place in (("one", 0), ("two", 1)):
        button = quiz.get_by_role("button", name=f"Move up: {text}")
        button.focus()
        while steps.all_inner_texts().index(text) > place:
            page.keyboard.press("Enter")
            expect(button).to_be_focused()
        page.keyboard.press("Enter" if place == 0 else "Shift")  # at the top nothing moves any more
    assert steps.all_inner_texts() == ["one", "two", "three"]
    quiz.get_by_role("button", name="Check").press("Enter")
    expect(quiz.locator(".quiz-said")).to_have_text("Right. So it goes.")
    assert done()[-1] == answer("order", passed=True, mistake=None, answer="a,b,c")


def test_a_step_that_moves_is_told_and_a_finger_can_move_it(told) -> None:
    quiz, page, _ = told("order")
    first = quiz.get_by_role("listitem").first
    text = first.locator("span").first.inner_text()
    down = quiz.get_by_role("button", name=f"Move down: {text}")
    box = down.bounding_box()
    assert min(box["width"], box["height"]) >= 24
    down.click()
    expect(quiz.get_by_role("status").first).to_have_text(f"“{text}” is step 2 of 3.")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(told, kind: str, theme: str) -> None:
    quiz, page, _ = told(kind)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_a_wrong_quiz_is_refused() -> None:
    two = {"a": "A", "b": "B"}
    with pytest.raises(ValueError, match="got answer 'c', expected one of a, b"):
        Quiz(question="?", options=two, answer="c", because=two)
    with pytest.raises(ValueError, match="got reasons for a, expected one for each of a, b"):
        Quiz(question="?", options=two, answer="a", because={"a": "A"})
    with pytest.raises(ValueError, match="got answers c, expected some of a, b"):
        Quiz.several(question="?", options=two, answers=["c"], because=two)
    with pytest.raises(ValueError, match=r"got mistake 0\.501, expected it further from 0\.5"):
        Quiz.number(question="?", answer=0.5, because="", hint="", mistakes={0.501: "."})
    with pytest.raises(ValueError, match="got 2 steps, expected at least 3"):
        Quiz.order(question="?", steps={"a": ("A", ""), "b": ("B", "")}, because="")
    with pytest.raises(ValueError, match="got name 'A b', expected small letters"):
        Quiz(question="?", options=two, answer="a", because=two, name="A b")
    with pytest.raises(ValueError, match="got option 'a,b', expected no comma"):
        Quiz(question="?", options={"a,b": "A"}, answer="a,b", because={"a,b": "A"})


# ---------------------------------------------------------------- the quizzes of the course


def quizzes(path) -> list[tuple[nbformat.NotebookNode, dict]]:
    """List the cells of a chapter that show a quiz, each with the state of its widget."""
    notebook = nbformat.read(path, as_version=4)
    states = json.loads(json.dumps(notebook.metadata.get("widgets", {})))
    states = next(iter(states.values()), {"state": {}})["state"]
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            view = output.get("data", {}).get("application/vnd.jupyter.widget-view+json")
            state = states[view["model_id"]]["state"] if view else {}
            if "choice" in state:
                shown.append((cell, state))
    return shown


def test_every_chapter_asks_two_or_three_questions() -> None:
    for path in notebooks():
        asked = [state["name"] for _, state in quizzes(path) if state["role"] == "quiz"]
        own = ("patient-", "exhibit-")  # the clinic asks about each of its patients, the museum about each exhibit
        count = sum(not name.startswith(own) for name in asked)
        assert (1 if path.stem == "frameworks" else 2) <= count <= 3, path.stem


def test_every_quiz_has_a_name_of_its_own() -> None:
    names = [state["name"] for path in notebooks() for _, state in quizzes(path)]
    assert all(names)
    assert len(set(names)) == len(names)
    roles = {state["name"]: state["role"] for path in notebooks() for _, state in quizzes(path)}
    assert {name for name, role in roles.items() if role == "exercise"} <= set(EXERCISES)


def test_no_answer_stands_in_sight_before_the_guess() -> None:
    for path in notebooks():
        for cell, state in quizzes(path):
            if state["role"] == "quiz":  # the source of an exercise does not tell
                assert "hide-input" in cell.metadata.tags, state["name"]
                assert cell.metadata.jupyter.source_hidden, state["name"]
                assert cell.metadata.cellView == "form", state["name"]  # in Colab


def test_every_wrong_option_has_its_own_explanation() -> None:
    for path in notebooks():
        for _, state in quizzes(path):
            said = [row["because"] for row in state["options"]] + [row["because"] for row in state["mistakes"]]
            assert all(len(text) >= 10 for text in said), state["name"]
            assert len(set(said)) == len(said), state["name"]
            assert state["kind"] != "number" or len(state["mistakes"]) >= 3, state["name"]
            assert ["value" in row for row in state["mistakes"][-2:]] in ([], [True, False]), state["name"]


def test_every_reason_goes_on_after_right_or_not_so() -> None:
    for path in notebooks():
        for _, state in quizzes(path):
            said = [row["because"] for row in state["options"]] + [row["because"] for row in state["mistakes"]]
            for text in filter(None, [*said, state["because"]]):
                symbol = re.match(r"([a-z]|tanh|\w*[\d_]\w*)\b", text)  # letters of formulas, and names of code
                assert symbol or not text[0].islower(), (state["name"], text)
                assert not re.match(r"(yes|right|no)\b[.,:!]", text, re.IGNORECASE), (state["name"], text)


def test_what_an_exercise_says_of_the_right_answer_does_not_say_so_twice() -> None:
    for id, exercise in EXERCISES.items():
        assert not re.match(r"(yes|right)\b", exercise.right, re.IGNORECASE), id
