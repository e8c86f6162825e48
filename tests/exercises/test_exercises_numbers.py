"""What a check says of numbers: rounded on the way, with another sign, in per cent, one too many."""

import math
import random

import pytest

from lstm_lib.exercises import EXERCISES, _numbers, _rounded

NUMBERS = [exercise for exercise in EXERCISES.values() if exercise.kind == "numeric"]


@pytest.mark.parametrize("answer", [math.log(0.993), -0.00702, -0.007025], ids=str)
def test_a_logarithm_of_the_rounded_gate_alone_is_told_as_that(answer):
    verdict = EXERCISES["bias-for-delay"].check(answer)
    assert verdict.mistake == "edit: the division by 1 - 0.993 is missing"
    assert "\n    math.log(«0.993»)\n" in verdict.message
    assert verdict.message.endswith("and 0.993 is 0.5 ** (1 / 100), rounded.")
    assert ("it may be yours" in verdict.message) == (answer != math.log(0.993))


@pytest.mark.parametrize(
    ("id", "answer", "stands", "enough"),
    [
        ("bias-for-delay", 4.595, "0.99, which is 2 digits", 3),  # near ln 100, which is a known mistake
        ("bias-for-delay", math.log(0.99 / 0.01), "0.99, which is 2 digits", 3),
        ("bias-half-life", 1 + math.log(0.5 / 0.6) / math.log(0.9), "0.9, which is 1 digit", 2),
        ("page-in-bits", 3000 * 1.4 / 0.7, None, None),  # within what counts
        ("bias-for-delay", 4.6, None, None),  # two digits may be of anything
    ],
)
def test_what_was_rounded_too_early_is_told_with_the_digits_that_count(id, answer, stands, enough):
    verdict = EXERCISES[id].check(answer)
    told = verdict.mistake == "edit: rounded too early"
    assert told == bool(stands)
    if told:
        assert f"rounded to {stands}. Take at least {enough}," in verdict.message


def test_so_many_digits_are_enough_and_fewer_are_not():
    told = 0
    for exercise in NUMBERS:
        for early in _rounded.pieces(exercise.working):
            number = _rounded.value_of(early.working)
            if not math.isfinite(number) or exercise.check(number).mistake != "edit: rounded too early":
                continue
            found, enough = _rounded.too_early(exercise.working, number, exercise.solution, exercise.tolerance)
            for digits in range(found.digits, enough + 1):
                short = _rounded.rounded(_rounded.value_of(found.piece), digits)
                better = _rounded.value_of(_rounded.with_number(exercise.working, found.piece, short))
                assert exercise.check(better).passed == (digits == enough)
            told += 1
    assert told >= 4


@pytest.mark.parametrize("answer", [-4.968, -4.96, math.log(0.0069 / 0.9931)], ids=str)
def test_a_right_number_with_the_other_sign_is_told_as_that_rounded_or_not(answer):
    verdict = EXERCISES["bias-for-delay"].check(answer)
    assert (verdict.passed, verdict.mistake) == (False, "edit: sign")
    assert "log" not in verdict.message  # nobody has asked for the solution


def test_a_share_in_per_cent_is_told_as_that_and_so_is_a_known_mistake():
    exercise = EXERCISES["padded-accuracy"]
    assert exercise.check(77.5).mistake == exercise.check(77).mistake == "edit: per cent"
    for key, mistake in exercise.mistakes.items():
        verdict = exercise.check(100 * mistake)
        assert (verdict.passed, verdict.mistake) == (False, key)
        assert verdict.message.startswith("Taken as per cent")
    assert exercise.check(31).mistake == "not-divided"


def test_one_too_many_and_one_too_few_are_told():
    for id, whole in (("lstm-parameters", 1792), ("updates-lost", 7035), ("room-for-a-label", 33)):
        assert "one is counted too many" in EXERCISES[id].check(whole + 1).message
    assert "one is counted too few" in EXERCISES["lstm-parameters"].check(1791).message


@pytest.mark.parametrize("digits", [3, 4])
def test_a_number_taken_at_random_is_hardly_ever_told_as_rounded(digits):
    rng = random.Random(digits)
    found = []
    for exercise in (each for each in NUMBERS if each.tolerance):
        told = exercise.working, exercise.statement
        for _ in range(40):
            number = _rounded.rounded(exercise.solution * math.exp(rng.uniform(-1.5, 1.5)), digits)
            found.append(_rounded.explain_rounded(*told, number, exercise.solution, exercise.tolerance))
    assert len(found) - found.count(None) <= 0.01 * len(found)


def test_a_formula_is_told_only_where_no_other_of_its_size_gives_the_number():
    exercise = EXERCISES["half-life"]

    def explained(number):
        return _numbers.explain(exercise.working, exercise.statement, number, exercise.solution, 0.01)

    assert explained(0.5 / 0.95) == []  # 1 / (2 * 0.95), and 2 / (0.95 * 2 ** 2), and what was typed
    assert explained(2 * math.log(2) / 0.95) != []


def test_one_digit_is_explained_in_one_way_or_not_at_all():
    exercise = EXERCISES["seen-lags"]
    found = _numbers.explain(exercise.working, exercise.statement, 0.2, exercise.solution, 0.01)
    assert found == []  # (19 - 15) / 20, or (20 - 16) / 20
    assert exercise.check(0.2).mistake == "counted-exclusive"


def test_what_is_left_of_a_difference_keeps_its_own_sign():
    message = EXERCISES["learn-by-hand"].check(math.tanh(0.5) / (1 + math.exp(-2.5))).message
    assert "0.5 alone stands where 1 * 0.5 - 1 * -1 - 0.5 belongs" in message
