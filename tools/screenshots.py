"""Make the README's pictures from the built website: ``python -m tools.screenshots``, after ``make book``.

Chromium plays the first page, answers an exercise wrongly and walks through the cell; what it shows then is written as
images/NAME.webp, small enough for a README. The README's texts beside the pictures say what is done here.
"""

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

from benchmarks._site import chromium, served

FOLDER = Path(__file__).resolve().parent.parent / "images"
LARGEST = 100_000  # bytes
MARGIN = 12  # CSS pixels around what is shown
WRONG = "def forget_gate(z, c_prev, W_f, b_f):\n    f = sigmoid(dot(W_f, z) + b_f)\n    return (1 - f) * c_prev"


def game(page: Page, address: str) -> Locator:
    """Play the stream of the first page, with the first answer each time, until four are given."""
    page.goto(f"{address}/intro.html")
    explorable = page.locator(".lstm-widget.play-the-stream")
    explorable.get_by_role("button", name="Start").press("Enter")
    answered = 0
    while answered < 4:
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(50)
        if "What is in box" in explorable.get_by_role("status").last.inner_text():
            page.keyboard.press("1")
            answered += 1
    return explorable


def exercise(page: Page, address: str) -> Locator:
    """Answer the exercise of the forget gate with 1 - f where f belongs."""
    page.goto(f"{address}/chapters/05_forget_gate.html")
    one = page.locator("#exercise-forget-gate")
    one.scroll_into_view_if_needed()
    editor = one.locator(".cm-content")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(WRONG)
    one.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector("#exercise-forget-gate[data-state=wrong]", timeout=120_000)
    page.mouse.move(0, 0)
    return one


def walk(page: Page, address: str) -> Locator:
    """Walk through the cell of chapter 7 to its use gate."""
    page.goto(f"{address}/chapters/07_full_cell.html")
    explorable = page.locator(".lstm-widget.cell-walk").first
    explorable.scroll_into_view_if_needed()
    explorable.get_by_role("radio").first.check()
    explorable.get_by_role("button", name="Check my guess").click()
    explorable.locator(".lw-verdict").evaluate("(verdict) => verdict.remove()")  # a reader shall guess
    for _ in range(4):
        explorable.get_by_role("button", name="Next").click()
    page.mouse.move(0, 0)
    return explorable


PICTURES: dict[str, Callable[[Page, str], Locator]] = {"game": game, "exercise": exercise, "walk": walk}


def take(page: Page, shown: Locator) -> bytes:
    """Return a picture of one part of a page as WebP, as good as fits."""
    shown.evaluate("(one) => one.scrollIntoView({ block: 'center', behavior: 'instant' })")
    page.wait_for_timeout(300)
    box = shown.bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
    clip = {"x": box["x"] - MARGIN, "y": box["y"] - MARGIN}
    clip |= {"width": box["width"] + 2 * MARGIN, "height": box["height"] + 2 * MARGIN}
    picture = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    for quality in (90, 80, 70, 60, 50):
        held = io.BytesIO()
        picture.save(held, "WEBP", quality=quality, method=6)
        if held.tell() < LARGEST:
            return held.getvalue()
    raise ValueError(f"got {held.tell():,} bytes at the lowest quality, expected less than {LARGEST:,}")


def main() -> None:
    """Take all pictures."""
    with served() as address, chromium() as browser:
        for name, act in PICTURES.items():
            page = browser.new_page(viewport={"width": 900, "height": 1000}, device_scale_factor=1.5)
            content = take(page, act(page, address))
            (FOLDER / f"{name}.webp").write_bytes(content)
            print(f"images/{name}.webp: {len(content):,} bytes")
            page.close()


if __name__ == "__main__":
    main()
