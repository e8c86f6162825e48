"""Time what the demos of the uses compute in one frame of a page: ``python -m benchmarks.demos``, after ``make book``.

Each demo runs in Chromium as it does for a reader, from the built website, and its work comes in pieces, one for each
frame. A row is a demo: how many pieces, and how long they took (milliseconds): median, 95th percentile, longest.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from benchmarks import _record
from benchmarks._site import chromium, served


def write(page: Page) -> None:
    """Let the page that writes write."""
    demo = page.locator(".writer")
    demo.get_by_role("button", name="Write").press("Enter")
    page.wait_for_function("document.querySelector('.writer .wr-said').textContent.includes('has written')")


def listen(page: Page) -> None:
    """Let the listener hear a built-in sound."""
    demo = page.locator(".say-a-digit")
    demo.get_by_role("checkbox").uncheck()
    demo.get_by_role("group", name="Built-in sounds").get_by_role("button").first.press("Enter")
    page.wait_for_function("document.querySelector('.say-a-digit .sd-said').textContent.includes('Heard:')")


def number(page: Page) -> None:
    """Let the pad read a number of five digits, digit by digit."""
    demo = page.locator(".number-pad")
    for digit in "40719":
        demo.get_by_role("button", name=digit, exact=True).press("Enter")
    page.wait_for_function("document.querySelector('.np-said').textContent.split(' with ').length > 5")


def find(page: Page) -> None:
    """Let the page that looks for text look at ten scenes."""
    demo = page.locator(".text-finder")
    demo.get_by_role("button", name="Find the text").press("Enter")
    for _ in range(10):
        page.wait_for_function("document.querySelector('.text-finder .tf-said').textContent.includes('It finds')")
        demo.get_by_role("button", name="Another scene").press("Enter")
        page.wait_for_timeout(1000)


DEMOS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "writer": ("chapters/12_language_generation.html", write),
    "say_a_digit": ("chapters/13_voice_recognition.html", listen),
    "text_finder": ("chapters/15_scene_text_detection.html", find),
    "number_pad": ("chapters/14_image_ocr.html", number),
}


def measure(page: Page, address: str, act: Callable[[Page], None]) -> list[float]:
    """Return how long each piece of work took, in milliseconds."""
    page.add_init_script("window.pieces = []; window.lstmTook = (ms) => window.pieces.push(ms);")
    page.goto(address)
    act(page)
    return list(page.evaluate("window.pieces"))


def main() -> None:
    """Serve the site, run each demo, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry-run", action="store_true", help="do not write the result file")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with served() as site, chromium() as browser:
        for name, (address, act) in DEMOS.items():
            page = browser.new_page(bypass_csp=True)  # or waiting for a condition would be forbidden
            pieces = measure(page, f"{site}/{address}", act)
            page.close()
            cut = statistics.quantiles(pieces, n=20, method="inclusive")
            times = {"median": statistics.median(pieces), "p95": cut[-1], "longest": max(pieces)}
            rows.append({"demo": name, "pieces": len(pieces), **{key: round(ms, 1) for key, ms in times.items()}})
            print(rows[-1], flush=True)
        version = browser.version
    if not options.dry_run:
        for row in rows:
            row["browser"] = f"Chromium {version}"
        _record.write("demos", rows, seeds=[], packages=("playwright",))


if __name__ == "__main__":
    main()
