"""``fit`` does what a few lines of torch do, goes on as if it had never stopped, and stops when numbers go bad."""

import copy
import dataclasses
import io
import math
import os
import signal
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from training_helpers import assert_same_bits, boxes, fit, network, weights

from lstm_lib import nn, tasks, training
from lstm_lib.tasks import Batch
from lstm_lib.training import Diverged, Settings, evaluate, windows


def by_hand(model: nn.Tagger, sample, batches: int, *, window: int | None = None, carry: bool = True) -> list[float]:
    """Train with Adam and clipping in plain torch, window by window; return the mean loss of each batch."""
    adam = torch.optim.Adam(model.parameters(), 0.01, (0.9, 0.99))
    losses = []
    for n in range(batches):
        xs, targets, mask = (torch.as_tensor(part) for part in sample(n))
        xs, state, loss_sum = xs.float(), None, 0.0
        for start in range(0, len(xs), window or len(xs)):
            piece = slice(start, start + (window or len(xs)))
            state = None if state is None or not carry else tuple(part.detach() for part in state)
            scores, state = model(xs[piece], state)
            if not mask[piece].any():
                continue
            loss = F.cross_entropy(scores[mask[piece]], targets[piece][mask[piece]])
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
            loss_sum += loss.item() * int(mask[piece].sum())
        losses.append(loss_sum / int(mask.sum()))
    return losses


