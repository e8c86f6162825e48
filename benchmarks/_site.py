"""Serve the built website as a good host does: compressed, and for ever where the address names a version.

And start the machine's own Chromium to look at it.
"""

import gzip
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"
SHELL = "chromium-headless-shell"  # Chromium without a window to draw: the same pages in three quarters of the time
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TEXT = (".html", ".css", ".js", ".mjs", ".json", ".svg", ".txt", ".xml", ".ipynb", ".wasm")


@cache
def compressed(file: Path, changed: float) -> bytes:
    """Return a file as gzip sends it."""
    return gzip.compress(file.read_bytes(), 9, mtime=0)


class Handler(SimpleHTTPRequestHandler):
    """Serve a folder silently, one connection for several files, text compressed."""

    protocol_version = "HTTP/1.1"

    def send_head(self) -> BinaryIO | None:  # type: ignore[override]
        """Answer with the head of a file, and return what follows it."""
        file = Path(self.translate_path(self.path))
        if not file.is_file() or file.suffix not in TEXT or "gzip" not in self.headers.get("Accept-Encoding", ""):
            return super().send_head()  # type: ignore[return-value]
        body = compressed(file, file.stat().st_mtime)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return BytesIO(body)

    def end_headers(self) -> None:
        """Say how long a file may be kept: for ever, where its address changes with it."""
        lasting = "?v=" in self.path or "/_images/" in self.path
        self.send_header("Cache-Control", "public, max-age=31536000, immutable" if lasting else "no-cache")
        self.send_header("Vary", "Accept-Encoding")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path = SITE) -> Iterator[str]:
    """Serve a folder on this machine; the address ends without a slash."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def chromium_path(*, may_be_shell: bool = False) -> str:
    """Return where Chromium is on this machine, or where it may be, the same without a window."""
    names = (SHELL, *CHROMIUM) if may_be_shell else CHROMIUM
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        raise FileNotFoundError(f"no Chromium on this machine, expected one of {', '.join(names)}")
    return found


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Start the machine's own Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
