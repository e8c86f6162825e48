"""Models as files: what is loaded is what was saved, bytes cost next to nothing, and damaged files are named."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lstm_lib import nn, train, use
from lstm_lib.applied import language, models
from lstm_lib.training import CheckpointError


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    network = nn.Tagger(5, 7, 5)
    return network, models.save(tmp_path / "a.safetensors", network, {"kind": "language", "characters": "abc\nd"})


def test_what_is_loaded_is_what_was_saved(saved):
    network, path = saved
    loaded, card = models.load(path)
    assert card["characters"] == "abc\nd"
    assert not loaded.training
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_bytes_are_off_by_half_a_step_at_most(saved, tmp_path):
    network, _ = saved
    loaded, _ = models.load(models.save(tmp_path / "b.safetensors", network, {}, as_bytes=True))
    for name, value in network.state_dict().items():
        step = value.abs().amax(dim=-1, keepdim=True) / 127 if value.ndim == 2 else torch.zeros(1)
        assert ((loaded.state_dict()[name] - value).abs() <= 0.5001 * step).all(), name


def test_damaged_and_strange_files_are_named(saved, tmp_path, capsys):
    _, path = saved
    whole = path.read_bytes()
    for name, content in {
        "short": whole[:-9],
        "empty": b"",
        "text": b"no model",
        "flipped": b"\xff" * 8 + whole[8:],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=f"{name}: got a file that is not safetensors, or is damaged"):
            models.load(tmp_path / name)
    save_file({"x": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"other.safetensors: got safetensors of another kind"):
        models.load(tmp_path / "other.safetensors")
    with pytest.raises(SystemExit) as ended:
        use.main(["generate", "--model", str(tmp_path / "text")])
    assert ended.value.code == 2
    assert "text: got a file that is not safetensors" in capsys.readouterr().err


def test_the_folder_of_a_run_is_used_as_its_model(tmp_path, capsys, monkeypatch):
    (tmp_path / "book.txt").write_text("abcd" * 100, encoding="utf-8")
    quick = ["--batches", "2", "--hidden", "5", "--batch-size", "2", "--window", "8", "--device", "cpu"]
    run = tmp_path / "run"
    book = ["--file", str(tmp_path / "book.txt"), "--folder", str(run), "--no-progress"]
    assert train.main(["language", *book, *quick]) == 0
    written = []
    for model in (run, run / "model.safetensors"):
        capsys.readouterr()
        assert use.main(["generate", "--model", str(model), "--length", "9", "--seed", "3", "--beginning", "ab"]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1]
    assert set(written[0].strip()) <= set("abcd")
    monkeypatch.chdir(tmp_path)
    run.rename("shakespeare")
    assert models.load("shakespeare").network.lstm.hidden_size == 512  # a name of the library stays what it is
    assert models.load("./shakespeare").network.lstm.hidden_size == 5
    (tmp_path / "shakespeare" / "model.safetensors").unlink()
    with pytest.raises(SystemExit) as stopped:
        use.main(["generate", "--model", "./shakespeare"])
    assert stopped.value.code == 2
    assert "./shakespeare: got a folder without model.safetensors, expected one of lstm_lib" in capsys.readouterr().err


def test_the_model_that_is_shipped_writes_what_a_seed_says_and_is_small(capsys):
    path = models.FOLDER / "shakespeare.safetensors"
    assert path.stat().st_size < 1.5e6
    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()["card"])
    assert card["held out"]["nats a character, weights in bytes"] < 1.6
    texts = []
    for _ in range(2):
        assert use.main(["generate", "--beginning", "ROMEO:", "--length", "40", "--seed", "1", "--json"]) == 0
        texts.append(json.loads(capsys.readouterr().out)["text"])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 40
    network, _ = models.load("shakespeare")
    text = "First Citizen:\nWe know the king, and the king shall be the man that they would have.\n"
    assert language.ask(network, language.Vocabulary(card["characters"]).encode(text)).loss < 2.5  # guessing: 4.17
