"""The page about the course: what it counts is there, what it measured is on record, its sources are named."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SITE, missing, notebooks

from lstm_lib import recorded
from lstm_lib.exercises import EXERCISES
from tools import needs, references

sys.path.insert(0, str(ROOT / "website" / "build"))

import about
import generated
import site_assets  # noqa: F401  (it comes first, as in the build)


@pytest.fixture(scope="module")
def soup() -> BeautifulSoup:
    if not (SITE / "about.html").is_file():
        missing("there is no website to test: run `make book` first")
    return BeautifulSoup((SITE / "about.html").read_text(encoding="utf-8"), "html.parser")


def rows(soup: BeautifulSoup, anchor: str) -> list[list[str]]:
    table = soup.find("section", id=anchor).table
    return [[cell.get_text() for cell in row("td")] for row in table.select("tbody tr")]


def test_what_is_counted_is_there(soup: BeautifulSoup) -> None:
    counted = {what: int(number) for what, number, _ in rows(soup, "what-is-in-it")}
    cells = [cell for path in notebooks() for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    more = {what: words for what, _, words in rows(soup, "what-is-in-it")}
    assert counted["notebooks"] == len(notebooks())
    texts = sum(cell["cell_type"] == "markdown" for cell in cells)
    assert more["notebooks"] == f"{texts} cells of text, {len(cells) - texts} of code"
    assert counted["exercises"] == len(EXERCISES)
    assert counted["claims"] == len(json.loads((ROOT / "claims" / "ledger.json").read_text(encoding="utf-8"))["rows"])
    assert counted["sources"] == len(references.entries())
    glossary = BeautifulSoup((SITE / "glossary.html").read_text(encoding="utf-8"), "html.parser")
    assert counted["terms"] == len(glossary.select("dl.glossary dd"))
    quizzes = (SITE / "_static" / "course" / "quizzes.js").read_text(encoding="utf-8")
    kept = json.loads(quizzes[quizzes.index("{") : quizzes.rindex("}") + 1])
    assert counted["quizzes"] == sum(key.startswith("quiz/") for key in kept)


def test_every_notebook_has_its_row_with_what_was_measured(soup: BeautifulSoup) -> None:
    measured = {row["notebook"]: row for row in recorded.rows("notebooks")}
    found = rows(soup, "what-a-chapter-takes")
    assert len(found) == len(notebooks())
    for path, row in zip(notebooks(), found, strict=True):
        assert int(row[2]) == len(json.loads(path.read_text(encoding="utf-8"))["cells"])
        cost = measured.get(path.stem)
        assert row[5:] == ([f"{cost['processor seconds']:.0f}", str(cost["peak MB"])] if cost else ["not run"] * 2)
        assert cost or needs.requirements(path)


def test_every_notebook_stays_within_a_free_machines_memory_and_a_minute_or_so() -> None:
    for row in recorded.rows("notebooks"):
        assert row["as stored"], row
        assert row["peak MB"] < 2000, row
        assert row["processor seconds"] < 90, row


def test_every_recorded_measurement_is_listed(soup: BeautifulSoup) -> None:
    listed = [row[0] for row in rows(soup, "how-its-numbers-are-held")]
    assert listed == [f"python -m benchmarks.{path.stem}" for path in sorted(recorded.FOLDER.glob("*.json"))]


def test_what_was_measured_on_a_gpu_names_it(soup: BeautifulSoup) -> None:
    where = {row[0]: row[2] for row in rows(soup, "how-its-numbers-are-held")}
    assert {command: told for command, told in where.items() if command.endswith("_gpu")}
    assert all(("NVIDIA" in told) == command.endswith("_gpu") for command, told in where.items()), where


def test_the_articles_references_are_named_and_linked(soup: BeautifulSoup) -> None:
    grown = soup.find("section", id="where-it-grew-from")
    page = BeautifulSoup((SITE / "references.html").read_text(encoding="utf-8"), "html.parser")
    wanted = {
        "bais2021lstm": "",
        "udacity": "https://www.udacity.com/",
        "chen2017exploring": "http://blog.echen.me/2017/05/30/exploring-lstms/",
        "olah2015understanding": "http://colah.github.io/posts/2015-08-Understanding-LSTMs/",
    }
    for key, address in wanted.items():
        assert grown.select(f'a[href="references.html#{key}"]'), key
        links = [link["href"] for link in page.find(id=key).find_parent("li")("a", href=True)]
        assert not address or address in links, key


def test_the_date_is_that_of_the_last_change_and_can_be_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    subprocess.run([*command, "init", "--quiet"], check=True)
    stamp = {"GIT_COMMITTER_DATE": "2020-03-01T23:30:00-05:00", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run([*command, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True, env=stamp)
    assert about.changed(tmp_path) == "2020-03-02"  # in UTC
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert about.changed(tmp_path) == "1970-01-02"


def test_without_git_the_date_is_that_of_the_newest_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("PATH", "")
    dates = {recorded.load(path.stem)["date"] for path in recorded.FOLDER.glob("*.json")}
    assert about.changed(ROOT) == max(dates)


def test_a_place_that_nothing_fills_stops_the_build() -> None:
    class App:
        srcdir = str(ROOT)

    with pytest.raises(ValueError, match=r"got about.md with the places \['counts'\]"):
        generated.fill(App(), "about", ["<!-- counts -->"])


@pytest.mark.parametrize("name", list(generated.PAGES))
def test_no_place_is_left_empty(name: str) -> None:
    soup = BeautifulSoup((SITE / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    article = str(soup.article)
    assert len(article) > 5000
    assert not re.search(r"<!-- [\w ]+ -->", article)
