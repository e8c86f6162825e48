"""Finish the pages when they are written: light, steady and safe.

One style sheet and one script for all pages, from what the theme and its extensions bring in pieces, without what no page
uses. Each picture says how large it is before it comes. A policy names what a page may load, and its scripts by their hash.

What Sphinx has written is kept aside, so that a build that writes only some pages anew finishes all from the same start.
"""

import hashlib
import re
import struct
import subprocess
import sys
import tempfile
from base64 import b64encode
from functools import cached_property
from pathlib import Path, PurePosixPath

import icons
import purge

from lstm_lib.widgets import _base

ROOT = Path(__file__).resolve().parent.parent.parent
ESBUILD = [Path(sys.executable).parent / "node", ROOT / "node_modules" / "esbuild" / "bin" / "esbuild"]

SHEET = re.compile(r'<link\b[^>]*rel="stylesheet"[^>]*>\n?')
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL)
PRELOAD = re.compile(r'<link rel="preload" as="script"[^>]*>\n?')
ADDRESS = re.compile(r'(?:href|src)="([^"?]+)')
PAGE_NAME = re.compile(r"DOCUMENTATION_OPTIONS\.pagename = '([^']*)';")
IMAGE = re.compile(r'<img\b[^>]*src="([^"]+)"[^>]*?/?>')
WIDGET = re.compile(rf'"_anywidget_id": "{_base.__package__}\.(\w+)\.\w+"|data-explorable="(\w+)"')
FOREIGN = re.compile(rf'"_anywidget_id": "(?!{_base.__package__}\.)')

ICONS_SCRIPT = "fontawesome.js"
SEARCH = ("searchtools.js", "language_data.js", "searchindex.js")  # only the page of results searches
USES = {"design-tabs.js": "sd-tab-set", "togglebutton.js": 'class="([^"]* )?toggle[ "]'}  # a script, and what it is for
EXPLORABLES = "widgets.js"
FOLDER = "_static/course"

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


def source(page: str, tag: str) -> str:
    """Return what a tag of a page loads, as a path from the root of the site, or "" for nothing."""
    found = ADDRESS.search(tag)
    if not found:
        return ""
    parts: list[str] = []
    for part in (PurePosixPath(page).parent / found[1]).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def local(page: str, path: str) -> str:
    """Return the way from a page to a path of the site."""
    return "../" * page.count("/") + path


