"""Killed at any moment, the last checkpoint loads, and going on gives the weights of never having been killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

HERE = Path(__file__).parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork, and the children are forks")
def test_after_20_kills_at_random_moments_the_weights_are_those_of_an_undisturbed_run(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", HERE / "kill_and_go_on.py", tmp_path / "run"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert len(seen["done"]) == 20
    assert seen["done"] == sorted(seen["done"]), "a kill lost batches that had been saved"
    assert 10 < seen["done"][-1] < 500, "the children were killed too early or too late to prove anything"
    assert seen["same"]
