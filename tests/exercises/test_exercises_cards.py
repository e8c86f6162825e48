"""What a notebook, a terminal and a browser without numpy get to see."""

import json
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from benchmarks import checks
from lstm_lib import exercises
from lstm_lib.exercises import EXERCISES, check, hint, progress, results, show
from lstm_lib.exercises._card import _session

WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = sys.modules["torch"] = None
import json
from benchmarks import checks
from lstm_lib.exercises import EXERCISES, check, hint, progress
assert all(e.check(e.solution).passed for e in EXERCISES.values())
mistakes = [[e.id, k, *e.check(w)[:2]] for e in EXERCISES.values() for k, w in e.mistakes.items()]
told = [(EXERCISES[t["exercise"]], t["answer"]) for _, t in checks.answers() if "np." not in t["answer"]]
print(json.dumps([mistakes, [e.check(checks.run(e, a))[:2] for e, a in told]]))
repr(check("forget-gate", lambda *a: 1)), repr(hint("forget-gate")), repr(progress())
"""


@pytest.fixture(autouse=True)
def _fresh_session():
    _session.tried.clear()
    _session.hints.clear()


class Tags(HTMLParser):
    """Checks that tags are closed, and keeps the text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text = [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + "\n"


def test_import_loads_neither_numpy_nor_torch():
    code = "import sys, lstm_lib, lstm_lib.exercises; print({'numpy', 'torch', 'matplotlib'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_without_numpy_everything_is_judged_as_it_is_with_it():
    run = subprocess.run([sys.executable, "-c", WITHOUT_NUMPY], capture_output=True, text=True, check=True)
    mistakes, invented = json.loads(run.stdout)
    assert len(mistakes) == sum(len(exercise.mistakes) for exercise in EXERCISES.values())
    assert [row for row in mistakes if row[2] or row[1] != row[3]] == []
    told = [(EXERCISES[t["exercise"]], t["answer"]) for _, t in checks.answers() if "np." not in t["answer"]]
    assert len(invented) == len(told) >= 200
    with_numpy = [list(exercise.check(checks.run(exercise, answer))[:2]) for exercise, answer in told]
    assert [n for n, (a, b) in enumerate(zip(invented, with_numpy, strict=True)) if a != b] == []


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        (EXERCISES["forget-gate"].solution, "Solved: "),
        (EXERCISES["forget-gate"].mistakes["missing-bias"], "Not yet: "),
        (EXERCISES["forget-gate"].stub, "Not answered yet: "),
    ],
)
def test_a_card_says_the_same_as_html_and_as_text(answer, title):
    card = check("forget-gate", answer)
    bundle = card._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    text = bundle["text/plain"]
    assert text.startswith(title + "Keep part of the long-term memory (forget-gate)")
    assert [line.strip() for line in Tags(bundle["text/html"]).text.splitlines()] == [
        line.strip() for line in text.splitlines()
    ]
    assert f'aria-label="{title}' in bundle["text/html"]
    assert "id=" not in bundle["text/html"]
    assert card.passed == card.verdict.passed == (title == "Solved: ")


def test_the_card_of_a_solution_is_folded_and_counts_for_nothing():
    exercise = EXERCISES["forget-gate"]
    card = check("forget-gate", exercise.solution, folded=True)
    shown = Tags(card.html).text.splitlines()
    assert card.html.startswith("<details style=")
    assert shown == repr(card).splitlines()
    assert card.html.index("</summary>") < card.html.index(shown[1])  # only the title is out of the fold
    assert shown[0].startswith("The solution passes: ")
    assert results() == {}
    wrong = check("forget-gate", exercise.mistakes["missing-bias"], folded=True)
    assert wrong.html == check("forget-gate", exercise.mistakes["missing-bias"]).html
    assert results() == {"forget-gate": False}


def test_a_card_escapes_what_the_learner_wrote():
    def answer(z, c_prev, W_f, b_f):
        raise ValueError("<script>alert(1)</script> & more")

    html = check("forget-gate", answer).html
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    Tags(html)


def test_cards_set_no_text_or_background_colour():
    html = check("forget-gate", None).html
    assert "background:#" not in html
    assert ";color:#" not in html


def test_progress_remembers_what_was_solved():
    assert progress().title == f"Progress: 0 of {len(EXERCISES)} exercises solved"
    check("forget-gate", EXERCISES["forget-gate"].solution)
    check("forget-gate", None)  # a later try does not take it away
    check("rnn-step", None)
    assert results() == {"forget-gate": True, "rnn-step": False}
    text = repr(progress())
    assert text.startswith("Progress: 1 of ")
    assert "Chapter 1: 0 of 4 solved; not yet: rnn-step" in text
    assert "Chapter 5: 1 of 4 solved" in text


def test_hints_come_one_after_the_other_and_stay_at_the_last():
    count = len(EXERCISES["forget-gate"].hints)
    titles = [hint("forget-gate").title for _ in range(count + 1)]
    assert [title.split(":")[0] for title in titles] == [
        *(f"Hint {step} of {count}" for step in range(1, count + 1)),
        f"Hint {count} of {count}",
    ]
    assert hint("forget-gate", 1).text == EXERCISES["forget-gate"].hints[0]


def test_a_hint_that_does_not_exist_is_a_value_error():
    with pytest.raises(ValueError, match="got hint 9, expected 1 to 3"):
        hint("forget-gate", 9)


@pytest.mark.parametrize("function", [lambda id: check(id, 1), hint, show])
def test_an_unknown_id_is_a_value_error_that_names_near_ones(function):
    with pytest.raises(ValueError, match="got exercise 'forgetgate', expected one such as forget-gate"):
        function("forgetgate")


def test_a_statement_is_shown_as_markdown():
    bundle = show("forget-gate")._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/markdown"}
    assert bundle["text/markdown"].startswith("**Keep part of the long-term memory.** The forget gate")


def test_everything_public_is_exported():
    assert all(hasattr(exercises, name) for name in exercises.__all__)
