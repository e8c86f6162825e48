"""Pages whose numbers are computed when the book is built: ``<!-- name -->`` stands where a part of them goes.

The parts are Markdown, put in before the page is read, so that links are checked and the search knows the words.
"""

import re
from collections.abc import Callable
from pathlib import Path

import about
import ledger
import teachers
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

PAGES: dict[str, Callable[[Path], dict[str, str]]] = {
    "about": about.parts,
    "for_teachers": teachers.parts,
    "ledger": ledger.parts,
}


def fill(app: Sphinx, name: str, source: list[str]) -> None:
    """Put the parts into a page; all of them, and no other."""
    if name in PAGES:
        parts = PAGES[name](Path(app.srcdir))
        wanted = re.findall(r"<!-- ([\w ]+) -->", source[0])
        if sorted(wanted) != sorted(parts):
            raise ValueError(f"got {name}.md with the places {wanted}, expected {list(parts)}")
        source[0] = re.sub(r"<!-- ([\w ]+) -->", lambda match: parts[match[1]], source[0])


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Have the pages read anew in every build: what they count lies in many files, and it takes a second."""
    return [name for name in PAGES if name in env.found_docs]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.connect("source-read", fill)
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
