"""What the build makes of the pages: nothing lost that is needed, every picture with its size, and safe."""

import re
import struct
import sys
from pathlib import Path

import pytest
from conftest import ROOT, SITE, Tabs, missing, toc_pages
from explorable_helpers import soup, wait_until, watch
from fontTools.ttLib import TTFont
from PIL import Image
from playwright.sync_api import Page

sys.path.insert(0, str(ROOT / "website" / "build"))

import finish
import formulas
import icons
import purge

NAMES = toc_pages()


# ---------------------------------------------------------------- style sheets

WORDS = purge.Words('<p class="kept also"><a id=\'here\'>', 'row.className = `row-${n}`; add("opened", "cell-" + n)')


@pytest.mark.parametrize(
    ("sheet", "left"),
    [
        (".kept { color: red } .gone { color: red }", ".kept{color: red}"),
        (".kept, .gone, #here { color: red }", ".kept,#here{color: red}"),
        (".kept:not(.gone) b::after { color: red }", ".kept:not(.gone) b::after{color: red}"),
        ('.row-3 .cell-4 .opened a[href=".gone"] { a: b }', '.row-3 .cell-4 .opened a[href=".gone"]{a: b}'),
        ("@media print { .gone { a: b } } @media (x) { .kept { a: b } }", "@media (x){.kept{a: b}}"),
        ("/* .a { */ .kept::before { content: '}, .gone {' }", ".kept::before{content: '}, .gone {'}"),
        ("@import 'a;b'; p { background: url(data:a;b,{c}) }", "@import 'a;b';\np{background: url(data:a;b,{c})}"),
        (r".md\:kept { a: b } @font-face { font-family: x }", "@font-face{ font-family: x }"),
    ],
)
def test_a_sheet_keeps_the_rules_that_something_can_use(sheet: str, left: str) -> None:
    assert purge.purge(sheet, WORDS) == left


def test_a_variable_that_is_used_stays_and_others_go() -> None:
    sheet = "a{--one:1;--two:var(--three);--three:url('data:;x');color:var(--two)}b{--one:'; }';--four:4}"
    assert purge.drop_variables(sheet) == "a{--two:var(--three);--three:url('data:;x');color:var(--two)}b{}"


def test_a_bracket_without_an_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected }"):
        list(purge.rules("a { b: c"))


# ---------------------------------------------------------------- icons and formulas


def test_icons_are_drawn_in_the_page_and_an_unknown_one_is_an_error() -> None:
    table = icons.read('x={moon:[384,512,[],"f186","M0 0h9"],"far-a":[1,2,[9],"f0aa","M1 1z"]}')
    drawn = icons.draw('<i class="theme fa-solid fa-moon fa-lg" data-mode="dark" title="Dark"></i>', table)
    assert drawn == (
        '<svg class="svg-inline--fa theme fa-lg" data-mode="dark" viewBox="0 0 384 512" aria-hidden="true">'
        '<path d="M0 0h9" fill="currentColor"/></svg>'
    )
    with pytest.raises(KeyError, match="sun"):
        icons.draw('<i class="fa fa-sun"></i>', table)


def test_the_font_has_every_icon_that_the_style_sheet_writes() -> None:
    sheet = (SITE / "_static" / "course" / "page.css").read_text(encoding="utf-8")
    written = {sign for sign in sheet if "\ue000" <= sign <= "\uf8ff"}
    written |= {chr(int(code, 16)) for code in re.findall(r"\\(f[0-9a-f]{3})\b", sheet)}
    brands = {"\uf09b", "\uf296"}  # of hosts of code, beside links to them
    known = TTFont(SITE / "_static" / "course" / "fonts" / "icons.woff").getBestCmap()
    assert "\uf0f3" in written  # the bell of a box
    assert {sign for sign in written - brands if ord(sign) not in known} == set()


def test_formulas_are_typeset_together_and_an_unknown_command_is_an_error() -> None:
    keys = ["display x_1^2", r"inline \textcolor{forget}{f_t}", r"inline \nosuch"]
    made = formulas.run({"textcolor": [r"\class{gate-#1}{#2}", 2]}, keys)
    square, coloured, wrong = (made["formulas"][key] for key in keys)
    assert 'display="true"' in square
    assert "<msubsup><mi>x</mi>" in square
    assert 'class="gate-forget"' in coloured
    assert "nosuch" in wrong["error"]


