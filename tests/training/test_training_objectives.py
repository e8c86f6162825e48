"""What is no tagging trains too: CTC, a stream of tokens, several outputs, detection, a user's loader and network."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from training_helpers import assert_same_bits, boxes, fit, network

from lstm_lib import nn, training
from lstm_lib.training import TAGGING, Objective, Settings, batch_first, evaluate, numbered


def train(model, sample, settings: Settings, objective: Objective, **options) -> training.History:
    """Train on the processor, without a bar."""
    return training.fit(model, sample, settings, objective=objective, device="cpu", progress=False, **options)


# ---------------------------------------------------------------- CTC


class Lines(NamedTuple):
    """Symbols of unknown length in time, and what they spell."""

    xs: np.ndarray
    steps: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray


def lines(rng: np.random.Generator, B: int = 16) -> Lines:
    """Show two or three symbols, each for one to three steps with a gap after it; symbol 0 is the blank."""
    lengths, labels = rng.integers(2, 4, size=B), rng.integers(1, 4, size=(B, 3))
    xs, steps = np.zeros((12, B, 4)), np.zeros(B, int)
    for b in range(B):
        for symbol in labels[b, : lengths[b]]:
            shown = int(rng.integers(1, 4))
            xs[steps[b] : steps[b] + shown, b, symbol] = 1
            xs[steps[b] + shown, b, 0] = 1
            steps[b] += shown + 1
    return Lines(xs, steps, labels, lengths)


def spelled(scores: Tensor, batch: Lines) -> int:
    """Count the lines whose best path spells the label: repeats merged, blanks left out."""
    best, right = scores.argmax(-1), 0
    for b in range(scores.shape[1]):
        path = best[: batch.steps[b], b]
        path = path[torch.cat([torch.tensor([True]), path[1:] != path[:-1]])]
        right += torch.equal(path[path != 0], batch.labels[b, : batch.lengths[b]])
    return right


CTC = Objective(
    parts={"xs": "T B D", "steps": "B int", "labels": "B S int", "lengths": "B int"},
    loss=lambda scores, batch: F.ctc_loss(
        scores.log_softmax(-1), batch.labels, batch.steps, batch.lengths, reduction="sum"
    ),
    score=spelled,
)


def test_ctc_with_lengths_learns_to_spell_without_an_alignment() -> None:
    torch.manual_seed(0)
    model, test = nn.Tagger(4, 16, 4), lines(np.random.default_rng(99), 200)
    before = evaluate(model, test, objective=CTC)
    history = train(model, numbered(lines), Settings(batches=150, lr=0.02), CTC)
    loss, accuracy, questions = evaluate(model, test, objective=CTC)
    assert questions == 200
    assert accuracy > 0.9 > 0.1 > before.accuracy
    assert loss < 0.5 < before.loss
    assert history.losses[0] == pytest.approx(before.loss, rel=0.3)


# ---------------------------------------------------------------- a stream of tokens


class Speaker(torch.nn.Module):
    """Embed, run, score: a language model as people write it; its state is a dictionary with a pair in it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(5, 8)
        self.lstm = torch.nn.LSTM(8, 24)
        self.readout = torch.nn.Linear(24, 5)

    def forward(self, tokens: Tensor, state: dict | None = None) -> tuple[Tensor, dict]:
        hs, pair = self.lstm(self.embedding(tokens), state and state["pair"])
        return self.readout(hs), {"pair": pair, "steps": len(tokens) + (state["steps"] if state else 0)}


NEXT_TOKEN = Objective(
    parts={"tokens": "T B int", "next": "T B int"},
    loss=lambda scores, batch: F.cross_entropy(scores.flatten(0, 1), batch.next.flatten(), reduction="sum"),
    questions=lambda batch: batch.next.numel(),
    score=lambda scores, batch: (scores.argmax(-1) == batch.next).sum(),
)