@pytest.mark.parametrize(("window", "carry"), [(None, True), (5, True), (5, False), (1, True)])
def test_the_loop_does_what_a_few_lines_of_torch_do(window: int | None, carry: bool) -> None:
    ours, theirs = network(), network()
    settings = Settings(batches=8, window=window, between_windows="carry" if carry else "reset")
    history = fit(ours, settings)
    losses = by_hand(theirs, boxes(), 8, window=window, carry=carry)
    np.testing.assert_allclose(history.losses, losses, rtol=1e-5)
    for name, value in weights(theirs).items():
        np.testing.assert_allclose(weights(ours)[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_logged_norm_is_the_length_before_clipping() -> None:
    model, clipped = network(), network()
    batch = boxes()(0)
    scores, _ = model(torch.as_tensor(batch.xs).float())
    F.cross_entropy(scores[batch.mask], torch.as_tensor(batch.targets[batch.mask])).backward()
    length = math.sqrt(sum(float(p.grad.double().pow(2).sum()) for p in model.parameters()))
    history = fit(clipped, Settings(batches=1, clip=length / 3, lr=1e-12))
    assert history.norms[0] == pytest.approx(length, rel=1e-5)
    norms = [p.grad.double().pow(2).sum() for p in clipped.parameters()]
    assert math.sqrt(sum(map(float, norms))) == pytest.approx(length / 3, rel=1e-4)


def test_no_gradient_crosses_a_border_between_windows_and_the_state_does() -> None:
    seen = []

    class Spy(nn.Tagger):
        def forward(self, xs, state=None):
            seen.append(state)
            return super().forward(xs, state)

    torch.manual_seed(0)
    fit(Spy(8, 7, 4), Settings(batches=1, window=4), sample=boxes(T=12))
    assert seen[0] is None
    assert all(not part.requires_grad and part.abs().max() > 0 for state in seen[1:] for part in state)


def test_in_an_endless_stream_the_state_goes_on_from_batch_to_batch() -> None:
    stream = tasks.recall_stream(np.random.default_rng(0), 6, 40)
    pieces = [Batch(*(part[k : k + 8] for part in stream)) for k in range(0, 40, 8)]
    ours, theirs = network(), network()
    fit(ours, Settings(batches=5, stateful=True), sample=pieces.__getitem__)
    fit(theirs, Settings(batches=1, window=8), sample=lambda n: stream)
    for name, value in weights(theirs).items():
        np.testing.assert_allclose(weights(ours)[name], value, rtol=1e-6, atol=1e-7, err_msg=name)


def test_number_targets_are_trained_on_their_squared_error() -> None:
    sample = training.numbered(lambda rng: tasks.adding(rng, 16, 6))
    torch.manual_seed(0)
    model = nn.Tagger(2, 8, 1)
    before = copy.deepcopy(model)
    batch = sample(0)
    scores, _ = before(torch.as_tensor(batch.xs).float())
    expected = np.mean((scores.detach().numpy()[..., 0] - batch.targets)[batch.mask] ** 2)
    history = training.fit(model, sample, Settings(batches=400), device="cpu", progress=False)
    assert history.losses[0] == pytest.approx(expected, rel=1e-5)
    assert history.losses[-20:].mean() < 0.05 < history.losses[0]


def test_tokens_stand_for_one_hot_rows() -> None:
    rng = np.random.default_rng(0)
    tokens = rng.integers(8, size=(12, 6))
    batch = Batch(tokens, rng.integers(4, size=(12, 6)), np.ones((12, 6), bool))
    rows = batch._replace(xs=np.eye(8)[tokens])
    ours, theirs = network(), network()
    fit(ours, Settings(batches=3), sample=lambda n: batch)
    fit(theirs, Settings(batches=3), sample=lambda n: rows)
    assert_same_bits(ours, theirs)
    with pytest.raises(ValueError, match="got tokens from 0 to 8, expected 0 to D - 1 = 7"):
        ours(torch.tensor([[0, 8]]))


# ---------------------------------------------------------------- going on

# Where the processor lacks the instructions, torch's own kernels refuse; the readable path takes their place.
BFLOAT16 = {} if torch.ops.mkldnn._is_mkldnn_bf16_supported() else {"backend": "reference"}
RUNS = {
    "plain": ({}, {}),
    "dropout": ({}, {"num_layers": 2, "dropout": 0.5}),
    "windows": ({"window": 5}, {}),
    "endless": ({"stateful": True}, {}),
    "schedule": ({"schedule": "cosine", "warmup": 3}, {}),
    "sgd": ({"optimiser": "sgd", "clip": None}, {}),
    "bfloat16": ({"precision": "bfloat16"}, BFLOAT16),
    "float16": ({"precision": "float16"}, {"backend": "reference"}),
    "patience": ({"patience": 2, "evaluate_every": 3, "lr": 0.3}, {}),
}


@pytest.mark.parametrize("name", RUNS)
def test_going_on_from_a_checkpoint_gives_the_weights_of_never_stopping(name: str, tmp_path: Path) -> None:
    changes, options = RUNS[name]
    settings = Settings(**{"batches": 24, "save_every": 4} | changes)
    more = {"evaluate": boxes(1)(0)} if settings.evaluate_every else {}
    whole = network(**options)
    history = fit(whole, settings, **more)

    class Stopped(Exception):
        pass

    for stop in (6, 13, 21):

        def watch(done: int, model: torch.nn.Module, stop: int = stop) -> None:
            if done == stop:
                raise Stopped

        if stop < len(history.losses):
            with pytest.raises(Stopped):
                fit(network(seed=stop, **options) if stop > 6 else network(**options), settings,
                    folder=tmp_path, watch=watch, **more)  # fmt: skip
    model = network(seed=99, **options)  # whatever it starts from, the checkpoint replaces it
    again = fit(model, settings, folder=tmp_path, **more)
    assert_same_bits(model, whole)
    for ours, theirs in zip(again, history, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    model = network()
    history = fit(model, Settings(batches=5), folder=tmp_path)
    again = network(seed=1)
    np.testing.assert_array_equal(fit(again, Settings(batches=5), folder=tmp_path).losses, history.losses)
    assert_same_bits(again, model)
    assert len(fit(again, Settings(batches=7), folder=tmp_path).losses) == 7


def test_a_damaged_checkpoint_costs_only_the_batches_since_the_one_before(tmp_path: Path) -> None:
    whole = network()
    fit(whole, Settings(batches=20, save_every=5))
    fit(network(), Settings(batches=15, save_every=5), folder=tmp_path)
    newest = training.checkpoints(tmp_path)[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    model = network()
    with pytest.warns(training.CheckpointWarning, match=newest.name):
        fit(model, Settings(batches=20, save_every=5), folder=tmp_path)
    assert_same_bits(model, whole)
    assert newest.with_suffix(".refused").exists()


def test_another_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    fit(network(), Settings(batches=3), folder=tmp_path)
    with pytest.raises(ValueError, match="got lr 0.1, but the checkpoint was made with lr 0.01"):
        fit(network(), Settings(batches=6, lr=0.1), folder=tmp_path)


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model = copy.deepcopy(nn.Tagger(8, 7, 4, num_layers=2, dropout=0.5))
    torch.manual_seed(5)
    fit(model, Settings(batches=2))
    assert torch.equal(torch.rand(3), expected)


def test_the_seed_decides_what_dropout_drops() -> None:
    runs = [network(num_layers=2, dropout=0.5) for _ in range(3)]
    for model, seed in zip(runs, (0, 0, 1), strict=True):
        fit(model, Settings(batches=3, seed=seed))
    assert_same_bits(runs[0], runs[1])
    assert not np.array_equal(weights(runs[0])["readout.weight"], weights(runs[2])["readout.weight"])


# ---------------------------------------------------------------- stopping early


def test_patience_stops_and_brings_the_best_weights_back() -> None:
    test, model, states = boxes(1)(0), network(), []
    settings = Settings(batches=500, lr=0.3, evaluate_every=2, patience=3)
    history = fit(model, settings, evaluate=test, watch=lambda n, m: states.append(copy.deepcopy(m)))
    assert history.stopped == "patience"
    best = int(history.eval_losses.argmin())
    assert len(history.eval_losses) == best + 1 + 3
    assert_same_bits(model, states[history.evaluated[best] - 1])
    assert evaluate(model, test).loss == pytest.approx(history.eval_losses[best])


def test_the_best_weights_are_remembered_over_a_stop(tmp_path: Path) -> None:
    test, whole = boxes(1)(0), network()
    settings = Settings(batches=500, lr=0.3, evaluate_every=2, patience=3, save_every=1)
    history = fit(whole, settings, evaluate=test)
    stop = int(history.evaluated[history.eval_losses.argmin()]) + 3  # after the best, before the end

    def watch(done: int, model: torch.nn.Module) -> None:
        if done == stop:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(network(), settings, evaluate=test, folder=tmp_path, watch=watch)
    model = network(seed=9)
    assert fit(model, settings, evaluate=test, folder=tmp_path).stopped == "patience"
    assert_same_bits(model, whole)


@pytest.mark.parametrize("more", [9, None])
def test_with_more_patience_a_run_goes_on_as_if_it_had_had_it_from_the_start(more: int | None, tmp_path: Path) -> None:
    test, whole, model = boxes(1)(0), network(), network()
    settings = Settings(batches=40, lr=0.3, evaluate_every=2, patience=3)
    assert fit(model, settings, evaluate=test, folder=tmp_path).stopped == "patience"
    later = dataclasses.replace(settings, patience=more)
    parts, at_once = fit(network(seed=9), later, evaluate=test, folder=tmp_path), fit(whole, later, evaluate=test)
    assert len(parts.losses) > 20
    for one, other in zip(parts, at_once, strict=True):
        np.testing.assert_array_equal(one, other)
    model = network(seed=9)
    fit(model, later, evaluate=test, folder=tmp_path)
    assert_same_bits(model, whole)


def test_more_batches_alone_do_not_wake_a_run_that_patience_ended_and_it_says_so(tmp_path: Path) -> None:
    test, settings = boxes(1)(0), Settings(batches=40, lr=0.3, evaluate_every=2, patience=3)
    first = fit(network(), settings, evaluate=test, folder=tmp_path)
    done = len(first.losses)
    assert fit(network(), settings, evaluate=test, folder=tmp_path).stopped == "patience"  # and no word: as before
    longer = dataclasses.replace(settings, batches=80)
    with pytest.warns(UserWarning, match=f"got batches 80 for a run that patience 3 ended after {done}, expected more"):
        again = fit(network(), longer, evaluate=test, folder=tmp_path)
    assert (len(again.losses), again.stopped) == (done, "patience")


def test_patience_cannot_come_later(tmp_path: Path) -> None:
    test, settings = boxes(1)(0), Settings(batches=4, evaluate_every=2)
    fit(network(), settings, evaluate=test, folder=tmp_path)
    with pytest.raises(ValueError, match="got patience 3, but the checkpoint was made with no patience"):
        fit(network(), dataclasses.replace(settings, patience=3), evaluate=test, folder=tmp_path)


def test_the_goal_stops() -> None:
    sample = training.numbered(lambda rng: tasks.delay(rng, 32, 1))
    torch.manual_seed(0)
    model = nn.Tagger(6, 8, 4)
    settings = Settings(batches=2000, goal=0.99, evaluate_every=10)
    history = training.fit(model, sample, settings, evaluate=sample(10**6), device="cpu", progress=False)
    assert history.stopped == "goal"
    assert history.accuracies[-1] >= 0.99 > max(history.accuracies[:-1], default=0)
    assert len(history.losses) < 2000


def test_rates_follow_the_schedule() -> None:
    settings = Settings(batches=10, lr=0.1, schedule="linear", warmup=2)
    history = fit(network(), settings)
    np.testing.assert_allclose(history.rates, [0.1 * settings.rate(n) for n in range(10)])


# ---------------------------------------------------------------- numbers gone bad


def spoiled(part: str):
    def sample(n: int) -> Batch:
        batch = boxes()(n)
        if n == 3:
            batch.xs[4, 2, 1] = np.nan if part == "nan" else np.inf
        return batch

    return sample


@pytest.mark.parametrize("part", ["nan", "inf"])
def test_a_bad_input_is_named_with_its_place_and_spoils_nothing(part: str) -> None:
    model, states = network(), []
    with pytest.raises(Diverged, match="batch 3, window 0.*inputs hold NaN or inf, first at step 4 of sequence 2"):
        fit(model, Settings(batches=9), sample=spoiled(part), watch=lambda n, m: states.append(copy.deepcopy(m)))
    assert len(states) == 3
    assert_same_bits(model, states[-1])


def test_an_explosion_names_batch_parameter_and_what_to_try() -> None:
    model = network()
    with pytest.raises(Diverged) as error:
        fit(model, Settings(batches=200, lr=1e38, optimiser="sgd", clip=None))
    assert error.value.parameter in dict(model.named_parameters())
    for words in (f"batch {error.value.batch}", error.value.parameter, "try a smaller learning rate", "clip=1.0"):
        assert words in str(error.value)


def test_the_first_parameter_with_a_bad_gradient_is_named() -> None:
    class Spoilt(nn.Tagger):
        def forward(self, xs, state=None):
            scores, state = super().forward(xs, state)
            self.lstm.bias_hh_l0.register_hook(lambda g: g * math.nan)
            return scores, state

    torch.manual_seed(0)
    with pytest.raises(Diverged, match="the gradient of lstm.bias_hh_l0 is not finite") as error:
        fit(Spoilt(8, 7, 4), Settings(batches=2))
    assert (error.value.batch, error.value.parameter) == (0, "lstm.bias_hh_l0")


def test_a_bad_weight_is_named() -> None:
    model = network()
    with torch.no_grad():
        model.lstm.bias_hh_l0[3] = math.nan
    with pytest.raises(Diverged, match="the weights lstm.bias_hh_l0 held NaN or inf before this update"):
        fit(model, Settings(batches=2))


class Steep(nn.Tagger):
    """A tagger whose scores are ``factor`` times too large, and so are its gradients."""

    factor = 50.0  # times the scaler's first scale, 65536, more than float16 can hold

    def forward(self, xs, state=None):
        scores, state = super().forward(xs, state)
        return scores * self.factor, state


HALF = Settings(batches=30, precision="float16", save_every=1)


def test_float16_skips_updates_until_the_scale_fits() -> None:
    torch.manual_seed(0)
    model, states = Steep(8, 7, 4, backend="reference"), []
    before = weights(model)
    history = fit(model, HALF, watch=lambda n, m: states.append(weights(m)))
    skipped = ~np.isfinite(history.norms)
    assert skipped[0]
    assert not skipped[-10:].any()
    for n in range(30):
        old = states[n - 1] if n else before
        assert skipped[n] == all(np.array_equal(old[name], value) for name, value in states[n].items())


def test_going_on_keeps_the_scale_of_float16(tmp_path: Path) -> None:
    scales = {}
    for name, stops in {"whole": (30,), "parts": (2, 5, 30)}.items():
        for stop in stops:
            torch.manual_seed(0)
            model = Steep(8, 7, 4, backend="reference")
            settings = Settings(batches=stop, precision="float16")
            history = fit(model, settings, folder=tmp_path / name)
        content = training.latest_checkpoint(tmp_path / name)
        scales[name] = content["scaler"]["scale"], history.norms.tolist(), weights(model)["readout.weight"].tobytes()
    assert scales["parts"][0] == scales["whole"][0] < 65536
    np.testing.assert_array_equal(scales["parts"][1], scales["whole"][1])
    assert scales["parts"][2] == scales["whole"][2]


def test_float16_gives_up_when_no_scale_fits() -> None:
    class Endless(nn.Tagger):
        def forward(self, xs, state=None):
            scores, state = super().forward(xs, state)
            scores.register_hook(lambda g: g * math.inf)
            return scores, state

    torch.manual_seed(0)
    with pytest.raises(Diverged, match="precision='bfloat16', whose numbers reach further") as error:
        fit(Endless(8, 7, 4, backend="reference"), HALF)
    assert error.value.batch == 16  # 65536 = 2 to the 16th, halved at each


def test_a_batch_that_asks_nothing_is_refused() -> None:
    batch = boxes()(0)
    with pytest.raises(ValueError, match="got batch 0, which asks nothing"):
        fit(network(), Settings(batches=1), sample=lambda n: batch._replace(mask=np.zeros_like(batch.mask)))


def test_evaluations_need_something_to_evaluate() -> None:
    with pytest.raises(ValueError, match="got evaluate_every 5 but nothing to evaluate"):
        fit(network(), Settings(batches=10, evaluate_every=5))


# ---------------------------------------------------------------- evaluating


@pytest.mark.parametrize("window", [None, 1, 5, 12, 99])
def test_windows_give_the_answers_of_the_whole(window: int | None) -> None:
    model, batch = network(), boxes(T=12, B=50)(0)
    scores, _ = model(torch.as_tensor(batch.xs).float())
    asked, targets = scores[batch.mask], torch.as_tensor(batch.targets[batch.mask])
    loss, accuracy, questions = evaluate(model, batch, window=window)
    assert questions == batch.mask.sum()
    assert loss == pytest.approx(F.cross_entropy(asked, targets).item(), rel=1e-5)
    assert accuracy == pytest.approx((asked.argmax(1) == targets).float().mean().item())


def test_a_stream_in_pieces_is_evaluated_as_one_sequence() -> None:
    model, whole = network(), boxes(T=40, B=20)(0)
    pieces = list(windows(whole, 7))
    assert evaluate(model, pieces, stateful=True).loss == pytest.approx(evaluate(model, whole).loss, rel=1e-6)
    assert evaluate(model, pieces).loss != pytest.approx(evaluate(model, whole).loss, rel=1e-4)


def test_evaluating_uses_no_dropout_and_leaves_the_mode_alone() -> None:
    model, batch = network(num_layers=2, dropout=0.9), boxes()(0)
    assert evaluate(model, batch) == evaluate(model, batch)
    assert model.training
    evaluate(model.eval(), batch)
    assert not model.training


def test_evaluating_refuses_what_asks_nothing() -> None:
    batch = boxes()(0)
    with pytest.raises(ValueError, match="ask nothing"):
        evaluate(network(), batch._replace(mask=np.zeros_like(batch.mask)))
    with pytest.raises(ValueError, match="got window 0, expected at least 1 step"):
        evaluate(network(), batch, window=0)


@pytest.mark.parametrize("name", ["gpu", "cuda:99", 3.5])
def test_an_unknown_device_is_refused_by_name(name: object) -> None:
    with pytest.raises(ValueError, match=f"got device {name!r}"):
        training.pick_device(name)


# ---------------------------------------------------------------- the bar


def test_the_bar_is_shown_when_asked_for_and_not_otherwise() -> None:
    for progress in (True, False):
        shown = io.StringIO()
        with redirect_stderr(shown):
            training.fit(network(), boxes(), Settings(batches=3), device="cpu", progress=progress)
        assert ("3/3" in shown.getvalue()) == progress


# ---------------------------------------------------------------- found by trying to break it


def test_numbers_of_numpy_can_be_saved_and_taken_up(tmp_path: Path) -> None:
    grid = np.geomspace(0.01, 0.1, 2)
    values = {
        "lr": grid[0],
        "clip": np.float32(1),
        "weight_decay": np.float64(0),
        "betas": tuple(np.array([0.9, 0.99])),
    }
    fit(network(), Settings(batches=np.int64(2), **values), folder=tmp_path)
    assert len(fit(network(), Settings(batches=4, **values), folder=tmp_path).losses) == 4


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"num_layers": 2}, r"got lstm.weight_ih_l1 \(.*\), but the checkpoint was made with lstm.weight_ih_l1 None"),
        ({"cell": "drawn"}, "got lstm.weight_u_l0"),
        ({"variational_dropout": 0.5}, "got network Tagger.*, but the checkpoint was made with network Tagger"),
        ({"zoneout": 0.1}, "got network Tagger"),
    ],
    ids=str,
)
def test_another_network_is_refused_and_stays_as_it_was(other: dict, message: str, tmp_path: Path) -> None:
    fit(network(), Settings(batches=2), folder=tmp_path)
    model = network(**other)
    before = copy.deepcopy(weights(model))
    with pytest.raises(ValueError, match=f"(?s){message}"):
        fit(model, Settings(batches=4), folder=tmp_path)
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, before[name])


