"""Every exhibit of the museum is caught by its own test, the healthy machine by none, and the page shows the code."""

import ast
import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from lstm_lib import museum, recorded
from lstm_lib.from_scratch import cells

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "chapters" / "mistakes.ipynb"
TABLE = museum.table()


@pytest.mark.parametrize("name", museum.EXHIBITS)
def test_an_exhibit_is_caught_by_its_own_test(name: str) -> None:
    assert museum.look(museum.EXHIBITS[name].test, museum.broken(name))


@pytest.mark.parametrize("test", museum.ALL)
def test_the_healthy_machine_passes_every_test(test: str) -> None:
    assert museum.look(test, museum.HEALTHY) is None


def test_there_are_twelve_exhibits_or_more_and_each_replaces_one_part() -> None:
    assert len(museum.EXHIBITS) >= 12
    for name, exhibit in museum.EXHIBITS.items():
        machine = museum.broken(name)
        changed = [part for part in machine._fields if getattr(machine, part) is not getattr(museum.HEALTHY, part)]
        assert changed == [exhibit.part]


def test_every_test_that_finds_is_needed() -> None:
    assert {exhibit.test for exhibit in museum.EXHIBITS.values()} == set(museum.CHECKS)
    for test in museum.CHECKS:
        assert any(TABLE[name][test] for name in museum.EXHIBITS)


def test_an_exhibit_is_caught_only_by_tests_of_what_it_touches() -> None:
    caught = {name: {test for test in museum.CHECKS if row[test]} for name, row in TABLE.items()}
    assert caught.pop("healthy") == set()
    assert caught == {
        "one-bias": {"torch", "half-life"},
        "plus-for-times": {"torch", "half-life"},
        "late-bias": {"torch", "half-life"},
        "bias-twice": {"torch", "half-life"},
        "one-for-four": {"turning"},
        "random-start": {"twice", "company"},
        "nothing-handed-on": {"gradient"},
        "batch-for-time": {"company", "heard"},
        "padding-read": {"company"},
        "one-step-back": {"heard"},
        "rows-mixed": {"company"},
        "weights-melt": {"weights"},
        "future-scaled": {"future"},
        "no-yesterday": {"yesterday"},
    }


def test_the_naive_tests_catch_one_exhibit_together() -> None:
    caught = {name for name in museum.EXHIBITS if any(TABLE[name][test] for test in museum.NAIVE)}
    assert caught == {"plus-for-times"}


# Each exhibit has a case in which it is right: that is why it was published.


def test_every_broken_cell_has_its_alibi() -> None:
    rng = np.random.default_rng(1)
    params = cells.LSTMParams(rng.standard_normal((4, 5, 8)), np.zeros((4, 5)))
    x, state = rng.standard_normal((2, 3)), cells.LSTMState(*rng.standard_normal((2, 2, 5)))
    right = museum.HEALTHY.step(params, x, state)
    for name in ("one-bias", "late-bias", "bias-twice"):  # no biases
        np.testing.assert_allclose(museum.broken(name).step(params, x, state), right, rtol=1e-12)


def test_a_batch_of_one_and_equal_lengths_are_alibis() -> None:
    rng = np.random.default_rng(1)
    h_n, hs = rng.standard_normal((2, 1, 5)), rng.standard_normal((7, 4, 5))
    np.testing.assert_array_equal(museum.broken("rows-mixed").joined(h_n), museum.HEALTHY.joined(h_n))
    lengths = np.full(4, 7)
    np.testing.assert_array_equal(museum.broken("padding-read").last(hs, lengths), museum.HEALTHY.last(hs, lengths))


def test_one_step_is_an_alibi_of_the_backward_pass() -> None:
    rng = np.random.default_rng(1)
    params, xs = museum.HEALTHY.init(rng, 3, 5), rng.standard_normal((1, 2, 3))
    dhs = rng.standard_normal((1, 2, 5))
    here, healthy = (machine.back(params, xs, dhs) for machine in (museum.broken("nothing-handed-on"), museum.HEALTHY))
    np.testing.assert_allclose(here[0].W, healthy[0].W, rtol=1e-12)
    np.testing.assert_allclose(here[1], healthy[1], rtol=1e-12)


def test_a_sound_start_differs_from_one_matrix_for_four_in_its_lengths_alone() -> None:
    params = museum.broken("one-for-four").init(np.random.default_rng(0), 3, 16)
    stacked = params.W[..., :16].reshape(64, 16)
    np.testing.assert_allclose(stacked.T @ stacked, np.eye(16), atol=1e-12)


# ---------------------------------------------------------------- the page


def functions(source: str) -> list[str]:
    """Return the functions of a piece of code, without annotations, docstrings and comments."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
            found.append(ast.unparse(node).replace("cells.LSTMState", "LSTMState").replace("museum.", ""))
    return found


def shown() -> list[str]:
    """Return the functions that the page defines."""
    cells_ = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells_ if cell["cell_type"] == "code"]
    return [text for source in code if "%pip" not in source for text in functions(source)]


@pytest.mark.parametrize("name", museum.EXHIBITS)
def test_the_page_shows_the_code_of_the_exhibit(name: str) -> None:
    [code] = functions(inspect.getsource(museum.EXHIBITS[name].code).replace(", strict=True", ""))
    assert code.replace("cells.", "") in [text.replace("cells.", "") for text in shown()]


def test_an_unknown_exhibit_or_test_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="got exhibit 'x', expected one of one-bias"):
        museum.broken("x")
    with pytest.raises(ValueError, match="got test 'x', expected one of shapes"):
        museum.look("x", museum.HEALTHY)


# ---------------------------------------------------------------- the record


def test_the_record_has_ten_seeds_of_everything() -> None:
    rows = recorded.load("museum")["rows"]
    assert len(rows) == 3 * 3 * 10 == len({(row["machine"], row["delay"], row["seed"]) for row in rows})
