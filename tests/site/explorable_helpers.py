"""What the tests of explorables and pages share: functions under node, axe, and the pages' HTML."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from conftest import ROOT, SITE, missing
from playwright.sync_api import Locator, Page, Request

WIDGETS = ROOT / "lstm_lib" / "widgets"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def module(name: str) -> str:
    """Return the address of a JavaScript file of the explorables, quoted for an import."""
    return json.dumps((WIDGETS / f"{name}.js").as_uri())


def node(script: str) -> Any:
    """Run a script, an ES module, under node and return what it prints as JSON."""
    command = [Path(sys.executable).parent / "node", "--input-type=module", "-"]
    done = subprocess.run(command, input=script, check=True, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


@cache
def soup(name: str) -> BeautifulSoup:
    """Parse a page of the built website, once for all tests of a process: they only read it."""
    if not (SITE / "index.html").is_file():
        missing("there is no website to test: run `make book` first")
    return BeautifulSoup((SITE / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def axe(page: Page) -> list[list[str]]:
    """Return what axe finds on a page: the rule, and the first element that breaks it."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))  # not as a script of the page, which its policy would not run
    return page.evaluate(
        """async () => (await axe.run({ resultTypes: ["violations"] })).violations
            .map((v) => [v.id, v.nodes[0].html.slice(0, 200)])"""  # of what passes it need not say where it stands
    )


def text_sizes(drawing: Locator) -> list[float]:
    """Measure the letters of a drawing, in pixels of the screen, in one go: a text may be drawn anew meanwhile."""
    return drawing.evaluate(
        """drawing => [...drawing.querySelectorAll("text, tspan")].filter((t) => t.checkVisibility()).map((t) => {
            const { a, b } = t.getScreenCTM();
            return parseFloat(getComputedStyle(t).fontSize) * Math.hypot(a, b);
        })"""
    )


def lay_out(page: Page) -> None:
    """Have all sections of a page laid out, as they are when a reader has been everywhere."""
    page.add_style_tag(content=".distant { content-visibility: visible !important }")


def listed_course() -> dict[str, Any]:
    """Return what the build tells every page of what there is to do in the course."""
    text = (SITE / "_static" / "course" / "course.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("window.lstmCourse = ").rstrip().removesuffix(";"))


def wait_until(page: Page, predicate: str, arg: Any = None) -> None:
    """Wait until a script is true of a page.

    Playwright's wait_for_function asks again from within the page, where the policy of our pages forbids what it does.
    """
    for _ in range(600):
        if page.evaluate(predicate, arg):
            return
        page.wait_for_timeout(50)
    raise TimeoutError(f"{predicate} did not become true within 30 seconds")


AT_REST = "() => new Promise((done) => requestIdleCallback(() => setTimeout(done, 30), { timeout: 1000 }))"


def watch(page: Page) -> Callable[[], None]:
    """Give a function that waits until all that a page has asked for is there, and the page has nothing left to do.

    Call it before the page is opened. What a page puts off until it is idle comes before what we put off; so it need
    not wait half a second for nothing, as Playwright's "networkidle" does.
    """
    coming: set[Request] = set()
    page.on("request", lambda one: coming.add(one) if one.url.startswith("http") else None)
    page.on("requestfinished", lambda one: coming.discard(one))  # Playwright marks its functions: not this method
    page.on("requestfailed", lambda one: coming.discard(one))

    def settled() -> None:
        rests = 0
        for _ in range(900):
            page.evaluate(AT_REST)
            rests = 0 if coming else rests + 1
            if rests == 3:
                return
        raise TimeoutError(f"these did not come within 30 seconds: {[one.url for one in coming]}")

    return settled
