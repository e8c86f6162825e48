"""A check finds the smallest change of the solution that gives what an answer gives."""

import math
import textwrap

import pytest
from test_exercises_mutants import CODE, is_equivalent, mutants, verdict_on

from benchmarks import checks
from lstm_lib.exercises import EXERCISES, _judge, _numbers, dot, sigmoid, tanh
from lstm_lib.exercises._forms import Part, worth, written
from lstm_lib.exercises._search import Space
from lstm_lib.exercises._sketch import Edit, Sketch
from lstm_lib.exercises._values import Formulas


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
        "    tanh(dot(W_u, kept) + «b_v»)\n"
        "    sigmoid(dot(W_v, z) + «b_u»)\n"
        "where the solution has\n"
        "    tanh(dot(W_u, kept) + b_u)\n"
        "    sigmoid(dot(W_v, z) + b_v)\n"
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


def use_of_both_memories(z, c_prev, c, W_o, b_o):
    o = sigmoid(dot(W_o, z) + b_o)
    return o * tanh(c) + (1 - o) * tanh(c_prev)


def two_parts_wrong(dh, dc, i, f, g, o, c_prev, c):
    u = tanh(c)
    dc = dc + dh * o * (1 - u * u)
    return dc * g * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g * g), dh * u * (1 - o * o), dc * f


def clipped_by_the_mean(gradients, limit):
    return [limit * gradient / (sum(gradients) / len(gradients)) for gradient in gradients]


@pytest.mark.parametrize(
    ("id", "answer", "parts"),
    [
        ("use-gate", use_of_both_memories, ["return o * tanh(c)", "tanh(c_prev)", "(1 - o)"]),
        ("lstm-backward", two_parts_wrong, ["another formula gives da_i and da_o"]),
        ("clip-by-norm", clipped_by_the_mean, ["sum(gradients) / len(gradients)", "another formula"]),
        ("remember-sum", lambda f, c_prev, i, g: (f + i) * (c_prev + g), ["(f + i) * (c_prev + g)"]),
    ],
)
def test_a_formula_of_another_shape_is_told(id, answer, parts):
    verdict = EXERCISES[id].check(answer)
    assert verdict.mistake.startswith("edit: ")
    assert [part for part in parts if part not in verdict.message] == []


def test_formulas_are_of_one_value_and_the_text_says_it():
    parts = [Part(0.513, 2, "a", 2), Part(0.331, 2, "b", 2), Part(-0.717, 2, "c", 2), Part(0.844, 3, "a + b", 0)]
    formulas = Formulas(parts, ("tanh", "sigmoid"))
    scope = {"a": 0.513, "b": 0.331, "c": -0.717, "tanh": tanh, "sigmoid": sigmoid, "math": math}
    assert len(formulas.known) > 20_000
    for part in list(formulas.known.values())[::37]:
        value = eval(written(part)[0], scope)
        assert value == pytest.approx(part[0], rel=1e-9, abs=1e-12)
        assert worth(part, formulas.leaves) == pytest.approx(part[0], rel=1e-9, abs=1e-12)
    for wanted in (0.513 - tanh(0.331) * -0.717, tanh(0.844 * -0.717 + 0.331), 0.844 / (1 + 0.717**2)):
        found = list(formulas.giving(wanted))
        assert found
        assert all(eval(written(part)[0], scope) == pytest.approx(wanted, rel=1e-6) for part in found)


@pytest.mark.parametrize("exercise", [e for e in CODE if e.also], ids=lambda exercise: exercise.id)
def test_the_solution_written_otherwise_is_right(exercise):
    assert [source for source in exercise.also if not exercise.check(checks.run(exercise, source)).passed] == []


def test_a_search_without_time_says_less_and_the_next_one_goes_on():
    exercise = EXERCISES["remember-sum"]
    reference = _judge._reference(exercise, True)
    space = Space(exercise.solution_source, exercise.returns, reference.probes, exercise.also)
    probes = [k for k, probe in enumerate(reference.probes) if not probe.arrays]
    got = {k: _judge.read((lambda f, c, i, g: f * c - i * c)(*reference.probes[k].copy())) for k in probes}
    assert space.find(got, probes, seconds=0.0) == []
    tried = sum(table.tried for table in space.tables.values())
    for _ in range(2000):
        if found := space.find(got, probes, seconds=1e-4):
            break
    assert found
    assert sum(table.tried for table in space.tables.values()) > tried


def test_a_change_may_not_let_a_loop_go_on_for_ever():
    source = """
    def answer(xs, h):
        hs = [h]
        for x in xs:
            hs.append(hs[-1] * x)
        return hs
    """
    sketch = Sketch(textwrap.dedent(source))
    (site,) = (k for k, node in enumerate(sketch.nodes) if getattr(node, "id", "") == "xs")
    assert sketch.function((Edit(((site, "hs"),), "", 1.0),))([2.0, 3.0], 4.0) == [4.0, 16.0]
    assert Sketch(textwrap.dedent(source).replace("in xs", "in hs")).function(())([2.0, 3.0], 4.0) == [4.0, 16.0]


@pytest.mark.parametrize(
    ("id", "answer", "part"),
    [
        ("page-in-bits", 3000 * 2**1.4, "3000 * 2 ** 1.4"),
        ("seen-lags", 1 - (1 - 5 / 20) ** 2, "a second try"),
        ("stream-features", 3 * (5 + 1 + 1), "(5 + 2) * 3"),
        ("bias-half-life", 1 + math.log(0.5 / 0.6) / 2, "math.log(0.5 / 0.6) / 2.0"),
        ("latch-gradient", 1.5 * (1 - 0.8586**2) ** 5, "1.5 * (1 - 0.8586 ** 2) ** 5"),
        ("thirty-steps", sigmoid(2.0) ** 60, "the result is multiplied by itself"),
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


def test_what_begins_inside_a_loop_is_told_as_that():
    def rnn_run(xs, h, w_h, w_x, b):
        for x in xs:
            hs = []
            h = tanh(w_h * h + w_x * x + b)
            hs.append(h)
        return hs

    verdict = EXERCISES["rnn-run"].check(rnn_run)
    assert verdict.mistake == "edit: hs = [] stands inside the loop: every turn starts anew"


def test_a_difference_is_never_rounded_away():
    def temperature_shares(scores, temperature):
        powers = [2.7182 ** (score / temperature) for score in scores]
        return [power / sum(powers) for power in powers]

    message = EXERCISES["temperature-shares"].check(temperature_shares).message
    got, expected = message.split("got ")[1].split(", expected ")
    assert got != expected.rstrip(".")


def test_a_list_around_a_number_is_told_of():
    verdict = EXERCISES["rnn-step"].check(lambda h, x, w_h, w_x, b: [tanh(w_h * h + w_x * x + b)])
    assert verdict.passed
    assert "a list with the number in it" in verdict.message
