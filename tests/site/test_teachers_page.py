"""The page for teachers: its minutes add up, its lists are whole, and its example is what the command prints."""

import re
import sys
from collections import Counter

import pytest
from bs4 import BeautifulSoup, Tag
from conftest import ROOT, SITE, missing

from benchmarks import checks
from lstm_lib import recorded
from lstm_lib.exercises import EXERCISES
from lstm_lib.grade import kinds
from tools import reading

sys.path.insert(0, str(ROOT / "website" / "build"))

import plans
import site_assets  # noqa: F401  (it comes first, as in the build)
import teachers

FILES = plans.chapter_files(ROOT)
PLACES = {**{number: path.stem for number, path in FILES.items()}, 0: "mistakes"}  # where the exercises are


@pytest.fixture(scope="module")
def soup() -> BeautifulSoup:
    if not (SITE / "for_teachers.html").is_file():
        missing("there is no website to test: run `make book` first")
    return BeautifulSoup((SITE / "for_teachers.html").read_text(encoding="utf-8"), "html.parser")


def section(soup: BeautifulSoup, anchor: str) -> Tag:
    found = soup.find("section", id=anchor)
    assert isinstance(found, Tag), anchor
    return found


def told_of(chapter: int) -> str:
    """Return what stands in the table for the number of a chapter."""
    return str(chapter) if chapter else "museum"


def rows(section: Tag) -> list[dict[str, str]]:
    """Return the rows of the first table of a section, by column."""
    head = [cell.get_text() for cell in section.select_one("thead")("th")]
    lines = [[cell.get_text() for cell in row("td")] for row in section.table.select("tbody tr")]
    return [dict(zip(head, line, strict=True)) for line in lines]


@pytest.mark.parametrize(("count", "anchor"), [(1, "one-session"), (4, "four-sessions"), (10, "ten-sessions")])
def test_a_plan_has_its_sessions_and_its_minutes_add_up(soup: BeautifulSoup, count: int, anchor: str) -> None:
    found = rows(section(soup, anchor))
    assert len(found) == len(plans.PLANS[count]) == count
    sums = [int(row["minutes"]) for row in found]
    for row, total in zip(found, sums, strict=True):
        chapters = [int(number) for number in row["chapters"].split(", ")]
        assert int(row["to read"]) == sum(reading.measure(FILES[number]).minutes for number in chapters)
        assert total == int(row["to read"]) + int(row["to play"]) + int(row["to solve"])
        assert int(row["to play"]) == plans.TO_PLAY * (len(chapters) + (row is found[0]))
    told = section(soup, anchor).find("p", string=re.compile("^Together")).get_text()
    assert f"Together {sum(sums)} minutes" in told
    if count > 1:
        assert told.endswith(f"the longest is session {sums.index(max(sums)) + 1} with {max(sums)}.")


def test_the_minutes_are_those_that_the_chapters_announce() -> None:
    for number, path in FILES.items():
        assert f"**Time:** {plans.minutes_to_read(ROOT, number)} minutes" in path.read_text(encoding="utf-8")


def test_a_plan_names_only_exercises_of_its_chapters_and_the_longer_ones_cover_the_gates() -> None:
    for sessions in plans.PLANS.values():
        for session in sessions:
            assert {exercise.chapter for exercise in plans.exercises_of(session)} == set(session.chapters)
    for count in (4, 10):
        assert {number for session in plans.PLANS[count] for number in session.chapters} >= set(range(1, 8))
    for count in (1, 4):
        for session in plans.PLANS[count]:
            assert sum(plans.minutes_of(ROOT, session, is_first=session is plans.PLANS[count][0])) <= 90


def test_every_exercise_is_listed_with_chapter_and_id_and_leads_there(soup: BeautifulSoup) -> None:
    table = section(soup, "exercises-that-grade-themselves").table
    listed = []
    for row in table.select("tbody tr"):
        chapter, title, _, minutes, mistakes = row("td")
        exercise = EXERCISES[title.code.get_text()]
        page, _, anchor = title.a["href"].partition("#")
        assert (chapter.get_text(), int(mistakes.get_text())) == (told_of(exercise.chapter), len(exercise.catalogue))
        assert int(minutes.get_text()) == plans.minutes_to_solve(exercise) > 0
        assert page == f"chapters/{PLACES[exercise.chapter]}.html"
        assert f'id="{anchor}"' in (SITE / page).read_text(encoding="utf-8")
        listed.append(exercise.id)
    assert listed == list(EXERCISES)


