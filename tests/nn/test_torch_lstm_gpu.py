"""The GPU benchmark, run on the processor at a tiny size: every line of it but CUDA's own."""

import json

import pytest
import torch
from nn_helpers import HAS_BFLOAT16

from benchmarks import _ladder, _record, torch_lstm_gpu
from lstm_lib.nn import ladder

SIZE = (3, 2, 4, 8)


@pytest.fixture(autouse=True)
def tf32_as_before():
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.fixture
def nothing_written(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("results were written")

    monkeypatch.setattr(_record, "write", refuse)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so_with_exit_code_2_and_writes_nothing(nothing_written, capsys):
    assert torch_lstm_gpu.main([]) == 2
    assert "no CUDA device" in capsys.readouterr().err


def test_numbers_of_a_processor_are_never_recorded_as_those_of_a_gpu(nothing_written):
    with pytest.raises(SystemExit):
        torch_lstm_gpu.main(["--device", "cpu", "--tiny"])


def test_the_whole_command_runs_on_tiny_sizes(nothing_written, monkeypatch, capsys):
    monkeypatch.setattr(torch_lstm_gpu, "SECONDS", 0.01)
    assert torch_lstm_gpu.main(["--device", "cpu", "--tiny", "--no-write"]) == 0
    assert "0 measurements did not fit" in capsys.readouterr().out


def test_there_are_rows_for_every_backend_precision_and_rung(monkeypatch):
    monkeypatch.setattr(torch_lstm_gpu, "SECONDS", 0.01)
    rows = torch_lstm_gpu.measure("cpu", tiny=True, budget=60)
    numbers = [row for row in rows if row["what"] == "numbers"]
    assert len({(row["backend"], row["precision"], row["form"]) for row in numbers}) == 5 * 3 * 2
    absent = ("native", "bfloat16 autocast", "batch")  # without the instructions
    for row in numbers:
        is_absent = not HAS_BFLOAT16 and (row["backend"], row["precision"], row["form"]) == absent
        assert row["right"] is (None if is_absent or row["backend"] == "triton" else True)
    times = [row for row in rows if row["what"] == "time"]
    assert {row["rung"] for row in times} == {"per step", "hoisted", "fused", "reference", "native", "native again"}
    assert {row["precision"] for row in times} == {"fp32", "bf16"}
    assert {(row["form"], row["passes"]) for row in times} >= {("packed", "forward"), ("batch", "both")}
    assert {row.get("cell", "standard") for row in times} == set(torch_lstm_gpu.CELLS)
    assert all(0 < row["lowest_ms"] <= row["median_ms"] <= row["highest_ms"] for row in times)
    json.dumps(rows)


def test_wrong_numbers_stop_it_before_anything_is_timed(monkeypatch):
    monkeypatch.setattr(_ladder, "largest_error", lambda found, expected: 0.5)
    with pytest.raises(AssertionError, match="nothing is timed"):
        torch_lstm_gpu.measure("cpu", tiny=True, budget=60)


def test_when_the_time_is_over_it_begins_no_row_and_counts_what_is_missing():
    rows = torch_lstm_gpu.measure("cpu", tiny=True, budget=0)
    assert not [row for row in rows if row["what"] == "time"]
    assert rows[-1]["measurements_left_out"] == 4 + 2 + 4  # forms and passes, loops, cells


@pytest.mark.parametrize("rung", ["per step", "hoisted"])
def test_the_rungs_give_the_numbers_of_torch(rung):
    lstm, xs, dhs = _ladder.problem(SIZE, dtype=torch.float64)
    expected = _ladder.training_pass(ladder.make("native"), lstm, xs, dhs)()
    found = _ladder.training_pass(ladder.make(rung), lstm, xs, dhs)()
    assert len(found) == 6
    assert _ladder.largest_error(found, expected) < 1e-12


def test_a_compiled_rung_is_timed_and_compared_in_the_child(monkeypatch):
    monkeypatch.setattr(torch_lstm_gpu, "SECONDS", 0.01)
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    for rung in ("compiled step", "compiled loop"):
        row = torch_lstm_gpu.compile_and_time(rung, "cpu", "fp32", SIZE)
        assert row["error"] < 1e-5
        assert row["median_ms"] > 0


def test_a_child_that_compiles_for_too_long_leaves_a_row_without_a_time(monkeypatch):
    monkeypatch.setattr(torch_lstm_gpu, "BOUND", 0.0)  # one second
    (row,) = torch_lstm_gpu.compiled("cpu", SIZE, "fp32", "compiled step", torch_lstm_gpu.Clock(60))
    assert row["median_ms"] is None
    assert row["why"] == "compiling took too long"


def test_a_child_that_fails_says_why_in_its_row():
    (row,) = torch_lstm_gpu.compiled("cpu", SIZE, "fp8", "native", torch_lstm_gpu.Clock(60))
    assert row["median_ms"] is None
    assert "fp8" in row["why"]


def test_a_child_that_succeeds_hands_its_numbers_back():
    (row,) = torch_lstm_gpu.compiled("cpu", SIZE, "fp32", "hoisted", torch_lstm_gpu.Clock(60))
    assert row["median_ms"] > 0
    assert row["error"] < 1e-5


def test_the_full_plan_times_all_precisions_forms_and_cells_and_then_what_auto_makes_of_it(monkeypatch):
    asked = []
    note = lambda device, size, precision, rungs, clock, form="batch", passes="both", cell="standard": (  # noqa: E731
        asked.append((device, size, precision, form, passes, cell)) or []
    )
    monkeypatch.setattr(torch_lstm_gpu, "timings", note)
    monkeypatch.setattr(torch_lstm_gpu, "choices", lambda *a: asked.append(("auto", *a[:4])) or [])
    monkeypatch.setattr(torch_lstm_gpu, "compiled", lambda *a: asked.append(("compiled", *a[:4])) or [])
    clock = torch_lstm_gpu.Clock(60)
    for one in (*torch_lstm_gpu.plan("cuda", False, clock), *torch_lstm_gpu.last(False, clock)):
        one()
    timed = [entry for entry in asked if entry[0] == "cuda"]
    assert {entry[2] for entry in timed} == {"fp32", "tf32", "bf16", "fp16"}
    assert {entry[5] for entry in timed} == set(torch_lstm_gpu.CELLS)
    assert {entry[1:] for entry in asked if entry[0] == "auto"} == {
        entry[1:5] for entry in timed if entry[2] != "fp32" and entry[5] == "standard"
    }
    assert ("cpu", torch_lstm_gpu.SIZES[0], "fp32", "batch", "both", "standard") in asked
    assert [entry[0] for entry in asked].count("compiled") == len(torch_lstm_gpu.COMPILED)


def test_a_backend_that_cannot_leaves_a_row_that_says_why():
    *_, row = torch_lstm_gpu.timings("cpu", SIZE, "bf16", ("native", "triton"), torch_lstm_gpu.Clock(60))
    assert row["median_ms"] is None
    assert "Triton computes on NVIDIA GPUs" in row["why"]


def test_the_backends_run_with_the_very_weights_of_torchs_module():
    lstm, xs, dhs = _ladder.problem(SIZE, dtype=torch.float64)
    expected = _ladder.training_pass(ladder.make("native"), lstm, xs, dhs)()
    found = _ladder.training_pass(_ladder.by_backend("fused"), lstm, xs, dhs)()
    assert len(found) == 6
    assert _ladder.largest_error(found, expected) < 1e-12