def test_fonts_hold_the_characters_of_the_formulas_and_no_more() -> None:
    made = formulas.run({}, ["inline xy"])
    sheet, fonts = formulas.style_sheet(made)
    assert formulas.characters(made["style"]) == {"x", "y"}
    assert sorted(fonts) == ["MathJax_Main-Regular.woff", "MathJax_Math-Italic.woff"]
    assert max(map(len, fonts.values())) < 3000
    assert set(re.findall(r"fonts/([\w.-]+)", sheet)) == set(fonts)


def test_a_digit_after_a_sign_is_a_digit() -> None:
    assert formulas.characters('content: "\\2225"; content: "1"; content: "\\2225 C";') == {"∥", "1", "C"}


def test_every_character_that_the_pages_draw_is_in_a_font() -> None:
    course = SITE / "_static" / "course"
    sheet = course / "formulas.css"
    if not sheet.is_file():
        missing("there is no website to test: run `make book` first")
    drawn = formulas.characters(sheet.read_text(encoding="utf-8"))
    known = {chr(code) for file in course.glob("fonts/MathJax_*.woff") for code in TTFont(file).getBestCmap()}
    assert drawn - known - {"\u200b"} == set()


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_says_its_size_and_those_further_down_load_later(name: str) -> None:
    parsed = soup(name)
    for one in parsed.find_all("img"):
        assert int(one["width"]) > 0, one
        assert int(one["height"]) > 0, one
        if one["src"].endswith(".png"):
            start = (SITE / f"{name}.html").parent.joinpath(one["src"]).read_bytes()[:24]
            assert (int(one["width"]), int(one["height"])) == struct.unpack(">II", start[16:])
    pictures = parsed.article.find_all("img") if parsed.article else []
    assert all(one.get("decoding") == "async" for one in pictures)
    assert all(one.get("loading") == "lazy" for one in pictures[1:])


def test_a_large_opaque_picture_loses_bytes_and_no_colour(tmp_path: Path) -> None:
    noise = Image.effect_noise((64, 64), 90)
    opaque, clear = Image.merge("RGB", [noise] * 3).convert("RGBA"), Image.merge("RGBA", [noise] * 4)
    for name, picture in {"opaque": opaque, "clear": clear}.items():
        picture.save(tmp_path / f"{name}.png")
    before = {file.stem: file.stat().st_size for file in tmp_path.iterdir()}
    finish.lighten(tmp_path, least=1000)
    after = {file.stem: file.stat().st_size for file in tmp_path.iterdir()}
    assert after["opaque"] < before["opaque"]
    assert after["clear"] == before["clear"]
    assert Image.open(tmp_path / "opaque.png").convert("RGBA").tobytes() == opaque.tobytes()


# ---------------------------------------------------------------- safety


def opened(tab: Tabs, url: str) -> Page:
    """Open a page that notes what its policy stops."""
    page = tab()
    page.add_init_script(
        """window.stopped = [];
        addEventListener("securitypolicyviolation", (e) => stopped.push([e.effectiveDirective, e.blockedURI]));"""
    )
    settled = watch(page)
    page.goto(url)
    settled()
    return page


@pytest.mark.parametrize("name", NAMES)
def test_every_page_begins_with_a_policy_that_runs_no_script_unseen(name: str) -> None:
    parsed = soup(name)
    first = parsed.head.find_all(["meta", "script", "link", "style"])[1]  # after the one that says utf-8
    assert first["http-equiv"] == "Content-Security-Policy"
    rules = dict(one.split(" ", 1) for one in first["content"].split("; "))
    assert rules["default-src"] == "'self'"
    assert not re.search(r"'unsafe-inline'|'unsafe-eval'|\*|https?:|data:|blob:", rules["script-src"])
    assert not re.search(r"\*|https?:", first["content"])


@pytest.mark.parametrize("name", ["intro", "everything", "chapters/04_learn_gate", "chapters/13_voice_recognition"])
def test_a_page_does_nothing_that_its_policy_forbids(tab: Tabs, site: str, name: str) -> None:
    page = opened(tab, f"{site}/{name}.html")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    page.locator(".theme-switch-button:visible").first.click()
    for button in page.get_by_role("button", name="Show without guessing").all():
        button.press("Enter")
    assert page.evaluate("stopped") == []
    page.close()


