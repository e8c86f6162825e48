"""The whole course as one file, from any copy of the site."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, SITE, missing

sys.path.insert(0, str(ROOT / "website" / "build"))
import archive


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the archive and unpack it somewhere else."""
    folder = tmp_path_factory.mktemp("taken")
    archive.write(folder / "course.zip")
    with zipfile.ZipFile(folder / "course.zip") as course:
        course.extractall(folder)
    return folder / archive.FOLDER


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        archive.write(tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_it_holds_the_course_and_nothing_that_was_built_or_installed(unpacked: Path) -> None:
    files = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    needed = {"README.md", "Makefile", "LICENSE", "requirements.txt", "package-lock.json", ".npmrc", ".ci/run"}
    assert needed <= files
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "chapters").glob("*.ipynb")} <= files
    assert [name for name in files if re.search(r"node_modules|_build/|\.venv|__pycache__|\.git/", name)] == []


def test_a_copy_can_make_the_same_archive_without_git(unpacked: Path) -> None:
    script = "import archive; print(*map(str, archive.course_files()), sep='\\n')"
    build = unpacked / "website" / "build"
    done = subprocess.run([sys.executable, "-c", script], cwd=build, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(name) for name in archive.course_files()]


def test_pip_installs_the_library_from_it(tmp_path: Path) -> None:
    archive.write(tmp_path / "course.zip")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(tmp_path / "installed")]
    pip = [sys.executable, "-m", "pip", "install", *options, str(tmp_path / "course.zip")]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    script = "import lstm_lib.nn, lstm_lib.widgets, lstm_lib; print(lstm_lib.__file__)"
    environment = {"PYTHONPATH": str(tmp_path / "installed"), "PATH": "/usr/bin:/bin"}
    python = [sys.executable, "-c", script]
    found = subprocess.run(python, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.stdout.startswith(str(tmp_path / "installed")), found.stderr
    assert len(list((tmp_path / "installed" / "lstm_lib").rglob("*.safetensors"))) >= 4
    assert list((tmp_path / "installed" / "lstm_lib").rglob("*.cpp"))


def test_the_site_serves_it_and_says_how_large_it_is() -> None:
    if not (SITE / "course.zip").is_file():
        missing("there is no website to test: run `make book` first")
    page = (SITE / "run_it.html").read_text(encoding="utf-8")
    said = float(re.search(r"about (\d+) MB", page)[1])
    assert abs((SITE / "course.zip").stat().st_size / 1e6 - said) < 1
