"""No link or file reference inside the built website leads nowhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import SITE, missing


class References(HTMLParser):
    """What a page refers to, and the places in it that others may refer to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.ids: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src"):
                self.leads.append(value or "")
            elif name == "id":
                self.ids.add(value or "")


@pytest.fixture(scope="module")
def pages() -> dict[Path, References]:
    """Read every page of the built website."""
    if not SITE.is_dir():
        missing("there is no website to test: run `make book` first")
    found = [page for page in SITE.rglob("*.html") if "_static" not in page.parts]  # the theme leaves templates there
    return {page: References(page.read_text(encoding="utf-8")) for page in found}


def broken(page: Path, reference: str, pages: dict[Path, References]) -> bool:
    """Say whether a reference to this site leads nowhere."""
    url = urlsplit(reference)
    if url.scheme or url.netloc:
        return False
    target = (page.parent / unquote(url.path)).resolve() if url.path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_file() or not target.is_relative_to(SITE.resolve()):
        return True
    return bool(url.fragment) and target in pages and unquote(url.fragment) not in pages[target].ids


def test_no_internal_link_is_broken(pages: dict[Path, References]) -> None:
    wrong = [
        (str(page.relative_to(SITE)), reference)
        for page, found in pages.items()
        for reference in found.leads
        if broken(page, reference, pages)
    ]
    assert wrong == []


def test_a_broken_link_would_be_found(pages: dict[Path, References]) -> None:
    index = SITE / "intro.html"
    assert broken(index, "no-such-page.html", pages)
    assert broken(index, "#no-such-place", pages)
    assert broken(index, "../../README.md", pages)  # there here, and not on a server
    assert broken(index, "notation.html#no-such-place", pages)
    assert not broken(index, "notation.html", pages)
