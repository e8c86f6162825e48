"""The icons that the pages use, drawn in the page, and a font of the few that style sheets name: not the theme's 2,000.

The drawings are Font Awesome Free's (CC BY 4.0, https://fontawesome.com/license/free), taken out of the theme's script.
"""

import re
from html import escape
from io import BytesIO
from typing import NamedTuple

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.transformPen import TransformPen
from fontTools.svgLib.path import parse_path

# In the theme's script an icon reads  bars:[448,512,["navicon"],"f0c9","M0 96…"]  (quoted if its name has a dash).
ENTRY = re.compile(r'[{,]"?([\w-]+)"?:\[(\d+),(\d+),\[[^\]]*\],"([0-9a-f]+)","(M[^"]+)"\]')
# What stands for an icon in a page; these classes say which set it is from, and the one that is left says which icon.
PLACE = re.compile(r'<(i|span) class="([^"]*\bfa-[^"]*)"([^>]*)></\1>')
SETS = {"fa", "fas", "far", "fab", "fa-solid", "fa-regular", "fa-brands", "fa-lg"}
EM, BASELINE = 512, 448


class Icon(NamedTuple):
    """A drawing: its size, its place in the font, and its path."""

    width: int
    height: int
    code: int
    path: str


def read(script: str) -> dict[str, Icon]:
    """Return the drawings of Font Awesome's script by name; of the sets, the last one, which is the solid one."""
    return {
        name: Icon(int(width), int(height), int(code, 16), path)
        for name, width, height, code, path in ENTRY.findall(script)
    }


def draw(page: str, table: dict[str, Icon]) -> str:
    """Return a page with each icon drawn in it.

    Raises:
        KeyError: For an icon that Font Awesome does not have.
    """

    def svg(found: re.Match[str]) -> str:
        classes = found[2].split()
        [name] = [one[3:] for one in classes if one.startswith("fa-") and one not in SETS]
        icon = table[name]
        kept = " ".join(["svg-inline--fa", *(one for one in classes if one == "fa-lg" or not one.startswith("fa"))])
        title = re.sub(r'\s*title="[^"]*"', "", found[3])  # an attribute without a meaning in SVG
        return (
            f'<svg class="{kept}"{title} viewBox="0 0 {icon.width} {icon.height}" aria-hidden="true">'
            f'<path d="{escape(icon.path)}" fill="currentColor"/></svg>'
        )

    return PLACE.sub(svg, page)


def font(table: dict[str, Icon], codes: set[int]) -> bytes:
    """Return a font, as WOFF, of the icons with these codes; codes that no icon has are left out."""
    icons = {icon.code: icon for icon in table.values() if icon.code in codes}
    names = {code: f"u{code:X}" for code in sorted(icons)}
    blank = T2CharStringPen(EM, None)
    strings, widths = {".notdef": blank.getCharString()}, {".notdef": (EM, 0)}
    for code, name in names.items():
        icon = icons[code]
        pen = T2CharStringPen(icon.width, None)
        parse_path(icon.path, TransformPen(pen, (1, 0, 0, -1, 0, BASELINE)))
        strings[name], widths[name] = pen.getCharString(), (icon.width, 0)
    builder = FontBuilder(EM, isTTF=False)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupCFF("Icons", {}, strings, {})
    builder.setupHorizontalMetrics(widths)
    builder.setupHorizontalHeader(ascent=BASELINE, descent=BASELINE - EM)
    builder.setupNameTable({"familyName": "Icons", "styleName": "Solid"})
    builder.setupOS2(usWinAscent=BASELINE, usWinDescent=EM - BASELINE)
    builder.setupPost()
    builder.font["head"].created = builder.font["head"].modified = 0  # the same file from every build
    builder.font.recalcTimestamp = False
    builder.font.flavor = "woff"
    file = BytesIO()
    builder.font.save(file)
    return file.getvalue()