ADD = "const add = (tag, set) => document.body.appendChild(Object.assign(document.createElement(tag), set));"
INJECTED = {
    "a script in the page": "add('script', { text: 'window.ran = 1' })",
    "a script in an attribute": "add('p', { innerHTML: '<img src=x onerror=\"window.ran = 1\">' })",
    "a script in a link": "add('a', { href: 'javascript:window.ran=1' }).click()",
    "text that is run": "window.ran = eval('1')",
    "a script from elsewhere": "add('script', { src: 'https://example.test/a.js' })",
    "a picture from elsewhere": "add('img', { src: 'https://example.test/a.png' })",
    "a message to elsewhere": "fetch('https://example.test/a').catch(() => {})",
    "a page in the page": "add('iframe', { src: 'https://example.test/' })",
    "another place for all addresses": "document.head.prepend(add('base', { href: 'https://example.test/' }))",
}


@pytest.mark.parametrize("what", INJECTED)
def test_what_somebody_puts_into_a_page_does_not_run(tab: Tabs, site: str, what: str) -> None:
    page = opened(tab, f"{site}/notation.html")
    answered: list[str] = []
    page.on("response", lambda answer: answered.append(answer.url) if "example.test" in answer.url else None)
    page.on("requestfailed", lambda request: answered.append(request.url) if request.failure != "csp" else None)
    page.evaluate(f"() => {{ setTimeout(() => {{ {ADD} {INJECTED[what]} }}) }}")  # later: what tests evaluate is free
    wait_until(page, "stopped.length > 0")
    assert page.evaluate("window.ran") is None
    assert answered == []
    page.close()


def test_the_button_that_prints_prints(tab: Tabs, site: str) -> None:
    page = opened(tab, f"{site}/notation.html")
    page.evaluate("window.print = () => { window.printed = true }")
    page.locator("[data-print]").dispatch_event("click")
    assert page.evaluate("window.printed") is True
    page.close()


def test_a_script_in_an_attribute_stops_the_build(tmp_path: Path) -> None:
    page = '<html><head><meta charset="utf-8"/><link rel="stylesheet" href="a.css"/></head><body {}></body></html>'
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.html").write_text(page.format('onload="start()"'), encoding="utf-8")
    with pytest.raises(ValueError, match="a.html: got <body onload"):
        finish.finish(tmp_path / "site", tmp_path / "aside", "")


# ---------------------------------------------------------------- the fonts of formulas


LETTER = '<mjx-container><mjx-c class="mjx-c1D44E TEX-I"></mjx-c></mjx-container>'


@pytest.mark.parametrize(
    ("article", "fonts"),
    [
        ("<p>No formula.</p>", []),
        (LETTER.replace(" TEX-I", ""), ["MathJax_Main-Regular"]),
        (LETTER, ["MathJax_Main-Regular", "MathJax_Math-Italic"]),
        (f"<details><p>{LETTER}</p></details>", []),  # not laid out before it is opened
        (f'<section class="distant">{LETTER}</section>', ["MathJax_Main-Regular", "MathJax_Math-Italic"]),
        (f'<section class="distant">far</section><section class="distant">{LETTER}</section>', []),
    ],
)
def test_fonts_of_the_first_formulas_are_fetched_at_once(article, fonts):
    assert finish.first_fonts(f"<head>{LETTER}</head><article>{article}</article>") == fonts


@pytest.mark.parametrize("name", ["notation", "chapters/01_sequences_and_memory", "chapters/08_learning_to_remember"])
def test_a_font_that_is_fetched_at_once_is_used(name, tab, site):
    page = tab(390, 844)
    try:
        page.goto(f"{site}/{name}.html")
        wait_until(page, "() => document.fonts.status === 'loaded'")
        links = page.evaluate("() => [...document.querySelectorAll('link[as=font]')].map((link) => link.href)")
        used = page.evaluate("() => [...document.fonts].filter((f) => f.status === 'loaded').map((f) => f.family)")
    finally:
        page.close()
    assert links
    sheet = (SITE / "_static" / "course" / "page.css").read_text(encoding="utf-8")
    for link in links:
        family = re.search(r"font-family:([\w-]+);src:url\(\S*/" + Path(link).name.replace(".", r"\."), sheet)
        assert family, link
        assert family[1] in used, link
