"""What the tests share: where things are, and the built website in a browser."""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest
import yaml

from benchmarks import _site

if TYPE_CHECKING:
    from anywidget import AnyWidget
    from playwright.sync_api import Browser, Locator, Page, Route

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
SUB_PATH = "/some/where"  # the site must also work when it is not at the root of its host

CHROMIUM_FLAGS = [
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give each file to one process, as ``--dist=loadfile`` does, and notebooks and pages singly: they take long."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if "test_a_notebook_prints" in nodeid:
                return nodeid
            file: str = super()._split_scope(nodeid)
            page = re.search(r"\[(.+)-chromium", nodeid)
            return f"{file}[{page[1].partition('-chromium')[0]}]" if page and file.endswith("test_pages.py") else file

    return Scheduling(config, log)


def toc_pages() -> list[str]:
    """List the pages of the table of contents, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def notebooks() -> list[Path]:
    """List the notebooks of the course."""
    return sorted((ROOT / "chapters").glob("*.ipynb"))


def missing(what: str) -> None:
    """Skip a browser test by name, or fail it where the browser tests are mandatory (in CI)."""
    if os.environ.get("LSTM_REQUIRE_BROWSER") == "1":
        pytest.fail(f"LSTM_REQUIRE_BROWSER=1, but {what}")
    pytest.skip(what)


class Handler(SimpleHTTPRequestHandler):
    """Serve a folder at the root and once more under SUB_PATH, silently."""

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix(SUB_PATH))

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served(handler: type[Handler] = Handler, folder: Path = SITE) -> Iterator[str]:
    """Serve the built website, or another one, on this machine; the address ends without a slash."""
    if not (folder / "index.html").is_file():
        missing("there is no website to test: run `make book` first")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Serve the built website for all tests of the session."""
    with served() as address:
        yield address


class Tabs(Protocol):
    """Opens a page of the browser."""

    def __call__(self, width: int = 1280, height: int = 720) -> "Page": ...


@pytest.fixture(scope="session")
def tab(browser: "Browser", site: str) -> Iterator[Tabs]:
    """Give a function that opens a page where nothing is stored, beside one that stays.

    So Chromium starts neither a profile nor a process for it, which takes more than twice what a page of ours takes. It
    may have files of the site in its cache: what asks how a page comes at first opens a context of its own.
    """
    context = browser.new_context()
    staying = context.new_page()
    staying.goto(f"{site}/_static/course/page.css")
    chromium = context.new_cdp_session(staying)

    def opened(width: int = 1280, height: int = 720) -> "Page":
        chromium.send("Storage.clearDataForOrigin", {"origin": site, "storageTypes": "all"})
        context.clear_cookies()
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        return page

    yield opened
    context.close()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """Tell pytest-playwright to use the system's Chromium; it downloads none of its own."""
    try:
        return {"executable_path": _site.chromium_path(may_be_shell=True), "args": CHROMIUM_FLAGS}
    except FileNotFoundError as error:
        missing(str(error))


class Blank(NamedTuple):
    """A page of a browser that shows what a test gives it, and what it complained about."""

    page: "Page"
    files: dict[str, str]  # path to content
    complaints: list[str]  # console errors, uncaught exceptions, requests to other hosts


HOST = "http://explorable.test/"  # no such host: the test answers the browser's requests


@pytest.fixture(scope="module")
def blank(browser: "Browser") -> Iterator[Blank]:
    """Open one page for all tests of a module, as narrow as a telephone."""
    from lstm_lib.widgets import _base

    host = (ROOT / "website" / "assets" / "anyhost.js").read_text(encoding="utf-8")
    models = {f"models/{name}.js": text for name, text in _base.model_scripts().items()}
    blank = Blank(browser.new_page(), {"widgets.js": _base.script(), "anyhost.js": host, **models}, [])
    kinds = {"js": "text/javascript", "html": "text/html; charset=utf-8"}

    def answer(route: "Route") -> None:
        name = route.request.url.removeprefix(HOST)
        route.fulfill(body=blank.files[name], content_type=kinds[name.rpartition(".")[2]])

    def complain(text: str) -> None:
        blank.complaints.append(text)

    page = blank.page
    page.route(f"{HOST}**", answer)
    page.on("console", lambda message: complain(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complain(str(error)))
    page.on("request", lambda r: None if r.url.startswith((HOST, "blob:", "data:")) else complain(r.url))
    yield blank
    page.close()


@pytest.fixture
def alone(blank: Blank) -> "Iterator[Callable[[AnyWidget], Locator]]":
    """Give a function that shows an explorable on a page of its own, stored as in the built book."""
    from lstm_lib.notation import INK, PAGE

    def open_page(widget: "AnyWidget") -> "Locator":
        state = {name: value for name, value in widget.get_state().items() if name not in ("_esm", "_css")}
        entry = {"model_module": "anywidget", "model_name": "AnyModel", "state": state}
        stored = json.dumps({"state": {"one": entry}}).replace("</", "<\\/")  # no end of the script inside the script
        blank.files["page.html"] = f"""<!doctype html><html lang="en"><meta charset="utf-8">
          <title>One explorable</title><link rel="icon" href="data:,">
          <meta name="viewport" content="width=device-width">
          <style>body {{ background: {PAGE.on_light}; color: {INK.on_light} }}
          [data-theme="dark"] body {{ background: {PAGE.on_dark}; color: {INK.on_dark} }}</style>
          <body><main><h1>One explorable</h1>
          <script type="application/vnd.jupyter.widget-state+json">{stored}</script>
          <script type="application/vnd.jupyter.widget-view+json">{{"model_id": "one"}}</script></main>
          <script src="widgets.js" defer></script><script src="anyhost.js" defer></script></body></html>"""
        blank.page.set_viewport_size({"width": 390, "height": 844})
        blank.page.goto(f"{HOST}page.html")
        explorable = blank.page.locator(".lstm-widget")
        explorable.wait_for()
        return explorable

    blank.complaints.clear()
    yield open_page
    assert blank.complaints == []
