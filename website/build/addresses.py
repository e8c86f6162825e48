"""Pages for machines and for lost readers: a map of the site, and a page for addresses where nothing is.

GitHub Pages, and most other hosts, answer with the file 404.html at the root of the site when an address is wrong, at
any depth. The site does not know where its root will be, so that page brings its own style and finds the root itself:
the first folder above the wrong address that has a page named 404.html.
"""

import html
import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from search import order
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from lstm_lib.notation import FAMILIES, INK, PAGE

LOST = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
connect-src 'self'; script-src 'sha256-HASH'" />
<meta name="robots" content="noindex" />
<title>Nothing is here: SITE</title>
<link rel="icon" href="data:," />
<style>
:root { color-scheme: light dark; --page: PAGE_LIGHT; --ink: INK_LIGHT; --link: TINT_LIGHT; }
@media (prefers-color-scheme: dark) { :root { --page: PAGE_DARK; --ink: INK_DARK; --link: TINT_DARK; } }
body { background: var(--page); color: var(--ink); font: 1.05rem/1.6 system-ui, sans-serif; }
main { margin: 0 auto; max-width: 40rem; padding: 1rem; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid; outline-offset: 2px; }
ul { padding-inline-start: 1.2rem; }
</style>
</head>
<body>
<main>
<h1>Nothing is here</h1>
<p>There is no page of this name. It may have moved, or the address has a typing error.</p>
<p id="near" hidden></p>
<p><a href="HOME.html">SITE</a> has these pages:</p>
<ul>
LINKS
</ul>
</main>
<script>
(async () => {
  const pages = PAGES;
  // The root of the site: the first folder above this address where this page itself is.
  const parts = location.pathname.split("/").slice(0, -1);
  let root = "";
  for (let n = parts.length; n > 0 && !root; n -= 1) {
    const folder = `${parts.slice(0, n).join("/")}/`;
    const there = await fetch(`${folder}404.html`, { method: "HEAD" }).catch(() => ({}));
    if (there.ok) root = folder;
  }
  for (const link of document.querySelectorAll("a")) link.setAttribute("href", root + link.getAttribute("href"));
  document.documentElement.dataset.root = root;

  // The page that was perhaps meant: most letters in pairs in common with the last part of the address.
  const pairs = (text) => new Set([...text.toLowerCase()].slice(1).map((letter, n) => text[n].toLowerCase() + letter));
  const asked = pairs(decodeURI(location.pathname.split("/").pop()).replace(/\\.html?$/, ""));
  const alike = ([name]) => {
    const own = pairs(name.split("/").pop());
    return [...own].filter((pair) => asked.has(pair)).length / Math.max(own.size, asked.size, 1);
  };
  const [best] = [...pages].sort((a, b) => alike(b) - alike(a));
  if (alike(best) > 0.4) {
    const link = Object.assign(document.createElement("a"), { href: `${root}${best[0]}.html`, textContent: best[1] });
    document.getElementById("near").append("Perhaps you meant: ", link);
    document.getElementById("near").hidden = false;
  }
})();
</script>
</body>
</html>
"""


def not_found(app: Sphinx) -> str:
    """Return the page for addresses where nothing is."""
    pages = [[name, app.env.titles[name].astext()] for name in order(app)]
    links = [f'<li><a href="{name}.html">{html.escape(title)}</a></li>' for name, title in pages]
    colours = {"PAGE": PAGE, "INK": INK, "TINT": FAMILIES["remember"]}
    filled = {
        "PAGES": json.dumps(pages, ensure_ascii=False).replace("</", "<\\/"),
        "LINKS": "\n".join(links),
        "SITE": html.escape(app.config.html_title),
        "HOME": app.config.root_doc,
        **{f"{name}_LIGHT": family.on_light for name, family in colours.items()},
        **{f"{name}_DARK": family.on_dark for name, family in colours.items()},
    }
    page = LOST
    for name, text in filled.items():
        page = page.replace(name, text)
    script = page.partition("<script>")[2].partition("</script>")[0]
    return page.replace("HASH", b64encode(sha256(script.encode()).digest()).decode())


def sitemap(app: Sphinx) -> str:
    """Return the map of the site for search engines: the address of each page."""
    base = app.config.html_baseurl.rstrip("/")
    rows = [f"  <url><loc>{html.escape(f'{base}/{name}.html')}</loc></url>" for name in order(app)]
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return "\n".join([head, '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">', *rows, "</urlset>", ""])


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write 404.html, and sitemap.xml if the site has an address."""
    if exception or app.builder.name != "html":
        return
    folder = Path(app.outdir)
    (folder / "404.html").write_text(not_found(app), encoding="utf-8")
    if app.config.html_baseurl:
        (folder / "sitemap.xml").write_text(sitemap(app), encoding="utf-8")
    else:
        (folder / "sitemap.xml").unlink(missing_ok=True)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.connect("build-finished", write, priority=900)  # when the other pages are finished
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
