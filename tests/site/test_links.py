"""No link or file reference inside the built website leads nowhere."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from conftest import SITE, missing


@pytest.fixture(scope="module")
def pages() -> dict[Path, BeautifulSoup]:
    """Parse every page of the built website."""
    if not SITE.is_dir():
        missing("there is no website to test: run `make book` first")
    found = [page for page in SITE.rglob("*.html") if "_static" not in page.parts]  # the theme leaves templates there
    return {page: BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser") for page in found}


def references(soup: BeautifulSoup) -> list[str]:
    """List what a page refers to."""
    return [tag[name] for name in ("href", "src") for tag in soup.find_all(attrs={name: True})]


def broken(page: Path, reference: str, pages: dict[Path, BeautifulSoup]) -> bool:
    """Say whether a reference to this site leads nowhere."""
    url = urlsplit(reference)
    if url.scheme or url.netloc:
        return False
    target = (page.parent / unquote(url.path)).resolve() if url.path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_file() or not target.is_relative_to(SITE.resolve()):
        return True
    return bool(url.fragment) and target in pages and not pages[target].find(id=unquote(url.fragment))


def test_no_internal_link_is_broken(pages: dict[Path, BeautifulSoup]) -> None:
    found = [
        (str(page.relative_to(SITE)), reference)
        for page, soup in pages.items()
        for reference in references(soup)
        if broken(page, reference, pages)
    ]
    assert found == []


def test_a_broken_link_would_be_found(pages: dict[Path, BeautifulSoup]) -> None:
    index = SITE / "intro.html"
    assert broken(index, "no-such-page.html", pages)
    assert broken(index, "#no-such-place", pages)
    assert broken(index, "../../README.md", pages)  # there here, and not on a server
    assert broken(index, "notation.html#no-such-place", pages)
    assert not broken(index, "notation.html", pages)
