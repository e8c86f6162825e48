"""No sentence of the chapters claims or compares without a proof, and the tool that says so sees what it should."""

import json
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, notebooks
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lstm_lib import recorded
from tools import calculations, ledger


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_every_claim_of_a_chapter_is_proved(path: Path) -> None:
    assert ledger.missing(ledger.rows_of(path)) == []


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_every_named_proof_belongs_to_a_sentence(path: Path) -> None:
    assert ledger.idle(path) == []


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_every_equation_of_numbers_is_so(path: Path) -> None:
    assert [
        (left, right) for u in ledger.units(path) for left, right, so in calculations.equations(u.text) if not so
    ] == []


def test_the_ledger_is_the_one_that_the_tool_writes() -> None:
    stored = json.loads(ledger.LEDGER.read_text(encoding="utf-8"))
    assert stored == json.loads(ledger.generate()), "run python -m tools.ledger"


# ---------------------------------------------------------------- what the tool sees


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return what writes a chapter of given cells and proofs, and lists what lacks a proof."""
    monkeypatch.setattr(ledger, "CLAIMS", tmp_path)

    def write(*cells: object, claims: list[dict[str, object]] = ()) -> tuple[list[str], Path]:
        for cached in (ledger.cells_of, ledger.printed, ledger.literals, ledger.entries):
            cached.cache_clear()
        path = tmp_path / "01_page.ipynb"
        made = [new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        path.write_text(json.dumps(new_notebook(cells=made)), encoding="utf-8")
        (tmp_path / "01.yml").write_text(yaml.safe_dump(list(claims)), encoding="utf-8")
        return [line.split(": ", 1)[1] for line in ledger.missing(ledger.rows_of(path))], path

    yield write
    for cached in (ledger.cells_of, ledger.printed, ledger.literals, ledger.entries):
        cached.cache_clear()


def prints(text: str, **metadata: object) -> object:
    return new_code_cell("show()", outputs=[new_output("stream", name="stdout", text=text)], metadata=metadata)


@pytest.mark.parametrize(
    "claim",
    [
        "It keeps 0.83 of it.",
        "After 12 steps it is gone.",
        "It is right in 87 % of them.",
        "It never leaves.",
        "Three of five learn it.",
        "This one is faster.",
        "It needs ten times as long.",
        "## What we saw\n\nIt is a share.",
        "Try `w = 1.1`.",
    ],
)
def test_a_claim_without_proof_is_seen(page, claim: str) -> None:
    lacking, _ = page("# A page\n\n" + claim)
    assert len(lacking) == 1
    assert claim.rpartition("\n")[2] in lacking[0]


@pytest.mark.parametrize(
    "harmless",
    [
        "Chapter 12 builds it in float32.",
        "There are 3 boxes.",
        "$h_{12}$ and $w^{30}$",
        "**Time:** 20 minutes to read",
        "In 1997 it was new.",
    ],
)
def test_names_claim_nothing(page, harmless: str) -> None:
    assert page(harmless)[0] == []


def test_a_number_is_proved_by_what_a_cell_prints_to_its_digits(page) -> None:
    assert page("It keeps 0.83.", prints("share 0.8312"))[0] == []
    assert page("It keeps 83 %.", prints("share 0.8312"))[0] == []
    assert page("It keeps $8.3 \\cdot 10^{-5}$.", prints("8.31e-05"))[0] == []
    assert len(page("It keeps 0.84.", prints("share 0.8312"))[0]) == 1


def test_a_count_is_proved_by_that_very_number(page) -> None:
    assert page("It learned 16 of them.", prints("learned: 16"))[0] == []
    assert len(page("It learned 16 of them.", prints("loss 15.83"))[0]) == 1


def test_an_equation_proves_its_numbers_only_if_it_is_so(page) -> None:
    assert page(r"$\tanh(1.25) = 0.848$")[0] == []
    assert len(page(r"$\tanh(1.25) = 0.858$")[0]) == 1
    assert page("A rate of 0.5 · 0.3 = 0.15.")[0] == []


def test_alt_texts_and_replies_are_read(page) -> None:
    alt = new_code_cell("draw()", metadata={"mystnb": {"image": {"alt": "It falls to 0.31."}}})
    quiz = new_code_cell('Quiz(question="Is it so?", options={}, answer="a", because={"a": "Yes, by 0.62 of it."})')
    assert [line.split(" in: ")[0] for line in page(alt, quiz)[0]] == ["0.31", "0.62"]


@pytest.mark.parametrize(
    ("proof", "holds"),
    [
        ({"cell": "right > 0.9"}, True),
        ({"cell": "right > 0.8"}, False),
        ({"cell": "x = 2"}, False),  # the cell asserts, but not this
        ({"output": "five of five"}, True),
        ({"output": "live five"}, False),  # nothing compares it
        (
            {
                "record": "chapters",
                "where": {"chapter": 10, "claim": "clinic", "patient": "D"},
                "holds": "len(rows) == 10",
            },
            True,
        ),
        (
            {"record": "chapters", "where": {"chapter": 10, "claim": "clinic"}, "holds": "column('right').min() > 0.9"},
            False,
        ),
        ({"test": "tests/tools/test_ledger.py::test_names_claim_nothing"}, True),
        ({"test": "tests/tools/test_ledger.py::test_that_is_not_there"}, False),
        ({"exact": "0.5 ** 10 < 0.001"}, True),
        ({"exact": "0.5 ** 9 < 0.001"}, False),
        ({"cite": "hochreiter1997long"}, False),  # the page does not cite it
        ({"section": "Measured"}, True),
        ({"section": "Not there"}, False),
        ({"means": "a definition"}, True),
        ({"means": ""}, False),
        ({"reason": "because"}, False),
    ],
)
def test_a_named_proof_is_checked(page, proof: dict[str, object], holds: bool) -> None:
    cells = [
        "## Measured\n\nIt is never wrong.",
        new_code_cell("x = 2\nassert min(right) and (\n    right > 0.9\n)"),
        prints("five of five"),
        prints("live five", tags=["nbval-ignore-output"]),
    ]
    claims = [{"says": "never wrong", **proof}]
    if holds:
        assert page(*cells, claims=claims)[0] == []
    else:
        with pytest.raises(ledger.Unproved):
            page(*cells, claims=claims)


def test_an_entry_that_fits_no_sentence_is_listed(page) -> None:
    _, path = page("It is so.", claims=[{"says": "It was so", "means": "nothing at all"}])
    assert ledger.idle(path) == ["It was so"]


def test_a_record_of_training_tells_its_seeds_and_its_range() -> None:
    where = {"chapter": 10, "claim": "clinic", "patient": "D"}
    entry = {"says": "", "record": "chapters", "where": where, "holds": "column('right').max() < 0.4"}
    right = [row["right"] for row in recorded.rows("chapters", **where)]
    told = f"10 rows of 10 seeds, right {min(right):.4g} to {max(right):.4g};"
    assert told in ledger.by_record(entry, ROOT)
