"""Statement, stub, hints and solution stand in the library once; the chapters' cells say the same."""

from pathlib import Path

import nbformat
import pytest

from lstm_lib.exercises import EXERCISES
from lstm_lib.widgets import Quiz
from tools import exercise_cells

CHAPTERS = sorted((Path(__file__).parent.parent.parent / "chapters").glob("[0-9]*.ipynb"))  # other pages have none


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request, tmp_path):
    copy = tmp_path / request.param.name
    copy.write_bytes(request.param.read_bytes())
    return copy


def test_the_exercise_cells_of_a_chapter_are_those_of_the_library(chapter):
    assert not exercise_cells.stamp(chapter), "run make execute"


def test_a_changed_cell_is_put_right_and_the_others_keep_their_outputs(chapter):
    notebook = nbformat.read(chapter, as_version=4)
    stubs = [cell for cell in notebook.cells if cell["id"].endswith("-stub")]
    stubs[0].source = "print('gone')"
    nbformat.write(notebook, chapter)
    assert exercise_cells.stamp(chapter)
    renewed = {cell["id"]: cell for cell in nbformat.read(chapter, as_version=4).cells}
    assert renewed[stubs[0]["id"]].source == EXERCISES[stubs[0].metadata.exercise].stub_cell
    assert renewed[stubs[0]["id"]].outputs == []
    assert renewed[stubs[1]["id"]].outputs == stubs[1].outputs != []


def test_every_exercise_of_a_chapter_stands_in_it(chapter):
    number = int(chapter.stem[:2])
    notebook = nbformat.read(chapter, as_version=4)
    shown = {cell.metadata.exercise for cell in notebook.cells if "exercise" in cell.metadata}
    assert shown == {exercise.id for exercise in EXERCISES.values() if exercise.chapter == number}


def test_an_unknown_exercise_is_named(tmp_path):
    cell = nbformat.v4.new_markdown_cell("?", metadata={"exercise": "peephole"})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "x.ipynb")
    with pytest.raises(ValueError, match=r"got exercise 'peephole' in x.ipynb, expected one of rnn-step"):
        exercise_cells.stamp(tmp_path / "x.ipynb")


@pytest.mark.parametrize("exercise", [e for e in EXERCISES.values() if e.kind == "judgement"], ids=lambda e: e.id)
def test_a_judgement_becomes_a_question_that_explains_every_option(exercise):
    quiz = Quiz.exercise(exercise.id)
    assert [row["id"] for row in quiz.options] == list(exercise.options)
    assert quiz.answer == exercise.solution
    for row in quiz.options:
        # After "Right." a reason begins with a capital; after "Right: " a verdict goes on in small letters.
        assert row["because"].lower() in exercise.check(row["id"]).message.lower()


def test_a_question_without_an_answer_or_a_reason_is_refused():
    with pytest.raises(ValueError, match="got answer 'c', expected one of a, b"):
        Quiz(question="?", options={"a": "A", "b": "B"}, answer="c", because={"a": "x", "b": "y"})
    with pytest.raises(ValueError, match="got reasons for a, expected one for each of a, b"):
        Quiz(question="?", options={"a": "A", "b": "B"}, answer="a", because={"a": "x"})
    with pytest.raises(ValueError, match="got 'rnn-step', expected a judgement: joined-shape"):
        Quiz.exercise("rnn-step")


ASKING = ['Quiz(\n    answer="a",\n)', "n = 3\nQuiz.number(answer=n)", 'ask(\n    answer="b",\n)']
TELLING_NOTHING = ['Quiz.exercise("gate")', "def ask(answer):\n    return Quiz(answer=answer)"]


@pytest.mark.parametrize("source", ASKING)
def test_the_source_of_a_question_is_folded_once_for_jupyter_and_colab(source):
    cell = nbformat.v4.new_code_cell(source)
    exercise_cells.hide_answers([cell])
    once = nbformat.from_dict(cell)
    exercise_cells.hide_answers([cell])
    assert cell == once
    assert cell.source == f"{exercise_cells.QUESTION}\n{source}"
    named = {"code_prompt_show": "Show the code of the question", "code_prompt_hide": "Hide the code of the question"}
    assert cell.metadata == {"jupyter": {"source_hidden": True}, "cellView": "form", "mystnb": named}


@pytest.mark.parametrize("source", TELLING_NOTHING)
def test_what_does_not_tell_stays_open(source):
    cell = nbformat.v4.new_code_cell(source)
    exercise_cells.hide_answers([cell])
    assert cell.source == source
    assert cell.metadata == {}
