"""The benchmark of the NumPy LSTM runs the kernels that a processor has, and says what it left out and what died."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import _processor, numpy_lstm
from lstm_lib import cells, layers
from lstm_lib.from_scratch import _fast

OLD = {"SSE3", "AVX", "AVX2", "FMA3"}
NEW = OLD | {"AVX512F", "AVX512CD", "AVX512BW", "AVX512DQ", "AVX512VL"}
SIZE = (3, 2, 2, 4)
PASSES = {"forward": 1.0, "all": 2.0, "no dx": 1.5, "kernels": "some"}
LINUX = pytest.mark.skipif(not Path("/proc/stat").is_file(), reason="the benchmark reads /proc/stat, as on Linux")


def test_kernels_that_the_processor_does_not_have_are_left_out_with_the_reason() -> None:
    names, left_out = numpy_lstm.contenders(OLD)
    assert left_out == {"lstm_lib, SkylakeX kernels": "the processor has no AVX512F"}
    assert set(names) == set(numpy_lstm.CONTENDERS) - set(left_out)


def test_nothing_is_left_out_on_a_processor_that_has_them_all() -> None:
    assert numpy_lstm.contenders(NEW) == (list(numpy_lstm.CONTENDERS), {})


def test_the_processor_is_asked_for_its_instructions() -> None:
    assert _processor.features(), "numpy names no instruction at all: its private name has changed"
    if _processor.is_x86():
        assert "SSE3" in _processor.features()


def test_the_measurement_runs_to_its_end_and_its_rows_say_what_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_processor, "features", lambda: OLD)
    monkeypatch.setattr(numpy_lstm, "run_undisturbed", lambda name, size: (PASSES, 0.0))
    monkeypatch.setattr(numpy_lstm, "assert_same_outcome", lambda size, names: None)
    rows = numpy_lstm.measure(SIZE, rounds=1)
    left_out = [row for row in rows if "left_out" in row]
    assert [row["library"] for row in left_out] == ["lstm_lib, SkylakeX kernels"]
    assert all(row["T"] == 3 and row["pass"] is None for row in left_out)
    assert not {row["library"] for row in rows if "median_ms" in row} & {row["library"] for row in left_out}


@LINUX
def test_a_child_that_dies_says_of_what_and_which_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dying = tmp_path / "python"
    dying.write_text(f"#!/bin/sh\necho last words >&2\nkill -{int(signal.SIGILL)} $$\n", encoding="utf-8")
    dying.chmod(0o755)
    monkeypatch.setattr(numpy_lstm.sys, "executable", str(dying))
    with pytest.raises(RuntimeError, match=r"lstm_lib again at \(3, 2, 2, 4\) ended with SIGILL (.|\n)*last words"):
        numpy_lstm.run_child("lstm_lib again", SIZE)


@LINUX
@pytest.mark.skipif("AVX512F" in _processor.features(), reason="this processor has the kernels that would die")
@pytest.mark.skipif(not _processor.is_x86(), reason="OpenBLAS has these kernels on x86 only")
def test_kernels_that_are_not_left_out_would_really_die_here(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="SkylakeX kernels at .* ended with SIGILL"):
        numpy_lstm.run_child("lstm_lib, SkylakeX kernels", (5, 64, 100, 100), str(tmp_path / "outcome.npz"))


@LINUX
def test_the_limit_is_measured_in_a_child_of_its_own() -> None:
    row = numpy_lstm.limits(SIZE)
    assert (row["pass"], row["T"], row["H"]) == ("limit", 3, 4)
    assert min(row["products_ms"], row["tanh_ms"], row["calls_ms"]) > 0


def test_a_step_makes_as_many_calls_as_the_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(name: str, function: Any) -> Any:
        return lambda *args: calls.append(name) or function(*args)

    for name in ("add", "dot", "multiply", "tanh"):
        monkeypatch.setattr(_fast, name, counted(name, getattr(np, name)))
    W, b, xs, dhs = numpy_lstm.problem(*SIZE)
    params, counts = cells.LSTMParams(W, b), []
    for T in (2, 3):
        calls.clear()
        run = layers.lstm_forward(params, xs[:T])
        forward = len(calls)
        layers.lstm_backward(params, run, dhs[:T])
        counts.append((forward, len(calls) - forward))
    assert tuple(more - few for few, more in zip(*counts, strict=True)) == numpy_lstm.CALLS
