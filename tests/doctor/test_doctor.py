"""The doctor measures what is there, changes nothing, and says it in every form."""

import copy
import json
import math
import random

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_lib import convert, doctor, layers, tasks, training
from lstm_lib.doctor import __main__ as command
from lstm_lib.doctor import biases, glass, gradients, updates, wiring
from lstm_lib.doctor.files import examine_file, network_of
from lstm_lib.doctor.layers import layers_of, lstms_of
from lstm_lib.doctor.report import in_order
from lstm_lib.doctor.subject import Called, Subject
from lstm_lib.nn import CELLS, LSTM, Tagger, set_chrono, set_forget_bias


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    yield
    plt.close("all")


def called(lstm, given, state=None):
    with torch.no_grad():
        hs, (h_n, c_n) = lstm(given, state)
    return [Called("", given, state, hs, h_n, c_n)]


def keys(report):
    return [one.key for one in report.findings]


# ---------------------------------------------------------------- it finds every LSTM


def test_every_lstm_is_found_at_any_depth():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList([nn.ModuleDict({"a": nn.LSTM(3, 4, 2, bidirectional=True)}), nn.Linear(8, 3)])
            self.last = LSTM(3, 5, cell="peephole")

        def forward(self, x):
            hs, _ = self.parts[0]["a"](x)
            return self.last(self.parts[1](hs))

    report = doctor.examine(Deep(), torch.randn(9, 4, 3))
    where = [row["where"] for row in report.layers]
    assert where == [
        "parts.0.a, layer 0",
        "parts.0.a, layer 0, from the end",
        "parts.0.a, layer 1",
        "parts.0.a, layer 1, from the end",
        "last, layer 0",
    ]


def test_a_network_without_lstm_is_refused():
    with pytest.raises(ValueError, match="got a GRU without any LSTM of torch or of lstm_lib, expected one"):
        doctor.examine(nn.GRU(3, 2))
    with pytest.raises(ValueError, match=r"got a list, expected a torch.nn.Module"):
        doctor.examine([nn.LSTM(3, 2)])


# ---------------------------------------------------------------- it sees what is there


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_repetition_is_what_the_module_computed(cell, batch_first):
    lstm = LSTM(3, 5, 2, bidirectional=True, cell=cell, batch_first=batch_first, dtype=torch.float64)
    state = (torch.randn(4, 4, 5, dtype=torch.float64), torch.randn(4, 4, 5, dtype=torch.float64))
    given = torch.randn(4, 7, 3, dtype=torch.float64) if batch_first else torch.randn(7, 4, 3, dtype=torch.float64)
    seen = glass.look(lstm, "", called(lstm, given, state), None)
    assert len(seen) == 4
    assert max(one.error for one in seen) < 1e-12
    for one in seen:
        c_prev = torch.cat([one.start.c[None], one.c[:-1]])
        np.testing.assert_allclose(one.c, one.f * c_prev + one.i * one.g, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"proj_size": 2}, {"bidirectional": True}])
def test_packed_sequences_are_looked_into_as_far_as_they_go(options):
    lstm, lengths = nn.LSTM(3, 5, **options), torch.tensor([4, 7, 2, 5])
    packed = pack_padded_sequence(torch.randn(7, 4, 3), lengths, enforce_sorted=False)
    seen = glass.look(lstm, "", called(lstm, packed), None)
    for one in seen:
        assert one.error < 1e-5
        assert one.valid.sum(0).tolist() == lengths.tolist()


def test_the_gates_are_those_of_the_numpy_cell():
    lstm, xs = nn.LSTM(3, 5).double(), torch.randn(7, 4, 3, dtype=torch.float64)
    (seen,) = glass.look(lstm, "", called(lstm, xs), None)
    expected = layers.gates(layers.lstm_forward(convert.torch_to_numpy(lstm), xs.numpy()))
    for name in "ifgo":
        np.testing.assert_allclose(getattr(seen, name), getattr(expected, name), atol=1e-12)


def test_calls_that_go_on_are_one():
    lstm, xs = nn.LSTM(3, 5), torch.randn(12, 4, 3)
    calls, state = [], None
    for piece in xs.split(4):
        calls += called(lstm, piece, state)
        state = (calls[-1].h_n, calls[-1].c_n)
    (seen,) = glass.look(lstm, "", calls, None)
    np.testing.assert_allclose(seen.c[-1], state[1][0], atol=1e-6)
    calls[1] = calls[1]._replace(state=None)
    (seen,) = glass.look(lstm, "", calls, None)
    assert len(seen.c) == 4


