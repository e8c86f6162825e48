"""The measurement of the pages: the server is a good host, and a row says what the reports say."""

import gzip
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import _site, pages
from lstm_lib import recorded


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "site").mkdir()
    (tmp_path / "secret.txt").write_text("not for readers", encoding="utf-8")
    (tmp_path / "site" / "page.html").write_text("<p>word " * 500, encoding="utf-8")
    (tmp_path / "site" / "picture.png").write_bytes(b"\x89PNG" * 100)
    with _site.served(tmp_path / "site") as address:
        yield address


def fetch(url: str, **headers: str) -> tuple[dict[str, str], bytes]:
    """Return the head and the body of an answer."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return dict(answer.headers), answer.read()


def test_text_comes_compressed_to_those_who_can_read_it(address: str) -> None:
    head, body = fetch(f"{address}/page.html", **{"Accept-Encoding": "gzip, br"})
    assert head["Content-Encoding"] == "gzip"
    assert int(head["Content-Length"]) == len(body) < 200
    assert gzip.decompress(body) == b"<p>word " * 500
    head, body = fetch(f"{address}/page.html")
    assert "Content-Encoding" not in head
    assert body == b"<p>word " * 500


def test_pictures_come_as_they_are(address: str) -> None:
    head, body = fetch(f"{address}/picture.png", **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in head
    assert body == b"\x89PNG" * 100


def test_only_what_has_a_version_is_kept_for_ever(address: str) -> None:
    assert fetch(f"{address}/page.html")[0]["Cache-Control"] == "no-cache"
    assert "immutable" in fetch(f"{address}/page.html?v=1")[0]["Cache-Control"]


@pytest.mark.parametrize("path", ["missing.html", "../secret.txt", "%2e%2e/secret.txt"])
def test_what_is_not_there_is_not_there(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(f"{address}/{path}")


def report(performance: float, shift: float, sizes: list[int]) -> dict[str, Any]:
    """Return the part of Lighthouse's report that a row is made of."""
    scores = {"performance": performance, "accessibility": 1, "best-practices": 0.96, "seo": 1}
    items = [{"transferSize": size} for size in sizes]
    return {
        "categories": {name: {"score": score} for name, score in scores.items()},
        "audits": {
            "network-requests": {"details": {"items": items}},
            "cumulative-layout-shift": {"numericValue": shift},
        },
    }


def test_a_row_is_the_median_of_the_runs_and_names_the_goals_it_misses() -> None:
    runs = [report(0.9, 0.001, [90_000, 1_000]), report(0.7, 0.03, [90_000]), report(0.8, 0.0004, [90_000, 2_000])]
    row = pages.row("intro", "mobile", runs)
    scores = {"performance": 0.8, "accessibility": 1, "best_practices": 0.96, "seo": 1}
    assert row == {"page": "intro", "form_factor": "mobile", **scores, "transfer_kb": 91.0, "cls": 0.001}
    assert pages.missed(row) == ["best_practices"]
    assert pages.missed({**row, "form_factor": "desktop", "cls": 0.021}) == ["best_practices", "performance", "cls"]


def test_the_pages_of_the_record_are_for_everyone_and_stand_still() -> None:
    rows = recorded.rows("pages")
    assert {row["form_factor"] for row in rows} == set(pages.FORM_FACTORS)
    for row in rows:
        assert set(pages.missed(row)) <= {"performance"}, row  # which depends on how busy the machine was
        assert row["transfer_kb"] <= (500 if row["page"].startswith("chapters/") else 150), row
