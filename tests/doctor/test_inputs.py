"""What comes in any form is examined, or refused by a ValueError that says what was expected; it stays as it was."""

from collections import OrderedDict, UserDict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_lib import convert, doctor
from lstm_lib.doctor.files import examine_file
from lstm_lib.nn import CELLS, LSTM

T, B, D = 20, 8, 5


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def batch():
    return torch.randn(B, T, D), torch.randint(3, (B,))


class Reads(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.rnn, self.fc = LSTM(D, 12, batch_first=True, **options), nn.Linear(12, 3, device=options.get("device"))

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


class Two(Reads):
    def forward(self, x, z):
        return super().forward(x + z)


class Named(Reads):
    """Takes its inputs as one dictionary, and changes them in place."""

    def forward(self, given):
        given["x"].mul_(2)
        return super().forward(given["x"])


class Heads(Reads):
    def forward(self, x):
        answers = super().forward(x)
        return answers, -answers


# ---------------------------------------------------------------- several inputs


@pytest.mark.parametrize("kind", [tuple, list, lambda parts: dict(zip("xz", parts, strict=True))])
def test_several_inputs_are_given_in_a_row_or_by_name(kind):
    (x, y), model = batch(), Two()
    report = doctor.examine(model, (kind([x, torch.zeros_like(x)]), y))
    assert report.numbers["loss"] == pytest.approx(F.cross_entropy(model.eval()(x, torch.zeros_like(x)), y).item())
    assert len(report.layers) == 1
    arrays = kind([x.double().numpy(), np.zeros((B, T, D))])  # brought into the network's dtype
    assert doctor.examine(model, (arrays, y)).numbers["loss"] == pytest.approx(report.numbers["loss"])


def test_an_lstm_and_its_state_are_two_inputs():
    lstm, state = nn.LSTM(D, 12), (torch.randn(1, B, 12), torch.randn(1, B, 12))
    x = torch.randn(T, B, D)
    (row,) = doctor.examine(lstm, ((x, state),)).layers
    assert row["memory at each step"][0] != doctor.examine(lstm, (x,)).layers[0]["memory at each step"][0]


@pytest.mark.parametrize("kind", [dict, OrderedDict, UserDict])
def test_what_takes_its_inputs_as_one_gets_them_so(kind):
    x, y = batch()
    before = x.clone()
    assert len(doctor.examine(Named(), (kind(x=x), y)).layers) == 1
    assert torch.equal(x, before)


def test_a_call_that_is_tried_leaves_no_trace():
    class Counts(Two):
        calls = 0

        def forward(self, *parts):
            self.calls += 1
            self.rnn.seen = self.calls
            return super().forward(*parts)

    (x, y), model = batch(), Counts()
    doctor.examine(model, ((x, x), y))
    assert model.calls == 0
    assert not hasattr(model.rnn, "seen")


def test_an_error_of_the_network_with_several_inputs_is_its_own():
    class Broken(Two):
        def forward(self, x, z=None):
            raise RuntimeError("the disk is full")

    x, y = batch()
    with pytest.raises(RuntimeError, match="the disk is full"):
        doctor.examine(Broken(), ((x, x), y))


class Packs(Reads):
    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return self.fc(self.rnn(packed)[1][0][-1])


@pytest.mark.parametrize(
    ("model", "given", "words"),
    [
        (Two, lambda x: x, r"got one input for Two.forward\(x, z\), expected a batch such as \(\(x, z\), targets\)"),
        (Two, lambda x: (x, x, x), r"got 3 inputs for Two.forward\(x, z\)"),
        (Two, lambda x: {"x": x, "y": x}, r"got inputs by the names x, y for Two.forward\(x, z\)"),
        (Packs, lambda x: x, r"got no lengths for Packs.forward\(x, lengths\), expected examine\(..., lengths=...\)"),
    ],
)
def test_inputs_of_another_number_are_refused_with_what_to_do(model, given, words):
    x, y = batch()
    with pytest.raises(ValueError, match=words):
        doctor.examine(model(), (given(x), y))


# ---------------------------------------------------------------- targets and losses


@pytest.mark.parametrize("kind", [tuple, list, lambda parts: dict(enumerate(parts))])
def test_targets_in_several_parts_are_left_to_the_loss(kind):
    def loss(answers, targets):
        return F.cross_entropy(answers[0], targets[0]) + F.cross_entropy(answers[1], targets[1])

    (x, y), model = batch(), Heads()
    report = doctor.examine(model, (x, kind([y, y])), loss, optimizer=torch.optim.Adam(model.parameters()))
    assert report.findings == []
    assert report.numbers["loss"] == pytest.approx(loss(model.eval()(x), (y, y)).item())
    assert "several parts" in report.left_out["what asks for targets"]
    assert "Loss " in str(report)
    assert "in several parts" in report._repr_html_()
    with pytest.raises(ValueError, match="and no loss, expected one tensor of targets, or the loss in use"):
        doctor.examine(model, (x, kind([y, y])))


def test_what_is_wrong_is_found_beside_targets_in_several_parts():
    class Lost(Heads):
        def forward(self, x):
            with torch.no_grad():
                hs = self.rnn(x)[0][:, -1]
            return self.fc(hs), self.fc(hs)

    x, y = batch()
    report = doctor.examine(Lost(), (x, (y, y)), lambda out, told: F.cross_entropy(out[0], told[0]))
    assert report.findings[0].key == "graph-cut"


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda out, y: F.cross_entropy(out, y).item(), "got a float from the loss, expected a tensor of one number"),
        (lambda out, y: (F.cross_entropy(out, y), 1), "got a tuple from the loss"),
        (lambda out, y: F.cross_entropy(out, y, reduction="none"), r"got a loss of shape \(8,\), expected one number"),
    ],
)
def test_a_loss_that_gives_no_tensor_of_one_number_is_refused(loss, words):
    with pytest.raises(ValueError, match=words):
        doctor.examine(Reads(), batch(), loss)