def test_half_lives_and_reach_are_those_of_constant_gates():
    lstm = LSTM(3, 4, dtype=torch.float64)
    for parameter in lstm.parameters():
        parameter.detach().zero_()
    set_forget_bias(lstm, 2.0)
    row = doctor.examine(lstm, torch.randn(30, 4, 3, dtype=torch.float64)).layers[0]
    f = 1 / (1 + math.exp(-2))
    np.testing.assert_allclose(row["half-lives"], [math.log(2) / -math.log(f)] * 4)
    np.testing.assert_allclose(row["gradient by lag"], f ** np.arange(30), rtol=1e-9)
    np.testing.assert_allclose(row["gradient by lag, direct"], f ** np.arange(30), rtol=1e-9)
    assert row["gates"]["f"]["mean"] == pytest.approx(f)


def test_the_reach_is_that_of_a_change_of_the_memory():
    """Start later, from a memory that is moved a little in one direction, and see how far the last h has moved."""
    lstm, xs = nn.LSTM(3, 4).double(), torch.randn(8, 1, 3, dtype=torch.float64)
    (seen,) = glass.look(lstm, "", called(lstm, xs), None, grad=True)
    found = gradients.reach(seen)["gradient by lag"]
    direction = torch.randn(4, generator=torch.Generator().manual_seed(0)).double()
    for lag in (0, 3, 6):
        t, slopes = 7 - lag, []
        for unit in range(4):
            ends = []
            for sign in (1, -1):
                c = seen.c[t].clone()
                c[0, unit] += sign * 1e-6
                h = seen.o[t] * c.tanh()
                for n in range(t + 1, 8):
                    _, (h, c) = lstm(xs[n : n + 1], (h.reshape(1, 1, 4), c.reshape(1, 1, 4)))
                ends.append(float(h.detach().flatten() @ direction))
            slopes.append((ends[0] - ends[1]) / 2e-6)
        if lag == 0:
            first = np.linalg.norm(slopes)
        assert np.linalg.norm(slopes) / first == pytest.approx(found[lag], rel=1e-5)


def test_a_gradient_that_comes_back_further_on_has_not_vanished():
    told = {"works": False, "asked": True, "single": True}
    gone = gradients.findings_in_gradients([], [1.0, 0.1, 1e-6, 1e-7], 2, **told)
    assert [one.key for one in gone] == ["gradient-vanishes"]
    assert "beyond 1 steps less than" in gone[0].measured
    assert gradients.findings_in_gradients([], [1.0, 0.1, 1e-6, 0.2], 2, **told) == []


def test_the_loss_of_guessing_is_the_entropy_and_the_variance():
    tagger, batch = Tagger(6, 8, 4), tasks.delay(np.random.default_rng(0), 50, 3, dtype=np.float32)
    report = doctor.examine(tagger, batch)
    share = np.bincount(batch.targets[batch.mask]) / batch.mask.sum()
    assert report.numbers["loss of guessing"] == pytest.approx(-(share * np.log(share)).sum(), rel=1e-4)
    xs, ys = torch.randn(9, 20, 6), torch.randn(9, 20, 1)
    found = doctor.examine(Tagger(6, 8, 1), (xs, ys), lambda outputs, targets: ((outputs[0] - targets) ** 2).mean())
    assert found.numbers["loss of guessing"] == pytest.approx(float(ys.var(correction=0)), rel=1e-4)


def test_memories_lose_digits_in_half_precision_only():
    lstm = LSTM(2, 4, dtype=torch.float64)
    for parameter in lstm.parameters():
        parameter.detach().zero_()
    set_forget_bias(lstm, 20.0)
    lstm.bias_ih_l0.detach()[8:12] = 0.3  # g: each step adds 0.15
    xs = torch.randn(600, 3, 2)
    small = doctor.examine(copy.deepcopy(lstm).bfloat16(), xs.bfloat16())
    assert small.findings[0].key == "memory-grows"
    assert "bfloat16" in small.findings[0].measured
    large = doctor.examine(lstm.float(), xs)
    assert large.layers[0]["digits lost"] < 1e-3


