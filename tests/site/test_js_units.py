"""The scripts of the site by themselves, under node: each ``*.test.mjs`` beside this file, run with ``node --test``."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", sorted(file.name for file in HERE.glob("*.test.mjs")))
def test_a_script_does_what_its_unit_tests_say(name: str) -> None:
    command = [Path(sys.executable).parent / "node", "--test", "--test-reporter=spec", str(HERE / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ℹ tests 0" not in done.stdout