def test_a_loss_that_marks_targets_in_place_marks_copies():
    def loss(out, y):
        y[y == 1] = -100
        return F.cross_entropy(out, y)

    x, y = batch()
    before = y.clone()
    doctor.examine(Reads(), (x, y), loss)
    assert torch.equal(y, before)


# ---------------------------------------------------------------- modes and devices


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("where", ["around examine", "around all"])
def test_a_mode_without_gradients_changes_nothing(mode, where):
    expected = doctor.examine(Reads(), batch())
    torch.manual_seed(0)
    if where == "around all":
        with mode():
            report = doctor.examine(Reads(), batch())
            assert not torch.is_grad_enabled()
    else:
        model, given = Reads(), batch()
        with mode():
            report = doctor.examine(model, given)
    assert report.to_json() == expected.to_json()


def test_weights_without_numbers_are_refused():
    x, y = batch()
    with pytest.raises(ValueError, match="got rnn.weight_ih_l0 on the device meta"):
        doctor.examine(Reads(device="meta"), (x, y))
    with pytest.raises(ValueError, match="got inputs on the device meta"):
        doctor.examine(Reads(), (x.to("meta"), y))
    model = Reads()
    model.fc = nn.LazyLinear(3)
    with pytest.raises(ValueError, match="got fc.weight without a shape, expected a network that has run once"):
        doctor.examine(model, (x, y))


# ---------------------------------------------------------------- sizes and lengths


@pytest.mark.parametrize("lstm", [nn.LSTM, LSTM])
@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        (torch.arange(B), "got a length of 0, expected at least one step in each sequence"),
        (torch.tensor([3, 4, 9]), r"got 3 lengths for inputs \(20, 8, 5\), expected one a sequence"),
        (torch.tensor([3, 4, 9, 9, 9]), "got 5 lengths from 3 to 9, expected one for each of 8 sequences, from 1"),
        (torch.full((B,), 30), r"got a length of 30 for inputs \(20, 8, 5\)"),
        (torch.full((B,), 2.5), r"got lengths \(8,\) of torch.float32, expected whole numbers"),
        (torch.ones(2, 4, dtype=torch.long), r"got lengths \(2, 4\) of torch.int64"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lstm, lengths, words):
    with pytest.raises(ValueError, match=words):
        doctor.examine(lstm(D, 12), (torch.randn(T, B, D),), lengths=lengths)


def test_lengths_beyond_the_steps_are_refused_where_features_are_many():
    with pytest.raises(ValueError, match="got 8 lengths from 30 to 30, expected one .* from 1 to 20"):
        doctor.examine(nn.LSTM(64, 12), (torch.randn(T, B, 64),), lengths=torch.full((B,), 30))


