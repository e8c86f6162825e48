"""What chapters claim of training is recorded with enough seeds, and measured with the code of the page."""

import inspect

import numpy as np
import pytest

from benchmarks.chapters import _page
from lstm_lib import experiment, recorded

ROWS = recorded.load("chapters")["rows"]
CLAIMS = sorted({(row["chapter"], row["claim"]) for row in ROWS})


@pytest.mark.parametrize(("chapter", "claim"), CLAIMS)
def test_a_claim_about_training_has_at_least_ten_seeds(chapter, claim):
    seeds = {row["seed"] for row in ROWS if (row["chapter"], row["claim"]) == (chapter, claim)}
    assert len(seeds) >= 10


def test_a_function_is_taken_as_it_stands_first_on_the_page():
    page = _page.functions(7, "lstm_step")  # an exercise defines another one further down
    assert list(inspect.signature(page["lstm_step"]).parameters) == ["W", "b", "x", "h", "c_prev"]


def test_classes_and_constants_come_from_the_page_too():
    page = _page.functions(9, "lstm_step", "Cell", "p")  # p = 0.25; an assignment elsewhere on the page is not run
    assert page["p"] == 0.25
    assert {name for name, _ in page["Cell"](3, 5).named_parameters()} == {"W", "b"}
    assert "run" not in page


def test_a_function_that_is_not_on_the_page_is_refused_by_name():
    with pytest.raises(ValueError, match=r"got no_such, expected functions that 04_learn_gate.ipynb defines"):
        _page.functions(4, "boxes", "no_such")


def test_a_nudged_start_differs_from_the_drawn_one_by_a_millionth_and_by_nothing_else():
    def draw():
        rng = np.random.default_rng(3)
        weights = experiment.init_weights(rng, "lstm", 6, 16, 4)
        return [*weights.cell, *weights.readout], rng.random()

    with _page.start("drawn"):
        drawn, then = draw()
    with _page.start("nudged"):
        nudged, then_too = draw()
    plain, _ = draw()
    assert then == then_too  # the batches that follow are the same
    for here, there, without in zip(drawn, nudged, plain, strict=True):
        np.testing.assert_array_equal(here, without)
        assert here.dtype == there.dtype
        assert 0 < np.abs(here - there).max() < 10 * _page.NUDGE


def test_seeds_and_starts_are_in_force_one_after_the_other():
    original, seen = experiment.init_weights, []
    for seed, start in _page.runs():
        seen.append((seed, start))
        assert (experiment.init_weights is original) == (start == "drawn")
    assert seen == [(seed, start) for seed in range(10) for start in ("drawn", "nudged")]
    assert experiment.init_weights is original
