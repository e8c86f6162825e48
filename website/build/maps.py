"""The maps of the cell on the site: drawn inline, in the page's colours, with links from each gate to its chapter.

A notebook shows a picture. Where a cell of it says ``diagrams.draw(diagrams.simplified(), here="forget")``, the page
has the same description as SVG in its place: light and dark, sharp on every screen, with a way to the other gates.
"""

import ast
import html
import json
import re
from pathlib import Path

from lstm_lib import _cell_map

CHAPTERS = {"remember": "03_remember_gate", "learn": "04_learn_gate", "forget": "05_forget_gate", "use": "06_use_gate"}
UNIT = 54  # px, of a drawing that is 11 units wide
LETTER = 0.18  # units, the width of a letter
SIGNS = ("×", "+")
CALL = re.compile(r"diagrams\.draw\(.*\)")
KINDS = {"simplified": _cell_map.simplified, "full": _cell_map.full}


def swap(body: str, notebook: Path) -> str:
    """Put drawings in the place of the pictures of a page.

    Args:
        body: The page's HTML.
        notebook: Where its cells are: what they draw, and what they say that it shows.
    """
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        found = CALL.search("".join(cell["source"])) if cell["cell_type"] == "code" else None
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt")
        if found and alt:
            words = html.escape(alt, quote=False).replace('"', "&quot;")
            picture = re.compile(rf'<img\b[^>]*\balt="{re.escape(words)}"[^>]*>')
            kind, use, here = asked(found[0])
            drawing = nav(KINDS[kind](use), alt, here=here, chapter=notebook.stem)
            body = picture.sub(lambda _, drawing=drawing: drawing, body, count=1)
    return body


def asked(call: str) -> tuple[str, str, str | None]:
    """Read which map a cell draws: simplified or full, with which use gate, and what is lit.

    Example:
        >>> asked('diagrams.draw(diagrams.full("drawn"), here="use")')
        ('full', 'drawn', 'use')
    """
    draw = ast.parse(call, mode="eval").body
    assert isinstance(draw, ast.Call)
    inner = draw.args[0]
    assert isinstance(inner, ast.Call)
    assert isinstance(inner.func, ast.Attribute)
    here = next((ast.literal_eval(word.value) for word in draw.keywords if word.arg == "here"), None)
    return inner.func.attr, ast.literal_eval(inner.args[0]) if inner.args else "standard", here


def nav(diagram: _cell_map.Diagram, alt: str, *, here: str | None, chapter: str) -> str:
    """Return a map as HTML; every gate but the one of this chapter is a link."""
    width, height = (size * UNIT for size in diagram.size)
    lit = [part for part in diagram.parts.values() if part.family == here]

    def kind(family: str, *, near: bool = False) -> str:
        return f"gate-{family}{'' if here is None or family == here or near else ' cell-map-faded'}"

    pieces = []
    for wire in diagram.wires:
        near = any(_cell_map.ends_at(wire, part) for part in lit)
        pieces.append(f'<g class="{kind(wire.family, near=near)}">{_wire(wire, diagram)}</g>')
    for family in dict.fromkeys(part.family for part in diagram.parts.values()):
        boxes = "".join(_part(part, diagram) for part in diagram.parts.values() if part.family == family)
        group = f'<g class="{kind(family)}">{boxes}</g>'
        target = CHAPTERS.get(family)
        if target and target != chapter:
            label = f"To the {family} gate, Chapter {int(target[:2])}"
            group = f'<a href="{target}.html"><title>{label}</title>{group}</a>'
        pieces.append(group)
    name = html.escape(alt, quote=True)
    return (
        f'<span class="cell-map" role="group" aria-label="{name}">'
        f'<svg viewBox="0 0 {width:g} {height:g}" xmlns="http://www.w3.org/2000/svg">{"".join(pieces)}</svg></span>'
    )


def _at(point: tuple[float, float], diagram: _cell_map.Diagram) -> tuple[float, float]:
    return point[0] * UNIT, (diagram.size[1] - point[1]) * UNIT


def _wire(wire: _cell_map.Wire, diagram: _cell_map.Diagram) -> str:
    points = [_at(point, diagram) for point in wire.points]
    (x0, y0), (x, y) = points[-2:]
    turn = {(True, False): 0, (False, False): 180}.get((x > x0, x == x0), 90 if y > y0 else -90)
    line = "L".join(f"{px:g} {py:g}" for px, py in points)
    heavy = ' class="cell-map-memory"' if wire.family == "remember" else ""
    head = f'<path class="cell-map-head" d="M0 0l-11 -5.5v11z" transform="translate({x:g} {y:g}) rotate({turn})"/>'
    return f'<path{heavy} d="M{line}"/>{head}{_label(wire, diagram)}'


def _label(wire: _cell_map.Wire, diagram: _cell_map.Diagram) -> str:
    if not wire.label:
        return ""
    x, y = _at(wire.label_at, diagram)
    anchor = ""
    if wire.label_at[0] + LETTER * len(wire.label) > diagram.size[0]:  # it would be cut
        x, anchor = diagram.size[0] * UNIT - 2, ' text-anchor="end"'
    return f'<text class="cell-map-label" x="{x:g}" y="{y:g}"{anchor}>{_letters(wire.label)}</text>'


def _part(part: _cell_map.Part, diagram: _cell_map.Diagram) -> str:
    x, y = _at((part.x, part.y), diagram)
    width, height = part.width * UNIT, part.height * UNIT
    radius = min(width, height) * (0.5 if part.text in SIGNS else 0.2)
    place = f'x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"'
    lines = part.text.split("\n")
    top = y + 6 - 9 * (len(lines) - 1)
    texts = "".join(
        f'<text x="{x:g}" y="{top + 18 * n:g}" text-anchor="middle">{_letters(line)}</text>'
        for n, line in enumerate(lines)
    )
    return f'<rect class="cell-map-paper" {place}/><rect {place}/>{texts}'


def _letters(text: str) -> str:
    """Turn the little TeX of a label, such as $c_{t-1}$, into letters with an index below."""
    plain = html.escape(text.replace("$", "").replace("-", "\N{MINUS SIGN}"))
    return re.sub(r"_(?:\{([^}]*)\}|(\w))", r'<tspan class="cell-map-index" dy="4">\1\2</tspan>', plain)
