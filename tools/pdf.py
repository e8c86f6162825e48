"""The whole course as one PDF: ``python -m tools.pdf`` prints the built website into _build/lstms-gate-by-gate.pdf.

Chromium prints each page, with folds open; here the prints are joined behind a cover and a table of contents. A link to
another page of the course leads to its place in the file, and so does one to a section.
"""

import argparse
import html
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

import yaml
from playwright.sync_api import Page
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    Destination,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

from benchmarks._site import chromium, served
from lstm_lib.notation import FAMILIES, INK

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
PAPER: dict[str, Any] = {
    "format": "A4",
    "scale": 0.85,
    "print_background": True,
    "margin": {"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
}

# Pictures come when a reader scrolls to them, here at once. And Chromium notes the place of an anchor only where a link
# of the page itself leads to it: so there is one, out of sight, to each.
PREPARE = """async () => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: "STYLE" }));
  const places = [...document.querySelectorAll("article [id]")];
  const hidden = Object.assign(document.createElement("div"), { hidden: true });
  for (const { id } of places) {
    hidden.append(Object.assign(document.createElement("a"), { href: `#${encodeURIComponent(id)}`, tabIndex: -1 }));
  }
  document.body.append(hidden);
  const pictures = [...document.images];
  for (const picture of pictures) picture.loading = "eager";
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => {})));
  await document.fonts.ready;
  return [...document.querySelectorAll("article section > h2")]
    .map((h) => [h.parentElement.id, h.firstChild.textContent]);
}""".replace("STYLE", ".cell_input, .cell_output img, tr, dt { break-inside: avoid } dt { break-after: avoid }")

TITLE = """() => {
  const headings = [...document.querySelectorAll("h1")]; // on paper stands the first, without the number of a chapter
  const heading = (document.querySelector("article h1") ?? headings[0]).cloneNode(true);
  heading.querySelector(".headerlink")?.remove();
  if (headings.length > 1) headings[0].textContent = heading.textContent;
  return heading.textContent;
}"""

# A handout has no hints, no solutions, and of the museum neither what a mistake does nor its test.
UNTOLD = """() => {
  for (const fold of document.querySelectorAll("article details")) {
    const title = fold.querySelector("summary")?.dataset.title ?? fold.querySelector("summary")?.textContent.trim();
    if (/^(Hint \\d|The solution$|The test, and what it says$)/.test(title) || fold.matches(".outcome")) {
      (fold.closest(".cell") ?? fold).remove();
    }
  }
}"""
NOT_HANDED_OUT = ("for_teachers", "ledger", "progress")  # has answers, has proofs, is of a browser
PAINTS = re.compile(rb"\b(Tj|TJ|Do|l|c|sh)\s")  # operators of PDF for letters, pictures, lines, curves and shadings
LICENCE = "Text and figures under CC BY 4.0, code under the MIT licence."


class Print(NamedTuple):
    """A page of the website as Chromium printed it."""

    address: str
    title: str
    sections: list[tuple[str, str]]  # anchor and heading
    file: PdfReader


def parts() -> list[tuple[str, list[str]]]:
    """List the parts of the course with their pages, the front page first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [(part["caption"], [chapter["file"] for chapter in part["chapters"]]) for part in toc["parts"]]
    return [("", [toc["root"]]), *listed]


def print_page(page: Page, address: str, file: Path, *, handout: bool = False) -> Print:
    """Print a page of the website into a file; as a handout without hints and solutions."""
    page.goto(address, wait_until="networkidle")
    if handout:
        page.evaluate(UNTOLD)
    title = page.evaluate(TITLE)
    sections = [(anchor, heading.strip()) for anchor, heading in page.evaluate(PREPARE)]
    page.pdf(path=file, **PAPER)
    sheets = PdfReader(file).pages
    filled = max(n for n, sheet in enumerate(sheets, start=1) if not is_blank(sheet))
    if filled < len(sheets):  # a margin at the end of the last sheet began another one
        page.pdf(path=file, page_ranges=f"1-{filled}", **PAPER)
    return Print(address, title, sections, PdfReader(file))


def is_blank(sheet: PageObject) -> bool:
    """Say whether nothing is drawn on a sheet but its ground: no letter, no line, no picture."""
    contents = sheet.get_contents()
    return contents is None or not PAINTS.search(contents.get_data())


def print_text(page: Page, body: str, file: Path) -> PdfReader:
    """Print a page of our own: the cover and the contents."""
    style = f"""
      body {{ color: {INK.on_light}; font: 11pt/1.7 system-ui, sans-serif; margin: 0; }}
      header {{ break-after: page; padding-top: 38vh; text-align: center; }}
      header h1 {{ color: {FAMILIES["remember"].on_light}; font-size: 34pt; margin: 0; line-height: 1.2; }}
      a {{ color: inherit; display: flex; gap: 1em; text-decoration: none; break-inside: avoid; }}
      a span:last-child {{ margin-left: auto; }}
      h2 {{ font-size: 12pt; margin: 1em 0 0; break-after: avoid; }}"""
    page.set_content(f"<!doctype html><html lang='en'><style>{style}</style><body>{body}</body></html>")
    page.pdf(path=file, **PAPER)
    return PdfReader(file)


def front(settings: dict[str, Any], prints: list[Print], starts: dict[str, int]) -> str:
    """Return cover and contents; the address of each entry is that of the page on the website."""
    by_name = dict(zip(starts, prints, strict=True))
    rows = []
    for caption, names in parts():
        here = [name for name in names if name in by_name]
        rows += [f"<h2>{html.escape(caption)}</h2>"] if caption and here else []
        for name in here:
            one = by_name[name]
            title = f"<span>{html.escape(one.title)}</span><span>{starts[name]}</span>"
            rows.append(f'<a href="{one.address}">{title}</a>')
    says = html.escape(settings["sphinx"]["config"]["html_context"]["description"].partition(" #")[0])
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    about = f"Version {cited['version']}, by {cited['authors'][0]['name']}. {LICENCE}"
    title = html.escape(settings["title"])
    cover = f"<header><h1>{title}</h1><p>{says}</p><p>{html.escape(about)}</p></header>"
    return f"{cover}<h1>Contents</h1>{''.join(rows)}"


def join(front_file: PdfReader, prints: list[Print], names: list[str], title: str) -> PdfWriter:
    """Join the prints, and make their links lead to places in the whole."""
    writer = PdfWriter()
    files = [front_file, *(one.file for one in prints)]
    firsts, places = [], {}
    for file, address in zip(files, ["", *(one.address for one in prints)], strict=True):
        firsts.append(len(writer.pages))
        for name, place in file.named_destinations.items():
            number = file.get_destination_page_number(place)
            if number is not None:
                places[address, unquote(str(name).lstrip("/"))] = (firsts[-1] + number, place)
        for sheet in file.pages:
            writer.add_page(sheet)
    start = dict(zip((one.address for one in prints), firsts[1:], strict=True))
    for number, sheet in enumerate(writer.pages):
        owner = max(n for n, first in enumerate(firsts) if first <= number)
        lead(writer, sheet, ["", *(one.address for one in prints)][owner], start, places)
        if number:
            write_number(writer, sheet, number + 1)
    outline(writer, prints, names, start, places)
    writer.add_metadata({"/Title": title})
    writer.root_object[NameObject("/Lang")] = TextStringObject("en")
    return writer


Places = dict[tuple[str, str], tuple[int, Destination]]


def lead(writer: PdfWriter, sheet: Any, address: str, start: dict[str, int], places: Places) -> None:
    """Let the links of a sheet lead to sheets of the whole; those to files that are not in it go."""
    kept = ArrayObject()
    for entry in sheet.get("/Annots", []):
        note = entry.get_object()
        if note.get("/Subtype") != "/Link":
            kept.append(entry)
            continue
        action = note.get("/A", {}).get_object() if "/A" in note else {}
        whole = urljoin(address, str(action.get("/URI", ""))) if "/URI" in action else ""
        name = str(note.get("/Dest", action.get("/D", ""))).lstrip("/")
        page, fragment = urldefrag(whole) if whole else (address, name)
        place = places.get((page, unquote(fragment)))
        if place or page in start:
            number, where = place or (start[page], None)
            top = where.get("/Top") if where is not None else None
            note.pop("/A", None)
            there = writer.pages[number]
            height = FloatObject(top if top is not None else there.mediabox.top)
            target = [there.indirect_reference, NameObject("/XYZ"), FloatObject(0), height, NumberObject(0)]
            note[NameObject("/Dest")] = ArrayObject(target)
        elif not whole or whole.startswith("http://127.0.0.1"):
            continue
        kept.append(entry)
    if "/Annots" in sheet:
        sheet[NameObject("/Annots")] = kept


def write_number(writer: PdfWriter, sheet: Any, number: int) -> None:
    """Write its number at the foot of a sheet."""
    kind = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    fonts = sheet["/Resources"].get_object().setdefault(NameObject("/Font"), DictionaryObject()).get_object()
    fonts[NameObject("/Number")] = DictionaryObject({NameObject(key): NameObject(name) for key, name in kind.items()})
    text = DecodedStreamObject()
    middle = float(sheet.mediabox.width) / 2
    # Chromium leaves its own scale behind, so the number stands outside of what it saved.
    text.set_data(f"\nQ q BT /Number 9 Tf {middle - 6:.0f} 24 Td ({number}) Tj ET Q".encode())
    before = DecodedStreamObject()
    before.set_data(b"q\n")
    contents = sheet["/Contents"]
    old = list(contents) if isinstance(contents, ArrayObject) else [sheet.raw_get("/Contents")]
    new = [writer._add_object(before), *old, writer._add_object(text)]
    sheet[NameObject("/Contents")] = ArrayObject(new)


def outline(writer: PdfWriter, prints: list[Print], names: list[str], start: dict[str, int], places: Places) -> None:
    """List parts, pages and sections in the reader's side bar."""
    by_name = dict(zip(names, prints, strict=True))
    for caption, members in parts():
        here = [by_name[name] for name in members if name in by_name]
        if not here:
            continue
        parent = writer.add_outline_item(title=caption, page_number=start[here[0].address]) if caption else None
        for one in here:
            entry = writer.add_outline_item(title=one.title, page_number=start[one.address], parent=parent)
            for anchor, heading in one.sections:
                if (one.address, anchor) in places:
                    number = places[one.address, anchor][0]
                    writer.add_outline_item(title=heading, page_number=number, parent=entry)


def make(target: Path, names: list[str] | None = None, *, handout: bool = False) -> None:
    """Print the whole course, or some of its pages, into one file; as a handout without what gives answers away."""
    known = [name for _, members in parts() for name in members]
    if unknown := set(names or ()) - set(known):
        raise ValueError(f"got {', '.join(sorted(unknown))}, expected pages of _toc.yml")
    names = [name for name in known if (name in names if names else not handout or name not in NOT_HANDED_OUT)]
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    with served(SITE) as site, chromium() as browser, tempfile.TemporaryDirectory() as place:
        page = browser.new_page()
        prints = []
        for n, name in enumerate(names):
            prints.append(print_page(page, f"{site}/{name}.html", Path(place) / f"{n}.pdf", handout=handout))
            print(f"{name}: {len(prints[-1].file.pages)} pages", flush=True)
        lengths = [len(one.file.pages) for one in prints]
        ahead = 2
        for _ in range(3):  # the contents may be longer than was thought
            starts = {name: ahead + 1 + sum(lengths[:n]) for n, name in enumerate(names)}
            made = print_text(page, front(settings, prints, starts), Path(place) / "front.pdf")
            if len(made.pages) == ahead:
                break
            ahead = len(made.pages)
        target.parent.mkdir(parents=True, exist_ok=True)
        join(made, prints, names, settings["title"]).write(target)


def main() -> None:
    """Read the command line, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the PDF goes; in _build, if it is not said")
    parser.add_argument("--handout", action="store_true", help="leave out hints, solutions and the page for teachers")
    parser.add_argument("names", nargs="*", help="pages, such as chapters/07_full_cell; all, if none is named")
    options = parser.parse_args()
    name = "lstms-gate-by-gate-handout.pdf" if options.handout else "lstms-gate-by-gate.pdf"
    out = options.out or ROOT / "_build" / name
    make(out, options.names, handout=options.handout)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
