"""Judging takes the exercise itself; what is wrong with an exercise of ours is raised, never told as the learner's."""

import dataclasses

import pytest

from lstm_lib.exercises import EXERCISES, Mistake, _judge, dot, sigmoid, tanh
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import BIAS, JOINED, ROWS, STATE, Kind


def write_gate(z, c_prev, W_i, b_i):
    """Return the memory with the input gate's share added."""
    return c_prev + sigmoid(dot(W_i, z) + b_i)


TEXTS = {"chapter": 99, "statement": "?", "lines": ("c = c_prev + i",), "hints": ("?",), "right": "it adds."}
CODE = code(
    "write-gate",
    "Add what is let in",
    **TEXTS,
    inputs={"z": JOINED, "c_prev": STATE, "W_i": ROWS, "b_i": BIAS},
    returns=("c",),
    solution=write_gate,
    mistakes={
        "tanh-for-sigmoid": Mistake(lambda z, c, W, b: c + tanh(dot(W, z) + b), 1, "This looks like tanh."),
        "missing-bias": Mistake(lambda z, c, W, b: c + sigmoid(dot(W, z)), 1, "This looks like no bias."),
    },
)
NUMERIC = numeric("two-and-two", "Add", **TEXTS, working="2 + 2", mistakes={"glued": Mistake(22, 1, "Glued.")})
JUDGEMENT = judgement(
    "pick", "Pick", **TEXTS, options={"a": "A", "b": "B"}, solution="a", mistakes={"the-other": Mistake("b", 1, "No.")}
)
MINE = {exercise.id: exercise for exercise in (CODE, NUMERIC, JUDGEMENT)}


@pytest.mark.parametrize("exercise", MINE.values(), ids=MINE)
def test_an_exercise_outside_the_catalogue_is_judged_like_any_other(exercise):
    assert exercise.id not in EXERCISES
    assert exercise.check(exercise.solution).passed
    for key, wrong in exercise.mistakes.items():
        passed, mistake, message = exercise.check(wrong)
        assert (passed, mistake) == (False, key)
        assert "c = c_prev + i" in message
    assert exercise.check(exercise.stub).message.startswith("Not answered yet")


def test_two_exercises_of_one_id_are_judged_each_by_its_own_solution():
    twin = dataclasses.replace(CODE, solution=CODE.mistakes["missing-bias"], catalogue={})
    assert CODE.check(CODE.solution).passed
    assert not twin.check(CODE.solution).passed
    assert twin.check(twin.solution).passed


@pytest.mark.parametrize(
    ("exercise", "answer", "part"),
    [
        *((CODE, lambda z, c, W, b: 0.25, part) for part in ("same", "has_numpy", "say_difference")),
        *((NUMERIC, 5.0, part) for part in ("_one_number", "_close")),
        (JUDGEMENT, "b", "named"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_of_the_judge_is_raised(exercise, answer, part, monkeypatch):
    def broken(*args):
        raise LookupError("planted")

    assert not exercise.check(answer).passed
    monkeypatch.setattr(_judge, part, broken)
    with pytest.raises(LookupError, match="planted"):
        exercise.check(answer)


def with_mistake(exercise, answer):
    return dataclasses.replace(exercise, catalogue={"planted": Mistake(answer, 1, "Planted.")})


def test_a_mistake_of_the_catalogue_with_a_wrong_signature_is_raised_and_named():
    broken = with_mistake(CODE, lambda z, c_prev: c_prev)
    assert broken.check(broken.solution).passed
    with pytest.raises(TypeError, match="takes 2 positional arguments but 4 were given") as caught:
        broken.check(lambda z, c, W, b: 0.25)
    assert caught.value.__notes__ == [
        "This is a fault of the exercise 'write-gate', in its mistake 'planted', and not of the answer."
    ]


def test_a_mistake_of_the_catalogue_that_gives_no_number_is_raised():
    with pytest.raises(_judge.OddResult, match="None"):
        with_mistake(CODE, lambda z, c, W, b: None).check(lambda z, c, W, b: 0.25)
    with pytest.raises(_judge.OddResult, match="text"):
        with_mistake(NUMERIC, "22").check(5.0)


def test_a_solution_of_the_catalogue_that_raises_is_raised_and_named():
    broken = dataclasses.replace(CODE, solution=lambda z, c_prev, W_i, b_i: c_prev + typo)  # noqa: F821
    with pytest.raises(NameError, match="typo") as caught:
        broken.check(write_gate)
    assert "in its solution, and not of the answer" in caught.value.__notes__[0]


@pytest.mark.parametrize(("kind", "error"), [(Kind("Q", ""), KeyError), (Kind("", "", "low"), TypeError)])
def test_an_input_that_cannot_be_drawn_is_raised(kind, error):
    broken = dataclasses.replace(CODE, inputs={**CODE.inputs, "c_prev": kind})
    with pytest.raises(error):
        broken.check(write_gate)


def test_a_line_that_the_exercise_does_not_have_is_raised():
    broken = dataclasses.replace(NUMERIC, catalogue={"glued": Mistake(22, 7, "Glued.")})
    with pytest.raises(IndexError):
        broken.check(22)
