"""``python -m lstm_lib.use detect``: what it says of pictures, and that files it cannot look at leave no trace."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from test_pictures import broken_files

from lstm_lib import use
from lstm_lib.applied import boxes, models, ocr, reading, scenes
from lstm_lib.applied.backgrounds import LOTS
from lstm_lib.applied.detection import Detector

SEEN = {"all_white.png", "all_black.png", "transparent.png"}  # pictures, and no text in them
BROKEN = {name: what for name, what in broken_files().items() if name not in SEEN}
BROKEN |= {name: (BROKEN[name][0], "expected at least 8 × 8") for name in ("one_pixel.png", "one_row.png")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A detector that finds text wherever it is bright, and a reader that knows two characters."""
    path = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    detector = Detector(channels=(2, 2, 2, 2), hidden=2)
    with torch.no_grad():
        for parameter in detector.parameters():
            parameter.zero_()
        for layer in detector.convolutions:
            layer.weight[0, 0] = 1 / layer.weight[0, 0].numel()
        detector.row.weight_ih_l0[4:6, 0] = 5.0  # the candidate of both cells is how bright it is
        detector.row.bias_ih_l0[[0, 1, 6, 7]] = 9.0  # learn and use all of it
        detector.row.bias_ih_l0[[2, 3]] = -9.0  # keep nothing
        detector.readout.weight[3, 0], detector.readout.bias[0::3] = 20.0, -6.0
    models.save(path / "detector.safetensors", detector, {"kind": "detection"})
    models.save(path / "reader.safetensors", ocr.Reader("01", height=16, hidden=4), {"kind": "reading"})
    sheet = np.zeros((64, 128), np.uint8)
    sheet[24:37, 32:96] = 255
    Image.fromarray(sheet).save(path / "bar.png")
    return path


def call(folder, *arguments, reader="none"):
    reader = str(folder / "reader.safetensors") if reader == "some" else reader
    return use.main(["detect", *arguments, "--model", str(folder / "detector.safetensors"), "--reader", reader])


def refused(capsys, folder, *arguments, **options):
    with pytest.raises(SystemExit) as ended:
        call(folder, *arguments, **options)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    return told.err


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_looked_at_is_named_and_nothing_is_written(name, folder, tmp_path, capsys):
    content, said = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    told = refused(capsys, folder, str(tmp_path / name), "--out", str(tmp_path / "boxes.png"))
    assert f"{name}: got" in told
    assert said in told
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_bar_is_found_where_it_is_and_drawn(folder, tmp_path, capsys):
    assert call(folder, str(folder / "bar.png"), "--json", "--out", str(tmp_path / "boxes.png"), reader="some") == 0
    told = json.loads(capsys.readouterr().out)
    line = told["lines"][0]
    assert boxes.iou(np.array(line["box"], float), np.array([32, 24, 96, 37.0])) > 0.5
    assert set(line["text"]) <= {"0", "1"}
    assert 0.6 <= line["chance"] <= 1
    drawn = np.asarray(Image.open(tmp_path / "boxes.png").convert("RGB"))
    assert drawn.shape == (64, 128, 3)
    assert (drawn[..., 0] != drawn[..., 2]).any()


def test_a_scale_gives_boxes_in_pixels_of_the_file(folder, tmp_path, capsys):
    Image.open(folder / "bar.png").resize((1280, 640)).save(tmp_path / "large.png")
    assert call(folder, str(tmp_path / "large.png"), "--json", "--scale", "0.1") == 0
    line = json.loads(capsys.readouterr().out)["lines"][0]
    assert boxes.iou(np.array(line["box"], float), np.array([320, 240, 960, 370.0])) > 0.5
    assert line["text"] is None


def test_larger_pictures_are_shrunk_to_what_the_network_looks_at(folder, tmp_path, capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(boxes, "look", lambda model, some: seen.append(some[0].shape) or [np.zeros((1, 1, 4, 3)) - 9])
    Image.new("L", (4000, 2000), 255).save(tmp_path / "wide.png")
    assert call(folder, str(tmp_path / "wide.png")) == 0
    assert seen == [(384, 768)]
    assert capsys.readouterr().out == f"{tmp_path / 'wide.png'}: no text found\n"


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_picture_of_one_grey_has_no_text(grey, folder, tmp_path, capsys):
    Image.new("L", (64, 48), grey).save(tmp_path / "flat.png")
    assert call(folder, str(tmp_path / "flat.png")) == 0
    assert "no text found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scale", "0"], "got --scale 0.0, expected 0.1 to 10"),
        (["--scale", "nan"], "got --scale nan"),
        (["--sure", "2"], "got --sure 2.0, expected 0 to 1"),
        (["--out", "boxes.jpg"], "expected a name that ends in .png"),
        (["--out", "no/such/folder/boxes.png"], "boxes.png: no such file or directory"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, said, folder, capsys):
    assert said in refused(capsys, folder, str(folder / "bar.png"), *options)


def test_two_pictures_cannot_be_drawn_into_one_file(folder, capsys):
    bar = str(folder / "bar.png")
    assert "got --out with 2 pictures, expected one" in refused(capsys, folder, bar, bar, "--out", "a.png")


def test_models_for_something_else_are_refused(folder, capsys):
    told = refused(capsys, folder, str(folder / "bar.png"), reader=str(folder / "detector.safetensors"))
    assert "got a model for detection, expected one for reading" in told
    with pytest.raises(SystemExit):
        use.main(["detect", str(folder / "bar.png"), "--model", str(folder / "reader.safetensors")])
    assert "got a model for reading, expected one for detection" in capsys.readouterr().err


# ---------------------------------------------------------------- what is cut out for the reader


def test_a_tilted_line_is_cut_out_level():
    scene = scenes.scene(np.random.default_rng(2), LOTS["train"], texts=["ill"], height=80, width=200)
    corners = scene.lines[0].corners
    grey = np.zeros((80, 200), np.float32)
    y, x = np.mgrid[:80, :200]
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    u, v = np.linalg.solve(np.stack([across, down], 1), np.stack([x - corners[0][0], y - corners[0][1]]).reshape(2, -1))
    grey.reshape(-1)[(v > 0.4) & (v < 0.6) & (u > 0) & (u < 1)] = 1.0  # a stripe along its middle
    level = reading.cut_out(grey, corners)
    bright = level.mean(axis=1)
    assert np.abs(bright.argmax() - reading.TALL / 2) < 3
    assert bright[: reading.TALL // 4].max() < 0.1 * bright.max()


def test_only_what_is_found_and_read_without_a_mistake_counts():
    there = [scenes.Line("exit", np.array([[0, 0], [40, 0], [40, 10], [0, 10.0]]), "")]
    near, far = (boxes.Found(there[0].corners + shift, 0.9) for shift in (1.0, 9.0))
    assert reading.words_right([near], ["exit"], there) == 1
    assert reading.words_right([near], ["exlt"], there) == 0
    assert reading.words_right([far], ["exit"], there) == 0
