"""What ``python -m lstm_lib.grade`` reads of a class, believes, refuses, and survives."""

import csv
import html
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from lstm_lib.exercises import EXERCISES, check
from lstm_lib.grade import Mark, grade, kinds, main, table
from lstm_lib.grade._questions import questions
from lstm_lib.grade._read import _stored, learner
from tools.exercise_cells import cells_for

TIME = "2026-11-27T10:00:00.000Z"


def exported(**changes: Any) -> dict[str, Any]:
    """Return what the page of progress exports, with one solved and one unsolved exercise."""
    solved = {"passed": True, "mistake": None, "tries": 2, "first": TIME, "last": TIME, "answer": "def f(): ..."}
    unsolved = {"passed": False, "mistake": "one-minus-f", "tries": 5, "first": TIME, "last": TIME}
    values = {"exercise/learn-gate": solved, "exercise/forget-gate": unsolved, "draft/forget-gate": "def forget_gate"}
    return {"format": "lstms-gate-by-gate/progress", "version": 1, "exported": TIME, "values": values} | changes


def notebook(**answers: str) -> dict[str, Any]:
    """Return a notebook whose exercises were answered so, and run; keys have _ for -."""
    cells = []
    for name, source in answers.items():
        exercise = EXERCISES[name.replace("_", "-")]
        space: dict[str, Any] = {}
        exec("from lstm_lib.exercises import dot, sigmoid, tanh\n" + source, space)
        for cell in cells_for(exercise):
            if cell["id"].endswith("-stub"):
                cell["source"] = f'{source}\n\n\ncheck("{exercise.id}", {exercise.name})'
            if cell["cell_type"] == "code":
                answer = space[exercise.name] if cell["id"].endswith("-stub") else exercise.solution
                card = {"text/plain": repr(check(exercise.id, answer))}
                cell["outputs"] = [{"output_type": "execute_result", "data": card, "metadata": {}}]
            cells.append(dict(cell))
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


RIGHT = EXERCISES["forget-gate"].solution_source
WRONG = RIGHT.replace("return f * c_prev", "return (1 - f) * c_prev")


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_progress_and_notebooks_of_one_learner_are_joined(tmp_path: Path) -> None:
    write(tmp_path / "ada.json", exported())
    write(tmp_path / "ada_05_forget_gate.ipynb", notebook(forget_gate=RIGHT))
    write(tmp_path / "bob" / "05_forget_gate.ipynb", notebook(forget_gate=WRONG))
    learners, troubles = grade(tmp_path)
    assert troubles == []
    assert learners["ada"] == {
        "learn-gate": Mark(True, 2, ""),
        "forget-gate": Mark(True, 5, "one-minus-f"),
    }
    assert learners["bob"] == {"forget-gate": Mark(False, 0, "one-minus-f")}


def test_without_run_a_notebook_is_believed_and_with_it_judged(tmp_path: Path) -> None:
    forged = notebook(forget_gate=RIGHT)
    for cell in forged["cells"]:
        if cell["id"] == "forget-gate-stub":
            cell["source"] = f'{WRONG}\n\n\ncheck("forget-gate", forget_gate)'
    write(tmp_path / "eve.ipynb", forged)
    assert grade(tmp_path)[0]["eve"]["forget-gate"].passed
    assert grade(tmp_path, run=True)[0]["eve"]["forget-gate"] == Mark(False, 0, "one-minus-f")


def test_an_untouched_stub_is_no_mark_and_the_solution_below_it_none_either(tmp_path: Path) -> None:
    write(tmp_path / "ada.ipynb", notebook(forget_gate=EXERCISES["forget-gate"].stub_source))
    assert grade(tmp_path)[0] == {"ada": {}}
    assert grade(tmp_path, run=True)[0] == {"ada": {}}


def stub_of(handed_in: dict[str, Any]) -> dict[str, Any]:
    """Return the first cell of a notebook in which an answer stands."""
    return next(cell for cell in handed_in["cells"] if cell["id"].endswith("-stub"))


