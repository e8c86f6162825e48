"""A trained network is one file that loads and runs where nothing is trained, or it is refused by name."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from training_helpers import assert_same_bits, boxes, fit, network

from lstm_lib import nn
from lstm_lib.training import CheckpointError, Settings, load_model, save_for_inference
from lstm_lib.training.export import read_inference

USE = """
import sys, torch
from lstm_lib.training import load_model
model = load_model(sys.argv[1])
scores, _ = model(torch.load(sys.argv[2]))
torch.save(scores.detach(), sys.argv[3])
print(*[name for name in sys.modules if name.startswith("lstm_lib.training.")])
"""


@pytest.mark.parametrize("source", ["file", "folder"])
def test_a_new_process_uses_it_without_the_code_that_trains(source: str, tmp_path: Path) -> None:
    model = network(num_layers=2, cell="peephole", dropout=0.5)
    fit(model, Settings(batches=3), folder=tmp_path / "run")
    path = save_for_inference(model, tmp_path / "model.pt") if source == "file" else tmp_path / "run"
    xs = torch.randn(5, 3, 8)
    torch.save(xs, tmp_path / "xs.pt")
    command = [sys.executable, "-W", "error", "-c", USE, path, tmp_path / "xs.pt", tmp_path / "scores.pt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "lstm_lib.training.export" in loaded
    assert not {f"lstm_lib.training.{name}" for name in ("loop", "run", "update", "parallel", "health")} & set(loaded)
    with torch.no_grad():
        assert torch.equal(torch.load(tmp_path / "scores.pt"), model.eval()(xs)[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Tagger(6, 5, 3),
        lambda: nn.Tagger(6, 5, 3, num_layers=2, cell="drawn", variational_dropout=0.2, zoneout=(0.1, 0.2)),
        lambda: nn.Tagger(6, 5, 3, proj_size=2, dtype=torch.float64),
        lambda: nn.Tagger(6, 5, 3, bias=False, backend="reference", recurrent_dropout=0.3),
        lambda: nn.LSTM(6, 5, bidirectional=True, batch_first=True),
    ],
)
def test_it_is_built_again_as_it_was(make, tmp_path: Path) -> None:
    model = make()
    again = load_model(save_for_inference(model, tmp_path / "model.pt", about={"classes": 3}))
    assert repr(again) == repr(model)
    assert_same_bits(again, model)
    assert not again.training
    assert read_inference(tmp_path / "model.pt")["about"] == {"classes": 3}


class Own(torch.nn.Module):
    """A user's network."""

    def __init__(self, H: int = 5) -> None:
        super().__init__()
        self.gru = torch.nn.GRU(3, H)


def test_a_users_own_network_is_handed_over_to_load_into(tmp_path: Path) -> None:
    model = Own()
    path = save_for_inference(model, tmp_path / "own.pt")
    for given in (Own(), Own):
        assert_same_bits(load_model(path, given), model)
    with pytest.raises(ValueError, match=r"own.pt: got weights of a network that only its author can build, expected"):
        load_model(path)
    with pytest.raises(
        ValueError, match=r"got a network with gru.weight_ih_l0 \(18, 3\), but the weights are of one with"
    ):
        load_model(path, Own(6))


def test_loading_leaves_the_random_numbers_alone(tmp_path: Path) -> None:
    path = save_for_inference(nn.Tagger(6, 5, 3), tmp_path / "model.pt")
    state = torch.get_rng_state()
    load_model(path)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_best_weights_of_a_run_are_those_that_fit_leaves(tmp_path: Path) -> None:
    test, model = boxes(1)(0), network()
    history = fit(model, Settings(batches=500, lr=0.3, evaluate_every=2, patience=3), evaluate=test, folder=tmp_path)
    assert history.stopped == "patience"
    assert_same_bits(load_model(tmp_path), model)
    newest = load_model(tmp_path, best=False)
    assert not np.array_equal(newest.readout.weight.detach(), model.readout.weight.detach())


@pytest.mark.parametrize("best", [True, False])
def test_without_patience_a_run_has_its_last_weights(best: bool, tmp_path: Path) -> None:
    model = network()
    fit(model, Settings(batches=5), folder=tmp_path)
    assert_same_bits(load_model(tmp_path, best=best), model)


def test_a_goal_keeps_the_weights_that_reached_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lstm_lib.training import Score

    looks = iter([Score(1.0, 0.4, 9), Score(5.0, 0.9, 9)])
    monkeypatch.setattr("lstm_lib.training.loop.score", lambda *_, **__: next(looks))
    model, settings = network(), Settings(batches=9, evaluate_every=1, patience=5, goal=0.8)
    assert fit(model, settings, evaluate=boxes()(0), folder=tmp_path).stopped == "goal"
    assert_same_bits(load_model(tmp_path), model)


def test_what_is_not_there_or_another_kind_of_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nothing.pt: there is no such file"):
        load_model(tmp_path / "nothing.pt")
    with pytest.raises(CheckpointError, match="got a folder without checkpoints, expected one that fit has written to"):
        load_model(tmp_path)
    (tmp_path / "text.pt").write_text("not a network")
    with pytest.raises(CheckpointError, match=r"text.pt: got a file that torch refuses to read"):
        load_model(tmp_path / "text.pt")
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"other.pt: got another kind of file, expected one that save_for_inf"):
        load_model(tmp_path / "other.pt")


def test_a_file_that_was_cut_off_is_refused_and_a_changed_bit_changes_no_weight(tmp_path: Path) -> None:
    model = nn.Tagger(6, 5, 3)
    path = save_for_inference(model, tmp_path / "model.pt", about={"task": "delay"})
    whole, refused = path.read_bytes(), 0
    for share in (0.0, 0.5, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(CheckpointError, match=r"model.pt: got"):
            load_model(path)
    data, rng = bytearray(whole), random.Random(0)
    first = whole.index(model.readout.weight.detach().numpy().tobytes())
    for place in [first, first + 7, *rng.sample(range(len(data)), 60)]:
        data[place] ^= 1
        path.write_bytes(data)
        try:
            again = load_model(path)
        except CheckpointError:
            refused += 1
        else:
            assert_same_bits(again, model)  # what was hit is padding of the archive
            assert first not in (place, place - 7)
        data[place] ^= 1
    assert refused > 20
    path.write_bytes(whole)
    save_for_inference(model, path)  # over the old one
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]