def test_what_was_told_about_a_run_must_be_told_again(tmp_path: Path) -> None:
    fit(network(), Settings(batches=2), folder=tmp_path, about={"task": "boxes", "length": 12})
    with pytest.raises(ValueError, match="got length 13, but the checkpoint was made with length 12"):
        fit(network(), Settings(batches=4), folder=tmp_path, about={"task": "boxes", "length": 13})
    with pytest.raises(ValueError, match="got task None, but the checkpoint was made with task boxes"):
        fit(network(), Settings(batches=4), folder=tmp_path)
    again = fit(network(), Settings(batches=4), folder=tmp_path, about={"task": "boxes", "length": 12})
    assert len(again.losses) == 4


def test_fewer_batches_than_were_done_are_refused(tmp_path: Path) -> None:
    fit(network(), Settings(batches=3), folder=tmp_path)
    with pytest.raises(ValueError, match="got batches 2, but the checkpoint has done 3"):
        fit(network(), Settings(batches=2), folder=tmp_path)


def test_a_checkpoint_that_fit_did_not_write_is_refused(tmp_path: Path) -> None:
    training.save_checkpoint(tmp_path, 1, {"batches": 1, "model": {}})
    with pytest.raises(training.CheckpointError, match="got a checkpoint without best, log, optimiser, processes"):
        fit(network(), Settings(batches=2), folder=tmp_path)