@pytest.mark.parametrize("run", [False, True])
def test_code_that_does_not_run_is_told_from_a_notebook_that_nobody_touched(tmp_path: Path, run: bool) -> None:
    broken = notebook(forget_gate=RIGHT)
    stub_of(broken)["source"] = "def forget_gate(z c_prev):\n    return 3"
    stub_of(broken)["outputs"] = [{"output_type": "error", "ename": "SyntaxError", "evalue": "", "traceback": []}]
    write(tmp_path / "ada.ipynb", broken)
    untouched = notebook(forget_gate=EXERCISES["forget-gate"].stub_source)
    stub_of(untouched)["outputs"] = []
    write(tmp_path / "bob.ipynb", untouched)
    learners, _ = grade(tmp_path, run=run)
    assert learners == {"ada": {"forget-gate": Mark(False, 0, "error: SyntaxError")}, "bob": {}}
    assert main([str(tmp_path)]) == 0
    assert "not yet: error: SyntaxError" in (tmp_path / "grades.csv").read_text(encoding="utf-8")


def test_an_answer_that_was_never_checked_is_named_and_judged_with_run(tmp_path: Path) -> None:
    unchecked = notebook(forget_gate=RIGHT)
    stub_of(unchecked)["outputs"] = []
    write(tmp_path / "ada.ipynb", unchecked)
    marks = grade(tmp_path)[0]
    assert marks["ada"] == {"forget-gate": Mark(False, 0, "not checked")}
    assert "not checked" in table(marks)[1]
    assert grade(tmp_path, run=True)[0]["ada"] == {"forget-gate": Mark(True, 0, "")}
    write(tmp_path / "ada_05_forget_gate.ipynb", notebook(forget_gate=WRONG))
    assert grade(tmp_path)[0]["ada"] == {"forget-gate": Mark(False, 0, "one-minus-f")}  # that one was checked
    write(tmp_path / "ada_05_forget_gate.ipynb", notebook(forget_gate=RIGHT))
    assert grade(tmp_path)[0]["ada"] == {"forget-gate": Mark(True, 0, "")}


@pytest.mark.parametrize("exercise", [one for one in EXERCISES.values() if one.kind != "judgement"], ids=lambda e: e.id)
def test_a_card_gives_back_the_mistake_that_its_check_has_named(exercise: Any) -> None:
    for mistake in exercise.catalogue.values():
        card = check(exercise.id, mistake.answer)
        cell = {"outputs": [{"output_type": "execute_result", "data": {"text/plain": repr(card)}}]}
        assert card.verdict is not None
        assert _stored([(exercise.id, cell)])[exercise.id].mistake == card.verdict.mistake


def test_without_run_nothing_in_a_notebook_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    evil = notebook(forget_gate=RIGHT)
    for cell in evil["cells"]:
        cell["source"] = f"open({str(mark)!r}, 'w')"
    write(tmp_path / "eve.ipynb", evil)
    grade(tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("while True: pass", "ran for more than"),
        ("import os\nos.kill(os.getpid(), 9)", "ended the process"),
        ("import sys\nsys.__stdout__.write('{}')\nsys.__stdout__.flush()\nimport os\nos._exit(0)", "ended the process"),
    ],
)
def test_answers_that_loop_or_end_their_process_are_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, words: str
) -> None:
    monkeypatch.setattr("lstm_lib.grade._read.SECONDS", 8)
    bad = notebook(forget_gate=RIGHT)
    bad["cells"][1]["source"] = answer
    write(tmp_path / "a.ipynb", bad)
    write(tmp_path / "b.ipynb", notebook(forget_gate=RIGHT))
    learners, troubles = grade(tmp_path, run=True)
    assert [trouble.path.name for trouble in troubles] == ["a.ipynb"]
    assert words in troubles[0].words
    assert learners == {"a": {}, "b": {"forget-gate": Mark(True, 0, "")}}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="memory is limited on POSIX only")
def test_an_answer_that_fills_the_memory_is_an_error_of_its_own(tmp_path: Path) -> None:
    bad = notebook(forget_gate=RIGHT)
    bad["cells"][1]["source"] = "x = [0] * 10**10"
    write(tmp_path / "a.ipynb", bad)
    assert grade(tmp_path, run=True)[0]["a"] == {"forget-gate": Mark(False, 0, "error: MemoryError")}


