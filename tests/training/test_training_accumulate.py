"""Batches whose gradients are added up for one update train as one large batch does."""

from pathlib import Path

import numpy as np
import pytest
import torch
from training_helpers import assert_same_bits, boxes, fit, network, weights

from lstm_lib import nn, tasks, training
from lstm_lib.tasks import Batch
from lstm_lib.training import Settings


def pieces(lengths: tuple[int, ...], T: int = 11):
    """Return numbered batches that come in groups, and the same groups as one batch each."""
    large = training.numbered(lambda rng: tasks.recall_stream(rng, sum(lengths), T), seed=4)
    starts = np.cumsum([0, *lengths])

    def small(n: int) -> Batch:
        group, k = divmod(n, len(lengths))
        return Batch(*(part[:, starts[k] : starts[k + 1]] for part in large(group)))

    return small, large


# Sequences of each batch of a group: batches of unlike size ask unlike numbers of questions.
@pytest.mark.parametrize("lengths", [(3, 3), (4, 1, 2, 5)], ids=str)
@pytest.mark.parametrize("changes", [
    {"optimiser": "sgd"},
    {"optimiser": "sgd", "window": 4},
    {"optimiser": "sgd", "window": 3, "between_windows": "reset", "clip": 0.05},
    {"optimiser": "sgd", "clip": None, "log_every": 6},
    {"optimiser": "adam", "window": 4, "schedule": "linear"},
], ids=str)  # fmt: skip
def test_small_batches_make_the_update_of_one_large_batch(changes: dict, lengths: tuple[int, ...]) -> None:
    small, large = pieces(lengths)
    k, tolerance = len(lengths), 1e-12 if changes["optimiser"] == "sgd" else 1e-9  # adam divides by what is near zero
    ours, theirs = network(dtype=torch.float64), network(dtype=torch.float64)
    every = {"lr": 0.3 if changes["optimiser"] == "sgd" else 0.01} | changes
    parts = fit(ours, Settings(batches=5 * k, accumulate=k, **{**every, **_multiple(changes, k)}), sample=small)
    whole = fit(theirs, Settings(batches=5, **every), sample=large)
    for name, value in weights(theirs).items():
        np.testing.assert_allclose(weights(ours)[name], value, rtol=0, atol=tolerance, err_msg=name)
    assert len(parts.losses) == 5 * k
    counts = np.array([small(n).mask.sum() for n in range(5 * k)]).reshape(5, k)
    means = (parts.losses.reshape(5, k) * counts).sum(1) / counts.sum(1)
    np.testing.assert_allclose(means, whole.losses, rtol=1e-9)
    np.testing.assert_allclose(parts.norms.reshape(5, k), np.repeat(whole.norms[:, None], k, axis=1), rtol=1e-9)
    np.testing.assert_allclose(parts.rates.reshape(5, k), np.repeat(whole.rates[:, None], k, axis=1), rtol=1e-12)


def _multiple(changes: dict, k: int) -> dict:
    return {"log_every": changes["log_every"] * k} if "log_every" in changes else {}


def test_the_means_of_batches_of_unlike_size_would_be_another_gradient() -> None:
    small, large = pieces((4, 1, 2, 5))
    counts = [small(n).mask.sum() for n in range(4)]
    assert len(set(counts)) > 1, "all batches ask as much, so the weights above prove nothing"


def test_a_batch_that_is_shorter_or_silent_in_a_window_drops_out_of_it() -> None:
    long, short = tasks.delay(np.random.default_rng(0), 4, 7), tasks.delay(np.random.default_rng(1), 2, 2)
    sgd = {"optimiser": "sgd", "lr": 0.5, "clip": None}
    torch.manual_seed(0)
    ours = nn.Tagger(6, 5, 4, dtype=torch.float64)
    torch.manual_seed(0)
    theirs = nn.Tagger(6, 5, 4, dtype=torch.float64)
    settings = Settings(batches=2, accumulate=2, window=4, **sgd)
    history = training.fit(ours, [long, short], settings, progress=False, device="cpu")
    # Window 0 asks the short one alone, window 2 the long one alone, which is at its last step then.
    training.fit(theirs, [short], Settings(batches=1, window=4, **sgd), progress=False, device="cpu")
    training.fit(theirs, [long], Settings(batches=1, window=4, **sgd), progress=False, device="cpu")
    # The state of the long one went through the weights before the first update, as in a large batch.
    assert history.losses.shape == (2,)
    for name in weights(theirs):
        if name.startswith("readout"):
            np.testing.assert_allclose(weights(ours)[name], weights(theirs)[name], atol=0.05)


def test_a_stream_goes_on_from_batch_to_batch_inside_an_update() -> None:
    seen = []

    class Spy(nn.Tagger):
        def forward(self, xs, state=None):
            scores, new = super().forward(xs, state)
            seen.append((state, new))
            return scores, new

    torch.manual_seed(0)
    fit(Spy(8, 7, 4), Settings(batches=6, accumulate=3, stateful=True))
    assert seen[0][0] is None
    for (_, before), (state, _) in zip(seen, seen[1:], strict=False):
        assert torch.equal(state[0], before[0])
        assert not state[0].requires_grad


def test_going_on_between_updates_is_exact(tmp_path: Path) -> None:
    models = {}
    for name, stops in {"whole": (12,), "parts": (3, 9, 12)}.items():
        for stop in stops:
            models[name] = network(num_layers=2, dropout=0.4)
            fit(models[name], Settings(batches=stop, accumulate=3, save_every=3), folder=tmp_path / name)
    assert_same_bits(models["parts"], models["whole"])


def test_no_run_stops_in_the_middle_of_an_update(tmp_path: Path) -> None:
    for name in ("batches", "evaluate_every", "save_every"):
        with pytest.raises(ValueError, match=f"got {name} 10, expected a multiple of accumulate 4"):
            Settings(**{"batches": 8, "accumulate": 4} | {name: 10})
    with pytest.raises(ValueError, match="got stateful=True, window 5 and accumulate 2, expected at most two of them"):
        Settings(batches=8, accumulate=2, window=5, stateful=True)
    seen = []
    fit(network(), Settings(batches=8, accumulate=4), folder=tmp_path, watch=lambda done, _: seen.append(done))
    assert seen == [4, 8]
    with pytest.raises(ValueError, match="got accumulate 2, but the checkpoint was made with accumulate 4"):
        fit(network(), Settings(batches=12, accumulate=2), folder=tmp_path)


def test_a_bad_batch_is_named_inside_its_group() -> None:
    def sample(n: int) -> Batch:
        batch = boxes()(n)
        if n == 6:
            batch.xs[4, 2, 1] = np.nan
        return batch

    for every in (1, 8):
        model, before = network(), network()
        fit(before, Settings(batches=4, accumulate=4, log_every=every))
        with pytest.raises(training.Diverged, match="batch 6, window 0.*first at step 4 of sequence 2") as told:
            fit(model, Settings(batches=8, accumulate=4, log_every=every), sample=sample)
        assert told.value.batch == 6
        assert_same_bits(model, before)
