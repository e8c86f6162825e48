"""No check quotes a variable that the learner never wrote: neither one of the solution nor one of a known mistake."""

import ast
import builtins
import textwrap

import pytest

from benchmarks import checks
from lstm_lib.exercises import EXERCISES, _names
from lstm_lib.exercises._names import EACH, RESULT
from lstm_lib.exercises._templates import FUNCTIONS

NO_CONTEXT = {*FUNCTIONS, *dir(builtins), "math", EACH, RESULT, "k"}

SLOPE_OF_SIGMOID = """
def memory_gradient(dh, dc, o, c, f):
    s = sigmoid(c)
    return (dc + dh * o * s * (1 - s)) * f
"""
FIRST_ALONE = """
def learn_backward(dlearned, i, g):
    return dlearned * g * i * 1 - i, dlearned * i * (1 - g ** 2)
"""
FROM_MAXIMUM = """
def to_ink(pixels, ground):
    return [(ground - p) / (max(pixels) - min(pixels)) for p in pixels]
"""
DOUBLED = """
def rnn_run(xs, h, w_h, w_x, b):
    states = []
    for x in xs:
        a = w_h * h + w_x * x + b
        states.append(tanh(a))
        h = a
    return states
"""
TURNED = """
def lstm_step(z, c_prev, W, b):
    s = [dot(W[k], z) + b[k - 1] for k in range(4)]
    i, f, g, o = sigmoid(s[0]), sigmoid(s[1]), tanh(s[2]), sigmoid(s[3])
    c = f * c_prev + i * g
    return o * tanh(c), c
"""


def verdict_on(id, source):
    return EXERCISES[id].check(checks.run(EXERCISES[id], textwrap.dedent(source)))


def quoted(message):
    """Return the names in the lines of code of a message."""
    found = set()
    for line in message.splitlines():
        text = line.strip().replace("«", "(").replace("»", ")")
        if line.startswith("    "):
            tree = ast.parse(f"{text} pass" if text.endswith(":") else text)
            found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found


def names_in(source):
    return {node.id for node in ast.walk(ast.parse(textwrap.dedent(source))) if isinstance(node, ast.Name)}


@pytest.mark.parametrize(
    ("id", "source", "line"),
    [
        ("memory-gradient", SLOPE_OF_SIGMOID, "dc + dh * o * («sigmoid(c)» * (1 - «sigmoid(c)»))"),
        ("learn-backward", FIRST_ALONE, "(dlearned * g * i * 1 - i, dlearned * i * (1 - g * g))"),
        ("ink-from-brightness", FROM_MAXIMUM, "[(ground - p) / («max(pixels)» - min(pixels)) for p in pixels]"),
        ("rnn-run", DOUBLED, "states.append(tanh(h))"),
        ("lstm-step", TURNED, "b[3], b[0], b[1], b[2]"),
    ],
)
def test_a_change_is_told_in_the_learners_own_names(id, source, line):
    message = verdict_on(id, source).message
    assert line in message
    assert quoted(message) <= names_in(source) | {*EXERCISES[id].inputs, *EXERCISES[id].returns} | NO_CONTEXT


def told():
    """Return invented answers whose verdict quotes code, with what it says: of the half that may be looked at."""
    for half, each in checks.answers():
        exercise = EXERCISES[each["exercise"]]
        if half == checks.HALVES[0] and each["kind"] != "right" and exercise.kind == "code":
            verdict = exercise.check(checks.run(exercise, each["answer"]))
            if (verdict.mistake or "").startswith("edit"):
                yield exercise, each["answer"], verdict.message


def test_no_check_of_an_invented_answer_quotes_a_name_that_is_not_its_own():
    messages = list(told())
    foreign = {}
    for exercise, answer, message in messages:
        if other := quoted(message) - names_in(answer) - {*exercise.inputs, *exercise.returns} - NO_CONTEXT:
            foreign[answer] = other
    assert len(messages) > 80
    assert foreign == {}
    assert [message for _, _, message in messages if "dc_all" in message or "other_half" in message] == []


def test_a_function_without_source_is_told_in_the_names_of_its_arguments():
    verdict = EXERCISES["memory-gradient"].check(eval("lambda dh, dc, o, c, f: dc + dh * o * c * (1 - c)"))
    names = _names.names_of(EXERCISES["memory-gradient"], None, None)
    assert names.is_foreign("dc_all")
    assert names.said("    return dc_all * «o»") == "    return (dc + dh * o * (1 - tanh(c) * tanh(c))) * «o»"
    assert "dc_all" not in verdict.message