SOLVED = exported()["values"]["exercise/learn-gate"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "got an empty file"),
        ("{", "Expecting property name"),
        ("[1, 2]", "a list, expected an object"),
        ("[" * 100_000, "nested too deep"),
        (json.dumps({"format": "other"}), "got the format 'other'"),
        (json.dumps(exported(version=2)), "version 2"),
        (json.dumps(exported(values=[])), "a list for values"),
        (json.dumps(exported(values={"exercise/learn-gate": 1})), "a number for exercise/learn-gate"),
        (json.dumps(exported(values={"exercise/learn-gate": SOLVED | {"passed": "yes"}})), "a text for passed"),
        (json.dumps(exported(values={"exercise/learn-gate": SOLVED | {"tries": True}})), "true or false for tries"),
        (json.dumps(exported(values={"exercise/learn-gate": SOLVED | {"tries": 10**9}})), "out of range"),
        (json.dumps(exported(values={"exercise/learn-gate": SOLVED | {"first": "yesterday"}})), "yesterday"),
    ],
)
def test_a_broken_export_is_named_with_what_is_wrong(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "ada.json").write_text(content, encoding="utf-8")
    write(tmp_path / "bob.json", exported())
    learners, troubles = grade(tmp_path)
    assert [trouble.path.name for trouble in troubles] == ["ada.json"]
    assert words in troubles[0].words
    assert learners["ada"] == {}
    assert list(learners) == ["ada", "bob"]


@pytest.mark.parametrize(
    "content", [{}, {"cells": 3}, {"cells": ["text"]}], ids=["no cells", "cells are a number", "cells are texts"]
)
def test_a_broken_notebook_is_named(tmp_path: Path, content: Any) -> None:
    write(tmp_path / "ada.ipynb", content)
    assert "expected a notebook of version 4" in grade(tmp_path)[1][0].words


def test_odd_cells_are_survived(tmp_path: Path) -> None:
    odd = notebook(forget_gate=RIGHT)
    more = [{"metadata": 3}, {"cell_type": "code", "metadata": {"exercise": ["x"]}}, {"outputs": None}]
    odd["cells"][1]["outputs"] += ["text", {"data": 4}, {"data": {"text/plain": [1, None]}}]
    write(tmp_path / "ada.ipynb", odd | {"cells": odd["cells"] + more})
    assert grade(tmp_path)[0]["ada"]["forget-gate"].passed


def test_unknown_keys_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "ada.json", exported(values={"exercise/<script>": 1, "exercise/learn-gate": SOLVED, "else": 2}))
    assert grade(tmp_path)[0]["ada"] == {"learn-gate": Mark(True, 2, "")}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere.json", exported())
    inside = tmp_path / "class"
    inside.mkdir()
    (inside / "ada.json").symlink_to(tmp_path / "elsewhere.json")
    assert "a link to somewhere else" in grade(inside)[1][0].words


def test_a_name_can_be_neither_a_formula_nor_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "=1+1.json", exported())
    write(tmp_path / "<b>bold.json", exported())
    assert main([str(tmp_path), "--out", str(tmp_path / "marks")]) == 0
    with (tmp_path / "marks" / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["learner", "<b>bold", "'=1+1"]
    assert rows[1][rows[0].index("learn-gate")] == "solved after 2"
    page = (tmp_path / "marks" / "grades.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;bold" in page
    assert "<b>" not in page
    assert "2 learners, 2 exercises solved" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("ada.json", "ada"),
        ("ada-lstms-progress-2026-11-27.json", "ada"),
        ("Ada Lovelace_lstms-progress-2026-11-27 (1).json", "Ada Lovelace"),
        ("ada_05_forget_gate-Copy1.ipynb", "ada"),
        ("ada/05_forget_gate.ipynb", "ada"),
        ("Ada Lovelace_4021_assignsubmission_file_/lstms-progress-2026-11-27.json", "Ada Lovelace"),
        ("Ada Lovelace_4021_assignsubmission_file_lstms-progress-2026-11-27.json", "Ada Lovelace"),
        ("ada frameworks.ipynb", "ada"),
    ],
)
def test_a_file_is_its_learners_whatever_browser_course_and_moodle_add_to_its_name(name: str, whose: str) -> None:
    assert learner(Path("class") / name, Path("class")) == whose


@pytest.mark.parametrize("name", ["lstms-progress-2026-11-27.json", "lstms-progress-2026-11-27 (2).json"])
def test_an_export_that_nobody_has_put_a_name_to_is_named_and_joined_with_no_other(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, exported())
    learners, troubles = grade(tmp_path)
    assert learners == {}
    assert "does not say whose file it is" in troubles[0].words


def test_capital_letters_make_no_other_learner(tmp_path: Path) -> None:
    write(tmp_path / "Ada.json", exported())
    write(tmp_path / "ada_05_forget_gate.ipynb", notebook(forget_gate=RIGHT))
    learners, _ = grade(tmp_path)
    assert list(learners) == ["Ada"]
    assert learners["Ada"]["forget-gate"].passed


