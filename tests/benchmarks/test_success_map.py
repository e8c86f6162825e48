"""The success map's script: its cells, its starts, and when a run counts as solved."""

import numpy as np
import pytest

from benchmarks import success_map
from lstm_lib import recorded

H = success_map.HIDDEN


def test_no_cell_of_the_map_is_trained_twice_and_each_has_all_seeds():
    jobs = success_map.jobs()
    assert len(set(jobs)) == len(jobs)
    assert len({job._replace(seed=0) for job in jobs}) * len(success_map.SEEDS) == len(jobs)


@pytest.mark.parametrize("looks", [[], [1.0], [0.95, 0.9, 0.95], [0.95, 0.95, 0.94]])
def test_a_run_that_was_not_good_at_its_last_two_looks_is_not_solved(looks):
    assert not success_map.solved(looks)


def test_two_looks_in_a_row_at_95_percent_solve_a_run():
    assert success_map.solved([0.3, 0.95, 0.95])


def test_a_start_has_the_biases_of_its_cell():
    job = success_map.Job(10, "bias", 4.0, -3.0, 0)
    i, f, g, o = success_map.start_weights(np.random.default_rng(0), job).cell.b
    assert (i == -3).all()
    assert (f == 4).all()
    assert not g.any()
    assert not o.any()


def test_chrono_input_biases_are_the_negatives_and_reach_no_lag_beyond_twice_the_delay():
    job = success_map.Job(50, "chrono", None, None, 0)
    i, f, *_ = success_map.start_weights(np.random.default_rng(0), job).cell.b
    np.testing.assert_array_equal(i, -f)
    assert np.ptp(f) > 0
    assert f.max() <= np.log(99)


@pytest.mark.parametrize(("start", "orthogonal"), [("orthogonal", True), ("bias", False)])
def test_recurrent_weights_are_orthogonal_in_that_start_only(start, orthogonal):
    job = success_map.Job(10, start, 1.0, 0.0, 0)
    for W in success_map.start_weights(np.random.default_rng(0), job).cell.W:
        off = np.abs(W[:, :H] @ W[:, :H].T - np.eye(H)).max()
        assert (off < 1e-5) == orthogonal


def test_the_recorded_file_holds_every_run_of_the_map():
    rows = recorded.rows("success_map")
    found = {success_map.Job(*(row[name] for name in success_map.Job._fields)) for row in rows}
    assert found == set(success_map.jobs())
    assert len(rows) == len(found)


def test_an_easy_cell_is_solved_before_the_budget_is_spent():
    job = success_map.Job(10, "bias", 6.0, 0.0, 1)
    row = success_map.train(job)
    assert row["to_95"] == row["batches"] - success_map.EVERY
    assert row["batches"] < success_map.BATCHES
