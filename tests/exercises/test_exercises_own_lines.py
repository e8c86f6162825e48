"""What a check says of the learner's own lines: the change that makes them right, each branch, several slips."""

import ast
import inspect
import itertools
import textwrap
import types

import pytest

from benchmarks import checks
from lstm_lib.exercises import EXERCISES, _repair
from lstm_lib.exercises._moves import moves
from lstm_lib.exercises._sites import TURNS, compiled, turns
from lstm_lib.exercises._theirs import read_theirs, source_of_code


def verdict_on(id, source):
    return EXERCISES[id].check(checks.run(EXERCISES[id], textwrap.dedent(source)))


SHARED = """
def forward_step(before, label, after, p_blank, p_label):
    a = before * p_blank
    b = (before + label) * p_label
    c = (label + after) * p_blank
    s = a + b + c
    return a / s, b / s, c / s
"""


def test_a_switch_is_no_remedy():
    """``s = 1.0 * (a + b + c > 0)`` would do, and nobody would write it."""
    assert "One change makes yours right" not in verdict_on("forward-step", SHARED).message


def test_how_far_it_searches_does_not_depend_on_the_clock(monkeypatch):
    usual = verdict_on("temperature-shares", SUM_OF_SCORES)
    assert "One change makes yours right" in usual.message
    slow = itertools.count(0.0, 0.02)  # a processor on which every change takes 20 milliseconds
    monkeypatch.setattr(_repair, "time", types.SimpleNamespace(process_time=lambda: next(slow)))
    assert verdict_on("temperature-shares", SUM_OF_SCORES) == usual
    monkeypatch.setattr(_repair, "TRIES", 10)
    assert verdict_on("temperature-shares", SUM_OF_SCORES) != usual


SUM_OF_SCORES = """
def temperature_shares(scores, temperature):
    import math
    total = math.exp(sum(scores) / temperature)
    return [math.exp(s / temperature) / total for s in scores]
"""
ONE_TOO_FEW = """
def learn_gate(z, W_i, b_i, W_g, b_g):
    a, n = b_i, b_g
    for k in range(len(z) - 1):
        a += W_i[k] * z[k]
        n += W_g[k] * z[k]
    return sigmoid(a) * tanh(n)
"""
RUNS_ON = """
def rnn_run(xs, h, w_h, w_x, b):
    states = []
    for x in xs:
        h += tanh(w_h * h + w_x * x + b)
        states.append(h)
    return states
"""
DARKEST_SO_FAR = """
def to_ink(pixels, ground):
    darkest = pixels[0]
    out = []
    for p in pixels:
        if p < darkest:
            darkest = p
        out.append((ground - p) / (ground - darkest))
    return out
"""
INSIDE = """
def learn_gate(z, W_i, b_i, W_g, b_g):
    a, n = 0.0, b_g
    for k in range(len(z)):
        a += W_i[k] * z[k]
        n += W_g[k] * z[k]
        a += b_i
    return sigmoid(a) * tanh(n)
"""
SAME_EVENT = """
def rnn_run(xs, h, w_h, w_x, b):
    hs = []
    for t in range(len(xs)):
        h = tanh(w_h * h + w_x * xs[0] + b)
        hs.append(h)
    return hs
"""
BESIDE = """
def rnn_run(xs, h, w_h, w_x, b):
    hs = []
    for x in xs:
        h = tanh(w_h * h + w_x * x + b)
        hs.append(h)
    return hs, h
"""
@pytest.mark.parametrize(
    ("id", "source", "parts"),
    [
        ("learn-gate", ONE_TOO_FEW, ["for k in range(len(z) - 1):", "for k in range(«len(z)»):"]),
        ("rnn-run", RUNS_ON, ["h += tanh(w_h * h + w_x * x + b)", "h = «tanh(w_h * h + w_x * x + b)»"]),
        ("ink-from-brightness", DARKEST_SO_FAR, ["«min(pixels)»"]),
        ("rnn-run", SAME_EVENT, ["xs[0]", "xs[t]"]),
        ("rnn-run", BESIDE, ["return (hs, h)", "return hs"]),
    ],
)
def test_the_line_that_makes_an_answer_right_is_told(id, source, parts):
    verdict = verdict_on(id, source)
    assert not verdict.passed
    assert verdict.mistake.startswith("edit: ")
    assert "One change makes yours right" in verdict.message
    assert [part for part in parts if part not in verdict.message] == []