def test_a_packed_file_is_named_and_what_is_hidden_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ada.zip").write_bytes(b"PK")
    write(tmp_path / ".ipynb_checkpoints" / "bob.ipynb", {})
    learners, troubles = grade(tmp_path)
    assert learners == {}
    assert [(trouble.path.name, trouble.words) for trouble in troubles] == [
        ("ada.zip", "got a packed file, expected it unpacked")
    ]


def test_the_page_says_what_is_still_hard_and_what_the_check_said(tmp_path: Path) -> None:
    write(tmp_path / "ada.json", exported())
    main([str(tmp_path)])
    page = (tmp_path / "grades.html").read_text(encoding="utf-8")
    title = EXERCISES["forget-gate"].title
    assert f"<td>5</td><td>{title}</td><td>1</td><td>0</td>" in page
    assert html.escape(EXERCISES["forget-gate"].catalogue["one-minus-f"].says) in page
    assert "could not be read" not in page
    assert re.findall(r'<th scope="col">(\d+) \(of', page) == ["4", "5"]  # of other chapters nobody tried anything


def test_an_empty_folder_says_that_there_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert "no .json and no .ipynb file" in capsys.readouterr().err


def test_grading_again_gives_the_same(tmp_path: Path) -> None:
    write(tmp_path / "ada.json", exported())
    main([str(tmp_path)])
    first = (tmp_path / "grades.csv").read_bytes()
    main([str(tmp_path)])
    assert (tmp_path / "grades.csv").read_bytes() == first


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("run", [False, True])
def test_an_answer_in_a_cell_of_the_learner_or_in_one_without_id_counts(tmp_path: Path, run: bool) -> None:
    own = notebook(forget_gate=RIGHT)
    answered = next(cell for cell in own["cells"] if cell["id"] == "forget-gate-stub")
    added = {**answered, "id": "a1b2c3", "metadata": {}}
    write(tmp_path / "ada.ipynb", own | {"cells": [notebook(forget_gate=WRONG)["cells"][1], added]})
    for cell in own["cells"]:
        del cell["id"]
    write(tmp_path / "bob.ipynb", own)
    solution = [cell for cell in notebook(forget_gate=WRONG)["cells"] if cell["cell_type"] == "code"]
    for cell in solution:
        del cell["id"]
    write(tmp_path / "cleo.ipynb", own | {"cells": solution})
    solved = {name: marks["forget-gate"].passed for name, marks in grade(tmp_path, run=run)[0].items()}
    assert solved == {"ada": True, "bob": True, "cleo": False}  # and the solution that stands there is no answer


def test_commands_of_jupyter_in_a_cell_are_left_out_when_it_is_judged_anew(tmp_path: Path) -> None:
    timed = notebook(forget_gate=RIGHT)
    cell = next(cell for cell in timed["cells"] if cell["id"] == "forget-gate-stub")
    cell["source"] = "%%time\n!echo hello\n" + cell["source"]
    write(tmp_path / "ada.ipynb", timed)
    assert grade(tmp_path, run=True)[0]["ada"] == {"forget-gate": Mark(True, 0, "")}


def test_what_two_learners_hand_in_alike_is_named_and_counts_for_both(tmp_path: Path) -> None:
    write(tmp_path / "ada.json", exported())
    write(tmp_path / "bob.json", exported())
    write(tmp_path / "bob" / "again.json", exported())  # one's own may be there twice
    blank = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write(tmp_path / "cleo.ipynb", blank)
    write(tmp_path / "dora.ipynb", blank)
    learners, troubles = grade(tmp_path)
    assert {trouble.path.name for trouble in troubles} == {"bob.json", "again.json"}
    assert all("byte for byte what ada has handed in as ada.json" in trouble.words for trouble in troubles)
    assert learners["ada"] == learners["bob"] != {}


def test_files_that_are_neither_are_named_and_our_own_are_not(tmp_path: Path) -> None:
    (tmp_path / "rita.txt").write_text("{}", encoding="utf-8")
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    write(tmp_path / "ada.json", exported())
    assert main([str(tmp_path)]) == 0
    learners, troubles = grade(tmp_path)  # beside grades.csv and grades.html
    assert [trouble.path.name for trouble in troubles] == ["photo.jpg", "rita.txt"]
    assert "got a file .txt, expected .json or .ipynb" in troubles[1].words
    assert list(learners) == ["ada"]


