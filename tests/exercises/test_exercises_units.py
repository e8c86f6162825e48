"""Answers that are right where little is asked: for one unit, for gradients that are not zero, for who copies."""

import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT, notebooks

from lstm_lib.exercises import EXERCISES

STEP = EXERCISES["lstm-step"]
STARS = {"i * g": "dot(i, g)", "f * c_prev": "dot(f, c_prev)", "o * tanh(c)": "dot(o, tanh(c))"}
PLAIN = """
import math

def lstm_step(z, c_prev, W, b):
    sums = [sum(w * x for w, x in zip(row, z)) + bias for row, bias in zip(W, b)]
    i, f, o = (1 / (1 + math.exp(-sums[k])) for k in (0, 1, 3))
    c = f * c_prev + i * math.tanh(sums[2])
    return o * math.tanh(c), c
"""

# Run as a child, where numpy cannot be imported, as in the page.
CHILD = """
import json, sys
sys.modules["numpy"] = None
from lstm_lib.exercises._page import respond
print(json.dumps([json.loads(respond(json.dumps(request))) for request in json.load(sys.stdin)]))
"""


def function(source, name):
    """Return the function that a source defines."""
    from lstm_lib.exercises import dot, sigmoid, tanh

    scope = {"dot": dot, "sigmoid": sigmoid, "tanh": tanh}
    exec(source, scope)
    return scope[name]


@pytest.mark.parametrize("summed", [["i * g"], ["f * c_prev"], ["i * g", "f * c_prev"], list(STARS)], ids=", ".join)
def test_a_sum_over_the_units_is_no_product_of_each(summed):
    source = STEP.solution_source
    for star in summed:
        source = source.replace(star, STARS[star])
    verdict = STEP.check(function(source, "lstm_step"))
    assert (verdict.passed, verdict.mistake) == (False, "dot for *")
    assert all(star in verdict.message for star in summed[:2])  # the last is one number by then, and dot a star


def test_so_it_is_in_the_page_where_there_is_no_numpy():
    source = STEP.solution_source
    for star, summed in STARS.items():
        source = source.replace(star, summed)
    requests = [{"do": "check", "id": STEP.id, "source": each} for each in (source, STEP.solution_source)]
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(requests), cwd=ROOT, capture_output=True, text=True, check=True
    )
    verdicts = [reply["verdict"] for reply in json.loads(done.stdout)]
    assert [verdict["passed"] for verdict in verdicts] == [False, True]
    assert "with a star" in verdicts[0]["message"]


def test_a_step_for_plain_numbers_is_still_a_step():
    verdict = STEP.check(function(PLAIN, "lstm_step"))
    assert verdict.passed
    assert "works on plain numbers" in verdict.message


def test_a_dot_that_is_right_is_not_accused():
    exercise = EXERCISES["clip-by-norm"]
    source = exercise.solution_source.replace("scale * gradient", "dot(scale, gradient)")
    assert exercise.check(function(source, "clip_by_norm")).passed


@pytest.mark.parametrize(
    ("scale", "passes"),
    [
        ("min(1.0, limit / norm)", False),
        ("limit / norm if norm > limit else 1.0", True),
        ("1 / max(1, norm / limit)", True),
        ("min(1.0, limit / (norm + 1e-12))", True),
        ("min(1.0, limit / norm) if norm else 0.0", True),  # whatever zeros are multiplied by
    ],
)
def test_gradients_of_zero_are_clipped_too(scale, passes):
    exercise = EXERCISES["clip-by-norm"]
    source = exercise.solution_source.replace("limit / max(norm, limit)", scale)
    verdict = exercise.check(function(source, "clip_by_norm"))
    assert verdict.passed == passes
    if not passes:
        assert "ZeroDivisionError" in verdict.message
        assert "gradients = [0, 0" in verdict.message


# Numbers of these pages that happen to be near what an exercise asks for, of something else.
BY_CHANCE = {"stream-features", "learn-by-hand", "drawn-first-output", "bias-for-delay", "padded-accuracy"}
BY_CHANCE |= {"f-of-counts"}
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*\.?\d*(?:e[-+]?\d+)?")


def printed(cell):
    """Return what a reader sees of a cell before the exercises: text, and what code prints."""
    outputs = [output.get("text", output.get("data", {}).get("text/plain", "")) for output in cell.get("outputs", [])]
    source = cell["source"] if cell["cell_type"] == "markdown" else ""
    return "" if "exercise" in cell["metadata"] else " ".join(map("".join, [source, *outputs]))


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_what_an_exercise_asks_for_is_not_printed_on_its_page(path):
    text = " ".join(map(printed, json.loads(path.read_text(encoding="utf-8"))["cells"]))
    numbers = {float(number.replace(",", "")) for number in NUMBER.findall(text)}
    asked = [one for one in EXERCISES.values() if one.kind == "numeric" and path.stem.startswith(f"{one.chapter:02}_")]
    for one in asked:
        near = [number for number in numbers if abs(number - one.solution) <= one.tolerance * one.solution]
        assert bool(near) == (one.id in BY_CHANCE), (one.id, near)
