"""The tests of the NumPy core catch every bug of the list in ``planted_bugs``, and the list keeps up with the code."""

import subprocess
import sys

import planted_bugs
import pytest


def test_every_planted_bug_is_caught() -> None:
    assert len(planted_bugs.BUGS) >= 15
    done = subprocess.run([sys.executable, planted_bugs.__file__], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"{len(planted_bugs.BUGS)} of {len(planted_bugs.BUGS)} planted bugs caught\n")


def test_a_bug_without_its_place_is_an_error() -> None:
    bug = planted_bugs.BUGS[0]
    with pytest.raises(LookupError, match="no longer contains 'a piece that is not there'"):
        planted_bugs.plant(bug._replace(old="a piece that is not there"), f"def {bug.function}(x):\n    {bug.old}x\n")
    with pytest.raises(LookupError, match=r"cells\.py has no function removed"):
        planted_bugs.plant(bug._replace(function="removed"), "")


def test_a_planted_bug_changes_one_place_of_its_function_only() -> None:
    bug = planted_bugs.Bug("", "m", "f", "a", "b")
    assert planted_bugs.plant(bug, "a\n\n\ndef f(x):\n    a, a\n\n\ndef g(x):\n    a") == (
        "a\n\n\ndef f(x):\n    b, a\n\n\ndef g(x):\n    a"
    )
