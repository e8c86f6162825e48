"""JupyterLite shows the chapters free of PyTorch, starts from the site's own files, and asks no other host.

The last part needs what `make lite` installs, takes minutes, and runs where LSTM_LITE_TEST=1. Pyodide's own wheels are
in no package registry; there the plain ones among them come from PyPI, in the same versions, and NumPy and matplotlib
are missing: the kernel starts, widgets and exercises work, and what needs arrays (our explorables too) is not tested.
"""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, served
from playwright.sync_api import Browser, Locator, Page, expect
from test_launch_buttons import build

sys.path.insert(0, str(ROOT / "website" / "build"))
import launch

from tools import lite, wasm_wheels

needs_modules = pytest.mark.skipif(not wasm_wheels.PYODIDE.is_dir(), reason="run `make setup` first: no node_modules")


@pytest.mark.parametrize("name", lite.CHAPTERS)
def test_its_chapters_import_nothing_that_the_browser_has_not(name: str) -> None:
    notebook = lite.chapter(ROOT / name)
    assert notebook["metadata"]["kernelspec"]["name"] == "python"
    imported = set()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and "setup" not in cell["metadata"].get("tags", []):
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    assert {one for one in imported if "." not in one} <= {"numpy", "matplotlib", "math", "itertools"}
    courses = {one.partition(".")[0] for one in imported if "." in one}
    assert courses <= {"lstm_lib", "math", "itertools", "collections", "functools"}
    assert not {"lstm_lib.convert", "lstm_lib.nn", "lstm_lib.training", "lstm_lib.train"} & imported
    text = json.dumps(notebook)
    assert "course.zip" not in text
    assert "%pip install --quiet lstm_lib" in text


def test_the_library_is_a_wheel_without_the_trained_networks(tmp_path: Path) -> None:
    file = lite.library(tmp_path)
    with zipfile.ZipFile(file) as wheel:
        names = wheel.namelist()
        metadata = wheel.read("lstm_lib-0.1.0.dist-info/METADATA").decode()
    assert {"lstm_lib/__init__.py", "lstm_lib/widgets/parts.js", "lstm_lib/exercises/_page.py"} <= set(names)
    assert not [name for name in names if name.endswith((".safetensors", ".pyc"))]
    assert "Requires-Dist: numpy\n" in metadata


@needs_modules
def test_a_wheel_that_the_lock_file_does_not_know_is_not_served(tmp_path: Path) -> None:
    wheel = wasm_wheels.locked()["micropip"]
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / wheel.file).write_bytes(b"something else")
    with pytest.raises(ValueError, match=f"{wheel.file}: got sha256"):
        lite.stage(tmp_path / "source", tmp_path / "wheels", ["micropip"])


# ---------------------------------------------------------------- the button


def test_a_button_leads_to_the_notebooks_that_were_built_and_to_no_other(tmp_path: Path) -> None:
    (tmp_path / "files" / "chapters").mkdir(parents=True)
    (tmp_path / "files" / "chapters" / "a.ipynb").write_text("{}", encoding="utf-8")
    (button,) = launch.in_the_browser("chapters/a.ipynb", str(tmp_path), "../lite/notebooks/index.html")
    assert button["url"] == "../lite/notebooks/index.html?path=chapters/a.ipynb"
    assert launch.in_the_browser("chapters/b.ipynb", str(tmp_path), "") == []
    assert launch.in_the_browser("intro.md", str(tmp_path), "") == []
    assert launch.in_the_browser("chapters/a.ipynb", "", "") == []


@needs_modules
def test_the_button_is_on_the_page_and_what_it_opens_is_on_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = tmp_path / "lite"
    for name in ("jupyter-lite.json", "files/notebook.ipynb", "notebooks/index.html"):
        (built / name).parent.mkdir(parents=True, exist_ok=True)
        (built / name).write_text("{}", encoding="utf-8")
    (tmp_path / "with").mkdir()
    monkeypatch.setenv(launch.LITE, str(built))
    pages = build(tmp_path / "with", "")
    soup = BeautifulSoup((pages / "notebook.html").read_text(encoding="utf-8"), "html.parser")
    (link,) = [link for link in soup.select(".article-header-buttons a") if "lite/" in link["href"]]
    assert link.get_text(strip=True) == "JupyterLite"
    assert (pages / link["href"].partition("?")[0]).read_text(encoding="utf-8") == "{}"  # unchanged by the book
    assert "lite/" not in (pages / "intro.html").read_text(encoding="utf-8")

    monkeypatch.delenv(launch.LITE)
    (tmp_path / "without").mkdir()
    pages = build(tmp_path / "without", "")
    assert "lite/" not in (pages / "notebook.html").read_text(encoding="utf-8").lower()
    assert not (pages / "lite").exists()


# ---------------------------------------------------------------- in a browser

