"""What a reader did is remembered: on the page, in the list of chapters, and on the page of progress."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from bs4 import BeautifulSoup
from conftest import SITE, toc_pages
from explorable_helpers import axe, listed_course, wait_until
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from lstm_lib.exercises import EXERCISES

ENTRY = "lstm-gate-by-gate"
FIRST = "chapters/01_sequences_and_memory"
CLOCKS = "chapters/02_memory_loss"
HEAD = '{"format": "lstms-gate-by-gate/progress", "version": 1,'
MONDAY = datetime(2026, 11, 30, 20, 0)


class Reader(NamedTuple):
    """A browser that has never been here, and what went wrong in it."""

    context: BrowserContext
    page: Page
    site: str
    errors: list[str]

    def open(self, name: str) -> Page:
        """Open a page of the course, and wait until its scripts have run."""
        self.page.goto(f"{self.site}/{name}.html")
        wait_until(self.page, "() => window.lstmStore && document.readyState === 'complete'")
        return self.page

    def kept(self) -> dict:
        """Return what the browser keeps."""
        return self.page.evaluate("() => window.lstmStore.all()")


@pytest.fixture
def reader(browser: Browser, site: str) -> Iterator[Reader]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.route("**/mathjax/**", lambda route: route.fulfill(body=""))  # not what is tested here, and slow
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield Reader(context, page, site, errors)
    assert errors == []
    context.close()


def quiz(page: Page, name: str) -> Locator:
    return page.locator(f"#quiz-{name}")


def answer(page: Page, name: str, option: str) -> None:
    """Choose an option of a quiz by keyboard."""
    question = quiz(page, name)
    question.get_by_label(option).focus()
    page.keyboard.press("Space")
    question.get_by_role("button", name="Check").press("Enter")


def row(page: Page, chapter: str) -> list[str]:
    """Return the cells of one line of the table."""
    return page.get_by_role("row", name=chapter).get_by_role("cell").all_inner_texts()


def wrong_and_right(reader: Reader) -> Page:
    """Open the page of progress of a reader who answered a quiz of Chapter 1 wrongly and a judgement rightly."""
    page = reader.open("progress")
    for detail in (
        {"kind": "quiz", "id": "delay-elsewhere", "passed": False, "mistake": "same", "answer": "same"},
        {"kind": "exercise", "id": "joined-shape", "passed": True, "mistake": None, "answer": "3-by-8"},
    ):
        done(page, detail | {"widget": "quiz"})
    return page


def done(page: Page, detail: dict) -> None:
    """Tell a page what a part of it would tell."""
    page.evaluate("detail => document.dispatchEvent(new CustomEvent('lstm:done', { detail }))", detail)


def test_a_quiz_remembers_what_was_answered(reader: Reader) -> None:
    page = reader.open(FIRST)
    answer(page, "delay-elsewhere", "Close to 1.00")
    answer(page, "joined-shape", "3 rows, 8 columns")
    page = reader.open(FIRST)
    expect(quiz(page, "delay-elsewhere").get_by_label("Close to 1.00")).to_be_checked()
    expect(quiz(page, "delay-elsewhere").get_by_role("status")).to_contain_text("Not so. It would be")
    expect(quiz(page, "joined-shape").get_by_role("status")).to_contain_text("Right.")
    kept = reader.kept()
    assert (kept["quiz/delay-elsewhere"]["passed"], kept["quiz/delay-elsewhere"]["mistake"]) == (False, "same")
    assert (kept["exercise/joined-shape"]["passed"], kept["exercise/joined-shape"]["tries"]) == (True, 1)


@pytest.mark.parametrize(
    ("chapter", "name", "before", "typed", "says"),
    [
        (FIRST, "nearly-sure", None, "0.105", "Right."),
        (FIRST, "needs-a-state", "Whether a box is asked for now", None, "Not yet"),
        ("chapters/07_full_cell", "one-step-in-order", None, None, "Not yet"),
    ],
)
def test_the_other_kinds_of_quiz_remember_too(
    reader: Reader, chapter: str, name: str, before: str | None, typed: str | None, says: str
) -> None:
    page = reader.open(chapter)
    if before:
        quiz(page, name).get_by_label(before).check()
    if typed:
        quiz(page, name).get_by_role("textbox").fill(typed)
    quiz(page, name).get_by_role("button", name="Check").press("Enter")
    expect(quiz(page, name).locator(".quiz-said")).to_contain_text(says)
    order = quiz(page, name).locator("label, li").all_text_contents()
    page = reader.open(chapter)
    expect(quiz(page, name).locator(".quiz-said")).to_contain_text(says)
    assert quiz(page, name).locator("label, li").all_text_contents() == order
    if before:
        expect(quiz(page, name).get_by_label(before)).to_be_checked()
    if typed:
        expect(quiz(page, name).get_by_role("textbox")).to_have_value(typed)


def test_a_guess_is_remembered_and_its_explorable_stays_open(reader: Reader) -> None:
    page = reader.open(CLOCKS)
    explorable = page.locator("#explorable-three_clocks")
    expect(explorable.get_by_role("slider").first).to_be_hidden()
    explorable.get_by_role("radio").first.press("Space")
    explorable.get_by_role("button", name="Check my guess").press("Enter")
    page = reader.open(CLOCKS)
    expect(explorable.get_by_role("slider").first).to_be_visible()
    expect(explorable.get_by_role("button", name="Check my guess")).to_be_hidden()
    assert row(reader.open("progress"), "2. Why does it forget")[1] == "1 of 1"


def to_the_end(page: Page) -> None:
    for _ in range(20):  # a section that is laid out on the way may push the end down once more
        page.keyboard.press("End")
        page.wait_for_timeout(100)


def test_a_page_counts_as_read_when_all_of_it_was_on_screen(reader: Reader) -> None:
    page = reader.open(FIRST)
    to_the_end(page)
    wait_until(page, f"() => lstmStore.get('seen/{FIRST}')")
    page = reader.open(FIRST)  # another day: what was seen is remembered
    assert reader.kept().keys() == {f"seen/{FIRST}"}
    sections = page.locator("article.bd-article > section > section[id]")
    for one in sections.all():
        one.evaluate("section => section.scrollIntoView({ block: 'center', behavior: 'instant' })")
        page.wait_for_timeout(700)
    wait_until(page, f"() => lstmStore.get('read/{FIRST}')")
    assert reader.kept().keys() == {f"read/{FIRST}"}
    assert row(reader.open("progress"), "1. What does it take")[0] == "✓"


def test_the_list_of_chapters_says_what_is_done_in_words_too(reader: Reader) -> None:
    page = reader.open(FIRST)
    link = page.locator(".bd-links").get_by_role("link", name=re.compile("What does it take to remember"))
    expect(link).to_have_accessible_name("1. What does it take to remember?")
    answer(page, "delay-elsewhere", "Close to 1.00")
    name = re.compile(r"What does it take to remember\? ?\(1 of \d+ done\)")
    expect(link).to_have_accessible_name(name)
    expect(link).to_contain_text(re.compile(r"1/\d"))
    elsewhere = reader.open("notation").locator(".bd-links").get_by_role("link", name=name)
    expect(elsewhere).to_have_count(1)


def test_the_page_of_progress_names_the_next_best_thing(reader: Reader) -> None:
    page = reader.open("progress")
    start = page.locator("#progress-next")
    expect(start.get_by_role("link")).to_have_text("Chapter 1: What does it take to remember?")
    wrong_and_right(reader)
    expect(start).to_contain_text("Chapter 1")
    assert row(page, "1. What does it take") == ["not yet", "0 of 1", "1 of 3", "1 of 4"]
    start.get_by_role("link").press("Enter")
    page.wait_for_url(re.compile("01_sequences_and_memory.html#"))
    place = page.locator(f"[id='{page.url.partition('#')[2]}']")
    expect(place).to_be_in_viewport()


def test_a_wrong_answer_comes_back_the_next_day_and_can_be_answered_there(reader: Reader) -> None:
    page = reader.page
    page.clock.set_fixed_time(MONDAY)
    wrong_and_right(reader)
    reviews = reader.open("progress").locator("#progress-reviews")
    expect(reviews).to_contain_text("Nothing is due. The next one comes on Tuesday, December 1.")
    page.clock.set_fixed_time(MONDAY.replace(month=12, day=1, hour=7))
    reader.open("progress")
    expect(reviews).to_contain_text("1 question is due.")
    expect(reviews.get_by_role("radio")).to_have_count(3)
    assert reviews.locator("input:checked").count() == 0
    reviews.get_by_label("About 0.25").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(reviews.locator(".quiz-said")).to_contain_text("Right.")
    reviews.get_by_role("button", name="Go on").press("Enter")
    expect(reviews).to_contain_text("Nothing is due. The next one comes on Friday, December 4.")
    assert reader.kept()["quiz/delay-elsewhere"]["passed"] is True


def test_an_exercise_that_took_several_tries_comes_back_as_a_link(reader: Reader) -> None:
    page = reader.page
    page.clock.set_fixed_time(MONDAY)
    reader.open("progress")
    for passed in (False, True):
        done(page, {"kind": "exercise", "id": "rnn-step", "passed": passed, "mistake": "no-bias", "answer": "def"})
    page.clock.set_fixed_time(MONDAY.replace(month=12, day=2))
    card = reader.open("progress").locator("#progress-reviews")
    expect(card.get_by_role("link", name="Take one step of a recurrent network")).to_be_visible()
    card.get_by_role("button", name="Not now").press("Enter")
    expect(card).to_contain_text("Nothing is due.")


def test_export_forget_and_import_bring_everything_back(reader: Reader, tmp_path: Path) -> None:
    page = wrong_and_right(reader)
    before = reader.kept()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").press("Enter")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert json.loads(file.read_text(encoding="utf-8"))["values"] == before

    page.get_by_role("button", name="Forget me").press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Enter")
    assert reader.kept() == before
    page.get_by_role("button", name="Forget me").press("Enter")
    page.get_by_role("button", name="Forget everything").press("Enter")
    assert reader.kept() == {}
    assert page.evaluate("() => localStorage.length") == page.evaluate(
        f"() => Object.keys(localStorage).filter((name) => !name.startsWith('{ENTRY}')).length"
    )
    assert row(page, "1. What does it take") == ["not yet", "0 of 1", "0 of 3", "0 of 4"]

    page.get_by_label("Import a file").set_input_files(file)
    expect(page.locator("#progress-files").get_by_role("status")).to_contain_text("Imported: ")
    assert reader.kept() == before
    assert row(page, "1. What does it take") == ["not yet", "0 of 1", "1 of 3", "1 of 4"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<script>alert(1)</script>", "got a file that is no JSON"),
        (f'{HEAD} "values": {{"quiz/<img src=x>": {{}}}}}}', 'got the key "quiz/<img src=x>"'),
        (f'{HEAD} "values": {{"draft/rnn-step": ["<b>"]}}}}', 'got ["<b>"] for draft/rnn-step, expected a text'),
    ],
)
def test_a_hostile_file_is_refused_by_name_and_changes_nothing(
    reader: Reader, tmp_path: Path, content: str, says: str
) -> None:
    page = wrong_and_right(reader)
    before = reader.kept()
    (tmp_path / "hostile.json").write_text(content, encoding="utf-8")
    page.get_by_label("Import a file").set_input_files(tmp_path / "hostile.json")
    said = page.locator("#progress-files").get_by_role("status")
    expect(said).to_contain_text(f"This file was not imported, and nothing was changed: {says}")
    assert said.locator("*").count() == 0  # text, whatever it says
    assert reader.kept() == before


def test_a_broken_record_is_set_aside_and_can_be_saved(reader: Reader) -> None:
    page = reader.open("progress")
    page.evaluate(f"() => localStorage.setItem('{ENTRY}', '{{broken')")
    reader.open("progress")
    note = page.locator("#progress-state")
    expect(note).to_contain_text("It was set aside and is not lost.")
    with page.expect_download() as download:
        note.get_by_role("button", name="Save it to a file").press("Enter")
    assert Path(download.value.path()).read_text(encoding="utf-8") == "{broken"


def test_without_storage_the_page_works_and_says_so(browser: Browser, site: str) -> None:
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('blocked'); } });")
    page = context.new_page()
    page.goto(f"{site}/{FIRST}.html")
    answer(page, "delay-elsewhere", "Close to 1.00")
    expect(quiz(page, "delay-elsewhere").get_by_role("status")).to_contain_text("Not so.")
    page.goto(f"{site}/progress.html")
    expect(page.locator("#progress-state")).to_contain_text("This browser keeps nothing for this site now")
    expect(page.locator("#progress-next")).to_contain_text("Read Chapter 1")
    context.close()


def test_progress_works_on_pages_that_are_opened_from_disk(browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((SITE / f"{FIRST}.html").as_uri())
    answer(page, "delay-elsewhere", "Close to 1.00")
    page.goto((SITE / "progress.html").as_uri())
    assert row(page, "1. What does it take") == ["not yet", "0 of 1", "1 of 3", "0 of 4"]
    context.close()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_on_the_page_of_progress_in_use(reader: Reader, theme: str, width: int) -> None:
    reader.page.clock.set_fixed_time(MONDAY)
    wrong_and_right(reader)
    reader.page.clock.set_fixed_time(MONDAY.replace(month=12, day=2))
    page = reader.open("progress")
    page.set_viewport_size({"width": width, "height": 844})
    expect(page.locator("#progress-reviews").get_by_role("radio")).to_have_count(3)
    page.get_by_role("button", name="Forget me").press("Enter")
    page.add_style_tag(content="* { transition: none !important }")
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.wait_for_timeout(100)
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


# ---------------------------------------------------------------- what the build tells the pages


@pytest.fixture(scope="module")
def course() -> dict:
    return listed_course()


def test_the_course_lists_every_page_and_every_exercise_once(course: dict) -> None:
    assert [page["page"] for page in course["pages"]] == toc_pages()
    items = [item for page in course["pages"] for item in page["items"]]
    assert sorted(item["id"] for item in items if item["kind"] == "exercise") == sorted(EXERCISES)
    keys = [(item["kind"], item["id"]) for item in items]
    assert len(set(keys)) == len(keys)


def test_every_link_of_the_course_leads_somewhere(course: dict) -> None:
    for page in course["pages"]:
        soup = BeautifulSoup((SITE / f"{page['page']}.html").read_text(encoding="utf-8"), "html.parser")
        for item in page["items"]:
            if item["kind"] == "exercise":
                assert soup.find(id=item["anchor"]), item