def test_a_folder_that_cannot_be_written_to_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    asked = []
    with pytest.raises(training.CheckpointError, match="got folder .*file', expected one that files can be written to"):
        fit(network(), Settings(batches=2), folder=tmp_path / "file", watch=lambda done, _: asked.append(done))
    assert asked == []


def test_a_goal_that_is_reached_keeps_its_weights_whatever_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([training.Score(1.0, 0.4, 9), training.Score(5.0, 0.9, 9)])
    monkeypatch.setattr("lstm_lib.training.loop.score", lambda *_, **__: next(looks))
    model, seen = network(), []

    def watch(done: int, model: nn.Tagger) -> None:
        seen.append(copy.deepcopy(weights(model)))

    settings = Settings(batches=9, evaluate_every=1, patience=5, goal=0.8)
    history = fit(model, settings, evaluate=boxes()(0), watch=watch)
    assert history.stopped == "goal"
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, seen[-1][name])


@pytest.mark.parametrize("kind", ["draws", "changes"])
def test_what_watch_does_is_part_of_the_checkpoint(kind: str, tmp_path: Path) -> None:
    def watch(done: int, model: nn.Tagger) -> None:
        if kind == "draws":
            torch.rand(1)
        else:
            model.readout.weight.data.clamp_(-0.1, 0.1)

    options = {"variational_dropout": 0.3}
    whole, part = network(**options), network(**options)
    fit(whole, Settings(batches=6), watch=watch)
    fit(network(**options), Settings(batches=3), watch=watch, folder=tmp_path)
    fit(part, Settings(batches=6), watch=watch, folder=tmp_path)
    assert_same_bits(part, whole)