class Site:
    """The folder of a built site, and its pages as Sphinx wrote them."""

    def __init__(self, folder: Path, aside: Path) -> None:
        """Read the pages; those that were finished already, from what was kept aside."""
        self.folder = folder
        self.pages: dict[str, str] = {}
        for file in sorted(folder.rglob("*.html")):
            page = file.relative_to(folder).as_posix()
            text = file.read_text(encoding="utf-8")
            if page.startswith("_static/") or "</head>" not in text:
                continue
            kept = aside / page
            if "Content-Security-Policy" in text:
                text = kept.read_text(encoding="utf-8")
            else:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(text, encoding="utf-8")
            self.pages[page] = text

    def read(self, path: str) -> str:
        """Return a file of the site."""
        return (self.folder / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        """Write a file of the site."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def sheets(self) -> list[str]:
        """List the style sheets of all pages, each once, in their order."""
        return list(dict.fromkeys(source(page, tag) for page, text in self.pages.items() for tag in SHEET.findall(text)))

    def scripts(self, page: str) -> list[str]:
        """List the plain scripts of a page after its first style sheet: a path, or the text of one in the page."""
        text = self.pages[page]
        start = text.index('rel="stylesheet"')
        return [
            source(page, attributes) or inside.strip()
            for attributes, inside in SCRIPT.findall(text[start:])
            if "type=" not in attributes and not self.left_out(source(page, attributes))
        ]

    @cached_property
    def unused(self) -> set[str]:
        """Name the scripts that no page needs."""
        return {name for name, use in USES.items() if not any(re.search(use, text) for text in self.pages.values())}

    def left_out(self, path: str) -> bool:
        """Tell whether no page needs a script."""
        return path.rpartition("/")[2] in {ICONS_SCRIPT, *self.unused}

    @cached_property
    def shared(self) -> list[str]:
        """List the scripts that all pages have, in their order; what depends on its own tag stays by itself."""
        lists = {page: self.scripts(page) for page in self.pages}
        first = next(iter(lists.values()))
        names = [one for one in first if PAGE_NAME.match(one) or all(one in others for others in lists.values())]
        return [one for one in names if not one.endswith(SEARCH) and not self.alone(one)]

    def alone(self, path: str) -> bool:
        """Tell whether a script asks where it was loaded from."""
        return path.endswith(".js") and "currentScript" in self.read(path)

    def words(self) -> purge.Words:
        """Return the names that pages and scripts can give to an element."""
        paths = {one for page in self.pages for one in self.scripts(page) if one.endswith(".js")}
        course = {file.relative_to(self.folder).as_posix() for file in (self.folder / FOLDER).rglob("*.js")}
        skipped = (*SEARCH[1:], ICONS_SCRIPT)
        texts = [self.read(path) for path in sorted(paths | course) if not path.endswith(skipped) and "/models/" not in path]
        return purge.Words("".join(self.pages.values()), "\n".join(texts))


def sheet(site: Site, path: str) -> str:
    """Return a style sheet with what it imports, and with addresses as seen from the folder of the shared one."""
    text = site.read(path).replace('@charset "UTF-8";', "")
    folder = "/".join(path.split("/")[:-1])

    def moved(found: re.Match[str]) -> str:
        target = found[2]
        if target.startswith(("data:", "#", "http")):
            return found[0]
        there = source(f"{folder}/page", f'href="{target}"')
        return f"url({found[1]}{'../' * (FOLDER.count('/') + 1)}{there}{found[1]})"

    def imported(found: re.Match[str]) -> str:
        return sheet(site, source(f"{folder}/page", f'href="{found[1]}"'))

    text = re.sub(r"""url\((['"]?)([^'")]+)\1\)""", moved, text)
    return re.sub(r"""@import\s*(?:url\()?['"]([^'"]+)['"]\)?;""", imported, text)


def shared_sheet(site: Site, table: dict[str, icons.Icon]) -> str:
    """Join the style sheets of all pages, without what no page uses, with a small font for the icons that are left."""
    whole = purge.purge("\n".join(sheet(site, path) for path in site.sheets()), site.words())
    whole = re.sub(r"@font-face\{[^}]*fontawesome[^}]*\}", "", whole)
    whole = purge.drop_variables(whole)
    codes = {int(code, 16) for code in re.findall(r"\\(f[0-9a-f]{3})\b", whole)}
    target = site.folder / FOLDER / "fonts" / "icons.woff"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(icons.font(table, codes))
    face = '@font-face{font-family:"Font Awesome 6 Free";font-weight:400 900;src:url(fonts/icons.woff)}'
    return f"{face}\n{whole}"


def shared_script(site: Site) -> str:
    """Join the scripts that all pages have."""
    pieces = []
    for one in site.shared:
        if PAGE_NAME.match(one):
            pieces.append("DOCUMENTATION_OPTIONS.pagename = document.documentElement.dataset.page;")
        else:
            pieces.append(re.sub(r"^//# sourceMappingURL.*$", "", site.read(one), flags=re.MULTILINE) if one.endswith(".js") else one)
    return "\n;\n".join(pieces)


def minified(files: dict[str, str]) -> dict[str, str]:
    """Return files of scripts and styles in fewer letters.

    Elsewhere than here: beside the package.json of this project esbuild would take a script for a module.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        command = [*ESBUILD, *files, "--minify", "--allow-overwrite", "--outdir=.", "--log-level=warning"]
        done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=120)
        if done.stderr:
            raise ValueError(f"got scripts or styles with an error, expected none: {done.stderr}")
        return {file: (folder / file).read_text(encoding="utf-8") for file in files}


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


def loaded(site: Site, page: str, versions: dict[str, str]) -> str:
    """Return a page that loads the shared sheet and script in place of their pieces."""
    text = PRELOAD.sub("", site.pages[page])
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
    first = [
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
        site.pages[page] = icons.draw(text, table)

    made = {"page.css": shared_sheet(site, table), "page.js": shared_script(site)}
    for text in site.pages.values():
        if f"/{EXPLORABLES}" in text:
            made[explorables_file(text)] = _base.script(explorables(text))
    made = minified(made)
    for name, content in made.items():
        site.write(f"{FOLDER}/{name}", content)
    versions = {name: digest(content) for name, content in made.items()}
    for page in site.pages:
        text = sized(site, page, loaded(site, page, versions))
        rules = f'<meta http-equiv="Content-Security-Policy" content="{policy(text)}">'
        site.write(page, re.sub(r"(<meta charset[^>]*>)", rf"\1\n    {rules}", text, count=1))
