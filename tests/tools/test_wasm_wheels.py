"""Wheels for the browser are those that Pyodide's lock file names, or they are refused by name."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from tools import wasm_wheels

BYTES = {"numpy-2.0-cp314-wasm32.whl": b"arrays", "mat_plot-1.0-py3-none-any.whl": b"figures"}


@pytest.fixture
def pyodide(tmp_path: Path) -> Path:
    """Write a Pyodide's lock file of two packages, and their files beside it in a folder of their own."""
    (tmp_path / "pyodide").mkdir()
    (tmp_path / "there").mkdir()
    depends = {"numpy": [], "mat-plot": ["NumPy"]}
    packages = {}
    for (name, needs), (file, content) in zip(depends.items(), BYTES.items(), strict=True):
        (tmp_path / "there" / file).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        packages[name] = {"name": name, "file_name": file, "sha256": sha256, "depends": needs}
    (tmp_path / "pyodide" / "pyodide-lock.json").write_text(json.dumps({"packages": packages}), encoding="utf-8")
    return tmp_path / "pyodide"


def address(pyodide: Path) -> str:
    return (pyodide.parent / "there").as_uri() + "/"


def test_what_a_package_depends_on_comes_too_under_whatever_spelling(pyodide: Path) -> None:
    needed = wasm_wheels.needed(["Mat_Plot"], wasm_wheels.locked(pyodide))
    assert [wheel.name for wheel in needed] == ["mat-plot", "numpy"]
    with pytest.raises(ValueError, match="got 'torch', expected a package of Pyodide's lock file"):
        wasm_wheels.needed(["torch"], wasm_wheels.locked(pyodide))


def test_a_wheel_is_fetched_once_and_found_by_the_build(pyodide: Path, tmp_path: Path) -> None:
    wheel = wasm_wheels.locked(pyodide)["numpy"]
    file = wasm_wheels.fetch(wheel, address(pyodide), tmp_path / "wheels")
    assert file.read_bytes() == b"arrays"
    assert wasm_wheels.fetch(wheel, "file:///nowhere/", tmp_path / "wheels") == file
    environment = {wasm_wheels.VARIABLE: str(tmp_path / "wheels")}
    assert wasm_wheels.found("numpy", environment, pyodide) == file
    assert wasm_wheels.found("numpy", {}, pyodide) is None


def test_another_file_under_the_name_of_a_wheel_is_refused_and_not_kept(pyodide: Path, tmp_path: Path) -> None:
    wheel = wasm_wheels.locked(pyodide)["numpy"]
    (pyodide.parent / "there" / wheel.file).write_bytes(b"something else")
    with pytest.raises(ValueError, match=rf"{wheel.file}.part: got sha256 \w+, expected {wheel.sha256}"):
        wasm_wheels.fetch(wheel, address(pyodide), tmp_path / "wheels")
    assert list((tmp_path / "wheels").iterdir()) == []

    (tmp_path / "wheels" / wheel.file).write_bytes(b"something else")
    environment = {wasm_wheels.VARIABLE: str(tmp_path / "wheels")}
    with pytest.raises(ValueError, match=rf"{wheel.file}: got sha256 \w+, expected {wheel.sha256}"):
        wasm_wheels.found("numpy", environment, pyodide)
    with pytest.raises(ValueError, match=f"{wheel.file}: got sha256"):
        wasm_wheels.fetch(wheel, address(pyodide), tmp_path / "wheels")


def test_a_folder_that_lacks_the_wheel_is_refused(pyodide: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a folder with numpy-2.0-cp314-wasm32.whl"):
        wasm_wheels.found("numpy", {wasm_wheels.VARIABLE: str(tmp_path)}, pyodide)


def test_the_pinned_pyodide_has_a_numpy_for_its_own_python() -> None:
    if not wasm_wheels.PYODIDE.is_dir():
        pytest.skip("run `make setup` first: no node_modules")
    lock = json.loads((wasm_wheels.PYODIDE / "pyodide-lock.json").read_text(encoding="utf-8"))
    abi = lock["info"]["abi_version"]
    assert f"emscripten_{abi}_wasm32" in wasm_wheels.locked()["numpy"].file
    assert wasm_wheels.version() in wasm_wheels.ADDRESS.format(version=wasm_wheels.version())


def test_the_command_says_what_it_does_not_know() -> None:
    if not wasm_wheels.PYODIDE.is_dir():
        pytest.skip("run `make setup` first: no node_modules")
    command = [sys.executable, "-m", "tools.wasm_wheels", "unused", "torch"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "got 'torch'" in done.stderr
