"""What the tests share: where things are, and the built website in a browser."""

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
SUB_PATH = "/some/where"  # the site must also work when it is not at the root of its host

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Serve the built website on this machine; the address ends without a slash."""
    if not (SITE / "index.html").is_file():
        missing("there is no website to test: run `make book` first")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(SITE)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """Tell pytest-playwright to use the system's Chromium; it downloads none of its own."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not found:
        missing(f"no Chromium on this machine (looked for {', '.join(CHROMIUM)})")
    return {"executable_path": found, "args": CHROMIUM_FLAGS}
