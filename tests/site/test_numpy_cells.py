"""NumPy cells of chapters 1 to 7 come to life where the build finds NumPy for the browser, and nowhere else.

No wheel of NumPy for the browser is in the package registries. So the browser's part is tested with a stand-in, a small
package of that name; what the cells themselves print is tested with NumPy, where no other package can be imported.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from conftest import ROOT, notebooks, served
from playwright.sync_api import Browser, Page, expect
from test_live import panel, press, write

sys.path.insert(0, str(ROOT / "website" / "build"))
import live
import numpy_cells

from tools import wasm_wheels

CHAPTERS = [path for path in notebooks() if live.CHAPTERS.search(path.as_posix())]
PLANS = {path.stem: numpy_cells.plan(path) for path in CHAPTERS}

# Run as a child, from the files that the page is given; NumPy is all that can be imported besides.
CHILD = """
import json, sys, time
folder, others = sys.argv[1], sys.argv[2:]
sys.path.insert(0, folder)
sys.modules.update(dict.fromkeys(others))
from lstm_lib.exercises import _page
_page.supply_numpy()
replies = []
for source, above in json.load(sys.stdin):
    start = time.process_time()
    replies.append(_page.run_after(above, source) | {"seconds": time.process_time() - start})
print(json.dumps(replies))
"""
OTHERS = ["matplotlib", "torch", "anywidget", "ipywidgets", "IPython", "scipy", "PIL", "yaml"]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack what a page's Python is given."""
    folder = tmp_path_factory.mktemp("given")
    for archive in (live.archive(), live.archive(live.NUMPY)):
        zipfile.ZipFile(BytesIO(archive)).extractall(folder)
    return folder


