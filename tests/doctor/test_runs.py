"""What a run leaves is examined as the network that it was: its class, its names, its weights, its optimiser."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lstm_lib import doctor, tasks, training
from lstm_lib.applied import models
from lstm_lib.doctor import __main__ as command
from lstm_lib.doctor.files import examine_file, loaded
from lstm_lib.nn import Tagger


@pytest.fixture(scope="module")
def sample():
    return training.numbered(lambda rng: tasks.delay(rng, 8, 3, dtype=np.float32), 0)


def run(folder, sample, **settings):
    """Train for some batches, as ``lstm_lib.train`` does, and return the network."""
    torch.manual_seed(0)
    tagger = Tagger(6, 8, 4, cell="peephole")
    options = {"batches": 6, "save_every": 2, "lr": 0.03, "optimiser": "adamw", "weight_decay": 0.02} | settings
    evaluate = [sample(100)] if "patience" in settings else None
    asked = training.Settings(**options)
    training.fit(tagger, sample, asked, folder=folder, device="cpu", progress=False, evaluate=evaluate)
    return tagger


def test_the_folder_of_a_run_is_examined_whole_with_its_optimiser(tmp_path, sample, capsys):
    tagger, batch = run(tmp_path / "delay", sample), sample(9)
    np.savez(tmp_path / "batch.npz", xs=batch.xs, targets=batch.targets, mask=batch.mask)
    report = examine_file(tmp_path / "delay", tmp_path / "batch.npz", longest_lag=4)
    assert report.network == "Tagger with 1 LSTM"
    assert report.layers[0]["cell"] == "peephole"
    assert report.numbers["loss"] == pytest.approx(doctor.examine(tagger, batch).numbers["loss"])
    assert report.numbers["lr"] == 0.03
    _, optimizer = loaded(tmp_path / "delay")
    assert optimizer.param_groups[0]["weight_decay"] == 0.02
    assert {int(state["step"]) for state in optimizer.state.values()} == {6}
    assert command.main([str(tmp_path / "delay"), "--json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["network"] == "Tagger with 1 LSTM"


def test_the_weights_of_a_run_are_those_that_it_has_chosen(tmp_path, sample):
    tagger = run(tmp_path, sample, batches=40, lr=3.0, evaluate_every=2, patience=3)
    model, _ = loaded(tmp_path)
    for ours, theirs in zip(model.parameters(), tagger.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_model_of_a_use_stays_what_it_is(tmp_path):
    tagger = Tagger(6, 8, 4)
    models.save(tmp_path / "model.safetensors", tagger, {"kind": "language"})
    for place in (tmp_path, tmp_path / "model.safetensors"):
        assert examine_file(place).network == "Tagger with 1 LSTM"
    report = examine_file(models.FOLDER / "voice.safetensors")
    assert report.network.startswith("Listener with ")


def test_lstms_of_other_networks_keep_their_names_and_are_said_to_be_alone(tmp_path):
    model = nn.ModuleDict({"encoder": nn.Sequential(nn.Linear(3, 3), nn.LSTM(3, 4)), "decoder": nn.LSTM(4, 3)})
    save_file(model.state_dict(), tmp_path / "net.safetensors")
    report = examine_file(tmp_path / "net.safetensors")
    assert [row["where"] for row in report.layers] == ["decoder, layer 0", "encoder.1, layer 0"]
    assert report.network == "2 LSTMs, without the network around them"


def test_a_folder_without_a_run_and_a_damaged_file_are_named(tmp_path, sample):
    with pytest.raises(ValueError, match=r"got a folder without checkpoints and without model.safetensors"):
        examine_file(tmp_path)
    (tmp_path / "cut.safetensors").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"cut.safetensors: got a file that is not safetensors"):
        examine_file(tmp_path / "cut.safetensors")
    run(tmp_path / "run", sample, batches=2)
    for path in (tmp_path / "run").glob("*.pt"):
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="no checkpoint can be trusted"):
        examine_file(tmp_path / "run")
