"""Typeset every formula when the book is built: the pages need no MathJax, only a style sheet and a few small fonts.

MathJax's own HTML is what it would draw in the browser; beside it stands the formula in MathML, for those who listen.
"""

import hashlib
import json
import re
import subprocess
import sys
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

from docutils import nodes
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

HERE = Path(__file__).resolve().parent
MATHJAX = HERE.parent.parent / "node_modules" / "mathjax"
FONTS = MATHJAX / "es5" / "output" / "chtml" / "fonts" / "woff-v2"
SCRIPT = HERE / "formulas.mjs"

NOTHING = "MathJax_Zero.woff"  # a font without characters, which keeps the others from changing the height of a line

# As large as the text around it: MathJax's small letters are 0.442 em high, and those of the reader's font are 1 ex.
SIZE = 'mjx-container[jax="CHTML"] { font-size: calc(1ex / 0.442); }\n'
FACE = re.compile(r"@font-face[^{]*\{\s*font-family: ([\w-]+);\s*src: url\(\"FONTS/([\w-]+\.woff)\"\)[^}]*\}\s*")
CONTENT = re.compile(r'content: "((?:[^"\\]|\\.)*)"')

logger = logging.getLogger(__name__)


def tex(node: nodes.Element) -> str:
    """Return what a formula says in TeX; one of several paragraphs has a line for each, as Sphinx has it."""
    text = node.astext()
    if isinstance(node, nodes.math) or node["nowrap"]:
        return text
    parts = [part for part in text.split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    if len(parts) == 1:
        return parts[0]
    return r"\begin{align}\begin{aligned}" + r"\\".join(parts) + r"\end{aligned}\end{align}"


def key(node: nodes.Element) -> str:
    """Return the name of a formula in the table: how it stands, and its TeX."""
    return f"{'inline' if isinstance(node, nodes.math) else 'display'} {tex(node)}"


def run(macros: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """Typeset formulas in one process: ``formulas``, HTML or ``{"error": …}`` by key, and their ``style``."""
    formulas = [{"display": how == "display", "tex": text} for how, _, text in (one.partition(" ") for one in keys)]
    node = Path(sys.executable).parent / "node"
    question = json.dumps({"macros": macros, "formulas": formulas})
    done = subprocess.run([node, SCRIPT], input=question, check=True, capture_output=True, text=True, timeout=120)
    answer = json.loads(done.stdout)
    return {"formulas": dict(zip(keys, answer["formulas"], strict=True)), "style": answer["style"]}


def typeset(macros: dict[str, Any], keys: list[str], kept: Path) -> dict[str, Any]:
    """Typeset formulas, or take them from a file that an earlier build kept for the same formulas and script."""
    version = (MATHJAX / "package.json").read_text(encoding="utf-8")
    asked = [SCRIPT.read_text(encoding="utf-8"), version, json.dumps(macros), *keys]
    mark = hashlib.sha256("\0".join(asked).encode()).hexdigest()
    if kept.is_file():
        known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if known["mark"] == mark:
            return known
    made = {"mark": mark, **run(macros, keys)}
    kept.write_text(json.dumps(made), encoding="utf-8")
    return made


def characters(style: str) -> set[str]:
    """Return the characters that a style sheet draws."""
    # One content at a time: in a joined text a "1" would go on with the number of the sign before it.
    texts = [re.sub(r"\\([0-9A-Fa-f]+) ?", lambda found: chr(int(found[1], 16)), one) for one in CONTENT.findall(style)]
    return set("".join(texts).replace("\\", ""))


def small_font(file: Path, kept: set[str]) -> bytes:
    """Return a font with some of its characters, as WOFF."""
    if file.name == NOTHING:
        return file.read_bytes()
    font = TTFont(file)
    subsetter = subset.Subsetter(subset.Options(layout_features=[], drop_tables=["FFTM", "GDEF"], hinting=False))
    subsetter.populate(text="".join(kept))
    subsetter.subset(font)
    font.flavor = "woff"
    file_like = BytesIO()
    font.save(file_like, reorderTables=False)
    return file_like.getvalue()


def style_sheet(made: dict[str, Any]) -> tuple[str, dict[str, bytes]]:
    """Return the style sheet of the formulas, with the faces that they use, and the files of their fonts."""
    html, style = "".join(made["formulas"].values()), made["style"]
    kept = characters(style)
    # A face has the name of its class, MJXTEX-I for .TEX-I; the plain one, the empty one and large signs have none.
    always = {"MJXZERO", "MJXTEX", *(["MJXTEX-S1", "MJXTEX-S4"] if "mjx-stretchy" in html else [])}
    used = {face: file for face, file in FACE.findall(style) if face in always or face.removeprefix("MJX") in html}
    fonts = {file: small_font(FONTS / file, kept) for file in used.values()}
    sheet = FACE.sub(lambda found: found[0] if found[1] in used else "", style)
    nothing = b64encode(fonts.pop(NOTHING)).decode("ascii")
    sheet = re.sub(r"/\*.*?\*/ ?", "", sheet).replace(f"FONTS/{NOTHING}", f"data:font/woff;base64,{nothing}")
    return SIZE + sheet.replace("FONTS/", "fonts/"), fonts


def typeset_book(app: Sphinx, env: BuildEnvironment) -> None:
    """Typeset the formulas of all pages, complain about those that MathJax does not know, and write the style sheet."""
    places = {
        key(node): node
        for page in sorted(env.found_docs)
        for node in env.get_doctree(page).findall(lambda node: isinstance(node, nodes.math | nodes.math_block))
    }
    made = typeset(app.config.formula_macros, sorted(places), Path(app.doctreedir) / "formulas.json")
    for name, html in made["formulas"].items():
        if isinstance(html, dict):
            logger.warning("a formula cannot be typeset: %s", html["error"], location=places[name])
            made["formulas"][name] = f"<code>{name}</code>"
    env.app.formulas = made["formulas"]  # type: ignore[attr-defined]
    sheet, fonts = style_sheet(made)
    folder = Path(app.outdir).parent / "assets" / "course"
    (folder / "fonts").mkdir(parents=True, exist_ok=True)
    (folder / "formulas.css").write_text(sheet, encoding="utf-8")
    for file, content in fonts.items():
        (folder / "fonts" / file).write_bytes(content)


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    html = self.builder.app.formulas[key(node)]
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight") + f"{html}</span>")
    raise nodes.SkipNode


def visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula that stands by itself, with its number if it has one."""
    self.body.append(self.starttag(node, "div", "", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(f"{self.builder.app.formulas[key(node)]}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Take the place of Sphinx's own way to write formulas."""
    app.add_config_value("formula_macros", {}, "env")
    app.add_html_math_renderer("typeset", (visit_inline, None), (visit_display, None))
    app.connect("env-updated", typeset_book)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
