"""Notebooks and pages read well where nothing but Markdown and HTML is known, and show no answer before the guess."""

import ast
import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SITE, missing, notebooks, toc_pages

from tools import references
from tools.canonicalise import states
from tools.exercise_cells import FOLDED, QUESTION

FOR_THE_SITE = {"glossary", "run_it"}  # pages that are nothing without the site
PAGES = [path for name in toc_pages() for path in [ROOT / f"{name}.md"] if path.is_file() and name not in FOR_THE_SITE]

# Directives (:::{note}, ```{note}), roles ({cite}`key`), labels ((here)=), comments (% …), attributes ({#id}).
RAW = re.compile(r"^[ >]*(:{3,}|`{3,}\{|\([\w-]+\)=$|%|\{[#.])|\{[\w:-]+\}`", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")


def markdown(path: Path) -> list[str]:
    """List the pieces of Markdown of a notebook or a page, code left out."""
    if path.suffix == ".md":
        texts = [path.read_text(encoding="utf-8")]
    else:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return [re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL) for text in texts]


def code_cells(path: Path) -> list[dict]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", [*notebooks(), *PAGES], ids=lambda path: path.stem)
def test_nothing_is_written_that_only_the_site_understands(path: Path) -> None:
    raw = [match[0] for text in markdown(path) for match in RAW.finditer(text)]
    assert raw == []


@pytest.mark.parametrize("text", [":::{note} A\n", "> :::{note}\n", "```{note}\n", "{cite:p}`key`", "(place)=\n"])
def test_what_only_the_site_understands_would_be_found(text: str) -> None:
    assert RAW.search(text)


@pytest.mark.parametrize("text", ["$\\textcolor{learn}{i}$", "`{name}.`", "> **Note: tanh**\n>\n> | a |", "5 % of {x}"])
def test_plain_markdown_passes(text: str) -> None:
    assert not RAW.search(text)


@pytest.mark.parametrize("path", [*notebooks(), *PAGES], ids=lambda path: path.stem)
def test_a_link_names_a_file_with_its_suffix(path: Path) -> None:
    """Jupyter and GitHub open files; only the site would find a page by a name without suffix."""
    links = [match[1] for text in markdown(path) for match in LINK.finditer(text) if match[1]]
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_the_page_of_references_is_what_the_list_of_sources_says() -> None:
    assert references.PAGE.read_text(encoding="utf-8") == references.page(), "run `python -m tools.references`"


@pytest.mark.parametrize("path", [*notebooks(), *PAGES], ids=lambda path: path.stem)
def test_a_citation_says_who_wrote_the_source_that_it_leads_to(path: Path) -> None:
    for text in markdown(path):
        for match in re.finditer(references.LINK, text):
            words, key = match[0][1 : match[0].index("](")], match["key"]
            assert words in {references.named(key, textual=True), references.named(key, textual=False)}


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_cell_that_knows_an_answer_is_folded_in_jupyter_and_colab(path: Path) -> None:
    for cell in code_cells(path):
        source, metadata = "".join(cell["source"]), cell["metadata"]
        code = re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE)
        words = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.keyword)]
        asks = any(word.arg == "answer" and isinstance(word.value, ast.Constant) for word in words)
        asks = asks or any(re.match(r"Quiz(\.(?!exercise)\w+)?\(", ast.unparse(line)) for line in ast.parse(code).body)
        solves = "exercise" in metadata and cell["id"].endswith("-solution")
        if asks or solves:
            # The first line is what Jupyter shows of a folded cell, and what Colab shows in its place.
            assert source.startswith(f"{FOLDED if solves else QUESTION}\n"), source
            assert metadata["jupyter"]["source_hidden"] is True, source
            assert metadata["cellView"] == "form", source
        if solves:
            assert metadata["jupyter"]["outputs_hidden"] is True, source


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_no_question_is_stored_with_an_answer(path: Path) -> None:
    for model in states(json.loads(path.read_text(encoding="utf-8"))).values():
        assert model["state"].get("guess", "") == ""
        assert model["state"].get("choice", "") == ""


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_the_site_shows_boxes_where_a_notebook_has_titled_quotations(path: Path) -> None:
    page = SITE / "chapters" / f"{path.stem}.html"
    if not page.is_file():
        missing("there is no website to test: run `make book` first")
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    titles = [box.p.get_text() for box in soup.select("article div.admonition:not(details *)")]
    assert titles == re.findall(r"^> \*\*(.*)\*\*$", "\n".join(markdown(path)), re.MULTILINE)
    assert "Before you start" in titles
    folds = [fold.summary.get_text() for fold in soup.select("article details:not(.hide, .admonition, .cell_output *)")]
    assert folds == re.findall(r"^<summary>(.*)</summary>$", "\n".join(markdown(path)), re.MULTILINE)
