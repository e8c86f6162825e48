"""What others show of a page: titles, descriptions and cards; the map of the site; and the page for wrong addresses."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SITE, SUB_PATH, Handler, missing, served, toc_pages
from explorable_helpers import axe, wait_until
from playwright.sync_api import Browser, expect
from test_launch_buttons import build

ADDRESS = "https://example.org/course"


@pytest.fixture(scope="module")
def heads() -> dict[str, BeautifulSoup]:
    """Parse the heads of the pages of the built website."""
    if not SITE.is_dir():
        missing("there is no website to test: run `make book` first")
    texts = {name: (SITE / f"{name}.html").read_text(encoding="utf-8") for name in toc_pages()}
    heads = {name: text.partition("</head>") for name, text in texts.items()}
    assert [name for name, (_, _, rest) in heads.items() if re.search(r'<meta\b|rel="canonical"', rest)] == []
    return {name: BeautifulSoup(head, "html.parser") for name, (head, _, _) in heads.items()}


def content(soup: BeautifulSoup, name: str) -> list[str]:
    """List the contents of the meta tags of a name."""
    tags = soup.find_all("meta", attrs={"name": name}) + soup.find_all("meta", attrs={"property": name})
    return [tag["content"] for tag in tags]


def test_every_page_has_one_description_and_no_two_the_same(heads: dict[str, BeautifulSoup]) -> None:
    found = [content(soup, "description") for soup in heads.values()]
    assert [len(one) for one in found] == [1] * len(heads)
    texts = [one[0] for one in found]
    assert len(set(texts)) == len(texts)
    assert [text for text in texts if not 40 <= len(text) <= 160 or re.search(r"[\\{}<>$]", text)] == []


def test_every_page_has_a_card_that_says_the_same(heads: dict[str, BeautifulSoup]) -> None:
    for soup in heads.values():
        assert content(soup, "og:description") == content(soup, "description")
        assert content(soup, "og:title")[0] in soup.title.text
        assert content(soup, "og:site_name") == ["LSTMs, gate by gate"]


def test_every_page_names_its_width_once(heads: dict[str, BeautifulSoup]) -> None:
    assert [len(content(soup, "viewport")) for soup in heads.values()] == [1] * len(heads)


def test_no_title_says_the_name_of_the_site_twice(heads: dict[str, BeautifulSoup]) -> None:
    titles = [soup.title.text for soup in heads.values()]
    assert len(set(titles)) == len(titles)
    assert [title.count("LSTMs, gate by gate") for title in titles] == [1] * len(titles)


def test_the_page_at_the_root_is_a_page_and_leads_to_the_first() -> None:
    soup = BeautifulSoup((SITE / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert soup.title.text == "LSTMs, gate by gate"
    assert soup.a["href"] == "intro.html"
    assert soup.find("meta", attrs={"http-equiv": "refresh"})["content"] == "0; url=intro.html"


def test_without_an_address_there_is_no_map_and_no_picture(heads: dict[str, BeautifulSoup]) -> None:
    assert not (SITE / "sitemap.xml").exists()
    for soup in heads.values():
        assert content(soup, "og:image") + content(soup, "og:url") == []
        assert not soup.find("link", rel="canonical")


@pytest.mark.skipif(not (ROOT / "node_modules").is_dir(), reason="run `make setup` first: no node_modules")
def test_an_address_brings_a_map_pictures_and_full_addresses(tmp_path: Path) -> None:
    html = build(tmp_path, "", baseurl=ADDRESS)
    names = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    places = [loc.text for loc in ElementTree.parse(html / "sitemap.xml").findall(".//s:url/s:loc", names)]
    assert places == [f"{ADDRESS}/intro.html", f"{ADDRESS}/notebook.html"]
    for name in ("intro", "notebook"):
        soup = BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        assert soup.find("link", rel="canonical")["href"] == f"{ADDRESS}/{name}.html" == content(soup, "og:url")[0]
        [picture] = content(soup, "og:image")
        assert picture == f"{ADDRESS}/_static/course/cards/{name}.png"
        data = (html / picture.removeprefix(f"{ADDRESS}/")).read_bytes()
        assert data[:4] == b"\x89PNG"
        assert [int.from_bytes(data[16:20]), int.from_bytes(data[20:24])] == [1200, 630]
        assert len(data) < 60_000


# ---------------------------------------------------------------- addresses where nothing is


class Lost(Handler):
    """Answer as GitHub Pages does: 404.html at the root of the site, with the status 404, for whatever is not there."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        body = (SITE / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def translate_path(self, path: str) -> str:
        # Only the sub-path is the site here: what is above it belongs to others.
        return super().translate_path(path) if path.startswith(SUB_PATH) else "/nowhere"


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """Serve the site under a sub-path alone, as a host of many sites does."""
    with served(Lost) as address:
        yield f"{address}{SUB_PATH}"


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("notatoin.html", "Notation"),
        ("chapters/02_memory", "Why does it forget, and why can it not learn to keep?"),
        ("chapters/deeper/still/04_learn-gate.html?x=1", "What of the event is worth keeping?"),
        ("zzz/", ""),
    ],
)
def test_a_wrong_address_at_any_depth_leads_back(browser: Browser, host: str, wrong: str, meant: str) -> None:
    page = browser.new_page()
    answer = page.goto(f"{host}/{wrong}")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is here")
    wait_until(page, "() => document.documentElement.dataset.root")
    assert page.locator("html").get_attribute("data-root") == f"{SUB_PATH}/"
    if meant:
        expect(page.locator("#near a")).to_have_text(meant)
        page.locator("#near a").click()
    else:
        expect(page.locator("#near")).to_be_hidden()
        page.locator("main li a").last.click()
    expect(page.locator("article h1")).to_be_visible(timeout=30_000)
    assert page.url.startswith(f"{host}/")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_page_for_wrong_addresses(browser: Browser, host: str, scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 844}, bypass_csp=True)
    page.goto(f"{host}/nothing.html")
    assert axe(page) == []
    page.close()


def test_the_page_for_wrong_addresses_lists_every_page_and_needs_no_file() -> None:
    soup = BeautifulSoup((SITE / "404.html").read_text(encoding="utf-8"), "html.parser")
    assert [a["href"] for a in soup.select("li a")] == [f"{name}.html" for name in toc_pages()]
    assert soup.find_all(["link", "script", "img"], src=True) == []
    assert [link["href"] for link in soup.find_all("link")] == ["data:,"]
    assert re.findall(r"--(\w+): (?!#[0-9A-F]{6};)", soup.style.text) == []  # every colour is one
