"""Every source in references.bib is cited by a page, and every key that a page or a docstring names is there."""

import json
import re
from pathlib import Path

import pytest

from tools.references import cited_keys

ROOT = Path(__file__).resolve().parent.parent
KEYS = re.findall(r"^@\w+\{([^,\s]+),", (ROOT / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)
NAMED = re.compile(r"\(([a-z]+\d{4}[a-z]*)\)")  # how docstrings give the key: (hochreiter1997long)


def pages() -> dict[str, str]:
    """Return the text of every page that readers see, by name."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("*.md")}
    for path in (ROOT / "chapters").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts[path.name] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return texts


@pytest.mark.parametrize("key", KEYS)
def test_every_source_is_cited_by_a_page(key: str) -> None:
    assert any(key in cited_keys(text) for text in pages().values())


def test_every_source_stands_in_the_list_once() -> None:
    assert len(KEYS) == len(set(KEYS)) > 20


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_cites_only_what_is_in_the_list(name: str) -> None:
    assert set(cited_keys(pages()[name])) <= set(KEYS)


def test_a_docstring_names_only_what_is_in_the_list() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "lstm_lib").rglob("*.py"))
    assert set(NAMED.findall(text)) <= set(KEYS)
    assert "squire1998complex" in NAMED.findall(text)  # it finds what it looks for
