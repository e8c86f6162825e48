"""Which rules of Sphinx's style sheets the build has left out, because no page has what they ask for."""

import re
import sys
from functools import cache

from conftest import ROOT, SITE

sys.path.insert(0, str(ROOT / "website" / "build"))

import pieces
import purge


@cache
def selectors() -> list[str]:
    """List the selectors that were left out, without what querySelector does not look at."""
    site_files = pieces.Site(SITE, SITE.parent / ".doctrees" / "pages")
    words = site_files.words()
    words.known.add("svg-inline--fa")  # of the icons, which are drawn into what Sphinx has written
    whole = "\n".join(pieces.sheet(site_files, path) for path in site_files.sheets())
    found: set[str] = set()

    def collect(sheet: str) -> None:
        for prelude, block in purge.rules(sheet):
            if prelude.startswith(purge.NESTED):
                collect(block or "")
            elif block is not None and not prelude.startswith("@"):
                ones = purge.alternatives(prelude)
                found.update(one for one in ones if not all(name in words for name in purge.needed(one)))

    collect(re.sub(r"/\*.*?\*/", "", whole, flags=re.DOTALL))
    passing = re.compile(r"::?(-[\w-]+|[\w-]*(before|after|hover|focus|active|visited|placeholder)[\w-]*)")
    return sorted({passing.sub("", one) for one in found} - {""})