def test_evaluations_are_numbered_in_whole_numbers_after_going_on_too(tmp_path: Path) -> None:
    for batches in (4, 6):
        settings = Settings(batches=batches, evaluate_every=2)
        history = fit(network(), settings, evaluate=boxes()(0), folder=tmp_path)
        assert history.evaluated.dtype == np.int64
    assert len(history.losses[history.evaluated - 1]) == 3


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_question_without_an_answer_is_refused(kind: str) -> None:
    rng = np.random.default_rng(0)
    batch = tasks.delay(rng, 4, 3) if kind == "classes" else tasks.adding(rng, 4, 12)
    model = nn.Tagger(6, 5, 4) if kind == "classes" else nn.Tagger(2, 5, 1)
    targets = batch.targets.copy()
    targets[tuple(np.argwhere(batch.mask)[0])] = -1 if kind == "classes" else np.nan
    spoiled = batch._replace(targets=targets)
    message = f"got target {-1 if kind == 'classes' else 'NaN'} where the mask asks"
    with pytest.raises(ValueError, match=message):
        evaluate(model, spoiled)
    with pytest.raises(ValueError, match=message):
        training.fit(model, lambda n: spoiled, Settings(batches=1), progress=False, device="cpu")


def test_a_bad_input_is_found_when_it_came_in_an_earlier_window() -> None:
    batch = tasks.delay(np.random.default_rng(0), 4, 8)
    batch.xs[2, 1] = np.nan  # nothing is asked before the second window
    with pytest.raises(Diverged, match="the inputs hold NaN or inf, first at step 2 of sequence 1"):
        training.fit(nn.Tagger(6, 5, 4), lambda n: batch, Settings(batches=1, window=5), progress=False, device="cpu")


