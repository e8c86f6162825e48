"""What others show of a page: its title, its description, and the card that a link to it becomes."""

import html
import re
import textwrap
from pathlib import Path
from typing import Any

from docutils import nodes
from search import formula
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from lstm_lib.notation import FAMILIES, INK, PAGE

LONGEST = 160  # of a description, in characters: search engines cut what is longer


def description(app: Sphinx, name: str, doctree: nodes.document) -> str:
    """Return what a page says of itself: in its metadata, after "You will" in its opening, or in a first paragraph."""
    if name == app.config.root_doc:
        return str(app.config.html_context["description"])
    told = app.env.metadata.get(name, {}).get("description")
    return str(told) if told else shortened(promise(doctree) or first_paragraph(doctree) or doctree.astext())


def promise(doctree: nodes.document) -> str:
    """Return what the opening of a chapter says that the reader will do."""
    for box in doctree.findall(nodes.admonition):
        said = re.search(r"You will (?!learn)(.*?\.) You will learn", " ".join(box.astext().split()))
        if said:
            return said[1][0].upper() + said[1][1:]
    return ""


def first_paragraph(doctree: nodes.document) -> str:
    """Return the text of the first paragraph that stands in a section itself, not in a box."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            text = "".join(
                formula(node.astext()) if isinstance(node.parent, nodes.math) else node.astext()
                for node in paragraph.findall(nodes.Text)
            )
            return " ".join(text.split())
    return ""


def shortened(text: str) -> str:
    """Cut a text after the last sentence that fits, or else after the last word.

    Example:
        >>> shortened("One sentence. " + "And one that is far too long to fit. " * 9)[:60]
        'One sentence. And one that is far too long to fit. And one t'
    """
    if len(text) <= LONGEST:
        return text
    ends = [match.end() for match in re.finditer(r"[.!?](?= )", text[: LONGEST + 1])]
    if ends and ends[-1] >= LONGEST // 3:
        return text[: ends[-1]]
    return textwrap.shorten(text, LONGEST, placeholder=" …")


def tags(app: Sphinx, name: str, title: str, says: str) -> str:
    """Return the tags for the head of a page. A picture needs the site's address, since it must be named in full."""
    site, base = app.config.html_title, app.config.html_baseurl
    card = {
        "og:type": "website" if name == app.config.root_doc else "article",
        "og:site_name": site,
        "og:title": title,
        "og:description": says,
    }
    if base:
        picture = f"{base.rstrip('/')}/_static/course/cards/{card_name(name)}"
        card |= {"og:url": f"{base.rstrip('/')}/{name}.html", "og:image": picture}
        card |= {"og:image:width": str(CARD[0]), "og:image:height": str(CARD[1]), "og:image:alt": f"{site}: {title}"}
    quoted = {key: html.escape(value, quote=True) for key, value in card.items()}
    lines = [f'<meta name="description" content="{html.escape(says, quote=True)}" />']
    lines += [f'<meta property="{key}" content="{value}" />' for key, value in quoted.items()]
    lines.append(f'<meta name="twitter:card" content="{"summary_large_image" if base else "summary"}" />')
    return "\n".join(lines)


def add_tags(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Put title and tags into the head of a page."""
    if doctree is None:
        return
    title = html.unescape(re.sub(r"<[^>]+>", "", context.get("title", "")))
    known = re.sub(r'<meta[^>]*name="viewport"[^>]*>\s*', "", context.get("metatags", ""))  # the layout has one
    context["metatags"] = known + tags(app, name, title, description(app, name, doctree))
    if name == app.config.root_doc:
        context["docstitle"] = ""  # the page has the name of the site, which would come twice


# ---------------------------------------------------------------- pictures

CARD = (1200, 630)  # the size that most sites ask for


def card_name(name: str) -> str:
    """Return the file name of a page's card."""
    return f"{name.replace('/', '-')}.png"


def draw_card(title: str, site: str, target: Path) -> None:
    """Draw the card of a page: the sign of the course, its name, and the title of the page."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    figure = Figure(figsize=(CARD[0] / 100, CARD[1] / 100), dpi=100, facecolor=PAGE.on_light)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set_xlim(0, CARD[0])
    ax.set_ylim(CARD[1], 0)

    def line(xs: list[float], ys: list[float], gate: str, width: float) -> None:
        ax.plot(xs, ys, color=FAMILIES[gate].hue, linewidth=width, solid_capstyle="round")

    line([180, 180, 110], [150, 245, 245], "learn", 16)  # as in the logo
    line([245, 245], [150, 245], "use", 16)
    line([60, 290], [150, 150], "remember", 24)
    ax.add_patch(Circle((110, 150), 36, color=FAMILIES["forget"].hue, zorder=3))
    ax.text(340, 185, site, size=24, color=FAMILIES["remember"].on_light, va="center", weight="bold", parse_math=False)
    words = "\n".join(textwrap.wrap(title, 34))
    ax.text(76, 440, words, size=38, color=INK.on_light, va="center", weight="bold", parse_math=False, linespacing=1.25)
    figure.savefig(target, dpi=100, facecolor=PAGE.on_light)


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Draw the cards, if the site has an address, and write the page at the root, which leads to the first one."""
    if exception or app.builder.name != "html":
        return
    site, root = app.config.html_title, app.config.root_doc
    if app.config.html_baseurl:
        cards = Path(app.outdir) / "_static" / "course" / "cards"
        cards.mkdir(parents=True, exist_ok=True)
        for name, title in app.env.titles.items():
            draw_card(title.astext(), site, cards / card_name(name))
    says = tags(app, root, site, app.config.html_context["description"])
    (Path(app.outdir) / "index.html").write_text(f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{html.escape(site)}</title>
{says}
<meta http-equiv="refresh" content="0; url={root}.html" />
</head>
<body><p><a href="{root}.html">{html.escape(site)}</a></p></body>
</html>
""", encoding="utf-8")  # fmt: skip


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.connect("html-page-context", add_tags)
    app.connect("build-finished", finish, priority=900)  # when the other pages are finished
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