def songs(rng: np.random.Generator, T: int, B: int = 16) -> np.ndarray:
    """Repeat three tokens of its own in each row, for ever: what they are must be kept."""
    return np.tile(rng.integers(5, size=(3, B)), (T // 3 + 1, 1))[:T]


def test_a_language_model_keeps_its_state_from_batch_to_batch() -> None:
    stream = songs(np.random.default_rng(0), 360, 128)
    chunks = [(stream[k : k + 8], stream[k + 1 : k + 9]) for k in range(0, 352, 8)]
    torch.manual_seed(0)
    model = Speaker()
    train(model, chunks, Settings(batches=5 * 44, lr=0.02, stateful=True, window=4), NEXT_TOKEN)
    new = songs(np.random.default_rng(1), 90)
    pieces = [(new[k : k + 8], new[k + 1 : k + 9]) for k in range(0, 80, 8)]
    carried = evaluate(model, pieces, objective=NEXT_TOKEN, stateful=True, window=3)
    fresh = evaluate(model, pieces, objective=NEXT_TOKEN)
    assert carried.questions == fresh.questions == 10 * 8 * 16
    assert carried.accuracy > 0.8
    assert fresh.accuracy < 0.75  # in each of the ten pieces the first three tokens are met anew: 0.7 is the best


def test_a_nested_state_goes_into_a_checkpoint_and_comes_back(tmp_path: Path) -> None:
    stream = songs(np.random.default_rng(0), 200)
    chunks = [(stream[k : k + 8], stream[k + 1 : k + 9]) for k in range(0, 192, 8)]
    ours, theirs = Speaker(), Speaker()
    theirs.load_state_dict(ours.state_dict())
    settings = {"stateful": True, "window": 5}
    train(theirs, chunks, Settings(batches=10, **settings), NEXT_TOKEN)
    train(ours, chunks, Settings(batches=4, **settings), NEXT_TOKEN, folder=tmp_path)
    saved = training.latest_checkpoint(tmp_path)["processes"][0]["state"]
    assert saved["steps"] == 4 * 8
    assert not any(part.requires_grad for part in saved["pair"])
    again = Speaker()
    train(again, chunks, Settings(batches=10, **settings), NEXT_TOKEN, folder=tmp_path)
    assert_same_bits(again, theirs)


class Memory(NamedTuple):
    """A state with names, and a tensor inside a tuple inside it."""

    now: Tensor
    rest: tuple[Tensor, None]


def test_a_named_state_keeps_its_names_over_a_checkpoint(tmp_path: Path) -> None:
    class Named(nn.Tagger):
        def forward(self, xs, state=None):
            scores, (h, c) = super().forward(xs, None if state is None else (state.now, state.rest[0]))
            return scores, Memory(h, (c, None))

    for folder, stops in ((tmp_path / "whole", (6,)), (tmp_path / "parts", (3, 6))):
        for stop in stops:
            torch.manual_seed(0)
            model = Named(8, 7, 4)
            fit(model, Settings(batches=stop, stateful=True, window=5), folder=folder)
    models = [training.latest_checkpoint(tmp_path / name)["model"] for name in ("whole", "parts")]
    for name, value in models[0].items():
        assert torch.equal(value, models[1][name]), name


# ---------------------------------------------------------------- several outputs


def two_numbers(rng: np.random.Generator, B: int = 16, T: int = 8) -> tuple[np.ndarray, ...]:
    """Ask for the mean of this number and the one before, and for the one before, each half of the times."""
    xs = rng.random((T, B, 1))
    before = np.concatenate([np.zeros((1, B, 1)), xs[:-1]])
    targets, mask = np.concatenate([(xs + before) / 2, before], axis=2), rng.random((T, B, 2)) < 0.5
    return xs, np.where(mask, targets, 1e6), mask  # who looks at what is not asked for will see


NUMBERS = Objective(
    parts={"xs": "T B D", "targets": "T B K float", "mask": "T B K bool"},
    loss=lambda scores, batch: ((scores - batch.targets)[batch.mask] ** 2).sum(),
    questions=lambda batch: int(batch.mask.sum()),
)


def test_two_masked_outputs_are_learned_at_once() -> None:
    torch.manual_seed(0)
    model, test = nn.Tagger(1, 16, 2), two_numbers(np.random.default_rng(99), 200)
    history = train(model, numbered(two_numbers), Settings(batches=300, window=4), NUMBERS)
    loss, accuracy, questions = evaluate(model, test, objective=NUMBERS)
    assert questions == test[2].sum()
    assert loss < 0.005 < 0.03 < test[1][test[2]].var()  # saying the mean would cost the variance
    assert history.losses[-20:].mean() < 0.01
    assert np.isnan(accuracy)
    with pytest.raises(ValueError, match="got goal 0.9 and an objective without a score"):
        train(model, numbered(two_numbers), Settings(batches=9, evaluate_every=3, goal=0.9), NUMBERS, evaluate=test)


# ---------------------------------------------------------------- detection


class Finder(torch.nn.Module):
    """Say for each column whether something is there, and from where to where it reaches; it has no state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = torch.nn.GRU(3, 16, batch_first=True, bidirectional=True)
        self.there, self.edges = torch.nn.Linear(32, 1), torch.nn.Linear(32, 2)

    def forward(self, picture: Tensor) -> dict[str, Tensor]:
        hs, _ = self.gru(picture)
        return {"there": self.there(hs).squeeze(-1), "edges": self.edges(hs)}


def pictures(rng: np.random.Generator, B: int = 16, T: int = 10) -> dict:
    """Draw a bar of columns at some height into noise; targets are a dictionary inside the batch."""
    start, length = rng.integers(0, 5, size=(B, 1)), rng.integers(2, 6, size=(B, 1))
    column = np.arange(T)
    there = (start <= column) & (column < start + length)
    picture = 0.1 * rng.standard_normal((B, T, 3)) + there[..., None]
    edges = np.stack(np.broadcast_arrays(column - start, start + length - column), axis=-1) / T
    return {"picture": picture.astype(np.float32), "targets": {"there": there, "edges": edges}}


def find_loss(outputs: dict[str, Tensor], batch: dict) -> Tensor:
    there = batch["targets"]["there"]
    classes = F.binary_cross_entropy_with_logits(outputs["there"], there.to(outputs["there"].dtype), reduction="sum")
    return classes + 10 * F.smooth_l1_loss(outputs["edges"][there], batch["targets"]["edges"][there], reduction="sum")


FIND = Objective(
    parts={"picture": "B T 3 float", "targets": {"there": "B T bool", "edges": "B T 2 float"}},
    loss=find_loss,
    questions=lambda batch: batch["targets"]["there"].numel(),
    # Right, of those that are there: within half a column at both edges.
    score=lambda outputs, batch: (
        ((outputs["edges"] - batch["targets"]["edges"]).abs() < 0.05).all(-1)[batch["targets"]["there"]].sum(),
        batch["targets"]["there"].sum(),
    ),
)


def test_detection_with_two_losses_learns_both() -> None:
    torch.manual_seed(0)
    model, test = Finder(), pictures(np.random.default_rng(99), 200)
    first = evaluate(model, test, objective=FIND)
    train(model, numbered(pictures), Settings(batches=300), FIND)
    last = evaluate(model, test, objective=FIND)
    with torch.no_grad():
        there = model(torch.as_tensor(test["picture"]))["there"].numpy() > 0
    assert (there == test["targets"]["there"]).mean() > 0.98
    assert last.accuracy > 0.9 > 0.3 > first.accuracy
    assert last.loss < 0.1 * first.loss


# ---------------------------------------------------------------- a loader, and networks of other builds


class GRU(torch.nn.Module):
    """A user's own network: batch first, its state is one tensor."""

    def __init__(self, kinds: int = 2, pair: bool = True) -> None:
        super().__init__()
        self.gru, self.readout, self.pair = torch.nn.GRU(1, 12, batch_first=True), torch.nn.Linear(12, kinds), pair

    def forward(self, xs: Tensor, state: Tensor | None = None):
        hs, state = self.gru(xs, state)
        return (self.readout(hs), state) if self.pair else self.readout(hs)


def signs(count: int = 256, T: int = 6) -> TensorDataset:
    """Tell at the end whether the numbers add up to more than zero."""
    xs = torch.randn(count, T, 1, generator=torch.Generator().manual_seed(0))
    return TensorDataset(xs, (xs.sum((1, 2)) > 0).long())


SIGN = Objective(
    parts={"xs": "B T D float", "kinds": "B int"},
    loss=lambda scores, batch: F.cross_entropy(scores[:, -1], batch.kinds, reduction="sum"),
    score=lambda scores, batch: (scores[:, -1].argmax(-1) == batch.kinds).sum(),
)


@pytest.mark.parametrize("pair", [True, False], ids=["scores and state", "scores alone"])
def test_a_users_own_loader_and_network_train(pair: bool) -> None:
    torch.manual_seed(0)
    model, loader = GRU(pair=pair), DataLoader(signs(), batch_size=32, shuffle=True)
    train(model, loader, Settings(batches=160, lr=0.02), SIGN)
    assert evaluate(model, DataLoader(signs(), batch_size=100), objective=SIGN).accuracy > 0.95


def boxes_batch_first(n: int) -> tuple[np.ndarray, ...]:
    return tuple(np.swapaxes(part, 0, 1) for part in boxes()(n))


class Turned(nn.Tagger):
    """A tagger for batch-first data."""

    def forward(self, xs, state=None):
        scores, state = super().forward(xs.transpose(0, 1), state)
        return scores.transpose(0, 1), state


def test_batch_first_data_train_as_time_first_data_do() -> None:
    torch.manual_seed(0)
    ours, theirs, settings = Turned(8, 7, 4), network(), Settings(batches=6, window=5)
    history = train(ours, boxes_batch_first, settings, batch_first(TAGGING))
    np.testing.assert_allclose(history.losses, fit(theirs, settings).losses, rtol=1e-5)
    score = evaluate(ours, boxes_batch_first(9), objective=batch_first(TAGGING), window=4)
    assert score.questions == boxes()(9).mask.sum()


@pytest.mark.parametrize("settings", [{"window": 2}, {"stateful": True}, {"stateful": True, "window": 4}], ids=str)
def test_a_state_of_one_tensor_is_handed_on_without_its_past(settings: dict, tmp_path: Path) -> None:
    seen = []

    class Spy(GRU):
        def forward(self, xs, state=None):
            seen.append(state)
            return super().forward(xs, state)

    every = batch_first(TAGGING)

    def sample(n: int) -> tuple[Tensor, ...]:
        xs = torch.randn(5, 6, 1, generator=torch.Generator().manual_seed(n))
        return xs, (xs.cumsum(1) > 0).long()[..., 0], torch.ones(5, 6, dtype=bool)

    for stops, folder in (((4,), "whole"), ((2, 4), "parts")):
        for stop in stops:
            torch.manual_seed(0)
            train(Spy(), sample, Settings(batches=stop, **settings), every, folder=tmp_path / folder)
    assert any(state is not None for state in seen)
    assert all(state is None or not state.requires_grad for state in seen)
    whole, parts = (training.latest_checkpoint(tmp_path / name)["model"] for name in ("whole", "parts"))
    assert all(torch.equal(parts[name], whole[name]) for name in whole)
