"""What a statement says and what its solution uses are the same numbers."""

import ast
import re

import pytest

from lstm_lib.exercises import EXERCISES

NUMERIC = [id for id, exercise in EXERCISES.items() if exercise.kind == "numeric"]
WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
WORDS |= {"twelve": 12, "sixteen": 16, "twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100, "thousand": 1000}
FREE = {0, 0.5, 1, 2}  # the class 0, a half, the one of a one-hot input, a square: no statement has to say them

# The sum for N cannot reach the drawn cell's output in its own step: whether one sees that is the question.
UNUSED = {"drawn-first-output": {1.2}}


def said(statement: str) -> set[float]:
    """Return the numbers of a statement, without its tolerance, names such as Chapter 5, and subscripts."""
    text = re.sub(r"\bAnything within [^.]*?(?:\.\d[^.]*)?\.", "", statement)
    text = re.sub(r"[Cc]hapter \d+|\bfloat\d+|_\{[^}]*\}|_\d", " ", text)
    text = re.sub(r"(\d),(\d{3})", r"\1\2", text).replace("−", "-")
    found = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?!\w)", text)}
    found -= {percent for percent in map(float, re.findall(r"(\d+(?:\.\d+)?) %", text))}
    found |= {float(percent) / 100 for percent in re.findall(r"(\d+(?:\.\d+)?) %", text)}
    return found | {float(value) for word, value in WORDS.items() if re.search(rf"\b{word}\b", text, re.IGNORECASE)}


def used(working: str) -> set[float]:
    """Return the numbers of a solution."""
    leaves = [node.value for node in ast.walk(ast.parse(working)) if isinstance(node, ast.Constant)]
    return {abs(float(leaf)) for leaf in leaves if type(leaf) in (int, float)}


@pytest.mark.parametrize("id", NUMERIC)
def test_a_statement_gives_the_numbers_that_its_solution_uses_and_no_others(id):
    exercise = EXERCISES[id]
    assert said(exercise.statement) - FREE - UNUSED.get(id, set()) == used(exercise.working) - FREE


def test_numbers_are_read_as_they_are_meant():
    statement = "In Chapter 5, $h_2$ of 48,000 and 30 % in float32, at $b_f = -2.5$. Anything within 1.5 % counts."
    assert said(statement) == {48000, 0.3, 2.5}
    assert used("math.log(2) / 3e-4 - 7") == {2, 3e-4, 7}