def test_every_chapter_says_what_it_needs(soup: BeautifulSoup) -> None:
    found = rows(section(soup, "what-learners-need"))
    assert [int(row["chapter"].partition(".")[0]) for row in found] == list(FILES)
    assert all(len(row["needs"]) > 8 and row["needs"].endswith(".") for row in found)


def test_mistakes_stand_in_the_order_in_which_they_were_met(soup: BeautifulSoup) -> None:
    found = rows(section(soup, "what-goes-wrong-and-what-to-ask"))
    met = [int(row["met"]) for row in found[: len(kinds.KINDS)]]
    assert met == sorted(met, reverse=True)
    assert min(met) > 0
    whole = [int(row["met"]) for row in found if row["met"].isdigit()]
    assert sum(whole) == sum(count for _, _, count in kinds.met())
    known = sum(int(row["in the catalogue"] or 0) for row in found)
    assert known == sum(len(exercise.catalogue) for exercise in EXERCISES.values())


def test_what_was_met_is_of_the_half_that_may_be_looked_at() -> None:
    named = next(row["named"] for row in recorded.rows("checks") if row.get("half") == checks.HALVES[0])
    assert sum(count for _, _, count in kinds.met()) == named
    allowed = Counter(told["exercise"] for half, told in checks.answers() if half == checks.HALVES[0])
    met = Counter(exercise for exercise, _, count in kinds.met() for _ in range(count))
    assert all(count <= allowed[exercise] for exercise, count in met.items())


def test_a_mistake_of_the_catalogue_belongs_to_a_kind() -> None:
    lost = [
        (id, key)
        for id, exercise in EXERCISES.items()
        for key in exercise.catalogue
        if kinds.kind_of(id, key) == kinds.OTHER
    ]
    assert len(lost) <= 8, lost


def test_each_chapter_has_a_fold_with_what_the_checks_say(soup: BeautifulSoup) -> None:
    folds = section(soup, "what-goes-wrong-and-what-to-ask")("details")
    assert [fold.summary.get_text() for fold in folds] == [*(f"Chapter {number}" for number in FILES), "Museum"]
    text = " ".join(" ".join(fold.get_text() for fold in folds).split())
    for exercise, key, _ in kinds.met():
        if key in EXERCISES[exercise].catalogue:
            assert " ".join(EXERCISES[exercise].catalogue[key].says.split()) in text


def test_a_name_of_the_code_has_no_capital(soup: BeautifulSoup) -> None:
    items = [item.get_text() for item in section(soup, "what-goes-wrong-and-what-to-ask").select("details li li")]
    assert "h_prev stands where h belongs, in h * h." in items
    assert [item for item in items if re.match(r"(?!W_)[A-Z]\w*_\w|[A-Z]\w*\(|Σ", item)] == []


def test_the_example_is_what_the_command_prints(soup: BeautifulSoup) -> None:
    printed, table = teachers.example(ROOT).split("```")[1:]
    blocks = [block.get_text().strip() for block in section(soup, "collect-what-a-class-has-done")("pre")]
    assert printed.strip() in blocks
    assert "class/learner-3.json: got the format 'something else'" in printed
    assert "3 learners, 3 exercises solved, 1 file to look at: class/grades.csv, class/grades.html" in printed
    assert "not yet: tanh-for-sigmoid" in table


def test_answers_are_not_in_the_search() -> None:
    index = (SITE / "_static" / "course" / "search-index.js").read_text(encoding="utf-8")
    assert "Collect what a class has done" in index
    says = EXERCISES["forget-gate"].catalogue["factor-only"].says
    assert ("forget-gate", "factor-only") in {(exercise, key) for exercise, key, _ in kinds.met()}
    assert says not in index


def test_the_page_says_what_the_first_check_fetches(soup: BeautifulSoup) -> None:
    told = int(re.search(r"fetches Python, (\d+) MB", soup.get_text())[1])
    live = SITE / "_static" / "course" / "live"
    assert round(sum(file.stat().st_size for file in live.rglob("*") if file.is_file()) / 1e6) == told