def test_training_on_a_processor_does_not_touch_the_generators_of_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    touched = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", touched.append)
    fit(network(), Settings(batches=1))
    touched.clear()  # network() seeds all itself
    model = network()
    touched.clear()
    fit(model, Settings(batches=1))
    assert touched == []


def test_batches_to_evaluate_need_a_number_between_evaluations() -> None:
    with pytest.raises(ValueError, match="got batches to evaluate but evaluate_every 0"):
        fit(network(), Settings(batches=1), evaluate=boxes()(0))


def test_windows_of_no_length_are_refused() -> None:
    for length in (0, -1):
        with pytest.raises(ValueError, match=f"got windows of {length} steps, expected at least 1"):
            list(windows(boxes()(0), length))


def test_evaluating_leaves_the_mode_of_each_part_alone() -> None:
    model = network()
    model.lstm.eval()
    evaluate(model, boxes()(0))
    assert model.training
    assert not model.lstm.training


def test_a_device_without_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="got device 'meta', expected one that torch can compute on here"):
        training.pick_device("meta")


# ---------------------------------------------------------------- precision


class Coarse(nn.Tagger):
    """A tagger that a processor without the instructions cannot compute in low precision."""

    def forward(self, xs, state=None):
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("could not create a primitive descriptor for an LSTM forward\n(a second line)")
        return super().forward(xs, state)


