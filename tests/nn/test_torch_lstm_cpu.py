"""The benchmarks of processors, at tiny sizes: every line of them, and what "auto" makes of their record."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT
from nn_helpers import COMPILER

from benchmarks import _record, _turns, growth, torch_lstm_cpu
from benchmarks.torch_lstm_cpu import Case
from lstm_lib import nn, recorded
from lstm_lib.nn.backends import _compiled, _measured_cpu

LINUX = pytest.mark.skipif(not Path("/proc/stat").is_file(), reason="the benchmark reads /proc/stat, as on Linux")
TINY = Case(4, 3, 2, 8)
HERE = 2  # threads in the record of these tests


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    _measured_cpu.forget()
    yield
    _measured_cpu.forget()
    _compiled.build.cache_clear()  # "auto" of other tests does not know of it


def record(folder: Path, times: dict[str, float], cpu: str, **about: Any) -> None:
    """Write a record of one size."""
    case = Case(100, 32, 64, 128, **about)._asdict()
    rows = [
        {"what": "time"} | case | {"passes": passes, "rung": rung, "threads": HERE, "median_ms": ms}
        for rung, ms in times.items()
        for passes in ("both", "forward")
    ]
    text = json.dumps({"machine": {"cpu": cpu, "cores": HERE}, "rows": rows})
    (folder / "torch_lstm_cpu.json").write_text(text, encoding="utf-8")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Read records from an empty folder, on a processor with two threads."""
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.setattr(torch, "get_num_threads", lambda: HERE)
    return tmp_path


def chosen(form: str = "packed", dtype: torch.dtype = torch.float32, B: int = 30, **options: Any) -> nn.Explanation:
    """Ask which backend "auto" takes near the size of the record."""
    lstm = nn.LSTM(64, 120, dtype=dtype, **options)
    xs = torch.ones(80, B, 64, dtype=dtype)
    given = torch.nn.utils.rnn.pack_padded_sequence(xs, [80] * (B - 1) + [20]) if form == "packed" else xs
    return nn.explain(lstm, given)


# ---------------------------------------------------------------- what "auto" makes of the record


def test_without_a_record_torchs_own_kernels_stay(elsewhere: Path) -> None:
    for about in ({}, {"dtype": torch.float64}, {"form": "batch", "dtype": torch.float64}, {"proj_size": 4}):
        assert chosen(**about).backend == "native"


def test_packed_sequences_take_what_was_measured_to_be_faster_and_the_measurement_is_told(elsewhere: Path) -> None:
    record(elsewhere, {"native": 30.0, "fused": 10.0}, recorded.processor(), form="packed")
    assert chosen() == (
        "fused",
        "torch's own kernels would be slower: 10.00 ms against 30.00 of torch's own kernels at T=100, B=32, D=64, "
        f"H=128 on {recorded.processor()}, 2 threads",
    )
    for other in ({"form": "batch"}, {"dtype": torch.float64}, {"proj_size": 4}, {"B": 8}):
        assert chosen(**other).backend == "native"


@pytest.mark.parametrize(
    ("about", "asked"),
    [
        ({"precision": "float64"}, {"form": "batch", "dtype": torch.float64}),
        ({"proj": 64}, {"form": "batch", "proj_size": 60}),
        ({"precision": "float64", "form": "packed", "proj": 64}, {"dtype": torch.float64, "proj_size": 60}),
    ],
    ids=["float64", "projection", "all of them"],
)
def test_float64_and_projections_take_their_own_rows(
    about: dict[str, Any], asked: dict[str, Any], elsewhere: Path
) -> None:
    record(elsewhere, {"native": 30.0, "fused": 10.0}, recorded.processor(), **about)
    assert chosen(**asked).backend == "fused"
    assert chosen().backend == "native"


def test_a_float32_batch_keeps_torchs_own_kernels_whatever_was_measured(elsewhere: Path) -> None:
    record(elsewhere, {"native": 30.0, "fused": 10.0}, recorded.processor())
    assert chosen(form="batch").backend == "native"


@pytest.mark.parametrize(
    ("ms", "cpu", "backend"),
    [(29.0, "", "native"), (28.0, "", "fused"), (21.0, "another", "native"), (19.0, "another", "fused")],
)
def test_on_another_processor_a_measurement_must_be_clearer(ms: float, cpu: str, backend: str, elsewhere: Path) -> None:
    record(elsewhere, {"native": 30.0, "fused": ms}, cpu or recorded.processor(), form="packed")
    assert chosen().backend == backend