PYTHON = ROOT / ".venv-lite" / "bin" / "python"
PLAIN = ["micropip", "ipython", "jedi", "typing-extensions"]
CELLS = [
    "import sys\nsys.version_info[:2]",
    "%pip install --quiet anywidget psygnal ipywidgets comm typing-extensions",
    "import anywidget\n\n\nclass Hello(anywidget.AnyWidget):\n"
    "    _esm = \"export default { render({ el }) { el.textContent = 'a widget' } }\"\n\n\nHello()",
    "import piplite\nawait piplite.install('lstm_lib', deps=False)\n"
    "from lstm_lib.exercises import check\ncheck('half-life', 13.513)",
    "import numpy",
]


def plain_wheels(folder: Path) -> Path:
    """Take Pyodide's plain packages from PyPI; return a copy of npm's Pyodide whose lock file names these files."""
    needed = wasm_wheels.needed(PLAIN, wasm_wheels.locked())
    names = [f"{wheel.name}=={wheel.file.split('-')[1]}" for wheel in needed]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--platform=any", "--python-version=3.14", "--dest", folder / "wheels", *names]
    subprocess.run(command, check=True, timeout=300)
    shutil.copytree(wasm_wheels.PYODIDE, folder / "pyodide")
    lock = folder / "pyodide" / "pyodide-lock.json"
    known = json.loads(lock.read_text(encoding="utf-8"))
    for file in (folder / "wheels").iterdir():
        for package in known["packages"].values():
            if package["file_name"].lower() == file.name.lower():
                package |= {"file_name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    lock.write_text(json.dumps(known), encoding="utf-8")
    return folder / "pyodide"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build JupyterLite as far as it can be built from the package registries, and a notebook for what it can run."""
    if os.environ.get("LSTM_LITE_TEST") != "1":
        pytest.skip("takes minutes: set LSTM_LITE_TEST=1, after `make lite` or its first line")
    folder = tmp_path_factory.mktemp("lite")
    script = (
        "import sys; from pathlib import Path; from tools import lite\n"
        "source, target, wheels, pyodide = map(Path, sys.argv[1:5])\n"
        "lite.CHAPTERS.append('chapters/tried.ipynb')\n"
        "read = lite.chapter\n"
        "lite.chapter = lambda path: read(path) if path.is_file() else __import__('json').loads(sys.argv[5])\n"
        "lite.stage(source, wheels, sys.argv[6:], pyodide); lite.build(source, target)"
    )
    cells = [
        {"cell_type": "code", "id": f"c{n}", "source": text, "metadata": {}, "outputs": [], "execution_count": None}
        for n, text in enumerate(CELLS)
    ]
    notebook = {"metadata": {"kernelspec": lite.KERNEL}, "nbformat": 4, "nbformat_minor": 5, "cells": cells}
    pyodide = plain_wheels(folder)
    (folder / "source").mkdir()
    where = [folder / "source", folder / "site" / "lite", folder / "wheels", pyodide]
    done = subprocess.run([PYTHON, "-c", script, *where, json.dumps(notebook), *PLAIN], cwd=ROOT, timeout=600)
    assert done.returncode == 0
    (folder / "site" / "index.html").write_text("<!doctype html><title>A site</title>", encoding="utf-8")
    return folder / "site"


@pytest.fixture(scope="module")
def tried(site: Path, browser: Browser) -> Iterator[Page]:
    """Open the notebook, under a sub-path."""
    with served(folder=site) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.asked = []  # type: ignore[attr-defined]
        page.context.on("request", lambda request: page.asked.append(request.url))  # type: ignore[attr-defined]
        page.address = address  # type: ignore[attr-defined]
        page.goto(f"{address}/some/where/lite/notebooks/index.html?path=chapters/tried.ipynb")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
        page.locator(".jp-Notebook .jp-Cell").first.click()
        for _ in CELLS:
            page.keyboard.press("Shift+Enter")
        yield page
        page.close()


def output(page: Page, n: int) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(n).locator(".jp-OutputArea-output")


def test_the_kernel_starts_from_our_own_files(tried: Page) -> None:
    expect(output(tried, 0)).to_have_text("(3, 14)", timeout=240_000)


def test_widgets_and_exercises_work_there(tried: Page) -> None:
    expect(output(tried, 2)).to_have_text("a widget", timeout=240_000)
    expect(output(tried, 3)).to_contain_text("Solved", timeout=240_000)


def test_what_is_missing_is_asked_of_this_site_and_of_nobody_else(tried: Page) -> None:
    expect(output(tried, 4)).to_contain_text("ModuleNotFoundError", timeout=240_000)
    asked = tried.asked  # type: ignore[attr-defined]
    assert [url for url in asked if not url.startswith((tried.address, "blob:", "data:"))] == []  # type: ignore[attr-defined]
    assert any(url.endswith("pyodide.asm.wasm") and "/lite/static/pyodide/" in url for url in asked)


def test_the_front_page_lists_the_chapters(tried: Page, site: Path) -> None:
    listed = json.loads((site / "lite" / "api" / "contents" / "chapters" / "all.json").read_text(encoding="utf-8"))
    names = {f"chapters/{one['name']}" for one in listed["content"]}
    assert names == {*lite.CHAPTERS, "chapters/tried.ipynb"}
    tried.goto(f"{tried.address}/some/where/lite/")  # type: ignore[attr-defined]
    expect(tried.get_by_text("chapters", exact=True).first).to_be_visible(timeout=120_000)
