"""Finish the pages when they are written: light, steady and safe.

One style sheet and one script serve all pages (``pieces``), without what no page uses. Each picture says how large it
is before it comes. A policy names what a page may load, and its scripts by their hash.
"""

import hashlib
import json
import re
import struct
from base64 import b64encode
from pathlib import Path

import dark
import icons
from heights import estimated
from pieces import FOLDER, PAGE_NAME, SCRIPT, SEARCH, SHEET, Site, local, minified, shared_script, shared_sheet, source
from PIL import Image
from progress import quiz_anchor

from lstm_lib.widgets import _base

PRELOAD = re.compile(r'<link rel="preload" as="script"[^>]*>\n?')
IMAGE = re.compile(r'<img\b[^>]*src="([^"]+)"[^>]*?/?>')
WIDGET = re.compile(rf'"_anywidget_id": "{_base.__package__}\.(\w+)\.\w+"|data-explorable="(\w+)"')
FOREIGN = re.compile(rf'"_anywidget_id": "(?!{_base.__package__}\.)')
EXPLORABLES = "widgets.js"
FACES = {"TEX-I": "MathJax_Math-Italic", "TEX-SS": "MathJax_SansSerif-Regular"}  # class of a letter, and its font
FOLD = re.compile(r'<summary([^>]*)>(\s*<p class="collapsed[^>]*>)([^<]*)</p>')
VIEW = re.compile(r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.DOTALL)
STATES = re.compile(r'<script type="application/vnd\.jupyter\.widget-state\+json">(.*?)</script>', re.DOTALL)
# The theme's first script leaves it to a later one to find out that the page is dark, after it was drawn.
MODE = re.compile(r"<script data-cfasync=.*?</script>", re.DOTALL)
MODE_SCRIPT = """\
<script>
    (() => {
      let mode = "auto";
      try { mode = localStorage.getItem("mode") || mode; } catch {} // a browser may refuse
      const dark = mode === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : mode === "dark";
      Object.assign(document.documentElement.dataset, { mode, theme: dark ? "dark" : "light" });
    })();
  </script>"""

# A page that is opened from disk may use a font, but not fetch it.
FONTS_SCRIPT = """\
<script>
    if (location.protocol !== "file:") for (const href of FONTS) {
      const link = { rel: "preload", as: "font", type: "font/woff", crossOrigin: "anonymous", href };
      document.head.append(Object.assign(document.createElement("link"), link));
    }
  </script>"""

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",  # explorables and formulas set the style of single elements
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


