"""Several processes train as one does, go on exactly, exchange gradients once an update, and stop together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict:
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork, and the processes are forks")
    if torch.__version__.startswith("2.6."):
        pytest.skip("with torch 2.6 processes that are forks wait for each other; those of torchrun do not")
    command = [sys.executable, "-W", "error", HERE / "as_a_team.py", tmp_path_factory.mktemp("team")]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_three_processes_that_stopped_and_went_on_end_with_the_same_bits(seen: dict) -> None:
    assert seen["three"] == {"same": True, "processes": 3}


def test_accumulated_gradients_are_those_of_one_process_and_travel_once_an_update(seen: dict) -> None:
    # 12 batches in groups of 3, each in 3 windows; all parameters of this network fit into one bucket.
    for process in seen["accumulated"]:
        assert process["travels"] == 4 * 3
        for name, value in seen["alone"].items():
            np.testing.assert_allclose(process["model"][name], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_all_save_when_one_is_told_to_stop_and_go_on_exactly(seen: dict) -> None:
    assert seen["told"] == {"batches": 8, "same": True}


def test_process_0_decides_for_all_when_to_stop(seen: dict) -> None:
    assert seen["doubtful"] == [{"batches": 6, "stopped": "goal"}] * 2
