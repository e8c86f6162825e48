"""Each notebook, from an empty folder and with lstm_lib installed, prints what is stored, within time and memory.

nbval (strict) runs it there once, so that no chapter has to run twice, from the checkout and from elsewhere.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import ROOT, notebooks

from tools import colab, figures, hosting, needs, setup_cell

sys.path.insert(0, str(ROOT / "website" / "build"))
import archive

SECONDS, MEGABYTES = 60, 2000  # what a reader on Binder has: seconds of the processor, so that a busy machine may pass
HANG = 1800  # seconds that no command needs: the longest took 240 on a machine that was very busy


def call(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command and return what it prints; say what it printed where it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def check(notebook: Path, *, python: str | Path = sys.executable, **env: str) -> dict[str, float]:
    """Run a notebook in its own folder, where the checkout is not to be seen, and return what it took."""
    # The tools come from the checkout, but the kernel starts elsewhere and sees what PYTHONPATH adds.
    printed = call(python, "-m", "tools.notebooks", "check", notebook, cwd=ROOT, env={**os.environ, **env})
    return json.loads(printed.splitlines()[-1])


def write(notebook: Path, *sources: str) -> Path:
    """Write a notebook of code cells."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    return notebook


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a git repository of the package as it is in the working tree."""
    return Path(colab.pack(tmp_path_factory.mktemp("source") / "course").url.removeprefix("file://"))


@pytest.fixture(scope="session")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install lstm_lib from a git address into a folder of its own."""
    target = tmp_path_factory.mktemp("installed")
    # --no-build-isolation: setuptools is in the environment, and the test needs no network.
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")
    call(*pip, "--target", target, f"git+file://{repository}", cwd=repository)
    return target


def test_the_installed_package_is_complete(installed: Path) -> None:
    kinds = {".py", ".js", ".css", ".json", ".safetensors", ".typed"}
    there = {path.relative_to(installed) for path in installed.glob("lstm_lib/**/*") if path.suffix in kinds}
    here = {path.relative_to(ROOT) for path in ROOT.glob("lstm_lib/**/*") if path.suffix in kinds}
    assert there == here


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_notebook_prints_what_is_stored_from_an_empty_folder(path: Path, installed: Path, tmp_path: Path) -> None:
    lacks = needs.lacking(path)
    if lacks is not None:
        pytest.skip(lacks)  # what it has stored is held to the record: tests/benchmarks/test_frameworks.py
    shutil.copy(path, tmp_path)
    measured = check(tmp_path / path.name, PYTHONPATH=str(installed), **watched(tmp_path))
    assert measured["processor_seconds"] < SECONDS
    assert measured["megabytes"] < MEGABYTES
    assert [row for row in map(too_small, drawn(tmp_path)) if row] == []  # of the text of its figures, on a telephone


def watched(folder: Path) -> dict[str, str]:
    """Return an environment in which kernels write down what text figures hold."""
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "watch.py").write_text(f"__import__('runpy').run_path({figures.__file__!r})", encoding="utf-8")
    return {"IPYTHONDIR": str(folder / "ipython"), "LSTM_FIGURES": str(folder / "figures.jsonl")}


def drawn(folder: Path) -> list[dict[str, Any]]:
    """Return what watched kernels wrote down."""
    written = folder / "figures.jsonl"
    return [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()] if written.is_file() else []


def too_small(row: dict[str, Any]) -> dict[str, float]:
    """Return the text of a figure that is too small on a telephone."""
    return figures.illegible(row["sizes"], row["dpi"], row["width"])


def test_text_that_a_telephone_cannot_show_is_noticed(tmp_path: Path) -> None:
    start = "_, ax = plt.subplots(figsize=(4.6, 3), layout='constrained')\n"
    expected = {
        "ax.set_xlabel('step t', fontsize=8)": {"step t"},
        "ax.set_title('a state', fontsize='x-small')": {"a state"},
        "ax.set_yscale('log')": {"$\\mathdefault{10^{0}}$"},
        "ax.figure.set_size_inches(7, 3)": {"0.0", "1.0"},
        "ax.set_xlabel('$b_f$')": set(),
    }
    names = "import matplotlib.pyplot as plt\nassert not {'record', 'sizes', 'illegible', 're'} & set(globals())"
    check(write(tmp_path / "a.ipynb", names, *(f"{start}{line};" for line in expected)), **watched(tmp_path))
    for row, small in zip(drawn(tmp_path), expected.values(), strict=True):
        assert set(too_small(row)) >= small
        assert bool(too_small(row)) == bool(small)


def test_a_notebook_is_charged_for_what_it_calculates_and_not_for_what_it_waits(tmp_path: Path) -> None:
    waits = write(tmp_path / "waits.ipynb", "import time\ntime.sleep(10)", "bytearray(400_000_000)[::4096];")
    works = write(
        tmp_path / "works.ipynb",
        "import time\nwhile time.process_time() < 2:\n    pass",
        "import subprocess, sys\nchild = 'import time\\nwhile time.process_time() < 2: pass'\n"
        "subprocess.run([sys.executable, '-c', child]);",
    )
    waiting, working = check(waits), check(works)
    assert working["processor_seconds"] > (3.9 if sys.platform == "linux" else 1.9)  # psutil sees children on Linux
    assert waiting["processor_seconds"] < 6  # the kernel alone took 0.5, and 2.1 on a busy machine
    assert waiting["megabytes"] > 400


def test_a_notebook_that_prints_something_else_than_it_stores_is_refused(tmp_path: Path) -> None:
    output = nbformat.v4.new_output("stream", name="stdout", text="2\n")
    cell = nbformat.v4.new_code_cell("print(1)", outputs=[output], execution_count=1)
    notebook = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), notebook)
    with pytest.raises(AssertionError, match="1 failed"):
        check(notebook)


def test_without_an_installation_the_set_up_cell_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="lstm_lib is missing: take course.zip from the course's website"):
        check(write(tmp_path / "a.ipynb", setup_cell.source(None)))


@pytest.mark.parametrize("source", ["git", "zip"])
def test_in_colab_a_notebook_installs_the_library_and_replaces_nothing(
    source: str, repository: Path, tmp_path: Path
) -> None:
    # An environment of its own that sees the packages of this one, so that nothing but lstm_lib is installed.
    call(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env", cwd=tmp_path)
    packages = next((tmp_path / "env").glob("lib/python*/site-packages"))
    (packages / "outer.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    colab.dress(packages)
    folder = tmp_path / "empty"
    folder.mkdir()
    notebook = Path(shutil.copy(ROOT / "chapters" / "06_use_gate.ipynb", folder))
    if source == "git":
        setup_cell.stamp(notebook, hosting.Host(f"file://{repository}", "main"))
    else:
        setup_cell.stamp(notebook, None)
        archive.write(folder / "course.zip")
    document = nbformat.read(notebook, as_version=4)
    setup_cell.find(document)["metadata"]["tags"].append("nbval-ignore-output")  # pip has something to say
    nbformat.write(document, notebook)
    # PIP_NO_BUILD_ISOLATION=0 is pip's odd way to say --no-build-isolation: no network is needed.
    check(notebook, python=tmp_path / "env" / "bin" / "python", PIP_NO_BUILD_ISOLATION="0")
    assert [info.name.partition("-")[0] for info in packages.glob("*.dist-info")] == ["lstm_lib"]
