"""The page of six frameworks says what its record says, where it runs and where it cannot."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from benchmarks import frameworks
from lstm_lib import notation, recorded
from tools import needs, notebooks

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = nbformat.read(frameworks.PAGE, as_version=4)
RECORD = recorded.load("frameworks")
ROWS = {row["framework"]: row for row in RECORD["rows"]}
SIX = ["NumPy", "PyTorch", "Keras", "Flax", "PyTensor", "ONNX Runtime"]


def outputs() -> list[str]:
    """List what the cells have stored, as text."""
    found = []
    for cell in PAGE.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            found.append(output.get("text") or data.get("text/markdown") or data.get("text/plain", ""))
    return found


def losses(name: str) -> list[float]:
    """Return the ten recorded losses of a framework."""
    return [ROWS[name][f"loss {n}"] for n in range(1, 11)]


@pytest.mark.parametrize("name", SIX[1:])
def test_a_framework_is_as_near_in_the_record_as_the_page_says(name: str) -> None:
    row = ROWS[name]
    assert row["scores"] < 1e-6
    assert row["gradients"] is None if name == "ONNX Runtime" else row["gradients"] < 1e-6
    count = "1 array\n" if name == "ONNX Runtime" else "5 arrays\n"
    assert f"{name}: the same to 1e-6, in {count}" in outputs()


def test_the_table_of_losses_is_that_of_the_record() -> None:
    (table,) = (text for text in outputs() if text.startswith("NumPy    "))
    stored = {name: shown for name, *shown in (line.split() for line in table.splitlines())}
    assert list(stored) == SIX[:5]
    for name, shown in stored.items():
        assert [float(loss) for loss in shown] == pytest.approx(losses(name), abs=6e-4)
        assert losses(name) == pytest.approx(losses("NumPy"), abs=1e-5)


def test_two_biases_are_as_far_away_in_the_record_as_on_the_page() -> None:
    far = [abs(one - other) for one, other in zip(losses("PyTorch, both biases"), losses("NumPy"), strict=True)]
    assert f"away from NumPy: {far[0]:.6f} at first, {far[-1]:.3f} at last\n" in outputs()
    assert far[0] < 1e-6 < 1e-3 < far[-1]


def test_the_table_of_orders_is_that_of_notation() -> None:
    (table,) = (text for text in outputs() if text.startswith("| where |"))
    stored = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    arrays = {name: f"{f.input}; {f.state}; {f.biases}" for name, f in notation.FRAMEWORKS.items()}
    assert [[name, f.letters, arrays[name], f.forget] for name, f in notation.FRAMEWORKS.items()] == stored


@pytest.mark.parametrize("name", notation.FRAMEWORKS)
def test_a_framework_has_four_blocks_each_once(name: str) -> None:
    assert sorted(notation.GATE_ORDERS[name]) == sorted(notation.GATE_ORDER)
    assert len(re.findall(r"\w+", notation.FRAMEWORKS[name].letters)) in (4, 5)  # cuDNN has a word before its numbers


def test_the_record_was_made_with_the_pinned_versions() -> None:
    pins = "".join((ROOT / f"requirements{end}.txt").read_text(encoding="utf-8") for end in ("", "-frameworks"))
    for package in frameworks.PACKAGES:
        assert f"\n{package}=={RECORD['versions'][package].partition('+')[0]}" in pins


def test_a_notebook_that_cannot_run_here_is_named_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "requirements-odd.txt").write_text("numpy==2.0\nno-such-package==1.0\n", encoding="utf-8")
    notebook = tmp_path / "odd.ipynb"
    text = json.dumps(
        {"cells": [], "metadata": {"requirements": "requirements-odd.txt"}, "nbformat": 4, "nbformat_minor": 5}
    )
    notebook.write_text(text, encoding="utf-8")
    assert needs.lacking(notebook, root=tmp_path).startswith(
        "no-such-package not installed: pip install -r requirements-odd"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(needs, "lacking", lambda path: "no-such-package not installed")
        notebooks.execute([notebook])
    assert capsys.readouterr().out == f"{notebook}: left as it is stored, for no-such-package not installed\n"
    assert notebook.read_text(encoding="utf-8") == text


def test_only_one_notebook_needs_more_than_the_others() -> None:
    odd = [path.stem for path in sorted((ROOT / "chapters").glob("*.ipynb")) if needs.requirements(path)]
    assert odd == ["frameworks"]
