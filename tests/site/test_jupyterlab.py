"""In a real JupyterLab a chapter runs, its widgets answer, and nothing of the website's language or of an answer shows.

One chapter by default; `make lab` (LSTM_LAB=all) takes five.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, missing
from explorable_helpers import wait_until
from playwright.sync_api import Browser, Locator, Page

CHAPTERS = ("03", "01", "05", "08", "12") if os.environ.get("LSTM_LAB") == "all" else ("03",)
SETTINGS = {
    # All cells are there, wherever the page is scrolled to; and nothing asks other hosts for news.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
CONTROLS = "input:not(:disabled), button:not(:disabled), select:not(:disabled), [tabindex='0']"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab on a copy of the course, with settings of its own; its address ends without a slash."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("chapters", "lstm_lib"):
        shutil.copytree(ROOT / name, folder / "course" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, setting in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(setting), encoding="utf-8")
    places = {"CONFIG_DIR": "config", "DATA_DIR": "data", "RUNTIME_DIR": "run", "LAB_SETTINGS_DIR": "settings"}
    places = {f"JUPYTER{'' if key.startswith('LAB') else '_'}{key}": str(folder / at) for key, at in places.items()}
    places["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / "workspaces")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root"]
    command += ["--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True", "--ServerApp.log_level=ERROR"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | places
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(command, cwd=folder / "course", env=environment, stdout=log, stderr=log)
        try:
            yield address(server, folder / "run", folder / "log.txt")
        finally:
            server.terminate()
            server.wait(60)


def address(server: "subprocess.Popen[bytes]", runtime: Path, log: Path) -> str:
    """Wait until a server says where it is."""
    for _ in range(600):
        if server.poll() is not None:
            if "No module named jupyterlab" in log.read_text():
                missing("JupyterLab is not installed: run `make setup`")
            pytest.fail(log.read_text())
        for info in runtime.glob("jpserver-*.json"):
            if text := info.read_text(encoding="utf-8"):
                return str(json.loads(text)["url"]).rstrip("/")
        time.sleep(0.2)
    pytest.fail("JupyterLab did not start within two minutes")


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    return []


@pytest.fixture(scope="module", params=CHAPTERS)
def chapter(lab: str, browser: Browser, complaints: list[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a chapter."""
    name = next((ROOT / "chapters").glob(f"{request.param}_*.ipynb")).name
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints.clear()

    def complain(text: str) -> None:
        complaints.append(text)

    page.on("console", lambda message: complain(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complain(str(error)))
    page.on("request", lambda r: None if r.url.startswith((lab, "ws:", "blob:", "data:")) else complain(r.url))
    page.goto(f"{lab}/lab/tree/chapters/{name}?reset")
    page.locator(".jp-Notebook .jp-MarkdownCell h1").first.wait_for(timeout=120_000)
    wait_until(page, "() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'")
    yield page
    if shots := os.environ.get("LSTM_SHOTS"):  # a folder, to look at what a reader sees
        page.screenshot(path=f"{shots}/lab_{request.param}.png")
    page.close()


@pytest.fixture(scope="module")
def run(chapter: Page) -> Page:
    """Run all cells of the chapter."""
    chapter.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    chapter.wait_for_timeout(500)
    return chapter


def test_a_chapter_shows_no_directive_and_no_answer_before_it_is_run(chapter: Page) -> None:
    shown = chapter.locator(".jp-Notebook").inner_text()
    assert re.findall(r":::\s?\{|```\{|\{(?:cite|ref|doc|numref|term)[:\w]*\}`", shown) == []
    # What JupyterLab shows of code: in a cell that is folded it shows none.
    code = "\n".join(chapter.locator(".jp-InputArea-editor:visible").all_inner_texts())
    assert "import" in code
    assert re.findall(r"\banswer=|\bright=|\bexplain=", code) == []
    assert [one for one in chapter.locator("details:not([open]) > :not(summary)").all() if one.is_visible()] == []


CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter((cell) => cell.model.type === "code" && cell.model.sharedModel.source.trim())
  .map(({ model }) => [model.executionCount, model.outputs.toJSON().map((one) =>
    "application/vnd.jupyter.widget-view+json" in (one.data ?? {}) ? "widget" : one.name ?? one.output_type)])"""

SOLUTIONS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter(({ model }) => model.id.endsWith("-solution")).length"""


def test_all_cells_of_a_chapter_run(run: Page) -> None:
    cells = run.evaluate(CELLS)
    assert [count for count, _ in cells] == list(range(1, len(cells) + 1))
    assert [kind for _, kinds in cells for kind in kinds if kind in ("error", "stderr")] == []


def test_no_answer_shows_after_all_cells_ran(run: Page) -> None:
    code = "\n".join(run.locator(".jp-InputArea-editor:visible").all_inner_texts())
    assert re.findall(r"\banswer=|\bright=|\bexplain=|folded=True", code) == []
    cards = run.locator(".jp-OutputArea-output details:not([open])", has_text="The solution passes: ")
    assert cards.count() == run.evaluate(SOLUTIONS) > 0
    assert [one for one in run.locator("details:not([open]) > :not(summary)").all() if one.is_visible()] == []
    told = [one.inner_text() for one in run.get_by_text(re.compile("^Right[:,]")).all() if one.is_visible()]
    assert told == []


def test_every_widget_of_a_chapter_answers(run: Page) -> None:
    widgets = run.locator(".lstm-widget")
    shown = [kind for _, kinds in run.evaluate(CELLS) for kind in kinds].count("widget")
    assert widgets.count() == shown > 0
    dead = [widget.get_attribute("class") for widget in widgets.all() if not answers(widget)]
    assert dead == []


def answers(widget: Locator) -> bool:
    """Say whether a widget changes when one of its controls is used by keyboard: a guess, a slider, a button."""
    before = state(widget)
    for n in range(min(widget.locator(CONTROLS).count(), 8)):
        control = widget.locator(CONTROLS).nth(n)
        if not control.is_visible():
            continue
        control.focus()
        kind = control.get_attribute("type") or control.evaluate("(it) => it.tagName.toLowerCase()")
        widget.page.keyboard.press({"range": "ArrowRight", "radio": "Space", "number": "7"}.get(kind, "Enter"))
        widget.page.wait_for_timeout(100)
        if state(widget) != before:
            return True
    return False


def state(widget: Locator) -> str:
    """Return what a reader can tell of a widget: its elements, and what its inputs hold."""
    return str(
        widget.evaluate("(it) => it.innerHTML + [...it.querySelectorAll('input')].map((i) => [i.value, i.checked])")
    )


def test_nothing_went_wrong_meanwhile(run: Page, complaints: list[str]) -> None:
    assert complaints == []
