"""Foretelling a column: nothing leaks from what comes later, the training part scales, the command does it all."""

import csv
import json
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from lstm_lib import convert, train, training, use
from lstm_lib.applied import forecasts, models, numerals, series, tables
from lstm_lib.convert.__main__ import main as convert_file
from lstm_lib.convert.files import Rounded
from lstm_lib.nn import Tagger


def made(rows: int = 400, seed: int = 0, holes: bool = True) -> tables.Table:
    """Make a table of the library's example, with a hole here and there."""
    days = list(series.example(np.random.default_rng(seed), rows))
    values = np.array([row[1:] for row in days])
    if holes:
        values[np.random.default_rng(1).random(values.shape) < 0.05] = np.nan
    return tables.Table(("visitors", "rain"), values, tuple(row[0] for row in days), "day", None, ())


def file_of(folder: Path, table: tables.Table, name: str = "days.csv") -> Path:
    """Write a table as CSV."""
    cells = [["" if np.isnan(value) else value for value in row] for row in table.values]
    rows = [[time, *row] for time, row in zip(table.times, cells, strict=True)]
    return forecasts.write_rows(folder / name, ["day", *table.names], rows)


def test_rows_after_a_cut_change_nothing_before_it() -> None:
    table = made()
    values = table.values.copy()
    values[320:] = 1e6
    one, other = (series.prepare(each, "visitors", horizon=3) for each in (table, table._replace(values=values)))
    assert one.cuts == (320, 360)
    assert one.plan == other.plan
    assert one.average == other.average
    np.testing.assert_array_equal(one.inputs[:320], other.inputs[:320])
    for n in range(20):
        for ours, theirs in zip(series.sample(one)(n), series.sample(other)(n), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_scaling_is_that_of_the_training_part() -> None:
    table = made()
    (mean, _), (scale, _) = (made_of := series.prepare(table, "visitors")).plan.mean, made_of.plan.scale
    part = table.values[:320, 0]
    assert mean == pytest.approx(np.nanmean(part))
    assert scale == pytest.approx(np.nanstd(part))
    assert mean != pytest.approx(np.nanmean(table.values[:, 0]))


def test_a_hole_is_filled_with_what_came_before_it_and_never_asked_for() -> None:
    made_of = series.prepare(made(), "visitors", horizon=2)
    holes = np.isnan(made_of.truth)
    assert holes.sum() > 5
    for t in np.flatnonzero(holes)[np.flatnonzero(holes) > 0]:
        assert made_of.last[t] == made_of.last[t - 1]
        np.testing.assert_array_equal(made_of.inputs[t, 0], made_of.inputs[t - 1, 0])
    rows = series.rows_of(made_of, "test")
    asked = ~np.isnan(series.in_order(made_of, "test")[0].ys[0])
    np.testing.assert_array_equal(asked, ~holes[rows[:, None] + [1, 2]])


def test_windows_and_answers_are_those_of_a_plain_loop() -> None:
    made_of = series.prepare(made(), "visitors", horizon=3, window=10)
    a, b = made_of.cuts
    for part, (first, end) in {"train": (10, a), "look": (a, b), "test": (b, 400)}.items():
        rows = series.rows_of(made_of, part)
        assert first - 1 <= rows.min()
        assert rows.max() + 3 < end
        batch = series.in_order(made_of, part, size=1000)[0]
        for n, t in enumerate(rows):
            np.testing.assert_array_equal(batch.xs[:, n], made_of.inputs[t - 9 : t + 1])
            moves = (made_of.truth[t + 1 : t + 4] - made_of.last[t]) / made_of.plan.moves
            np.testing.assert_array_equal(batch.ys[0, n], moves)
    batch = series.sample(made_of, 8)(0)
    assert (batch.xs.shape, batch.ys.shape) == ((10, 8, 2), (5, 8, 3))


def test_repeating_the_last_value_has_a_loss_of_one_in_the_training_part() -> None:
    made_of = series.prepare(made(holes=False), "visitors", horizon=4, window=2)
    rows = np.arange(made_of.cuts[0] - 4)
    said = series.without_network(made_of, rows)["persistence"]
    assert series.loss_of(made_of, rows, said) == pytest.approx(1.0, abs=0.02)


def test_what_needs_no_network_knows_the_past_only() -> None:
    made_of = series.prepare(made(holes=False), "visitors", horizon=9)
    rows = series.rows_of(made_of, "test")
    found = series.without_network(made_of, rows, season=7)
    truth = made_of.truth
    for n, t in enumerate(rows):
        assert found["persistence"][n].tolist() == [truth[t]] * 9
        assert found["season"][n].tolist() == [truth[t - 6 + k % 7] for k in range(9)]
    assert (found["mean"] == truth[: made_of.cuts[0]].mean()).all()
    with pytest.raises(ValueError, match="got season 0, expected 1 to 360 rows"):
        series.without_network(made_of, rows, season=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "visitor"}, "got column 'visitor', expected one of 'visitors', 'rain'; did you mean 'visitors'"),
        ({"horizon": 0}, "got horizon 0, expected at least 1 row ahead"),
        ({"horizon": 41}, "got 400 rows, of which 40 are looked at and 40 are to be judged by, expected at least 41"),
        ({"window": 321}, "got 400 rows, of which 320 are to train on, expected at least 322"),
        ({"window": 1}, "got window 1, expected at least 2"),
        ({"hold_out": 0.5}, "got hold_out 0.5, expected a share above 0 and below 0.5"),
        ({"columns": ["heat"]}, "got column 'heat'"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_the_table_is_refused(change: dict, message: str) -> None:
    options = {"target": "visitors", **change}
    with pytest.raises(ValueError, match="got ") as refused:
        series.prepare(made(), options.pop("target"), **options)
    assert message in str(refused.value)


def test_a_column_that_never_changes_is_left_out_or_refused() -> None:
    table = made()
    values = np.column_stack([table.values, np.full(400, 7.0)])
    table = table._replace(names=(*table.names, "same"), values=values)
    made_of = series.prepare(table, "visitors")
    assert made_of.plan.columns == ("visitors", "rain")
    assert "column 'same' is left out" in made_of.notes[0]
    with pytest.raises(ValueError, match="got column 'same', which never changes in the first 320 rows"):
        series.prepare(table, "same")


@pytest.mark.parametrize("cell", series.CELLS)
def test_the_file_says_what_the_network_says_and_needs_no_scaling(cell: str, tmp_path: Path) -> None:
    table = made()
    made_of = series.prepare(table, "visitors", horizon=3, window=12)
    options = {"dropout": 0.25, "recurrent_dropout": 0.125, "checkpoint_every": 4}
    model = forecasts.network(made_of.plan, 6, num_layers=2, cell=cell, **options).eval()
    path = forecasts.save(tmp_path / "model.safetensors", model, made_of.plan)
    assert repr(models.load(path).network) == repr(model)
    for end in (390, 396):
        past = table._replace(values=table.values[: end + 1], times=table.times[: end + 1])
        (place,) = np.flatnonzero(series.rows_of(made_of, "test") == end)
        expected = forecasts.foretell(model, made_of)[place]
        np.testing.assert_allclose(forecasts.go_on(path, past), expected, atol=1e-3)


def crowd(level: float, rows: int = 200) -> tables.Table:
    """Make a table of a number that is large beside its moves, and of one that is not."""
    t = np.arange(rows)
    values = np.column_stack([level + np.round(30 * np.sin(t / 3) + t % 4), np.cos(t / 5)])
    return tables.Table(("people", "heat"), values, tuple(map(str, t)), None, None, ())


@pytest.mark.parametrize("level", [0.0, 83e6, 1e9, 1e12])
@pytest.mark.parametrize("cell", ["standard", "drawn"])
def test_the_file_loses_nothing_where_numbers_are_large_beside_their_moves(
    cell: str, level: float, tmp_path: Path
) -> None:
    table = crowd(level)
    made_of = series.prepare(table, "people", horizon=2, window=8)
    model = forecasts.network(made_of.plan, 6, cell=cell).double().eval()
    path = forecasts.save(tmp_path / "model.safetensors", model, made_of.plan)
    asked, said = series.rows_of(made_of, "test"), forecasts.foretell(model, made_of)
    for end, expected in zip(asked, said, strict=True):
        past = table._replace(values=table.values[: end + 1], times=table.times[: end + 1])
        off = (forecasts.go_on(path, past) - expected) / made_of.plan.moves
        assert np.abs(off).max() < 1e-5 + 4 * np.spacing(level)
    with safe_open(path, framework="pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float32}  # noqa: SIM118


def test_what_float32_loses_is_told_where_it_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    for level in (0.0, 83e6):
        table = crowd(level)
        made_of = series.prepare(table, "people", horizon=2, window=8)
        model = forecasts.network(made_of.plan, 6)
        path = forecasts.save(tmp_path / "model.safetensors", model, made_of.plan)
        told = models.load(path).card["off in float32"]
        assert convert_file([str(path), str(tmp_path / "said.onnx")]) == 0
        words = f"forecasts of 'people' are off by up to {told:g} of a usual move"
        assert (words in capsys.readouterr().err) is bool(level)
        if not level:
            assert told < 1e-5
            convert.write(convert.read(path), tmp_path / "model.onnx")
            continue
        with pytest.warns(Rounded, match=f"model.onnx: computed in float32, {words}"):
            convert.write(convert.read(path), tmp_path / "model.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
        rows = series.rows_of(made_of, "test")
        windows = np.stack([table.values[t - 7 : t + 1] for t in rows], axis=1).astype(np.float32)
        moves = session.run(["scores"], {"xs": windows})[0][-1]
        off = (made_of.last[rows, None] + moves - forecasts.foretell(model, made_of)) / made_of.plan.moves
        assert told / 10 < np.abs(off).max() < 2 * told


def test_forecasts_are_written_with_the_digits_of_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = crowd(83e6)
    rows = ([time, *row] for time, row in zip(table.times, table.values, strict=True))
    path = forecasts.write_rows(tmp_path / "file.csv", ["row", *table.names], rows)
    made_of = series.prepare(tables.read_table(path), "people", horizon=2, window=8)
    model = forecasts.network(made_of.plan, 6)
    said = forecasts.foretell(model, made_of)
    written = forecasts.write_forecasts(tmp_path / "forecasts.csv", made_of, said).read_text(encoding="utf-8")
    asked = series.rows_of(made_of, "test")
    rows = list(csv.DictReader(written.splitlines()))
    names = ("forecast", "persistence", "mean", "truth")
    assert all(re.fullmatch(r"\d{8}(\.\d+)?", row[name]) for row in rows for name in names)
    np.testing.assert_allclose([float(row["forecast"]) for row in rows], said.ravel(), rtol=0, atol=1e-3)
    assert [float(row["truth"]) for row in rows] == series.answers(made_of, asked).ravel().tolist()
    assert [float(row["persistence"]) for row in rows[::2]] == made_of.last[asked].tolist()
    model_file = forecasts.save(tmp_path / "model.safetensors", model, made_of.plan)
    assert use.main(["forecast", "--model", str(model_file), str(path)]) == 0
    told = [row["people"] for row in csv.DictReader(capsys.readouterr().out.splitlines())]
    np.testing.assert_allclose([float(one) for one in told], forecasts.go_on(model_file, table), rtol=0, atol=1e-3)
    assert not any("e" in one for one in told)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -279.7, 1e7, 83000029.0, 0.1 + 0.2, 1e-9, -1e22, 123456789012345.0])
def test_a_number_of_the_table_is_written_so_that_it_is_read_as_the_same(value: float) -> None:
    assert float(numerals.written(value, 0)) == value
    assert "e" not in numerals.written(value, 0) or not 1e-5 < abs(value) < 1e16


def test_a_forecast_that_cannot_be_written_is_refused_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path, made(holes=False))
    made_of = series.prepare(tables.read_table(path), "visitors", window=12)
    model = forecasts.save(tmp_path / "model.safetensors", forecasts.network(made_of.plan, 4), made_of.plan)
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for place, why in {"folder": "which is a folder", "days.csv/next.csv": "where nothing can be written ("}.items():
        with pytest.raises(SystemExit) as stopped:
            use.main(["forecast", "--model", str(model), str(path), "--to", str(tmp_path / place)])
        assert stopped.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"got --to {tmp_path / place}, {why}" in line
        assert line.endswith("expected a file to write")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_onnx_runtime_says_is_what_the_network_says(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    made_of = series.prepare(made(holes=False), "visitors", horizon=2, window=12)
    model = forecasts.network(made_of.plan, 6)
    forecasts.save(tmp_path / "model.safetensors", model, made_of.plan)
    convert.write(convert.read(tmp_path / "model.safetensors"), tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    rows = series.rows_of(made_of, "test")
    windows = np.stack([made(holes=False).values[t - 11 : t + 1] for t in rows], axis=1).astype(np.float32)
    moves = session.run(["scores"], {"xs": windows})[0][-1]
    np.testing.assert_allclose(made_of.last[rows, None] + moves, forecasts.foretell(model, made_of), atol=1e-3)


# ---------------------------------------------------------------- the command

QUICK = ["--batches", "60", "--evaluate-every", "20", "--window", "12", "--hidden", "8", "--device", "cpu"]


def command(path: Path, *more: str) -> None:
    """Run the command on a file."""
    assert train.main(["series", "--file", str(path), "--target", "visitors", "--no-progress", *QUICK, *more]) == 0


def test_the_command_prints_each_loss_beside_persistence_and_mean_and_writes_forecasts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path, made())
    command(path, "--horizon", "2", "--season", "7", "--folder", str(tmp_path / "run"))
    told = capsys.readouterr().out
    assert "320 rows to train on, 40 to look at, 40 to be judged by" in told
    losses = [line for line in told.splitlines() if line.startswith("batch ")]
    assert len(losses) == 3
    assert all("(persistence " in line and ", mean " in line and ", season " in line for line in losses)
    assert "held out, 39 forecasts of 1 to 2 rows ahead" in told
    with (tmp_path / "run" / "forecasts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    made_of = series.prepare(tables.read_table(path), "visitors", horizon=2, window=12)
    asked = series.rows_of(made_of, "test")
    assert len(rows) == 2 * len(asked)
    model = training.load_model(tmp_path / "run")
    said = forecasts.foretell(model, made_of)
    for n, row in enumerate(rows):
        t, k = asked[n // 2], n % 2
        assert (row["after"], row["of"], row["ahead"]) == (made_of.times[t], made_of.times[t + k + 1], str(k + 1))
        assert float(row["forecast"]) == pytest.approx(said[n // 2, k], rel=1e-6)
        assert float(row["persistence"]) == pytest.approx(made_of.last[t])
        assert (row["truth"] == "") == bool(np.isnan(made_of.truth[t + k + 1]))


@pytest.mark.parametrize(("lr", "said"), [("1e-9", True), ("0.01", False)])
def test_a_network_that_is_no_better_than_a_rule_is_said_to_be_so(
    lr: str, said: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waves = 5 * np.sin(np.arange(400.0))[:, None]
    path = file_of(tmp_path, made()._replace(names=("visitors",), values=waves))
    command(path, "--lr", lr)
    assert ("no better than persistence: do not use it" in capsys.readouterr().out) is said


def test_without_evaluations_it_trains_to_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(file_of(tmp_path, made()), "--evaluate-every", "0")
    told = capsys.readouterr().out
    assert "60 batches, stopped by batches" in told
    assert "batch 20:" not in told


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    path = file_of(tmp_path, made())
    command(path, "--folder", str(tmp_path / "once"))
    command(path, "--folder", str(tmp_path / "twice"), "--batches", "40")
    command(path, "--folder", str(tmp_path / "twice"))
    once, twice = (training.latest_checkpoint(tmp_path / name)["model"] for name in ("once", "twice"))
    assert all(torch.equal(once[name], twice[name]) for name in once)


def test_a_file_that_has_changed_is_another_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(file_of(tmp_path, made()), "--folder", str(tmp_path / "run"))
    with pytest.raises(SystemExit) as stopped:
        command(file_of(tmp_path, made(seed=3)), "--folder", str(tmp_path / "run"))
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert "got --file days.csv, but the checkpoint in" in told
    assert "was made with one of other content (it may have grown): to go on from its last row, python -m" in told
    assert not re.search("[0-9a-f]{64}", told)


def test_a_model_goes_on_from_the_last_row_of_another_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = made(holes=False)
    command(file_of(tmp_path, table), "--horizon", "3", "--folder", str(tmp_path / "run"))
    model = tmp_path / "run" / "model.safetensors"
    short = table._replace(values=table.values[:50], times=table.times[:50])
    path = file_of(tmp_path, short, "short.csv")
    capsys.readouterr()
    assert use.main(["forecast", "--model", str(model), str(path)]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["of"] for row in rows] == ["2024-02-20", "2024-02-21", "2024-02-22"]
    assert [float(row["visitors"]) for row in rows] == pytest.approx(forecasts.go_on(model, short), rel=1e-6)
    assert use.main(["forecast", "--model", str(model), str(path), "--to", str(tmp_path / "next.csv")]) == 0
    assert len((tmp_path / "next.csv").read_text(encoding="utf-8").splitlines()) == 4
    with safe_open(model, framework="pt") as file:
        card = json.loads(file.metadata()["card"])
    assert (card["columns"], card["window"], card["target"]) == (["visitors", "rain"], 12, "visitors")
    few = file_of(tmp_path, short._replace(values=short.values[:5], times=short.times[:5]), "few.csv")
    with pytest.raises(SystemExit) as stopped:
        use.main(["forecast", "--model", str(model), str(few)])
    assert stopped.value.code == 2
    assert "got 5 rows, expected at least the 12 that the network reads" in capsys.readouterr().err


def test_holes_in_what_is_read_are_told_by_training_and_by_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made(holes=False)
    values = table.values.copy()
    rain = table.names.index("rain")
    values[[3, 70, 90], rain] = values[5, table.names.index("visitors")] = np.nan
    command(file_of(tmp_path, table._replace(values=values)), "--folder", str(tmp_path / "run"))
    told = capsys.readouterr().out
    hole = "column 'rain' holds nothing in {} rows (first {}, last {}): filled with what came before"
    assert hole.format(f"3 of {len(values)}", table.times[3], table.times[90]) in told
    assert "400 rows, 1 without visitors" in told
    assert "column 'visitors' holds nothing" not in told
    values[[-2, -1], rain] = values[-1, table.names.index("visitors")] = np.nan
    path = file_of(tmp_path, table._replace(values=values), "next.csv")
    assert use.main(["forecast", "--model", str(tmp_path / "run" / "model.safetensors"), str(path)]) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        f"{path}: column 'visitors' holds nothing in 1 of 12 rows ({table.times[-1]}): filled with what came before",
        f"{path}: {hole.format('2 of 12', table.times[-2], table.times[-1])}",
    ]
    assert len(list(csv.DictReader(said.out.splitlines()))) == 1


def test_use_says_how_it_read_dates_and_refuses_two_ways_of_writing_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made(holes=False)
    command(file_of(tmp_path, table), "--folder", str(tmp_path / "run"))
    run = ["forecast", "--model", str(tmp_path / "run" / "model.safetensors")]
    days = [datetime.fromisoformat(time) for time in table.times]
    short = table._replace(values=table.values[:12])
    path = file_of(tmp_path, short._replace(times=tuple(f"{day:%d/%m/%Y}" for day in days[:12])), "british.csv")
    capsys.readouterr()
    assert use.main([*run, str(path)]) == 0
    first = f"{days[0]:%d/%m/%Y}"
    note = "'{}' in column 'day' is read as {}, though it could be {}"
    assert note.format(f"{days[1]:%d/%m/%Y}", "2024-01-02", "2024-02-01") in capsys.readouterr().err
    path = file_of(tmp_path, short._replace(times=(first, *table.times[1:12])), "mixed.csv")
    with pytest.raises(SystemExit) as stopped:
        use.main([*run, str(path)])
    assert stopped.value.code == 2
    assert f"expected every date written as in line 2, '{first}'" in capsys.readouterr().err
    path = file_of(tmp_path, short._replace(times=tuple(f"day {k}" for k in range(12))), "words.csv")
    assert use.main([*run, str(path)]) == 0
    assert "column 'day' is left out: it holds text, first 'day 0' in line 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        ("day,visitors\n2027-01-01,5\n", [], "got 1 rows, of which 0 are looked at"),
        ("visitors\n" + "1\n2\n" * 20, ["--horizon", "30"], "for horizon 30"),
        ("visitors\n" + "1\n2\n" * 4, [], "of which 6 are to train on, expected at least 13"),
        ("visitors\n" + "1\n2\n" * 20, ["--lr", "0"], "got --lr 0.0, expected a positive number"),
        ("visitors\n" + "1\n2\n" * 20, ["--hidden", "0"], "got --hidden 0"),
        ("visitors\n" + "1\n2\n" * 20, ["--batch-size", "0"], "got --batch-size 0, expected at least 1"),
        ("visitors\n" + "1\n2\n" * 20, ["--columns", "x"], "got column 'x', expected one of 'visitors'"),
        ("visitors\n" + "1\n2\n" * 20, ["--save-every", "5"], "got --save-every 5 without --folder"),
        ("visitors\n" + "5\n" * 40, [], "got column 'visitors', which never changes in the first 32 rows"),
        ("visitors\n" + "1\n2\n" * 20, ["--season", "99"], "got --season 99, expected 1 to 32 rows"),
        ("visitors\n" + "1\n2\n" * 20, ["--horizon", "0"], "got --horizon 0, expected at least 1"),
        ("visitors\n" + "1\n2\n" * 20, ["--encoding", "x"], "got --encoding 'x', expected one that Python knows"),
        ("visitors\n" + "1e300\n2\n" * 20, [], "got column 'visitors' with numbers up to 1e+300"),
        ("day,visitors\n2027-01-01,many\n", [], "got column 'visitors', which holds text, first 'many' in line 2"),
    ],
)
def test_a_file_that_does_not_do_is_refused_in_one_line(
    content: str, more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file.csv").write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        command(tmp_path / "file.csv", *more)
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.splitlines()) == 1


def test_a_network_of_another_shape_is_refused_by_name() -> None:
    made_of = series.prepare(made(), "visitors", horizon=3)
    how = {"objective": forecasts.OBJECTIVE, "device": "cpu", "progress": False}
    with pytest.raises(ValueError, match=r"got scores of shape \(64, 32, 1\), expected \(64, 32, 3\)"):
        training.fit(Tagger(2, 4, 1), series.sample(made_of), training.Settings(batches=1), **how)