def test_a_line_that_stands_in_the_wrong_place_is_told():
    message = verdict_on("learn-gate", INSIDE).message
    assert message == "Yours is right if this line stands after the loop, not in it:\n    a += b_i"


def test_an_answer_that_stops_is_told_where_and_what_makes_it_right():
    source = ONE_TOO_FEW.replace("len(z) - 1", "len(z) + 1")
    verdict = verdict_on("learn-gate", source)
    assert verdict.message.startswith("Your function stops with IndexError")
    assert "for k in range(«len(z)»):" in verdict.message
    assert verdict.mistake.startswith("edit: ")


def test_each_branch_is_told_by_itself():
    source = """
    def remember(f, c_prev, i, g):
        if f > i:
            return f * c_prev
        else:
            return i * g
    """
    message = verdict_on("remember-sum", source).message
    assert message.startswith("Your function asks whether\n    f > i\n")
    assert message.index("the term i * g is missing") < message.index("the term f * c_prev is missing")


def test_a_branch_that_is_right_is_not_accused():
    source = """
    def remember(f, c_prev, i, g):
        return f * c_prev + i * g if f > i else f * c_prev - i * g
    """
    message = verdict_on("remember-sum", source).message
    assert "One change makes yours right" in message or "Where it is so, it is right." in message


FOUR_SLIPS = """
def lstm_step(z, c_prev, W, b):
    i = sigmoid(dot(W[0], z))
    f = sigmoid(dot(W[1], z))
    g = dot(W[2], z)
    o = sigmoid(dot(W[3], z))
    c = f * c_prev + i * g
    return o * tanh(c), c
"""


def test_several_slips_are_told_line_by_line():
    message = verdict_on("lstm-step", FOUR_SLIPS).message
    for part in ("b[0] is missing", "b[1] is missing", "b[2] is missing", "tanh around dot(W[2], z) + b[2] is missing"):
        assert part in message


@pytest.mark.parametrize("inside", ["f * (c_prev + i * g)", "i * (f * c_prev + g)"])
def test_a_bracket_around_both_terms_of_the_memory_is_told_at_the_line_of_c(inside):
    source = ast.unparse(ast.parse(inspect.getsource(EXERCISES["lstm-step"].solution)))
    wrong = source.replace("learned = i * g", "").replace("kept = f * c_prev", "").replace("kept + learned", inside)
    message = verdict_on("lstm-step", wrong).message
    assert message.endswith("Look at the line\n    c = f · c_prev + i · g")
    assert "g =" not in message.removesuffix("i · g")


def test_other_brackets_are_told_in_a_whole_sentence():
    source = """
    def memory_gradient(dh, dc, o, c, f):
        return dc + dh * o * (1 - tanh(c) * tanh(c)) * f
    """
    message = verdict_on("memory-gradient", source).message
    said = "That is: dc + dh * o * (1 - tanh(c) * tanh(c)) is worked out first in the solution, and is torn apart here."
    assert message.endswith(said)


def test_what_was_done_twice_is_told_once():
    source = "def rnn_step(h, x, w_h, w_x, b): return tanh(w_h * h) + tanh(w_x * x) + tanh(b)"
    assert verdict_on("rnn-step", source).message.count("tanh is applied to each term, not to the sum") == 1


def test_who_adds_two_lists_hears_that_this_makes_one_longer_list():
    source = """
    def lstm_step(z, c_prev, W, b):
        i, f, g, o = dot(W, z) + b
        return sigmoid(o), c_prev
    """
    assert "a list + a list is one longer list" in verdict_on("lstm-step", source).message
    assert "longer list" not in verdict_on("lstm-step", source.replace(" + b", " * 2")).message


