"""What "auto" knows of GPUs: the record, looked up by kind of GPU, precision, form and size."""

import pytest

from lstm_lib import recorded
from lstm_lib.nn.backends import _measured, triton

GPU = next(row["name"] for row in recorded.rows("torch_lstm_gpu", what="device"))


@pytest.mark.parametrize("precision", ["bf16", "tf32", "fp16"])
@pytest.mark.parametrize("passes", ["both", "forward"])
def test_a_size_that_was_measured_gives_its_own_row(precision: str, passes: str) -> None:
    about = {"what": "time", "device": "cuda", "precision": precision, "form": "batch", "passes": passes}
    rows = [row for row in recorded.rows("torch_lstm_gpu", **about, rung="triton") if row["median_ms"]]
    assert len(rows) >= 6
    for row in rows:
        if "cell" in row:
            continue
        found = _measured.nearest(GPU, precision, "batch", passes, (row["T"], row["B"], row["H"]))
        assert found is not None
        assert found.triton_ms == row["median_ms"]


def test_a_size_near_by_counts_and_one_far_away_does_not() -> None:
    at = {size: _measured.nearest(GPU, "bf16", "batch", "both", size) for size in [(80, 30, 120), (100, 32, 4096)]}
    assert at[80, 30, 120].size == (100, 32, 64, 128)
    assert at[100, 32, 4096] is None
    assert _measured.nearest(GPU, "bf16", "batch", "both", (100_000, 32, 128)) is None


@pytest.mark.parametrize("other", [("another GPU", "bf16", "batch"), (GPU, "fp64", "batch"), (GPU, "bf16", "tree")])
def test_nothing_is_taken_from_another_gpu_precision_or_form(other: tuple[str, str, str]) -> None:
    assert _measured.nearest(*other, "both", (100, 32, 128)) is None


def test_the_record_holds_sizes_at_which_each_of_the_two_is_the_faster_one() -> None:
    better = _measured.nearest(GPU, "bf16", "batch", "both", (256, 64, 512))
    worse = _measured.nearest(GPU, "fp16", "batch", "both", (1024, 16, 768))
    assert better.gain > triton.MARGIN > 1 > worse.gain
    assert "of torch's own kernels at T=256, B=64, D=512, H=512 on" in str(better)


def test_under_autocast_torch_is_timed_in_float16_for_that_is_what_it_computes_in() -> None:
    size = (200, 16, 256)
    at = {name: _measured.nearest(GPU, name, "batch", "both", size) for name in ("bf16", "fp16")}
    found = _measured.nearest(GPU, "bf16", "batch", "both", size, "fp16")
    assert found.triton_ms == at["bf16"].triton_ms
    assert found.native_ms == at["fp16"].native_ms < at["bf16"].native_ms / 2