def test_a_precision_that_cannot_be_computed_is_named_with_what_to_do() -> None:
    torch.manual_seed(0)
    with pytest.raises(ValueError, match="got precision 'bfloat16', in which cpu cannot compute this network") as error:
        fit(Coarse(8, 7, 4), Settings(batches=2, precision="bfloat16"))
    assert "could not create a primitive descriptor for an LSTM forward), expected precision='float32'" in str(
        error.value
    )
    fit(Coarse(8, 7, 4), Settings(batches=2))


def test_an_error_that_is_not_of_the_precision_stays_as_it_is() -> None:
    class Broken(nn.Tagger):
        def forward(self, xs, state=None):
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fit(Broken(8, 7, 4), Settings(batches=2, precision="bfloat16"))


# ---------------------------------------------------------------- told to stop


class Ended(Exception):
    """Raised by the handler of SIGTERM that was there before training."""


@pytest.fixture
def end_by_exception():
    def end(number: int, frame: object) -> None:
        raise Ended

    before = signal.signal(signal.SIGTERM, end)
    yield end
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("every", [1, 4])
def test_told_to_stop_it_saves_first_and_goes_on_exactly(every: int, end_by_exception, tmp_path: Path) -> None:
    def watch(done: int, model: torch.nn.Module) -> None:
        if done == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    options = {"num_layers": 2, "dropout": 0.5}
    settings, model, whole = Settings(batches=12, log_every=every), network(**options), network(**options)
    fit(whole, settings)
    with pytest.raises(Ended):
        fit(network(**options), settings, folder=tmp_path, watch=watch)
    assert 5 < training.latest_checkpoint(tmp_path)["batches"] <= 5 + every
    assert signal.getsignal(signal.SIGTERM) is end_by_exception
    fit(model, settings, folder=tmp_path)
    assert_same_bits(model, whole)