def test_with_other_threads_a_measurement_must_be_clearer(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(elsewhere, {"native": 30.0, "fused": 25.0}, recorded.processor(), form="packed")
    assert chosen().backend == "fused"
    monkeypatch.setattr(torch, "get_num_threads", lambda: HERE + 2)
    assert chosen().backend == "native"


def test_what_runs_is_what_was_explained_with_the_same_numbers(elsewhere: Path) -> None:
    record(elsewhere, {"native": 30.0, "fused": 10.0}, recorded.processor(), precision="float64")
    lstm, xs = nn.LSTM(64, 120, dtype=torch.float64), torch.randn(50, 32, 64, dtype=torch.float64)
    assert nn.explain(lstm, xs).backend == "fused"
    hs = lstm(xs)[0]
    assert "_Layer" in repr(hs.grad_fn.next_functions)
    lstm.backend = "native"
    torch.testing.assert_close(hs, lstm(xs)[0], rtol=0, atol=1e-13)


def test_functional_transforms_and_autocast_go_on_as_before(elsewhere: Path) -> None:
    record(elsewhere, {"native": 30.0, "fused": 10.0}, recorded.processor(), form="packed")
    with torch.autocast("cpu", torch.bfloat16):
        assert chosen().backend == "native"
    lstm, told = nn.LSTM(64, 120, dtype=torch.float64), []
    record(elsewhere, {"native": 30.0, "fused": 10.0}, recorded.processor(), precision="float64")
    _measured_cpu.forget()
    torch.func.vmap(lambda x: told.append(nn.explain(lstm, x)) or x)(torch.ones(2, 80, 32, 64, dtype=torch.float64))
    assert [one.backend for one in told] == ["reference"]


def chosen_for_tokens(form: str = "batch") -> nn.Explanation:
    """Ask which backend "auto" takes for tokens near the size of the record."""
    lstm, tokens = nn.LSTM(64, 120), torch.zeros(80, 30, dtype=torch.int64)
    given = torch.nn.utils.rnn.pack_padded_sequence(tokens, [80] * 29 + [20]) if form == "packed" else tokens
    return nn.explain(lstm, given, embedding=torch.ones(9, 64))


def test_tokens_take_their_own_rows_and_a_batch_of_them_no_other(elsewhere: Path) -> None:
    assert chosen_for_tokens().backend == "native"
    record(elsewhere, {"native": 30.0, "fused": 10.0}, recorded.processor(), vocabulary=50)
    _measured_cpu.forget()
    assert chosen_for_tokens().backend == "fused"
    assert chosen_for_tokens("packed").backend == "native"
    assert chosen("batch").backend == "native"
    record(elsewhere, {"native": 30.0, "fused": 10.0}, recorded.processor())
    _measured_cpu.forget()
    assert chosen_for_tokens().backend == "native"


def test_packed_tokens_go_by_packed_rows_until_they_are_measured(elsewhere: Path) -> None:
    record(elsewhere, {"native": 30.0, "fused": 10.0}, recorded.processor(), form="packed")
    assert "10.00 ms against 30.00" in chosen_for_tokens("packed").reason
    record(elsewhere, {"native": 10.0, "fused": 30.0}, recorded.processor(), form="packed", vocabulary=50)
    _measured_cpu.forget()
    assert chosen_for_tokens("packed").backend == "native"


def test_where_steps_in_cpp_are_compiled_their_own_times_count(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(elsewhere, {"native": 30.0, "fused": 40.0, "cpp": 10.0}, recorded.processor(), form="packed")
    assert chosen().backend == "native"
    monkeypatch.setattr(_measured_cpu, "is_built", lambda: True)
    assert "10.00 ms against 30.00" in chosen().reason


# ---------------------------------------------------------------- the benchmark


def test_the_cases_cover_what_is_promised() -> None:
    of_rows = [case for case in torch_lstm_cpu.CASES if not case.vocabulary]
    found = {(case.form, case.precision, bool(case.proj), case.cell) for case in of_rows}
    assert {case.form for case in torch_lstm_cpu.CASES if case.vocabulary} == {"batch", "packed"}
    assert {("packed", "float32", False, "standard"), ("batch", "float64", False, "standard")} <= found
    assert {("batch", "float32", True, "standard"), ("stream", "float32", False, "standard")} <= found
    assert {cell for *_, cell in found} == set(nn.CELLS)
    assert len(set(torch_lstm_cpu.CASES)) == len(torch_lstm_cpu.CASES)


@pytest.mark.parametrize("case", torch_lstm_cpu.QUICK, ids=str)
def test_every_contender_computes_the_right_numbers_at_every_kind_of_case(case: Case) -> None:
    for rung in torch_lstm_cpu.contenders(case):
        if rung == "cpp":
            if not COMPILER:
                continue
            nn.build_cpp()
        assert torch_lstm_cpu.error(rung, case) < torch_lstm_cpu.TOLERANCE[case.precision], rung


def test_wrong_numbers_stop_it_before_anything_is_timed() -> None:
    class Wrong:
        def ask(self, question: dict[str, Any]) -> dict[str, Any]:
            assert question["what"] == "error"
            return {"error": 0.5}

    plan = torch_lstm_cpu.Plan(torch_lstm_cpu.QUICK, 1, 0.0, 1, 1, 0.0)
    with pytest.raises(AssertionError, match="nothing is timed"):
        torch_lstm_cpu.ask_once(plan, _turns.Log(None, {}, resume=False), {"native": Wrong()}, "all", "error")  # type: ignore[dict-item]


@LINUX
def test_the_whole_command_runs_on_tiny_sizes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(torch_lstm_cpu, "QUICK", torch_lstm_cpu.QUICK[:2])
    monkeypatch.setattr(_record, "write", lambda *a, **options: pytest.fail("results were written"))
    torch_lstm_cpu.main(["--quick", "--threads", "1"])
    said = capsys.readouterr().out
    assert "0 measurements did not fit" in said
    assert "fused over per step" in said


def entries(ms: dict[str, float], stage: str = "all", case: Case = TINY) -> list[dict[str, Any]]:
    return [
        {"stage": stage, "case": list(case), "passes": "both", "rung": rung, "round": number, "ms": value + number}
        for rung, value in ms.items()
        for number in range(3)
    ]


def test_a_row_is_the_median_over_rounds_beside_native_and_the_goals_are_held_beside() -> None:
    log = _turns.Log(None, {}, resume=False)
    log.rows += entries({"native": 9.0, "native again": 9.5, "per step": 39.0, "fused": 4.0, "cpp": 1.0})
    log.rows += entries({"native": 9.0, "auto": 4.0, "auto with cpp": 1.0}, "auto")
    log.rows.append({"stage": "all", "case": [*Case(4, 3, 2, 8)], "passes": "both", "rung": "fused", "peak_mib": 2.0})
    rows = torch_lstm_cpu.rows_of(log, 2)
    fused = next(row for row in rows if row.get("rung") == "fused")
    assert (fused["median_ms"], fused["n"], fused["ratio_to_native"], fused["peak_mib"]) == (5.0, 3, 0.5, 2.0)
    goals = {row["name"]: row["found"] for row in rows if row["what"] == "goal"}
    assert goals["fused over per step"] == 8.0
    assert (goals["cpp over fused"], goals["cpp over per step"]) == (2.5, 20.0)
    assert goals["auto over native, lowest"] == 2.0
    assert goals["auto with cpp over native, lowest"] == 5.0
    assert goals["auto over native, packed"] is None
    json.dumps(rows)


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    path, about = tmp_path / "log.jsonl", {"threads": 2}
    first = _turns.Log(path, about, resume=False)
    first.add({"rung": "native", "case": [1, 2], "ms": 3.0})
    again = _turns.Log(path, about, resume=True)
    assert again.has({"rung": "native", "case": [1, 2]})
    assert not again.has({"rung": "fused", "case": [1, 2]})
    with pytest.raises(ValueError, match="start without --resume"):
        _turns.Log(path, {"threads": 1}, resume=True)
    assert not _turns.Log(path, about, resume=False).rows


def test_a_child_that_dies_says_of_what() -> None:
    child = _turns.Child([sys.executable, "-c", "import sys; sys.exit('last words')"], {})
    with pytest.raises(RuntimeError, match=r"ended with status 1 (.|\n)*last words"):
        child.ask({"what": "ms"})
    child.close()


# ---------------------------------------------------------------- growth


def test_growth_has_a_row_for_each_size_and_a_slope_for_each_contender(monkeypatch: pytest.MonkeyPatch) -> None:
    log = _turns.Log(None, {}, resume=False)
    for name in growth.CONTENDERS:
        for T in (4, 8, 16, 32):
            about = {"against": "steps", "size": [T, 2, 3, 8], "rung": name, "round": 0}
            log.rows.append(about | {"what": "ms", "ms": 2.0 * T})
            log.rows.append(about | {"what": "peak_mib", "peak_mib": T**0.5})
    rows = growth.rows_of(log, 1)
    slopes = {(row["rung"], row["of"]): row for row in rows if row["what"] == "slope"}
    assert slopes["fused", "median_ms"]["slope"] == 1.0
    assert slopes["pieces", "peak_mib"]["slope"] == 0.5
    assert (slopes["native", "peak_mib"]["from"], slopes["native", "peak_mib"]["to"]) == (8, 32)
    assert len([row for row in rows if row["what"] == "size"]) == 16


@LINUX
def test_growth_runs_on_tiny_sizes() -> None:
    command = [sys.executable, "-m", "benchmarks.growth", "--quick", "--threads", "1"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "0 measurements did not fit" in said
    assert "slope steps pieces" in said