# ---------------------------------------------------------------- biases


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (lambda lstm: None, ""),
        (lambda lstm: set_forget_bias(lstm, 1.0), "the sum"),
        (lambda lstm: set_chrono(torch.Generator().manual_seed(0), lstm, 40), "the sum"),
        (lambda lstm: lstm.bias_ih_l0.detach()[16:32].fill_(1.0), "one of two"),
        (lambda lstm: [bias.detach()[16:32].fill_(1.0) for bias in (lstm.bias_ih_l0, lstm.bias_hh_l0)], "both"),
    ],
)
def test_training_does_not_hide_who_has_set_a_forget_bias(start, expected):
    lstm = LSTM(3, 16)
    start(lstm)
    optimizer = torch.optim.Adam(lstm.parameters(), 0.02)
    for _ in range(5):
        optimizer.zero_grad()
        (lstm(torch.randn(9, 4, 3))[0] ** 2).mean().backward()
        optimizer.step()
    assert biases.bias_marks(layers_of(lstm)[0])["set"] == expected


def test_a_bias_that_is_set_is_never_called_unset():
    lstm = LSTM(3, 16)
    set_forget_bias(lstm, 1.0)
    xs = torch.randn(60, 4, 3)
    assert keys(doctor.examine(lstm, xs, longest_lag=59))[0] == "forgets-too-soon"
    assert "forget-bias-lost" not in keys(doctor.examine(lstm, xs, longest_lag=59))
    set_forget_bias(lstm, -2.0)
    (found,) = (one for one in doctor.examine(lstm, xs, longest_lag=59).findings if one.key == "forget-bias-lost")
    assert "set below zero" in found.measured


def test_a_bias_in_another_gate_is_named():
    lstm = nn.LSTM(3, 16)
    for bias in (lstm.bias_ih_l0, lstm.bias_hh_l0):
        bias.detach()[32:48] = 1.0
    (found,) = doctor.examine(lstm, torch.randn(9, 4, 3)).findings
    assert found.measured.startswith("a bias was set in gate g")


def test_a_state_that_is_changed_in_place_is_seen():
    class Held(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.fc = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)
            self.register_buffer("h", torch.zeros(1, 6, 4))
            self.register_buffer("c", torch.zeros(1, 6, 4))

        def forward(self, x):
            hs, (h, c) = self.lstm(x, (self.h.clone(), self.c.clone()))
            self.h.copy_(h.detach())
            self.c.copy_(c.detach())
            return self.fc(hs[:, -1])

    report = doctor.examine(Held(), (torch.randn(6, 9, 3), torch.tensor([0, 1, 0, 1, 1, 0])))
    assert report.findings[0].key == "state-across-batches"
    assert report.findings[0].measured.startswith("c, h are kept")


def test_a_bias_of_one_layer_only_is_named_with_the_layers_without():
    lstm = nn.LSTM(3, 16, 3)
    lstm.bias_ih_l0.detach()[16:32] = 1.0
    lstm.bias_hh_l0.detach()[16:32] = 0.0
    (found,) = doctor.examine(lstm, torch.randn(9, 4, 3)).findings
    assert (found.key, found.where) == ("forget-bias-lost", "the LSTM, layer 1; the LSTM, layer 2")


# ---------------------------------------------------------------- it changes nothing


