"""What the pages load in pieces, joined: one style sheet, one script, and what stays by itself.

What Sphinx has written is kept aside, so that a build that writes only some pages anew makes all from the same start.
"""

import re
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path, PurePosixPath

import icons
import purge

ROOT = Path(__file__).resolve().parent.parent.parent
ESBUILD = [Path(sys.executable).parent / "node", ROOT / "node_modules" / "esbuild" / "bin" / "esbuild"]

SHEET = re.compile(r'<link\b[^>]*rel="stylesheet"[^>]*>\n?')
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL)
ADDRESS = re.compile(r'(?:href|src)="([^"?]+)')
PAGE_NAME = re.compile(r"DOCUMENTATION_OPTIONS\.pagename = '([^']*)';")
SOURCE_MAP = re.compile(r"^//# sourceMappingURL.*$", re.MULTILINE)

ICONS_SCRIPT = "fontawesome.js"
LIGHTS = "sphinx_highlight.js"  # search.js lights the words; this one stops all others where a browser keeps nothing
SEARCH = ("searchtools.js", "language_data.js", "searchindex.js")  # only the page of results searches
USES = {"design-tabs.js": "sd-tab-set", "togglebutton.js": 'class="([^"]* )?toggle[ "]'}  # a script, and what it is for
FOLDER = "_static/course"
# Places of the theme's scripts that hold up a page while it comes. What scrolls is made reachable by a11y.js, near the
# screen only; buttons to copy code come when the browser has time, and the parts of Bootstrap one at a time; the height
# of the header is asked for when it is needed, not in between changes; no page has a note in its margin.
SCROLLING = (
    '["pre",".nboutput > .output_area",".cell_output > .output",".jp-RenderedHTMLCommon",'
    '".pst-scrollable-table-container"].join(", ")'
)
MARGINS = '["marginnote","sidenote","margin","margin-caption","full-width","sidebar","popout"]'
PATCHES = {
    SCROLLING: '":not(*)"',
    "runWhenDOMLoaded(addCopyButtonToCodeCells)": "(window.requestIdleCallback??setTimeout)(addCopyButtonToCodeCells)",
    'function go(t){"loading"!=document.readyState?t():document.addEventListener("DOMContentLoaded",t)}Ae(mo)': (
        "function go(t){setTimeout(t)}Ae(mo)"
    ),
    '[0].getBoundingClientRect();window.addEventListener("scroll",': '[0];window.addEventListener("scroll",',
    "this.scrollY>e.bottom?": "this.scrollY>e.getBoundingClientRect().bottom?",
    MARGINS: '["margin"]',
}


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
            if page.startswith("_static/") or not SHEET.search(text):
                continue  # a template of the theme, or a page that only leads to another one
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
        found = (source(page, tag) for page, text in self.pages.items() for tag in SHEET.findall(text))
        return list(dict.fromkeys(found))

    def scripts(self, page: str) -> list[str]:
        """List the plain scripts of a page after its first style sheet: a path, or the text of one in the page."""
        text = self.pages[page]
        start = SHEET.search(text).start()  # type: ignore[union-attr]
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
        return path.rpartition("/")[2] in {ICONS_SCRIPT, LIGHTS, *self.unused}

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
        data = re.compile(r"/models/|/pyodide/|(?:language_data|searchindex|search-index)\.js$")
        texts = [self.read(path) for path in sorted(paths | course) if not data.search(path)]
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
    codes = {int(code, 16) for code in re.findall(r"\\(f[0-9a-f]{3})\b", whole)} | {*map(ord, whole)}
    codes = {code for code in codes if code >= 0xE000}  # among the icons are also letters
    target = site.folder / FOLDER / "fonts" / "icons.woff"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(icons.font(table, codes))
    face = '@font-face{font-family:"Font Awesome 6 Free";font-weight:400 900;src:url(fonts/icons.woff)}'
    return f"{face}\n{whole}"


def shared_script(site: Site) -> str:
    """Join the scripts that all pages have.

    Raises:
        ValueError: If the theme's script has changed at a place that is patched.
    """
    pieces = []
    for one in site.shared:
        if PAGE_NAME.match(one):
            pieces.append("DOCUMENTATION_OPTIONS.pagename = document.documentElement.dataset.page;")
        else:
            pieces.append(SOURCE_MAP.sub("", site.read(one)) if one.endswith(".js") else one)
    whole = "\n;\n".join(pieces)
    for old, new in PATCHES.items():
        if whole.count(old) != 1:
            raise ValueError(f"got {whole.count(old)} times {old!r} in the theme's scripts, expected it once")
        whole = whole.replace(old, new)
    return whole


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


