"""What does not fit is refused by name before it is trained on, and batches of a loader can be found by number."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from training_helpers import assert_same_bits, boxes, fit, network

from lstm_lib import nn, tasks, training
from lstm_lib.tasks import Batch
from lstm_lib.training import TAGGING, Objective, Settings, batch_first, epochs, evaluate

T, B = 12, 6


def whole() -> Batch:
    """Return the batch that is spoiled below: xs (12, 6, 8), targets and mask (12, 6), classes 0 to 3."""
    return boxes(T=T, B=B)(0)


def everywhere(targets: np.ndarray) -> Batch:
    """Ask at every step."""
    return Batch(whole().xs, targets, np.ones((T, B), bool))


REFUSED = {
    "targets (T, 1, 1)": (
        lambda: whole()._replace(targets=np.zeros((T, 1, 1), int)),
        "got targets of shape (12, 1, 1) in batch 0, expected (T, B) = (12, 6), as xs has them",
    ),
    "targets (T, 1)": (
        lambda: whole()._replace(targets=np.zeros((T, 1), int)),
        "got targets of shape (12, 1) in batch 0, expected (T, B) = (12, 6), as xs has them",
    ),
    "targets (T,)": (
        lambda: whole()._replace(targets=np.zeros(T, int)),
        "got targets of shape (12,) in batch 0, expected (T, B) = (12, 6)",
    ),
    "two number outputs": (
        lambda: whole()._replace(targets=np.zeros((T, B, 2))),
        "got targets of shape (12, 6, 2) in batch 0, expected (T, B) = (12, 6)",
    ),
    "an integer mask": (
        lambda: whole()._replace(mask=whole().mask.astype(int)),
        "got mask of dtype int64 in batch 0, expected bool",
    ),
    "a mask of another shape": (
        lambda: whole()._replace(mask=np.ones((T, 1), bool)),
        "got mask of shape (12, 1) in batch 0, expected (T, B) = (12, 6)",
    ),
    "xs batch-first": (
        lambda: whole()._replace(xs=np.swapaxes(whole().xs, 0, 1)),
        "got targets of shape (12, 6) in batch 0, expected (T, B) = (6, 12), as xs has them",
    ),
    "a tuple of two": (lambda: tuple(whole())[:2], "got batch 0 of 2 parts, expected xs, targets, mask"),
    "one array": (lambda: whole().xs, "got batch 0 of type ndarray, expected xs, targets, mask"),
    "other names": (
        lambda: {"x": whole().xs, "targets": whole().targets, "mask": whole().mask},
        "got batch 0 with the parts mask, targets, x, expected xs, targets, mask",
    ),
    "a class too large": (
        lambda: everywhere(np.full((T, B), 4)),
        "got class 4 among the targets, expected 0 to K - 1 = 3, one score for each (batch 0, window 0)",
    ),
    "a class below -1": (
        lambda: everywhere(np.full((T, B), -2)),
        "got class -2 among the targets, expected 0 to K - 1",
    ),
    "number targets for four scores": (
        lambda: everywhere(np.zeros((T, B))),
        "got 4 scores for number targets, expected 1; an objective of your own can have more (batch 0, window 0)",
    ),
    "no sequences": (
        lambda: Batch(np.zeros((T, 0, 8)), np.zeros((T, 0), int), np.zeros((T, 0), bool)),
        "got xs of shape (12, 0, 8) in batch 0, expected at least one of each of (T, B, ...)",
    ),
    "words": (
        lambda: whole()._replace(targets=np.full((T, B), "yes")),
        "got targets of dtype <U3 in batch 0, expected numbers of a dtype that torch has",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_by_name(name: str) -> None:
    make, message = REFUSED[name]
    model, before = network(), network()
    for ask in (
        lambda: fit(model, Settings(batches=1), sample=lambda n: make()),
        lambda: evaluate(model, iter([make()])),
    ):
        with pytest.raises(ValueError) as error:  # noqa: PT011  (the whole message is held to, below)
            ask()
        assert message.removesuffix(" (batch 0, window 0)") in str(error.value)
    assert_same_bits(model, before)


def test_one_score_for_class_targets_is_refused() -> None:
    batch = Batch(np.ones((6, 4, 2)), np.zeros((6, 4), int), np.ones((6, 4), bool))
    with pytest.raises(ValueError, match=r"got 1 score for class targets \(int64\), expected one for each class"):
        fit(nn.Tagger(2, 4, 1), Settings(batches=2), sample=lambda n: batch)


def test_a_bad_batch_is_named_also_when_it_comes_late() -> None:
    def sample(n: int) -> Batch:
        late = np.broadcast_to(np.arange(T)[:, None] >= 5, (T, B))  # nothing is asked in window 0
        return Batch(whole().xs, np.full((T, B), 7), late) if n == 3 else boxes(T=T, B=B)(n)

    with pytest.raises(ValueError, match=r"got class 7 .* \(batch 3, window 1\)"):
        fit(network(), Settings(batches=5, window=5), sample=sample)
    other = REFUSED["targets (T, 1)"][0]
    with pytest.raises(ValueError, match="got targets of shape .* in batch 2"):
        fit(network(), Settings(batches=5), sample=lambda n: other() if n == 2 else sample(n))


def test_a_plain_tuple_a_list_and_a_dictionary_train_as_a_batch_does() -> None:
    expected = network()
    fit(expected, Settings(batches=3, window=5))
    for change in (tuple, list, Batch._asdict, lambda batch: tuple(map(torch.as_tensor, batch))):
        model = network()
        fit(model, Settings(batches=3, window=5), sample=lambda n, change=change: change(boxes()(n)))
        assert_same_bits(model, expected)
        assert evaluate(model, change(boxes()(7))) == evaluate(model, boxes()(7))


def test_numbers_of_any_width_and_layout_train_alike() -> None:
    expected = network()
    fit(expected, Settings(batches=3))
    changes = {
        "int32 targets": lambda batch: batch._replace(targets=batch.targets.astype(np.int32)),
        "int8 targets": lambda batch: batch._replace(targets=batch.targets.astype(np.int8)),
        "float32 xs": lambda batch: batch._replace(xs=batch.xs.astype(np.float32)),
        "turned round twice": lambda batch: batch._replace(xs=batch.xs[::-1].copy()[::-1]),
        "read only": lambda batch: batch._replace(mask=np.broadcast_to(batch.mask, batch.mask.shape)),
    }
    for change in changes.values():
        model = network()
        fit(model, Settings(batches=3), sample=lambda n, change=change: change(boxes()(n)))
        assert_same_bits(model, expected)


def test_batch_first_data_in_a_batch_first_network_are_not_taken_for_time_first_ones() -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.readout = torch.nn.LSTM(8, 7, batch_first=True), torch.nn.Linear(7, 4)

        def forward(self, xs, state=None):
            hs, state = self.lstm(xs, state)
            return self.readout(hs), state

    def sample(n: int) -> Batch:
        return Batch(*(np.swapaxes(part, 0, 1) for part in boxes(T=T, B=B)(n)))

    message = r"got a state of shape \(1, 6, 7\), for 6 sequences, from batch 0, window 0, read as 6 steps of 12"
    with pytest.raises(ValueError, match=message):
        fit(Own(), Settings(batches=1), sample=sample)
    with pytest.raises(ValueError, match="objective=batch_first"):
        evaluate(Own(), sample(0))
    history = training.fit(Own(), sample, Settings(batches=4, window=5), objective=batch_first(TAGGING), progress=False)
    assert len(history.losses) == 4


def test_a_network_without_a_state_cannot_hand_it_on() -> None:
    class Alone(nn.Tagger):
        def forward(self, xs):
            return super().forward(xs)[0]

    torch.manual_seed(0)
    ours, theirs = Alone(8, 7, 4), network()
    fit(ours, Settings(batches=4, window=5, between_windows="reset"))
    fit(theirs, Settings(batches=4, window=5, between_windows="reset"))
    assert_same_bits(ours, theirs)
    for settings, because in (({"window": 5}, "window=5"), ({"stateful": True}, "stateful=True")):
        with pytest.raises(ValueError, match=f"got no state from the Alone, while {because} hands it on"):
            fit(ours, Settings(batches=2, **settings))
    with pytest.raises(ValueError, match="got no state from the Alone, while window=5"):
        evaluate(ours, boxes()(0), window=5)


def test_a_stream_whose_last_batch_is_smaller_is_refused_by_name() -> None:
    def sample(n: int) -> Batch:
        return boxes(B=5 if n == 2 else 8)(n)

    message = "got batch 2 with 5 sequences after one with 8, while stateful=True hands the state on"
    with pytest.raises(ValueError, match=message):
        fit(network(), Settings(batches=3, stateful=True), sample=sample)
    with pytest.raises(ValueError, match=message):
        evaluate(network(), [sample(n) for n in range(3)], stateful=True)
    fit(network(), Settings(batches=3), sample=sample)  # without a state to hand on, sizes may differ


def test_a_loss_that_is_no_sum_or_has_no_way_back_is_refused() -> None:
    def train(loss) -> None:
        training.fit(network(), boxes(), Settings(batches=1), objective=TAGGING._replace(loss=loss), progress=False)

    with pytest.raises(ValueError, match=r"got a loss of shape \(12, 6\), expected one number"):
        train(lambda scores, batch: scores[..., 0])
    with pytest.raises(ValueError, match="got a loss of type float, expected one number"):
        train(lambda scores, batch: 0.5)
    with pytest.raises(ValueError, match="got a loss without a way back to the weights"):
        train(lambda scores, batch: scores.detach().sum())


def test_a_description_that_says_nothing_is_refused() -> None:
    objective = TAGGING._replace(parts={"xs": "time batch", "targets": "T B", "mask": "T B"})
    with pytest.raises(ValueError, match="got a part described as 'time batch', expected axes such as T and B"):
        training.fit(network(), boxes(), Settings(batches=1), objective=objective, progress=False)


# ---------------------------------------------------------------- a loader's batches, by number

ROWS = Objective(
    parts={"xs": "B T D float", "answers": "B float"},
    loss=lambda scores, batch: ((scores[:, -1, 0] - batch.answers) ** 2).sum(),
)


class Noisy(Dataset):
    """Rows with noise from every generator that people use in datasets."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, n: int) -> tuple[torch.Tensor, float]:
        noise = random.random() + np.random.random() + float(torch.rand(()))  # noqa: NPY002
        return torch.full((4, 3), n + noise), float(n)