def test_lengths_before_a_convolution_are_its_own():
    """Sound (B, 1, samples): an LSTM behind a convolution has fewer steps, and the lengths are those of the sound."""

    class Sound(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.rnn = nn.Conv1d(2, 6, 4, 4), nn.LSTM(6, 8, batch_first=True)

        def forward(self, x, lengths):
            return self.rnn(self.conv(x).transpose(1, 2))[0].mean(1)

    lengths = torch.tensor([40, 60, 80, 80, 12, 80])
    assert len(doctor.examine(Sound(), (torch.randn(6, 2, 80),), lengths=lengths).layers) == 1


def test_lengths_by_which_a_network_cuts_one_row_of_steps_are_its_own():
    class Cuts(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(D, 8)

        def forward(self, x, lengths):
            return torch.stack([self.rnn(piece[:, None])[0][-1, 0] for piece in x.split(lengths.tolist())])

    report = doctor.examine(Cuts(), (torch.randn(30, D),), lengths=torch.tensor([9, 3, 11, 7]))
    assert len(report.layers) == 1


@pytest.mark.parametrize(("shape", "count"), [((0, T, D), 0), ((B, 0, D), B)])
def test_an_empty_batch_is_refused_and_not_called_ill(shape, count):
    with pytest.raises(ValueError, match="got inputs .* with nothing in them, expected a sequence of one step"):
        doctor.examine(Reads(), (torch.zeros(shape), torch.zeros(count, dtype=torch.long)))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"xs": np.zeros((0, 4, 3))}, r"batch.npz: got inputs \(0, 4, 3\) with nothing in them"),
        ({"xs": np.zeros((9, 4, 3)), "lengths": [0, 3, 9, 9]}, "batch.npz: got a length of 0"),
        ({"xs": np.zeros((9, 4, 3)), "lengths": [1, 3]}, "batch.npz: got 2 lengths for inputs"),
        ({"xs": np.zeros((9, 4, 3)), "lengths": [1, 3, 9, 10]}, "batch.npz: got a length of 10"),
    ],
)
def test_a_file_of_such_a_batch_is_refused_by_name(tmp_path, arrays, words):
    torch.save(nn.LSTM(3, 2).state_dict(), tmp_path / "a.pt")
    np.savez(tmp_path / "batch.npz", **arrays)
    with pytest.raises(ValueError, match=words):
        examine_file(tmp_path / "a.pt", tmp_path / "batch.npz")


# ---------------------------------------------------------------- files


def saved(content, path):
    torch.save(content, path)
    return path


@pytest.mark.parametrize("cell", CELLS)
def test_a_state_dict_knows_its_cell(tmp_path, cell):
    lstm = LSTM(3, 4, 2, cell=cell, bidirectional=True)
    path = saved(lstm.state_dict(), tmp_path / "a.pt")
    assert [row["cell"] for row in examine_file(path).layers] == [cell] * 4
    deep = nn.ModuleDict({"enc": lstm, "fc": nn.Linear(2, 2)}).state_dict()
    within = saved({"state_dict": deep, "epoch": 3}, tmp_path / "b.pt")
    assert [row["cell"] for row in examine_file(within).layers] == [cell] * 4
    for network in (convert.read(path), convert.read(within, part="enc")):
        assert network.cell == cell
        for name, weight in convert.to_state(network).items():
            assert np.array_equal(weight, lstm.state_dict()[name].numpy())


def test_a_cell_that_nobody_knows_is_refused(tmp_path):
    state = LSTM(3, 4, cell="coupled").state_dict()
    state._metadata[""]["cell"] = "strange"
    with pytest.raises(ValueError, match="got cell 'strange' in the LSTM, expected one of 'standard'"):
        examine_file(saved(state, tmp_path / "a.pt"))
    plain = {name: weight for name, weight in LSTM(3, 4, cell="coupled").state_dict().items()}
    with pytest.raises(ValueError, match="those of cell 'standard', or a state_dict that knows its cell"):
        examine_file(saved(plain, tmp_path / "a.pt"))


def pruned():
    lstm = nn.LSTM(3, 4)
    prune.l1_unstructured(lstm, "weight_hh_l0", 0.5)
    return lstm.state_dict()


def remade(wrap):
    lstm = nn.LSTM(3, 4)
    wrap(lstm, "weight_hh_l0")
    return lstm.state_dict()


@pytest.mark.parametrize("read", [examine_file, convert.read])
@pytest.mark.parametrize(
    ("state", "words"),
    [
        (pruned, "got weight_hh_l0_orig, weight_hh_l0_mask, parts of which a weight is made at each call"),
        (lambda: remade(parametrizations.weight_norm), r"got parametrizations.weight_hh_l0.original0, .*"),
        (lambda: remade(parametrizations.spectral_norm), "expected the weight itself: call .*remove_parametrizations"),
        (lambda: remade(nn.utils.spectral_norm), "got weight_hh_l0_orig, weight_hh_l0_u, weight_hh_l0_v, parts of"),
        (lambda: nn.LSTMCell(3, 4).state_dict(), "got weight_ih, weight_hh, the weights of a cell, expected"),
        (lambda: OrderedDict(a=torch.zeros(2)), "expected"),
    ],
)
def test_weights_that_are_no_lstms_as_they_lie_there_say_why(tmp_path, read, state, words):
    with pytest.raises(ValueError, match=words):
        read(saved(state(), tmp_path / "a.pt"))


def test_an_ema_beside_the_weights_is_not_taken_for_them(tmp_path):
    one, two = nn.LSTM(3, 4), nn.LSTM(3, 4)
    path = saved({"ema": two.state_dict(), "epoch": 1, "state_dict": one.state_dict()}, tmp_path / "a.pt")
    assert np.array_equal(convert.to_state(convert.read(path))["weight_hh_l0"], one.weight_hh_l0.detach().numpy())