class Lively(nn.Module):
    """Changes whatever a network can change when it runs."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.lstm = nn.LSTM(3, 8)
        self.drop = nn.Dropout(0.5)
        self.readout = nn.Linear(8, 2)
        self.register_buffer("seen", torch.zeros(1))
        self.state, self.log, self.inplace = None, [], torch.zeros(2)

    def forward(self, x):
        x = self.norm(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        self.seen += 1
        self.inplace.add_(1)
        self.log.append(random.random() + np.random.rand())  # noqa: NPY002
        hs, self.state = self.lstm(x, self.state)
        return self.readout(self.drop(hs))


def everything(model, optimizer):
    """Return all that must stay, in a form that can be compared."""
    held = [
        [(name, value.detach().clone()) for name, value in model.state_dict().items()],
        [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        [module.training for module in model.modules()],
        [p.requires_grad for p in model.parameters()],
        [len(module._forward_hooks) for module in model.modules()],
        (list(model.log), model.inplace.clone(), [part.detach().clone() for part in model.state]),
        copy.deepcopy(optimizer.state_dict()),
        (torch.get_rng_state(), np.random.get_state(), random.getstate()),  # noqa: NPY002
        (torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []),
        (torch.is_grad_enabled(), torch.backends.cudnn.enabled),
    ]
    return plain(held)


def plain(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def test_noise_that_an_experiment_adds_is_gone_with_it():
    torch.manual_seed(0)
    subject = Subject(Tagger(3, 6, 4), torch.randn(9, 5, 3), None, None, None, None)
    before = subject.run().answers
    assert not wiring._goes_nowhere(subject, next(iter(subject.lstms)))
    torch.testing.assert_close(subject.run().answers, before, rtol=0, atol=0)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU here"))])  # fmt: skip
def test_an_examination_leaves_no_trace(device):
    model = Lively().to(device)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    xs, ys = torch.randn(9, 6, 3, device=device), torch.randint(2, (9, 6), device=device)

    def loss(outputs, targets):  # knows the network itself, as a penalty on its weights does
        penalty = sum((p**2).sum() for p in model.parameters())
        return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten()) + 1e-4 * penalty

    loss(model(xs), ys).backward()
    optimizer.step()
    model.norm.eval()  # a mode of its own
    model.readout.bias.requires_grad_(False)
    state = model.state
    before, inputs = everything(model, optimizer), xs.clone()
    report = doctor.examine(model, (xs, ys), loss, lengths=torch.tensor([9, 3, 9, 4, 5, 9]), optimizer=optimizer)
    assert report.findings[0].key == "graph-kept"
    assert everything(model, optimizer) == before
    assert model.state is state
    assert state[0].grad_fn is not None
    assert torch.equal(xs, inputs)
    report.plot()
    assert everything(model, optimizer) == before


def test_what_cannot_be_copied_is_refused_by_name():
    lstm = nn.LSTM(3, 2)
    lstm.source = (n for n in range(3))
    with pytest.raises(ValueError, match="got a LSTM that cannot be copied .*expected one that copy.deepcopy takes"):
        doctor.examine(lstm, torch.randn(5, 4, 3))


def test_two_examinations_are_equal():
    tagger, batch = Tagger(6, 8, 4), tasks.delay(np.random.default_rng(0), 20, 9, dtype=np.float32)
    one, two = (doctor.examine(tagger, batch, longest_lag=10).to_json() for _ in "ab")
    assert one == two


# ---------------------------------------------------------------- what it says


def ill():
    return doctor.examine(Tagger(6, 8, 4), torch.randn(60, 4, 6), longest_lag=50)


def test_a_report_says_the_same_as_text_card_and_json():
    report = ill()
    content = json.loads(report.to_json())
    assert [one["key"] for one in content["findings"]] == keys(report)
    assert report.findings == sorted(report.findings, key=lambda one: -one.severity)
    text, card = str(report), report._repr_html_()
    for one in report.findings:
        for said in (one.where, one.measured, one.why, *one.tries, one.chapter):
            assert said in text
        assert one.key in text
    assert card.count('role="group"') == len(report.findings) + 1
    assert "<script" not in card
    assert "<b>" not in doctor.Report([], "<b>", {}, [], {})._repr_html_()


def test_nothing_found_is_said_too():
    lstm = LSTM(3, 8)
    report = doctor.examine(lstm, torch.randn(9, 4, 3))
    assert str(report).startswith("Nothing found: LSTM with 1 LSTM")
    assert report.findings == []


def test_every_chapter_that_is_named_is_there():
    from conftest import ROOT

    for key, fault in doctor.FAULTS.items():
        assert (ROOT / "chapters" / f"{fault.chapter}.ipynb").is_file(), key


def test_a_plot_shows_every_layer():
    axes = doctor.examine(nn.LSTM(3, 8, 2, bidirectional=True), torch.randn(20, 4, 3)).plot()
    assert set(axes) == {"half-lives", "gates", "memory", "gradient"}
    assert len(axes["memory"].lines) == len(axes["gradient"].lines) == 4
    assert len(axes["half-lives"].get_yticklabels()) == 4
    with pytest.raises(ValueError, match="got a report without layers"):
        doctor.Report([], "", {}, [], {}).plot()


def test_an_experiment_that_the_network_refuses_is_written_down():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.fc = nn.LSTM(3, 4, batch_first=True), nn.Linear(9 * 4, 2)

        def forward(self, x):
            return self.fc(self.lstm(x)[0].flatten(1))

    xs, ys = torch.randn(6, 9, 3), torch.randint(2, (6,))
    report = doctor.examine(Fixed(), (xs, ys), lengths=torch.tensor([9, 3, 9, 4, 5, 9]))
    assert "whether padding is read" in report.left_out
    assert "Not examined: whether padding is read" in str(report)


def test_an_error_of_the_network_itself_reaches_the_caller():
    class Broken(nn.LSTM):
        def forward(self, x, hx=None):
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        doctor.examine(Broken(3, 4), torch.randn(9, 4, 3))


def test_inputs_that_the_network_does_not_take_are_named_with_their_shape():
    (one,) = doctor.examine(nn.LSTM(3, 4), torch.randn(9, 4, 5)).findings
    assert one.key == "shapes-misfit"
    assert "it does not take inputs (9, 4, 5) of float32" in one.measured


def test_an_inside_that_is_not_the_readable_cell_is_left_out():
    class Odd(nn.LSTM):
        def forward(self, x, hx=None):
            hs, state = super().forward(x, hx)
            return hs + 1, state

    report = doctor.examine(Odd(3, 4), torch.randn(9, 4, 3))
    assert not report.layers
    assert "its repetition differs" in report.left_out["the inside of the LSTM, layer 0"]


def test_findings_of_one_kind_are_one():
    several = [doctor.Finding("dead-units", name, "", "", (), "", s) for name, s in (("a", 0.1), ("b", 0.2))]
    (one,) = in_order(several)
    assert (one.where, one.severity) == ("b; a", 0.2)


def test_a_trial_of_the_rate_takes_the_optimisers_own_steps():
    tagger, batch = Tagger(6, 8, 4), tasks.delay(np.random.default_rng(0), 20, 3, dtype=np.float32)
    optimizer = torch.optim.SGD(tagger.parameters(), 0.1, momentum=0.9)
    subject = Subject(tagger, batch, None, None, optimizer, None)
    found = updates.trial(subject, 1.0)
    losses = []
    for _ in range(updates.UPDATES + 1):
        scores, _ = tagger(torch.as_tensor(batch.xs))
        mask = torch.as_tensor(batch.mask)
        loss = nn.functional.cross_entropy(scores[mask], torch.as_tensor(batch.targets)[mask])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(found.losses, losses, rtol=1e-5)


# ---------------------------------------------------------------- files


def saved(content, path):
    torch.save(content, path)
    return path


def test_weights_are_found_wherever_a_file_has_them(tmp_path):
    model = nn.Sequential(nn.ModuleDict({"deep": nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)}))
    for content in (model.state_dict(), {"epoch": 3, "net": {"model": model.state_dict()}}):
        report = examine_file(saved(content, tmp_path / "a.pt"))
        assert [row["where"].split(",")[0] for row in report.layers] == ["0.deep"] * 4
        assert "run on noise" in str(report)
    built = network_of(model.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), built.parameters(), strict=True))


@pytest.mark.parametrize("cell", ["drawn", "peephole", "layernorm"])
def test_a_cell_is_known_by_its_weights(tmp_path, cell):
    path = saved(LSTM(3, 4, cell=cell).state_dict(), tmp_path / "a.pt")
    assert examine_file(path).layers[0]["cell"] == cell


def test_checkpoints_of_the_course_are_examined_whole(tmp_path):
    tagger, settings = Tagger(6, 8, 4, cell="coupled"), training.Settings(batches=2, save_every=1)
    sample = training.numbered(lambda rng: tasks.delay(rng, 8, 3, dtype=np.float32), 0)
    training.fit(tagger, sample, settings, folder=tmp_path / "run", device="cpu", progress=False)
    path = training.save_for_inference(tagger, tmp_path / "tagger.pt")
    batch = sample(9)
    np.savez(tmp_path / "batch.npz", xs=batch.xs, targets=batch.targets, mask=batch.mask)
    expected = doctor.examine(tagger, batch).numbers["loss"]
    for file in (path, training.checkpoints(tmp_path / "run")[-1]):
        report = examine_file(file, tmp_path / "batch.npz", longest_lag=4)
        assert report.layers[0]["cell"] == "coupled"
        assert report.numbers["loss"] == pytest.approx(expected)


def test_an_lstm_alone_takes_the_inputs_of_a_batch(tmp_path):
    saved(nn.LSTM(3, 4).state_dict(), tmp_path / "a.pt")
    np.savez(tmp_path / "batch.npz", inputs=np.random.default_rng(0).normal(size=(9, 4, 3)), lengths=[9, 3, 4, 9])
    report = examine_file(tmp_path / "a.pt", tmp_path / "batch.npz")
    assert report.layers[0]["lag"] == 8
    assert "noise" not in str(report)


def wrong_files(folder):
    (folder / "text.pt").write_text("no weights", encoding="utf-8")
    (folder / "empty.pt").write_bytes(b"")
    torch.save(nn.LSTM(3, 2), folder / "module.pt")
    torch.save(nn.LSTM(3, 2).state_dict(), folder / "good.pt")
    (folder / "cut.pt").write_bytes((folder / "good.pt").read_bytes()[:-200])
    torch.save([1, 2], folder / "list.pt")
    torch.save(nn.GRU(3, 2).state_dict(), folder / "gru.pt")
    torch.save(nn.Linear(3, 2).state_dict(), folder / "linear.pt")
    half = {name: value for name, value in nn.LSTM(3, 2, 2).state_dict().items() if not name.endswith("ih_l0")}
    torch.save(half, folder / "half.pt")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.pt", "there is no such file"),
        ("text.pt", "refuses to read"),
        ("empty.pt", "refuses to read"),
        ("cut.pt", "cut off or altered"),
        ("module.pt", "Python objects in it, which could run code; save its state_dict"),
        ("list.pt", "got a list, expected a dictionary with weights"),
        ("gru.pt", "got 6 rows for 2 units in the LSTM .a GRU, or a cell without a gate., expected 8"),
        ("linear.pt", "got weight, bias, expected weights named as torch does"),
        ("half.pt", "expected every layer from 0 on"),
        (".", "got a folder"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path, capsys, name, words):
    wrong_files(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        command.main([str(tmp_path / name)])
    assert stopped.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert name in line or name == "."
    with pytest.raises(ValueError, match=words):
        examine_file(tmp_path / name)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (None, "batch.npz: there is no such file"),
        ({"zs": np.zeros(3)}, "batch.npz: got zs, expected an array called xs"),
        ({"xs": np.zeros((9, 4, 5))}, r"batch.npz: got inputs \(9, 4, 5\) of 5 features, expected \(T, B, 3\)"),
        ({"xs": np.array([{}])}, "batch.npz: got a file that is not .npz with arrays of numbers"),
        ({"xs": np.zeros(3)}, r"batch.npz: got inputs \(3,\) of float64"),
    ],
)
def test_bad_data_are_one_line_that_names_them(tmp_path, arrays, words):
    path = saved(nn.LSTM(3, 2).state_dict(), tmp_path / "a.pt")
    if arrays is not None:
        np.savez(tmp_path / "batch.npz", **arrays)
    with pytest.raises(ValueError, match=words):
        examine_file(path, tmp_path / "batch.npz")


def test_the_command_prints_and_says_by_its_code_whether_something_was_found(tmp_path, capsys):
    path = str(saved(nn.LSTM(3, 16).state_dict(), tmp_path / "a.pt"))
    assert command.main([path]) == 0
    assert capsys.readouterr().out.startswith("Nothing found")
    assert command.main([path, "--lag", "60", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["key"] == "forgets-too-soon"
    with pytest.raises(SystemExit):
        command.main([path, "--lag", "0"])


def test_every_lstm_of_the_library_and_of_torch_counts():
    found = lstms_of(nn.ModuleList([nn.LSTM(3, 2), nn.GRU(3, 2), LSTM(3, 2, cell="janet"), Tagger(3, 2, 2)]))
    assert list(found) == ["0", "2", "3.lstm"]


@pytest.mark.parametrize("place", ["weight", "inputs"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_named_first_and_alone(place: str, value: float) -> None:
    lstm, xs = nn.LSTM(3, 8), torch.randn(20, 4, 3)
    with torch.no_grad():
        (lstm.weight_hh_l0 if place == "weight" else xs[1])[0, 0] = value
    for report in [doctor.examine(lstm, xs), *([doctor.examine(lstm)] if place == "weight" else [])]:
        assert [finding.key for finding in report.findings] == ["not-finite"]
        told = {"weight": "weight_hh_l0 (1 of 256)", "inputs": "the inputs (1 of 240)"}[place]
        assert told in report.findings[0].measured
        assert "NaN or inf" in str(report)