def digest(text: str) -> str:
    """Return a few letters that change with a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def size(file: Path) -> tuple[int, int] | None:
    """Return width and height of a picture in CSS pixels, or None where its file does not say."""
    start = file.read_bytes()[:2000]
    if start.startswith(b"\x89PNG"):
        width, height = struct.unpack(">II", start[16:24])
        return width, height
    found = re.search(rb'viewBox="0 0 (\d+) (\d+)"', start)
    return (int(found[1]), int(found[2])) if found else None


def sized(site: Site, page: str, text: str) -> str:
    """Give each picture its size; those of the article load when they come near, unless the page begins with one."""
    article = text.find("<article")

    def tag(found: re.Match[str]) -> str:
        whole = found[0]
        path = site.folder / source(page, f'src="{found[1]}"')
        added = []
        if "width=" not in whole and path.is_file() and (measures := size(path)):
            added.append('width="{}" height="{}"'.format(*measures))
        if 0 < article < found.start():
            added.append('decoding="async"')
            before = re.sub(r"<[^>]*>|\s+", "", text[article : found.start()])
            if len(before) > 1500 and "loading=" not in whole:
                added.append('loading="lazy"')
        return whole.replace("<img", " ".join(["<img", *added]), 1)

    return IMAGE.sub(tag, text)


def framed(text: str) -> str:
    """Give each explorable a frame that keeps its room until it starts; a quiz has its name there, for links."""
    stored = STATES.search(text)
    states = json.loads(stored[1])["state"] if stored else {}
    seen = set()

    def frame(found: re.Match[str]) -> str:
        state = states.get(json.loads(found[1])["model_id"], {}).get("state", {})
        anchor = quiz_anchor(state)
        named = f' id="{anchor}"' if anchor and anchor not in seen else ""
        seen.add(anchor)
        return f'{found[0]}<div class="anyhost"{named}></div>'

    return VIEW.sub(frame, text)


def titled(text: str) -> str:
    """Give each fold of a cell the title that it has on paper, where nothing can be shown or hidden any more.

    Example:
        >>> titled('<summary><p class="collapsed">Show that the two agree</p>')
        '<summary data-title="That the two agree"><p class="collapsed">Show that the two agree</p>'
    """

    def title(found: re.Match[str]) -> str:
        said = found[3].strip().removeprefix("Show ")
        return f'<summary{found[1]} data-title="{said[:1].upper()}{said[1:]}">{found[2]}{found[3]}</p>'

    return FOLD.sub(title, text)


def lighten(folder: Path, least: int = 60_000) -> None:
    """Write large pictures without the channel that says that they are opaque, an eighth of their bytes."""
    for file in folder.glob("*.png"):
        if file.stat().st_size < least:
            continue
        with Image.open(file) as picture:
            if picture.mode == "RGBA" and picture.getextrema()[3] == (255, 255):
                picture.convert("RGB").save(file, optimize=True)


def policy(text: str) -> str:
    """Return the policy of a page: what it may load, and the hashes of the scripts that stand in it."""
    inline = [inside for attributes, inside in SCRIPT.findall(text) if "src=" not in attributes and runs(attributes)]
    hashes = sorted({f"'sha256-{b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in inline})
    blob = ["blob:"] if FOREIGN.search(text) else []  # an anywidget that is not ours brings its code in its state
    rules = {**POLICY, "script-src": " ".join([POLICY["script-src"], *hashes, *blob])}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def runs(attributes: str) -> bool:
    """Tell whether a script with these attributes is a program, and not data."""
    found = re.search(r'type="([^"]*)"', attributes)
    return not found or found[1] in ("", "module", "text/javascript")


def first_fonts(text: str) -> list[str]:
    """List the fonts of the formulas that a reader sees first: coming late, each would lay out the page once more."""
    start = "".join(text.partition("<article")[2].split('class="distant"')[:2])
    start = re.sub(r"<details\b.*?</details>", "", start, flags=re.DOTALL)
    if "<mjx-container" not in start:
        return []
    return ["MathJax_Main-Regular", *(file for face, file in FACES.items() if f'{face}"' in start)]


def loaded(site: Site, page: str, versions: dict[str, str]) -> str:
    """Return a page that loads the shared sheet and script in place of their pieces."""
    text = MODE.sub(MODE_SCRIPT, PRELOAD.sub("", site.pages[page]), count=1)
    shared = site.shared
    place = local(page, FOLDER)
    start = SHEET.search(text).start()  # type: ignore[union-attr]
    head, rest = text[:start], text[start:]

    def script(found: re.Match[str]) -> str:
        path = source(page, found[1])
        if "type=" in found[1]:
            return found[0]
        if site.left_out(path) or (path or found[2].strip()) in shared or PAGE_NAME.search(found[2]):
            return ""
        if path.endswith(SEARCH) and page != "search.html":
            return ""
        if path.endswith(f"/{EXPLORABLES}"):
            name = explorables_file(site.pages[page])
            return f'<script defer src="{place}/{name}?v={versions[name]}"></script>'
        return found[0].replace("<script", "<script defer", 1) if path and "defer" not in found[1] else found[0]

    rest = SCRIPT.sub(script, SHEET.sub("", rest))
    fonts = [f"{place}/fonts/{font}.woff" for font in first_fonts(text)]
    first = [
        *([FONTS_SCRIPT.replace("FONTS", json.dumps(fonts))] if fonts else []),
        f'<link rel="stylesheet" href="{place}/page.css?v={versions["page.css"]}">',
        f'<script defer src="{place}/page.js?v={versions["page.js"]}"></script>',
    ]
    name = PAGE_NAME.search(text)
    head = head.replace("<html ", f'<html data-page="{name[1]}" ', 1) if name else head
    return head + "\n".join(first) + "\n" + rest


def explorables(text: str) -> list[str]:
    """List the explorables of a page, of a notebook or of a place in its text."""
    return sorted({name or other for name, other in WIDGET.findall(text)})


def explorables_file(text: str) -> str:
    """Return the name of the script with the explorables of a page."""
    return "-".join(["widgets", *explorables(text)]) + ".js"


def finish(folder: Path, aside: Path, fontawesome: str) -> None:
    """Finish all pages of a site.

    Args:
        folder: Where the site was built.
        aside: Where the pages are kept as Sphinx wrote them.
        fontawesome: The theme's script of icons.

    Raises:
        ValueError: If a page holds a script in an attribute, which its policy would stop.
    """
    site, table = Site(folder, aside), icons.read(fontawesome)
    for page, text in site.pages.items():
        text = text.replace('onclick="window.print()"', "data-print")
        if found := re.search(r'<[a-z][^>]*\son[a-z]+="[^>]*>|href="javascript:[^"]*"', SCRIPT.sub("", text)):
            raise ValueError(f"{page}: got {found[0]}, expected no script in an attribute")
        text = titled(framed(icons.draw(text, table)))
        site.pages[page] = estimated(page, text)

    made = {"page.css": shared_sheet(site, table), "page.js": shared_script(site)}
    for text in site.pages.values():
        if f"/{EXPLORABLES}" in text:
            made[explorables_file(text)] = _base.script(explorables(text))
    dark.write(folder / "_images", list(site.pages.values()))
    lighten(folder / "_images")
    made = minified(made)
    for name, content in made.items():
        site.write(f"{FOLDER}/{name}", content)
    versions = {name: digest(content) for name, content in made.items()}
    for page in site.pages:
        text = sized(site, page, loaded(site, page, versions))
        rules = f'<meta http-equiv="Content-Security-Policy" content="{policy(text)}">'
        site.write(page, re.sub(r"(<meta charset[^>]*>)", rf"\1\n    {rules}", text, count=1))
