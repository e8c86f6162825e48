"""Recorded measurements can be read in a checkout, and a wrong name says which there are."""

import pytest
from conftest import ROOT

from benchmarks import _record
from lstm_lib import recorded


def test_every_result_file_says_how_when_and_where_it_was_made():
    files = list(recorded.FOLDER.glob("*.json"))
    assert files
    for path in files:
        result = recorded.load(path.stem)
        assert result["command"] == f"python -m benchmarks.{path.stem}"
        assert {"date", "machine", "versions", "seeds", "rows"} <= set(result)
        assert result["rows"]


def test_the_staircase_has_five_seeds_for_each_cell_and_other_seeds_chose_its_rate():
    final, choosing = (recorded.rows("what_each_gate_buys", stage=stage) for stage in ("final", "choosing"))
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in final:
        groups.setdefault((row["task"], row["cell"]), []).append(row)
    for rows in groups.values():
        assert sorted(row["seed"] for row in rows) == [0, 1, 2, 3, 4]
        assert len({row["rate"] for row in rows}) == 1
    assert {row["seed"] for row in choosing}.isdisjoint({row["seed"] for row in final})
    assert {(row["task"], row["cell"]) for row in choosing} == set(groups)


def test_unknown_names_and_rows_are_refused():
    with pytest.raises(ValueError, match="got 'numpy', expected one of .*what_each_gate_buys"):
        recorded.load("numpy")
    with pytest.raises(ValueError, match="which no row of 'what_each_gate_buys' has"):
        recorded.rows("what_each_gate_buys", task="delay 31")


def test_benchmarks_write_where_the_library_reads(tmp_path, monkeypatch):
    assert _record.RESULTS == recorded.FOLDER
    monkeypatch.setattr(_record, "RESULTS", tmp_path)
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    _record.write("probe", [{"a": 1}, {"a": 2}], seeds=[0])
    assert recorded.rows("probe", a=1) == [{"a": 1}]


def test_the_name_under_benchmarks_is_that_of_the_same_files():
    assert (ROOT / "benchmarks" / "results").resolve() == recorded.FOLDER
    assert (ROOT / "benchmarks" / "results" / "numpy_lstm.json").read_bytes() == (
        recorded.FOLDER / "numpy_lstm.json"
    ).read_bytes()


def test_a_span_names_both_ends_and_the_middle_of_an_even_number_of_rows():
    rows = [{"right": value} for value in (0.75, 0.125, 1.0, 0.5)]
    assert recorded.span(rows, "right", digits=3) == "0.125 to 1.000, median 0.625"
    with pytest.raises(ValueError, match="got no rows, expected some with the column 'right'"):
        recorded.span([], "right")