def test_the_limit_in_the_place_of_each_gradient_is_named():
    source = """
    def clip_by_norm(gradients, limit):
        norm = dot(gradients, gradients) ** 0.5
        return [limit for g in gradients] if norm > limit else gradients
    """
    assert verdict_on("clip-by-norm", source).mistake == "limit-for-each"


def test_one_number_for_all_inputs_is_not_accused():
    assert verdict_on("forget-gate", "def forget_gate(z, c_prev, W_f, b_f):\n    return 1.0").mistake is None


LOOKED_AT = [told for half, told in checks.answers() if half == checks.HALVES[0] and told["kind"] == "wrong"]
MINE = [(EXERCISES[told["exercise"]], told["answer"]) for told in LOOKED_AT if told["answer"].startswith("def")]


def test_what_is_said_to_make_an_answer_right_makes_it_right():
    """Put the line that the message tells into the answer: it passes."""
    tried = 0
    for exercise, source in MINE:
        message = exercise.check(checks.run(exercise, source)).message
        if not message.startswith("One change makes yours right"):
            continue
        before, now = (part.strip() for part in message.split("In place of\n")[1].split("\nwrite\n"))
        written = ast.unparse(ast.parse(source))
        assert before.splitlines()[0] in written, source
        if "\n" not in before:
            mended = written.replace(before, now.replace("«", "").replace("»", ""))
            assert exercise.check(checks.run(exercise, mended)).passed, (source, message)
            tried += 1
    assert tried >= 15


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return open(x)",
        "def f(x): return x.__class__",
        "def f(x): return f(x)",
        "def f(x): return [0] * 10000000",
        "def f(x): return math.factorial(x)",
        "def f(x):\n    import os\n    return x",
        "def f(x):\n    global y\n    y = x\n    return x",
        "def f(x, y=open('a')): return x",
        "def f(x): return (lambda: x)()",
        "def f(x): return _tick",
        "x = 1",
        "def f(x",
    ],
)
def test_what_does_more_than_calculate_is_not_run_again(source):
    assert read_theirs(source) is None


def test_the_source_of_a_function_ends_where_it_ends():
    def answer(
        x,
        y,
    ):
        # one
        if x:

            return (
                y
            )
    # two
        return x

    z = 3
    assert z == 3
    tree = ast.parse(source_of_code(answer.__code__))
    assert ast.unparse(tree) == "def answer(x, y):\n    if x:\n        return y\n    return x"
    assert source_of_code(None) == source_of_code(compile("x = 1", "<nowhere>", "exec")) == ""


def test_a_loop_that_a_change_makes_endless_ends():
    theirs = read_theirs("def f(n):\n    while n > 0:\n        n -= 1\n    return n")
    endless = [source for source, *_ in moves(theirs.tree) if "while n > 0" in source and "n = n - 1" not in source]
    assert endless
    for source in endless:
        turns.left = TURNS
        with pytest.raises(RuntimeError, match="too many turns"):
            compiled(source, {})(3.0)


def test_conditions_are_asked_the_other_way_round():
    theirs = read_theirs("def f(x, y):\n    if x < y:\n        x = y\n    return x if y else 1")
    told = [(before, now) for _, _, before, now in moves(theirs.tree)]
    assert (["x < y"], ["x > y"]) in told
    assert (["x < y"], ["x <= y"]) in told
    assert (["x if y else 1"], ["1 if y else x"]) in told


def test_moves_leave_the_answer_as_it_was():
    for _, source in MINE[::5]:
        theirs = read_theirs(source)
        if theirs:
            before = ast.dump(theirs.tree)
            made = [source for source, *_ in moves(theirs.tree)]
            assert ast.unparse(theirs.tree) not in made
            assert ast.dump(theirs.tree) == before