def test_without_a_folder_it_stops_at_once(end_by_exception) -> None:
    with pytest.raises(Ended):
        fit(network(), Settings(batches=3), watch=lambda done, _: os.kill(os.getpid(), signal.SIGTERM))


# ---------------------------------------------------------------- what may change on the way


def test_a_goal_and_the_evaluations_may_change_on_the_way(tmp_path: Path) -> None:
    test = boxes(1)(0)
    first = Settings(batches=40, evaluate_every=2, goal=0.01)
    assert len(fit(network(), first, evaluate=test, folder=tmp_path).losses) == 2  # reached at once
    again = fit(network(), Settings(batches=10, evaluate_every=5, goal=0.999), evaluate=test, folder=tmp_path)
    assert again.evaluated.tolist() == [2, 5, 10]
    assert again.stopped == "batches"
    whole = fit(network(), Settings(batches=10))
    np.testing.assert_array_equal(again.losses, whole.losses)


def test_a_checkpoint_from_before_a_setting_was_there_is_taken_up() -> None:
    stored = Settings(batches=10).as_dict()
    for name in ("accumulate", "log_every"):
        del stored[name]
    Settings(batches=20).expect_to_continue(stored)
    with pytest.raises(ValueError, match="got accumulate 2, but the checkpoint was made with accumulate 1"):
        Settings(batches=20, accumulate=2).expect_to_continue(stored)