def run(given: Path, cells: list[tuple[str, list[str]]]) -> list[dict[str, Any]]:
    command = [sys.executable, "-c", CHILD, str(given), *OTHERS]
    asked = json.dumps(cells)
    done = subprocess.run(command, cwd=given, input=asked, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def above(cell: dict[str, Any], changed: dict[str, str] | None = None) -> list[str]:
    return [one.get("code") or (changed or {}).get(one["live"], one["live"]) for one in cell["above"]]


def stored(name: str) -> dict[str, str]:
    """Return what the notebook has below each cell, without line breaks."""
    cells = json.loads((ROOT / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    texts = {}
    for cell in cells:
        said = ""
        for output in cell.get("outputs", []):
            said += "".join(output.get("text", "")) + "".join(output.get("data", {}).get("text/plain", ""))
        texts["".join(cell["source"])] = " ".join(said.split())
    return texts


def test_each_of_the_first_seven_chapters_has_cells_for_numpy() -> None:
    assert [name[:2] for name in PLANS] == ["01", "02", "03", "04", "05", "06", "07"]
    assert all(PLANS.values()), {name: len(cells) for name, cells in PLANS.items()}
    for cells in PLANS.values():
        assert len({cell["source"] for cell in cells}) == len(cells)  # a page tells them apart by their text


@pytest.mark.parametrize("name", PLANS)
def test_numpy_cells_print_in_the_page_what_the_notebook_prints(name: str, given: Path) -> None:
    replies = run(given, [(cell["source"], above(cell)) for cell in PLANS[name]])
    texts = stored(name)
    for cell, reply in zip(PLANS[name], replies, strict=True):
        assert reply["error"] is None, (cell["source"], reply["error"])
        assert " ".join((reply["printed"] + reply["value"]).split()) == texts[cell["source"]], cell["source"]
        assert reply["seconds"] < 1.0, cell["source"]  # a browser takes several times as long


def test_a_cell_goes_on_from_the_cells_above_it_as_they_are_now(given: Path) -> None:
    cells = PLANS["03_remember_gate"]
    step = next(cell["source"] for cell in cells if "def memory_step" in cell["source"])
    walk = next(cell for cell in cells if "for x in [1.0, 0.0, 0.0]" in cell["source"])
    assert {"live": step} in walk["above"]
    changed = {step: step.replace("c = c + g", "c = 0.5 * c + g")}
    (as_it_was, halved) = run(given, [(walk["source"], above(walk)), (walk["source"], above(walk, changed))])
    assert "c 0.762" in as_it_was["printed"]
    assert "c 0.190" in halved["printed"]  # halved twice


def planned(tmp_path: Path, *sources: str, **tags: list[str]) -> list[str]:
    """Return the sources of a notebook that NumPy brings to life; tags: of cell a, b, c …"""
    cells = []
    for letter, source in zip("abcdef", sources, strict=False):
        cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags.get(letter, [])}))
        if "print" in source:
            cells[-1]["outputs"] = [nbformat.v4.new_output("stream", text="something")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
    return [cell["source"] for cell in numpy_cells.plan(tmp_path / "a.ipynb")]


def test_what_draws_trains_or_may_differ_stays_as_it_is_with_all_that_goes_on_from_it(tmp_path: Path) -> None:
    ones = "import numpy as np\nx = np.ones(3)"
    assert planned(tmp_path, ones, "print(x)") == [ones, "print(x)"]
    assert planned(tmp_path, "from lstm_lib import plots\nx = 1", "print(plots, x)", "print(x)") == ["print(x)"]
    assert planned(tmp_path, "from lstm_lib import experiment\nw = experiment.train(1)", "print(w)") == []
    assert planned(tmp_path, "x = 1", "print(x)", a=["nbval-ignore-output"]) == []
    assert planned(tmp_path, "%time print(1)", "print(2)", b=["hide-input"]) == []


def test_a_cell_that_would_show_nothing_stays_as_it_is_unless_another_goes_on_from_it(tmp_path: Path) -> None:
    assert planned(tmp_path, "x = 1", "y = 2", "print(y)") == ["y = 2", "print(y)"]


def test_a_draw_that_moves_the_generator_on_is_not_left_out(tmp_path: Path) -> None:
    begins = "from lstm_lib import plots\nimport numpy as np\nrng = np.random.default_rng(0)\na = rng.random()\nb = 1"
    assert planned(tmp_path, begins, "print(rng.random())") == ["print(rng.random())"]
    (cell,) = numpy_cells.plan(tmp_path / "a.ipynb")
    assert [one["code"] for one in cell["above"]] == [
        "import numpy as np",
        "rng = np.random.default_rng(0)",
        "a = rng.random()",
    ]


def test_a_site_without_the_wheel_has_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(wasm_wheels.VARIABLE, raising=False)
    assert live.add_numpy(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- in a browser, with a stand-in

STAND_IN = '''
"""Not NumPy: as much of it as one chapter's cells need."""

from lstm_lib.exercises._array import Array as ndarray
from lstm_lib.exercises._tools import tanh

__version__ = "stand-in"
array = asarray = ndarray.of


def zeros(shape):
    return ndarray([0.0] * (shape[0] * shape[1]), shape)


def concatenate(arrays, axis):
    return ndarray.of([sum((list(part) for part in row), []) for row in zip(*(each.tolist() for each in arrays))])
'''


def stand_in(file: Path) -> str:
    """Write a wheel named numpy; return its sha256."""
    about = f"{file.name.split('-')[0]}-{file.name.split('-')[1]}.dist-info"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("numpy/__init__.py", STAND_IN)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: numpy\nVersion: 0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def copy_of_the_course(folder: Path) -> None:
    """Make a course of a front page and chapter 3, whose Pyodide's lock file names the stand-in."""
    apart = {"website", "tools", "node_modules", "chapters", "_config.yml", "_toc.yml", "_build", "intro.md"}
    for path in ROOT.iterdir():
        if path.name not in apart and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    for name in ("website", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "chapters").mkdir()
    shutil.copy(ROOT / "chapters" / "03_remember_gate.ipynb", folder / "chapters")
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "intro.md").write_text("# A page\n", encoding="utf-8")
    toc = {"format": "jb-book", "root": "intro", "chapters": [{"file": "chapters/03_remember_gate"}]}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    (folder / "node_modules" / "pyodide").mkdir(parents=True)
    for path in (ROOT / "node_modules").iterdir():
        if path.name != "pyodide":
            (folder / "node_modules" / path.name).symlink_to(path)
    for path in wasm_wheels.PYODIDE.iterdir():
        (folder / "node_modules" / "pyodide" / path.name).symlink_to(path)


def built(folder: Path, wheels: Path | None) -> "subprocess.CompletedProcess[str]":
    """Build a course, with or without NumPy."""
    environment = {name: value for name, value in os.environ.items() if name != wasm_wheels.VARIABLE}
    if wheels:
        environment[wasm_wheels.VARIABLE] = str(wheels)
    program = Path(sys.executable).parent / "jupyter-book"
    command = [program, "build", folder, "--all", "--keep-going", "--quiet"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not wasm_wheels.PYODIDE.is_dir():
        pytest.skip("run `make setup` first: no node_modules")
    folder = tmp_path_factory.mktemp("course")
    copy_of_the_course(folder)
    return folder


@pytest.fixture(scope="module")
def chapter(course: Path, browser: Browser) -> Iterator[Page]:
    """Build chapter 3 with the stand-in, and open it."""
    (course / "wheels").mkdir()
    lock = course / "node_modules" / "pyodide" / "pyodide-lock.json"
    known = json.loads(lock.read_text(encoding="utf-8"))
    numpy = known["packages"]["numpy"]
    numpy["sha256"] = stand_in(course / "wheels" / numpy["file_name"])
    lock.unlink()
    lock.write_text(json.dumps(known), encoding="utf-8")
    done = built(course, course / "wheels")
    assert (course / "_build" / "html" / "chapters" / "03_remember_gate.html").is_file(), done.stdout + done.stderr
    with served(folder=course / "_build" / "html") as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/chapters/03_remember_gate.html")
        page.asked = asked  # type: ignore[attr-defined]
        page.address = address  # type: ignore[attr-defined]
        yield page
        page.close()


def cell_with(page: Page, text: str) -> Any:
    cell = page.locator(".live-cell").filter(has_text=text).first
    cell.scroll_into_view_if_needed()
    expect(cell.locator(".cm-content")).to_be_visible()
    return cell


def numpy_requests(page: Page) -> list[str]:
    return [url for url in page.asked if "numpy" in url]  # type: ignore[attr-defined]


def test_a_page_asks_for_numpy_only_when_a_cell_needs_it(chapter: Page) -> None:
    small = cell_with(chapter, "def one_step")
    assert "factor of one step: 1.407" in press(small, "Run")
    assert numpy_requests(chapter) == []
    walk = cell_with(chapter, "for x in [1.0, 0.0, 0.0]")
    assert press(walk, "Run").splitlines()[0] == "c 0.762   h 0.642"
    assert sorted(url.rpartition("/")[2] for url in numpy_requests(chapter)) == [
        wasm_wheels.locked()["numpy"].file,
        "numpy.zip",
    ]


def test_a_changed_numpy_cell_changes_the_one_below_it(chapter: Page) -> None:
    step = cell_with(chapter, "def memory_step")
    write(step, step.locator(".cm-content").inner_text().replace("c = c + g", "c = 0.5 * c + g"))
    assert "c 0.190" in press(cell_with(chapter, "for x in [1.0, 0.0, 0.0]"), "Run")


def test_an_exercise_may_be_answered_with_numpy(chapter: Page) -> None:
    one = panel(chapter, "remember-sum")
    write(one, "def remember(f, c_prev, i, g):\n    assert np.__version__ == 'stand-in'\n    return f * c_prev + i * g")
    assert "Solved" in press(one, "Check")


def test_no_other_host_is_asked_and_the_policy_is_as_strict(chapter: Page) -> None:
    assert [url for url in chapter.asked if not url.startswith((chapter.address, "blob:", "data:"))] == []
    rules = chapter.locator("meta[http-equiv='Content-Security-Policy']").get_attribute("content")
    assert "connect-src 'self' data: blob:;" in rules
    assert "unsafe-eval'" not in rules.replace("wasm-unsafe-eval'", "")


def test_a_numpy_that_is_another_file_is_refused_by_the_page_and_by_the_build(chapter: Page, course: Path) -> None:
    """The page compares with the lock file by itself: what lies on the site may have been exchanged later."""
    file = next((course / "_build" / "html" / "_static" / "course" / "live" / "pyodide").glob("numpy-*.whl"))
    right = file.read_bytes()
    file.write_bytes(right + b" ")
    chapter.reload()
    said = press(cell_with(chapter, "for x in [1.0, 0.0, 0.0]"), "Run")
    assert "Python did not start" in said
    assert "NumPy" in said
    file.write_bytes(right)
    assert "c 0.762" in press(cell_with(chapter, "for x in [1.0, 0.0, 0.0]"), "Run")  # the next press begins anew

    wheel = course / "wheels" / file.name
    wheel.write_bytes(right + b" ")
    done = built(course, course / "wheels")
    assert done.returncode != 0
    assert f"{file.name}: got sha256" in done.stdout + done.stderr


def test_a_page_built_without_numpy_is_the_same_but_for_what_it_is_told(chapter: Page, course: Path) -> None:
    site = course / "_build" / "html"
    page = site / "chapters" / "03_remember_gate.html"
    told = re.compile(r'<script type="application/json" id="live-numpy">.*?</script>')
    with_numpy, count = told.subn("", page.read_text(encoding="utf-8"))
    assert count == 1
    shutil.rmtree(site)
    done = built(course, None)
    assert done.returncode == 0, done.stdout + done.stderr
    assert page.read_text(encoding="utf-8") == with_numpy
    assert list((site / "_static" / "course" / "live").rglob("numpy*")) == []