def test_the_page_says_what_was_chosen_and_not_its_key(tmp_path: Path) -> None:
    exercise = next(one for one in EXERCISES.values() if one.kind == "judgement")
    key = next(key for key in exercise.options if key != exercise.solution)
    value = {"passed": False, "mistake": key, "tries": 1, "first": TIME, "last": TIME}
    write(tmp_path / "ada.json", exported(values={f"exercise/{exercise.id}": value}))
    main([str(tmp_path)])
    page = html.unescape((tmp_path / "grades.html").read_text(encoding="utf-8"))
    assert f"Chosen: {exercise.options[key]}" in page


def section_of(page: str, title: str) -> list[list[str]]:
    """Return the rows of a table of the page, without its head."""
    part = page.partition(f"<h2>{title}</h2>")[2].partition("<h2>")[0]
    return [re.findall(r"<td[^>]*>(.*?)</td>", html.unescape(row)) for row in re.findall(r"<tr>(<td.*?)</tr>", part)]


def test_the_page_says_who_is_stuck_where_and_what_to_ask(tmp_path: Path) -> None:
    write(tmp_path / "Müller, Jörg.json", exported())
    for name in ("ada", "bob"):
        write(tmp_path / f"{name}.ipynb", notebook(forget_gate=WRONG))
    write(tmp_path / "bob" / "later.ipynb", notebook(forget_gate=RIGHT))
    write(tmp_path / "cleo.ipynb", notebook(forget_gate=RIGHT.replace("sigmoid(", "tanh(")))
    main([str(tmp_path)])
    page = (tmp_path / "grades.html").read_text(encoding="utf-8")
    rows = section_of(page, "What to take up, and what to ask")
    rest = next(kind for kind in kinds.KINDS if kind.name == "a share for its rest")
    curve = kinds.kind_of("forget-gate", "tanh-for-sigmoid")
    assert rows == [
        [rest.name, rest.ask, "3", "ada; Müller, Jörg; (bob)"],
        [curve.name, curve.ask, "1", "cleo"],
    ]
    hard = section_of(page, "Exercises that were tried, and not solved by all of those")
    assert hard == [["5", EXERCISES["forget-gate"].title, "4", "1", "ada; cleo; Müller, Jörg (5 tries)"]]
    said = section_of(page, "Mistakes that each learner met last")
    assert [row[3:] for row in said] == [["3", "ada; Müller, Jörg; (bob)"], ["1", "cleo"]]
    assert section_of(page, "Exercises solved, by chapter")[-1] == ["Müller, Jörg", "1", "0, 1 not yet", "1, 1 not yet"]


def test_the_page_says_what_was_answered_to_the_questions_of_the_chapters(tmp_path: Path) -> None:
    wrong = {"passed": False, "mistake": "lost", "tries": 1, "first": TIME, "last": TIME, "answer": "lost"}
    boxes = wrong | {"mistake": "add,leave", "answer": "add,leave"}
    values = {"quiz/below-chance": wrong, "quiz/old-content-gone": boxes, "quiz/<b>": wrong, "quiz/of-tomorrow": wrong}
    write(tmp_path / "ada.json", exported(values=values))
    write(tmp_path / "bob.json", exported(values={"quiz/below-chance": wrong | {"passed": True}}))
    learners, _ = grade(tmp_path)
    assert sorted(learners["ada"]) == ["quiz/below-chance", "quiz/of-tomorrow", "quiz/old-content-gone"]
    assert [row[:2] for row in table(learners)[1:]] == [["ada", "0"], ["bob", "0"]]  # a question is no exercise
    main([str(tmp_path)])
    page = (tmp_path / "grades.html").read_text(encoding="utf-8")
    first, *others = section_of(page, "Questions of the chapters that were answered wrongly")
    asked = questions()["below-chance"]
    assert first == [
        "5", asked.asks, "2", "Chosen: The symbol is lost, more so than by guessing", "2", "ada; (bob)"
    ]  # fmt: skip
    assert [row[3] for row in others] == ["Set wrongly: f = 1, i = 1; f = 1, i = 0", "lost"]
    assert "Names in brackets" in page


def test_every_question_of_the_course_is_known_and_its_mistakes_have_words() -> None:
    sys.path.insert(0, str(ROOT / "website" / "build"))
    from progress import quizzes

    asked = {key.removeprefix("quiz/"): traits for key, traits in quizzes(ROOT).items() if key.startswith("quiz/")}
    assert set(questions()) == set(asked)
    for name, traits in asked.items():
        for option in traits["options"]:
            assert questions()[name].says(option["id"]).endswith(option["text"])
        for mistake in traits["mistakes"][:-1]:  # the last is said of all other numbers
            number = f"{mistake['value']}".removesuffix(".0")  # as the page writes it
            assert questions()[name].says(number) == mistake["because"]
