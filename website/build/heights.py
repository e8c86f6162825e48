"""Say how tall each section will be: a browser lays out what is near the screen, and must know where the page ends.

As soon as a section is drawn its own height takes the place of the estimate; until then the estimate keeps the scroll
bar steady. It is so many pixels, and so many letters, which need more of a narrow screen. The numbers are fitted to the
pages of the book.
"""

import re

SECTION = re.compile(r"<section\b[^>]*>|</section>")
UNSEEN = re.compile(r"<(script|style|svg|mjx-assistive-mml|summary)\b.*?</\1>", re.DOTALL)
DISPLAY = re.compile(r'<mjx-container[^>]*display="true".*?</mjx-container>', re.DOTALL)
FORMULA = re.compile(r"<mjx-container.*?</mjx-container>", re.DOTALL)
FOLD = re.compile(r"<details\b(?![^>]*\bopen\b).*?</details>", re.DOTALL)
VIEW = re.compile(r"widget-view\+json")
CODE = re.compile(r"<pre\b[^>]*>(.*?)</pre>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
PIXELS = {"view": 480, "fold": 30, "display": 130, "code": 70, "line": 17, "<img": 320, "<tr": 50, "<section": 36}
LEAST = 600  # pixels; a section that is smaller is not worth the trouble
FILLED = ("progress", "search", "genindex", "404")  # pages that a script fills, or that are short


def estimate(html: str) -> tuple[int, int]:
    """Return the pixels and the letters of a piece of a page."""
    counts = {"view": len(VIEW.findall(html))}
    text, counts["fold"] = FOLD.subn("", UNSEEN.sub("", html))
    text, counts["display"] = DISPLAY.subn("", text)
    text = FORMULA.sub("letter", text)
    codes = CODE.findall(text)
    counts |= {"code": len(codes), "line": sum(code.strip().count("\n") + 1 for code in codes)}
    text = CODE.sub("", text)
    counts |= {tag: text.count(tag) for tag in ("<img", "<tr", "<section")}
    return sum(PIXELS[name] * count for name, count in counts.items()), len(" ".join(TAG.sub(" ", text).split()))


def estimated(page: str, text: str) -> str:
    """Give the sections of a page below its title the class ``distant`` and their height."""
    if page.removesuffix(".html") in FILLED:
        return text
    opened: list[re.Match[str]] = []
    added: dict[int, str] = {}
    for found in SECTION.finditer(text):
        if not found[0].startswith("</"):
            opened.append(found)
            continue
        start = opened.pop()
        pixels, letters = estimate(text[start.start() : found.end()])
        if opened and pixels + letters / 2 >= LEAST:
            added[start.end() - 1] = f' class="distant" style="--pixels:{pixels}px;--letters:{letters}"'
    places = [0, *sorted(added), len(text)]
    return "".join(added.get(start, "") + text[start:end] for start, end in zip(places, places[1:], strict=False))
