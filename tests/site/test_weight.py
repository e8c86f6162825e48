"""What a page costs before it can be read: bytes, requests, and words that jump while it comes."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from conftest import toc_pages
from explorable_helpers import watch
from playwright.sync_api import Browser, Route

from benchmarks import _site

SIZES = {"1280": {"width": 1280, "height": 900}, "390": {"width": 390, "height": 844}}
MOST = {"text": 150_000, "chapter": 500_000}  # bytes of the first load, as gzip sends them
REQUESTS = {"text": 12, "chapter": 20}

SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
        const moved = entry.sources.map((source) => source.node?.outerHTML?.slice(0, 80) ?? "");
        if (!entry.hadRecentInput) shifts.push([entry.value, moved]);
    }
}).observe({ type: "layout-shift", buffered: true });
"""


class Load(NamedTuple):
    """One first load of a page."""

    kind: str
    sizes: dict[str, int]  # bytes that came, with their heads, by address
    shifts: list[tuple[float, list[str]]]  # how much moved, and what


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with _site.served() as address:
        yield address


def load(browser: Browser, address: str, name: str, size: dict[str, int], late: float = 0) -> Load:
    """Open a page that was never seen before, read down to its end, and count; scripts come some milliseconds late."""
    context = browser.new_context(viewport=size)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    names: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def finished(event: dict[str, Any]) -> None:
        sizes[names.get(event["requestId"], "")] = int(event["encodedDataLength"])

    session.on("Network.responseReceived", lambda event: names.update({event["requestId"]: event["response"]["url"]}))
    session.on("Network.loadingFinished", finished)
    page.add_init_script(SHIFTS)

    def wait(route: Route) -> None:
        page.wait_for_timeout(late)
        route.continue_()

    if late:
        page.route("**/*.js*", wait)
    settled = watch(page)
    page.goto(f"{address}/{name}.html")
    settled()
    first = {url: size for url, size in sizes.items() if url.startswith("http")}
    page.evaluate(
        """async () => {
            for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight * 0.9) {
                scrollTo({ top: y, behavior: "instant" });
                await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            }
        }"""
    )
    settled()
    page.unroute_all(behavior="wait")  # what comes late may still be on its way
    shifts = page.evaluate("shifts")
    context.close()
    return Load("chapter" if name.startswith("chapters/") else "text", first, shifts)


@pytest.fixture(scope="module", params=[(name, size) for name in toc_pages() for size in SIZES], ids="-".join)
def loaded(request: pytest.FixtureRequest, browser: Browser, address: str) -> Load:
    name, size = request.param
    return load(browser, address, name, SIZES[size])


def test_a_first_load_is_light(loaded: Load) -> None:
    heavy = sorted(loaded.sizes.items(), key=lambda one: -one[1])
    assert 20_000 < sum(loaded.sizes.values()) <= MOST[loaded.kind], heavy


def test_a_first_load_asks_for_few_files(loaded: Load) -> None:
    assert len(loaded.sizes) <= REQUESTS[loaded.kind], list(loaded.sizes)


def test_nothing_jumps_while_a_page_comes_and_is_read(loaded: Load) -> None:
    assert sum(value for value, _ in loaded.shifts) <= 0.02, loaded.shifts


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["intro", "chapters/01_sequences_and_memory", "chapters/06_use_gate"])
def test_nothing_jumps_when_scripts_come_late(browser: Browser, address: str, name: str, size: str) -> None:
    shifts = load(browser, address, name, SIZES[size], late=700).shifts
    assert sum(value for value, _ in shifts) <= 0.02, shifts
