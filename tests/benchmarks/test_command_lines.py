"""A benchmark that is asked how it is used says so, and measures nothing."""

import runpy
import sys

import pytest
from conftest import ROOT

from benchmarks import _record
from lstm_lib import recorded

MEASURED = sorted(path.stem for path in recorded.FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", MEASURED)
def test_help_is_printed_and_nothing_is_measured(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_record, "write", None)  # one that measures all the same does not overwrite what is recorded
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    package = ROOT / "benchmarks" / name
    script = package / "__main__.py" if package.is_dir() else package.with_suffix(".py")
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(script), run_name="__main__")
    assert end.value.code == 0
    assert "usage:" in capsys.readouterr().out
