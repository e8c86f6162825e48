"""Where the device runs ahead, training looks at its numbers in groups, and no update is made with NaN in it."""

import copy
from collections import Counter

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from training_helpers import assert_same_bits, boxes, fit, network, weights

from lstm_lib import nn, training
from lstm_lib.tasks import Batch
from lstm_lib.training import Diverged, Settings
from lstm_lib.training.devices import runs_ahead

WAITS = {"item", "tolist", "__bool__", "__int__", "__float__", "__index__", "nonzero", "is_nonzero"}


class Counting:
    """Count what waits for a device: a tensor that becomes a number, in Python or inside an operator."""

    def __init__(self) -> None:
        self.seen: Counter = Counter()

    def __enter__(self) -> "Counting":
        counts = self.seen

        class Methods(TorchFunctionMode):
            def __torch_function__(self, func, types, args=(), kwargs=None):
                if getattr(func, "__name__", "") in WAITS:
                    counts[func.__name__] += 1
                return func(*args, **kwargs or {})

        class Operators(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                if func.overloadpacket.__name__ in ("_local_scalar_dense", "nonzero", "is_nonzero"):
                    counts[func.overloadpacket.__name__] += 1
                return func(*args, **kwargs or {})

        self.modes = Methods(), Operators()
        for mode in self.modes:
            mode.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        for mode in reversed(self.modes):
            mode.__exit__(*what)


def waits(settings: Settings, model: torch.nn.Module | None = None, **options) -> Counter:
    """Count what training waits for, without what Adam on a processor reads of its own step numbers."""
    with Counting() as counted:
        fit(model or network(), settings, **options)
    return counted.seen


# Adam as it is where nothing runs ahead reads its step numbers, which lie on the processor anyway; SGD has none.
PLAIN = {"optimiser": "sgd"}


@pytest.mark.parametrize("clip", [1.0, None])
@pytest.mark.parametrize("window", [None, 5])
def test_one_fetch_for_a_group_of_batches_and_no_other_wait(clip: float | None, window: int | None) -> None:
    for batches, every, fetches in ((12, 4, 3), (12, 5, 3), (24, 24, 1)):
        for optimiser in ("adam", "sgd"):
            settings = Settings(batches=batches, log_every=every, clip=clip, window=window, optimiser=optimiser)
            assert waits(settings) == {"tolist": fetches}, (batches, every, optimiser)


def test_the_counter_sees_the_waits_of_a_processor() -> None:
    seen = waits(Settings(batches=12, log_every=1, **PLAIN))
    assert seen["tolist"] >= 12

    class Curious(nn.Tagger):
        def forward(self, xs, state=None):
            scores, state = super().forward(xs, state)
            float(scores.detach().sum())
            return scores, state

    torch.manual_seed(0)
    seen = waits(Settings(batches=6, log_every=6, **PLAIN), Curious(8, 7, 4))
    assert sum(seen.values()) >= 7


def test_evaluations_and_checkpoints_add_one_fetch_each(tmp_path) -> None:
    settings = Settings(batches=12, log_every=12, evaluate_every=6, patience=9)
    assert waits(settings, evaluate=[boxes(1)(n) for n in range(5)]) == {"tolist": 4}
    history = fit(network(), Settings(batches=12, log_every=5, save_every=3), folder=tmp_path)
    saved = training.latest_checkpoint(tmp_path)["log"]
    np.testing.assert_array_equal(saved["losses"].numpy(), history.losses)


@pytest.mark.parametrize(
    "changes",
    [{}, {"optimiser": "adamw", "weight_decay": 0.1}, {"optimiser": "sgd", "clip": None}, {"window": 5}],
    ids=str,
)
def test_looking_later_trains_as_looking_at_once_does(changes: dict) -> None:
    model, other = network(dtype=torch.float64), network(dtype=torch.float64)
    at_once = fit(model, Settings(batches=30, log_every=1, **changes))
    later = fit(other, Settings(batches=30, log_every=7, **changes))
    for ours, theirs in zip(later[:3], at_once[:3], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    for name, value in weights(model).items():
        np.testing.assert_allclose(weights(other)[name], value, rtol=1e-7, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_batch_is_named_later_and_neither_it_nor_what_follows_changes_a_weight(optimiser, bad) -> None:
    def sample(n: int) -> Batch:
        batch = boxes()(n)
        if n == 3:
            batch.xs[7, 2, 1] = bad
        return batch

    model, states, expected = network(), [], network()
    settings = {"optimiser": optimiser, "window": 5, "weight_decay": 0.01}
    fit(expected, Settings(batches=3, log_every=3, **settings))
    spoiled = sample(3)
    first = Batch(*(part[:5] for part in spoiled))
    with pytest.raises(
        Diverged, match="batch 3, window 1.*inputs hold NaN or inf, first at step 7 of sequence 2"
    ) as told:
        fit(model, Settings(batches=20, log_every=10, **settings), sample=sample,
            watch=lambda n, m: states.append(copy.deepcopy(m)))  # fmt: skip
    assert (told.value.batch, told.value.parameter) == (3, None)
    assert len(states) >= 6, "nothing ran ahead"
    assert first.mask.any(), "window 0 of batch 3 asks nothing, so batch 3 would make one update only"
    assert_same_bits(states[2], expected)
    assert not np.array_equal(weights(states[3])["readout.weight"], weights(states[2])["readout.weight"])
    for state in [*states[4:], model]:
        assert_same_bits(state, states[3])


def test_adams_running_means_stay_as_they_were_too(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, seen = [], []

    def remember(self, *arguments, **options):
        step(self, *arguments, **options)
        kept.append(copy.deepcopy(self.state_dict()["state"]))

    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", remember)

    class Spoilt(nn.Tagger):
        def forward(self, xs, state=None):
            scores, state = super().forward(xs, state)
            if len(seen) == 4:
                self.lstm.bias_hh_l0.register_hook(lambda g: g * np.nan)
            seen.append(1)
            return scores, state

    torch.manual_seed(0)
    with pytest.raises(Diverged, match="the gradient of lstm.bias_hh_l0 is not finite") as told:
        fit(Spoilt(8, 7, 4), Settings(batches=20, log_every=20))
    assert (told.value.batch, told.value.parameter) == (4, "lstm.bias_hh_l0")
    assert len(kept) == 20
    for later in kept[4:]:
        for n, state in kept[3].items():
            for name in ("step", "exp_avg", "exp_avg_sq"):
                assert torch.equal(later[n][name], state[name]), (n, name)


def test_float16_skips_updates_until_the_scale_fits_without_waiting_for_it() -> None:
    class Steep(nn.Tagger):
        def forward(self, xs, state=None):
            scores, state = super().forward(xs, state)
            return scores * 50.0, state

    logs = []
    for every in (1, 30):
        torch.manual_seed(0)
        model = Steep(8, 7, 4, backend="reference")
        with Counting() as counted:
            logs.append(fit(model, Settings(batches=30, precision="float16", log_every=every)))
    assert counted.seen == {"tolist": 1}
    skipped = [~np.isfinite(history.norms) for history in logs]
    np.testing.assert_array_equal(skipped[0], skipped[1])
    assert skipped[0][0]
    assert not skipped[0][-10:].any()
    np.testing.assert_allclose(logs[1].losses, logs[0].losses, rtol=0.02)  # float16 has 11 bits


def test_float16_gives_up_when_no_scale_fits_also_later() -> None:
    class Endless(nn.Tagger):
        def forward(self, xs, state=None):
            scores, state = super().forward(xs, state)
            scores.register_hook(lambda g: g * np.inf)
            return scores, state

    torch.manual_seed(0)
    model = Endless(8, 7, 4, backend="reference")
    before = copy.deepcopy(model)
    with pytest.raises(Diverged, match="precision='bfloat16'") as told:
        fit(model, Settings(batches=30, precision="float16", log_every=30))
    assert told.value.batch == 16  # 65536 = 2 to the 16th, halved at each
    assert_same_bits(model, before)


@pytest.mark.parametrize("changes", [{}, {"stateful": True}, {"window": 5}, {"precision": "float16"}], ids=str)
def test_going_on_is_exact_where_looks_come_in_groups(changes: dict, tmp_path) -> None:
    options = {"backend": "reference"} if "precision" in changes else {}
    models = {}
    for name, stops in {"whole": (17,), "parts": (3, 8, 17)}.items():
        for stop in stops:
            models[name] = network(**options)
            history = fit(models[name], Settings(batches=stop, log_every=4, **changes), folder=tmp_path / name)
        models[name + " log"] = history
    assert_same_bits(models["parts"], models["whole"])
    for ours, theirs in zip(models["parts log"], models["whole log"], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_run_may_go_on_with_other_looks(tmp_path) -> None:
    for stop, every in ((4, 1), (8, 3), (12, 1)):
        model = network()
        history = fit(model, Settings(batches=stop, log_every=every), folder=tmp_path)
    whole = network()
    expected = fit(whole, Settings(batches=12))
    np.testing.assert_allclose(history.losses, expected.losses, rtol=1e-3)


def test_gpus_are_looked_at_in_groups_and_processors_at_once() -> None:
    assert runs_ahead(torch.device("cuda"), None)
    assert not runs_ahead(torch.device("cuda"), 1)
    assert not runs_ahead(torch.device("cpu"), None)
    assert runs_ahead(torch.device("cpu"), 5)
