"""Every exercise keeps what all of them promise: solutions pass, mistakes fail and are named, stubs run."""

import functools
import inspect
import itertools
import re
import statistics
import time

import pytest
from conftest import notebooks

import lstm_lib.exercises as ex
from lstm_lib.exercises import EXERCISES, _judge

CODE = [e for e in EXERCISES.values() if e.kind == "code"]
NUMERIC = [e for e in EXERCISES.values() if e.kind == "numeric"]
JUDGEMENT = [e for e in EXERCISES.values() if e.kind == "judgement"]
MISTAKES = [(e.id, key) for e in EXERCISES.values() for key in e.mistakes]
BANNED = re.compile(r"\b(simply|just|obviously|easy|easily|of course|trivial\w*)\b", re.IGNORECASE)


def test_there_are_enough_exercises_of_every_kind_in_every_chapter():
    assert len(EXERCISES) >= 22
    for chapter in {int(path.name[:2]) for path in notebooks() if path.name[0].isdigit()}:
        kinds = [e.kind for e in EXERCISES.values() if e.chapter == chapter]
        assert len(kinds) >= 3
        assert "code" in kinds
        assert set(kinds) == {"code", "numeric", "judgement"}


def test_keys_are_the_ids_and_ids_are_kebab_case():
    for key, exercise in EXERCISES.items():
        assert key == exercise.id
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key)
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", mistake) for mistake in exercise.mistakes)


@pytest.mark.parametrize("id", EXERCISES)
def test_the_solution_passes(id):
    verdict = EXERCISES[id].check(EXERCISES[id].solution)
    assert verdict.passed, verdict.message
    assert verdict.mistake is None


@pytest.mark.parametrize(("id", "key"), MISTAKES)
def test_a_known_mistake_fails_and_is_named(id, key):
    exercise = EXERCISES[id]
    passed, mistake, message = exercise.check(exercise.mistakes[key])
    assert not passed
    assert mistake == key
    line = exercise.catalogue[key].line
    assert line is None or exercise.lines[line - 1] in message


@pytest.mark.parametrize("id", EXERCISES)
def test_the_stub_runs_and_is_not_answered_yet(id):
    exercise = EXERCISES[id]
    namespace = {"check": ex.check}
    exec(exercise.stub_cell, namespace)
    for stub in (exercise.stub, namespace[exercise.name]):
        verdict = exercise.check(stub)
        assert not verdict.passed
        assert verdict.mistake is None
        assert verdict.message.startswith("Not answered yet")


@pytest.mark.parametrize("id", EXERCISES)
def test_the_solution_can_be_pasted_into_a_notebook(id):
    exercise = EXERCISES[id]
    namespace = {name: getattr(ex, name) for name in ("tanh", "sigmoid", "dot", "check")}
    exec(exercise.solution_cell, namespace)
    assert exercise.check(namespace[exercise.name]).passed


@pytest.mark.parametrize("id", EXERCISES)
def test_texts_are_there_and_kind(id):
    exercise = EXERCISES[id]
    assert len(exercise.hints) >= (3 if exercise.kind == "code" else 1)
    assert len(exercise.mistakes) >= 3
    texts = [exercise.title, exercise.statement, exercise.right, *exercise.hints, *exercise.options.values()]
    for text in texts + [mistake.says for mistake in exercise.catalogue.values()]:
        assert text.strip()
        assert not BANNED.search(text), text
        assert text.count("$") % 2 == 0
    assert all(mistake.says.endswith(".") for mistake in exercise.catalogue.values())
    assert exercise.right.endswith(".")


@pytest.fixture
def _only_right_or_wrong(monkeypatch):
    """Do without the search for an explanation, which takes longer than the verdict."""
    monkeypatch.setattr(_judge, "_space", lambda exercise, arrays: None)
    monkeypatch.setattr(_judge._numbers, "explain", lambda *told: [])
    for way in ("too_early", "explain_rounded"):
        monkeypatch.setattr(_judge._rounded, way, lambda *told: None)


@pytest.mark.usefixtures("_only_right_or_wrong")
def test_no_mistake_of_one_code_exercise_passes_another():
    for a, b in itertools.permutations(CODE, 2):
        if len(a.inputs) == len(b.inputs):
            for key, wrong in a.mistakes.items():
                assert not b.check(wrong).passed, (a.id, key, b.id)


@pytest.mark.usefixtures("_only_right_or_wrong")
def test_no_mistake_of_one_numeric_or_judgement_exercise_passes_another():
    for group in (NUMERIC, JUDGEMENT):
        for a, b in itertools.permutations(group, 2):
            for key, wrong in a.mistakes.items():
                assert not b.check(wrong).passed, (a.id, key, b.id)


def test_numbers_of_one_exercise_are_far_enough_apart_to_be_told_apart():
    for exercise in NUMERIC:
        for a, b in itertools.combinations([exercise.solution, *exercise.mistakes.values()], 2):
            assert abs(a - b) > 2 * exercise.tolerance * max(abs(a), abs(b)), (exercise.id, a, b)


def test_the_tolerance_is_stated_and_kept():
    for exercise in NUMERIC:
        wanted = f"within {100 * exercise.tolerance:.0f} %" if exercise.tolerance else "a whole number"
        assert wanted in exercise.statement
        for share, passes in ((0.99, True), (1.01, False)):
            answer = exercise.solution * (1 + share * exercise.tolerance)
            assert exercise.check(answer).passed == (passes or not exercise.tolerance)


def test_options_are_the_solution_and_the_mistakes_and_are_listed_in_the_statement():
    for exercise in JUDGEMENT:
        assert set(exercise.options) == {exercise.solution, *exercise.mistakes.values()}
        assert all(f"- `{option}`: {text}" in exercise.statement for option, text in exercise.options.items())


def test_code_statements_name_their_function_with_its_arguments():
    for exercise in CODE:
        assert f"`{exercise.name}({', '.join(exercise.inputs)})`" in exercise.statement
        assert list(inspect.signature(exercise.solution).parameters) == list(exercise.inputs)


def test_verdicts_are_the_same_every_time():
    answers = [
        (e, answer) for e in EXERCISES.values() for answer in [e.solution, *e.mistakes.values(), "?", None, 0.123]
    ]
    first = [exercise.check(answer) for exercise, answer in answers]
    assert [exercise.check(answer) for exercise, answer in answers] == first


def test_a_check_takes_less_than_counting_to_a_million():
    """Counting takes Python some 20 ms, which nobody notices; the longest check took a fifth of it."""
    for exercise in EXERCISES.values():
        answers = [exercise.solution, *exercise.mistakes.values()]
        taken = {n: [] for n in range(-1, len(answers))}
        for _ in range(3):
            taken[-1].append(seconds(count))
            for n, answer in enumerate(answers):
                taken[n].append(seconds(functools.partial(exercise.check, answer)))
        counting, *checks = (statistics.median(times) for times in taken.values())
        assert max(checks) < counting, exercise.id


def count():
    for _ in range(1_000_000):
        pass


def seconds(run):
    """Return the processor seconds of a call: what other programs do meanwhile does not count."""
    start = time.process_time()
    run()
    return time.process_time() - start


def test_the_right_option_is_not_always_in_the_same_place():
    assert len({list(exercise.options).index(exercise.solution) for exercise in JUDGEMENT}) >= 3