def loaders(workers: int = 0) -> dict[str, DataLoader]:
    return {
        "shuffled": DataLoader(Noisy(), batch_size=6, shuffle=True, num_workers=workers),
        "own generator": DataLoader(
            Noisy(), batch_size=6, shuffle=True, generator=torch.Generator().manual_seed(5), num_workers=workers
        ),
    }


class Own(torch.nn.Module):
    """A network with dropout, whose random numbers must not be those of the loader."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.readout = torch.nn.GRU(3, 5, batch_first=True), torch.nn.Linear(5, 1)

    def forward(self, xs):
        return self.readout(torch.nn.functional.dropout(self.gru(xs)[0], 0.3, self.training))


@pytest.mark.parametrize("name", loaders())
def test_a_loader_gives_the_same_batch_for_the_same_number(name: str) -> None:
    in_order = epochs(loaders()[name], seed=1)
    batches = [in_order(n) for n in range(11)]
    assert not torch.equal(batches[0][1], batches[4][1]), "two epochs have the same order"
    state = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    for n in (9, 3, 4, 10, 0):
        for ours, theirs in zip(epochs(loaders()[name], seed=1)(n), batches[n], strict=True):
            assert torch.equal(ours, theirs)
    assert torch.equal(torch.get_rng_state(), state[0])
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])  # noqa: NPY002
    assert random.getstate() == state[2]
    assert not torch.equal(epochs(loaders()[name], seed=2)(0)[1], batches[0][1])
    assert sorted(torch.cat([batch[1] for batch in batches[:4]]).tolist()) == list(range(20)), "one epoch is all rows"


@pytest.mark.parametrize("name", loaders())
def test_going_on_with_a_loader_gives_the_weights_of_never_stopping(name: str, tmp_path: Path) -> None:
    for folder, stops in (("whole", (11,)), ("parts", (2, 7, 11))):
        for stop in stops:
            torch.manual_seed(0)
            training.fit(Own(), loaders()[name], Settings(batches=stop), objective=ROWS, folder=tmp_path / folder,
                         progress=False, device="cpu")  # fmt: skip
    whole, parts = (training.latest_checkpoint(tmp_path / name)["model"] for name in ("whole", "parts"))
    assert all(torch.equal(parts[key], whole[key]) for key in whole)


def test_a_loader_with_workers_is_found_by_number_too() -> None:
    in_order = epochs(loaders(workers=1)["shuffled"])
    batches = [in_order(n) for n in range(6)]
    again = epochs(loaders(workers=1)["shuffled"])
    for n in (5, 2):
        assert torch.equal(again(n)[0], batches[n][0])


def test_a_stream_without_a_length_and_a_function_of_the_epoch_are_gone_through() -> None:
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(np.random.default_rng(0).random((5, 4, 3)))

    sample = epochs(DataLoader(Stream(), batch_size=2))
    assert [len(sample(n)) for n in range(6)] == [2, 2, 1, 2, 2, 1]
    letters = epochs(lambda epoch: [f"{letter}{epoch}" for letter in "ab"])
    assert [letters(n) for n in (0, 1, 2, 7)] == ["a0", "b0", "a1", "b3"]


def test_what_can_be_gone_through_once_only_is_refused() -> None:
    with pytest.raises(ValueError, match="got a generator, which can be gone through once"):
        epochs(batch for batch in [1, 2])
    with pytest.raises(ValueError, match="got 0 batches in epoch 0, expected at least one"):
        epochs(lambda epoch: [])(0)
    with pytest.raises(ValueError, match="got a list_iterator, which can be gone through once"):
        fit(network(), Settings(batches=1), sample=iter([boxes()(0)]))


def test_evaluating_a_loader_leaves_the_random_numbers_alone() -> None:
    data = TensorDataset(torch.ones(9, 4, 3), torch.ones(9))
    model, state = Own(), torch.get_rng_state()
    score = evaluate(model, DataLoader(data, batch_size=4, shuffle=True), objective=ROWS)
    assert score.questions == 9
    assert torch.equal(torch.get_rng_state(), state)


def test_a_list_of_batches_is_gone_through_again_and_again() -> None:
    few = [tasks.recall_stream(np.random.default_rng(n), 6, 12) for n in range(3)]
    ours, theirs = network(), network()
    fit(ours, Settings(batches=7), sample=few)
    fit(theirs, Settings(batches=7), sample=lambda n: few[n % 3])
    assert_same_bits(ours, theirs)
