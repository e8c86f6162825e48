"""The explorable of where the time goes: its arithmetic against Python's and the operators, and its hands."""

import json
import re
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from anywidget import AnyWidget
from explorable_helpers import axe, module, node, text_sizes, wait_until
from playwright.sync_api import Locator, expect

from benchmarks import where_time_goes as benchmark
from lstm_lib import recorded
from lstm_lib.nn import costs
from lstm_lib.widgets import WhereTimeGoes
from lstm_lib.widgets.where_time_goes import BATCHES, STEPS, UNITS, measured_here, measured_on_gpu

SIZES = [(T, B, H, H) for T, B, H in product(STEPS, BATCHES, UNITS)]
(CONSTANTS,) = recorded.rows("where_time_goes", what="constants")
(MODEL,) = recorded.rows("where_time_goes", what="model")
MACHINE = costs.Machine(*(CONSTANTS[name] for name in costs.Machine._fields))
PASSES = recorded.rows("where_time_goes", what="pass")

SCRIPT = f"""
import * as w from {module("where_time_goes")};
const sizes = {json.dumps([dict(zip("TBDH", size, strict=True)) for size in SIZES])};
const [machine, measured, gpu] = {json.dumps([MACHINE._asdict(), measured_here(), measured_on_gpu()])};
const error = {json.dumps(MODEL)};
console.log(JSON.stringify({{
  controls: [w.STEPS, w.BATCHES, w.UNITS],
  predicted: sizes.map((size) => w.predict(machine, size)),
  totals: sizes.map((size) => w.total(w.predict(machine, size))),
  ceilings: sizes.map((size) => w.ceilings(machine, size)),
  intensities: sizes.map(w.intensity),
  bounds: sizes.map((size) => w.bound(w.ceilings(machine, size))),
  found: sizes.map((size) => w.find(measured, size)),
  pieces: sizes.map((size) => Object.values(w.find(measured, size)).map(w.pieces)),
  attained: sizes.map((size) => w.attained(size, w.find(measured, size).loop.whole)),
  onGpu: gpu.map(([T, B, D, H, loop, kernel, launch]) => w.attained({{ T, B, D, H }}, launch)),
  gpuWords: gpu.map(([T, B, D, H, loop, kernel, launch]) => w.gpuWords({{ T, B, D, H, loop, kernel, launch }})),
  words: sizes.map((size) => w.words(measured, machine, error, size)),
  verdicts: ["calls", "products", "pointwise"].map((guess) => w.verdict(guess, measured)),
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    """Run the functions of the ES module under node, at every place of every control."""
    return node(SCRIPT)


# ---------------------------------------------------------------- what is counted


def numbers_in(value: object) -> int:
    """Count the numbers of tensors, also of those in lists."""
    if isinstance(value, torch.Tensor):
        return value.numel()
    return sum(map(numbers_in, value)) if isinstance(value, (list, tuple)) else 0


@pytest.mark.parametrize("size", [(3, 2, 5, 7), (5, 4, 3, 2), (6, 5, 4, 9)])
def test_the_counts_are_those_of_the_operators_that_the_loop_hands_over(size: tuple[int, int, int, int]) -> None:
    T, B, _, H = size
    kept = benchmark.operators(size)
    assert len(kept) == costs.calls(T)
    done, bytes_ = 0, {True: 0, False: 0}
    for operator, args, kwargs in kept:
        read = 0 if operator._schema.name == "aten::new_zeros" else numbers_in(args)
        bytes_[benchmark.is_product(operator)] += 4 * (read + numbers_in(operator(*args, **kwargs)))
        if benchmark.is_product(operator):
            a, b = args[-2:]
            done += 2 * a.shape[0] * a.shape[1] * b.shape[1]
    assert bytes_ == {True: costs.bytes_of_products(*size), False: costs.bytes_of_the_rest(*size)}
    assert done == costs.flops(*size) - 8 * B * H * H  # nobody asks for the gradient of the first state


# ---------------------------------------------------------------- what is recorded


def test_the_record_has_a_split_of_both_ways_at_every_place_of_the_sliders() -> None:
    found = sorted((row["way"], row["T"], row["B"], row["D"], row["H"]) for row in PASSES)
    assert found == sorted((way, *size) for way in ("loop", "kernel") for size in SIZES)
    for row in PASSES:
        parts = [row[f"{part}_ms"] for part in ("products", "pointwise", "calls", "between")]
        assert sum(part or 0 for part in parts) == pytest.approx(row["lowest_ms"], abs=1e-3)
        assert 0 < row["lowest_ms"] <= row["median_ms"]
        assert row["between_ms"] > -0.2 * row["lowest_ms"], row  # the pieces explain no more than there is


def test_the_recorded_predictions_and_their_error_follow_from_the_constants() -> None:
    errors = []
    for row in PASSES:
        if row["way"] == "loop":
            predicted = sum(costs.predict(MACHINE, row["T"], row["B"], row["D"], row["H"]))
            assert row["predicted_ms"] == pytest.approx(predicted, abs=1e-4)
            errors.append(abs(predicted / row["lowest_ms"] - 1))
    assert MODEL["sizes"] == len(errors) == 40
    assert MODEL["within"] == sum(error <= MODEL["near"] for error in errors)
    assert MODEL["median_error"] == pytest.approx(np.median(errors), abs=1e-3)


def test_a_run_of_the_benchmark_at_one_size_has_all_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "UNITS", (8,))
    monkeypatch.setattr(benchmark, "BATCHES", (3,))
    monkeypatch.setattr(benchmark, "STEPS", (4, 8))
    monkeypatch.setattr(benchmark, "ELEMENTS", [2**10])
    monkeypatch.setattr(benchmark, "WEIGHTS", 2**10)
    times, rounds = benchmark.measure(1)
    assert all(min(found) >= 0 for found in times.values())
    rows = benchmark.rows_of({key: [1e-3 * sum(key[1:])] for key in times})  # longer for larger sizes, as without noise
    kinds = [row["what"] for row in rows]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "constants": 1, "product": 1, "addition": 1, "pass": 4, "model": 1,
    }  # fmt: skip
    assert min(rows[0][name] for name in costs.Machine._fields) > 0
    assert [row["round"] for row in rounds] == [0, 1]


# ---------------------------------------------------------------- JavaScript against Python


def test_javascript_computes_what_python_computes_at_every_place_of_every_control(told: dict) -> None:
    assert told["controls"] == [list(STEPS), list(BATCHES), list(UNITS)]
    for n, size in enumerate(SIZES):
        predicted, ceilings = costs.predict(MACHINE, *size), costs.ceilings(MACHINE, *size)
        for name in predicted._fields:
            np.testing.assert_allclose(told["predicted"][n][name], getattr(predicted, name), rtol=1e-12)
            np.testing.assert_allclose(told["ceilings"][n][name], getattr(ceilings, name), rtol=1e-12)
        np.testing.assert_allclose(told["totals"][n], sum(predicted), rtol=1e-12)
        np.testing.assert_allclose(told["intensities"][n], costs.intensity(*size), rtol=1e-12)
        assert told["bounds"][n] == min(ceilings._fields, key=lambda name: getattr(ceilings, name))
        (loop,) = [r for r in PASSES if r["way"] == "loop" and tuple(map(r.get, "TBDH")) == size]
        np.testing.assert_allclose(told["attained"][n], 1e3 * costs.flops(*size) / loop["lowest_ms"], rtol=1e-12)
    for got, (*size, _, _, launch) in zip(told["onGpu"], measured_on_gpu(), strict=True):
        np.testing.assert_allclose(got, 1e3 * costs.flops(*size) / launch, rtol=1e-12)


def test_what_is_drawn_of_a_pass_is_as_long_as_the_pass(told: dict) -> None:
    for found, drawn in zip(told["found"], told["pieces"], strict=True):
        for row, pieces in zip(found.values(), drawn, strict=True):
            lengths = [ms for _, ms in pieces]
            assert min(lengths) >= 0
            np.testing.assert_allclose(sum(lengths), row["whole"], rtol=1e-12)


def test_small_layers_are_bound_by_calls_and_large_ones_by_arithmetic(told: dict) -> None:
    at = dict(zip(SIZES, told["words"], strict=True))
    assert at[100, 1, 16, 16][1].startswith("Bound by calls")
    assert at[100, 1, 512, 512][1].startswith("Bound by memory")
    assert at[100, 128, 512, 512][1].startswith("Bound by arithmetic")
    assert f"at {MODEL['within']} of 40 sizes" in at[30, 8, 64, 64][2]
    right, *wrong = told["verdicts"]
    assert right.startswith("Right. Of ")
    assert "3,595 calls" in right
    assert all(text.startswith("You said: “The ") for text in wrong)


def test_the_verdict_is_so_in_the_record() -> None:
    (row,) = [r for r in PASSES if (r["way"], r["T"], r["B"], r["H"]) == ("loop", 100, 1, 16)]
    assert row["calls_ms"] + row["between_ms"] > 10 * (row["products_ms"] + row["pointwise_ms"])
    assert row["calls_ms"] > 10 * row["pointwise_ms"]


def test_the_gpu_shows_its_record_and_says_what_was_not_measured(told: dict) -> None:
    rows = measured_on_gpu()
    assert len(rows) == 9
    assert sum(loop is not None for *_, loop, _, _ in rows) == 2
    for (*_, loop, _, _), (first, second) in zip(rows, told["gpuWords"], strict=True):
        assert first.startswith("The loop was not timed" if loop is None else "The loop takes")
        assert "roof were measured" in second


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def opened(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    """Give a function that opens the explorable on a page of 390 px, past its question."""
    return lambda **traits: alone(WhereTimeGoes(**{"guess": "skipped"} | traits))


@pytest.mark.parametrize("device", ["processor", "gpu"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_one_screen_of_a_telephone_and_axe_finds_nothing(
    opened: Callable[..., Locator], device: str, theme: str
) -> None:
    explorable = opened(device=device)
    page = explorable.page
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.add_style_tag(content="body { margin: 0 16px }")
    for slider in explorable.get_by_role("slider").all():
        for key in ("End", "Home"):
            slider.press(key)
            assert explorable.bounding_box()["height"] <= 844
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert min(text_sizes(explorable)) >= 9
    assert axe(page) == []


def test_the_keyboard_moves_all_and_the_words_follow(opened: Callable[..., Locator]) -> None:
    explorable = opened()
    page, words = explorable.page, explorable.get_by_role("status").last
    expect(words).to_contain_text("Bound by calls")
    bars, roof = explorable.get_by_role("img").first, explorable.get_by_role("img").last
    before = roof.get_attribute("aria-label")
    explorable.get_by_role("slider", name="Units").press("End")
    expect(words).to_contain_text("Bound by memory")
    assert roof.get_attribute("aria-label") != before
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    expect(explorable.get_by_role("slider", name="Sequences at once")).to_have_attribute("aria-valuetext", "B = 128")
    expect(words).to_contain_text("Bound by arithmetic")
    loop, kernel = (row for row in PASSES if (row["T"], row["B"], row["H"]) == (100, 128, 512))
    told = f"The loop takes {loop['lowest_ms']:.0f} ms, torch’s kernel {kernel['lowest_ms']:.0f} ms; three constants"
    expect(bars).to_have_attribute("aria-label", re.compile(f"{told} predict {loop['predicted_ms']:.0f} ms"))
    explorable.get_by_role("radio", name="NVIDIA H100").focus()
    page.keyboard.press("Space")
    expect(explorable.get_by_role("slider")).to_have_count(1)
    expect(words).to_contain_text("none are drawn")


def test_the_address_keeps_what_was_set(opened: Callable[..., Locator]) -> None:
    explorable = opened()
    page = explorable.page
    explorable.get_by_role("slider", name="Units").press("End")
    wait_until(page, "() => location.hash === '#where-time-goes=H:512'")
    page.reload()
    explorable.wait_for()
    expect(explorable.get_by_role("slider", name="Units")).to_have_attribute("aria-valuetext", "H = 512")
    page.evaluate("() => { location.hash = '#where-time-goes=H:17,size:2.5,device:gpu'; }")
    expect(explorable.get_by_role("slider", name="Size")).to_have_attribute("aria-valuetext", re.compile("B = 1, "))


def test_the_question_comes_first_and_its_answer_has_numbers(alone: Callable[[AnyWidget], Locator]) -> None:
    explorable = alone(WhereTimeGoes())
    expect(explorable.get_by_role("slider")).to_have_count(0)
    explorable.get_by_role("radio", name="The matrix products.").check()
    explorable.get_by_role("button", name="Check my guess").press("Enter")
    expect(explorable.locator(".lw-verdict")).to_contain_text("It is the calls. Of ")
    expect(explorable.get_by_role("slider", name="Units")).to_be_focused()
