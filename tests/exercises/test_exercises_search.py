"""A check finds the smallest change of the solution that gives what an answer gives."""

import math

import pytest
from test_exercises_mutants import CODE, is_equivalent, mutants, verdict_on

from benchmarks import checks
from lstm_lib.exercises import EXERCISES, _numbers, dot, sigmoid, tanh


@pytest.mark.parametrize("exercise", CODE, ids=lambda exercise: exercise.id)
def test_a_single_change_is_named(exercise):
    some = [source for source in mutants(exercise)[::9] if not is_equivalent(source)]
    verdicts = {source: verdict_on(exercise, source) for source in some}
    fails = ("stops with", "returns a complex number", "nan and inf")
    failing = {s for s, v in verdicts.items() if not v.passed and not any(words in v.message for words in fails)}
    assert failing
    assert [source for source in failing if verdicts[source].mistake is None] == []


def test_exchanged_places_are_named_and_shown_in_both_formulas():
    def answer(z, c_prev, kept, c, W_u, b_u, W_v, b_v):
        return tanh(dot(W_u, kept) + b_v) * sigmoid(dot(W_v, z) + b_u)

    message = EXERCISES["drawn-use-gate"].check(answer).message
    assert message == (
        "Yours behaves like\n"
        "    U = tanh(dot(W_u, kept) + «b_v»)\n"
        "    V = sigmoid(dot(W_v, z) + «b_u»)\n"
        "where the solution has\n"
        "    U = tanh(dot(W_u, kept) + b_u)\n"
        "    V = sigmoid(dot(W_v, z) + b_v)\n"
        "That is: b_u and b_v have changed places."
    )


def test_two_changes_are_named_together():
    def answer(z, W_i, b_i, W_g, b_g):
        return sigmoid(dot(W_i, z) - b_i) * tanh(dot(W_i, z) + b_g)

    verdict = EXERCISES["learn-gate"].check(answer)
    assert "W_i stands where W_g belongs" in verdict.message
    assert "- stands where + belongs" in verdict.message


def test_what_is_claimed_of_an_answer_holds_on_inputs_that_no_probe_has():
    """f · (c_prev + i · g) and what the message says it is are the same function."""
    message = EXERCISES["remember-sum"].check(lambda f, c_prev, i, g: f * (c_prev + i * g)).message
    line = message.splitlines()[1].strip().removeprefix("return ")
    scope = {"f": 0.31, "c_prev": 1.7, "i": 0.77, "g": -0.4}
    assert eval(line, scope) == pytest.approx(0.31 * (1.7 + 0.77 * -0.4))


def test_an_answer_of_another_kind_is_not_accused():
    verdict = EXERCISES["remember-sum"].check(lambda f, c_prev, i, g: math.sin(3.1 * f) + 0.123 * g)
    assert verdict.mistake is None
    assert verdict.message.startswith("With f = ")


@pytest.mark.parametrize(
    ("id", "answer", "part"),
    [
        ("stream-features", 3 * (5 + 1 + 1), "(5 + 2) * 3"),
        ("bias-half-life", math.log(2) / 2, "math.log(2) / 2.0"),
        ("latch-gradient", 1.5 * (1 - 0.8586**2) ** 5, "1.5 * (1 - 0.8586 ** 2) ** 5"),
        ("thirty-steps", sigmoid(1.0) ** 60, "«sigmoid(1.0) ** 30 * sigmoid(1.0) ** 30»"),
    ],
)
def test_a_number_is_explained_by_its_expression(id, answer, part):
    verdict = EXERCISES[id].check(answer)
    assert not verdict.passed
    assert verdict.mistake.startswith("edit: ")
    assert part in verdict.message


@pytest.mark.parametrize("answer", [0.0, 1.0, 0.5, 3.14, -2.0, 100.0])
def test_a_round_number_is_not_accused_by_chance(answer):
    for exercise in EXERCISES.values():
        if exercise.kind == "numeric":
            for change in _numbers.explain(
                exercise.working, exercise.statement, answer, exercise.solution, exercise.tolerance
            ):
                assert float(change.sketch.function(change.edits)()) == pytest.approx(answer, rel=1e-8), exercise.id


def test_right_answers_that_people_invented_pass():
    right = [told for _, told in checks.answers() if told["kind"] == "right"]
    assert len(right) >= 60
    refused = [told for told in right if not EXERCISES[told["exercise"]].check(_run(told)).passed]
    assert refused == []


def test_no_wrong_answer_that_people_invented_passes():
    wrong = [told for _, told in checks.answers() if told["kind"] == "wrong"]
    assert len(wrong) >= 150
    passed = [told for told in wrong if EXERCISES[told["exercise"]].check(_run(told)).passed]
    assert passed == []


def _run(told):
    return checks.run(EXERCISES[told["exercise"]], told["answer"])
