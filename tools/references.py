"""The page of references, and citations in the text: ``python -m tools.references`` writes both from references.bib.

A citation is a link to the page of references, which reads the same on the site, in Jupyter, in Colab and on GitHub:
([Werbos, 1990](../references.md#werbos1990backpropagation)). It need not be typed: write {cite:p}`key` where it stands
in brackets, or {cite:t}`key` where it is part of the sentence, and run this command.
"""

import functools
import json
import re
import sys
from pathlib import Path

from pybtex.database import Entry, Person, parse_file
from pybtex.plugin import find_plugin

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "references.md"

LINK = r"\[[^\]]*\]\((?:\.\./)?references\.md#(?P<key>[\w-]+)\)"
ROLE = re.compile(r"\{cite(?::(?P<form>[pt]))?\}`(?P<keys>[^`]+)`")
CITED = re.compile(rf"\((?:{LINK.replace('?P<key>', '?:')}(?:; )?)+\)|{LINK.replace('?P<key>', '?:')}")

OPENING = """\
# References

Every source that a page of this course, or the library's documentation, names.
"""


@functools.cache
def entries() -> dict[str, Entry]:
    """Read references.bib: key to entry."""
    return dict(parse_file(ROOT / "references.bib").entries)


def who(key: str) -> str:
    """Name the authors of a source as a sentence would.

    Example:
        >>> who("hochreiter1997long"), who("bengio1994learning"), who("werbos1990backpropagation")
        ('Hochreiter and Schmidhuber', 'Bengio et al.', 'Werbos')
    """
    people = entries()[key].persons.get("author") or entries()[key].persons["editor"]
    if len(people) > 2 or family_name(people[-1]) == "others":
        return f"{family_name(people[0])} et al."
    return " and ".join(map(family_name, people))


def named(key: str, textual: bool) -> str:
    """Return authors and year; some sources have none."""
    year = entries()[key].fields.get("year")
    if not year:
        return who(key)
    return f"{who(key)} ({year})" if textual else f"{who(key)}, {year}"


def family_name(person: Person) -> str:
    """Return a person's family name, or the name of an organisation, in plain letters."""
    names = [*person.rich_prelast_names, *person.rich_last_names]
    return " ".join(str(name) for name in names)


def citation(keys: list[str], *, textual: bool, folder: str = "") -> str:
    """Return the links that cite sources, in brackets or as part of a sentence.

    Args:
        keys: Keys of references.bib.
        textual: Whether the names are words of the sentence.
        folder: How the folder of the page of references is reached from where this stands, "../" from a chapter.

    Example:
        >>> citation(["hochreiter1997long"], textual=True)
        '[Hochreiter and Schmidhuber (1997)](references.md#hochreiter1997long)'
        >>> citation(["werbos1990backpropagation"], textual=False, folder="../")
        '([Werbos, 1990](../references.md#werbos1990backpropagation))'
    """
    links = [f"[{named(key, textual)}]({folder}references.md#{key})" for key in keys]
    return " and ".join(links) if textual else f"({'; '.join(links)})"


def cited_keys(markdown: str) -> list[str]:
    """List the keys of the sources that a text cites.

    Example:
        >>> cited_keys("as {cite:t}`one,two` and [Three (2003)](../references.md#three) say")
        ['one', 'two', 'three']
    """
    found = re.finditer(rf"{ROLE.pattern}|{LINK}", markdown)
    return [key.strip() for match in found for key in (match["key"] or match["keys"]).split(",")]


def with_links(markdown: str, folder: str = "") -> str:
    """Replace the roles of a text by links."""

    def link(match: re.Match[str]) -> str:
        keys = [key.strip() for key in match["keys"].split(",")]
        return citation(keys, textual=match["form"] == "t", folder=folder)

    return ROLE.sub(link, markdown)


def without_links(markdown: str) -> str:
    """Leave citations out of a text.

    Example:
        >>> without_links("It is known ([Werbos, 1990](../references.md#werbos1990backpropagation)).")
        'It is known .'
    """
    return CITED.sub("", ROLE.sub("", markdown))


def page() -> str:
    """Return the page of references: one item a source, sorted by author, with a place that links can name."""
    style = find_plugin("pybtex.style.formatting", "plain")()
    backend = find_plugin("pybtex.backends", "markdown")()
    formatted = style.format_bibliography(parse_file(ROOT / "references.bib"))
    items = [f'- <a id="{entry.key}"></a>{written(entry.text.render(backend))}' for entry in formatted]
    return "\n".join([OPENING, *items, ""])


def written(text: str) -> str:
    """Undo what the backend does too much of, marks that need no backslash within a line, and make addresses links."""
    text = re.sub(r"\\([-.()!+#\[\]{}])", r"\1", text.replace("\n", " "))
    text = re.sub(r"\\+url (http\S*?)(?=[.,]?( |$))", r"<\1>", text)
    return re.sub(r"\barXiv:([\d.]*\d)", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


def expand(path: Path) -> bool:
    """Turn the roles of a page or a notebook into links; say whether there were any."""
    before = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        after = with_links(before)
    else:
        notebook = json.loads(before)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown" and ROLE.search("".join(cell["source"])):
                cell["source"] = with_links("".join(cell["source"]), "../").splitlines(keepends=True)
        after = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if not ROLE.search(before):
        return False
    path.write_text(after, encoding="utf-8")
    return True


def main() -> int:
    """Write the page of references, and the links of all pages."""
    PAGE.write_text(page(), encoding="utf-8")
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "chapters").glob("*.ipynb"))]:
        if path.name != "CONTRIBUTING.md" and expand(path):
            print(f"{path.name}: citations are links now")
    return 0


if __name__ == "__main__":
    sys.exit(main())
