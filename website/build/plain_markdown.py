"""Read what Jupyter, Colab and GitHub show well as what the site shows better.

Notebooks hold plain Markdown and HTML, no directives: Jupyter would show those as they are typed. So

- a quotation that opens with a line in bold is a box with that title (an admonition),
- a place marked with <a id="…"></a> is one that links to the page may name.

Folds are <details> everywhere; they need nothing but style. A first line with "@title", which Jupyter and Colab show of
a cell whose source is hidden, is left out.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

ID = re.compile(r'<a id="([^"]+)">')


def find_boxes(app: Sphinx, doctree: nodes.document) -> None:
    """Turn each quotation with a title into an admonition: a tip if it is a note on mathematics, else a note."""
    for quotation in list(doctree.findall(nodes.block_quote)):
        first = quotation.children[0] if quotation.children else None
        words = [child for child in first.children if child.astext()] if isinstance(first, nodes.paragraph) else []
        if [type(word) for word in words] != [nodes.strong]:
            continue
        kind = "tip" if first.astext().startswith("Note:") else "note"
        title = nodes.title("", "", *(child.deepcopy() for child in words[0]))
        box = nodes.admonition("", title, *quotation.children[1:], classes=["admonition", kind])
        box.source, box.line = quotation.source, quotation.line
        quotation.replace_self(box)


def find_places(app: Sphinx, doctree: nodes.document) -> None:
    """Tell MyST of the places that HTML marks, or it would warn that there is nothing of that name."""
    places = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for raw in doctree.findall(nodes.raw):
        for name in ID.findall(raw.astext()):
            places.setdefault(name, (raw.line, name, name))


def drop_titles(app: Sphinx, doctree: nodes.document) -> None:
    """Leave out the line that stands for a hidden source: the site has a fold with words of its own."""
    for code in list(doctree.findall(nodes.literal_block)):
        first, _, rest = code.astext().partition("\n")
        if first.startswith("# @title "):
            code.rawsource = rest
            code.children = []
            code += nodes.Text(rest)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.connect("doctree-read", find_boxes)
    app.connect("doctree-read", drop_titles)
    app.connect("doctree-read", find_places, priority=900)  # after MyST has noted the headings
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
