"""The page for teachers: its minutes add up, its lists are whole, and its example is what the command prints."""

import math
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
import progress
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


@pytest.mark.parametrize(("count", "anchor"), [(4, "four-sessions"), (10, "ten-sessions")])
def test_a_plan_has_its_sessions_and_its_minutes_add_up(soup: BeautifulSoup, count: int, anchor: str) -> None:
    found = rows(section(soup, anchor))
    assert len(found) == len(plans.PLANS[count]) == count
    sums = [int(row["minutes"]) for row in found]
    for row, total, session in zip(found, sums, plans.PLANS[count], strict=True):
        chapters = [int(number) for number in row["chapters"].split(", ")]
        more = 0
        if session.besides:
            other, names = session.besides
            chapters.remove(other)
            told = reading.sections(FILES[other])
            assert names == tuple(told)[1:3]  # after what stands above all sections
            more = math.ceil(told[names[0]] + told[names[1]])
        assert int(row["to read"]) == sum(reading.measure(FILES[number]).minutes for number in chapters) + more
        assert total == int(row["to read"]) + int(row["to play"]) + int(row["to solve"])
        assert int(row["to play"]) == plans.TO_PLAY * (len(chapters) + (row is found[0]))
    told = section(soup, anchor).find("p", string=re.compile("^Together")).get_text()
    assert f"Together {sum(sums)} minutes" in told
    assert f"the longest is session {sums.index(max(sums)) + 1} with {max(sums)}." in told
    left = [int(row["to play"]) + int(row["to solve"]) for row in found]
    fullest = left.index(max(left)) + 1
    assert f"{sum(left)} are left, and the longest is session {fullest} with {max(left)}." in told
    assert told.endswith("All exercises of the chapters are solved.") == ("Solved: " not in found[0]["about"])


def test_one_lesson_goes_on_minute_by_minute_and_leaves_some(soup: BeautifulSoup) -> None:
    here = section(soup, "one-session")
    found = rows(here)
    at = 0
    for row, step in zip(found, plans.LESSON_STEPS, strict=True):
        assert (int(row["from"]), int(row["minutes"])) == (at, plans.minutes_of_step(ROOT, step))
        assert {EXERCISES[id].chapter for id in step.exercises} <= {step.chapter}
        at += int(row["minutes"])
    left = plans.LESSON - at
    assert left >= 15, "a lesson begins late, and somebody asks"
    assert f"Together {at} minutes. Of {plans.LESSON} that leaves {left} for" in here.get_text()
    written = next(n for n, step in enumerate(plans.LESSON_STEPS) if "forget-gate" in step.exercises)
    assert "With 45 minutes, end when the forget gate is written." in here.get_text()
    assert int(found[written + 1]["from"]) <= 45
    links = [link["href"] for link in here.select("tbody a") if "glossary" not in link["href"]]
    assert len(links) == 1 + sum(len(step.sections) + len(step.exercises) for step in plans.LESSON_STEPS)
    for page, _, anchor in (link.partition("#") for link in links):
        assert f'id="{anchor}"' in (SITE / page).read_text(encoding="utf-8"), anchor


def test_what_is_said_at_the_board_is_what_the_network_of_chapter_1_does(soup: BeautifulSoup) -> None:
    h, states = 0.0, []
    for x in (1, 0, 0):
        h = math.tanh(0.5 * h + x)
        states.append(f"{h:.3f}")
    assert f"what it has heard fades, {', '.join(states)}," in section(soup, "one-session").get_text()
    chapter_5 = FILES[5].read_text(encoding="utf-8")
    assert "from Chapter 4's pencil, 0.620 is learned" in chapter_5
    assert "**A constant forget gate shortens memory.**" in chapter_5


def test_the_minutes_of_a_step_are_those_of_its_sections_and_exercises() -> None:
    step = plans.Step("", 5, ("By pencil",), ("forget-shortens",), beside=4)
    read = reading.sections(FILES[5])["By pencil"] + reading.MINUTES_AN_EXERCISE
    assert plans.minutes_of_step(ROOT, step) == math.ceil(read) + plans.TO_CHOOSE + 4


def test_every_question_of_the_chapters_stands_there_with_what_is_right(soup: BeautifulSoup) -> None:
    asked = {key: quiz for key, quiz in progress.quizzes(ROOT).items() if quiz["role"] == "quiz"}
    here = section(soup, "exercises-that-grade-themselves")
    folds = [fold for fold in here("details") if fold.summary.get_text().endswith(": questions")]
    items = [item for fold in folds for item in fold.find("ul", recursive=False)("li", recursive=False)]
    assert len(items) == len(asked) == int(re.search(r"the chapters ask (\d+) questions", here.get_text())[1])
    told = {item.contents[0].strip(): [line.get_text() for line in item("li")] for item in items}
    for quiz in asked.values():
        lines = told[" ".join(quiz["question"].split())]
        texts = {option["id"]: option["text"] for option in quiz["options"]}
        if quiz["kind"] in ("single", "several"):
            right = quiz["answers"] or [quiz["answer"]]
            assert all(line.startswith(f"{texts[id]}: ") for id, line in zip(right, lines, strict=True))
        elif quiz["kind"] == "order":
            assert lines[0].startswith("; ".join(texts[id] for id in quiz["answers"]))
        else:
            assert float(lines[0].split(". ")[0]) == pytest.approx(quiz["value"], rel=1e-5)


def test_the_minutes_are_those_that_the_chapters_announce() -> None:
    for number, path in FILES.items():
        assert f"**Time:** {plans.minutes_to_read(ROOT, number)} minutes" in path.read_text(encoding="utf-8")


def test_a_plan_names_only_exercises_of_its_chapters_and_the_longer_ones_cover_the_gates() -> None:
    for sessions in plans.PLANS.values():
        for session in sessions:
            assert {exercise.chapter for exercise in plans.exercises_of(session)} == set(session.chapters)
    for count in (4, 10):
        assert {number for session in plans.PLANS[count] for number in session.chapters} >= set(range(1, 8))
    for session in plans.PLANS[4]:
        assert sum(plans.minutes_of(ROOT, session, is_first=session is plans.PLANS[4][0])) <= 90


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
    assert "f = 0, i = 1: Nothing of the old one is kept" not in index  # what is right of a question


def test_the_page_says_what_the_first_check_fetches(soup: BeautifulSoup) -> None:
    told = int(re.search(r"fetches Python, (\d+) MB", soup.get_text())[1])
    live = SITE / "_static" / "course" / "live"
    assert round(sum(file.stat().st_size for file in live.rglob("*") if file.is_file()) / 1e6) == told
