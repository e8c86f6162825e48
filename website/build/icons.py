"""A small stand-in for the theme's fontawesome.js: only the icons that the pages use.

The drawings are Font Awesome Free's (CC BY 4.0, https://fontawesome.com/license/free), taken out of the theme's copy.
"""

import json
import re

# In the theme's script an icon reads  bars:[448,512,["navicon"],"f0c9","M0 96…"]  (quoted if its name has a dash).
ENTRY = r'["{{,]{name}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","(M[^"]+)"\]'

SCRIPT = """\
/* Draws the icons of this site. Icons: Font Awesome Free, CC BY 4.0, https://fontawesome.com/license/free */
(() => {
  const icons = ICONS;
  const SVG = "http://www.w3.org/2000/svg";

  // <i class="fa-solid fa-bars"> becomes <svg class="svg-inline--fa fa-solid fa-bars">: other scripts and styles of the
  // theme look for either. Attributes such as data-mode stay.
  function draw(i) {
    const name = [...i.classList].find((c) => c.startsWith("fa-") && c.slice(3) in icons);
    if (!name) return;
    const [width, height, path] = icons[name.slice(3)];
    const svg = document.createElementNS(SVG, "svg");
    for (const { name: key, value } of i.attributes) svg.setAttribute(key, value);
    svg.classList.add("svg-inline--fa");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    line.setAttribute("fill", "currentColor");
    svg.append(line);
    i.replaceWith(svg);
  }

  const drawAll = () => document.querySelectorAll("i[class*='fa-']").forEach(draw);
  drawAll();
  new MutationObserver(drawAll).observe(document.documentElement, { childList: true, subtree: true });
})();
"""


def find(fontawesome: str, names: list[str]) -> tuple[dict[str, tuple[int, int, str]], list[str]]:
    """Look up icons in Font Awesome's script: name to (width, height, path), and the names that it does not have."""
    table, missing = {}, []
    for name in names:
        # A pattern of the "regular" set may come first; the theme uses the solid set, which comes last.
        entries = re.findall(ENTRY.replace("{{", "{").replace("{name}", re.escape(name)), fontawesome)
        if entries:
            width, height, path = entries[-1]
            table[name] = (int(width), int(height), path)
        else:
            missing.append(name)
    return table, missing


def script(table: dict[str, tuple[int, int, str]]) -> str:
    """Return the script that draws the icons of ``table``."""
    return SCRIPT.replace("ICONS", json.dumps(table))
